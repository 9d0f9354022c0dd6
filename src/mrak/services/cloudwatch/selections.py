"""Metrics Insights: a query's series, made of the metrics of its namespace when it is asked for.

Invariant: a query reads at most as many metrics as AWS does, the first ones by their dimensions.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.lang import metricinsights
from mrak.lang.metricinsights import Query
from mrak.lang.metricmath import Series
from mrak.services.cloudwatch import metrics, statistics
from mrak.services.cloudwatch.tables import METRICS, Point

_DEFAULT_PERIOD = 300.0
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
_MOST_METRICS = 10_000

Groups = dict[tuple[str, ...], dict[float, list[Point]]]


def has_groups(query: dict[str, Any]) -> bool:
    expression = query.get("Expression", "")
    return metricinsights.is_query(expression) and bool(metricinsights.parse(expression).group_by)


def run(tx: Transaction, scope: Scope, query: dict[str, Any], span: tuple[float, float]) -> list[Series]:
    """A series for each group, named by the values that make it; without GROUP BY by the query's id."""
    parsed = metricinsights.parse(query["Expression"])
    period = float(query.get("Period", _DEFAULT_PERIOD))
    made = []
    for group, steps in sorted(_groups(tx, scope, parsed, span, period).items()):
        merged = {at: metrics.merge("", at, points) for at, points in sorted(steps.items())}
        points = {at: statistics.statistic(point, parsed.statistic) for at, point in merged.items()}
        made.append((_rank(parsed, merged), Series(" ".join(group) or query["Id"], period, points)))
    if parsed.order_by:
        made.sort(key=lambda row: row[0], reverse=parsed.is_descending)
    return [series for _, series in made[: parsed.limit]]


def _groups(tx: Transaction, scope: Scope, query: Query, span: tuple[float, float], period: float) -> Groups:
    groups: Groups = {}
    for metric in islice(METRICS.scan(tx, scope, query.namespace, query.metric), _MOST_METRICS):
        group = query.group(dict(metric.pairs))
        if group is None:
            continue
        key = metrics.metric_key(metric.namespace, metric.name, metric.pairs)
        for point in metrics.read(tx, scope, key, span, period):
            groups.setdefault(group, {}).setdefault(point.at, []).append(point)
    return groups


def _rank(query: Query, steps: dict[float, Point]) -> float:
    """What ORDER BY compares: the function over the whole span."""
    if not query.order_by:
        return 0.0
    return statistics.statistic(metrics.merge("", 0.0, list(steps.values())), query.order_by)
