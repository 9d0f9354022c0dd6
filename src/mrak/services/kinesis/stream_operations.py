"""Operations on streams: create, delete, describe, list, and the account's limits."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.kinesis import errors, iterators, shards, streams, tags, trimming
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import BY_STREAM, CONSUMERS, RECORDS, SHARDS, STREAMS, Stream

_SHARDS_ON_DEMAND = 4
_MOST_ON_DEMAND = 50
_DESCRIBED_SHARDS = 100
_LISTED_STREAMS = 100


@operation("CreateStream")
def create_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    name, scope = req["StreamName"], ctx.scope
    streams.check_access(ctx, tx, scope, streams.stream_arn(scope, name))
    mode = req.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED" if "ShardCount" in req else "ON_DEMAND")
    count = _check_count(mode, req)
    tags.check_new(req.get("Tags", {}), name, scope.account)
    if STREAMS.open(tx, scope, name) is not None:
        raise errors.stream_exists(name, scope.account)
    shards.check_limit(tx, scope, count)
    if mode == "ON_DEMAND" and _count_on_demand(tx, scope) >= _MOST_ON_DEMAND:
        raise errors.on_demand_limit(scope.account, _MOST_ON_DEMAND)
    stream = Stream(
        name=name,
        number=ctx.draw.sequence(),
        created_at=float(int(ctx.now)),
        mode=mode,
        max_record_kib=req.get("MaxRecordSizeInKiB", 1024),
        distribution=req.get("RecordDistributionStrategy", "USER_PARTITION_KEY"),
        tags=req.get("Tags", {}),
        warm_mibps=req.get("WarmThroughputMiBps", 0),
    )
    STREAMS.insert(tx, scope, stream)
    shards.create(ctx, tx, Found(scope, stream), count)
    trimming.start(ctx, tx, scope, stream)
    ctx.about(streams.stream_arn(scope, name))


def _check_count(mode: str, req: dict[str, Any]) -> int:
    """How many shards a new stream gets."""
    if mode == "ON_DEMAND":
        if "ShardCount" in req:
            raise errors.invalid("ShardCount cannot be specified for a stream in On-Demand mode.")
        return _SHARDS_ON_DEMAND
    if "ShardCount" not in req:
        raise errors.invalid("ShardCount must be specified for a stream in Provisioned mode.")
    if req.get("RecordDistributionStrategy") == "AUTO":
        raise errors.invalid("RecordDistributionStrategy AUTO is only supported for streams in On-Demand mode.")
    count: int = req["ShardCount"]
    return count


def _count_on_demand(tx: Transaction, scope: Scope) -> int:
    return sum(stream.is_on_demand for stream in STREAMS.scan(tx, scope))


@operation("DeleteStream")
def delete_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = streams.require(ctx, tx, req, opens=True)
    number = found.stream.number
    if BY_STREAM.count(tx, found.scope, number):
        raise errors.stream_has_queues(found.stream.name, found.account)
    has_consumers = next(CONSUMERS.scan(tx, found.scope, number, limit=1), None) is not None
    if has_consumers and not req.get("EnforceConsumerDeletion"):
        raise errors.stream_has_consumers(found.stream.name, found.account)
    for table in (SHARDS, CONSUMERS):
        table.lock(tx, found.scope, number)
        table.delete_all(tx, found.scope, number)
    RECORDS.delete_all(tx, found.scope, number)
    STREAMS.delete(tx, found.scope, found.stream)
    tx.notify(streams.topic(found.scope, number))


@operation("DescribeStream")
def describe_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req)
    after = _after_shard(found, req.get("ExclusiveStartShardId"))
    most = min(req.get("Limit", _DESCRIBED_SHARDS), _DESCRIBED_SHARDS)
    page: list[dict[str, Any]] = []
    has_more = False
    for shard in shards.scan(tx, found, ctx.now, after):
        if len(page) == most:
            has_more = True
            break
        page.append(shards.render(shard))
    return {"StreamDescription": {**streams.render_head(found), "Shards": page, "HasMoreShards": has_more}}


def _after_shard(found: Found, named: str | None) -> int | None:
    if named is None:
        return None
    index = shards.index_of(named)
    if index is None:
        raise errors.could_not_find_shard(named, found.stream.name, found.account)
    return index


@operation("DescribeStreamSummary")
def describe_stream_summary(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req)
    stream = found.stream
    summary = {
        **streams.render_head(found),
        "OpenShardCount": shards.count_open(tx, found.scope, stream.number),
        "ConsumerCount": CONSUMERS.count(tx, found.scope, stream.number),
        "QueueCount": BY_STREAM.count(tx, found.scope, stream.number),
        "MaxRecordSizeInKiB": stream.max_record_kib,
    }
    if stream.is_on_demand:
        summary["RecordDistributionStrategy"] = stream.distribution
    if stream.warm_mibps:
        summary["WarmThroughput"] = {"TargetMiBps": stream.warm_mibps, "CurrentMiBps": stream.warm_mibps}
    return {"StreamDescriptionSummary": summary}


@operation("ListStreams")
def list_streams(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    streams.check_access(ctx, tx, ctx.scope, "*")
    after = req.get("ExclusiveStartStreamName")
    if "NextToken" in req:
        (after,) = iterators.parse_page_token(ctx, req["NextToken"], (str,))
    most = req.get("Limit", _LISTED_STREAMS)
    page: list[Stream] = []
    answer: dict[str, Any] = {"HasMoreStreams": False}
    for stream in STREAMS.scan(tx, ctx.scope, after=after):
        if len(page) == most:
            answer = {"HasMoreStreams": True, "NextToken": iterators.render_page_token(ctx, page[-1].name)}
            break
        page.append(stream)
    answer["StreamNames"] = [stream.name for stream in page]
    answer["StreamSummaries"] = [
        {
            "StreamName": stream.name,
            "StreamARN": streams.stream_arn(ctx.scope, stream.name),
            "StreamStatus": "ACTIVE",
            "StreamModeDetails": {"StreamMode": stream.mode},
            "StreamCreationTimestamp": stream.created_at,
        }
        for stream in page
    ]
    return answer


@operation("DescribeLimits")
def describe_limits(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    streams.check_access(ctx, tx, ctx.scope, "*")
    return {
        "ShardLimit": shards.limit_of(ctx.scope),
        "OpenShardCount": shards.count_open(tx, ctx.scope),
        "OnDemandStreamCount": _count_on_demand(tx, ctx.scope),
        "OnDemandStreamCountLimit": _MOST_ON_DEMAND,
    }
