"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
"""

from __future__ import annotations

from typing import Any

from mrak.auth.evaluation import AuthorizationRequest, Named, PolicySet, evaluate
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import Target, targets
from mrak.core.scope import Scope
from mrak.services.events.tables import BUSES, Bus

_DEFAULT = "default"
_OF_RULES = frozenset(
    {
        *("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTargetsByRule", "PutRule", "PutTargets"),
        "RemoveTargets",
    }
)
_ANYTHING = Named("role", parse_policy({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}, "inline"))
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


def lets_in(home: Scope, bus: Bus, source: Scope, role_arn: str, now: float) -> bool:
    """Whether the policy of a bus lets another account's role put events, by which a rule there sends them on. What
    that role may do is not asked (EVENTS-007)."""
    if not bus.policy:
        return False
    name = role_arn.rpartition("/")[2]
    session = Principal(
        kind="role-session",
        account=source.account,
        arn=f"arn:{source.partition}:sts::{source.account}:assumed-role/{name}/events",
        user_id=f"{name}:events",
        name=name,
        issuer_arn=role_arn,
    )
    try:
        policies = PolicySet(identity=(_ANYTHING,), resource=Named("bus policy", parse_policy(bus.policy)))
    except ApiError:
        return False  # what is a policy to EventBridge and not to IAM grants nobody anything
    bus_arn = arn(home, "events", f"event-bus/{bus.name}")
    return evaluate(AuthorizationRequest(session, "events:PutEvents", bus_arn, now, home.account), policies).allowed
