"""Operations on a queue's records: receive, acknowledge, change visibility, restore; and the same for dead ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.kinesis import encryption, queues, streams
from mrak.services.kinesis.queues import FoundQueue
from mrak.services.kinesis.tables import Given

_MOST, _WAIT_SECONDS = 10, 9

Change = Callable[[Transaction, FoundQueue, Given, dict[str, Any]], None]


class _Look(NamedTuple):
    """What was received, and when what was given before is visible again, if that will be."""

    records: list[dict[str, Any]]
    next_due: float | None


@operation("ReceiveQueueRecords")
async def receive_queue_records(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await _receive(ctx, req, is_dead=False)


@operation("ReceiveDeadLetterQueueRecords")
async def receive_dead_letter_queue_records(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await _receive(ctx, req, is_dead=True)


async def _receive(ctx: Context, req: dict[str, Any], is_dead: bool) -> dict[str, Any]:
    """Waits without a transaction; each look is one. A record that becomes visible meanwhile ends the wait."""
    it = await ctx.transact(lambda tx: queues.require(ctx, tx, req["QueueARN"]))
    deadline = ctx.now + req.get("WaitTimeSeconds", _WAIT_SECONDS)
    with ctx.listen(streams.topic(it.scope, it.queue.stream)) as arrivals:
        look = await ctx.transact(lambda tx: _look(ctx, tx, req, is_dead))
        while not look.records and (now := ctx.clock()) < deadline:
            until = deadline if look.next_due is None else min(deadline, look.next_due)
            await arrivals.wait(max(until - now, 0.001))
            if arrivals.abandoned:
                # A record taken now would be hidden from everybody until its time is up.
                break
            look = await ctx.transact(lambda tx: _look(ctx, tx, req, is_dead))
    return {"QueueRecords": look.records}


def _look(ctx: Context, tx: Transaction, req: dict[str, Any], is_dead: bool) -> _Look:
    it = queues.require(ctx, tx, req["QueueARN"], opens=True)
    encryption.check_key(ctx, tx, it.found)
    take = queues.receive_dead if is_dead else queues.receive
    seconds = req.get("VisibilityTimeoutSeconds", it.queue.visibility_seconds)
    taken = take(ctx, tx, it, req.get("Limit", _MOST), seconds)
    shown = [queues.render_record(tx, it, record, given) for record, given in taken]
    return _Look(shown, queues.next_due(tx, it, is_dead))


def _change_all(ctx: Context, tx: Transaction, req: dict[str, Any], change: Change) -> dict[str, Any]:
    """Each entry succeeds or fails for itself."""
    it = queues.require(ctx, tx, req["QueueARN"], opens=True)
    successful, failed = [], []
    for entry in req["Entries"]:
        handle = entry["ReceiptHandle"]
        given = queues.find_given(tx, it, handle)
        if given is None:
            message = "The receipt handle is not valid, or no longer."
            failed.append({"ReceiptHandle": handle, "ErrorCode": "InvalidReceiptHandle", "ErrorMessage": message})
            continue
        change(tx, it, given, entry)
        successful.append({"ReceiptHandle": handle})
    return {"Successful": successful, "Failed": failed}


def _acknowledge(tx: Transaction, it: FoundQueue, given: Given, entry: dict[str, Any]) -> None:
    queues.acknowledge(tx, it, given)


@operation("AcknowledgeQueueRecords")
def acknowledge_queue_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _change_all(ctx, tx, req, _acknowledge)


@operation("AcknowledgeDeadLetterQueueRecords")
def acknowledge_dead_letter_queue_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _change_all(ctx, tx, req, _acknowledge)


def _visibility_changer(ctx: Context) -> Change:
    def change(tx: Transaction, it: FoundQueue, given: Given, entry: dict[str, Any]) -> None:
        queues.change_visibility(tx, it, given, ctx.now + entry["VisibilityTimeoutSeconds"])

    return change


@operation("UpdateQueueRecordsVisibility")
def update_queue_records_visibility(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _change_all(ctx, tx, req, _visibility_changer(ctx))


@operation("UpdateDeadLetterQueueRecordsVisibility")
def update_dead_letter_queue_records_visibility(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _change_all(ctx, tx, req, _visibility_changer(ctx))


@operation("RestoreDeadLetterQueueRecords")
def restore_dead_letter_queue_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    def change(tx: Transaction, it: FoundQueue, given: Given, entry: dict[str, Any]) -> None:
        queues.restore(tx, it, given, ctx.now)

    return _change_all(ctx, tx, req, change)
