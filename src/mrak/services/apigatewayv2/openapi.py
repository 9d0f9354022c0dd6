"""OpenAPI definitions with API Gateway's extensions: what ImportApi and ReimportApi make of them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.services.apigatewayv2 import errors

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"
IAM = "x-amazon-apigateway-auth"
# Extension's member -> ours; those that keep their value.
INTEGRATION_MEMBERS = {
    "connectionId": "ConnectionId",
    "connectionType": "ConnectionType",
    "credentials": "CredentialsArn",
    "description": "Description",
    "httpMethod": "IntegrationMethod",
    "integrationSubtype": "IntegrationSubtype",
    "payloadFormatVersion": "PayloadFormatVersion",
    "requestParameters": "RequestParameters",
    "timeoutInMillis": "TimeoutInMillis",
    "tlsConfig": "TlsConfig",
    "uri": "IntegrationUri",
}
AUTHORIZER_MEMBERS = {
    "authorizerCredentials": "AuthorizerCredentialsArn",
    "authorizerPayloadFormatVersion": "AuthorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds": "AuthorizerResultTtlInSeconds",
    "authorizerUri": "AuthorizerUri",
    "enableSimpleResponses": "EnableSimpleResponses",
}


class Definition(msgspec.Struct):
    """What a document says, in AWS's spelling. `routes` have their integration beside them and name an authorizer."""

    settings: dict[str, Any]
    tags: dict[str, str]
    authorizers: dict[str, dict[str, Any]]
    routes: list[tuple[dict[str, Any], dict[str, Any] | None]]
    warnings: list[str]


def parse_definition(text: str, basepath: str) -> Definition:
    """The definition of an HTTP API; raises BadRequestException where the document is none."""
    document = parse_document(text)
    if not str(document.get("openapi", "")).startswith("3."):
        raise errors.bad_request("Unsupported OpenAPI version. HTTP APIs are defined with OpenAPI 3.0")
    info = _object(document.get("info"), "info")
    if not info.get("title"):
        raise errors.bad_request("Missing required field: info.title")
    settings: dict[str, Any] = {"Name": info["title"], "ProtocolType": "HTTP"}
    for member, ours in (("version", "Version"), ("description", "Description")):
        if info.get(member):
            settings[ours] = str(info[member])
    cors = document.get("x-amazon-apigateway-cors")
    if cors is not None:
        settings["CorsConfiguration"] = _capitalized(_object(cors, "x-amazon-apigateway-cors"))
    definition = Definition(settings, _tags(document), _authorizers(document), [], [])
    prefix = _base_path(document) if basepath == "prepend" else ""
    _add_routes(document, definition, prefix)
    return definition


def parse_document(text: str) -> dict[str, Any]:
    """A JSON or YAML object. YAML's aliases are refused, since they can grow without bound."""
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        decoded = _parse_yaml(text)
    if not isinstance(decoded, dict):
        raise errors.bad_request("Unable to parse API definition because of a malformed integration or document")
    return decoded


def _parse_yaml(text: str) -> Any:
    import yaml

    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise errors.bad_request("Unable to parse API definition: aliases are not supported")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return None


def _add_routes(document: dict[str, Any], definition: Definition, prefix: str) -> None:
    for path, item in _object(document.get("paths", {}), "paths").items():
        for method, operation in _object(item, path).items():
            if method not in _METHODS and method != ANY:
                continue
            key = _route_key(prefix, path, method)
            operation = _object(operation, key)
            route: dict[str, Any] = {"RouteKey": key}
            if operation.get("operationId"):
                route["OperationName"] = operation["operationId"]
            definition.warnings += _missing_schemas(document, f"paths.'{path}'({method})", operation)
            _apply_security(document, definition, operation, route)
            integration = _integration(document, operation, key)
            if integration is None:
                definition.warnings.append(f"No integration for the route {key}")
            definition.routes.append((route, integration))


def _missing_schemas(document: dict[str, Any], where: str, operation: dict[str, Any]) -> list[str]:
    """Warnings about schemas that responses and bodies name and that the document lacks."""
    places = {f"responses.{status}": each for status, each in _mapping(operation.get("responses")).items()}
    places["requestBody"] = operation.get("requestBody")
    found = []
    for place, each in places.items():
        for content in _mapping(_mapping(each).get("content")).values():
            name = _mapping(_mapping(content).get("schema")).get("$ref")
            if isinstance(name, str) and name.startswith("#/") and _find(document, name) is None:
                found.append(f"Parse issue: attribute {where}.{place}.content.schema.{name} is missing")
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _find(document: dict[str, Any], pointer: str) -> Any:
    """What a reference within the document points to."""
    found: Any = document
    for part in pointer.removeprefix("#/").split("/"):
        found = _mapping(found).get(part)
    return found


def _route_key(prefix: str, path: str, method: str) -> str:
    if path == "/$default" and method == ANY:
        return "$default"
    return f"{'ANY' if method == ANY else method.upper()} {(prefix + path) or '/'}"


def _apply_security(
    document: dict[str, Any], definition: Definition, operation: dict[str, Any], route: dict[str, Any]
) -> None:
    """The first requirement counts; `authorizer` is its name, which the import turns into an id."""
    if _object(operation.get(IAM, {}), IAM).get("type", "").upper() == "AWS_IAM":
        route["AuthorizationType"] = "AWS_IAM"
        return
    requirements = operation.get("security", document.get("security")) or []
    if not isinstance(requirements, list) or not requirements or not requirements[0]:
        return
    name, scopes = next(iter(_object(requirements[0], "security").items()))
    authorizer = definition.authorizers.get(name)
    if authorizer is None:
        definition.warnings.append(f"The security scheme {name} names no authorizer; the route is open")
        return
    route["authorizer"] = name
    route["AuthorizationType"] = "JWT" if authorizer["AuthorizerType"] == "JWT" else "CUSTOM"
    if scopes:
        route["AuthorizationScopes"] = scopes


def _integration(document: dict[str, Any], operation: dict[str, Any], key: str) -> dict[str, Any] | None:
    given = operation.get(INTEGRATION)
    if given is None:
        return None
    given = _object(given, key)
    if "$ref" in given:
        shared = _object(document.get("components", {}), "components").get("x-amazon-apigateway-integrations", {})
        name = str(given["$ref"]).rpartition("/")[2]
        if name not in shared:
            raise errors.bad_request(f"Unable to find the integration {given['$ref']}")
        given = _object(shared[name], name)
    made = {ours: given[member] for member, ours in INTEGRATION_MEMBERS.items() if member in given}
    made["IntegrationType"] = str(given.get("type", "http_proxy")).upper()
    if "PayloadFormatVersion" in made:
        made["PayloadFormatVersion"] = str(made["PayloadFormatVersion"])
    if "responseParameters" in given:
        made["ResponseParameters"] = {str(code): values for code, values in given["responseParameters"].items()}
    return made


def _authorizers(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    components = _object(document.get("components", {}), "components")
    for name, scheme in _object(components.get("securitySchemes", {}), "securitySchemes").items():
        given = _object(scheme, name).get(AUTHORIZER)
        if given is None:
            continue
        given = _object(given, name)
        made = {ours: given[member] for member, ours in AUTHORIZER_MEMBERS.items() if member in given}
        source = given.get("identitySource", "$request.header.Authorization")
        made |= {
            "Name": name,
            "AuthorizerType": str(given.get("type", "")).upper(),
            "IdentitySource": source if isinstance(source, list) else [part.strip() for part in source.split(",")],
        }
        if "jwtConfiguration" in given:
            made["JwtConfiguration"] = _capitalized(_object(given["jwtConfiguration"], name))
        if made["AuthorizerType"] not in ("JWT", "REQUEST"):
            raise errors.bad_request(f"Invalid authorizer type of {name}")
        found[name] = made
    return found


def _tags(document: dict[str, Any]) -> dict[str, str]:
    return {
        str(tag["name"]): str(tag["x-amazon-apigateway-tag-value"])
        for tag in document.get("tags") or []
        if isinstance(tag, dict) and "name" in tag and "x-amazon-apigateway-tag-value" in tag
    }


def _base_path(document: dict[str, Any]) -> str:
    servers = document.get("servers") or []
    if not servers or not isinstance(servers[0], dict):
        return ""
    variable = servers[0].get("variables", {}).get("basePath", {})
    base = str(variable.get("default", "")).strip("/")
    return f"/{base}" if base else ""


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise errors.bad_request(f"Unable to parse API definition: {where} has to be an object")
    return value


def _capitalized(value: dict[str, Any]) -> dict[str, Any]:
    return {name[:1].upper() + name[1:]: member for name, member in value.items()}
