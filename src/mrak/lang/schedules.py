"""Schedule expressions: rate(5 minutes), cron(0 18 ? * MON-FRI *), at(2026-11-20T13:00:00). Pure: the next time is
computed from a moment, nothing here waits.

Cron has six fields (minute, hour, day of month, month, day of week, year); exactly one of the two days is `?`. A
cron or at schedule lives in a time zone: a wall-clock time that a clock change leaves out is skipped, one that it
repeats counts once.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIRST_YEAR, LAST_YEAR = 1970, 2199
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


def _names(run: str) -> list[str]:
    return [run[at : at + 3] for at in range(0, len(run), 3)]


_MONTHS = {name: number for number, name in enumerate(_names("JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"), 1)}
_WEEKDAYS = {name: number for number, name in enumerate(_names("SUNMONTUEWEDTHUFRISAT"), 1)}
_RATE = re.compile(r"rate\(([0-9]{1,18}) (minute|hour|day)(s?)\)")
_AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\)")
_CRON = re.compile(r"cron\(([^()]{1,250})\)")
_NUMBER = re.compile(r"[0-9]{1,4}")
_NEAREST = re.compile(r"[0-9]+W")
_ENDLESS = 10_000


class ScheduleError(Exception):
    """The expression is none; the services say so in their own words."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every `seconds`, counted from when the schedule began."""

    seconds: int

    def next_after(self, moment: float, began: float, zone: tzinfo = UTC) -> float | None:
        if moment < began:
            return began + self.seconds
        return began + (int((moment - began) // self.seconds) + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a wall-clock time."""

    local: datetime

    def next_after(self, moment: float, began: float, zone: tzinfo = UTC) -> float | None:
        due = self.local.replace(tzinfo=zone).timestamp()
        return due if due > moment else None


@dataclass(frozen=True, slots=True)
class DayRule:
    """Which days of a month: by day of month or by day of week (1 is Sunday); `kinds` beside plain numbers are
    last ("L", in weeks "6L"), before the last ("L-3"), weekday nearest to a day ("15W"), last weekday ("LW") and nth
    ("6#3")."""

    by_week: bool
    plain: frozenset[int]
    special: tuple[tuple[str, int, int], ...]

    def days(self, year: int, month: int) -> list[int]:
        first_weekday, length = calendar.monthrange(year, month)
        # Python's Monday is 0, cron's Sunday is 1.
        weekday_of_first = (first_weekday + 1) % 7 + 1
        weekdays = {day: (weekday_of_first + day - 2) % 7 + 1 for day in range(1, length + 1)}
        if self.by_week:
            chosen = {day for day, weekday in weekdays.items() if weekday in self.plain}
        else:
            chosen = {day for day in self.plain if day <= length}
        for kind, number, nth in self.special:
            day = _special_day(kind, number, nth, weekdays)
            if day is not None:
                chosen.add(day)
        return sorted(chosen)


@dataclass(frozen=True, slots=True)
class Cron:
    """Wall-clock times by fields; minutes and hours are sorted."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day_rule: DayRule
    months: frozenset[int]
    years: frozenset[int]

    def next_after(self, moment: float, began: float, zone: tzinfo = UTC) -> float | None:
        # From a little earlier on the wall clock, which a clock change may just have set back.
        start = datetime.fromtimestamp(moment, zone).replace(tzinfo=None) - timedelta(hours=2)
        for day in self._days_from(start):
            for hour in self.hours:
                for minute in self.minutes:
                    due = _find_timestamp(day.replace(hour=hour, minute=minute), zone)
                    if due is not None and due > moment:
                        return due
        return None

    def _days_from(self, start: datetime) -> Iterator[datetime]:
        for year in range(max(start.year, FIRST_YEAR), LAST_YEAR + 1):
            if year not in self.years:
                continue
            for month in sorted(self.months):
                if (year, month) < (start.year, start.month):
                    continue
                for day in self.day_rule.days(year, month):
                    if (year, month, day) >= (start.year, start.month, start.day):
                        yield datetime(year, month, day)


Schedule = Rate | At | Cron


@lru_cache(maxsize=4096)
def parse(expression: str, *, strict_plural: bool = True) -> Schedule:
    """The schedule of an expression; raises ScheduleError. EventBridge's rules refuse `rate(1 minutes)` and
    `rate(5 minute)`, its Scheduler takes them."""
    rate = _RATE.fullmatch(expression)
    if rate:
        is_plural = bool(rate[3]) if strict_plural else int(rate[1]) > 1
        return _rate(int(rate[1]), rate[2], is_plural)
    at = _AT.fullmatch(expression)
    if at:
        try:
            return At(datetime.fromisoformat(at[1]))
        except ValueError:
            raise ScheduleError(expression) from None
    cron = _CRON.fullmatch(expression)
    if cron:
        return _cron(cron[1])
    raise ScheduleError(expression)


def find_stored(expression: str, *, strict_plural: bool = True) -> Schedule | None:
    """That of an expression that was taken once; None of one that an earlier version took and this one refuses."""
    try:
        return parse(expression, strict_plural=strict_plural)
    except ScheduleError:
        return None


def find_zone(name: str) -> tzinfo | None:
    """The time zone of a name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _find_timestamp(local: datetime, zone: tzinfo) -> float | None:
    """The moment of a wall-clock time, the first of two; None where a clock change leaves it out."""
    due = local.replace(tzinfo=zone).timestamp()
    return due if datetime.fromtimestamp(due, zone).replace(tzinfo=None) == local else None


def _rate(value: int, unit: str, is_plural: bool) -> Rate:
    if value == 0 or is_plural != (value > 1):
        raise ScheduleError(f"rate({value} {unit})")
    return Rate(value * _UNIT_SECONDS[unit])


def _cron(text: str) -> Cron:
    fields = text.upper().split(" ")
    if len(fields) != 6:
        raise ScheduleError(text)
    minutes, hours, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ScheduleError(text)
    if day_of_week == "?":
        day_rule = _day_rule(day_of_month, by_week=False)
    else:
        day_rule = _day_rule(day_of_week, by_week=True)
    return Cron(
        tuple(sorted(_numbers(minutes, 0, 59))),
        tuple(sorted(_numbers(hours, 0, 23))),
        day_rule,
        _numbers(month, 1, 12, _MONTHS),
        _years(year),
    )


def _years(field: str) -> frozenset[int]:
    """Years outside AWS's range are taken, and never come; a range of them does not go round the end."""
    values = _numbers(field.replace("*", f"{FIRST_YEAR}-{LAST_YEAR}"), 0, 9999, wraps=False)
    return values & frozenset(range(FIRST_YEAR, LAST_YEAR + 1))


def _numbers(
    field: str, low: int, high: int, names: dict[str, int] | None = None, *, wraps: bool = True
) -> frozenset[int]:
    """The values of a field made of values, ranges and steps, separated by commas. A step may be too large for a second
    value; one of 0 makes none either."""
    values: set[int] = set()
    for item in field.split(","):
        base, slash, step_text = item.partition("/")
        step = (_number(step_text, 0, 9999, {}) or _ENDLESS) if slash else 1
        if base == "*":
            first, last = low, high
        elif "-" in base:
            first_text, _, last_text = base.partition("-")
            first, last = _number(first_text, low, high, names or {}), _number(last_text, low, high, names or {})
        else:
            first = _number(base, low, high, names or {})
            last = high if slash else first
        if first > last and not wraps:
            raise ScheduleError(field)
        if first <= last:
            values.update(range(first, last + 1, step))
        else:
            # FRI-MON goes round the end.
            values.update(low + (value - low) % (high - low + 1) for value in range(first, last + high - low + 2, step))
    return frozenset(values)


def _number(text: str, low: int, high: int, names: dict[str, int]) -> int:
    if text[:3] in names and text.isalpha():
        return names[text[:3]]  # whatever follows: TUESDAY
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise ScheduleError(text)
    return int(text)


def _day_rule(field: str, by_week: bool) -> DayRule:
    if field.count("#") > 1:
        raise ScheduleError(field)
    plain: set[int] = set()
    special: list[tuple[str, int, int]] = []
    for item in field.split(","):
        found = _find_special(item, by_week)
        if found is not None:
            special.append(found)
        elif by_week:
            # A lone L is the last day of the week, Saturday.
            plain |= _numbers("7" if item == "L" else item, 1, 7, _WEEKDAYS)
        else:
            plain |= _numbers(item.removesuffix("W"), 1, 31)  # a range of weekdays is one of days
    return DayRule(by_week, frozenset(plain), tuple(special))


def _find_special(item: str, by_week: bool) -> tuple[str, int, int] | None:
    if by_week:
        if item.endswith("L") and item != "L":
            return ("last", _number(item[:-1], 1, 7, _WEEKDAYS), 0)
        weekday, hash_sign, nth = item.partition("#")
        return ("nth", _number(weekday, 1, 7, _WEEKDAYS), _number(nth, 1, 5, {})) if hash_sign else None
    if item == "L":
        return ("end", 0, 0)
    if item == "LW":
        return ("end-weekday", 0, 0)
    if item.startswith("L-"):
        return ("before-end", _number(item[2:], 0, 30, {}), 0)
    return ("nearest", _number(item[:-1], 1, 31, {}), 0) if _NEAREST.fullmatch(item) else None


def _special_day(kind: str, number: int, nth: int, weekdays: dict[int, int]) -> int | None:
    length = len(weekdays)
    if kind == "end":
        return length
    if kind == "before-end":
        return length - number if number < length else None
    if kind == "end-weekday":
        return max(day for day, weekday in weekdays.items() if 2 <= weekday <= 6)
    if kind == "nearest":
        return _nearest_weekday(number, weekdays) if number <= length else None
    same = [day for day, weekday in weekdays.items() if weekday == number]
    if kind == "nth":
        return same[nth - 1] if nth <= len(same) else None
    return same[-1]


def _nearest_weekday(day: int, weekdays: dict[int, int]) -> int:
    """The working day nearest to `day` in the same month: Friday for a Saturday, Monday for a Sunday."""
    if weekdays[day] == 7:
        return day - 1 if day > 1 else day + 2
    if weekdays[day] == 1:
        return day + 1 if day < len(weekdays) else day - 2
    return day
