"""Lambda functions as tasks, parallel branches at the same time, and the saga with compensation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import TAKES_DELIVERIES, Sandbox, until
from tests.contract import lambda_bench
from tests.contract.test_stepfunctions_executions import Machines, task

RAISE = """
class CustomException(Exception):
    pass
def handler(event, context):
    if isinstance(event, dict) and event.get("fail"):
        raise CustomException("Some exception was raised.")
    return event
"""


@pytest.fixture
def machines(sandbox: Sandbox) -> Machines:
    return Machines(sandbox)


@pytest.fixture(scope="module")
def function(sandbox: Sandbox) -> str:
    """A function that echoes, or raises where it is told to."""
    return str(lambda_bench.create(sandbox.client("lambda"), "states-raise", RAISE)["FunctionArn"])


def test_a_function_by_its_arn(machines: Machines, function: str) -> None:
    """The state's input is the event, the answer the output; the events are LambdaFunction*."""
    execution = machines.start({"F": {"Type": "Task", "Resource": function, "End": True}}, {"a": [1, None, "ä"]})
    assert json.loads(machines.wait(execution)["output"]) == {"a": [1, None, "ä"]}
    kinds = [event["type"] for event in machines.client.get_execution_history(executionArn=execution)["events"]]
    assert kinds[2:5] == ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded"]


def test_a_function_by_lambda_invoke(machines: Machines, function: str) -> None:
    """The answer is under Payload, beside what the SDK says of the call."""
    state = task("lambda:invoke", {"FunctionName": function, "Payload.$": "$"})
    output = machines.output({"F": state}, {"a": 1})
    assert output["Payload"] == {"a": 1}
    assert (output["StatusCode"], output["ExecutedVersion"]) == (200, "$LATEST")
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    # Recorded: the length of the payload as the function's runtime wrote it.
    assert output["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == str(len('{"a": 1}'))


def test_lengths_of_answers_are_those_of_aws(machines: Machines, sandbox: Sandbox) -> None:
    """Recorded: SNS answers in XML, and Step Functions writes a start's date as a double."""
    topic = sandbox.client("sns").create_topic(Name="lengths")["TopicArn"]
    output = machines.output({"S": task("sns:publish", {"TopicArn": topic, "Message": "m"})})
    assert output["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == "294"
    target = machines.create({"P": {"Type": "Pass", "End": True}})
    output = machines.output({"S": task("states:startExecution", {"StateMachineArn": target})})
    length = int(output["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"])
    rest = len('{"executionArn":"","startDate":1.E9}') + len(output["ExecutionArn"])
    assert 0 < length - rest <= 12


@pytest.mark.parametrize(
    ("payload", "event"), [("0.0", 0.0), ("{}", {}), ('"a"', "a"), ("true", True), ("Hello", "Hello")]
)
def test_a_payload_that_is_json_in_a_text(machines: Machines, function: str, payload: str, event: Any) -> None:
    """Recorded: the function gets what the text says, and not the text."""
    state = task("lambda:invoke", {"FunctionName": function, "Payload.$": "$"})
    assert machines.output({"F": state}, payload)["Payload"] == event


def test_no_payload_is_an_empty_object(machines: Machines, function: str) -> None:
    """Recorded for null; the same where there is no Payload at all."""
    for parameters in ({"Payload": None}, {}):
        state = task("lambda:invoke", {"FunctionName": function} | parameters)
        assert machines.output({"F": state})["Payload"] == {}


def test_what_a_function_raises_is_the_error(machines: Machines, function: str) -> None:
    """Recorded: the type is the error, the answer the cause - as it came for an ARN, compact for lambda:invoke."""
    states = {"F": {"Type": "Task", "Resource": function, "End": True}}
    found = machines.wait(machines.start(states, {"fail": True}), "FAILED")
    assert found["error"] == "CustomException"
    assert json.loads(found["cause"])["errorMessage"] == "Some exception was raised."
    state = task("lambda:invoke", {"FunctionName": function, "Payload": {"fail": True}})
    found = machines.wait(machines.start({"F": state}), "FAILED")
    assert found["error"] == "CustomException"
    assert found["cause"].startswith('{"errorMessage":"Some exception was raised.","errorType":"CustomException"')


def test_branches_run_at_the_same_time(machines: Machines, sandbox: Sandbox) -> None:
    """Each branch waits until the other's function runs, which can only happen if both do."""
    code = """
import boto3, json, os, time
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=event["tell"], MessageBody="here")
    found = sqs.receive_message(QueueUrl=event["hear"], WaitTimeSeconds=20)
    return bool(found.get("Messages"))
"""
    lambda_bench.create(sandbox.client("lambda"), "states-meet", code, Timeout=30)
    sqs = sandbox.client("sqs")
    urls = [sqs.create_queue(QueueName=f"meet-{n}")["QueueUrl"] for n in range(2)]
    branches = []
    for n in range(2):
        payload = {"tell": urls[n], "hear": urls[1 - n]}
        state = task("lambda:invoke", {"FunctionName": "states-meet", "Payload": payload}, OutputPath="$.Payload")
        branches.append({"StartAt": f"B{n}", "States": {f"B{n}": state}})
    assert machines.output({"P": {"Type": "Parallel", "Branches": branches, "End": True}}) == [True, True]


def test_a_saga_compensates(machines: Machines, function: str, sandbox: Sandbox) -> None:
    """What was done before a failure is undone: Catch keeps the error beside the input, and leads to the undoing."""
    dynamodb = sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="bookings",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    key: dict[str, Any] = {"id": {"S.$": "$.id"}}
    states = {
        "Book": task("dynamodb:putItem", {"TableName": "bookings", "Item": key}, ResultPath=None, Next="Pay"),
        "Pay": {
            **task("lambda:invoke", {"FunctionName": function, "Payload": {"fail": True}}),
            "Retry": [{"ErrorEquals": ["Lambda.TooManyRequestsException"]}],
            "Catch": [{"ErrorEquals": ["CustomException"], "ResultPath": "$.error", "Next": "Cancel"}],
        },
        "Cancel": task("dynamodb:deleteItem", {"TableName": "bookings", "Key": key}, ResultPath=None, Next="Failed"),
        "Failed": {"Type": "Fail", "ErrorPath": "$.error.Error", "Cause": "cancelled"},
    }
    found = machines.wait(machines.start(states, {"id": "b1"}), "FAILED")
    assert (found["error"], found["cause"]) == ("CustomException", "cancelled")
    assert dynamodb.scan(TableName="bookings")["Count"] == 0


def test_status_changes_are_events(machines: Machines, sandbox: Sandbox) -> None:
    """EventBridge gets an event for the start and the end of an execution."""
    sqs, events = sandbox.client("sqs"), sandbox.client("events")
    url = sqs.create_queue(QueueName="changes", Attributes={"Policy": TAKES_DELIVERIES})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="states", EventPattern=json.dumps({"source": ["aws.states"]}))
    events.put_targets(Rule="states", Targets=[{"Id": "q", "Arn": arn}])
    execution = machines.start({"P": {"Type": "Pass", "End": True}}, {"v": 1})
    seen: dict[str, Any] = {}

    def both() -> bool:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", []):
            event = json.loads(message["Body"])
            seen[event["detail"]["status"]] = event
        return seen.keys() >= {"RUNNING", "SUCCEEDED"}

    until(both)
    assert seen["SUCCEEDED"]["detail-type"] == "Step Functions Execution Status Change"
    assert seen["SUCCEEDED"]["resources"] == [execution]
    assert seen["SUCCEEDED"]["detail"]["output"] == '{"v": 1}'
    # Members of the recorded event, null where they say nothing.
    assert seen["RUNNING"]["detail"]["redriveStatusReason"] == "Execution is RUNNING and cannot be redriven"
    told = {name: seen["SUCCEEDED"]["detail"][name] for name in ("redriveCount", "redriveDate", "redriveStatus")}
    assert told == {"redriveCount": 0, "redriveDate": None, "redriveStatus": "NOT_REDRIVABLE"}
    assert (seen["RUNNING"]["detail"]["stateMachineVersionArn"], seen["RUNNING"]["detail"]["stopDate"]) == (None, None)


def test_an_api_is_called(machines: Machines, function: str, sandbox: Sandbox) -> None:
    """apigateway:invoke: an AWS host name of an API means the one here; its errors have their status in the name."""
    api = sandbox.client("apigatewayv2").create_api(Name="states", ProtocolType="HTTP", Target=function)
    account = sandbox.account
    sandbox.client("lambda").add_permission(
        FunctionName=function,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{account}:{api['ApiId']}/*",
    )
    endpoint = f"{api['ApiId']}.execute-api.us-east-1.amazonaws.com"
    parameters = {"ApiEndpoint": endpoint, "Method": "POST", "Path": "/a/b", "RequestBody": {"v.$": "$.v"}}
    output = machines.output({"A": task("apigateway:invoke", parameters)}, {"v": 7})
    assert (output["StatusCode"], output["StatusText"]) == (200, "OK")
    # Spelled as AWS does.
    assert output["Headers"]["Content-Type"] == ["application/json"] and "Via" not in output["Headers"]
    assert json.loads(output["ResponseBody"]["body"]) == {"v": 7}
    missing = {"ApiEndpoint": endpoint.replace(api["ApiId"], "zzzzzzz" + api["ApiId"][-3:]), "Method": "GET"}
    found = machines.wait(machines.start({"A": task("apigateway:invoke", missing)}), "FAILED")
    assert found["error"].startswith("ApiGateway.40")


def test_an_edge_optimised_api_is_called(machines: Machines, sandbox: Sandbox) -> None:
    """STATES-006: the recorded headers of a REST API behind CloudFront, which is not there; none of a regional API."""
    apis = sandbox.client("apigateway")
    for types, edge in ((["EDGE"], True), (["REGIONAL"], False)):
        api = apis.create_rest_api(name="edge", endpointConfiguration={"types": types})
        where = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
        apis.put_method(**where, authorizationType="NONE")
        apis.put_integration(**where, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        apis.put_method_response(**where, statusCode="200")
        apis.put_integration_response(**where, statusCode="200", responseTemplates={"application/json": '{"a": 1}'})
        apis.create_deployment(restApiId=api["id"], stageName="test")
        endpoint = f"{api['id']}.execute-api.us-east-1.amazonaws.com"
        parameters = {"ApiEndpoint": endpoint, "Method": "GET", "Stage": "test"}
        output = machines.output({"A": task("apigateway:invoke", parameters)})
        names = {"Via", "X-Cache", "X-Amz-Cf-Id", "X-Amz-Cf-Pop"}
        assert names & set(output["Headers"]) == (names if edge else set())
        assert output["Headers"]["Connection"] == ["keep-alive"]
        assert output["ResponseBody"] == {"a": 1}


def test_an_endpoint_is_called(machines: Machines, sandbox: Sandbox, function: str) -> None:
    """http:invoke sends the request with what its connection adds, reads the answer, and fails with its status."""
    connection = sandbox.client("events").create_connection(
        Name="endpoint",
        AuthorizationType="API_KEY",
        AuthParameters={
            "ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "sesame"},
            "InvocationHttpParameters": {
                "QueryStringParameters": [{"Key": "fixed", "Value": "1"}],
                "BodyParameters": [{"Key": "added", "Value": "2"}],
            },
        },
    )["ConnectionArn"]
    lambdas = sandbox.client("lambda")
    url = lambdas.create_function_url_config(FunctionName=function, AuthType="NONE")["FunctionUrl"]
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        lambdas.add_permission(
            FunctionName=function, StatementId=action.partition(":")[2], Action=action, Principal="*"
        )
    parameters = {
        "ApiEndpoint": url,
        "Method": "POST",
        "Authentication": {"ConnectionArn": connection},
        "QueryParameters": {"a": "b"},
        "RequestBody": {"own": "3"},
    }
    output = machines.output({"H": task("http:invoke", parameters)})
    seen = output["ResponseBody"]
    assert (output["StatusCode"], seen["headers"]["x-key"]) == (200, "sesame")
    assert seen["queryStringParameters"] == {"a": "b", "fixed": "1"}
    assert json.loads(seen["body"]) == {"own": "3", "added": "2"}
    parameters["ApiEndpoint"] = f"{sandbox.server.endpoint}/_mrak/nothing"
    found = machines.wait(machines.start({"H": task("http:invoke", parameters)}), "FAILED")
    assert found["error"].startswith("States.Http.StatusCode.4")
    parameters["Authentication"] = {"ConnectionArn": connection + "x"}
    found = machines.wait(machines.start({"H": task("http:invoke", parameters)}), "FAILED")
    assert found["error"] == "Events.ConnectionResource.InvalidConnectionState"


def test_executions_are_kept_for_ninety_days(machines: Machines, sandbox: Sandbox) -> None:
    """Then they go, so that nothing grows for ever."""
    execution = machines.start({"P": {"Type": "Pass", "End": True}})
    machines.wait(execution)
    sandbox.advance_clock(89 * 86_400)
    assert machines.client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    sandbox.advance_clock(2 * 86_400)

    def gone() -> bool:
        try:
            machines.client.get_execution_history(executionArn=execution)
        except machines.client.exceptions.ExecutionDoesNotExist:
            return True
        return False

    until(gone)
