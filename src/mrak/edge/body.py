"""A request body as it arrives over one connection, with back-pressure: no more than a window of it is in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from mrak.core.http import ClientDisconnected

# Reading from the socket stops above the first and goes on below the second.
WINDOW_BYTES = 512 * 1024
RESUME_BYTES = 128 * 1024


class Source(Protocol):
    """The connection, as far as a body needs it."""

    def pause_body(self) -> None: ...

    def resume_body(self) -> None: ...

    def send_continue(self) -> None: ...


class ArrivingBody:
    """A BodyStream (core.http). The connection feeds it, one handler reads it.

    Invariant: `ended` and `broken` exclude each other; nothing is fed after either.
    """

    __slots__ = (
        "_abandoned", "_chunks", "_held", "_loop", "_paused", "_source", "_waiter", "broken", "ended", "wants_continue",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, source: Source, *, wants_continue: bool) -> None:
        self._loop = loop
        self._source = source
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._abandoned = False
        self._waiter: asyncio.Future[None] | None = None
        self.wants_continue = wants_continue
        self.ended = False
        self.broken = False

    def feed(self, chunk: bytes) -> None:
        if self._abandoned:
            return
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._held > WINDOW_BYTES and not self._paused:
            self._paused = True
            self._source.pause_body()
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def break_off(self) -> None:
        if not self.ended:
            self.broken = True
            self._wake()

    def abandon(self) -> None:
        """Nobody will read it: forget what has arrived and what will."""
        self._abandoned = True
        self.wants_continue = False
        self._chunks.clear()
        self._held = 0
        self._resume()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self.ended:
                raise StopAsyncIteration
            if self.broken:
                raise ClientDisconnected
            await self._arrival()
        chunk = self._chunks.popleft()
        self._held -= len(chunk)
        if self._held < RESUME_BYTES:
            self._resume()
        return chunk

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    async def _arrival(self) -> None:
        if self.wants_continue:
            self.wants_continue = False
            self._source.send_continue()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._source.resume_body()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
