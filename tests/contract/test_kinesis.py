"""Kinesis Data Streams as boto3 sees it, over HTTP: what it promises and each error that it makes."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox
from tests.contract.wire import post

from mrak.protocol import cbor

HASH_KEYS = 1 << 128


@pytest.fixture(scope="module")
def kinesis(sandbox: Any) -> Any:
    return sandbox.client("kinesis")


@pytest.fixture
def stream(kinesis: Any) -> Iterator[str]:
    """A stream of one shard."""
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    yield name


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """Code and message of a call that has to fail; Kinesis's are all of status 400."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    return answer["Error"]["Code"], answer["Error"]["Message"]


def arn_of(sandbox: Any, name: str) -> str:
    return f"arn:aws:kinesis:us-east-1:{sandbox.account}:stream/{name}"


def iterator_of(kinesis: Any, name: str, kind: str = "TRIM_HORIZON", shard: int = 0, **more: Any) -> str:
    wanted = {"StreamName": name, "ShardId": f"shardId-{shard:012d}", "ShardIteratorType": kind, **more}
    return str(kinesis.get_shard_iterator(**wanted)["ShardIterator"])


def read(kinesis: Any, name: str, kind: str = "TRIM_HORIZON", shard: int = 0, **more: Any) -> list[bytes]:
    answer = kinesis.get_records(ShardIterator=iterator_of(kinesis, name, kind, shard, **more))
    return [record["Data"] for record in answer["Records"]]


def shards_of(kinesis: Any, name: str) -> list[dict[str, Any]]:
    shards: list[dict[str, Any]] = kinesis.list_shards(StreamName=name)["Shards"]
    return shards


def test_a_record_comes_back_as_it_was_put(kinesis: Any, stream: str) -> None:
    """The main promise: bytes, order, and AWS's members (recorded: an unencrypted record has no EncryptionType)."""
    data = [b"", b"\x00\xff", "ünicödé".encode()]
    put = [kinesis.put_record(StreamName=stream, Data=each, PartitionKey="1") for each in data]
    answer = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream))
    assert [record["Data"] for record in answer["Records"]] == data
    assert [record["SequenceNumber"] for record in answer["Records"]] == [each["SequenceNumber"] for each in put]
    assert set(answer["Records"][0]) == {"SequenceNumber", "ApproximateArrivalTimestamp", "Data", "PartitionKey"}
    assert answer["MillisBehindLatest"] == 0
    numbers = [int(each["SequenceNumber"]) for each in put]
    assert numbers == sorted(numbers)
    assert all(len(each["SequenceNumber"]) == 56 for each in put)
    assert {each["ShardId"] for each in put} == {"shardId-000000000000"}


def test_a_partition_keys_md5_chooses_the_shard(kinesis: Any, sandbox: Any) -> None:
    """Producers and consumers compute it themselves, so that it has to be the same; ExplicitHashKey overrides it."""
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=4)
    records = [{"Data": b"x", "PartitionKey": f"key-{number}"} for number in range(40)]
    records.append({"Data": b"x", "PartitionKey": "key-0", "ExplicitHashKey": str(HASH_KEYS - 1)})
    answer = kinesis.put_records(StreamARN=arn_of(sandbox, name), Records=records)
    assert answer["FailedRecordCount"] == 0
    assert "EncryptionType" not in answer
    ranges = {
        shard["ShardId"]: range(
            int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]) + 1
        )
        for shard in shards_of(kinesis, name)
    }
    for record, placed in zip(records[:-1], answer["Records"], strict=False):
        hashed = int(hashlib.md5(str(record["PartitionKey"]).encode()).hexdigest(), 16)
        assert hashed in ranges[placed["ShardId"]]
    assert answer["Records"][-1]["ShardId"] == "shardId-000000000003"
    assert len({placed["ShardId"] for placed in answer["Records"]}) == 4


def test_a_new_stream_is_described(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Tools wait for ACTIVE and read every member. KINESIS-001: it is so at once."""
    described = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    created = described.pop("StreamCreationTimestamp")
    assert abs((datetime.now(UTC) - created).total_seconds()) < 86_400 * 3660
    (shard,) = described.pop("Shards")
    assert shard["ShardId"] == "shardId-000000000000"
    assert shard["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(HASH_KEYS - 1)}
    assert list(shard["SequenceNumberRange"]) == ["StartingSequenceNumber"]
    assert described == {
        "StreamName": stream,
        "StreamARN": arn_of(sandbox, stream),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "HasMoreShards": False,
        "RetentionPeriodHours": 24,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }
    summary = kinesis.describe_stream_summary(StreamARN=arn_of(sandbox, stream))["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["ConsumerCount"], summary["MaxRecordSizeInKiB"]) == (1, 0, 1024)


def test_a_stream_without_a_shard_count_has_four_shards(kinesis: Any) -> None:
    """Recorded from AWS: a stream that says nothing is on demand, which begins with four."""
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name)
    described = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    assert len(described["Shards"]) == 4
    assert described["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    code, message = error_of(
        kinesis.update_shard_count, StreamName=name, TargetShardCount=5, ScalingType="UNIFORM_SCALING"
    )
    assert code == "ValidationException"
    assert message.endswith(" is in On-Demand mode.")


def test_streams_are_listed_in_pages(fresh_sandbox: Any) -> None:
    """An account may have hundreds; the pages go on by name or by token."""
    kinesis = fresh_sandbox.client("kinesis")
    for name in ("a", "b", "c"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
    first = kinesis.list_streams(Limit=2)
    assert (first["StreamNames"], first["HasMoreStreams"]) == (["a", "b"], True)
    assert first["StreamSummaries"][0]["StreamStatus"] == "ACTIVE"
    assert kinesis.list_streams(NextToken=first["NextToken"])["StreamNames"] == ["c"]
    rest = kinesis.list_streams(ExclusiveStartStreamName="a")
    assert (rest["StreamNames"], rest["HasMoreStreams"], "NextToken" in rest) == (["b", "c"], False, False)
    limits = kinesis.describe_limits()
    del limits["ResponseMetadata"]
    assert limits == {
        "ShardLimit": 20_000,
        "OpenShardCount": 3,
        "OnDemandStreamCount": 0,
        "OnDemandStreamCountLimit": 50,
    }


def test_what_is_not_there(kinesis: Any, sandbox: Any, stream: str) -> None:
    """AWS's words for streams and shards that do not exist, which tools look for."""
    account = sandbox.account
    gone = ("ResourceNotFoundException", f"Stream none under account {account} not found.")
    assert error_of(kinesis.describe_stream, StreamName="none") == gone
    assert error_of(kinesis.describe_stream_summary, StreamARN=arn_of(sandbox, "none")) == gone
    assert error_of(kinesis.put_record, StreamName="none", Data=b"", PartitionKey="1") == gone
    assert error_of(kinesis.delete_stream, StreamName="none") == gone
    wanted = {"StreamName": stream, "ShardId": "shardId-000000000007", "ShardIteratorType": "LATEST"}
    assert error_of(kinesis.get_shard_iterator, **wanted) == (
        "ResourceNotFoundException",
        f"Shard shardId-000000000007 in stream {stream} under account {account} does not exist",
    )
    assert error_of(kinesis.get_shard_iterator, **{**wanted, "StreamName": "none", "ShardId": "any-7"}) == (
        "ResourceNotFoundException",
        f"Shard shardId-000000000007 in stream none under account {account} does not exist",
    )
    assert error_of(kinesis.get_shard_iterator, **{**wanted, "StreamName": "none", "ShardId": "2147483648"}) == (
        "ResourceNotFoundException",
        f"Could not find shard 2147483648 in stream none under account {account}.",
    )
    assert error_of(kinesis.describe_stream)[0] == "InvalidArgumentException"
    assert error_of(kinesis.describe_stream, StreamName="x", StreamARN=arn_of(sandbox, stream))[0] == (
        "InvalidArgumentException"
    )


def test_a_name_is_used_once(kinesis: Any, sandbox: Any, stream: str) -> None:
    """A second stream of a name is refused; one that is made after a deletion has nothing of the first."""
    assert error_of(kinesis.create_stream, StreamName=stream, ShardCount=1) == (
        "ResourceInUseException",
        f"Stream {stream} under account {sandbox.account} already exists.",
    )
    kinesis.put_record(StreamName=stream, Data=b"old", PartitionKey="1")
    before = iterator_of(kinesis, stream)
    kinesis.delete_stream(StreamName=stream)
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    assert error_of(kinesis.get_records, ShardIterator=before)[0] == "ResourceNotFoundException"
    assert read(kinesis, stream) == []


def test_what_a_new_stream_may_not_be(kinesis: Any, sandbox: Any) -> None:
    """The mode decides whether shards are counted; the account's shards are limited."""
    on_demand = {"StreamMode": "ON_DEMAND"}
    create = kinesis.create_stream
    assert error_of(create, StreamName="x", ShardCount=1, StreamModeDetails=on_demand)[0] == "InvalidArgumentException"
    provisioned = {"StreamMode": "PROVISIONED"}
    assert error_of(create, StreamName="x", StreamModeDetails=provisioned)[0] == "InvalidArgumentException"
    code, message = error_of(create, StreamName="x", ShardCount=20_001)
    assert code == "LimitExceededException"
    assert message.startswith(
        f"This request would exceed the shard limit for the account {sandbox.account} in us-east-1."
    )
    assert "Limit: 20000. Number of additional shards that would have resulted from this request: 20001." in message
    assert error_of(create, StreamName="a b", ShardCount=1)[0] == "ValidationException"


def test_the_five_kinds_of_iterators(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Where a reader may begin: consumers resume by sequence number and by time."""
    first = kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="1")["SequenceNumber"]
    sandbox.advance_clock(100)
    second = kinesis.put_record(StreamName=stream, Data=b"2", PartitionKey="1")["SequenceNumber"]
    newest = iterator_of(kinesis, stream, "LATEST")
    (_, record) = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream))["Records"]
    assert read(kinesis, stream, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=second) == [b"2"]
    assert read(kinesis, stream, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first) == [b"2"]
    at = record["ApproximateArrivalTimestamp"]
    assert read(kinesis, stream, "AT_TIMESTAMP", Timestamp=at - timedelta(seconds=50)) == [b"2"]
    assert read(kinesis, stream, "AT_TIMESTAMP", Timestamp=at - timedelta(seconds=150)) == [b"1", b"2"]
    assert read(kinesis, stream, "AT_TIMESTAMP", Timestamp=at) == [b"2"]
    sandbox.advance_clock(1)
    assert read(kinesis, stream, "AT_TIMESTAMP", Timestamp=at + timedelta(seconds=0.5)) == []
    beginning = shards_of(kinesis, stream)[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    assert read(kinesis, stream, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=beginning) == [b"1", b"2"]
    kinesis.put_record(StreamName=stream, Data=b"3", PartitionKey="1")
    answer = kinesis.get_records(ShardIterator=newest)
    assert [each["Data"] for each in answer["Records"]] == [b"3"]
    assert kinesis.get_records(ShardIterator=answer["NextShardIterator"])["Records"] == []


def test_iterators_that_make_no_sense(kinesis: Any, sandbox: Any, stream: str) -> None:
    """AWS's words for each, by which consumers find what is wrong with their checkpoint."""
    asked = {"StreamName": stream, "ShardId": "shardId-000000000000"}
    invalid = "InvalidArgumentException"
    of_kind = "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) "
    of_kind += "TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified "
    get = kinesis.get_shard_iterator
    assert error_of(get, **asked, ShardIteratorType="AT_SEQUENCE_NUMBER") == (
        invalid,
        f"{of_kind}AT_SEQUENCE_NUMBER and no StartingSequenceNumber.",
    )
    assert error_of(get, **asked, ShardIteratorType="LATEST", StartingSequenceNumber="1") == (
        invalid,
        f"{of_kind}LATEST and also a StartingSequenceNumber.",
    )
    at_sequence = {**asked, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    head = "StartingSequenceNumber {} used in GetShardIterator on shard shardId-000000000000 in stream "
    tail = f"{stream} under account {sandbox.account} is invalid"
    wrong = str(1 << 130)
    assert error_of(get, **at_sequence, StartingSequenceNumber=wrong) == (invalid, f"{head.format(wrong)}{tail}.")
    assert error_of(get, **at_sequence, StartingSequenceNumber="0") == (
        invalid,
        f"{head.format(1 << 124)}{tail} because it did not come from this stream.",
    )
    assert error_of(get, **at_sequence, StartingSequenceNumber="5")[1].startswith(
        "Invalid StartingSequenceNumber. It encodes shardId-000000000005, while it was used"
    )
    foreign = str(int(shards_of(kinesis, stream)[0]["SequenceNumberRange"]["StartingSequenceNumber"]) + (1 << 152))
    assert error_of(get, **at_sequence, StartingSequenceNumber=foreign) == (
        invalid,
        f"{head.format(foreign)}{tail} because it did not come from this stream.",
    )
    other = str(int(shards_of(kinesis, stream)[0]["SequenceNumberRange"]["StartingSequenceNumber"]) + 16)
    assert error_of(get, **at_sequence, StartingSequenceNumber=other) == (
        invalid,
        "Invalid StartingSequenceNumber. It encodes shardId-000000000001, while it was used in a call to a shard with "
        "shardId-000000000000",
    )
    assert error_of(get, **asked, ShardIteratorType="AT_TIMESTAMP")[1].startswith("Must specify timestampInMillis")
    ahead = datetime.now(UTC) + timedelta(days=4000)
    assert error_of(get, **asked, ShardIteratorType="AT_TIMESTAMP", Timestamp=ahead)[1].startswith(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis."
    )
    assert error_of(get, **asked, ShardIteratorType="OLDEST")[0] == "ValidationException"
    assert error_of(kinesis.get_records, ShardIterator="nonsense") == (invalid, "Invalid ShardIterator.")


def test_an_iterator_lives_five_minutes(kinesis: Any, sandbox: Any, stream: str) -> None:
    """A consumer that sleeps too long has to ask anew, here as at AWS."""
    iterator = iterator_of(kinesis, stream)
    sandbox.advance_clock(299)
    assert kinesis.get_records(ShardIterator=iterator)["Records"] == []
    sandbox.advance_clock(2)
    code, message = error_of(kinesis.get_records, ShardIterator=iterator)
    assert code == "ExpiredIteratorException"
    assert message.startswith("Iterator expired. The iterator was created at time ")
    assert message.endswith("which is further in the future than the tolerated delay of 300000 milliseconds.")


def test_records_come_in_pages_and_tell_how_far_behind_they_are(kinesis: Any, sandbox: Any, stream: str) -> None:
    """MillisBehindLatest is what consumers are watched by; a page ends at Limit, or at ten mebibytes."""
    records = [{"Data": bytes([number]), "PartitionKey": "1"} for number in range(5)]
    kinesis.put_records(StreamName=stream, Records=records)
    sandbox.advance_clock(7)
    page = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream), Limit=3)
    assert [each["Data"] for each in page["Records"]] == [b"\0", b"\1", b"\2"]
    assert page["MillisBehindLatest"] >= 7000
    page = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    assert [each["Data"] for each in page["Records"]] == [b"\3", b"\4"]
    assert page["MillisBehindLatest"] == 0
    large = [{"Data": bytes(1_000_000), "PartitionKey": "1"}] * 9
    for count in (9, 2):
        kinesis.put_records(StreamName=stream, Records=large[:count])
    page = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    assert len(page["Records"]) == 10


def test_sizes_of_records(kinesis: Any, stream: str, sandbox: Any) -> None:
    """A mebibyte with the key, or as much as UpdateMaxRecordSize says; ten in one request."""
    code, message = error_of(kinesis.put_record, StreamName=stream, Data=bytes(1 << 20), PartitionKey="1")
    assert (code, message) == (
        "ValidationException",
        "1 validation error detected: Value at 'data' failed to satisfy constraint: "
        "Member must have length less than or equal to 1048576",
    )
    records = [{"Data": b"", "PartitionKey": "1"}, {"Data": bytes((1 << 20) + 1), "PartitionKey": "1"}]
    assert "Value at 'records.2.member.data'" in error_of(kinesis.put_records, StreamName=stream, Records=records)[1]
    many = [{"Data": bytes(1_000_000), "PartitionKey": "1"}] * 11
    assert error_of(kinesis.put_records, StreamName=stream, Records=many) == (
        "InvalidArgumentException",
        "Records size exceeds 10 MB limit",
    )
    assert read(kinesis, stream) == []
    kinesis.update_max_record_size(StreamARN=arn_of(sandbox, stream), MaxRecordSizeInKiB=2048)
    kinesis.put_record(StreamName=stream, Data=bytes(1 << 20), PartitionKey="1")
    too_many = [{"Data": b"", "PartitionKey": "1"}] * 501
    assert error_of(kinesis.put_records, StreamName=stream, Records=too_many)[0] == "ValidationException"


def test_hash_keys_and_ordering_that_cannot_be(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Each is refused before anything is put."""
    put = {"StreamName": stream, "Data": b"x", "PartitionKey": "1"}
    assert error_of(kinesis.put_record, **put, ExplicitHashKey=str(HASH_KEYS)) == (
        "InvalidArgumentException",
        f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {HASH_KEYS}",
    )
    wrong = str(1 << 130)
    assert error_of(kinesis.put_record, **put, SequenceNumberForOrdering=wrong) == (
        "InvalidArgumentException",
        f"ExclusiveMinimumSequenceNumber {wrong} used in PutRecord on stream {stream} under account {sandbox.account} "
        "is invalid.",
    )
    assert error_of(kinesis.put_record, StreamName=stream, Data=b"x")[0] == "ValidationException"
    first = kinesis.put_record(**put)["SequenceNumber"]
    assert int(kinesis.put_record(**put, SequenceNumberForOrdering=first)["SequenceNumber"]) > int(first)


def test_a_dry_run_changes_nothing(kinesis: Any, stream: str) -> None:
    """It says whether the request would have succeeded."""
    put = {"StreamName": stream, "Data": b"x", "PartitionKey": "1", "DryRun": True}
    assert error_of(kinesis.put_record, **put)[0] == "DryRunOperationException"
    assert error_of(kinesis.put_record, **{**put, "StreamName": "none"})[0] == "ResourceNotFoundException"
    assert read(kinesis, stream) == []


def test_records_live_as_long_as_the_stream_keeps_them(kinesis: Any, sandbox: Any, stream: str) -> None:
    """A day, or as long as the retention period says, by the environment's clock. A longer one brings nothing back."""
    kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="1")
    sandbox.advance_clock(20 * 3600)
    kinesis.put_record(StreamName=stream, Data=b"2", PartitionKey="1")
    sandbox.advance_clock(5 * 3600)
    assert read(kinesis, stream) == [b"2"]
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    sandbox.advance_clock(20 * 3600)
    assert read(kinesis, stream) == [b"2"]
    sandbox.advance_clock(30 * 3600)
    assert read(kinesis, stream) == []


def test_retention_periods(kinesis: Any, stream: str) -> None:
    """AWS has an operation for each direction, and words for taking the wrong one."""
    increase, decrease = kinesis.increase_stream_retention_period, kinesis.decrease_stream_retention_period
    increase(StreamName=stream, RetentionPeriodHours=30)
    of_stream, existing = f"for stream {stream} can not be", "than existing retention period (30 hours). Use"
    wrong = [
        (
            increase,
            25,
            f"{of_stream} shorter {existing} DecreaseRetentionPeriod API.",
        ),
        (
            decrease,
            40,
            f"{of_stream} longer {existing} IncreaseRetentionPeriod API.",
        ),
        (increase, 20, "Minimum allowed retention period is 24 hours."),
        (decrease, 9999, "Maximum allowed retention period is 8760 hours."),
    ]
    for call, hours, message in wrong:
        code, told = error_of(call, StreamName=stream, RetentionPeriodHours=hours)
        assert code == "InvalidArgumentException"
        assert message in told and f"Requested retention period ({hours} hours)" in told
    decrease(StreamName=stream, RetentionPeriodHours=26)
    assert kinesis.describe_stream(StreamName=stream)["StreamDescription"]["RetentionPeriodHours"] == 26


def test_other_settings(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Monitoring, mode, strategy and the account's commitment are kept and shown. KINESIS-002: none of them limits."""
    wanted = ["IncomingBytes", "OutgoingRecords"]
    answer = kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=wanted)
    assert (answer["CurrentShardLevelMetrics"], answer["DesiredShardLevelMetrics"]) == ([], wanted)
    kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes"])
    described = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert described["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["OutgoingRecords"]}]
    arn = arn_of(sandbox, stream)
    strategy = {"StreamARN": arn, "RecordDistributionStrategy": "AUTO"}
    assert error_of(kinesis.update_stream_record_distribution_strategy, **strategy)[0] == "InvalidArgumentException"
    warm = {"StreamARN": arn, "WarmThroughputMiBps": 10}
    assert error_of(kinesis.update_stream_warm_throughput, **warm)[0] == "InvalidArgumentException"
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.update_stream_record_distribution_strategy(**strategy)
    kinesis.put_record(StreamName=stream, Data=b"no key")
    assert read(kinesis, stream) == [b"no key"]
    commitment = {"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}}
    assert kinesis.update_account_settings(**commitment)["MinimumThroughputBillingCommitment"]["Status"] == "ENABLED"
    assert kinesis.update_stream_warm_throughput(**warm)["WarmThroughput"]["TargetMiBps"] == 10
    kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "DISABLED"})
    shown = kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"]
    assert shown["Status"] == "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    sandbox.advance_clock(86_401)
    assert kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"]["Status"] == "DISABLED"


def test_encryption_asks_the_key(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Records tell that they are encrypted; a key that is missing or disabled stops puts. KINESIS-003."""
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    encrypt = {"StreamName": stream, "EncryptionType": "KMS"}
    assert error_of(kinesis.start_stream_encryption, **encrypt, KeyId="alias/none")[0] == "KMSNotFoundException"
    kinesis.start_stream_encryption(**encrypt, KeyId=key)
    described = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert (described["EncryptionType"], described["KeyId"]) == ("KMS", key)
    assert kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="1")["EncryptionType"] == "KMS"
    (record,) = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream))["Records"]
    assert record["EncryptionType"] == "KMS"
    kms.disable_key(KeyId=key)
    put = {"StreamName": stream, "Data": b"x", "PartitionKey": "1"}
    assert error_of(kinesis.put_record, **put)[0] == "KMSDisabledException"
    kinesis.stop_stream_encryption(**encrypt, KeyId=key)
    assert "EncryptionType" not in kinesis.put_record(**put)


def test_tags(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Both interfaces to tags speak of the same ones."""
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"b": "2", "a": "1"})
    kinesis.tag_resource(ResourceARN=arn_of(sandbox, stream), Tags={"c": "3"})
    page = kinesis.list_tags_for_stream(StreamName=stream, Limit=2)
    assert (page["Tags"], page["HasMoreTags"]) == ([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], True)
    page = kinesis.list_tags_for_stream(StreamName=stream, ExclusiveStartTagKey="b")
    assert (page["Tags"], page["HasMoreTags"]) == ([{"Key": "c", "Value": "3"}], False)
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["a"])
    kinesis.untag_resource(ResourceARN=arn_of(sandbox, stream), TagKeys=["c"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn_of(sandbox, stream))["Tags"] == [{"Key": "b", "Value": "2"}]
    add = kinesis.add_tags_to_stream
    assert error_of(add, StreamName=stream, Tags={"!": ""})[1].startswith("Some tags contain invalid characters.")
    assert "some tags contained illegal characters" in error_of(add, StreamName=stream, Tags={"%": ""})[1]
    many = {f"t{number}": "" for number in range(50)}
    assert error_of(add, StreamName=stream, Tags=many) == (
        "InvalidArgumentException",
        f"Failed to add tags to stream {stream} under account {sandbox.account} because a given stream cannot have "
        "more than 50 tags associated with it.",
    )


def test_tags_are_found_by_the_tagging_api(sandbox: Any, kinesis: Any, stream: str) -> None:
    """Stacks, bills and searches go by tags of all services alike."""
    tagging, arn = sandbox.client("resourcegroupstaggingapi"), arn_of(sandbox, stream)
    tagging.tag_resources(ResourceARNList=[arn], Tags={"team": stream})
    wanted = {"TagFilters": [{"Key": "team", "Values": [stream]}]}
    (found,) = tagging.get_resources(**wanted, ResourceTypeFilters=["kinesis:stream"])["ResourceTagMappingList"]
    assert found == {"ResourceARN": arn, "Tags": [{"Key": "team", "Value": stream}]}


def test_a_policy_opens_a_stream_to_another_account(server: Any, sandbox: Any, kinesis: Any, stream: str) -> None:
    """Cross-account producers are let in by the stream's policy alone, and only to what it allows. KINESIS-004."""
    other = server.ask("POST", f"/_mrak/environments/{sandbox.name}/accounts", {})
    foreign = Sandbox(server, {**sandbox.row, **other}).client("kinesis")
    arn = arn_of(sandbox, stream)
    put = {"StreamARN": arn, "Data": b"x", "PartitionKey": "1"}
    assert error_of(foreign.put_record, **put)[0] == "AccessDeniedException"
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": other["account"]},
        "Action": "kinesis:PutRecord",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kinesis.put_resource_policy(ResourceARN=arn, Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == policy
    foreign.put_record(**put)
    assert error_of(foreign.describe_stream_summary, StreamARN=arn)[0] == "AccessDeniedException"
    kinesis.delete_resource_policy(ResourceARN=arn)
    assert error_of(kinesis.delete_resource_policy, ResourceARN=arn) == (
        "ResourceNotFoundException",
        f"No resource policy found for resource ARN {arn}.",
    )
    assert error_of(kinesis.put_resource_policy, ResourceARN=arn, Policy="{")[0] == "InvalidArgumentException"
    assert read(kinesis, stream) == [b"x"]


def test_a_user_may_do_what_its_policies_allow(sandbox: Any, kinesis: Any, stream: str) -> None:
    """A producer that was forgotten in a policy is refused here too. KINESIS-004."""
    iam, user = sandbox.client("iam"), f"u-{uuid.uuid4().hex}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    row = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    client = Sandbox(sandbox.server, {**sandbox.row, **row}).client("kinesis")
    put = {"StreamName": stream, "Data": b"x", "PartitionKey": "1"}
    code, message = error_of(client.put_record, **put)
    arn = f"arn:aws:iam::{sandbox.account}:user/{user}"
    assert code == "AccessDeniedException"
    assert message.startswith(f"User: {arn} is not authorized to perform: kinesis:PutRecord on resource: ")
    statement = {"Effect": "Allow", "Action": "kinesis:PutRecord", "Resource": arn_of(sandbox, stream)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy)
    client.put_record(**put)
    assert error_of(client.list_streams)[0] == "AccessDeniedException"


def cbor_call(sandbox: Any, operation: str, **params: Any) -> tuple[int, str, Any]:
    """Status, content type and answer of an operation as the SDKs for Java ask for it."""
    kind = "application/x-amz-cbor-1.1"
    headers = {"Content_Type": kind, "X_Amz_Target": f"Kinesis_20131202.{operation}"}
    status, answered, body = post(sandbox, "kinesis", cbor.encode(params), **headers)
    return status, answered["Content-Type"], cbor.decode(body)


def test_java_speaks_cbor(sandbox: Any, kinesis: Any, stream: str) -> None:
    """The SDKs for Java ask Kinesis in CBOR unless told not to: bytes as bytes, and times in milliseconds."""
    kind = "application/x-amz-cbor-1.1"
    put = {"StreamName": stream, "Data": b"\x00\xff", "PartitionKey": "1"}
    status, answered, answer = cbor_call(sandbox, "PutRecord", **put)
    assert (status, answered, answer["ShardId"]) == (200, kind, "shardId-000000000000")
    page = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream))
    at_ms = round(page["Records"][0]["ApproximateArrivalTimestamp"].timestamp() * 1000)
    wanted = {"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "AT_TIMESTAMP"}
    iterator = cbor_call(sandbox, "GetShardIterator", **wanted, Timestamp=at_ms)[2]["ShardIterator"]
    (record,) = cbor_call(sandbox, "GetRecords", ShardIterator=iterator)[2]["Records"]
    assert record == {
        "Data": b"\x00\xff",
        "PartitionKey": "1",
        "SequenceNumber": answer["SequenceNumber"],
        "ApproximateArrivalTimestamp": at_ms,
    }
    status, answered, answer = cbor_call(sandbox, "DescribeStream", StreamName="none")
    assert (status, answered, answer["__type"]) == (400, kind, "ResourceNotFoundException")
    assert answer["message"] == f"Stream none under account {sandbox.account} not found."
    assert cbor_call(sandbox, "DescribeStream")[2]["__type"] == "InvalidArgumentException"
