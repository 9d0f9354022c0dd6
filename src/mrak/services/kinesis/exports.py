"""What other services may use of Kinesis: read-only look-ups, reading of shards, and the constructor of deliveries.

source = find_source(tx, arn, environment)            # a stream's ARN, or a consumer's
for shard in shards_of(tx, source, now): ...
entries, place, at_end = read_from(ctx, tx, source, shard, place, limit)     # place: 0 from the oldest on
topic_of(source)                                      # notified when there is more, or shards have changed
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.services.kinesis import consumers, records, sequences, streams
from mrak.services.kinesis.draining import drain_shards
from mrak.services.kinesis.iterators import starting_places
from mrak.services.kinesis.shards import shard_id
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import SHARDS, Shard

__all__ = [
    "Entry",
    "Source",
    "delivery",
    "drain_shards",
    "find_shard",
    "find_source",
    "is_stream_arn",
    "read_from",
    "shard_id",
    "starting_places",
    "stream_exists",
    "topic_of",
]

PUT = "kinesis.put"
# What fits a function's payload of six megabytes once it is base64.
_MOST_BYTES = 4 << 20

Source = Found


class Entry(NamedTuple):
    """A record as a function or pipe gets it (without what the reader adds), its place and time, and the trace that
    goes on with it ("" for none)."""

    place: int
    body: dict[str, Any]
    arrived_at: float
    trace: str


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """The payload of a delivery to a stream: (data, partition key) of each record."""

    stream: str
    puts: list[tuple[bytes, str]]


_encode = msgspec.msgpack.Encoder().encode
parse_parcel = msgspec.msgpack.Decoder(Parcel).decode


def delivery(
    ctx: Context,
    stream_arn: str,
    puts: list[tuple[bytes, str]],
    *,
    lane: str = "",
    retry: Retry | None = None,
    dead: str = "",
    at_once: bool = False,
) -> Delivery:
    """A delivery that puts records into a stream, for services that act with a role. See `sqs.exports.delivery`."""
    parsed = find_arn(stream_arn)
    assert parsed is not None, stream_arn
    return Delivery(
        kind=PUT,
        lane=lane or stream_arn,
        scope=parsed.scope_in(ctx.scope.environment),
        payload=_encode(Parcel(streams.name_in(stream_arn), puts)),
        retry=retry or Retry(),
        dead=dead,
        trace=ctx.trace,
        enqueued_at=ctx.now,
        at_once=at_once,
    )


def is_stream_arn(text: str) -> bool:
    """Whether a text is the ARN of a stream, or of a consumer of one."""
    parsed = find_arn(text)
    return parsed is not None and parsed.service == "kinesis" and parsed.resource.startswith("stream/")


def stream_exists(tx: Transaction, environment: str, stream_arn: str) -> bool:
    """Whether an ARN names a stream of the environment."""
    parsed = find_arn(stream_arn)
    if parsed is None or not is_stream_arn(stream_arn):
        return False
    return streams.find(tx, parsed.scope_in(environment), streams.name_in(stream_arn)) is not None


def find_source(tx: Transaction, arn: str, environment: str) -> Source | None:
    """The stream that an ARN names, by its own or that of a consumer registered with it."""
    parsed = find_arn(arn)
    if parsed is None or not is_stream_arn(arn):
        return None
    scope = parsed.scope_in(environment)
    if consumers.is_consumer_arn(arn):
        found, consumer = consumers.find_in(tx, scope, arn)
        return found if consumer is not None else None
    return streams.find(tx, scope, streams.name_in(arn))


def topic_of(source: Source) -> str:
    return streams.topic(source.scope, source.stream.number)


def find_shard(tx: Transaction, source: Source, index: int) -> Shard | None:
    """The shard as it is now: open, or closed meanwhile."""
    return SHARDS.get(tx, source.scope, source.stream.number, index)


def read_from(
    ctx: Context, tx: Transaction, source: Source, shard: Shard, place: int, limit: int
) -> tuple[list[Entry], int, bool]:
    """Up to `limit` records from a place on, the place after them, and whether a closed shard has no more."""
    page = records.read(ctx, tx, source, shard, place, (limit, _MOST_BYTES))
    entries = []
    for record in page.records:
        body = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.key,
            "sequenceNumber": sequences.render(shard, record.sequence, record.arrived_at),
            "data": base64.b64encode(record.data).decode(),
            "approximateArrivalTimestamp": record.arrived_at,
        }
        entries.append(Entry(record.sequence, body, record.arrived_at, record.trace))
    return entries, page.place, page.at_end
