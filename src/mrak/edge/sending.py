"""Long responses: files and generated streams, never more than a window of them in memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Protocol

from mrak.core.http import FileSlice, Request, Response
from mrak.edge.heads import BODILESS

FILE_CHUNK_BYTES = 256 * 1024


class Outlet(Protocol):
    """Where a response's bytes go."""

    def write(self, data: bytes) -> None: ...


class Sender(Protocol):
    """The connection, as a response sees it."""

    @property
    def transport(self) -> Outlet: ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    @property
    def is_http10(self) -> bool: ...

    def begin_response(self, request: Request, response: Response, length_bytes: int | None) -> bytes: ...

    async def drain(self) -> None: ...


async def send_long(sender: Sender, request: Request, response: Response) -> None:
    """Send a response whose body is a file's slice or an iterator."""
    body = response.body
    assert not isinstance(body, bytes)
    if isinstance(body, FileSlice):
        await _send_file(sender, request, response, body)
    else:
        await _send_stream(sender, request, response, body)


async def _send_file(sender: Sender, request: Request, response: Response, part: FileSlice) -> None:
    # Opened before the head is sent: a missing file is still a 500, and a file deleted from now on is still sent.
    file = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = sender.begin_response(request, response, part.length)
        sender.transport.write(head)
        if request.method != "HEAD":
            await _copy_file(sender, file, part.offset, part.offset + part.length)
    finally:
        os.close(file)


async def _copy_file(sender: Sender, file: int, offset: int, end: int) -> None:
    while offset < end:
        wanted = min(FILE_CHUNK_BYTES, end - offset)
        chunk = await sender.loop.run_in_executor(None, os.pread, file, wanted, offset)
        if not chunk:
            raise EOFError(f"the file ends at byte {offset}, before byte {end}")
        offset += len(chunk)
        sender.transport.write(chunk)
        await sender.drain()


async def _send_stream(sender: Sender, request: Request, response: Response, chunks: AsyncIterator[bytes]) -> None:
    try:
        if request.method == "HEAD" or response.status in BODILESS:
            sender.transport.write(sender.begin_response(request, response, None))
            return
        if sender.is_http10 or any(name.lower() == "content-length" for name, _ in response.headers):
            # HTTP/1.0 knows no chunks: there the body ends with the connection.
            await _send_plain(sender, sender.begin_response(request, response, None), chunks)
        else:
            framed = Response(response.status, [*response.headers, ("transfer-encoding", "chunked")])
            await _send_chunked(sender, sender.begin_response(request, framed, None), chunks)
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _send_plain(sender: Sender, head: bytes, chunks: AsyncIterator[bytes]) -> None:
    sender.transport.write(head)
    async for chunk in chunks:
        sender.transport.write(chunk)
        await sender.drain()


async def _send_chunked(sender: Sender, head: bytes, chunks: AsyncIterator[bytes]) -> None:
    sender.transport.write(head)
    async for chunk in chunks:
        if chunk:  # an empty chunk would end the body
            sender.transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await sender.drain()
    sender.transport.write(b"0\r\n\r\n")
