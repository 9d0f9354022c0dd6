"""What a change of an alarm's state sets going: its actions, and the event that CloudWatch sends to the default bus.
All are deliveries, committed with the change.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
"""

from __future__ import annotations

from hashlib import sha256
from time import gmtime, strftime
from typing import Any
from uuid import UUID

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cloudwatch import mutes, names
from mrak.services.cloudwatch.tables import Alarm

_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
_FUNCTION_CALLER = "lambda.alarms.cloudwatch.amazonaws.com"
_REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "eu-north-1": "EU (Stockholm)",
    "eu-south-1": "EU (Milan)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-northeast-3": "Asia Pacific (Osaka)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "sa-east-1": "South America (Sao Paulo)",
}


def iso(moment: float) -> str:
    """A time as alarms write it: 2026-11-23T08:00:00.000+0000."""
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}+0000"


def act(ctx: Context, tx: Transaction, scope: Scope, old: Alarm, new: Alarm) -> list[str]:
    """Sets the actions of the new state going; returns those that mrak has no target for."""
    _tell_bus(ctx, tx, scope, old, new)
    if mutes.hold(ctx, tx, scope, old, new):
        return []
    return run(ctx, tx, scope, old, new)


def run(ctx: Context, tx: Transaction, scope: Scope, old: Alarm, new: Alarm) -> list[str]:
    """Without asking whether the alarm is muted."""
    if not new.actions_enabled:
        return []
    targets: Any = new.settings.get(_ACTIONS[new.state], [])
    return [target for target in targets if not _send(ctx, tx, scope, (old, new), target)]


def _send(ctx: Context, tx: Transaction, scope: Scope, change: tuple[Alarm, Alarm], target: str) -> bool:
    old, new = change
    parsed = find_arn(target)
    service = "" if parsed is None else parsed.service
    if service == "sns":
        from mrak.services.sns import exports as sns

        subject = f'{new.state}: "{new.name}" in {_REGIONS.get(scope.region, scope.region)}'
        text = msgspec.json.encode(_notification(scope, old, new)).decode()
        tx.enqueue(sns.delivery(ctx, target, {"Subject": subject[:100], "Message": text}))
        return True
    if service == "lambda":
        from mrak.services.lambda_ import exports as functions

        payload = msgspec.json.encode(_function_event(ctx, scope, old, new))
        caller = (_FUNCTION_CALLER, scope.account, names.alarm_arn(scope, new.name))
        tx.enqueue(functions.event_delivery(ctx, target, payload, caller=caller))
        return True
    return False


def _notification(scope: Scope, old: Alarm, new: Alarm) -> dict[str, Any]:
    """The message that an alarm sends to a topic."""
    asked: dict[str, Any] = new.settings
    shown = {
        "AlarmName": new.name,
        "AlarmDescription": asked.get("AlarmDescription"),
        "AWSAccountId": scope.account,
        "AlarmConfigurationUpdatedTimestamp": iso(new.configured_at),
        "NewStateValue": new.state,
        "NewStateReason": new.reason,
        "StateChangeTime": iso(new.state_at),
        "Region": _REGIONS.get(scope.region, scope.region),
        "AlarmArn": names.alarm_arn(scope, new.name),
        "OldStateValue": old.state,
        "OKActions": asked.get("OKActions", []),
        "AlarmActions": asked.get("AlarmActions", []),
        "InsufficientDataActions": asked.get("InsufficientDataActions", []),
    }
    return shown | ({"AlarmRule": new.rule} if new.rule else {"Trigger": _trigger(asked)})


def _trigger(asked: dict[str, Any]) -> dict[str, Any]:
    common = {
        "Period": names.period_of(asked),
        "EvaluationPeriods": asked["EvaluationPeriods"],
        "ComparisonOperator": asked["ComparisonOperator"],
        "Threshold": asked["Threshold"],
        "TreatMissingData": asked.get("TreatMissingData", ""),
        "EvaluateLowSampleCountPercentile": asked.get("EvaluateLowSampleCountPercentile", ""),
    }
    if "Metrics" in asked:
        return common | {"Metrics": asked["Metrics"]}
    statistic = asked.get("Statistic") or asked.get("ExtendedStatistic")
    named = {
        "MetricName": asked["MetricName"],
        "Namespace": asked["Namespace"],
        "StatisticType": "Statistic" if "Statistic" in asked else "ExtendedStatistic",
        "Statistic": str(statistic).upper() if "Statistic" in asked else statistic,
        "Unit": asked.get("Unit"),
        "Dimensions": [{"value": d["Value"], "name": d["Name"]} for d in asked.get("Dimensions", [])],
    }
    return named | common


def _state(alarm: Alarm) -> dict[str, Any]:
    shown = {"value": alarm.state, "reason": alarm.reason, "timestamp": iso(alarm.state_at)}
    return shown | ({"reasonData": alarm.reason_data} if alarm.reason_data else {})


def configuration(scope: Scope, alarm: Alarm) -> dict[str, Any]:
    """What the alarm looks at, as events show it."""
    asked: dict[str, Any] = alarm.settings
    shown: dict[str, Any] = {"description": asked["AlarmDescription"]} if "AlarmDescription" in asked else {}
    if alarm.rule:
        return shown | {"alarmRule": alarm.rule}
    if "Metrics" in asked:
        return shown | {"metrics": [render_query(query) for query in asked["Metrics"]]}
    dimensions = {d["Name"]: d["Value"] for d in asked.get("Dimensions", [])}
    metric = {"namespace": asked["Namespace"], "name": asked["MetricName"], "dimensions": dimensions}
    statistic = asked.get("Statistic") or asked.get("ExtendedStatistic")
    stat = {"metric": metric, "period": asked["Period"], "stat": statistic}
    return shown | {"metrics": [{"id": _metric_id(scope, alarm), "metricStat": stat, "returnData": True}]}


def _metric_id(scope: Scope, alarm: Alarm) -> str:
    """The id that AWS makes up for the one metric of an alarm: the same as long as its settings are."""
    settled = msgspec.json.encode([names.alarm_arn(scope, alarm.name), alarm.settings])
    return str(UUID(bytes=sha256(settled).digest()[:16]))


def render_query(query: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "Expression" in query:
        return shown | {"expression": query["Expression"]}
    asked = query["MetricStat"]
    dimensions = {d["Name"]: d["Value"] for d in asked["Metric"].get("Dimensions", [])}
    metric = {"namespace": asked["Metric"]["Namespace"], "name": asked["Metric"]["MetricName"]}
    stat = {"metric": metric | {"dimensions": dimensions}, "period": asked["Period"], "stat": asked["Stat"]}
    return shown | {"metricStat": stat}


def _function_event(ctx: Context, scope: Scope, old: Alarm, new: Alarm) -> dict[str, Any]:
    """The event that an alarm hands to a function."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": names.alarm_arn(scope, new.name),
        "accountId": scope.account,
        "time": iso(new.state_at),
        "region": scope.region,
        "alarmData": {
            "alarmName": new.name,
            "state": _state(new),
            "previousState": _state(old),
            "configuration": configuration(scope, new),
        },
    }


def _tell_bus(ctx: Context, tx: Transaction, scope: Scope, old: Alarm, new: Alarm) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"""
    from mrak.services.events import exports as events

    detail = {
        "alarmName": new.name,
        "state": _state(new),
        "previousState": _state(old),
        "configuration": configuration(scope, new),
    }
    arn = names.alarm_arn(scope, new.name)
    event = events.delivery(ctx, "aws.cloudwatch", "CloudWatch Alarm State Change", detail, [arn])
    tx.enqueue(msgspec.structs.replace(event, scope=scope))
