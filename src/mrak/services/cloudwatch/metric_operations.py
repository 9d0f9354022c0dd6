"""PutMetricData, ListMetrics, GetMetricStatistics, GetMetricData.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_number, find_position, render_token, take_page
from mrak.services.cloudwatch import errors, metrics, queries, statistics
from mrak.services.cloudwatch.queries import Result, pairs_of
from mrak.services.cloudwatch.tables import METRICS, Metric

_MOST_POINTS = 1440
_MOST_DATA = 100_800
_LISTED = 500
_MINUTE = 60.0
_SHORT_PERIODS = (1, 5, 10, 20, 30)
_RECENT_SECONDS = 3 * 3600.0


@operation("ListMetrics")
def list_metrics(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    namespace = (req["Namespace"],) if "Namespace" in req else ()
    rows = (
        row
        for row in METRICS.scan(tx, ctx.scope, *namespace)
        if (after is None or _position(row) > after) and _is_wanted(row, req, ctx.now)
    )
    page, token = take_page(rows, _LISTED, _position)
    answer: dict[str, Any] = {"Metrics": [render_metric(row) for row in page]}
    return answer if token is None else answer | {"NextToken": token}


def _position(metric: Metric) -> str:
    return metrics.metric_key(metric.namespace, metric.name, metric.pairs)


def _is_wanted(metric: Metric, req: dict[str, Any], now: float) -> bool:
    if "MetricName" in req and metric.name != req["MetricName"]:
        return False
    if req.get("RecentlyActive") == "PT3H" and now - metric.last_at > _RECENT_SECONDS:
        return False
    have = dict(metric.pairs)
    return all(
        wanted["Name"] in have and wanted.get("Value", have[wanted["Name"]]) == have[wanted["Name"]]
        for wanted in req.get("Dimensions", [])
    )


def render_metric(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.pairs]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


@operation("GetMetricStatistics")
def get_metric_statistics(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    start, end, period = req["StartTime"], req["EndTime"], float(req["Period"])
    if int(start) >= int(end):  # AWS looks at whole seconds
        raise errors.start_after_end()
    if period < _MINUTE and period not in _SHORT_PERIODS:
        raise errors.invalid_value("The parameter Period must be a value in the set [1, 5, 10, 20, 30].")
    if period >= _MINUTE:
        end = end // _MINUTE * _MINUTE  # and at whole minutes, so that a minute that goes on is not shown yet
    wanted = int((end - start) // period)
    if wanted > _MOST_POINTS:
        raise errors.too_many_points(wanted)
    names = [*req.get("Statistics", []), *req.get("ExtendedStatistics", [])]
    if not names:
        raise errors.invalid_combination(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified."
        )
    key = metrics.metric_key(req["Namespace"], req["MetricName"], pairs_of(req.get("Dimensions")))
    shown = []
    for point in metrics.read(tx, ctx.scope, key, (start, end), period, req.get("Unit", "")):
        row: dict[str, Any] = {"Timestamp": point.at, "Unit": point.unit}
        row |= {name: statistics.statistic(point, name) for name in req.get("Statistics", [])}
        extended = {name: statistics.statistic(point, name) for name in req.get("ExtendedStatistics", [])}
        shown.append(row | ({"ExtendedStatistics": extended} if extended else {}))
    return {"Label": req["MetricName"], "Datapoints": shown}


@operation("GetMetricData")
def get_metric_data(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Statistics of metrics, and expressions over them."""
    start, end = req["StartTime"], req["EndTime"]
    if int(start) >= int(end):
        raise errors.validation("The parameter StartTime must be less than the parameter EndTime.")
    queries.check(req["MetricDataQueries"])
    newest_first = req.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    done = _points_before(req)
    found = queries.run(tx, ctx.scope, req["MetricDataQueries"], (start, end))
    results = [_render(result, newest_first) for result in found]
    most = req.get("MaxDatapoints", _MOST_DATA)
    answer: dict[str, Any] = {"MetricDataResults": results, "Messages": []}
    if sum(len(result["Values"]) for result in results) - done > most:
        answer["NextToken"] = render_token(str(done + most))
    _cut(results, done, most)
    return answer


def _points_before(req: dict[str, Any]) -> int:
    """How many data points the pages before this one had."""
    position = find_number(req["NextToken"]) if "NextToken" in req else 0
    if position is None:
        raise errors.invalid_token()
    if not 0 < req.get("MaxDatapoints", _MOST_DATA) <= _MOST_DATA:
        raise errors.validation(f"The parameter MaxDatapoints must be between 1 and {_MOST_DATA}.")
    return position


def _cut(results: list[dict[str, Any]], skipped: int, most: int) -> None:
    """Leaves the points of one page, counted from the first result on; a result that goes on says PartialData."""
    for result in results:
        have = len(result["Values"])
        first = min(have, skipped)
        last = min(have, first + most)
        skipped, most = skipped - first, most - (last - first)
        if last < have:
            result["StatusCode"] = "PartialData"
        for name in ("Timestamps", "Values"):
            result[name] = result[name][first:last]


def _render(result: Result, newest_first: bool) -> dict[str, Any]:
    times = sorted(result.points, reverse=newest_first)
    shown: dict[str, Any] = {
        "Id": result.query_id,
        "Label": result.label,
        "Timestamps": times,
        "Values": [result.points[at] for at in times],
        "StatusCode": "Complete",
    }
    if len(result.units) > 1:
        text = f"Multiple units returned: '[{', '.join(result.units)}]'"
        shown["Messages"] = [{"Code": "MultipleUnits", "Value": text}]
    return shown
