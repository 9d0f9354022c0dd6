"""Integrations and, for WebSocket APIs, their responses."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigatewayv2 import errors, parts, releases, responses, rules
from mrak.services.apigatewayv2.tables import INTEGRATION_RESPONSES, INTEGRATIONS, ROUTES

INTEGRATION = parts.Kind(
    name="Integration",
    table=INTEGRATIONS,
    id_member="IntegrationId",
    members=frozenset(
        {
            "ApiGatewayManaged", "ConnectionId", "ConnectionType", "ContentHandlingStrategy", "CredentialsArn",
            "Description", "IntegrationMethod", "IntegrationSubtype", "IntegrationType", "IntegrationUri",
            "PassthroughBehavior", "PayloadFormatVersion", "RequestParameters", "RequestTemplates",
            "ResponseParameters", "TemplateSelectionExpression", "TimeoutInMillis", "TlsConfig",
        }
    ),
    check=rules.check_integration,
)  # fmt: skip
_RESPONSE = responses.Kind(
    name="IntegrationResponse",
    table=INTEGRATION_RESPONSES,
    parent=INTEGRATION,
    members=(
        "ContentHandlingStrategy",
        "IntegrationResponseKey",
        "ResponseParameters",
        "ResponseTemplates",
        "TemplateSelectionExpression",
    ),
)


@operation("CreateIntegration")
def create_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    rules.check_count_of_integrations(tx, ctx.scope, api.id)
    made = parts.create(ctx, tx, INTEGRATION, api, req)
    releases.changed(ctx, tx, api)
    return parts.render(INTEGRATION, made)


@operation("GetIntegration")
def get_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    return parts.render(INTEGRATION, parts.require(tx, ctx.scope, INTEGRATION, req["ApiId"], req["IntegrationId"]))


@operation("GetIntegrations")
def get_integrations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["ApiId"])
    rows = INTEGRATIONS.scan(tx, ctx.scope, api.id, after=parts.position(req))
    return parts.render_list(rows, req, lambda row: parts.render(INTEGRATION, row))


@operation("UpdateIntegration")
def update_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = parts.require(tx, ctx.scope, INTEGRATION, api.id, req["IntegrationId"])
    # A parameter that is set to "" is removed: UpdateIntegration has no other way to say it.
    if "RequestParameters" in req:
        merged = old.settings.get("RequestParameters", {}) | req["RequestParameters"]
        req = req | {"RequestParameters": {name: value for name, value in merged.items() if value}}
    new = parts.update(ctx, tx, INTEGRATION, api, old, req)
    releases.changed(ctx, tx, api)
    return parts.render(INTEGRATION, new)


@operation("DeleteIntegration")
def delete_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    integration = parts.require(tx, ctx.scope, INTEGRATION, api.id, req["IntegrationId"])
    target = f"integrations/{integration.id}"
    users = [
        row.settings["RouteKey"] for row in ROUTES.scan(tx, ctx.scope, api.id) if row.settings.get("Target") == target
    ]
    if users:
        raise errors.conflict(
            f"Cannot delete Integration '{integration.id}'. Integration is referenced by the following Routes: "
            f"{', '.join(users)}"
        )
    parts.delete(tx, ctx.scope, INTEGRATION, integration)
    responses.delete_all(tx, ctx.scope, _RESPONSE, integration.id, api.id)
    releases.changed(ctx, tx, api)


@operation("CreateIntegrationResponse")
def create_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.create(ctx, tx, _RESPONSE, req)


@operation("GetIntegrationResponse")
def get_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.get(ctx, tx, _RESPONSE, req)


@operation("GetIntegrationResponses")
def get_integration_responses(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.get_all(ctx, tx, _RESPONSE, req)


@operation("UpdateIntegrationResponse")
def update_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.update(ctx, tx, _RESPONSE, req)


@operation("DeleteIntegrationResponse")
def delete_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    responses.delete(ctx, tx, _RESPONSE, req)
