"""Dead letters: a message that was received too often moves to the dead-letter queue, in the receiver's transaction."""

from __future__ import annotations

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.sqs.queue import queue_arn
from mrak.services.sqs.tables import MESSAGES, QUEUES, FifoState, Queue, State


def is_exhausted(queue: Queue, state: State | FifoState) -> bool:
    return bool(queue.dead_letter_arn) and state.receive_count >= queue.max_receive_count


def move_to_dead_letters(tx: Transaction, scope: Scope, queue: Queue, state: State | FifoState, ctx: Context) -> bool:
    """Moves a message, whose state is open, to the queue that the redrive policy names. False where that queue is
    gone: then the message stays, as on AWS. The message keeps its id, which is what duplicates are told by there, its
    time of sending and its receive count."""
    target = find_arn(queue.dead_letter_arn)
    if target is None:
        return False
    target_scope = target.scope_in(scope.environment)
    dead_letter_queue = QUEUES.get(tx, target_scope, target.resource)
    if dead_letter_queue is None:
        return False
    # Both kinds of queue redrive through here, and each imports this module.
    from mrak.services.sqs import fifo, messages

    message = MESSAGES.get(tx, scope, state.queue, state.sequence)
    assert message is not None, "a state without its message"
    if isinstance(state, FifoState):
        fifo.remove(tx, scope, state)
    else:
        messages.remove(tx, scope, state)
    moved = msgspec.structs.replace(
        message,
        queue=target.resource,
        sequence=ctx.draw.sequence(),
        dead_letter_source=queue_arn(scope, queue.name),
    )
    kind = fifo if dead_letter_queue.fifo else messages
    if dead_letter_queue.fifo:
        moved = msgspec.structs.replace(moved, deduplication_id=message.message_id)
        fifo.find_first(tx, target_scope, dead_letter_queue, moved, ctx.clock())
    kind.append_received(tx, target_scope, moved, state, ctx.clock())
    return True
