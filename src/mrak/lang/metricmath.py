"""Metric math: expressions over time series, as GetMetricData and alarms take them. Pure.

    (errors / requests) * 100            IF(m1 > 5, m1, 0)            FILL(METRICS(), 0)

A value is a number, a Series, or a list of Series. Between two series an operator gives a point where both have one.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

_MOST_DEPTH = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>()\[\],]))"
)


class MathError(Exception):
    """The expression cannot be evaluated; says why."""


class Series(NamedTuple):
    """Points by time, oldest first."""

    label: str
    period: float
    points: dict[float, float]


Value = float | Series | list[Series]
Node = tuple[Any, ...]


class Frame(NamedTuple):
    """What an expression sees: series by id, those that are metrics, and the time asked about."""

    values: Mapping[str, Value]
    metrics: Mapping[str, Series]
    start: float
    end: float


@lru_cache(maxsize=1024)
def parse(expression: str) -> Node:
    """The tree of an expression. Raises MathError."""
    tokens = _tokens(expression)
    parser = _Parser(tokens)
    tree = parser.disjunction()
    if parser.at < len(tokens):
        raise MathError("Invalid syntax")
    return tree


def names(tree: Node) -> set[str]:
    """The ids that an expression refers to."""
    if tree[0] == "id":
        return {tree[1]}
    found: set[str] = set()
    for part in tree[1:]:
        for node in part if isinstance(part, list) else [part]:
            if isinstance(node, tuple):
                found |= names(node)
    return found


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise MathError("Invalid syntax")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


_LEVELS: list[dict[str, str]] = [
    {"||": "or", "OR": "or"},
    {"&&": "and", "AND": "and"},
    {sign: sign for sign in ("==", "!=", "<", ">", "<=", ">=")},
    {sign: sign for sign in "+-"},
    {sign: sign for sign in "*/"},
]


class _Parser:
    """Recursive descent over the levels of precedence."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> tuple[str, str]:
        if self.at >= len(self.tokens) or (wanted and self.peek() != wanted):
            raise MathError("Invalid syntax")
        self.at += 1
        return self.tokens[self.at - 1]

    def disjunction(self) -> Node:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise MathError("The expression is nested too deeply")
        tree = self.level(0)
        self.depth -= 1
        return tree

    def level(self, number: int) -> Node:
        if number == len(_LEVELS):
            return self.power()
        left = self.level(number + 1)
        while self.peek() in _LEVELS[number]:
            sign = _LEVELS[number][self.take()[1]]
            left = ("binary", sign, left, self.level(number + 1))
        return left

    def power(self) -> Node:
        if self.peek() == "-":
            self.take()
            return ("binary", "-", ("number", 0.0), self.power())
        base = self.primary()
        if self.peek() == "^":
            self.take()
            return ("binary", "^", base, self.power())
        return base

    def primary(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return ("number", float(text))
        if kind == "text":
            return ("text", text[1:-1])
        if text == "(":
            inner = self.disjunction()
            self.take(")")
            return inner
        if text == "[":
            return ("list", self.items("]"))
        if kind != "name":
            raise MathError("Invalid syntax")
        if self.peek() == "(":
            self.take()
            return ("call", text.upper(), self.items(")"))
        return ("id", text)

    def items(self, end: str) -> list[Node]:
        found: list[Node] = []
        while self.peek() != end:
            found.append(self.disjunction())
            if self.peek() != end:
                self.take(",")
        self.take(end)
        return found


def evaluate(tree: Node, frame: Frame) -> Value:
    """What an expression comes to. Raises MathError."""
    kind = tree[0]
    if kind == "number":
        return float(tree[1])
    if kind == "id":
        if tree[1] not in frame.values:
            raise MathError(f"Undefined variable {tree[1]}")
        return frame.values[tree[1]]
    if kind == "list":
        return [series for node in tree[1] for series in _series_of(evaluate(node, frame))]
    if kind == "binary":
        return _binary(tree[1], evaluate(tree[2], frame), evaluate(tree[3], frame))
    if kind == "call":
        return _call(tree[1], tree[2], frame)
    raise MathError("Invalid syntax")


def _divide(left: float, right: float) -> float | None:
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return None
    return result if isinstance(result, float) else None


_OPERATORS: dict[str, Callable[[float, float], float | None]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "^": _power,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "<": lambda a, b: float(a < b),
    ">": lambda a, b: float(a > b),
    "<=": lambda a, b: float(a <= b),
    ">=": lambda a, b: float(a >= b),
    "and": lambda a, b: float(bool(a) and bool(b)),
    "or": lambda a, b: float(bool(a) or bool(b)),
}


def _binary(sign: str, left: Value, right: Value) -> Value:
    apply = _OPERATORS[sign]
    if isinstance(left, list) and isinstance(right, list):
        raise MathError(f"Unsupported operand types for {sign}: two arrays of time series")
    if isinstance(left, list):
        return [_paired(apply, series, right) for series in left]
    if isinstance(right, list):
        return [_paired(apply, left, series, named_by_right=True) for series in right]
    if isinstance(left, Series) or isinstance(right, Series):
        return _paired(apply, left, right)
    result = apply(left, right)
    if result is None:
        raise MathError("Division by zero")
    return result


def _paired(
    apply: Callable[[float, float], float | None], left: Value, right: Value, *, named_by_right: bool = False
) -> Series:
    """Point by point; what has no result (a division by zero) has no point."""
    first = left if isinstance(left, Series) and not named_by_right else right
    shaped = first if isinstance(first, Series) else left
    assert isinstance(shaped, Series)
    points: dict[float, float] = {}
    for at in shaped.points:
        a, b = _value_at(left, at), _value_at(right, at)
        result = None if a is None or b is None else apply(a, b)
        if result is not None:
            points[at] = result
    return Series(shaped.label, shaped.period, points)


def _value_at(value: Value, at: float) -> float | None:
    if isinstance(value, Series):
        return value.points.get(at)
    assert not isinstance(value, list)
    return value


def _series_of(value: Value) -> list[Series]:
    if isinstance(value, list):
        return value
    if isinstance(value, Series):
        return [value]
    raise MathError("A time series is needed where a number was given")


def _mapped(value: Value, change: Callable[[float], float | None]) -> Value:
    """A function of single values, on a number, a series or each series."""
    if isinstance(value, list):
        return [series for one in value for series in _series_of(_mapped(one, change))]
    if isinstance(value, Series):
        points = {at: result for at, number in value.points.items() if (result := change(number)) is not None}
        return value._replace(points=points)
    result = change(value)
    if result is None:
        raise MathError("The value has no result")
    return result


def _reshaped(value: Value, change: Callable[[Series], dict[float, float]]) -> Value:
    """A function of whole series."""
    changed = [series._replace(points=change(series)) for series in _series_of(value)]
    return changed if isinstance(value, list) else changed[0]


def _deviation(numbers: list[float]) -> float:
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))


_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda numbers: sum(numbers) / len(numbers),
    "MAX": max,
    "MIN": min,
    "SUM": math.fsum,
    "STDDEV": _deviation,
}
_SINGLE: dict[str, Callable[[float], float | None]] = {
    "ABS": abs,
    "CEIL": lambda number: float(math.ceil(number)),
    "FLOOR": lambda number: float(math.floor(number)),
    "LOG": lambda number: math.log(number) if number > 0 else None,
    "LOG10": lambda number: math.log10(number) if number > 0 else None,
}
_CALENDAR: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda moment: moment.minute,
    "HOUR": lambda moment: moment.hour,
    "DAY": lambda moment: moment.isoweekday(),
    "DATE": lambda moment: moment.day,
    "MONTH": lambda moment: moment.month,
    "YEAR": lambda moment: moment.year,
    "EPOCH": lambda moment: moment.timestamp(),
}


def _aggregate(name: str, value: Value) -> Value:
    """Of a series: one number. Of several: a series, over those that have a point."""
    together = _AGGREGATES[name]
    if isinstance(value, list):
        found: dict[float, list[float]] = {}
        for series in value:
            for at, number in series.points.items():
                found.setdefault(at, []).append(number)
        period = min((series.period for series in value), default=60.0)
        return Series(name, period, {at: together(found[at]) for at in sorted(found)})
    if isinstance(value, Series):
        if not value.points:
            return value
        return together(list(value.points.values()))
    return value


def _steps(series: Series, change: Callable[[float, float, float], float]) -> dict[float, float]:
    """From each point and the one before: (new, old, seconds between)."""
    points = list(series.points.items())
    pairs = itertools.pairwise(points)
    return {at: change(new, old, at - before) for (before, old), (at, new) in pairs}


def _running_sum(series: Series) -> dict[float, float]:
    total, points = 0.0, {}
    for at, number in series.points.items():
        total += number
        points[at] = total
    return points


def _grid(frame: Frame, period: float) -> list[float]:
    first = frame.start // period * period
    return [first + step * period for step in range(math.ceil((frame.end - first) / period))]


def _fill(value: Value, filler: Value | str, frame: Frame) -> Value:
    def filled(series: Series) -> dict[float, float]:
        times = sorted({*_grid(frame, series.period), *series.points})
        if filler == "REPEAT":
            return _repeated(series, times)
        if filler == "LINEAR":
            return _interpolated(series, times)
        assert not isinstance(filler, str)
        found = {at: series.points.get(at, _value_at(filler, at)) for at in times}
        return {at: number for at, number in found.items() if number is not None}

    return _reshaped(value, filled)


def _repeated(series: Series, times: list[float]) -> dict[float, float]:
    last, points = None, {}
    for at in times:
        last = series.points.get(at, last)
        if last is not None:
            points[at] = last
    return points


def _interpolated(series: Series, times: list[float]) -> dict[float, float]:
    known = list(series.points.items())
    points = dict(series.points)
    for (before, low), (after, high) in itertools.pairwise(known):
        for at in times:
            if before < at < after:
                points[at] = low + (high - low) * (at - before) / (after - before)
    return dict(sorted(points.items()))


def _call(name: str, nodes: list[Node], frame: Frame) -> Value:
    if name == "METRICS":
        wanted = str(nodes[0][1]) if nodes else ""
        return [series for key, series in frame.metrics.items() if wanted in key]
    if name == "FILL" and len(nodes) == 2:
        mode = nodes[1][1] if nodes[1][0] == "id" and nodes[1][1] in ("REPEAT", "LINEAR") else None
        return _fill(evaluate(nodes[0], frame), mode or evaluate(nodes[1], frame), frame)
    if name == "SORT" and nodes:
        return _sorted(nodes, frame)
    given = [evaluate(node, frame) for node in nodes]
    if name == "IF" and len(given) in (2, 3):
        return _if(given, frame)
    if name == "SLICE" and len(given) in (2, 3) and all(isinstance(part, float) for part in given[1:]):
        bounds = [int(part) for part in given[1:] if isinstance(part, float)]
        return _series_of(given[0])[slice(*bounds)] if len(bounds) == 2 else _series_of(given[0])[bounds[0] :]
    if name == "TIME_SERIES" and len(given) == 1 and isinstance(given[0], float):
        return Series("TIME_SERIES", 60.0, dict.fromkeys(_grid(frame, 60.0), given[0]))
    if len(given) != 1:
        raise MathError(f"Unsupported function or arguments: {name}")
    return _of_one(name, given[0])


def _of_one(name: str, value: Value) -> Value:
    if name in _SINGLE:
        return _mapped(value, _SINGLE[name])
    if name in _AGGREGATES:
        return _aggregate(name, value)
    if name in _CALENDAR:
        read = _CALENDAR[name]
        return _reshaped(value, lambda s: {at: float(read(datetime.fromtimestamp(at, UTC))) for at in s.points})
    if name == "RATE":
        return _reshaped(value, lambda s: _steps(s, lambda new, old, seconds: (new - old) / seconds))
    if name == "DIFF":
        return _reshaped(value, lambda s: _steps(s, lambda new, old, seconds: new - old))
    if name == "DIFF_TIME":
        return _reshaped(value, lambda s: _steps(s, lambda new, old, seconds: seconds))
    if name == "RUNNING_SUM":
        return _reshaped(value, _running_sum)
    if name == "REMOVE_EMPTY":
        return [series for series in _series_of(value) if series.points]
    if name in ("FIRST", "LAST") and isinstance(value, list) and value:
        return value[0 if name == "FIRST" else -1]
    if name == "PERIOD" and isinstance(value, Series):
        return value.period
    if name == "DATAPOINT_COUNT":
        if isinstance(value, list):
            ones = [series._replace(points=dict.fromkeys(series.points, 1.0)) for series in value]
            return _aggregate("SUM", ones)
        return float(len(_series_of(value)[0].points))
    raise MathError(f"Unsupported function or arguments: {name}")


def _sorted(nodes: list[Node], frame: Frame) -> Value:
    words = [node[1] for node in nodes[1:3] if node[0] == "id"]
    together = _AGGREGATES.get(words[0]) if words else None
    if together is None or len(words) > 2 or (len(words) == 2 and words[1] not in ("ASC", "DESC")):
        raise MathError("SORT needs a function (AVG, MIN, MAX, SUM) and an order (ASC, DESC)")
    series = [one for one in _series_of(evaluate(nodes[0], frame)) if one.points]
    order = sorted(series, key=lambda one: together(list(one.points.values())), reverse=words[-1] == "DESC")
    most = evaluate(nodes[3], frame) if len(nodes) > 3 else float(len(order))
    return order[: int(most)] if isinstance(most, float) else order


def _if(given: list[Value], frame: Frame) -> Value:
    """Decided point by point where the condition is a series; without a third argument nothing stands for false."""
    condition, chosen = given[0], given[1]
    other: Value | None = given[2] if len(given) == 3 else None
    if isinstance(condition, list) or isinstance(chosen, list) or isinstance(other, list):
        raise MathError("IF takes no arrays of time series")
    if isinstance(condition, float):
        if not condition and other is None:
            return Series("IF", 60.0, {})
        return chosen if condition or other is None else other
    points: dict[float, float] = {}
    for at, number in condition.points.items():
        branch = chosen if number else other
        result = None if branch is None else _value_at(branch, at)
        if result is not None:
            points[at] = result
    return Series(condition.label, condition.period, points)
