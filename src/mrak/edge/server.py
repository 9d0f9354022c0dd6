"""The HTTP server: one port, all its connections, one sweep for their time-outs.

Everything runs on the event loop that calls `serve`; there are no threads but those that read files for downloads.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mrak.core.http import Request, Response
from mrak.core.websocket import WebSocketHandler
from mrak.edge.connection import Connection, Patience
from mrak.edge.heads import DateHeader
from mrak.edge.listen import BACKLOG

if TYPE_CHECKING:
    from mrak.edge.http2 import Http2Connection

Handle = Callable[[Request], Awaitable[Response]]

SWEEP_SECONDS = 5.0
PATIENCE = Patience()
# How long requests that run may go on after a stop; long polls of 20 seconds end with the connection.
GRACE_SECONDS = 5.0


class Http1Server:
    """What the connections of one port share."""

    __slots__ = (
        "_emptied", "_patience", "_sweep", "connections", "date", "handle", "loop", "scheme", "stopping", "websocket",
    )  # fmt: skip

    def __init__(
        self,
        handle: Handle,
        websocket: WebSocketHandler | None = None,
        *,
        scheme: str = "http",
        patience: Patience = PATIENCE,
    ) -> None:
        self.handle = handle
        self.websocket = websocket
        self.scheme = scheme
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection | Http2Connection] = set()
        self.date = DateHeader()
        self.stopping = False
        self._patience = patience
        self._emptied = asyncio.Event()
        self._sweep = self.loop.call_later(SWEEP_SECONDS, self._sweep_connections)

    def connect(self) -> Connection:
        return Connection(self)

    def forget(self, connection: Connection | Http2Connection) -> None:
        self.connections.discard(connection)
        if self.stopping and not self.connections:
            self._emptied.set()

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """End every connection: idle ones now, the others after their response or after the grace."""
        self.stopping = True
        self._sweep.cancel()
        for connection in list(self.connections):
            connection.stop(now=False)
        if self.connections:
            try:
                async with asyncio.timeout(grace_seconds):
                    await self._emptied.wait()
            except TimeoutError:
                await self._abort()

    async def _abort(self) -> None:
        for connection in list(self.connections):
            connection.stop(now=True)
        await asyncio.sleep(0)

    def _sweep_connections(self) -> None:
        now = self.loop.time()
        for connection in list(self.connections):
            if connection.is_overdue(now, self._patience):
                connection.stop(now=True)
        self._sweep = self.loop.call_later(SWEEP_SECONDS, self._sweep_connections)


async def serve(
    handle: Handle,
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    stop: asyncio.Event,
    websocket: WebSocketHandler | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until `stop` is set. `listener` comes from `edge.listen.open_port`, which is the first thing a program
    does: clients that connect before `ready` wait, and a port in use stops it before it touches anything."""
    _raise_file_limit()
    server = Http1Server(handle, websocket, scheme="http" if tls is None else "https")
    listening = await server.loop.create_server(server.connect, sock=listener, backlog=BACKLOG, ssl=tls)
    ready()
    try:
        await stop.wait()
    finally:
        listening.close()
        await server.stop()


def _raise_file_limit() -> None:
    """Each connection is a file; the usual soft limit of 1,024 is for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
