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
from mrak.services.dynamodb.exports import Stream
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
    _limit(req, _MOST_SHARDS)
    stream = _require_stream(ctx, tx, req["StreamArn"])
    entry = stream.entry
    shard_id = exports.shard_id(stream)
    sequences = {"StartingSequenceNumber": exports.first_sequence(stream)}
    if entry.last_sequence is not None:
        sequences["EndingSequenceNumber"] = exports.render_sequence(entry.last_sequence)
    shards = [{"ShardId": shard_id, "SequenceNumberRange": sequences}]
    # A filter asks for the children of a shard, and no shard here has any.
    if req.get("ExclusiveStartShardId", "") >= shard_id or req.get("ShardFilter", {}).get("Type") == "CHILD_SHARDS":
        shards = []
    return {
        "StreamDescription": {
            "StreamArn": stream.arn,
            "StreamLabel": entry.label,
            "StreamStatus": "ENABLED" if entry.ended_at is None else "DISABLED",
            "StreamViewType": entry.view,
            "CreationRequestDateTime": entry.created_at,
            "TableName": entry.table,
            "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role in entry.keys],
            "Shards": shards,
        }
    }


@operation("GetShardIterator")
def get_shard_iterator(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stream = _require_stream(ctx, tx, req["StreamArn"])
    if req["ShardId"] != exports.shard_id(stream):
        raise errors.shard_not_found(req["ShardId"], stream.arn)
    kind = req["ShardIteratorType"]
    position: int | None = None
    if kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        found = exports.parse_sequence(req.get("SequenceNumber", ""))
        if found is None:
            raise errors.invalid_parameter("Invalid SequenceNumber")
        if found < stream.entry.number:
            raise errors.invalid("Invalid SequenceNumber for the shard")
        if exports.is_beyond_trim(tx, stream, found, ctx.now):
            raise errors.trimmed()
        position = found if kind == "AFTER_SEQUENCE_NUMBER" else found - 1
    elif "SequenceNumber" in req:
        raise errors.invalid_parameter("SequenceNumber should not be passed for this iterator type")
    elif kind == "LATEST":
        position = exports.latest(tx, stream)
    return {"ShardIterator": _render_iterator(ctx, stream, position)}


def _render_iterator(ctx: Context, stream: Stream, position: int | None) -> str:
    token = render_token(f"{'' if position is None else position}|{ctx.now}")
    return f"{stream.arn}|1|{token}"


def _parse_iterator(ctx: Context, text: str) -> tuple[str, int | None]:
    arn, _, rest = text.partition("|1|")
    decoded = find_position(rest) if rest else None
    place, separator, made = (decoded or "").partition("|")
    if not separator:
        raise errors.invalid("Invalid ShardIterator")
    try:
        made_at, position = float(made), int(place) if place else None
    except ValueError:
        raise errors.invalid("Invalid ShardIterator") from None
    if ctx.now - made_at > _ITERATOR_SECONDS:
        raise errors.iterator_expired()
    return arn, position


@operation("GetRecords")
def get_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    limit = _limit(req, _MOST_RECORDS)
    arn, position = _parse_iterator(ctx, req["ShardIterator"])
    stream = _require_stream(ctx, tx, arn)
    records, reached = exports.read_after(tx, stream, position, limit, ctx.now)
    size_bytes = 0
    for count, record in enumerate(records):
        size_bytes += len(record.body)
        if size_bytes > _PAGE_BYTES and count:
            records = records[:count]
            reached = records[-1].sequence
            break
    ctx.meter("StreamReadRequestUnits", 1)
    output: dict[str, Any] = {"Records": [msgspec.Raw(record.body) for record in records]}
    # A closed shard that is read to its end has no next iterator.
    if stream.entry.ended_at is None or len(records) == limit:
        output["NextShardIterator"] = _render_iterator(ctx, stream, reached)
    return output
