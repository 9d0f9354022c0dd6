"""What the timer of a stream does beyond what clients see: after a long time without the process, and with the rows."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import msgspec
import pytest
from tests.conftest import Cloud
from tests.streams import records_of, shards_of

from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope
from mrak.services.dynamodb.shards import LIFE_SECONDS, SHARDS
from mrak.services.dynamodb.streams import STREAMS
from mrak.services.dynamodb.tables import STREAM_ROWS
from mrak.store.keys import prefix_end

SCOPE = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, "us-east-1")
TABLE = "streaming"
DAY = 86_400


def make_stream(cloud: Cloud, count: int) -> str:
    """A table on demand with this many items, and its stream."""
    made = cloud.call(
        "dynamodb",
        "CreateTable",
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    for number in range(count):
        cloud.call("dynamodb", "PutItem", TableName=TABLE, Item={"pk": {"N": str(number)}})
    arn: str = made["TableDescription"]["LatestStreamArn"]
    return arn


def asking(cloud: Cloud) -> Any:
    return lambda operation, **params: cloud.call("dynamodbstreams", operation, **params)


def environment_of(cloud: Cloud) -> Any:
    return cloud.loop.run_until_complete(cloud.app.environments.require(DEFAULT_ENVIRONMENT))


def test_after_a_long_downtime_shards_are_turned_over_once(cloud: Cloud) -> None:
    """Not once for every four hours of a month: nobody could have written to what was open meanwhile."""
    arn = make_stream(cloud, 1)
    environment_of(cloud).advance_clock(30 * DAY)
    cloud.until(lambda: len(shards_of(asking(cloud), arn)) > 4)
    shards = shards_of(asking(cloud), arn)
    assert len(shards) == 8 and len({shard["ParentShardId"] for shard in shards[4:]}) == 4
    assert records_of(asking(cloud), arn) == []


def test_ids_are_in_the_order_of_descent_however_short_lives_are(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one moment of the clock, and though an id has but the low half of a shard's number: readers that sort ids
    come to a parent first."""
    arn = make_stream(cloud, 0)
    monkeypatch.setattr(cloud.app.engine.entropy, "_last", (1 << 32) - 6)
    for units in (8000, 16_000):
        cloud.call("dynamodb", "UpdateTable", TableName=TABLE, WarmThroughput={"WriteUnitsPerSecond": units})
    shards = shards_of(asking(cloud), arn)
    names = [shard["ShardId"] for shard in shards]
    assert len(set(names)) == 4 + 8 + 16 and names == sorted(names)
    for place, shard in enumerate(shards):
        assert place < 4 or shard["ParentShardId"] in names[:place]


def place_of(row: Any) -> str:
    """A checkpoint's key."""
    key: str = msgspec.structs.astuple(row)[0]
    return key


NOTHING = {"Filters": [{"Pattern": json.dumps({"eventName": ["NONE"]})}]}


def read_by_pipe(cloud: Cloud, arn: str) -> Any:
    """A pipe that passes nothing on; the table of its checkpoints."""
    cloud.call("sqs", "CreateQueue", QueueName="unused")
    cloud.call(
        "pipes",
        "CreatePipe",
        Name="pipe",
        Source=arn,
        SourceParameters={
            "DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"},
            "FilterCriteria": NOTHING,
        },
        Target=f"arn:aws:sqs:us-east-1:{DEFAULT_ACCOUNT}:unused",
        RoleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/pipe",
    )
    from mrak.services.pipes.tables import CHECKPOINTS

    return CHECKPOINTS


def read_by_mapping(cloud: Cloud, arn: str) -> Any:
    """A function that is never called; the table of its mapping's checkpoints."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "")
    cloud.call(
        "lambda",
        "CreateFunction",
        FunctionName="unused",
        Runtime="python3.13",
        Handler="index.handler",
        Role=f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/unused",
        Code={"ZipFile": packed.getvalue()},
    )
    cloud.call(
        "lambda",
        "CreateEventSourceMapping",
        FunctionName="unused",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        FilterCriteria=NOTHING,
    )
    from mrak.services.lambda_.tables import CHECKPOINTS

    return CHECKPOINTS


@pytest.mark.parametrize("read", [read_by_pipe, read_by_mapping])
def test_checkpoints_go_with_their_shards(cloud: Cloud, read: Any) -> None:
    """A stream has two dozen shards a day: whoever follows it for months must not keep a row for each of them."""
    arn = make_stream(cloud, 0)
    checkpoints = read(cloud, arn)

    def rows(table: Any) -> list[Any]:
        found: list[Any] = cloud.loop.run_until_complete(
            environment_of(cloud).transact(lambda tx: list(table.scan(tx, SCOPE)))
        )
        return found

    def places() -> set[str]:
        return {place_of(row).partition("/")[2] for row in rows(checkpoints)}

    seen: set[str] = set()
    for turn in range(9):
        cloud.call("dynamodb", "PutItem", TableName=TABLE, Item={"pk": {"N": str(turn)}})
        cloud.until(lambda known=frozenset(seen): bool(places() - known))
        seen |= places()
        opened = max(shard.opened_at for shard in rows(SHARDS))
        cloud.advance_clock(LIFE_SECONDS)
        cloud.until(lambda opened=opened: max(shard.opened_at for shard in rows(SHARDS)) > opened)
    present = {str(shard.number) for shard in rows(SHARDS)}
    cloud.until(lambda: places() <= present)
    assert len(places()) < len(seen) == 9


def test_nothing_is_left_of_what_is_too_old(cloud: Cloud) -> None:
    """However many records there were, in however many shards; and nothing at all of a stream that ended."""
    arn = make_stream(cloud, 2100)

    def rows() -> tuple[int, int, int]:
        def count(tx: Any) -> tuple[int, int, int]:
            space = STREAM_ROWS.prefix(SCOPE)
            return tx.count(space, prefix_end(space)), SHARDS.count(tx, SCOPE), STREAMS.count(tx, SCOPE)

        found: tuple[int, int, int] = cloud.loop.run_until_complete(environment_of(cloud).transact(count))
        return found

    assert rows() == (2100, 4, 1)
    cloud.advance_clock(DAY + 4 * 3600)
    cloud.until(lambda: rows()[0] == 0)
    assert len(shards_of(asking(cloud), arn)) <= 7 * 4
    cloud.call("dynamodb", "PutItem", TableName=TABLE, Item={"pk": {"N": "-1"}})
    cloud.call("dynamodb", "DeleteTable", TableName=TABLE)
    cloud.advance_clock(DAY + 4 * 3600)
    cloud.until(lambda: rows() == (0, 0, 0))
