"""Draining a pipe's stream: the shards of a table's stream, or of one of Kinesis.

Nothing is kept here: a shard is read from its checkpoint, which moves when a batch is through. A batch that fails holds
up its shard until it is through, or is given up to the dead-letter queue.
"""

from __future__ import annotations

import base64
from collections.abc import Set
from typing import Any, NamedTuple, Protocol

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.traces import common_trace
from mrak.services.dynamodb import exports as dynamodb
from mrak.services.dynamodb.exports import Stream
from mrak.services.lambda_.exports import Criteria
from mrak.services.pipes.flow import FAILURES, Flow
from mrak.services.pipes.tables import CHECKPOINTS, Checkpoint, Pipe
from mrak.services.sqs import exports as sqs

_IDLE_SECONDS = 3600.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0

Record = dict[str, Any]


class Entry(NamedTuple):
    """A record as the pipe gives it, its sequence number, and the trace that goes on with it."""

    record: Record
    sequence: str
    trace: str


class Portion(NamedTuple):
    entries: list[Entry]
    position: int | None
    at_end: bool


class Shard(Protocol):
    """What is read in order. `checkpoint` is its key, `topic` is notified when there may be more."""

    parameters: str
    data_member: str
    checkpoint: str
    topic: str

    def read(self, ctx: Context, tx: Transaction, position: int | None, size: int) -> Portion: ...

    def to_filter(self, record: Record) -> Record: ...


class TableShard:
    parameters = "DynamoDBStreamParameters"
    data_member = "dynamodb"

    def __init__(self, pipe: Pipe, stream: Stream, number: int) -> None:
        self._stream = stream
        self._number = number
        self.checkpoint = _table_checkpoint(pipe, stream, number)
        self.topic = dynamodb.topic_of(stream, number)

    def read(self, ctx: Context, tx: Transaction, position: int | None, size: int) -> Portion:
        shard = dynamodb.find_shard(tx, self._stream, self._number)
        if shard is None:
            # It has expired.
            return Portion([], position, at_end=True)
        page = dynamodb.read_after(tx, self._stream, shard, position, size, ctx.clock())
        entries = []
        for row in page.records:
            record = {**msgspec.json.decode(row.body), "eventSourceARN": self._stream.arn}
            entries.append(Entry(record, record["dynamodb"]["SequenceNumber"], row.trace))
        return Portion(entries, page.position, page.at_end)

    def to_filter(self, record: Record) -> Record:
        return record


class KinesisShard:
    parameters = "KinesisStreamParameters"
    data_member = "data"

    def __init__(self, pipe: Pipe, source: Any, index: int) -> None:
        from mrak.services.kinesis import exports as kinesis  # only pipes that read a stream of it need Kinesis

        self._kinesis = kinesis
        self._pipe = pipe
        self._source = source
        self._index = index
        self.checkpoint = f"{pipe.name}/{index}"
        self.topic = kinesis.topic_of(source)

    def read(self, ctx: Context, tx: Transaction, position: int | None, size: int) -> Portion:
        shard = self._kinesis.find_shard(tx, self._source, self._index)
        if shard is None:
            # It has expired, or the stream was deleted.
            return Portion([], position, at_end=True)
        entries, place, at_end = self._kinesis.read_from(ctx, tx, self._source, shard, position or 0, size)
        return Portion([self._entry(entry.body, entry.trace) for entry in entries], place, at_end)

    def _entry(self, body: Record, trace: str) -> Entry:
        record = {
            **body,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{self._kinesis.shard_id(self._index)}:{body['sequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._pipe.settings["RoleArn"],
            "awsRegion": self._source.scope.region,
            "eventSourceARN": self._pipe.settings["Source"],
        }
        return Entry(record, body["sequenceNumber"], trace)

    def to_filter(self, record: Record) -> Record:
        return {**record, "data": base64.b64decode(record["data"]).decode(errors="replace")}


def begin(ctx: Context, tx: Transaction, pipe: Pipe) -> None:
    """Fixes where a pipe begins that does not read from a stream's oldest record on, so that nothing written from now
    on is missed."""
    forget(ctx, tx, pipe)
    parameters = pipe.settings.get("SourceParameters") or {}
    if "KinesisStreamParameters" in parameters:
        _begin_kinesis(ctx, tx, pipe, parameters["KinesisStreamParameters"])
        return
    stream = dynamodb.find_stream(tx, pipe.settings["Source"], ctx.scope.environment)
    position = (parameters.get("DynamoDBStreamParameters") or {}).get("StartingPosition")
    if stream is not None and position == "LATEST":
        for shard in dynamodb.shards_of(tx, stream, ctx.now):
            key = _table_checkpoint(pipe, stream, shard.number)
            _save(ctx, tx, Checkpoint(key, dynamodb.latest(tx, stream, shard)))


def _table_checkpoint(pipe: Pipe, stream: Stream, number: int) -> str:
    """The one shard of streams of earlier versions has the pipe's own."""
    return pipe.name if number == stream.entry.number else f"{pipe.name}/{number}"


def _begin_kinesis(ctx: Context, tx: Transaction, pipe: Pipe, parameters: dict[str, Any]) -> None:
    from mrak.services.kinesis import exports as kinesis

    source = kinesis.find_source(tx, pipe.settings["Source"], ctx.scope.environment)
    if source is None:
        return
    wanted = parameters["StartingPosition"], parameters.get("StartingPositionTimestamp")
    for shard, place in kinesis.starting_places(tx, source, ctx.now, *wanted):
        _save(ctx, tx, Checkpoint(f"{pipe.name}/{shard.index}", place))


def forget(ctx: Context, tx: Transaction, pipe: Pipe, kept: Set[str] = frozenset()) -> None:
    """Removes the checkpoints of a pipe: its own and those of shards, or all but those of shards that are there."""
    own = CHECKPOINTS.get(tx, ctx.scope, pipe.name)
    found = [] if own is None else [own]
    for checkpoint in CHECKPOINTS.scan(tx, ctx.scope, since=f"{pipe.name}/"):
        if not checkpoint.name.startswith(f"{pipe.name}/"):
            break
        found.append(checkpoint)
    for checkpoint in found:
        if checkpoint.name not in kept:
            CHECKPOINTS.lock(tx, ctx.scope, checkpoint.name)
            CHECKPOINTS.delete(tx, ctx.scope, checkpoint)


def _save(ctx: Context, tx: Transaction, new: Checkpoint) -> None:
    old = CHECKPOINTS.open(tx, ctx.scope, new.name)
    if old is None:
        CHECKPOINTS.insert(tx, ctx.scope, new)
    else:
        CHECKPOINTS.replace(tx, ctx.scope, old, new)


async def drain_table(ctx: Context, pipe: Pipe, flow: Flow) -> None:
    environment = ctx.scope.environment
    stream = await ctx.transact(lambda tx: dynamodb.find_stream(tx, pipe.settings["Source"], environment))
    if stream is None:
        return

    def forget_expired(tx: Transaction) -> None:
        """Shards come and go every few hours: the checkpoints of those that are gone go with them."""
        present = dynamodb.shards_of(tx, stream, ctx.clock())
        forget(ctx, tx, pipe, {_table_checkpoint(pipe, stream, shard.number) for shard in present})

    async def drain_shard(number: int) -> None:
        await ctx.transact(forget_expired)
        await _drain(ctx, pipe, flow, TableShard(pipe, stream, number))

    await dynamodb.drain_shards(ctx, stream, drain_shard)


async def drain_kinesis(ctx: Context, pipe: Pipe, flow: Flow) -> None:
    from mrak.services.kinesis import exports as kinesis

    environment = ctx.scope.environment
    source = await ctx.transact(lambda tx: kinesis.find_source(tx, pipe.settings["Source"], environment))
    if source is None:
        return

    async def drain_shard(index: int) -> None:
        await _drain(ctx, pipe, flow, KinesisShard(pipe, source, index))

    await kinesis.drain_shards(ctx, source, drain_shard)


async def _drain(ctx: Context, pipe: Pipe, flow: Flow, shard: Shard) -> None:
    """Runs until the pipe is stopped, or the shard is at its end."""
    parameters = pipe.settings.get("SourceParameters") or {}
    settings = parameters[shard.parameters]
    criteria, size = Criteria(parameters.get("FilterCriteria") or {}, shard.data_member), settings.get("BatchSize", 100)
    begun = await ctx.transact(lambda tx: CHECKPOINTS.get(tx, ctx.scope, shard.checkpoint))
    position = None if begun is None else begun.position
    with ctx.listen(shard.topic) as arrivals:
        while True:
            portion = await ctx.transact(_reader(ctx, shard, position, size))
            if not portion.entries:
                if portion.at_end:
                    return
                await arrivals.wait(_IDLE_SECONDS)
                continue
            wanted = [entry for entry in portion.entries if criteria.passes(shard.to_filter(entry.record))]
            traced = flow.in_trace(common_trace(entry.trace for entry in wanted))
            await _send_in_order(ctx, settings, traced, wanted)
            position = portion.position
            await ctx.transact(_saver(ctx, shard, position))


def _reader(ctx: Context, shard: Shard, position: int | None, size: int) -> Any:
    return lambda tx: shard.read(ctx, tx, position, size)


def _saver(ctx: Context, shard: Shard, position: int | None) -> Any:
    assert position is not None, "something was read"
    return lambda tx: _save(ctx, tx, Checkpoint(shard.checkpoint, position))


async def _send_in_order(ctx: Context, settings: dict[str, Any], flow: Flow, entries: list[Entry]) -> None:
    most, attempts, pause = settings.get("MaximumRetryAttempts", -1), 0, _FIRST_PAUSE_SECONDS
    while entries:
        try:
            failed = set(await flow.send([entry.record for entry in entries]))
        except FAILURES:
            failed = {entries[0].sequence}
        first = next((at for at, entry in enumerate(entries) if entry.sequence in failed), None)
        if first is None:
            return
        entries, attempts = entries[first:], attempts + 1
        if 0 <= most < attempts:
            await _give_up(ctx, settings, [entry.record for entry in entries])
            return
        await ctx.sleep_until(ctx.clock() + pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def _give_up(ctx: Context, settings: dict[str, Any], records: list[Record]) -> None:
    queue_arn = (settings.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    text = msgspec.json.encode({"records": records}).decode()
    await ctx.transact(lambda tx: tx.enqueue(sqs.delivery(ctx, queue_arn, {"MessageBody": text})))
