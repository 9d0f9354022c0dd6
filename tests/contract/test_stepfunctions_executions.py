"""Executions through boto3: tasks of other services, history, tokens, stopping, redriving, lists."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox, until

ROLE = "arn:aws:iam::123456789012:role/states"


def ended(client: Any, execution: str) -> dict[str, Any]:
    """The description of an execution once it is not running any more."""

    def look() -> dict[str, Any] | None:
        found = client.describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else dict(found)

    return until(look)


class Machines:
    """State machines of a sandbox, and what becomes of their executions."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.client = sandbox.client("stepfunctions")
        self._made = 0

    def create(self, states: dict[str, Any], **options: Any) -> str:
        self._made += 1
        definition = {"StartAt": next(iter(states)), "States": states, **options.pop("machine", {})}
        made = self.client.create_state_machine(
            name=f"m{self._made}-{time.monotonic_ns()}", definition=json.dumps(definition), roleArn=ROLE, **options
        )
        return str(made["stateMachineArn"])

    def start(self, states: dict[str, Any], given: Any = None, **options: Any) -> str:
        arn = self.create(states, **options)
        text = json.dumps({} if given is None else given)
        return str(self.client.start_execution(stateMachineArn=arn, input=text)["executionArn"])

    def wait(self, execution: str, status: str = "SUCCEEDED") -> dict[str, Any]:
        """Until the execution is not running any more."""
        found = ended(self.client, execution)
        assert found["status"] == status, found
        return found

    def until(self, execution: str, kind: str) -> dict[str, Any]:
        """Until the history has an event of a type."""

        def look() -> dict[str, Any] | None:
            events = self.client.get_execution_history(executionArn=execution)["events"]
            return next((dict(event) for event in events if event["type"] == kind), None)

        return until(look)

    def output(self, states: dict[str, Any], given: Any = None, **options: Any) -> Any:
        return json.loads(self.wait(self.start(states, given, **options))["output"])


@pytest.fixture
def machines(sandbox: Sandbox) -> Machines:
    return Machines(sandbox)


def task(resource: str, parameters: Any = None, **fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", **fields}
    if parameters is not None:
        state["Parameters"] = parameters
    if "Next" not in fields:
        state["End"] = True
    return state


def test_a_message_is_sent_with_json_as_its_body(machines: Machines) -> None:
    """An optimised integration: parameters from the input, the SDK's metadata in the output, JSON as text."""
    sqs = machines.sandbox.client("sqs")
    url = sqs.create_queue(QueueName="tasks")["QueueUrl"]
    state = task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": {"n.$": "$.n"}})
    output = machines.output({"Send": state}, {"n": 5})
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    received = sqs.receive_message(QueueUrl=url)["Messages"][0]
    assert json.loads(received["Body"]) == {"n": 5}
    assert received["MessageId"] == output["MessageId"]


def test_an_item_is_put_got_and_updated(machines: Machines) -> None:
    """DynamoDB's optimised operations, and any other through aws-sdk in SDK spelling."""
    dynamodb = machines.sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    key = {"id": {"S": "o1"}}
    update = {
        "TableName": "orders",
        "Key": key,
        "UpdateExpression": "SET amount = :t",
        "ExpressionAttributeValues": {":t": {"N": "7"}},
    }
    states = {
        "Put": task("dynamodb:putItem", {"TableName": "orders", "Item": key}, Next="Update"),
        "Update": task("dynamodb:updateItem", update, Next="Describe"),
        "Describe": task("aws-sdk:dynamodb:describeTable", {"TableName": "orders"}, ResultPath="$.d", Next="Get"),
        "Get": task("dynamodb:getItem", {"TableName": "orders", "Key": key}, ResultSelector={"i.$": "$.Item"}),
    }
    assert machines.output(states) == {"i": {"id": {"S": "o1"}, "amount": {"N": "7"}}}


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "cause"),
    [
        (
            "dynamodb:putItem",
            {"TableName": "none", "Item": {"id": {"S": "x"}}},
            "DynamoDB.ResourceNotFoundException",
            "Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: "
            "ResourceNotFoundException; Request ID: ",
        ),
        (
            "aws-sdk:dynamodb:putItem",
            {"TableName": "none", "Item": {"id": {"S": "x"}}},
            "DynamoDb.ResourceNotFoundException",
            "Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: ",
        ),
        (
            "lambda:invoke",
            {"FunctionName": "none"},
            "Lambda.ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:",
        ),
        (
            "sns:publish",
            {"TopicArn": "arn:aws:sns:us-east-1:ACCOUNT:none", "Message": "m"},
            "SNS.NotFoundException",
            "Topic does not exist (Service: AmazonSNS; Status Code: 404; Error Code: NotFound",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "http://no-such-queue", "MessageBody": "m"},
            "SQS.SdkClientException",
            "Unable to execute HTTP request: ",
        ),
        (
            "aws-sdk:sfn:sendTaskSuccess",
            {"TaskToken": "NoSuchTaskToken", "Output": "no JSON, which is looked at later"},
            "Sfn.InvalidTokenException",
            "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: ",
        ),
        (
            "aws-sdk:sfn:sendTaskFailure",
            {"TaskToken": "NoSuchTaskToken"},
            "Sfn.InvalidTokenException",
            "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: ",
        ),
    ],
)
def test_errors_of_services_have_the_sdks_names(
    machines: Machines, resource: str, parameters: Any, error: str, cause: str
) -> None:
    """Recorded: optimised integrations speak as Java's first SDK, aws-sdk ones as its second."""
    own = json.loads(json.dumps(parameters).replace("ACCOUNT", machines.sandbox.account))
    found = machines.wait(machines.start({"T": task(resource, own)}), "FAILED")
    assert found["error"] == error
    assert found["cause"].startswith(cause)


def test_objects_are_put_and_got_as_the_sdk_shows_them(machines: Machines, sandbox: Sandbox) -> None:
    """Recorded: the SDK adds a CRC32 and a type to uploads, and tells the length and the (empty) metadata of what it
    gets."""
    bucket = f"sdk-{time.monotonic_ns()}"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    where = {"Bucket": bucket, "Key": "k"}
    put = machines.output({"T": task("aws-sdk:s3:putObject", {**where, "Body": {"Dict": "Value"}})})
    assert put["ChecksumCRC32"] == "hnEfWw=="
    got = machines.output({"T": task("aws-sdk:s3:getObject", where)})
    assert (got["Body"], got["ContentLength"], got["Metadata"]) == ('{"Dict":"Value"}', 16, {})
    assert got["ContentType"] == "text/plain; charset=UTF-8"
    machines.output({"T": task("aws-sdk:s3:putObject", {**where, "Body": {}, "ContentType": "application/json"})})
    assert machines.output({"T": task("aws-sdk:s3:getObject", where)})["ContentType"] == "application/json"


def test_an_upload_has_the_checksum_that_is_asked_for(machines: Machines, sandbox: Sandbox) -> None:
    """Recorded: the SDK computes the checksum of the algorithm; its members come sorted by name, empty lists and
    fractions of a header's seconds are left out."""
    bucket = f"sum-{time.monotonic_ns()}"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    where = {"Bucket": bucket, "Key": "k"}
    listed = machines.output({"T": task("aws-sdk:s3:listObjectsV2", {"Bucket": bucket})})
    assert list(listed) == sorted(listed)
    assert not {"Contents", "CommonPrefixes"} & set(listed)
    body = {"message": "sdk-checksum-control"}
    upload = {**where, "Body": body, "ChecksumAlgorithm": "SHA256"}
    put = machines.output({"T": task("aws-sdk:s3:putObject", upload)})
    digest = hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).digest()
    assert put["ChecksumSHA256"] == base64.b64encode(digest).decode()
    assert "ChecksumCRC32" not in put
    head = machines.output({"T": task("aws-sdk:s3:headObject", {**where, "ChecksumMode": "ENABLED"})})
    assert head["ChecksumSHA256"] == put["ChecksumSHA256"]
    assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z", head["LastModified"])


def test_members_are_spelled_as_in_the_sdk_for_java(machines: Machines, sandbox: Sandbox) -> None:
    """`aws-sdk:` integrations name members as the SDK for Java 2 does (`Md5OfMessageBody`, `Acl`); optimised ones keep
    the API's capitals, and AWS's own spelling is refused by the former."""
    queue = sandbox.client("sqs").create_queue(QueueName="spelled")["QueueUrl"]
    message = {"QueueUrl": queue, "MessageBody": "m"}
    assert "Md5OfMessageBody" in machines.output({"T": task("aws-sdk:sqs:sendMessage", message)})
    assert "MD5OfMessageBody" in machines.output({"T": task("sqs:sendMessage", message)})
    bucket = f"acl-{time.monotonic_ns()}"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    upload = {"Bucket": bucket, "Key": "k", "Body": "b"}
    bad = {**upload, "ACL": "private"}
    with pytest.raises(ClientError, match=r'The field "ACL" is not supported by Step Functions\. Did you mean '):
        machines.create({"T": task("aws-sdk:s3:putObject", bad)})
    deleted = {"Bucket": bucket, "Delete.$": "$"}
    given = {"objects": [{"Key": "k"}]}
    found = machines.wait(machines.start({"T": task("aws-sdk:s3:deleteObjects", deleted)}, given), "FAILED")
    assert found["error"] == "States.Runtime"
    assert found["cause"].startswith('The field "objects" is not supported by Step Functions.')
    assert "ETag" in machines.output(
        {"T": task("aws-sdk:s3:putObject", {**upload, "Acl": "bucket-owner-full-control"})}
    )


def test_thirty_days_pass_at_once(machines: Machines) -> None:
    """Waits follow the environment's clock."""
    states = {"W": {"Type": "Wait", "Seconds": 2_592_000, "End": True}}
    execution = machines.start(states)
    machines.until(execution, "WaitStateEntered")
    machines.sandbox.advance_clock(2_592_001)
    found = machines.wait(execution)
    assert (found["stopDate"] - found["startDate"]).days == 30


def test_a_callback_with_a_token(machines: Machines) -> None:
    """The state machine waits until somebody answers with the token; the answer is the task's output."""
    sqs = machines.sandbox.client("sqs")
    url = sqs.create_queue(QueueName="callbacks")["QueueUrl"]
    state = task("sqs:sendMessage.waitForTaskToken", {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}})
    execution = machines.start({"Ask": state})
    message = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]
    machines.until(execution, "TaskSubmitted")
    token = json.loads(message["Body"])["token"]
    machines.client.send_task_heartbeat(taskToken=token)
    machines.client.send_task_success(taskToken=token, output='{"approved": true}')
    assert json.loads(machines.wait(execution)["output"]) == {"approved": True}
    with pytest.raises(machines.client.exceptions.TaskTimedOut):
        machines.client.send_task_success(taskToken=token, output="{}")
    with pytest.raises(machines.client.exceptions.InvalidToken, match="Invalid Token: 'Invalid token'"):
        machines.client.send_task_failure(taskToken="nonsense")
    second = machines.start({"Ask": state})
    message = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]
    machines.until(second, "TaskSubmitted")
    token = json.loads(message["Body"])["token"]
    with pytest.raises(machines.client.exceptions.InvalidOutput):
        machines.client.send_task_success(taskToken=token, output="{")


def test_one_machine_waits_for_another(machines: Machines) -> None:
    """startExecution.sync hands on the other's output as text, .sync:2 as JSON; its failure fails the task."""
    inner = machines.create({"I": {"Type": "Pass", "Result": {"n": 1}, "End": True}})
    failing = machines.create({"F": {"Type": "Fail", "Error": "E", "Cause": "c"}})
    first = task("states:startExecution.sync", {"StateMachineArn": inner, "Input": {}}, ResultPath="$.one", Next="B")
    second = task("states:startExecution.sync:2", {"StateMachineArn": inner}, ResultPath="$.two")
    output = machines.output({"A": first, "B": second})
    assert output["one"]["Output"] == '{"n":1}'
    assert output["two"]["Output"] == {"n": 1}
    state = task("states:startExecution.sync:2", {"StateMachineArn": failing})
    found = machines.wait(machines.start({"A": state}), "FAILED")
    assert found["error"] == "States.TaskFailed"
    assert json.loads(found["cause"])["Error"] == "E"


def test_stopping_an_execution_stops_what_it_waits_for(machines: Machines) -> None:
    """StopExecution ends the execution, with error and cause, and the executions that it started with .sync."""
    inner = machines.create({"W": {"Type": "Wait", "Seconds": 9999, "End": True}})
    outer = machines.start({"A": task("states:startExecution.sync", {"StateMachineArn": inner, "Name": "child"})})
    machines.until(outer, "TaskSubmitted")
    machines.client.stop_execution(executionArn=outer, error="E", cause="c")
    found = machines.wait(outer, "ABORTED")
    assert (found["error"], found["cause"]) == ("E", "c")
    child = inner.replace(":stateMachine:", ":execution:") + ":child"
    assert machines.wait(child, "ABORTED")["stopDate"]


def test_starting_twice(machines: Machines) -> None:
    """The same name and input is the same execution while it runs; everything else with that name is refused."""
    arn = machines.create({"W": {"Type": "Wait", "Seconds": 9999, "End": True}})
    first = machines.client.start_execution(stateMachineArn=arn, name="x", input="{}")
    again = machines.client.start_execution(stateMachineArn=arn, name="x", input="{}")
    assert again["startDate"] == first["startDate"]
    with pytest.raises(ClientError, match=f"Execution Already Exists: '{first['executionArn']}'"):
        machines.client.start_execution(stateMachineArn=arn, name="x", input='{"a": 1}')
    machines.client.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(machines.client.exceptions.ExecutionAlreadyExists):
        machines.client.start_execution(stateMachineArn=arn, name="x", input="{}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not some json", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token"),
        ("{'not': 'json'", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
        ("", "Invalid execution input."),
    ],
)
def test_inputs_that_are_no_json(machines: Machines, text: str, said: str) -> None:
    """Recorded messages of Jackson's."""
    arn = machines.create({"P": {"Type": "Pass", "End": True}})
    with pytest.raises(machines.client.exceptions.InvalidExecutionInput) as caught:
        machines.client.start_execution(stateMachineArn=arn, input=text)
    message = caught.value.response["Error"]["Message"]
    assert message.startswith(f"Invalid State Machine Execution Input: '{said}")


def test_a_failed_execution_goes_on_where_it_failed(machines: Machines) -> None:
    """RedriveExecution tries the failed state again, without what went well before it."""
    sqs = machines.sandbox.client("sqs")
    url = sqs.create_queue(QueueName="before")["QueueUrl"].replace("before", "redriven")
    states = {
        "First": {"Type": "Pass", "Result": "once", "ResultPath": "$.first", "Next": "Send"},
        "Send": task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "m"}, ResultPath=None),
    }
    execution = machines.start(states)
    failed = machines.wait(execution, "FAILED")
    assert failed["redriveStatus"] == "REDRIVABLE"
    sqs.create_queue(QueueName="redriven")
    machines.client.redrive_execution(executionArn=execution)
    done = machines.wait(execution)
    assert done["redriveCount"] == 1
    kinds = [event["type"] for event in machines.client.get_execution_history(executionArn=execution)["events"]]
    assert kinds.count("PassStateEntered") == 1 and "ExecutionRedriven" in kinds
    with pytest.raises(machines.client.exceptions.ExecutionNotRedrivable, match="SUCCEEDED and cannot be redriven"):
        machines.client.redrive_execution(executionArn=execution)


def test_histories_have_pages_and_an_order(machines: Machines) -> None:
    """GetExecutionHistory forwards and backwards, in pages, with and without data."""
    execution = machines.start({"P": {"Type": "Pass", "Result": 1, "End": True}})
    machines.wait(execution)
    client = machines.client
    for reverse, ids in ((False, [1, 2, 3, 4]), (True, [4, 3, 2, 1])):
        found: list[int] = []
        token: dict[str, Any] = {}
        while True:
            page = client.get_execution_history(executionArn=execution, reverseOrder=reverse, maxResults=3, **token)
            found += [event["id"] for event in page["events"]]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert found == ids
    bare = client.get_execution_history(executionArn=execution, includeExecutionData=False)["events"]
    assert "input" not in bare[1]["stateEnteredEventDetails"]
    missing = execution + "x"
    with pytest.raises(client.exceptions.ExecutionDoesNotExist, match=f"Execution Does Not Exist: '{missing}'"):
        client.get_execution_history(executionArn=missing)


def test_lists_are_latest_first_and_filtered(machines: Machines) -> None:
    """ListExecutions in pages, by status, and what is wrong with its arguments."""
    arn = machines.create({"P": {"Type": "Pass", "End": True}})
    started = [machines.client.start_execution(stateMachineArn=arn, name=f"e{n}")["executionArn"] for n in range(5)]
    for execution in started:
        machines.wait(execution)
    names: list[str] = []
    token: dict[str, Any] = {}
    while True:
        page = machines.client.list_executions(stateMachineArn=arn, maxResults=2, **token)
        names += [row["name"] for row in page["executions"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert names == ["e4", "e3", "e2", "e1", "e0"]
    assert machines.client.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"] == []
    assert len(machines.client.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"]) == 5
    with pytest.raises(machines.client.exceptions.InvalidArn, match="Invalid ARN prefix: nonsense"):
        machines.client.list_executions(stateMachineArn="nonsense")


def test_activities_hand_tasks_to_workers(machines: Machines) -> None:
    """A worker polls, gets the input with a token, and answers; its name is in the history."""
    client = machines.client
    activity = client.create_activity(name="review")["activityArn"]
    assert client.create_activity(name="review")["activityArn"] == activity
    execution = machines.start({"A": {"Type": "Task", "Resource": activity, "End": True}}, {"v": 1})
    machines.until(execution, "ActivityScheduled")
    given = client.get_activity_task(activityArn=activity, workerName="w1")
    assert json.loads(given["input"]) == {"v": 1}
    client.send_task_success(taskToken=given["taskToken"], output='{"ok": 1}')
    assert json.loads(machines.wait(execution)["output"]) == {"ok": 1}
    assert machines.until(execution, "ActivityStarted")["activityStartedEventDetails"] == {"workerName": "w1"}
    assert [row["name"] for row in client.list_activities()["activities"]] == ["review"]
    client.delete_activity(activityArn=activity)
    with pytest.raises(client.exceptions.ActivityDoesNotExist, match=f"Activity Does Not Exist: '{activity}'"):
        client.get_activity_task(activityArn=activity)
    with pytest.raises(client.exceptions.InvalidName, match="Invalid Name: 'activity<name'"):
        client.create_activity(name="activity<name")
    with pytest.raises(client.exceptions.InvalidArn, match="Invalid ARN prefix: no_an_activity_arn"):
        client.describe_activity(activityArn="no_an_activity_arn")


def test_an_activity_that_does_not_exist(machines: Machines) -> None:
    """Recorded: the state fails as it is entered; nothing is scheduled."""
    activity = f"arn:aws:states:us-east-1:{machines.sandbox.account}:activity:none"
    execution = machines.start({"A": {"Type": "Task", "Resource": activity, "End": True}})
    found = machines.wait(execution, "FAILED")
    assert found["error"] == "States.Runtime"
    assert f"The activity {activity} does not exist." in found["cause"]
    events = machines.client.get_execution_history(executionArn=execution)["events"]
    assert [event["type"] for event in events] == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


def test_a_machine_with_a_time_limit(machines: Machines) -> None:
    """TimeoutSeconds of the machine ends the execution as TIMED_OUT."""
    states = {"W": {"Type": "Wait", "Seconds": 500, "End": True}}
    execution = machines.start(states, machine={"TimeoutSeconds": 100})
    machines.until(execution, "WaitStateEntered")
    machines.sandbox.advance_clock(101)
    assert machines.wait(execution, "TIMED_OUT")["status"] == "TIMED_OUT"


def test_a_distributed_map_runs_child_executions(machines: Machines) -> None:
    """Each item is an execution of its own; the run counts them, and its results come in the items' order."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    state = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 3, "Label": "Each", "End": True}
    execution = machines.start({"M": state}, list(range(50)))
    assert json.loads(machines.wait(execution)["output"]) == list(range(50))
    run = machines.client.list_map_runs(executionArn=execution)["mapRuns"][0]
    assert ":mapRun:" in run["mapRunArn"] and "/Each:" in run["mapRunArn"]
    found = machines.client.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (found["status"], found["maxConcurrency"]) == ("SUCCEEDED", 3)
    assert found["itemCounts"]["succeeded"] == found["executionCounts"]["total"] == 50
    children = machines.client.list_executions(mapRunArn=run["mapRunArn"], maxResults=1000)["executions"]
    assert len(children) == 50
    kinds = [event["type"] for event in machines.client.get_execution_history(executionArn=execution)["events"]]
    assert kinds[1:-1] == [
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
    ]


def test_a_distributed_map_that_fails_too_often(machines: Machines) -> None:
    """One failure beyond the tolerance fails the run, and its other children are stopped."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericLessThan": 2, "Next": "F"}],
        "Default": "W",
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "C",
        "States": {
            "C": choice,
            "F": {"Type": "Fail", "Error": "E"},
            "W": {"Type": "Wait", "Seconds": 9999, "End": True},
        },
    }
    state = {"Type": "Map", "ItemProcessor": processor, "ToleratedFailureCount": 1, "End": True}
    execution = machines.start({"M": state}, [5, 0, 1])
    found = machines.wait(execution, "FAILED")
    assert found["error"] == "States.ExceedToleratedFailureThreshold"
    run = machines.client.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
    children = machines.client.list_executions(mapRunArn=run)["executions"]
    for child in children:
        if child["status"] == "RUNNING":
            machines.wait(child["executionArn"], "ABORTED")


def test_items_are_read_from_s3_and_results_written_there(machines: Machines) -> None:
    """A CSV object's rows are the items, in batches; the results' manifest is where the output says."""
    s3 = machines.sandbox.client("s3")
    s3.create_bucket(Bucket="map-items")
    s3.put_object(Bucket="map-items", Key="in.csv", Body=b"a,b\n1,2\n3,4\n5,\n")
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "map-items", "Key.$": "$.key"},
        },
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"k.$": "$.key"}},
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "map-items", "Prefix": "out"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": True}},
        },
        "End": True,
    }
    output = machines.output({"M": state}, {"key": "in.csv"})
    written = output["ResultWriterDetails"]
    manifest = json.loads(s3.get_object(Bucket=written["Bucket"], Key=written["Key"])["Body"].read())
    key = manifest["ResultFiles"]["SUCCEEDED"][0]["Key"]
    results = json.loads(s3.get_object(Bucket="map-items", Key=key)["Body"].read())
    inputs = sorted((json.loads(result["Input"]) for result in results), key=lambda batch: -len(batch["Items"]))
    assert inputs == [
        {"BatchInput": {"k": "in.csv"}, "Items": [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]},
        {"BatchInput": {"k": "in.csv"}, "Items": [{"a": "5", "b": ""}]},
    ]
    s3.put_object(Bucket="map-items", Key="in.json", Body=b'{"found": [{"rows": [1, 2]}]}')
    reader: dict[str, Any] = state["ItemReader"]  # type: ignore[assignment]
    reader |= {"ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/found/0/rows"}}
    pointed = {name: state[name] for name in ("Type", "ItemReader", "ItemProcessor", "End")}
    assert machines.output({"M": pointed}, {"key": "in.json"}) == [1, 2]
    missing = machines.wait(machines.start({"M": state}, {"key": "none.csv"}), "FAILED")
    assert missing["error"] == "States.ItemReaderFailed"


def test_a_redriven_distributed_map_is_a_new_run(machines: Machines) -> None:
    """STATES-003: all items again in a new Map run. STATES-004: express children are durable, so they are listed."""
    sqs = machines.sandbox.client("sqs")
    url = sqs.create_queue(QueueName="map-before")["QueueUrl"].replace("map-before", "map-redriven")
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "T",
        "States": {"T": task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "m"}, ResultPath=None)},
    }
    execution = machines.start({"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}, [1, 2])
    machines.wait(execution, "FAILED")
    sqs.create_queue(QueueName="map-redriven")
    machines.client.redrive_execution(executionArn=execution)
    assert json.loads(machines.wait(execution)["output"]) == [1, 2]
    runs = machines.client.list_map_runs(executionArn=execution)["mapRuns"]
    assert len(runs) == 2
    newest = runs[0]["mapRunArn"]
    assert machines.client.describe_map_run(mapRunArn=newest)["status"] == "SUCCEEDED"
    assert len(machines.client.list_executions(mapRunArn=newest)["executions"]) == 2
