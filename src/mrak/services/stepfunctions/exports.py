"""What other services may use of Step Functions: look-ups, and the delivery that starts an execution."""

from __future__ import annotations

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry
from mrak.core.context import Context

START = "stepfunctions.start"


def delivery(
    ctx: Context,
    machine_arn: str,
    text: str,
    *,
    name: str = "",
    lane: str = "",
    retry: Retry | None = None,
    dead: str = "",
) -> Delivery:
    """A delivery that starts an execution with `text` (JSON) as its input. Without a name it gets one that is the same
    when the delivery is made again."""
    found = find_arn(machine_arn)
    assert found is not None, machine_arn
    request = {"stateMachineArn": machine_arn, "input": text, "name": name or ctx.draw.uuid()}
    return Delivery(
        kind=START,
        lane=lane or machine_arn,
        scope=found.scope_in(ctx.scope.environment),
        payload=msgspec.msgpack.encode(request),
        retry=retry or Retry(),
        dead=dead,
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )
