"""One PartiQL statement on its table: where its key conditions lead, what it reads or writes.

The conditions of WHERE that name key attributes choose the rows that are read; the whole of WHERE is the filter of a
select and the condition of a write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mrak.core.errors import ApiError
from mrak.lang.ddb.expressions import condition, update
from mrak.lang.ddb.expressions.condition import ConditionPlan
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.expressions.paths import read
from mrak.lang.ddb.expressions.tree import (
    BetweenNode,
    CompareNode,
    Condition,
    FunctionNode,
    InNode,
    LogicNode,
    Operand,
    Path,
    PathNode,
    ValueNode,
)
from mrak.lang.ddb.partiql.tree import AnyStatement, Delete, Insert, Select, Update
from mrak.lang.ddb.values import MAX_ITEM_BYTES, Item, Value, check_value, item_size_bytes
from mrak.services.dynamodb import errors, items
from mrak.services.dynamodb.layers import OlderWords
from mrak.services.dynamodb.tables import IndexSchema, KeyAttribute, Schema
from mrak.services.dynamodb.writes import Write

COMPOSITE = (
    "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys."
)
INCOMPLETE_KEY = "Where clause does not contain a mandatory equality on all key attributes"

_OPERATORS = {"=": "EQ", "<": "LT", "<=": "LE", ">": "GT", ">=": "GE"}
_MIRRORED = {"=": "EQ", "<": "GT", "<=": "GE", ">": "LT", ">=": "LE"}
# The same in another order than expressions have it.
_SHOWN_TYPES = "{N,BS,L,B,NULL,M,S,SS,NS,BOOL}"
_PREFIXES = ("Invalid ConditionExpression: ", "Invalid UpdateExpression: ")


@dataclass(slots=True)
class Prepared:
    """A statement with its parameters, on its table."""

    statement: AnyStatement
    schema: Schema
    values: dict[str, Value]
    where: ConditionPlan | None
    # Whether it came as far as its item.
    has_run: bool = False

    @property
    def writes(self) -> bool:
        return not isinstance(self.statement, Select)


def check_parameters(parameters: Sequence[Value]) -> None:
    with OlderWords():
        for parameter in parameters:
            check_value(parameter)


def check_plan(plan: ConditionPlan | update.UpdatePlan, values: Mapping[str, Value]) -> None:
    """The same checks as for expressions, without an expression's name before the message."""
    try:
        plan.check(values)
    except ApiError as error:
        message = error.message.replace(condition.SHOWN_TYPES, _SHOWN_TYPES)
        for prefix in _PREFIXES:
            message = message.removeprefix(prefix)
        raise errors.invalid(message) from None


def conjuncts(node: Condition | None) -> Iterator[Condition]:
    """The conditions that all have to hold."""
    if isinstance(node, LogicNode) and node.operator == "AND":
        for part in node.parts:
            yield from conjuncts(part)
    elif node is not None:
        yield node


def require_index(schema: Schema, name: str) -> IndexSchema:
    index = schema.find_index(name)
    if index is None:
        if any(vector.record.name == name for vector in schema.vectors):
            raise errors.invalid("Scan operation not supported on this index type")
        raise errors.invalid("The table does not have the specified index")
    if index.partition_count > 1 or len(index.keys) > 2:
        raise errors.invalid(COMPOSITE)
    return index


def key_tests(it: Prepared, nodes: Iterable[Condition]) -> dict[str, list[KeyTest]]:
    """What conditions say of each attribute, as of a key; IN stands as one test with all its choices."""
    found: dict[str, list[KeyTest]] = {}
    for node in nodes:
        named = _test_of(node, it)
        if named is not None:
            found.setdefault(named[0], []).append(named[1])
    return found


def check_kinds(key: KeyAttribute, values: Iterable[Value]) -> None:
    if any(key.kind not in value for value in values):
        raise errors.invalid(f"Key attribute's data type should match its data type in table's schema: Key {key.name}")


def _test_of(node: Condition, it: Prepared) -> tuple[str, KeyTest] | None:
    if isinstance(node, CompareNode) and node.operator in _OPERATORS:
        name, value = _name_of(node.left, it), _value_of(node.right, it)
        if name is not None and value is not None:
            return name, KeyTest(_OPERATORS[node.operator], (value,))
        name, value = _name_of(node.right, it), _value_of(node.left, it)
        if name is not None and value is not None:
            return name, KeyTest(_MIRRORED[node.operator], (value,))
    elif isinstance(node, BetweenNode):
        return _several(node.operand, "BETWEEN", (node.lower, node.upper), it)
    elif isinstance(node, InNode):
        return _several(node.operand, "IN", node.choices, it)
    elif isinstance(node, FunctionNode) and node.name == "begins_with" and len(node.args) == 2:
        return _several(node.args[0], "BEGINS_WITH", node.args[1:], it)
    return None


def _several(operand: Operand, operator: str, others: Sequence[Operand], it: Prepared) -> tuple[str, KeyTest] | None:
    name = _name_of(operand, it)
    values = [_value_of(other, it) for other in others]
    if name is None or None in values:
        return None
    return name, KeyTest(operator, tuple(value for value in values if value is not None))


def _name_of(operand: Operand, it: Prepared) -> str | None:
    if isinstance(operand, PathNode) and len(operand.raw) == 1:
        return it.statement.names[str(operand.raw[0])]
    return None


def _value_of(operand: Operand, it: Prepared) -> Value | None:
    return it.values[operand.name] if isinstance(operand, ValueNode) else None


def _pinned(it: Prepared) -> dict[str, list[Value]]:
    """The values that WHERE has each key attribute equal; one that is only said again is left out."""
    tests = key_tests(it, conjuncts(getattr(it.statement, "where", None)))
    pinned: dict[str, list[Value]] = {}
    for key in it.schema.keys:
        values = pinned[key.name] = []
        for test in tests.get(key.name, []):
            if test.operator == "EQ" and test.operands[0] not in values:
                values.append(test.operands[0])
    return pinned


def find_only_key(it: Prepared) -> Item | None:
    """The whole primary key, where WHERE pins it and says nothing else. IN with one choice pins as well."""
    names = it.schema.key_names
    key: Item = {}
    for node in conjuncts(getattr(it.statement, "where", None)):
        name, test = _test_of(node, it) or (None, None)
        if name not in names or test is None or test.operator not in ("EQ", "IN") or len(test.operands) > 1:
            return None
        if key.setdefault(name, test.operands[0]) != test.operands[0]:
            return None
    return key if len(key) == len(names) else None


def make_write(it: Prepared, *, in_transaction: bool = False) -> Write:
    """The write that a statement is. In a transaction a key that is not whole cancels when it is located."""
    statement = it.statement
    if isinstance(statement, Insert):
        return _make_insert(it, in_transaction)
    if isinstance(statement, Select):
        return _make_check(it)
    pinned = _pinned(it)
    if not in_transaction:
        _check_pinned(it, pinned)
    key: Item = {name: values[0] for name, values in pinned.items() if len(values) == 1}
    if isinstance(statement, Delete):
        return Write("delete", key, condition=it.where, values=it.values)
    assert isinstance(statement, Update)
    plan = update.plan_of(statement.actions, statement.names)
    check_plan(plan, it.values)
    return Write("update", key, condition=it.where, update=plan, values=it.values)


def _check_pinned(it: Prepared, pinned: Mapping[str, list[Value]]) -> None:
    if not all(pinned.values()):
        raise errors.invalid(INCOMPLETE_KEY)
    for key in it.schema.keys:
        check_kinds(key, pinned[key.name])
        if len(pinned[key.name]) > 1:
            raise errors.invalid(
                f"Multiple conditions on same key {key.name}. Only single item Update/Insert/Delete are supported"
            )


def _make_insert(it: Prepared, in_transaction: bool) -> Write:
    item: Item = it.values[":0"]["M"]
    size_bytes = item_size_bytes(item)
    if size_bytes > MAX_ITEM_BYTES:
        raise errors.item_too_large()
    for key in it.schema.keys:
        if key.name not in item and not in_transaction:
            raise errors.invalid(f"Key attribute should be present in the item: Key {key.name}")
    absent = FunctionNode("attribute_not_exists", (PathNode(("#pk",)),))
    plan = condition.plan_of(absent, "ConditionExpression", {"#pk": it.schema.partition.name})
    return Write("put", item, condition=plan, size_bytes=size_bytes)


def _make_check(it: Prepared) -> Write:
    """EXISTS in a transaction."""
    assert isinstance(it.statement, Select)
    if it.statement.index is not None:
        raise errors.invalid("Reads on indices are not supported within transactions.")
    pinned = _pinned(it)
    if not all(pinned.values()) or find_only_key(it) is not None:
        raise errors.invalid("EXISTS() must contain a single item read with additional condition")
    key: Item = {name: values[0] for name, values in pinned.items()}
    return Write("check", key, condition=it.where, values=it.values)


def duplicate_item() -> ApiError:
    return ApiError("DuplicateItemException", "Duplicate primary key exists in table")


def project(item: Item, paths: tuple[Path, ...] | None) -> Item:
    """What a select shows: each path under its last name and the list indexes after it."""
    if paths is None:
        return item
    shown: Item = {}
    for path in paths:
        found = read(item, path)
        if found is not None:
            shown[_label(path)] = found
    return shown


def _label(path: Path) -> str:
    label = ""
    for step in path:
        label = f"{label}[{step}]" if isinstance(step, int) else step
    return label


def check_paths(it: Prepared) -> None:
    if it.where is not None:
        items.check_nested_paths(it.schema, it.where.nested_heads)
