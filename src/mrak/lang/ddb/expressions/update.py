"""UpdateExpression: checks, and `apply(old) -> new`, pure.

All operands are read from the item as it was; then all actions take effect. No two actions can touch the same place
(overlapping paths are refused), so their order does not matter, with one care: list indexes are those of the old
list. Elements set past the end are appended in index order, removed ones are taken out, both when all is done.

Errors that do not depend on the item are reported in AWS's order: the paths of the actions; then, action by action from
the last to the first, what the operands refer to and whether they fit. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mrak.core.errors import ApiError
from mrak.lang.ddb import numbers
from mrak.lang.ddb.errors import InvalidValue, invalid
from mrak.lang.ddb.expressions import parser
from mrak.lang.ddb.expressions.charge import Charge, charge_of
from mrak.lang.ddb.expressions.checks import Check, Checks, same_operands
from mrak.lang.ddb.expressions.paths import (
    Reader,
    Values,
    bind_path,
    compile_path,
    path_fault,
    paths_fault,
    placeholders,
)
from mrak.lang.ddb.expressions.tree import (
    ActionNode,
    ArithmeticNode,
    FunctionNode,
    Operand,
    Path,
    PathNode,
    ValueNode,
)
from mrak.lang.ddb.values import Item, Value, kind_of
from mrak.lang.hashorder import in_hash_order

BAD_PATH = "The document path provided in the update expression is invalid for update"
BAD_TYPE = "An operand in the update expression has an incorrect data type"
MISSING = "The provided expression refers to an attribute that does not exist in the item"

_LONG_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "NULL": "NULL",
    "BOOL": "BOOLEAN",
    "L": "LIST",
    "M": "MAP",
}
_SETS = frozenset({"SS", "NS", "BS"})


@dataclass(frozen=True, slots=True)
class Action:
    """One action, compiled. `change` makes the new value of the old one and the operand; None removes it."""

    section: str
    path: Path
    operand: Reader | None
    # The type of what is set, where it is known without the item; else a function of the values that gives it.
    kind: Callable[[Mapping[str, Value]], str | None]
    # The request's value that is set as it is.
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    actions: tuple[Action, ...]
    paths: tuple[Path, ...]
    names: frozenset[str]
    values: frozenset[str]
    heads: frozenset[str]
    nested_heads: frozenset[str]
    # What is wrong with the paths of the actions.
    fault: str | None
    checks: Checks
    charge: Charge

    def check(self, values: Mapping[str, Value]) -> None:
        """Raises what is wrong with the expression, given the request's values."""
        if self.fault is not None:
            raise invalid(f"Invalid UpdateExpression: {self.fault}")
        message = self.checks.find(values)
        if message is not None:
            raise invalid(f"Invalid UpdateExpression: {message}")

    def kinds(self, values: Mapping[str, Value]) -> dict[str, str]:
        """Top-level attributes whose new type is known without the item: name -> type key."""
        known: dict[str, str] = {}
        for action in self.actions:
            if len(action.path) == 1:
                kind = action.kind(values)
                if kind is not None:
                    known[str(action.path[0])] = kind
        return known

    def constants(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Top-level attributes that become a value of the request: name -> value."""
        set_whole = ((action.path, action.constant) for action in self.actions if len(action.path) == 1)
        return {str(path[0]): values[name] for path, name in set_whole if name is not None}

    @property
    def creates(self) -> bool:
        """Whether the update makes an item where there is none; one that only takes away does not."""
        return any(action.section in ("SET", "ADD") for action in self.actions)

    def apply(self, old: Item, values: Values) -> Item:
        """The item after the update. `old` holds at least the key, and stays as it is."""
        try:
            return _Application(old).run(self.actions, values)
        except ApiError:
            # Of the actions that fail AWS reports the one whose attribute is the last in its hash map.
            heads = in_hash_order(list(dict.fromkeys(str(path[0]) for path in self.paths)))
            for action in sorted(self.actions, key=lambda it: heads.index(str(it.path[0])), reverse=True):
                _Application(old).run((action,), values)
            raise


def plan(text: str, names: Mapping[str, str]) -> UpdatePlan:
    """The plan of an UpdateExpression; cached by the text and the names."""
    return _plan(text, tuple(names.items()))


@lru_cache(2048)
def _plan(text: str, names: tuple[tuple[str, str], ...]) -> UpdatePlan:
    return plan_of(parser.parse_update(text), dict(names))


def plan_of(nodes: tuple[ActionNode, ...], names: Mapping[str, str]) -> UpdatePlan:
    """The plan of actions that were parsed elsewhere (PartiQL)."""
    compiler = _Compiler(dict(names))
    actions = tuple(map(compiler.action, nodes))
    paths = tuple(action.path for action in actions)
    checks = Checks(check for action in reversed(compiler.checks) for check in action)
    return UpdatePlan(
        actions,
        paths,
        frozenset(compiler.names),
        checks.values,
        frozenset(str(path[0]) for path in paths),
        frozenset(compiler.nested_heads),
        paths_fault([node.path.raw for node in nodes], names),
        checks,
        charge_of(nodes, names),
    )


class _Compiler:
    def __init__(self, bindings: dict[str, str]) -> None:
        self._bindings = bindings
        self.names: set[str] = set()
        self.nested_heads: set[str] = set()
        # The checks of each action, in the order of the text.
        self.checks: list[list[Check | str]] = []

    def action(self, node: ActionNode) -> Action:
        self.checks.append([])
        path = self._bind(node.path)
        if node.section == "REMOVE":
            return Action("REMOVE", path, None, lambda values: None)
        assert node.value is not None
        operand = self._operand(node.value)
        if node.section != "SET":
            assert isinstance(node.value, ValueNode)
            self._add_check(_section_check(node.section, node.value.name))
        constant = node.value.name if node.section == "SET" and isinstance(node.value, ValueNode) else None
        return Action(node.section, path, operand, _kind_reader(node.value), constant)

    def _bind(self, node: PathNode) -> Path:
        fault = path_fault(node.raw, self._bindings)
        if fault is not None:
            self._fault(fault)
        path = bind_path(node.raw, self._bindings)
        self.names.update(placeholders(node.raw))
        if len(path) > 1:
            self.nested_heads.add(str(path[0]))
        return path

    def _operand(self, node: Operand | ArithmeticNode) -> Reader:
        if isinstance(node, ValueNode):
            name = node.name
            self._add_check(name)
            return lambda item, values: values[name]
        if isinstance(node, PathNode):
            return _required(compile_path(self._bind(node)))
        if isinstance(node, ArithmeticNode):
            return self._arithmetic(node)
        assert isinstance(node, FunctionNode), "no condition stands in an update"
        return self._function(node)

    def _arithmetic(self, node: ArithmeticNode) -> Reader:
        left, right = self._operand(node.left), self._operand(node.right)
        self._literal_types(node.operator, (node.left, node.right), "N")
        compute = numbers.add if node.operator == "+" else numbers.subtract

        def read(item: Item, values: Values) -> Value:
            return {"N": compute(_content(left(item, values), "N"), _content(right(item, values), "N"))}

        return read

    def _function(self, node: FunctionNode) -> Reader:
        if len(node.args) != 2:
            for arg in node.args:
                self._operand(arg)
            self._fault(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {node.name}, number of operands: {len(node.args)}"
            )
            return lambda item, values: None
        first, second = node.args
        if node.name == "list_append":
            return self._list_append(first, second)
        if not isinstance(first, PathNode):
            self._operand(first)
            default = self._operand(second)
            self._fault(f"Operator or function requires a document path; operator or function: {node.name}")
            return default
        path = self._bind(first)
        existing = compile_path(path)
        default = self._operand(second)
        if isinstance(second, PathNode) and bind_path(second.raw, self._bindings) == path:
            self._fault(same_operands(node.name, path))
        return lambda item, values: existing(item, values) or default(item, values)

    def _list_append(self, first: Operand, second: Operand) -> Reader:
        head, tail = self._operand(first), self._operand(second)
        self._literal_types("list_append", (first, second), "L")

        def read(item: Item, values: Values) -> Value:
            return {"L": [*_content(head(item, values), "L"), *_content(tail(item, values), "L")]}

        return read

    def _literal_types(self, operator: str, nodes: tuple[Operand, ...], wanted: str) -> None:
        names = tuple(node.name for node in nodes if isinstance(node, ValueNode))

        def check(values: Mapping[str, Value]) -> str | None:
            for name in names:
                if wanted not in values[name]:
                    return (
                        "Incorrect operand type for operator or function; "
                        f"operator or function: {operator}, operand type: {kind_of(values[name])}"
                    )
            return None

        if names:
            self._add_check(check)

    def _fault(self, message: str) -> None:
        self._add_check(lambda values: message)

    def _add_check(self, check: Check | str) -> None:
        self.checks[-1].append(check)


def _section_check(section: str, name: str) -> Check:
    def check(values: Mapping[str, Value]) -> str | None:
        kind = kind_of(values[name])
        if kind in _SETS or (kind == "N" and section == "ADD"):
            return None
        start = f"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: {section}, "
        # The current layer's set of types is one for both sections.
        current = f"operand type: {'BOOL' if kind == 'BOOL' else _LONG_NAMES[kind]}, typeSet: ALLOWED_FOR_ADD_OPERAND"
        older = f"operand type: {_LONG_NAMES[kind]}, typeSet: ALLOWED_FOR_{section}_OPERAND"
        raise InvalidValue(start + current, start + older)

    return check


def _kind_reader(node: Operand | ArithmeticNode) -> Callable[[Mapping[str, Value]], str | None]:
    if isinstance(node, ValueNode):
        name = node.name
        return lambda values: kind_of(values[name])
    if isinstance(node, ArithmeticNode):
        return lambda values: "N"
    if isinstance(node, FunctionNode) and node.name == "list_append":
        return lambda values: "L"
    if isinstance(node, FunctionNode) and len(node.args) == 2:
        return _kind_reader(node.args[1])
    return lambda values: None


def _content(value: Value | None, kind: str) -> Any:
    """What an operand holds; an operand of another type is refused before the next one is looked at."""
    if value is None or kind not in value:
        raise invalid(BAD_TYPE)
    return value[kind]


def _required(read: Reader) -> Reader:
    def reader(item: Item, values: Values) -> Value:
        value = read(item, values)
        if value is None:
            raise invalid(MISSING)
        return value

    return reader


_GONE: Any = object()


class _Application:
    """One update of one item. Containers on the way are copied once; what is not touched stays shared with `old`."""

    def __init__(self, old: Item) -> None:
        self._old = old
        self._new: Item = dict(old)
        self._owned: set[int] = set()
        self._lists: dict[int, list[Any]] = {}
        self._appended: dict[int, list[tuple[int, Value]]] = {}

    def run(self, actions: tuple[Action, ...], values: Values) -> Item:
        for action in actions:
            container: Any = self._new
            if len(action.path) > 1:
                for step, following in zip(action.path, action.path[1:], strict=False):
                    container = self._descend(container, step, following)
            operand = None if action.operand is None else action.operand(self._old, values)
            if isinstance(container, dict):
                self._change(container, action.path[-1], action.section, operand)
            else:
                self._change_element(container, action, operand)
        for key, members in self._lists.items():
            members.extend(value for _, value in sorted(self._appended.get(key, ()), key=lambda pair: pair[0]))
            members[:] = [member for member in members if member is not _GONE]
        return self._new

    def _change(self, parent: dict[Any, Any], name: Any, section: str, operand: Value | None) -> None:
        value = operand if section == "SET" else _CHANGES[section](parent.get(name), operand)
        if value is None:
            parent.pop(name, None)
        else:
            parent[name] = value

    def _change_element(self, container: list[Any], action: Action, operand: Value | None) -> None:
        index: int = action.path[-1]  # type: ignore[assignment]
        old = container[index] if index < len(container) else None
        value = operand if action.section == "SET" else _CHANGES[action.section](old, operand)
        if old is not None:
            container[index] = _GONE if value is None else value
        elif value is not None:
            self._appended.setdefault(id(container), []).append((index, value))

    def _descend(self, container: Any, step: Any, following: Any) -> Any:
        """The map or list under `step`, as a copy of our own."""
        if isinstance(container, dict):
            child = container.get(step)
        else:
            child = container[step] if step < len(container) else None
        kind = "L" if isinstance(following, int) else "M"
        if child is None or kind not in child:
            raise invalid(BAD_PATH)
        inner = child[kind]
        if id(inner) in self._owned:
            return inner
        copied: Any = list(inner) if kind == "L" else dict(inner)
        self._owned.add(id(copied))
        if kind == "L":
            self._lists[id(copied)] = copied
        container[step] = {kind: copied}
        return copied


def _add(old: Value | None, operand: Value) -> Value:
    if old is None:
        return operand
    kind = kind_of(operand)
    if kind not in old:
        raise invalid(BAD_TYPE)
    if kind == "N":
        return {"N": numbers.add(old["N"], operand["N"])}
    return {kind: union(kind, old[kind], operand[kind])}


def _subtract(old: Value | None, operand: Value) -> Value | None:
    if old is None:
        return None
    kind = kind_of(operand)
    if kind not in old:
        raise invalid(BAD_TYPE)
    left = difference(old[kind], operand[kind])
    return {kind: left} if left else None


def union(kind: str, members: list[Any], added: list[Any]) -> list[Any]:
    """Both sets as one of their kind, in its order."""
    return sorted({*members, *added}, key=numbers.value if kind == "NS" else None)


def difference(members: list[Any], removed: list[Any]) -> list[Any]:
    gone = set(removed)
    return [member for member in members if member not in gone]


def _remove(old: Value | None, operand: Value | None) -> None:
    return None


_CHANGES: dict[str, Callable[[Any, Any], Value | None]] = {"REMOVE": _remove, "ADD": _add, "DELETE": _subtract}
