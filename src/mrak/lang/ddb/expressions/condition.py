"""Conditions and filters: a tree compiled to one closure, and the checks that need names and values.

AWS walks the tree in the order of the text, operands before what is done with them, and reports the first error: of an
operand, a name or value that is not defined or a path that is too deep; of a comparison or function, a wrong number of
operands, operands that are the same, operands of a wrong type. All but the values is settled when the plan is made, so
a request costs one look per value.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mrak.lang.ddb import numbers
from mrak.lang.ddb.errors import invalid
from mrak.lang.ddb.expressions import parser
from mrak.lang.ddb.expressions.checks import Check, Checks, same_operands
from mrak.lang.ddb.expressions.paths import Reader, Values, bind_path, compile_path, path_fault, placeholders
from mrak.lang.ddb.expressions.tree import (
    BetweenNode,
    CompareNode,
    Condition,
    FunctionNode,
    InNode,
    LogicNode,
    NotNode,
    Operand,
    Path,
    PathNode,
    TruthNode,
    ValueNode,
)
from mrak.lang.ddb.values import Item, Value, equal, kind_of, sort_value

Test = Callable[[Item, Values], bool]

ORDERED = frozenset({"S", "N", "B"})
_ARITY = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
_TYPE_NAMES = frozenset({"B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"})
SHOWN_TYPES = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
_PREFIXED = frozenset({"S", "B"})
_SIZED = frozenset({"S", "B", "SS", "NS", "BS", "L", "M"})


@dataclass(frozen=True, slots=True)
class ConditionPlan:
    """A condition with its names bound. `check` before `test`; `heads` are the attributes it speaks of."""

    test: Test
    checks: Checks
    names: frozenset[str]
    values: frozenset[str]
    heads: frozenset[str]
    nested_heads: frozenset[str]
    node: Condition
    kind: str

    def check(self, values: Mapping[str, Value]) -> None:
        """Raises what is wrong with the condition, given the request's values."""
        message = self.checks.find(values)
        if message is not None:
            raise invalid(f"Invalid {self.kind}: {message}")


def plan(text: str, kind: str, names: Mapping[str, str]) -> ConditionPlan:
    """The plan of a condition; cached by the text and the names."""
    return _plan(text, kind, tuple(names.items()))


@lru_cache(2048)
def _plan(text: str, kind: str, names: tuple[tuple[str, str], ...]) -> ConditionPlan:
    return plan_of(parser.parse_condition(text, kind), kind, dict(names))


def plan_of(node: Condition, kind: str, names: Mapping[str, str]) -> ConditionPlan:
    """The plan of a tree that was made elsewhere (PartiQL)."""
    compiler = _Compiler(dict(names))
    test = compiler.condition(node)
    checks = Checks(compiler.checks)
    return ConditionPlan(
        test,
        checks,
        frozenset(compiler.names),
        checks.values,
        frozenset(compiler.heads),
        frozenset(compiler.nested_heads),
        node,
        kind,
    )


class _Compiler:
    """Makes the readers and tests, and gathers the checks in AWS's order."""

    def __init__(self, bindings: dict[str, str]) -> None:
        self._bindings = bindings
        self._paths: dict[PathNode, Path] = {}
        self.checks: list[Check | str] = []
        self.names: set[str] = set()
        self.heads: set[str] = set()
        self.nested_heads: set[str] = set()

    def condition(self, node: Condition) -> Test:
        if isinstance(node, LogicNode):
            return self._logic(node)
        if isinstance(node, NotNode):
            part = self.condition(node.part)
            return lambda item, values: not part(item, values)
        return self._leaf(node)

    def _logic(self, node: LogicNode) -> Test:
        parts = tuple(map(self.condition, node.parts))
        if len(parts) == 2:
            first, second = parts
            if node.operator == "AND":
                return lambda item, values: first(item, values) and second(item, values)
            return lambda item, values: first(item, values) or second(item, values)
        return _all_of(parts) if node.operator == "AND" else _any_of(parts)

    def _leaf(self, node: Condition) -> Test:
        if isinstance(node, CompareNode):
            left, right = self._operand(node.left), self._operand(node.right)
            self._distinct(node.operator, [node.left, node.right])
            if node.operator not in ("=", "<>"):
                self._ordered(node.operator, [node.left, node.right])
            return _COMPARE[node.operator](left, right)
        if isinstance(node, BetweenNode):
            operands = [node.operand, node.lower, node.upper]
            readers = list(map(self._operand, operands))
            self._ordered("BETWEEN", operands)
            self._distinct("BETWEEN", operands)
            self._bounds(node.lower, node.upper)
            return _between(*readers)
        if isinstance(node, InNode):
            operand, *choices = map(self._operand, [node.operand, *node.choices])
            self._distinct("IN", [node.operand, *node.choices])
            if len(choices) > parser.MAX_IN_OPERANDS:
                self._fault(f"The IN operator is provided with too many operands; number of operands: {len(choices)}")
            return _in(operand, choices)
        assert isinstance(node, FunctionNode)
        return self._function(node)

    def _operand(self, node: Operand) -> Reader:
        if isinstance(node, ValueNode):
            name = node.name
            self.checks.append(name)
            return lambda item, values: values[name]
        if isinstance(node, PathNode):
            return self._path(node)
        if isinstance(node, TruthNode):
            holds = self.condition(node.part)
            return lambda item, values: {"BOOL": holds(item, values)}
        # The parser lets only size be an operand.
        readers = [self._operand(arg) for arg in node.args]
        self._check_arity(node)
        self._operand_type("size", node.args[0], _SIZED)
        return _size(readers[0])

    def _path(self, node: PathNode) -> Reader:
        fault = path_fault(node.raw, self._bindings)
        if fault is not None:
            self._fault(fault)
            return lambda item, values: None
        path = bind_path(node.raw, self._bindings)
        self._paths[node] = path
        self.names.update(placeholders(node.raw))
        head = str(path[0])
        self.heads.add(head)
        if len(path) > 1:
            self.nested_heads.add(head)
        return compile_path(path)

    def _check_arity(self, node: FunctionNode) -> None:
        if len(node.args) != _ARITY[node.name]:
            self._fault(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {node.name}, number of operands: {len(node.args)}"
            )

    def _fault(self, message: str) -> None:
        self.checks.append(lambda values: message)

    def _operand_type(self, operator: str, node: Operand, allowed: frozenset[str]) -> None:
        """A value of the request must be of an allowed type, and so must a size, which is a number, and a condition's
        truth; an attribute of another type is merely no match."""
        for of, kind in ((FunctionNode, "N"), (TruthNode, "BOOL")):
            if isinstance(node, of) and kind not in allowed:
                self._fault(_wrong_type(operator, kind))
        if not isinstance(node, ValueNode):
            return
        name = node.name

        def check(values: Mapping[str, Value]) -> str | None:
            kind = kind_of(values[name])
            return None if kind in allowed else _wrong_type(operator, kind)

        self.checks.append(check)

    def _ordered(self, operator: str, nodes: list[Operand]) -> None:
        for node in nodes:
            self._operand_type(operator, node, ORDERED)

    def _distinct(self, operator: str, nodes: list[Operand]) -> None:
        """An attribute compared with itself is taken for a mistake."""
        first = nodes[0]
        if not isinstance(first, PathNode):
            return
        path = self._paths.get(first)
        for other in nodes[1:]:
            if path is not None and isinstance(other, PathNode) and self._paths.get(other) == path:
                self._fault(same_operands(operator, path))

    def _bounds(self, lower: Operand, upper: Operand) -> None:
        if not isinstance(lower, ValueNode) or not isinstance(upper, ValueNode):
            return
        low, high = lower.name, upper.name

        def check(values: Mapping[str, Value]) -> str | None:
            a, b = values[low], values[high]
            rule = None
            if kind_of(a) != kind_of(b):
                rule = "same data type for lower and upper bounds"
            elif sort_value(a) > sort_value(b):
                rule = "upper bound to be greater than or equal to lower bound"
            return rule and (
                f"The BETWEEN operator requires {rule}; lower bound operand: AttributeValue: {_shown(a)}, "
                f"upper bound operand: AttributeValue: {_shown(b)}"
            )

        self.checks.append(check)

    def _function(self, node: FunctionNode) -> Test:
        readers = [self._operand(arg) for arg in node.args]
        self._check_arity(node)
        if len(node.args) != _ARITY[node.name]:
            return lambda item, values: False
        self._distinct(node.name, list(node.args))
        if node.name in ("attribute_exists", "attribute_not_exists"):
            if not isinstance(node.args[0], PathNode):
                self._fault(f"Operator or function requires a document path; operator or function: {node.name}")
            return _exists(readers[0]) if node.name == "attribute_exists" else _not_exists(readers[0])
        if node.name == "attribute_type":
            self._type_name(node.args[1])
            return _has_type(readers[0], readers[1])
        if node.name == "begins_with":
            for arg in node.args:
                self._operand_type("begins_with", arg, _PREFIXED)
            return _begins_with(readers[0], readers[1])
        assert node.name == "contains", "the parser lets no other function be a condition"
        return _contains(readers[0], readers[1])

    def _type_name(self, node: Operand) -> None:
        if not isinstance(node, ValueNode):
            any_type = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
            self._fault(_wrong_type("attribute_type", "N" if isinstance(node, FunctionNode) else any_type))
            return
        name = node.name

        def check(values: Mapping[str, Value]) -> str | None:
            value = values[name]
            if "S" not in value:
                return _wrong_type("attribute_type", kind_of(value))
            if value["S"] not in _TYPE_NAMES:
                return f"Invalid attribute type name found; type: {value['S']}, valid types: {SHOWN_TYPES}"
            return None

        self.checks.append(check)


def _wrong_type(operator: str, kind: str) -> str:
    return f"Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"


def _shown(value: Value) -> str:
    kind = kind_of(value)
    content = value[kind]
    return f"{{{kind}:{b64encode(content).decode() if kind == 'B' else content}}}"


def _all_of(parts: tuple[Test, ...]) -> Test:
    return lambda item, values: all(part(item, values) for part in parts)


def _any_of(parts: tuple[Test, ...]) -> Test:
    return lambda item, values: any(part(item, values) for part in parts)


def _equals(left: Reader, right: Reader) -> Test:
    def test(item: Item, values: Values) -> bool:
        a, b = left(item, values), right(item, values)
        return a is not None and b is not None and equal(a, b)

    return test


def _differs(left: Reader, right: Reader) -> Test:
    """What is not there differs from everything, even from something else that is not there."""

    def test(item: Item, values: Values) -> bool:
        a, b = left(item, values), right(item, values)
        return a is None or b is None or not equal(a, b)

    return test


def sort_pair(a: Value | None, b: Value | None) -> tuple[Any, Any] | None:
    """Two values to compare by order; None where they have none, which makes every such comparison false."""
    if a is None or b is None:
        return None
    for kind, content in a.items():
        if kind in ORDERED and kind in b:
            return (numbers.value(content), numbers.value(b["N"])) if kind == "N" else (content, b[kind])
    return None


def _ordering(holds: Callable[[Any, Any], bool]) -> Callable[[Reader, Reader], Test]:
    def build(left: Reader, right: Reader) -> Test:
        def test(item: Item, values: Values) -> bool:
            pair = sort_pair(left(item, values), right(item, values))
            return pair is not None and holds(*pair)

        return test

    return build


_COMPARE: dict[str, Callable[[Reader, Reader], Test]] = {
    "=": _equals,
    "<>": _differs,
    "<": _ordering(lambda a, b: a < b),
    "<=": _ordering(lambda a, b: a <= b),
    ">": _ordering(lambda a, b: a > b),
    ">=": _ordering(lambda a, b: a >= b),
}


def _between(operand: Reader, lower: Reader, upper: Reader) -> Test:
    def test(item: Item, values: Values) -> bool:
        value = operand(item, values)
        low = sort_pair(lower(item, values), value)
        if low is None or low[0] > low[1]:
            return False
        high = sort_pair(value, upper(item, values))
        return high is not None and high[0] <= high[1]

    return test


def _in(operand: Reader, choices: list[Reader]) -> Test:
    def test(item: Item, values: Values) -> bool:
        value = operand(item, values)
        if value is None:
            return False
        for choice in choices:
            candidate = choice(item, values)
            if candidate is not None and equal(value, candidate):
                return True
        return False

    return test


def _exists(operand: Reader) -> Test:
    return lambda item, values: operand(item, values) is not None


def _not_exists(operand: Reader) -> Test:
    return lambda item, values: operand(item, values) is None


def _has_type(operand: Reader, kind: Reader) -> Test:
    def test(item: Item, values: Values) -> bool:
        value = operand(item, values)
        return value is not None and kind(item, values)["S"] in value  # type: ignore[index]

    return test


def _begins_with(operand: Reader, prefix: Reader) -> Test:
    return lambda item, values: value_begins_with(operand(item, values), prefix(item, values))


def value_begins_with(value: Value | None, start: Value | None) -> bool:
    if value is None or start is None:
        return False
    if "S" in value and "S" in start:
        return bool(value["S"].startswith(start["S"]))
    return "B" in value and "B" in start and bool(value["B"].startswith(start["B"]))


def _contains(operand: Reader, member: Reader) -> Test:
    return lambda item, values: value_contains(operand(item, values), member(item, values))


def value_contains(value: Value | None, member: Value | None) -> bool:
    """A substring of a string or binary, a member of a set, or an element of a list."""
    if value is None or member is None:
        return False
    kind = kind_of(value)
    if kind in ("S", "B"):
        return kind in member and member[kind] in value[kind]
    if kind in ("SS", "NS", "BS"):
        return kind[0] in member and member[kind[0]] in value[kind]
    return kind == "L" and any(equal(element, member) for element in value["L"])


def _size(operand: Reader) -> Reader:
    def read(item: Item, values: Values) -> Value | None:
        value = operand(item, values)
        if value is None:
            return None
        kind = kind_of(value)
        if kind == "S":
            return {"N": str(len(value["S"].encode("utf-16-le", "surrogatepass")) // 2)}
        return {"N": str(len(value[kind]))} if kind in _SIZED else None

    return read
