"""Routes and, for WebSocket APIs, their responses."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigatewayv2 import errors, parts, releases, rules
from mrak.services.apigatewayv2.tables import ROUTE_RESPONSES, ROUTES, Child

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
_RESPONSE_MEMBERS = ("ModelSelectionExpression", "ResponseModels", "ResponseParameters", "RouteResponseKey")


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
    ROUTE_RESPONSES.lock(tx, ctx.scope, api.id)
    for response in list(ROUTE_RESPONSES.scan(tx, ctx.scope, api.id, route.id)):
        ROUTE_RESPONSES.delete(tx, ctx.scope, response)
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
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    route = parts.require(tx, ctx.scope, ROUTE, api.id, req["RouteId"])
    if rules.is_http(api):
        raise errors.bad_request("Route responses are not supported for HTTP APIs")
    settings = {name: req[name] for name in _RESPONSE_MEMBERS if name in req}
    made = Child(api=api.id, parent=route.id, id=ctx.draw.alphanumeric(7), settings=settings)
    ROUTE_RESPONSES.lock(tx, ctx.scope, api.id)
    for other in ROUTE_RESPONSES.scan(tx, ctx.scope, api.id, route.id):
        if other.settings["RouteResponseKey"] == req["RouteResponseKey"]:
            raise errors.conflict(f"Route response with key {req['RouteResponseKey']} already exists for this route")
    ROUTE_RESPONSES.insert(tx, ctx.scope, made)
    releases.changed(ctx, tx, api)
    return _render_response(made)


@operation("GetRouteResponse")
def get_route_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render_response(_require_response(ctx, tx, req))


@operation("GetRouteResponses")
def get_route_responses(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    route = parts.require(tx, ctx.scope, ROUTE, req["ApiId"], req["RouteId"])
    rows = ROUTE_RESPONSES.scan(tx, ctx.scope, route.api, route.id, after=parts.position(req))
    return parts.render_list(rows, req, _render_response)


@operation("UpdateRouteResponse")
def update_route_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = _require_response(ctx, tx, req)
    changes = {name: req[name] for name in _RESPONSE_MEMBERS if name in req}
    new = msgspec.structs.replace(old, settings=old.settings | changes)
    ROUTE_RESPONSES.lock(tx, ctx.scope, api.id)
    ROUTE_RESPONSES.replace(tx, ctx.scope, old, new)
    releases.changed(ctx, tx, api)
    return _render_response(new)


@operation("DeleteRouteResponse")
def delete_route_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    response = _require_response(ctx, tx, req)
    ROUTE_RESPONSES.lock(tx, ctx.scope, api.id)
    ROUTE_RESPONSES.delete(tx, ctx.scope, response)
    releases.changed(ctx, tx, api)


def _require_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Child:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    key = (req["ApiId"], req["RouteId"], req["RouteResponseId"])
    return parts.require_child(tx, ctx.scope, ROUTE_RESPONSES, "RouteResponse", *key)


def _render_response(row: Child) -> dict[str, Any]:
    return {"RouteResponseId": row.id, **row.settings}
