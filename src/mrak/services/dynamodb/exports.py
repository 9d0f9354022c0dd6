"""What other services may use of DynamoDB: its streams, for event source mappings and pipes. Read-only.

stream = find_stream(tx, arn, environment)
entries, position = read_after(tx, stream, position, limit)   # position: None from the oldest, see also `latest`
topic_of(stream)                                              # notified when there is more
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mrak.core.arn import Arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, streams
from mrak.services.dynamodb.streams import RETENTION_SECONDS, StreamIndex, parse_sequence, render_sequence
from mrak.services.dynamodb.tables import find_schema
from mrak.store.keys import encode_part, prefix_end

__all__ = [
    "Record",
    "Stream",
    "check_access",
    "check_listing",
    "find_stream",
    "first_sequence",
    "latest",
    "list_streams",
    "parse_sequence",
    "read_after",
    "render_sequence",
    "shard_id",
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


def topic_of(stream: Stream) -> str:
    return streams.topic(stream.scope, stream.entry.number)


def shard_id(stream: Stream) -> str:
    """The stream's one shard."""
    number = stream.entry.number
    return f"shardId-{int(stream.entry.created_at * 1000):020d}-{number & 0xFFFFFFFF:08x}"


def latest(tx: Transaction, stream: Stream) -> int:
    """The position after the newest record."""
    prefix = streams.RECORDS.prefix(stream.scope, stream.entry.number)
    for key, _ in tx.scan(prefix, prefix_end(prefix), 1, reverse=True):
        return _sequence_of(key)
    return stream.entry.number


def read_after(
    tx: Transaction, stream: Stream, position: int | None, limit: int, now: float
) -> tuple[list[Record], int | None]:
    """Up to `limit` records after a position (None: from the oldest), and the position after them. Records older than
    a day are passed over, as if they were trimmed already."""
    prefix = streams.RECORDS.prefix(stream.scope, stream.entry.number)
    start = prefix if position is None else prefix + encode_part(position + 1)
    found: list[Record] = []
    for key, row in tx.scan(start, prefix_end(prefix)):
        position = _sequence_of(key)
        if is_trimmed(row, now):
            continue
        body, _, trace = row.partition(b"\n")
        found.append(Record(position, body, trace.decode()))
        if len(found) == limit:
            break
    return found, position


def is_beyond_trim(tx: Transaction, stream: Stream, sequence: int, now: float) -> bool:
    """Whether a record is older than the oldest of a day."""
    if stream.entry.created_at >= now - RETENTION_SECONDS:
        return False
    oldest, _ = read_after(tx, stream, None, 1, now)
    return not oldest or sequence < oldest[0].sequence


def _sequence_of(key: bytes) -> int:
    return int.from_bytes(key[-8:], "big") - (1 << 63)


class _Moment(msgspec.Struct):
    ApproximateCreationDateTime: int


class _Dated(msgspec.Struct):
    dynamodb: _Moment


_decode_date = msgspec.json.Decoder(_Dated).decode


def is_trimmed(row: bytes, now: float) -> bool:
    return _decode_date(row.partition(b"\n")[0]).dynamodb.ApproximateCreationDateTime < now - RETENTION_SECONDS


def first_sequence(stream: Stream) -> str:
    return render_sequence(stream.entry.number)
