"""Alarms: put, describe, delete, set, enable and disable; tags.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.cloudwatch import alarms, errors, metrics
from mrak.services.cloudwatch.metric_operations import pairs_of
from mrak.services.cloudwatch.tables import ALARMS, HISTORY, WATCHING, Alarm

_NOT_SHOWN = ("Tags", "AlarmName", "ActionsEnabled")


@operation("PutMetricAlarm")
def put_metric_alarm(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _check_alarm(req)
    settings = {name: value for name, value in req.items() if name not in _NOT_SHOWN}
    name = req["AlarmName"]
    key = metrics.metric_key(req["Namespace"], req["MetricName"], pairs_of(req.get("Dimensions")))
    old = ALARMS.open(tx, ctx.scope, name)
    due_at = alarms.next_check_at(settings, ctx.now)
    if old is None:
        tags = {tag["Key"]: tag["Value"] for tag in req.get("Tags", [])}
        fresh = Alarm(
            name=name, metric=key, settings=settings, configured_at=ctx.now, state_at=ctx.now, tags=tags,
            actions_enabled=req.get("ActionsEnabled", True), next_check_at=due_at,
        )  # fmt: skip
        ALARMS.insert(tx, ctx.scope, fresh)
    else:
        fresh = msgspec.structs.replace(
            old, metric=key, settings=settings, configured_at=ctx.now,
            actions_enabled=req.get("ActionsEnabled", True), next_check_at=due_at,
        )  # fmt: skip
        ALARMS.replace(tx, ctx.scope, old, fresh)
    verb = "created" if old is None else "updated"
    details = {"version": "1.0", "type": "Create" if old is None else "Update"}
    alarms.add_history(ctx, tx, ctx.scope, name, "ConfigurationUpdate", (f'Alarm "{name}" {verb}', details))
    alarms.watch(tx, ctx.scope, fresh)


def _check_alarm(req: dict[str, Any]) -> None:
    if "Metrics" in req:
        raise errors.validation("mrak evaluates alarms on single metrics only, not on metric expressions.")
    for name in ("MetricName", "Namespace", "Period", "Threshold"):
        if req.get(name) is None:
            raise errors.validation(f"The parameter {name} must be specified.")
    if req["ComparisonOperator"] not in alarms.COMPARISONS:
        raise errors.validation("mrak does not evaluate anomaly detection bands.")
    if ("Statistic" in req) == ("ExtendedStatistic" in req):
        raise errors.validation("Exactly one of Statistic and ExtendedStatistic must be specified.")
    if req["Period"] not in (10, 20, 30) and (req["Period"] % 60 or not req["Period"]):
        raise errors.validation("Period must be 10, 20, 30 or a multiple of 60")
    if req.get("DatapointsToAlarm", 1) > req["EvaluationPeriods"]:
        raise errors.validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods")


@operation("DescribeAlarms")
def describe_alarms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    names, prefix = req.get("AlarmNames"), req.get("AlarmNamePrefix", "")
    rows = (
        row
        for row in ALARMS.scan(tx, ctx.scope, after=after)
        if (names is None or row.name in names)
        and row.name.startswith(prefix)
        and req.get("StateValue", row.state) == row.state
    )
    page, token = take_page(rows, req.get("MaxRecords", 50), lambda row: row.name)
    answer: dict[str, Any] = {"MetricAlarms": [_render(ctx, row) for row in page], "CompositeAlarms": []}
    return answer if token is None else answer | {"NextToken": token}


@operation("DescribeAlarmsForMetric")
def describe_alarms_for_metric(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    key = metrics.metric_key(req["Namespace"], req["MetricName"], pairs_of(req.get("Dimensions")))
    return {"MetricAlarms": [_render(ctx, row) for row in WATCHING.scan(tx, ctx.scope, key)]}


def _render(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    empty: dict[str, Any] = {"OKActions": [], "AlarmActions": [], "InsufficientDataActions": [], "Dimensions": []}
    shown = {
        "AlarmName": alarm.name,
        "AlarmArn": alarms.alarm_arn(ctx.scope, alarm.name),
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "ActionsEnabled": alarm.actions_enabled,
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": alarm.state_at,
        "StateTransitionedTimestamp": alarm.state_at,
    }
    if alarm.reason_data:
        shown["StateReasonData"] = alarm.reason_data
    return empty | alarm.settings | shown


@operation("DeleteAlarms")
def delete_alarms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    for name in req["AlarmNames"]:
        alarm = ALARMS.open(tx, ctx.scope, name)
        if alarm is not None:
            ALARMS.delete(tx, ctx.scope, alarm)


@operation("SetAlarmState")
def set_alarm_state(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    alarm = ALARMS.open(tx, ctx.scope, req["AlarmName"])
    if alarm is None:
        raise errors.alarm_not_found()
    new = (req["StateValue"], req["StateReason"], req.get("StateReasonData", ""))
    alarms.set_state(ctx, tx, ctx.scope, alarm, new)


@operation("EnableAlarmActions")
def enable_alarm_actions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change_each(ctx, tx, req["AlarmNames"], lambda alarm: msgspec.structs.replace(alarm, actions_enabled=True))


@operation("DisableAlarmActions")
def disable_alarm_actions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change_each(ctx, tx, req["AlarmNames"], lambda alarm: msgspec.structs.replace(alarm, actions_enabled=False))


def _change_each(ctx: Context, tx: Transaction, names: list[str], change: Callable[[Alarm], Alarm]) -> None:
    for name in names:
        alarm = ALARMS.open(tx, ctx.scope, name)
        if alarm is not None:
            ALARMS.replace(tx, ctx.scope, alarm, change(alarm))


@operation("DescribeAlarmHistory")
def describe_alarm_history(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = (req["AlarmName"],) if "AlarmName" in req else ()
    newest_first = req.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    kinds = (req["HistoryItemType"],) if "HistoryItemType" in req else ("ConfigurationUpdate", "StateUpdate", "Action")
    shown: list[dict[str, Any]] = []
    for change in HISTORY.scan(tx, ctx.scope, *wanted, reverse=newest_first):
        inside = req.get("StartDate", 0.0) <= change.at <= req.get("EndDate", change.at)
        if change.kind not in kinds or not inside:
            continue
        if len(shown) == req.get("MaxRecords", 100):
            break
        shown.append(
            {
                "AlarmName": change.alarm,
                "AlarmType": "MetricAlarm",
                "Timestamp": change.at,
                "HistoryItemType": change.kind,
                "HistorySummary": change.summary,
                "HistoryData": change.data,
            }
        )
    return {"AlarmHistoryItems": shown}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in req["Tags"]}
    alarm = _require_by_arn(ctx, tx, req["ResourceARN"])
    ALARMS.lock(tx, ctx.scope, alarm.name)
    ALARMS.replace(tx, ctx.scope, alarm, msgspec.structs.replace(alarm, tags=alarm.tags | tags))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    alarm = _require_by_arn(ctx, tx, req["ResourceARN"])
    kept = {name: value for name, value in alarm.tags.items() if name not in req["TagKeys"]}
    ALARMS.lock(tx, ctx.scope, alarm.name)
    ALARMS.replace(tx, ctx.scope, alarm, msgspec.structs.replace(alarm, tags=kept))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    alarm = ALARMS.get(tx, ctx.scope, req["ResourceARN"].rpartition(":alarm:")[2])
    tags = {} if alarm is None else alarm.tags
    return {"Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}


def _require_by_arn(ctx: Context, tx: Transaction, resource_arn: str) -> Alarm:
    alarm = ALARMS.get(tx, ctx.scope, resource_arn.rpartition(":alarm:")[2])
    if alarm is None:
        raise errors.alarm_not_found()
    return alarm
