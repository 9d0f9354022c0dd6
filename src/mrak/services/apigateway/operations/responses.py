"""Gateway responses: how the gateway's own answers look. Kinds that are not set follow DEFAULT_4XX and DEFAULT_5XX."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import RESPONSES, Part

# Kind -> status; in the order in which AWS lists them.
STATUSES: dict[str, str | None] = {
    "ACCESS_DENIED": "403",
    "API_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_FAILURE": "500",
    "BAD_REQUEST_BODY": "400",
    "BAD_REQUEST_PARAMETERS": "400",
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
    "EXPIRED_TOKEN": "403",
    "INTEGRATION_FAILURE": "504",
    "INTEGRATION_TIMEOUT": "504",
    "INVALID_API_KEY": "403",
    "INVALID_SIGNATURE": "403",
    "MISSING_AUTHENTICATION_TOKEN": "403",
    "QUOTA_EXCEEDED": "429",
    "REQUEST_TOO_LARGE": "413",
    "RESOURCE_NOT_FOUND": "404",
    "THROTTLED": "429",
    "UNAUTHORIZED": "401",
    "UNSUPPORTED_MEDIA_TYPE": "415",
    "WAF_FILTERED": "403",
}
_TEMPLATES = {"application/json": '{"message":$context.error.messageString}'}
_FIELDS = {
    "/statusCode": patches.TEXT,
    "/responseParameters/*": patches.ANY_TEXT,
    "/responseTemplates/*": patches.ANY_TEXT,
}


@operation("PutGatewayResponse")
def put_gateway_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    kind = req["responseType"]
    given = parts.given(req, "statusCode", "responseParameters", "responseTemplates")
    write(tx, ctx, api.id, kind, given)
    return render(kind, {kind: given})


def write(tx: Transaction, ctx: Context, api_id: str, kind: str, settings: dict[str, Any]) -> None:
    """Sets a kind's response; the API is open."""
    new = Part(api=api_id, id=kind, settings=settings)
    RESPONSES.lock(tx, ctx.scope, api_id)
    old = RESPONSES.get(tx, ctx.scope, api_id, kind)
    if old is None:
        RESPONSES.insert(tx, ctx.scope, new)
    else:
        RESPONSES.replace(tx, ctx.scope, old, new)


@operation("GetGatewayResponse")
def get_gateway_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    return render(req["responseType"], _settings(tx, ctx, api.id))


@operation("GetGatewayResponses")
def get_gateway_responses(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    settings = _settings(tx, ctx, api.id)
    return {"items": [render(kind, settings) for kind in STATUSES]}


@operation("UpdateGatewayResponse")
def update_gateway_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    kind = req["responseType"]
    before = _settings(tx, ctx, api.id).get(kind, {})
    for patch in req.get("patchOperations", []):
        _check_patch(before, patch)
    settings = patches.apply(before, req.get("patchOperations"), _FIELDS, patches.SHORT)
    write(tx, ctx, api.id, kind, settings)
    return render(kind, {kind: settings})


@operation("DeleteGatewayResponse")
def delete_gateway_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    old = RESPONSES.get(tx, ctx.scope, api.id, req["responseType"])
    if old is None:
        raise errors.not_found("Gateway response type not defined on api")
    RESPONSES.lock(tx, ctx.scope, api.id)
    RESPONSES.delete(tx, ctx.scope, old)


def render(kind: str, settings: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The response of a kind; `settings` are those that are set, by kind."""
    status = STATUSES[kind]
    default = settings.get(f"DEFAULT_{status[0]}XX") if status is not None else None
    own = settings.get(kind)
    source = own if own is not None else default or {}
    shown: dict[str, Any] = {
        "responseType": kind,
        "responseParameters": source.get("responseParameters", {}),
        "responseTemplates": source.get("responseTemplates") or dict(_TEMPLATES),
        "defaultResponse": own is None,
    }
    code = source.get("statusCode", status)
    return shown if code is None else shown | {"statusCode": code}


def _settings(tx: Transaction, ctx: Context, api_id: str) -> dict[str, dict[str, Any]]:
    return {row.id: row.settings for row in RESPONSES.scan(tx, ctx.scope, api_id)}


def _check_patch(settings: dict[str, Any], patch: dict[str, Any]) -> None:
    path = patch.get("path") or ""
    holder = path.strip("/").partition("/")[0]
    if holder not in ("responseParameters", "responseTemplates") or patch.get("op") != "replace":
        return
    if patch.get("value") is None:
        raise errors.bad_request(f"Invalid null or empty value in {holder}")
    if patches.unescape(path.strip("/").partition("/")[2]) not in settings.get(holder, {}):
        raise errors.not_found("Invalid parameter name specified")
