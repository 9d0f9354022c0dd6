"""What functions of a WebSocket API get: CONNECT, MESSAGE and DISCONNECT, and authorizers a REQUEST.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

from __future__ import annotations

import base64
from typing import Any

from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.urls import resource_url
from mrak.services.apigatewayv2.plane.call import new_extended_id
from mrak.services.apigatewayv2.plane.connections import Connection
from mrak.services.apigatewayv2.plane.events import group, render_time


def render_context(ctx: Context, connection: Connection, route_key: str, event_type: str) -> dict[str, Any]:
    now = ctx.clock()
    request_id = new_extended_id(ctx)
    identity = {"sourceIp": connection.source_ip}
    if event_type == "CONNECT":
        identity = {"userAgent": connection.user_agent, **identity}
    context: dict[str, Any] = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": render_time(now),
        "messageDirection": "IN",
        "stage": connection.stage,
        "connectedAt": int(connection.connected_at * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": identity,
        "requestId": request_id,
        "domainName": domain_name(connection),
        "connectionId": connection.id,
        "apiId": connection.api_id,
    }
    if connection.authorizer is not None:
        context["authorizer"] = connection.authorizer
    return context


def domain_name(connection: Connection) -> str:
    """With the port, unlike AWS's: functions build the URL of @connections of it."""
    deviation("APIGW-001")
    host = connection.session.request.host
    if host.startswith(connection.api_id):
        return host
    _, _, port = host.rpartition(":")
    return resource_url(f"http://localhost:{port}", "execute-api", connection.api_id).removeprefix("http://")


def render_handshake(connection: Connection) -> dict[str, Any]:
    """Headers and query of the upgrade request."""
    request = connection.session.request
    headers = dict(request.headers)
    headers["x-forwarded-for"] = request.peer
    headers["x-forwarded-port"] = request.host.rpartition(":")[2]
    headers["x-forwarded-proto"] = request.scheme
    shown: dict[str, Any] = {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
    }
    query = group(request.query_pairs)
    if query:
        shown["queryStringParameters"] = {name: values[-1] for name, values in query.items()}
        shown["multiValueQueryStringParameters"] = query
    return shown


def render_connect(ctx: Context, connection: Connection, variables: dict[str, str]) -> dict[str, Any]:
    event = render_handshake(connection)
    event["requestContext"] = render_context(ctx, connection, "$connect", "CONNECT")
    return _finish(event, variables)


def render_message(
    ctx: Context, connection: Connection, variables: dict[str, str], route_key: str, message: str | bytes
) -> dict[str, Any]:
    context = render_context(ctx, connection, route_key, "MESSAGE")
    context["messageId"] = new_extended_id(ctx)
    is_binary = isinstance(message, bytes)
    body = base64.b64encode(message).decode() if isinstance(message, bytes) else message
    event = {"requestContext": context, "body": body, "isBase64Encoded": is_binary}
    return event | ({"stageVariables": variables} if variables else {})


def render_disconnect(
    ctx: Context, connection: Connection, variables: dict[str, str], code: int, reason: str
) -> dict[str, Any]:
    headers = {"Host": domain_name(connection), "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    context = render_context(ctx, connection, "$disconnect", "DISCONNECT")
    context |= {"disconnectStatusCode": code, "disconnectReason": reason}
    event: dict[str, Any] = {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": context,
    }
    return _finish(event, variables)


def _finish(event: dict[str, Any], variables: dict[str, str]) -> dict[str, Any]:
    if variables:
        event["stageVariables"] = variables
    event["isBase64Encoded"] = False
    return event
