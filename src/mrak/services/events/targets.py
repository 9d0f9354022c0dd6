"""Targets that are called: functions, state machines, log groups, APIs, API destinations.

Queues, topics and buses are no calls: their deliveries are made in the outbox's own transaction (matching.py).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.arn import Arn, find_arn
from mrak.core.background import Delivery, Undeliverable, settle
from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.lang import inputtransform
from mrak.services.events import api_destinations, stages
from mrak.services.events.matching import SERVICE, Work


class How(NamedTuple):
    """Parameters of kinds of targets: PutTargets' HttpParameters, and the partition key for a stream ("": what is
    called for gets its own id for one)."""

    http: dict[str, Any] = {}
    partition_key: str = ""


class Call(msgspec.Struct, frozen=True):
    """What a called target gets. `id` is the event's; `rule_arn` is the rule's, "" where a pipe or schedule calls,
    which acts with a role."""

    text: str
    id: str
    how: How
    rule_arn: str = ""


@delivery("events.target")
async def deliver(ctx: Context, made: Delivery) -> None:
    work = msgspec.msgpack.decode(made.payload, type=Work)
    ctx.about(work.rule_arn)
    event = json.loads(work.event)
    how = How(work.target.get("HttpParameters") or {}, _partition_key(ctx, work.target, event))
    await _call(ctx, work.target["Arn"], Call(work.input, event["id"], how, work.rule_arn))


def _partition_key(ctx: Context, target: dict[str, Any], event: dict[str, Any]) -> str:
    """What the target's path leads to in the event, as JSON: a string keeps its quotes."""
    path = (target.get("KinesisParameters") or {}).get("PartitionKeyPath")
    return inputtransform.compact(inputtransform.select(event, path)) if path else f"{event['id']}_{ctx.draw.uuid()}"


async def call_target(ctx: Context, target_arn: str, text: str, event_id: str, how: How | None = None) -> None:
    """Hands `text` to what an ARN names; raises where it may be tried again, or Undeliverable."""
    await _call(ctx, target_arn, Call(text, event_id, how or How()))


async def _call(ctx: Context, target_arn: str, given: Call) -> None:
    found = find_arn(target_arn)
    call = _CALLS.get(found.service) if found is not None else None
    if found is None or call is None:
        deviation("EVENTS-002")
        raise Undeliverable(f"{found.service if found else target_arn} cannot be a target here")
    try:
        await call(ctx, found, given)
    except ApiError as error:
        raise settle(error) from error


async def _invoke_function(ctx: Context, found: Arn, given: Call) -> None:
    params = {"FunctionName": str(found), "InvocationType": "Event", "Payload": given.text.encode()}
    caller = service_principal(SERVICE, ctx.scope.account, given.rule_arn) if given.rule_arn else None
    await ctx.call("lambda", "Invoke", params, scope=found.scope_in(ctx.scope.environment), principal=caller)


async def _start_execution(ctx: Context, found: Arn, given: Call) -> None:
    params = {"stateMachineArn": str(found), "input": given.text}
    await ctx.call("stepfunctions", "StartExecution", params, scope=found.scope_in(ctx.scope.environment))


async def _put_record(ctx: Context, found: Arn, given: Call) -> None:
    stream = found.resource.removeprefix("stream/")
    params = {"StreamName": stream, "Data": given.text.encode(), "PartitionKey": given.how.partition_key or given.id}
    await ctx.call("kinesis", "PutRecord", params, scope=found.scope_in(ctx.scope.environment))


async def _put_log_event(ctx: Context, found: Arn, given: Call) -> None:
    """One log stream for each event, as AWS makes them."""
    scope = found.scope_in(ctx.scope.environment)
    group = found.resource.removeprefix("log-group:").removesuffix(":*")
    try:
        await ctx.call("logs", "CreateLogStream", {"logGroupName": group, "logStreamName": given.id}, scope=scope)
    except ApiError as error:
        # A second attempt finds the stream of the first.
        if error.code != "ResourceAlreadyExistsException":
            raise
    entry = {"timestamp": int(ctx.now * 1000), "message": given.text}
    params = {"logGroupName": group, "logStreamName": given.id, "logEvents": [entry]}
    await ctx.call("logs", "PutLogEvents", params, scope=scope)


async def _call_api_destination(ctx: Context, found: Arn, given: Call) -> None:
    if not found.resource.startswith("api-destination/"):
        raise Undeliverable(f"{found} is no target")
    await api_destinations.invoke(ctx, found, given.text, given.how.http)


async def _call_stage(ctx: Context, found: Arn, given: Call) -> None:
    await stages.invoke(ctx, found, given.text, given.how.http)


_CALLS: dict[str, Callable[[Context, Arn, Call], Awaitable[None]]] = {
    "lambda": _invoke_function,
    "states": _start_execution,
    "logs": _put_log_event,
    "kinesis": _put_record,
    "events": _call_api_destination,
    "execute-api": _call_stage,
}
