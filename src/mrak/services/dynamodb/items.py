"""Items: keys checked and encoded, rows read, and the one way in which an item changes.

`change` writes an item together with its index rows, its stream record and its expiry, and tells what that cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.lang.ddb import capacity, keys
from mrak.lang.ddb.values import Item, Value, check_value, item_size_bytes, kind_of
from mrak.services.dynamodb import (
    consumption,
    destinations,
    errors,
    expiry,
    history,
    item_collections,
    members,
    streams,
    throttling,
    underway,
    vectors,
)
from mrak.services.dynamodb.tables import (
    HASH_BYTES,
    IndexSchema,
    KeyAttribute,
    Schema,
    find_schema,
    key_part,
    pack_row,
    row_size_bytes,
    unpack_row,
)

_TRANSACTIONS = ("TransactWriteItems", "ExecuteTransaction")


@dataclass(frozen=True, slots=True)
class ItemKey:
    """Where an item is: the key of its row, and the part of it that index rows end with."""

    row: bytes
    suffix: bytes


@dataclass(slots=True)
class Cost:
    """Write units of one change: of the table, and of each index that it touched."""

    table: float = 0.0
    local: dict[str, float] = field(default_factory=dict)
    global_: dict[str, float] = field(default_factory=dict)
    # Bytes, not units.
    vectors: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return self.table + sum(self.local.values()) + sum(self.global_.values())

    def add(self, other: Cost) -> None:
        self.table += other.table
        pairs = ((self.local, other.local), (self.global_, other.global_), (self.vectors, other.vectors))
        for mine, theirs in pairs:
            for name, units in theirs.items():
                mine[name] = mine.get(name, 0.0) + units

    def render(self, mode: str | None, table: str, transactional: str | None = None) -> dict[str, Any] | None:
        consumed = capacity.render_consumed(mode, table, self.table, self.local, self.global_, transactional)
        if consumed is not None and mode == "INDEXES" and self.vectors:
            consumed["VectorIndexes"] = {
                name: {"VectorWriteRequestBytes": size_bytes} for name, size_bytes in self.vectors.items()
            }
        return consumed


def check_key_values(key: Item) -> None:
    """Values of a Key, whatever the table."""
    for value in key.values():
        check_value(value)


def require_key(schema: Schema, key: Item) -> ItemKey:
    """The key that a Key parameter names; raises where it does not fit the schema."""
    if len(key) != len(schema.keys):
        raise errors.schema_mismatch()
    partition = require_part(schema.partition, key.get(schema.partition.name))
    sort = None if schema.sort is None else require_part(schema.sort, key.get(schema.sort.name))
    return make_key(schema, partition, sort)


def require_part(key: KeyAttribute, value: Value | None) -> bytes:
    """One key attribute's value, encoded; raises where it is of another type, empty or too long."""
    encoded = key_part(key, value)
    keys.check_not_empty(key.name, key.kind, encoded)
    if key.is_partition:
        keys.check_partition_size(encoded, key.kind)
    else:
        keys.check_sort_size(encoded, key.kind)
    return encoded


def make_key(schema: Schema, partition: bytes, sort: bytes | None) -> ItemKey:
    suffix = schema.suffix(partition, sort)
    return ItemKey(schema.item_key(suffix, partition), suffix)


def key_of_item(schema: Schema, item: Item) -> ItemKey:
    """The key of an item that is put; raises what AWS says of a missing or wrong key attribute."""
    parts: list[bytes] = []
    for key in schema.keys:
        value = item.get(key.name)
        if value is None:
            raise errors.invalid_parameter(f"Missing the key {key.name} in the item")
        if key.kind not in value:
            raise errors.invalid_parameter(
                f"Type mismatch for key {key.name} expected: {key.kind} actual: {kind_of(value)}"
            )
        parts.append(require_part(key, value))
    return make_key(schema, parts[0], parts[1] if len(parts) > 1 else None)


def check_index_keys(schema: Schema, item: Item) -> None:
    """Attributes that are keys of an index must be of its type, and neither empty nor too long."""
    vectors.check_item(schema.vectors, item)
    for key, index in schema.index_keys:
        value = item.get(key.name)
        if value is None:
            continue
        if key.kind not in value:
            raise index_type_mismatch(key, index, kind_of(value))
        if key.is_filter:
            continue
        encoded = keys.sort_bytes(value)
        keys.check_index_not_empty(index, key.name, key.kind, encoded)
        if key.is_partition:
            keys.check_partition_size(encoded, key.kind)
        else:
            keys.check_sort_size(encoded, key.kind)


def index_type_mismatch(key: KeyAttribute, index: str, actual: str) -> Exception:
    if key.is_searched:
        return errors.invalid(
            f"{vectors.INVALID} Attribute '{key.name}' type mismatch. "
            f"Expected: {key.kind}, Actual: {actual}. IndexName: {index}"
        )
    return errors.invalid_parameter(
        f"Type mismatch for Index Key {key.name} Expected: {key.kind} Actual: {actual} IndexName: {index}"
    )


def check_nested_paths(schema: Schema, nested_heads: frozenset[str]) -> None:
    """Key attributes are scalars: no path leads into one."""
    if not nested_heads:
        return
    for key in schema.keys:
        if key.name in nested_heads:
            raise _scalar_key("Key", key.name)
    for key, _ in schema.index_keys:
        if key.name in nested_heads:
            raise _scalar_key("IndexKey", key.name)


def _scalar_key(role: str, name: str) -> Exception:
    return errors.invalid(
        f"Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {role}: {name}"
    )


def open_row(tx: Transaction, key: ItemKey) -> bytes | None:
    """Opens the item, for writing, and reads its row."""
    tx.lock(key.row)
    return tx.get(key.row)


@dataclass(slots=True)
class Change:
    """One item before and after. `old` is decoded only where something needs it."""

    schema: Schema
    key: ItemKey
    old_row: bytes | None
    old: Item | None
    new: Item | None
    new_size_bytes: int = 0
    new_row: bytes | None = None
    # False once it is known that the item was so before.
    is_change: bool = True

    @property
    def old_size_bytes(self) -> int | None:
        return None if self.old_row is None else row_size_bytes(self.old_row)


def change(ctx: Context, tx: Transaction, it: Change, by_service: bool = False) -> Cost:
    """Writes an item and all that follows from it. `by_service` marks what expiry deletes, which costs nothing.

    What changes nothing where it is written is told to no other member of a global table, as AWS has been seen to do.
    """
    cost = change_member(ctx, tx, it, by_service)
    schema = it.schema
    if not by_service:
        consumption.write(ctx, schema, cost.table + sum(cost.local.values()), cost.global_)
        throttling.take_write(ctx, schema, cost.table + sum(cost.local.values()), cost.global_)
    if schema.record.replicas and it.is_change:
        replicate = _change_others if schema.record.is_strong else underway.send
        replicate(ctx, tx, schema, it.key.row[len(schema.prefix) :], it.new_row)
    return cost


def _change_others(ctx: Context, tx: Transaction, schema: Schema, place: bytes, row: bytes | None) -> None:
    """Members of strongly consistent groups have a write at once."""
    for replica in schema.record.replicas:
        member = find_schema(tx, members.scope_of(schema.scope, replica), schema.record.name)
        if member is not None:
            cost = change_member(ctx, tx, arriving(tx, member, place, row))
            ctx.meter(member.write_unit, cost.total)


def arriving(tx: Transaction, schema: Schema, place: bytes, row: bytes | None) -> Change:
    """The change of one member's item to what another member has at the same place."""
    key = ItemKey(schema.prefix + place, place[HASH_BYTES:])
    old_row = open_row(tx, key)
    if row is None:
        return Change(schema, key, old_row, None, None)
    return Change(schema, key, old_row, None, unpack_row(row), row_size_bytes(row), row)


def pay_for_refusal(ctx: Context, schema: Schema, row: bytes | None, times: int = 1) -> None:
    """A write whose condition fails costs what writing the item as it is would."""
    units = times * capacity.write_units(None if row is None else row_size_bytes(row), None)
    consumption.write(ctx, schema, units)
    throttling.take_write(ctx, schema, units)


def change_member(ctx: Context, tx: Transaction, it: Change, by_service: bool = False) -> Cost:
    """Writes an item of one table, and tells no other member of its group."""
    schema = it.schema
    tx.check_open(it.key.row)
    if it.old is None and it.old_row is not None and schema.needs_old:
        it.old = unpack_row(it.old_row)
    new_size = None if it.new is None else it.new_size_bytes
    cost = Cost(_table_units(schema, it, new_size))
    entries = [entry for index in schema.indexes if (entry := _change_of_index(index, it)) is not None]
    if schema.local_indexes:
        growth_bytes = (new_size or 0) - (it.old_size_bytes or 0)
        growth_bytes += sum(entry.growth_bytes for entry in entries if not entry.index.record.is_global)
        item_collections.count(tx, schema, it.key.row[len(schema.prefix) :], growth_bytes)
    if schema.record.pitr_since is not None and (it.new is not None or it.old_row is not None):
        history.append(ctx, tx, schema, it.key.row, it.old_row)
    if it.new is not None:
        if it.new_row is None:
            it.new_row = pack_row(it.new, it.new_size_bytes)
        tx.put(it.key.row, it.new_row)
    elif it.old_row is not None:
        tx.delete(it.key.row)
    for entry in entries:
        entry.write(tx, it.new_row, cost)
    if schema.needs_old and (it.old is not None or it.new is not None):
        for vector in schema.vectors:
            written = vectors.change(tx, vector, it.key.suffix, it.old, it.new)
            if written:
                cost.vectors[vector.record.name] = float(written)
        if schema.ttl_attribute is not None:
            expiry.reschedule(tx, schema, it.key.row, it.old, it.new)
        _tell(ctx, tx, it, by_service)
    elif it.old_row is None and it.new is None:
        it.is_change = False
    return cost


def _tell(ctx: Context, tx: Transaction, it: Change, by_service: bool) -> None:
    """Leaves a record of the change for those who follow the table. A transaction that changes nothing is told to
    Kinesis, too, as seen at AWS."""
    schema = it.schema
    if not (schema.logs or schema.destinations):
        return
    if it.old_row is not None and it.new is not None and streams.is_same(it.old, it.new):
        it.is_change = False
        if schema.destinations and ctx.operation in _TRANSACTIONS:
            destinations.append(ctx, tx, schema, it.old, it.new, by_service)
        return
    if schema.logs:
        streams.append(ctx, tx, schema, it.key.row, (it.old, it.new), by_service)
    if schema.destinations:
        destinations.append(ctx, tx, schema, it.old, it.new, by_service)


def _table_units(schema: Schema, it: Change, new_size: int | None) -> float:
    if not schema.vectors:
        return capacity.write_units(it.old_size_bytes, new_size)
    return capacity.write_units(
        vectors.billed_size_bytes(schema.vectors, it.old, it.old_size_bytes),
        vectors.billed_size_bytes(schema.vectors, it.new, new_size),
    )


@dataclass(slots=True)
class _IndexChange:
    """What a change of an item changes in an index."""

    index: IndexSchema
    old_key: bytes | None
    new_key: bytes | None
    new: Item | None
    old_size_bytes: int | None
    new_size_bytes: int | None

    @property
    def growth_bytes(self) -> int:
        return (self.new_size_bytes or 0) - (self.old_size_bytes or 0)

    def write(self, tx: Transaction, item_row: bytes | None, cost: Cost) -> None:
        index = self.index
        if self.old_key is not None and self.old_key != self.new_key:
            tx.delete(self.old_key)
        if self.new_key is not None and self.new is not None and self.new_size_bytes is not None:
            is_whole = index.attributes is None and item_row is not None
            tx.put(self.new_key, item_row if is_whole else pack_row(self.new, self.new_size_bytes))  # type: ignore[arg-type]
        units = capacity.index_write_units(self.old_size_bytes, self.new_size_bytes, self.old_key == self.new_key)
        bucket = cost.global_ if index.record.is_global else cost.local
        bucket[index.record.name] = bucket.get(index.record.name, 0.0) + units


def _change_of_index(index: IndexSchema, it: Change) -> _IndexChange | None:
    old_key = None if it.old is None else index.key_of(it.old, it.key.suffix)
    new_key = None if it.new is None else index.key_of(it.new, it.key.suffix)
    if old_key is None and new_key is None:
        return None
    before = None if old_key is None else index.project(it.old)  # type: ignore[arg-type]
    after = None if new_key is None else index.project(it.new)  # type: ignore[arg-type]
    if old_key == new_key and before == after:
        return None
    sizes = [None if entry is None else item_size_bytes(entry) for entry in (before, after)]
    return _IndexChange(index, old_key, new_key, after, *sizes)
