"""Streams as boto3 sees them: records, shards and their descent, places in them, and every refusal."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.dynamodb import INVALID, error_of, make_table
from tests.streams import asking, records_in, records_of, shards_of

ONE_PARTITION = {
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
}
LIFE = 4 * 3600


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture(scope="module")
def streams(sandbox: Any) -> Any:
    return sandbox.client("dynamodbstreams")


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}}


def make_streaming(ddb: Any, view: str = "NEW_AND_OLD_IMAGES", **options: Any) -> tuple[str, str]:
    """A table and the ARN of its stream."""
    options = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}} | options
    table = make_table(ddb, sort=None, **options)
    return table, ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]


def open_of(shards: list[dict[str, Any]]) -> list[str]:
    return [it["ShardId"] for it in shards if "EndingSequenceNumber" not in it["SequenceNumberRange"]]


def put_many(ddb: Any, table: str, start: int, count: int = 12) -> list[str]:
    names = [f"item {number}" for number in range(start, start + count)]
    for name in names:
        ddb.put_item(TableName=table, Item=key(name))
    return names


def test_a_stream_tells_every_change_in_order(ddb: Any, streams: Any) -> None:
    """What was inserted, modified, removed, with images and sizes; all changes of an item in one shard."""
    table, arn = make_streaming(ddb)
    ddb.put_item(TableName=table, Item=key("Fred"))
    ddb.put_item(TableName=table, Item=key("Fred"))
    ddb.put_item(TableName=table, Item=key("Fred") | {"name": {"S": "Fred"}})
    ddb.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": key("Fred")}}])
    (found,) = streams.list_streams(TableName=table)["Streams"]
    assert found["StreamArn"] == arn
    description = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert description["StreamStatus"] == "ENABLED" and description["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"}
    ]
    ask = asking(streams)
    told = {it["ShardId"]: records_in(ask, arn, it["ShardId"], limit=2) for it in description["Shards"]}
    (shard,) = [name for name, records in told.items() if records]
    records = told[shard]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    changes = [record["dynamodb"] for record in records]
    assert [change["SizeBytes"] for change in changes] == [12, 26, 20]
    assert changes[1]["OldImage"] == key("Fred") and changes[1]["NewImage"]["name"] == {"S": "Fred"}
    assert "NewImage" not in changes[2] and changes[2]["Keys"] == key("Fred")
    numbers = [change["SequenceNumber"] for change in changes]
    assert numbers == sorted(numbers, key=int)
    for kind, count in (("AT_SEQUENCE_NUMBER", 2), ("AFTER_SEQUENCE_NUMBER", 1)):
        place = {"ShardIteratorType": kind, "SequenceNumber": numbers[1]}
        assert len(records_in(ask, arn, shard, **place)) == count
    assert records_in(ask, arn, shard, ShardIteratorType="LATEST") == []


@pytest.mark.parametrize(
    ("view", "members"),
    [("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"})],
)
def test_views_of_a_stream(ddb: Any, streams: Any, view: str, members: set[str]) -> None:
    """A view chooses the images."""
    table, arn = make_streaming(ddb, view)
    ddb.put_item(TableName=table, Item=key("a"))
    ddb.put_item(TableName=table, Item=key("a") | {"x": {"S": "y"}})
    last = records_of(asking(streams), arn)[-1]["dynamodb"]
    assert set(last) & {"NewImage", "OldImage"} == members


def test_a_stream_that_is_switched_off_is_closed_and_still_readable(ddb: Any, streams: Any) -> None:
    """All of its shards have an end then, which for a shard without records is where it began; iterators end there. A
    new stream starts empty under another label, with shards of its own."""
    on = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    table, old = make_streaming(ddb, "KEYS_ONLY")
    ddb.put_item(TableName=table, Item=key("a"))
    assert error_of(ddb.update_table, TableName=table, StreamSpecification=on)[0] == INVALID
    ddb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    ddb.put_item(TableName=table, Item=key("unseen"))
    description = streams.describe_stream(StreamArn=old)["StreamDescription"]
    assert description["StreamStatus"] == "DISABLED" and len(description["Shards"]) == 4
    ask = asking(streams)
    (record,) = records_of(ask, old)
    number = record["dynamodb"]["SequenceNumber"]
    ends = [shard["SequenceNumberRange"] for shard in description["Shards"]]
    (used,) = [it for it in ends if it["StartingSequenceNumber"] != it["EndingSequenceNumber"]]
    assert used["EndingSequenceNumber"] == number
    for shard in description["Shards"]:
        place = {"StreamArn": old, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        page = streams.get_records(ShardIterator=streams.get_shard_iterator(**place)["ShardIterator"])
        assert "NextShardIterator" not in page
    ddb.update_table(TableName=table, StreamSpecification=on)
    new = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    assert new != old and records_of(ask, new) == []
    names = [{shard["ShardId"] for shard in shards_of(ask, arn)} for arn in (old, new)]
    assert not names[0] & names[1]


def test_stream_records_are_gone_after_a_day_and_iterators_after_a_quarter_of_an_hour(fresh_sandbox: Any) -> None:
    """As at AWS; the shard that held them goes a day after it was closed, and a stream a day after its table."""
    ddb, streams = fresh_sandbox.client("dynamodb"), fresh_sandbox.client("dynamodbstreams")
    ask = asking(streams)
    table, arn = make_streaming(ddb, "KEYS_ONLY", **ONE_PARTITION)
    ddb.put_item(TableName=table, Item=key("a"))
    shard = shards_of(ask, arn)[0]["ShardId"]
    place = {"StreamArn": arn, "ShardId": shard}
    iterator = streams.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    fresh_sandbox.advance_clock(1000)
    assert error_of(streams.get_records, ShardIterator=iterator)[0] == "ExpiredIteratorException"
    (record,) = records_of(ask, arn)
    fresh_sandbox.advance_clock(90_000)
    assert records_of(ask, arn) == [] and shards_of(ask, arn)[0]["ShardId"] == shard
    after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": record["dynamodb"]["SequenceNumber"]}
    assert error_of(streams.get_shard_iterator, **place, **after)[0] == "TrimmedDataAccessException"
    fresh_sandbox.advance_clock(LIFE)
    assert shard not in {it["ShardId"] for it in shards_of(ask, arn)}
    assert error_of(streams.get_shard_iterator, **place, **after) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Shard {shard} in Stream {arn} not found",
    )
    ddb.put_item(TableName=table, Item=key("b"))
    ddb.delete_table(TableName=table)
    assert len(records_of(ask, arn)) == 1
    fresh_sandbox.advance_clock(120_000)
    until(lambda: not streams.list_streams(TableName=table)["Streams"])


def test_streams_that_are_not_there(streams: Any, ddb: Any) -> None:
    """Told by ARN."""
    table = make_table(ddb)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"] + "/stream/2020-01-01T00:00:00.000"
    assert error_of(streams.describe_stream, StreamArn=arn) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {arn} not found",
    )
    assert error_of(streams.get_records, ShardIterator="nonsense") == (INVALID, "Invalid ShardIterator")
    foreign = "there-is-no-table-behind-a-name-like-this-one"
    for call in (
        lambda: streams.describe_stream(StreamArn=foreign),
        lambda: streams.get_shard_iterator(StreamArn=foreign, ShardId="s" * 30, ShardIteratorType="LATEST"),
        lambda: streams.list_streams(ExclusiveStartStreamArn=foreign),
    ):
        assert error_of(call) == (INVALID, "Invalid StreamArn")


def test_what_pages_and_places_of_streams_can_be(streams: Any, ddb: Any) -> None:
    """Limits that the model does not know, and a place that only two kinds of iterators have."""
    _, arn = make_streaming(ddb, **ONE_PARTITION)
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    place = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
    iterator = streams.get_shard_iterator(**place)["ShardIterator"]
    for call, most in (
        (lambda limit: streams.list_streams(Limit=limit), 100),
        (lambda limit: streams.describe_stream(StreamArn=arn, Limit=limit), 100),
        (lambda limit: streams.get_records(ShardIterator=iterator, Limit=limit), 1000),
    ):
        call(limit=most)
        assert error_of(call, limit=most + 1) == (
            INVALID,
            f"1 validation error detected: Value '{most + 1}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}",
        )
    sequence = shard["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in ("LATEST", "TRIM_HORIZON"):
        needless = place | {"ShardIteratorType": kind, "SequenceNumber": sequence}
        assert error_of(streams.get_shard_iterator, **needless) == (
            INVALID,
            "One or more parameter values were invalid: SequenceNumber should not be passed for this iterator type",
        )
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        needy = place | {"ShardIteratorType": kind}
        assert error_of(streams.get_shard_iterator, **needy) == (
            INVALID,
            "One or more parameter values were invalid: Invalid SequenceNumber",
        )
        assert error_of(streams.get_shard_iterator, **needy, SequenceNumber="0" * 20 + "1") == (
            INVALID,
            "Invalid SequenceNumber for the shard",
        )


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 4),
        (ONE_PARTITION, 1),
        ({"WarmThroughput": {"ReadUnitsPerSecond": 15_001, "WriteUnitsPerSecond": 4000}}, 6),
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1001},
            },
            2,
        ),
    ],
    ids=["on-demand", "five-units", "warm", "provisioned"],
)
def test_a_stream_has_a_shard_for_each_partition(ddb: Any, streams: Any, options: dict[str, Any], count: int) -> None:
    """A partition takes 3000 reads and 1000 writes a second: a new table on demand has four, as recorded at AWS. Code
    that reads the first shard only misses most of what happens (DYNAMODB-004 says what is not as at AWS)."""
    _, arn = make_streaming(ddb, **options)
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    assert len(open_of(shards)) == len(shards) == count
    names = [shard["ShardId"] for shard in shards]
    assert names == sorted(set(names)) and not any("ParentShardId" in shard for shard in shards)
    assert all(re.fullmatch(r"shardId-\d{20}-[0-9a-f]{8}", name) for name in names)


def test_changes_are_spread_over_the_shards_by_partition_key(ddb: Any, streams: Any) -> None:
    """Each item's in one shard, each shard's in order; the spread is that of the hash that scans go by."""
    table, arn = make_streaming(ddb)
    names = put_many(ddb, table, 0, 40)
    for name in names[:10]:
        ddb.delete_item(TableName=table, Key=key(name))
    ask = asking(streams)
    homes: dict[str, str] = {}
    for shard in shards_of(ask, arn):
        records = records_in(ask, arn, shard["ShardId"], limit=3)
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
        assert records and numbers == sorted(numbers)
        for record in records:
            assert homes.setdefault(record["dynamodb"]["Keys"]["pk"]["S"], shard["ShardId"]) == shard["ShardId"]
    assert homes.keys() == set(names)
    left = [item["pk"]["S"] for item in ddb.scan(TableName=table)["Items"]]
    changes = sum(homes[one] != homes[other] for one, other in pairwise(left))
    assert changes == 3, "in the order of a scan one shard's items come after the other's"


def test_shards_are_closed_after_four_hours_and_followed_by_a_child(fresh_sandbox: Any) -> None:
    """A reader comes to the end of a shard and goes on with the child, which has the same items. What is closed is gone
    after a day, and nothing remembers it but its children."""
    ddb, streams = fresh_sandbox.client("dynamodb"), fresh_sandbox.client("dynamodbstreams")
    table, arn = make_streaming(ddb)
    ask = asking(streams)
    names = put_many(ddb, table, 0)
    fresh_sandbox.advance_clock(LIFE - 60)
    assert len(shards_of(ask, arn)) == 4
    fresh_sandbox.advance_clock(120)
    shards = until(lambda: len(found := shards_of(ask, arn)) == 8 and found)
    for name in names:
        ddb.delete_item(TableName=table, Key=key(name))
    parents, children = shards[:4], shards[4:]
    assert open_of(shards) == [it["ShardId"] for it in children]
    assert [it["ParentShardId"] for it in children] == [it["ShardId"] for it in parents]
    for parent, child in zip(parents, children, strict=True):
        puts, deletes = (records_in(ask, arn, it["ShardId"]) for it in (parent, child))
        assert {it["eventName"] for it in puts} == {"INSERT"} and {it["eventName"] for it in deletes} == {"REMOVE"}
        assert [it["dynamodb"]["Keys"] for it in puts] == [it["dynamodb"]["Keys"] for it in deletes]
    fresh_sandbox.advance_clock(40 * LIFE)
    found = until(lambda: len(it := shards_of(ask, arn)) <= 7 * 4 and it)
    assert len(open_of(found)) == 4 and not {it["ShardId"] for it in shards} & {it["ShardId"] for it in found}
    assert records_of(ask, arn) == []


def test_a_closed_shard_has_an_end(ddb: Any, streams: Any) -> None:
    """It is that of its last record, before the beginning of its children: no place is beyond it, and there no iterator
    leads on."""
    table, arn = make_streaming(ddb, **ONE_PARTITION)
    put_many(ddb, table, 0, 3)
    ddb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    parent, *children = shards_of(asking(streams), arn)
    numbers = [it["dynamodb"]["SequenceNumber"] for it in records_in(asking(streams), arn, parent["ShardId"])]
    assert parent["SequenceNumberRange"]["EndingSequenceNumber"] == numbers[-1]
    begun = [it["SequenceNumberRange"]["StartingSequenceNumber"] for it in children]
    assert len(begun) == 4 and all(int(it) > int(numbers[-1]) for it in begun)
    place = {"StreamArn": arn, "ShardId": parent["ShardId"]}
    beyond = place | {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": begun[0]}
    assert error_of(streams.get_shard_iterator, **beyond) == (INVALID, "Invalid SequenceNumber for the shard")
    iterator = streams.get_shard_iterator(**place, ShardIteratorType="LATEST")["ShardIterator"]
    page = streams.get_records(ShardIterator=iterator)
    assert page["Records"] == [] and "NextShardIterator" not in page
    oldest = streams.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    page = streams.get_records(ShardIterator=oldest, Limit=2)
    assert [it["dynamodb"]["SequenceNumber"] for it in page["Records"]] == numbers[:2]
    last = streams.get_records(ShardIterator=page["NextShardIterator"], Limit=2)
    assert len(last["Records"]) == 1 and "NextShardIterator" not in last


def test_more_throughput_splits_the_shards(ddb: Any, streams: Any) -> None:
    """More units, a switch to on demand, warm throughput: each open shard is closed for as many children as there are
    partitions to each. They are never merged, since a table keeps its partitions."""
    table, arn = make_streaming(ddb, **ONE_PARTITION)
    ask = asking(streams)
    put_many(ddb, table, 0)
    steps: list[tuple[dict[str, Any], int]] = [
        ({"ProvisionedThroughput": {"ReadCapacityUnits": 6000, "WriteCapacityUnits": 5}}, 2),
        ({"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}, 2),
        ({"BillingMode": "PAY_PER_REQUEST"}, 4),
        ({"WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 5000}}, 8),
    ]
    for turn, (change, count) in enumerate(steps, 1):
        ddb.update_table(TableName=table, **change)
        put_many(ddb, table, 12 * turn)
        assert len(open_of(shards_of(ask, arn))) == count
    shards = shards_of(ask, arn)
    assert len(shards) == 1 + 2 + 4 + 8
    first, *others = shards
    for parent in (it["ShardId"] for it in shards[:-8]):
        wanted = {"Type": "CHILD_SHARDS", "ShardId": parent}
        children = shards_of(ask, arn, ShardFilter=wanted, Limit=1)
        assert children == [it for it in others if it["ParentShardId"] == parent] and len(children) == 2
    leaf = {"Type": "CHILD_SHARDS", "ShardId": shards[-1]["ShardId"]}
    assert shards_of(ask, arn, ShardFilter=leaf) == [] and "ParentShardId" not in first
    assert [record["dynamodb"]["Keys"]["pk"]["S"] for record in records_of(ask, arn)] == [
        f"item {n}" for n in range(60)
    ]


def test_shards_are_described_in_pages(ddb: Any, streams: Any) -> None:
    """A page names its last shard where there are more, and the next one begins after it."""
    _, arn = make_streaming(ddb)
    whole = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert "LastEvaluatedShardId" not in whole
    page = streams.describe_stream(StreamArn=arn, Limit=3)["StreamDescription"]
    assert page["Shards"] == whole["Shards"][:3] and page["LastEvaluatedShardId"] == page["Shards"][-1]["ShardId"]
    rest = streams.describe_stream(StreamArn=arn, Limit=3, ExclusiveStartShardId=page["LastEvaluatedShardId"])
    assert rest["StreamDescription"]["Shards"] == whole["Shards"][3:]
    assert "LastEvaluatedShardId" not in rest["StreamDescription"]


def test_an_iterator_stays_in_its_shard(ddb: Any, streams: Any) -> None:
    """Shards of other streams are not this one's, and a place that no record can have is one after all others."""
    (_, arn), (_, other) = make_streaming(ddb), make_streaming(ddb)
    strange = shards_of(asking(streams), other)[0]["ShardId"]
    assert error_of(streams.get_shard_iterator, StreamArn=arn, ShardId=strange, ShardIteratorType="LATEST") == (
        "ResourceNotFoundException",
        f"Requested resource not found: Shard {strange} in Stream {arn} not found",
    )
    own = shards_of(asking(streams), arn)[0]["ShardId"]
    far = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": "1" + 20 * "9"}
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=own, **far)["ShardIterator"]
    assert streams.get_records(ShardIterator=iterator)["Records"] == []
