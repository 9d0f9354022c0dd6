"""From the engine's records to rows: a second's worth at a time, a few hundred in a transaction, so that no request
waits long for one.

Records are telemetry, not state: a crash loses the last second of them and nothing else. Reading a bill writes what is
waiting first, so what a person sees includes what that person just did.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial

from mrak.core.context import Transaction
from mrak.core.record import OperationRecord
from mrak.core.scope import Scope
from mrak.engine.environments import Environments
from mrak.observe import metering
from mrak.observe.recent import Recent
from mrak.store.api import StoreError

log = logging.getLogger("mrak.observe")
_PERIOD_SECONDS = 1.0
_MOST_WAITING = 20_000
_AT_ONCE = 500
_TRACES_KEPT_SECONDS = 31 * 86_400.0  # X-Ray keeps them for thirty days
_FORGOTTEN_AT_ONCE = 200

# What writes rows from records; CloudWatch and X-Ray add theirs.
Writer = Callable[[Transaction, list[OperationRecord]], None]


class Pump:
    """`take` is a sink of the engine. `writers` get each environment's records in its transaction."""

    def __init__(self, environments: Environments) -> None:
        self.recent = Recent()
        self.writers: list[Writer] = [metering.add]
        self._environments = environments
        self._waiting: dict[str, list[OperationRecord]] = {}
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def take(self, record: OperationRecord) -> None:
        self.recent.add(record)
        waiting = self._waiting.setdefault(record.scope.environment, [])
        waiting.append(record)
        if len(waiting) >= _MOST_WAITING:
            self._wake.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="observe")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for name in list(self._waiting):
            await self.flush(name)

    async def flush(self, name: str) -> None:
        """Writes what is waiting for an environment; records of a deleted one are dropped."""
        records = self._waiting.pop(name, [])
        environment = self._environments.find_open(name)
        if not records or environment is None:
            return
        for at in range(0, len(records), _AT_ONCE):
            await environment.transact(partial(self._write, records[at : at + _AT_ONCE]))
        before = records[-1].started_at - _TRACES_KEPT_SECONDS
        for scope in {record.scope for record in records}:
            await environment.transact(partial(self._forget, scope, before))

    def _write(self, records: list[OperationRecord], tx: Transaction) -> None:
        for writer in self.writers:
            writer(tx, records)

    def _forget(self, scope: Scope, before: float, tx: Transaction) -> None:
        metering.forget_traces(tx, scope, before, _FORGOTTEN_AT_ONCE)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PERIOD_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            for name in list(self._waiting):
                try:
                    await self.flush(name)
                except StoreError as error:
                    # The environment may have been deleted meanwhile. Those of others go on being written.
                    log.info("records of environment %s were not written: %s", name, error)
