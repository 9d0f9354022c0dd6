"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import Target, targets
from mrak.core.scope import Scope
from mrak.services.events.tables import BUSES

_DEFAULT = "default"
_OF_RULES = frozenset(
    {
        *("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTargetsByRule", "PutRule", "PutTargets"),
        "RemoveTargets",
    }
)
_OF_BUSES = frozenset({"CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus"})


@targets
def targets_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Target]:
    """Buses and their rules, whether they are there or not, and what has tags; nothing else is asked about."""
    if ctx.operation == "PutEvents":
        names = dict.fromkeys(entry.get("EventBusName") or _DEFAULT for entry in req["Entries"])
        return [_bus(ctx, tx, name) for name in names]
    if ctx.operation in _OF_BUSES:
        return [_bus(ctx, tx, req.get("Name") or _DEFAULT)]
    if ctx.operation in _OF_RULES:
        scope, bus = _locate(ctx.scope, req.get("EventBusName") or _DEFAULT)
        rule = req["Rule"] if "Rule" in req else req["Name"]
        path = f"rule/{rule}" if bus == _DEFAULT else f"rule/{bus}/{rule}"
        return [Target(arn(scope, "events", path), account=scope.account)]
    return [Target(req["ResourceARN"])] if "ResourceARN" in req else []


def _locate(scope: Scope, name_or_arn: str) -> tuple[Scope, str]:
    found = find_arn(name_or_arn)
    if found is None:
        return scope, name_or_arn
    return found.scope_in(scope.environment), found.resource.removeprefix("event-bus/")


def _bus(ctx: Context, tx: Transaction, name_or_arn: str) -> Target:
    scope, name = _locate(ctx.scope, name_or_arn)
    bus = BUSES.get(tx, scope, name)
    policy, tags = (None, {}) if bus is None else (bus.policy or None, bus.tags)
    return Target(arn(scope, "events", f"event-bus/{name}"), policy, scope.account, tags=tags)
