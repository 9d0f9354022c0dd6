"""Definitions imported: as a new API, or over one that is there."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.apigateway import errors, parts
from mrak.services.apigateway.openapi import Definition, parse_definition, render_schema
from mrak.services.apigateway.operations import apis, authorizers, documentation, responses, validators
from mrak.services.apigateway.operations.integrations import complete_integration
from mrak.services.apigateway.operations.models import add_model
from mrak.services.apigateway.operations.resources import add_resource
from mrak.services.apigateway.tables import (
    APIS,
    AUTHORIZERS,
    DOCUMENTATION,
    MODELS,
    RESOURCES,
    RESPONSES,
    VALIDATORS,
    Api,
    Resource,
)

_REPLACED = (AUTHORIZERS, DOCUMENTATION, MODELS, RESPONSES, VALIDATORS)
_BASE_PATHS = ("ignore", "prepend", "split")


@operation("ImportRestApi")
def import_rest_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parameters = req.get("parameters", {})
    definition = _parse(req)
    kinds = parameters.get("endpointConfigurationTypes", "EDGE").split(",")
    settings = {
        "apiKeySource": "HEADER",
        "disableExecuteApiEndpoint": False,
        "endpointConfiguration": {"types": kinds, "ipAddressType": "ipv4"},
    } | definition.settings
    api = apis.make_api(ctx, tx, settings, None)
    _fill(ctx, tx, api, definition)
    return apis.render_api(api)


@operation("PutRestApi")
def put_rest_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    definition = _parse(req)
    overwrites = req.get("mode", "merge") == "overwrite"
    if overwrites:
        _clear(ctx, tx, api)
    changed = msgspec.structs.replace(api, settings=api.settings | definition.settings, tags=api.tags or {})
    APIS.replace(tx, ctx.scope, api, changed)
    _fill(ctx, tx, changed, definition)
    return apis.render_api(changed)


@operation("ImportDocumentationParts")
def import_documentation_parts(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    try:
        definition = parse_definition(req["body"], "ignore")
    except ApiError:
        raise errors.bad_request("Unable to build importer with provided input.") from None
    DOCUMENTATION.lock(tx, ctx.scope, api.id)
    if req.get("mode", "merge") == "overwrite":
        DOCUMENTATION.delete_all(tx, ctx.scope, api.id)
    return {"ids": [row["id"] for row in _add_documentation(ctx, tx, api, definition)]}


def _parse(req: dict[str, Any]) -> Definition:
    basepath = req.get("parameters", {}).get("basepath", req.get("parameters", {}).get("basePath", "ignore")).lower()
    if basepath not in _BASE_PATHS:
        raise errors.bad_request(
            f"Invalid value for parameter basepath: {basepath}. Valid values: ignore, prepend, split"
        )
    return parse_definition(req["body"], basepath)


def _clear(ctx: Context, tx: Transaction, api: Api) -> None:
    """All but the root resource, stages and deployments."""
    for table in _REPLACED:
        table.lock(tx, ctx.scope, api.id)
        table.delete_all(tx, ctx.scope, api.id)
    RESOURCES.lock(tx, ctx.scope, api.id)
    for row in list(RESOURCES.scan(tx, ctx.scope, api.id)):
        if row.id == api.root:
            RESOURCES.replace(tx, ctx.scope, row, msgspec.structs.replace(row, methods={}))
        else:
            RESOURCES.delete(tx, ctx.scope, row)


def _fill(ctx: Context, tx: Transaction, api: Api, definition: Definition) -> None:
    """What a definition says, over what is there; the API is open."""
    for model in definition.models.values():
        rendered = model | {"schema": render_schema(model["schema"], api.id)}
        old = MODELS.get(tx, ctx.scope, api.id, model["name"])
        if old is not None:
            MODELS.lock(tx, ctx.scope, api.id)
            MODELS.delete(tx, ctx.scope, old)
        add_model(ctx, tx, api.id, rendered)
    known = {row.settings["name"]: row.id for row in AUTHORIZERS.scan(tx, ctx.scope, api.id)}
    for name, settings in definition.authorizers.items():
        if name not in known:
            known[name] = authorizers.add_authorizer(ctx, tx, api.id, settings).id
    checks = {
        name: validators.add_validator(ctx, tx, api.id, settings | {"name": name}).id
        for name, settings in definition.validators.items()
    }
    for kind, settings in definition.responses.items():
        if kind in responses.STATUSES:
            responses.write(tx, ctx, api.id, kind, settings)
    _add_documentation(ctx, tx, api, definition)
    tree = {row.path: row for row in RESOURCES.scan(tx, ctx.scope, api.id)}
    for path, http_method, method in definition.methods:
        resource = _require_path(ctx, tx, tree, path)
        if http_method:
            made = _complete(method, http_method, resource.id, (known, checks))
            tree[path] = msgspec.structs.replace(resource, methods=resource.methods | {http_method: made})
            RESOURCES.lock(tx, ctx.scope, api.id)
            RESOURCES.replace(tx, ctx.scope, resource, tree[path])


def _require_path(ctx: Context, tx: Transaction, tree: dict[str, Resource], path: str) -> Resource:
    """The resource of a path, made with all that is above it where it is not there."""
    if path not in tree:
        parent, _, part = path.rpartition("/")
        tree[path] = add_resource(ctx, tx, _require_path(ctx, tx, tree, parent or "/"), part)
    return tree[path]


def _complete(
    method: dict[str, Any], http_method: str, resource_id: str, ids: tuple[dict[str, str], dict[str, str]]
) -> dict[str, Any]:
    known, checks = ids
    made = {"httpMethod": http_method} | {
        name: value for name, value in method.items() if name not in ("authorizer", "validator", "integration")
    }
    if "authorizer" in method:
        made["authorizerId"] = known[method["authorizer"]]
    if "validator" in method:
        if method["validator"] not in checks:
            raise errors.bad_request(f"Unable to find request validator {method['validator']}")
        made["requestValidatorId"] = checks[method["validator"]]
    if "integration" in method:
        given = dict(method["integration"])
        verb = given.pop("integrationHttpMethod")
        made["methodIntegration"] = complete_integration(given, verb, resource_id)
    return made


def _add_documentation(ctx: Context, tx: Transaction, api: Api, definition: Definition) -> list[dict[str, Any]]:
    made = []
    for part in definition.documentation:
        properties = part["properties"]
        text = properties if isinstance(properties, str) else msgspec.json.encode(properties).decode()
        made.append(documentation.add_part(ctx, tx, api.id, part["location"], text).settings)
    return made
