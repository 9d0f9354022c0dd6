"""Kinesis streams as targets of other services, and as sources of pipes."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.lambda_bench import Queue
from tests.contract.test_kinesis import arn_of, iterator_of

ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.fixture(scope="module")
def kinesis(sandbox: Any) -> Any:
    return sandbox.client("kinesis")


@pytest.fixture
def stream(kinesis: Any) -> str:
    name = f"s-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    return name


def records(kinesis: Any, stream: str, count: int = 1) -> list[dict[str, Any]]:
    """All that is in the stream, once there are as many."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = kinesis.get_records(ShardIterator=iterator_of(kinesis, stream))["Records"]
        return len(found) >= count

    until(look)
    return found


def test_a_rules_events_go_to_a_stream(sandbox: Any, kinesis: Any, stream: str) -> None:
    """Recorded: the key is the event's id with a UUID of its own, or what PartitionKeyPath leads to as JSON."""
    events, name, other = sandbox.client("events"), uuid.uuid4().hex, uuid.uuid4().hex
    kinesis.create_stream(StreamName=other, ShardCount=1)
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    path = {"PartitionKeyPath": "$.detail.who.id"}
    answer = events.put_targets(
        Rule=name,
        Targets=[
            {"Id": "1", "Arn": arn_of(sandbox, stream), "RoleArn": ROLE},
            {"Id": "2", "Arn": arn_of(sandbox, other), "RoleArn": ROLE, "KinesisParameters": path},
        ],
    )
    assert answer["FailedEntryCount"] == 0
    details = [json.dumps({"who": {"id": found}}) for found in (7, "seven", None, {"a": [1]})] + ["{}"]
    events.put_events(Entries=[{"Source": name, "DetailType": "t", "Detail": detail} for detail in details])
    event, record = json.loads(records(kinesis, stream)[0]["Data"]), records(kinesis, stream)[0]
    event_id, _, suffix = record["PartitionKey"].partition("_")
    assert (event["source"], event_id, str(uuid.UUID(suffix))) == (name, event["id"], suffix)
    keys = sorted(record["PartitionKey"] for record in records(kinesis, other, 5))
    assert keys == ['"seven"', "7", '{"a":[1]}', "{}", "{}"]


def test_a_pipe_reads_a_stream(sandbox: Any, kinesis: Any, stream: str) -> None:
    """AWS flattens the records, and reads their data as JSON where filters and templates look into it."""
    target, name = Queue(sandbox, f"q-{uuid.uuid4().hex}"), uuid.uuid4().hex
    pipes = sandbox.client("pipes")
    pattern = json.dumps({"data": {"kind": ["order"]}})
    pipe = {
        "RoleArn": ROLE,
        "Source": arn_of(sandbox, stream),
        "SourceParameters": {
            "KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"},
            "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
        },
        "Target": target.arn,
    }
    order = json.dumps({"kind": "order", "n": 7}).encode()
    for data in (b"no json", order):
        kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k")
    pipes.create_pipe(Name=name, **pipe)
    (message,) = target.take()
    record = json.loads(message["Body"])
    assert base64.b64decode(record["data"]) == order
    assert record["eventID"] == f"shardId-000000000000:{record['sequenceNumber']}"
    assert (record["eventSource"], record["partitionKey"], record["invokeIdentityArn"]) == ("aws:kinesis", "k", ROLE)
    pipes.delete_pipe(Name=name)
    template = {"TargetParameters": {"InputTemplate": '{"n": <$.data.n>}'}}
    pipe["SourceParameters"]["KinesisStreamParameters"]["StartingPosition"] = "LATEST"
    pipes.create_pipe(Name=name, **pipe, **template)
    kinesis.put_record(StreamName=stream, Data=order, PartitionKey="k")
    assert [json.loads(message["Body"]) for message in target.take()] == [{"n": 7}]


def test_a_pipe_writes_a_stream(sandbox: Any, kinesis: Any, stream: str) -> None:
    """The partition key may be a path into the event."""
    source = Queue(sandbox, f"q-{uuid.uuid4().hex}")
    sandbox.client("pipes").create_pipe(
        Name=uuid.uuid4().hex,
        RoleArn=ROLE,
        Source=source.arn,
        Target=arn_of(sandbox, stream),
        TargetParameters={
            "InputTemplate": "<$.body>",
            "KinesisStreamParameters": {"PartitionKey": "$.body.id"},
        },
    )
    source.send('{"id": "me"}')
    (record,) = records(kinesis, stream)
    assert (json.loads(record["Data"]), record["PartitionKey"]) == ({"id": "me"}, "me")


def test_log_events_go_to_a_stream(sandbox: Any, kinesis: Any, stream: str) -> None:
    """After the test message by which AWS tries the stream, and packed as it packs them."""
    logs, group = sandbox.client("logs"), uuid.uuid4().hex
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_subscription_filter(
        logGroupName=group, filterName="f", filterPattern="", destinationArn=arn_of(sandbox, stream), roleArn=ROLE
    )
    event = {"timestamp": int(records(kinesis, stream)[0]["ApproximateArrivalTimestamp"].timestamp() * 1000)}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{**event, "message": "hello"}])
    control, data = (json.loads(gzip.decompress(record["Data"])) for record in records(kinesis, stream, 2))
    assert control["messageType"] == "CONTROL_MESSAGE"
    assert (data["messageType"], data["logGroup"], data["subscriptionFilters"]) == ("DATA_MESSAGE", group, ["f"])
    assert [event["message"] for event in data["logEvents"]] == ["hello"]


def test_a_schedule_puts_records(sandbox: Any, kinesis: Any, stream: str) -> None:
    """Both as a templated and as a universal target, whose input has bytes in base64."""
    scheduler = sandbox.client("scheduler")
    targets = [
        {"Arn": arn_of(sandbox, stream), "Input": "one", "KinesisParameters": {"PartitionKey": "k"}},
        {
            "Arn": "arn:aws:scheduler:::aws-sdk:kinesis:putRecord",
            "Input": json.dumps({"StreamName": stream, "Data": "dHdv", "PartitionKey": "k"}),
        },
    ]
    for target in targets:
        scheduler.create_schedule(
            Name=uuid.uuid4().hex,
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={**target, "RoleArn": ROLE},
        )
    found = records(kinesis, stream, 2)
    assert sorted(record["Data"] for record in found[:2]) == [b"one", b"two"]
    assert {record["PartitionKey"] for record in found} == {"k"}


def test_a_state_machine_puts_and_reads(sandbox: Any, kinesis: Any, stream: str) -> None:
    """aws-sdk:kinesis: what goes in as text goes in as bytes."""
    states = sandbox.client("stepfunctions")
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:kinesis:putRecord",
        "Parameters": {"StreamName": stream, "Data": "hello", "PartitionKey": "k"},
        "End": True,
    }
    machine = states.create_state_machine(
        name=uuid.uuid4().hex, definition=json.dumps({"StartAt": "Put", "States": {"Put": put}}), roleArn=ROLE
    )["stateMachineArn"]
    run = states.start_execution(stateMachineArn=machine)["executionArn"]
    (record,) = records(kinesis, stream)
    assert record["Data"] == b"hello"
    until(lambda: states.describe_execution(executionArn=run)["status"] == "SUCCEEDED")
    output = json.loads(states.describe_execution(executionArn=run)["output"])
    assert output["SequenceNumber"] == record["SequenceNumber"]


def test_a_stack_connects_a_table_and_a_function(sandbox: Any, kinesis: Any) -> None:
    """Recorded: test_dynamodb_stream_response_with_cf. SAM's event of type Kinesis makes the mapping."""
    cfn, name = sandbox.client("cloudformation"), f"s-{uuid.uuid4().hex}"
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}},
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                    "KinesisStreamSpecification": {"StreamArn": {"Fn::GetAtt": ["Stream", "Arn"]}},
                },
            },
            "Fn": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Runtime": "python3.12",
                    "Handler": "index.handler",
                    "InlineCode": "def handler(event, context):\n    return 1\n",
                    "Events": {
                        "Records": {
                            "Type": "Kinesis",
                            "Properties": {
                                "Stream": {"Fn::GetAtt": ["Stream", "Arn"]},
                                "StartingPosition": "TRIM_HORIZON",
                            },
                        }
                    },
                },
            },
        },
        "Outputs": {part: {"Value": {"Ref": part}} for part in ("Stream", "Table", "Fn")},
    }
    cfn.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cfn.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in cfn.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    }
    arn = arn_of(sandbox, outputs["Stream"])
    ddb = sandbox.client("dynamodb")
    described = ddb.describe_kinesis_streaming_destination(TableName=outputs["Table"])
    assert described["KinesisDataStreamDestinations"] == [{"StreamArn": arn, "DestinationStatus": "ACTIVE"}]
    mappings = sandbox.client("lambda").list_event_source_mappings(FunctionName=outputs["Fn"])["EventSourceMappings"]
    assert [mapping["EventSourceArn"] for mapping in mappings] == [arn]
