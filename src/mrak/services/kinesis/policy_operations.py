"""Operations on resource policies of streams and consumers.

https://docs.aws.amazon.com/streams/latest/dev/resource-based-policies.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.auth.policy import parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.kinesis import consumers, errors, streams
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import CONSUMERS, STREAMS, Consumer

_MOST_BYTES = 20_480


def _require(ctx: Context, tx: Transaction, arn: str) -> tuple[Found, Consumer | None]:
    if consumers.is_consumer_arn(arn):
        return consumers.require_by_arn(ctx, tx, arn)
    return streams.require(ctx, tx, {"StreamARN": arn}, opens=True), None


def _policy_of(found: Found, consumer: Consumer | None) -> str:
    return found.stream.policy if consumer is None else consumer.policy


def _set(tx: Transaction, found: Found, consumer: Consumer | None, policy: str) -> None:
    if consumer is None:
        STREAMS.replace(tx, found.scope, found.stream, structs.replace(found.stream, policy=policy))
        return
    CONSUMERS.lock(tx, found.scope, consumer.stream)
    CONSUMERS.replace(tx, found.scope, consumer, structs.replace(consumer, policy=policy))


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    place = _require(ctx, tx, req["ResourceARN"])
    if len(req["Policy"].encode()) > _MOST_BYTES:
        raise errors.limit_exceeded(f"Maximum policy size of {_MOST_BYTES} bytes exceeded.")
    try:
        parse_policy(req["Policy"])
    except ApiError as error:
        raise errors.invalid(f"Invalid resource policy: {error.message}") from None
    _set(tx, *place, req["Policy"])


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A resource without a policy answers with an empty one."""
    return {"Policy": _policy_of(*_require(ctx, tx, req["ResourceARN"])) or "{}"}


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    place = _require(ctx, tx, req["ResourceARN"])
    if not _policy_of(*place):
        raise errors.no_policy(req["ResourceARN"])
    _set(tx, *place, "")
