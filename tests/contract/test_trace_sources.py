"""Traces through queues, streams and pipes: a batch goes on with the trace of its cause, and consumers do not pile
everything that they ever do into one trace."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.conftest import TAKES_DELIVERIES, until
from tests.contract.lambda_bench import create
from tests.streams import asking, records_of

ROOT = "1-67891233-abcdef0123456789abcdef{:02d}"
QUIET = "def handler(event, context):\n    print('seen', event['Records'][0]['eventSource'])\n"


def traced(client: Any, number: int) -> Any:
    """The client with the header that SDKs in functions send."""

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = f"Root={ROOT.format(number)};Parent=53995c3f42cd8ad8;Sampled=1"

    client.meta.events.register("before-send", add)
    return client


def segments(sandbox: Any, number: int) -> list[dict[str, Any]]:
    traces = sandbox.client("xray").batch_get_traces(TraceIds=[ROOT.format(number)])["Traces"]
    return [json.loads(part["Document"]) for trace in traces for part in trace["Segments"]]


def wait_for(sandbox: Any, number: int, operation: str) -> list[dict[str, Any]]:
    """All segments of the trace, once it has this operation."""

    def look() -> list[dict[str, Any]]:
        found = segments(sandbox, number)
        return found if any(one["aws"]["operation"] == operation for one in found) else []

    return until(look)


def invocations(found: list[dict[str, Any]]) -> int:
    return sum(one["aws"]["operation"] == "Invoke" for one in found)


def queue_of(sandbox: Any, name: str) -> tuple[str, str]:
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_queues_get_the_header_of_an_event(sandbox: Any) -> None:
    """Recorded: an entry's own header wins over the request's, in AWS's order, without what is malformed; the dead
    letter has it too."""
    events, sqs = traced(sandbox.client("events"), 1), sandbox.client("sqs")
    (url, queue), (dead_url, dead) = queue_of(sandbox, "traced"), queue_of(sandbox, "traced-dead")
    for each in (url, dead_url):
        sqs.set_queue_attributes(QueueUrl=each, Attributes={"Policy": TAKES_DELIVERIES})
    root, parent, request = f"Root={ROOT.format(2)}", "Parent=0123456789abcdef", f"Root={ROOT.format(1)}"
    cases = [
        (None, f"{request};Parent=53995c3f42cd8ad8;Sampled=1"),
        (f"{root};{parent};Sampled=0", f"{root};{parent};Sampled=0"),
        (f" Sampled=0 ; Foo=bar;a;{parent}; Root={ROOT.format(2).upper()} ", f"{root};{parent};Sampled=0;Foo=bar"),
        (f"{request};{root};{parent};Parent=bad;Sampled=7", f"{root};{parent}"),
        ("Root=bad;Sampled=0", "Root=1-[0-9a-f]{8}-[0-9a-f]{24};Sampled=0"),
        (f"Root=bad;{parent}", ""),
        ("garbage", ""),
    ]
    events.put_rule(Name="traced", EventPattern='{"source": ["traced"]}')
    missing = {"Id": "2", "Arn": f"{queue}-missing", "DeadLetterConfig": {"Arn": dead}}
    events.put_targets(Rule="traced", Targets=[{"Id": "1", "Arn": queue}, missing])
    events.put_events(
        Entries=[
            {
                "Source": "traced",
                "DetailType": "t",
                "Detail": json.dumps({"n": n}),
                **({"TraceHeader": sent} if sent else {}),
            }
            for n, (sent, _) in enumerate(cases)
        ]
    )
    for each in (url, dead_url):
        got = headers_of(sqs, each, len(cases))
        for n, (sent, expected) in enumerate(cases):
            assert re.fullmatch(expected, got[n]), (sent, got[n])


def headers_of(sqs: Any, url: str, count: int) -> dict[int, str]:
    """AWSTraceHeader by the event's number."""
    found: list[tuple[int, str]] = []
    while len(found) < count:
        answer = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10, MessageSystemAttributeNames=["AWSTraceHeader"]
        )
        for message in answer["Messages"]:
            number = json.loads(message["Body"])["detail"]["n"]
            found.append((number, message.get("Attributes", {}).get("AWSTraceHeader", "")))
    return dict(found)


def table_of(sandbox: Any, name: str) -> str:
    made = sandbox.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def test_a_message_carries_the_trace_of_its_sender(fresh_sandbox: Any) -> None:
    """The header of the request becomes the system attribute AWSTraceHeader, which is not part of the answer's digests;
    one that the sender gave itself stays as it is."""
    url, _ = queue_of(fresh_sandbox, "q")
    sqs = traced(fresh_sandbox.client("sqs"), 1)
    assert "MD5OfMessageSystemAttributes" not in sqs.send_message(QueueUrl=url, MessageBody="a")
    given = {"AWSTraceHeader": {"DataType": "String", "StringValue": f"Root={ROOT.format(2)}"}}
    sqs.send_message(QueueUrl=url, MessageBody="b", MessageSystemAttributes=given)
    plain = fresh_sandbox.client("sqs")
    plain.send_message(QueueUrl=url, MessageBody="c")
    shown: dict[str, dict[str, str]] = {}
    while len(shown) < 3:
        answer = plain.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"], WaitTimeSeconds=5)
        shown |= {message["Body"]: message["Attributes"] for message in answer["Messages"]}
    assert shown["a"]["AWSTraceHeader"].startswith(f"Root={ROOT.format(1)};Parent=")
    assert shown["b"]["AWSTraceHeader"] == f"Root={ROOT.format(2)}"
    assert "AWSTraceHeader" not in shown["c"]


def test_a_queue_and_its_function_are_one_trace(fresh_sandbox: Any) -> None:
    """Two messages of two traces: each trace has its own invocation, under the span that sent the message."""
    url, arn = queue_of(fresh_sandbox, "q")
    client = fresh_sandbox.client("lambda")
    create(client, "worker", QUIET)
    client.create_event_source_mapping(FunctionName="worker", EventSourceArn=arn, BatchSize=1)
    for number in (3, 4):
        traced(fresh_sandbox.client("sqs"), number).send_message(QueueUrl=url, MessageBody="x")
    for number in (3, 4):
        found = wait_for(fresh_sandbox, number, "DeleteMessageBatch")
        spans = {one["aws"]["operation"]: one for one in found}
        assert spans["Invoke"]["parent_id"] == spans["SendMessage"]["id"]
        assert invocations(found) == 1


def test_a_stream_and_its_function_are_one_trace(fresh_sandbox: Any) -> None:
    """XRAY-002: on AWS a trace ends at the table. GetRecords shows nothing of it."""
    stream = table_of(fresh_sandbox, "items")
    client = fresh_sandbox.client("lambda")
    create(client, "worker", QUIET)
    client.create_event_source_mapping(
        FunctionName="worker", EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=1
    )
    for number in (5, 6):
        item = {"id": {"S": str(number)}}
        traced(fresh_sandbox.client("dynamodb"), number).put_item(TableName="items", Item=item)
    fresh_sandbox.client("dynamodb").put_item(TableName="items", Item={"id": {"S": "untraced"}})
    for number in (5, 6):
        found = wait_for(fresh_sandbox, number, "Invoke")
        spans = {one["aws"]["operation"]: one for one in found}
        assert spans["Invoke"]["parent_id"] == spans["PutItem"]["id"]
        assert invocations(found) == 1
    streams = fresh_sandbox.client("dynamodbstreams")
    records = records_of(asking(streams), stream)
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in records] == ["5", "6", "untraced"]
    assert set(records[0]) == {"awsRegion", "dynamodb", "eventID", "eventName", "eventSource", "eventVersion"}


def test_a_kinesis_record_carries_the_trace_to_its_function(fresh_sandbox: Any) -> None:
    """XRAY-002, for streams of Kinesis."""
    kinesis, client = fresh_sandbox.client("kinesis"), fresh_sandbox.client("lambda")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    create(client, "worker", QUIET)
    stream = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    client.create_event_source_mapping(FunctionName="worker", EventSourceArn=stream, StartingPosition="TRIM_HORIZON")
    traced(kinesis, 7).put_record(StreamName="s", Data=b"x", PartitionKey="k")
    spans = {one["aws"]["operation"]: one for one in wait_for(fresh_sandbox, 7, "Invoke")}
    assert spans["Invoke"]["parent_id"] == spans["PutRecord"]["id"]


def test_a_batch_of_several_traces_begins_a_new_one(fresh_sandbox: Any) -> None:
    """What a shared batch costs belongs to none of its causes alone."""
    url, arn = queue_of(fresh_sandbox, "q")
    for number in (7, 8):
        traced(fresh_sandbox.client("sqs"), number).send_message(QueueUrl=url, MessageBody="x")
    client = fresh_sandbox.client("lambda")
    create(client, "worker", QUIET)
    client.create_event_source_mapping(FunctionName="worker", EventSourceArn=arn, BatchSize=2)
    sqs = fresh_sandbox.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def empty() -> bool:
        shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not any(int(count) for count in shown.values())

    until(empty)
    # Asking for the bill writes all records that wait to be written.
    assert fresh_sandbox.server.ask("GET", f"/_mrak/bill?environment={fresh_sandbox.name}")["lines"]
    for number in (7, 8):
        assert {one["aws"]["operation"] for one in segments(fresh_sandbox, number)} == {"SendMessage"}


def test_a_pipe_goes_on_with_the_trace(fresh_sandbox: Any) -> None:
    """From a table's stream to a queue, under the write that caused it."""
    stream, (_, arn) = table_of(fresh_sandbox, "items"), queue_of(fresh_sandbox, "q")
    fresh_sandbox.client("pipes").create_pipe(
        Name="p",
        RoleArn=f"arn:aws:iam::{fresh_sandbox.account}:role/p",
        Source=stream,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        Target=arn,
    )
    traced(fresh_sandbox.client("dynamodb"), 9).put_item(TableName="items", Item={"id": {"S": "1"}})
    spans = {one["aws"]["operation"]: one for one in wait_for(fresh_sandbox, 9, "SendMessage")}
    assert spans["SendMessage"]["parent_id"] == spans["PutItem"]["id"]


def test_a_pipe_acts_as_its_role(fresh_sandbox: Any) -> None:
    """What it sends comes from a session of the role, as on AWS: policies and bills see whose it is."""
    trust = {"Effect": "Allow", "Principal": {"Service": "pipes.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = fresh_sandbox.client("iam")
    role = iam.create_role(RoleName="piper", AssumeRolePolicyDocument=policy)["Role"]
    allowed = {"Effect": "Allow", "Action": ["sqs:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="piper", PolicyName="queues", PolicyDocument=document)
    (source, source_arn), (target, target_arn) = queue_of(fresh_sandbox, "from"), queue_of(fresh_sandbox, "to")
    pipes = fresh_sandbox.client("pipes")
    pipes.create_pipe(Name="p", RoleArn=role["Arn"], Source=source_arn, Target=target_arn)
    sqs = fresh_sandbox.client("sqs")
    sqs.send_message(QueueUrl=source, MessageBody="x")
    asked = {"MessageSystemAttributeNames": ["SenderId"], "WaitTimeSeconds": 20}
    (message,) = sqs.receive_message(QueueUrl=target, **asked)["Messages"]
    assert message["Attributes"]["SenderId"] == f"{role['RoleId']}:p"


def test_workflows_and_rules_have_their_names_in_traces(fresh_sandbox: Any) -> None:
    """A segment says which state machine and which rule it is of, whatever carries them inside."""
    events, states = fresh_sandbox.client("events"), fresh_sandbox.client("stepfunctions")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    role = f"arn:aws:iam::{fresh_sandbox.account}:role/r"
    machine = states.create_state_machine(name="collect", definition=definition, roleArn=role)["stateMachineArn"]
    events.put_rule(Name="starts", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="starts", Targets=[{"Id": "t", "Arn": machine, "RoleArn": role}])
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": "{}"}
    traced(events, 10).put_events(Entries=[entry])
    names = {one["name"] for one in wait_for(fresh_sandbox, 10, "StartExecution")}
    assert {"collect", "rule/starts"} <= names
