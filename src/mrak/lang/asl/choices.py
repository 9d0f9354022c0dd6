"""The rules of a Choice state: which one holds first.

A JSONPath rule is a comparison (`Variable` with one operator) or And, Or, Not of rules; a JSONata rule has a Condition.
Operators that end with Path take the value to compare with from the data.
https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from mrak.lang.asl import references
from mrak.lang.asl.failures import runtime
from mrak.lang.asl.references import PathMissing
from mrak.lang.asl.scope import Scope

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: bool(left == right),
    "LessThan": lambda left, right: bool(left < right),
    "LessThanEquals": lambda left, right: bool(left <= right),
    "GreaterThan": lambda left, right: bool(left > right),
    "GreaterThanEquals": lambda left, right: bool(left >= right),
}
_KINDS = ("String", "Numeric", "Boolean", "Timestamp")
_TESTS = ("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp")
COMPARISON_OPERATORS: frozenset[str] = frozenset(
    [
        f"{kind}{name}{path}"
        for kind in _KINDS
        for name in _COMPARISONS
        for path in ("", "Path")
        if kind != "Boolean" or name == "Equals"
    ]
    + ["StringMatches", *_TESTS]
)
COMBINATIONS = ("And", "Or", "Not")


def holds(rule: dict[str, Any], scope: Scope) -> bool:
    """Whether a JSONPath rule holds; raises StateFailed where its path names nothing."""
    if "And" in rule:
        return all(holds(inner, scope) for inner in rule["And"])
    if "Or" in rule:
        return any(holds(inner, scope) for inner in rule["Or"])
    if "Not" in rule:
        return not holds(rule["Not"], scope)
    operator = next(name for name in rule if name in COMPARISON_OPERATORS)
    wanted = rule[operator]
    if operator == "IsPresent":
        return bool(_is_present(rule["Variable"], scope) == wanted)
    value = _require(rule["Variable"], scope)
    if operator in _TESTS:
        return bool(_has_kind(operator, value) == wanted)
    if operator == "StringMatches":
        return isinstance(value, str) and _pattern(wanted).fullmatch(value) is not None
    if operator.endswith("Path"):
        operator, wanted = operator.removesuffix("Path"), _require(wanted, scope)
    return _compare(operator, value, wanted)


def _require(path: str, scope: Scope) -> Any:
    try:
        return references.find(path, scope)
    except PathMissing:
        raise runtime(
            f"Invalid path '{path}': The choice state's condition path references an invalid value."
        ) from None


def _is_present(path: str, scope: Scope) -> bool:
    try:
        references.find(path, scope)
    except PathMissing:
        return False
    return True


def _has_kind(operator: str, value: Any) -> bool:
    if operator == "IsNull":
        return value is None
    if operator == "IsNumeric":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if operator == "IsString":
        return isinstance(value, str)
    if operator == "IsBoolean":
        return isinstance(value, bool)
    return find_timestamp(value) is not None


def _compare(operator: str, value: Any, wanted: Any) -> bool:
    kind = next(kind for kind in _KINDS if operator.startswith(kind))
    left, right = _operand(kind, value), _operand(kind, wanted)
    if left is None or right is None:
        return False
    return _COMPARISONS[operator.removeprefix(kind)](left, right)


def _operand(kind: str, value: Any) -> Any:
    """The value as the operator compares it; None where it is of another kind, for which no comparison holds."""
    if kind == "Timestamp":
        return find_timestamp(value)
    if kind == "Boolean":
        return value if isinstance(value, bool) else None
    if kind == "Numeric":
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return value if isinstance(value, str) else None


def find_timestamp(value: Any) -> datetime | None:
    """The time of an RFC 3339 text; None where it is none."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return None
    # datetime has microseconds; what is finer only orders times within one.
    text = re.sub(r"(\.\d{6})\d+", r"\1", value)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    r"""`*` is anything, `\*` a star. Stars that follow each other are one, so nothing backtracks badly."""
    parts, at = [], 0
    while at < len(glob):
        if glob[at] == "\\" and at + 1 < len(glob):
            at += 1
            parts.append(re.escape(glob[at]))
        elif glob[at] == "*":
            if not parts or parts[-1] != ".*":
                parts.append(".*")
        else:
            parts.append(re.escape(glob[at]))
        at += 1
    return re.compile("".join(parts), re.DOTALL)
