"""Reading a whole stream: each shard by a task of its own, a child only when its parents are through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mrak.core.context import Context
from mrak.services.kinesis import shards
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import Shard

DrainShard = Callable[[Shard], Awaitable[None]]


async def drain_shards(ctx: Context, found: Found, drain: DrainShard) -> None:
    """Runs `drain` for every shard, which returns at the shard's end; ends when no shard is left."""
    await _Draining(ctx, found, drain).run()


class _Draining:
    def __init__(self, ctx: Context, found: Found, drain: DrainShard) -> None:
        self._ctx = ctx
        self._found = found
        self._drain = drain
        self._started: set[int] = set()
        self._finished: set[int] = set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            await self._start(group)

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """Starts what nothing has to be read before."""
        ctx = self._ctx
        present = await ctx.transact(lambda tx: list(shards.scan(tx, self._found, ctx.clock())))
        waited_for = {shard.index for shard in present} - self._finished
        for shard in present:
            is_ready = not {shard.parent, shard.adjacent_parent} & waited_for
            if is_ready and shard.index not in self._started:
                self._started.add(shard.index)
                group.create_task(self._drain_one(group, shard))

    async def _drain_one(self, group: asyncio.TaskGroup, shard: Shard) -> None:
        await self._drain(shard)
        self._finished.add(shard.index)
        await self._start(group)
