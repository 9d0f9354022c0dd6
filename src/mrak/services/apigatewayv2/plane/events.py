"""What a function gets: payload format 2.0, and 1.0 as HTTP APIs make it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mrak.services.apigatewayv2.plane.call import Call, forwarded_headers, render_body


def render_time(moment: float) -> str:
    """As access logs write it: 09/Apr/2015:12:34:56 +0000."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def render_v2(call: Call) -> dict[str, Any]:
    """Members without a value are left out, as AWS does."""
    request = call.request
    headers = forwarded_headers(call)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": call.route["RouteKey"],
        "rawPath": call.path,
        "rawQueryString": request.query,
    }
    cookie = headers.pop("cookie", None)
    if cookie is not None:
        event["cookies"] = [part.strip() for part in cookie.split(";") if part.strip()]
    event["headers"] = headers
    if request.query_pairs:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in group(request.query_pairs).items()}
    event["requestContext"] = render_context_v2(call)
    body, in_base64 = render_body(request)
    if body is not None:
        event["body"] = body
    if call.path_parameters:
        event["pathParameters"] = call.path_parameters
    event["isBase64Encoded"] = in_base64
    if call.stage_variables:
        event["stageVariables"] = call.stage_variables
    return event


def render_context_v2(call: Call) -> dict[str, Any]:
    request = call.request
    context: dict[str, Any] = {"accountId": call.account, "apiId": call.api_id}
    if call.authorizer is not None:
        context["authorizer"] = call.authorizer
    return context | {
        "domainName": call.host,
        "domainPrefix": call.domain_prefix,
        "http": {
            "method": request.method,
            "path": call.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.peer,
            "userAgent": call.user_agent,
        },
        "requestId": call.extended_id,
        "routeKey": call.route["RouteKey"],
        "stage": call.stage,
        "time": render_time(call.ctx.now),
        "timeEpoch": int(call.ctx.now * 1000),
    }


def render_v1(call: Call) -> dict[str, Any]:
    """Members without a value are null."""
    request = call.request
    headers = forwarded_headers(call)
    body, in_base64 = render_body(request)
    query = group(request.query_pairs)
    resource = call.route["RouteKey"].partition(" ")[2] or call.path
    return {
        "version": "1.0",
        "resource": resource,
        "path": call.path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": _context_v1(call, resource),
        "pathParameters": call.path_parameters or None,
        "stageVariables": call.stage_variables or None,
        "body": body,
        "isBase64Encoded": in_base64,
    }


def _context_v1(call: Call, resource: str) -> dict[str, Any]:
    request = call.request
    return {
        "accountId": call.account,
        "apiId": call.api_id,
        "authorizer": _authorizer_v1(call.authorizer),
        "domainName": call.host,
        "domainPrefix": call.domain_prefix,
        "extendedRequestId": call.extended_id,
        "httpMethod": request.method,
        "identity": _identity_v1(call),
        "path": call.path,
        "protocol": "HTTP/1.1",
        "requestId": call.extended_id,
        "requestTime": render_time(call.ctx.now),
        "requestTimeEpoch": int(call.ctx.now * 1000),
        "resourceId": call.route["RouteKey"],
        "resourcePath": resource,
        "stage": call.stage,
    }


def _identity_v1(call: Call) -> dict[str, Any]:
    empty = (
        "accessKey", "accountId", "caller", "cognitoAmr", "cognitoAuthenticationProvider",
        "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId",
    )  # fmt: skip
    identity: dict[str, Any] = dict.fromkeys(empty)
    iam = (call.authorizer or {}).get("iam")
    if iam is not None:
        identity |= {"accessKey": iam["accessKey"], "accountId": iam["accountId"], "caller": iam["callerId"]}
    identity["sourceIp"] = call.request.peer
    identity["user"] = None if iam is None else iam["userId"]
    identity["userAgent"] = call.user_agent
    identity["userArn"] = None if iam is None else iam["userArn"]
    return identity


def _authorizer_v1(found: dict[str, Any] | None) -> dict[str, Any]:
    if found is None:
        return {}
    jwt = found.get("jwt")
    return jwt if jwt is not None else found.get("lambda") or {}


def group(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by name, in order."""
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
