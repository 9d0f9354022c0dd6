"""ASGI <-> core.http: for any ASGI server (uvicorn, hypercorn, granian) and for tests in one process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from mrak.core.http import ClientDisconnected, FileSlice, Request, Response
from mrak.core.websocket import WebSocketClosed, WebSocketHandler

Handle = Callable[[Request], Awaitable[Response]]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Lifespan = Callable[[], Awaitable[None]]

# Bodies up to this size are read before the handler runs; larger and chunked ones are streams.
WHOLE_BODY_LIMIT_BYTES = 1 << 20
FILE_CHUNK_BYTES = 256 * 1024
PATH_SAFE = "/!$&'()*+,;=:@-._~"


async def _nothing() -> None:
    return None


def application(
    handle: Handle,
    websocket: WebSocketHandler | None = None,
    *,
    start: Lifespan = _nothing,
    stop: Lifespan = _nothing,
) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """`handle` as an ASGI application; `start` and `stop` run in the server's lifespan."""

    async def dispatch(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _serve_http(handle, scope, receive, send)
        elif scope["type"] == "websocket":
            session = AsgiWebSocket(scope, receive, send)
            await session.open()
            await (session.refuse(Response(404)) if websocket is None else websocket(session))
        elif scope["type"] == "lifespan":
            await _live(start, stop, receive, send)

    return dispatch


async def _serve_http(handle: Handle, scope: Message, receive: Receive, send: Send) -> None:
    request = _make_request(scope)
    body = AsgiBody(receive)
    request.disconnected = body.wait_disconnected
    length = request.headers.get("content-length")
    if "transfer-encoding" in request.headers or int(length or 0) > WHOLE_BODY_LIMIT_BYTES:
        request.body, request.stream = None, body
    elif length is not None and length != "0":
        request.body = await body.read()
    await _respond(request, await handle(request), body, send)


async def _live(start: Lifespan, stop: Lifespan, receive: Receive, send: Send) -> None:
    await receive()
    await start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await stop()
    await send({"type": "lifespan.shutdown.complete"})


def _make_request(scope: Message) -> Request:
    raw_path = scope.get("raw_path")
    client = scope.get("client")
    return Request(
        scope.get("method", "GET"),
        raw_path.partition(b"?")[0].decode("latin-1") if raw_path else quote(scope["path"], safe=PATH_SAFE),
        scope.get("query_string", b"").decode("latin-1"),
        _headers(scope["headers"]),
        peer=client[0] if client else "",
        scheme=scope.get("scheme", "http"),
    )


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1")
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}" if name in headers else value
    return headers


class AsgiBody:
    """A BodyStream over `receive`; ASGI servers read on only when they are asked."""

    __slots__ = ("_ended", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            self._ended = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    async def wait_disconnected(self) -> None:
        """What `Request.disconnected` is. A body that nobody has read is skipped on the way."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _respond(request: Request, response: Response, incoming: AsgiBody, send: Send) -> None:
    body = response.body
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers]
    length = len(body) if isinstance(body, bytes) else body.length if isinstance(body, FileSlice) else None
    if length is not None and response.status != 204 and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if request.method != "HEAD" and not isinstance(body, bytes):
        await _send_chunks(_read_file(body) if isinstance(body, FileSlice) else body, incoming, send)
    last = body if isinstance(body, bytes) and request.method != "HEAD" else b""
    await send({"type": "http.response.body", "body": last, "more_body": False})


async def _send_chunks(chunks: AsyncIterator[bytes], incoming: AsgiBody, send: Send) -> None:
    # Servers let us send into the void after the client has left; only `receive` tells.
    gone = asyncio.create_task(incoming.wait_disconnected())
    try:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if gone.done():
                raise ClientDisconnected
    finally:
        gone.cancel()
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _read_file(part: FileSlice) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    file = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        offset, end = part.offset, part.offset + part.length
        while offset < end:
            wanted = min(FILE_CHUNK_BYTES, end - offset)
            chunk = await loop.run_in_executor(None, os.pread, file, wanted, offset)
            if not chunk:
                raise EOFError(f"the file ends at byte {offset}, before byte {end}")
            offset += len(chunk)
            yield chunk
    finally:
        os.close(file)


class AsgiWebSocket:
    """A WebSocketSession over ASGI."""

    __slots__ = ("_closed", "_extensions", "_receive", "_send", "request")

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.request = _make_request(scope)
        self._receive = receive
        self._send = send
        self._extensions = scope.get("extensions") or {}
        self._closed: WebSocketClosed | None = None

    async def open(self) -> None:
        """ASGI's opening event, which comes before anything may be sent."""
        await self._receive()

    async def accept(self, subprotocol: str | None = None) -> None:
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})

    async def refuse(self, response: Response) -> None:
        """With the response where the server can send one, else with its bare 403."""
        if "websocket.http.response" not in self._extensions or not isinstance(response.body, bytes):
            await self._send({"type": "websocket.close"})
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in response.headers]
        await self._send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": response.body})

    async def receive(self) -> str | bytes:
        if self._closed is None:
            message = await self._receive()
            if message["type"] != "websocket.disconnect":
                text: str | None = message.get("text")
                data: bytes = message.get("bytes") or b""
                return data if text is None else text
            self._closed = WebSocketClosed(message.get("code", 1005), message.get("reason") or "")
        raise self._closed

    async def send(self, message: str | bytes) -> None:
        if self._closed is not None:
            raise self._closed
        kind = "text" if isinstance(message, str) else "bytes"
        try:
            await self._send({"type": "websocket.send", kind: message})
        except OSError as error:
            raise WebSocketClosed from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._closed is None:
            self._closed = WebSocketClosed(code, reason)
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
