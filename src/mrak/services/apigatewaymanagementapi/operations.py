"""https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html"""

from __future__ import annotations

from math import ceil
from typing import Any

from mrak.auth.principals import ANONYMOUS
from mrak.core.context import Context
from mrak.core.operation import operation
from mrak.services.apigatewaymanagementapi import errors
from mrak.services.apigatewayv2.exports import MOST_MESSAGE_BYTES, Connection, find_connection, send

_MANAGE = "execute-api:ManageConnections"
_NORMAL = 1000
_METERED_BYTES = 32_768


@operation("PostToConnection", action=_MANAGE)
async def post_to_connection(ctx: Context, req: dict[str, Any]) -> None:
    connection = _require(ctx, req)
    data: bytes = req["Data"]
    if len(data) > MOST_MESSAGE_BYTES:
        raise errors.too_large()
    if not await send(ctx, connection, data):
        raise errors.gone()
    ctx.about(f"arn:{ctx.scope.partition}:apigateway:{ctx.scope.region}::/apis/{connection.api_id}")
    ctx.meter("ApiGatewayMessages", max(1, ceil(len(data) / _METERED_BYTES)))


@operation("GetConnection", action=_MANAGE)
async def get_connection(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    connection = _require(ctx, req)
    return {
        "ConnectedAt": connection.connected_at,
        "Identity": {"SourceIp": connection.source_ip, "UserAgent": connection.user_agent},
        "LastActiveAt": connection.last_active_at,
    }


@operation("DeleteConnection", action=_MANAGE)
async def delete_connection(ctx: Context, req: dict[str, Any]) -> None:
    await _require(ctx, req).session.close(_NORMAL, "Connection Closed Normally")


def _require(ctx: Context, req: dict[str, Any]) -> Connection:
    if ctx.principal == ANONYMOUS:
        raise errors.missing_token()
    connection = find_connection(ctx, req["ConnectionId"])
    if connection is None:
        raise errors.gone()
    return connection
