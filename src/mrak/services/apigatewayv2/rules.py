"""Checks beyond the model, and what AWS fills in where a request says nothing."""

from __future__ import annotations

import re
from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import errors
from mrak.services.apigatewayv2.tables import AUTHORIZERS, INTEGRATIONS, ROUTES, Api

_METHODS = frozenset({"ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}")
_STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STAGE_VARIABLE = re.compile(r"[A-Za-z0-9_]+")
_STAGE_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")
_MOST_ROUTES = 300
_MOST_INTEGRATIONS = 300
_MOST_AUTHORIZERS = 10
_HTTP_TYPES = ("AWS_PROXY", "HTTP_PROXY")
_WEBSOCKET_MOST_MILLISECONDS = 29_000
# AWS services that an integration can call, as service and operation.
SUBTYPES = {
    "EventBridge-PutEvents": ("events", "PutEvents"),
    "SQS-SendMessage": ("sqs", "SendMessage"),
    "SQS-ReceiveMessage": ("sqs", "ReceiveMessage"),
    "SQS-DeleteMessage": ("sqs", "DeleteMessage"),
    "SQS-PurgeQueue": ("sqs", "PurgeQueue"),
    "AppConfig-GetConfiguration": ("appconfig", "GetConfiguration"),
    "Kinesis-PutRecord": ("kinesis", "PutRecord"),
    "StepFunctions-StartExecution": ("stepfunctions", "StartExecution"),
    "StepFunctions-StartSyncExecution": ("stepfunctions", "StartSyncExecution"),
    "StepFunctions-StopExecution": ("stepfunctions", "StopExecution"),
}


def is_http(api: Api) -> bool:
    return bool(api.settings["ProtocolType"] == "HTTP")


def parse_route_key(key: str) -> tuple[str, list[str]]:
    """(method, path segments) of an HTTP API's route key; ("$default", []) for the one that takes the rest."""
    if key == "$default":
        return key, []
    method, _, path = key.partition(" ")
    if method not in _METHODS or not path.startswith("/") or " " in path:
        raise errors.malformed_http_route_key()
    segments = path[1:].split("/") if path != "/" else []
    for at, segment in enumerate(segments):
        variable = _VARIABLE.fullmatch(segment)
        if ("{" in segment or "}" in segment) and variable is None:
            raise errors.malformed_http_route_key()
        if variable is not None and variable[2] and at != len(segments) - 1:
            raise errors.malformed_http_route_key()
    return method, segments


def check_route(tx: Transaction, scope: Scope, api: Api, settings: dict[str, Any], route_id: str) -> dict[str, Any]:
    defaults: dict[str, Any] = {"ApiKeyRequired": False, "AuthorizationType": "NONE"}
    settings = defaults | settings
    if is_http(api):
        parse_route_key(settings["RouteKey"])
    _check_route_is_new(tx, scope, api, settings["RouteKey"], route_id)
    target = settings.get("Target", "")
    if target:
        sort, _, integration = target.partition("/")
        if sort != "integrations" or INTEGRATIONS.get(tx, scope, api.id, integration) is None:
            raise errors.bad_request(f"Integration identifier {integration or target} is not valid for this API")
    _check_authorization(tx, scope, api, settings)
    return settings


def _check_route_is_new(tx: Transaction, scope: Scope, api: Api, key: str, route_id: str) -> None:
    others = [row for row in ROUTES.scan(tx, scope, api.id) if row.id != route_id]
    if len(others) >= _MOST_ROUTES:
        raise errors.too_many("Routes", _MOST_ROUTES)
    for other in others:
        if other.settings["RouteKey"] == key:
            raise errors.route_exists(key)
    if is_http(api) and "{" in key:
        for other in others:
            _check_variables(key, other.settings["RouteKey"])


def _check_variables(key: str, other_key: str) -> None:
    """Two keys that are the same but for a variable's name can't be told apart."""
    if _VARIABLE.sub(r"{\2}", key) == _VARIABLE.sub(r"{\2}", other_key):
        raise errors.conflicting_variable(key, other_key)


def _check_authorization(tx: Transaction, scope: Scope, api: Api, settings: dict[str, Any]) -> None:
    kind, authorizer_id = settings["AuthorizationType"], settings.get("AuthorizerId", "")
    if kind in ("NONE", "AWS_IAM"):
        if kind == "NONE" and settings.get("AuthorizationScopes"):
            raise errors.bad_request("AuthorizationScopes can't be specified without a JWT authorizer")
        return
    if not authorizer_id:
        raise errors.bad_request("AuthorizerId is required when AuthorizationType is JWT or CUSTOM")
    authorizer = AUTHORIZERS.get(tx, scope, api.id, authorizer_id)
    if authorizer is None:
        raise errors.bad_request(f"Invalid authorizer identifier specified {authorizer_id}")
    wanted = "JWT" if authorizer.settings["AuthorizerType"] == "JWT" else "CUSTOM"
    if wanted != kind:
        raise errors.bad_request(f"Authorizer type does not match authorization type {kind}")


def check_integration(
    tx: Transaction, scope: Scope, api: Api, settings: dict[str, Any], integration_id: str
) -> dict[str, Any]:
    http = is_http(api)
    kind, uri = settings["IntegrationType"], settings.get("IntegrationUri", "")
    if http and kind not in _HTTP_TYPES:
        raise errors.bad_request("Only AWS_PROXY and HTTP_PROXY integration types are supported for HTTP APIs")
    if kind == "AWS_PROXY" and "IntegrationSubtype" not in settings and find_function_arn(uri) is None:
        raise errors.bad_request("Invalid function ARN or invalid uri")
    if kind in ("HTTP_PROXY", "HTTP") and not uri:
        raise errors.bad_request("IntegrationUri must be specified for HTTP integrations")
    if http and kind == "AWS_PROXY" and "PayloadFormatVersion" not in settings:
        raise errors.bad_request("PayloadFormatVersion is a required parameter for integration")
    _check_subtype(settings)
    if settings.get("PayloadFormatVersion", "1.0") not in ("1.0", "2.0"):
        raise errors.bad_request("PayloadFormatVersion must be 1.0 or 2.0")
    if http and kind == "HTTP_PROXY" and "IntegrationMethod" not in settings:
        raise errors.bad_request("HttpMethod must be specified for HTTP_PROXY integrations")
    if http:
        filled = {"ConnectionType": "INTERNET", "PayloadFormatVersion": "1.0", "TimeoutInMillis": 30_000}
        if "IntegrationSubtype" not in settings and kind == "AWS_PROXY":
            filled["IntegrationMethod"] = "POST"
        return filled | settings
    if settings.get("TimeoutInMillis", 0) > _WEBSOCKET_MOST_MILLISECONDS:
        raise errors.bad_request("Timeout should be between 50 ms and 29000 ms")
    return {
        "ConnectionType": "INTERNET",
        "IntegrationResponseSelectionExpression": "${integration.response.statuscode}",
        "PassthroughBehavior": "WHEN_NO_MATCH",
        "PayloadFormatVersion": "1.0",
        "TimeoutInMillis": _WEBSOCKET_MOST_MILLISECONDS,
    } | settings


def _check_subtype(settings: dict[str, Any]) -> None:
    if "IntegrationSubtype" not in settings:
        return
    if settings["IntegrationSubtype"] not in SUBTYPES:
        raise errors.bad_request(f"Invalid IntegrationSubtype {settings['IntegrationSubtype']}")
    if settings.get("PayloadFormatVersion") != "1.0":
        raise errors.bad_request("PayloadFormatVersion must be 1.0 for integrations with IntegrationSubtype")
    if not settings.get("CredentialsArn"):
        raise errors.bad_request("CredentialsArn must be specified for integrations with IntegrationSubtype")


def check_count_of_integrations(tx: Transaction, scope: Scope, api_id: str) -> None:
    if INTEGRATIONS.count(tx, scope, api_id) >= _MOST_INTEGRATIONS:
        raise errors.too_many("Integrations", _MOST_INTEGRATIONS)


def check_authorizer(
    tx: Transaction, scope: Scope, api: Api, settings: dict[str, Any], authorizer_id: str
) -> dict[str, Any]:
    others = [row for row in AUTHORIZERS.scan(tx, scope, api.id) if row.id != authorizer_id]
    if len(others) >= _MOST_AUTHORIZERS:
        raise errors.too_many("Authorizers", _MOST_AUTHORIZERS)
    if any(row.settings["Name"] == settings["Name"] for row in others):
        raise errors.bad_request(f"Authorizer name must be unique. Authorizer {settings['Name']} already exists")
    if settings["AuthorizerType"] == "JWT":
        return _check_jwt_authorizer(api, settings)
    if find_function_arn(settings.get("AuthorizerUri", "")) is None:
        raise errors.bad_request("Invalid Authorizer URI: it has to name a Lambda function")
    if not is_http(api):
        return settings
    if "AuthorizerPayloadFormatVersion" not in settings:
        raise errors.bad_request("AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer")
    return {"AuthorizerResultTtlInSeconds": 300, "EnableSimpleResponses": False} | settings


def _check_jwt_authorizer(api: Api, settings: dict[str, Any]) -> dict[str, Any]:
    if not is_http(api):
        raise errors.bad_request("Only REQUEST authorizers are supported for WebSocket APIs")
    configuration = settings.get("JwtConfiguration", {})
    if not configuration.get("Issuer"):
        raise errors.bad_request("Issuer is required for JWT authorizer")
    if not configuration.get("Audience"):
        raise errors.bad_request("Audience is required for JWT authorizer")
    if len(settings["IdentitySource"]) != 1:
        raise errors.bad_request("JWT authorizer needs exactly one identity source")
    return settings


def check_stage_name(api: Api, name: str) -> None:
    if name == "$default" and is_http(api):
        return
    if not _STAGE_NAME.fullmatch(name):
        raise errors.bad_request(
            "Stage name can only contain alphanumeric characters, hyphens, and underscores, or be $default."
        )


def check_stage_variables(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        if not _STAGE_VARIABLE.fullmatch(name):
            raise errors.bad_request(
                f"Invalid stage variable name: {name}. Only alphanumeric characters and _ can be used"
            )
        if not _STAGE_VARIABLE_VALUE.fullmatch(value):
            raise errors.bad_request(f"Invalid stage variable value: {value}")


def check_cors(cors: dict[str, Any]) -> None:
    origins = cors.get("AllowOrigins", [])
    if cors.get("AllowCredentials") and "*" in origins:
        raise errors.bad_request("AllowCredentials is not supported for AllowOrigins *")
    for origin in origins:
        if origin != "*" and "://" not in origin:
            raise errors.bad_request(f"Invalid format for origin {origin}. Origin should include scheme")


def check_model(tx: Transaction, scope: Scope, api: Api, settings: dict[str, Any], model_id: str) -> dict[str, Any]:
    return {"ContentType": "application/json"} | settings


def find_function_arn(uri: str) -> str | None:
    """The function that an integration's or authorizer's URI names, in either form; None where it names none. Stage
    variables may stand in it."""
    if uri.startswith("arn:") and ":apigateway:" in uri and "/functions/" in uri:
        uri = uri.partition("/functions/")[2].removesuffix("/invocations")
    if uri.startswith(("${stageVariables.", "$stageVariables.")):
        return uri
    found = find_arn(uri)
    return uri if found is not None and found.service == "lambda" else None
