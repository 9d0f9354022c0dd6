"""Requests that leave: what they may reach, and that no endpoint can hurt us."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mrak.core.http import OutgoingError, Reply
from mrak.edge.outgoing import MAX_REPLY_BYTES, HttpClient

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def exchange(answer: Answer, path: str = "/", **more: Any) -> Reply:
    """One request to a server that answers so."""

    async def run() -> Reply:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answer(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            client = HttpClient(allow_private=False)
            params = {"headers": [], "body": b"", "timeout_seconds": 5.0, **more}
            return await client.send("POST", f"http://localhost:{port}{path}", **params)
        finally:
            server.close()

    return asyncio.run(run())


def test_a_request_and_its_reply() -> None:
    """The bytes that are sent, and a chunked reply."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3))
        writer.write(
            b"HTTP/1.1 201 Created\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
        )

    reply = exchange(answer, "/p?q=1", headers=[("X-Own", "1")], body=b"abc")
    assert (reply.status, reply.body, dict(reply.headers)["x-a"]) == (201, b"hello", "b")
    head = seen[0].decode()
    assert head.startswith("POST /p?q=1 HTTP/1.1\r\nHost: localhost:")
    assert "\r\nX-Own: 1\r\n" in head and "\r\nContent-Length: 3\r\n" in head and head.endswith("abc")


def test_a_reply_ends_with_its_connection() -> None:
    """Neither length nor chunks: the old way."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    assert exchange(answer).body == b"all of it"


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def _babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"this is no HTTP\r\n\r\n")


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(MAX_REPLY_BYTES // 65_536 + 2):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def _long_winded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"h%d: %s\r\n" % (n, b"x" * 1000) for n in range(100)) + b"\r\n")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_silent, "no reply within 0.2 seconds"),
        (_closing, "the connection was closed without a reply"),
        (_endless, "the reply is too large"),
        (_long_winded, "the reply's headers are too long"),
        (_babbling, ""),
    ],
)
def test_endpoints_that_misbehave(answer: Answer, message: str) -> None:
    """Each ends as an OutgoingError, soon and in bounded memory."""
    timeout_seconds = 0.2 if answer is _silent else 5.0
    with pytest.raises(OutgoingError) as caught:
        exchange(answer, timeout_seconds=timeout_seconds)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("8.8.8.8", True),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:127.0.0.1", True),
        ("fe80::1", False),
        ("0.0.0.0", False),
    ],
)
def test_private_addresses_are_a_setting(address: str, reachable: bool) -> None:
    """An outsider must not reach the host's network, or a cloud's metadata, through us."""
    parsed = ipaddress.ip_address(address)
    assert HttpClient(allow_private=False)._may_reach(parsed) is reachable
    assert HttpClient(allow_private=True)._may_reach(parsed) is True


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://localhost/", []),
        ("http://", []),
        ("http://10.1.2.3/", []),
        ("http://localhost:1/", [("a", "b\r\nc: d")]),
        ("http://localhost:1/", []),
    ],
)
def test_what_is_not_sent(url: str, headers: list[tuple[str, str]]) -> None:
    """No other scheme, no private address, no header that smuggles another, no hanging on a closed port."""
    with pytest.raises(OutgoingError):
        asyncio.run(HttpClient(allow_private=False).send("GET", url, headers, b"", 2.0))
