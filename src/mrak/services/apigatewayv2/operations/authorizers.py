"""Authorizers: JWT, and Lambda functions that decide by request."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigatewayv2 import errors, parts, releases, rules
from mrak.services.apigatewayv2.tables import AUTHORIZERS, ROUTES

AUTHORIZER = parts.Kind(
    name="Authorizer",
    table=AUTHORIZERS,
    id_member="AuthorizerId",
    members=frozenset(
        {
            "AuthorizerCredentialsArn", "AuthorizerPayloadFormatVersion", "AuthorizerResultTtlInSeconds",
            "AuthorizerType", "AuthorizerUri", "EnableSimpleResponses", "IdentitySource",
            "IdentityValidationExpression", "JwtConfiguration", "Name",
        }
    ),
    check=rules.check_authorizer,
)  # fmt: skip


@operation("CreateAuthorizer")
def create_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    made = parts.create(ctx, tx, AUTHORIZER, api, req)
    releases.changed(ctx, tx, api)
    return parts.render(AUTHORIZER, made)


@operation("GetAuthorizer")
def get_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    return parts.render(AUTHORIZER, parts.require(tx, ctx.scope, AUTHORIZER, req["ApiId"], req["AuthorizerId"]))


@operation("GetAuthorizers")
def get_authorizers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["ApiId"])
    rows = AUTHORIZERS.scan(tx, ctx.scope, api.id, after=parts.position(req))
    return parts.render_list(rows, req, lambda row: parts.render(AUTHORIZER, row))


@operation("UpdateAuthorizer")
def update_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = parts.require(tx, ctx.scope, AUTHORIZER, api.id, req["AuthorizerId"])
    new = parts.update(ctx, tx, AUTHORIZER, api, old, req)
    releases.changed(ctx, tx, api)
    return parts.render(AUTHORIZER, new)


@operation("DeleteAuthorizer")
def delete_authorizer(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    authorizer = parts.require(tx, ctx.scope, AUTHORIZER, api.id, req["AuthorizerId"])
    if any(row.settings.get("AuthorizerId") == authorizer.id for row in ROUTES.scan(tx, ctx.scope, api.id)):
        raise errors.conflict("Authorizer is still in use and cannot be deleted")
    parts.delete(tx, ctx.scope, AUTHORIZER, authorizer)
    releases.changed(ctx, tx, api)
