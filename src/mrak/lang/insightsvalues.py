"""Values, functions and aggregations of the CloudWatch Logs Insights query language.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html

A value is text, a number, a `Moment`, or None for what an event has not. Text that looks like a number counts as one.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from mrak.lang.logregex import compile_regex

Value = Any

_NUMBER: Final = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*").fullmatch
_UNITS_MS: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "mo": 2_592_000_000,
    "q": 7_776_000_000,
    "y": 31_536_000_000,
}
_PERIOD: Final = re.compile(r"([0-9]{1,9})\s*(ms|s|m|h|d|w|mo|q|y)[a-z]*").fullmatch


class Moment(int):
    """Epoch milliseconds that are shown as a date."""


def number_of(value: Value) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER(value) else None


def text_of(value: Value) -> str:
    """A value as results show it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Moment):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{value % 1000:03d}"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


def is_true(value: Value) -> bool:
    if isinstance(value, str):
        return value not in ("", "false", "0")
    return bool(value)


def compare(left: Value, operator: str, right: Value) -> bool:
    """Numbers compare as numbers where both sides are; else as text. Nothing equals what is not there."""
    if left is None or right is None:
        return (
            (left is None and right is None)
            if operator == "="
            else (left is None) != (right is None) and (operator == "!=")
        )
    first, second = number_of(left), number_of(right)
    if first is None or second is None:
        return _ordered(text_of(left), operator, text_of(right))
    return _ordered(first, operator, second)


def _ordered(left: Any, operator: str, right: Any) -> bool:
    if operator in ("=", "!="):
        return bool(left == right) == (operator == "=")
    if operator in ("<", "<="):
        return bool(left < right) or (operator == "<=" and bool(left == right))
    return bool(left > right) or (operator == ">=" and bool(left == right))


def calculate(left: Value, operator: str, right: Value) -> Value:
    first, second = number_of(left), number_of(right)
    if first is None or second is None:
        return None
    if operator in ("/", "%"):
        if not second:
            return None
        return first / second if operator == "/" else math.fmod(first, second)
    if operator == "^":
        # Powers beyond what a float holds are no number.
        return first**second if abs(second) <= 64 and 0 <= first <= 1e4 else None
    return first + second if operator == "+" else first - second if operator == "-" else first * second


def period_ms(text: str) -> int:
    """The milliseconds of `5m`; zero for what is no period."""
    found = _PERIOD(text)
    return int(found[1]) * _UNITS_MS[found[2]] if found else 0


def matches(value: Value, pattern: str, is_regex: bool) -> bool:
    """`like`: contains a text, or matches an expression anywhere."""
    if value is None:
        return False
    text = text_of(value)
    return compile_regex(pattern).search(text) is not None if is_regex else pattern in text


# Functions --------------------------------------------------------------------------------------------------------


def _numeric(function: Callable[[float], float]) -> Callable[..., Value]:
    def apply(value: Value) -> Value:
        number = number_of(value)
        try:
            return None if number is None else function(number)
        except (ValueError, OverflowError):
            return None

    return apply


def _textual(function: Callable[[str], Value]) -> Callable[..., Value]:
    return lambda value: None if value is None else function(text_of(value))


def _extreme(choose: Callable[[list[float]], float]) -> Callable[..., Value]:
    def apply(*values: Value) -> Value:
        numbers = [number for number in map(number_of, values) if number is not None]
        return choose(numbers) if numbers else None

    return apply


def _substr(value: Value, start: Value, length: Value = None) -> Value:
    if value is None:
        return None
    first = int(number_of(start) or 0)
    text = text_of(value)[first:]
    return text if length is None else text[: int(number_of(length) or 0)]


def _replace(value: Value, old: Value, new: Value) -> Value:
    # Bounded, since an empty or short needle could make an event grow without limit.
    return None if value is None else text_of(value).replace(text_of(old), text_of(new))[:1_000_000]


def _strip(value: Value, characters: Value, side: str) -> Value:
    text, strip = text_of(value), None if characters is None else text_of(characters)
    return {"left": text.lstrip, "right": text.rstrip}.get(side, text.strip)(strip)


def _is_ip(value: Value, version: int = 0) -> bool:
    try:
        address = ipaddress.ip_address(text_of(value))
    except ValueError:
        return False
    return not version or address.version == version


def _in_subnet(value: Value, subnet: Value) -> bool:
    try:
        return ipaddress.ip_address(text_of(value)) in ipaddress.ip_network(text_of(subnet), strict=False)
    except ValueError:
        return False


def _floor_to(value: Value, period: str, up: bool = False) -> Value:
    number, size = number_of(value), period_ms(period)
    if number is None or not size:
        return None
    return Moment((-(-int(number) // size) if up else int(number) // size) * size)


FUNCTIONS: Final[dict[str, Callable[..., Value]]] = {
    "abs": _numeric(abs),
    "ceil": _numeric(math.ceil),
    "floor": _numeric(math.floor),
    "log": _numeric(math.log),
    "sqrt": _numeric(math.sqrt),
    "greatest": _extreme(max),
    "least": _extreme(min),
    "strlen": _textual(len),
    "toupper": _textual(str.upper),
    "tolower": _textual(str.lower),
    "trim": lambda value, characters=None: _strip(value, characters, "both"),
    "ltrim": lambda value, characters=None: _strip(value, characters, "left"),
    "rtrim": lambda value, characters=None: _strip(value, characters, "right"),
    "substr": _substr,
    "replace": _replace,
    "concat": lambda *values: "".join(map(text_of, values)),
    "strcontains": lambda value, part: int(text_of(part) in text_of(value)),
    "isempty": lambda value: value is None or text_of(value) == "",
    "isblank": lambda value: value is None or not text_of(value).strip(),
    "ispresent": lambda value: value is not None,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "isvalidip": lambda value: _is_ip(value),
    "isvalidipv4": lambda value: _is_ip(value, 4),
    "isvalidipv6": lambda value: _is_ip(value, 6),
    "isipinsubnet": _in_subnet,
    "isipv4insubnet": lambda value, subnet: _is_ip(value, 4) and _in_subnet(value, subnet),
    "isipv6insubnet": lambda value, subnet: _is_ip(value, 6) and _in_subnet(value, subnet),
    "frommillis": lambda value: None if number_of(value) is None else Moment(int(number_of(value) or 0)),
    "tomillis": lambda value: None if number_of(value) is None else int(number_of(value) or 0),
    "datefloor": lambda value, period: _floor_to(value, period),
    "dateceil": lambda value, period: _floor_to(value, period, up=True),
}


# Aggregations -----------------------------------------------------------------------------------------------------


class Aggregate:
    """One aggregation over the events of one group; `add` values, then ask `result`."""

    __slots__ = ("_argument", "_count", "_first", "_kind", "_last", "_numbers", "_seen", "_squares", "_sum")

    def __init__(self, kind: str, argument: float = 0.0) -> None:
        self._kind = kind
        self._argument = argument
        self._count = 0
        self._sum = 0.0
        self._squares = 0.0
        self._seen: set[str] = set()
        self._numbers: list[float] = []
        self._first: tuple[int, Value] | None = None
        self._last: tuple[int, Value] | None = None

    def add(self, value: Value, timestamp_ms: int) -> None:
        if value is None:
            return
        self._count += 1
        if self._kind == "count_distinct":
            self._seen.add(text_of(value))
        elif self._kind in ("earliest", "latest"):
            self._note_time(value, timestamp_ms)
        elif self._kind in ("sortsfirst", "sortslast"):
            self._note_order(value)
        elif self._kind != "count":
            number = number_of(value)
            if number is not None:
                self._add_number(number)

    def _add_number(self, number: float) -> None:
        self._sum += number
        self._squares += number * number
        self._numbers.append(number)

    def _note_time(self, value: Value, timestamp_ms: int) -> None:
        if self._first is None or timestamp_ms < self._first[0]:
            self._first = timestamp_ms, value
        if self._last is None or timestamp_ms >= self._last[0]:
            self._last = timestamp_ms, value

    def _note_order(self, value: Value) -> None:
        if self._first is None or compare(value, "<", self._first[1]):
            self._first = 0, value
        if self._last is None or compare(value, ">", self._last[1]):
            self._last = 0, value

    def result(self) -> Value:
        if self._kind == "count":
            return self._count
        if self._kind == "count_distinct":
            return len(self._seen)
        if self._kind in ("earliest", "sortsfirst"):
            return self._first[1] if self._first else None
        if self._kind in ("latest", "sortslast"):
            return self._last[1] if self._last else None
        return self._of_numbers() if self._numbers else None

    def _of_numbers(self) -> Value:
        count = len(self._numbers)
        if self._kind == "sum":
            return self._sum
        if self._kind == "avg":
            return self._sum / count
        if self._kind == "min":
            return min(self._numbers)
        if self._kind == "max":
            return max(self._numbers)
        if self._kind == "stddev":
            return math.sqrt(max(self._squares / count - (self._sum / count) ** 2, 0.0))
        ranked = sorted(self._numbers)
        at = max(math.ceil(self._argument / 100 * count) - 1, 0)
        return ranked[min(at, count - 1)]


AGGREGATES: Final = frozenset(
    {
        *("avg", "count", "count_distinct", "earliest", "latest", "max", "min", "pct", "sortsfirst", "sortslast"),
        *("stddev", "sum"),
    }
)
