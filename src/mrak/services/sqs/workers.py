"""What SQS does without a request: it takes deliveries of other services."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.background import Delivery, Timer, Undeliverable, settle
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery, timer
from mrak.services.sqs import fifo, messages, moves
from mrak.services.sqs.exports import SEND
from mrak.services.sqs.tables import QUEUES, Queue


@delivery(SEND)
def send(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Appends the message in the transaction that removes the delivery from the outbox: exactly once."""
    name, request = msgspec.msgpack.decode(made.payload)
    queue = QUEUES.get(tx, made.scope, name)
    if queue is None:
        raise Undeliverable(f"The queue {name} does not exist.")
    try:
        _append(ctx, tx, made, queue, request)
    except ApiError as error:
        raise settle(error) from error


def _append(ctx: Context, tx: Transaction, made: Delivery, queue: Queue, request: dict[str, Any]) -> None:
    if queue.fifo:
        fifo.send(ctx, tx, made.scope, queue, request)
        return
    message = messages.new(ctx, queue, request)
    messages.append(tx, made.scope, message, ctx.now + request.get("DelaySeconds", queue.delay_seconds))


@timer(moves.TIMER)
def move_messages(ctx: Context, tx: Transaction, due: Timer) -> None:
    moves.step(ctx, tx, due)
