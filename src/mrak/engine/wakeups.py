"""Topics that wake waiters after a commit. A wake-up says "look again", never what there is to see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class TopicListener:
    """Remembers a notification that came between looking and waiting. Use as a context manager.

    `disconnected` returns when nobody is left to answer: then `abandoned` is true and a wait ends."""

    __slots__ = ("_disconnected", "_future", "_notified", "_topic", "_wakeups", "_watch", "abandoned")

    def __init__(self, wakeups: Wakeups, topic: str, disconnected: Callable[[], Awaitable[None]] | None = None) -> None:
        self._wakeups = wakeups
        self._topic = topic
        self._notified = False
        self._future: asyncio.Future[None] | None = None
        self._disconnected = disconnected
        self._watch: asyncio.Task[None] | None = None
        self.abandoned = False

    def __enter__(self) -> TopicListener:
        self._wakeups.add(self._topic, self)
        return self

    def __exit__(self, *_: object) -> None:
        self._wakeups.remove(self._topic, self)
        if self._watch is not None:
            self._watch.cancel()

    def notified(self) -> None:
        self._notified = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self, timeout_seconds: float) -> bool:
        """Until notified since the last wait (True) or time's up (False)."""
        if not self._notified and timeout_seconds > 0:
            loop = asyncio.get_running_loop()
            if self._disconnected is not None and self._watch is None:
                # Only who really waits pays for it.
                self._watch = loop.create_task(self._watch_out(self._disconnected), name="client watch")
            self._future = loop.create_future()
            handle = loop.call_later(timeout_seconds, _end, self._future)
            try:
                await self._future
            finally:
                handle.cancel()
                self._future = None
        notified, self._notified = self._notified, False
        return notified

    async def _watch_out(self, disconnected: Callable[[], Awaitable[None]]) -> None:
        await disconnected()
        self.abandoned = True
        self.notified()


class Wakeups:
    def __init__(self) -> None:
        self._listeners: dict[str, set[TopicListener]] = {}

    def listen(self, topic: str, disconnected: Callable[[], Awaitable[None]] | None = None) -> TopicListener:
        return TopicListener(self, topic, disconnected)

    def notify(self, topic: str) -> None:
        for listener in self._listeners.get(topic, ()):
            listener.notified()

    def notify_all(self) -> None:
        """Everybody looks again: time itself has moved."""
        for listeners in list(self._listeners.values()):
            for listener in listeners:
                listener.notified()

    def add(self, topic: str, listener: TopicListener) -> None:
        self._listeners.setdefault(topic, set()).add(listener)

    def remove(self, topic: str, listener: TopicListener) -> None:
        listeners = self._listeners[topic]
        listeners.discard(listener)
        if not listeners:
            del self._listeners[topic]


def _end(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
