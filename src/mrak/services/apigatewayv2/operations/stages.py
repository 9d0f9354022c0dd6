"""Stages and deployments."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import errors, parts, releases, rules
from mrak.services.apigatewayv2.plane.authorizers import Decisions
from mrak.services.apigatewayv2.tables import DEPLOYMENTS, ROUTES, STAGES, Api, Part

_MEMBERS = frozenset(
    {
        "AccessLogSettings", "AutoDeploy", "ClientCertificateId", "DefaultRouteSettings", "DeploymentId", "Description",
        "RouteSettings", "StageVariables",
    }
)  # fmt: skip


@operation("CreateStage")
def create_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    name = req["StageName"]
    rules.check_stage_name(api, name)
    STAGES.lock(tx, ctx.scope, api.id)
    if STAGES.get(tx, ctx.scope, api.id, name) is not None:
        raise errors.conflict("Stage already exists")
    given = {member: value for member, value in req.items() if member in _MEMBERS}
    _check(tx, ctx.scope, api, given)
    settings = {"DefaultRouteSettings": _defaults(api), "RouteSettings": {}, "StageVariables": {}}
    stage = Part(
        api=api.id,
        id=name,
        settings=settings | given,
        created_at=ctx.now,
        updated_at=ctx.now,
        tags=req.get("Tags", {}),
    )
    STAGES.insert(tx, ctx.scope, stage)
    return _render(_deploy_to(ctx, tx, api, stage))


def _defaults(api: Api) -> dict[str, Any]:
    """What a stage's routes do where nothing is said: WebSocket APIs can log their messages."""
    plain = {"DetailedMetricsEnabled": False}
    is_websocket = api.settings["ProtocolType"] == "WEBSOCKET"
    return plain | ({"DataTraceEnabled": False, "LoggingLevel": "OFF"} if is_websocket else {})


@operation("GetStage")
def get_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    return _render(require_stage(tx, ctx.scope, req["ApiId"], req["StageName"]))


@operation("GetStages")
def get_stages(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["ApiId"])
    return parts.render_list(STAGES.scan(tx, ctx.scope, api.id, after=parts.position(req)), req, _render)


@operation("UpdateStage")
def update_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    stage = require_stage(tx, ctx.scope, api.id, req["StageName"])
    changes = {member: value for member, value in req.items() if member in _MEMBERS}
    if "StageVariables" in changes:
        # A variable that is set to "" is removed.
        merged = stage.settings.get("StageVariables", {}) | changes["StageVariables"]
        changes["StageVariables"] = {name: value for name, value in merged.items() if value}
    _check(tx, ctx.scope, api, changes)
    if "DeploymentId" in changes and stage.settings.get("AutoDeploy") and changes.get("AutoDeploy", True):
        raise errors.bad_request("Deployment ID cannot be set on stage with AutoDeploy enabled")
    changed = msgspec.structs.replace(stage, settings=stage.settings | changes, updated_at=ctx.now)
    STAGES.lock(tx, ctx.scope, api.id)
    STAGES.replace(tx, ctx.scope, stage, changed)
    return _render(_deploy_to(ctx, tx, api, changed))


@operation("DeleteStage")
def delete_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    stage = require_stage(tx, ctx.scope, api.id, req["StageName"])
    STAGES.lock(tx, ctx.scope, api.id)
    STAGES.delete(tx, ctx.scope, stage)


@operation("DeleteAccessLogSettings")
def delete_access_log_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    stage = require_stage(tx, ctx.scope, api.id, req["StageName"])
    settings = {member: value for member, value in stage.settings.items() if member != "AccessLogSettings"}
    STAGES.lock(tx, ctx.scope, api.id)
    STAGES.replace(tx, ctx.scope, stage, msgspec.structs.replace(stage, settings=settings, updated_at=ctx.now))


@operation("DeleteRouteSettings")
def delete_route_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    stage = require_stage(tx, ctx.scope, api.id, req["StageName"])
    kept = {key: value for key, value in stage.settings.get("RouteSettings", {}).items() if key != req["RouteKey"]}
    settings = stage.settings | {"RouteSettings": kept}
    STAGES.lock(tx, ctx.scope, api.id)
    STAGES.replace(tx, ctx.scope, stage, msgspec.structs.replace(stage, settings=settings, updated_at=ctx.now))


@operation("ResetAuthorizersCache")
async def reset_authorizers_cache(ctx: Context, req: dict[str, Any]) -> None:
    def look(tx: Transaction) -> None:
        parts.require_api(tx, ctx.scope, req["ApiId"])
        require_stage(tx, ctx.scope, req["ApiId"], req["StageName"])

    await ctx.transact(look)
    ctx.live(Decisions).forget(req["ApiId"], req["StageName"])


@operation("CreateDeployment")
def create_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    if next(ROUTES.scan(tx, ctx.scope, api.id, limit=1), None) is None:
        raise errors.bad_request("At least one route is required before deploying the Api.")
    stage = require_stage(tx, ctx.scope, api.id, req["StageName"]) if "StageName" in req else None
    if stage is not None and stage.settings.get("AutoDeploy"):
        raise errors.bad_request("Deployment ID cannot be set on stage with AutoDeploy enabled")
    made = releases.deploy(ctx, tx, api, req.get("Description", ""))
    if stage is not None:
        releases.serve(ctx, tx, stage, made)
    return releases.render_deployment(made)


@operation("GetDeployment")
def get_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    return releases.render_deployment(releases.require_deployment(tx, ctx.scope, req["ApiId"], req["DeploymentId"]))


@operation("GetDeployments")
def get_deployments(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["ApiId"])
    rows = DEPLOYMENTS.scan(tx, ctx.scope, api.id, after=parts.position(req))
    return parts.render_list(rows, req, releases.render_deployment)


@operation("UpdateDeployment")
def update_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = releases.require_deployment(tx, ctx.scope, api.id, req["DeploymentId"])
    new = msgspec.structs.replace(old, description=req.get("Description", old.description))
    DEPLOYMENTS.lock(tx, ctx.scope, api.id)
    DEPLOYMENTS.replace(tx, ctx.scope, old, new)
    return releases.render_deployment(new)


@operation("DeleteDeployment")
def delete_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    deployment = releases.require_deployment(tx, ctx.scope, api.id, req["DeploymentId"])
    if releases.is_served(tx, ctx.scope, api.id, deployment.id):
        raise errors.bad_request("Active stages pointing to this deployment must be moved or deleted")
    DEPLOYMENTS.lock(tx, ctx.scope, api.id)
    DEPLOYMENTS.delete(tx, ctx.scope, deployment)


def require_stage(tx: Transaction, scope: Scope, api_id: str, name: str) -> Part:
    stage = STAGES.get(tx, scope, api_id, name)
    if stage is None:
        raise errors.part_not_found("stage", name)
    return stage


def _check(tx: Transaction, scope: Scope, api: Api, settings: dict[str, Any]) -> None:
    rules.check_stage_variables(settings.get("StageVariables", {}))
    keys = {row.settings["RouteKey"] for row in ROUTES.scan(tx, scope, api.id)} if settings.get("RouteSettings") else ()
    for key in settings.get("RouteSettings", {}):
        if key not in keys:
            raise errors.not_found(f"Unable to find Route by key {key} within the provided RouteSettings", "Route")


def _deploy_to(ctx: Context, tx: Transaction, api: Api, stage: Part) -> Part:
    """What a stage serves after it was created or changed."""
    if stage.settings.get("AutoDeploy"):
        releases.changed(ctx, tx, api)
        return require_stage(tx, ctx.scope, api.id, stage.id)
    deployment_id = stage.settings.get("DeploymentId")
    if deployment_id is None:
        return stage
    deployment = releases.require_deployment(tx, ctx.scope, api.id, deployment_id)
    return stage if stage.release == deployment.digest else releases.serve(ctx, tx, stage, deployment)


def _render(stage: Part) -> dict[str, Any]:
    return {
        "StageName": stage.id,
        "CreatedDate": stage.created_at,
        "LastUpdatedDate": stage.updated_at,
        "Tags": stage.tags,
        **stage.settings,
    }
