"""Event source mappings of Kinesis streams: shards, starting positions, and the event's shape. What streams of both
kinds have in common is tested with DynamoDB's (test_lambda_streams.py)."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.lambda_bench import ROLE, TELL, Queue, create, refusal
from tests.contract.test_kinesis import HASH_KEYS, arn_of


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


@pytest.fixture(scope="module")
def kinesis(sandbox: Any) -> Any:
    return sandbox.client("kinesis")


@pytest.fixture(scope="module")
def told(sandbox: Any, client: Any) -> Queue:
    """What the function `tell` was invoked with."""
    queue = Queue(sandbox, "kinesis-told")
    create(client, "tell", TELL, Timeout=20, Environment={"Variables": {"TELL_URL": queue.url}})
    return queue


@pytest.fixture
def stream(kinesis: Any) -> str:
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    return name


def put(kinesis: Any, stream: str, *data: str, key: str = "k") -> None:
    records = [{"Data": each.encode(), "PartitionKey": key, "ExplicitHashKey": "0"} for each in data]
    kinesis.put_records(StreamName=stream, Records=records)


def data_of(event: dict[str, Any]) -> list[str]:
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]


def connect(client: Any, sandbox: Any, stream: str, **settings: Any) -> dict[str, Any]:
    asked = {"FunctionName": "tell", "EventSourceArn": arn_of(sandbox, stream), "StartingPosition": "TRIM_HORIZON"}
    made: dict[str, Any] = client.create_event_source_mapping(**asked | settings)
    return made


def test_the_shape_of_an_event(client: Any, sandbox: Any, kinesis: Any, told: Queue, stream: str) -> None:
    """Recorded: test_create_kinesis_event_source_mapping and test_kinesis_empty_provided."""
    put(kinesis, stream, "hello", "", key="1")
    made = connect(client, sandbox, stream)
    assert (made["State"], made["LastProcessingResult"]) == ("Creating", "No records processed")
    (event,) = told.take_json()
    assert data_of(event) == ["hello", ""]
    record = event["Records"][0]
    body = record.pop("kinesis")
    assert list(body) == [
        "kinesisSchemaVersion",
        "partitionKey",
        "sequenceNumber",
        "data",
        "approximateArrivalTimestamp",
    ]
    assert record == {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{body['sequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": ROLE,
        "awsRegion": "us-east-1",
        "eventSourceARN": arn_of(sandbox, stream),
    }
    until(lambda: client.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"] == "OK")


def test_children_follow_their_parents(client: Any, sandbox: Any, kinesis: Any, told: Queue, stream: str) -> None:
    """Order survives a split, and no record of any shard is missed."""
    put(kinesis, stream, "1", "2")
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(HASH_KEYS // 2))
    put(kinesis, stream, "3")
    connect(client, sandbox, stream, BatchSize=1)
    assert [data_of(event) for event in told.take_json(3)] == [["1"], ["2"], ["3"]]
    kinesis.merge_shards(
        StreamName=stream, ShardToMerge="shardId-000000000001", AdjacentShardToMerge="shardId-000000000002"
    )
    put(kinesis, stream, "4")
    (event,) = told.take_json()
    assert event["Records"][0]["eventID"].startswith("shardId-000000000003:")


def test_where_a_mapping_starts(client: Any, sandbox: Any, kinesis: Any, told: Queue, stream: str) -> None:
    """LATEST skips what is there, AT_TIMESTAMP what came before; what comes while it is made is not missed."""
    put(kinesis, stream, "old")
    latest = connect(client, sandbox, stream, StartingPosition="LATEST")
    put(kinesis, stream, "new")
    assert data_of(told.take_json()[0]) == ["new"]
    client.delete_event_source_mapping(UUID=latest["UUID"])
    sandbox.advance_clock(100)
    put(kinesis, stream, "newest")
    made_at = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    moment = datetime.fromtimestamp(made_at.timestamp() + 50, UTC)
    connect(client, sandbox, stream, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=moment)
    assert data_of(told.take_json()[0]) == ["newest"]
    assert refusal(lambda: connect(client, sandbox, "x", StartingPosition="AT_TIMESTAMP"))[:2] == (
        400,
        "InvalidParameterValueException",
    )


def test_a_consumers_arn_and_a_filter(client: Any, sandbox: Any, kinesis: Any, told: Queue, stream: str) -> None:
    """Enhanced fan-out: the event names the consumer. Patterns look into the decoded data."""
    registered = kinesis.register_stream_consumer(StreamARN=arn_of(sandbox, stream), ConsumerName="c")
    consumer = registered["Consumer"]["ConsumerARN"]
    pattern = json.dumps({"data": {"kind": ["a"]}, "partitionKey": ["k"]})
    connect(client, sandbox, stream, EventSourceArn=consumer, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    put(kinesis, stream, "no json", '{"kind": "b"}', '{"kind": "a"}')
    (event,) = told.take_json()
    assert data_of(event) == ['{"kind": "a"}']
    assert event["Records"][0]["eventSourceARN"] == consumer


def test_a_batch_that_fails_is_told_to_the_destination(client: Any, sandbox: Any, kinesis: Any, stream: str) -> None:
    """Recorded: test_kinesis_event_source_mapping_with_on_failure_destination_config."""
    create(client, "fails", "def handler(event, context):\n    raise ValueError\n")
    failed = Queue(sandbox, "kinesis-failed")
    put(kinesis, stream, "x")
    connect(
        client,
        sandbox,
        stream,
        FunctionName="fails",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": failed.arn}},
    )
    (envelope,) = failed.take_json()
    told = envelope["KinesisBatchInfo"]
    assert (told["batchSize"], told["shardId"], told["streamArn"]) == (
        1,
        "shardId-000000000000",
        arn_of(sandbox, stream),
    )
    assert told["startSequenceNumber"] == told["endSequenceNumber"]
    assert told["approximateArrivalOfFirstRecord"].endswith("Z") and "." in told["approximateArrivalOfFirstRecord"]
    assert envelope["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_what_is_no_source(client: Any, sandbox: Any, kinesis: Any, told: Queue) -> None:
    """AWS's words for streams and consumers that are not there."""
    for source in (arn_of(sandbox, "none"), f"{arn_of(sandbox, 'none')}/consumer/c:1"):
        assert refusal(lambda source=source: connect(client, sandbox, "none", EventSourceArn=source)) == (
            400,
            "InvalidParameterValueException",
            f"Stream not found: {source}",
        )
