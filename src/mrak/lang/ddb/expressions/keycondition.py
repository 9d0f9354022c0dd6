"""Key conditions: KeyConditionExpression to one condition for each key attribute, and these to a range of sort keys.

Both the expression and the legacy KeyConditions become `{attribute: KeyTest}`; what a table's or an index's key schema
has to say about them (a condition on the partition key, equality, types) comes with the schema, in `check_element`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mrak.lang.ddb.errors import invalid, invalid_parameter
from mrak.lang.ddb.expressions.condition import ConditionPlan, plan, value_begins_with
from mrak.lang.ddb.expressions.tree import (
    BetweenNode,
    CompareNode,
    Condition,
    FunctionNode,
    InNode,
    LogicNode,
    NotNode,
    Operand,
    PathNode,
    ValueNode,
)
from mrak.lang.ddb.keys import after_prefix, sort_bytes
from mrak.lang.ddb.values import Value, sort_value

EXPRESSION = "KeyConditionExpression"
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPERATORS = {"=": "EQ", "<": "LT", "<=": "LE", ">": "GT", ">=": "GE"}
_NOT_INDEXABLE = frozenset({"NULL", "NOT_NULL", "NE", "CONTAINS", "NOT_CONTAINS", "IN"})


@dataclass(frozen=True, slots=True)
class KeyTest:
    """A condition on one key attribute, in the legacy operators' names: EQ, LT, LE, GT, GE, BETWEEN, BEGINS_WITH."""

    operator: str
    operands: tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        if self.operator == "BEGINS_WITH":
            return value_begins_with(value, self.operands[0])
        content = sort_value(value)
        first = sort_value(self.operands[0])
        if self.operator == "BETWEEN":
            return bool(first <= content <= sort_value(self.operands[1]))
        return bool(
            {
                "EQ": content == first,
                "LT": content < first,
                "LE": content <= first,
                "GT": content > first,
                "GE": content >= first,
            }[self.operator]
        )


@dataclass(frozen=True, slots=True)
class SortRange:
    """Sort keys from `start` (inclusive) to `end` (exclusive) in `keys.sort_bytes`; None is open.

    `includes_end` tells that keys equal to `end` belong to it too (EQ, LE, BETWEEN), `includes_start` that those equal
    to `start` do (not so with GT).
    """

    start: bytes | None = None
    end: bytes | None = None
    includes_start: bool = True
    includes_end: bool = False


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """A KeyConditionExpression with its names bound: which attribute, which operator, which values."""

    condition: ConditionPlan
    # attribute -> (operator, value placeholders)
    tests: tuple[tuple[str, str, tuple[str, ...]], ...]

    def bind(self, values: Mapping[str, Value]) -> dict[str, KeyTest]:
        return {
            attribute: KeyTest(operator, tuple(values[name] for name in names))
            for attribute, operator, names in self.tests
        }


def key_plan(text: str, names: Mapping[str, str], values: Mapping[str, Value]) -> KeyPlan:
    """The plan of a KeyConditionExpression, checked: first as any condition, then as a key condition."""
    condition = plan(text, EXPRESSION, names)
    condition.check(values)
    return _tests(text, tuple(names.items()))


@lru_cache(1024)
def _tests(text: str, names: tuple[tuple[str, str], ...]) -> KeyPlan:
    condition = plan(text, EXPRESSION, dict(names))
    bindings = dict(names)
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    _collect(condition.node, bindings, found)
    return KeyPlan(condition, tuple((name, operator, values) for name, (operator, values) in found.items()))


def _collect(node: Condition, names: dict[str, str], found: dict[str, tuple[str, tuple[str, ...]]]) -> None:
    if isinstance(node, LogicNode):
        if node.operator == "OR":
            raise invalid(f"Invalid operator used in {EXPRESSION}: OR")
        for part in node.parts:
            _collect(part, names, found)
        return
    operator, operands = _shape(node)
    attribute, position = _attribute_of(operands, names)
    if attribute in found:
        raise invalid(f"Invalid {EXPRESSION}: KeyConditionExpressions must only contain one condition per key")
    if position != 0 and operator in _MIRRORED:
        operator = _MIRRORED[operator]
    others = tuple(operand.name for operand in operands if isinstance(operand, ValueNode))
    found[attribute] = (_OPERATORS.get(operator, operator), others)


def _shape(node: Condition) -> tuple[str, tuple[Operand, ...]]:
    """A leaf's operator and operands; raises for operators that no key condition has."""
    if isinstance(node, NotNode):
        raise invalid(f"Invalid operator used in {EXPRESSION}: NOT")
    if isinstance(node, InNode):
        raise invalid(f"Invalid operator used in {EXPRESSION}: IN")
    if isinstance(node, CompareNode):
        if node.operator == "<>":
            raise invalid(f"Invalid operator used in {EXPRESSION}: <>")
        return node.operator, (node.left, node.right)
    if isinstance(node, BetweenNode):
        _require_path_first("BETWEEN", node.operand)
        return "BETWEEN", (node.operand, node.lower, node.upper)
    assert isinstance(node, FunctionNode)
    if node.name != "begins_with":
        raise invalid(f"Invalid operator used in {EXPRESSION}: {node.name}")
    _require_path_first("begins_with", node.args[0])
    return "BEGINS_WITH", node.args


def _require_path_first(operator: str, operand: Operand) -> None:
    if isinstance(operand, FunctionNode):
        raise invalid("KeyConditionExpressions cannot contain nested operations")
    if not isinstance(operand, PathNode):
        raise invalid(
            f"Invalid condition in {EXPRESSION}: {operator} operator must have the key attribute as its first operand"
        )


def _attribute_of(operands: Sequence[Operand], names: dict[str, str]) -> tuple[str, int]:
    """The one attribute that a leaf speaks of, and its place among the operands."""
    attribute: str | None = None
    position = 0
    for index, operand in enumerate(operands):
        if isinstance(operand, FunctionNode):
            raise invalid("KeyConditionExpressions cannot contain nested operations")
        if isinstance(operand, PathNode):
            if attribute is not None:
                raise invalid(f"Invalid condition in {EXPRESSION}: Multiple attribute names used in one condition")
            if len(operand.raw) > 1:
                raise invalid(
                    f"Invalid {EXPRESSION}: KeyConditionExpressions cannot have conditions on nested attributes"
                )
            head = str(operand.raw[0])
            attribute, position = names.get(head, head), index
    if attribute is None:
        raise invalid(f"Invalid condition in {EXPRESSION}: No key attribute specified")
    return attribute, position


def check_count(tests: Mapping[str, KeyTest], most: int) -> None:
    """`most` is how many attributes the key has."""
    if not tests:
        raise invalid("Conditions can be of length 1 or 2 only")
    if len(tests) > most:
        raise invalid(
            f"The number of query conditions ({len(tests)}) exceeds the number of key attributes defined in the schema "
            f"({most})"
        )


def check_element(tests: Mapping[str, KeyTest], schema: Sequence[tuple[str, str]], place: int) -> None:
    """What one attribute of a key schema, as (attribute, type) with the partition key first, demands of the
    conditions."""
    attribute, kind = schema[place]
    if place == 0 and len(schema) == 1 and len(tests) > 1:
        raise invalid("Query key condition not supported")
    test = tests.get(attribute)
    if test is None:
        if place == 0 or len(tests) > 1:
            raise invalid(f"Query condition missed key schema element: {attribute}")
        return
    if test.operator in _NOT_INDEXABLE:
        raise invalid("Attempted conditional constraint is not an indexable operation")
    if any(kind not in operand for operand in test.operands):
        raise invalid_parameter("Condition parameter type does not match schema type")
    if place == 0 and test.operator != "EQ":
        raise invalid("Query key condition not supported")


def sort_range(test: KeyTest | None) -> SortRange:
    """The sort keys that a condition leaves, as bytes."""
    if test is None:
        return SortRange()
    first = sort_bytes(test.operands[0])
    if test.operator == "EQ":
        return SortRange(first, first, includes_end=True)
    if test.operator == "LT":
        return SortRange(None, first)
    if test.operator == "LE":
        return SortRange(None, first, includes_end=True)
    if test.operator == "GT":
        return SortRange(first, None, includes_start=False)
    if test.operator == "GE":
        return SortRange(first, None)
    if test.operator == "BETWEEN":
        return SortRange(first, sort_bytes(test.operands[1]), includes_end=True)
    assert test.operator == "BEGINS_WITH", test.operator
    return SortRange(first, after_prefix(first))


def overlap(one: KeyTest | None, two: KeyTest | None) -> bool:
    """Whether some sort key meets both conditions; None is met by all."""
    first, second = sort_range(one), sort_range(two)
    return _begins_before_end(first, second) and _begins_before_end(second, first)


def _begins_before_end(one: SortRange, two: SortRange) -> bool:
    if one.start is None or two.end is None:
        return True
    return one.start < two.end or (one.start == two.end and one.includes_start and two.includes_end)
