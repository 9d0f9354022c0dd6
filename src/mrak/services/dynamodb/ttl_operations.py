"""Time to live of a table: switched on, off and described; and the timers that delete what has expired.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation, timer
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors, expiry, items, members, strong
from mrak.services.dynamodb.items import Change, ItemKey
from mrak.services.dynamodb.table_operations import require_table
from mrak.services.dynamodb.tables import (
    HASH_BYTES,
    TABLES,
    TableRecord,
    TimeToLive,
    compile_schema,
    find_schema,
    unpack_row,
)
from mrak.store.keys import prefix_end

# AWS documents an hour; it has been measured to be half of one.
_CHANGE_SECONDS = 1860
_PAGE_ROWS = 500
_LOOK_AGAIN_SECONDS = 60.0


@operation("UpdateTimeToLive")
def update_time_to_live(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    specification = req["TimeToLiveSpecification"]
    enabled, attribute = specification["Enabled"], specification["AttributeName"]
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    if record.is_strong:
        raise strong.ttl_refused()
    current = record.ttl
    is_enabled = current is not None and current.is_enabled
    if is_enabled and current is not None and attribute != current.attribute:
        raise errors.invalid(
            "TimeToLive is active on a different AttributeName: current AttributeName is " + current.attribute
        )
    if enabled == is_enabled:
        raise errors.invalid(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
    if current is not None and ctx.now - current.changed_at < _CHANGE_SECONDS:
        raise errors.invalid("Time to live has been modified multiple times within a fixed interval")
    ttl = TimeToLive(attribute=attribute, is_enabled=enabled, changed_at=ctx.now)
    _set(ctx, tx, scope, record, ttl)
    for replica in record.replicas:
        there = members.scope_of(scope, replica)
        member = TABLES.open(tx, there, record.name)
        if member is not None:
            _set(ctx, tx, there, member, ttl)
    return {"TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute}}


def _set(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, ttl: TimeToLive) -> None:
    TABLES.replace(tx, scope, record, structs.replace(record, ttl=ttl))
    if ttl.is_enabled:
        tx.at(
            Timer(
                kind="dynamodb.ttl",
                key=str(record.number),
                due_at=ctx.now,
                scope=scope,
                payload=record.name.encode() + b"\x00",
            )
        )


@operation("DescribeTimeToLive")
def describe_time_to_live(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, record = require_table(ctx, tx, req["TableName"])
    if record.ttl is None or not record.ttl.is_enabled:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": record.ttl.attribute}}


@timer("dynamodb.ttl")
def schedule_existing(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """Sets the timers of the items that were there before time to live was, a page at a time."""
    name, _, after = timer.payload.partition(b"\x00")
    schema = find_schema(tx, timer.scope, name.decode())
    if schema is None or str(schema.record.number) != timer.key or schema.ttl_attribute is None:
        return
    start = after + b"\x00" if after else schema.prefix
    last: bytes | None = None
    count = 0
    for key, row in tx.scan(start, prefix_end(schema.prefix), _PAGE_ROWS):
        moment = expiry.expires_at(schema, unpack_row(row))
        if moment is not None:
            tx.at(expiry.item_timer(schema, key, moment))
        last, count = key, count + 1
    if count == _PAGE_ROWS and last is not None:
        tx.at(structs.replace(timer, due_at=ctx.now, payload=name + b"\x00" + last))


@timer("dynamodb.expire")
def expire(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """Deletes an item whose time has come, unless it changed meanwhile or time to live was switched off.

    One member of a global table deletes. The others look again until its deletion has arrived, or until it is they who
    delete, since that one has left.
    """
    name, _, row_key = timer.payload.partition(b"\x00")
    record = TABLES.get(tx, timer.scope, name.decode())
    if record is None:
        return
    schema = compile_schema(timer.scope, record)
    if not row_key.startswith(schema.prefix):
        return
    key = ItemKey(row_key, row_key[len(schema.prefix) + HASH_BYTES :])
    row = items.open_row(tx, key)
    if row is None:
        return
    old = unpack_row(row)
    moment = expiry.expires_at(schema, old)
    if moment is None or not expiry.is_due(moment, ctx.now):
        return
    if members.deletes_expired(timer.scope, record):
        items.change(ctx, tx, Change(schema, key, row, old, None), by_service=True)
    else:
        tx.at(structs.replace(timer, due_at=ctx.now + _LOOK_AGAIN_SECONDS))
