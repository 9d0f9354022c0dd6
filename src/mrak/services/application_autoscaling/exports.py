"""What DynamoDB may do with the scalable targets of its tables, in any region.

find(tx, scope, resource, dimension)                        # its bounds and policies, if it is registered
register(ctx, tx, scope, resource, dimension, scaling)      # with these bounds, and no other policies than these
remove(tx, scope, resource, dimension)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.application_autoscaling.tables import POLICIES, TARGETS, Policy, Target, place_of
from mrak.services.application_autoscaling.targets import deregister, role_of

__all__ = ["Scaling", "find", "register", "remove"]

_TRACKING = "TargetTrackingScaling"


class Scaling(NamedTuple):
    """`policies` are configurations of target tracking by their policies' names."""

    minimum: int
    maximum: int
    policies: dict[str, dict[str, Any]]
    role: str = ""


def _place(resource: str, dimension: str) -> str:
    return place_of(dimension.partition(":")[0], resource, dimension)


def find(tx: Transaction, scope: Scope, resource: str, dimension: str) -> Scaling | None:
    target = TARGETS.get(tx, scope, _place(resource, dimension))
    if target is None:
        return None
    policies = {
        policy.name: policy.settings[f"{_TRACKING}PolicyConfiguration"]
        for policy in POLICIES.scan(tx, scope, target.place)
        if policy.settings["PolicyType"] == _TRACKING
    }
    bounds = target.settings
    role = bounds.get("RoleARN", role_of(scope, dimension.partition(":")[0]))
    return Scaling(bounds["MinCapacity"], bounds["MaxCapacity"], policies, role)


def register(ctx: Context, tx: Transaction, scope: Scope, resource: str, dimension: str, scaling: Scaling) -> None:
    deviation("APPAUTOSCALING-001")
    place = _place(resource, dimension)
    old = TARGETS.open(tx, scope, place)
    bounds = {"MinCapacity": scaling.minimum, "MaxCapacity": scaling.maximum}
    if old is None:
        TARGETS.insert(tx, scope, Target(place=place, id=ctx.draw.hex(32), created_at=ctx.now, settings=bounds))
    else:
        TARGETS.replace(tx, scope, old, structs.replace(old, settings=old.settings | bounds))
    for policy in list(POLICIES.scan(tx, scope, place)):
        POLICIES.lock(tx, scope, place, policy.name)
        POLICIES.delete(tx, scope, policy)
    for name, configuration in scaling.policies.items():
        settings = {"PolicyType": _TRACKING, f"{_TRACKING}PolicyConfiguration": configuration}
        POLICIES.lock(tx, scope, place, name)
        fresh = Policy(place=place, name=name, id=ctx.draw.uuid(), created_at=ctx.now, settings=settings)
        POLICIES.insert(tx, scope, fresh)


def remove(tx: Transaction, scope: Scope, resource: str, dimension: str) -> None:
    target = TARGETS.open(tx, scope, _place(resource, dimension))
    if target is not None:
        deregister(tx, scope, target)
