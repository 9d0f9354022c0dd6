"""Composite alarms: put, with their place in the states of the alarms that they name.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.lang import alarmrules
from mrak.services.cloudwatch import alarmchanges, alarms, errors, names
from mrak.services.cloudwatch.putting import check_actions, parse_tags
from mrak.services.cloudwatch.tables import ALARMS, CHILDREN, Alarm, Child

_NOT_KEPT = ("Tags", "AlarmName", "ActionsEnabled", "AlarmRule")
_SUPPRESSION = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")


@operation("PutCompositeAlarm")
def put_composite_alarm(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    for member in _SUPPRESSION:
        if member in req:
            raise errors.validation(f"mrak does not suppress actions: {member} is not supported.")
    check_actions(req)
    name, rule = req["AlarmName"], req["AlarmRule"]
    children = _children(tx, ctx.scope, name, rule)
    old = ALARMS.open(tx, ctx.scope, name)
    if old is not None and not old.rule:
        raise errors.wrong_alarm_type(name)
    settings = {member: value for member, value in req.items() if member not in _NOT_KEPT}
    enabled = req.get("ActionsEnabled", True)
    if old is None:
        tags = parse_tags(req.get("Tags", []))
        fresh = Alarm(
            name=name, metric="", rule=rule, settings=settings, configured_at=ctx.now, state_at=ctx.now,
            moved_at=ctx.now, tags=tags, actions_enabled=enabled,
        )  # fmt: skip
        ALARMS.insert(tx, ctx.scope, fresh)
        alarmchanges.created(ctx, tx, fresh)
    elif (old.settings, old.rule, old.actions_enabled) == (settings, rule, enabled):
        return
    else:
        unlink(tx, ctx.scope, old)
        fresh = msgspec.structs.replace(
            old, rule=rule, settings=settings, configured_at=ctx.now, actions_enabled=enabled
        )
        ALARMS.replace(tx, ctx.scope, old, fresh)
        alarmchanges.updated(ctx, tx, old, fresh)
    for child in children:
        CHILDREN.lock(tx, ctx.scope, child.name, name)
        CHILDREN.insert(tx, ctx.scope, Child(child.name, name))
    _settle(ctx, tx, fresh, children, "created" if old is None else "updated")


def _settle(ctx: Context, tx: Transaction, composite: Alarm, children: list[Alarm], verb: str) -> None:
    """A composite alarm has its state from the start."""
    state = alarms.rule_state(tx, ctx.scope, composite.rule)
    if state == composite.state:
        return
    arn = names.alarm_arn(ctx.scope, composite.name)
    reason = f"{arn} was {verb} and its alarm rule evaluates to {state}"
    alarms.set_state(ctx, tx, ctx.scope, composite, (state, reason, alarms.triggering(ctx.scope, children)))


def _children(tx: Transaction, scope: Scope, name: str, rule: str) -> list[Alarm]:
    """The alarms of a rule; all of them exist, and none of them depends on the new one."""
    try:
        wanted = alarmrules.alarms(alarmrules.parse(rule))
    except alarmrules.RuleError as error:
        raise errors.bad_rule(str(error)) from None
    found = {child: ALARMS.get(tx, scope, child) for child in wanted if child != name}
    unknown = [child for child, alarm in found.items() if alarm is None]
    if unknown:
        raise errors.unknown_children(unknown)
    children = [alarm for alarm in found.values() if alarm is not None]
    if name in wanted or any(_depends_on(tx, scope, child, name) for child in children):
        raise errors.circular_rule(name)
    return children


def _depends_on(tx: Transaction, scope: Scope, alarm: Alarm, name: str) -> bool:
    """Whether a composite alarm names another, itself or through others. There are no circles among those kept."""
    for child in children_of(alarm):
        below = None if child == name else ALARMS.get(tx, scope, child)
        if child == name or (below is not None and _depends_on(tx, scope, below, name)):
            return True
    return False


def children_of(composite: Alarm) -> list[str]:
    """The names of the alarms that a composite alarm's rule has."""
    return alarmrules.alarms(alarmrules.parse(composite.rule)) if composite.rule else []


def unlink(tx: Transaction, scope: Scope, composite: Alarm) -> None:
    """Forgets which alarms a composite alarm named."""
    for child in children_of(composite):
        row = CHILDREN.open(tx, scope, child, composite.name)
        if row is not None:
            CHILDREN.delete(tx, scope, row)
