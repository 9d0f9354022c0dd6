"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import Target, targets
from mrak.services.lambda_ import authorization
from mrak.services.lambda_.references import LATEST, function_arn, parse_reference
from mrak.services.lambda_.tables import FUNCTIONS

# Operations whose action has another name.
_ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}
_OF_THE_ACCOUNT = frozenset(
    {"GetAccountSettings", "ListCodeSigningConfigs", "ListEventSourceMappings", "ListFunctions", "ListLayers"}
)


@targets
def targets_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Target]:
    """A function, whether it is there or not. What has ARNs of its own (layers, event source mappings, capacity
    providers) is not asked about."""
    if ctx.operation in _OF_THE_ACCOUNT:
        return [Target("*")]
    if "FunctionName" not in req or ctx.operation.endswith("EventSourceMapping"):
        return []
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    function = FUNCTIONS.get(tx, ref.scope, ref.name)
    resource = function_arn(ref.scope, ref.name, "" if ref.qualifier == LATEST else ref.qualifier)
    policy = authorization.find_policy(tx, ref)
    tags = {} if function is None else function.tags
    return [Target(resource, policy, ref.scope.account, _ACTIONS.get(ctx.operation, ""), tags)]
