"""How a member that joins a global table gets the items that are there: page by page, from the member that was asked.

It gets every write from the moment on at which it joined, and its first page waits until all earlier ones have arrived
at the source. So an item to which nothing is under way is at the source as it was written last; one to which something
is under way comes to the new member by itself. Nobody reads or writes there until it is full.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from mrak.core.background import Delivery
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.services.dynamodb import items, members, underway
from mrak.services.dynamodb.tables import TABLES, Schema, TableRecord, compile_schema
from mrak.store.keys import prefix_end

_PAGE_ROWS = 200


class Filling(msgspec.Struct, frozen=True, array_like=True):
    """The member that is filled, by place and number, and the place of the last item that was looked at."""

    name: str
    account: str
    region: str
    table: int
    after: bytes | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Filling).decode


def fill(ctx: Context, tx: Transaction, source: Scope, record: TableRecord, filling: Filling) -> None:
    """Fills a member with what comes after all writes that are under way to the source."""
    underway.enqueue(ctx, tx, "dynamodb.fill_member", source, record.number, _encode(filling))


@delivery("dynamodb.fill_member")
def fill_member(ctx: Context, tx: Transaction, it: Delivery) -> None:
    filling = _decode(it.payload)
    ctx.about(filling.name)
    there = it.scope.in_region(filling.region).in_account(filling.account)
    source, member = TABLES.get(tx, it.scope, filling.name), TABLES.open(tx, there, filling.name)
    if source is None or member is None or member.number != filling.table:
        return
    # Its stream tells only what was written since it joined.
    schema = compile_schema(there, structs.replace(member, stream=None))
    last = _copy_page(ctx, tx, compile_schema(it.scope, source), schema, filling.after)
    if last is not None:
        fill(ctx, tx, it.scope, source, structs.replace(filling, after=last))
        return
    TABLES.replace(tx, there, member, structs.replace(member, transition=None))
    for replica in member.replicas:
        _tell_active(tx, members.scope_of(there, replica), filling.name, there.region)


def _copy_page(ctx: Context, tx: Transaction, source: Schema, member: Schema, after: bytes | None) -> bytes | None:
    """The place of the last item where there may be more."""
    start = source.prefix if after is None else source.prefix + after + b"\x00"
    rows = list(tx.scan(start, prefix_end(source.prefix), _PAGE_ROWS))
    for row_key, row in rows:
        place = row_key[len(source.prefix) :]
        if not underway.is_any(tx, source, place):
            items.change_member(ctx, tx, items.arriving(tx, member, place, row))
    return rows[-1][0][len(source.prefix) :] if len(rows) == _PAGE_ROWS else None


def _tell_active(tx: Transaction, scope: Scope, name: str, region: str) -> None:
    record = TABLES.open(tx, scope, name)
    if record is not None:
        changed = structs.replace(record, replicas=members.with_entry(record, region, {"status": None}))
        TABLES.replace(tx, scope, record, changed)
