"""GetExport: what a stage serves, as Swagger 2.0 or OpenAPI 3.0, with or without API Gateway's extensions.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-export-api.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.protocol.times import render_iso8601
from mrak.services.apigateway import errors, parts, snapshots
from mrak.services.apigateway.operations.stages import require_stage
from mrak.services.apigatewayv2.exports import api_url

_PLACES = {"path": "path", "querystring": "query", "header": "header"}
_INTEGRATION_MEMBERS = (
    "httpMethod", "uri", "credentials", "requestParameters", "requestTemplates", "contentHandling", "connectionId",
    "passthroughBehavior",
)  # fmt: skip
_RESPONSE_MEMBERS = ("statusCode", "responseParameters", "responseTemplates", "contentHandling")
_DEFAULT_TIMEOUT_MILLISECONDS = 29_000


class _Writer:
    """A document of one of the two kinds."""

    def __init__(self, snapshot: dict[str, Any], is_swagger: bool, extensions: str) -> None:
        self._snapshot = snapshot
        self._is_swagger = is_swagger
        self._with_integrations = extensions in ("integrations", "apigateway")
        self._with_authorizers = extensions in ("authorizers", "apigateway")
        self._models: set[str] = set()
        self._schemes: dict[str, dict[str, Any]] = {}

    def render(self, url: str, stage: str) -> dict[str, Any]:
        settings = self._snapshot["settings"]
        info = {"title": settings["name"]}
        for member in ("description", "version"):
            if member in settings:
                info[member] = settings[member]
        paths = {
            resource["path"]: {
                "x-amazon-apigateway-any-method" if verb == "ANY" else verb.lower(): self._method(method)
                for verb, method in sorted(resource["methods"].items())
            }
            for resource in sorted(self._snapshot["resources"], key=lambda row: str(row["path"]))
            if resource["methods"]
        }
        document: dict[str, Any] = {"info": info, "paths": paths}
        scheme, _, host = url.partition("://")
        if self._is_swagger:
            document |= {"swagger": "2.0", "host": host, "basePath": f"/{stage}", "schemes": [scheme]}
            document |= {"securityDefinitions": self._schemes} if self._schemes else {}
            document |= {"definitions": self._schemas()} if self._models else {}
        else:
            base = {"basePath": {"default": stage}}
            document |= {"openapi": "3.0.1", "servers": [{"url": f"{url}/{{basePath}}", "variables": base}]}
            components = {"schemas": self._schemas()} if self._models else {}
            document["components"] = components | ({"securitySchemes": self._schemes} if self._schemes else {})
        if self._with_integrations and settings.get("binaryMediaTypes"):
            document["x-amazon-apigateway-binary-media-types"] = settings["binaryMediaTypes"]
        return document

    def _method(self, method: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {"operationId": method["operationName"]} if "operationName" in method else {}
        parameters = [self._parameter(*row) for row in sorted(method.get("requestParameters", {}).items())]
        models = method.get("requestModels", {})
        if models and self._is_swagger:
            schema = self._reference(next(iter(models.values())))
            name = next(iter(models.values()))
            parameters.append({"in": "body", "name": name, "required": True, "schema": schema})
            shown["consumes"] = list(models)
        elif models:
            content = {kind: {"schema": self._reference(name)} for kind, name in models.items()}
            shown["requestBody"] = {"content": content, "required": True}
        if parameters:
            shown["parameters"] = parameters
        responses = method.get("methodResponses", {})
        shown["responses"] = {code: self._response(code, row) for code, row in responses.items()}
        security = self._security(method)
        if security:
            shown["security"] = security
        if self._with_integrations and "methodIntegration" in method:
            shown["x-amazon-apigateway-integration"] = _integration(method["methodIntegration"])
        return shown

    def _parameter(self, name: str, required: bool) -> dict[str, Any]:
        place, _, own = name.removeprefix("method.request.").partition(".")
        shown: dict[str, Any] = {"name": own, "in": _PLACES.get(place, "query")}
        if self._is_swagger:
            return shown | {"required": required, "type": "string"}
        return shown | ({"required": True} if required else {}) | {"schema": {"type": "string"}}

    def _response(self, code: str, response: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {"description": f"{code} response"}
        kind: dict[str, Any] = {"type": "string"} if self._is_swagger else {"schema": {"type": "string"}}
        headers = [name.removeprefix("method.response.header.") for name in response.get("responseParameters", {})]
        if headers:
            shown["headers"] = dict.fromkeys(headers, kind)
        models = response.get("responseModels", {})
        if not self._is_swagger:
            shown["content"] = {media: {"schema": self._reference(name)} for media, name in models.items()}
        elif models:
            shown["schema"] = self._reference(next(iter(models.values())))
        return shown

    def _security(self, method: dict[str, Any]) -> list[dict[str, list[str]]]:
        wanted: list[dict[str, list[str]]] = []
        if method["authorizationType"] == "AWS_IAM":
            self._schemes["sigv4"] = {
                "type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4",
            }  # fmt: skip
            wanted.append({"sigv4": []})
        authorizer = self._snapshot["authorizers"].get(method.get("authorizerId", ""))
        if authorizer is not None:
            header = authorizer.get("identitySource", "").rpartition(".")[2] or "Unused"
            scheme = {"type": "apiKey", "name": header, "in": "header"}
            scheme["x-amazon-apigateway-authtype"] = authorizer["authType"]
            if self._with_authorizers:
                kept = {name: value for name, value in authorizer.items() if name not in ("id", "name", "authType")}
                scheme["x-amazon-apigateway-authorizer"] = kept | {"type": authorizer["type"].lower()}
            self._schemes[authorizer["name"]] = scheme
            wanted.append({authorizer["name"]: method.get("authorizationScopes", [])})
        if method["apiKeyRequired"]:
            self._schemes["api_key"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
            wanted.append({"api_key": []})
        return wanted

    def _reference(self, name: str) -> dict[str, str]:
        self._models.add(name)
        return {"$ref": f"#/{'definitions' if self._is_swagger else 'components/schemas'}/{name}"}

    def _schemas(self) -> dict[str, Any]:
        """The models that were named, and those that they name."""
        found: dict[str, Any] = {}
        waiting = sorted(self._models)
        while waiting:
            name = waiting.pop()
            text = self._snapshot["models"].get(name)
            if name in found or text is None:
                continue
            found[name] = self._local(msgspec.json.decode(text), waiting)
        return dict(sorted(found.items()))

    def _local(self, value: Any, waiting: list[str]) -> Any:
        if isinstance(value, list):
            return [self._local(item, waiting) for item in value]
        if not isinstance(value, dict):
            return value
        made = {key: self._local(item, waiting) for key, item in value.items()}
        if isinstance(made.get("$ref"), str):
            name = made["$ref"].rpartition("/")[2]
            waiting.append(name)
            made["$ref"] = self._reference(name)["$ref"]
        return made


@operation("GetExport")
def get_export(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    kind = req["exportType"]
    if kind not in ("swagger", "oas30"):
        raise errors.bad_request(f"No API exporter for type '{kind}'")
    parts.require_api(tx, ctx.scope, req["restApiId"])
    stage = require_stage(tx, ctx.scope, req["restApiId"], req["stageName"])
    deployment = snapshots.require_deployment(tx, ctx.scope, stage.api, stage.settings["deploymentId"])
    snapshot = msgspec.msgpack.decode(deployment.snapshot)
    writer = _Writer(snapshot, kind == "swagger", req.get("parameters", {}).get("extensions", ""))
    # An API without a version has that of its deployment's day (recorded: test_export_oas30_openapi).
    version = snapshot["settings"].setdefault("version", render_iso8601(int(deployment.created_at)))
    document = writer.render(api_url(ctx, stage.api), stage.id)
    is_yaml = "yaml" in req.get("accepts", "application/json")
    suffix = "yaml" if is_yaml else "json"
    return {
        "contentType": "application/octet-stream",
        "contentDisposition": f'attachment; filename="{kind}_{version}.{suffix}"',
        "body": _yaml(document) if is_yaml else msgspec.json.format(msgspec.json.encode(document), indent=2),
    }


def _integration(integration: dict[str, Any]) -> dict[str, Any]:
    shown = {name: integration[name] for name in _INTEGRATION_MEMBERS if integration.get(name)}
    shown |= {"type": integration["type"].lower(), "passthroughBehavior": integration["passthroughBehavior"].lower()}
    if integration["timeoutInMillis"] != _DEFAULT_TIMEOUT_MILLISECONDS:
        shown["timeoutInMillis"] = integration["timeoutInMillis"]
    responses = {
        row.get("selectionPattern") or "default": {name: row[name] for name in _RESPONSE_MEMBERS if row.get(name)}
        for row in integration.get("integrationResponses", {}).values()
    }
    return shown | ({"responses": responses} if responses else {})


def _yaml(document: dict[str, Any]) -> bytes:
    import yaml

    return yaml.safe_dump(document, sort_keys=False).encode()
