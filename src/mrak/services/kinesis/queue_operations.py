"""Operations on queues themselves: create, delete, describe, list, update."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.kinesis import consumers, errors, iterators, queues, streams, tags
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import BY_NAME, CURSORS, QUEUES, Cursor, Queue

_VISIBILITY_SECONDS, _MAX_RECEIVES = 30, 6
_LISTED = 100


@operation("CreateQueue")
def create_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if len(req["StreamConfigurationList"]) != 1:
        raise errors.failed("StreamConfigurationList must contain exactly one entry.")
    (source,) = req["StreamConfigurationList"]
    start = _check_start(ctx, source.get("StartingPosition", {"Type": "LATEST"}))
    found = streams.require(ctx, tx, source)
    if not found.stream.is_on_demand:
        raise errors.invalid("Queues are supported only on data streams in On-Demand mode.")
    tags.check_new(req.get("Tags", {}), req["QueueName"], found.account)
    if next(BY_NAME.scan(tx, found.scope, req["QueueName"], limit=1), None) is not None:
        raise errors.queue_exists(req["QueueName"], found.account)
    consumers.check_limit(tx, found)
    queue = Queue(
        id=ctx.draw.alphanumeric(20),
        name=req["QueueName"],
        created_at=float(int(ctx.now)),
        stream=found.stream.number,
        stream_name=found.stream.name,
        start=start,
        visibility_seconds=_VISIBILITY_SECONDS,
        max_receives=_MAX_RECEIVES,
        tags=req.get("Tags", {}),
    )
    queue = _with_attributes(queue, req.get("QueueAttributes", {}))
    QUEUES.lock(tx, found.scope, queue.id)
    QUEUES.insert(tx, found.scope, queue)
    _begin(ctx, tx, found, queue)
    return {"QueueDescription": _render(found, queue, "CREATING")}


def _check_start(ctx: Context, start: dict[str, Any]) -> dict[str, Any]:
    if start["Type"] != "AT_TIMESTAMP" and "Timestamp" in start:
        raise errors.failed("Timestamp can be specified only for a StartingPosition of type AT_TIMESTAMP.")
    if start["Type"] == "AT_TIMESTAMP" and "Timestamp" not in start:
        raise errors.failed("Timestamp must be specified for a StartingPosition of type AT_TIMESTAMP.")
    if start.get("Timestamp", 0.0) > ctx.now:
        raise errors.failed("The Timestamp of a StartingPosition cannot be in the future.")
    return start


def _with_attributes(queue: Queue, wanted: dict[str, Any]) -> Queue:
    """What is not named stays as it was."""
    visibility, dead = wanted.get("VisibilityTimeoutSeconds"), wanted.get("DeadLetterConfiguration")
    if visibility is not None:
        queue = structs.replace(queue, visibility_seconds=visibility)
    if dead is None:
        return queue
    if dead["TargetType"] == "NONE":
        if "MaxReceiveCount" in dead:
            raise errors.failed("MaxReceiveCount can be specified only for a TargetType of BUILT_IN.")
        return structs.replace(queue, max_receives=0)
    if "MaxReceiveCount" not in dead:
        raise errors.failed("MaxReceiveCount must be specified for a TargetType of BUILT_IN.")
    return structs.replace(queue, max_receives=dead["MaxReceiveCount"])


def _begin(ctx: Context, tx: Transaction, found: Found, queue: Queue) -> None:
    """Fixes where delivery begins, so that nothing written from now on is missed."""
    wanted = queue.start["Type"], queue.start.get("Timestamp")
    for shard, place in iterators.starting_places(tx, found, ctx.now, *wanted):
        CURSORS.lock(tx, found.scope, queue.id)
        CURSORS.insert(tx, found.scope, Cursor(queue.id, shard.index, place))


def _render(found: Found, queue: Queue, status: str = "ACTIVE") -> dict[str, Any]:
    dead: dict[str, Any] = {"TargetType": "NONE"}
    if queue.max_receives:
        dead = {"TargetType": "BUILT_IN", "MaxReceiveCount": queue.max_receives}
    return {
        "QueueName": queue.name,
        "QueueARN": queues.queue_arn(found.scope, queue),
        "QueueStatus": status,
        "QueueCreationTimestamp": queue.created_at,
        "StreamConfigurationList": [{"StreamARN": found.arn, "StartingPosition": queue.start}],
        "QueueAttributes": {"VisibilityTimeoutSeconds": queue.visibility_seconds, "DeadLetterConfiguration": dead},
    }


@operation("DescribeQueue")
def describe_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    it = queues.require(ctx, tx, req["QueueARN"])
    return {"QueueDescription": _render(it.found, it.queue)}


@operation("UpdateQueue")
def update_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    it = queues.require(ctx, tx, req["QueueARN"], opens=True)
    changed = _with_attributes(it.queue, req["QueueAttributes"])
    QUEUES.replace(tx, it.scope, it.queue, changed)
    return {"QueueDescription": _render(it.found, changed, "UPDATING")}


@operation("DeleteQueue")
def delete_queue(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    it = queues.require(ctx, tx, req["QueueARN"], opens=True)
    queues.remove(tx, it)
    tx.notify(streams.topic(it.scope, it.queue.stream))


@operation("ListQueues")
def list_queues(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    streams.check_access(ctx, tx, ctx.scope, "*")
    after = None
    if "NextToken" in req:
        (after,) = iterators.parse_page_token(ctx, req["NextToken"], (str,))
    wanted = [_filtered(ctx, tx, each) for each in req.get("StreamFilter", ())]
    most = req.get("MaxResults", _LISTED)
    page: list[Queue] = []
    answer: dict[str, Any] = {}
    for queue in BY_NAME.scan(tx, ctx.scope, after=after):
        if wanted and queue.stream not in wanted:
            continue
        if len(page) == most:
            answer["NextToken"] = iterators.render_page_token(ctx, page[-1].name)
            break
        page.append(queue)
    return answer | {"QueueSummaries": [_summarise(tx, ctx.scope, queue) for queue in page]}


def _filtered(ctx: Context, tx: Transaction, wanted: dict[str, Any]) -> int:
    found = streams.require(ctx, tx, {"StreamARN": wanted["StreamARN"]})
    streams.check_creation(found, wanted)
    return found.stream.number


def _summarise(tx: Transaction, scope: Scope, queue: Queue) -> dict[str, Any]:
    found = streams.find(tx, scope, queue.stream_name)
    assert found is not None, "a stream with queues cannot be deleted"
    return {
        "QueueName": queue.name,
        "QueueARN": queues.queue_arn(scope, queue),
        "QueueStatus": "ACTIVE",
        "QueueCreationTimestamp": queue.created_at,
        "Streams": [{"StreamARN": found.arn, "StreamCreationTimestamp": found.stream.created_at}],
    }
