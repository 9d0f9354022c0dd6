"""Import, import again and export of definitions."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigatewayv2 import errors, parts, releases
from mrak.services.apigatewayv2.openapi import Definition, parse_definition
from mrak.services.apigatewayv2.operations import apis
from mrak.services.apigatewayv2.operations.authorizers import AUTHORIZER
from mrak.services.apigatewayv2.operations.integrations import INTEGRATION
from mrak.services.apigatewayv2.operations.routes import ROUTE
from mrak.services.apigatewayv2.tables import APIS, AUTHORIZERS, INTEGRATIONS, ROUTES, Api

_BASE_PATHS = ("ignore", "prepend", "split")


@operation("ImportApi")
def import_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    definition = _parse(req)
    made = apis.create_api(ctx, tx, definition.settings | {"Tags": definition.tags})
    api = parts.open_api(tx, ctx.scope, made["ApiId"])
    _fill(ctx, tx, api, definition)
    return _with_warnings(apis.render_api(ctx, api), definition)


@operation("ReimportApi")
def reimport_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    definition = _parse(req)
    settings = {name: value for name, value in api.settings.items() if name != "CorsConfiguration"}
    changed = msgspec.structs.replace(api, settings=settings | definition.settings, tags=api.tags | definition.tags)
    apis.check_settings(changed.settings)
    APIS.replace(tx, ctx.scope, api, changed)
    for table in (ROUTES, INTEGRATIONS, AUTHORIZERS):
        table.lock(tx, ctx.scope, api.id)
        table.delete_all(tx, ctx.scope, api.id)
    _fill(ctx, tx, changed, definition)
    return _with_warnings(apis.render_api(ctx, changed), definition)


def _parse(req: dict[str, Any]) -> Definition:
    basepath = req.get("Basepath", "ignore").lower()
    if basepath not in _BASE_PATHS:
        raise errors.bad_request(f"Invalid basepath value {req['Basepath']}. Valid values are: ignore, prepend, split")
    definition = parse_definition(req["Body"], basepath)
    if req.get("FailOnWarnings") and definition.warnings:
        listed = "".join(f"\n\t{warning}" for warning in definition.warnings)
        raise errors.bad_request(f"Warnings found during import:{listed}")
    return definition


def _fill(ctx: Context, tx: Transaction, api: Api, definition: Definition) -> None:
    """Authorizers, integrations and routes of a definition; the API is open. Equal integrations are one."""
    authorizer_ids = {
        name: parts.create(ctx, tx, AUTHORIZER, api, settings).id for name, settings in definition.authorizers.items()
    }
    integration_ids: dict[bytes, str] = {}
    for route, integration in definition.routes:
        if integration is not None:
            same = msgspec.msgpack.encode(integration, order="deterministic")
            if same not in integration_ids:
                integration_ids[same] = parts.create(ctx, tx, INTEGRATION, api, integration).id
            route["Target"] = f"integrations/{integration_ids[same]}"
        if "authorizer" in route:
            route["AuthorizerId"] = authorizer_ids[route["authorizer"]]
        parts.create(ctx, tx, ROUTE, api, route)
    releases.changed(ctx, tx, api)


def _with_warnings(answer: dict[str, Any], definition: Definition) -> dict[str, Any]:
    return answer | ({"Warnings": definition.warnings} if definition.warnings else {})
