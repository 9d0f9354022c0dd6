"""Stream records: what changed, appended in the transaction that changed it.

    dynamodb.stream    account region SHARD SEQUENCE -> the record's JSON, a line feed, the trace it was written in
    dynamodb.streams   account region TABLE LABEL    -> StreamIndex

A record goes to the open shard whose range holds the hash of its partition key (see `shards`). Sequence numbers grow
with every change of the environment, so that they order the changes of an item. A write that changes nothing leaves no
record.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.ddb.values import Item, equal, item_size_bytes
from mrak.services.dynamodb import partitions
from mrak.services.dynamodb.tables import Schema, StreamRecord, table_arn
from mrak.store.keys import encode_part
from mrak.store.tables import Table

RETENTION_SECONDS = 86_400.0
# Above all that are drawn, and one that follows it can still be a key.
LAST_SEQUENCE = (1 << 63) - 2
TTL_IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}

_encode = msgspec.json.Encoder().encode


class StreamIndex(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A stream by table and label, also once its table has another stream or is gone."""

    table: str
    label: str
    number: int
    view: str
    created_at: float
    keys: tuple[tuple[str, str], ...]
    ended_at: float | None = None
    # Of a stream that ended without rows for its shards, as those of earlier versions did.
    last_sequence: int | None = None
    has_shards: bool = False


STREAMS = Table("dynamodb.streams", StreamIndex, key=("table", "label"))


def stream_arn(scope: Scope, table: str, label: str) -> str:
    return f"{table_arn(scope, table)}/stream/{label}"


def render_sequence(sequence: int) -> str:
    """A sequence number as AWS shows them: 21 digits, compared as numbers."""
    return f"1{sequence:020d}"


def parse_sequence(text: str) -> int | None:
    """What `render_sequence` made; numbers below all of those are negative, and those above all are one."""
    if len(text) != 21 or not text.isdigit() or not text.isascii() or text[0] not in "01":
        return None
    return min(int(text) - 10**20, LAST_SEQUENCE)


def is_same(old: Item | None, new: Item | None) -> bool:
    if old is None or new is None:
        return old is new
    return old.keys() == new.keys() and all(equal(value, new[name]) for name, value in old.items())


def event_name(old: Item | None, new: Item | None) -> str:
    return "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"


def append(
    ctx: Context,
    tx: Transaction,
    schema: Schema,
    row: bytes,
    images: tuple[Item | None, Item | None],
    by_service: bool = False,
) -> None:
    """Tells how the item of this row was and is."""
    old, new = images
    stream = schema.record.stream
    assert stream is not None, "only tables with a stream get here"
    sequence = ctx.draw.sequence()
    record = _render(ctx, schema, stream, sequence, old, new)
    if by_service:
        record["userIdentity"] = TTL_IDENTITY
    prefix, topic = schema.logs[partitions.find(schema.prefix, row, len(schema.logs))]
    tx.put(prefix + encode_part(sequence), _encode(record) + b"\n" + ctx.joined_trace.encode())
    tx.notify(topic)


def _render(
    ctx: Context, schema: Schema, stream: StreamRecord, sequence: int, old: Item | None, new: Item | None
) -> dict[str, Any]:
    present = new if new is not None else old
    assert present is not None
    keys = schema.key_of(present)
    change: dict[str, Any] = {"ApproximateCreationDateTime": int(ctx.now), "Keys": keys}
    size_bytes = item_size_bytes(keys)
    if new is not None and stream.view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        change["NewImage"] = new
        size_bytes += item_size_bytes(new)
    if old is not None and stream.view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
        change["OldImage"] = old
        size_bytes += item_size_bytes(old)
    change["SequenceNumber"] = render_sequence(sequence)
    change["SizeBytes"] = size_bytes
    change["StreamViewType"] = stream.view
    return {
        "eventID": ctx.draw.bytes(16).hex(),
        "eventName": event_name(old, new),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": schema.scope.region,
        "dynamodb": change,
    }
