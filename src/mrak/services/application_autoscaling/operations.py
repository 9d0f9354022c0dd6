"""Application Auto Scaling's operations.

https://docs.aws.amazon.com/autoscaling/application/APIReference/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.lang import schedules
from mrak.services.application_autoscaling import errors
from mrak.services.application_autoscaling.tables import (
    ACTIONS,
    BY_ID,
    POLICIES,
    TARGETS,
    Action,
    Policy,
    Target,
    place_of,
)
from mrak.services.application_autoscaling.targets import deregister, role_of

_PAGE = 50
_NAMING = ("ServiceNamespace", "ResourceId", "ScalableDimension")


def _place(req: dict[str, Any]) -> str:
    return place_of(*(req[name] for name in _NAMING))


def _named(place: str) -> dict[str, str]:
    return dict(zip(_NAMING, place.split("\x1f"), strict=True))


def _target_arn(scope: Scope, target: Target) -> str:
    return arn(scope, "application-autoscaling", f"scalable-target/{target.id}")


@operation("RegisterScalableTarget")
def register_scalable_target(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("APPAUTOSCALING-001")
    place = _place(req)
    if not req["ScalableDimension"].startswith(f"{req['ServiceNamespace']}:"):
        raise errors.validation("Unsupported service namespace, resource type or scalable dimension")
    old = TARGETS.open(tx, ctx.scope, place)
    before = {} if old is None else old.settings
    settings = before | {name: value for name, value in req.items() if name not in (*_NAMING, "Tags")}
    for name in ("MinCapacity", "MaxCapacity"):
        if settings.get(name) is None:
            raise errors.validation(f"{name.replace('C', ' c')} must be specified when registering a scalable target")
    if settings["MinCapacity"] > settings["MaxCapacity"]:
        raise errors.validation("Maximum capacity cannot be less than minimum capacity")
    tags = req.get("Tags", {})
    if old is None:
        target = Target(place=place, id=ctx.draw.hex(32), created_at=ctx.now, settings=settings, tags=tags)
        TARGETS.insert(tx, ctx.scope, target)
    else:
        target = msgspec.structs.replace(old, settings=settings)
        TARGETS.replace(tx, ctx.scope, old, target)
    return {"ScalableTargetARN": _target_arn(ctx.scope, target)}


@operation("DeregisterScalableTarget")
def deregister_scalable_target(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    target = TARGETS.open(tx, ctx.scope, _place(req))
    if target is None:
        raise errors.target_not_found(req)
    deregister(tx, ctx.scope, target)


def _page(
    req: dict[str, Any], member: str, rows: Iterable[Any], position: Callable[[Any], str], render: Callable[[Any], Any]
) -> dict[str, Any]:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    later = (row for row in rows if after is None or position(row) > after)
    page, token = take_page(later, req.get("MaxResults", _PAGE), position)
    answer: dict[str, Any] = {member: [render(row) for row in page]}
    return answer if token is None else answer | {"NextToken": token}


def _is_wanted(place: str, req: dict[str, Any]) -> bool:
    named = _named(place)
    ids = req.get("ResourceIds") or ([req["ResourceId"]] if "ResourceId" in req else [named["ResourceId"]])
    dimension = req.get("ScalableDimension", named["ScalableDimension"])
    return (
        named["ServiceNamespace"] == req["ServiceNamespace"]
        and named["ResourceId"] in ids
        and named["ScalableDimension"] == dimension
    )


@operation("DescribeScalableTargets")
def describe_scalable_targets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = (row for row in TARGETS.scan(tx, ctx.scope) if _is_wanted(row.place, req))

    def render(row: Target) -> dict[str, Any]:
        role = role_of(ctx.scope, req["ServiceNamespace"])
        awake = dict.fromkeys(
            ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
        )
        shown: dict[str, Any] = {"RoleARN": role} | _named(row.place) | row.settings
        shown |= {"CreationTime": row.created_at, "ScalableTargetARN": _target_arn(ctx.scope, row)}
        return shown | {"SuspendedState": awake | row.settings.get("SuspendedState", {})}

    return _page(req, "ScalableTargets", rows, lambda row: row.place, render)


@operation("PutScalingPolicy")
def put_scaling_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("APPAUTOSCALING-001")
    place, name = _place(req), req["PolicyName"]
    if TARGETS.get(tx, ctx.scope, place) is None:
        raise errors.target_not_registered(req)
    old = POLICIES.open(tx, ctx.scope, place, name)
    settings = {key: value for key, value in req.items() if key not in (*_NAMING, "PolicyName")}
    settings = ({"PolicyType": "StepScaling"} if old is None else dict(old.settings)) | settings
    configuration = f"{settings['PolicyType']}PolicyConfiguration"
    if configuration not in settings:
        raise errors.validation(f"{configuration} must be specified for policies of the type {settings['PolicyType']}")
    if old is None:
        policy = Policy(place=place, name=name, id=ctx.draw.uuid(), created_at=ctx.now, settings=settings)
        POLICIES.insert(tx, ctx.scope, policy)
    else:
        policy = msgspec.structs.replace(old, settings=settings)
        POLICIES.replace(tx, ctx.scope, old, policy)
    return {"PolicyARN": _policy_arn(ctx.scope, policy), "Alarms": []}


def _policy_arn(scope: Scope, policy: Policy) -> str:
    named = _named(policy.place)
    where = f"{policy.id}:resource/{named['ServiceNamespace']}/{named['ResourceId']}"
    return arn(scope, "autoscaling", f"scalingPolicy:{where}:policyName/{policy.name}")


@operation("DescribeScalingPolicies")
def describe_scaling_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    names = req.get("PolicyNames")
    rows = (
        row for row in POLICIES.scan(tx, ctx.scope) if _is_wanted(row.place, req) and (not names or row.name in names)
    )

    def render(row: Policy) -> dict[str, Any]:
        shown = {"PolicyARN": _policy_arn(ctx.scope, row), "PolicyName": row.name, "CreationTime": row.created_at}
        return shown | _named(row.place) | row.settings | {"Alarms": []}

    return _page(req, "ScalingPolicies", rows, lambda row: f"{row.place}\x1f{row.name}", render)


@operation("DeleteScalingPolicy")
def delete_scaling_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = POLICIES.open(tx, ctx.scope, _place(req), req["PolicyName"])
    if row is None:
        raise errors.policy_not_found(req)
    POLICIES.delete(tx, ctx.scope, row)


@operation("PutScheduledAction")
def put_scheduled_action(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    deviation("APPAUTOSCALING-001")
    place, name = _place(req), req["ScheduledActionName"]
    if TARGETS.get(tx, ctx.scope, place) is None:
        raise errors.target_not_registered(req)
    old = ACTIONS.open(tx, ctx.scope, place, name)
    settings = {} if old is None else dict(old.settings)
    settings |= {key: value for key, value in req.items() if key not in (*_NAMING, "ScheduledActionName")}
    try:
        schedules.parse(settings.get("Schedule", ""), strict_plural=False)
    except schedules.ScheduleError:
        raise errors.validation("Schedule must be a valid at, rate or cron expression.") from None
    if old is None:
        fresh = Action(place=place, name=name, id=ctx.draw.uuid(), created_at=ctx.now, settings=settings)
        ACTIONS.insert(tx, ctx.scope, fresh)
    else:
        ACTIONS.replace(tx, ctx.scope, old, msgspec.structs.replace(old, settings=settings))


@operation("DescribeScheduledActions")
def describe_scheduled_actions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    names = req.get("ScheduledActionNames")
    rows = (
        row for row in ACTIONS.scan(tx, ctx.scope) if _is_wanted(row.place, req) and (not names or row.name in names)
    )

    def render(row: Action) -> dict[str, Any]:
        named = _named(row.place)
        where = f"{row.id}:resource/{named['ServiceNamespace']}/{named['ResourceId']}"
        shown = {
            "ScheduledActionName": row.name,
            "ScheduledActionARN": arn(
                ctx.scope, "autoscaling", f"scheduledAction:{where}:scheduledActionName/{row.name}"
            ),
            "CreationTime": row.created_at,
        }
        return shown | named | row.settings

    return _page(req, "ScheduledActions", rows, lambda row: f"{row.place}\x1f{row.name}", render)


@operation("DeleteScheduledAction")
def delete_scheduled_action(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = ACTIONS.open(tx, ctx.scope, _place(req), req["ScheduledActionName"])
    if row is None:
        raise errors.action_not_found(req)
    ACTIONS.delete(tx, ctx.scope, row)


@operation("DescribeScalingActivities")
def describe_scaling_activities(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """None: nothing scales here."""
    deviation("APPAUTOSCALING-001")
    return {"ScalingActivities": []}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    target = _open_by_arn(ctx, tx, req["ResourceARN"])
    TARGETS.replace(tx, ctx.scope, target, msgspec.structs.replace(target, tags=target.tags | req["Tags"]))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    target = _open_by_arn(ctx, tx, req["ResourceARN"])
    kept = {name: value for name, value in target.tags.items() if name not in req["TagKeys"]}
    TARGETS.replace(tx, ctx.scope, target, msgspec.structs.replace(target, tags=kept))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _open_by_arn(ctx, tx, req["ResourceARN"]).tags}


def _open_by_arn(ctx: Context, tx: Transaction, target_arn: str) -> Target:
    for row in BY_ID.scan(tx, ctx.scope, target_arn.rpartition("/")[2]):
        TARGETS.lock(tx, ctx.scope, row.place)
        return row
    raise errors.resource_not_found(target_arn)
