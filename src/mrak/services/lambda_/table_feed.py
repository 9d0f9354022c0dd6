"""The feed of a DynamoDB stream, which has one shard."""

from __future__ import annotations

import datetime
import json

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.dynamodb import exports as dynamodb
from mrak.services.dynamodb.exports import Stream
from mrak.services.lambda_.feeds import Entry, Portion, Record
from mrak.services.lambda_.stream_source import StreamSource
from mrak.services.lambda_.tables import CHECKPOINTS, Checkpoint, Mapping


class TableFeed:
    retention_seconds = 86_400.0
    batch_info = "DDBStreamBatchInfo"
    data_member = "dynamodb"

    def __init__(self, mapping: Mapping, stream: Stream) -> None:
        self._mapping = mapping
        self._stream = stream
        self.checkpoint = mapping.uuid
        self.topic = dynamodb.topic_of(stream)
        self.shard_id = dynamodb.shard_id(stream)

    def read(self, ctx: Context, tx: Transaction, position: int | None, limit: int) -> Portion:
        rows, reached = dynamodb.read_after(tx, self._stream, position, limit, ctx.clock())
        return Portion([self._entry(row) for row in rows], reached)

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


def begin(ctx: Context, tx: Transaction, mapping: Mapping) -> None:
    """Fixes where a new mapping starts, so that nothing written from now on is missed."""
    stream = dynamodb.find_stream(tx, mapping.source_arn, ctx.scope.environment)
    if stream is None or mapping.settings.get("StartingPosition") != "LATEST":
        return
    CHECKPOINTS.lock(tx, ctx.scope, mapping.uuid)
    CHECKPOINTS.insert(tx, ctx.scope, Checkpoint(mapping.uuid, dynamodb.latest(tx, stream)))


async def drain(ctx: Context, mapping: Mapping) -> None:
    """Runs until it is cancelled, or the stream is gone."""
    environment = ctx.scope.environment
    stream = await ctx.transact(lambda tx: dynamodb.find_stream(tx, mapping.source_arn, environment))
    if stream is not None:
        source = await StreamSource.resume(ctx, mapping, TableFeed(mapping, stream))
        await source.run()
