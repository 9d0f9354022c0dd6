"""What a stream's timer does: it turns its shards over every four hours, and deletes what is older than a day: records,
closed shards, and at last an ended stream itself."""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.services.dynamodb import shards
from mrak.services.dynamodb.exports import is_trimmed
from mrak.services.dynamodb.streams import RETENTION_SECONDS, STREAMS, StreamIndex
from mrak.services.dynamodb.tables import STREAM_ROWS, TABLES
from mrak.store.keys import prefix_end

_PAGE_ROWS = 1000


def trim_timer(scope: Scope, entry: StreamIndex, due_at: float) -> Timer:
    return Timer(
        kind="dynamodb.trim",
        key=str(entry.number),
        due_at=due_at,
        scope=scope,
        payload=f"{entry.table}/{entry.label}".encode(),
    )


def first_timer(scope: Scope, entry: StreamIndex) -> Timer:
    """The one that a new stream sets."""
    return trim_timer(scope, entry, entry.created_at + shards.LIFE_SECONDS)


@timer("dynamodb.trim")
def trim(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """Turns shards over if it is time, deletes a page of old records, sets itself again until the stream is gone."""
    table, _, label = timer.payload.decode().partition("/")
    entry = STREAMS.open(tx, timer.scope, table, label)
    if entry is None:
        return
    if entry.ended_at is not None and entry.ended_at + RETENTION_SECONDS <= ctx.now:
        _remove(tx, timer.scope, entry)
        return
    due_at = ctx.now + shards.LIFE_SECONDS
    if entry.ended_at is None:
        due_at = _turn_over(ctx, tx, timer.scope, entry)
    if _trim_shards(tx, timer.scope, entry, ctx.now):
        due_at = ctx.now
    tx.at(trim_timer(timer.scope, entry, due_at))


def _remove(tx: Transaction, scope: Scope, entry: StreamIndex) -> None:
    for shard in list(shards.scan(tx, scope, entry)):
        STREAM_ROWS.clear(tx, scope, shard.number)
    shards.SHARDS.delete_all(tx, scope, entry.number)
    STREAMS.delete(tx, scope, entry)


def _turn_over(ctx: Context, tx: Transaction, scope: Scope, entry: StreamIndex) -> float:
    """When the open shards are to be turned over next. Those that should have been long ago are so once."""
    record = TABLES.open(tx, scope, entry.table)
    assert record is not None and record.stream is not None, "a stream that is on has its table"
    # All open shards were opened together.
    shard = shards.find(tx, scope, entry, record.stream.open_shards[0])
    assert shard is not None, "an open shard is there"
    due_at = shard.opened_at + shards.LIFE_SECONDS
    if due_at > ctx.now:
        return due_at
    TABLES.replace(tx, scope, record, shards.turn_over(ctx, tx, scope, record))
    return ctx.now + shards.LIFE_SECONDS


def _trim_shards(tx: Transaction, scope: Scope, entry: StreamIndex, now: float) -> bool:
    """Whether there may be more to delete."""
    left = _PAGE_ROWS
    for shard in list(shards.scan(tx, scope, entry)):
        if shards.is_expired(shard, now):
            shards.remove(tx, scope, shard)
        elif left:
            left -= _trim(tx, scope, shard.number, left, now)
    return not left


def _trim(tx: Transaction, scope: Scope, number: int, most: int, now: float) -> int:
    """How many of a shard's oldest records were deleted."""
    prefix = STREAM_ROWS.prefix(scope, number)
    end, count = prefix, 0
    for key, row in tx.scan(prefix, prefix_end(prefix), most):
        if not is_trimmed(row, now):
            break
        end, count = key + b"\x00", count + 1
    if count:
        tx.delete_range(prefix, end)
    return count
