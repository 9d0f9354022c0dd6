"""Draining a pipe's source: a queue's messages, a DynamoDB stream's records.

Nothing is kept here. Messages that were taken and not deleted become visible again; a stream goes on from its
checkpoint, which moves when a batch is through.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Consumer, Undeliverable
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import consumer
from mrak.core.traces import common_trace
from mrak.lang.inputtransform import InputTransformError
from mrak.services.dynamodb import exports as dynamodb
from mrak.services.dynamodb.exports import Stream
from mrak.services.iam import exports as iam
from mrak.services.lambda_.exports import Criteria
from mrak.services.pipes.flow import Flow, FlowError
from mrak.services.pipes.operations import CONSUMER, pipe_arn
from mrak.services.pipes.tables import CHECKPOINTS, Checkpoint, Pipe
from mrak.services.sqs import exports as sqs

_AT_ONCE = 10
_POLL_SECONDS = 20
_IDLE_SECONDS = 3600.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_FAILURES = (ApiError, FlowError, Undeliverable, InputTransformError)

Message = dict[str, Any]


@consumer(CONSUMER)
async def drain(ctx: Context, row: Consumer) -> None:
    """Runs until the pipe is stopped."""
    pipe = msgspec.msgpack.decode(row.payload, type=Pipe)
    source = find_arn(pipe.settings["Source"])
    assert source is not None, pipe.settings["Source"]
    role_arn, environment = pipe.settings["RoleArn"], ctx.scope.environment
    role = await ctx.transact(lambda tx: iam.find_role_session(tx, environment, role_arn, pipe.name))
    flow = Flow(ctx.in_trace("", role), pipe, pipe_arn(ctx.scope, pipe.name))
    if source.service == "sqs":
        await _drain_queue(ctx, pipe, flow)
    else:
        await _drain_stream(ctx, pipe, flow)


def _criteria(pipe: Pipe, member: str) -> Criteria:
    parameters = pipe.settings.get("SourceParameters") or {}
    return Criteria(parameters.get("FilterCriteria") or {}, member)


async def _drain_queue(ctx: Context, pipe: Pipe, flow: Flow) -> None:
    queue_arn = pipe.settings["Source"]
    found = find_arn(queue_arn)
    assert found is not None
    scope, url = found.scope_in(ctx.scope.environment), sqs.queue_url(ctx, queue_arn)
    settings = (pipe.settings.get("SourceParameters") or {}).get("SqsQueueParameters") or {}
    criteria, size = _criteria(pipe, "body"), min(settings.get("BatchSize", _AT_ONCE), _AT_ONCE)
    receive = {
        "QueueUrl": url,
        "MaxNumberOfMessages": size,
        "WaitTimeSeconds": _POLL_SECONDS,
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    }
    while True:
        answer = await ctx.call("sqs", "ReceiveMessage", receive, scope=scope)
        messages: list[Message] = answer.get("Messages", [])
        records = {message["MessageId"]: sqs.render_record(message, queue_arn) for message in messages}
        wanted = [record for record in records.values() if criteria.passes(record)]
        failed: set[str] = set()
        if wanted:
            trace = common_trace(record["attributes"].get("AWSTraceHeader", "") for record in wanted)
            failed = await _try_to_send(flow.in_trace(trace), wanted)
        done = [message for message in messages if message["MessageId"] not in failed]
        if done:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(done)]
            await ctx.call("sqs", "DeleteMessageBatch", {"QueueUrl": url, "Entries": entries}, scope=scope)


async def _try_to_send(flow: Flow, records: list[dict[str, Any]]) -> set[str]:
    """The ids of those messages that failed: they stay in the queue until their time-out, and may dead-letter there."""
    try:
        return set(await flow.send(records))
    except _FAILURES:
        return {record["messageId"] for record in records}


async def _drain_stream(ctx: Context, pipe: Pipe, flow: Flow) -> None:
    settings = pipe.settings["SourceParameters"]["DynamoDBStreamParameters"]
    stream, position = await ctx.transact(lambda tx: _look_up(ctx, tx, pipe))
    if stream is None:
        return
    criteria, size = _criteria(pipe, "dynamodb"), settings.get("BatchSize", 100)
    with ctx.listen(dynamodb.topic_of(stream)) as arrivals:
        while True:
            rows, reached = await ctx.transact(_reader(ctx, stream, position, size))
            if not rows:
                await arrivals.wait(_IDLE_SECONDS)
                continue
            found = [({**msgspec.json.decode(row.body), "eventSourceARN": stream.arn}, row.trace) for row in rows]
            wanted = [pair for pair in found if criteria.passes(pair[0])]
            traced = flow.in_trace(common_trace(trace for _, trace in wanted))
            await _send_in_order(ctx, pipe, traced, [record for record, _ in wanted])
            position = reached
            await ctx.transact(_saver(ctx, pipe, position))


def _look_up(ctx: Context, tx: Transaction, pipe: Pipe) -> tuple[Stream | None, int | None]:
    checkpoint = CHECKPOINTS.get(tx, ctx.scope, pipe.name)
    stream = dynamodb.find_stream(tx, pipe.settings["Source"], ctx.scope.environment)
    return stream, checkpoint.position if checkpoint is not None else None


def _reader(ctx: Context, stream: Stream, position: int | None, size: int) -> Any:
    return lambda tx: dynamodb.read_after(tx, stream, position, size, ctx.clock())


def _saver(ctx: Context, pipe: Pipe, position: int | None) -> Any:
    def save(tx: Transaction) -> None:
        old = CHECKPOINTS.open(tx, ctx.scope, pipe.name)
        if position is None:
            return
        new = Checkpoint(pipe.name, position)
        if old is None:
            CHECKPOINTS.insert(tx, ctx.scope, new)
        else:
            CHECKPOINTS.replace(tx, ctx.scope, old, new)

    return save


async def _send_in_order(ctx: Context, pipe: Pipe, flow: Flow, records: list[dict[str, Any]]) -> None:
    """A batch that fails holds up its stream until it is through, or is given up to the dead-letter queue."""
    settings = pipe.settings["SourceParameters"]["DynamoDBStreamParameters"]
    most, attempts, pause = settings.get("MaximumRetryAttempts", -1), 0, _FIRST_PAUSE_SECONDS
    while records:
        try:
            failed = set(await flow.send(records))
        except _FAILURES:
            failed = {records[0]["dynamodb"]["SequenceNumber"]}
        sequences = [record["dynamodb"]["SequenceNumber"] for record in records]
        first = next((at for at, sequence in enumerate(sequences) if sequence in failed), None)
        if first is None:
            return
        records, attempts = records[first:], attempts + 1
        if 0 <= most < attempts:
            await _give_up(ctx, settings, records)
            return
        await ctx.sleep_until(ctx.clock() + pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def _give_up(ctx: Context, settings: dict[str, Any], records: list[dict[str, Any]]) -> None:
    queue_arn = (settings.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    text = msgspec.json.encode({"records": records}).decode()
    await ctx.transact(lambda tx: tx.enqueue(sqs.delivery(ctx, queue_arn, {"MessageBody": text})))
