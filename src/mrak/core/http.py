"""One HTTP exchange as every room sees it, whatever the server. No I/O in here.

The edge makes a `Request` and sends a `Response`; nothing between knows sockets or ASGI.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl


class ClientDisconnected(Exception):
    """The client went away before its request body had come whole. Nobody is left to answer."""


class BodyStream(Protocol):
    """A request body that may be too large for memory. It can be read once.

    Reading raises `ClientDisconnected` when the body breaks off, so a truncated upload is never taken for a whole one.
    """

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def read(self) -> bytes:
        """The whole of what is left."""
        ...


class Request:
    """A request. `path` and `query` are as they came (percent-encoded); header names are lower case.

    Repeated headers are joined by ", " in order of arrival. `body` is None until somebody has read `stream`:
    operations with a streaming payload read `stream` themselves, all others find `body` filled in.
    `disconnected`, where the server offers it, returns when nobody will wait for a late answer any longer: the client
    has gone, or the server stops. Long polls race it.
    """

    __slots__ = (
        "_query_pairs",
        "body",
        "disconnected",
        "headers",
        "method",
        "path",
        "peer",
        "query",
        "scheme",
        "stream",
    )

    def __init__(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes | None = b"",
        stream: BodyStream | None = None,
        peer: str = "127.0.0.1",
        scheme: str = "http",
        disconnected: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers if headers is not None else {}
        self.body = body
        self.stream = stream
        self.peer = peer
        self.scheme = scheme
        self.disconnected = disconnected
        self._query_pairs: list[tuple[str, str]] | None = None

    @property
    def host(self) -> str:
        """The Host header, lower case, with its port."""
        return self.headers.get("host", "").lower()

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """Decoded query parameters in order; a bare `?acl` is ("acl", "")."""
        if self._query_pairs is None:
            self._query_pairs = parse_qsl(self.query, keep_blank_values=True) if self.query else []
        return self._query_pairs


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A body that is (part of) a file: `length` bytes from `offset`. The server sends it without Python."""

    path: str
    offset: int
    length: int


@dataclass(slots=True)
class Response:
    """A response. `body` is whole bytes, a file's slice, or chunks as they come."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | FileSlice | AsyncIterator[bytes] = b""


class OutgoingError(Exception):
    """A request that we sent got no reply: refused, unreachable, too slow, too large, or not HTTP."""


@dataclass(slots=True)
class Reply:
    """The reply to a request that we sent. Header names are lower case."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class HttpSender(Protocol):
    """The part "http": requests that leave (edge/outgoing.py)."""

    async def send(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes, timeout_seconds: float = 15.0
    ) -> Reply:
        """Sends one request and reads the reply; raises OutgoingError."""
        ...
