"""Starting executions, for a request or for another service's delivery.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.background import Delivery, Undeliverable
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery, operation
from mrak.services.stepfunctions import arns, errors, executions, express, inputs, machines, transitions
from mrak.services.stepfunctions.exports import START
from mrak.services.stepfunctions.machines import Target
from mrak.services.stepfunctions.tables import EXECUTIONS, Execution


@operation("StartExecution")
def start_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Of a standard machine: the same name with the same input is the same execution as long as it runs."""
    target = machines.resolve(ctx, tx, req["stateMachineArn"])
    text = inputs.check_input(req.get("input", "{}"))
    if "name" in req:
        machines.check_name(req["name"])
    name = req.get("name") or ctx.draw.uuid()
    if target.machine.kind == "EXPRESS":
        return express.start_later(ctx, tx, target, name, text)
    scope = target.ref.scope
    transitions.lock(tx, scope, target.ref.name, name)
    existing = EXECUTIONS.get(tx, scope, target.ref.name, name)
    arn = arns.execution_arn(scope, target.ref.name, name)
    if existing is not None:
        if existing.status == "RUNNING" and executions.text_of(tx, scope, existing, "input") == text:
            return {"executionArn": arn, "startDate": existing.started_at}
        raise errors.execution_already_exists(arn)
    ctx.about(arn)
    execution = _new_execution(ctx, target, name, req.get("traceHeader", ""))
    executions.begin(ctx, tx, scope, execution, target.revision, {"input": text})
    return {"executionArn": arn, "startDate": execution.started_at}


def _new_execution(ctx: Context, target: Target, name: str, trace: str) -> Execution:
    return Execution(
        machine=target.ref.name,
        name=name,
        revision=target.revision.revision,
        status="RUNNING",
        started_at=ctx.now,
        version=target.version,
        alias=target.alias,
        trace=trace,
    )


@delivery(START)
def start_for_service(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """What a delivery of `exports` asks for. Trying again is no use where the machine or the input is at fault."""
    try:
        start_execution(ctx, tx, msgspec.msgpack.decode(made.payload))
    except ApiError as error:
        raise Undeliverable(str(error)) from error
