"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import Target, targets
from mrak.services.stepfunctions.arns import activity_arn, machine_arn

_ARNS = (
    "executionArn",
    "mapRunArn",
    "activityArn",
    "stateMachineAliasArn",
    "stateMachineVersionArn",
    "stateMachineArn",
    "resourceArn",
)
_OF_THE_ACCOUNT = frozenset({"ListActivities", "ListStateMachines", "TestState"})


@targets
def targets_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Target]:
    """What an ARN names, as it was named. Task tokens are not asked about."""
    if ctx.operation in _OF_THE_ACCOUNT:
        return [Target("*")]
    if ctx.operation == "CreateStateMachine":
        return [Target(machine_arn(ctx.scope, req["name"]))]
    if ctx.operation == "CreateActivity":
        return [Target(activity_arn(ctx.scope, req["name"]))]
    return [Target(req[name]) for name in _ARNS if name in req][:1]
