"""Operations on consumers with enhanced fan-out."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.kinesis import consumers, errors, iterators, streams, tags
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import CONSUMERS, Consumer

_LISTED = 100


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Found, Consumer]:
    if "ConsumerARN" in req:
        return consumers.require_by_arn(ctx, tx, req["ConsumerARN"])
    if "StreamARN" not in req or "ConsumerName" not in req:
        raise errors.consumer_not_named()
    found = streams.require(ctx, tx, req)
    consumer = CONSUMERS.get(tx, found.scope, found.stream.number, req["ConsumerName"])
    if consumer is None:
        raise errors.consumer_not_found(req["ConsumerName"], found.account)
    return found, consumer


@operation("RegisterStreamConsumer")
def register_stream_consumer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found, name = streams.require(ctx, tx, req), req["ConsumerName"]
    number = found.stream.number
    tags.check_new(req.get("Tags", {}), name, found.account)
    CONSUMERS.lock(tx, found.scope, number)
    if CONSUMERS.get(tx, found.scope, number, name) is not None:
        raise errors.consumer_exists(name, found.stream.name, found.account)
    consumers.check_limit(tx, found)
    consumer = Consumer(stream=number, name=name, created_at=float(int(ctx.now)), tags=req.get("Tags", {}))
    CONSUMERS.insert(tx, found.scope, consumer)
    return {"Consumer": {**_render(found, consumer), "ConsumerStatus": "CREATING"}}


def _render(found: Found, consumer: Consumer) -> dict[str, Any]:
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumers.consumer_arn(found.scope, found.stream.name, consumer),
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": consumer.created_at,
    }


@operation("DeregisterStreamConsumer")
def deregister_stream_consumer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found, consumer = _require(ctx, tx, req)
    CONSUMERS.lock(tx, found.scope, consumer.stream)
    CONSUMERS.delete(tx, found.scope, consumer)
    tx.notify(streams.topic(found.scope, consumer.stream))


@operation("DescribeStreamConsumer")
def describe_stream_consumer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found, consumer = _require(ctx, tx, req)
    return {"ConsumerDescription": {**_render(found, consumer), "StreamARN": found.arn}}


@operation("ListStreamConsumers")
def list_stream_consumers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req)
    after = None
    if "NextToken" in req:
        (after,) = iterators.parse_page_token(ctx, req["NextToken"], (str,))
    streams.check_creation(found, req)
    most = req.get("MaxResults", _LISTED)
    page: list[Consumer] = []
    answer: dict[str, Any] = {}
    for consumer in CONSUMERS.scan(tx, found.scope, found.stream.number, after=after):
        if len(page) == most:
            answer["NextToken"] = iterators.render_page_token(ctx, page[-1].name)
            break
        page.append(consumer)
    return answer | {"Consumers": [_render(found, consumer) for consumer in page]}
