"""Sources that are drained as long as their row exists: event source mappings, pipes.

A consumer's function runs until it is cancelled; when it fails it is started again after a back-off. What it has taken
and not finished is its own affair (visibility time-outs, checkpoints): a crash repeats, it does not lose.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mrak.auth.principals import service_principal
from mrak.core.background import Consumer
from mrak.core.operation import require_work
from mrak.store import background
from mrak.store.keys import prefix_end

if TYPE_CHECKING:
    from mrak.engine.environment import Environment
    from mrak.engine.invoke import Engine

log = logging.getLogger("mrak.engine.consumers")

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


class Consumers:
    def __init__(self, engine: Engine, environment: Environment) -> None:
        self._engine = engine
        self._environment = environment
        self._tasks: dict[bytes, asyncio.Task[None]] = {}

    def change(self, consumer: Consumer, runs: bool) -> None:
        """A consumer's row was committed (starts it, or restarts it) or deleted (ends it)."""
        key = background.consumer_key(consumer)
        running = self._tasks.pop(key, None)
        if running is not None:
            running.cancel()
        if runs:
            task = asyncio.create_task(self._run(consumer, running), name=f"{consumer.kind} {consumer.key}")
            self._tasks[key] = task

    def are_any(self) -> bool:
        return bool(self._tasks)

    async def recover(self) -> None:
        rows = await self._environment.transact(
            lambda tx: list(tx.scan(background.CONSUMERS, prefix_end(background.CONSUMERS)))
        )
        for _, raw in rows:
            self.change(background.decode_consumer(raw), True)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, consumer: Consumer, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            # Two generations never drain the same source at once.
            await asyncio.wait([before])
        work = require_work("consumer", consumer.kind)
        principal = service_principal(f"{consumer.kind.partition('.')[0]}.amazonaws.com", consumer.scope.account)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            ctx = self._engine.context(self._environment, consumer.scope, principal)
            try:
                await work.handler(ctx, consumer)
                return
            except Exception:
                log.exception("consumer %s %s failed; it starts again in %s s", consumer.kind, consumer.key, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
