"""What is due. Timers are rows ordered by time; one task sleeps until the first.

A timer whose function is a plain `def` fires in the transaction that deletes its row. One whose function is `async def`
runs first, beside the others, and its row is deleted then: it may run twice after a crash. One that fails is set again
after a back-off.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.background import Timer
from mrak.core.context import Transaction
from mrak.core.operation import Work, require_work
from mrak.store import background

if TYPE_CHECKING:
    from mrak.engine.context import OperationContext
    from mrak.engine.environment import Environment
    from mrak.engine.invoke import Engine

log = logging.getLogger("mrak.engine.timers")

_BATCH = 64
_TOPIC = "environment.timers"
_FAR_SECONDS = 3600.0
_RETRY_SECONDS = 5.0


class Timers:
    def __init__(self, engine: Engine, environment: Environment) -> None:
        self._engine = engine
        self._environment = environment
        self._next_due: float | None = None
        self._is_firing = True
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="timers")

    def expect(self, due_at: float) -> None:
        """A timer was committed that may be the first."""
        if self._next_due is None or due_at < self._next_due:
            self._next_due = due_at
            self._environment.wakeups.notify(_TOPIC)

    def are_firing(self) -> bool:
        return self._is_firing or bool(self._running)

    async def stop(self) -> None:
        tasks = list(self._running.values())
        if self._task is not None:
            tasks.append(self._task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        with self._environment.wakeups.listen(_TOPIC) as sooner:
            while True:
                self._is_firing = True
                fired = await self._fire_due()
                if fired:
                    continue
                self._is_firing = False
                await self._until_next(sooner.wait(_FAR_SECONDS))

    async def _until_next(self, sooner: object) -> None:
        """Sleeps until the first timer is due, or one that is due sooner was set."""
        waits = [asyncio.ensure_future(sooner)]  # type: ignore[call-overload]
        if self._next_due is not None:
            waits.append(asyncio.ensure_future(self._environment.sleep_until(self._next_due)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _fire_due(self) -> bool:
        """Fires what is due, and learns when the next one is. True where there may be more."""
        now = self._environment.clock.now()
        rows = await self._environment.transact(
            lambda tx: list(tx.scan(background.TIMERS, background.timers_due_end(now), _BATCH + len(self._running)))
        )
        due = [(key, background.decode_timer(raw)) for key, raw in rows if key not in self._running]
        for key, timer in due:
            work = require_work("timer", timer.kind)
            if work.is_async:
                self._running[key] = asyncio.create_task(self._run_async(key, timer, work))
            else:
                await self._fire(key, timer, work)
        if not due:
            self._next_due = await self._environment.transact(self._first_after)
        return bool(due)

    def _first_after(self, tx: Transaction) -> float | None:
        end = background.timers_due_end(float("inf"))
        for key, raw in tx.scan(background.TIMERS, end):
            if key not in self._running:
                return background.decode_timer(raw).due_at
        return None

    async def _fire(self, key: bytes, timer: Timer, work: Work) -> None:
        ctx = self._context(timer)

        def fire(tx: Transaction) -> None:
            if tx.get(key) is not None:
                tx.delete(key)
                work.handler(ctx, tx, timer)

        try:
            await self._environment.transact(fire)
        except Exception:
            log.exception("timer %s %s failed; it is set again", timer.kind, timer.key)
            await self._set_again(key, timer)

    async def _run_async(self, key: bytes, timer: Timer, work: Work) -> None:
        try:
            await work.handler(self._context(timer), timer)
            await self._environment.transact(lambda tx: tx.delete(key))
        except Exception:
            log.exception("timer %s %s failed; it is set again", timer.kind, timer.key)
            await self._set_again(key, timer)
        finally:
            del self._running[key]

    async def _set_again(self, key: bytes, timer: Timer) -> None:
        later = msgspec.structs.replace(timer, due_at=self._environment.clock.now() + _RETRY_SECONDS)

        def move(tx: Transaction) -> None:
            tx.delete(key)
            tx.at(later)

        await self._environment.transact(move)

    def _context(self, timer: Timer) -> OperationContext:
        principal = service_principal(f"{timer.kind.partition('.')[0]}.amazonaws.com", timer.scope.account)
        return self._engine.context(self._environment, timer.scope, principal, timer.trace)
