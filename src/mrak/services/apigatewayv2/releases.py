"""Deployments: what an API was made of when it was deployed. A stage serves one; a stage with AutoDeploy gets a new
one with each change, which takes the place of the automatic one before."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import errors
from mrak.services.apigatewayv2.tables import (
    AUTHORIZERS,
    DEPLOYMENTS,
    INTEGRATION_RESPONSES,
    INTEGRATIONS,
    MODELS,
    ROUTE_RESPONSES,
    ROUTES,
    STAGES,
    Api,
    Deployment,
    Part,
)

_AUTOMATIC = "Automatic deployment triggered by changes to the Api configuration"
_encode = msgspec.msgpack.Encoder().encode


def take_snapshot(tx: Transaction, scope: Scope, api: Api) -> bytes:
    return _encode(
        {
            "routes": [{"RouteId": row.id, **row.settings} for row in ROUTES.scan(tx, scope, api.id)],
            "integrations": {row.id: row.settings for row in INTEGRATIONS.scan(tx, scope, api.id)},
            "authorizers": {row.id: row.settings for row in AUTHORIZERS.scan(tx, scope, api.id)},
            "models": {row.settings["Name"]: row.settings for row in MODELS.scan(tx, scope, api.id)},
            "route_responses": [[row.parent, row.settings] for row in ROUTE_RESPONSES.scan(tx, scope, api.id)],
            "integration_responses": [
                [row.parent, row.settings] for row in INTEGRATION_RESPONSES.scan(tx, scope, api.id)
            ],
        }
    )


def deploy(ctx: Context, tx: Transaction, api: Api, description: str = "", automatic: bool = False) -> Deployment:
    """A new deployment of the API as it is now; the API is open."""
    snapshot = take_snapshot(tx, ctx.scope, api)
    made = Deployment(
        api=api.id,
        id=ctx.draw.alphanumeric(6),
        created_at=ctx.now,
        snapshot=snapshot,
        digest=sha256(snapshot).hexdigest(),
        description=description,
        automatic=automatic,
    )
    DEPLOYMENTS.lock(tx, ctx.scope, api.id)
    DEPLOYMENTS.insert(tx, ctx.scope, made)
    return made


def changed(ctx: Context, tx: Transaction, api: Api) -> None:
    """Something of the API was changed: stages with AutoDeploy serve it from now on. The API is open."""
    stages = [stage for stage in STAGES.scan(tx, ctx.scope, api.id) if stage.settings.get("AutoDeploy")]
    if not stages:
        return
    if next(ROUTES.scan(tx, ctx.scope, api.id, limit=1), None) is None and not any(stage.release for stage in stages):
        return
    made = deploy(ctx, tx, api, _AUTOMATIC, automatic=True)
    for stage in stages:
        serve(ctx, tx, stage, made, f"Successfully deployed stage with deployment ID '{made.id}'")
    before = {stage.settings.get("DeploymentId", "") for stage in stages}
    for deployment_id in before - {made.id}:
        _drop_automatic(ctx, tx, api, deployment_id)


def serve(ctx: Context, tx: Transaction, stage: Part, deployment: Deployment, message: str = "") -> Part:
    """The stage serves a deployment from now on."""
    settings = stage.settings | {"DeploymentId": deployment.id}
    if message:
        settings["LastDeploymentStatusMessage"] = message
    served = msgspec.structs.replace(stage, settings=settings, release=deployment.digest, updated_at=ctx.now)
    STAGES.lock(tx, ctx.scope, stage.api)
    STAGES.replace(tx, ctx.scope, stage, served)
    return served


def require_deployment(tx: Transaction, scope: Scope, api_id: str, deployment_id: str) -> Deployment:
    found = DEPLOYMENTS.get(tx, scope, api_id, deployment_id)
    if found is None:
        raise errors.not_found(f"Invalid deployment identifier specified {deployment_id}", "Deployment")
    return found


def is_served(tx: Transaction, scope: Scope, api_id: str, deployment_id: str) -> bool:
    return any(stage.settings.get("DeploymentId") == deployment_id for stage in STAGES.scan(tx, scope, api_id))


def render_deployment(deployment: Deployment) -> dict[str, Any]:
    shown = {
        "AutoDeployed": deployment.automatic,
        "CreatedDate": deployment.created_at,
        "DeploymentId": deployment.id,
        "DeploymentStatus": "DEPLOYED",
    }
    if deployment.description:
        shown["Description"] = deployment.description
    return shown


def _drop_automatic(ctx: Context, tx: Transaction, api: Api, deployment_id: str) -> None:
    old = DEPLOYMENTS.get(tx, ctx.scope, api.id, deployment_id)
    if old is not None and old.automatic and not is_served(tx, ctx.scope, api.id, deployment_id):
        DEPLOYMENTS.delete(tx, ctx.scope, old)
