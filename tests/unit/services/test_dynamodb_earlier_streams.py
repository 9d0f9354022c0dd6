"""Streams that earlier versions of mrak made, which knew of no shards: their records are where they were, their readers
go on from where they are, and from their next turn on they are as all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import structs
from tests.conftest import Cloud
from tests.streams import records_in, records_of, shards_of

from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope
from mrak.services.dynamodb.shards import SHARDS
from mrak.services.dynamodb.streams import STREAMS
from mrak.services.dynamodb.tables import TABLES
from mrak.services.pipes.tables import CHECKPOINTS

T = TypeVar("T")

SCOPE = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, "us-east-1")
TABLE = "old"
LIFE = 4 * 3600


def make_earlier_stream(cloud: Cloud) -> str:
    """A table on demand whose rows say of its stream what earlier versions wrote: its number, and no shards."""
    made = cloud.call(
        "dynamodb",
        "CreateTable",
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )

    def forget(tx: Any) -> None:
        record = TABLES.open(tx, SCOPE, TABLE)
        assert record is not None and record.stream is not None
        TABLES.replace(tx, SCOPE, record, structs.replace(record, stream=structs.replace(record.stream, shards=())))
        entry = STREAMS.open(tx, SCOPE, TABLE, record.stream.label)
        assert entry is not None and entry.has_shards
        STREAMS.replace(tx, SCOPE, entry, structs.replace(entry, has_shards=False))
        SHARDS.delete_all(tx, SCOPE, entry.number)

    transact(cloud, forget)
    arn: str = made["TableDescription"]["LatestStreamArn"]
    return arn


def transact(cloud: Cloud, work: Callable[[Any], T]) -> T:
    async def run() -> T:
        environment = await cloud.app.environments.require(DEFAULT_ENVIRONMENT)
        done: T = await environment.transact(work)
        return done

    return cloud.loop.run_until_complete(run())


def put(cloud: Cloud, *names: str) -> None:
    for name in names:
        cloud.call("dynamodb", "PutItem", TableName=TABLE, Item={"pk": {"S": name}})


def asking(cloud: Cloud) -> Any:
    return lambda operation, **params: cloud.call("dynamodbstreams", operation, **params)


def names_of(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]


def test_the_shard_of_an_earlier_stream_is_closed_in_its_turn(cloud: Cloud) -> None:
    """Until then it is the one there is, and has no row; its children are as many as the table has partitions."""
    arn, ask = make_earlier_stream(cloud), asking(cloud)
    put(cloud, "a", "b", "c")
    (shard,) = shards_of(ask, arn)
    assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}
    cloud.advance_clock(LIFE)
    cloud.until(lambda: len(shards_of(ask, arn)) > 1)
    put(cloud, "a", "d")
    first, *children = shards_of(ask, arn)
    assert first["ShardId"] == shard["ShardId"] and "EndingSequenceNumber" in first["SequenceNumberRange"]
    assert [child["ParentShardId"] for child in children] == 4 * [shard["ShardId"]]
    assert names_of(records_in(ask, arn, shard["ShardId"])) == ["a", "b", "c"]
    assert names_of(records_of(ask, arn)) == ["a", "b", "c", "d"]
    cloud.advance_clock(8 * LIFE)
    cloud.until(lambda: shard["ShardId"] not in {it["ShardId"] for it in shards_of(ask, arn)})


def test_an_earlier_stream_that_is_switched_off_ends(cloud: Cloud) -> None:
    """Its shard is closed without children, can be read, and is gone after a day, with the stream."""
    arn, ask = make_earlier_stream(cloud), asking(cloud)
    put(cloud, "a")
    cloud.call("dynamodb", "UpdateTable", TableName=TABLE, StreamSpecification={"StreamEnabled": False})
    (shard,) = shards_of(ask, arn)
    assert "EndingSequenceNumber" in shard["SequenceNumberRange"]
    assert names_of(records_of(ask, arn)) == ["a"]
    cloud.advance_clock(8 * LIFE)
    cloud.until(lambda: not ask("ListStreams")["Streams"])


def test_readers_of_an_earlier_stream_go_on(cloud: Cloud) -> None:
    """A pipe's checkpoint is where it was kept before there were shards, and it finds the children."""
    arn = make_earlier_stream(cloud)
    queue = cloud.call("sqs", "CreateQueue", QueueName="told")["QueueUrl"]
    put(cloud, "unseen")
    cloud.call(
        "pipes",
        "CreatePipe",
        Name="pipe",
        Source=arn,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}},
        Target=f"arn:aws:sqs:us-east-1:{DEFAULT_ACCOUNT}:told",
        TargetParameters={"InputTemplate": '"<$.dynamodb.Keys.pk.S>"'},
        RoleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/pipe",
    )

    def take(count: int) -> list[str]:
        taken: list[str] = []

        def has_all() -> bool:
            for message in cloud.call("sqs", "ReceiveMessage", QueueUrl=queue).get("Messages", []):
                cloud.call("sqs", "DeleteMessage", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                taken.append(message["Body"])
            return len(taken) >= count

        cloud.until(has_all)
        return taken

    put(cloud, "a")
    assert take(1) == ["a"]
    assert [row.name for row in transact(cloud, lambda tx: list(CHECKPOINTS.scan(tx, SCOPE)))] == ["pipe"]
    cloud.advance_clock(LIFE)
    cloud.until(lambda: len(shards_of(asking(cloud), arn)) > 1)
    put(cloud, "b", "c", "d", "e", "f")
    assert sorted(take(5)) == ["b", "c", "d", "e", "f"]
