"""Points and statistics: what was measured is kept as sums for each step of time, and read back by period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.cloudwatch.tables import METRICS, POINTS, Metric, Point

STANDARD_SECONDS = 60.0
_MOST_VALUES = 100

Pairs = list[tuple[str, str]]


class Measure(NamedTuple):
    """What was measured of a metric at a moment: values with their counts, or sums alone."""

    namespace: str
    name: str
    pairs: Pairs
    at: float
    values: list[tuple[float, float]]
    unit: str = "None"
    step_seconds: float = STANDARD_SECONDS
    sums: tuple[float, float, float, float] | None = None
    """(total, count, least, most), where the values themselves are not known."""


def metric_key(namespace: str, name: str, pairs: Pairs) -> str:
    return "\x1f".join([namespace, name, dimensions_key(pairs)])


def dimensions_key(pairs: Pairs) -> str:
    return "\x1e".join(f"{name}={value}" for name, value in sorted(pairs))


def record(tx: Transaction, scope: Scope, measures: Iterable[Measure]) -> None:
    """Adds measures to their steps."""
    for measure in measures:
        pairs = sorted(measure.pairs)
        _remember(tx, scope, measure, pairs)
        key = metric_key(measure.namespace, measure.name, pairs)
        at = measure.at // measure.step_seconds * measure.step_seconds
        fresh = _point(key, at, measure)
        old = POINTS.open(tx, scope, key, at, measure.unit)
        if old is None:
            POINTS.insert(tx, scope, fresh)
        else:
            POINTS.replace(tx, scope, old, merge(key, at, [old, fresh]))


def _remember(tx: Transaction, scope: Scope, measure: Measure, pairs: Pairs) -> None:
    dimensions = dimensions_key(pairs)
    old = METRICS.get(tx, scope, measure.namespace, measure.name, dimensions)
    if old is not None and measure.at - old.last_at < STANDARD_SECONDS:
        return
    METRICS.lock(tx, scope, measure.namespace, measure.name, dimensions)
    fresh = Metric(
        namespace=measure.namespace, name=measure.name, dimensions=dimensions, pairs=pairs, last_at=measure.at
    )
    if old is None:
        METRICS.insert(tx, scope, fresh)
    else:
        METRICS.replace(tx, scope, old, fresh)


def _point(key: str, at: float, measure: Measure) -> Point:
    if measure.sums is not None:
        return Point(key, at, *measure.sums, measure.unit)
    total = sum(value * count for value, count in measure.values)
    count = sum(count for _, count in measure.values)
    plain = [value for value, _ in measure.values]
    return Point(key, at, total, count, min(plain), max(plain), measure.unit, measure.values[:_MOST_VALUES])


def merge(key: str, at: float, points: list[Point]) -> Point:
    """The points of a period as one."""
    counts: dict[float, float] = {}
    for point in points:
        for value, count in point.values:
            counts[value] = counts.get(value, 0.0) + count
    values = sorted(counts.items()) if len(counts) <= _MOST_VALUES else []
    return Point(
        key,
        at,
        sum(point.total for point in points),
        sum(point.count for point in points),
        min(point.least for point in points),
        max(point.most for point in points),
        points[0].unit,
        values,
    )


def read(
    tx: Transaction, scope: Scope, key: str, span: tuple[float, float], period: float, unit: str = ""
) -> list[Point]:
    """The points of [start, end) by period and unit, oldest first; periods without data are left out."""
    start, end = span
    groups: dict[tuple[float, str], list[Point]] = {}
    for point in POINTS.scan(tx, scope, key, since=start // period * period):
        if point.at >= end:
            break
        if not unit or point.unit == unit:
            groups.setdefault((point.at // period * period, point.unit), []).append(point)
    return [merge(key, at, points) for (at, _), points in sorted(groups.items())]
