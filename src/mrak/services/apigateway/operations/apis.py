"""REST APIs: create, read, change, delete; their tags."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import (
    APIS,
    CERTIFICATES,
    DOMAINS,
    KEYS,
    LINKS,
    MODELS,
    OF_AN_API,
    PLANS,
    RESOURCES,
    STAGES,
    Api,
    Part,
    Resource,
)
from mrak.services.apigatewayv2 import exports

_MEMBERS = (
    "name", "description", "version", "binaryMediaTypes", "minimumCompressionSize", "policy", "securityPolicy",
    "endpointAccessMode",
)  # fmt: skip


def _compression(value: str) -> int | None:
    if not value:
        return None
    if not value.isdigit() or int(value) > _MOST_BYTES:
        raise errors.bad_compression_size()
    return int(value)


_MOST_BYTES = 10_485_760
_FIELDS = {
    "/name": patches.TEXT,
    "/description": patches.ANY_TEXT,
    "/version": patches.ANY_TEXT,
    "/apiKeySource": patches.TEXT,
    "/binaryMediaTypes/*": patches.MEMBER,
    "/minimumCompressionSize": patches.Field(_compression),
    "/disableExecuteApiEndpoint": patches.BOOLEAN,
    "/policy": patches.ANY_TEXT,
}
_STYLE = patches.Style(
    lambda path, op, known: (
        errors.invalid_path(path) if path == "/binaryMediaTypes" else errors.unknown_path(path, op, known)
    ),
    lambda _path, _op: errors.bad_request("Invalid patch operation specified. Must be one of: [replace]"),
)
_MODELS = (
    ("Empty", "This is a default empty schema model", {"title": "Empty Schema"}),
    ("Error", "This is a default error schema model", {
        "title": "Error Schema", "properties": {"message": {"type": "string"}},
    }),
)  # fmt: skip
_SCHEMA = "http://json-schema.org/draft-04/schema#"
_MOST_TAGS = 50


@operation("CreateRestApi")
def create_rest_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if not req["name"].strip():
        raise errors.bad_request("API name must be non-empty")
    _check_endpoint(req.get("endpointConfiguration", {}))
    if not 0 <= req.get("minimumCompressionSize", 0) <= _MOST_BYTES:
        raise errors.bad_compression_size()
    if req.get("description") == "":
        raise errors.bad_request("Description cannot be an empty string")
    given = {name: value for name, value in parts.given(req, *_MEMBERS).items() if value != []}
    settings = given | {
        "apiKeySource": req.get("apiKeySource", "HEADER"),
        "disableExecuteApiEndpoint": req.get("disableExecuteApiEndpoint", False),
        "endpointConfiguration": _endpoint(req.get("endpointConfiguration", {})),
    }
    api = make_api(ctx, tx, settings, req.get("tags"))
    for name, description, schema in _MODELS:
        text = msgspec.json.encode({"$schema": _SCHEMA, "type": "object", **schema}).decode()
        model = {"name": name, "description": description, "schema": text, "contentType": "application/json"}
        parts.insert(
            tx, ctx.scope, MODELS, Part(api=api.id, id=name, settings=model | {"id": ctx.draw.alphanumeric(6)})
        )
    return render_api(api)


def make_api(ctx: Context, tx: Transaction, settings: dict[str, Any], tags: dict[str, str] | None) -> Api:
    """A new API with its root resource."""
    _check_tags(ctx, tags or {})
    api_id = exports.new_api_id(ctx, tx, "REST")
    root = Resource(api=api_id, id=ctx.draw.alphanumeric(10), parent="", part="", path="/")
    api = Api(id=api_id, created_at=ctx.now, root=root.id, settings=settings, tags=tags)
    APIS.lock(tx, ctx.scope, api_id)
    APIS.insert(tx, ctx.scope, api)
    RESOURCES.lock(tx, ctx.scope, api_id)
    RESOURCES.insert(tx, ctx.scope, root)
    return api


@operation("GetRestApi")
def get_rest_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return render_api(parts.require_api(tx, ctx.scope, req["restApiId"]))


@operation("GetRestApis")
def get_rest_apis(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.render_page(APIS.scan(tx, ctx.scope, after=parts.position(req)), req, render_api)


@operation("UpdateRestApi")
def update_rest_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    settings = api.settings
    for patch in req.get("patchOperations", ()):
        if (patch.get("path") or "").startswith("/endpointConfiguration/"):
            settings = {**settings, "endpointConfiguration": _patch_endpoint(settings["endpointConfiguration"], patch)}
        else:
            settings = patches.apply(settings, [patch], _FIELDS, _STYLE)
    changed = msgspec.structs.replace(api, settings=settings, tags=api.tags or {})
    APIS.replace(tx, ctx.scope, api, changed)
    return render_api(changed)


@operation("DeleteRestApi")
def delete_rest_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    APIS.delete(tx, ctx.scope, api)
    for table in OF_AN_API:
        table.lock(tx, ctx.scope, api.id)
        table.delete_all(tx, ctx.scope, api.id)
    exports.forget_api_id(tx, ctx.scope, api.id)


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change_tags(ctx, tx, req["resourceArn"], lambda tags: tags | req["tags"])


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    gone = req["tagKeys"]
    _change_tags(ctx, tx, req["resourceArn"], lambda tags: {key: tags[key] for key in tags if key not in gone})


@operation("GetTags")
def get_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, _, row = _require_tagged(tx, ctx.scope, req["resourceArn"])
    return {"tags": row.tags or {}}


def render_api(api: Api) -> dict[str, Any]:
    shown = {"id": api.id, "createdDate": api.created_at, "rootResourceId": api.root, **api.settings}
    return shown if api.tags is None else shown | {"tags": api.tags}


def _endpoint(given: dict[str, Any]) -> dict[str, Any]:
    types = given.get("types") or ["EDGE"]
    return {"types": types, "ipAddressType": "dualstack" if types == ["PRIVATE"] else "ipv4"} | given


def _check_endpoint(given: dict[str, Any]) -> None:
    types = given.get("types", ["EDGE"])
    if not types:
        raise errors.bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    if len(types) > 1:
        raise errors.bad_request("Cannot create an api with multiple Endpoint Types.")
    if types == ["PRIVATE"] and given.get("ipAddressType") == "ipv4":
        raise errors.only_dualstack()


def _patch_endpoint(endpoint: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    path, op, value = patch["path"], patch.get("op"), patch.get("value")
    if path.startswith("/endpointConfiguration/types"):
        if op != "replace":
            raise errors.bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        if value not in ("REGIONAL", "EDGE", "PRIVATE"):
            raise errors.bad_request("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
        family = "dualstack" if value == "PRIVATE" else endpoint["ipAddressType"]
        return {**endpoint, "types": [value], "ipAddressType": family}
    if path != "/endpointConfiguration/ipAddressType":
        raise errors.unknown_path(path, str(op), [*_FIELDS, "/endpointConfiguration/ipAddressType"])
    if op != "replace":
        raise errors.bad_request("Invalid patch operation specified. Must be one of: [replace]")
    if value not in ("ipv4", "dualstack"):
        raise errors.bad_request("ipAddressType must be either ipv4 or dualstack.")
    if endpoint["types"] == ["PRIVATE"] and value == "ipv4":
        raise errors.only_dualstack()
    return {**endpoint, "ipAddressType": value}


def _check_tags(ctx: Context, tags: dict[str, str], old: dict[str, str] | None = None) -> None:
    """What CloudFormation tells of a stack comes from inside and does not count; nobody else may set such tags."""
    told = {key for key in tags if key.startswith("aws:cloudformation:") and (ctx.http is None or key in (old or {}))}
    own = tags.keys() - told
    if len(own) > _MOST_TAGS:
        raise errors.bad_request(f"Resource can't have more than {_MOST_TAGS} tags")
    if any(key.startswith("aws:") for key in own):
        raise errors.bad_request("aws: prefixed tag key names are not allowed for external use.")


def _require_tagged(tx: Transaction, scope: Scope, resource_arn: str) -> tuple[Any, tuple[str, ...], Any]:
    """(table, entity to lock, row) of what a tag ARN names."""
    parsed = find_arn(resource_arn)
    path = [] if parsed is None else parsed.resource.strip("/").split("/")
    table: Any = {
        "restapis": APIS,
        "apikeys": KEYS,
        "usageplans": PLANS,
        "domainnames": DOMAINS,
        "vpclinks": LINKS,
        "clientcertificates": CERTIFICATES,
    }.get(path[0] if path else "")
    if table is None or len(path) not in (2, 4):
        raise errors.bad_request("Invalid ARN specified in the request")
    key: tuple[str, ...] = (path[1],)
    entity = key
    if len(path) == 4:
        table, key = STAGES, (path[1], path[3])
    row = table.get(tx, scope, *key)
    if row is None:
        raise errors.not_found(f"Invalid {'stage' if len(path) == 4 else 'resource'} identifier specified")
    return table, entity, row


def _change_tags(ctx: Context, tx: Transaction, resource_arn: str, change: Any) -> None:
    scope = ctx.scope
    table, entity, row = _require_tagged(tx, scope, resource_arn)
    old = row.tags or {}
    tags = change(old)
    _check_tags(ctx, tags, old)
    table.lock(tx, scope, *entity)
    table.replace(tx, scope, row, msgspec.structs.replace(row, tags=tags))
