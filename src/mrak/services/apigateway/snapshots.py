"""Deployments: what an API was made of when it was deployed."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.apigateway import errors
from mrak.services.apigateway.tables import (
    AUTHORIZERS,
    DEPLOYMENTS,
    MODELS,
    RESOURCES,
    RESPONSES,
    STAGES,
    VALIDATORS,
    Api,
    Deployment,
)

_encode = msgspec.msgpack.Encoder().encode


def take_snapshot(tx: Transaction, scope: Scope, api: Api) -> bytes:
    """The API as the data plane needs it."""
    return _encode(
        {
            "settings": api.settings,
            "resources": [
                {"id": row.id, "path": row.path, "methods": row.methods} for row in RESOURCES.scan(tx, scope, api.id)
            ],
            "authorizers": {row.id: row.settings for row in AUTHORIZERS.scan(tx, scope, api.id)},
            "models": {row.id: row.settings["schema"] for row in MODELS.scan(tx, scope, api.id)},
            "validators": {row.id: row.settings for row in VALIDATORS.scan(tx, scope, api.id)},
            "responses": {row.id: row.settings for row in RESPONSES.scan(tx, scope, api.id)},
        }
    )


def deploy(ctx: Context, tx: Transaction, api: Api, description: str | None) -> Deployment:
    """A new deployment; the API is open."""
    snapshot = take_snapshot(tx, ctx.scope, api)
    made = Deployment(
        api=api.id,
        id=ctx.draw.alphanumeric(6),
        created_at=ctx.now,
        snapshot=snapshot,
        digest=sha256(snapshot).hexdigest(),
        description=description,
    )
    DEPLOYMENTS.lock(tx, ctx.scope, api.id)
    DEPLOYMENTS.insert(tx, ctx.scope, made)
    return made


def require_deployment(tx: Transaction, scope: Scope, api_id: str, deployment_id: str) -> Deployment:
    found = DEPLOYMENTS.get(tx, scope, api_id, deployment_id)
    if found is None:
        raise errors.invalid("Deployment")
    return found


def is_served(tx: Transaction, scope: Scope, api_id: str, deployment_id: str) -> bool:
    """Whether a stage serves it, or its canary does."""
    return any(
        deployment_id in (stage.settings["deploymentId"], stage.settings.get("canarySettings", {}).get("deploymentId"))
        for stage in STAGES.scan(tx, scope, api_id)
    )
