"""Statistics of a period: the five, percentiles, and those of a part of the values (trimmed means and alike).

    p95  tm90  TM(10%:90%)  wm98  tc99  TS(80%:)  PR(100:200)  IQM

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from mrak.core.deviations import deviation
from mrak.services.cloudwatch import errors
from mrak.services.cloudwatch.tables import Point

_PLAIN: dict[str, Callable[[Point], float]] = {
    "Sum": lambda point: point.total,
    "SampleCount": lambda point: point.count,
    "Average": lambda point: point.total / point.count if point.count else 0.0,
    "Minimum": lambda point: point.least,
    "Maximum": lambda point: point.most,
}
_SHORT = re.compile(r"(p|tm|wm|tc|ts|pr)(\d{1,2}(?:\.\d{1,10})?|100)", re.IGNORECASE)
_NUMBER = r"-?\d+(?:\.\d+)?"
_LONG = re.compile(rf"(TM|WM|TC|TS|PR)\((?:({_NUMBER})(%?))?:(?:({_NUMBER})(%?))?\)")


class _Part(NamedTuple):
    """Which values count: between two percents of them, or between two values."""

    kind: str
    low: float | None
    high: float | None
    by_percent: bool


def statistic(point: Point, name: str) -> float:
    """A statistic of a period. Raises for a name that is none."""
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain(point)
    return _of_part(point, _parse(name))


def check(name: str, parameter: str = "Stat") -> None:
    """Refuses the name of a statistic that there is not."""
    if name not in _PLAIN:
        _parse(name, parameter)


def _parse(name: str, parameter: str = "Stat") -> _Part:
    if name == "IQM":
        return _Part("tm", 25.0, 75.0, True)
    short = _SHORT.fullmatch(name)
    if short:
        return _Part(short[1].lower(), None, float(short[2]), True)
    long = _LONG.fullmatch(name)
    if long is None or (long[2] is None and long[4] is None):
        raise errors.invalid_value(f"The value {name} for parameter {parameter} is not supported.")
    low, high = (None if text is None else float(text) for text in (long[2], long[4]))
    return _Part(long[1].lower(), low, high, "%" in (long[3] or "", long[5] or ""))


def _of_part(point: Point, part: _Part) -> float:
    deviation("CLOUDWATCH-001")
    values = sorted(point.values) or [(point.most, point.count)]
    if part.kind == "p":
        return _percentile(values, part.high or 0.0, point.count)
    inside = _trimmed(values, part, point.count)
    count = sum(number for _, number in inside)
    total = sum(value * number for value, number in inside)
    if part.kind == "tc":
        return count
    if part.kind == "ts":
        return total
    if part.kind == "pr":
        return 100.0 * count / point.count if point.count else 0.0
    if part.kind == "wm" and inside:
        below = _count_below(values, inside[0][0]) if part.low is not None else 0.0
        above = point.count - count - below
        return (total + below * inside[0][0] + above * inside[-1][0]) / point.count
    return total / count if count else 0.0


def _percentile(values: list[tuple[float, float]], percent: float, count: float) -> float:
    """The smallest value that at least so many percent do not exceed."""
    wanted, seen = percent / 100 * count, 0.0
    for value, number in values:
        seen += number
        if seen >= wanted:
            return value
    return values[-1][0]


def _count_below(values: list[tuple[float, float]], limit: float) -> float:
    return sum(number for value, number in values if value < limit)


def _trimmed(values: list[tuple[float, float]], part: _Part, count: float) -> list[tuple[float, float]]:
    """The values, with how many of each, that are inside the bounds."""
    if not part.by_percent:
        low = part.low if part.low is not None else float("-inf")
        high = part.high if part.high is not None else float("inf")
        return [(value, number) for value, number in values if low < value <= high]
    first = (part.low or 0.0) / 100 * count
    last = (100.0 if part.high is None else part.high) / 100 * count
    inside, seen = [], 0.0
    for value, number in values:
        taken = min(seen + number, last) - max(seen, first)
        if taken > 0:
            inside.append((value, taken))
        seen += number
    return inside
