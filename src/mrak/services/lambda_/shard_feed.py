"""The feeds of a Kinesis stream: one for each shard, children after their parents.

https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

import base64

from mrak.core.context import Context, Transaction
from mrak.services.kinesis import exports as kinesis
from mrak.services.kinesis.exports import Source
from mrak.services.lambda_ import destinations, functions
from mrak.services.lambda_.feeds import Entry, Portion, Record
from mrak.services.lambda_.references import Reference
from mrak.services.lambda_.stream_source import StreamSource
from mrak.services.lambda_.tables import CHECKPOINTS, Checkpoint, Mapping


class ShardFeed:
    batch_info = "KinesisBatchInfo"
    data_member = "data"

    def __init__(self, mapping: Mapping, source: Source, index: int, role_arn: str) -> None:
        self._mapping = mapping
        self._source = source
        self._index = index
        self._role_arn = role_arn
        self.checkpoint = checkpoint_key(mapping, index)
        self.topic = kinesis.topic_of(source)
        self.shard_id = kinesis.shard_id(index)
        self.retention_seconds = source.stream.retention_hours * 3600.0

    def read(self, ctx: Context, tx: Transaction, position: int | None, limit: int) -> Portion:
        shard = kinesis.find_shard(tx, self._source, self._index)
        if shard is None:
            # It has expired, or the stream was deleted.
            return Portion([], position, at_end=True)
        entries, place, at_end = kinesis.read_from(ctx, tx, self._source, shard, position or 0, limit)
        return Portion([self._entry(entry) for entry in entries], place, at_end)

    def _entry(self, entry: kinesis.Entry) -> Entry:
        body = entry.body
        record = {
            "kinesis": body,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{self.shard_id}:{body['sequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._role_arn,
            "awsRegion": self._source.scope.region,
            "eventSourceARN": self._mapping.source_arn,
        }
        sequence, lane = body["sequenceNumber"], body["partitionKey"]
        return Entry(record, entry.place + 1, sequence, entry.arrived_at, lane, entry.trace)

    def to_filter(self, record: Record) -> Record:
        """Patterns name the data, decoded, and the partition key without saying where they are."""
        body = record["kinesis"]
        text = base64.b64decode(body["data"]).decode(errors="replace")
        return {**record, **body, "data": text}

    def render_time(self, at: float) -> str:
        return destinations.render_time(at)


def checkpoint_key(mapping: Mapping, index: int) -> str:
    return f"{mapping.uuid}/{index}"


def begin(ctx: Context, tx: Transaction, mapping: Mapping) -> None:
    """Fixes where a new mapping starts. Shards that are opened later are read from their beginning."""
    source = kinesis.find_source(tx, mapping.source_arn, ctx.scope.environment)
    if source is None:
        return
    settings = mapping.settings
    wanted = settings["StartingPosition"], settings.get("StartingPositionTimestamp")
    for shard, place in kinesis.starting_places(tx, source, ctx.now, *wanted):
        key = checkpoint_key(mapping, shard.index)
        CHECKPOINTS.lock(tx, ctx.scope, key)
        CHECKPOINTS.insert(tx, ctx.scope, Checkpoint(key, place))


async def drain(ctx: Context, mapping: Mapping) -> None:
    """Runs until it is cancelled, or the stream is gone."""

    def look(tx: Transaction) -> tuple[Source | None, str]:
        version = functions.require_version(tx, Reference(ctx.scope, mapping.function, mapping.qualifier))
        source = kinesis.find_source(tx, mapping.source_arn, ctx.scope.environment)
        return source, version.config.get("Role", "")

    source, role_arn = await ctx.transact(look)
    if source is None:
        return

    async def drain_shard(index: int) -> None:
        reader = await StreamSource.resume(ctx, mapping, ShardFeed(mapping, source, index, role_arn))
        await reader.run()

    await kinesis.drain_shards(ctx, source, drain_shard)
