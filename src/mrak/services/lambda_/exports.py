"""What other services may use of Lambda: look-ups, and the delivery that invokes a function later."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.lambda_.authorization import permits
from mrak.services.lambda_.filters import Criteria, check_criteria
from mrak.services.lambda_.functions import require_latest
from mrak.services.lambda_.references import parse_reference
from mrak.services.lambda_.tables import FUNCTIONS, POLICIES

__all__ = [
    "EVENT",
    "Criteria",
    "EventInvocation",
    "check_criteria",
    "delivery_of",
    "event_delivery",
    "find_policy",
    "function_exists",
    "is_debugged",
    "may_invoke",
    "require_runtime",
]

EVENT = "lambda.event"
"""The kind of deliveries that invoke a function asynchronously."""
_LANES = 32


class EventInvocation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """An asynchronous invocation that is not over. `attempts` counts those that ended in a function error."""

    function_arn: str
    payload: bytes
    request_id: str
    accepted_at: float
    unused: str = ""
    """Held a client context once; AWS gives none to asynchronous invocations (recorded)."""
    attempts: int = 0
    throttles: int = 0
    last_answer: bytes = b""
    caller: tuple[str, str, str] | None = None
    """The service that invokes for a resource: its name, and the resource's account and ARN. It needs permission."""
    tenant: str = ""


def event_delivery(
    ctx: Context,
    function_arn: str,
    payload: bytes,
    *,
    request_id: str = "",
    caller: tuple[str, str, str] | None = None,
    tenant: str = "",
) -> Delivery:
    """Invokes a function as InvocationType Event does: queued, retried, with the function's destinations. A service
    that pushes events of a resource names itself, the resource's account and ARN as `caller`."""
    event = EventInvocation(
        function_arn=function_arn,
        payload=payload,
        request_id=request_id or ctx.draw.uuid(),
        accepted_at=ctx.now,
        caller=caller,
        tenant=tenant,
    )
    return delivery_of(ctx, event, ctx.now)


def delivery_of(ctx: Context, event: EventInvocation, due_at: float) -> Delivery:
    """The delivery of an invocation at a time. What is tried again waits alone; fresh events of a function share as
    many lanes as may run at once here, so that a flood of them is no flood of processes."""
    parsed = find_arn(event.function_arn)
    assert parsed is not None, event.function_arn
    return Delivery(
        kind=EVENT,
        lane=_lane(event),
        scope=parsed.scope_in(ctx.scope.environment),
        payload=msgspec.msgpack.encode(event),
        retry=Retry(attempts=10),
        trace=ctx.trace,
        enqueued_at=ctx.now,
        due_at=due_at,
    )


def _lane(event: EventInvocation) -> str:
    if event.attempts or event.throttles:
        return f"lambda/{event.request_id}/{event.attempts}/{event.throttles}"
    return f"lambda/{event.function_arn}/{zlib.crc32(event.request_id.encode()) % _LANES}"


def function_exists(tx: Transaction, scope: Scope, function_arn: str) -> bool:
    """Whether an ARN, qualified or not, names a function of the environment."""
    ref = parse_reference(scope, function_arn)
    return FUNCTIONS.get(tx, ref.scope, ref.name) is not None


def require_runtime(tx: Transaction, scope: Scope, function: str) -> tuple[str, str]:
    """Name and runtime ("" of images) of the function that a name or ARN names."""
    ref = parse_reference(scope, function)
    return ref.name, require_latest(tx, ref).config.get("Runtime", "")


def is_debugged(ctx: Context, function_arn: str) -> bool:
    """Whether the function runs under a debugger: then who waits for it does so without a time-out."""
    name = parse_reference(ctx.scope, function_arn).name
    return bool(ctx.part("lambdas").is_debugged(ctx.scope.environment, name))


def may_invoke(tx: Transaction, ctx: Context, function_arn: str, caller: tuple[str, str, str]) -> bool:
    """Whether the function's policy lets a service (its name, the resource's account and ARN) invoke it."""
    service, *source = caller
    return permits(tx, parse_reference(ctx.scope, function_arn), service, (source[0], source[1]), ctx.now)


def find_policy(tx: Transaction, scope: Scope, function_arn: str) -> list[dict[str, Any]]:
    """The statements of the resource policy of a function, version or alias."""
    ref = parse_reference(scope, function_arn)
    policy = POLICIES.get(tx, ref.scope, ref.name, ref.qualifier)
    return policy.statements if policy is not None else []
