"""Alarms: put, describe, delete, set, enable and disable; tags.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.cloudwatch import (
    alarmchanges,
    alarms,
    composite_operations,
    errors,
    metrics,
    names,
    queries,
    selections,
    statistics,
)
from mrak.services.cloudwatch.putting import MOST_TAGS, check_actions, parse_tags
from mrak.services.cloudwatch.queries import pairs_of
from mrak.services.cloudwatch.tables import ALARMS, CHILDREN, DASHBOARDS, MUTE_RULES, WATCHING, Alarm

_OPTIONS = {
    "TreatMissingData": ("breaching", "notBreaching", "ignore", "missing"),
    "EvaluateLowSampleCountPercentile": ("evaluate", "ignore"),
}
_NOT_SHOWN = ("Tags", "AlarmName", "ActionsEnabled")
_HOW_WATCHED = ("Statistic", "ExtendedStatistic", "Period", "Unit")


@operation("PutMetricAlarm")
def put_metric_alarm(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """A request that changes nothing leaves the alarm as it is, also when it was configured."""
    _check_alarm(req)
    check_actions(req)
    settings = {name: value for name, value in req.items() if name not in _NOT_SHOWN}
    name = req["AlarmName"]
    key = _metric_of(req)
    old = ALARMS.open(tx, ctx.scope, name)
    if old is not None and old.rule:
        raise errors.wrong_alarm_type(name)
    due_at = alarms.next_check_at(settings, ctx.now)
    enabled = req.get("ActionsEnabled", True)
    if old is None:
        tags = parse_tags(req.get("Tags", []))
        fresh = Alarm(
            name=name, metric=key, settings=settings, configured_at=ctx.now, state_at=ctx.now,
            moved_at=ctx.now, tags=tags,
            actions_enabled=enabled, next_check_at=due_at,
        )  # fmt: skip
        ALARMS.insert(tx, ctx.scope, fresh)
        alarmchanges.created(ctx, tx, fresh)
    elif (old.settings, old.actions_enabled) == (settings, enabled):
        return
    else:
        fresh = msgspec.structs.replace(
            old, metric=key, settings=settings, configured_at=ctx.now,
            actions_enabled=enabled, next_check_at=due_at,
        )  # fmt: skip
        ALARMS.replace(tx, ctx.scope, old, fresh)
        alarmchanges.updated(ctx, tx, old, fresh)
    alarms.watch(tx, ctx.scope, fresh)


def _metric_of(req: dict[str, Any]) -> str:
    """The key of the metric that an alarm watches; "" for one on an expression."""
    if "Metrics" in req:
        return ""
    return metrics.metric_key(req["Namespace"], req["MetricName"], pairs_of(req.get("Dimensions")))


def _check_alarm(req: dict[str, Any]) -> None:
    if req["ComparisonOperator"] not in alarms.COMPARISONS:
        raise errors.validation("mrak does not evaluate anomaly detection bands.")
    if req.get("Threshold") is None:
        raise errors.validation("The parameter Threshold must be specified.")
    for name, options in _OPTIONS.items():
        if req.get(name, options[0]) not in options:
            shown = f"{', '.join(options[:-1])} and {options[-1]}"
            raise errors.validation(
                f"Option {req[name]} is not supported. Supported options for parameter {name} are {shown}."
            )
    if "Metrics" in req:
        _check_queries(req)
    else:
        _check_metric(req)
    if req.get("DatapointsToAlarm", 1) > req["EvaluationPeriods"]:
        raise errors.validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods")


def _check_metric(req: dict[str, Any]) -> None:
    for name in ("MetricName", "Namespace", "Period"):
        if req.get(name) is None:
            raise errors.validation(f"The parameter {name} must be specified.")
    if "Statistic" in req and "ExtendedStatistic" in req:
        raise errors.validation(
            "PutMetricAlarm request can not be made with both Statistic and ExtendedStatistic parameters. Only one of "
            "them should be present"
        )
    if "Statistic" not in req and "ExtendedStatistic" not in req:
        raise errors.validation("Exactly one of Statistic and ExtendedStatistic must be specified.")
    if "ExtendedStatistic" in req:
        statistics.check(req["ExtendedStatistic"], "ExtendedStatistic")
    if req["Period"] not in (10, 20, 30) and (req["Period"] % 60 or not req["Period"]):
        raise errors.validation("Period must be 10, 20, 30 or a multiple of 60")


def _check_queries(req: dict[str, Any]) -> None:
    """An alarm on an expression names no metric of its own, and judges the one query that returns data."""
    for name in ("MetricName", "Namespace", "Period", "Statistic", "ExtendedStatistic", "Dimensions", "Unit"):
        if name in req:
            raise errors.validation(f"{name} should not be set if list of Metrics is set.")
    queries.check(req["Metrics"])
    if any(map(selections.has_groups, req["Metrics"])):
        raise errors.validation("mrak does not evaluate alarms on queries with GROUP BY.")
    if sum(query.get("ReturnData", True) for query in req["Metrics"]) != 1:
        raise errors.validation("Exactly one element of the metrics list should return data.")


@operation("DescribeAlarms")
def describe_alarms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Metric alarms, unless others are asked for."""
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    types = req.get("AlarmTypes") or ["MetricAlarm"]
    rows = (row for row in _candidates(tx, ctx, req, after) if _is_wanted(row, req, types))
    page, token = take_page(rows, req.get("MaxRecords", 50), lambda row: row.name)
    answer: dict[str, Any] = {
        "MetricAlarms": [_render(ctx, row) for row in page if not row.rule],
        "CompositeAlarms": [_render_composite(ctx, row) for row in page if row.rule],
        "LogAlarms": [],
    }
    return answer if token is None else answer | {"NextToken": token}


def _candidates(tx: Transaction, ctx: Context, req: dict[str, Any], after: str | None) -> Iterator[Alarm]:
    """Named alarms, those of a name's beginning, an alarm's children or parents, or all: by name."""
    wanted: list[str] | None = req.get("AlarmNames")
    if "ChildrenOfAlarmName" in req:
        parent = ALARMS.get(tx, ctx.scope, req["ChildrenOfAlarmName"])
        wanted = [] if parent is None else composite_operations.children_of(parent)
    elif "ParentsOfAlarmName" in req:
        wanted = [row.composite for row in CHILDREN.scan(tx, ctx.scope, req["ParentsOfAlarmName"])]
    if wanted is not None:
        later = sorted({name for name in wanted if after is None or name > after})
        yield from (row for name in later if (row := ALARMS.get(tx, ctx.scope, name)) is not None)
        return
    prefix = req.get("AlarmNamePrefix", "")
    start = None if after is not None else prefix or None
    for row in ALARMS.scan(tx, ctx.scope, since=start, after=after):
        if not row.name.startswith(prefix):
            return
        yield row


def _is_wanted(row: Alarm, req: dict[str, Any], types: list[str]) -> bool:
    related = "ChildrenOfAlarmName" in req or "ParentsOfAlarmName" in req
    if not related and ("CompositeAlarm" if row.rule else "MetricAlarm") not in types:
        return False
    if req.get("StateValue", row.state) != row.state:
        return False
    action = req.get("ActionPrefix")
    settings: dict[str, Any] = row.settings
    return action is None or any(target.startswith(action) for target in settings.get("AlarmActions", []))


@operation("DescribeAlarmsForMetric")
def describe_alarms_for_metric(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The alarms on a metric that watch it as asked, where the request says how."""
    key = metrics.metric_key(req["Namespace"], req["MetricName"], pairs_of(req.get("Dimensions")))
    wanted = {name: req[name] for name in _HOW_WATCHED if name in req}
    found = (row for row in WATCHING.scan(tx, ctx.scope, key) if wanted.items() <= _how_watched(row).items())
    return {"MetricAlarms": [_render(ctx, row) for row in found]}


def _how_watched(alarm: Alarm) -> dict[str, Any]:
    return {name: alarm.settings[name] for name in _HOW_WATCHED if name in alarm.settings}


def _render(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    shown: dict[str, Any] = {"OKActions": [], "AlarmActions": [], "InsufficientDataActions": [], "Dimensions": []}
    shown |= alarm.settings
    if "Metrics" in shown:
        shown["Metrics"] = [_render_query(query) for query in shown["Metrics"]]
    return shown | _render_state(ctx, alarm)


def _render_query(query: dict[str, Any]) -> dict[str, Any]:
    """A metric without dimensions shows that it has none."""
    if "MetricStat" not in query:
        return query
    metric = {**query["MetricStat"]["Metric"]}
    metric.setdefault("Dimensions", [])
    return query | {"MetricStat": query["MetricStat"] | {"Metric": metric}}


def _render_composite(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    empty: dict[str, Any] = {"OKActions": [], "AlarmActions": [], "InsufficientDataActions": []}
    return empty | alarm.settings | {"AlarmRule": alarm.rule} | _render_state(ctx, alarm)


def _render_state(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    shown = {
        "AlarmName": alarm.name,
        "AlarmArn": names.alarm_arn(ctx.scope, alarm.name),
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "ActionsEnabled": alarm.actions_enabled,
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": alarm.state_at,
        "StateTransitionedTimestamp": alarm.moved_at or alarm.state_at,
    }
    return shown | ({"StateReasonData": alarm.reason_data} if alarm.reason_data else {})


@operation("DeleteAlarms")
def delete_alarms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    for name in req["AlarmNames"]:
        alarm = ALARMS.open(tx, ctx.scope, name)
        if alarm is None:
            continue
        if alarm.rule:
            composite_operations.unlink(tx, ctx.scope, alarm)
        ALARMS.delete(tx, ctx.scope, alarm)
        alarmchanges.deleted(ctx, tx, alarm)


@operation("SetAlarmState")
def set_alarm_state(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """An alarm that is in that state already stays as it is, with the reason that it has."""
    alarm, data = ALARMS.open(tx, ctx.scope, req["AlarmName"]), req.get("StateReasonData", "")
    if data and not _is_json(data):
        raise errors.invalid_format()
    if alarm is None:
        raise errors.alarm_not_found()
    if alarm.state != req["StateValue"]:
        alarms.set_state(ctx, tx, ctx.scope, alarm, (req["StateValue"], req["StateReason"], data))


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


@operation("EnableAlarmActions")
def enable_alarm_actions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _switch_actions(ctx, tx, req["AlarmNames"], enabled=True)


@operation("DisableAlarmActions")
def disable_alarm_actions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _switch_actions(ctx, tx, req["AlarmNames"], enabled=False)


def _switch_actions(ctx: Context, tx: Transaction, names: list[str], *, enabled: bool) -> None:
    for name in names:
        alarm = ALARMS.open(tx, ctx.scope, name)
        if alarm is not None and alarm.actions_enabled != enabled:
            changed = msgspec.structs.replace(alarm, actions_enabled=enabled, configured_at=ctx.now)
            ALARMS.replace(tx, ctx.scope, alarm, changed)
            alarmchanges.updated(ctx, tx, alarm, changed)


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if len(req["Tags"]) > MOST_TAGS:
        raise errors.invalid_value("tags are invalid.")
    table, scope, found = _open_by_arn(ctx, tx, req["ResourceARN"])
    _keep_tags(ctx, tx, (table, scope, found), parse_tags(req["Tags"], found.tags))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    table, scope, found = _open_by_arn(ctx, tx, req["ResourceARN"])
    kept = {name: value for name, value in found.tags.items() if name not in req["TagKeys"]}
    _keep_tags(ctx, tx, (table, scope, found), kept)


def _keep_tags(ctx: Context, tx: Transaction, place: tuple[Any, Scope, Any], tags: dict[str, str]) -> None:
    """A dashboard's tags are of what was changed last."""
    table, scope, found = place
    changes = {"tags": tags} | ({"changed_at": ctx.now} if table is DASHBOARDS else {})
    table.replace(tx, scope, found, msgspec.structs.replace(found, **changes))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    table, scope, name = _named_by(ctx, req["ResourceARN"])
    found = table.get(tx, scope, name)
    if found is None:
        raise errors.tagged_not_found()
    return {"Tags": [{"Key": name, "Value": value} for name, value in found.tags.items()]}


def _named_by(ctx: Context, resource_arn: str) -> tuple[Any, Scope, str]:
    """(table, scope, name) of what has tags: an alarm, a mute rule, or a dashboard."""
    kind, _, name = resource_arn.rpartition(":")
    if kind.endswith(":alarm-mute-rule"):
        return MUTE_RULES, ctx.scope, name
    if name.startswith("dashboard/"):
        return DASHBOARDS, ctx.scope.account_wide(), name.removeprefix("dashboard/")
    return ALARMS, ctx.scope, resource_arn.rpartition(":alarm:")[2]


def _open_by_arn(ctx: Context, tx: Transaction, resource_arn: str) -> tuple[Any, Scope, Any]:
    table, scope, name = _named_by(ctx, resource_arn)
    found = table.open(tx, scope, name)
    if found is None:
        raise errors.tagged_not_found()
    return table, scope, found
