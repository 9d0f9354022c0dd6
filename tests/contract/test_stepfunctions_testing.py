"""TestState through boto3: one state by itself, really done or mocked, and what it shows of its way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Any:
    """Without the prefix that SDKs put before the host of TestState: `sync-localhost` is no name of this machine."""
    return sandbox.client("stepfunctions", inject_host_prefix=False)


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """(code, message) of an error."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def mocked(client: Any, state: dict[str, Any], result: Any, **params: Any) -> Any:
    return client.test_state(definition=json.dumps(state), mock={"result": json.dumps(result)}, **params)


def test_a_pass_state_is_tested(client: Any) -> None:
    """Recorded inspection data of a Pass state with input and output paths."""
    state = {
        "Type": "Pass",
        "InputPath": "$.initialData",
        "Parameters": {"staticValue": "some value", "inputValue.$": "$.fieldFromInput"},
        "ResultPath": "$.modifiedData",
        "Next": "Other",
    }
    given = {"unrelatedData": 1, "initialData": {"fieldFromInput": "v"}}
    found = client.test_state(definition=json.dumps(state), input=json.dumps(given), inspectionLevel="DEBUG")
    made = {"staticValue": "some value", "inputValue": "v"}
    assert (found["status"], found["nextState"]) == ("SUCCEEDED", "Other")
    assert json.loads(found["output"]) == {**given, "modifiedData": made}
    shown = {name: json.loads(text) for name, text in found["inspectionData"].items()}
    assert shown == {
        "input": given,
        "afterInputPath": {"fieldFromInput": "v"},
        "afterParameters": made,
        "afterResultSelector": made,
        "afterResultPath": {**given, "modifiedData": made},
    }


def test_a_mocked_task_is_retried_and_caught(client: Any) -> None:
    """Recorded statuses RETRIABLE and CAUGHT_ERROR, with which retrier or catcher it was."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f"},
        "Retry": [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["Mocked"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Handle"}],
        "End": True,
    }
    mock = {"errorOutput": {"error": "Mocked", "cause": "why"}}
    call = {"definition": json.dumps(state), "mock": mock, "inspectionLevel": "DEBUG"}
    found = client.test_state(**call)
    assert (found["status"], found["error"], found["cause"]) == ("RETRIABLE", "Mocked", "why")
    assert found["inspectionData"]["errorDetails"] == {"retryIndex": 1, "retryBackoffIntervalSeconds": 1}
    found = client.test_state(**call, stateConfiguration={"retrierRetryCount": 1})
    assert (found["status"], found["nextState"]) == ("CAUGHT_ERROR", "Handle")
    assert json.loads(found["output"]) == {"Error": "Mocked", "Cause": "why"}
    assert found["inspectionData"]["afterResultPath"] == found["output"]
    found = client.test_state(definition=json.dumps(state), mock={"result": '{"Payload": "1"}'})
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"Payload": "1"})


def test_what_a_test_may_not_ask(client: Any) -> None:
    """Recorded messages of TestState's own checks."""
    task = json.dumps({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True})
    start = json.dumps({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "End": True})
    each = {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}
    map_state = json.dumps({"Type": "Map", "ItemProcessor": each, "End": True})
    empty = json.dumps({"Type": "Pass", "End": True})
    read = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    reading = {"Type": "Map", "ItemReader": read, "ItemProcessor": {**each, "ProcessorConfig": config}, "End": True}
    failing = {"mapIterationFailureCount": 1}
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {"definition": task, "mock": {}},
            "One of the following fields is required for a test mock: [result, errorOutput].",
        ),
        ({"definition": task, "mock": {"result": "null"}}, "Mocked result must be a valid JSON object."),
        (
            {"definition": task, "mock": {"errorOutput": {}}},
            "An error was not specified in the mocked error output.",
        ),
        (
            {"definition": task, "mock": {"result": "{}"}, "stateConfiguration": failing},
            "MapIterationFailureCount is only supported when testing a Map state.",
        ),
        (
            {"definition": json.dumps(reading), "mock": {"result": "[]"}},
            "ItemReader data must be specified when testing a Map state with ItemReader specified.",
        ),
        (
            {"definition": map_state, "input": "[1, 2]", "mock": {"result": "[1]"}},
            "Input array does not equal the mocked result array's size",
        ),
        ({"definition": task}, "RoleArn must be specified when testing a Task state"),
        (
            {"definition": task, "mock": {"result": "{}", "errorOutput": {"error": "E"}}},
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ),
        (
            {"definition": task, "mock": {"result": "{}"}, "revealSecrets": True},
            "TestState does not support RevealSecrets when a mock is specified.",
        ),
        (
            {"definition": empty, "mock": {"result": "{}"}},
            "State type 'Pass' is not supported when a mock is specified",
        ),
        ({"definition": map_state, "mock": {"result": "{}"}}, "Mocked result must be an array."),
        (
            {"definition": start, "mock": {"result": '{"executionArn": "a"}'}},
            "Mock result schema validation error: Required field 'ExecutionArn' is missing",
        ),
        (
            {"definition": start, "mock": {"result": '{"ExecutionArn": "a", "StartDate": true}'}},
            "Mock result schema validation error: Field 'StartDate' must be a string",
        ),
        (
            {"definition": empty, "context": '{"Pokedex": {}}'},
            "Invalid Context object provided: Field 'Pokedex' is not allowed",
        ),
        (
            {"definition": empty, "context": '{"Execution": {"Id": 1}}'},
            "Invalid Context object provided: Execution.Id must be a string",
        ),
        (
            {"definition": map_state, "stateConfiguration": {"mapIterationFailureCount": 1}},
            "TestState does not support MapIterationFailureCount when a mock is not specified.",
        ),
    ]
    for params, message in cases:
        assert refused(client.test_state, **params) == ("ValidationException", message)


def test_a_mocked_map_and_its_tolerance(client: Any) -> None:
    """Recorded: failures within the tolerance succeed, one more fails the state, with what was worked out before."""
    each = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    state = {
        "Type": "Map",
        "QueryLanguage": "JSONata",
        "Items": "{% $states.input.Values %}",
        "ToleratedFailureCount": 1,
        "ItemProcessor": each,
        "End": True,
    }
    given = '{"Values": ["first", "second", "third"]}'
    call = {"definition": json.dumps(state), "input": given, "inspectionLevel": "DEBUG"}
    mock = {"result": "[1, 1, 1]"}
    found = client.test_state(**call, mock=mock, stateConfiguration={"mapIterationFailureCount": 1})
    assert (found["status"], found["output"]) == ("SUCCEEDED", "[1, 1, 1]")
    assert found["inspectionData"] == {"input": given, "maxConcurrency": 0, "toleratedFailureCount": 1}
    found = client.test_state(**call, mock=mock, stateConfiguration={"mapIterationFailureCount": 2})
    assert (found["status"], found["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    inner = {"StartAt": "M", "States": {"M": {**state, "QueryLanguage": "JSONPath"}}}
    inner["States"]["M"].pop("Items")  # type: ignore[attr-defined]
    found = client.test_state(definition=json.dumps(inner), stateName="P", input='{"Value": "HelloWorld"}')
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"Value": "HelloWorld"}')


def test_what_a_mocked_map_shows(client: Any) -> None:
    """Recorded: each step from the items to the children is shown, lists as Java writes them, and batches as texts; a
    reader's data is taken as it was in S3."""
    processor = {"StartAt": "C", "States": {"C": {"Type": "Pass", "End": True}}}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    state = {
        "Type": "Map",
        "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
        "ItemProcessor": {**processor, "ProcessorConfig": config},
        "ItemBatcher": {"MaxItemsPerBatch": 2},
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/items"},
            "Parameters": {"Bucket": "b", "Key": "k"},
        },
        "End": True,
    }
    call = {"input": '{"items": [1, 2, 3]}', "inspectionLevel": "DEBUG"}
    data = {"mapItemReaderData": '{"items": [4, 5, 6]}'}
    found = client.test_state(
        definition=json.dumps(state), mock={"result": "[10, 20]"}, stateConfiguration=data, **call
    )["inspectionData"]
    assert found["afterItemsPointer"] == "[4,5,6]"
    assert found["afterItemSelector"] == '[{"i":0,"v":4}, {"i":1,"v":5}, {"i":2,"v":6}]'
    batches = [{"Items": ['{"i":0,"v":4}', '{"i":1,"v":5}']}, {"Items": ['{"i":2,"v":6}']}]
    assert found["afterItemBatcher"].startswith('[{"Items":[')
    assert json.loads(found["afterItemBatcher"]) == batches
    assert "result" not in found
    inline = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True}
    found = client.test_state(definition=json.dumps(inline), mock={"result": "[1, 1, 1]"}, **call)["inspectionData"]
    assert (found["afterItemsPath"], found["maxConcurrency"]) == ("[1, 2, 3]", 0)
    assert "afterItemSelector" not in found


def task(resource: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "End": True, **fields}


@pytest.mark.parametrize(
    ("resource", "result", "problem"),
    [
        ("lambda:invoke", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
        ("lambda:invoke", {"Payload": {"a": 1}}, "Field 'Payload' must be a string"),
        ("events:putEvents", {"Entries": "none"}, "Field 'Entries' must be an array"),
        ("events:putEvents", {"Entries": [{"EventId": "a"}, {"EventId": ["b"]}]}, "Field 'EventId' must be a string"),
        (
            "dynamodb:putItem",
            {"ConsumedCapacity": {"CapacityUnits": "123.45"}},
            "Field 'CapacityUnits' must be a number",
        ),
        ("aws-sdk:s3:getObject", {"StorageClass": "Papyrus"}, "Field 'StorageClass' is not an expected value"),
        ("aws-sdk:kms:encrypt", {"CiphertextBlob": 123}, "Field 'CiphertextBlob' must be a string"),
        ("aws-sdk:kms:encrypt", {"CiphertextBlob": ""}, "Field 'CiphertextBlob' is less than the minimum length"),
        (
            "aws-sdk:lambda:getFunction",
            {"Configuration": {"MemorySize": 127}},
            "Field 'MemorySize' is less than the minimum value",
        ),
    ],
)
def test_a_mock_is_checked_by_the_operations_model(client: Any, resource: str, result: Any, problem: str) -> None:
    """Recorded: what a mock answers has to be what the operation could answer; what the model does not know passes, and
    with fieldValidationMode NONE everything does."""
    state = task(resource)
    message = f"Mock result schema validation error: {problem}"
    text = {"result": json.dumps(result)}
    params = {"definition": json.dumps(state), "mock": text}
    assert refused(client.test_state, **params) == ("ValidationException", message)
    assert mocked(client, state, {"random": "json"})["status"] == "SUCCEEDED"
    found = client.test_state(definition=params["definition"], mock={**text, "fieldValidationMode": "NONE"})
    assert json.loads(found["output"]) == result


def test_what_a_mock_of_a_fork_must_be(client: Any) -> None:
    """A Map or Parallel state needs a mock, with as many results as there are branches, and JSON."""
    branch = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    parallel = {"Type": "Parallel", "Branches": [branch, branch], "End": True}
    each = {"Type": "Map", "ItemProcessor": branch, "End": True}
    for state in (parallel, each):
        assert refused(client.test_state, definition=json.dumps(state), inspectionLevel="TRACE") == (
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]",
        )
    cases: list[tuple[Any, str, str]] = [
        (parallel, "[1]", "Mocked result must contain the same number of items as number of Parallel branches."),
        (parallel, "{}", "Mocked result must be an array."),
        (task("lambda:invoke"), "no JSON", "Mocked result must be valid JSON"),
    ]
    for state, result, message in cases:
        call = {"definition": json.dumps(state), "mock": {"result": result}}
        assert refused(client.test_state, **call) == ("ValidationException", message)
    assert refused(
        client.test_state,
        definition=json.dumps(each),
        input="[1]",
        mock={"result": "[1]"},
        stateConfiguration={"mapIterationFailureCount": 2},
    ) == (
        "ValidationException",
        "Map iteration failure count must be less than or equal to the number of Map iterations",
    )
    assert json.loads(mocked(client, parallel, [1, 2])["output"]) == [1, 2]


def test_a_context_object_stands_in(client: Any) -> None:
    """Recorded: `$$` is what the request says it is. A token is for tasks that wait for one only."""
    waiting = task(
        "sqs:sendMessage.waitForTaskToken",
        Parameters={"QueueUrl": "https://q", "MessageBody": {"TaskToken.$": "$$.Task.Token"}},
        ResultPath="$.SQS",
    )
    context = json.dumps({"Task": {"Token": "abcd123"}})
    found = mocked(client, waiting, {"p": 1}, context=context, inspectionLevel="TRACE")
    assert json.loads(found["inspectionData"]["afterParameters"])["MessageBody"] == {"TaskToken": "abcd123"}
    assert json.loads(found["output"]) == {"SQS": {"p": 1}}
    plain = {"definition": json.dumps(task("lambda:invoke")), "mock": {"result": "{}"}}
    assert refused(client.test_state, **plain, context=context) == (
        "ValidationException",
        "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service "
        "integration pattern",
    )


def test_items_are_shown_as_a_list(client: Any) -> None:
    """Recorded: afterItemsPath is a list as Java writes it; a path into the context is named without its first `$`."""
    branch = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemsPath": "$.Values", "ItemProcessor": branch, "End": True}
    found = mocked(client, state, [1, 2], input='{"Values": ["a","b"]}', inspectionLevel="DEBUG")
    assert found["inspectionData"]["afterItemsPath"] == '["a", "b"]'
    whole = {**state, "ItemsPath": "$$.Execution.Input"}
    found = mocked(client, whole, [1], context='{"Execution": {"Input": {}}}')
    assert (found["error"], found["cause"]) == (
        "States.Runtime",
        'Reference path "$.Execution.Input" must point to array.',
    )
