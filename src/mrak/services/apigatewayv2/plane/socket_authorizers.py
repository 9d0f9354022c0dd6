"""Who may open a WebSocket: $connect's authorizer, a function or AWS credentials.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.principals import Principal
from mrak.core.context import Context
from mrak.services.apigatewayv2.plane import events, socket_events
from mrak.services.apigatewayv2.plane.authorizers import (
    AuthorizerFailed,
    Forbidden,
    Unauthorized,
    allows,
    parse_verdict,
)
from mrak.services.apigatewayv2.plane.connections import Connection
from mrak.services.apigatewayv2.plane.functions import FunctionFailed, invoke_function
from mrak.services.apigatewayv2.plane.mapping import apply_stage_variables
from mrak.services.apigatewayv2.plane.principals import find_denial
from mrak.services.apigatewayv2.plane.replies import as_text
from mrak.services.apigatewayv2.plane.socket_routes import source_arn

_AUTHORIZER_SECONDS = 10.0


async def authorize(
    ctx: Context,
    connection: Connection,
    route: dict[str, Any],
    authorizers: dict[str, dict[str, Any]],
    variables: dict[str, str],
) -> dict[str, Any] | None:
    """requestContext.authorizer of every event of the connection."""
    kind = route.get("AuthorizationType", "NONE")
    if kind == "NONE":
        return None
    if kind == "AWS_IAM":
        principal = ctx.principal
        assert isinstance(principal, Principal)
        if principal.kind == "anonymous" or await find_denial(ctx, source_arn(ctx, connection, "$connect")):
            raise Forbidden
        return None
    authorizer = authorizers.get(route.get("AuthorizerId", ""))
    if authorizer is None:
        raise AuthorizerFailed("the route's authorizer is gone")
    if not all(_identity(connection, variables, source) for source in authorizer.get("IdentitySource", [])):
        raise Unauthorized
    method_arn = source_arn(ctx, connection, "$connect")
    event = {"type": "REQUEST", "methodArn": method_arn, **socket_events.render_connect(ctx, connection, variables)}
    event.pop("isBase64Encoded")
    uri = apply_stage_variables(authorizer["AuthorizerUri"], variables)
    caller_arn = f"{method_arn.split('/')[0]}/authorizers/{route['AuthorizerId']}"
    try:
        answer = await invoke_function(ctx, uri, event, caller_arn, _AUTHORIZER_SECONDS)
        verdict = parse_verdict(msgspec.json.decode(answer), simple=False)
    except (FunctionFailed, msgspec.DecodeError) as error:
        if str(error) == "Unauthorized":
            raise Unauthorized from None
        raise AuthorizerFailed(str(error)) from None
    if not allows(ctx, verdict, method_arn):
        raise Forbidden
    return {"principalId": verdict.principal_id} | {name: as_text(value) for name, value in verdict.context.items()}


def _identity(connection: Connection, variables: dict[str, str], source: str) -> str | None:
    """`route.request.header.Auth`, `route.request.querystring.auth`, `stageVariables.x`, `context.x`."""
    request = connection.session.request
    start, _, name = source.rpartition(".")
    if start == "route.request.header":
        return request.headers.get(name.lower())
    if start == "route.request.querystring":
        values = events.group(request.query_pairs).get(name)
        return values[-1] if values else None
    if start == "stageVariables":
        return variables.get(name)
    return source if start == "context" else None
