"""What SQS does without a request: it takes deliveries of other services."""

from __future__ import annotations

import logging
from functools import lru_cache
from hashlib import sha256

import msgspec

from mrak.core.background import Delivery, Timer, Undeliverable, settle
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery, timer
from mrak.core.scope import Scope
from mrak.services.sqs import encryption, fifo, messages, moves
from mrak.services.sqs import queue as queues
from mrak.services.sqs.exports import SEND, Parcel, Receipt, Sender, parse_parcel, permits
from mrak.services.sqs.tables import QUEUES, Message, Queue

log = logging.getLogger("mrak.sqs")

_SENDER_IDS = {("sns.amazonaws.com", "us-east-1"): "AIDAIT2UOQQY3AUEKVGXU"}


@delivery(SEND)
def send(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Appends the message in the transaction that removes the delivery from the outbox: exactly once."""
    parcel = parse_parcel(made.payload)
    queue = QUEUES.get(tx, made.scope, parcel.queue)
    if queue is None:
        raise Undeliverable("AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist.")
    sender = parcel.sender
    if sender is not None:
        _check_permission(ctx, made.scope, queue, sender)
    try:
        message = _append(ctx, tx, made, queue, parcel)
    except ApiError as error:
        raise settle(error) from error
    if sender is not None and sender.receipt:
        tx.enqueue(
            Delivery(
                kind=sender.receipt,
                lane=f"{made.lane}/receipt",
                scope=made.scope,
                payload=msgspec.msgpack.encode(Receipt(sender.note, message.message_id)),
                trace=made.trace,
                enqueued_at=ctx.now,
            )
        )


def _check_permission(ctx: Context, scope: Scope, queue: Queue, sender: Sender) -> None:
    """A service needs the permission of the queue's policy, in its own account too."""
    arn = queues.queue_arn(scope, queue.name)
    if permits(queue, arn, sender, ctx.now):
        return
    ctx.annotate("hint", f"the policy of {arn} does not let {sender.service} send messages for {sender.source_arn}")
    _warn(arn, sender.service, sender.source_arn, int(ctx.now // 60))
    raise Undeliverable(f"AccessDenied: Access to the resource {queues.render_url(ctx, scope, queue.name)} is denied.")


@lru_cache(maxsize=256)
def _warn(arn: str, service: str, source_arn: str, minute: int) -> None:
    """Says why a queue gets nothing; once in a minute, since each message may be tried several times."""
    text = "%s does not get messages: its policy does not let %s do sqs:SendMessage for aws:SourceArn %s"
    log.warning(text, arn, service, source_arn)


def _append(ctx: Context, tx: Transaction, made: Delivery, queue: Queue, parcel: Parcel) -> Message:
    encryption.check_key(ctx, tx, made.scope, queue)
    request = parcel.message
    sender_id = "" if parcel.sender is None else _sender_id(parcel.sender.service, made.scope.region)
    if queue.fifo:
        return fifo.send(ctx, tx, made.scope, queue, request, sender_id)
    message = messages.new(ctx, queue, request, sender_id)
    messages.append(tx, made.scope, message, ctx.now + request.get("DelaySeconds", queue.delay_seconds))
    return message


@lru_cache(maxsize=256)
def _sender_id(service: str, region: str) -> str:
    """At AWS each service sends as a user of its own in each region."""
    known = _SENDER_IDS.get((service, region))
    return known or "AIDA" + sha256(f"{service} {region}".encode()).hexdigest()[:17].upper()


@timer(moves.TIMER)
def move_messages(ctx: Context, tx: Transaction, due: Timer) -> None:
    moves.step(ctx, tx, due)
