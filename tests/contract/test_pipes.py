"""EventBridge Pipes as boto3 sees them, over HTTP: settings, and what flows through."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.conftest import error_of
from tests.contract.lambda_bench import Queue, create

ROLE = "arn:aws:iam::000000000000:role/r"


@pytest.fixture
def pipes(sandbox: Any) -> Any:
    return sandbox.client("pipes")


@pytest.fixture
def source(sandbox: Any) -> Queue:
    return Queue(sandbox, f"source-{uuid.uuid4().hex}", VisibilityTimeout="2")


@pytest.fixture
def target(sandbox: Any) -> Queue:
    return Queue(sandbox, f"target-{uuid.uuid4().hex}")


def name() -> str:
    return f"p-{uuid.uuid4().hex[:20]}"


def test_pipes(pipes: Any, sandbox: Any, source: Queue, target: Queue) -> None:
    """Create, describe, list, update, stop, start, tag, delete; and each refusal."""
    this = name()
    params = {"Source": source.arn, "Target": target.arn, "RoleArn": ROLE}
    made = pipes.create_pipe(Name=this, DesiredState="STOPPED", Description="d", Tags={"k": "v"}, **params)
    assert made["Arn"] == f"arn:aws:pipes:us-east-1:{sandbox.account}:pipe/{this}"
    assert (made["CurrentState"], made["DesiredState"]) == ("CREATING", "STOPPED")
    shown = pipes.describe_pipe(Name=this)
    assert (shown["CurrentState"], shown["Source"], shown["Tags"]) == ("STOPPED", source.arn, {"k": "v"})
    (listed,) = pipes.list_pipes(NamePrefix=this)["Pipes"]
    assert (listed["Target"], listed["CurrentState"]) == (target.arn, "STOPPED")
    assert pipes.list_pipes(NamePrefix=this, CurrentState="RUNNING")["Pipes"] == []
    assert (shown["StateReason"], shown["EnrichmentParameters"]) == ("USER_INITIATED", {})
    exists = ("ConflictException", f"Pipe {this} already exists.", 409)
    assert error_of(pipes.create_pipe, Name=this, **params) == exists
    with pytest.raises(pipes.exceptions.ConflictException) as caught:
        pipes.create_pipe(Name=this, **params)
    assert (caught.value.response["resourceId"], caught.value.response["resourceType"]) == (this, "Pipe")
    pipes.update_pipe(Name=this, Description="e", RoleArn=ROLE)
    assert pipes.describe_pipe(Name=this)["Description"] == "e"
    assert pipes.start_pipe(Name=this)["CurrentState"] == "STARTING"
    assert pipes.describe_pipe(Name=this)["CurrentState"] == "RUNNING"
    assert pipes.stop_pipe(Name=this)["CurrentState"] == "STOPPING"
    assert pipes.describe_pipe(Name=this)["StateReason"] == "User initiated"
    pipes.tag_resource(resourceArn=made["Arn"], tags={"l": "w"})
    pipes.untag_resource(resourceArn=made["Arn"], tagKeys=["k"])
    assert pipes.list_tags_for_resource(resourceArn=made["Arn"])["tags"] == {"l": "w"}
    assert pipes.delete_pipe(Name=this)["CurrentState"] == "DELETING"
    gone = ("NotFoundException", f"Pipe {this} does not exist.", 404)
    for call in (pipes.describe_pipe, pipes.delete_pipe, pipes.start_pipe):
        assert error_of(call, Name=this) == gone


def test_refused_pipes(pipes: Any, sandbox: Any, source: Queue, target: Queue) -> None:
    """PIPES-001: sources and enrichments that are not built are refused; so are patterns that are none."""
    broker = f"arn:aws:mq:us-east-1:{sandbox.account}:broker:b"
    params = {"Target": target.arn, "RoleArn": ROLE}
    assert error_of(pipes.create_pipe, Name=name(), Source=broker, **params)[2] == 501
    filters = {"FilterCriteria": {"Filters": [{"Pattern": '{"body": []}'}]}}
    refused = error_of(pipes.create_pipe, Name=name(), Source=source.arn, SourceParameters=filters, **params)
    assert refused[:2] == (
        "ValidationException",
        "Invalid filter pattern: Empty arrays are not allowed\n at [Source: "
        '(String)"{"body": []}"; line: 1, column: 12]',
    )


def test_from_queue_to_queue(pipes: Any, source: Queue, target: Queue) -> None:
    """Filtered, transformed, and gone from the source."""
    filters = {"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]}
    pipes.create_pipe(
        Name=name(),
        Source=source.arn,
        SourceParameters={"FilterCriteria": filters, "SqsQueueParameters": {"BatchSize": 1}},
        Target=target.arn,
        TargetParameters={"InputTemplate": '{"n": <$.body.n>, "from": "<aws.pipes.source-arn>"}'},
        RoleArn=ROLE,
    )
    source.send('{"kind": "other"}', "no json", '{"kind": "order", "n": 7}')
    assert [json.loads(message["Body"]) for message in target.take()] == [{"n": 7, "from": source.arn}]
    assert "Messages" not in source.client.receive_message(QueueUrl=source.url)


def test_enrichment(pipes: Any, sandbox: Any, source: Queue, target: Queue) -> None:
    """A function gets the batch and answers with what goes on."""
    code = (
        "import json\n"
        "def handler(event, context):\n"
        "    return [{'double': json.loads(record['body'])['n'] * 2} for record in event]\n"
    )
    function = create(sandbox.client("lambda"), f"f-{uuid.uuid4().hex}", code)["FunctionArn"]
    pipes.create_pipe(Name=name(), Source=source.arn, Enrichment=function, Target=target.arn, RoleArn=ROLE)
    source.send('{"n": 21}')
    assert [json.loads(message["Body"]) for message in target.take()] == [{"double": 42}]


def test_to_an_event_bus(pipes: Any, sandbox: Any, source: Queue, target: Queue) -> None:
    """Each record is an event of the pipe's source and detail type."""
    events, rule = sandbox.client("events"), name()
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "t", "Arn": target.arn}])
    pipes.create_pipe(
        Name=name(),
        Source=source.arn,
        Target=events.describe_event_bus()["Arn"],
        TargetParameters={
            "EventBridgeEventBusParameters": {"Source": rule, "DetailType": "Piped"},
            "InputTemplate": '{"n": <$.body.n>}',
        },
        RoleArn=ROLE,
    )
    source.send('{"n": 1}')
    event = json.loads(target.take()[0]["Body"])
    assert (event["detail-type"], event["detail"]) == ("Piped", {"n": 1})


def test_a_stopped_pipe_takes_nothing(pipes: Any, source: Queue, target: Queue) -> None:
    """And goes on where it was."""
    this = name()
    pipes.create_pipe(Name=this, DesiredState="STOPPED", Source=source.arn, Target=target.arn, RoleArn=ROLE)
    source.send("later")
    assert len(source.client.receive_message(QueueUrl=source.url, VisibilityTimeout=0)["Messages"]) == 1
    pipes.start_pipe(Name=this)
    assert json.loads(target.take()[0]["Body"])["body"] == "later"


def test_from_a_dynamodb_stream(pipes: Any, sandbox: Any, target: Queue) -> None:
    """Changes of a table of one partition in their order, from where the pipe began; and those in the shards that
    follow when the table gets more partitions."""
    dynamodb, table = sandbox.client("dynamodb"), name()
    made = dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    dynamodb.put_item(TableName=table, Item={"id": {"S": "before"}})
    pipes.create_pipe(
        Name=name(),
        Source=made["TableDescription"]["LatestStreamArn"],
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}},
        Target=target.arn,
        TargetParameters={"InputTemplate": '"<$.dynamodb.NewImage.id.S>"'},
        RoleArn=ROLE,
    )
    for key in ("a", "b", "c"):
        dynamodb.put_item(TableName=table, Item={"id": {"S": key}})
    assert [message["Body"] for message in target.take(3)] == ["a", "b", "c"]
    dynamodb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    for key in ("d", "e", "f", "g"):
        dynamodb.put_item(TableName=table, Item={"id": {"S": key}})
    assert sorted(message["Body"] for message in target.take(4)) == ["d", "e", "f", "g"]
