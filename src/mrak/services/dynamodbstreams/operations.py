"""ListStreams, DescribeStream, GetShardIterator, GetRecords.

An iterator is opaque text that holds its place; it is good for 15 minutes. A record is readable for 24 hours.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.services.dynamodb import exports
from mrak.services.dynamodb.exports import Record, Shard, Stream
from mrak.services.dynamodbstreams import errors

_ITERATOR_SECONDS = 900
_MOST_RECORDS = 1000
_PAGE_BYTES = 1 << 20
_MOST_STREAMS = 100
_MOST_SHARDS = 100


def _require_stream(ctx: Context, tx: Transaction, arn: str) -> Stream:
    _check_arn(arn)
    stream = exports.find_stream(tx, arn, ctx.scope.environment)
    if stream is None:
        raise errors.stream_not_found(arn)
    exports.check_access(ctx, tx, stream)
    return stream


def _check_arn(arn: str) -> None:
    if not exports.is_stream_arn(arn):
        raise errors.invalid("Invalid StreamArn")


def _limit(req: dict[str, Any], most: int) -> int:
    """The page that is asked for. Its upper limit stands in the documentation, not in the model."""
    limit: int = req.get("Limit", most)
    if limit > most:
        raise errors.invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}"
        )
    return limit


@operation("ListStreams")
def list_streams(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    exports.check_listing(ctx, tx)
    limit = _limit(req, _MOST_STREAMS)
    after = req.get("ExclusiveStartStreamArn")
    if after is not None:
        _check_arn(after)
    found = sorted(exports.list_streams(tx, ctx.scope, req.get("TableName")), key=lambda stream: stream.arn)
    left = [stream for stream in found if after is None or stream.arn > after]
    output: dict[str, Any] = {
        "Streams": [
            {"StreamArn": it.arn, "StreamLabel": it.entry.label, "TableName": it.entry.table} for it in left[:limit]
        ]
    }
    if len(left) > limit:
        output["LastEvaluatedStreamArn"] = left[limit - 1].arn
    return output


@operation("DescribeStream")
def describe_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    limit = _limit(req, _MOST_SHARDS)
    stream = _require_stream(ctx, tx, req["StreamArn"])
    entry = stream.entry
    left = [shard for shard in exports.shards_of(tx, stream, ctx.now) if _is_asked_for(req, shard)]
    description: dict[str, Any] = {
        "StreamArn": stream.arn,
        "StreamLabel": entry.label,
        "StreamStatus": "ENABLED" if entry.ended_at is None else "DISABLED",
        "StreamViewType": entry.view,
        "CreationRequestDateTime": entry.created_at,
        "TableName": entry.table,
        "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role in entry.keys],
        "Shards": [_render_shard(shard) for shard in left[:limit]],
    }
    if len(left) > limit:
        description["LastEvaluatedShardId"] = exports.shard_id(left[limit - 1])
    return {"StreamDescription": description}


def _is_asked_for(req: dict[str, Any], shard: Shard) -> bool:
    """Whether a shard comes after the page before, and is a child of the one that a filter names."""
    wanted, after = req.get("ShardFilter", {}), req.get("ExclusiveStartShardId")
    if wanted.get("Type") == "CHILD_SHARDS" and shard.parent_id != wanted.get("ShardId"):
        return False
    return after is None or exports.shard_id(shard) > after


def _render_shard(shard: Shard) -> dict[str, Any]:
    sequences = {"StartingSequenceNumber": exports.render_sequence(shard.number)}
    if shard.last_sequence is not None:
        sequences["EndingSequenceNumber"] = exports.render_sequence(shard.last_sequence)
    shown: dict[str, Any] = {"ShardId": exports.shard_id(shard), "SequenceNumberRange": sequences}
    return {**shown, "ParentShardId": shard.parent_id} if shard.parent_id else shown


@operation("GetShardIterator")
def get_shard_iterator(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stream = _require_stream(ctx, tx, req["StreamArn"])
    found = exports.shards_of(tx, stream, ctx.now)
    shard = next((shard for shard in found if exports.shard_id(shard) == req["ShardId"]), None)
    if shard is None:
        raise errors.shard_not_found(req["ShardId"], stream.arn)
    position = _start(ctx, tx, stream, shard, req)
    return {"ShardIterator": _render_iterator(ctx, stream, shard, position)}


def _start(ctx: Context, tx: Transaction, stream: Stream, shard: Shard, req: dict[str, Any]) -> int | None:
    """The position after which an iterator begins; None for the oldest record."""
    kind = req["ShardIteratorType"]
    if kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        found = exports.parse_sequence(req.get("SequenceNumber", ""))
        if found is None:
            raise errors.invalid_parameter("Invalid SequenceNumber")
        if found < shard.number or (shard.last_sequence is not None and found > shard.last_sequence):
            raise errors.invalid("Invalid SequenceNumber for the shard")
        if exports.is_beyond_trim(tx, stream, shard, found, ctx.now):
            raise errors.trimmed()
        return found if kind == "AFTER_SEQUENCE_NUMBER" else found - 1
    if "SequenceNumber" in req:
        raise errors.invalid_parameter("SequenceNumber should not be passed for this iterator type")
    return exports.latest(tx, stream, shard) if kind == "LATEST" else None


def _render_iterator(ctx: Context, stream: Stream, shard: Shard, position: int | None) -> str:
    token = render_token(f"{shard.number}|{'' if position is None else position}|{ctx.now}")
    return f"{stream.arn}|1|{token}"


def _parse_iterator(ctx: Context, text: str) -> tuple[str, int, int | None]:
    """The stream, the number of the shard, and the position."""
    arn, _, rest = text.partition("|1|")
    decoded = find_position(rest) if rest else None
    try:
        shard, place, made = (decoded or "").split("|")
        number, position, made_at = int(shard), int(place) if place else None, float(made)
    except ValueError:
        raise errors.invalid("Invalid ShardIterator") from None
    if not 0 <= number <= exports.LAST_SEQUENCE or not 0 <= (position or 0) <= exports.LAST_SEQUENCE:
        raise errors.invalid("Invalid ShardIterator")
    if ctx.now - made_at > _ITERATOR_SECONDS:
        raise errors.iterator_expired()
    return arn, number, position


@operation("GetRecords")
def get_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    limit = _limit(req, _MOST_RECORDS)
    arn, number, position = _parse_iterator(ctx, req["ShardIterator"])
    stream = _require_stream(ctx, tx, arn)
    shard = exports.find_shard(tx, stream, number)
    if shard is None:
        raise errors.trimmed()
    page = exports.read_after(tx, stream, shard, position, limit, ctx.now)
    records = _fitting(page.records)
    is_cut = len(records) < len(page.records)
    ctx.meter("StreamReadRequestUnits", 1)
    output: dict[str, Any] = {"Records": [msgspec.Raw(record.body) for record in records]}
    # A closed shard that is read to its end has no next iterator.
    if is_cut or not page.at_end:
        reached = records[-1].sequence if is_cut else page.position
        output["NextShardIterator"] = _render_iterator(ctx, stream, shard, reached)
    return output


def _fitting(records: list[Record]) -> list[Record]:
    """As many as one answer takes, but one at least."""
    size_bytes = 0
    for count, record in enumerate(records):
        size_bytes += len(record.body)
        if size_bytes > _PAGE_BYTES and count:
            return records[:count]
    return records
