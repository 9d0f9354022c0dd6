"""One WebSocket as every room sees it, whatever the server. No I/O in here.

The edge makes a session for each upgrade request and hands it to the gateway, which accepts or refuses it, then
receives until `WebSocketClosed`, and may send at any time from any task of the same loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from mrak.core.http import Request, Response


class WebSocketClosed(Exception):
    """The session is over: the client closed it, went away, or we did. `code` is as in RFC 6455, section 7.4."""

    __slots__ = ("code", "reason")

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class WebSocketSession(Protocol):
    """A WebSocket that a client asked for. Exactly one of `accept` and `refuse` comes first.

    Text frames are `str`, binary frames `bytes`; pings are answered below this interface.
    """

    request: Request

    async def accept(self, subprotocol: str | None = None) -> None:
        """Complete the upgrade."""
        ...

    async def refuse(self, response: Response) -> None:
        """Answer the upgrade request with an ordinary response."""
        ...

    async def receive(self) -> str | bytes:
        """The next message; raises `WebSocketClosed` when there will be none."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Send one message, waiting while the client reads slowly; raises `WebSocketClosed` if it has gone."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the session; closing twice is harmless."""
        ...


WebSocketHandler = Callable[[WebSocketSession], Awaitable[None]]
