"""Operations on alarm mute rules, and the end of mutes."""

from __future__ import annotations

from typing import Any

from mrak.core.arn import arn
from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation, timer
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.cloudwatch import actions, errors, mutes
from mrak.services.cloudwatch.tables import ALARMS, MUTE_RULES, MUTED, MuteRule


def rule_arn(scope: Scope, name: str) -> str:
    return arn(scope, "cloudwatch", f"alarm-mute-rule:{name}")


@operation("PutAlarmMuteRule")
def put_alarm_mute_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    schedule = req["Rule"]["Schedule"]
    mutes.parse_schedule(schedule["Expression"])
    mutes.parse_duration(schedule["Duration"])
    mutes.zone_of(schedule)
    if req.get("StartDate", 0.0) >= req.get("ExpireDate", float("inf")):
        raise errors.invalid_value("The expire date has to be after the start date.")
    old = MUTE_RULES.open(tx, ctx.scope, req["Name"])
    tags = {tag["Key"]: tag["Value"] for tag in req.get("Tags", [])} if old is None else old.tags
    settings = {name: value for name, value in req.items() if name not in ("Name", "Tags")}
    fresh = MuteRule(name=req["Name"], settings=settings, updated_at=ctx.now, tags=tags)
    if old is None:
        MUTE_RULES.insert(tx, ctx.scope, fresh)
    else:
        MUTE_RULES.replace(tx, ctx.scope, old, fresh)
        for name in mutes.targets(old):
            _release(ctx, tx, ctx.scope, name)


@operation("DeleteAlarmMuteRule")
def delete_alarm_mute_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """What the rule held back happens now."""
    rule = MUTE_RULES.open(tx, ctx.scope, req["AlarmMuteRuleName"])
    if rule is None:
        return
    MUTE_RULES.delete(tx, ctx.scope, rule)
    for name in mutes.targets(rule):
        _release(ctx, tx, ctx.scope, name)


@timer(mutes.UNMUTE)
def unmute(ctx: Context, tx: Transaction, due: Timer) -> None:
    _release(ctx, tx, due.scope, due.key)


def _release(ctx: Context, tx: Transaction, scope: Scope, name: str) -> None:
    """The actions of an alarm that is not muted any more, where it is still in the state that they are for."""
    held = MUTED.open(tx, scope, name)
    if held is None:
        return
    alarm = ALARMS.get(tx, scope, name)
    if alarm is not None and alarm.moved_at == held.moved_at:
        until = mutes.muted_until(tx, scope, name, ctx.now)
        if until is not None:
            tx.at(Timer(kind=mutes.UNMUTE, key=name, due_at=until, scope=scope))
            return
        actions.run(ctx, tx, scope, held.old, alarm)
    MUTED.delete(tx, scope, held)


@operation("GetAlarmMuteRule")
def get_alarm_mute_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rule = MUTE_RULES.get(tx, ctx.scope, req["AlarmMuteRuleName"])
    if rule is None:
        raise errors.mute_rule_not_found(req["AlarmMuteRuleName"])
    return {"Name": rule.name, **rule.settings, **_summarise(ctx, rule)}


@operation("ListAlarmMuteRules")
def list_alarm_mute_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    statuses = req.get("Statuses") or ("SCHEDULED", "ACTIVE", "EXPIRED")
    rows = (
        rule
        for rule in MUTE_RULES.scan(tx, ctx.scope, after=after)
        if req.get("AlarmName", "") in ("", *mutes.targets(rule)) and mutes.status_of(rule, ctx.now) in statuses
    )
    page, token = take_page(rows, req.get("MaxRecords", 50), lambda rule: rule.name)
    answer: dict[str, Any] = {"AlarmMuteRuleSummaries": [_summarise(ctx, rule) for rule in page]}
    return answer if token is None else answer | {"NextToken": token}


def _summarise(ctx: Context, rule: MuteRule) -> dict[str, Any]:
    asked: dict[str, Any] = rule.settings
    once = asked["Rule"]["Schedule"]["Expression"].startswith("at(")
    shown = {
        "AlarmMuteRuleArn": rule_arn(ctx.scope, rule.name),
        "Status": mutes.status_of(rule, ctx.now),
        "MuteType": "ONE_TIME" if once else "RECURRING",
        "LastUpdatedTimestamp": rule.updated_at,
    }
    return shown | ({"ExpireDate": asked["ExpireDate"]} if "ExpireDate" in asked else {})
