"""What EventBridge is told of an execution's status, and whether an execution may be redriven.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.asl.machine import TOO_LONG
from mrak.services.events import exports as events
from mrak.services.stepfunctions import arns
from mrak.services.stepfunctions.tables import Execution

REDRIVE_SECONDS = 14 * 86_400.0
_REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")


def announce(ctx: Context, tx: Transaction, scope: Scope, execution: Execution, text: str, output: str | None) -> None:
    """An event on the default bus; child executions of a Map run have none."""
    if execution.map_run:
        return
    arn = arns.execution_arn(scope, execution.machine, execution.name)
    machine = arns.machine_arn(scope, execution.machine)
    redrive, reason = redrive_status(execution, ctx.now)
    detail = {
        "executionArn": arn,
        "stateMachineArn": machine,
        "name": execution.name,
        "status": execution.status,
        "startDate": int(execution.started_at * 1000),
        "stopDate": int(execution.stopped_at * 1000) or None,
        "input": text,
        "output": output,
        "stateMachineVersionArn": f"{machine}:{execution.version}" if execution.version else None,
        "stateMachineAliasArn": f"{machine}:{execution.alias}" if execution.alias else None,
        "redriveCount": execution.redrive_count,
        "redriveDate": int(execution.redriven_at * 1000) or None,
        "redriveStatus": redrive,
        "redriveStatusReason": reason,
        "inputDetails": {"included": True},
        "outputDetails": None if output is None else {"included": True},
        "error": execution.error,
        "cause": execution.cause,
    }
    tx.enqueue(
        events.delivery(
            ctx, "aws.states", "Step Functions Execution Status Change", detail, [arn], lane=f"events/{arn}"
        )
    )


def redrive_status(execution: Execution, now: float) -> tuple[str, str | None]:
    """(status, reason) as DescribeExecution tells."""
    if execution.map_run and execution.status in _REDRIVABLE:
        return "REDRIVABLE_BY_MAP_RUN", None
    if execution.status not in _REDRIVABLE:
        return "NOT_REDRIVABLE", f"Execution is {execution.status} and cannot be redriven"
    if execution.cause == TOO_LONG:
        return "NOT_REDRIVABLE", "Execution has exceeded the maximum history event limit"
    if now - execution.stopped_at > REDRIVE_SECONDS:
        return "NOT_REDRIVABLE", "Execution was started more than 14 days ago and cannot be redriven"
    return "REDRIVABLE", None
