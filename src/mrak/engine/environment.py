"""One sandbox: its rows, its blobs, its clock, and what runs in it without a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from mrak.core.clock import EnvironmentClock
from mrak.core.context import Transaction
from mrak.engine.wakeups import Wakeups
from mrak.store.api import Aftermath, Conflict, Store
from mrak.store.blobs import BlobStore

if TYPE_CHECKING:
    from mrak.engine.consumers import Consumers
    from mrak.engine.deliveries import Deliveries
    from mrak.engine.timers import Timers

T = TypeVar("T")

_CLOCK_TOPIC = "environment.clock"
_LONGEST_SLEEP_SECONDS = 3600.0
_MOST_ATTEMPTS = 10


class Environment:
    """The parts of a sandbox. `start` recovers what was pending when the process last ended."""

    deliveries: Deliveries
    timers: Timers
    consumers: Consumers

    def __init__(self, name: str, account: str, code: str, clock: EnvironmentClock, blobs: BlobStore) -> None:
        self.name = name
        self.account = account
        self.code = code
        self._live: dict[type[Any], Any] = {}
        self.clock = clock
        self.blobs = blobs
        self.wakeups = Wakeups()
        self.store: Store
        self.advancing = asyncio.Lock()
        """Held while the clock is advanced: one journey after the other."""
        self.commits = 0
        """How many transactions that wrote something are on disk since this process began."""
        self._sleepers: dict[object, float] = {}
        """The moments that something sleeps for."""

    def on_durable(self, aftermath: Aftermath) -> None:
        """What a commit sets going; called by the store once it is on disk."""
        self.commits += 1
        for topic in aftermath.topics:
            self.wakeups.notify(topic)
        if aftermath.made:
            self.deliveries.record_made(aftermath.made)
        if aftermath.deliveries:
            self.deliveries.accept(aftermath.deliveries)
        if aftermath.next_timer is not None:
            self.timers.expect(aftermath.next_timer)
        for consumer, runs in aftermath.consumers:
            self.consumers.change(consumer, runs)

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        """Runs a function in one transaction, again where it met another."""

        def attempt(tx: Any) -> T:
            result = function(tx)
            if tx.aftermath.at_once:
                self.deliveries.make_at_once(tx)
            return result

        for _ in range(_MOST_ATTEMPTS - 1):
            try:
                return await self.store.transact(attempt)
            except Conflict:
                continue
        return await self.store.transact(attempt)

    def live(self, kind: type[T]) -> T:
        """This environment's one object of a class, made without arguments when first asked for."""
        found = self._live.get(kind)
        if found is None:
            found = self._live[kind] = kind()
        return found

    def advance_clock(self, seconds: float) -> None:
        """Moves this environment's clock forward; everything that waits for a time looks again."""
        self.clock.advance(seconds)
        self.wakeups.notify_all()

    async def sleep_until(self, moment: float) -> None:
        sleeper = object()
        self._sleepers[sleeper] = moment
        try:
            with self.wakeups.listen(_CLOCK_TOPIC) as listener:
                while (left := moment - self.clock.now()) > 0:
                    await listener.wait(min(left, _LONGEST_SLEEP_SECONDS))
        finally:
            del self._sleepers[sleeper]

    def next_moment(self) -> float | None:
        """The first moment that something sleeps for."""
        return min(self._sleepers.values(), default=None)

    def has_background(self) -> bool:
        """Whether anything could run here without a request."""
        return bool(self._sleepers) or self.consumers.are_any() or self.is_busy()

    def is_busy(self) -> bool:
        """Whether anything that is due has not been done yet."""
        now = self.clock.now()
        woken = any(moment <= now for moment in self._sleepers.values())
        return woken or self.timers.are_firing() or self.deliveries.are_due(now)

    async def start(self) -> None:
        self.blobs.clear_unfinished()
        await self.deliveries.recover()
        self.timers.start()
        await self.consumers.recover()

    async def close(self) -> None:
        """Ends the background, then the store. Rows keep what was not finished."""
        await asyncio.gather(self.consumers.stop(), self.timers.stop(), self.deliveries.stop())
        await self.store.close()
