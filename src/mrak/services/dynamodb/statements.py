"""One PartiQL statement on its table: where its key conditions lead, what it reads or writes.

The conditions of WHERE that name key attributes choose the rows that are read; the whole of WHERE is the filter of a
select and the condition of a write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrak.core.context import Context, Transaction
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
from mrak.lang.ddb.partiql.parser import parse
from mrak.lang.ddb.partiql.tree import AnyStatement, Delete, Insert, Select, Update
from mrak.lang.ddb.values import MAX_ITEM_BYTES, Item, Value, check_item, check_value
from mrak.services.dynamodb import errors, items
from mrak.services.dynamodb.access import require_schema
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

    @property
    def writes(self) -> bool:
        return not isinstance(self.statement, Select)


def prepare(ctx: Context, tx: Transaction, text: str, parameters: Sequence[Value]) -> Prepared:
    check_parameters(parameters)
    statement = parse(text)
    values = statement.bind(parameters)
    with OlderWords():
        # An item that is inserted is no value itself.
        check_item(values[":0"].get("M", values) if isinstance(statement, Insert) else values)
    where = getattr(statement, "where", None)
    plan = None if where is None else condition.plan_of(where, "ConditionExpression", statement.names)
    if plan is not None:
        _check(plan, values)
    action = f"PartiQL{type(statement).__name__}"
    index = getattr(statement, "index", None)
    schema = require_schema(
        ctx,
        tx,
        statement.table,
        action,
        index,
        asked=lambda schema: _asked(Prepared(statement, schema, values, plan), index),
    )
    return Prepared(statement, schema, values, plan)


def _asked(it: Prepared, index: str | None) -> dict[str, Any]:
    """What a policy may ask of a statement, as `conditions.Conditions` takes it."""
    names = list(it.statement.names.values())
    if isinstance(it.statement, Insert):
        item = it.values[":0"].get("M", {})
        return {"Keys": [item], "Names": names}
    read = None if index is None else it.schema.find_index(index)
    tests = key_tests(it, it.schema.keys if read is None else read.keys)
    partition = (it.schema.keys if read is None else read.keys)[0].name
    pinned = [test for test in tests.get(partition, ()) if test.operator in ("EQ", "IN")]
    keys = [{partition: operand} for test in pinned for operand in test.operands]
    return {"Keys": keys, "Names": names, "FullTableScan": not pinned}


def check_parameters(parameters: Sequence[Value]) -> None:
    with OlderWords():
        for parameter in parameters:
            check_value(parameter)


def _check(plan: ConditionPlan | update.UpdatePlan, values: Mapping[str, Value]) -> None:
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


def key_tests(it: Prepared, keys: Sequence[KeyAttribute], where: Condition | None = None) -> dict[str, list[KeyTest]]:
    """What a condition, or WHERE, says of each key attribute; IN stands as one test with all its choices."""
    names = {key.name: key for key in keys}
    found: dict[str, list[KeyTest]] = {}
    for node in conjuncts(where or getattr(it.statement, "where", None)):
        named = _test_of(node, it)
        if named is not None and named[0] in names:
            found.setdefault(named[0], []).append(named[1])
    for name, tests in found.items():
        kind = names[name].kind
        if any(kind not in operand for test in tests for operand in test.operands):
            raise errors.invalid(f"Key attribute's data type should match its data type in table's schema: Key {name}")
    return found


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


def find_key(it: Prepared) -> Item | None:
    """The whole primary key, where WHERE pins it."""
    tests = key_tests(it, it.schema.keys)
    key: Item = {}
    for attribute in it.schema.keys:
        pinned = [test for test in tests.get(attribute.name, []) if test.operator == "EQ"]
        if not pinned:
            return None
        key[attribute.name] = pinned[0].operands[0]
    return key


def find_only_key(it: Prepared) -> Item | None:
    """The whole primary key, where WHERE pins it and says nothing else."""
    nodes = list(conjuncts(getattr(it.statement, "where", None)))
    return find_key(it) if len(nodes) == len(it.schema.keys) else None


def make_write(it: Prepared) -> Write:
    """The write that a statement is."""
    statement = it.statement
    if isinstance(statement, Insert):
        return _make_insert(it)
    if isinstance(statement, Select):
        return _make_check(it)
    key = find_key(it)
    if key is None:
        raise errors.invalid(INCOMPLETE_KEY)
    if isinstance(statement, Delete):
        return Write("delete", key, condition=it.where, values=it.values)
    assert isinstance(statement, Update)
    plan = update.plan_of(statement.actions, statement.names)
    _check(plan, it.values)
    return Write("update", key, condition=it.where, update=plan, values=it.values)


def _make_insert(it: Prepared) -> Write:
    value = it.values[":0"]
    if "M" not in value:
        raise errors.invalid(
            "Unsupported format in item expression. "
            "Please use struct format {...} to express item values for insert statement."
        )
    item: Item = value["M"]
    size_bytes = check_item(item)
    if size_bytes > MAX_ITEM_BYTES:
        raise errors.item_too_large()
    for key in it.schema.keys:
        if key.name not in item:
            raise errors.invalid(f"Key attribute should be present in the item: Key {key.name}")
    absent = FunctionNode("attribute_not_exists", (PathNode(("#pk",)),))
    plan = condition.plan_of(absent, "ConditionExpression", {"#pk": it.schema.partition.name})
    return Write("put", item, condition=plan, size_bytes=size_bytes)


def _make_check(it: Prepared) -> Write:
    """EXISTS in a transaction."""
    assert isinstance(it.statement, Select)
    if it.statement.index is not None:
        raise errors.invalid("Reads on indices are not supported within transactions.")
    key = find_key(it)
    if key is None or find_only_key(it) is not None:
        raise errors.invalid("EXISTS() must contain a single item read with additional condition")
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
