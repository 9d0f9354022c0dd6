"""Metric data queries: statistics of metrics, and expressions over them; what GetMetricData answers and alarms judge.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.lang import metricinsights, metricmath
from mrak.lang.metricmath import Frame, MathError, Series
from mrak.services.cloudwatch import errors, metrics, selections, statistics
from mrak.services.cloudwatch.metrics import Pairs


class Result(NamedTuple):
    """What a query came to, oldest point first; `counts` are the samples behind each point of a plain metric."""

    query_id: str
    label: str
    period: float
    points: dict[float, float]
    units: list[str]
    counts: dict[float, float]


def pairs_of(dimensions: list[dict[str, str]] | None) -> Pairs:
    return [(dimension["Name"], dimension["Value"]) for dimension in dimensions or []]


def check(queries: list[dict[str, Any]]) -> None:
    """Refuses queries that no data could answer."""
    ids = [query["Id"] for query in queries]
    if len(set(ids)) < len(ids):
        raise errors.validation("Every ID must be unique.")
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            raise errors.validation(
                f"The parameters MetricDataQueries.member.{ids.index(query['Id']) + 1} must have exactly one of "
                "MetricStat and Expression."
            )
        if "MetricStat" in query:
            statistics.check(query["MetricStat"]["Stat"])
            continue
        try:
            if metricinsights.is_query(query["Expression"]):
                metricinsights.parse(query["Expression"])
                continue
            used = metricmath.names(metricmath.parse(query["Expression"]))
        except MathError as error:
            raise errors.bad_expression(query["Id"], str(error)) from None
        if query["Id"] in used:
            raise errors.bad_expression(query["Id"], "An expression cannot refer to itself")


def run(tx: Transaction, scope: Scope, queries: list[dict[str, Any]], span: tuple[float, float]) -> list[Result]:
    """The results of the queries that return data, in their order; an expression of several series has several."""
    labels = _labels(queries)
    plain = {query["Id"]: _read(tx, scope, query, labels, span) for query in queries if "MetricStat" in query}
    series = {name: Series(result.label, result.period, result.points) for name, result in plain.items()}
    values: dict[str, metricmath.Value] = dict(series)
    asked = {query["Id"]: query for query in queries if "Expression" in query}
    for name in [name for name, query in asked.items() if metricinsights.is_query(query["Expression"])]:
        values[name] = selections.run(tx, scope, asked.pop(name), span)
    _evaluate_all(asked, values, series, span)
    results: list[Result] = []
    for query in queries:
        if not query.get("ReturnData", True):
            continue
        if query["Id"] in plain:
            results.append(plain[query["Id"]])
        else:
            results += _shown(query, values[query["Id"]])
    return results


def _evaluate_all(
    asked: dict[str, dict[str, Any]],
    values: dict[str, metricmath.Value],
    series: dict[str, Series],
    span: tuple[float, float],
) -> None:
    """Expressions may refer to each other, in any order."""
    waiting = dict(asked)
    while waiting:
        ready = [name for name, query in waiting.items() if not _needed(query) & waiting.keys()]
        if not ready:
            raise errors.bad_expression(next(iter(waiting)), "Expressions refer to each other in a circle")
        for name in ready:
            frame = Frame(values, series, *span)
            try:
                values[name] = metricmath.evaluate(metricmath.parse(waiting.pop(name)["Expression"]), frame)
            except MathError as error:
                raise errors.bad_expression(name, str(error)) from None


def _needed(query: dict[str, Any]) -> set[str]:
    return metricmath.names(metricmath.parse(query["Expression"]))


def _shown(query: dict[str, Any], value: metricmath.Value) -> list[Result]:
    if isinstance(value, float):
        raise errors.bad_expression(query["Id"], "The result must be a time series or an array of time series")
    if isinstance(value, Series):
        label = query.get("Label", query["Id"])
        return [Result(query["Id"], label, value.period, value.points, [], {})]
    prefix = query.get("Label")
    named = [f"{prefix} {series.label}" if prefix else series.label for series in value]
    pairs = zip(named, value, strict=True)
    return [Result(query["Id"], label, series.period, series.points, [], {}) for label, series in pairs]


def _read(
    tx: Transaction, scope: Scope, query: dict[str, Any], labels: dict[str, str], span: tuple[float, float]
) -> Result:
    """Points of one unit: of several, the first by name, and the answer says that there are more."""
    asked = query["MetricStat"]
    metric, period = asked["Metric"], float(asked["Period"])
    key = metrics.metric_key(metric["Namespace"], metric["MetricName"], pairs_of(metric.get("Dimensions")))
    found = metrics.read(tx, scope, key, span, period, asked.get("Unit", ""))
    units = sorted({point.unit for point in found})
    chosen = [point for point in found if point.unit == units[0]]
    points = {point.at: statistics.statistic(point, asked["Stat"]) for point in chosen}
    counts = {point.at: point.count for point in chosen}
    return Result(query["Id"], labels[query["Id"]], period, points, units, counts)


def _labels(queries: list[dict[str, Any]]) -> dict[str, str]:
    """A metric's name and, among queries of the same name, what tells them apart: dimensions, statistic, period."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for query in queries:
        if "MetricStat" in query:
            groups.setdefault(query["MetricStat"]["Metric"]["MetricName"], []).append(query)
    return {query["Id"]: query.get("Label") or _label(query, group) for group in groups.values() for query in group}


def _label(query: dict[str, Any], group: list[dict[str, Any]]) -> str:
    asked = [other["MetricStat"] for other in group]
    own = query["MetricStat"]
    words = [own["Metric"]["MetricName"]]
    if len({tuple(pairs_of(other["Metric"].get("Dimensions"))) for other in asked}) > 1:
        words = [value for _, value in pairs_of(own["Metric"].get("Dimensions"))] + words
    if len({other["Stat"] for other in asked}) > 1:
        words.append(own["Stat"])
    if len({other["Period"] for other in asked}) > 1:
        words.append(str(own["Period"]))
    return " ".join(words)
