"""SubscribeToShard: records pushed to a consumer as they come, for five minutes.

A consumer has one subscription to a shard. A second one within five seconds is refused; later it takes over, and the
first one ends with an error. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.kinesis import consumers, encryption, errors, iterators, records, sequences, shards, streams
from mrak.services.kinesis.records import Page
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import SHARDS, Shard

_LASTS_SECONDS = 300.0
_PROTECTED_SECONDS = 5.0
_HEARTBEAT_SECONDS = 5.0
_EVENT_LIMITS = (10_000, 1 << 20)

Event = dict[str, Any]


class Subscriptions:
    """Who is subscribed to what in an environment: (consumer's ARN, shard) -> since when."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, int], float] = {}

    def begin(self, consumer_arn: str, shard: int, now: float) -> None:
        since = self._since.get((consumer_arn, shard))
        if since is not None and now - since < _PROTECTED_SECONDS:
            raise errors.subscribed_already(consumer_arn, shards.shard_id(shard))
        self._since[consumer_arn, shard] = now

    def holds(self, consumer_arn: str, shard: int, since: float) -> bool:
        return self._since.get((consumer_arn, shard)) == since

    def end(self, consumer_arn: str, shard: int, since: float) -> None:
        if self.holds(consumer_arn, shard, since):
            del self._since[consumer_arn, shard]


class Subscription(NamedTuple):
    """What a subscription reads, from where, on whose behalf."""

    found: Found
    shard: Shard
    place: int
    consumer_arn: str


@operation("SubscribeToShard")
async def subscribe_to_shard(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    begun = await ctx.transact(lambda tx: _begin(ctx, tx, req))
    ctx.live(Subscriptions).begin(begun.consumer_arn, begun.shard.index, ctx.now)
    # An earlier one sees at once that it has been taken over.
    await ctx.transact(lambda tx: tx.notify(streams.topic(begun.found.scope, begun.shard.stream)))
    return {"EventStream": _events(ctx, begun)}


def _begin(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Subscription:
    arn, wanted = req["ConsumerARN"], req["StartingPosition"]
    found, _ = consumers.require_by_arn(ctx, tx, arn)
    index = shards.index_of(req["ShardId"])
    shard = None if index is None else shards.find(tx, found, index, ctx.now)
    if shard is None:
        raise errors.could_not_find_shard(req["ShardId"], found.stream.name, found.account)
    position = {"ShardIteratorType": wanted["Type"]}
    if "SequenceNumber" in wanted:
        position["StartingSequenceNumber"] = wanted["SequenceNumber"]
    if "Timestamp" in wanted:
        position["Timestamp"] = wanted["Timestamp"]
    place = iterators.find_place(ctx, tx, found, shard, position)
    encryption.check_key(ctx, tx, found)
    streams.check_dry_run(req)
    return Subscription(found, shard, place, arn)


async def _events(ctx: Context, begun: Subscription) -> AsyncIterator[Event]:
    live, since = ctx.live(Subscriptions), ctx.now
    place, is_called = begun.place, False
    try:
        with ctx.listen(streams.topic(begun.found.scope, begun.shard.stream)) as arrivals:
            while ctx.clock() < since + _LASTS_SECONDS:
                if not live.holds(begun.consumer_arn, begun.shard.index, since):
                    raise errors.subscription_taken_over()
                page, event = await _look(ctx, begun, place)
                place = page.place
                # What wakes everybody need not be for this shard; without records there is a sign of life at times.
                if page.records or page.at_end or not is_called:
                    yield {"SubscribeToShardEvent": event}
                if page.at_end or arrivals.abandoned:
                    return
                is_called = not page.behind_ms and await arrivals.wait(_HEARTBEAT_SECONDS)
    finally:
        live.end(begun.consumer_arn, begun.shard.index, since)


async def _look(ctx: Context, begun: Subscription, place: int) -> tuple[Page, Event]:
    def look(tx: Transaction) -> tuple[Page, Event]:
        found, consumer = consumers.find_by_arn(ctx, tx, begun.consumer_arn)
        shard = SHARDS.get(tx, begun.found.scope, begun.shard.stream, begun.shard.index)
        if found is None or consumer is None or shard is None:
            raise errors.consumer_not_found(begun.consumer_arn, begun.found.account)
        page = records.read(ctx, tx, found, shard, place, _EVENT_LIMITS)
        event: Event = {
            "Records": [records.render(shard, record) for record in page.records],
            "ContinuationSequenceNumber": _continuation(shard, page),
            "MillisBehindLatest": page.behind_ms,
        }
        if page.at_end:
            event["ChildShards"] = shards.render_children(tx, found.scope, shard)
        return page, event

    return await ctx.transact(look)


def _continuation(shard: Shard, page: Page) -> str:
    """The sequence number that a later subscription goes on after."""
    if page.records:
        return sequences.render(shard, page.records[-1].sequence, page.records[-1].arrived_at)
    return sequences.render(shard, max(page.place - 1, 0), shard.born)
