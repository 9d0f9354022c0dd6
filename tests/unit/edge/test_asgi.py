"""The ASGI adapter, called as a server would call it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mrak.core.http import ClientDisconnected, FileSlice, Request, Response
from mrak.core.websocket import WebSocketClosed, WebSocketSession
from mrak.edge.asgi import application


def call(app: Any, scope: dict[str, Any], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not events:
            await asyncio.Event().wait()  # the client is there, and silent
        return events.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def http(method: str = "POST", headers: list[tuple[bytes, bytes]] | None = None) -> dict[str, Any]:
    return {
        "type": "http", "method": method, "path": "/a/b", "raw_path": b"/a%2Fb?q", "query_string": b"x=%20",
        "headers": headers or [], "client": ("192.0.2.1", 5), "scheme": "https",
    }  # fmt: skip


def body_of(sent: list[dict[str, Any]]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent[1:])


def test_a_request_is_understood_as_it_was_sent() -> None:
    """The raw path, since signatures and object keys need it."""
    seen: list[Request] = []

    async def handle(request: Request) -> Response:
        seen.append(request)
        return Response(201, [("X-A", "é")], b"done")

    headers = [(b"content-length", b"4"), (b"x", b"1"), (b"x", b"2")]
    events = [{"type": "http.request", "body": b"bo", "more_body": True}, {"type": "http.request", "body": b"dy"}]
    sent = call(application(handle), http(headers=headers), events)
    request = seen[0]
    assert (request.path, request.query, request.body, request.scheme) == ("/a%2Fb", "x=%20", b"body", "https")
    assert (request.headers["x"], request.peer) == ("1, 2", "192.0.2.1")
    assert sent[0]["headers"] == [(b"x-a", "é".encode()), (b"content-length", b"4")]
    assert (sent[0]["status"], body_of(sent)) == (201, b"done")


def test_a_broken_off_stream_is_an_error() -> None:
    """Never a truncated object."""

    async def handle(request: Request) -> Response:
        assert request.stream is not None
        return Response(200, [], await request.stream.read())

    events = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    with pytest.raises(ClientDisconnected):
        call(application(handle), http(headers=[(b"transfer-encoding", b"chunked")]), events)


@pytest.mark.parametrize(("method", "body"), [("GET", b"cde"), ("HEAD", b"")])
def test_part_of_a_file(tmp_path: Any, method: str, body: bytes) -> None:
    """Downloads with a range; HEAD tells the length and sends nothing."""
    path = tmp_path / "file"
    path.write_bytes(b"abcdefg")

    async def handle(request: Request) -> Response:
        return Response(206, [], FileSlice(str(path), 2, 3))

    sent = call(application(handle), http(method), [])
    assert (b"content-length", b"3") in sent[0]["headers"]
    assert body_of(sent) == body


def test_a_websocket_session() -> None:
    """Accept, both kinds of message, and the client's end."""
    got: list[Any] = []

    async def websocket(session: WebSocketSession) -> None:
        await session.accept("v1")
        got.append(await session.receive())
        await session.send(b"pong")
        try:
            await session.receive()
        except WebSocketClosed as closed:
            got.append(closed.code)

    async def handle(request: Request) -> Response:
        raise AssertionError

    events = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "ping"},
        {"type": "websocket.disconnect", "code": 1001},
    ]
    sent = call(application(handle, websocket), {**http(), "type": "websocket"}, events)
    assert got == ["ping", 1001]
    assert sent == [
        {"type": "websocket.accept", "subprotocol": "v1"},
        {"type": "websocket.send", "bytes": b"pong"},
    ]
