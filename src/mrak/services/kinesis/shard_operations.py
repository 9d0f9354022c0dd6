"""Operations on shards: list, split, merge, rescale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.kinesis import errors, iterators, shards, streams
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import STREAMS, Shard

_LISTED = 1000
_SCALINGS_A_DAY = 10
_DAY_SECONDS = 86_400.0
_MOST_SHARDS = 10_000
_TOKEN = (str, str, float, int)


@operation("ListShards")
def list_shards(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _check_listing(req)
    after: int | None = None
    filtered: dict[str, Any] = req.get("ShardFilter", {})
    if "NextToken" in req:
        arn, kind, moment, after = iterators.parse_page_token(ctx, req["NextToken"], _TOKEN)
        req = {**req, "StreamARN": arn}
        filtered = {"Type": kind, "Timestamp": moment}
    found = streams.require(ctx, tx, {name: req[name] for name in ("StreamName", "StreamARN") if name in req})
    streams.check_creation(found, req)
    if "NextToken" not in req:
        after = _start_after(found, req.get("ExclusiveStartShardId"), filtered)
    most = req.get("MaxResults", _LISTED)
    page: list[Shard] = []
    passes = _filter(ctx, found, filtered)
    for shard in shards.scan(tx, found, ctx.now, after):
        if not passes(shard):
            continue
        if len(page) == most:
            token = (found.arn, filtered.get("Type", ""), float(filtered.get("Timestamp", 0.0)), page[-1].index)
            return {
                "Shards": [shards.render(each) for each in page],
                "NextToken": iterators.render_page_token(ctx, *token),
            }
        page.append(shard)
    return {"Shards": [shards.render(each) for each in page]}


def _check_listing(req: dict[str, Any]) -> None:
    """A token tells all; without one the stream has to be named."""
    if "NextToken" in req:
        for member in ("StreamName", "StreamARN", "StreamCreationTimestamp", "ShardFilter", "ExclusiveStartShardId"):
            if member in req:
                raise errors.not_together("NextToken", member)
    elif "StreamName" not in req and "StreamARN" not in req:
        raise errors.invalid("Either NextToken or StreamName should be provided.")
    if "ShardFilter" in req and "ExclusiveStartShardId" in req:
        raise errors.not_together("ShardFilter", "ExclusiveStartShardId")


def _start_after(found: Found, named: str | None, filtered: dict[str, Any]) -> int | None:
    if filtered.get("Type") == "AFTER_SHARD_ID":
        if "ShardId" not in filtered:
            raise errors.invalid("ShardId must be provided when ShardFilterType is AFTER_SHARD_ID.")
        named = filtered["ShardId"]
    if named is None:
        return None
    index = shards.index_of(named)
    if index is None:
        raise errors.could_not_find_shard(named, found.stream.name, found.account)
    return index


def _filter(ctx: Context, found: Found, filtered: dict[str, Any]) -> Callable[[Shard], bool]:
    """Which shards a ShardFilter means; times before all that the stream still holds are corrected to its oldest."""
    kind = filtered.get("Type", "")
    horizon = max(found.stream.horizon(ctx.now), found.stream.created_at)
    if kind == "AT_LATEST":
        return lambda shard: shard.closed_at is None
    if kind in ("AT_TIMESTAMP", "FROM_TIMESTAMP") and "Timestamp" not in filtered:
        raise errors.invalid(f"Timestamp must be provided when ShardFilterType is {kind}.")
    moment = max(horizon, filtered.get("Timestamp", 0.0))
    if kind in ("AT_TRIM_HORIZON", "AT_TIMESTAMP"):
        # A stream's first shards are as old as itself, whose age is told in whole seconds.
        return lambda shard: _opened_at(shard) <= moment and _is_open_at(shard, moment)
    if kind == "FROM_TIMESTAMP":
        return lambda shard: _is_open_at(shard, moment)
    return lambda shard: True


def _opened_at(shard: Shard) -> float:
    return shard.opened_at if shard.parent is not None else float(shard.born)


def _is_open_at(shard: Shard, moment: float) -> bool:
    return shard.closed_at is None or shard.closed_at >= moment


def _require_open(ctx: Context, tx: Transaction, found: Found, index: int) -> Shard:
    shard, shard_id = shards.find(tx, found, index, ctx.now), shards.shard_id(index)
    if shard is None:
        raise errors.could_not_find_shard(shard_id, found.stream.name, found.account)
    if shard.closed_at is not None:
        raise errors.shard_closed(shard_id, found.stream.name, found.account)
    return shard


@operation("SplitShard")
def split_shard(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    index, at = shards.require_index(ctx, req, req["ShardToSplit"]), int(req["NewStartingHashKey"])
    found = streams.require(ctx, tx, req)
    streams.check_provisioned(found)
    shard = _require_open(ctx, tx, found, index)
    shards.check_limit(tx, found.scope, 1)
    low, high = int(shard.low, 16), int(shard.high, 16)
    if not low + 1 < at < high:
        under = f"{found.stream.name} under account {found.account}"
        raise errors.no_place_to_split(req["NewStartingHashKey"], shards.shard_id(shard.index), under, low, high)
    shards.split(ctx, tx, found, shard, at)
    tx.notify(streams.topic(found.scope, found.stream.number))


@operation("MergeShards")
def merge_shards(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """The shard to merge comes before the adjacent one: the other way round they are not adjacent to AWS."""
    indexes = [shards.require_index(ctx, req, req[member]) for member in ("ShardToMerge", "AdjacentShardToMerge")]
    found = streams.require(ctx, tx, req)
    streams.check_provisioned(found)
    lower, upper = (_require_open(ctx, tx, found, index) for index in indexes)
    if int(lower.high, 16) + 1 != int(upper.low, 16):
        ids = shards.shard_id(lower.index), shards.shard_id(upper.index)
        raise errors.not_adjacent(*ids, found.stream.name, found.account)
    shards.merge(ctx, tx, found, lower, upper)
    tx.notify(streams.topic(found.scope, found.stream.number))


@operation("UpdateShardCount")
def update_shard_count(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req, opens=True)
    streams.check_provisioned(found)
    current, target = shards.count_open(tx, found.scope, found.stream.number), req["TargetShardCount"]
    recent = tuple(at for at in found.stream.scaled_at if at > ctx.now - _DAY_SECONDS)
    _check_scaling(found, current, target, len(recent))
    shards.check_limit(tx, found.scope, target - current)
    shards.rescale(ctx, tx, found, target)
    STREAMS.replace(tx, found.scope, found.stream, structs.replace(found.stream, scaled_at=(*recent, ctx.now)))
    tx.notify(streams.topic(found.scope, found.stream.number))
    return {
        "StreamName": found.stream.name,
        "StreamARN": found.arn,
        "CurrentShardCount": current,
        "TargetShardCount": target,
    }


def _check_scaling(found: Found, current: int, target: int, recent: int) -> None:
    if target > current * 2:
        raise errors.scaled_too_far("up over double", current, target)
    if target * 2 < current:
        raise errors.scaled_too_far("down below half", current, target)
    if target > _MOST_SHARDS:
        raise errors.limit_exceeded(f"UpdateShardCount cannot scale a stream to more than {_MOST_SHARDS} shards.")
    if recent >= _SCALINGS_A_DAY:
        raise errors.scaled_too_often(found.stream.name, found.account, _SCALINGS_A_DAY)
