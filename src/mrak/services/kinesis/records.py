"""Records of a shard: put, read from a place on, found by time.

A shard's records lie in the order in which they came, and arrive at times that never go back; so the first one of a
time is found by halving, whatever there is. https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.kinesis import encryption, errors, sequences, shards
from mrak.services.kinesis.streams import Found, topic
from mrak.services.kinesis.tables import RECORDS, Record, Shard, Stream

_PUT_UNIT_BYTES = 25 * 1024
_GIB = 1 << 30


class Put(NamedTuple):
    """A record before it has a place: its data, and where it is to go."""

    data: bytes
    key: str
    explicit_hash_key: str | None = None


def check(found: Found, puts: Sequence[Put], places: Sequence[str]) -> None:
    """What the model does not tell. `places` are how the records are called in messages."""
    most = found.stream.max_record_kib * 1024
    for put, place in zip(puts, places, strict=True):
        if len(put.data) + len(put.key.encode()) > most:
            raise errors.failed_constraint(
                f"at '{place}data' failed to satisfy constraint: Member must have length less than or equal to {most}"
            )
        if not put.key and found.stream.distribution == "USER_PARTITION_KEY":
            raise errors.failed_constraint(
                f"null at '{place}partitionKey' failed to satisfy constraint: Member must not be null"
            )
        if put.explicit_hash_key is not None and int(put.explicit_hash_key) >= shards.HASH_KEYS:
            raise errors.hash_key_out_of_range(put.explicit_hash_key)


def put_all(ctx: Context, tx: Transaction, found: Found, puts: Sequence[Put]) -> list[dict[str, Any]]:
    """Appends records, all in this transaction, and tells where each is."""
    encryption.check_key(ctx, tx, found)
    answers = [_put(ctx, tx, found, put) for put in puts]
    tx.notify(topic(found.scope, found.stream.number))
    _meter(ctx, found.stream, puts)
    return answers


def _put(ctx: Context, tx: Transaction, found: Found, put: Put) -> dict[str, Any]:
    number = found.stream.number
    shard = shards.find_by_hash(tx, found.scope, number, _hash_key(ctx, found.stream, put))
    sequence, arrived_at = ctx.draw.sequence(), round(ctx.now, 3)
    RECORDS.append(
        tx,
        found.scope,
        Record(
            stream=number,
            shard=shard.index,
            sequence=sequence,
            arrived_at=arrived_at,
            key=put.key,
            data=put.data,
            encrypted=bool(found.stream.key_id),
            trace=ctx.joined_trace,
        ),
    )
    return {
        "SequenceNumber": sequences.render(shard, sequence, arrived_at),
        "ShardId": shards.shard_id(shard.index),
    }


def _hash_key(ctx: Context, stream: Stream, put: Put) -> int:
    if stream.distribution == "AUTO":
        return int.from_bytes(ctx.draw.bytes(16), "big")
    return int(put.explicit_hash_key) if put.explicit_hash_key is not None else shards.hash_of(put.key)


def _meter(ctx: Context, stream: Stream, puts: Sequence[Put]) -> None:
    sizes = [len(put.data) + len(put.key.encode()) for put in puts]
    if stream.is_on_demand:
        ctx.meter("OnDemandIngest-GB", sum(sizes) / _GIB)
    else:
        ctx.meter("PutPayloadUnits", float(sum(max(1, -(-size // _PUT_UNIT_BYTES)) for size in sizes)))
    ctx.annotate("put", {"stream": stream.name, "records": len(puts), "bytes": sum(sizes)})


def newest(tx: Transaction, scope: Scope, shard: Shard) -> Record | None:
    return next(RECORDS.scan(tx, scope, shard.stream, shard.index, limit=1, reverse=True), None)


def _first_from(tx: Transaction, scope: Scope, shard: Shard, place: int) -> Record | None:
    return next(RECORDS.scan(tx, scope, shard.stream, shard.index, since=place, limit=1), None)


def place_after_newest(tx: Transaction, scope: Scope, shard: Shard) -> int:
    last = newest(tx, scope, shard)
    return 0 if last is None else last.sequence + 1


def place_at_time(tx: Transaction, scope: Scope, shard: Shard, moment: float) -> int:
    """The place of the first record that arrived at a moment or later, or of the next one to come."""
    last, first = newest(tx, scope, shard), _first_from(tx, scope, shard, 0)
    if last is None or first is None:
        return 0
    if last.arrived_at < moment:
        return last.sequence + 1
    low, high = first.sequence, last.sequence
    while low < high:
        middle = (low + high) // 2
        record = _first_from(tx, scope, shard, middle)
        assert record is not None, "the newest one is behind it"
        if record.arrived_at >= moment:
            high = middle
        else:
            low = record.sequence + 1
    return low


class Page(NamedTuple):
    """Records, the place after them, how far the last of them is behind the newest, and whether the shard's end is
    reached."""

    records: list[Record]
    place: int
    behind_ms: int
    at_end: bool


def read(ctx: Context, tx: Transaction, found: Found, shard: Shard, place: int, limits: tuple[int, int]) -> Page:
    """Records from a place on, up to a count and a size; those older than the stream keeps are passed over."""
    scope, now = found.scope, ctx.clock()
    horizon = found.stream.horizon(now)
    first = _first_from(tx, scope, shard, place)
    if first is not None and first.arrived_at < horizon:
        place = place_at_time(tx, scope, shard, horizon)
    most, most_bytes = limits
    taken: list[Record] = []
    size_bytes = 0
    for record in RECORDS.scan(tx, scope, shard.stream, shard.index, since=place):
        size_bytes += len(record.data) + len(record.key)
        if len(taken) == most or (taken and size_bytes > most_bytes):
            # The tip is still ahead of what was taken.
            behind_ms = max(0, int((now - taken[-1].arrived_at) * 1000))
            return Page(taken, taken[-1].sequence + 1, behind_ms, at_end=False)
        taken.append(record)
    after = taken[-1].sequence + 1 if taken else place
    return Page(taken, after, 0, at_end=shard.closed_at is not None)


def note_read(ctx: Context, found: Found, page: Page) -> None:
    """What GetRecords costs, and what its metrics tell."""
    size_bytes = sum(len(record.data) for record in page.records)
    if found.stream.is_on_demand:
        ctx.meter("OnDemandRetrieval-GB", size_bytes / _GIB)
    age_ms = (ctx.now - page.records[-1].arrived_at) * 1000 if page.records else 0.0
    noted = {"records": len(page.records), "bytes": size_bytes, "age_ms": max(0.0, age_ms)}
    ctx.annotate("got", {"stream": found.stream.name, **noted})


def render(shard: Shard, record: Record) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SequenceNumber": sequences.render(shard, record.sequence, record.arrived_at),
        "ApproximateArrivalTimestamp": record.arrived_at,
        "Data": record.data,
        "PartitionKey": record.key,
    }
    return shown | ({"EncryptionType": "KMS"} if record.encrypted else {})
