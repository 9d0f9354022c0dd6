"""Reading a table's stream as its clients have to: all of its shards, page after page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore import xform_name

# Calls an operation of DynamoDB Streams: ask("DescribeStream", StreamArn=...).
Ask = Callable[..., dict[str, Any]]
Record = dict[str, Any]


def asking(client: Any) -> Ask:
    """A client of boto3 as one that is asked by the operation's name."""

    def ask(operation: str, **params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**params)
        return answer

    return ask


def shards_of(ask: Ask, arn: str, **more: Any) -> list[dict[str, Any]]:
    """All shards, however many pages they take."""
    found: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while True:
        page = ask("DescribeStream", StreamArn=arn, **more, **start)["StreamDescription"]
        found += page["Shards"]
        if "LastEvaluatedShardId" not in page:
            return found
        start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}


def pages_of(ask: Ask, arn: str, shard: str, limit: int = 1000, **start: Any) -> Iterator[list[Record]]:
    """A shard from a place on: to its end if it is closed, else to the first page that is empty."""
    place = {"ShardIteratorType": "TRIM_HORIZON"} | start
    iterator = ask("GetShardIterator", StreamArn=arn, ShardId=shard, **place)["ShardIterator"]
    while iterator is not None:
        page = ask("GetRecords", ShardIterator=iterator, Limit=limit)
        iterator = page.get("NextShardIterator")
        yield page["Records"]
        if not page["Records"]:
            return


def records_in(ask: Ask, arn: str, shard: str, limit: int = 1000, **start: Any) -> list[Record]:
    return [record for page in pages_of(ask, arn, shard, limit, **start) for record in page]


def records_of(ask: Ask, arn: str, limit: int = 1000, **start: Any) -> list[Record]:
    """What all shards have, by sequence number, which here is the order in which it happened."""
    found = [record for it in shards_of(ask, arn) for record in records_in(ask, arn, it["ShardId"], limit, **start)]
    return sorted(found, key=sequence_of)


def sequence_of(record: Record) -> int:
    return int(record["dynamodb"]["SequenceNumber"])
