"""Records live as long as their stream keeps them, closed shards as long as their records: a timer of each stream
deletes what is older. Readers do not see what is too old and not deleted yet."""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.services.kinesis import shards
from mrak.services.kinesis.tables import RECORDS, SHARDS, STREAMS, Shard, Stream
from mrak.store.keys import prefix_end

_KIND = "kinesis.trim"
_PAUSE_SECONDS = 6 * 3600.0
_PAGE_ROWS = 1000


def start(ctx: Context, tx: Transaction, scope: Scope, stream: Stream) -> None:
    tx.at(_timer(scope, stream, ctx.now + stream.retention_hours * 3600.0))


def _timer(scope: Scope, stream: Stream, due_at: float) -> Timer:
    return Timer(kind=_KIND, key=str(stream.number), due_at=due_at, scope=scope, payload=stream.name.encode())


@timer(_KIND)
def trim(ctx: Context, tx: Transaction, due: Timer) -> None:
    """Deletes a page of each shard's old records; sets itself again until the stream is gone."""
    stream = STREAMS.get(tx, due.scope, due.payload.decode())
    if stream is None or str(stream.number) != due.key:
        return
    has_more = False
    for shard in list(SHARDS.scan(tx, due.scope, stream.number)):
        if shards.is_expired(stream, shard, ctx.now):
            _remove(tx, due.scope, shard)
        else:
            has_more |= _trim_shard(tx, due.scope, shard, stream.horizon(ctx.now))
    tx.at(_timer(due.scope, stream, ctx.now + (0.0 if has_more else _PAUSE_SECONDS)))


def _remove(tx: Transaction, scope: Scope, shard: Shard) -> None:
    SHARDS.lock(tx, scope, shard.stream)
    SHARDS.delete(tx, scope, shard)
    RECORDS.delete_all(tx, scope, shard.stream, shard.index)


def _trim_shard(tx: Transaction, scope: Scope, shard: Shard, horizon: float) -> bool:
    """Whether there may be more to delete."""
    count = 0
    for record in RECORDS.scan(tx, scope, shard.stream, shard.index, limit=_PAGE_ROWS):
        if record.arrived_at >= horizon:
            break
        count, last = count + 1, record
    if count:
        start = RECORDS.key(scope, shard.stream, shard.index)
        tx.delete_range(start, prefix_end(RECORDS.key(scope, shard.stream, shard.index, last.sequence)))
    return count == _PAGE_ROWS
