"""Shards: the ranges of hash keys that a stream is cut into, split and merged.

A key's MD5 is its hash key, 0 to 2^128 - 1. A shard that is split or merged is closed: its records stay until they have
expired, and then it goes with them. https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import md5
from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.kinesis import errors, sequences, streams
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import OPEN, SHARDS, Shard, Stream

HASH_KEYS = 1 << 128
_ID = re.compile(r"(?:[^-]*-)?(\d+)(?:-.*)?")
_HIGHEST_INDEX = (1 << 31) - 1
_LARGE_REGIONS = frozenset({"us-east-1", "us-west-2", "eu-west-1"})
_MOST_IN_LARGE_REGIONS, _MOST_ELSEWHERE = 20_000, 6_000


def shard_id(index: int) -> str:
    return f"shardId-{index:012d}"


def hash_of(partition_key: str) -> int:
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def _hex(hash_key: int) -> str:
    return f"{hash_key:032x}"


def create(ctx: Context, tx: Transaction, found: Found, count: int) -> None:
    """The shards of a new stream, of equal size."""
    SHARDS.lock(tx, found.scope, found.stream.number)
    for index, hash_keys in enumerate(_even_ranges(count)):
        _open(ctx, tx, found, index, hash_keys, int(ctx.now))


def _even_ranges(count: int) -> list[tuple[int, int]]:
    step = HASH_KEYS // count
    lows = [step * index for index in range(count)]
    return list(zip(lows, [low - 1 for low in (*lows[1:], HASH_KEYS)], strict=True))


def _open(
    ctx: Context,
    tx: Transaction,
    found: Found,
    index: int,
    hash_keys: tuple[int, int],
    born: int,
    *parents: int,
) -> Shard:
    parent, adjacent = (*parents, None, None)[:2]
    shard = Shard(
        stream=found.stream.number,
        index=index,
        low=_hex(hash_keys[0]),
        high=_hex(hash_keys[1]),
        born=born,
        opened_at=ctx.now,
        parent=parent,
        adjacent_parent=adjacent,
    )
    SHARDS.insert(tx, found.scope, shard)
    return shard


def find_by_hash(tx: Transaction, scope: Scope, number: int, hash_key: int) -> Shard:
    """The open shard that a hash key belongs to."""
    return next(OPEN.scan(tx, scope, number, since=_hex(hash_key), limit=1))


def find(tx: Transaction, found: Found, index: int, now: float) -> Shard | None:
    """The shard of a number; None where there is none, or none any longer."""
    shard = SHARDS.get(tx, found.scope, found.stream.number, index)
    return None if shard is None or is_expired(found.stream, shard, now) else shard


def index_of(named: str) -> int | None:
    """The number in an id, which may lack its zeros, and have another first word or none."""
    match = _ID.fullmatch(named)
    index = int(match[1]) if match else None
    return None if index is None or index > _HIGHEST_INDEX else index


def require_index(ctx: Context, req: dict[str, Any], named: str) -> int:
    """The same; raises where an id can be none, whether or not the stream is there."""
    index = index_of(named)
    if index is None:
        scope, name = streams.parse_name(ctx, req)
        raise errors.could_not_find_shard(named, name, scope.account)
    return index


def is_expired(stream: Stream, shard: Shard, now: float) -> bool:
    return shard.closed_at is not None and shard.closed_at < stream.horizon(now)


def scan(tx: Transaction, found: Found, now: float, after: int | None = None) -> Iterator[Shard]:
    """All that may still hold records, in the order in which they were made."""
    for shard in SHARDS.scan(tx, found.scope, found.stream.number, after=after):
        if not is_expired(found.stream, shard, now):
            yield shard


def count_open(tx: Transaction, scope: Scope, number: int | None = None) -> int:
    """Open shards of a stream, or of the account in its region."""
    return OPEN.count(tx, scope) if number is None else OPEN.count(tx, scope, number)


def limit_of(scope: Scope) -> int:
    return _MOST_IN_LARGE_REGIONS if scope.region in _LARGE_REGIONS else _MOST_ELSEWHERE


def check_limit(tx: Transaction, scope: Scope, more: int) -> None:
    open_shards, limit = count_open(tx, scope), limit_of(scope)
    if open_shards + more > limit:
        raise errors.shard_limit(scope.account, scope.region, open_shards, limit, more)


def split(ctx: Context, tx: Transaction, found: Found, shard: Shard, at: int) -> tuple[Shard, Shard]:
    """Closes a shard for two, the second of which begins with the hash key `at`."""
    first = _next_index(tx, found)
    low, high = int(shard.low, 16), int(shard.high, 16)
    born = _close(ctx, tx, found.scope, shard, (first, first + 1))
    lower = _open(ctx, tx, found, first, (low, at - 1), born, shard.index)
    return lower, _open(ctx, tx, found, first + 1, (at, high), born, shard.index)


def merge(ctx: Context, tx: Transaction, found: Found, lower: Shard, upper: Shard) -> Shard:
    """Closes two neighbours for one."""
    index = _next_index(tx, found)
    born = max(_close(ctx, tx, found.scope, each, (index,)) for each in (lower, upper))
    hash_keys = (int(lower.low, 16), int(upper.high, 16))
    return _open(ctx, tx, found, index, hash_keys, born, lower.index, upper.index)


def _next_index(tx: Transaction, found: Found) -> int:
    SHARDS.lock(tx, found.scope, found.stream.number)
    return next(SHARDS.scan(tx, found.scope, found.stream.number, limit=1, reverse=True)).index + 1


def _close(ctx: Context, tx: Transaction, scope: Scope, shard: Shard, children: tuple[int, ...]) -> int:
    """Closes a shard and returns the second in which its children are born, which is after all of its records."""
    SHARDS.replace(tx, scope, shard, structs.replace(shard, closed_at=ctx.now, children=children))
    return max(int(ctx.now), shard.born) + 1


def rescale(ctx: Context, tx: Transaction, found: Found, count: int) -> None:
    """Splits and merges until there are as many shards as wanted, of equal size."""
    wanted = _even_ranges(count)
    pieces = list(OPEN.scan(tx, found.scope, found.stream.number))
    for low, _ in wanted[1:]:
        place = next(n for n, piece in enumerate(pieces) if low <= int(piece.high, 16))
        if int(pieces[place].low, 16) < low:
            pieces[place : place + 1] = split(ctx, tx, found, pieces[place], low)
    for _, high in wanted:
        whole = pieces.pop(0)
        while int(whole.high, 16) < high:
            whole = merge(ctx, tx, found, whole, pieces.pop(0))


def render(shard: Shard) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": sequences.render_first(shard)}
    if shard.closed_at is not None:
        numbers["EndingSequenceNumber"] = sequences.render_last(shard)
    shown: dict[str, Any] = {"ShardId": shard_id(shard.index)}
    if shard.parent is not None:
        shown["ParentShardId"] = shard_id(shard.parent)
    if shard.adjacent_parent is not None:
        shown["AdjacentParentShardId"] = shard_id(shard.adjacent_parent)
    return shown | {"HashKeyRange": render_range(shard), "SequenceNumberRange": numbers}


def render_range(shard: Shard) -> dict[str, str]:
    return {"StartingHashKey": str(int(shard.low, 16)), "EndingHashKey": str(int(shard.high, 16))}


def render_children(tx: Transaction, scope: Scope, shard: Shard) -> list[dict[str, Any]]:
    """What GetRecords tells at the end of a closed shard."""
    shown = []
    for index in shard.children:
        child = SHARDS.get(tx, scope, shard.stream, index)
        if child is None:
            continue
        shown.append(
            {
                "ShardId": shard_id(index),
                "ParentShards": [shard_id(parent) for parent in child.parents],
                "HashKeyRange": render_range(child),
            }
        )
    return shown
