"""Messages: sent, taken, given back, deleted. All in the caller's transaction."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from hashlib import md5
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.sqs import attributes, errors, redrive, rules
from mrak.services.sqs.queue import topic
from mrak.services.sqs.tables import (
    DUE,
    FRESH,
    MESSAGES,
    STATES,
    TALLIES,
    FifoState,
    Fresh,
    Message,
    Queue,
    State,
    Tally,
)

Taken = tuple[Message, State]
# A receive that meets expired messages removes them and looks again, but not for ever in one transaction.
_MOST_LOOKS = 100


def size_of(req: dict[str, Any]) -> int:
    """What counts against a batch's limit: body, attribute names, types and values, valid or not."""
    size = len((req.get("MessageBody") or "").encode())
    for name, attribute in req.get("MessageAttributes", {}).items():
        size += len(name.encode()) + len(attribute.get("DataType", ""))
        size += len(attribute.get("StringValue", "").encode()) + len(attribute.get("BinaryValue", b""))
    return size


def new(ctx: Context, queue: Queue, req: dict[str, Any], sender_id: str = "") -> Message:
    """A message made of a SendMessage request or batch entry. Raises where it breaks a rule.

    `sender_id` is for what services send; else the caller is the sender.
    """
    body = req.get("MessageBody")
    rules.check_body(body)
    assert body is not None
    packed, packed_md5, packed_bytes = attributes.pack(req.get("MessageAttributes"))
    system, system_md5, _ = attributes.pack(req.get("MessageSystemAttributes"))
    if not system and ctx.http is not None and ctx.joined_trace:
        # The header of the HTTP request, which SDKs in functions send, stays with the message.
        system = attributes.pack(attributes.trace_header(ctx.joined_trace))[0]
    raw = body.encode()
    rules.check_size(queue, len(raw) + packed_bytes)
    return Message(
        queue=queue.name,
        sequence=ctx.draw.sequence(),
        message_id=ctx.draw.uuid(),
        body=body,
        body_md5=md5(raw, usedforsecurity=False).hexdigest(),
        sender=sender_id or ctx.principal.user_id,
        sent_at=ctx.now,
        attributes=packed,
        attributes_md5=packed_md5,
        system_attributes=system,
        system_attributes_md5=system_md5,
        group=req.get("MessageGroupId", ""),
    )


def append(tx: Transaction, scope: Scope, message: Message, visible_at: float) -> None:
    """Puts a message into its queue and wakes those who wait there."""
    message = msgspec.structs.replace(message, fresh_at=visible_at)
    MESSAGES.append(tx, scope, message)
    FRESH.append(tx, scope, Fresh(message.queue, visible_at, message.sequence, message.sent_at))
    count(tx, scope, message.queue, 1)
    tx.notify(topic(scope, message.queue))


def append_received(
    tx: Transaction, scope: Scope, message: Message, before: State | FifoState, visible_at: float
) -> None:
    """Puts a message that was received elsewhere before into its queue; the count of that goes on."""
    MESSAGES.append(tx, scope, message)
    STATES.append(
        tx,
        scope,
        State(
            message.queue,
            message.sequence,
            visible_at,
            message.sent_at,
            before.receive_count,
            before.first_received_at,
        ),
    )
    count(tx, scope, message.queue, 1)
    tx.notify(topic(scope, message.queue))


def take(
    ctx: Context, tx: Transaction, scope: Scope, queue: Queue, most: int, visibility_seconds: int
) -> tuple[list[Taken], float | None]:
    """Up to `most` visible messages, hidden for `visibility_seconds`; and, where there were none, the time at which
    the next one becomes visible (None where there is none)."""
    now = ctx.clock()
    _check_in_flight(tx, scope, queue, now)
    taken: list[Taken] = []
    for _ in range(_MOST_LOOKS):
        found = list(visible(tx, scope, queue, most - len(taken), now))
        kept = [waiting for waiting in found if not _expire(tx, scope, queue, waiting, now)]
        for waiting in kept:
            held = _hold(ctx, tx, scope, queue, waiting, now + visibility_seconds)
            if held is not None:
                message = MESSAGES.get(tx, scope, queue.name, held.sequence)
                assert message is not None, "a state without its message"
                taken.append((message, held))
        if len(kept) == len(found) or len(taken) == most:
            break
    return taken, None if taken else _next_visible(tx, scope, queue, now)


def require_held(tx: Transaction, scope: Scope, queue: Queue, handle: str, now: float) -> State | None:
    """The open state that a receipt handle names; None where the message is gone, or another holds it who received it
    since. Raises ReceiptHandleIsInvalid for what is no handle of this queue."""
    state, receipt = _find_received(tx, scope, queue, handle)
    if state is None or (state.receipt != receipt and state.visible_at > now):
        return None
    return state


def _find_received(tx: Transaction, scope: Scope, queue: Queue, handle: str) -> tuple[State | None, str]:
    """The open state of a handle's message, None where that is gone; and which of its receives the handle is of."""
    receipt = parse_handle(handle)
    if receipt.queue != queue.name:
        raise errors.receipt_handle_invalid(handle)
    return STATES.open(tx, scope, receipt.queue, receipt.sequence), receipt.receipt


def remove(tx: Transaction, scope: Scope, waiting: Fresh | State) -> None:
    """Deletes a message whose row (fresh or state) the caller has opened."""
    message = MESSAGES.get(tx, scope, waiting.queue, waiting.sequence)
    assert message is not None, "a state without its message"
    if isinstance(waiting, State):
        STATES.delete(tx, scope, waiting)
    else:
        FRESH.delete(tx, scope, waiting)
    MESSAGES.delete(tx, scope, message)
    count(tx, scope, waiting.queue, -1)


def require_waiting(tx: Transaction, scope: Scope, message: Message) -> Fresh | State:
    """The open row that says when a message can be received."""
    state = STATES.open(tx, scope, message.queue, message.sequence)
    waiting = state or FRESH.open(tx, scope, message.queue, message.fresh_at, message.sequence)
    assert waiting is not None, "a message that is neither fresh nor has a state"
    return waiting


def change_visibility(tx: Transaction, scope: Scope, queue: Queue, handle: str, seconds: int, now: float) -> None:
    """Hides a message in flight for `seconds` from now; 0 gives it back. Any handle of the message will do, also one of
    an earlier receive."""
    rules.check_visibility(seconds)
    state = _find_received(tx, scope, queue, handle)[0]
    if state is None or state.visible_at <= now:
        raise errors.message_not_in_flight(handle)
    rules.check_total_visibility(state, seconds, now)
    STATES.replace(tx, scope, state, msgspec.structs.replace(state, visible_at=now + seconds))
    tx.notify(topic(scope, queue.name))


def purge(tx: Transaction, scope: Scope, name: str) -> None:
    """Removes all messages, at the price of a range whatever their number."""
    MESSAGES.delete_all(tx, scope, name)
    STATES.delete_all(tx, scope, name)
    FRESH.delete_all(tx, scope, name)
    tally = TALLIES.open(tx, scope, name)
    if tally is not None:
        TALLIES.delete(tx, scope, tally)


class Receipt(NamedTuple):
    """What a receipt handle says; `group` is "" in standard queues."""

    queue: str
    sequence: int
    receipt: str
    group: str


def render_handle(state: State | FifoState) -> str:
    group = state.group if isinstance(state, FifoState) else ""
    return base64.b64encode(f"{state.queue} {state.sequence} {state.receipt} {group}".encode()).decode()


def parse_handle(handle: str) -> Receipt:
    try:
        queue, sequence, receipt, group = base64.b64decode(handle, validate=True).decode().split(" ", 3)
        return Receipt(queue, int(sequence), receipt, group)
    except (binascii.Error, ValueError):
        raise errors.receipt_handle_invalid(handle) from None


def visible(tx: Transaction, scope: Scope, queue: Queue, most: int, now: float) -> Iterator[Fresh | State]:
    """The first visible messages, those never received and those received before, by the time they became visible."""
    fresh: list[Fresh | State] = list(FRESH.scan(tx, scope, queue.name, upto=now, limit=most))
    again: list[Fresh | State] = list(DUE.scan(tx, scope, queue.name, upto=now, limit=most))
    if not again:
        return iter(fresh)
    ordered = merge(fresh, again, key=lambda waiting: (waiting.visible_at, waiting.sequence))
    return islice(ordered, most)


def _hold(
    ctx: Context, tx: Transaction, scope: Scope, queue: Queue, waiting: Fresh | State, until: float
) -> State | None:
    """Hides a message for its receiver; None where it went to the dead-letter queue instead."""
    if isinstance(waiting, Fresh):
        FRESH.lock(tx, scope, waiting.queue, waiting.visible_at, waiting.sequence)
        FRESH.delete(tx, scope, waiting)
        now = ctx.clock()
        held = State(waiting.queue, waiting.sequence, until, waiting.sent_at, 1, now, ctx.draw.hex(16), now)
        STATES.append(tx, scope, held)
        return held
    STATES.lock(tx, scope, waiting.queue, waiting.sequence)
    if redrive.is_exhausted(queue, waiting) and redrive.move_to_dead_letters(tx, scope, queue, waiting, ctx):
        return None
    held = msgspec.structs.replace(
        waiting,
        visible_at=until,
        receive_count=waiting.receive_count + 1,
        receipt=ctx.draw.hex(16),
        received_at=ctx.clock(),
    )
    STATES.replace(tx, scope, waiting, held)
    return held


def _next_visible(tx: Transaction, scope: Scope, queue: Queue, now: float) -> float | None:
    fresh = next(FRESH.scan(tx, scope, queue.name, after=now, limit=1), None)
    again = next(DUE.scan(tx, scope, queue.name, after=now, limit=1), None)
    return min((waiting.visible_at for waiting in (fresh, again) if waiting is not None), default=None)


def _expire(tx: Transaction, scope: Scope, queue: Queue, waiting: Fresh | State, now: float) -> bool:
    """Removes a message that is older than the retention period; False for one that is not."""
    if waiting.sent_at >= now - queue.retention_seconds:
        return False
    message = MESSAGES.get(tx, scope, waiting.queue, waiting.sequence)
    assert message is not None, "a state without its message"
    remove(tx, scope, require_waiting(tx, scope, message))
    return True


def _check_in_flight(tx: Transaction, scope: Scope, queue: Queue, now: float) -> None:
    tally = TALLIES.get(tx, scope, queue.name)
    if tally is None or tally.messages < rules.MOST_IN_FLIGHT:
        return
    if DUE.count(tx, scope, queue.name, after=now) >= rules.MOST_IN_FLIGHT:
        raise errors.over_limit(queue.name)


def count(tx: Transaction, scope: Scope, queue: str, change: int) -> None:
    """Keeps the queue's tally."""
    tally = TALLIES.open(tx, scope, queue)
    if tally is None:
        TALLIES.insert(tx, scope, Tally(queue, change))
    else:
        TALLIES.replace(tx, scope, tally, Tally(queue, tally.messages + change))
