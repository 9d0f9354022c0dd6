"""Routes and, for WebSocket APIs, their responses."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigatewayv2 import errors, parts, releases, responses, rules
from mrak.services.apigatewayv2.tables import ROUTE_RESPONSES, ROUTES

ROUTE = parts.Kind(
    name="Route",
    table=ROUTES,
    id_member="RouteId",
    members=frozenset(
        {
            "ApiGatewayManaged", "ApiKeyRequired", "AuthorizationScopes", "AuthorizationType", "AuthorizerId",
            "ModelSelectionExpression", "OperationName", "RequestModels", "RequestParameters", "RouteKey",
            "RouteResponseSelectionExpression", "Target",
        }
    ),
    check=rules.check_route,
)  # fmt: skip
_RESPONSE = responses.Kind(
    name="RouteResponse",
    table=ROUTE_RESPONSES,
    parent=ROUTE,
    members=("ModelSelectionExpression", "ResponseModels", "ResponseParameters", "RouteResponseKey"),
)


@operation("CreateRoute")
def create_route(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    made = parts.create(ctx, tx, ROUTE, api, req)
    releases.changed(ctx, tx, api)
    return parts.render(ROUTE, made)


@operation("GetRoute")
def get_route(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    return parts.render(ROUTE, parts.require(tx, ctx.scope, ROUTE, req["ApiId"], req["RouteId"]))


@operation("GetRoutes")
def get_routes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["ApiId"])
    rows = ROUTES.scan(tx, ctx.scope, api.id, after=parts.position(req))
    return parts.render_list(rows, req, lambda row: parts.render(ROUTE, row))


@operation("UpdateRoute")
def update_route(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = parts.require(tx, ctx.scope, ROUTE, api.id, req["RouteId"])
    new = parts.update(ctx, tx, ROUTE, api, old, req)
    releases.changed(ctx, tx, api)
    return parts.render(ROUTE, new)


@operation("DeleteRoute")
def delete_route(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    route = parts.require(tx, ctx.scope, ROUTE, api.id, req["RouteId"])
    parts.delete(tx, ctx.scope, ROUTE, route)
    responses.delete_all(tx, ctx.scope, _RESPONSE, route.id, api.id)
    releases.changed(ctx, tx, api)


@operation("DeleteRouteRequestParameter")
def delete_route_request_parameter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = parts.require(tx, ctx.scope, ROUTE, api.id, req["RouteId"])
    parameters = dict(old.settings.get("RequestParameters", {}))
    if parameters.pop(req["RequestParameterKey"], None) is None:
        raise errors.not_found("Invalid request parameter specified", "RequestParameter")
    parts.update(ctx, tx, ROUTE, api, old, {"RequestParameters": parameters})
    releases.changed(ctx, tx, api)


@operation("CreateRouteResponse")
def create_route_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.create(ctx, tx, _RESPONSE, req)


@operation("GetRouteResponse")
def get_route_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.get(ctx, tx, _RESPONSE, req)


@operation("GetRouteResponses")
def get_route_responses(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.get_all(ctx, tx, _RESPONSE, req)


@operation("UpdateRouteResponse")
def update_route_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return responses.update(ctx, tx, _RESPONSE, req)


@operation("DeleteRouteResponse")
def delete_route_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    responses.delete(ctx, tx, _RESPONSE, req)
