"""Message move tasks: a dead-letter queue's messages back to where they came from, or to a queue of choice.

A task is a row; a timer moves a batch and sets itself again, so a task goes on after a crash.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.sqs import errors, fifo, messages
from mrak.services.sqs.queue import queue_arn
from mrak.services.sqs.tables import FIFO_STATES, HEADS, MESSAGES, MOVES, QUEUES, TALLIES, Message, Move, Queue

TIMER = "sqs.move"
_BATCH = 100
_KEPT = 10


def start(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Move:
    scope, source = _require_source(ctx, tx, req["SourceArn"])
    destination = req.get("DestinationArn", "")
    if destination and _find_queue(tx, scope, destination) is None:
        raise errors.resource_not_found("DestinationArn")
    if any(move.status in ("RUNNING", "CANCELLING") for move in MOVES.scan(tx, scope, source.name)):
        raise errors.move_running()
    rate = req.get("MaxNumberOfMessagesPerSecond", 0)
    if rate and not 1 <= rate <= 500:
        raise errors.invalid_value(rate, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided.")
    move = Move(
        queue=source.name,
        sequence=ctx.draw.sequence(),
        handle=ctx.draw.uuid(),
        source_arn=req["SourceArn"],
        destination_arn=destination,
        rate=rate,
        to_move=_count(tx, scope, source),
        started_at=ctx.now,
    )
    MOVES.append(tx, scope, move)
    _set_timer(tx, scope, move, ctx.now)
    return move


def cancel(ctx: Context, tx: Transaction, handle: str) -> int:
    """Ends a running task; what was moved stays moved."""
    task, source_arn = _parse_handle(handle)
    found = _find_queue(tx, ctx.scope, source_arn)
    if found is None:
        raise errors.resource_not_found("SourceArn")
    scope, source = found
    move = next((row for row in MOVES.scan(tx, scope, source.name) if row.handle == task), None)
    if move is None:
        raise errors.task_not_found()
    if move.status != "RUNNING":
        raise errors.invalid_parameter("Only active tasks can be cancelled.")
    MOVES.lock(tx, scope, move.queue, move.sequence)
    MOVES.replace(tx, scope, move, msgspec.structs.replace(move, status="CANCELLED"))
    return move.moved


def render_handle(move: Move) -> str:
    """A task's handle as AWS makes it: which task, and of which queue, in base64."""
    return base64.b64encode(msgspec.json.encode({"taskId": move.handle, "sourceArn": move.source_arn})).decode()


def _parse_handle(handle: str) -> tuple[str, str]:
    try:
        parsed = msgspec.json.decode(base64.b64decode(handle, validate=True), type=dict[str, str])
        return parsed["taskId"], parsed["sourceArn"]
    except (binascii.Error, ValueError, KeyError):
        raise errors.invalid_task_handle() from None


def recent(ctx: Context, tx: Transaction, source_arn: str, most: int) -> list[Move]:
    scope, source = _require_source(ctx, tx, source_arn, must_be_dead_letter=False)
    return list(MOVES.scan(tx, scope, source.name, limit=min(most, _KEPT), reverse=True))


def step(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """Moves one batch, and comes again while there is more."""
    queue_name, _, sequence = timer.key.rpartition("/")
    move = MOVES.open(tx, timer.scope, queue_name, int(sequence))
    source = QUEUES.get(tx, timer.scope, queue_name)
    if move is None or move.status != "RUNNING":
        return
    if source is None:
        _end(tx, timer.scope, move, "FAILED", "AWS.SimpleQueueService.NonExistentQueue")
        return
    before = _count(tx, timer.scope, source)
    moved, failure = _move_batch(ctx, tx, timer.scope, source, move)
    left = _count(tx, timer.scope, source)
    move_now = msgspec.structs.replace(move, moved=move.moved + moved)
    MOVES.replace(tx, timer.scope, move, move_now)
    if failure:
        _end(tx, timer.scope, move_now, "FAILED", failure)
    elif left == 0 or move_now.moved >= move.to_move:
        _end(tx, timer.scope, move_now, "COMPLETED", "")
    else:
        # What is in flight is waited for.
        _set_timer(tx, timer.scope, move_now, ctx.now + (1.0 if move.rate or left == before else 0.0))


def _count(tx: Transaction, scope: Scope, queue: Queue) -> int:
    tally = TALLIES.get(tx, scope, queue.name)
    return 0 if tally is None else tally.messages


def _move_batch(ctx: Context, tx: Transaction, scope: Scope, source: Queue, move: Move) -> tuple[int, str]:
    moved = 0
    most = min(move.rate or _BATCH, _BATCH, move.to_move - move.moved)
    for state in list((fifo if source.fifo else messages).visible(tx, scope, source, most, ctx.now)):
        message = MESSAGES.get(tx, scope, source.name, state.sequence)
        assert message is not None, "a state without its message"
        target_arn = move.destination_arn or message.dead_letter_source
        found = _find_queue(tx, scope, target_arn)
        if found is None:
            reason = "NonExistentQueue" if move.destination_arn else "CouldNotDetermineMessageSource"
            return moved, f"AWS.SimpleQueueService.{reason}" if move.destination_arn else reason
        _take_out(tx, scope, source, message)
        moved += _put_into(ctx, tx, *found, message)
    return moved, ""


def _take_out(tx: Transaction, scope: Scope, source: Queue, message: Message) -> None:
    if source.fifo:
        HEADS.lock(tx, scope, source.name, message.group)
        fifo_state = FIFO_STATES.open(tx, scope, source.name, message.group, message.sequence)
        assert fifo_state is not None, "a message without its state"
        fifo.remove(tx, scope, fifo_state)
        return
    messages.remove(tx, scope, messages.require_waiting(tx, scope, message))


def _put_into(ctx: Context, tx: Transaction, scope: Scope, queue: Queue, message: Message) -> bool:
    """Recorded: a new message, by whose old id a FIFO queue knows duplicates. False where it is one, and is dropped."""
    moved = msgspec.structs.replace(
        message,
        queue=queue.name,
        sequence=ctx.draw.sequence(),
        message_id=ctx.draw.uuid(),
        dead_letter_source="",
        sent_at=ctx.now,
        deduplication_id=message.message_id if queue.fifo else "",
    )
    if queue.fifo and fifo.find_first(tx, scope, queue, moved, ctx.now) is not None:
        return False
    (fifo if queue.fifo else messages).append(tx, scope, moved, ctx.now)
    return True


def _end(tx: Transaction, scope: Scope, move: Move, status: str, failure: str) -> None:
    MOVES.replace(tx, scope, move, msgspec.structs.replace(move, status=status, failure=failure))


def _set_timer(tx: Transaction, scope: Scope, move: Move, due_at: float) -> None:
    tx.at(Timer(kind=TIMER, key=f"{move.queue}/{move.sequence}", due_at=due_at, scope=scope))


def _require_source(
    ctx: Context, tx: Transaction, source_arn: str, *, must_be_dead_letter: bool = True
) -> tuple[Scope, Queue]:
    found = _find_queue(tx, ctx.scope, source_arn)
    if found is None:
        raise errors.resource_not_found("SourceArn")
    scope, source = found
    arn = queue_arn(scope, source.name)
    if must_be_dead_letter and not any(row.dead_letter_arn == arn for row in QUEUES.scan(tx, scope)):
        raise errors.invalid_parameter("Source queue must be configured as a Dead Letter Queue.")
    return scope, source


def _find_queue(tx: Transaction, scope: Scope, arn: str) -> tuple[Scope, Queue] | None:
    parsed = find_arn(arn)
    if parsed is None:
        return None
    target = parsed.scope_in(scope.environment)
    queue = QUEUES.get(tx, target, parsed.resource)
    return None if queue is None else (target, queue)
