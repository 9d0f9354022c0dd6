"""Where readers stand: shard iterators, starting positions, and tokens of listings. All are opaque and go off.

A place in a shard is a record's sequence in the store; reading begins with the first record at or after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.page import find_position, render_token
from mrak.services.kinesis import errors, records, sequences, shards
from mrak.services.kinesis.sequences import Sequence as SequenceNumber
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import Shard

TOLERATED_SECONDS = 300.0
_OLDEST = 0
_BY_SEQUENCE = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


class Iterator(msgspec.Struct, frozen=True, array_like=True):
    made_at: float
    stream_arn: str
    number: int
    shard: int
    place: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Iterator).decode


def render(ctx: Context, found: Found, shard: Shard, place: int) -> str:
    iterator = Iterator(ctx.now, found.arn, found.stream.number, shard.index, place)
    return render_token(_encode(iterator).decode())


def parse(ctx: Context, text: str) -> Iterator:
    try:
        iterator = _decode(find_position(text) or "")
    except msgspec.MsgspecError:
        raise errors.invalid_iterator() from None
    if ctx.now - iterator.made_at > TOLERATED_SECONDS:
        raise errors.iterator_expired(iterator.made_at, ctx.now, TOLERATED_SECONDS)
    return iterator


def find_place(ctx: Context, tx: Transaction, found: Found, shard: Shard, wanted: dict[str, Any]) -> int:
    """The place that GetShardIterator's and SubscribeToShard's members ask for."""
    kind, number = wanted["ShardIteratorType"], wanted.get("StartingSequenceNumber")
    if kind in _BY_SEQUENCE:
        if number is None:
            raise errors.iterator_kind(kind, "no StartingSequenceNumber")
        place = _parse_number(found, shard, number).place
        return place + 1 if kind == "AFTER_SEQUENCE_NUMBER" else place
    if number is not None:
        raise errors.iterator_kind(kind, "also a StartingSequenceNumber")
    if kind == "AT_TIMESTAMP":
        if "Timestamp" not in wanted:
            raise errors.no_timestamp()
        moment = wanted["Timestamp"]
        if moment > ctx.now:
            raise errors.timestamp_ahead(int(moment * 1000), int(ctx.now * 1000))
        return records.place_at_time(tx, found.scope, shard, moment)
    return records.place_after_newest(tx, found.scope, shard) if kind == "LATEST" else _OLDEST


def _parse_number(found: Found, shard: Shard, text: str) -> SequenceNumber:
    number = sequences.parse(text)
    named = (shards.shard_id(shard.index), found.stream.name, found.account)
    if number is None:
        raise errors.unreadable_sequence(sequences.normalise(text), *named)
    if number.shard != shard.index:
        raise errors.other_shards_sequence(shards.shard_id(number.shard), named[0])
    if number.born != shard.born:
        raise errors.foreign_sequence(sequences.normalise(text), *named)
    return number


def starting_places(
    tx: Transaction, found: Found, now: float, position: str, moment: float | None = None
) -> Iterable[tuple[Shard, int]]:
    """Where each shard is to be read from by a reader that begins now with LATEST or AT_TIMESTAMP. One that begins with
    TRIM_HORIZON reads all from place 0, and so does everyone with shards that are opened later."""
    if position == "TRIM_HORIZON":
        return
    for shard in shards.scan(tx, found, now):
        if position == "LATEST":
            yield shard, records.place_after_newest(tx, found.scope, shard)
        else:
            assert moment is not None, "AT_TIMESTAMP comes with a time"
            yield shard, records.place_at_time(tx, found.scope, shard, moment)


def render_page_token(ctx: Context, *parts: Any) -> str:
    """A listing's NextToken, which holds all that says how to go on."""
    return render_token(_encode([ctx.now, *parts]).decode())


def parse_page_token(ctx: Context, text: str, kinds: Sequence[type]) -> list[Any]:
    """The parts of a token of these kinds. Raises where it is none of ours, or older than AWS's last."""
    try:
        made_at, *parts = msgspec.json.decode(find_position(text) or "", type=list[Any])
    except (msgspec.MsgspecError, ValueError):
        raise errors.invalid_token() from None
    if not isinstance(made_at, float) or [type(part) for part in parts] != list(kinds):
        raise errors.invalid_token()
    if ctx.now - made_at > TOLERATED_SECONDS:
        raise errors.token_expired()
    return parts
