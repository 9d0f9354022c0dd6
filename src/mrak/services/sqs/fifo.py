"""FIFO queues: order within a group, one batch in flight for each, and five minutes of deduplication.

A group gives its messages from the first on, as long as they are visible; a first message that is in flight (or
delayed) holds back all that follow. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.sqs import errors, messages, redrive, rules
from mrak.services.sqs.queue import topic
from mrak.services.sqs.tables import (
    ATTEMPTS,
    EXPIRING,
    FIFO_STATES,
    HEADS,
    MESSAGES,
    READY,
    SENT,
    Attempt,
    FifoState,
    Head,
    Message,
    Queue,
    Sent,
    State,
)

DEDUPLICATION_SECONDS = 300
_SEQUENCE_BASE = 10**19
_GROUPS_LOOKED_AT = 50

Taken = tuple[Message, FifoState]


def send(
    ctx: Context, tx: Transaction, scope: Scope, queue: Queue, req: dict[str, Any], sender_id: str = ""
) -> Message:
    """Admits a message; a duplicate is answered as the first was, and is not stored again."""
    rules.check_fifo(queue, req)
    deduplication_id = req.get("MessageDeduplicationId") or sha256(req["MessageBody"].encode()).hexdigest()
    message = messages.new(ctx, queue, req, sender_id)
    message = msgspec.structs.replace(message, deduplication_id=deduplication_id)
    _forget_expired(tx, scope, queue, ctx.now)
    first = find_first(tx, scope, queue, message, ctx.now)
    if first is not None:
        return msgspec.structs.replace(message, message_id=first.message_id, sequence=first.sequence)
    append(tx, scope, message, ctx.now + queue.delay_seconds)
    return message


def find_first(tx: Transaction, scope: Scope, queue: Queue, message: Message, now: float) -> Sent | None:
    """What a message is the duplicate of; where it is none, it is now what others may be duplicates of."""
    scoped = queue.deduplicated_within or queue.deduplication_scope
    within = message.group if scoped == "messageGroup" else ""
    sent = SENT.open(tx, scope, queue.name, within, message.deduplication_id)
    if sent is not None and sent.expires_at > now:
        return sent
    expires_at = now + DEDUPLICATION_SECONDS
    fresh = Sent(queue.name, within, message.deduplication_id, message.message_id, message.sequence, expires_at)
    if sent is None:
        SENT.insert(tx, scope, fresh)
    else:
        SENT.replace(tx, scope, sent, fresh)
    return None


def append(tx: Transaction, scope: Scope, message: Message, visible_at: float) -> None:
    """Puts a message at the end of its group, and wakes those who wait for the queue."""
    _append(
        tx, scope, message, FifoState(message.queue, message.group, message.sequence, visible_at, 0, message.sent_at)
    )


def append_received(
    tx: Transaction, scope: Scope, message: Message, before: State | FifoState, visible_at: float
) -> None:
    """The same for a message that was received elsewhere before; the count of that goes on."""
    state = FifoState(
        message.queue,
        message.group,
        message.sequence,
        visible_at,
        1,
        message.sent_at,
        before.receive_count,
        before.first_received_at,
    )
    _append(tx, scope, message, state)


def _append(tx: Transaction, scope: Scope, message: Message, state: FifoState) -> None:
    MESSAGES.append(tx, scope, message)
    head = HEADS.open(tx, scope, message.queue, message.group)
    if head is None:
        HEADS.insert(tx, scope, Head(message.queue, message.group, state.visible_at))
    FIFO_STATES.append(tx, scope, state)
    messages.count(tx, scope, message.queue, 1)
    tx.notify(topic(scope, message.queue))


def take(
    ctx: Context, tx: Transaction, scope: Scope, queue: Queue, req: dict[str, Any], visibility_seconds: int
) -> tuple[list[Taken], float | None]:
    """Up to ten visible messages in their groups' order, and, where there were none, when the next may be visible."""
    now = ctx.clock()
    most = req.get("MaxNumberOfMessages", 1)
    attempt = req.get("ReceiveRequestAttemptId")
    if attempt:
        again = _take_again(tx, scope, queue, attempt, now)
        if again is not None:
            return again, None
    _expire(tx, scope, queue, now)
    taken: list[Taken] = []
    for head in list(READY.scan(tx, scope, queue.name, upto=now, limit=_GROUPS_LOOKED_AT)):
        HEADS.lock(tx, scope, queue.name, head.group)
        FIFO_STATES.lock(tx, scope, queue.name, head.group)
        for state in _takeable(tx, scope, queue, head.group, most - len(taken), now):
            held = _take_one(ctx, tx, scope, queue, state, now + visibility_seconds)
            if held is not None:
                taken.append(held)
        _settle(tx, scope, queue.name, head.group)
        if len(taken) >= most:
            break
    if attempt and taken:
        _remember(tx, scope, queue, attempt, taken, now)
    return taken, None if taken else _next_ready(tx, scope, queue, now)


def visible(tx: Transaction, scope: Scope, queue: Queue, most: int, now: float) -> list[FifoState]:
    """The first messages that could be received, in their groups' order."""
    found: list[FifoState] = []
    for head in READY.scan(tx, scope, queue.name, upto=now, limit=_GROUPS_LOOKED_AT):
        found += _takeable(tx, scope, queue, head.group, most - len(found), now)
        if len(found) >= most:
            break
    return found


def require_held(tx: Transaction, scope: Scope, queue: Queue, handle: str, now: float) -> FifoState | None:
    """The open state that a handle names; None where the message is gone. A handle whose time is up, or that is not
    the latest, has expired."""
    receipt = messages.parse_handle(handle)
    if receipt.queue != queue.name:
        raise errors.receipt_handle_invalid(handle)
    HEADS.lock(tx, scope, queue.name, receipt.group)
    state = FIFO_STATES.open(tx, scope, queue.name, receipt.group, receipt.sequence)
    if state is None:
        return None
    if state.receipt != receipt.receipt or state.visible_at <= now:
        raise errors.invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
    return state


def remove(tx: Transaction, scope: Scope, state: FifoState) -> None:
    """Deletes a message whose group is open, and lets the group go on."""
    message = MESSAGES.get(tx, scope, state.queue, state.sequence)
    assert message is not None, "a state without its message"
    FIFO_STATES.delete(tx, scope, state)
    MESSAGES.delete(tx, scope, message)
    messages.count(tx, scope, state.queue, -1)
    _settle(tx, scope, state.queue, state.group)
    tx.notify(topic(scope, state.queue))


def change_visibility(tx: Transaction, scope: Scope, queue: Queue, handle: str, seconds: int, now: float) -> None:
    rules.check_visibility(seconds)
    state = require_held(tx, scope, queue, handle, now)
    if state is None:
        raise errors.message_not_in_flight(handle)
    rules.check_total_visibility(state, seconds, now)
    FIFO_STATES.replace(tx, scope, state, msgspec.structs.replace(state, visible_at=now + seconds))
    _settle(tx, scope, queue.name, state.group)
    tx.notify(topic(scope, queue.name))


def purge(tx: Transaction, scope: Scope, name: str) -> None:
    """Removes all groups, and what is known of messages sent before: they may be sent again."""
    for table in (FIFO_STATES, HEADS, SENT, ATTEMPTS):
        table.delete_all(tx, scope, name)


def render_sequence(sequence: int) -> str:
    """A sequence number as AWS's look: twenty digits, growing."""
    return str(_SEQUENCE_BASE + sequence)


def _takeable(tx: Transaction, scope: Scope, queue: Queue, group: str, most: int, now: float) -> Iterator[FifoState]:
    """The group's first messages, up to the first that is not visible."""
    for state in list(FIFO_STATES.scan(tx, scope, queue.name, group, limit=most)):
        if state.visible_at > now:
            return
        yield state


def _take_one(
    ctx: Context, tx: Transaction, scope: Scope, queue: Queue, state: FifoState, until: float
) -> Taken | None:
    """Hides a message for its receiver; None where it went to the dead-letter queue instead."""
    if redrive.is_exhausted(queue, state) and redrive.move_to_dead_letters(tx, scope, queue, state, ctx):
        return None
    held = msgspec.structs.replace(
        state,
        visible_at=until,
        received=1,
        receive_count=state.receive_count + 1,
        first_received_at=state.first_received_at or ctx.clock(),
        receipt=ctx.draw.hex(16),
        received_at=ctx.clock(),
    )
    FIFO_STATES.replace(tx, scope, state, held)
    message = MESSAGES.get(tx, scope, queue.name, state.sequence)
    assert message is not None, "a state without its message"
    return message, held


def _settle(tx: Transaction, scope: Scope, queue: str, group: str) -> None:
    """Makes the head what the group's first state says; the group is open."""
    head = HEADS.get(tx, scope, queue, group)
    first = next(FIFO_STATES.scan(tx, scope, queue, group, limit=1), None)
    if head is not None and first is not None:
        HEADS.replace(tx, scope, head, Head(queue, group, first.visible_at))
    elif head is not None:
        HEADS.delete(tx, scope, head)
    elif first is not None:
        HEADS.insert(tx, scope, Head(queue, group, first.visible_at))


def _next_ready(tx: Transaction, scope: Scope, queue: Queue, now: float) -> float | None:
    head = next(READY.scan(tx, scope, queue.name, after=now, limit=1), None)
    return None if head is None else head.ready_at


def _expire(tx: Transaction, scope: Scope, queue: Queue, now: float) -> None:
    """Removes what is older than the retention period from the groups that would be received next."""
    oldest_kept = now - queue.retention_seconds
    for head in list(READY.scan(tx, scope, queue.name, limit=_GROUPS_LOOKED_AT)):
        for state in list(FIFO_STATES.scan(tx, scope, queue.name, head.group, limit=10)):
            if state.sent_at >= oldest_kept:
                break
            HEADS.lock(tx, scope, queue.name, head.group)
            FIFO_STATES.lock(tx, scope, queue.name, head.group)
            remove(tx, scope, state)


def _take_again(tx: Transaction, scope: Scope, queue: Queue, name: str, now: float) -> list[Taken] | None:
    """What the same receive attempt got before, if all of it is still held by it; None for a new attempt."""
    attempt = ATTEMPTS.open(tx, scope, queue.name, name)
    if attempt is None:
        return None
    taken: list[Taken] = []
    for group, sequence, receipt in attempt.held:
        state = FIFO_STATES.get(tx, scope, queue.name, group, sequence)
        message = MESSAGES.get(tx, scope, queue.name, sequence)
        if state is None or message is None or state.receipt != receipt or state.visible_at <= now:
            taken = []
            break
        taken.append((message, state))
    if attempt.expires_at <= now or not taken:
        ATTEMPTS.delete(tx, scope, attempt)
        return None
    return taken


def _remember(tx: Transaction, scope: Scope, queue: Queue, name: str, taken: list[Taken], now: float) -> None:
    held = [(state.group, state.sequence, state.receipt) for _, state in taken]
    ATTEMPTS.lock(tx, scope, queue.name, name)
    ATTEMPTS.insert(tx, scope, Attempt(queue.name, name, held, now + DEDUPLICATION_SECONDS))


def _forget_expired(tx: Transaction, scope: Scope, queue: Queue, now: float) -> None:
    """Each send clears away up to two expired rows, so that the table cannot outgrow five minutes' sends."""
    for sent in list(EXPIRING.scan(tx, scope, queue.name, upto=now, limit=2)):
        SENT.lock(tx, scope, sent.queue, sent.within, sent.deduplication_id)
        SENT.delete(tx, scope, sent)
