"""Queues on streams: each gives a stream's records out one by one, to whoever asks, until they are acknowledged.

What has not been given yet lies behind a cursor in each shard; what was given and not acknowledged has a row, and is
given again when its time is up. A record that was received as often as the queue allows is dead: it stays in the queue,
and only those who ask for dead records see it. A queue keeps no record longer than the stream does.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from msgspec import structs

from mrak.core.arn import arn as make_arn
from mrak.core.context import Context, Transaction
from mrak.core.page import find_position, render_token
from mrak.core.scope import Scope
from mrak.services.kinesis import errors, records, sequences, shards, streams
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import CURSORS, DUE, GIVEN, QUEUES, RECORDS, SHARDS, Cursor, Given, Queue, Record

_MOST_BYTES = 10 << 20
# What the store's keys can hold for sure.
_NUMBER = re.compile(r"\d{1,18}|[1-8]\d{18}", re.ASCII).fullmatch


class FoundQueue(NamedTuple):
    """A queue, the scope of the account that owns it, and its stream."""

    scope: Scope
    queue: Queue
    found: Found

    @property
    def arn(self) -> str:
        return queue_arn(self.scope, self.queue)


def queue_arn(scope: Scope, queue: Queue) -> str:
    return make_arn(scope, "kinesis", f"queue/{queue.id}")


def is_queue_arn(arn: str) -> bool:
    return arn.split(":", 5)[5].startswith("queue/")


def require(ctx: Context, tx: Transaction, arn: str, *, opens: bool = False) -> FoundQueue:
    """The queue of an ARN; with `opens` its settings may be written, and what it has given."""
    scope, queue_id = streams.scope_of(ctx, arn), arn.rpartition("/")[2]
    queue = QUEUES.open(tx, scope, queue_id) if opens else QUEUES.get(tx, scope, queue_id)
    streams.check_access(ctx, tx, scope, arn, "" if queue is None else queue.policy)
    if queue is None:
        raise errors.queue_not_found(arn, scope.account)
    found = streams.find(tx, scope, queue.stream_name)
    assert found is not None, "a stream with queues cannot be deleted"
    ctx.about(found.arn)
    if opens:
        for table in (CURSORS, GIVEN):
            table.lock(tx, scope, queue.id)
    return FoundQueue(scope, queue, found)


def remove(tx: Transaction, it: FoundQueue) -> None:
    for table in (CURSORS, GIVEN):
        table.delete_all(tx, it.scope, it.queue.id)
    QUEUES.delete(tx, it.scope, it.queue)


def render_record(tx: Transaction, it: FoundQueue, record: Record, given: Given) -> dict[str, Any]:
    shard = SHARDS.get(tx, it.scope, it.queue.stream, record.shard)
    assert shard is not None, "a shard outlives its records"
    shown = {
        "ReceiptHandle": _render_handle(given),
        "RecordId": sequences.render(shard, record.sequence, record.arrived_at),
        "Data": record.data,
        "ApproximateArrivalTimestamp": record.arrived_at,
        "FirstReceiveTimestamp": given.first_received_at,
        "ReceiveCount": given.receives,
    }
    return shown | ({"PartitionKey": record.key} if record.key else {})


# --- receive


def receive(
    ctx: Context, tx: Transaction, it: FoundQueue, most: int, visibility_seconds: int
) -> list[tuple[Record, Given]]:
    """Up to so many records: first what was given before and is due again, then what is new."""
    now = ctx.clock()
    taken = _take_due(ctx, tx, it, most, (0, now, visibility_seconds))
    for shard in shards.scan(tx, it.found, now):
        if len(taken) == most:
            break
        cursor = CURSORS.get(tx, it.scope, it.queue.id, shard.index)
        place = 0 if cursor is None else cursor.place
        page = records.read(ctx, tx, it.found, shard, place, (most - len(taken), _MOST_BYTES))
        if page.records:
            _move(tx, it, cursor, Cursor(it.queue.id, shard.index, page.place))
        for record in page.records:
            given = _first(ctx, it, record, now, visibility_seconds)
            GIVEN.insert(tx, it.scope, given)
            taken.append((record, given))
    return taken


def receive_dead(
    ctx: Context, tx: Transaction, it: FoundQueue, most: int, visibility_seconds: int
) -> list[tuple[Record, Given]]:
    return _take_due(ctx, tx, it, most, (1, ctx.clock(), visibility_seconds))


def next_due(tx: Transaction, it: FoundQueue, is_dead: bool) -> float | None:
    """When what was given is visible again, if nothing else happens."""
    first = next(DUE.scan(tx, it.scope, it.queue.id, int(is_dead), limit=1), None)
    return None if first is None else first.visible_at


def _take_due(
    ctx: Context, tx: Transaction, it: FoundQueue, most: int, how: tuple[int, float, int]
) -> list[tuple[Record, Given]]:
    is_dead, now, visibility_seconds = how
    taken: list[tuple[Record, Given]] = []
    for given in list(DUE.scan(tx, it.scope, it.queue.id, is_dead, upto=now, limit=2 * most)):
        record = RECORDS.get(tx, it.scope, it.queue.stream, given.shard, given.sequence)
        if record is None or _is_expired(it, record, now):
            GIVEN.delete(tx, it.scope, given)
        elif len(taken) < most:
            again = _again(ctx, it, given, now + visibility_seconds)
            GIVEN.replace(tx, it.scope, given, again)
            taken.append((record, again))
    return taken


def _is_expired(it: FoundQueue, record: Record, now: float) -> bool:
    return record.arrived_at < it.found.stream.horizon(now)


def _move(tx: Transaction, it: FoundQueue, old: Cursor | None, new: Cursor) -> None:
    if old is None:
        CURSORS.insert(tx, it.scope, new)
    else:
        CURSORS.replace(tx, it.scope, old, new)


def _first(ctx: Context, it: FoundQueue, record: Record, now: float, visibility_seconds: int) -> Given:
    return Given(
        queue=it.queue.id,
        shard=record.shard,
        sequence=record.sequence,
        visible_at=now + visibility_seconds,
        is_dead=int(it.queue.max_receives == 1),
        receipt=ctx.draw.hex(16),
        receives=1,
        first_received_at=round(now, 3),
    )


def _again(ctx: Context, it: FoundQueue, given: Given, visible_at: float) -> Given:
    receives = given.receives + 1
    is_last = 0 < it.queue.max_receives <= receives
    return structs.replace(
        given,
        visible_at=visible_at,
        is_dead=int(is_last or bool(given.is_dead)),
        receipt=ctx.draw.hex(16),
        receives=receives,
    )


# --- receipts


def _render_handle(given: Given) -> str:
    return render_token(f"{given.queue}|{given.shard}|{given.sequence}|{given.receipt}")


def find_given(tx: Transaction, it: FoundQueue, handle: str) -> Given | None:
    """What a receipt handle is of; None where it is none of this queue's, or an earlier one."""
    queue, shard, sequence, receipt = ((find_position(handle) or "").split("|") + [""] * 4)[:4]
    if queue != it.queue.id or not (_NUMBER(shard) and _NUMBER(sequence)):
        return None
    given = GIVEN.get(tx, it.scope, queue, int(shard), int(sequence))
    return given if given is not None and given.receipt == receipt else None


def acknowledge(tx: Transaction, it: FoundQueue, given: Given) -> None:
    GIVEN.delete(tx, it.scope, given)


def change_visibility(tx: Transaction, it: FoundQueue, given: Given, visible_at: float) -> None:
    GIVEN.replace(tx, it.scope, given, structs.replace(given, visible_at=visible_at))
    tx.notify(streams.topic(it.scope, it.queue.stream))


def restore(tx: Transaction, it: FoundQueue, given: Given, now: float) -> None:
    """A dead record begins anew, as if it had never been received."""
    alive = structs.replace(given, visible_at=now, is_dead=0, receipt="", receives=0)
    GIVEN.replace(tx, it.scope, given, alive)
    tx.notify(streams.topic(it.scope, it.queue.stream))
