"""Operations on records: put, get, and the iterators between them."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.kinesis import encryption, errors, iterators, records, sequences, shards, streams
from mrak.services.kinesis.records import Put
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import SHARDS, Shard

# Shards take and give as much as comes.
deviation("KINESIS-002")

_MOST_MIB = 10
_MIB = 1 << 20
_MOST_RECORDS = 10_000


def _encryption_type(found: Found) -> dict[str, str]:
    return {"EncryptionType": "KMS"} if found.stream.key_id else {}


def _put_of(entry: dict[str, Any]) -> Put:
    return Put(entry["Data"], entry.get("PartitionKey", ""), entry.get("ExplicitHashKey"))


@operation("PutRecord")
def put_record(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req)
    put = _put_of(req)
    records.check(found, [put], [""])
    _check_order(ctx, found, req)
    streams.check_dry_run(req)
    (answer,) = records.put_all(ctx, tx, found, [put])
    return answer | _encryption_type(found)


def _check_order(ctx: Context, found: Found, req: dict[str, Any]) -> None:
    """Later puts come after earlier ones anyhow; what is no sequence number of the past is refused."""
    text = req.get("SequenceNumberForOrdering")
    if text is None:
        return
    number = sequences.parse(text)
    if number is None or number.second > ctx.now + 1:
        raise errors.unordered(sequences.normalise(text), found.stream.name, found.account)


@operation("PutRecords")
def put_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req)
    puts = [_put_of(entry) for entry in req["Records"]]
    records.check(found, puts, [f"records.{number}.member." for number in range(1, len(puts) + 1)])
    if sum(len(put.data) + len(put.key.encode()) for put in puts) > _MOST_MIB * _MIB:
        raise errors.records_too_large(_MOST_MIB)
    streams.check_dry_run(req)
    answers = records.put_all(ctx, tx, found, puts)
    return {"FailedRecordCount": 0, "Records": answers, **_encryption_type(found)}


def _require_shard(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Found, Shard]:
    """A stream that is not there is told of as its shard."""
    index = shards.require_index(ctx, req, req["ShardId"])
    try:
        found = streams.require(ctx, tx, req)
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise
        scope, name = streams.parse_name(ctx, req)
        raise errors.shard_does_not_exist(shards.shard_id(index), name, scope.account) from None
    shard = shards.find(tx, found, index, ctx.now)
    if shard is None:
        raise errors.shard_does_not_exist(shards.shard_id(index), found.stream.name, found.account)
    return found, shard


@operation("GetShardIterator")
def get_shard_iterator(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found, shard = _require_shard(ctx, tx, req)
    place = iterators.find_place(ctx, tx, found, shard, req)
    streams.check_dry_run(req)
    return {"ShardIterator": iterators.render(ctx, found, shard, place)}


@operation("GetRecords")
def get_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    iterator = iterators.parse(ctx, req["ShardIterator"])
    if req.get("StreamARN", iterator.stream_arn) != iterator.stream_arn:
        raise errors.invalid("StreamARN does not match the stream of the ShardIterator.")
    found = streams.require(ctx, tx, {"StreamARN": iterator.stream_arn})
    shard = SHARDS.get(tx, found.scope, iterator.number, iterator.shard)
    if shard is None or found.stream.number != iterator.number:
        raise errors.shard_does_not_exist(shards.shard_id(iterator.shard), found.stream.name, found.account)
    encryption.check_key(ctx, tx, found)
    streams.check_dry_run(req)
    limits = (req.get("Limit", _MOST_RECORDS), _MOST_MIB * _MIB)
    page = records.read(ctx, tx, found, shard, iterator.place, limits)
    answer: dict[str, Any] = {"Records": [records.render(shard, record) for record in page.records]}
    if page.at_end:
        answer["ChildShards"] = shards.render_children(tx, found.scope, shard)
    else:
        answer["NextShardIterator"] = iterators.render(ctx, found, shard, page.place)
    records.note_read(ctx, found, page)
    return answer | {"MillisBehindLatest": page.behind_ms}
