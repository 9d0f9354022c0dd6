"""The outbox at work: every committed delivery is made at least once, in its lane's order, or goes to its dead kind.

A delivery whose function is a plain `def` is made in the transaction that deletes its row: exactly once, many of them
in one commit. One whose function is `async def` (a function's invocation, an HTTP subscriber) is made first and its row
deleted then. One that need not wait for its lane is made in the transaction that causes it, and leaves no row unless
that fails. A delivery that fails moves to a lane of its own name, where it is tried again after its back-off while
the rest of its lane waits behind it; other lanes do not notice.

Invariant: a row is in the outbox until its delivery was made or handed to its dead kind, in the same transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.background import Delivery, Undeliverable, render_dead
from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import Work, require_work
from mrak.store import background
from mrak.store.keys import prefix_end

if TYPE_CHECKING:
    from mrak.engine.context import OperationContext
    from mrak.engine.environment import Environment
    from mrak.engine.invoke import Engine
    from mrak.store.transaction import BufferedTransaction

log = logging.getLogger("mrak.engine.deliveries")

_BATCH = 64
_MOST_AT_ONCE = 32
_MOST_IN_MEMORY = 1000

Pending = tuple[bytes, Delivery]
Attempt = tuple[bytes, Delivery, "OperationContext"]


class _Lane:
    """Deliveries that wait for each other. `unloaded` tells that the store has more rows than are held here."""

    __slots__ = ("name", "pending", "task", "unloaded")

    def __init__(self, name: str) -> None:
        self.name = name
        self.pending: deque[Pending] = deque()
        self.unloaded = False
        self.task: asyncio.Task[None] | None = None

    def is_due(self, now: float) -> bool:
        return not self.pending or self.pending[0][1].due_at <= now

    def append(self, item: Pending) -> None:
        if self.unloaded or len(self.pending) >= _MOST_IN_MEMORY:
            self.unloaded = True
        else:
            self.pending.append(item)


class Deliveries:
    def __init__(self, engine: Engine, environment: Environment) -> None:
        self._engine = engine
        self._environment = environment
        self._local: deque[Pending] = deque()
        self._local_task: asyncio.Task[None] | None = None
        self._lanes: dict[str, _Lane] = {}
        self._stopped = False

    def accept(self, made: list[Pending]) -> None:
        """Takes over deliveries that were just committed."""
        for item in made:
            lane = self._lanes.get(item[1].lane)
            if lane is not None:
                lane.append(item)
            elif require_work("delivery", item[1].kind).is_async or item[1].due_at > self._environment.clock.now():
                self._open_lane(item[1].lane).append(item)
            else:
                self._local.append(item)
        if self._local and self._local_task is None and not self._stopped:
            self._local_task = asyncio.create_task(self._drain_local(), name="deliveries")

    def make_at_once(self, tx: BufferedTransaction) -> None:
        """Makes deliveries in the transaction that causes them, as long as they are few; all become rows where one of
        them fails."""
        started = perf_counter()
        while wanted := tx.aftermath.at_once:
            tx.aftermath.at_once = []
            if len(tx.aftermath.made) + len(wanted) > _MOST_AT_ONCE:
                _enqueue_all(tx, wanted)
                continue
            inner = tx.nested()
            try:
                inner.aftermath.made = [(self._make_one(inner, delivery), delivery, started) for delivery in wanted]
            except Exception as error:
                log.debug("%d deliveries are made one by one: %s", len(wanted), error)
                _enqueue_all(tx, wanted)
            else:
                tx.join(inner)

    def _make_one(self, tx: Transaction, delivery: Delivery) -> OperationContext:
        ctx = self._context(delivery)
        work = require_work("delivery", delivery.kind)
        assert not work.is_async, f"{work.kind} may wait, so it cannot be made at once"
        work.handler(ctx, tx, delivery)
        return ctx

    def record_made(self, made: list[tuple[OperationContext, Delivery, float]]) -> None:
        """Leaves the records of deliveries that their own transactions have made."""
        for ctx, delivery, started in made:
            self._record(ctx, delivery, started, None)

    async def recover(self) -> None:
        """Opens a lane for each that has rows; the lanes load them."""
        start, end = background.OUTBOX, prefix_end(background.OUTBOX)
        while True:
            rows = await self._environment.transact(partial(_first_row, start, end))
            if not rows:
                return
            delivery = background.decode_delivery(rows[0][1])
            self._open_lane(delivery.lane).unloaded = True
            start = prefix_end(background.lane_prefix(delivery.lane))

    async def stop(self) -> None:
        self._stopped = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if self._local_task is not None:
            tasks.append(self._local_task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def are_due(self, now: float) -> bool:
        """Whether one is being made, or could be."""
        return self._local_task is not None or any(lane.is_due(now) for lane in self._lanes.values())

    async def _drain_local(self) -> None:
        try:
            while self._local:
                batch = [self._local.popleft() for _ in range(min(_BATCH, len(self._local)))]
                await self._make_batch(batch)
        finally:
            self._local_task = None

    async def _make_batch(self, batch: list[Pending]) -> None:
        ready: list[Attempt] = []
        for key, delivery in batch:
            lane = self._lanes.get(delivery.lane)
            if lane is None:
                ready.append((key, delivery, self._context(delivery)))
            else:
                lane.append((key, delivery))
        started = perf_counter()
        try:
            await self._environment.transact(partial(_make_all, ready))
        except Exception as error:
            # One of them failed and undid all: each is made alone, in its lane, where it may be tried again.
            log.debug("a batch of %d deliveries is made one by one: %s", len(ready), error)
            for key, delivery, _ in ready:
                self._open_lane(delivery.lane).append((key, delivery))
            return
        for _, delivery, ctx in ready:
            self._record(ctx, delivery, started, None)

    def _open_lane(self, name: str) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(name)
            if not self._stopped:
                lane.task = asyncio.create_task(self._run_lane(lane), name=f"lane {name}")
        return lane

    async def _run_lane(self, lane: _Lane) -> None:
        while True:
            if not lane.pending and lane.unloaded:
                await self._load(lane)
            if not lane.pending:
                del self._lanes[lane.name]
                return
            key, delivery = lane.pending[0]
            await self._environment.sleep_until(delivery.due_at)
            left = await self._make(key, delivery)
            if left is None:
                lane.pending.popleft()
            else:
                lane.pending[0] = (key, left)

    async def _load(self, lane: _Lane) -> None:
        start = background.lane_prefix(lane.name)
        lane.unloaded = False
        rows = await self._environment.transact(lambda tx: list(tx.scan(start, prefix_end(start), _MOST_IN_MEMORY)))
        known = {key for key, _ in lane.pending}
        lane.pending.extend((key, background.decode_delivery(raw)) for key, raw in rows if key not in known)
        lane.unloaded = lane.unloaded or len(rows) == _MOST_IN_MEMORY

    async def _make(self, key: bytes, delivery: Delivery) -> Delivery | None:
        """One attempt. None when the row is gone; otherwise the delivery as it waits for its next attempt."""
        ctx = self._context(delivery)
        work = require_work("delivery", delivery.kind)
        started = perf_counter()
        try:
            if work.is_async:
                await work.handler(ctx, delivery)
                await self._environment.transact(lambda tx: tx.delete(key))
            else:
                await self._environment.transact(partial(_make_all, [(key, delivery, ctx)]))
            self._record(ctx, delivery, started, None)
        except Exception as error:
            self._record(ctx, delivery, started, error)
            return await self._failed(key, delivery, error, work)
        return None

    async def _failed(self, key: bytes, delivery: Delivery, error: Exception, work: Work) -> Delivery | None:
        if not isinstance(error, ApiError | Undeliverable):
            log.error("delivery %s on %s failed", work.kind, delivery.lane, exc_info=error)
        now = self._environment.clock.now()
        attempts = delivery.attempts + 1
        retry = delivery.retry
        delay = retry.delay_seconds(attempts)
        failed = msgspec.structs.replace(delivery, attempts=attempts, failure=str(error) or type(error).__name__)
        exhausted = attempts >= retry.attempts or now + delay - delivery.enqueued_at > retry.max_age_seconds
        if isinstance(error, Undeliverable) or exhausted:
            failed = msgspec.structs.replace(failed, is_exhausted=not isinstance(error, Undeliverable))
            await self._environment.transact(partial(_bury, key, failed, now))
            return None
        waiting = msgspec.structs.replace(failed, due_at=now + delay)
        await self._environment.transact(lambda tx: tx.put(key, background.encode(waiting)))
        return waiting

    def _record(self, ctx: OperationContext, delivery: Delivery, started: float, error: Exception | None) -> None:
        """A delivery leaves a record as an operation does, so that one sees where an event went and why it did not."""
        service, _, name = delivery.kind.partition(".")
        shown = error
        if error is not None and not isinstance(error, ApiError):
            shown = ApiError(type(error).__name__, str(error), 500)
        if ctx.resource is None:
            ctx.about(delivery.lane)
        assert shown is None or isinstance(shown, ApiError)
        self._engine.record(ctx, service, f"delivery:{name}", started, shown)

    def _context(self, delivery: Delivery) -> OperationContext:
        principal = service_principal(f"{delivery.kind.partition('.')[0]}.amazonaws.com", delivery.scope.account)
        return self._engine.context(self._environment, delivery.scope, principal, delivery.trace)


def _enqueue_all(tx: BufferedTransaction, deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        tx.enqueue(msgspec.structs.replace(delivery, at_once=False))


def _make_all(attempts: list[Attempt], tx: Transaction) -> None:
    """Makes deliveries and deletes their rows, in one transaction, which may run again."""
    for key, delivery, ctx in attempts:
        ctx.draw.rewind(0)
        require_work("delivery", delivery.kind).handler(ctx, tx, delivery)
        tx.delete(key)


def _first_row(start: bytes, end: bytes, tx: Transaction) -> list[tuple[bytes, bytes]]:
    return list(tx.scan(start, end, 1))


def _bury(key: bytes, failed: Delivery, now: float, tx: Transaction) -> None:
    """Ends a delivery that can't be made: to its dead kind, or, where it has none, with a line in the log."""
    tx.delete(key)
    if not failed.dead:
        log.warning("gave up %s on %s after %d attempts: %s", failed.kind, failed.lane, failed.attempts, failed.failure)
        return
    tx.enqueue(
        Delivery(
            kind=failed.dead,
            lane=f"dead/{failed.lane}",
            scope=failed.scope,
            payload=render_dead(failed),
            trace=failed.trace,
            enqueued_at=now,
        )
    )
