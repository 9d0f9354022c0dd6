"""OpenAPI 2 and 3 definitions with API Gateway's extensions: what ImportRestApi and PutRestApi make of them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.services.apigateway import errors
from mrak.services.apigatewayv2.exports import parse_document

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ANY = "x-amazon-apigateway-any-method"
_KEPT = (
    "cacheKeyParameters", "cacheNamespace", "connectionId", "connectionType", "credentials", "requestParameters",
    "requestTemplates", "timeoutInMillis", "uri", "tlsConfig",
)  # fmt: skip
_PATH_PARAMETER = re.compile(r"\{([^{}/+]+)\+?\}")
_PLACES = {"path": "path", "query": "querystring", "header": "header"}
_AUTHORIZER_MEMBERS = (
    "authorizerUri", "authorizerCredentials", "identitySource", "identityValidationExpression",
    "authorizerResultTtlInSeconds", "providerARNs",
)  # fmt: skip


class Definition(msgspec.Struct):
    """What a document says, in AWS's spelling. A method names its authorizer and validator, which have no ids yet."""

    settings: dict[str, Any]
    authorizers: dict[str, dict[str, Any]]
    validators: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    responses: dict[str, dict[str, Any]]
    documentation: list[dict[str, Any]]
    methods: list[tuple[str, str, dict[str, Any]]]


def parse_definition(body: bytes, basepath: str) -> Definition:
    """Raises BadRequestException where the document is none."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise errors.bad_request("Unable to build importer with provided input.") from None
    document = parse_document(text)
    if not str(document.get("swagger", document.get("openapi", ""))).startswith(("2.", "3.")):
        raise errors.bad_request("Invalid OpenAPI input.")
    schemes = document.get("securityDefinitions") or document.get("components", {}).get("securitySchemes") or {}
    documentation = document.get("x-amazon-apigateway-documentation", {}).get("documentationParts", [])
    definition = Definition(
        settings=_settings(document),
        authorizers=_authorizers(schemes),
        validators=document.get("x-amazon-apigateway-request-validators", {}),
        models=_models(document),
        responses=_responses(document),
        documentation=documentation,
        methods=[],
    )
    prefix = _prefix(document, basepath)
    for path, item in _object(document.get("paths", {}), "paths").items():
        shared = _object(item, path).get("parameters", [])
        for name, operation in item.items():
            if name in _METHODS or name == _ANY:
                http_method = "ANY" if name == _ANY else name.upper()
                method = _method(document, schemes, _object(operation, name), [*_named_in(path), *shared])
                definition.methods.append((prefix + path.rstrip("/") or "/", http_method, method))
        if prefix + path and not any(found[0] == (prefix + path.rstrip("/") or "/") for found in definition.methods):
            definition.methods.append((prefix + path.rstrip("/") or "/", "", {}))
    return definition


def _settings(document: dict[str, Any]) -> dict[str, Any]:
    info = _object(document.get("info", {}), "info")
    settings: dict[str, Any] = {"name": str(info.get("title") or "imported")}
    for member in ("description", "version"):
        if info.get(member):
            settings[member] = str(info[member])
    extensions = {
        "x-amazon-apigateway-binary-media-types": "binaryMediaTypes",
        "x-amazon-apigateway-api-key-source": "apiKeySource",
        "x-amazon-apigateway-minimum-compression-size": "minimumCompressionSize",
    }
    for extension, member in extensions.items():
        if extension in document:
            settings[member] = document[extension]
    if "x-amazon-apigateway-policy" in document:
        settings["policy"] = msgspec.json.encode(document["x-amazon-apigateway-policy"]).decode()
    return settings


def _prefix(document: dict[str, Any], basepath: str) -> str:
    base = str(document.get("basePath", "")).strip("/")
    servers = document.get("servers") or []
    if not base and servers and isinstance(servers[0], dict):
        base = str(servers[0].get("variables", {}).get("basePath", {}).get("default", "")).strip("/")
    if basepath == "prepend":
        return f"/{base}" if base else ""
    if basepath == "split" and "/" in base:
        return "/" + base.partition("/")[2]
    return ""


def _authorizers(schemes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, scheme in schemes.items():
        given = _object(scheme, name).get("x-amazon-apigateway-authorizer")
        if given is None:
            continue
        made = {member: given[member] for member in _AUTHORIZER_MEMBERS if member in given}
        made |= {"name": name, "type": str(given.get("type", "token")).upper()}
        if made["type"] != "REQUEST" and not made.get("identitySource"):
            made["identitySource"] = f"method.request.header.{scheme.get('name', 'Authorization')}"
        if "authorizerResultTtlInSeconds" in made:
            made["authorizerResultTtlInSeconds"] = int(made["authorizerResultTtlInSeconds"])
        found[name] = made
    return found


def _models(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    schemas = document.get("definitions") or document.get("components", {}).get("schemas") or {}
    found = {}
    for name, schema in schemas.items():
        model = {"name": name, "contentType": "application/json", "schema": schema}
        if isinstance(schema, dict) and schema.get("description"):
            model["description"] = schema["description"]
        found[name] = model
    return found


def render_schema(schema: Any, api_id: str) -> str:
    """The schema with references to other models as API Gateway writes them."""
    return msgspec.json.encode(_rewrite(schema, api_id)).decode()


def _rewrite(value: Any, api_id: str) -> Any:
    if isinstance(value, list):
        return [_rewrite(item, api_id) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _rewrite(item, api_id) for key, item in value.items()}
    reference = made.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        made["$ref"] = f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{reference.rpartition('/')[2]}"
    return made


def _responses(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    given = document.get("x-amazon-apigateway-gateway-responses", {})
    return {
        kind: {
            member: str(value) if member == "statusCode" else value
            for member, value in response.items()
            if member in ("statusCode", "responseParameters", "responseTemplates")
        }
        for kind, response in given.items()
    }


def _named_in(path: str) -> list[dict[str, Any]]:
    """The parameters that a path names itself: AWS requires them of each of its methods, declared or not."""
    return [{"in": "path", "name": name, "required": True} for name in _PATH_PARAMETER.findall(path)]


def _method(
    document: dict[str, Any], schemes: dict[str, Any], operation: dict[str, Any], shared: list[Any]
) -> dict[str, Any]:
    method: dict[str, Any] = {"apiKeyRequired": False, "authorizationType": "NONE"}
    if operation.get("operationId"):
        method["operationName"] = operation["operationId"]
    _apply_security(operation.get("security", document.get("security")) or [], schemes, method)
    _apply_parameters(document, operation, shared, method)
    validator = operation.get(
        "x-amazon-apigateway-request-validator", document.get("x-amazon-apigateway-request-validator")
    )
    if validator:
        method["validator"] = validator
    responses = _method_responses(document, operation)
    if responses:
        method["methodResponses"] = responses
    integration = operation.get("x-amazon-apigateway-integration")
    if integration is not None:
        method["integration"] = _integration(_object(integration, "x-amazon-apigateway-integration"))
    return method


def _apply_security(requirements: list[Any], schemes: dict[str, Any], method: dict[str, Any]) -> None:
    for requirement in requirements:
        for name, scopes in requirement.items():
            scheme = schemes.get(name, {})
            if "x-amazon-apigateway-authorizer" in scheme:
                pools = str(scheme["x-amazon-apigateway-authorizer"].get("type", "")).lower() == "cognito_user_pools"
                method["authorizationType"] = "COGNITO_USER_POOLS" if pools else "CUSTOM"
                method["authorizer"] = name
                if scopes:
                    method["authorizationScopes"] = scopes
            elif scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
                method["authorizationType"] = "AWS_IAM"
            elif scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key":
                method["apiKeyRequired"] = True


def _apply_parameters(
    document: dict[str, Any], operation: dict[str, Any], shared: list[Any], method: dict[str, Any]
) -> None:
    parameters: dict[str, bool] = {}
    models: dict[str, str] = {}
    for given in [*shared, *operation.get("parameters", [])]:
        parameter = _resolve(document, given)
        place = _PLACES.get(parameter.get("in", ""))
        if place:
            parameters[f"method.request.{place}.{parameter['name']}"] = bool(parameter.get("required", False))
        elif parameter.get("in") == "body":
            name = _model_name(parameter.get("schema", {}))
            kinds = operation.get("consumes", document.get("consumes")) or ["application/json"]
            models |= dict.fromkeys(kinds, name) if name else {}
    content = _resolve(document, operation.get("requestBody", {})).get("content", {})
    for kind, media in content.items():
        name = _model_name(media.get("schema", {}))
        if name:
            models[kind] = name
    if parameters:
        method["requestParameters"] = parameters
    if models:
        method["requestModels"] = models


def _method_responses(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for code, given in operation.get("responses", {}).items():
        status, response = str(code), _resolve(document, given)
        if not status.isdigit():
            continue
        made: dict[str, Any] = {"statusCode": status}
        if response.get("headers"):
            made["responseParameters"] = {f"method.response.header.{name}": False for name in response["headers"]}
        models = {kind: _model_name(media.get("schema", {})) for kind, media in response.get("content", {}).items()}
        if "schema" in response:
            kinds = operation.get("produces", document.get("produces")) or ["application/json"]
            models |= {kind: _model_name(response["schema"]) for kind in kinds}
        named = {kind: name for kind, name in models.items() if name}
        if named:
            made["responseModels"] = named
        found[status] = made
    return found


def _integration(given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {member: given[member] for member in _KEPT if given.get(member) is not None}
    made["type"] = str(given.get("type", "mock")).upper()
    for member in ("passthroughBehavior", "contentHandling", "connectionType"):
        if given.get(member):
            made[member] = str(given[member]).upper()
    if "timeoutInMillis" in made:
        made["timeoutInMillis"] = int(made["timeoutInMillis"])
    responses = {}
    for pattern, response in given.get("responses", {}).items():
        status = str(response.get("statusCode", "200"))
        one: dict[str, Any] = {"statusCode": status}
        if pattern != "default":
            one["selectionPattern"] = str(pattern)
        for member in ("responseParameters", "responseTemplates"):
            if response.get(member):
                one[member] = response[member]
        if response.get("contentHandling"):
            one["contentHandling"] = str(response["contentHandling"]).upper()
        responses[status] = one
    if responses:
        made["integrationResponses"] = responses
    made["integrationHttpMethod"] = str(given["httpMethod"]).upper() if given.get("httpMethod") else None
    return made


def _resolve(document: dict[str, Any], value: Any) -> dict[str, Any]:
    """A `$ref` of the document's own, one level deep."""
    if not isinstance(value, dict):
        raise errors.bad_request("Invalid OpenAPI input.")
    reference = value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return value
    found: Any = document
    for part in reference[2:].split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _model_name(schema: Any) -> str:
    reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
    return str(reference).rpartition("/")[2]


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise errors.bad_request(f"Invalid OpenAPI input: {where} has to be an object")
    return value
