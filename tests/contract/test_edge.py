"""The HTTP server over real sockets: what clients do that well-behaved libraries do not let one see."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mrak.core.http import FileSlice, Request, Response
from mrak.core.websocket import WebSocketClosed, WebSocketSession
from mrak.edge.listen import open_port
from mrak.edge.server import serve

Handle = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def running(handle: Handle, **options: Any) -> AsyncIterator[int]:
    stop, up = asyncio.Event(), asyncio.Event()
    listener = open_port("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(handle, listener, ready=up.set, stop=stop, **options))
    await asyncio.wait({serving, asyncio.create_task(up.wait())}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield port
    finally:
        stop.set()
        await asyncio.wait_for(serving, 10)


async def echo(request: Request) -> Response:
    body = request.body if request.stream is None else await request.stream.read()
    return Response(200, [("x-path", request.path)], body or b"")


def exchange(data: bytes, handle: Handle = echo) -> bytes:
    """Everything the server answers to `data`, until it closes."""

    async def run() -> bytes:
        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return answer

    return asyncio.run(run())


LAST = b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"


def test_pipelined_requests_are_answered_in_order() -> None:
    """More than the queue holds, with bodies, in one write."""
    requests = b"".join(b"POST /%d HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\nx" % n for n in range(50))
    answer = exchange(requests + LAST)
    paths = [line.split(b": ")[1] for line in answer.split(b"\r\n") if line.startswith(b"x-path")]
    assert paths == [b"/%d" % n for n in range(50)] + [b"/last"]


def test_a_slow_response_is_not_overtaken() -> None:
    """The second of two pipelined requests is quicker, and waits."""

    async def handle(request: Request) -> Response:
        await asyncio.sleep(0.05 if request.path == "/slow" else 0)
        return await echo(request)

    answer = exchange(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n" + LAST, handle)
    assert answer.index(b"/slow") < answer.index(b"/last")


def test_head_tells_the_length_and_sends_nothing() -> None:
    """A body after a HEAD would be taken for the next response."""

    async def handle(request: Request) -> Response:
        return Response(200, [], b"12345")

    head, _, rest = exchange(b"HEAD / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", handle).partition(b"\r\n\r\n")
    assert b"content-length: 5" in head
    assert rest == b""


def test_no_content_has_no_length() -> None:
    """RFC 9110, 8.6: S3's DeleteObject answers so."""

    async def handle(request: Request) -> Response:
        return Response(204)

    assert b"content-length" not in exchange(LAST, handle)


def test_part_of_a_file_is_sent(tmp_path: Path) -> None:
    """Larger than any buffer, from an offset."""
    path = tmp_path / "file"
    content = bytes(range(256)) * 8000
    path.write_bytes(content)

    async def handle(request: Request) -> Response:
        return Response(206, [], FileSlice(str(path), 1000, 2_000_000))

    assert exchange(LAST, handle).partition(b"\r\n\r\n")[2] == content[1000:2_001_000]


def test_a_missing_file_is_a_500(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Found before the head is sent, so that the client is told and the log explains."""

    async def handle(request: Request) -> Response:
        return Response(200, [], FileSlice(str(tmp_path / "none"), 0, 5))

    assert exchange(LAST, handle).startswith(b"HTTP/1.1 500 ")
    assert "FileNotFoundError" in caplog.text


def test_a_shortened_file_breaks_the_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The promised length cannot be kept: only a broken connection tells the client."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")

    async def handle(request: Request) -> Response:
        return Response(200, [], FileSlice(str(path), 0, 10))

    async def run() -> bytes:
        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(LAST)
            try:
                return await asyncio.wait_for(reader.read(), 10)
            except ConnectionResetError:
                return b""

    assert len(asyncio.run(run()).partition(b"\r\n\r\n")[2]) < 10
    assert "the file ends at byte 3" in caplog.text


async def _three_chunks() -> AsyncIterator[bytes]:
    for chunk in (b"one", b"", b"three"):
        yield chunk


def test_a_stream_is_chunked_and_the_connection_goes_on() -> None:
    """Lambda's response streams; an empty chunk must not end the body."""

    async def handle(request: Request) -> Response:
        return await echo(request) if request.path == "/last" else Response(200, [], _three_chunks())

    answer = exchange(b"GET /stream HTTP/1.1\r\nhost: h\r\n\r\n" + LAST, handle)
    assert b"\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n" in answer


def test_http_1_0_gets_a_stream_without_chunks() -> None:
    """It would take the chunk sizes for the body."""

    async def handle(request: Request) -> Response:
        return Response(200, [], _three_chunks())

    assert exchange(b"GET / HTTP/1.0\r\n\r\n", handle).endswith(b"\r\n\r\nonethree")


def test_a_handler_that_fails_is_a_500_and_its_traceback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The client learns nothing of our insides."""

    async def handle(request: Request) -> Response:
        raise RuntimeError("inside")

    answer = exchange(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n", handle)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"inside" not in answer
    assert "RuntimeError: inside" in caplog.text


def test_a_forged_header_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that passes a line end on must not split the response."""

    async def handle(request: Request) -> Response:
        return Response(200, [("x", "a\r\nset-cookie: b")])

    answer = exchange(LAST, handle)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in answer


def test_garbage_is_a_400() -> None:
    """A TLS hello to a plain port, for instance."""
    assert exchange(b"\x16\x03\x01\x02\x00\x01\x00").startswith(b"HTTP/1.1 400 ")


def test_garbage_behind_a_request_does_not_take_its_response() -> None:
    """What was understood is answered; then the connection ends."""

    async def handle(request: Request) -> Response:
        await asyncio.sleep(0.01)
        return await echo(request)

    answer = exchange(b"GET /fine HTTP/1.1\r\nhost: h\r\n\r\nGARBAGE\r\n\r\n", handle)
    assert b"x-path: /fine" in answer
    assert answer.count(b"HTTP/1.1") == 1


def test_a_refusal_is_readable_while_the_client_still_sends() -> None:
    """Closing at once would reset the connection, and SDKs would report a network error instead of AccessDenied."""

    async def handle(request: Request) -> Response:
        return Response(403, [], b"denied")

    async def run() -> bytes:
        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 20000000\r\n\r\n")
            for _ in range(20):
                writer.write(b"x" * 1_000_000)
                await asyncio.wait_for(writer.drain(), 10)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return answer

    assert asyncio.run(run()).endswith(b"denied")


def test_a_small_unread_body_keeps_the_connection() -> None:
    """Refusals are answers like any other: the SDK's pool goes on with the connection."""

    async def handle(request: Request) -> Response:
        return Response(403, [("x-path", request.path)])

    unread = b"PUT /one HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    small = b"PUT /two HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n"
    answer = exchange(small + b"abc" + LAST, handle)
    assert answer.count(b"HTTP/1.1 403") == 2
    # A chunked one has no known end, so the connection ends with it.
    assert b"connection: close" in exchange(unread + b"3\r\nabc\r\n", handle)


def test_100_continue_is_sent_only_to_who_reads() -> None:
    """A large upload is refused before it is sent."""

    async def handle(request: Request) -> Response:
        return Response(403) if request.path == "/no" else await echo(request)

    async def run(path: bytes) -> bytes:
        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = b"PUT %b HTTP/1.1\r\nhost: h\r\ncontent-length: 2000000\r\nexpect: 100-continue\r\n\r\n" % path
            writer.write(head)
            answer = await asyncio.wait_for(reader.readline(), 10)
            writer.transport.abort()
            return answer

    assert asyncio.run(run(b"/yes")) == b"HTTP/1.1 100 Continue\r\n"
    assert asyncio.run(run(b"/no")) == b"HTTP/1.1 403 Forbidden\r\n"


def test_a_client_that_only_stops_sending_gets_its_answer() -> None:
    """Scripts with netcat half-close after their request."""

    async def handle(request: Request) -> Response:
        await asyncio.sleep(0.02)
        return await echo(request)

    async def run() -> bytes:
        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /half HTTP/1.1\r\nhost: h\r\n\r\n")
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 10)

    assert b"x-path: /half" in asyncio.run(run())


def test_a_poll_learns_that_its_client_left() -> None:
    """A ReceiveMessage that nobody waits for any more must not take messages."""

    async def run() -> bool:
        entered, left = asyncio.Event(), asyncio.Event()

        async def handle(request: Request) -> Response:
            entered.set()
            assert request.disconnected is not None
            await request.disconnected()
            left.set()
            return Response(200)

        async with running(handle) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(LAST)
            await asyncio.wait_for(entered.wait(), 10)
            writer.close()
            await asyncio.wait_for(left.wait(), 10)
        return True

    assert asyncio.run(run())


def test_a_handler_is_not_cancelled_because_its_client_left() -> None:
    """It may be between a commit and what follows from it."""

    async def run() -> bool:
        entered, finished = asyncio.Event(), asyncio.Event()

        async def handle(request: Request) -> Response:
            entered.set()
            assert request.disconnected is not None
            await request.disconnected()
            await asyncio.sleep(0.02)
            finished.set()
            return Response(200)

        async with running(handle) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(LAST)
            await asyncio.wait_for(entered.wait(), 10)
            writer.transport.abort()
            await asyncio.wait_for(finished.wait(), 10)
        return True

    assert asyncio.run(run())


def test_a_generated_stream_ends_with_its_client() -> None:
    """And its clean-up runs, so that what it reads from is released."""

    async def run() -> bool:
        cleaned = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                cleaned.set()

        async def handle(request: Request) -> Response:
            return Response(200, [], endless())

        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(LAST)
            await asyncio.wait_for(reader.readuntil(b"first"), 10)
            writer.transport.abort()
            await asyncio.wait_for(cleaned.wait(), 10)
        return True

    assert asyncio.run(run())


def test_stopping_answers_what_runs_and_closes_what_waits() -> None:
    """SIGTERM loses no response."""

    async def run() -> tuple[bytes, bytes]:
        entered = asyncio.Event()

        async def handle(request: Request) -> Response:
            entered.set()
            await asyncio.sleep(0.05)
            return await echo(request)

        async with running(handle) as port:
            idle, _ = await asyncio.open_connection("127.0.0.1", port)
            busy, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /busy HTTP/1.1\r\nhost: h\r\n\r\n")
            await asyncio.wait_for(entered.wait(), 10)
        return await idle.read(), await busy.read()

    idle, busy = asyncio.run(run())
    assert idle == b""
    assert b"x-path: /busy" in busy
    assert b"connection: close" in busy


def test_stopping_ends_long_polls_at_once() -> None:
    """With an answer, not after the grace by a reset that SDKs report as an error."""

    async def run() -> bytes:
        entered = asyncio.Event()

        async def handle(request: Request) -> Response:
            entered.set()
            assert request.disconnected is not None
            await request.disconnected()
            return Response(200, [], b"nothing")

        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /poll HTTP/1.1\r\nhost: h\r\n\r\n")
            await asyncio.wait_for(entered.wait(), 10)
        return await reader.read()

    assert asyncio.run(run()).endswith(b"nothing")


def test_a_port_in_use_says_what_to_do() -> None:
    """Before anything else starts."""
    with (
        open_port("127.0.0.1", 0) as other,
        pytest.raises(OSError, match="in use by another program") as refused,
    ):
        open_port("127.0.0.1", other.getsockname()[1])
    assert refused.value.errno == errno.EADDRINUSE


def test_a_websocket_carries_both_kinds_and_tells_its_end() -> None:
    """Text, binary, a message in fragments, a subprotocol, and the client's close code."""

    async def run() -> list[Any]:
        codes: list[Any] = []
        ended = asyncio.Event()

        async def websocket(session: WebSocketSession) -> None:
            await session.accept("v1")
            try:
                while True:
                    await session.send(await session.receive())
            except WebSocketClosed as closed:
                codes.append((closed.code, closed.reason))
                ended.set()

        async with running(echo, websocket=websocket) as port:
            async with connect(f"ws://127.0.0.1:{port}/p", subprotocols=["v0", "v1"]) as client:
                got: list[Any] = [client.subprotocol]
                for message in ("text", b"bytes", ["in ", "pieces"]):
                    await client.send(message)
                    got.append(await client.recv())
                await client.close(4000, "done")
            await asyncio.wait_for(ended.wait(), 10)
        return got + codes

    assert asyncio.run(run()) == ["v1", "text", b"bytes", "in pieces", (4000, "done")]


def test_a_websocket_can_be_refused_and_closed_by_us() -> None:
    """An authorizer's 401 is an ordinary response; a disconnect by the application has its code."""

    async def run() -> tuple[int, bytes, int]:
        async def websocket(session: WebSocketSession) -> None:
            if session.request.path == "/no":
                await session.refuse(Response(401, [], b"who?"))
                return
            await session.accept()
            await session.close(1008, "policy")

        async with running(echo, websocket=websocket) as port:
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://127.0.0.1:{port}/no")
            with pytest.raises(ConnectionClosed) as closed:
                async with connect(f"ws://127.0.0.1:{port}/yes") as client:
                    await client.recv()
        assert closed.value.rcvd is not None
        response = refused.value.response
        return response.status_code, response.body or b"", closed.value.rcvd.code

    assert asyncio.run(run()) == (401, b"who?", 1008)


def test_a_websocket_that_breaks_ends_its_handler(caplog: pytest.LogCaptureFixture) -> None:
    """Without a close frame: a laptop that was shut."""
    caplog.set_level(logging.ERROR)

    async def run() -> int:
        codes: asyncio.Queue[int] = asyncio.Queue()

        async def websocket(session: WebSocketSession) -> None:
            await session.accept()
            try:
                await session.receive()
            except WebSocketClosed as closed:
                codes.put_nowait(closed.code)

        async with running(echo, websocket=websocket) as port:
            client = await connect(f"ws://127.0.0.1:{port}/p")
            client.transport.abort()
            return await asyncio.wait_for(codes.get(), 10)

    assert asyncio.run(run()) == 1006
    assert caplog.text == ""
