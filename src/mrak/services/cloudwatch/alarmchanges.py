"""What a change of an alarm's configuration leaves behind: an item in its history, and an event on the default bus.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.cloudwatch import actions, alarms, names
from mrak.services.cloudwatch.actions import iso
from mrak.services.cloudwatch.tables import Alarm

# (the member of a request, what events call it); the history's names differ where they are given.
_JUDGED = (
    ("EvaluationPeriods", "evaluationPeriods"),
    ("DatapointsToAlarm", "datapointsToAlarm"),
    ("Threshold", "threshold"),
    ("ComparisonOperator", "comparisonOperator"),
    ("TreatMissingData", "treatMissingData"),
    ("EvaluateLowSampleCountPercentile", "evaluateLowSampleCountPercentile"),
)
_WATCHED = (("Namespace", "namespace"), ("MetricName", "metricName"))
_ACTIONS = (
    ("OKActions", "okActions", "okactions"),
    ("AlarmActions", "alarmActions", "alarmActions"),
    ("InsufficientDataActions", "insufficientDataActions", "insufficientDataActions"),
)


def created(ctx: Context, tx: Transaction, alarm: Alarm) -> None:
    _keep(ctx, tx, alarm, "created", {"type": "Create", "createdAlarm": _history(ctx, alarm)})
    _tell(ctx, tx, alarm, "create", {"configuration": _configuration(ctx, alarm)})


def updated(ctx: Context, tx: Transaction, old: Alarm, new: Alarm) -> None:
    before, after = _history(ctx, old), _history(ctx, new)
    changed = {name: value for name, value in before.items() if after.get(name) != value}
    _keep(ctx, tx, new, "updated", {"type": "Update", "updatedAlarm": after, "originalUpdatedFields": changed})
    shown = {"configuration": _configuration(ctx, new), "previousConfiguration": _configuration(ctx, old)}
    _tell(ctx, tx, new, "update", shown)


def deleted(ctx: Context, tx: Transaction, alarm: Alarm) -> None:
    _keep(ctx, tx, alarm, "deleted", {"type": "Delete", "deletedAlarm": _history(ctx, alarm)})
    _tell(ctx, tx, alarm, "delete", {"configuration": _configuration(ctx, alarm)})


def _keep(ctx: Context, tx: Transaction, alarm: Alarm, verb: str, details: dict[str, Any]) -> None:
    summary = f'Alarm "{alarm.name}" {verb}'
    alarms.add_history(ctx, tx, ctx.scope, alarm, "ConfigurationUpdate", (summary, {"version": "1.0"} | details))


def _history(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    """An alarm as its history shows it."""
    asked: dict[str, Any] = alarm.settings
    shown: dict[str, Any] = {"alarmName": alarm.name}
    if "AlarmDescription" in asked:
        shown["alarmDescription"] = asked["AlarmDescription"]
    shown["alarmArn"] = names.alarm_arn(ctx.scope, alarm.name)
    shown["alarmConfigurationUpdatedTimestamp"] = iso(alarm.configured_at)
    shown |= {"alarmRule": alarm.rule} if alarm.rule else _watched(asked)
    shown |= {"stateValue": alarm.state, "stateUpdatedTimestamp": iso(alarm.state_at)}
    shown["actionsEnabled"] = alarm.actions_enabled
    for member, _, name in sorted(_ACTIONS):
        shown[name] = asked.get(member, [])
    return shown


def _watched(asked: dict[str, Any]) -> dict[str, Any]:
    if "Metrics" in asked:
        watched: dict[str, Any] = {"metrics": [actions.render_query(query) for query in asked["Metrics"]]}
    else:
        watched = {name: asked[member] for member, name in _WATCHED}
        watched["extendedStatistic"] = asked.get("ExtendedStatistic") or asked["Statistic"].upper()
        watched["period"] = asked["Period"]
        if "Unit" in asked:
            watched["unit"] = asked["Unit"]
        watched["dimensions"] = [{"name": pair["Name"], "value": pair["Value"]} for pair in asked.get("Dimensions", [])]
    return watched | {name: asked[member] for member, name in _JUDGED if member in asked}


def _configuration(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    """An alarm as events about its configuration show it."""
    asked: dict[str, Any] = alarm.settings
    shown = {name: asked[member] for member, name in _JUDGED if member in asked}
    if isinstance(threshold := shown.get("threshold"), float) and threshold.is_integer():
        shown["threshold"] = int(threshold)
    shown |= actions.configuration(ctx.scope, alarm)
    description = shown.pop("description", None)
    shown["alarmName"] = alarm.name
    if description is not None:
        shown["description"] = description
    shown |= {"actionsEnabled": alarm.actions_enabled, "timestamp": iso(alarm.configured_at)}
    return shown | {name: asked.get(member, []) for member, name, _ in _ACTIONS}


def _tell(ctx: Context, tx: Transaction, alarm: Alarm, operation: str, shown: dict[str, Any]) -> None:
    from mrak.services.events import exports as events

    state = {"value": alarm.state} | ({"reason": alarm.reason} if operation == "delete" else {})
    detail = {"alarmName": alarm.name, "operation": operation, "state": state | {"timestamp": iso(alarm.state_at)}}
    arn = names.alarm_arn(ctx.scope, alarm.name)
    event = events.delivery(ctx, "aws.cloudwatch", "CloudWatch Alarm Configuration Change", detail | shown, [arn])
    tx.enqueue(msgspec.structs.replace(event, scope=ctx.scope))
