"""Stages: which deployment they serve, their variables, settings of methods, canaries."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import DEPLOYMENTS, STAGES, Api, Deployment, Part
from mrak.services.apigatewayv2.exports import forget_decisions

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_VARIABLE = re.compile(r"[A-Za-z0-9_]+")
_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")
_FIELDS = {
    "/deploymentId": patches.TEXT,
    "/description": patches.TEXT,
    "/cacheClusterEnabled": patches.BOOLEAN,
    "/cacheClusterSize": patches.TEXT,
    "/clientCertificateId": patches.TEXT,
    "/documentationVersion": patches.TEXT,
    "/tracingEnabled": patches.BOOLEAN,
    "/accessLogSettings": patches.ANY_TEXT,
    "/accessLogSettings/destinationArn": patches.ANY_TEXT,
    "/accessLogSettings/format": patches.ANY_TEXT,
    "/variables/*": patches.ANY_TEXT,
    "/canarySettings": patches.ANY_TEXT,
    "/canarySettings/deploymentId": patches.ANY_TEXT,
    "/canarySettings/percentTraffic": patches.ANY_DECIMAL,
    "/canarySettings/useStageCache": patches.ANY_BOOLEAN,
    "/canarySettings/stageVariableOverrides": patches.ANY_TEXT,
    "/canarySettings/stageVariableOverrides/*": patches.ANY_TEXT,
}
# What follows a method's path in a patch: (member of methodSettings, how it is read).
_METHOD_SETTINGS = {
    "metrics/enabled": ("metricsEnabled", patches.BOOLEAN),
    "logging/dataTrace": ("dataTraceEnabled", patches.BOOLEAN),
    "logging/loglevel": ("loggingLevel", patches.TEXT),
    "throttling/burstLimit": ("throttlingBurstLimit", patches.INTEGER),
    "throttling/rateLimit": ("throttlingRateLimit", patches.DECIMAL),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", patches.INTEGER),
    "caching/enabled": ("cachingEnabled", patches.BOOLEAN),
    "caching/dataEncrypted": ("cacheDataEncrypted", patches.BOOLEAN),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", patches.BOOLEAN),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", patches.TEXT),
}
_METHOD_DEFAULTS = {
    "cacheDataEncrypted": False,
    "cacheTtlInSeconds": 300,
    "cachingEnabled": False,
    "dataTraceEnabled": False,
    "metricsEnabled": False,
    "requireAuthorizationForCacheControl": True,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
_KNOWN_PATHS = (
    "[/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, "
    "/accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, "
    "/{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, "
    "/{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit"
    "/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, "
    "/{resourcePath}/{httpMethod}/caching/dataEncrypted, "
    "/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, "
    "/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, "
    "/*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit "
    "/*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, "
    "/*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, "
    "/variables/{variable_name}, /tracingEnabled]"
)
_COPIES = {
    ("/canarySettings/stageVariableOverrides", "/variables"),
    ("/canarySettings/deploymentId", "/deploymentId"),
}


@operation("CreateStage")
def create_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    deployment = DEPLOYMENTS.get(tx, ctx.scope, api.id, req["deploymentId"])
    if deployment is None:
        raise errors.bad_request("Deployment id does not exist")
    if STAGES.get(tx, ctx.scope, api.id, req["stageName"]) is not None:
        raise errors.conflict("Stage already exists")
    given = parts.given(
        req, "description", "cacheClusterEnabled", "cacheClusterSize", "variables", "documentationVersion",
        "canarySettings", "tracingEnabled", "tags",
    )  # fmt: skip
    return render(add(ctx, tx, api, req["stageName"], given, deployment))


def add(ctx: Context, tx: Transaction, api: Api, name: str, given: dict[str, Any], deployment: Deployment) -> Part:
    """A new stage; the API is open."""
    given = dict(given)
    tags = given.pop("tags", {})
    if not _NAME.fullmatch(name):
        raise errors.bad_request("Stage name only allows a-zA-Z0-9_-")
    _check_variables(given.get("variables", {}))
    enabled = given.get("cacheClusterEnabled", False)
    settings = {
        "cacheClusterEnabled": enabled,
        "cacheClusterStatus": "AVAILABLE" if enabled else "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": False,
        **given,
        "deploymentId": deployment.id,
    }
    if "canarySettings" in given:
        settings["canarySettings"] = _canary(given["canarySettings"], deployment.id)
    stage = Part(
        api=api.id,
        id=name,
        settings=settings,
        created_at=ctx.now,
        updated_at=ctx.now,
        release=deployment.digest,
        tags=tags,
    )
    parts.insert(tx, ctx.scope, STAGES, stage)
    return stage


@operation("GetStage")
def get_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return render(require_stage(tx, ctx.scope, req["restApiId"], req["stageName"]))


@operation("GetStages")
def get_stages(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    wanted = req.get("deploymentId")
    rows = STAGES.scan(tx, ctx.scope, api.id)
    return {"item": [render(row) for row in rows if wanted in (None, row.settings["deploymentId"])]}


@operation("UpdateStage")
def update_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.open_api(tx, ctx.scope, req["restApiId"])
    stage = require_stage(tx, ctx.scope, req["restApiId"], req["stageName"])
    settings: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(stage.settings))
    for patch in req.get("patchOperations", []):
        settings = _patch(tx, ctx.scope, stage, settings, patch)
    _check_variables(settings.get("variables", {}))
    return render(change(ctx, tx, stage, settings))


def change(ctx: Context, tx: Transaction, stage: Part, settings: dict[str, Any]) -> Part:
    """The stage with new settings; the API is open."""
    deployment = DEPLOYMENTS.get(tx, ctx.scope, stage.api, settings["deploymentId"])
    if deployment is None:
        raise errors.bad_request("Deployment id does not exist")
    new = msgspec.structs.replace(stage, settings=settings, updated_at=ctx.now, release=deployment.digest)
    STAGES.lock(tx, ctx.scope, stage.api)
    STAGES.replace(tx, ctx.scope, stage, new)
    return new


@operation("DeleteStage")
def delete_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.open_api(tx, ctx.scope, req["restApiId"])
    stage = require_stage(tx, ctx.scope, req["restApiId"], req["stageName"])
    STAGES.lock(tx, ctx.scope, stage.api)
    STAGES.delete(tx, ctx.scope, stage)


@operation("FlushStageAuthorizersCache")
async def flush_stage_authorizers_cache(ctx: Context, req: dict[str, Any]) -> None:
    await ctx.transact(lambda tx: require_stage(tx, ctx.scope, req["restApiId"], req["stageName"]))
    forget_decisions(ctx, req["restApiId"], req["stageName"])


@operation("FlushStageCache")
def flush_stage_cache(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Responses are not cached, so there is none to forget."""
    require_stage(tx, ctx.scope, req["restApiId"], req["stageName"])


def require_stage(tx: Transaction, scope: Scope, api_id: str, name: str) -> Part:
    stage = STAGES.get(tx, scope, api_id, name)
    if stage is None:
        raise errors.not_found("Invalid stage identifier specified")
    return stage


def render(stage: Part) -> dict[str, Any]:
    shown = {
        "stageName": stage.id,
        "createdDate": stage.created_at,
        "lastUpdatedDate": stage.updated_at,
        **stage.settings,
    }
    return shown | {"tags": stage.tags} if stage.tags else shown


def _canary(given: dict[str, Any], deployment_id: str) -> dict[str, Any]:
    return {"deploymentId": deployment_id, "percentTraffic": 0.0, "useStageCache": False} | given


def _patch(
    tx: Transaction, scope: Scope, stage: Part, settings: dict[str, Any], patch: dict[str, Any]
) -> dict[str, Any]:
    op, path = patch.get("op", "replace"), patch.get("path") or ""
    if op == "copy":
        return _copy(settings, path, patch.get("from") or "")
    if path.startswith("/canarySettings"):
        return _patch_canary(tx, scope, stage, settings, patch)
    method, member, field = _method_setting(path)
    if field is not None:
        name = patches.unescape(method)
        chosen = {**_METHOD_DEFAULTS, **settings["methodSettings"].get(name, {})}
        chosen[member] = field.parse(patch.get("value") or "")
        return settings | {"methodSettings": settings["methodSettings"] | {name: chosen}}
    if op == "remove" and path not in _FIELDS and not path.startswith(("/variables/", "/accessLogSettings")):
        return _remove_method_setting(settings, path)
    if path not in _FIELDS and not path.startswith("/variables/"):
        raise _unknown_path(path)
    changed = patches.apply(settings, [patch], _FIELDS)
    if path == "/deploymentId" and DEPLOYMENTS.get(tx, scope, stage.api, changed["deploymentId"]) is None:
        raise errors.bad_request("Deployment id does not exist")
    if path == "/cacheClusterEnabled":
        changed["cacheClusterStatus"] = "AVAILABLE" if changed["cacheClusterEnabled"] else "NOT_AVAILABLE"
    return changed


def _patch_canary(
    tx: Transaction, scope: Scope, stage: Part, settings: dict[str, Any], patch: dict[str, Any]
) -> dict[str, Any]:
    op, path = patch.get("op", "replace"), patch["path"]
    if op == "remove" and path != "/canarySettings":
        raise _no_method_setting(path.strip("/"))
    if op == "add" and path == "/canarySettings/deploymentId":
        raise errors.bad_request(f"Invalid add operation with path: {path}")
    known = path in _FIELDS or path.startswith("/canarySettings/stageVariableOverrides/")
    if not known or (path == "/canarySettings" and op != "remove"):
        raise _unknown_path(path)
    if op == "remove":
        return {name: value for name, value in settings.items() if name != "canarySettings"}
    before = settings | {"canarySettings": _canary(settings.get("canarySettings", {}), settings["deploymentId"])}
    changed = patches.apply(before, [patch], _FIELDS)
    deployment_id = changed["canarySettings"]["deploymentId"]
    if DEPLOYMENTS.get(tx, scope, stage.api, deployment_id) is None:
        raise errors.bad_request("Deployment id does not exist")
    return changed


def _copy(settings: dict[str, Any], path: str, source: str) -> dict[str, Any]:
    """Promotes a canary: its deployment or its variables become the stage's."""
    if (source, path) not in _COPIES:
        raise errors.bad_request(
            f"Invalid copy operation with path: {path} and from {source}. Valid copy:path are [/deploymentId, "
            "/variables] and valid copy:from are [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
        )
    canary = settings.get("canarySettings")
    if canary is None:
        raise errors.bad_request("Promotion not available. Canary does not exist.")
    if path == "/deploymentId":
        return settings | {"deploymentId": canary["deploymentId"]}
    return settings | {"variables": settings.get("variables", {}) | canary.get("stageVariableOverrides", {})}


def _method_setting(path: str) -> tuple[str, str, patches.Field | None]:
    """(method's key, member, field) of /{resourcePath}/{httpMethod}/caching/enabled and the like."""
    segments = path.strip("/").split("/")
    if len(segments) != 4:
        return "", "", None
    member, field = _METHOD_SETTINGS.get("/".join(segments[2:]), ("", None))
    resource = segments[0] if segments[0] == "*" else segments[0].removeprefix("~1")
    return f"{resource}/{segments[1]}", member, field


def _remove_method_setting(settings: dict[str, Any], path: str) -> dict[str, Any]:
    segments = path.strip("/").split("/")
    name = "/".join(patches.unescape(part) for part in segments[:2]).removeprefix("/")
    if name not in settings["methodSettings"]:
        raise _no_method_setting(path.strip("/"))
    kept = {key: value for key, value in settings["methodSettings"].items() if key != name}
    return settings | {"methodSettings": kept}


def _no_method_setting(path: str) -> Exception:
    return errors.bad_request(
        f"Cannot remove method setting {path} because there is no method setting for this method "
    )


def _unknown_path(path: str) -> Exception:
    return errors.bad_request(f"Invalid method setting path: {path}. Must be one of: {_KNOWN_PATHS}")


def _check_variables(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise errors.bad_request("Stage variable names can only have alphanumeric characters and underscores.")
        if not _VALUE.fullmatch(value):
            raise errors.bad_request(
                "Stage variable values must match the following regular expression: [A-Za-z0-9\\-._~:/?#&=,]+"
            )
