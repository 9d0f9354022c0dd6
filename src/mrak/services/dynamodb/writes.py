"""What a put, update, delete or condition check asks for: parsed first, then located in a table, then applied.

    parse_put(req), ...       pure; everything that can be said without the table
    write.locate(schema)      the item's key; everything that the table's schema demands
    write.passes(old)         the condition
    write.apply(schema, old)  the new item and its size, pure

Single writes, batches and transactions share these, so that a rule has one home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mrak.lang.ddb import legacy
from mrak.lang.ddb.expressions import request
from mrak.lang.ddb.expressions.condition import ConditionPlan
from mrak.lang.ddb.expressions.paths import project
from mrak.lang.ddb.expressions.update import UpdatePlan
from mrak.lang.ddb.keys import EMPTY_KEY
from mrak.lang.ddb.legacy import LegacyCondition, LegacyUpdate
from mrak.lang.ddb.values import MAX_ITEM_BYTES, Item, Value, check_depth, check_item, item_size_bytes
from mrak.services.dynamodb import errors, items
from mrak.services.dynamodb.items import ItemKey
from mrak.services.dynamodb.tables import KeyAttribute, Schema

RETURN_VALUES = "ReturnValues can only be ALL_OLD or NONE"
_EXPRESSION_PARAMETERS = frozenset(
    {"ConditionExpression", "UpdateExpression", request.NAMES, request.VALUES, "Expected", "ConditionalOperator"}
)


@dataclass(slots=True)
class Write:
    """One write, parsed. `kind` is put, update, delete or check; `target` is the item that is put, else the key."""

    kind: str
    target: Item
    condition: ConditionPlan | LegacyCondition | None = None
    update: UpdatePlan | LegacyUpdate | None = None
    values: dict[str, Value] = field(default_factory=dict)
    size_bytes: int = 0

    def locate(self, schema: Schema) -> ItemKey:
        """Where the item is; raises what the schema has against this write."""
        if self.kind == "put":
            key = items.key_of_item(schema, self.target)
            items.check_index_keys(schema, self.target)
        else:
            key = items.require_key(schema, self.target)
        if self.update is not None:
            self._check_update(schema, self.update)
        if self.condition is not None:
            items.check_nested_paths(schema, self.condition.nested_heads)
        return key

    def _check_update(self, schema: Schema, update: UpdatePlan | LegacyUpdate) -> None:
        for key in schema.keys:
            if key.name in update.heads:
                raise errors.invalid_parameter(f"Cannot update attribute {key.name}. This attribute is part of the key")
        if schema.index_keys:
            kinds = update.kinds(self.values)
            for key, index in schema.index_keys:
                kind = kinds.get(key.name)
                if kind is not None and kind != key.kind:
                    raise items.index_type_mismatch(key, index, kind)
            constants = update.constants(self.values)
            for key, _ in schema.index_keys:
                _check_not_emptied(key, constants.get(key.name))
        items.check_nested_paths(schema, update.nested_heads)

    def passes(self, old: Item | None) -> bool:
        return self.condition is None or self.condition.test(old or {}, self.values)

    @property
    def needs_old(self) -> bool:
        """Whether the item that is there has to be looked into."""
        return self.condition is not None or self.update is not None

    def apply(self, schema: Schema, old: Item | None) -> tuple[Item | None, int]:
        """The item afterwards, None for none, and its size."""
        if self.kind == "put":
            return self.target, self.size_bytes
        if self.kind == "delete":
            return None, 0
        assert self.update is not None, "a check changes nothing"
        new = self.update.apply(self.target if old is None else old, self.values)
        if old is None and not self.update.creates:
            return None, 0
        size_bytes = item_size_bytes(new)
        if size_bytes > MAX_ITEM_BYTES:
            raise errors.update_too_large()
        if self.update.nested_heads or any("M" in value or "L" in value for value in self.values.values()):
            check_depth(new)
        if schema.index_keys or schema.vectors:
            self._check_updated_index_keys(schema, new)
        return new, size_bytes

    def _check_updated_index_keys(self, schema: Schema, new: Item) -> None:
        """What the update does not touch may be older than an index, and stays."""
        assert self.update is not None
        touched = {name: new[name] for name in self.update.heads if name in new}
        for key, _ in schema.index_keys:
            value = touched.get(key.name)
            if value is None:
                continue
            if key.kind not in value:
                raise errors.invalid(
                    "The update expression attempted to update the secondary index key to unsupported type"
                )
            _check_not_emptied(key, value)
        items.check_index_keys(schema, touched)


def _check_not_emptied(key: KeyAttribute, value: Value | None) -> None:
    if value is not None and key.kind != "N" and not key.is_filter and not value[key.kind]:
        what = "string" if key.kind == "S" else "binary"
        raise errors.invalid(
            "One or more parameter values are not valid. The update expression attempted to update a secondary "
            f"index key to a value that is not supported. {EMPTY_KEY} {what} value."
        )


def parse_put(req: Mapping[str, Any], usage: request.Usage = request.PUT) -> Write:
    item: Item = req["Item"]
    has_expressions = not _EXPRESSION_PARAMETERS.isdisjoint(req)
    if has_expressions:
        request.check_usage(req, usage)
    size_bytes = check_item(item)
    _check_return_values(req)
    if size_bytes > MAX_ITEM_BYTES:
        raise errors.item_too_large()
    write = Write("put", item, size_bytes=size_bytes)
    if has_expressions:
        _bind(write, req, usage)
    return write


def parse_delete(req: Mapping[str, Any], usage: request.Usage = request.DELETE) -> Write:
    has_expressions = not _EXPRESSION_PARAMETERS.isdisjoint(req)
    if has_expressions:
        request.check_usage(req, usage)
    if not usage.in_transaction:
        items.check_key_values(req["Key"])
    _check_return_values(req)
    write = Write("delete", req["Key"])
    if has_expressions:
        _bind(write, req, usage)
    if usage.in_transaction:
        items.check_key_values(req["Key"])
    return write


def parse_check(req: Mapping[str, Any]) -> Write:
    request.check_usage(req, request.TRANSACT_WRITE)
    write = Write("check", req["Key"])
    _bind(write, req, request.TRANSACT_WRITE)
    items.check_key_values(req["Key"])
    return write


def parse_update(req: Mapping[str, Any], usage: request.Usage = request.UPDATE) -> Write:
    request.check_usage(req, usage)
    if not usage.in_transaction:
        items.check_key_values(req["Key"])
    write = Write("update", req["Key"])
    updates = req.get("AttributeUpdates")
    if updates is not None:
        write.update = legacy.update_plan(updates)
    bound = _bind(write, req, usage)
    charge = None if bound.update is None or usage.in_transaction else bound.update.charge
    if charge is not None and charge.exceeds(MAX_ITEM_BYTES, bound.values, bound.values_bytes):
        raise errors.update_too_large()
    if write.update is None:
        write.update = legacy.update_plan({})
    if usage.in_transaction:
        items.check_key_values(req["Key"])
    return write


def _check_return_values(req: Mapping[str, Any]) -> None:
    if req.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise errors.invalid(RETURN_VALUES)


def _bind(write: Write, req: Mapping[str, Any], usage: request.Usage) -> request.Bound:
    expected, operator = req.get("Expected"), req.get("ConditionalOperator")
    if expected is not None:
        write.condition = legacy.expected_plan(expected, operator) if expected or operator else None
    else:
        legacy.check_operator("Expected", None, operator)
    bound = request.bind(req, in_older_layer=usage.in_transaction)
    write.values = bound.values
    if bound.update is not None:
        write.update = bound.update
    if bound.condition is not None:
        write.condition = bound.condition
    return bound


def updated_attributes(write: Write, item: Item | None) -> Item:
    """UPDATED_OLD or UPDATED_NEW: the parts of the item that the update named."""
    assert write.update is not None
    return {} if item is None else project(item, write.update.paths)
