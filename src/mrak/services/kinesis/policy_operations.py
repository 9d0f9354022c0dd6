"""Operations on resource policies of streams, consumers and queues.

https://docs.aws.amazon.com/streams/latest/dev/resource-based-policies.html
"""

from __future__ import annotations

from typing import Any

from mrak.auth.policy import parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.kinesis import errors, resources

_MOST_BYTES = 20_480


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    resource = resources.require(ctx, tx, req["ResourceARN"])
    if len(req["Policy"].encode()) > _MOST_BYTES:
        raise errors.limit_exceeded(f"Maximum policy size of {_MOST_BYTES} bytes exceeded.")
    try:
        parse_policy(req["Policy"])
    except ApiError as error:
        raise errors.invalid(f"Invalid resource policy: {error.message}") from None
    resource.save(tx, policy=req["Policy"])


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A resource without a policy answers with an empty one."""
    return {"Policy": resources.require(ctx, tx, req["ResourceARN"]).record.policy or "{}"}


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    resource = resources.require(ctx, tx, req["ResourceARN"])
    if not resource.record.policy:
        raise errors.no_policy(req["ResourceARN"])
    resource.save(tx, policy="")
