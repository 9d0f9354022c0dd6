"""The parameters from before expressions: Expected, QueryFilter, ScanFilter, KeyConditions, AttributeUpdates.

They come to the same plans as expressions: a test of an item, key tests, an update that is applied to the old item.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mrak.lang.ddb import numbers
from mrak.lang.ddb.errors import invalid, invalid_parameter
from mrak.lang.ddb.expressions.condition import sort_pair, value_begins_with
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.expressions.paths import Values
from mrak.lang.ddb.expressions.tree import Path
from mrak.lang.ddb.expressions.update import difference, union
from mrak.lang.ddb.values import Item, Value, check_value, equal, kind_of, sort_value

LOWER_ABOVE_UPPER = "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
TYPE_MISMATCH = "Type mismatch for attribute to update"

_SCALARS = frozenset({"S", "N", "B"})
_WITH_SETS = frozenset({"S", "N", "B", "SS", "NS", "BS", "L", "M", "NULL", "BOOL"})
_ARGUMENTS = {"NULL": (0, 0), "NOT_NULL": (0, 0), "IN": (1, None), "BETWEEN": (2, 2)}
_TYPES = {
    "EQ": _WITH_SETS,
    "NE": _WITH_SETS,
    "LE": _SCALARS,
    "LT": _SCALARS,
    "GE": _SCALARS,
    "GT": _SCALARS,
    "CONTAINS": _SCALARS | {"NULL", "BOOL"},
    "NOT_CONTAINS": _SCALARS | {"NULL", "BOOL"},
    "BEGINS_WITH": frozenset({"S", "B"}),
    "IN": _SCALARS,
    "BETWEEN": _SCALARS,
}

Compare = Callable[[Value | None, list[Value]], bool]


@dataclass(frozen=True, slots=True)
class LegacyCondition:
    """Conditions by attribute, joined by ConditionalOperator. The same face as a condition plan."""

    clauses: tuple[tuple[str, Compare, list[Value]], ...]
    any_suffices: bool
    heads: frozenset[str]
    nested_heads: frozenset[str] = frozenset()

    def test(self, item: Item, values: Values) -> bool:
        results = (compare(item.get(name), operands) for name, compare, operands in self.clauses)
        return any(results) if self.any_suffices else all(results)


def expected_plan(expected: Mapping[str, Any], operator: str | None) -> LegacyCondition:
    """The plan of Expected; raises AWS's validation errors."""
    for name, clause in expected.items():
        _check_expected(name, clause)
    check_operator("Expected", expected, operator)
    clauses = tuple((name, *_expected_clause(clause)) for name, clause in expected.items())
    return LegacyCondition(clauses, operator == "OR", frozenset(expected))


def filter_plan(parameter: str, conditions: Mapping[str, Any], operator: str | None) -> LegacyCondition:
    """The plan of QueryFilter or ScanFilter."""
    check_conditions(conditions)
    check_operator(parameter, conditions, operator)
    clauses = tuple(
        (name, _COMPARE[clause["ComparisonOperator"]], clause.get("AttributeValueList", []))
        for name, clause in conditions.items()
    )
    return LegacyCondition(clauses, operator == "OR", frozenset(conditions))


def key_tests(conditions: Mapping[str, Any]) -> dict[str, KeyTest]:
    """KeyConditions as key tests; the key schema judges the operators."""
    check_conditions(conditions)
    return {
        name: KeyTest(clause["ComparisonOperator"], tuple(clause.get("AttributeValueList", [])))
        for name, clause in conditions.items()
    }


def check_operator(parameter: str, conditions: Mapping[str, Any] | None, operator: str | None) -> None:
    """ConditionalOperator needs at least two conditions to join."""
    if operator is None:
        return
    if not conditions:
        raise invalid("ConditionalOperator cannot be used without Filter or Expected")
    if len(conditions) == 1:
        raise invalid("ConditionalOperator can only be used when Filter or Expected has two or more elements")


def _check_expected(name: str, clause: Mapping[str, Any]) -> None:
    has_list, has_value = "AttributeValueList" in clause, "Value" in clause
    if has_list and has_value:
        raise invalid_parameter(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
    operator = clause.get("ComparisonOperator")
    if operator is None:
        _check_exists(name, clause, has_list)
        return
    if "Exists" in clause:
        raise invalid_parameter(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
    if operator not in ("NULL", "NOT_NULL") and not has_list and not has_value:
        raise invalid_parameter(
            f"Value or AttributeValueList must be used with ComparisonOperator: {operator} for Attribute: {name}"
        )
    operands = clause["AttributeValueList"] if has_list else [clause["Value"]] if has_value else []
    check_operands(operator, operands)


def _check_exists(name: str, clause: Mapping[str, Any], has_list: bool) -> None:
    if has_list:
        raise invalid_parameter(f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}")
    exists, has_value = clause.get("Exists"), "Value" in clause
    if exists is not False and not has_value:
        shown = "null" if exists is None else "true"
        raise invalid_parameter(f"Value must be provided when Exists is {shown} for Attribute: {name}")
    if exists is False and has_value:
        raise invalid_parameter(f"Value cannot be used when Exists is false for Attribute: {name}")
    if has_value:
        check_value(clause["Value"])


def _expected_clause(clause: Mapping[str, Any]) -> tuple[Compare, list[Value]]:
    operands = clause.get("AttributeValueList") or ([clause["Value"]] if "Value" in clause else [])
    operator = clause.get("ComparisonOperator")
    if operator is None:
        operator = "NULL" if clause.get("Exists") is False else "EQ"
    return _COMPARE[operator], operands


def check_conditions(conditions: Mapping[str, Any]) -> None:
    """What QueryFilter, ScanFilter and KeyConditions must be, whatever the table."""
    for clause in conditions.values():
        check_operands(clause["ComparisonOperator"], clause.get("AttributeValueList", []))


def check_operands(operator: str, operands: list[Value]) -> None:
    for operand in operands:
        check_value(operand)
    least, most = _ARGUMENTS.get(operator, (1, 1))
    if len(operands) < least or (most is not None and len(operands) > most):
        raise invalid_parameter(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    if not operands:
        return
    kinds = [kind_of(operand) for operand in operands]
    for kind in kinds:
        if operator in _TYPES and kind not in _TYPES[operator]:
            raise invalid_parameter(f"ComparisonOperator {operator} is not valid for {kind} AttributeValue type")
    if len(set(kinds)) > 1:
        raise invalid_parameter("AttributeValues inside AttributeValueList must be of same type")
    if operator == "BETWEEN" and sort_value(operands[0]) > sort_value(operands[1]):
        raise invalid(LOWER_ABOVE_UPPER)


def _equals(value: Value | None, operands: list[Value]) -> bool:
    return value is not None and equal(value, operands[0])


def _differs(value: Value | None, operands: list[Value]) -> bool:
    return value is None or not equal(value, operands[0])


def _ordering(holds: Callable[[Any, Any], bool]) -> Compare:
    def compare(value: Value | None, operands: list[Value]) -> bool:
        pair = sort_pair(value, operands[0])
        return pair is not None and holds(*pair)

    return compare


def _between(value: Value | None, operands: list[Value]) -> bool:
    low, high = sort_pair(operands[0], value), sort_pair(value, operands[1])
    return low is not None and high is not None and low[0] <= low[1] and high[0] <= high[1]


def _contains(value: Value | None, operands: list[Value]) -> bool:
    """A substring, or a member of a set or list."""
    if value is None:
        return False
    member = operands[0]
    kind, wanted = kind_of(value), kind_of(member)
    if kind in ("S", "B"):
        return kind == wanted and member[kind] in value[kind]
    if kind in ("SS", "NS", "BS"):
        return kind[0] == wanted and member[wanted] in value[kind]
    return kind == "L" and any(equal(element, member) for element in value["L"])


_COMPARE: dict[str, Compare] = {
    "EQ": _equals,
    "NE": _differs,
    "LT": _ordering(lambda a, b: a < b),
    "LE": _ordering(lambda a, b: a <= b),
    "GT": _ordering(lambda a, b: a > b),
    "GE": _ordering(lambda a, b: a >= b),
    "BETWEEN": _between,
    "IN": lambda value, operands: value is not None and any(equal(value, operand) for operand in operands),
    "BEGINS_WITH": lambda value, operands: value_begins_with(value, operands[0]),
    "CONTAINS": _contains,
    # An attribute that is not there neither contains a value nor does without it.
    "NOT_CONTAINS": lambda value, operands: value is not None and not _contains(value, operands),
    "NULL": lambda value, operands: value is None,
    "NOT_NULL": lambda value, operands: value is not None,
}


@dataclass(frozen=True, slots=True)
class LegacyUpdate:
    """AttributeUpdates. The same face as an update plan."""

    updates: Mapping[str, Any]
    paths: tuple[Path, ...]
    heads: frozenset[str]
    nested_heads: frozenset[str] = frozenset()

    @property
    def creates(self) -> bool:
        return not self.updates or any(update.get("Action") != "DELETE" for update in self.updates.values())

    def kinds(self, values: Mapping[str, Value]) -> dict[str, str]:
        return {name: kind_of(value) for name, value in self.constants(values).items()}

    def constants(self, values: Mapping[str, Value]) -> dict[str, Value]:
        return {name: update["Value"] for name, update in self.updates.items() if "Value" in update}

    def apply(self, old: Item, values: Values) -> Item:
        new = dict(old)
        for name, update in self.updates.items():
            value = _APPLY[update.get("Action", "PUT")](new.get(name), update.get("Value"))
            if value is None:
                new.pop(name, None)
            else:
                new[name] = value
        return new


def update_plan(updates: Mapping[str, Any]) -> LegacyUpdate:
    """The plan of AttributeUpdates; raises AWS's validation errors."""
    for update in updates.values():
        _check_update(update)
    return LegacyUpdate(updates, tuple((name,) for name in updates), frozenset(updates))


def _check_update(update: Mapping[str, Any]) -> None:
    value, action = update.get("Value"), update.get("Action", "PUT")
    if value is None:
        if action != "DELETE":
            raise invalid_parameter("Only DELETE action is allowed when no attribute value is specified")
        return
    check_value(value)
    kind = kind_of(value)
    if action == "DELETE" and kind not in ("SS", "NS", "BS"):
        raise invalid_parameter(f"DELETE action with value is not supported for the type {kind}")
    if action == "ADD" and kind not in ("L", "SS", "NS", "BS", "N"):
        raise invalid_parameter(f"ADD action is not supported for the type {kind}")


def _put(old: Value | None, value: Value | None) -> Value | None:
    return value


def _add(old: Value | None, value: Value) -> Value:
    kind = kind_of(value)
    if old is None:
        return value
    if kind not in old:
        raise invalid(TYPE_MISMATCH)
    if kind == "N":
        return {"N": numbers.add(old["N"], value["N"])}
    members = [*old["L"], *value["L"]] if kind == "L" else union(kind, old[kind], value[kind])
    return {kind: members}


def _delete(old: Value | None, value: Value | None) -> Value | None:
    if old is None or value is None:
        return None
    kind = kind_of(value)
    if kind not in old:
        raise invalid(TYPE_MISMATCH)
    left = difference(old[kind], value[kind])
    return {kind: left} if left else None


_APPLY: dict[str, Callable[[Any, Any], Value | None]] = {"PUT": _put, "ADD": _add, "DELETE": _delete}
