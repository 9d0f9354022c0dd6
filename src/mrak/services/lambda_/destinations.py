"""Where results of asynchronous invocations and given-up batches go: queues, topics, functions, event buses.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import datetime
import json
import logging
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery
from mrak.services.lambda_ import exports
from mrak.services.sns import exports as sns
from mrak.services.sqs import exports as sqs

PUT_EVENT = "lambda.put-event"
PUT_OBJECT = "lambda.put-object"
_SERVICES = ("sqs", "sns", "lambda", "events", "s3")
_LONGEST_MESSAGE_BYTES = 1024
log = logging.getLogger("mrak.services.lambda_")


def is_destination(target_arn: str) -> bool:
    parsed = find_arn(target_arn)
    return parsed is not None and parsed.service in _SERVICES


def send(
    ctx: Context,
    tx: Transaction,
    target_arn: str,
    envelope: dict[str, Any],
    function: str,
    succeeded: bool,
    *,
    folder: str = "",
) -> None:
    """Hands an envelope to a destination, in the transaction that ends what it is about. `folder` is where in a bucket
    it goes; asynchronous invocations have one for each function."""
    parsed = find_arn(target_arn)
    text = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False)
    match parsed.service if parsed is not None else "":
        case "sqs":
            tx.enqueue(sqs.delivery(ctx, target_arn, {"MessageBody": text}))
        case "sns":
            tx.enqueue(sns.delivery(ctx, target_arn, {"Message": text}))
        case "lambda":
            tx.enqueue(exports.event_delivery(ctx, target_arn, text.encode()))
        case "events":
            tx.enqueue(_event(ctx, target_arn, text, envelope["requestContext"]["functionArn"], succeeded))
        case "s3":
            name = function.split(":")[6]
            tx.enqueue(_object(ctx, target_arn, text, folder or f"aws/lambda/async/{name}"))
        case _:
            log.warning("%s is no destination that mrak knows; an envelope of %s is lost", target_arn, function)


def _event(ctx: Context, bus_arn: str, text: str, function: str, succeeded: bool) -> Delivery:
    entry = {
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {'Success' if succeeded else 'Failure'}",
        "Detail": text,
        "EventBusName": bus_arn,
        "Resources": [bus_arn, function],
    }
    return Delivery(
        kind=PUT_EVENT,
        lane=f"lambda/destination/{bus_arn}",
        scope=ctx.scope,
        payload=msgspec.msgpack.encode(entry),
        retry=Retry(attempts=3),
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


def _object(ctx: Context, bucket_arn: str, text: str, folder: str) -> Delivery:
    """AWS names the objects by time: aws/lambda/<mapping>/<shard>/2024/01/31/2024-01-31T12.00.00-<uuid>."""
    at = datetime.datetime.fromtimestamp(ctx.clock(), datetime.UTC)
    key = f"{folder}/{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{ctx.draw.uuid()}"
    return Delivery(
        kind=PUT_OBJECT,
        lane=f"lambda/destination/{bucket_arn}",
        scope=ctx.scope,
        payload=msgspec.msgpack.encode([bucket_arn.rpartition(":")[2], key, text]),
        retry=Retry(attempts=3),
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


@delivery(PUT_OBJECT)
async def put_object(ctx: Context, made: Delivery) -> None:
    bucket, key, text = msgspec.msgpack.decode(made.payload)
    await ctx.call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": text.encode()})


@delivery(PUT_EVENT)
async def put_event(ctx: Context, made: Delivery) -> None:
    await ctx.call("events", "PutEvents", {"Entries": [msgspec.msgpack.decode(made.payload)]})


def describe_end(request_id: str, code: int | None, message: str) -> dict[str, Any]:
    """A dead letter's attributes (recorded: TestLambdaDLQ::test_dead_letter_queue)."""
    shown = message.encode()[:_LONGEST_MESSAGE_BYTES].decode("utf-8", "replace")
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorMessage": {"DataType": "String", "StringValue": shown or "Unknown"},
    }
    if code is not None:
        attributes["ErrorCode"] = {"DataType": "Number", "StringValue": str(code)}
    return attributes


def send_dead_letter(
    ctx: Context, tx: Transaction, target_arn: str, payload: bytes, attributes: dict[str, Any]
) -> None:
    """The event itself, with what went wrong."""
    parsed = find_arn(target_arn)
    body = payload.decode("utf-8", "replace") or "{}"
    if parsed is not None and parsed.service == "sns":
        tx.enqueue(sns.delivery(ctx, target_arn, {"Message": body, "MessageAttributes": attributes}))
    else:
        tx.enqueue(sqs.delivery(ctx, target_arn, {"MessageBody": body, "MessageAttributes": attributes}))


def render_time(at: float) -> str:
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
