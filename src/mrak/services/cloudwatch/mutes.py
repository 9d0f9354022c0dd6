"""Alarm mute rules: when one is active, and what it holds back.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-mute-rules.html
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from typing import Any

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang import schedules
from mrak.services.cloudwatch import errors
from mrak.services.cloudwatch.tables import MUTE_RULES, MUTED, Alarm, Muted, MuteRule

UNMUTE = "cloudwatch.unmute"
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_SHORTEST, _LONGEST = 60.0, 15 * 86_400.0
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+)\)")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def parse_schedule(expression: str) -> schedules.Schedule:
    """A cron of five fields, whose weekdays count from 0, or an at() to the minute. Raises InvalidParameterValue."""
    cron = _CRON.fullmatch(expression)
    if cron is not None:
        minute, hour, day, month, weekday = cron.groups()
        weekday = re.sub(r"(?<![#\w])[0-7](?!\w)", lambda found: _WEEKDAYS[int(found[0])], weekday)
        if weekday == "*":
            weekday = "?"
        elif day == "*":
            day = "?"
        expression = f"cron({minute} {hour} {day} {month} {weekday} *)"
    elif re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d\)", expression):
        expression = f"{expression[:-1]}:00)"
    elif not expression.startswith("at("):
        raise errors.invalid_value(f"The schedule expression {expression} is not valid.")
    try:
        return schedules.parse(expression)
    except schedules.ScheduleError:
        raise errors.invalid_value(f"The schedule expression {expression} is not valid.") from None


def parse_duration(text: str) -> float:
    found = _DURATION.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    seconds = days * 86_400.0 + hours * 3600.0 + minutes * 60.0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise errors.invalid_value(f"The duration {text} is not valid: it is PT1M at least and P15D at most.")
    return seconds


def zone_of(schedule: dict[str, Any]) -> tzinfo:
    zone = schedules.find_zone(schedule["Timezone"]) if "Timezone" in schedule else UTC
    if zone is None:
        raise errors.invalid_value(f"The time zone {schedule['Timezone']} is not valid.")
    return zone


def _asked(rule: MuteRule) -> dict[str, Any]:
    settings: dict[str, Any] = rule.settings
    return settings


def ends_at(rule: MuteRule, now: float) -> float | None:
    """When the window that a rule is in ends; None where it is in none."""
    asked = _asked(rule)
    if not asked.get("StartDate", 0.0) <= now < asked.get("ExpireDate", float("inf")):
        return None
    schedule: dict[str, Any] = asked["Rule"]["Schedule"]
    duration = parse_duration(schedule["Duration"])
    began = parse_schedule(schedule["Expression"]).next_after(now - duration, 0.0, zone_of(schedule))
    if began is None or began > now:
        return None
    return float(min(began + duration, asked.get("ExpireDate", float("inf"))))


def status_of(rule: MuteRule, now: float) -> str:
    if ends_at(rule, now) is not None:
        return "ACTIVE"
    asked = _asked(rule)
    schedule: dict[str, Any] = asked["Rule"]["Schedule"]
    upcoming = parse_schedule(schedule["Expression"]).next_after(now, 0.0, zone_of(schedule))
    if upcoming is None or now >= asked.get("ExpireDate", float("inf")):
        return "EXPIRED"
    return "SCHEDULED"


def targets(rule: MuteRule) -> list[str]:
    names: list[str] = _asked(rule).get("MuteTargets", {}).get("AlarmNames", [])
    return names


def muted_until(tx: Transaction, scope: Scope, name: str, now: float) -> float | None:
    """When the last of an alarm's active mutes ends; None where it has none."""
    ends = [ends_at(rule, now) for rule in MUTE_RULES.scan(tx, scope) if name in targets(rule)]
    return max((end for end in ends if end is not None), default=None)


def hold(ctx: Context, tx: Transaction, scope: Scope, old: Alarm, new: Alarm) -> bool:
    """Whether a change's actions are held back; if so, a timer looks at the alarm again when the mute is over."""
    kept = MUTED.open(tx, scope, new.name)
    if kept is not None:
        MUTED.delete(tx, scope, kept)
    until = muted_until(tx, scope, new.name, ctx.now)
    if until is None:
        return False
    MUTED.insert(tx, scope, Muted(alarm=new.name, old=old, moved_at=new.moved_at))
    tx.at(Timer(kind=UNMUTE, key=new.name, due_at=until, scope=scope))
    return True
