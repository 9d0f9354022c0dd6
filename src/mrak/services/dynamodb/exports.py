"""What other services may use of DynamoDB: its streams, for event source mappings and pipes. Read-only.

stream = find_stream(tx, arn, environment)
for shard in shards_of(tx, stream, now): ...
page = read_after(tx, stream, shard, position, limit, now)    # position: None from the oldest, see also `latest`
topic_of(stream, number)                                      # notified when a shard has more, or was closed
await drain_shards(ctx, stream, drain)                        # `drain(number)` for each, children after their parents
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mrak.core import shards as descent
from mrak.core.arn import Arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, shards, streams
from mrak.services.dynamodb.shards import Shard, shard_id
from mrak.services.dynamodb.streams import (
    LAST_SEQUENCE,
    RETENTION_SECONDS,
    StreamIndex,
    parse_sequence,
    render_sequence,
)
from mrak.services.dynamodb.tables import STREAM_ROWS, find_schema, shard_topic
from mrak.store.keys import encode_part, prefix_end

__all__ = [
    "LAST_SEQUENCE",
    "Record",
    "Shard",
    "Stream",
    "check_access",
    "check_listing",
    "drain_shards",
    "find_shard",
    "find_stream",
    "latest",
    "list_streams",
    "parse_sequence",
    "read_after",
    "render_sequence",
    "shard_id",
    "shards_of",
    "topic_of",
]


class Stream(msgspec.Struct, frozen=True):
    """A stream that exists, of a table that may be gone already."""

    scope: Scope
    arn: str
    entry: StreamIndex


class Record(msgspec.Struct, frozen=True):
    """A stream record: its place, its JSON as GetRecords gives it, and the trace that goes on with it ("" for none)."""

    sequence: int
    body: bytes
    trace: str = ""


class Page(msgspec.Struct, frozen=True):
    """Records, the position after them, and whether nothing will ever follow."""

    records: list[Record]
    position: int | None
    at_end: bool


def is_stream_arn(arn: str) -> bool:
    return _parse_arn(arn) is not None


def _parse_arn(arn: str) -> tuple[Arn, list[str]] | None:
    parts = find_arn(arn)
    if parts is None or parts.service != "dynamodb":
        return None
    names = parts.resource.split("/")
    return (parts, names) if len(names) == 4 and names[0] == "table" and names[2] == "stream" else None


def find_stream(tx: Transaction, arn: str, environment: str) -> Stream | None:
    found = _parse_arn(arn)
    if found is None:
        return None
    parts, names = found
    scope = parts.scope_in(environment)
    entry = streams.STREAMS.get(tx, scope, names[1], names[3])
    return None if entry is None else Stream(scope, arn, entry)


def check_access(ctx: Context, tx: Transaction, stream: Stream) -> None:
    """Raises AccessDeniedException where the stream's policy, or the want of one, keeps the caller out."""
    schema = find_schema(tx, stream.scope, stream.entry.table)
    present = None if schema is None else schema.record.stream
    policy = present.policy if present is not None and present.label == stream.entry.label else None
    access.check(ctx, tx, stream.scope, f"table/{stream.entry.table}/stream/{stream.entry.label}", policy)


def check_listing(ctx: Context, tx: Transaction) -> None:
    access.check_account(ctx, tx)


def list_streams(tx: Transaction, scope: Scope, table: str | None = None) -> Iterator[Stream]:
    """Streams by table and age."""
    prefix = () if table is None else (table,)
    for entry in streams.STREAMS.scan(tx, scope, *prefix):
        yield Stream(scope, streams.stream_arn(scope, entry.table, entry.label), entry)


def topic_of(stream: Stream, number: int) -> str:
    return shard_topic(stream.scope, number)


def shards_of(tx: Transaction, stream: Stream, now: float) -> list[Shard]:
    """All that may still hold records, in the order of their ids, which is that in which they were opened."""
    found = shards.scan(tx, stream.scope, stream.entry)
    return sorted((shard for shard in found if not shards.is_expired(shard, now)), key=shard_id)


def find_shard(tx: Transaction, stream: Stream, number: int) -> Shard | None:
    """The shard as it is now: open, or closed meanwhile."""
    return shards.find(tx, stream.scope, stream.entry, number)


async def drain_shards(ctx: Context, stream: Stream, drain: descent.DrainShard) -> None:
    """Runs `drain` for the number of every shard, which returns at the shard's end; ends when no shard is left."""

    def look(tx: Transaction) -> descent.Family:
        found = shards_of(tx, stream, ctx.clock())
        return {shard.number: set() if shard.parent is None else {shard.parent} for shard in found}

    await descent.drain_shards(ctx, look, drain)


def latest(tx: Transaction, stream: Stream, shard: Shard) -> int:
    """The position after the newest record."""
    return shards.newest(tx, stream.scope, shard.number)


def read_after(tx: Transaction, stream: Stream, shard: Shard, position: int | None, limit: int, now: float) -> Page:
    """Up to `limit` records after a position (None: from the oldest). Records older than a day are passed over, as if
    they were trimmed already."""
    prefix = STREAM_ROWS.prefix(stream.scope, shard.number)
    start = prefix if position is None else prefix + encode_part(position + 1)
    found: list[Record] = []
    for key, row in tx.scan(start, prefix_end(prefix)):
        position = shards.sequence_of(key)
        if is_trimmed(row, now):
            continue
        body, _, trace = row.partition(b"\n")
        found.append(Record(position, body, trace.decode()))
        if len(found) == limit:
            return Page(found, position, at_end=False)
    return Page(found, position, at_end=shard.closed_at is not None)


def is_beyond_trim(tx: Transaction, stream: Stream, shard: Shard, sequence: int, now: float) -> bool:
    """Whether a record is older than the oldest of a day."""
    if shard.opened_at >= now - RETENTION_SECONDS:
        return False
    oldest = read_after(tx, stream, shard, None, 1, now).records
    return not oldest or sequence < oldest[0].sequence


class _Moment(msgspec.Struct):
    ApproximateCreationDateTime: int


class _Dated(msgspec.Struct):
    dynamodb: _Moment


_decode_date = msgspec.json.Decoder(_Dated).decode


def is_trimmed(row: bytes, now: float) -> bool:
    return _decode_date(row.partition(b"\n")[0]).dynamodb.ApproximateCreationDateTime < now - RETENTION_SECONDS
