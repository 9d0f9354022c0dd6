"""The shards of a table's stream, one for each of the table's partitions.

    dynamodb.shard   account region STREAM NUMBER -> Shard

A partition is a range of the hashes of partition keys, so that all changes of an item go to one shard. A shard is
closed after four hours and followed by a child. When the table gets more partitions each shard is followed by several
children, which share its range; shards are never merged, so that each has one parent at most. The numbers of the open
shards stand in the table's row, by range.

A stream that an earlier version of mrak made has no rows here until its shard is closed: it has one shard, of the
stream's own number. `StreamIndex.has_shards` tells the two kinds apart.

Invariants: a shard's records are older than those of its children; the sequence numbers of its records lie between its
own number and that of its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import msgspec
from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.dynamodb import partitions
from mrak.services.dynamodb.streams import RETENTION_SECONDS, STREAMS, StreamIndex
from mrak.services.dynamodb.tables import STREAM_ROWS, StreamRecord, TableRecord, shard_topic
from mrak.store.keys import prefix_end
from mrak.store.tables import Table

LIFE_SECONDS = 4 * 3600.0
# Makes ids differ in their milliseconds, however these are rounded.
_TICK_SECONDS = 0.002


class Shard(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`number` is a sequence number: all records of the shard have greater ones. The parent's id is kept, since the
    parent goes first."""

    stream: int
    number: int
    opened_at: float
    parent: int | None = None
    parent_id: str = ""
    closed_at: float | None = None
    last_sequence: int | None = None


SHARDS = Table("dynamodb.shard", Shard, key=("stream", "number"), entity=1)


def shard_id(shard: Shard) -> str:
    """In AWS's form. Ids are in the order in which shards were opened."""
    return f"shardId-{int(shard.opened_at * 1000):020d}-{shard.number & 0xFFFFFFFF:08x}"


def open_first(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, stream: StreamRecord) -> StreamRecord:
    """A new stream with its shards."""
    deviation("DYNAMODB-004")
    SHARDS.lock(tx, scope, stream.number)
    numbers = tuple(_open(ctx, tx, scope, stream, None) for _ in range(partitions.count(record)))
    return structs.replace(stream, shards=numbers)


def _open(ctx: Context, tx: Transaction, scope: Scope, stream: StreamRecord, parent: Shard | None) -> int:
    shard = Shard(stream=stream.number, number=ctx.draw.sequence(), opened_at=ctx.now)
    if parent is not None:
        # Its id comes after the parent's, also where the clock has not moved.
        opened_at = max(ctx.now, parent.opened_at + _TICK_SECONDS)
        shard = structs.replace(shard, opened_at=opened_at, parent=parent.number, parent_id=shard_id(parent))
    SHARDS.insert(tx, scope, shard)
    return shard.number


def turn_over(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> TableRecord:
    """Closes the open shards; each has a child, or several if the table has more partitions by now."""
    stream = _require_stream(record)
    children = ceil(partitions.count(record) / len(stream.open_shards))
    numbers: list[int] = []
    for parent in close(ctx, tx, scope, record):
        numbers += [_open(ctx, tx, scope, stream, parent) for _ in range(children)]
    return structs.replace(record, stream=structs.replace(stream, shards=tuple(numbers)))


def split(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> TableRecord:
    """The table whose throughput may have been raised: with as many shards at least as it has partitions."""
    if record.stream is None or not record.stream.is_enabled:
        return record
    return turn_over(ctx, tx, scope, record) if partitions.count(record) > len(record.stream.open_shards) else record


def close(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> list[Shard]:
    """Closes the open shards, for ever or for their children, and returns them by their ranges."""
    stream = _require_stream(record)
    entry = STREAMS.open(tx, scope, record.name, stream.label)
    assert entry is not None, "a table's stream has its row"
    SHARDS.lock(tx, scope, stream.number)
    if not entry.has_shards:
        SHARDS.insert(tx, scope, _earlier(entry))
        STREAMS.replace(tx, scope, entry, structs.replace(entry, has_shards=True))
    return [_close(ctx, tx, scope, stream.number, number) for number in stream.open_shards]


def _close(ctx: Context, tx: Transaction, scope: Scope, stream: int, number: int) -> Shard:
    shard = SHARDS.get(tx, scope, stream, number)
    assert shard is not None, "an open shard has its row"
    closed = structs.replace(shard, closed_at=ctx.now, last_sequence=newest(tx, scope, number))
    SHARDS.replace(tx, scope, shard, closed)
    tx.notify(shard_topic(scope, number))
    return closed


def _require_stream(record: TableRecord) -> StreamRecord:
    assert record.stream is not None and record.stream.is_enabled, "only streams that are on have open shards"
    return record.stream


def newest(tx: Transaction, scope: Scope, number: int) -> int:
    """The sequence number of a shard's newest record, or its own where it has none."""
    prefix = STREAM_ROWS.prefix(scope, number)
    for key, _ in tx.scan(prefix, prefix_end(prefix), 1, reverse=True):
        return sequence_of(key)
    return number


def sequence_of(key: bytes) -> int:
    return int.from_bytes(key[-8:], "big") - (1 << 63)


def scan(tx: Transaction, scope: Scope, entry: StreamIndex) -> Iterator[Shard]:
    """All shards of a stream, also those that have expired and are not deleted yet."""
    has_rows = False
    for shard in SHARDS.scan(tx, scope, entry.number):
        has_rows = True
        yield shard
    if not has_rows and (earlier := _find_earlier(tx, scope, entry)) is not None:
        yield earlier


def find(tx: Transaction, scope: Scope, entry: StreamIndex, number: int) -> Shard | None:
    found = SHARDS.get(tx, scope, entry.number, number)
    return _find_earlier(tx, scope, entry) if found is None and number == entry.number else found


def _find_earlier(tx: Transaction, scope: Scope, entry: StreamIndex) -> Shard | None:
    """The one shard of a stream without rows. Readers may hold an `entry` that has changed since, or is gone."""
    now = None if entry.has_shards else STREAMS.get(tx, scope, entry.table, entry.label)
    return None if now is None or now.has_shards else _earlier(now)


def _earlier(entry: StreamIndex) -> Shard:
    return Shard(
        stream=entry.number,
        number=entry.number,
        opened_at=entry.created_at,
        closed_at=entry.ended_at,
        last_sequence=entry.last_sequence,
    )


def is_expired(shard: Shard, now: float) -> bool:
    """Whether all of its records are older than a day."""
    return shard.closed_at is not None and shard.closed_at + RETENTION_SECONDS <= now


def remove(tx: Transaction, scope: Scope, shard: Shard) -> None:
    """The shard is gone, with what is left of its records."""
    STREAM_ROWS.clear(tx, scope, shard.number)
    SHARDS.lock(tx, scope, shard.stream)
    SHARDS.delete(tx, scope, shard)
