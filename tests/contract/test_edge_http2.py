"""HTTP/2 with prior knowledge over real sockets, as Kinesis' client in the SDK for JavaScript speaks it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes, Settings
from test_edge import running

from mrak.core.http import ClientDisconnected, FileSlice, Request, Response
from mrak.edge.connection import HTTP2_PREFACE, Patience
from mrak.edge.server import Http1Server

Handle = Callable[[Request], Awaitable[Response]]
Headers = list[tuple[str, str]]


async def echo(request: Request) -> Response:
    body = request.body if request.stream is None else await request.stream.read()
    seen = f"{request.method} {request.path} {request.query} {request.host} {request.scheme}"
    return Response(200, [("X-Seen", seen), ("connection", "keep-alive")], body or b"")


class Answer:
    """What came on one stream."""

    def __init__(self) -> None:
        self.status = 0
        self.informed = False
        self.headers: dict[str, str] = {}
        self.body = b""
        self.reset: int | None = None
        self.ended = False


class Client:
    """A client that sees each frame. `window` is how much of each response it takes unasked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, window: int) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.local_settings = Settings(initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.closed = False

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def ask(self, path: str, method: str = "GET", headers: Headers | None = None, *, ends: bool = True) -> int:
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "h:1")]
        self.h2.send_headers(stream, [*pseudo, *(headers or [])], end_stream=ends)
        self.answers[stream] = Answer()
        self.flush()
        return stream

    async def send(self, stream: int, body: bytes, *, ends: bool = True) -> None:
        while body:
            length = min(len(body), self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if length == 0:
                await self.read()
                continue
            self.h2.send_data(stream, body[:length])
            body = body[length:]
            self.flush()
        if ends:
            self.h2.end_stream(stream)
            self.flush()

    async def read(self) -> None:
        data = await asyncio.wait_for(self.reader.read(1 << 16), 10)
        if not data:
            self.closed = True
            return
        for event in self.h2.receive_data(data):
            if isinstance(event, InformationalResponseReceived):
                self.answers[event.stream_id].informed = True
            elif isinstance(event, ResponseReceived):
                answer = self.answers[event.stream_id]
                answer.headers = dict(event.headers)
                answer.status = int(answer.headers[":status"])
            elif isinstance(event, DataReceived):
                self.answers[event.stream_id].body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self.answers[event.stream_id].ended = True
            elif isinstance(event, StreamReset):
                self.answers[event.stream_id].reset = event.error_code
            elif isinstance(event, ConnectionTerminated):
                self.closed = True
        self.flush()

    async def whole(self, stream: int) -> Answer:
        answer = self.answers[stream]
        while not (answer.ended or answer.reset is not None or self.closed):
            await self.read()
        return answer


@asynccontextmanager
async def connected(port: int, window: int = 65_535) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Client(reader, writer, window)
    client.flush()
    try:
        yield client
    finally:
        writer.close()


def with_client(use: Callable[[Client], Awaitable[Any]], handle: Handle = echo, window: int = 65_535) -> Any:
    async def run() -> Any:
        async with running(handle) as port, connected(port, window) as client:
            return await use(client)

    return asyncio.run(run())


def test_a_request_is_the_same_as_over_http_1() -> None:
    async def use(client: Client) -> Answer:
        stream = client.ask("/a%2Fb?c=d%20e", "POST", [("content-length", "2"), ("x-a", "ü")], ends=False)
        await client.send(stream, b"hi")
        return await client.whole(stream)

    answer = with_client(use)
    assert (answer.status, answer.body) == (200, b"hi")
    assert answer.headers["x-seen"] == "POST /a%2Fb c=d%20e h:1 http"
    assert answer.headers["content-length"] == "2"
    assert "date" in answer.headers
    assert "connection" not in answer.headers


def test_requests_run_side_by_side() -> None:
    """The slow one is overtaken; each answer comes on its own stream."""

    async def handle(request: Request) -> Response:
        await asyncio.sleep(0.2 if request.path == "/slow" else 0)
        return Response(200, [], request.path.encode())

    async def use(client: Client) -> None:
        slow = client.ask("/slow")
        quick = [client.ask(f"/{n}") for n in range(50)]
        assert [(await client.whole(stream)).body for stream in quick] == [b"/%d" % n for n in range(50)]
        assert not client.answers[slow].ended
        assert (await client.whole(slow)).body == b"/slow"

    with_client(use, handle)


@pytest.mark.parametrize("size", [100, 65_536, 3_000_000])
@pytest.mark.parametrize("has_length", [True, False])
def test_bodies_of_any_size_go_both_ways(size: int, has_length: bool) -> None:
    """Past both sides' windows, whether the length is known or not."""
    body = bytes(range(250)) * (size // 250) + b"x" * (size % 250)

    async def use(client: Client) -> Answer:
        stream = client.ask("/", "PUT", [("content-length", str(size))] if has_length else [], ends=False)
        await client.send(stream, body)
        return await client.whole(stream)

    assert with_client(use, window=20_000).body == body


def test_an_upload_waits_for_its_handler() -> None:
    """Who does not read is not sent more than a window, and other streams go on."""
    go = asyncio.Event()

    async def handle(request: Request) -> Response:
        if request.stream is not None:
            await go.wait()
            return Response(200, [], b"%d" % len(await request.stream.read()))
        return Response(200, [], b"meanwhile")

    async def use(client: Client) -> None:
        stream = client.ask("/", "PUT", ends=False)
        sending = asyncio.create_task(client.send(stream, b"x" * 3_000_000))
        await asyncio.sleep(0.2)
        assert not sending.done()
        other = client.ask("/other")
        while not client.answers[other].ended:
            await asyncio.sleep(0.01)
        assert client.answers[other].body == b"meanwhile"
        go.set()
        await sending
        assert (await client.whole(stream)).body == b"3000000"

    with_client(use, handle)


def test_continue_is_said_when_the_body_is_asked_for() -> None:
    async def use(client: Client) -> Answer:
        stream = client.ask("/", "PUT", [("expect", "100-continue"), ("content-length", "3")], ends=False)
        while not client.answers[stream].informed:
            await client.read()
        await client.send(stream, b"abc")
        return await client.whole(stream)

    assert with_client(use).body == b"abc"


def test_a_response_goes_on_after_goaway(tmp_path: Path) -> None:
    """JavaScript's client says GOAWAY as soon as it has a response's head, and then reads on."""
    path = tmp_path / "file"
    path.write_bytes(b"z" * 1_000_000)

    async def handle(request: Request) -> Response:
        return Response(200, [], FileSlice(str(path), 10, 999_000))

    async def run() -> None:
        async with running(handle) as port, connected(port, 20_000) as client:
            stream = client.ask("/")
            while not client.answers[stream].status:
                await client.read()
            # A GOAWAY frame by hand: h2 would take the connection for closed.
            client.writer.write(bytes.fromhex("000008 07 00 00000000 00000000 00000000"))
            answer = await client.whole(stream)
            assert len(answer.body) == 999_000
            assert answer.ended
            while not client.closed:
                await client.read()

    asyncio.run(run())


def test_head_and_bodiless_answers() -> None:
    async def handle(request: Request) -> Response:
        return Response(204 if request.path == "/none" else 200, [], b"body")

    async def use(client: Client) -> None:
        head = await client.whole(client.ask("/", "HEAD"))
        assert (head.headers["content-length"], head.body) == ("4", b"")
        none = await client.whole(client.ask("/none"))
        assert (none.status, none.body, "content-length" in none.headers) == (204, b"", False)

    with_client(use, handle)


def test_a_stream_that_nobody_reads_is_ended() -> None:
    """By a reset: the generator is closed, and other requests go on."""
    closed = asyncio.Event()

    async def tick() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"tick"
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async def handle(request: Request) -> Response:
        return Response(200, [], tick() if request.path == "/ticks" else b"fine")

    async def use(client: Client) -> None:
        stream = client.ask("/ticks")
        while len(client.answers[stream].body) < 12:
            await client.read()
        client.h2.reset_stream(stream)
        client.flush()
        await asyncio.wait_for(closed.wait(), 5)
        assert (await client.whole(client.ask("/"))).body == b"fine"

    with_client(use, handle)


def test_whoever_waits_learns_that_the_client_left() -> None:
    """By a reset or by closing; the handler itself is not cancelled."""
    ended: list[str] = []

    async def handle(request: Request) -> Response:
        assert request.disconnected is not None
        await request.disconnected()
        await asyncio.sleep(0.01)
        ended.append(request.path)
        return Response(200)

    async def run() -> None:
        async with running(handle) as port:
            async with connected(port) as client:
                stream = client.ask("/reset")
                client.ask("/closed")
                await asyncio.sleep(0.1)
                client.h2.reset_stream(stream)
                client.flush()
                await asyncio.sleep(0.1)
                assert ended == ["/reset"]
            await asyncio.sleep(0.1)
            assert ended == ["/reset", "/closed"]

    asyncio.run(run())


def test_a_broken_upload_is_never_a_whole_one() -> None:
    seen: list[str] = []

    async def handle(request: Request) -> Response:
        assert request.stream is not None
        try:
            await request.stream.read()
        except ClientDisconnected:
            seen.append("broken")
            raise
        return Response(200)

    async def run() -> None:
        async with running(handle) as port:
            async with connected(port) as client:
                await client.send(client.ask("/", "PUT", ends=False), b"half", ends=False)
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)
        assert seen == ["broken"]

    asyncio.run(run())


def test_a_failing_handler_is_500_and_the_connection_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"some"
        raise ValueError("midway")

    async def handle(request: Request) -> Response:
        if request.path == "/midway":
            return Response(200, [], breaking())
        if request.path == "/forged":
            return Response(200, [("x-a", "b\r\nc: d")], b"")
        raise ValueError("broken")

    async def use(client: Client) -> None:
        for path in ("/", "/forged"):
            answer = await client.whole(client.ask(path))
            assert (answer.status, answer.ended) == (500, True)
        midway = await client.whole(client.ask("/midway"))
        assert (midway.body, midway.ended, midway.reset) == (b"some", False, 2)
        assert (await client.whole(client.ask("/"))).status == 500

    with caplog.at_level(logging.CRITICAL):
        with_client(use, handle)


def test_what_http_1_refuses_is_refused() -> None:
    async def use(client: Client) -> None:
        repeated = await client.whole(client.ask("/", headers=[("authorization", "a"), ("authorization", "b")]))
        assert (repeated.status, repeated.body) == (400, b"the authorization header is repeated")
        many = await client.whole(client.ask("/", headers=[(f"x-{n}", "v") for n in range(300)]))
        assert many.status == 431
        early = client.ask("/", "PUT", [("authorization", "a"), ("authorization", "b")], ends=False)
        assert (await client.whole(early)).status == 400
        assert (await client.whole(client.ask("/"))).status == 200

    with_client(use)


def test_what_is_no_http_2_ends_the_connection() -> None:
    async def run() -> None:
        async with running(echo) as port:
            # Data of a stream that was never opened; a PING and SETTINGS that are cut short.
            for garbage in ("000001 00 00 00000001 00", "000001 06 00 00000000 00", "000003 04 00 00000000 000000"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HTTP2_PREFACE + bytes.fromhex(garbage))
                await asyncio.wait_for(reader.read(), 5)
                writer.close()

    asyncio.run(run())


def test_a_client_that_breaks_the_protocol_gets_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Its handler ends in peace."""
    ended: list[str] = []

    async def handle(request: Request) -> Response:
        await asyncio.sleep(0.1)
        ended.append(request.path)
        return Response(200, [], b"late")

    async def use(client: Client) -> None:
        stream = client.ask("/asked")
        await asyncio.sleep(0.05)
        client.writer.write(bytes.fromhex("000001 06 00 00000000 00"))
        assert (await client.whole(stream)).status == 0
        await asyncio.sleep(0.2)

    with_client(use, handle)
    assert ended == ["/asked"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_stop_ends_idle_connections_and_lets_requests_finish() -> None:
    """A long poll answers what it has; an idle connection is told and closed."""

    async def handle(request: Request) -> Response:
        assert request.disconnected is not None
        await request.disconnected()
        return Response(200, [], b"nothing yet")

    async def run() -> None:
        async with running(handle) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            polling = Client(reader, writer, 65_535)
            stream = polling.ask("/poll")
            idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
            idle = Client(idle_reader, idle_writer, 65_535)
            idle.flush()
            await asyncio.sleep(0.1)
        assert (await polling.whole(stream)).body == b"nothing yet"
        while not idle.closed:
            await idle.read()
        writer.close()
        idle_writer.close()

    asyncio.run(run())


def test_slow_clients_are_ended() -> None:
    """One that says nothing, one whose body never ends, one that does not read. One that only waits may stay."""

    async def handle(request: Request) -> Response:
        if request.path == "/long":
            return Response(200, [], b"x" * 500_000)
        await asyncio.sleep(1 if request.stream is None else 0)
        return await echo(request)

    async def run() -> list[int]:
        server = Http1Server(handle, patience=Patience(0.3, 0.3, 0.3))
        listening = await server.loop.create_server(server.connect, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        clients = []
        for path, ends in ((None, True), ("/", False), ("/long", True), ("/waits", True)):
            client = Client(*await asyncio.open_connection("127.0.0.1", port), 20_000)
            client.flush()
            if path:
                client.ask(path, "PUT" if not ends else "GET", ends=ends)
            clients.append(client)
        await asyncio.sleep(0.5)
        server._sweep_connections()
        await asyncio.sleep(0.05)
        left = len(server.connections)
        answer = await clients[3].whole(1)
        listening.close()
        await server.stop(1)
        for client in clients:
            client.writer.close()
        return [left, answer.status]

    assert asyncio.run(run()) == [1, 200]
