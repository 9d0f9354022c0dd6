"""HTTP requests that leave: deliveries to subscribers, API destinations, integrations.

One connection for each request, bounded in time and size. Where the server listens beyond loopback, private and
link-local addresses are refused (an outsider must not reach the host's network, or a cloud's metadata, through us);
the address that was checked is the one that is connected to. Names under `.localhost` are this machine.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

import httptools

from mrak.core.http import OutgoingError, Reply

MAX_REPLY_BYTES = 10 << 20
_MAX_HEAD_BYTES = 64 << 10
_CHUNK_BYTES = 64 << 10


class _Reader:
    """Collects a reply from httptools' callbacks."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.complete = False
        self._head_bytes = 0
        self._chunks: list[bytes] = []
        self._size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _MAX_HEAD_BYTES:
            raise OutgoingError("the reply's headers are too long")
        self.reply.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > MAX_REPLY_BYTES:
            raise OutgoingError("the reply is too large")
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        self.complete = True

    def finish(self, status: int) -> Reply:
        self.reply.status = status
        self.reply.body = b"".join(self._chunks)
        return self.reply


class HttpClient:
    """`allow_private` lets requests go to private addresses; loopback is always allowed."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def send(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes, timeout_seconds: float = 15.0
    ) -> Reply:
        """Sends one request and reads the reply; raises OutgoingError."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._send(method, url, headers, body)
        except TimeoutError:
            raise OutgoingError(f"no reply within {timeout_seconds:g} seconds") from None
        except (OSError, ssl.SSLError, httptools.HttpParserError) as error:
            raise OutgoingError(str(error) or type(error).__name__) from None

    async def _send(self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> Reply:
        parts = urlsplit(url)
        host = parts.hostname
        if parts.scheme not in ("http", "https") or not host:
            raise OutgoingError(f"not an HTTP URL: {url}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = await self._resolve(host, port)
        context = ssl.create_default_context() if parts.scheme == "https" else None
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=host if context else None
        )
        try:
            writer.write(_render_head(method, parts.netloc.rpartition("@")[2], _target(parts), headers, body))
            writer.write(body)
            await writer.drain()
            return await _read_reply(reader)
        finally:
            writer.close()

    async def _resolve(self, host: str, port: int) -> str:
        if host == "localhost" or host.endswith(".localhost"):
            return "127.0.0.1"
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for _, _, _, _, address in found:
            if self._may_reach(ipaddress.ip_address(str(address[0]).partition("%")[0])):
                return str(address[0])
        raise OutgoingError(f"{host} is a private address, which this server does not deliver to")

    def _may_reach(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        mapped = getattr(address, "ipv4_mapped", None) or address
        return self._allow_private or mapped.is_loopback or mapped.is_global


def _target(parts: object) -> str:
    path = getattr(parts, "path", "") or "/"
    query = getattr(parts, "query", "")
    return f"{path}?{query}" if query else path


def _render_head(method: str, host: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method not in ("GET", "HEAD"):
        lines.append(f"Content-Length: {len(body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise OutgoingError("a header or the URL holds a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


async def _read_reply(stream: asyncio.StreamReader) -> Reply:
    collected = _Reader()
    parser = httptools.HttpResponseParser(collected)
    while not collected.complete:
        chunk = await stream.read(_CHUNK_BYTES)
        if not chunk:
            break
        try:
            parser.feed_data(chunk)
        except httptools.HttpParserCallbackError as error:
            raise OutgoingError(str(error.__context__ or error)) from None
    status = parser.get_status_code()
    if not status:
        raise OutgoingError("the connection was closed without a reply")
    return collected.finish(status)
