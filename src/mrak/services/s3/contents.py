"""Where bodies are: small ones in a row, larger ones in a blob, those of multipart objects in segments.

A body is spooled to a blob before the transaction that refers to it. So that a crash leaves no orphan, a timer that
would discard the blob is committed first, and cancelled in the transaction that refers to it. What a transaction frees
is discarded by such a timer too: a little later, since a download may be about to open the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from mrak.auth import chunked
from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import FileSlice
from mrak.core.scope import Scope
from mrak.services.s3 import checksums, errors
from mrak.services.s3.tables import CONTENTS, SEGMENTS, Content, Segment, Version, everywhere

DISCARD = "s3.discard"
INLINE = "i"
# What a version's own row takes, and what another row does; the rest goes into files.
INLINE_BYTES = 1024
SMALL_BYTES = 16 * 1024
MOST_BYTES = 5 << 30
FREED_SECONDS = 60.0
UNUSED_SECONDS = 86_400.0
_SPOOL_BYTES = 2 << 20
_READ_BYTES = 256 * 1024


class Received:
    """A body that has been read and checked, but that nothing refers to yet: bytes, or a blob being written."""

    __slots__ = ("data", "digests", "discard", "size_bytes", "timer", "writer")

    def __init__(self, ctx: Context, digests: checksums.Digests) -> None:
        self.digests = digests
        self.discard = ctx.blobs.discard
        self.data: bytes | None = None
        self.size_bytes = 0
        self.writer: Any = None
        self.timer: Timer | None = None

    @classmethod
    def known(cls, ctx: Context, version: Version) -> Received:
        """For a body that a version has already, with its digests."""
        return cls(ctx, checksums.Known(version.etag, version.checksum_algorithm, version.checksum))

    async def __aenter__(self) -> Received:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """A refused transaction leaves a blob that nothing refers to. After any other failure nobody knows whether it
        was committed, so that only its timer may decide."""
        writer = self.writer
        if writer is None:
            return
        await writer.__aexit__(None, None, None)
        if kind is not None and issubclass(kind, ApiError):
            self.discard(writer.id)

    def place(self, ctx: Context, tx: Transaction) -> dict[str, Any]:
        """Makes the body part of the transaction, as fields of a version."""
        if self.data is not None and 0 < len(self.data) <= INLINE_BYTES:
            return {"content": INLINE, "data": self.data}
        return {"content": self.store(ctx, tx), "data": b""}

    def store(self, ctx: Context, tx: Transaction) -> str:
        """Makes the body part of the transaction, outside a version; returns its content."""
        if self.data is not None:
            return store_small(ctx, tx, self.data)
        assert self.timer is not None
        tx.cancel(self.timer)
        return f"b{self.writer.id}"


def store_small(ctx: Context, tx: Transaction, data: bytes) -> str:
    if not data:
        return ""
    name = ctx.draw.hex(32)
    scope = everywhere(ctx.scope)
    CONTENTS.lock(tx, scope, name)
    CONTENTS.insert(tx, scope, Content(name, data))
    return f"r{name}"


def headers_of(ctx: Context) -> dict[str, str]:
    return ctx.http.headers if ctx.http is not None else {}


def is_small(ctx: Context, body: Any) -> bool:
    """Whether a body is known to fit into a row before it is read."""
    if isinstance(body, bytes):
        return len(body) <= SMALL_BYTES
    headers = headers_of(ctx)
    length = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "")
    return length.isdigit() and int(length) <= SMALL_BYTES


def waits_for_go(ctx: Context, body: Any) -> bool:
    """Whether a client sends its body only once it is told to go on (Expect: 100-continue), which reading it does."""
    return not isinstance(body, bytes) and "expect" in headers_of(ctx)


def check_length(ctx: Context) -> None:
    """An upload says how long it is, before it is read."""
    headers = headers_of(ctx)
    if ctx.http is None or "content-length" in headers or "transfer-encoding" in headers:
        length = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "0")
        if length.isdigit() and int(length) > MOST_BYTES:
            message = "Your proposed upload exceeds the maximum allowed size"
            raise errors.error("EntityTooLarge", message, ProposedSize=length, MaxSizeAllowed=MOST_BYTES)
        return
    raise errors.error("MissingContentLength", "You must provide the Content-Length HTTP header.")


def _digests_for(expected: checksums.Expected, also: str) -> checksums.Digests:
    wanted = {expected.algorithm or checksums.DEFAULT}
    if also:
        wanted.add(also)
    if expected.sha256:
        wanted.add("SHA256")
    return checksums.Digests(wanted)


async def receive(ctx: Context, body: Any, expected: checksums.Expected, also: str = "") -> Received:
    """Reads a body, hashing it, and checks it. Use the result as `async with`. `also` is an algorithm that is wanted
    beside the one of the request."""
    received = Received(ctx, _digests_for(expected, also))
    if is_small(ctx, body):
        data: bytes = body if isinstance(body, bytes) else await body.read()
        received.data = data
        received.size_bytes = len(data)
        received.digests.update(data)
        checksums.check_body(expected, received.digests, _trailers(ctx, body))
        return received
    chunks = _once(body) if isinstance(body, bytes) else body
    await spool(ctx, chunks, received)
    try:
        checksums.check_body(expected, received.digests, _trailers(ctx, body))
    except BaseException:
        await abandon(ctx, received)
        raise
    return received


async def spool(ctx: Context, chunks: AsyncIterator[bytes], received: Received) -> None:
    """Writes what comes to a blob, hashing it off the event loop, a piece at a time while the next one comes."""
    received.writer = writer = ctx.blobs.writer()
    updates = received.digests.updates()
    writing: asyncio.Future[None] | None = None
    try:
        received.timer = discard_timer(ctx, [writer.id], UNUSED_SECONDS)
        await ctx.transact(lambda tx: tx.at(received.timer))  # type: ignore[arg-type]
        held: list[bytes] = []
        size = 0
        async for chunk in chunks:
            held.append(chunk)
            size += len(chunk)
            if size >= _SPOOL_BYTES:
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(writer.write(b"".join(held), *updates))
                held, size = [], 0
        if writing is not None:
            await writing
        if held:
            await writer.write(b"".join(held), *updates)
        await writer.finish()
        received.size_bytes = writer.size_bytes
    except BaseException:
        if writing is not None:
            await asyncio.gather(writing, return_exceptions=True)
        await abandon(ctx, received)
        raise


async def duplicate(ctx: Context, blob_id: str, received: Received) -> None:
    """A second blob with the content of one that there is."""
    received.writer = writer = await ctx.blobs.duplicate(blob_id)
    try:
        received.timer = discard_timer(ctx, [writer.id], UNUSED_SECONDS)
        await ctx.transact(lambda tx: tx.at(received.timer))  # type: ignore[arg-type]
        await writer.finish()
        received.size_bytes = writer.size_bytes
    except BaseException:
        await abandon(ctx, received)
        raise


async def abandon(ctx: Context, received: Received) -> None:
    """Removes a spooled body at once; the timer that stands for it finds nothing then."""
    if received.writer is not None:
        writer, received.writer = received.writer, None
        await writer.__aexit__(None, None, None)
        ctx.blobs.discard(writer.id)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def parse_expected(ctx: Context, req: dict[str, Any], body: Any) -> checksums.Expected:
    """What a request says about its body, which has not been read yet."""
    return checksums.parse_expected(req, headers_of(ctx), is_chunked=hasattr(body, "trailers"))


def _trailers(ctx: Context, body: Any) -> dict[str, str]:
    """The trailing headers of a chunked body."""
    trailers: dict[str, str] | None = getattr(body, "trailers", None)
    if trailers is None:
        return {}
    chunked.check_trailers(headers_of(ctx), trailers)
    return trailers


# --- freeing ------------------------------------------------------------------------------------------------------


def discard_timer(ctx: Context, blobs: list[str], after_seconds: float) -> Timer:
    return Timer(
        kind=DISCARD,
        key=blobs[0],
        due_at=ctx.now + after_seconds,
        scope=everywhere(ctx.scope),
        payload=msgspec.msgpack.encode(blobs),
    )


def free(ctx: Context, tx: Transaction, content: str) -> None:
    """Gives up a body that the transaction no longer refers to."""
    blobs: list[str] = []
    _release(tx, everywhere(ctx.scope), content, blobs)
    if blobs:
        tx.at(discard_timer(ctx, blobs, FREED_SECONDS))


def _release(tx: Transaction, scope: Scope, content: str, blobs: list[str]) -> None:
    kind, name = content[:1], content[1:]
    if kind == "r":
        CONTENTS.lock(tx, scope, name)
        CONTENTS.delete(tx, scope, Content(name, b""))
    elif kind == "b":
        blobs.append(name)
    elif kind == "p":
        SEGMENTS.lock(tx, scope, name)
        for segment in SEGMENTS.scan(tx, scope, name):
            _release(tx, scope, segment.content, blobs)
        SEGMENTS.delete_all(tx, scope, name)


# --- reading ------------------------------------------------------------------------------------------------------


def open_version(ctx: Context, tx: Transaction, version: Version, offset: int, length: int) -> Any:
    """`length` bytes of a version's body from `offset`."""
    if version.content == INLINE:
        return version.data if length == len(version.data) else version.data[offset : offset + length]
    return open_slice(ctx, tx, version.content, offset, length)


def open_slice(ctx: Context, tx: Transaction, content: str, offset: int, length: int) -> Any:
    """`length` bytes of a body from `offset`: bytes, a file's slice, or an iterator over several files."""
    kind, name = content[:1], content[1:]
    if length == 0 or not kind:
        return b""
    scope = everywhere(ctx.scope)
    if kind == "r":
        row = CONTENTS.get(tx, scope, name)
        assert row is not None, f"a version without its content {name}"
        return row.data if length == len(row.data) else row.data[offset : offset + length]
    if kind == "b":
        return FileSlice(ctx.blobs.path(name), offset, length)
    pieces = [
        open_slice(ctx, tx, segment.content, start, end - start)
        for segment, start, end in _overlapping(tx, scope, name, offset, offset + length)
    ]
    return pieces[0] if len(pieces) == 1 else chain(pieces)


def _overlapping(tx: Transaction, scope: Scope, name: str, start: int, end: int) -> list[tuple[Segment, int, int]]:
    """The segments that hold [start, end), each with the span of its own bytes."""
    first = next(SEGMENTS.scan(tx, scope, name, upto=start, reverse=True, limit=1), None)
    found: list[tuple[Segment, int, int]] = []
    for segment in SEGMENTS.scan(tx, scope, name, since=first.offset if first else 0):
        if segment.offset >= end:
            break
        low = max(start - segment.offset, 0)
        high = min(end - segment.offset, segment.size_bytes)
        if high > low:
            found.append((segment, low, high))
    return found


async def chain(pieces: list[Any]) -> AsyncIterator[bytes]:
    """The bytes of pieces, one after the other, never more than a chunk in memory."""
    loop = asyncio.get_running_loop()
    for piece in pieces:
        if isinstance(piece, FileSlice):
            file = await loop.run_in_executor(None, _open, piece)
            with file:
                left = piece.length
                while left:
                    chunk = await loop.run_in_executor(None, file.read, min(left, _READ_BYTES))
                    if not chunk:
                        raise EOFError(f"{piece.path} is shorter than its row says")
                    left -= len(chunk)
                    yield chunk
        else:
            yield piece


def _open(piece: FileSlice) -> Any:
    file = open(piece.path, "rb", buffering=0)  # noqa: SIM115
    file.seek(piece.offset)
    return file


def stream(body: Any) -> AsyncIterator[bytes]:
    """Any body as chunks."""
    if isinstance(body, bytes | FileSlice):
        return chain([body])
    found: AsyncIterator[bytes] = body
    return found


async def read_whole(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"".join([chunk async for chunk in stream(body)])
