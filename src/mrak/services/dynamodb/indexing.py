"""Secondary indexes of a table: new ones, and filling one that is added to a table with items.

A fill goes page by page, by timer, so that a large table does not hold up everyone else. Writes keep the new index from
the moment it is there, and every page writes the rows as the items are then, so both may write the same row. The
index is CREATING, and cannot be read, until the last page.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.lang.ddb.values import item_size_bytes
from mrak.services.dynamodb import vectors
from mrak.services.dynamodb.tables import (
    HASH_BYTES,
    TABLES,
    IndexRecord,
    Schema,
    TableRecord,
    compile_schema,
    pack_row,
    unpack_row,
)
from mrak.store.keys import prefix_end

_PAGE_ROWS = 500


def new_index(ctx: Context, definition: dict[str, Any], is_global: bool, status: str = "ACTIVE") -> IndexRecord:
    throughput = definition.get("ProvisionedThroughput", {})
    projection = definition["Projection"]
    return IndexRecord(
        name=definition["IndexName"],
        number=ctx.draw.sequence(),
        is_global=is_global,
        keys=tuple((it["AttributeName"], it["KeyType"]) for it in definition["KeySchema"]),
        projection=projection["ProjectionType"],
        included=tuple(projection.get("NonKeyAttributes", ())),
        read_units=throughput.get("ReadCapacityUnits", 0),
        write_units=throughput.get("WriteCapacityUnits", 0),
        status=status,
        on_demand=definition.get("OnDemandThroughput") or None,
        warm=definition.get("WarmThroughput"),
    )


def fill_timer(ctx: Context, schema: Schema, index: IndexRecord) -> Timer:
    return Timer(
        kind="dynamodb.fill",
        key=f"{schema.record.number}:{index.number}",
        due_at=ctx.now,
        scope=schema.scope,
        payload=f"{schema.record.name}/{index.name}".encode(),
    )


@timer("dynamodb.fill")
def fill(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """One page of an index that is being created; sets itself again until the end."""
    table, _, name = timer.payload.decode().partition("/")
    record = TABLES.open(tx, timer.scope, table)
    if record is None or timer.key.partition(":")[0] != str(record.number):
        return
    index = next((it for it in record.indexes if it.name == name and it.status == "CREATING"), None)
    if index is None:
        return
    schema = compile_schema(timer.scope, record)
    reached = fill_page(tx, schema, index)
    if reached is None:
        changed = structs.replace(index, status="ACTIVE", backfilled_to=None)
    else:
        changed = structs.replace(index, backfilled_to=reached)
        tx.at(fill_timer(ctx, schema, changed))
    others = tuple(changed if it is index else it for it in record.indexes)
    TABLES.replace(tx, timer.scope, record, structs.replace(record, indexes=others))


# How long an index of vectors takes to be made, whatever there is to be done: AWS takes minutes, and shows its phases.
_ALLOCATION_SECONDS = 1.0
_BACKFILL_SECONDS = 7.0


def phase_timer(begun_at: float, scope: Scope, record: TableRecord, index: vectors.VectorRecord) -> Timer:
    """The end of a new vector index's current phase."""
    seconds = _ALLOCATION_SECONDS if index.phase == "ALLOCATING" else _BACKFILL_SECONDS
    return Timer(
        kind="dynamodb.vector",
        key=f"{record.number}:{index.number}",
        due_at=begun_at + seconds,
        scope=scope,
        payload=record.name.encode(),
    )


@timer("dynamodb.vector")
def end_phase(ctx: Context, tx: Transaction, timer: Timer) -> None:
    record = TABLES.open(tx, timer.scope, timer.payload.decode())
    table, _, number = timer.key.partition(":")
    if record is None or table != str(record.number):
        return
    index = next((it for it in record.vectors if str(it.number) == number), None)
    if index is None:
        return
    following = structs.replace(index, phase="BACKFILLING" if index.phase == "ALLOCATING" else None)
    others = tuple(following if it is index else it for it in record.vectors)
    TABLES.replace(tx, timer.scope, record, structs.replace(record, vectors=others))
    if following.phase is not None:
        tx.at(phase_timer(timer.due_at, timer.scope, record, following))


def fill_page(tx: Transaction, schema: Schema, index: IndexRecord) -> bytes | None:
    """Writes the index rows of the next items; how far it came, None for the end."""
    compiled = next(it for it in schema.indexes if it.record.number == index.number)
    start = schema.prefix if index.backfilled_to is None else index.backfilled_to + b"\x00"
    suffix_at = len(schema.prefix) + HASH_BYTES
    last: bytes | None = None
    rows = list(tx.scan(start, prefix_end(schema.prefix), _PAGE_ROWS))
    for key, row in rows:
        tx.lock(key)
        item = unpack_row(row)
        index_key = compiled.key_of(item, key[suffix_at:])
        if index_key is not None:
            entry = compiled.project(item)
            tx.put(index_key, row if compiled.attributes is None else pack_row(entry, item_size_bytes(entry)))
        last = key
    return last if len(rows) == _PAGE_ROWS else None


def fill_vector(tx: Transaction, schema: Schema, record: vectors.VectorRecord) -> None:
    """Writes the rows of a new vector index. Items without a vector of its form are left out."""
    index = next(it for it in schema.vectors if it.record is record)
    suffix_at = len(schema.prefix) + HASH_BYTES
    for key, row in tx.scan(schema.prefix, prefix_end(schema.prefix)):
        vectors.change(tx, index, key[suffix_at:], None, unpack_row(row))
