"""What S3 does without a request: it discards bodies that nothing refers to."""

from __future__ import annotations

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context
from mrak.core.operation import timer
from mrak.services.s3.contents import DISCARD, UNUSED_SECONDS


@timer(DISCARD)
async def discard(ctx: Context, due: Timer) -> None:
    """Removes blobs that were freed, or never referred to. One that is still being written is looked at again."""
    left = []
    for blob in msgspec.msgpack.decode(due.payload):
        if ctx.blobs.is_writing(blob):
            left.append(blob)
        else:
            ctx.blobs.discard(blob)
    if left:
        later = msgspec.structs.replace(due, due_at=ctx.clock() + UNUSED_SECONDS, payload=msgspec.msgpack.encode(left))
        await ctx.transact(lambda tx: tx.at(later))
