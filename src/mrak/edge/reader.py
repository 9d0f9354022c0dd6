"""Bytes -> core.http.Request, by llhttp (httptools): strict parsing, limits, and what waits for a body.

No I/O: what has to happen goes through `Receiver`, the connection. llhttp refuses both framings at once, repeated
lengths, bare line feeds, folded headers and control characters, so that no proxy in front can be made to see another
request than we do. This module adds the limits, since llhttp has none.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Protocol
from urllib.parse import quote

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from mrak.core.http import BodyStream, Request
from mrak.edge.body import ArrivingBody

# The head of a request. AWS's own limits are below it (API Gateway: 10,240 bytes; S3: 8 KiB).
HEAD_LIMIT_BYTES = 64 * 1024
HEADER_COUNT_LIMIT = 256
# Bodies up to this size are read before the handler runs; larger and chunked ones are streams.
WHOLE_BODY_LIMIT_BYTES = 1 << 20

# Header names as clients write them -> lower case. Bounded, since clients choose them.
_NAMES: dict[bytes, str] = {}
_NAMES_LIMIT = 2048
# A second one of these is an attack or a bug; joining them would hide it.
_SINGLE = frozenset({"host", "content-length", "transfer-encoding", "authorization"})
_URL_SAFE = "/!$&'()*+,;=:@-._~%?"


class RequestRefused(Exception):
    """What came is not a request that can be served; the connection ends with this status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Receiver(Protocol):
    """The connection, as the reader sees it."""

    peer: str
    scheme: str
    loop: AbstractEventLoop
    is_http10: bool
    takes_websockets: bool

    @property
    def is_busy(self) -> bool: ...

    def receive_request(self, request: Request, *, keep_alive: bool, body: ArrivingBody | None) -> None: ...

    def pause_body(self) -> None: ...

    def resume_body(self) -> None: ...

    def send_continue(self) -> None: ...

    async def wait_disconnected(self) -> None: ...


class RequestReader:
    """One connection's requests, in order. `in_head` tells that a head has begun and has not ended."""

    __slots__ = (
        "_body", "_chunks", "_disconnected", "_head_bytes", "_headers", "_headers_done", "_parser", "_receiver",
        "_request", "_url", "_version_known", "in_head", "in_request", "upgrade",
    )  # fmt: skip

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._parser = HttpRequestParser(self)
        self._disconnected = receiver.wait_disconnected
        self._headers: dict[str, str] = {}
        self._url = b""
        self._head_bytes = 0
        self._chunks: list[bytes] = []
        self._body: ArrivingBody | None = None
        self._request: Request | None = None
        self._version_known = False
        self.in_head = False
        self.in_request = False
        self.upgrade = False

    def feed(self, data: bytes) -> bytes:
        """Take what has arrived; returns what belongs to another protocol (after a WebSocket upgrade)."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgraded:
            return self._leave_http(data[upgraded.args[0] :])
        except HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except HttpParserError as error:
            raise RequestRefused(400, str(error)) from None
        if self.in_head:
            self._count_head(len(data))
        return b""

    def close(self) -> None:
        """Break the cycle between this and its parser and connection."""
        del self._parser, self._receiver, self._disconnected
        if self._body is not None:
            self._body.break_off()

    def _leave_http(self, rest: bytes) -> bytes:
        if self.upgrade:
            return rest
        # An offer of another protocol (h2c, by Java's client) that we do not take: go on with HTTP/1.1.
        self._parser = HttpRequestParser(self)
        return self.feed(rest) if rest else b""

    def _count_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > HEAD_LIMIT_BYTES:
            raise RequestRefused(431, "the request's head is too large")

    # What follows is called by llhttp, in this order.

    def on_message_begin(self) -> None:
        self.in_head = self.in_request = True
        if self._headers:
            self._headers = {}
        self._url = b""
        self._head_bytes = 0

    def on_url(self, part: bytes) -> None:
        self._url += part

    def on_header(self, raw_name: bytes, raw_value: bytes) -> None:
        # Called for each header of each request: what can be checked once is checked at the head's end.
        name = _NAMES.get(raw_name) or _lower_name(raw_name)
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        headers = self._headers
        if name in headers:
            value = join_repeated(name, headers[name], value)
        headers[name] = value

    def on_headers_complete(self) -> None:
        self.in_head = False
        headers = self._headers
        self._headers = {}  # for trailers, which nobody reads: AWS's are inside its own chunked encoding
        if len(headers) > HEADER_COUNT_LIMIT:
            raise RequestRefused(431, "the request has too many headers")
        if len(self._url) > HEAD_LIMIT_BYTES:
            raise RequestRefused(414, "the request's target is too long")
        path, _, query = split_target(self._url)
        receiver = self._receiver
        request = self._request = Request(
            self._parser.get_method().decode(), path, query, headers, b"", None,
            receiver.peer, receiver.scheme, self._disconnected,
        )  # fmt: skip
        if not self._version_known:  # once: a client does not change it
            self._version_known = True
            receiver.is_http10 = self._parser.get_http_version() == "1.0"
        if "host" not in headers and not receiver.is_http10:
            raise RequestRefused(400, "the Host header is missing")
        if "upgrade" in headers and receiver.takes_websockets:
            self.upgrade = self._parser.should_upgrade() and headers["upgrade"].lower() == "websocket"
        if "content-length" in headers or "transfer-encoding" in headers:
            self._await_body(request)

    def on_body(self, chunk: bytes) -> None:
        if self._body is None:
            self._chunks.append(chunk)
        else:
            self._body.feed(chunk)

    def on_message_complete(self) -> None:
        self.in_request = False
        body, request = self._body, self._request
        self._request = None
        if body is not None:
            self._body = None
            body.end()
            return
        if request is None:  # only after a refusal
            return
        if self._chunks:
            request.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._chunks = []
        self._receiver.receive_request(request, keep_alive=self._parser.should_keep_alive(), body=None)

    def _await_body(self, request: Request) -> None:
        headers = request.headers
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise RequestRefused(501, f"the transfer coding {coding!r} is not supported")
        wants_continue = headers.get("expect", "").lower() == "100-continue"
        if coding is None and int(headers["content-length"]) <= WHOLE_BODY_LIMIT_BYTES:
            if not wants_continue:
                return
            # Who signs may as well send a small body at once. Nobody in particular, and whoever has an earlier response
            # to come, is told to go on once the handler asks for the body.
            if "authorization" in headers and not self._receiver.is_busy:
                self._receiver.send_continue()
                return
        body = self._body = ArrivingBody(self._receiver.loop, self._receiver, wants_continue=wants_continue)
        stream: BodyStream = body
        request.body, request.stream = None, stream
        self._receiver.receive_request(request, keep_alive=self._parser.should_keep_alive(), body=body)


def split_target(url: bytes) -> tuple[str, str, str]:
    """The path and query of a request's target, as they came, around the question mark."""
    try:
        target = url.decode("ascii")
    except UnicodeDecodeError:
        target = quote(url, safe=_URL_SAFE)
    if not target.startswith(("/", "*")):
        # Absolute form, as sent to a proxy. CONNECT's authority form has no path.
        _, scheme_end, rest = target.partition("://")
        target = "/" + rest.partition("/")[2] if scheme_end else "/"
    return target.partition("?")


def _lower_name(raw_name: bytes) -> str:
    name = raw_name.decode("ascii").lower()  # llhttp lets tokens through, which are ASCII
    if len(_NAMES) < _NAMES_LIMIT:
        _NAMES[raw_name] = name
    return name


def join_repeated(name: str, first: str, second: str) -> str:
    if name in _SINGLE:
        raise RequestRefused(400, f"the {name} header is repeated")
    return f"{first}; {second}" if name == "cookie" else f"{first}, {second}"
