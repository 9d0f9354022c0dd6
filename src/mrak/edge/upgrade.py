"""WebSockets over an upgraded connection: the `websockets` library's protocol without I/O, fed by the connection."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidState
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from mrak.core.http import ClientDisconnected, Request, Response
from mrak.core.websocket import WebSocketClosed

if TYPE_CHECKING:
    from mrak.edge.connection import Connection

# API Gateway's limits, which is the only service with WebSockets; a client that breaks them is closed with 1009.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
MESSAGE_LIMIT_BYTES = 128 << 10
FRAME_LIMIT_BYTES = 32 << 10
# Messages that wait for the handler; above, the socket is not read.
INBOX_LIMIT = 64
CLOSE_SECONDS = 5.0
MESSAGE_OPCODES = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class UpgradedSession:
    """A WebSocketSession (core.websocket).

    Before `accept` the client must not send frames; what it sends anyway waits in `_early`.
    """

    __slots__ = (
        "_arrival", "_connection", "_early", "_inbox", "_is_text", "_parts", "_paused", "_protocol", "request",
    )  # fmt: skip

    def __init__(self, connection: Connection, request: Request) -> None:
        self.request = request
        self._connection = connection
        self._protocol: ServerProtocol | None = None
        self._early = b""
        self._inbox: deque[str | bytes] = deque()
        self._parts: list[bytes] = []
        self._is_text = False
        self._paused = False
        self._arrival: asyncio.Future[None] | None = None

    # --- the handler's side

    async def accept(self, subprotocol: str | None = None) -> None:
        protocol = self._protocol = ServerProtocol(
            extensions=[ServerPerMessageDeflateFactory(compress_settings={"memLevel": 5})],
            select_subprotocol=lambda _, offered: next((known for known in offered if known == subprotocol), None),
            max_size=(MESSAGE_LIMIT_BYTES, FRAME_LIMIT_BYTES),
        )
        protocol.receive_data(_render_handshake(self.request))
        (handshake,) = protocol.events_received()
        assert isinstance(handshake, Handshake)
        protocol.send_response(protocol.accept(handshake))
        self._flush()
        if protocol.state is not State.OPEN:
            raise WebSocketClosed(1002, "the upgrade request was not a valid one")
        early, self._early = self._early, b""
        if early:
            self.feed(early)

    async def refuse(self, response: Response) -> None:
        assert self._protocol is None and isinstance(response.body, bytes)
        transport = self._connection.transport
        self._connection.stop(now=False)
        head = self._connection.begin_response(self.request, response, len(response.body))
        transport.write(head + response.body)
        transport.close()

    async def receive(self) -> str | bytes:
        while not self._inbox:
            if self._is_over():
                raise self._closed()
            self._arrival = self._connection.loop.create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        message = self._inbox.popleft()
        if self._paused and len(self._inbox) < INBOX_LIMIT // 2:
            self._paused = False
            self._connection.resume_body()
        return message

    async def send(self, message: str | bytes) -> None:
        protocol = self._protocol
        assert protocol is not None, "accept first"
        try:
            if isinstance(message, str):
                protocol.send_text(message.encode())
            else:
                protocol.send_binary(message)
            self._flush()
            await self._connection.drain()
        except (InvalidState, ClientDisconnected):
            raise self._closed() from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        protocol = self._protocol
        if protocol is None:
            if not self._connection.transport.is_closing():
                await self.refuse(Response(403))
            return
        if protocol.state is State.OPEN:
            protocol.send_close(code, reason)
            self._flush()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.wait_disconnected()
        except TimeoutError:
            self._connection.transport.abort()

    # --- the connection's side

    def feed(self, data: bytes) -> None:
        if self._protocol is None:
            self._early += data
            if len(self._early) > MESSAGE_LIMIT_BYTES:
                self._connection.transport.abort()
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in MESSAGE_OPCODES:
                self._take(event)
        self._flush()
        if self._protocol.close_expected() and self._protocol.state is not State.OPEN:
            self._connection.transport.close()
        self._wake()

    def lost(self) -> None:
        if self._protocol is not None and self._protocol.state is not State.CLOSED:
            self._protocol.receive_eof()
        self._wake()

    def go_away(self) -> None:
        """The server stops."""
        if self._protocol is not None and self._protocol.state is State.OPEN:
            self._protocol.send_close(1001)
            self._flush()
        self._wake()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        whole = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = []
        if self._is_text:
            try:
                self._inbox.append(whole.decode())
            except UnicodeDecodeError as error:
                assert self._protocol is not None
                self._protocol.fail(1007, str(error))
                return
        else:
            self._inbox.append(whole)
        if len(self._inbox) >= INBOX_LIMIT and not self._paused:
            self._paused = True
            self._connection.pause_body()

    def _flush(self) -> None:
        assert self._protocol is not None
        transport = self._connection.transport
        for data in self._protocol.data_to_send():
            if transport.is_closing():
                return
            if data:
                transport.write(data)
            else:
                transport.close()  # the protocol's sign for the end

    def _is_over(self) -> bool:
        return self._connection.transport.is_closing() or (
            self._protocol is not None and self._protocol.state is not State.OPEN
        )

    def _closed(self) -> WebSocketClosed:
        received: Close | None = None if self._protocol is None else self._protocol.close_rcvd
        return WebSocketClosed() if received is None else WebSocketClosed(received.code, received.reason)

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def _render_handshake(request: Request) -> bytes:
    """The request's head again, for a protocol that wants to read it itself."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode()
