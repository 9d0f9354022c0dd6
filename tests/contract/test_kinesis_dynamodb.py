"""Tables whose changes go to a Kinesis stream: the destination's life, and what arrives."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.contract.dynamodb import make_table
from tests.contract.test_kinesis import arn_of, error_of, iterator_of

INVALID = "Table is not in a valid state to enable Kinesis Streaming Destination: "


@pytest.fixture(scope="module")
def kinesis(sandbox: Any) -> Any:
    return sandbox.client("kinesis")


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture
def stream(kinesis: Any) -> str:
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    return name


def records_of(kinesis: Any, stream: str) -> list[dict[str, Any]]:
    answer = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream))
    return [{**json.loads(record["Data"]), "key": record["PartitionKey"]} for record in answer["Records"]]


def test_a_destinations_life(ddb: Any, sandbox: Any, stream: str) -> None:
    """Recorded: test_kinesis_streaming_destination_crud. DYNAMODB-007: it is active at once."""
    table, arn = make_table(ddb, sort=None), arn_of(sandbox, stream)
    named = {"TableName": table, "StreamArn": arn}
    answer = ddb.enable_kinesis_streaming_destination(**named)
    assert (answer["DestinationStatus"], answer["EnableKinesisStreamingConfiguration"]) == ("ENABLING", {})
    described = ddb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
    assert described == [{"StreamArn": arn, "DestinationStatus": "ACTIVE"}]
    for wanted in (arn, f"{arn}-2"):
        assert error_of(ddb.enable_kinesis_streaming_destination, TableName=table, StreamArn=wanted) == (
            "ValidationException",
            f"{INVALID}EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE "
            "operation.",
        )
    update = {**named, "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"}}
    answer = ddb.update_kinesis_streaming_destination(**update)
    assert answer["DestinationStatus"] == "UPDATING"
    assert answer["UpdateKinesisStreamingConfiguration"] == update["UpdateKinesisStreamingConfiguration"]
    table_id = ddb.describe_table(TableName=table)["Table"]["TableId"]
    assert error_of(ddb.update_kinesis_streaming_destination, **update) == (
        "ValidationException",
        "Invalid Request: Precision is already set to the desired value of MICROSECOND for tableId: "
        f"{table_id}, kdsArn: {arn}",
    )
    answer = ddb.disable_kinesis_streaming_destination(**named)
    assert (answer["DestinationStatus"], answer["StreamArn"]) == ("DISABLING", arn)
    described = ddb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
    assert described == [{"StreamArn": arn, "DestinationStatus": "DISABLED"}]
    assert error_of(ddb.update_kinesis_streaming_destination, **update)[1].startswith(
        f"{INVALID}Kinesis streaming is not in ACTIVE state."
    )
    assert error_of(ddb.update_kinesis_streaming_destination, TableName="nowhere", StreamArn=arn) == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: nowhere not found",
    )


def test_changes_arrive_in_order_and_shape(ddb: Any, kinesis: Any, sandbox: Any, stream: str) -> None:
    """Both images, sizes, and one partition key for an item; a write that changes nothing leaves no record."""
    table = make_table(ddb, sort=None)
    named = {"TableName": table, "StreamArn": arn_of(sandbox, stream)}
    ddb.put_item(TableName=table, Item={"pk": {"S": "before"}})
    ddb.enable_kinesis_streaming_destination(**named)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    ddb.update_item(
        TableName=table,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "2"}},
    )
    ddb.transact_write_items(
        TransactItems=[
            {"Delete": {"TableName": table, "Key": {"pk": {"S": "a"}}}},
            {"Put": {"TableName": table, "Item": {"pk": {"S": "b"}}}},
        ]
    )
    first, second, third, other = records_of(kinesis, stream)
    assert [it["eventName"] for it in (first, second, third, other)] == ["INSERT", "MODIFY", "REMOVE", "INSERT"]
    assert first["key"] == second["key"] == third["key"] != other["key"]
    change = second.pop("dynamodb")
    assert len(str(change.pop("ApproximateCreationDateTime"))) == 13
    assert change == {
        "Keys": {"pk": {"S": "a"}},
        "NewImage": {"pk": {"S": "a"}, "n": {"N": "2"}},
        "OldImage": {"pk": {"S": "a"}, "n": {"N": "1"}},
        "SizeBytes": 15,
    }
    assert uuid.UUID(second.pop("eventID")) and second.pop("key")
    assert second == {
        "awsRegion": "us-east-1",
        "eventName": "MODIFY",
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": table,
        "eventSource": "aws:dynamodb",
    }
    assert "OldImage" not in first["dynamodb"] and "NewImage" not in third["dynamodb"]
    ddb.disable_kinesis_streaming_destination(**named)
    ddb.put_item(TableName=table, Item={"pk": {"S": "after"}})
    assert len(records_of(kinesis, stream)) == 4


def test_what_kinesis_is_told_otherwise(ddb: Any, kinesis: Any, sandbox: Any, stream: str) -> None:
    """Recorded in September 2026: binary values are encoded twice, and transactions that change nothing are told."""
    table = make_table(ddb, sort=None)
    ddb.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn_of(sandbox, stream))
    item = {"pk": {"S": "a"}, "b": {"B": b"\0\1\xff"}, "bs": {"BS": [b"\0"]}, "l": {"L": [{"M": {"b": {"B": b"abc"}}}]}}
    ddb.put_item(TableName=table, Item=item)
    ddb.put_item(TableName=table, Item=item)
    ddb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": item}}])
    statement = f"UPDATE \"{table}\" SET l = l WHERE pk = 'a'"
    ddb.execute_statement(Statement=statement)
    ddb.execute_transaction(TransactStatements=[{"Statement": statement}])
    records = records_of(kinesis, stream)
    assert [it["eventName"] for it in records] == ["INSERT", "MODIFY", "MODIFY"]
    images = [it["dynamodb"] for it in records]
    assert images[0]["NewImage"] == {
        "pk": {"S": "a"},
        "b": {"B": "QUFILw=="},
        "bs": {"BS": ["QUE9PQ=="]},
        "l": {"L": [{"M": {"b": {"B": "WVdKag=="}}}]},
    }
    assert all(it["NewImage"] == it["OldImage"] for it in images[1:])


def test_expired_items_tell_the_service(ddb: Any, kinesis: Any, sandbox: Any, stream: str) -> None:
    """Time to live is told apart from users' deletions; the precision is the one that was asked for."""
    table = make_table(ddb, sort=None)
    ddb.enable_kinesis_streaming_destination(
        TableName=table,
        StreamArn=arn_of(sandbox, stream),
        EnableKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"},
    )
    ddb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "t"})
    now = int(sandbox.client("kinesis").describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamCreationTimestamp"
    ].timestamp())  # fmt: skip
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "t": {"N": str(now + 60)}})
    sandbox.advance_clock(3600)
    _, removed = records_of(kinesis, stream)
    assert removed["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert len(str(removed["dynamodb"]["ApproximateCreationDateTime"])) == 16
    assert removed["dynamodb"]["ApproximateCreationDateTimePrecision"] == "MICROSECOND"


def test_a_stream_that_goes_stops_no_writes(ddb: Any, kinesis: Any, sandbox: Any, stream: str) -> None:
    """The table goes on without it, as at AWS."""
    table = make_table(ddb, sort=None)
    ddb.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn_of(sandbox, stream))
    kinesis.delete_stream(StreamName=stream)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}})
    assert ddb.get_item(TableName=table, Key={"pk": {"S": "a"}})["Item"] == {"pk": {"S": "a"}}


def test_what_it_costs_and_what_is_measured(fresh_sandbox: Any) -> None:
    """Put payload units of 25 KB, captured changes of a kilobyte, and the metrics that streams are watched by."""
    kinesis, ddb = fresh_sandbox.client("kinesis"), fresh_sandbox.client("dynamodb")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    table = make_table(ddb, sort=None)
    ddb.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn_of(fresh_sandbox, "s"))
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "x": {"S": "x" * 1500}})
    kinesis.put_record(StreamName="s", Data=bytes(30_000), PartitionKey="k")
    kinesis.get_records(ShardIterator=iterator_of(kinesis, "s"))
    lines = fresh_sandbox.server.ask("GET", f"/_mrak/bill?environment={fresh_sandbox.name}&")["lines"]
    used = {(line["service"], line["unit"]): line["amount"] for line in lines}
    assert used["dynamodb", "ChangeDataCaptureUnits"] == 2.0
    assert used["kinesis", "PutPayloadUnits"] == 3.0
    assert all(line["usd"] > 0 for line in lines if line["unit"] in ("PutPayloadUnits", "ChangeDataCaptureUnits"))
    cloudwatch = fresh_sandbox.client("cloudwatch")
    measured = {metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace="AWS/Kinesis")["Metrics"]}
    wanted = {"IncomingRecords", "IncomingBytes", "GetRecords.Records", "PutRecord.Success"}
    assert wanted <= measured
