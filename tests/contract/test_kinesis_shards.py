"""Shards of Kinesis: listed, split, merged, rescaled; and consumers with enhanced fan-out that are pushed to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from tests.contract.test_kinesis import HASH_KEYS, arn_of, error_of, iterator_of, read, shards_of


@pytest.fixture(scope="module")
def kinesis(sandbox: Any) -> Any:
    return sandbox.client("kinesis")


@pytest.fixture
def stream(kinesis: Any) -> Iterator[str]:
    """A stream of two shards."""
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=2)
    yield name


def ids(shards: list[dict[str, Any]]) -> list[int]:
    return [int(shard["ShardId"].removeprefix("shardId-")) for shard in shards]


def assert_covered(shards: list[dict[str, Any]]) -> None:
    """Open shards have every hash key once."""
    ranges = sorted(
        (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in shards
        if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    )
    assert (ranges[0][0], ranges[-1][1]) == (0, HASH_KEYS - 1)
    assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))


def test_a_split_leads_readers_to_the_children(kinesis: Any, stream: str) -> None:
    """A consumer reads a closed shard to its end and is told there where to go on, in the order of the records."""
    middle = HASH_KEYS // 4
    kinesis.put_record(StreamName=stream, Data=b"before", PartitionKey="1", ExplicitHashKey="0")
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(middle))
    for key in (0, middle):
        kinesis.put_record(StreamName=stream, Data=f"{key}".encode(), PartitionKey="1", ExplicitHashKey=str(key))
    shards = shards_of(kinesis, stream)
    assert ids(shards) == [0, 1, 2, 3]
    assert_covered(shards)
    parent, _, left, right = shards
    assert left["ParentShardId"] == right["ParentShardId"] == parent["ShardId"]
    assert "AdjacentParentShardId" not in left
    ending = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    assert ending < int(left["SequenceNumberRange"]["StartingSequenceNumber"])
    page = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream))
    assert [record["Data"] for record in page["Records"]] == [b"before"]
    assert int(page["Records"][0]["SequenceNumber"]) < ending
    assert "NextShardIterator" not in page
    assert page["ChildShards"] == [
        {"ShardId": child["ShardId"], "ParentShards": [parent["ShardId"]], "HashKeyRange": child["HashKeyRange"]}
        for child in (left, right)
    ]
    assert (read(kinesis, stream, shard=2), read(kinesis, stream, shard=3)) == ([b"0"], [f"{middle}".encode()])


def test_a_merge_has_two_parents(kinesis: Any, stream: str) -> None:
    """The other way round; the child names both."""
    kinesis.merge_shards(
        StreamName=stream, ShardToMerge="shardId-000000000000", AdjacentShardToMerge="shardId-000000000001"
    )
    *_, child = shards_of(kinesis, stream)
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == ("shardId-000000000000", "shardId-000000000001")
    assert_covered(shards_of(kinesis, stream))
    for parent in (0, 1):
        page = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream, shard=parent))
        (told,) = page["ChildShards"]
        assert told["ParentShards"] == ["shardId-000000000000", "shardId-000000000001"]


def test_shards_that_cannot_be_split_or_merged(kinesis: Any, sandbox: Any, stream: str) -> None:
    """AWS's words, and nothing changed."""
    under = f"in stream {stream} under account {sandbox.account}"
    split = {"StreamName": stream, "ShardToSplit": "shardId-000000000000"}
    code, message = error_of(kinesis.split_shard, **split, NewStartingHashKey="1")
    assert code == "InvalidArgumentException"
    assert message.startswith(
        f"NewStartingHashKey 1 used in SplitShard() on shard shardId-000000000000 {under} is not "
    )
    unknown = {"StreamName": stream, "ShardToSplit": "shardId-000000000009", "NewStartingHashKey": "9"}
    assert error_of(kinesis.split_shard, **unknown) == (
        "ResourceNotFoundException",
        f"Could not find shard shardId-000000000009 {under}.",
    )
    kinesis.split_shard(**split, NewStartingHashKey="9")
    assert error_of(kinesis.split_shard, **split, NewStartingHashKey="9")[0] == "InvalidArgumentException"
    merge = {"StreamName": stream, "ShardToMerge": "shardId-000000000001"}
    assert error_of(kinesis.merge_shards, **merge, AdjacentShardToMerge="shardId-000000000002") == (
        "InvalidArgumentException",
        f"Shards shardId-000000000001 and shardId-000000000002 {under} are not an adjacent pair of shards eligible for "
        "merging",
    )
    inverted = {"ShardToMerge": "any-1", "AdjacentShardToMerge": "3"}
    assert error_of(kinesis.merge_shards, StreamName=stream, **inverted)[1].startswith(
        f"Shards shardId-000000000001 and shardId-000000000003 {under} are not an adjacent pair"
    )
    assert error_of(kinesis.merge_shards, StreamName="none", **{**inverted, "ShardToMerge": "ABKLFD8"}) == (
        "ResourceNotFoundException",
        f"Could not find shard ABKLFD8 in stream none under account {sandbox.account}.",
    )
    assert ids(shards_of(kinesis, stream)) == [0, 1, 2, 3]


def test_a_shard_count_is_reached_evenly(kinesis: Any, sandbox: Any, stream: str) -> None:
    """UpdateShardCount splits and merges until all shards are of one size; up to double, down to half, ten times."""
    scale = {"StreamName": stream, "ScalingType": "UNIFORM_SCALING"}
    update = kinesis.update_shard_count
    answer = update(**scale, TargetShardCount=4)
    assert (answer["CurrentShardCount"], answer["TargetShardCount"], answer["StreamName"]) == (2, 4, stream)
    assert ids(shards_of(kinesis, stream)) == [0, 1, 2, 3, 4, 5]
    for target in (6, 3):
        update(**scale, TargetShardCount=target)
        still_open = kinesis.list_shards(StreamName=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"]
        assert_covered(still_open)
        starts = sorted(int(shard["HashKeyRange"]["StartingHashKey"]) for shard in still_open)
        assert starts == [HASH_KEYS // target * number for number in range(target)]
    words = " Current open shard count: 3 Target shard count: "
    assert error_of(update, **scale, TargetShardCount=7) == (
        "InvalidArgumentException",
        f"UpdateShardCount cannot scale up over double your current open shard count.{words}7",
    )
    assert error_of(update, **scale, TargetShardCount=1) == (
        "InvalidArgumentException",
        f"UpdateShardCount cannot scale down below half your current open shard count.{words}1",
    )
    for _ in range(7):
        update(**scale, TargetShardCount=3)
    assert error_of(update, **scale, TargetShardCount=3)[0] == "LimitExceededException"
    sandbox.advance_clock(86_401)
    update(**scale, TargetShardCount=3)


def test_shards_are_listed_by_page_and_filter(kinesis: Any, sandbox: Any, stream: str) -> None:
    """The Kinesis Client Library begins with these filters."""
    created = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    sandbox.advance_clock(3600)
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="9")

    def listed(**filtered: Any) -> list[int]:
        return ids(kinesis.list_shards(StreamName=stream, ShardFilter=filtered)["Shards"])

    assert listed(Type="AT_TRIM_HORIZON") == [0, 1]
    assert listed(Type="AT_TIMESTAMP", Timestamp=created) == [0, 1]
    assert listed(Type="FROM_TRIM_HORIZON") == listed(Type="FROM_TIMESTAMP", Timestamp=created) == [0, 1, 2, 3]
    assert listed(Type="AT_LATEST") == [1, 2, 3]
    assert listed(Type="AFTER_SHARD_ID", ShardId="shardId-000000000001") == [2, 3]
    sandbox.advance_clock(7200)
    now = created.timestamp() + 3600 * 2
    assert listed(Type="AT_TIMESTAMP", Timestamp=now) == listed(Type="FROM_TIMESTAMP", Timestamp=now) == [1, 2, 3]
    first = kinesis.list_shards(StreamName=stream, MaxResults=3)
    assert ids(first["Shards"]) == [0, 1, 2]
    assert ids(kinesis.list_shards(NextToken=first["NextToken"])["Shards"]) == [3]
    assert error_of(kinesis.list_shards, StreamName=stream, NextToken=first["NextToken"]) == (
        "InvalidArgumentException",
        "NextToken and StreamName cannot be provided together.",
    )
    assert error_of(kinesis.list_shards)[0] == "InvalidArgumentException"
    assert error_of(kinesis.list_shards, NextToken="x")[0] == "InvalidArgumentException"
    sandbox.advance_clock(301)
    assert error_of(kinesis.list_shards, NextToken=first["NextToken"])[0] == "ExpiredNextTokenException"
    described = kinesis.describe_stream(StreamName=stream, Limit=2)["StreamDescription"]
    assert (ids(described["Shards"]), described["HasMoreShards"]) == ([0, 1], True)
    described = kinesis.describe_stream(StreamName=stream, ExclusiveStartShardId="shardId-000000000001")
    assert ids(described["StreamDescription"]["Shards"]) == [2, 3]


def test_a_closed_shard_goes_with_its_records(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Once all its records have expired nobody needs to read it."""
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="9")
    sandbox.advance_clock(24 * 3600 + 60)
    assert ids(shards_of(kinesis, stream)) == [1, 2, 3]
    sandbox.advance_clock(7 * 3600)
    wanted = {"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}
    assert error_of(kinesis.get_shard_iterator, **wanted)[0] == "ResourceNotFoundException"


def test_consumers_are_registered_and_listed(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Enhanced fan-out begins with a consumer, which has a name, an ARN, tags, and a stream that it holds on to."""
    arn = arn_of(sandbox, stream)
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c1", Tags={"k": "v"})["Consumer"]
    assert made["ConsumerStatus"] == "CREATING"
    assert made["ConsumerARN"] == f"{arn}/consumer/c1:{int(made['ConsumerCreationTimestamp'].timestamp())}"
    (listed,) = kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]
    assert listed == {**made, "ConsumerStatus": "ACTIVE"}
    described = kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="c1")["ConsumerDescription"]
    assert described == {**listed, "StreamARN": arn}
    tags = kinesis.list_tags_for_resource(ResourceARN=made["ConsumerARN"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    assert error_of(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="c1") == (
        "ResourceInUseException",
        f"Consumer c1 under stream {stream} already exists for account {sandbox.account}.",
    )
    unknown = made["ConsumerARN"].replace("/c1:", "/c2:")
    assert error_of(kinesis.describe_stream_consumer, ConsumerARN=unknown) == (
        "ResourceNotFoundException",
        f"Consumer {unknown}, account {sandbox.account} not found.",
    )
    assert error_of(kinesis.describe_stream_consumer, ConsumerName="c1")[0] == "InvalidArgumentException"
    assert error_of(kinesis.delete_stream, StreamName=stream)[0] == "ResourceInUseException"
    for number in range(19):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"more-{number}")
    assert error_of(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="x")[0] == "LimitExceededException"
    page = kinesis.list_stream_consumers(StreamARN=arn, MaxResults=15)
    rest = kinesis.list_stream_consumers(StreamARN=arn, NextToken=page["NextToken"])
    assert (len(page["Consumers"]), len(rest["Consumers"])) == (15, 5)
    kinesis.deregister_stream_consumer(ConsumerARN=made["ConsumerARN"])
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["ConsumerCount"] == 19
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)


def test_records_are_pushed_to_a_subscriber(kinesis: Any, sandbox: Any, stream: str) -> None:
    """SubscribeToShard gives what is there and what comes, over one answer that stays open, to the shard's end.

    KINESIS-005: over HTTP/1.1."""
    arn = arn_of(sandbox, stream)
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    subscribe = {"ConsumerARN": consumer, "ShardId": "shardId-000000000000"}
    oldest = {"Type": "TRIM_HORIZON"}
    kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="1", ExplicitHashKey="0")
    pushed = kinesis.subscribe_to_shard(**subscribe, StartingPosition=oldest)["EventStream"]
    events = iter(pushed)
    event = next(events)["SubscribeToShardEvent"]
    assert [record["Data"] for record in event["Records"]] == [b"1"]
    assert event["MillisBehindLatest"] == 0
    assert error_of(kinesis.subscribe_to_shard, **subscribe, StartingPosition=oldest)[0] == "ResourceInUseException"
    later = sandbox.client("kinesis")
    later.put_record(StreamName=stream, Data=b"2", PartitionKey="1", ExplicitHashKey="0")
    event = next(events)["SubscribeToShardEvent"]
    assert [record["Data"] for record in event["Records"]] == [b"2"]
    later.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="9")
    event = next(events)["SubscribeToShardEvent"]
    assert [child["ShardId"] for child in event["ChildShards"]] == ["shardId-000000000002", "shardId-000000000003"]
    assert list(events) == []
    after = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": event["ContinuationSequenceNumber"]}
    (event,) = kinesis.subscribe_to_shard(**subscribe, StartingPosition=after)["EventStream"]
    assert event["SubscribeToShardEvent"]["Records"] == []
    unknown = {**subscribe, "ShardId": "shardId-000000000009"}
    assert error_of(kinesis.subscribe_to_shard, **unknown, StartingPosition=oldest)[0] == "ResourceNotFoundException"


def test_a_subscription_ends(kinesis: Any, sandbox: Any, stream: str) -> None:
    """After five minutes of the environment's clock, or with an error once another one has taken over."""
    arn = arn_of(sandbox, stream)
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    wanted = {"ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": {"Type": "LATEST"}}
    first = iter(kinesis.subscribe_to_shard(**wanted)["EventStream"])
    assert next(first)["SubscribeToShardEvent"]["Records"] == []
    sandbox.advance_clock(6)
    second = iter(kinesis.subscribe_to_shard(**wanted)["EventStream"])
    assert next(second)["SubscribeToShardEvent"]["Records"] == []
    with pytest.raises(Exception, match="ResourceInUseException"):
        list(first)
    sandbox.advance_clock(301)
    assert all(event["SubscribeToShardEvent"]["Records"] == [] for event in second)
