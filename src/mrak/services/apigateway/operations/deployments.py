"""Deployments. https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigateway import errors, parts, patches, snapshots
from mrak.services.apigateway.operations import stages
from mrak.services.apigateway.tables import DEPLOYMENTS, RESOURCES, STAGES, Api, Deployment

_FIELDS = {"/description": patches.ANY_TEXT}
_NO_STAGE = "Non null and non empty stageName must be provided for canary deployment. Provided value is "


@operation("CreateDeployment")
def create_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    _check_methods(ctx, tx, api)
    name = req.get("stageName")
    if "canarySettings" in req and not name:
        raise _invalid_content(_NO_STAGE + ("null" if name is None else ""))
    stage = STAGES.get(tx, ctx.scope, api.id, name) if name else None
    if "canarySettings" in req and stage is None:
        raise _invalid_content(f"Stage {name} must already be created before making a canary release deployment")
    made = snapshots.deploy(ctx, tx, api, req.get("description"))
    if name and "canarySettings" in req:
        assert stage is not None
        canary = {"percentTraffic": 0.0, "useStageCache": False} | req["canarySettings"] | {"deploymentId": made.id}
        stages.change(ctx, tx, stage, stage.settings | {"canarySettings": canary})
    elif name and stage is not None:
        given = {"description": req["stageDescription"]} if "stageDescription" in req else {}
        given |= parts.given(req, "variables", "tracingEnabled")
        stages.change(ctx, tx, stage, stage.settings | given | {"deploymentId": made.id})
    elif name:
        given = {"description": req["stageDescription"]} if "stageDescription" in req else {}
        given |= parts.given(req, "variables", "tracingEnabled", "cacheClusterEnabled", "cacheClusterSize")
        stages.add(ctx, tx, api, name, given, made)
    return render(made)


@operation("GetDeployment")
def get_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = snapshots.require_deployment(tx, ctx.scope, req["restApiId"], req["deploymentId"])
    shown = render(found)
    if "apisummary" in req.get("embed", ()):
        shown["apiSummary"] = _summary(found)
    return shown


@operation("GetDeployments")
def get_deployments(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    return parts.render_page(DEPLOYMENTS.scan(tx, ctx.scope, api.id, after=parts.position(req)), req, render)


@operation("UpdateDeployment")
def update_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    old = snapshots.require_deployment(tx, ctx.scope, api.id, req["deploymentId"])
    before = {} if old.description is None else {"description": old.description}
    changed = patches.apply(before, req.get("patchOperations"), _FIELDS)
    new = msgspec.structs.replace(old, description=changed.get("description"))
    DEPLOYMENTS.lock(tx, ctx.scope, api.id)
    DEPLOYMENTS.replace(tx, ctx.scope, old, new)
    return render(new)


@operation("DeleteDeployment")
def delete_deployment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    deployment = snapshots.require_deployment(tx, ctx.scope, api.id, req["deploymentId"])
    if snapshots.is_served(tx, ctx.scope, api.id, deployment.id):
        raise errors.active_stages()
    DEPLOYMENTS.lock(tx, ctx.scope, api.id)
    DEPLOYMENTS.delete(tx, ctx.scope, deployment)


def render(deployment: Deployment) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": deployment.id, "createdDate": deployment.created_at}
    return shown if deployment.description is None else shown | {"description": deployment.description}


def _check_methods(ctx: Context, tx: Transaction, api: Api) -> None:
    methods = [method for row in RESOURCES.scan(tx, ctx.scope, api.id) for method in row.methods.values()]
    if not methods:
        raise errors.bad_request("The REST API doesn't contain any methods")
    if any("methodIntegration" not in method for method in methods):
        raise errors.bad_request("No integration defined for method")


def _summary(deployment: Deployment) -> dict[str, Any]:
    snapshot = msgspec.msgpack.decode(deployment.snapshot)
    return {
        resource["path"]: {
            name: {"authorizationType": method["authorizationType"], "apiKeyRequired": method["apiKeyRequired"]}
            for name, method in resource["methods"].items()
        }
        for resource in snapshot["resources"]
        if resource["methods"]
    }


def _invalid_content(message: str) -> Exception:
    return errors.bad_request(f"Invalid deployment content specified.{message}")
