"""Reading a whole stream, shard after shard."""

from __future__ import annotations

from mrak.core import shards as descent
from mrak.core.context import Context, Transaction
from mrak.services.kinesis import shards
from mrak.services.kinesis.streams import Found


async def drain_shards(ctx: Context, found: Found, drain: descent.DrainShard) -> None:
    """Runs `drain` for the index of every shard, which returns at the shard's end; ends when no shard is left."""

    def look(tx: Transaction) -> descent.Family:
        return {shard.index: set(shard.parents) for shard in shards.scan(tx, found, ctx.clock())}

    await descent.drain_shards(ctx, look, drain)
