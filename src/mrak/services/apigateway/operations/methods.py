"""Methods of resources and their responses."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import AUTHORIZERS, MODELS, RESOURCES, VALIDATORS, Resource

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY")
_WITH_AUTHORIZER = ("CUSTOM", "COGNITO_USER_POOLS")
_TYPES = ("NONE", "AWS_IAM", *_WITH_AUTHORIZER)
_MEMBERS = (
    "authorizationType", "authorizerId", "operationName", "requestParameters", "requestModels", "requestValidatorId",
    "authorizationScopes",
)  # fmt: skip
_FIELDS = {
    "/authorizationType": patches.TEXT,
    "/authorizerId": patches.TEXT,
    "/apiKeyRequired": patches.BOOLEAN,
    "/operationName": patches.TEXT,
    "/requestValidatorId": patches.TEXT,
    "/authorizationScopes": patches.MEMBER,
    "/authorizationScopes/*": patches.MEMBER,
    "/requestParameters/*": patches.ANY_BOOLEAN,
    "/requestModels/*": patches.ANY_TEXT,
}
_RESPONSE_FIELDS = {"/responseParameters/*": patches.ANY_BOOLEAN, "/responseModels/*": patches.ANY_TEXT}


@operation("PutMethod")
def put_method(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    name = req["httpMethod"]
    if name not in _METHODS:
        raise errors.bad_request(
            "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"
        )
    parameters = req.get("requestParameters", {})
    if len({parameter.rpartition(".")[2] for parameter in parameters}) != len(parameters):
        raise errors.bad_request("Parameter names must be unique across querystring, header and path")
    if name in resource.methods:
        raise errors.conflict("Method already exists for this resource")
    method = {"httpMethod": name, "apiKeyRequired": req.get("apiKeyRequired", False)} | parts.given(req, *_MEMBERS)
    # AWS takes the type in any case: "none" is common in programs.
    method["authorizationType"] = method["authorizationType"].upper()
    check_method(tx, ctx.scope, resource.api, method)
    write_method(tx, ctx.scope, resource, name, method)
    return method


@operation("GetMethod")
def get_method(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.require_resource(tx, ctx.scope, req["restApiId"], req["resourceId"])
    return require_method(resource, req["httpMethod"])


@operation("UpdateMethod")
def update_method(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    style = patches.Style(_unknown_path, lambda _path, _op: errors.only_replace())
    changed = patches.apply(method, req.get("patchOperations"), _FIELDS, style)
    changed["authorizationType"] = changed["authorizationType"].upper()
    if changed["authorizationType"] not in _WITH_AUTHORIZER:
        # An authorizer that is given with a type that has none is passed over.
        changed.pop("authorizerId", None)
    check_method(tx, ctx.scope, resource.api, changed)
    write_method(tx, ctx.scope, resource, req["httpMethod"], changed)
    return changed


@operation("DeleteMethod")
def delete_method(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    resource = parts.open_resource(tx, ctx.scope, req)
    require_method(resource, req["httpMethod"])
    kept = {name: method for name, method in resource.methods.items() if name != req["httpMethod"]}
    RESOURCES.replace(tx, ctx.scope, resource, msgspec.structs.replace(resource, methods=kept))


@operation("PutMethodResponse")
def put_method_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    responses = method.get("methodResponses", {})
    if req["statusCode"] in responses:
        raise errors.conflict("Response already exists for this resource")
    response = parts.given(req, "statusCode", "responseParameters", "responseModels")
    _check_models(tx, ctx.scope, resource.api, response.get("responseModels", {}))
    changed = method | {"methodResponses": responses | {req["statusCode"]: response}}
    write_method(tx, ctx.scope, resource, req["httpMethod"], changed)
    return response


@operation("GetMethodResponse")
def get_method_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.require_resource(tx, ctx.scope, req["restApiId"], req["resourceId"])
    return _require_response(require_method(resource, req["httpMethod"]), req["statusCode"])


@operation("UpdateMethodResponse")
def update_method_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    response = _require_response(method, req["statusCode"])
    changed = patches.apply(response, req.get("patchOperations"), _RESPONSE_FIELDS, patches.SHORT)
    responses = method["methodResponses"] | {req["statusCode"]: changed}
    write_method(tx, ctx.scope, resource, req["httpMethod"], method | {"methodResponses": responses})
    return changed


@operation("DeleteMethodResponse")
def delete_method_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    _require_response(method, req["statusCode"])
    kept = {code: response for code, response in method["methodResponses"].items() if code != req["statusCode"]}
    changed = {name: value for name, value in method.items() if name != "methodResponses"}
    if kept:
        changed["methodResponses"] = kept
    write_method(tx, ctx.scope, resource, req["httpMethod"], changed)


def require_method(resource: Resource, name: str) -> dict[str, Any]:
    method = resource.methods.get(name)
    if method is None:
        raise errors.invalid("Method")
    return method


def write_method(tx: Transaction, scope: Scope, resource: Resource, name: str, method: dict[str, Any]) -> None:
    """The resource is open."""
    methods = resource.methods | {name: method}
    RESOURCES.replace(tx, scope, resource, msgspec.structs.replace(resource, methods=methods))


def check_method(tx: Transaction, scope: Scope, api_id: str, method: dict[str, Any]) -> None:
    kind = method["authorizationType"]
    if kind not in _TYPES:
        raise errors.bad_request(
            "Invalid authorization type specified. Valid options are: NONE, AWS_IAM, CUSTOM, COGNITO_USER_POOLS"
        )
    if kind in _WITH_AUTHORIZER:
        authorizer = AUTHORIZERS.get(tx, scope, api_id, method.get("authorizerId", ""))
        if authorizer is None or (authorizer.settings["type"] == "COGNITO_USER_POOLS") != (
            kind == "COGNITO_USER_POOLS"
        ):
            raise errors.invalid_authorizer()
    validator = method.get("requestValidatorId")
    if validator and VALIDATORS.get(tx, scope, api_id, validator) is None:
        raise errors.bad_request("Invalid Request Validator identifier specified")
    _check_models(tx, scope, api_id, method.get("requestModels", {}))


def _check_models(tx: Transaction, scope: Scope, api_id: str, models: dict[str, str]) -> None:
    for name in models.values():
        if MODELS.get(tx, scope, api_id, name) is None:
            raise errors.bad_request(f"Invalid model identifier specified: {name}")


def _require_response(method: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] | None = method.get("methodResponses", {}).get(code)
    if found is None:
        raise errors.unknown_status_code()
    return found


def _unknown_path(path: str, op: str, _known: list[str]) -> Exception:
    return errors.invalid_path(path) if op in ("add", "replace", "remove") else errors.only_replace()
