"""What an instance writes: read from its pipe, cut into events, kept until they are taken to the sink.

One that writes without end is read in bursts, so that it slows down by itself and nobody else does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from mrak.core.functions import LogEvent
from mrak.lambdas.logs import LineCutter

_READ_BYTES = 1 << 16
_BURST_BYTES = 4 << 20
_PAUSE_SECONDS = 0.1


class Output:
    """`on_event` hears of each message; it decides where else it goes."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, now_ms: Callable[[], int], on_event: Callable[[str, bool], None]
    ) -> None:
        self.events: list[LogEvent] = []
        self._loop = loop
        self._now_ms = now_ms
        self._on_event = on_event
        self._cutter = LineCutter()
        self._pipe = -1
        self._paused: asyncio.TimerHandle | None = None
        self.on_line: Callable[[str], None] | None = None
        """Hears of what the process itself wrote."""
        self._burst = 0
        self._burst_began = 0.0

    def attach(self, pipe: int) -> None:
        self._pipe = pipe
        self._loop.add_reader(pipe, self.read)

    def write(self, message: str) -> None:
        """Adds a message; empty ones are none."""
        if message:
            is_first = not self.events
            self.events.append((self._now_ms(), message))
            self._on_event(message, is_first)

    def read(self) -> None:
        """Takes what is in the pipe now."""
        if self._pipe < 0 or self._paused is not None:
            return
        while True:
            try:
                data = os.read(self._pipe, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._pipe)
                return
            for line in self._cutter.feed(data):
                self._take(line)
            if self._over_burst(len(data)):
                return

    def close(self) -> None:
        """Takes the last of it; the instance's process has ended."""
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
        if self._pipe >= 0:
            self.read()
            if self._paused is not None:
                self._paused.cancel()
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
        for line in self._cutter.finish():
            self._take(line)

    def _take(self, line: str) -> None:
        self.write(line)
        if self.on_line is not None:
            self.on_line(line)

    def _over_burst(self, size: int) -> bool:
        now = self._loop.time()
        if now - self._burst_began > _PAUSE_SECONDS:
            self._burst_began, self._burst = now, 0
        self._burst += size
        if self._burst < _BURST_BYTES:
            return False
        self._loop.remove_reader(self._pipe)
        self._paused = self._loop.call_later(_PAUSE_SECONDS, self._resume)
        return True

    def _resume(self) -> None:
        self._paused = None
        if self._pipe >= 0:
            self._loop.add_reader(self._pipe, self.read)
