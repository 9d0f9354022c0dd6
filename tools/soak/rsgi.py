"""granian's RSGI <-> core.http: a thin adapter, one coroutine for each request, and granian's embedded server.

What RSGI (1.6) cannot tell, and what follows from it (measured in docs/server-choice.md):

- `scope.path` comes percent-decoded; it is encoded again here, so `%2F` inside a segment is seen as `/`.
- Headers with bytes beyond ASCII are left out by the server.
- Its response stream has no back-pressure; files are sent as files, so only generated streams are held in memory.
- A broken-off chunked upload ends like a whole one when it is iterated; with a Content-Length the adapter counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

from mrak.core.http import ClientDisconnected, FileSlice, Request, Response
from mrak.core.websocket import WebSocketClosed, WebSocketHandler
from mrak.edge.listen import open_port

log = logging.getLogger("mrak.edge")

Handle = Callable[[Request], Awaitable[Response]]

# Bodies up to this size are read before the handler runs; larger and chunked ones are streams.
WHOLE_BODY_LIMIT_BYTES = 1 << 20
PATH_SAFE = "/!$&'()*+,;=:@-._~"
# granian's message kinds (granian.rsgi.WebsocketMessageType), which cost an import of its whole package.
WS_CLOSE = 0


class RsgiBody:
    """A request body as it arrives. granian reads on only when the next chunk is asked for."""

    __slots__ = ("_expected", "_protocol", "_received")

    def __init__(self, protocol: Any, expected_bytes: int | None) -> None:
        self._protocol = protocol
        self._expected = expected_bytes
        self._received = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._protocol:
            if not chunk:
                break
            self._received += len(chunk)
            yield chunk
        if self._expected is not None and self._received != self._expected:
            raise ClientDisconnected

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])


def application(handle: Handle, websocket: WebSocketHandler | None = None) -> Callable[[Any, Any], Awaitable[None]]:
    """`handle` as an RSGI application."""

    async def serve_http(scope: Any, protocol: Any) -> None:
        headers = _headers(scope.headers)
        request = Request(
            scope.method,
            quote(scope.path, safe=PATH_SAFE),
            scope.query_string,
            headers,
            peer=scope.client.rpartition(":")[0],
            scheme=scope.scheme,
            disconnected=protocol.client_disconnect,
        )
        length = headers.get("content-length")
        if "transfer-encoding" in headers or (length is not None and int(length) > WHOLE_BODY_LIMIT_BYTES):
            request.body = None
            request.stream = RsgiBody(protocol, None if length is None else int(length))
        elif length is not None and length != "0":
            request.body = await protocol()
        await _respond(protocol, request, await handle(request))

    async def dispatch(scope: Any, protocol: Any) -> None:
        if scope.proto == "http":
            await serve_http(scope, protocol)
        elif websocket is None:
            protocol.close(404)
        else:
            await websocket(RsgiWebSocket(scope, protocol))

    return dispatch


def _headers(raw: Any) -> dict[str, str]:
    pairs = raw.items()
    headers = dict(pairs)
    if len(headers) == len(pairs):
        return headers
    headers = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _respond(protocol: Any, request: Request, response: Response) -> None:
    body, headers = response.body, response.headers
    if isinstance(body, bytes):
        if request.method == "HEAD" and not any(name.lower() == "content-length" for name, _ in headers):
            headers = [*headers, ("content-length", str(len(body)))]
        protocol.response_bytes(response.status, headers, b"" if request.method == "HEAD" else body)
    elif request.method == "HEAD":
        protocol.response_empty(response.status, headers)
    elif isinstance(body, FileSlice):
        headers = [*headers, ("content-length", str(body.length))]
        protocol.response_file_range(response.status, headers, body.path, body.offset, body.offset + body.length)
    else:
        await _send_stream(protocol.response_stream(response.status, headers), request, body)


async def _send_stream(transport: Any, request: Request, chunks: AsyncIterator[bytes]) -> None:
    try:
        async for chunk in chunks:
            await transport.send_bytes(chunk)
    except Exception:
        # The head has gone, so the client can only be told by a body that ends too soon.
        log.exception("the response to %s %s broke off", request.method, request.path)
        raise


class RsgiWebSocket:
    """A WebSocketSession over RSGI."""

    __slots__ = ("_protocol", "_transport", "request")

    def __init__(self, scope: Any, protocol: Any) -> None:
        self._protocol = protocol
        self._transport: Any = None
        self.request = Request(
            "GET", quote(scope.path, safe=PATH_SAFE), scope.query_string, _headers(scope.headers),
            peer=scope.client.rpartition(":")[0], scheme=scope.scheme,
        )  # fmt: skip

    async def accept(self, subprotocol: str | None = None) -> None:
        """RSGI cannot name a subprotocol."""
        self._transport = await self._protocol.accept()

    async def refuse(self, response: Response) -> None:
        """RSGI refuses with a status alone."""
        self._protocol.close(response.status)

    async def receive(self) -> str | bytes:
        try:
            message = await self._transport.receive()
        except RuntimeError as error:
            raise WebSocketClosed from error
        if message.kind == WS_CLOSE:
            raise WebSocketClosed(1005)
        return message.data  # type: ignore[no-any-return]

    async def send(self, message: str | bytes) -> None:
        send = self._transport.send_str if isinstance(message, str) else self._transport.send_bytes
        try:
            await send(message)
        except RuntimeError as error:
            raise WebSocketClosed from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._protocol.close(code)


async def serve(
    handle: Handle,
    host: str,
    port: int,
    *,
    ready: Callable[[], None],
    stop: asyncio.Event,
    websocket: WebSocketHandler | None = None,
) -> None:
    """Serve until `stop` is set. A port that cannot be had is an OSError before anything starts."""
    # granian binds with SO_REUSEPORT, so that two servers would share a port in silence: ask the kernel first.
    open_port(host, port).close()
    from granian.constants import Interfaces
    from granian.server.embed import Server

    class Application:
        __rsgi__ = staticmethod(application(handle, websocket))

        @staticmethod
        def __rsgi_init__(loop: asyncio.AbstractEventLoop) -> None:
            loop.call_soon(ready)

    server = Server(
        Application, host, port, interface=Interfaces.RSGI, log_enabled=False,
        backlog=2048, backpressure=12_000, runtime_blocking_threads=2,
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not serving.done():
        server.stop()  # type: ignore[no-untyped-call]
    await serving
