"""What other services may use of SQS: read-only look-ups and the constructor of deliveries."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.sqs import queue as queues
from mrak.services.sqs.attributes import trace_header
from mrak.services.sqs.tables import QUEUES, Queue

SEND = "sqs.send"


def queue_exists(tx: Transaction, environment: str, queue_arn: str) -> bool:
    """Whether an ARN names a queue of the environment."""
    parsed = find_arn(queue_arn)
    if parsed is None or parsed.service != "sqs":
        return False
    return QUEUES.get(tx, parsed.scope_in(environment), parsed.resource) is not None


def count_messages(tx: Transaction, scope: Scope, name: str, now: float) -> dict[str, int] | None:
    """How many messages a queue has, by the names of its attributes; None where there is no such queue."""
    queue = QUEUES.get(tx, scope, name)
    if queue is None:
        return None
    return {name: int(count) for name, count in queues.count_messages(tx, scope, queue, now).items()}


def queue_url(ctx: Context, queue_arn: str) -> str:
    """The URL of the queue that an ARN names, for `ctx.call("sqs", ...)`."""
    parsed = find_arn(queue_arn)
    assert parsed is not None, queue_arn
    return queues.render_url(ctx, parsed.scope_in(ctx.scope.environment), parsed.resource)


class Sender(msgspec.Struct, frozen=True, array_like=True):
    """A service that sends for one of the caller's resources and so needs the permission of the queue's policy.

    `receipt` is a kind of delivery that is made once the message is in the queue, with a `Receipt` of the `note`;
    "" for none."""

    service: str
    source_arn: str
    receipt: str = ""
    note: bytes = b""
    account: str = ""
    """The source's account, where its ARN does not tell."""


def permits(queue: Queue, arn: str, sender: Sender, now: float) -> bool:
    """Whether the queue's policy lets a service send to it; it has to, in the service's own account too."""
    # Most queues are never sent to by a service: policies are loaded with the first that is.
    from mrak.auth.evaluation import lets_service_act

    policy = queue.settings.get("Policy", "")
    service = service_principal(sender.service, sender.account, sender.source_arn)
    return bool(policy) and lets_service_act(policy, service, "sqs:SendMessage", arn, int(now // 60))


def may_send(tx: Transaction, ctx: Context, queue_arn: str, sender: Sender) -> bool:
    """Whether a service may send to the queue that an ARN names."""
    parsed = find_arn(queue_arn)
    queue = None if parsed is None else QUEUES.get(tx, parsed.scope_in(ctx.scope.environment), parsed.resource)
    return queue is not None and permits(queue, queue_arn, sender, ctx.now)


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """The payload of a delivery to a queue. `message` is SendMessage's input without QueueUrl."""

    queue: str
    message: dict[str, Any]
    sender: Sender | None = None


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """The payload of a receipt: the sender's note, and the message's id in the queue."""

    note: bytes
    message_id: str


_encode = msgspec.msgpack.Encoder().encode
parse_parcel = msgspec.msgpack.Decoder(Parcel).decode
parse_receipt = msgspec.msgpack.Decoder(Receipt).decode


def traced(trace: str) -> dict[str, Any]:
    """What SendMessage is given for a message that belongs to a trace; nothing where it belongs to none."""
    return {"MessageSystemAttributes": trace_header(trace)} if trace else {}


def delivery(
    ctx: Context,
    queue_arn: str,
    message: dict[str, Any],
    *,
    lane: str = "",
    retry: Retry | None = None,
    dead: str = "",
    sender: Sender | None = None,
    at_once: bool = False,
) -> Delivery:
    """A delivery that sends a message to a queue; deliveries that have to stay in order share a lane, those that have
    not may be made `at_once`. Without a `sender` the queue's policy is not asked: for services that act with a role,
    and Lambda's own."""
    parsed = find_arn(queue_arn)
    assert parsed is not None, queue_arn
    return Delivery(
        kind=SEND,
        lane=lane or queue_arn,
        scope=parsed.scope_in(ctx.scope.environment),
        payload=_encode(Parcel(parsed.resource, message, sender)),
        retry=retry or Retry(),
        dead=dead,
        trace=ctx.trace,
        enqueued_at=ctx.now,
        at_once=at_once,
    )


def redirected(ctx: Context, failed: Delivery, queue_arn: str, sender: Sender) -> Delivery:
    """A delivery of a failed one's message to another queue: a dead-letter queue of who sent it."""
    return delivery(ctx, queue_arn, parse_parcel(failed.payload).message, sender=sender)


def render_record(message: dict[str, Any], queue_arn: str) -> dict[str, Any]:
    """A message that ReceiveMessage gave, as functions and pipes get it from their event source."""
    parsed = find_arn(queue_arn)
    assert parsed is not None, queue_arn
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": _render_record_attributes(message.get("MessageAttributes", {})),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": parsed.region,
        "md5OfMessageAttributes": message.get("MD5OfMessageAttributes"),
    }


def _render_record_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    shown = {}
    for name, attribute in attributes.items():
        entry: dict[str, Any] = {}
        if "StringValue" in attribute:
            entry["stringValue"] = attribute["StringValue"]
        if "BinaryValue" in attribute:
            entry["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode()
        shown[name] = {**entry, "stringListValues": [], "binaryListValues": [], "dataType": attribute["DataType"]}
    return shown
