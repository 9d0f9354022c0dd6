"""Drains the sources of event source mappings: a consumer for each mapping that is on.

A consumer's payload is its mapping; a changed mapping restarts it. Nothing is kept here: messages that were taken and
not deleted become visible again, streams go on from their checkpoint.
"""

from __future__ import annotations

import msgspec

from mrak.core.background import Consumer
from mrak.core.context import Context
from mrak.core.operation import consumer
from mrak.services.lambda_ import queue_source
from mrak.services.lambda_.mappings import CONSUMER, source_kind
from mrak.services.lambda_.tables import Mapping


@consumer(CONSUMER)
async def drain_source(ctx: Context, row: Consumer) -> None:
    mapping = msgspec.msgpack.decode(row.payload, type=Mapping)
    kind = source_kind(mapping.source_arn)
    if kind == "sqs":
        await queue_source.drain(ctx, mapping)
    elif kind == "dynamodb":
        from mrak.services.lambda_ import table_feed  # brings DynamoDB with it

        await table_feed.drain(ctx, mapping)
    else:
        from mrak.services.lambda_ import shard_feed  # brings Kinesis with it

        await shard_feed.drain(ctx, mapping)
