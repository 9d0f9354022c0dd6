"""Point-in-time recovery: what every change replaced, so that a table can be taken back to any second.

    dynamodb.history   account region TABLE SEQUENCE -> time, the row's place in the table, the row before it

Undoing the entries after a moment, newest first, on a copy of the table gives the table at that moment. Entries older
than the recovery period are pruned once a day.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.services.dynamodb.spaces import RowSpace
from mrak.services.dynamodb.tables import TABLES, Schema, TableRecord
from mrak.store.keys import encode_part, prefix_end

_DAY_SECONDS = 86_400.0
_PAGE_ROWS = 1000

HISTORY = RowSpace("dynamodb.history")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A change: when, where in the table, and the row before it (None where there was none)."""

    time: float
    place: bytes
    before: bytes | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def append(ctx: Context, tx: Transaction, schema: Schema, row_key: bytes, before: bytes | None) -> None:
    entry = Entry(ctx.now, row_key[len(schema.prefix) :], before)
    prefix = HISTORY.prefix(schema.scope, schema.record.number)
    tx.put(prefix + encode_part(ctx.draw.sequence()), _encode(entry))


def since(tx: Transaction, scope: Scope, record: TableRecord, moment: float) -> Iterator[Entry]:
    """Changes after a moment, newest first."""
    prefix = HISTORY.prefix(scope, record.number)
    for _, raw in tx.scan(prefix, prefix_end(prefix), reverse=True):
        entry = _decode(raw)
        if entry.time <= moment:
            return
        yield entry


def prune_timer(ctx: Context, scope: Scope, record: TableRecord, due_at: float) -> Timer:
    return Timer(
        kind="dynamodb.prune", key=str(record.number), due_at=due_at, scope=scope, payload=record.name.encode()
    )


@timer("dynamodb.prune")
def prune(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """Forgets what is older than the recovery period; all of it once recovery is off or the table gone."""
    record = TABLES.get(tx, timer.scope, timer.payload.decode())
    prefix = HISTORY.prefix(timer.scope, int(timer.key))
    if record is None or str(record.number) != timer.key or record.pitr_since is None:
        tx.delete_range(prefix, prefix_end(prefix))
        return
    horizon = ctx.now - record.pitr_days * _DAY_SECONDS
    end = prefix
    count = 0
    for key, raw in tx.scan(prefix, prefix_end(prefix), _PAGE_ROWS):
        if _decode(raw).time >= horizon:
            break
        end = key + b"\x00"
        count += 1
    if count:
        tx.delete_range(prefix, end)
    wait = 0.0 if count == _PAGE_ROWS else _DAY_SECONDS
    tx.at(prune_timer(ctx, timer.scope, record, ctx.now + wait))
