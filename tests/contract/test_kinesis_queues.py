"""Queues on streams of Kinesis: records given out one by one, again when nobody acknowledges them, in the end dead.

Where AWS's words are not known, the code alone is looked at."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from tests.contract.test_kinesis import arn_of, error_of


@pytest.fixture(scope="module")
def kinesis(sandbox: Any) -> Any:
    return sandbox.client("kinesis")


@pytest.fixture
def stream(kinesis: Any) -> str:
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    return name


def make_queue(kinesis: Any, arn: str, start: str = "TRIM_HORIZON", **attributes: Any) -> str:
    answer = kinesis.create_queue(
        QueueName=f"q-{uuid.uuid4().hex}",
        StreamConfigurationList=[{"StreamARN": arn, "StartingPosition": {"Type": start}}],
        QueueAttributes=attributes,
    )
    return str(answer["QueueDescription"]["QueueARN"])


def put(kinesis: Any, stream: str, *data: bytes) -> None:
    kinesis.put_records(StreamName=stream, Records=[{"Data": each, "PartitionKey": each.decode()} for each in data])


def receive(kinesis: Any, queue: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kinesis.receive_queue_records(QueueARN=queue, WaitTimeSeconds=1, **more)[
        "QueueRecords"
    ]
    return found


def data_of(records: list[dict[str, Any]]) -> list[bytes]:
    return sorted(record["Data"] for record in records)


def handles(records: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"ReceiptHandle": record["ReceiptHandle"]} for record in records]


def test_a_record_is_given_until_it_is_acknowledged(kinesis: Any, sandbox: Any, stream: str) -> None:
    """The point of a queue: in flight while somebody has it, again when the time is up, never once acknowledged."""
    queue = make_queue(kinesis, arn_of(sandbox, stream), VisibilityTimeoutSeconds=60)
    put(kinesis, stream, b"a", b"b", b"c")
    first = receive(kinesis, queue)
    assert data_of(first) == [b"a", b"b", b"c"]
    record = next(record for record in first if record["Data"] == b"a")
    assert (record["PartitionKey"], record["ReceiveCount"]) == ("a", 1)
    assert receive(kinesis, queue) == []
    answer = kinesis.acknowledge_queue_records(QueueARN=queue, Entries=[{"ReceiptHandle": record["ReceiptHandle"]}])
    assert (answer["Successful"], answer["Failed"]) == ([{"ReceiptHandle": record["ReceiptHandle"]}], [])
    sandbox.advance_clock(61)
    again = receive(kinesis, queue)
    assert data_of(again) == [b"b", b"c"]
    assert {record["ReceiveCount"] for record in again} == {2}
    assert {record["RecordId"] for record in again} < {record["RecordId"] for record in first}
    stale = kinesis.acknowledge_queue_records(QueueARN=queue, Entries=[*handles(first), {"ReceiptHandle": "x"}])
    assert (stale["Successful"], len(stale["Failed"])) == ([], 4)
    kinesis.update_queue_records_visibility(
        QueueARN=queue, Entries=[{**entry, "VisibilityTimeoutSeconds": 0} for entry in handles(again)]
    )
    assert data_of(receive(kinesis, queue, Limit=1, VisibilityTimeoutSeconds=0)) in ([b"b"], [b"c"])
    other = make_queue(kinesis, arn_of(sandbox, stream))
    assert data_of(receive(kinesis, other)) == [b"a", b"b", b"c"], "queues know nothing of each other"


def test_a_record_that_nobody_handles_is_dead(kinesis: Any, sandbox: Any, stream: str) -> None:
    """After MaxReceiveCount receives it is for those alone who ask for the dead, who drop it or give it back."""
    dead = {"TargetType": "BUILT_IN", "MaxReceiveCount": 2}
    queue = make_queue(kinesis, arn_of(sandbox, stream), VisibilityTimeoutSeconds=10, DeadLetterConfiguration=dead)
    put(kinesis, stream, b"poison")
    for count in (1, 2):
        (record,) = receive(kinesis, queue)
        assert record["ReceiveCount"] == count
        sandbox.advance_clock(11)
    assert receive(kinesis, queue) == []
    found = kinesis.receive_dead_letter_queue_records(QueueARN=queue)["QueueRecords"]
    assert data_of(found) == [b"poison"]
    answer = kinesis.restore_dead_letter_queue_records(QueueARN=queue, Entries=handles(found))
    assert answer["Failed"] == []
    (record,) = receive(kinesis, queue)
    assert record["ReceiveCount"] == 1
    sandbox.advance_clock(11)
    receive(kinesis, queue)
    sandbox.advance_clock(11)
    found = kinesis.receive_dead_letter_queue_records(QueueARN=queue)["QueueRecords"]
    hidden = [{**entry, "VisibilityTimeoutSeconds": 600} for entry in handles(found)]
    assert kinesis.update_dead_letter_queue_records_visibility(QueueARN=queue, Entries=hidden)["Failed"] == []
    sandbox.advance_clock(300)
    assert kinesis.receive_dead_letter_queue_records(QueueARN=queue, WaitTimeSeconds=1)["QueueRecords"] == []
    assert kinesis.acknowledge_dead_letter_queue_records(QueueARN=queue, Entries=handles(found))["Failed"] == []


def test_a_receiver_waits(kinesis: Any, sandbox: Any, stream: str) -> None:
    """A put ends the wait; LATEST gives what comes after the queue was made."""
    put(kinesis, stream, b"before")
    queue = make_queue(kinesis, arn_of(sandbox, stream), start="LATEST")
    found: list[dict[str, Any]] = []
    waiting = sandbox.client("kinesis")
    thread = threading.Thread(
        target=lambda: found.extend(waiting.receive_queue_records(QueueARN=queue, WaitTimeSeconds=20)["QueueRecords"])
    )
    thread.start()
    put(kinesis, stream, b"after")
    thread.join(timeout=30)
    assert data_of(found) == [b"after"]


def test_a_queues_life(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Described, listed, changed, tagged and deleted. KINESIS-001: at once."""
    arn, name = arn_of(sandbox, stream), f"q-{uuid.uuid4().hex}"
    config = {"QueueName": name, "StreamConfigurationList": [{"StreamARN": arn}], "Tags": {"k": "v"}}
    made = kinesis.create_queue(**config)["QueueDescription"]
    assert made["QueueStatus"] == "CREATING"
    assert made["QueueARN"].startswith(f"arn:aws:kinesis:us-east-1:{sandbox.account}:queue/")
    assert made["QueueAttributes"] == {
        "VisibilityTimeoutSeconds": 30,
        "DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 6},
    }
    described = kinesis.describe_queue(QueueARN=made["QueueARN"])["QueueDescription"]
    assert described == {**made, "QueueStatus": "ACTIVE"}
    (listed,) = kinesis.list_queues(StreamFilter=[{"StreamARN": arn}])["QueueSummaries"]
    assert (listed["QueueName"], listed["Streams"][0]["StreamARN"]) == (name, arn)
    none = {"QueueAttributes": {"DeadLetterConfiguration": {"TargetType": "NONE"}}}
    changed = kinesis.update_queue(QueueARN=made["QueueARN"], **none)["QueueDescription"]["QueueAttributes"]
    assert changed == {"VisibilityTimeoutSeconds": 30, "DeadLetterConfiguration": {"TargetType": "NONE"}}
    tags = kinesis.list_tags_for_resource(ResourceARN=made["QueueARN"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["QueueCount"] == 1
    assert error_of(kinesis.create_queue, **config)[0] == "ResourceInUseException"
    assert error_of(kinesis.delete_stream, StreamName=stream)[0] == "ResourceInUseException"
    provisioned = {"StreamMode": "PROVISIONED"}
    assert error_of(kinesis.update_stream_mode, StreamARN=arn, StreamModeDetails=provisioned)[0] == (
        "ResourceInUseException"
    )
    kinesis.delete_queue(QueueARN=made["QueueARN"])
    assert error_of(kinesis.describe_queue, QueueARN=made["QueueARN"])[0] == "ResourceNotFoundException"
    assert error_of(kinesis.receive_queue_records, QueueARN=made["QueueARN"])[0] == "ResourceNotFoundException"
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=provisioned)
    assert error_of(kinesis.create_queue, **config)[0] == "InvalidArgumentException"
    kinesis.delete_stream(StreamName=stream)


def test_what_no_queue_can_be(kinesis: Any, sandbox: Any, stream: str) -> None:
    """Each part has to fit the others."""
    arn = arn_of(sandbox, stream)
    wrong: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
        ([{"StreamARN": arn}, {"StreamARN": arn}], {}),
        ([{"StreamARN": arn, "StartingPosition": {"Type": "AT_TIMESTAMP"}}], {}),
        ([{"StreamARN": arn, "StartingPosition": {"Type": "LATEST", "Timestamp": 1.0}}], {}),
        ([{"StreamARN": arn}], {"DeadLetterConfiguration": {"TargetType": "BUILT_IN"}}),
        ([{"StreamARN": arn}], {"DeadLetterConfiguration": {"TargetType": "NONE", "MaxReceiveCount": 3}}),
    ]
    for sources, attributes in wrong:
        asked = {"QueueName": "q", "StreamConfigurationList": sources, "QueueAttributes": attributes}
        assert error_of(kinesis.create_queue, **asked)[0] == "ValidationException"
    gone = {"QueueName": "q", "StreamConfigurationList": [{"StreamARN": arn_of(sandbox, "none")}]}
    assert error_of(kinesis.create_queue, **gone)[0] == "ResourceNotFoundException"


def test_a_queue_keeps_nothing_longer_than_its_stream(kinesis: Any, sandbox: Any, stream: str) -> None:
    """What has expired in the stream is not given, whether or not it was given before."""
    queue = make_queue(kinesis, arn_of(sandbox, stream), VisibilityTimeoutSeconds=1)
    put(kinesis, stream, b"a", b"b")
    assert len(receive(kinesis, queue, Limit=1)) == 1
    sandbox.advance_clock(25 * 3600)
    put(kinesis, stream, b"c")
    assert data_of(receive(kinesis, queue)) == [b"c"]
