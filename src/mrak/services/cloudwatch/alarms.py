"""Alarms: evaluated at the end of each period by a timer that sets itself again, so a sandbox whose clock is advanced
sees its alarms go off. A change of state is committed together with its history and with the deliveries that it causes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

from __future__ import annotations

import operator
from time import gmtime, strftime
from typing import Any

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cloudwatch import metrics
from mrak.services.cloudwatch.tables import ALARMS, HISTORY, Alarm, Change

EVALUATE = "cloudwatch.evaluate"
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
COMPARISONS = tuple(_COMPARISONS)


def alarm_arn(scope: Scope, name: str) -> str:
    return arn(scope, "cloudwatch", f"alarm:{name}")


def watch(tx: Transaction, scope: Scope, alarm: Alarm) -> None:
    """Sets the timer of the alarm's next evaluation."""
    tx.at(Timer(kind=EVALUATE, key=alarm.name, due_at=alarm.next_check_at, scope=scope))


def next_check_at(alarm_settings: dict[str, Any], now: float) -> float:
    period = float(alarm_settings["Period"])
    return (now // period + 1) * period


def evaluate(ctx: Context, tx: Transaction, scope: Scope, alarm: Alarm) -> None:
    """Decides the state of an open alarm at the end of a period, and sets the next timer."""
    state, reason, data = _judge(ctx, tx, scope, alarm)
    waiting = msgspec.structs.replace(alarm, next_check_at=next_check_at(alarm.settings, ctx.now))
    ALARMS.replace(tx, scope, alarm, waiting)
    watch(tx, scope, waiting)
    if state is not None and state != alarm.state:
        set_state(ctx, tx, scope, waiting, (state, reason, data))


def _judge(ctx: Context, tx: Transaction, scope: Scope, alarm: Alarm) -> tuple[str | None, str, str]:
    """(state, reason, reason data); no state where nothing is to change."""
    asked: dict[str, Any] = alarm.settings
    period, periods = float(asked["Period"]), int(asked["EvaluationPeriods"])
    needed = int(asked.get("DatapointsToAlarm", periods))
    stat = asked.get("Statistic") or asked.get("ExtendedStatistic")
    end = ctx.now // period * period
    points = metrics.read(tx, scope, alarm.metric, (end - periods * period, end), period, asked.get("Unit", ""))
    values = [metrics.statistic(point, str(stat)) for point in points]
    compare, words = _COMPARISONS[asked["ComparisonOperator"]]
    breaching = sum(compare(value, asked["Threshold"]) for value in values)
    missing = periods - len(values)
    treatment = asked.get("TreatMissingData", "missing")
    data = _reason_data(asked, values, end)
    if not values and treatment in ("ignore", "missing"):
        state = None if treatment == "ignore" else "INSUFFICIENT_DATA"
        return state, "Insufficient Data: no datapoints were received.", data
    counted = breaching + (missing if treatment == "breaching" else 0)
    state = "ALARM" if counted >= needed else "OK"
    if not values:
        treated = "Breaching" if treatment == "breaching" else "NonBreaching"
        reason = (
            f"Threshold Crossed: no datapoints were received for {periods} periods and {periods} missing datapoints "
            f"were treated as [{treated}]."
        )
        return state, reason, data
    shown = ", ".join(str(value) for value in values[-periods:])
    was = "was" if state == "ALARM" else "was not"
    reason = (
        f"Threshold Crossed: {len(values)} out of the last {periods} datapoints [{shown}] {was} {words} the threshold "
        f"({asked['Threshold']}) (minimum {needed} datapoint for {state} transition)."
    )
    return state, reason, data


def _reason_data(asked: dict[str, Any], values: list[float], end: float) -> str:
    data = {
        "version": "1.0",
        "queryDate": iso(end),
        "statistic": asked.get("Statistic") or asked.get("ExtendedStatistic"),
        "period": asked["Period"],
        "recentDatapoints": values,
        "threshold": asked["Threshold"],
    }
    if "Unit" in asked:
        data["unit"] = asked["Unit"]
    return msgspec.json.encode(data).decode()


def set_state(ctx: Context, tx: Transaction, scope: Scope, alarm: Alarm, new: tuple[str, str, str]) -> None:
    """Moves an open alarm to a state, keeps that in its history, and sets its actions going."""
    state, reason, data = new
    moved = msgspec.structs.replace(alarm, state=state, reason=reason, reason_data=data, state_at=ctx.now)
    ALARMS.replace(tx, scope, alarm, moved)
    summary = f"Alarm updated from {alarm.state} to {state}"
    details = {
        "version": "1.0",
        "oldState": {"stateValue": alarm.state, "stateReason": alarm.reason},
        "newState": {"stateValue": state, "stateReason": reason},
    }
    add_history(ctx, tx, scope, alarm.name, "StateUpdate", (summary, details))
    if alarm.state != state and alarm.actions_enabled:
        _act(ctx, tx, scope, alarm, moved)


def add_history(
    ctx: Context, tx: Transaction, scope: Scope, name: str, kind: str, shown: tuple[str, dict[str, Any]]
) -> None:
    change = Change(
        alarm=name,
        sequence=ctx.draw.sequence(),
        at=ctx.now,
        kind=kind,
        summary=shown[0],
        data=msgspec.json.encode(shown[1]).decode(),
    )
    HISTORY.append(tx, scope, change)


_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def _act(ctx: Context, tx: Transaction, scope: Scope, old: Alarm, new: Alarm) -> None:
    """Actions are deliveries, committed with the change; kinds of action that mrak has no target for stay in the
    history alone."""
    for target in new.settings.get(_ACTIONS[new.state], []):  # type: ignore[attr-defined]
        parsed = find_arn(target)
        service = "" if parsed is None else parsed.service
        if service == "sns":
            from mrak.services.sns import exports as sns

            subject = f'{new.state}: "{new.name}" in {_REGIONS.get(scope.region, scope.region)}'
            message = {
                "Subject": subject[:100],
                "Message": msgspec.json.encode(_notification(scope, old, new)).decode(),
            }
            tx.enqueue(sns.delivery(ctx, target, message))
        elif service == "lambda":
            from mrak.services.lambda_ import exports as functions

            payload = msgspec.json.encode(_function_event(scope, old, new))
            tx.enqueue(functions.event_delivery(ctx, target, payload))
        else:
            add_history(ctx, tx, scope, new.name, "Action", (f"mrak has no target for {target}", {"action": target}))


_REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
}


def _notification(scope: Scope, old: Alarm, new: Alarm) -> dict[str, Any]:
    """The message that an alarm sends to a topic."""
    asked: dict[str, Any] = new.settings
    statistic = asked.get("Statistic") or asked.get("ExtendedStatistic")
    return {
        "AlarmName": new.name,
        "AlarmDescription": asked.get("AlarmDescription"),
        "AWSAccountId": scope.account,
        "AlarmConfigurationUpdatedTimestamp": iso(new.configured_at),
        "NewStateValue": new.state,
        "NewStateReason": new.reason,
        "StateChangeTime": iso(new.state_at),
        "Region": _REGIONS.get(scope.region, scope.region),
        "AlarmArn": alarm_arn(scope, new.name),
        "OldStateValue": old.state,
        "OKActions": asked.get("OKActions", []),
        "AlarmActions": asked.get("AlarmActions", []),
        "InsufficientDataActions": asked.get("InsufficientDataActions", []),
        "Trigger": {
            "MetricName": asked["MetricName"],
            "Namespace": asked["Namespace"],
            "StatisticType": "Statistic" if "Statistic" in asked else "ExtendedStatistic",
            "Statistic": str(statistic).upper(),
            "Unit": asked.get("Unit"),
            "Dimensions": [{"value": d["Value"], "name": d["Name"]} for d in asked.get("Dimensions", [])],
            "Period": asked["Period"],
            "EvaluationPeriods": asked["EvaluationPeriods"],
            "ComparisonOperator": asked["ComparisonOperator"],
            "Threshold": asked["Threshold"],
            "TreatMissingData": asked.get("TreatMissingData", ""),
            "EvaluateLowSampleCountPercentile": asked.get("EvaluateLowSampleCountPercentile", ""),
        },
    }


def _function_event(scope: Scope, old: Alarm, new: Alarm) -> dict[str, Any]:
    """The event that an alarm hands to a function."""
    asked: dict[str, Any] = new.settings
    dimensions = {d["Name"]: d["Value"] for d in asked.get("Dimensions", [])}
    metric = {"namespace": asked["Namespace"], "name": asked["MetricName"], "dimensions": dimensions}
    stat = {"metric": metric, "period": asked["Period"], "stat": asked.get("Statistic")}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm_arn(scope, new.name),
        "accountId": scope.account,
        "time": iso(new.state_at),
        "region": scope.region,
        "alarmData": {
            "alarmName": new.name,
            "state": {"value": new.state, "reason": new.reason, "timestamp": iso(new.state_at)},
            "previousState": {"value": old.state, "reason": old.reason, "timestamp": iso(old.state_at)},
            "configuration": {
                "description": asked.get("AlarmDescription", ""),
                "metrics": [{"id": "m1", "metricStat": stat, "returnData": True}],
            },
        },
    }


def iso(moment: float) -> str:
    """A time as alarms write it: 2026-11-23T08:00:00.000+0000."""
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}+0000"
