"""Integrations of methods and their responses."""

from __future__ import annotations

import re
from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.operations.methods import require_method, write_method

_MEMBERS = (
    "type", "uri", "connectionType", "connectionId", "credentials", "requestParameters", "requestTemplates",
    "passthroughBehavior", "cacheNamespace", "cacheKeyParameters", "contentHandling", "timeoutInMillis", "tlsConfig",
    "responseTransferMode", "integrationTarget",
)  # fmt: skip
_RESPONSE_MEMBERS = ("statusCode", "selectionPattern", "responseParameters", "responseTemplates", "contentHandling")
_PASSTHROUGH = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
_FIELDS = {
    "/type": patches.TEXT,
    "/httpMethod": patches.TEXT,
    "/uri": patches.TEXT,
    "/connectionType": patches.TEXT,
    "/connectionId": patches.TEXT,
    "/credentials": patches.ANY_TEXT,
    "/passthroughBehavior": patches.TEXT,
    "/contentHandling": patches.ANY_TEXT,
    "/timeoutInMillis": patches.INTEGER,
    "/cacheNamespace": patches.TEXT,
    "/cacheKeyParameters/*": patches.MEMBER,
    "/requestParameters/*": patches.ANY_TEXT,
    "/requestTemplates/*": patches.ANY_TEXT,
    "/responseTransferMode": patches.TEXT,
    "/tlsConfig/insecureSkipVerification": patches.BOOLEAN,
}
_RESPONSE_FIELDS = {
    "/selectionPattern": patches.ANY_TEXT,
    "/contentHandling": patches.ANY_TEXT,
    "/responseParameters/*": patches.ANY_TEXT,
    "/responseTemplates/*": patches.ANY_TEXT,
}
_SERVICE_URI = re.compile(r"arn:[a-z-]+:apigateway:[a-z0-9-]+:(?:[^:/]+\.)?([a-z0-9-]+):(path|action)/.*", re.DOTALL)


@operation("PutIntegration")
def put_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    integration = complete_integration(parts.given(req, *_MEMBERS), req.get("integrationHttpMethod"), resource.id)
    _check_role(ctx.scope, integration)
    write_method(tx, ctx.scope, resource, req["httpMethod"], method | {"methodIntegration": integration})
    return integration


def _check_role(scope: Scope, integration: dict[str, Any]) -> None:
    """Services other than Lambda are called as a role of this account, or as the caller."""
    if integration["type"] not in ("AWS", "AWS_PROXY"):
        return
    credentials = integration.get("credentials")
    service = _SERVICE_URI.fullmatch(integration["uri"])
    if not credentials and service is not None and service[1] != "lambda":
        raise errors.bad_request("Role ARN must be specified for AWS integrations")
    role = find_arn(credentials or "")
    if role is not None and role.account not in (scope.account, "*"):
        raise errors.cross_account_role()


def complete_integration(given: dict[str, Any], http_method: str | None, resource_id: str) -> dict[str, Any]:
    """An integration with AWS's defaults, checked."""
    integration = {
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29_000,
        "cacheNamespace": resource_id,
        "cacheKeyParameters": [],
    } | given
    kind = integration["type"]
    if http_method and kind != "MOCK":
        integration["httpMethod"] = http_method
    if kind in ("HTTP", "HTTP_PROXY"):
        integration.setdefault("connectionType", "INTERNET")
    _check(integration)
    return integration


def _check(integration: dict[str, Any]) -> None:
    kind, uri = integration["type"], integration.get("uri", "")
    if kind != "MOCK" and not integration.get("httpMethod"):
        raise errors.bad_request("Enumeration value for HttpMethod must be non-empty")
    if kind in ("HTTP", "HTTP_PROXY") and not uri.startswith(("http://", "https://", "${stageVariables")):
        raise errors.bad_request("Invalid HTTP endpoint specified for URI")
    if kind in ("AWS", "AWS_PROXY"):
        service = _SERVICE_URI.fullmatch(uri)
        if service is None:
            if not uri.startswith("arn:"):
                raise errors.bad_request("Invalid ARN specified in the request")
            raise errors.bad_request("AWS ARN for integration must contain path or action")
        if kind == "AWS_PROXY" and service[1] not in ("lambda", "firehose"):
            raise errors.bad_request(
                "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream "
                "invocations."
            )
    if integration["passthroughBehavior"] not in _PASSTHROUGH:
        raise errors.bad_request(
            "Invalid enum value for passthroughBehavior: must be one of: WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER"
        )
    if not 50 <= integration["timeoutInMillis"] <= 29_000:
        raise errors.bad_request("Timeout should be between 50 ms and 29000 ms")


@operation("GetIntegration")
def get_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.require_resource(tx, ctx.scope, req["restApiId"], req["resourceId"])
    return _require_integration(require_method(resource, req["httpMethod"]))


@operation("UpdateIntegration")
def update_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    changed = patches.apply(_require_integration(method), req.get("patchOperations"), _FIELDS)
    changed.setdefault("cacheKeyParameters", [])
    _check(changed)
    write_method(tx, ctx.scope, resource, req["httpMethod"], method | {"methodIntegration": changed})
    return changed


@operation("DeleteIntegration")
def delete_integration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    _require_integration(method)
    kept = {name: value for name, value in method.items() if name != "methodIntegration"}
    write_method(tx, ctx.scope, resource, req["httpMethod"], kept)


@operation("PutIntegrationResponse")
def put_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    integration = _require_integration(method)
    response = parts.given(req, *_RESPONSE_MEMBERS)
    responses = integration.get("integrationResponses", {}) | {req["statusCode"]: response}
    changed = integration | {"integrationResponses": responses}
    write_method(tx, ctx.scope, resource, req["httpMethod"], method | {"methodIntegration": changed})
    return response


@operation("GetIntegrationResponse")
def get_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.require_resource(tx, ctx.scope, req["restApiId"], req["resourceId"])
    integration = _require_integration(resource.methods.get(req["httpMethod"], {}))
    return _require_response(integration, req["statusCode"])


@operation("UpdateIntegrationResponse")
def update_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = require_method(resource, req["httpMethod"])
    integration = _require_integration(method)
    changed = patches.apply(
        _require_response(integration, req["statusCode"]), req.get("patchOperations"), _RESPONSE_FIELDS
    )
    responses = integration["integrationResponses"] | {req["statusCode"]: changed}
    whole = method | {"methodIntegration": integration | {"integrationResponses": responses}}
    write_method(tx, ctx.scope, resource, req["httpMethod"], whole)
    return changed


@operation("DeleteIntegrationResponse")
def delete_integration_response(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    resource = parts.open_resource(tx, ctx.scope, req)
    method = resource.methods.get(req["httpMethod"], {})
    integration = _require_integration(method)
    _require_response(integration, req["statusCode"])
    kept = {code: row for code, row in integration["integrationResponses"].items() if code != req["statusCode"]}
    changed = {name: value for name, value in integration.items() if name != "integrationResponses"}
    if kept:
        changed["integrationResponses"] = kept
    write_method(tx, ctx.scope, resource, req["httpMethod"], method | {"methodIntegration": changed})


def _require_integration(method: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] | None = method.get("methodIntegration")
    if found is None:
        raise errors.invalid("Integration")
    return found


def _require_response(integration: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] | None = integration.get("integrationResponses", {}).get(code)
    if found is None:
        raise errors.unknown_status_code()
    return found
