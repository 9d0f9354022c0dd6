"""Contributor Insights: what a rule makes of log lines. Pure.

A rule's definition names fields (of JSON lines, by path; of lines in the Common Log Format, by position), filters lines
by them, and counts or sums what each combination of keys contributed.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights-RuleSyntax.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec

_COMMON_LOG = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')
_MOST_FILTERS, _MOST_KEYS = 4, 4
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "EqualTo": operator.eq,
    "NotEqualTo": operator.ne,
    "GreaterThan": operator.gt,
    "LessThan": operator.lt,
}
_TESTS = (*_COMPARED, "In", "NotIn", "StartsWith", "IsPresent")


class DefinitionError(Exception):
    """The definition is none; says why."""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    groups: list[str]
    is_json: bool
    fields: dict[str, str]
    """For lines in the Common Log Format: positions, from 1, by alias. For JSON: paths by alias."""
    keys: list[str]
    value_of: str
    filters: list[dict[str, Any]]
    is_sum: bool


def parse(text: str) -> Definition:
    """The definition in a rule's text. Raises DefinitionError."""
    try:
        raw = msgspec.json.decode(text, type=dict[str, Any])
        schema, contribution = raw["Schema"], raw["Contribution"]
        found = Definition(
            schema=f"{schema['Name']}/{schema['Version']}",
            groups=list(raw.get("LogGroupNames") or raw.get("LogGroupARNs") or []),
            is_json=raw.get("LogFormat", "JSON") == "JSON",
            fields={alias: str(place) for place, alias in raw.get("Fields", {}).items()},
            keys=list(contribution["Keys"]),
            value_of=contribution.get("ValueOf", ""),
            filters=list(contribution.get("Filters", [])),
            is_sum=raw.get("AggregateOn", "Count") == "Sum",
        )
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError):
        raise DefinitionError("The rule definition is not valid JSON with Schema and Contribution.") from None
    _check(found)
    return found


def _check(found: Definition) -> None:
    if not found.groups:
        raise DefinitionError("The rule definition must name log groups.")
    if not 1 <= len(found.keys) <= _MOST_KEYS:
        raise DefinitionError(f"Contribution must have between 1 and {_MOST_KEYS} Keys.")
    if len(found.filters) > _MOST_FILTERS:
        raise DefinitionError(f"Contribution can have at most {_MOST_FILTERS} Filters.")
    if found.is_sum and not found.value_of:
        raise DefinitionError("ValueOf is required when AggregateOn is Sum.")
    for each in found.filters:
        if "Match" not in each or not any(test in each for test in _TESTS):
            raise DefinitionError("A filter needs Match and a test.")


def contribution(rule: Definition, line: str) -> tuple[tuple[str, ...], float] | None:
    """(keys, amount) of a line; None for one that does not count."""
    look_up = _json_fields(rule, line) if rule.is_json else _common_fields(rule, line)
    if look_up is None or not all(_passes(each, look_up(each["Match"])) for each in rule.filters):
        return None
    keys = [look_up(key) for key in rule.keys]
    if any(key is None for key in keys):
        return None
    amount = _number(look_up(rule.value_of)) if rule.is_sum else 1.0
    return None if amount is None else (tuple(_text(key) for key in keys), amount)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _json_fields(rule: Definition, line: str) -> Callable[[str], Any] | None:
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None

    def look_up(path: str) -> Any:
        found = document
        for step in rule.fields.get(path, path).removeprefix("$.").split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return found

    return look_up


def _common_fields(rule: Definition, line: str) -> Callable[[str], Any]:
    parts = [part.strip('"') for part in _COMMON_LOG.findall(line)]

    def look_up(alias: str) -> Any:
        place = rule.fields.get(alias, alias)
        at = int(place) if place.isdecimal() else 0
        return parts[at - 1] if 1 <= at <= len(parts) else None

    return look_up


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _passes(each: dict[str, Any], value: Any) -> bool:
    if "IsPresent" in each:
        return (value is not None) == bool(each["IsPresent"])
    if "In" in each:
        return _text(value) in [_text(one) for one in each["In"]]
    if "NotIn" in each:
        return _text(value) not in [_text(one) for one in each["NotIn"]]
    if "StartsWith" in each:
        starts = each["StartsWith"]
        return _text(value).startswith(tuple(starts if isinstance(starts, list) else [starts]))
    number = _number(value)
    test = next(name for name in _COMPARED if name in each)
    return number is not None and _COMPARED[test](number, float(each[test]))
