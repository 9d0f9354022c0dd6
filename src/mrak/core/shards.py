"""Reading a whole stream: each of its shards by a task of its own, a child only when its parents are through.

A shard is closed in the transaction that opens its children, so that whoever has come to its end finds them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set

from mrak.core.context import Context, Transaction

# The shards that are there, by their numbers, each with the numbers of its parents.
Family = dict[int, Set[int]]
Look = Callable[[Transaction], Family]
DrainShard = Callable[[int], Awaitable[None]]


async def drain_shards(ctx: Context, look: Look, drain: DrainShard) -> None:
    """Runs `drain` for every shard, which returns at the shard's end; ends when no shard is left."""
    await _Draining(ctx, look, drain).run()


class _Draining:
    def __init__(self, ctx: Context, look: Look, drain: DrainShard) -> None:
        self._ctx = ctx
        self._look = look
        self._drain = drain
        self._started: set[int] = set()
        self._finished: set[int] = set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            await self._start(group)

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """Starts what nothing has to be read before."""
        family = await self._ctx.transact(self._look)
        waited_for = family.keys() - self._finished
        for number, parents in family.items():
            if number not in self._started and not parents & waited_for:
                self._started.add(number)
                group.create_task(self._drain_one(group, number))

    async def _drain_one(self, group: asyncio.TaskGroup, number: int) -> None:
        await self._drain(number)
        self._finished.add(number)
        await self._start(group)
