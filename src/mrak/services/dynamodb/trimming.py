"""Stream records live for a day: a timer of each stream deletes older ones, and an ended stream itself."""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.services.dynamodb.exports import is_trimmed
from mrak.services.dynamodb.streams import RECORDS, RETENTION_SECONDS, STREAMS, StreamIndex
from mrak.store.keys import prefix_end

_PAUSE_SECONDS = 6 * 3600.0
_PAGE_ROWS = 1000


def trim_timer(scope: Scope, entry: StreamIndex, due_at: float) -> Timer:
    return Timer(
        kind="dynamodb.trim",
        key=str(entry.number),
        due_at=due_at,
        scope=scope,
        payload=f"{entry.table}/{entry.label}".encode(),
    )


def first_timer(scope: Scope, entry: StreamIndex) -> Timer:
    """The one that a new stream sets."""
    return trim_timer(scope, entry, entry.created_at + RETENTION_SECONDS + _PAUSE_SECONDS)


@timer("dynamodb.trim")
def trim(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """Deletes a page of old records; sets itself again until the stream is gone."""
    table, _, label = timer.payload.decode().partition("/")
    entry = STREAMS.open(tx, timer.scope, table, label)
    if entry is None:
        return
    if entry.ended_at is not None and entry.ended_at + RETENTION_SECONDS <= ctx.now:
        RECORDS.clear(tx, timer.scope, entry.number)
        STREAMS.delete(tx, timer.scope, entry)
        return
    prefix = RECORDS.prefix(timer.scope, entry.number)
    end, count = prefix, 0
    for key, row in tx.scan(prefix, prefix_end(prefix), _PAGE_ROWS):
        if not is_trimmed(row, ctx.now):
            break
        end, count = key + b"\x00", count + 1
    if count:
        tx.delete_range(prefix, end)
    wait = 0.0 if count == _PAGE_ROWS else _PAUSE_SECONDS
    tx.at(trim_timer(timer.scope, entry, ctx.now + wait))
