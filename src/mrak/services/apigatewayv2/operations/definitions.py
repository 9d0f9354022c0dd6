"""ExportApi: an HTTP API, as it is or as a stage serves it, as an OpenAPI definition that can be imported again.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-export.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigatewayv2 import errors, parts, releases
from mrak.services.apigatewayv2.exports import api_url
from mrak.services.apigatewayv2.openapi import (
    ANY,
    AUTHORIZER,
    AUTHORIZER_MEMBERS,
    IAM,
    INTEGRATION,
    INTEGRATION_MEMBERS,
)
from mrak.services.apigatewayv2.operations.stages import require_stage
from mrak.services.apigatewayv2.tables import Api

_VERSION = "1.0"
_PARAMETER = re.compile(r"\{([^{}+]+)\+?\}")


@operation("ExportApi")
def export_api(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if req["Specification"].upper() != "OAS30":
        raise errors.bad_request(f"Invalid specification {req['Specification']}. Valid values are: OAS30")
    if req["OutputType"].upper() not in ("JSON", "YAML"):
        raise errors.bad_request(f"Invalid output type {req['OutputType']}. Valid values are: JSON, YAML")
    if req.get("ExportVersion", _VERSION) != _VERSION:
        raise errors.bad_request(f"Invalid export version {req['ExportVersion']}. Valid values are: {_VERSION}")
    api = parts.require_api(tx, ctx.scope, req["ApiId"])
    if api.settings["ProtocolType"] != "HTTP":
        raise errors.bad_request("Only HTTP APIs can be exported")
    snapshot, base = releases.take_snapshot(tx, ctx.scope, api), ""
    if "StageName" in req:
        stage = require_stage(tx, ctx.scope, api.id, req["StageName"])
        deployed = releases.require_deployment(tx, ctx.scope, api.id, stage.settings.get("DeploymentId", ""))
        snapshot, base = deployed.snapshot, "" if stage.id == "$default" else stage.id
    document = _render(ctx, api, msgspec.msgpack.decode(snapshot), base)
    if not req.get("IncludeExtensions", True):
        document = _without_extensions(document)
    if req["OutputType"].upper() == "YAML":
        import yaml

        return {"body": yaml.safe_dump(document, sort_keys=False).encode()}
    return {"body": msgspec.json.format(msgspec.json.encode(document), indent=2)}


def _render(ctx: Context, api: Api, snapshot: dict[str, Any], base: str) -> dict[str, Any]:
    settings = api.settings
    info = {"title": settings["Name"], "version": settings.get("Version", "1.0")}
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(snapshot["routes"], key=lambda row: str(row["RouteKey"])):
        verb, _, path = route["RouteKey"].partition(" ")
        named = ANY if verb in ("ANY", "$default") else verb.lower()
        paths.setdefault(path or "/$default", {})[named] = _operation(route, path, snapshot)
    document: dict[str, Any] = {
        "openapi": "3.0.1",
        "info": info | ({"description": settings["Description"]} if settings.get("Description") else {}),
        "servers": [{"url": f"{api_url(ctx, api.id)}/{{basePath}}", "variables": {"basePath": {"default": base}}}],
        "tags": [{"name": key, "x-amazon-apigateway-tag-value": value} for key, value in sorted(api.tags.items())],
        "paths": paths,
        "components": {"securitySchemes": {row["Name"]: _scheme(row) for row in snapshot["authorizers"].values()}},
        "x-amazon-apigateway-cors": _lowered(settings.get("CorsConfiguration", {})),
        "x-amazon-apigateway-importexport-version": _VERSION,
    }
    if not snapshot["authorizers"]:
        del document["components"]
    return {name: value for name, value in document.items() if value or name == "paths"}


def _operation(route: dict[str, Any], path: str, snapshot: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"operationId": route["OperationName"]} if route.get("OperationName") else {}
    parameters = [
        {"name": name, "in": "path", "description": f"Generated path parameter for {name}", "required": True,
         "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]  # fmt: skip
    if parameters:
        shown["parameters"] = parameters
    shown["responses"] = {"default": {"description": f"Default response for {route['RouteKey']}"}}
    authorizer = snapshot["authorizers"].get(route.get("AuthorizerId", ""))
    if authorizer is not None:
        shown["security"] = [{authorizer["Name"]: route.get("AuthorizationScopes", [])}]
    if route.get("AuthorizationType") == "AWS_IAM":
        shown[IAM] = {"type": "AWS_IAM"}
    if route["RouteKey"] == "$default":
        shown["isDefaultRoute"] = True
    integration = snapshot["integrations"].get(route.get("Target", "").removeprefix("integrations/"))
    if integration is not None:
        shown[INTEGRATION] = _integration(integration)
    return shown


def _integration(settings: dict[str, Any]) -> dict[str, Any]:
    shown = {member: settings[ours] for member, ours in INTEGRATION_MEMBERS.items() if settings.get(ours)}
    shown["type"] = settings["IntegrationType"].lower()
    if settings.get("ResponseParameters"):
        shown["responseParameters"] = settings["ResponseParameters"]
    return shown


def _scheme(settings: dict[str, Any]) -> dict[str, Any]:
    sources = settings.get("IdentitySource") or []
    told = {member: settings[ours] for member, ours in AUTHORIZER_MEMBERS.items() if settings.get(ours) is not None}
    told |= {"type": settings["AuthorizerType"].lower(), "identitySource": ",".join(sources)}
    if settings["AuthorizerType"] == "JWT":
        told["jwtConfiguration"] = _lowered(settings["JwtConfiguration"])
        return {"type": "oauth2", "flows": {}, AUTHORIZER: told}
    header = sources[0].rpartition(".")[2] if sources else "Authorization"
    return {"type": "apiKey", "name": header, "in": "header", AUTHORIZER: told}


def _lowered(value: dict[str, Any]) -> dict[str, Any]:
    return {name[:1].lower() + name[1:]: member for name, member in value.items()}


def _without_extensions(value: Any) -> Any:
    """The methods of any kind stay, though their name is an extension's."""
    if isinstance(value, list):
        return [_without_extensions(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_extensions(inner)
        for name, inner in value.items()
        if name == ANY or not name.startswith("x-amazon-apigateway-")
    }
