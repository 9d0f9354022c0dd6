"""Every operation of SQS that is built, in the order of AWS's documentation: queues, messages, tags, permissions.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.sqs import attributes, batches, encryption, errors, fifo, messages, moves, permissions, rules
from mrak.services.sqs import queue as queues
from mrak.services.sqs.tables import DELETED, MOVES, QUEUES, Deleted, Message, Move, Queue

_REUSE_AFTER_SECONDS = 60
_PURGE_EVERY_SECONDS = 60
_BATCH_BYTES = 1_048_576


@operation("CreateQueue")
def create_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, wanted = req["QueueName"], queues.spell_switches(req.get("Attributes", {}))
    fifo_queue = wanted.get("FifoQueue") == "true"
    if "FifoQueue" in wanted and not fifo_queue:
        raise errors.unknown_attribute("FifoQueue")
    queues.check_name(name, fifo_queue)
    url = {"QueueUrl": queues.render_url(ctx, ctx.scope, name)}
    existing = QUEUES.open(tx, ctx.scope, name)
    if existing is not None:
        difference = queues.first_difference(existing, wanted, ctx.scope)
        if difference is not None:
            raise errors.queue_name_exists(difference)
        return url
    deleted = DELETED.open(tx, ctx.scope, name)
    if deleted is not None:
        if ctx.now - deleted.deleted_at < _REUSE_AFTER_SECONDS:
            raise errors.queue_deleted_recently()
        DELETED.delete(tx, ctx.scope, deleted)
    fresh = Queue(name=name, created_at=ctx.now, modified_at=ctx.now, fifo=fifo_queue)
    made = queues.apply_attributes(queues.with_tags(fresh, req.get("tags", {})), wanted)
    made = msgspec.structs.replace(made, deduplicated_within=made.deduplication_scope)
    queues.check_redrive(tx, ctx.scope, made)
    QUEUES.insert(tx, ctx.scope, made)
    ctx.about(name)
    return url


@operation("DeleteQueue")
def delete_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    QUEUES.lock(tx, scope, queue.name)
    QUEUES.delete(tx, scope, queue)
    _remove_all(tx, scope, queue)
    for move in list(MOVES.scan(tx, scope, queue.name)):
        MOVES.lock(tx, scope, move.queue, move.sequence)
        MOVES.delete(tx, scope, move)
    DELETED.lock(tx, scope, queue.name)
    DELETED.insert(tx, scope, Deleted(queue.name, ctx.now))
    tx.notify(queues.topic(scope, queue.name))


@operation("GetQueueUrl")
def get_queue_url(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope = ctx.scope.in_account(req.get("QueueOwnerAWSAccountId", ctx.scope.account))
    if QUEUES.get(tx, scope, req["QueueName"]) is None:
        raise errors.queue_does_not_exist()
    return {"QueueUrl": queues.render_url(ctx, scope, req["QueueName"])}


@operation("ListQueues")
def list_queues(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("QueueNamePrefix", "")
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_value(req["NextToken"], "NextToken", "Invalid next token.")
    size = req.get("MaxResults", 1000)
    rules.check_page_size(size, 1000)
    rows = QUEUES.scan(tx, ctx.scope, after=after) if after else QUEUES.scan(tx, ctx.scope, since=prefix or None)
    matching = (row for row in rows if row.name.startswith(prefix))
    page, token = take_page(matching, size, lambda row: row.name)
    answer: dict[str, Any] = {}
    if page:
        answer["QueueUrls"] = [queues.render_url(ctx, ctx.scope, row.name) for row in page]
    if token is not None and "MaxResults" in req:
        answer["NextToken"] = token
    return answer


@operation("GetQueueAttributes")
def get_queue_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    wanted = req.get("AttributeNames", [])
    for name in wanted:
        if name not in queues.READABLE:
            raise errors.unknown_attribute(name)
    shown = queues.render_attributes(tx, scope, queue, wanted, ctx.now)
    return {"Attributes": shown} if shown else {}


@operation("SetQueueAttributes")
def set_queue_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    if not req["Attributes"]:
        raise errors.missing_parameter("Attributes")
    QUEUES.lock(tx, scope, queue.name)
    changed = queues.apply_attributes(queue, queues.spell_switches(req["Attributes"]))
    if "RedrivePolicy" in req["Attributes"]:
        queues.check_redrive(tx, scope, changed)
    QUEUES.replace(tx, scope, queue, msgspec.structs.replace(changed, modified_at=ctx.now))


@operation("PurgeQueue")
def purge_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    if ctx.now - queue.purged_at < _PURGE_EVERY_SECONDS:
        raise errors.purge_in_progress(queue.name)
    QUEUES.lock(tx, scope, queue.name)
    QUEUES.replace(tx, scope, queue, msgspec.structs.replace(queue, purged_at=ctx.now))
    _remove_all(tx, scope, queue)


@operation("ListDeadLetterSourceQueues")
def list_dead_letter_source_queues(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    size = req.get("MaxResults", 1000)
    rules.check_page_size(size, 1000)
    target = queues.queue_arn(scope, queue.name)
    rows = (row for row in QUEUES.scan(tx, scope, after=after) if row.dead_letter_arn == target)
    page, token = take_page(rows, size, lambda row: row.name)
    answer: dict[str, Any] = {"queueUrls": [queues.render_url(ctx, scope, row.name) for row in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


@operation("SendMessage")
def send_message(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    ctx.about(queue.name)
    ctx.annotate("sizes", [_size(req)])
    encryption.check_key(ctx, tx, scope, queue)
    return _send(ctx, tx, (scope, queue), req)


def _size(entry: dict[str, Any]) -> int:
    """What SentMessageSize measures: the body."""
    return len((entry.get("MessageBody") or "").encode())


@operation("SendMessageBatch")
def send_message_batch(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    target = queues.require(tx, ctx.scope, req["QueueUrl"])
    entries = req["Entries"]
    rules.check_entries(entries, "SendMessageBatchRequestEntry")
    if target[1].fifo:
        rules.check_fifo_entries(target[1], entries)
    ctx.about(target[1].name)
    ctx.annotate("sizes", [_size(entry) for entry in entries])
    total = sum(map(messages.size_of, entries))
    if total > _BATCH_BYTES:
        raise errors.batch_too_long(_BATCH_BYTES, total)
    encryption.check_key(ctx, tx, *target)
    return batches.run(entries, "SendMessageBatchRequestEntry", lambda entry: _send(ctx, tx, target, entry))


@operation("ReceiveMessage")
async def receive_message(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Waits without a transaction; each look is one. A message that becomes visible meanwhile ends the wait."""
    account, name = queues.parse_url(req["QueueUrl"])
    scope = ctx.scope.in_account(account or ctx.scope.account)
    with ctx.listen(queues.topic(scope, name)) as arrivals:
        look = await ctx.transact(lambda tx: _look(ctx, tx, req))
        deadline = ctx.now + look.wait_seconds
        while not look.taken and (now := ctx.clock()) < deadline:
            until = deadline if look.next_visible_at is None else min(deadline, look.next_visible_at)
            await arrivals.wait(max(until - now, 0.001))
            if arrivals.abandoned:
                # A message taken now would be hidden from everybody until its time is up.
                break
            look = await ctx.transact(lambda tx: _look(ctx, tx, req))
    ctx.annotate("messages", len(look.taken))
    return {"Messages": [_render_received(message, state, req) for message, state in look.taken]} if look.taken else {}


@operation("DeleteMessage")
def delete_message(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    ctx.about(queue.name)
    if queue.fifo:
        fifo_state = fifo.require_held(tx, scope, queue, req["ReceiptHandle"], ctx.now)
        if fifo_state is not None:
            fifo.remove(tx, scope, fifo_state)
        return
    state = messages.require_held(tx, scope, queue, req["ReceiptHandle"], ctx.now)
    # An earlier handle deletes nothing while another holds the message, and AWS reports success.
    if state is not None:
        messages.remove(tx, scope, state)


@operation("DeleteMessageBatch")
def delete_message_batch(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    queues.require(tx, ctx.scope, req["QueueUrl"])

    def one(entry: dict[str, Any]) -> dict[str, Any]:
        delete_message(ctx, tx, {"QueueUrl": req["QueueUrl"], **entry})
        return {}

    ctx.annotate("messages", len(req["Entries"]))
    return batches.run(req["Entries"], "DeleteMessageBatchRequestEntry", one)


@operation("ChangeMessageVisibility")
def change_message_visibility(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    change = fifo.change_visibility if queue.fifo else messages.change_visibility
    change(tx, scope, queue, req["ReceiptHandle"], req["VisibilityTimeout"], ctx.now)


@operation("ChangeMessageVisibilityBatch")
def change_message_visibility_batch(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    change = fifo.change_visibility if queue.fifo else messages.change_visibility

    def one(entry: dict[str, Any]) -> dict[str, Any]:
        seconds = entry.get("VisibilityTimeout", queue.visibility_timeout_seconds)
        change(tx, scope, queue, entry["ReceiptHandle"], seconds, ctx.now)
        return {}

    return batches.run(req["Entries"], "ChangeMessageVisibilityBatchRequestEntry", one)


@operation("TagQueue")
def tag_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    if not req["Tags"]:
        raise errors.missing_parameter("Tags")
    QUEUES.lock(tx, scope, queue.name)
    QUEUES.replace(tx, scope, queue, queues.with_tags(queue, req["Tags"]))


@operation("UntagQueue")
def untag_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    if not req["TagKeys"]:
        raise errors.invalid_parameter("Tag keys must be between 1 and 128 characters in length.")
    kept = {name: value for name, value in queue.tags.items() if name not in req["TagKeys"]}
    QUEUES.lock(tx, scope, queue.name)
    QUEUES.replace(tx, scope, queue, msgspec.structs.replace(queue, tags=kept))


@operation("ListQueueTags")
def list_queue_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    return {"Tags": queue.tags} if queue.tags else {}


@operation("AddPermission")
def add_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    QUEUES.lock(tx, scope, queue.name)
    QUEUES.replace(tx, scope, queue, permissions.add(scope, queue, req))


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    QUEUES.lock(tx, scope, queue.name)
    QUEUES.replace(tx, scope, queue, permissions.remove(queue, req["Label"]))


@operation("StartMessageMoveTask")
def start_message_move_task(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"TaskHandle": moves.render_handle(moves.start(ctx, tx, req))}


@operation("CancelMessageMoveTask")
def cancel_message_move_task(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"ApproximateNumberOfMessagesMoved": moves.cancel(ctx, tx, req["TaskHandle"])}


@operation("ListMessageMoveTasks")
def list_message_move_tasks(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rules.check_page_size(req.get("MaxResults", 1), 10)
    found = moves.recent(ctx, tx, req["SourceArn"], req.get("MaxResults", 1))
    return {"Results": [_render_move(move) for move in found]}


def _render_move(move: Move) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Status": move.status,
        "SourceArn": move.source_arn,
        "ApproximateNumberOfMessagesMoved": move.moved,
        "ApproximateNumberOfMessagesToMove": move.to_move,
        "StartedTimestamp": int(move.started_at * 1000),
    }
    if move.status == "RUNNING":
        shown["TaskHandle"] = moves.render_handle(move)
    if move.destination_arn:
        shown["DestinationArn"] = move.destination_arn
    if move.rate:
        shown["MaxNumberOfMessagesPerSecond"] = move.rate
    if move.failure:
        shown["FailureReason"] = move.failure
    return shown


def _send(ctx: Context, tx: Transaction, target: tuple[Scope, Queue], req: dict[str, Any]) -> dict[str, Any]:
    scope, queue = target
    if queue.fifo:
        return _render_sent(fifo.send(ctx, tx, scope, queue, req), queue)
    rules.check_standard(req)
    delay_seconds = req.get("DelaySeconds", queue.delay_seconds)
    rules.check_delay(delay_seconds)
    message = messages.new(ctx, queue, req)
    messages.append(tx, scope, message, ctx.now + delay_seconds)
    return _render_sent(message, queue)


class Look(NamedTuple):
    """What a receiver found, and how long it may wait for more."""

    taken: list[Any]
    next_visible_at: float | None
    wait_seconds: int


def _look(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Look:
    scope, queue = queues.require(tx, ctx.scope, req["QueueUrl"])
    ctx.about(queue.name)
    most = req.get("MaxNumberOfMessages", 1)
    wait_seconds = req.get("WaitTimeSeconds", queue.wait_time_seconds)
    visibility_seconds = req.get("VisibilityTimeout", queue.visibility_timeout_seconds)
    rules.check_receive(most, wait_seconds, visibility_seconds)
    rules.check_attempt(queue, req)
    if queue.fifo:
        look = Look(*fifo.take(ctx, tx, scope, queue, req, visibility_seconds), wait_seconds)
    else:
        look = Look(*messages.take(ctx, tx, scope, queue, most, visibility_seconds), wait_seconds)
    if look.taken:
        encryption.check_key(ctx, tx, scope, queue)
    return look


def _remove_all(tx: Transaction, scope: Scope, queue: Queue) -> None:
    messages.purge(tx, scope, queue.name)
    if queue.fifo:
        fifo.purge(tx, scope, queue.name)


def _render_sent(message: Message, queue: Queue) -> dict[str, Any]:
    sent = {"MessageId": message.message_id, "MD5OfMessageBody": message.body_md5}
    if message.attributes:
        sent["MD5OfMessageAttributes"] = message.attributes_md5
    if message.system_attributes_md5:
        sent["MD5OfMessageSystemAttributes"] = message.system_attributes_md5
    if queue.fifo:
        sent["SequenceNumber"] = fifo.render_sequence(message.sequence)
    return sent


def _render_received(message: Message, state: Any, req: dict[str, Any]) -> dict[str, Any]:
    received: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": messages.render_handle(state),
        "MD5OfBody": message.body_md5,
        "Body": message.body,
    }
    # The second is the older name of the first; a request may have both.
    wanted: list[str] = [*req.get("MessageSystemAttributeNames", ()), *req.get("AttributeNames", ())]
    if wanted:
        system = _system_attributes(message, state)
        received["Attributes"] = system if "All" in wanted else {n: v for n, v in system.items() if n in wanted}
    named = req.get("MessageAttributeNames")
    if named and message.attributes:
        chosen = attributes.select(attributes.unpack(message.attributes), named)
        if chosen:
            received["MessageAttributes"] = attributes.render(chosen)
            received["MD5OfMessageAttributes"] = attributes.digest(chosen)
    return received


def _system_attributes(message: Message, state: Any) -> dict[str, str]:
    system = {
        "SenderId": message.sender,
        "SentTimestamp": str(int(message.sent_at * 1000)),
        "ApproximateReceiveCount": str(state.receive_count),
        "ApproximateFirstReceiveTimestamp": str(int(state.first_received_at * 1000)),
    }
    for name, (_, value) in attributes.unpack(message.system_attributes).items():
        system[name] = value if isinstance(value, str) else value.decode("latin-1")
    if message.group:
        system["MessageGroupId"] = message.group
    if message.deduplication_id:
        system["MessageDeduplicationId"] = message.deduplication_id
        system["SequenceNumber"] = fifo.render_sequence(message.sequence)
    if message.dead_letter_source:
        system["DeadLetterQueueSourceArn"] = message.dead_letter_source
    return system
