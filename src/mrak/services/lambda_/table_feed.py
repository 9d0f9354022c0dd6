"""The feeds of a DynamoDB stream: one for each shard, children after their parents.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import datetime
import json

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.dynamodb import exports as dynamodb
from mrak.services.dynamodb.exports import Shard, Stream
from mrak.services.lambda_ import mappings
from mrak.services.lambda_.feeds import Entry, Portion, Record
from mrak.services.lambda_.stream_source import StreamSource
from mrak.services.lambda_.tables import CHECKPOINTS, Checkpoint, Mapping


class TableFeed:
    retention_seconds = 86_400.0
    batch_info = "DDBStreamBatchInfo"
    data_member = "dynamodb"

    def __init__(self, mapping: Mapping, stream: Stream, shard: Shard) -> None:
        self._mapping = mapping
        self._stream = stream
        self._number = shard.number
        self.checkpoint = checkpoint_key(mapping, stream, shard)
        self.topic = dynamodb.topic_of(stream, shard.number)
        self.shard_id = dynamodb.shard_id(shard)

    def read(self, ctx: Context, tx: Transaction, position: int | None, limit: int) -> Portion:
        shard = dynamodb.find_shard(tx, self._stream, self._number)
        if shard is None:
            # It has expired.
            return Portion([], position, at_end=True)
        page = dynamodb.read_after(tx, self._stream, shard, position, limit, ctx.clock())
        return Portion([self._entry(row) for row in page.records], page.position, page.at_end)

    def _entry(self, row: dynamodb.Record) -> Entry:
        record: Record = msgspec.json.decode(row.body)
        change = record["dynamodb"]
        change["ApproximateCreationDateTime"] = arrived_at = float(change["ApproximateCreationDateTime"])
        lane = json.dumps(change["Keys"], sort_keys=True)
        shown = {**record, "eventSourceARN": self._mapping.source_arn}
        return Entry(shown, row.sequence, change["SequenceNumber"], arrived_at, lane, row.trace)

    def to_filter(self, record: Record) -> Record:
        return record

    def render_time(self, at: float) -> str:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def checkpoint_key(mapping: Mapping, stream: Stream, shard: Shard) -> str:
    """The one shard of streams of earlier versions has the mapping's own."""
    return mapping.uuid if shard.number == stream.entry.number else f"{mapping.uuid}/{shard.number}"


def begin(ctx: Context, tx: Transaction, mapping: Mapping) -> None:
    """Fixes where a new mapping starts, so that nothing written from now on is missed. Shards that are opened later are
    read from their beginning."""
    stream = dynamodb.find_stream(tx, mapping.source_arn, ctx.scope.environment)
    if stream is None or mapping.settings.get("StartingPosition") != "LATEST":
        return
    for shard in dynamodb.shards_of(tx, stream, ctx.now):
        key = checkpoint_key(mapping, stream, shard)
        CHECKPOINTS.lock(tx, ctx.scope, key)
        CHECKPOINTS.insert(tx, ctx.scope, Checkpoint(key, dynamodb.latest(tx, stream, shard)))


async def drain(ctx: Context, mapping: Mapping) -> None:
    """Runs until it is cancelled, or the stream is gone."""
    environment = ctx.scope.environment
    stream = await ctx.transact(lambda tx: dynamodb.find_stream(tx, mapping.source_arn, environment))
    if stream is None:
        return

    def begin_shard(tx: Transaction, number: int) -> Shard | None:
        """Shards come and go every few hours: the checkpoints of those that are gone go with them."""
        present = dynamodb.shards_of(tx, stream, ctx.clock())
        kept = {checkpoint_key(mapping, stream, shard) for shard in present}
        mappings.forget_checkpoints(tx, ctx.scope, mapping, kept)
        return dynamodb.find_shard(tx, stream, number)

    async def drain_shard(number: int) -> None:
        shard = await ctx.transact(lambda tx: begin_shard(tx, number))
        if shard is not None:
            reader = await StreamSource.resume(ctx, mapping, TableFeed(mapping, stream, shard))
            await reader.run()

    await dynamodb.drain_shards(ctx, stream, drain_shard)
