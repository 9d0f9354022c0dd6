"""Authorizers: functions that see a token or a request, and user pools."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import AUTHORIZERS, RESOURCES, Part

_MEMBERS = (
    "name", "type", "providerARNs", "authType", "authorizerUri", "authorizerCredentials", "identitySource",
    "identityValidationExpression", "authorizerResultTtlInSeconds",
)  # fmt: skip
_FIELDS = {
    "/name": patches.TEXT,
    "/type": patches.TEXT,
    "/authType": patches.TEXT,
    "/authorizerUri": patches.TEXT,
    "/authorizerCredentials": patches.ANY_TEXT,
    "/identitySource": patches.TEXT,
    "/identityValidationExpression": patches.ANY_TEXT,
    "/authorizerResultTtlInSeconds": patches.INTEGER,
    "/providerARNs/*": patches.MEMBER,
    "/providerARNs": patches.MEMBER,
}
_MOST = 10


@operation("CreateAuthorizer")
def create_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    return add_authorizer(ctx, tx, api.id, parts.given(req, *_MEMBERS)).settings


def add_authorizer(ctx: Context, tx: Transaction, api_id: str, given: dict[str, Any]) -> Part:
    """A new authorizer; the API is open."""
    auth_type = "cognito_user_pools" if given["type"] == "COGNITO_USER_POOLS" else "custom"
    settings = {"id": ctx.draw.alphanumeric(6), "authType": auth_type} | given
    others = list(AUTHORIZERS.scan(tx, ctx.scope, api_id))
    if len(others) >= _MOST:
        raise errors.limit_exceeded("Maximum number of Authorizers for this API has been reached. Please contact AWS.")
    if any(row.settings["name"] == settings["name"] for row in others):
        raise errors.conflict(
            f"Authorizer name must be unique. Authorizer {settings['name']} already exists in this RestApi."
        )
    _check(settings)
    made = Part(api=api_id, id=settings["id"], settings=settings)
    parts.insert(tx, ctx.scope, AUTHORIZERS, made)
    return made


@operation("GetAuthorizer")
def get_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.require_part(tx, ctx.scope, AUTHORIZERS, "Authorizer", req["restApiId"], req["authorizerId"]).settings


@operation("GetAuthorizers")
def get_authorizers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    rows = AUTHORIZERS.scan(tx, ctx.scope, api.id, after=parts.position(req))
    return parts.render_page(rows, req, lambda row: row.settings)


@operation("UpdateAuthorizer")
def update_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = parts.open_part(tx, ctx.scope, AUTHORIZERS, "Authorizer", req["restApiId"], req["authorizerId"])
    settings = patches.apply(old.settings, req.get("patchOperations"), _FIELDS)
    _check(settings)
    AUTHORIZERS.replace(tx, ctx.scope, old, msgspec.structs.replace(old, settings=settings))
    return settings


@operation("DeleteAuthorizer")
def delete_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    old = parts.open_part(tx, ctx.scope, AUTHORIZERS, "Authorizer", req["restApiId"], req["authorizerId"])
    for resource in RESOURCES.scan(tx, ctx.scope, old.api):
        for name, method in resource.methods.items():
            if method.get("authorizerId") == old.id:
                where = f"{resource.path}/{name}"
                raise errors.conflict(
                    f"Cannot delete authorizer '{old.settings['name']}', is referenced in method: {where}"
                )
    AUTHORIZERS.delete(tx, ctx.scope, old)


def _check(settings: dict[str, Any]) -> None:
    kind, source = settings["type"], settings.get("identitySource", "")
    if not settings["name"]:
        raise errors.bad_request("Invalid authorizer name specified. Name must be non-empty")
    if kind == "COGNITO_USER_POOLS":
        if not settings.get("providerARNs"):
            raise errors.bad_request("Invalid Cognito user pool ARN: providerARNs must not be empty")
        return
    if not settings.get("authorizerUri"):
        raise errors.bad_request("Invalid Authorizer URI: the authorizer URI must not be empty")
    if kind == "TOKEN" and not source.startswith("method.request.header."):
        raise errors.bad_request("Invalid identity source expression. Must be a method request header")
    if kind == "REQUEST" and not source and settings.get("authorizerResultTtlInSeconds", 300):
        raise errors.bad_request("Identity source must not be empty when caching is enabled")
    if not 0 <= settings.get("authorizerResultTtlInSeconds", 300) <= 3600:
        raise errors.bad_request("Invalid authorizer result TTL. Must be between 0 and 3600")
