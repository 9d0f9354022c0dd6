"""Draining a pipe's source: a queue's messages here, streams' records in `stream_sources`.

Nothing is kept here. Messages that were taken and not deleted become visible again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Consumer
from mrak.core.context import Context
from mrak.core.operation import consumer
from mrak.core.traces import common_trace
from mrak.services.iam import exports as iam
from mrak.services.lambda_.exports import Criteria
from mrak.services.pipes import stream_sources
from mrak.services.pipes.flow import FAILURES, Flow
from mrak.services.pipes.operations import CONSUMER, pipe_arn
from mrak.services.pipes.tables import Pipe
from mrak.services.sqs import exports as sqs

_AT_ONCE = 10
_POLL_SECONDS = 20

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
    elif source.service == "kinesis":
        await stream_sources.drain_kinesis(ctx, pipe, flow)
    else:
        await stream_sources.drain_table(ctx, pipe, flow)


async def _drain_queue(ctx: Context, pipe: Pipe, flow: Flow) -> None:
    queue_arn = pipe.settings["Source"]
    found = find_arn(queue_arn)
    assert found is not None
    scope, url = found.scope_in(ctx.scope.environment), sqs.queue_url(ctx, queue_arn)
    parameters = pipe.settings.get("SourceParameters") or {}
    settings = parameters.get("SqsQueueParameters") or {}
    criteria = Criteria(parameters.get("FilterCriteria") or {}, "body")
    size = min(settings.get("BatchSize", _AT_ONCE), _AT_ONCE)
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
    except FAILURES:
        return {record["messageId"] for record in records}
