"""The Runtime API's HTTP, however a client cuts it into packets."""

from __future__ import annotations

from mrak.lambdas.runtime_api import ACCEPTED, RuntimeConnection, render_invocation


class Transport:
    def __init__(self) -> None:
        self.sent = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True


class Desk:
    """Writes down what arrives."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def on_connect(self, connection: RuntimeConnection) -> None: ...

    def on_disconnect(self, connection: RuntimeConnection) -> None: ...

    def on_extension(
        self, resource: str, headers: dict[str, str], body: bytes, connection: RuntimeConnection
    ) -> bytes | None:
        self.heard.append(("extension", resource))
        return None

    def on_next(self, connection: RuntimeConnection) -> None:
        self.heard.append(("next",))

    def on_response(self, request_id: str, body: bytes) -> bytes:
        self.heard.append(("response", request_id, body))
        return ACCEPTED

    def on_error(self, request_id: str, body: bytes, error_type: str) -> bytes:
        self.heard.append(("error", request_id, body, error_type))
        return ACCEPTED

    def on_init_error(self, body: bytes, error_type: str) -> bytes:
        self.heard.append(("init error", body, error_type))
        return ACCEPTED

    def on_stream_start(self, request_id: str, content_type: str, connection: RuntimeConnection) -> bool:
        self.heard.append(("stream", request_id, content_type))
        return True

    def on_stream_chunk(self, request_id: str, chunk: bytes) -> None:
        self.heard.append(("chunk", chunk))

    def on_stream_end(self, request_id: str, failed: bool) -> None:
        self.heard.append(("end", failed))


def connect() -> tuple[Desk, RuntimeConnection, Transport]:
    desk, transport = Desk(), Transport()
    connection = RuntimeConnection(desk)
    connection.connection_made(transport)  # type: ignore[arg-type]
    return desk, connection, transport


PREFIX = b"/2018-06-01/runtime"
RESPONSE = b"POST " + PREFIX + b"/invocation/r1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"
NEXT = b"GET " + PREFIX + b"/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"


def test_pipelined_requests_are_heard_wherever_they_are_cut() -> None:
    """Our runtimes post a response and ask for more in one packet; TCP may cut it anywhere."""
    data = RESPONSE + NEXT
    for cut in range(1, len(data)):
        desk, connection, transport = connect()
        connection.data_received(data[:cut])
        connection.data_received(data[cut:])
        assert desk.heard == [("response", "r1", b"abcd"), ("next",)], cut
        connection.send_invocation(b"INVOCATION")
        assert transport.sent == ACCEPTED + b"INVOCATION", "answers keep their order, though they may leave together"


def test_a_parked_next_holds_back_what_follows_until_it_is_answered() -> None:
    """HTTP answers in order: nothing may overtake the invocation."""
    desk, connection, transport = connect()
    connection.data_received(NEXT + RESPONSE)
    assert desk.heard == [("next",)] and transport.sent == b""
    connection.send_invocation(b"INVOCATION")
    assert desk.heard[1:] == [("response", "r1", b"abcd")]
    assert transport.sent == b"INVOCATION" + ACCEPTED


def test_streamed_response_arrives_chunk_by_chunk_with_its_error_trailer() -> None:
    """A function that fails halfway says so in trailers (Runtime API, response streaming)."""
    head = b"POST " + PREFIX + b"/invocation/r1/response HTTP/1.1\r\nContent-Type: text/plain\r\n"
    head += b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\nLambda-Runtime-Function-Error-Type: Boom\r\n\r\n"
    for cut in range(1, len(data)):
        desk, connection, _ = connect()
        connection.data_received(data[:cut])
        connection.data_received(data[cut:])
        expected = [("stream", "r1", "text/plain"), ("chunk", b"abc"), ("chunk", b"de"), ("end", True)]
        assert desk.heard == expected, cut


def test_chunked_response_of_an_ordinary_function_is_taken_whole() -> None:
    """Custom runtimes may send chunks without asking for streaming."""
    desk, connection, _ = connect()
    head = b"POST " + PREFIX + b"/invocation/r1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.data_received(head + b"3\r\nabc\r\n0\r\n\r\n")
    assert desk.heard == [("response", "r1", b"abc")]


def test_errors_carry_their_type() -> None:
    desk, connection, _ = connect()
    for path in (b"/init/error", b"/invocation/r1/error"):
        head = b"POST " + PREFIX + path + b" HTTP/1.1\r\nLambda-Runtime-Function-Error-Type: T\r\n"
        connection.data_received(head + b"Content-Length: 2\r\n\r\n{}")
    assert desk.heard == [("init error", b"{}", "T"), ("error", "r1", b"{}", "T")]


def test_unknown_path_and_garbage_change_nothing() -> None:
    """A function may send anything to its port."""
    desk, connection, transport = connect()
    connection.data_received(b"GET /latest/meta-data HTTP/1.1\r\n\r\n")
    assert transport.sent.startswith(b"HTTP/1.1 404")
    connection.data_received(b"\x00" * 100_000)
    assert transport.aborted and desk.heard == []


def test_header_values_cannot_add_headers() -> None:
    """Client context and trace come from callers."""
    message = render_invocation([("Lambda-Runtime-Trace-Id", "a\r\nX-Evil: 1")], b"{}")
    assert b"\r\nX-Evil" not in message
