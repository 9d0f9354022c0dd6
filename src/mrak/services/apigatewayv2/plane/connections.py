"""The WebSockets that are open in this process, by connection id. They end with it, as their sockets do."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.websocket import WebSocketClosed, WebSocketSession

MOST_MESSAGE_BYTES = 128 << 10


class Connection(msgspec.Struct):
    """One client. `authorizer` is what $connect's authorizer found out; it comes with every event."""

    id: str
    api_id: str
    stage: str
    session: WebSocketSession
    connected_at: float
    last_active_at: float
    authorizer: dict[str, Any] | None = None

    @property
    def source_ip(self) -> str:
        return self.session.request.peer

    @property
    def user_agent(self) -> str:
        return self.session.request.headers.get("user-agent", "")


class Connections:
    """One for each environment."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        self._open[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        self._open.pop(connection.id, None)

    def find(self, connection_id: str) -> Connection | None:
        return self._open.get(connection_id)


def find_connection(ctx: Context, connection_id: str) -> Connection | None:
    return ctx.live(Connections).find(connection_id)


async def send(ctx: Context, connection: Connection, data: bytes) -> bool:
    """Sends a message to a client, as text where it is text; False where the client has gone."""
    try:
        message: str | bytes = data.decode()
    except UnicodeDecodeError:
        message = data
    try:
        await connection.session.send(message)
    except WebSocketClosed:
        return False
    connection.last_active_at = ctx.clock()
    return True
