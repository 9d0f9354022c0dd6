"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import Target, targets
from mrak.services.ssm.parameters import full_name, parameter_arn

_OF_THE_ACCOUNT = frozenset({"DescribeParameters"})
_OF_ONE = ("GetParameter", "GetParameterHistory", "PutParameter", "DeleteParameter", "LabelParameterVersion")
_OF_MANY = ("GetParameters", "DeleteParameters")


@targets
def targets_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Target]:
    """Parameters by their names, whether they are there or not; a path stands for what is below it."""
    if ctx.operation in _OF_THE_ACCOUNT:
        return [Target("*")]
    if ctx.operation == "GetParametersByPath":
        return [_parameter(ctx, req["Path"])]
    if ctx.operation in _OF_ONE:
        return [_parameter(ctx, req["Name"])]
    return [_parameter(ctx, name) for name in req["Names"]] if ctx.operation in _OF_MANY else []


def _parameter(ctx: Context, selector: str) -> Target:
    """A version or label after the name is no part of the resource."""
    return Target(parameter_arn(ctx.scope, full_name(selector).partition(":")[0]))
