"""APIs: create (also with a target at once), read, change, delete, import; CORS and tags."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import errors, exports, parts, releases, rules
from mrak.services.apigatewayv2.operations.integrations import INTEGRATION
from mrak.services.apigatewayv2.operations.routes import ROUTE
from mrak.services.apigatewayv2.tables import APIS, DOMAINS, LINKS, OF_AN_API, ROUTES, STAGES, Api, Part

_MEMBERS = frozenset(
    {
        "ApiKeySelectionExpression", "CorsConfiguration", "Description", "DisableExecuteApiEndpoint",
        "DisableSchemaValidation", "IpAddressType", "Name", "ProtocolType", "RouteSelectionExpression", "Version",
    }
)  # fmt: skip
_DEFAULTS = {
    "ApiKeySelectionExpression": "$request.header.x-api-key",
    "DisableExecuteApiEndpoint": False,
    "IpAddressType": "ipv4",
}
_HTTP_SELECTION = "$request.method $request.path"
_MOST_TAGS = 50


@operation("CreateApi")
def create_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    settings = _DEFAULTS | {name: value for name, value in req.items() if name in _MEMBERS}
    if req["ProtocolType"] == "HTTP":
        settings.setdefault("RouteSelectionExpression", _HTTP_SELECTION)
    check_settings(settings)
    _check_tags(req.get("Tags", {}))
    api_id = exports.new_api_id(ctx, tx, req["ProtocolType"])
    api = Api(id=api_id, created_at=ctx.now, settings=settings, tags=req.get("Tags", {}))
    APIS.lock(tx, ctx.scope, api_id)
    APIS.insert(tx, ctx.scope, api)
    if "Target" in req:
        _create_quickly(ctx, tx, api, req)
    return render_api(ctx, api)


@operation("GetApi")
def get_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return render_api(ctx, parts.require_api(tx, ctx.scope, req["ApiId"]))


@operation("GetApis")
def get_apis(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = APIS.scan(tx, ctx.scope, after=parts.position(req))
    return parts.render_list(rows, req, lambda api: render_api(ctx, api))


@operation("UpdateApi")
def update_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    settings = api.settings | {name: value for name, value in req.items() if name in _MEMBERS}
    check_settings(settings)
    changed = msgspec.structs.replace(api, settings=settings)
    APIS.replace(tx, ctx.scope, api, changed)
    if "Target" in req or "RouteKey" in req:
        _change_quickly(ctx, tx, changed, req)
    return render_api(ctx, changed)


@operation("DeleteApi")
def delete_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    remove_api(tx, ctx.scope, parts.open_api(tx, ctx.scope, req["ApiId"]))


@operation("DeleteCorsConfiguration")
def delete_cors_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    settings = {name: value for name, value in api.settings.items() if name != "CorsConfiguration"}
    APIS.replace(tx, ctx.scope, api, msgspec.structs.replace(api, settings=settings))


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _change_tags(tx, ctx.scope, req["ResourceArn"], lambda tags: tags | req.get("Tags", {}))
    return {}


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    keys = req["TagKeys"]
    _change_tags(tx, ctx.scope, req["ResourceArn"], lambda tags: {key: tags[key] for key in tags if key not in keys})


@operation("GetTags")
def get_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, _, row = _require_tagged(tx, ctx.scope, req["ResourceArn"])
    return {"Tags": row.tags}


def render_api(ctx: Context, api: Api) -> dict[str, Any]:
    url = exports.api_url(ctx, api.id)
    if not rules.is_http(api):
        url = "ws" + url.removeprefix("http")
    return {"ApiEndpoint": url, "ApiId": api.id, "CreatedDate": api.created_at, "Tags": api.tags, **api.settings}


def remove_api(tx: Transaction, scope: Scope, api: Api) -> None:
    """Everything of an API; it is open."""
    APIS.delete(tx, scope, api)
    for table in OF_AN_API:
        table.lock(tx, scope, api.id)
        table.delete_all(tx, scope, api.id)
    exports.forget_api_id(tx, scope, api.id)


def check_settings(settings: dict[str, Any]) -> None:
    if settings["ProtocolType"] == "HTTP":
        if settings["RouteSelectionExpression"] != _HTTP_SELECTION:
            raise errors.bad_request("Only $request.method $request.path is supported as route selection expression")
        rules.check_cors(settings.get("CorsConfiguration", {}))
        return
    if not settings.get("RouteSelectionExpression"):
        raise errors.bad_request("RouteSelectionExpression is required for WEBSOCKET APIs")
    if "CorsConfiguration" in settings:
        raise errors.bad_request("CORS configuration is supported only for HTTP APIs")


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > _MOST_TAGS:
        raise errors.bad_request(f"Resource can't have more than {_MOST_TAGS} tags")
    if any(key.startswith("aws:") for key in tags):
        raise errors.bad_request("Tag keys can't begin with aws:")


def _create_quickly(ctx: Context, tx: Transaction, api: Api, req: dict[str, Any]) -> None:
    """An integration, a route and a stage for `Target`, as CreateApi's quick create makes them."""
    if not rules.is_http(api):
        raise errors.bad_request("Target is supported only for HTTP APIs")
    managed = {"ApiGatewayManaged": True}
    integration = parts.create(ctx, tx, INTEGRATION, api, _target_integration(req) | managed)
    route = {"RouteKey": req.get("RouteKey", "$default"), "Target": f"integrations/{integration.id}"}
    parts.create(ctx, tx, ROUTE, api, route | managed)
    stage = Part(
        api=api.id,
        id="$default",
        settings={"AutoDeploy": True, "DefaultRouteSettings": {"DetailedMetricsEnabled": False}} | managed,
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    STAGES.lock(tx, ctx.scope, api.id)
    STAGES.insert(tx, ctx.scope, stage)
    releases.changed(ctx, tx, api)


def _change_quickly(ctx: Context, tx: Transaction, api: Api, req: dict[str, Any]) -> None:
    """Changes what quick create made."""
    managed = [row for row in ROUTES.scan(tx, ctx.scope, api.id) if row.settings.get("ApiGatewayManaged")]
    if not managed:
        raise errors.bad_request("Target and RouteKey can only be changed for an API that was created with a target")
    (route,) = managed
    if "Target" in req:
        integration_id = route.settings["Target"].partition("/")[2]
        integration = parts.require(tx, ctx.scope, INTEGRATION, api.id, integration_id)
        parts.update(ctx, tx, INTEGRATION, api, integration, _target_integration(req))
    if "RouteKey" in req:
        parts.update(ctx, tx, ROUTE, api, route, {"RouteKey": req["RouteKey"]})
    releases.changed(ctx, tx, api)


def _target_integration(req: dict[str, Any]) -> dict[str, Any]:
    target = req["Target"]
    credentials = {"CredentialsArn": req["CredentialsArn"]} if "CredentialsArn" in req else {}
    if target.startswith(("http://", "https://")):
        return {"IntegrationType": "HTTP_PROXY", "IntegrationUri": target, "IntegrationMethod": "ANY"} | credentials
    return {"IntegrationType": "AWS_PROXY", "IntegrationUri": target, "PayloadFormatVersion": "2.0"} | credentials


def _require_tagged(tx: Transaction, scope: Scope, resource_arn: str) -> tuple[Any, tuple[str, ...], Any]:
    """(table, entity to lock, row) of what a tag ARN names: an API, its stage, a domain name, a VPC link."""
    parsed = find_arn(resource_arn)
    path = [] if parsed is None else parsed.resource.strip("/").split("/")
    table: Any = {"apis": APIS, "domainnames": DOMAINS, "vpclinks": LINKS}.get(path[0] if path else "")
    if table is None or (len(path) != 2 and (len(path) != 4 or path[0] != "apis")):
        raise errors.bad_request("Invalid resource ARN")
    if len(path) == 4:
        parts.require_api(tx, scope, path[1])
        stage = STAGES.get(tx, scope, path[1], path[3])
        if stage is None:
            raise errors.part_not_found("stage", path[3])
        return STAGES, (path[1],), stage
    row = parts.require_api(tx, scope, path[1]) if table is APIS else table.get(tx, scope, path[1])
    if row is None:
        raise errors.not_found("Invalid resource identifier specified", "Resource")
    return table, (path[1],), row


def _change_tags(tx: Transaction, scope: Scope, resource_arn: str, change: Any) -> None:
    table, entity, row = _require_tagged(tx, scope, resource_arn)
    tags = change(row.tags)
    _check_tags(tags)
    table.lock(tx, scope, *entity)
    table.replace(tx, scope, row, msgspec.structs.replace(row, tags=tags))
