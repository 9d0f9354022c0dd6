"""Bytes to requests: nothing is lost, nothing is believed, nothing is without a limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mrak.core.http import Request
from mrak.edge.reader import HEAD_LIMIT_BYTES, WHOLE_BODY_LIMIT_BYTES, RequestReader, RequestRefused


class Recorder:
    """A connection that writes down what the reader gives it."""

    peer = "192.0.2.1"
    scheme = "http"
    is_http10 = False
    takes_websockets = False
    is_busy = False

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.requests: list[Request] = []
        self.kept: list[bool] = []
        self.continued = 0

    def receive_request(self, request: Request, *, keep_alive: bool, body: Any) -> None:
        self.requests.append(request)
        self.kept.append(keep_alive)

    def pause_body(self) -> None: ...

    def resume_body(self) -> None: ...

    def send_continue(self) -> None:
        self.continued += 1

    async def wait_disconnected(self) -> None: ...


@pytest.fixture
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.loop.close()


def read(recorder: Recorder, data: bytes, step: int = 1 << 20) -> list[Request]:
    reader = RequestReader(recorder)
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
    return recorder.requests


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_request_is_the_same_however_it_arrives(recorder: Recorder, step: int) -> None:
    """Networks cut anywhere: also inside names, values and the path."""
    data = b"POST /a%2Fb?x=%20&y HTTP/1.1\r\nHost: h\r\nX-Meta: caf\xc3\xa9\r\nContent-Length: 4\r\n\r\nbody"
    (request,) = read(recorder, data, step)
    assert (request.method, request.path, request.query) == ("POST", "/a%2Fb", "x=%20&y")
    assert request.headers == {"host": "h", "x-meta": "café", "content-length": "4"}
    assert (request.body, request.stream, request.peer) == (b"body", None, "192.0.2.1")


def test_repeated_headers_are_joined_in_order(recorder: Recorder) -> None:
    """SigV4 signs them joined by commas; cookies are joined by semicolons (RFC 9113, 8.2.3)."""
    data = b"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nCookie: x\r\na: 2\r\ncookie: y\r\n\r\n"
    (request,) = read(recorder, data)
    assert request.headers == {"host": "h", "a": "1, 2", "cookie": "x; y"}


@pytest.mark.parametrize(
    ("target", "path"),
    [(b"http://h:1/p?q", "/p"), (b"/caf\xc3\xa9", None), (b"*", "*")],
)
def test_forms_of_the_target(recorder: Recorder, target: bytes, path: str | None) -> None:
    """Proxies send the absolute form; bytes beyond ASCII are no target at all."""
    data = b"OPTIONS " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n"
    if path is None:
        with pytest.raises(RequestRefused):
            read(recorder, data)
    else:
        assert read(recorder, data)[0].path == path


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * HEAD_LIMIT_BYTES, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"x%d: 1\r\n" % n for n in range(300)) + b"\r\n", 431),
        (b"GET /" + b"x" * HEAD_LIMIT_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ],
)
def test_what_is_refused(recorder: Recorder, data: bytes, status: int) -> None:
    """Smuggling, and heads without end."""
    with pytest.raises(RequestRefused) as refused:
        read(recorder, data)
    assert refused.value.status == status
    assert recorder.requests == []


def test_a_head_that_trickles_is_limited_too(recorder: Recorder) -> None:
    """The parser keeps what has no line end yet, so its pieces have to be counted."""
    with pytest.raises(RequestRefused):
        read(recorder, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * HEAD_LIMIT_BYTES, step=1000)


def test_a_large_body_is_a_stream_and_its_handler_starts_at_once(recorder: Recorder) -> None:
    """An upload must not wait in memory until it is whole."""
    size = WHOLE_BODY_LIMIT_BYTES + 1
    (request,) = read(recorder, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nabc" % size)
    assert request.body is None
    assert request.stream is not None


def test_a_small_body_is_asked_for_at_once(recorder: Recorder) -> None:
    """botocore waits a second for the 100 of every S3 PutObject."""
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
    read(recorder, head + b"Authorization: AWS4-HMAC-SHA256 ...\r\n\r\n")
    assert recorder.continued == 1
    assert recorder.requests == []


def test_nobodys_body_is_asked_for_by_the_handler(recorder: Recorder) -> None:
    """Whoever may not write is refused before the body is sent, as S3 does."""
    (request,) = read(recorder, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert recorder.continued == 0
    assert request.stream is not None


def test_an_offer_of_another_protocol_is_passed_over(recorder: Recorder) -> None:
    """Java's client offers h2c on its first request and must be able to go on with HTTP/1.1."""
    offer = b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    requests = read(recorder, offer + b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [request.path for request in requests] == ["/1", "/2"]


def test_trailers_do_not_become_headers(recorder: Recorder) -> None:
    """They come after the request was judged by its headers."""
    data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nAuthorization: x\r\n\r\n"
    (request,) = read(recorder, data)
    assert "authorization" not in request.headers


@pytest.mark.parametrize(("line", "kept"), [(b"", True), (b"Connection: close\r\n", False)])
def test_whether_the_connection_goes_on_is_the_clients_choice(recorder: Recorder, line: bytes, kept: bool) -> None:
    """RFC 9112, 9.3."""
    read(recorder, b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n")
    assert recorder.kept == [kept]
