"""Alarms: evaluated at the end of each period by a timer that sets itself again, so a sandbox whose clock is advanced
sees its alarms go off. A change of state is committed together with its history, with the deliveries that it causes,
and with what it makes of the composite alarms that name the alarm.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

from __future__ import annotations

import operator
from time import gmtime, strftime
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang import alarmrules
from mrak.services.cloudwatch import actions, gauges, names, queries
from mrak.services.cloudwatch.actions import iso
from mrak.services.cloudwatch.queries import Result
from mrak.services.cloudwatch.tables import ALARMS, CHILDREN, HISTORY, Alarm, Change

EVALUATE = "cloudwatch.evaluate"
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
COMPARISONS = tuple(_COMPARISONS)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html: 30 days.
_HISTORY_SECONDS = 30 * 86_400.0
_SWEEP = 4
_TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


def watch(tx: Transaction, scope: Scope, alarm: Alarm) -> None:
    """Sets the timer of the alarm's next evaluation."""
    tx.at(Timer(kind=EVALUATE, key=alarm.name, due_at=alarm.next_check_at, scope=scope))


def next_check_at(settings: dict[str, Any], now: float) -> float:
    period = float(names.period_of(settings))
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
    period, periods = float(names.period_of(asked)), int(asked["EvaluationPeriods"])
    end = ctx.now // period * period
    gauges.measure_watched(tx, scope, asked, ctx.now, end)
    results = queries.run(tx, scope, names.queries_of(asked), (end - periods * period, end))
    found = results[0] if results else Result("", "", period, {}, [], {})
    data = _reason_data(asked, found, end)
    treatment = asked.get("TreatMissingData", "missing")
    if not found.points and treatment in ("ignore", "missing"):
        unknown = "1 datapoint was" if periods == 1 else f"{periods} datapoints were"
        return None if treatment == "ignore" else "INSUFFICIENT_DATA", f"Insufficient Data: {unknown} unknown.", data
    compare = _COMPARISONS[asked["ComparisonOperator"]][0]
    counted = sum(compare(value, asked["Threshold"]) for value in found.points.values())
    if treatment == "breaching":
        counted += periods - len(found.points)
    state = "ALARM" if counted >= int(asked.get("DatapointsToAlarm", periods)) else "OK"
    reason = _crossed(alarm, found, state) if found.points else _without_data(periods, _TREATED[treatment])
    return state, f"Threshold Crossed: {reason}", data


def _crossed(alarm: Alarm, found: Result, state: str) -> str:
    asked: dict[str, Any] = alarm.settings
    periods = int(asked["EvaluationPeriods"])
    needed = int(asked.get("DatapointsToAlarm", periods))
    shown = ", ".join(f"{value} ({_short(at)})" for at, value in found.points.items())
    verb = "was" if state == "ALARM" else "was not"
    words = _COMPARISONS[asked["ComparisonOperator"]][1]
    plural = "datapoint" if needed == 1 else "datapoints"
    return (
        f"{len(found.points)} out of the last {periods} datapoints [{shown}] {verb} {words} the threshold "
        f"({asked['Threshold']}) (minimum {needed} {plural} for {alarm.state} -> {state} transition)."
    )


def _without_data(periods: int, treated: str) -> str:
    if periods == 1:
        missing = "1 period and 1 missing datapoint was"
    else:
        missing = f"{periods} periods and {periods} missing datapoints were"
    return f"no datapoints were received for {missing} treated as [{treated}]."


def _short(moment: float) -> str:
    return strftime("%d/%m/%y %H:%M:%S", gmtime(moment))


def _reason_data(asked: dict[str, Any], found: Result, end: float) -> str:
    """What the decision was made of; the newest period first."""
    data: dict[str, Any] = {"version": "1.0", "queryDate": iso(end)}
    if found.points:
        data["startDate"] = iso(min(found.points))
    statistic = asked.get("Statistic") or asked.get("ExtendedStatistic")
    if statistic:
        data["statistic"] = statistic
    if "Unit" in asked:
        data["unit"] = asked["Unit"]
    data |= {"period": names.period_of(asked), "recentDatapoints": list(found.points.values())}
    data |= {"threshold": asked["Threshold"], "evaluatedDatapoints": []}
    for back in range(1, int(asked["EvaluationPeriods"]) + 1):
        at = end - back * data["period"]
        shown: dict[str, Any] = {"timestamp": iso(at)}
        if at in found.counts:
            shown["sampleCount"] = found.counts[at]
        if at in found.points:
            shown["value"] = found.points[at]
        data["evaluatedDatapoints"].append(shown)
    return msgspec.json.encode(data).decode()


def set_state(ctx: Context, tx: Transaction, scope: Scope, alarm: Alarm, new: tuple[str, str, str]) -> None:
    """Moves an open alarm to another state, keeps that in its history, and sets going what follows from it."""
    state, reason, data = new
    moved = msgspec.structs.replace(
        alarm, state=state, reason=reason, reason_data=data, state_at=ctx.now, moved_at=ctx.now
    )
    ALARMS.replace(tx, scope, alarm, moved)
    summary = f"Alarm updated from {alarm.state} to {state}"
    details = {
        "version": "1.0",
        "oldState": _history_state(alarm),
        "newState": _history_state(moved),
    }
    add_history(ctx, tx, scope, alarm, "StateUpdate", (summary, details))
    for target in actions.act(ctx, tx, scope, alarm, moved):
        add_history(ctx, tx, scope, alarm, "Action", (f"mrak has no target for {target}", {"action": target}))
    for row in list(CHILDREN.scan(tx, scope, alarm.name)):
        composite = ALARMS.open(tx, scope, row.composite)
        if composite is not None:
            recompute(ctx, tx, scope, composite, moved)


def _history_state(alarm: Alarm) -> dict[str, Any]:
    """The reason's data stands there as it was given, as JSON in JSON."""
    shown: dict[str, Any] = {"stateValue": alarm.state, "stateReason": alarm.reason}
    return shown | ({"stateReasonData": msgspec.Raw(alarm.reason_data.encode())} if alarm.reason_data else {})


def recompute(ctx: Context, tx: Transaction, scope: Scope, composite: Alarm, child: Alarm) -> None:
    """What a child's change makes of an open composite alarm."""
    state = rule_state(tx, scope, composite.rule)
    if state == composite.state:
        return
    arn = names.alarm_arn(scope, child.name)
    moment = strftime("%A %d %B, %Y %H:%M:%S UTC", gmtime(ctx.now))
    reason = f"{arn} transitioned to {child.state} at {moment}"
    set_state(ctx, tx, scope, composite, (state, reason, triggering(scope, [child])))


def rule_state(tx: Transaction, scope: Scope, rule: str) -> str:
    """ALARM or OK. An alarm that is gone counts as one without data."""

    def state_of(name: str) -> str:
        alarm = ALARMS.get(tx, scope, name)
        return "INSUFFICIENT_DATA" if alarm is None else alarm.state

    return "ALARM" if alarmrules.holds(alarmrules.parse(rule), state_of) else "OK"


def triggering(scope: Scope, children: list[Alarm]) -> str:
    """The reason data of a composite alarm."""
    shown = [
        {"arn": names.alarm_arn(scope, row.name), "state": {"value": row.state, "timestamp": iso(row.state_at)}}
        for row in children
    ]
    return msgspec.json.encode({"triggeringAlarms": shown}).decode()


def add_history(
    ctx: Context, tx: Transaction, scope: Scope, alarm: Alarm, kind: str, shown: tuple[str, dict[str, Any]]
) -> None:
    change = Change(
        alarm=alarm.name,
        sequence=ctx.draw.sequence(),
        at=ctx.now,
        kind=kind,
        summary=shown[0],
        data=msgspec.json.encode(shown[1]).decode(),
        alarm_type="CompositeAlarm" if alarm.rule else "MetricAlarm",
    )
    HISTORY.append(tx, scope, change)
    for old in list(HISTORY.scan(tx, scope, alarm.name, limit=_SWEEP)):
        if old.at < ctx.now - _HISTORY_SECONDS:
            HISTORY.delete(tx, scope, old)
