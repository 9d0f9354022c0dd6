"""Writes that are under way to the other members of an eventually consistent global table.

    dynamodb.underway  account region TABLE HASH pk sk -> UnderWay, of this item in this member

A write commits with one delivery to each other member, which brings the item as it was written (replication.py). Each
has a number, larger than those of all writes to the item that are still under way anywhere: so the numbers are in the
order of the commits, without ties. A member takes what has a larger number than what it has: the last writer wins.

DYNAMODB-002: AWS compares the times of its regions' clocks.

Invariants: an item has a row in a member if and only if a delivery to it there waits in the outbox, whether the item
is there or was deleted; so nothing is left of a write once it has arrived everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.dynamodb import members
from mrak.services.dynamodb.tables import Schema, find_schema

deviation("DYNAMODB-002")

# A write that was acknowledged arrives, however long it takes.
UNTIL_MADE = Retry(attempts=2**31, max_age_seconds=float("inf"))


class UnderWay(msgspec.Struct, frozen=True, array_like=True):
    """How many deliveries to an item wait, the number of the write that it has (0: an earlier one than any that is
    under way), and the largest number of all."""

    count: int
    has: int
    largest: int


class ReplicatedWrite(msgspec.Struct, frozen=True, array_like=True):
    """An item as it was written, and where; without a row it was deleted. `table` is the receiver's number."""

    name: str
    table: int
    place: bytes
    number: int
    row: bytes | None
    account: str
    region: str


class _Target(NamedTuple):
    """A member that a write goes to."""

    schema: Schema
    row_key: bytes
    state: UnderWay | None


_encode = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(UnderWay).decode
decode_write = msgspec.msgpack.Decoder(ReplicatedWrite).decode


def open_state(tx: Transaction, schema: Schema, place: bytes) -> tuple[bytes, UnderWay | None]:
    """What is under way to an item of a member, opened for writing."""
    row_key = schema.underway_prefix + place
    tx.lock(row_key)
    raw = tx.get(row_key)
    return row_key, None if raw is None else _decode_state(raw)


def is_any(tx: Transaction, schema: Schema, place: bytes) -> bool:
    return tx.get(schema.underway_prefix + place) is not None


def put_state(tx: Transaction, row_key: bytes, state: UnderWay) -> None:
    if state.count:
        tx.put(row_key, _encode(state))
    else:
        tx.delete(row_key)


def send(ctx: Context, tx: Transaction, schema: Schema, place: bytes, row: bytes | None) -> None:
    """Sends an item that was just written to all other members of its table's group."""
    name = schema.record.name
    own_key, own = open_state(tx, schema, place)
    targets = []
    for replica in schema.record.replicas:
        member = find_schema(tx, members.scope_of(schema.scope, replica), name)
        if member is not None:
            targets.append(_Target(member, *open_state(tx, member, place)))
    number = 1 + max(0 if it is None else it.largest for it in (own, *(target.state for target in targets)))
    if own is not None:
        put_state(tx, own_key, UnderWay(own.count, number, number))
    for member, row_key, state in targets:
        count, has = (0, 0) if state is None else (state.count, state.has)
        put_state(tx, row_key, UnderWay(count + 1, has, number))
        sender = schema.scope
        write = ReplicatedWrite(name, member.record.number, place, number, row, sender.account, sender.region)
        enqueue(ctx, tx, "dynamodb.replicate", member.scope, member.record.number, _encode(write))


def enqueue(ctx: Context, tx: Transaction, kind: str, scope: Scope, table: int, payload: bytes) -> None:
    """What happens to one member happens in one lane: what is enqueued comes after all writes that are under way."""
    tx.enqueue(
        Delivery(
            kind=kind,
            lane=f"dynamodb.member/{table}",
            scope=scope,
            payload=payload,
            retry=UNTIL_MADE,
            trace=ctx.joined_trace,
            enqueued_at=ctx.now,
        )
    )
