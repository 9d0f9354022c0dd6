"""State machines through boto3: their life, versions, aliases, tags, validation, TestState, express executions."""

from __future__ import annotations

import json
import time
from typing import Any
from unittest.mock import ANY

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox, error_of
from tests.contract.test_stepfunctions_executions import ended

ROLE = "arn:aws:iam::123456789012:role/states"
PASS = {"StartAt": "State_1", "States": {"State_1": {"Type": "Pass", "Result": {"Arg1": "argument1"}, "End": True}}}


def definition(result: Any) -> str:
    return json.dumps({"StartAt": "S", "States": {"S": {"Type": "Pass", "Result": result, "End": True}}})


@pytest.fixture
def client(sandbox: Sandbox) -> Any:
    """Without the prefix that SDKs put before the host of StartSyncExecution and TestState: `sync-localhost` is no name
    of this machine."""
    return sandbox.client("stepfunctions", inject_host_prefix=False)


@pytest.fixture
def machine(client: Any) -> str:
    made = client.create_state_machine(name=f"m{time.monotonic_ns()}", definition=json.dumps(PASS), roleArn=ROLE)
    return str(made["stateMachineArn"])


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """(code, message) of an error."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_machine_is_described_as_it_was_made(client: Any, machine: str) -> None:
    """Recorded members and defaults; the same request again is the same machine, another one is refused."""
    found = client.describe_state_machine(stateMachineArn=machine)
    found.pop("ResponseMetadata")
    name = machine.rpartition(":")[2]
    assert found.pop("creationDate")
    assert found == {
        "stateMachineArn": machine,
        "name": name,
        "status": "ACTIVE",
        "definition": json.dumps(PASS),
        "roleArn": ROLE,
        "type": "STANDARD",
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    again = client.create_state_machine(name=name, definition=json.dumps(PASS), roleArn=ROLE)
    assert again["stateMachineArn"] == machine
    assert refused(client.create_state_machine, name=name, definition=definition(2), roleArn=ROLE) == (
        "StateMachineAlreadyExists",
        f"State Machine Already Exists: '{machine}'",
    )
    assert name in [row["name"] for row in client.list_state_machines()["stateMachines"]]
    client.delete_state_machine(stateMachineArn=machine)
    client.delete_state_machine(stateMachineArn=machine)
    assert refused(client.describe_state_machine, stateMachineArn=machine) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{machine}'",
    )
    assert refused(client.start_execution, stateMachineArn=machine)[0] == "StateMachineDoesNotExist"


def test_deleting_a_machine_ends_its_executions(client: Any) -> None:
    """STATES-002: on AWS they go on to their end; here they go with the machine."""
    waiting = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99, "End": True}}})
    arn = client.create_state_machine(name="gone", definition=waiting, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    client.delete_state_machine(stateMachineArn=arn)
    assert refused(client.describe_execution, executionArn=execution)[0] == "ExecutionDoesNotExist"


def test_updates_make_revisions(client: Any, machine: str) -> None:
    """Recorded: a revision id from the first update on; an update that changes nothing keeps it and its date."""
    assert refused(client.update_state_machine, stateMachineArn=machine) == (
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
    )
    assert "revisionId" not in client.describe_state_machine(stateMachineArn=machine)
    assert refused(client.update_state_machine, stateMachineArn=machine, versionDescription="d")[0] == (
        "MissingRequiredParameter"
    )
    first = client.update_state_machine(stateMachineArn=machine, definition=definition(1))
    same = client.update_state_machine(stateMachineArn=machine, definition=definition(1))
    second = client.update_state_machine(stateMachineArn=machine, roleArn=ROLE + "2")["revisionId"]
    assert (same["revisionId"], same["updateDate"]) == (first["revisionId"], first["updateDate"])
    assert second != first["revisionId"]
    found = client.describe_state_machine(stateMachineArn=machine)
    assert (found["revisionId"], found["roleArn"]) == (second, ROLE + "2")


def test_versions_stay_as_they_were_published(client: Any, machine: str) -> None:
    """Numbers are never used again, publishing the same revision answers with its version, executions name theirs."""
    first = client.publish_state_machine_version(stateMachineArn=machine, description="one")
    assert first["stateMachineVersionArn"] == f"{machine}:1"
    assert client.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"] == f"{machine}:1"
    same = client.publish_state_machine_version(stateMachineArn=machine, description="one")
    assert same["stateMachineVersionArn"] == f"{machine}:1"
    assert client.publish_state_machine_version(stateMachineArn=machine, description="other") == same | {
        "ResponseMetadata": ANY
    }
    updated = client.update_state_machine(stateMachineArn=machine, definition=definition("new"), publish=True)
    assert updated["stateMachineVersionArn"] == f"{machine}:2"
    assert client.describe_state_machine(stateMachineArn=f"{machine}:1")["description"] == "one"
    execution = client.start_execution(stateMachineArn=f"{machine}:1", name="v1")["executionArn"]
    found = ended(client, execution)
    assert json.loads(found["output"]) == {"Arg1": "argument1"}
    assert found["stateMachineVersionArn"] == f"{machine}:1"
    listed = client.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]
    assert [row["stateMachineVersionArn"] for row in listed] == [f"{machine}:2", f"{machine}:1"]
    client.delete_state_machine_version(stateMachineVersionArn=f"{machine}:2")
    for call in (client.describe_state_machine, client.start_execution):
        assert refused(call, stateMachineArn=f"{machine}:2") == (
            "StateMachineDoesNotExist",
            f"State Machine Version Does Not Exist: '{machine}:2'",
        )
    client.update_state_machine(stateMachineArn=machine, definition=definition("newer"))
    assert client.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"] == f"{machine}:3"
    assert refused(client.update_state_machine, stateMachineArn=f"{machine}:2", roleArn=ROLE) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{machine}:2'",
    )
    assert refused(
        client.create_state_machine, name="x", definition=definition(1), roleArn=ROLE, versionDescription="d"
    ) == ("ValidationException", "Version description can only be set when publish is true")


def test_aliases_route_to_versions(client: Any, machine: str) -> None:
    """Create, describe, update, list, delete; what is wrong with a routing (recorded); executions through it."""
    client.publish_state_machine_version(stateMachineArn=machine)
    client.update_state_machine(stateMachineArn=machine, definition=definition("two"), publish=True)
    one, two = f"{machine}:1", f"{machine}:2"

    def routes(*weights: tuple[str, int]) -> list[dict[str, Any]]:
        return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in weights]

    create = client.create_state_machine_alias
    arn = create(name="live", routingConfiguration=routes((two, 100)))["stateMachineAliasArn"]
    assert arn == f"{machine}:live"
    assert create(name="live", routingConfiguration=routes((two, 100)))["stateMachineAliasArn"] == arn
    wrong = [
        (
            routes((one, 50), (one, 50)),
            f"Routing configuration must contain distinct state machine version ARNs. Received: [{one}, {one}]",
        ),
        (
            routes((machine, 50), (two, 50)),
            f"Routing configuration must contain state machine version ARNs. Received: [{machine}, {two}]",
        ),
        (
            routes((one, 50), (f"{machine}b:1", 50)),
            "Routing configuration must contain state machine version ARNs for the same state machine. Received: "
            f"[{one}, {machine}b:1]",
        ),
        (routes((one, 70), (two, 29)), "Sum of routing configuration weights must equal 100. Received: [70, 29]"),
    ]
    for configuration, message in wrong:
        with pytest.raises(ClientError) as caught:
            create(name="x", routingConfiguration=configuration)
        assert caught.value.response["Error"] == {"Code": "ValidationException", "Message": message}
        assert caught.value.response["reason"] == "INVALID_ROUTING_CONFIGURATION"
    assert refused(client.update_state_machine_alias, stateMachineAliasArn=arn) == (
        "ValidationException",
        "Either description or routing configuration must be specified",
    )
    assert "updateDate" not in client.describe_state_machine_alias(stateMachineAliasArn=arn)
    assert refused(create, name="live", routingConfiguration=routes((one, 100))) == (
        "ConflictException",
        "Failed to create alias because an alias with the same name and a different routing configuration already "
        "exists.",
    )
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    found = ended(client, execution)
    assert (found["stateMachineAliasArn"], found["stateMachineVersionArn"]) == (arn, two)
    client.update_state_machine_alias(stateMachineAliasArn=arn, routingConfiguration=routes((one, 50), (two, 50)))
    described = client.describe_state_machine_alias(stateMachineAliasArn=arn)
    assert described["routingConfiguration"] == routes((one, 50), (two, 50))
    assert described["updateDate"] > described["creationDate"]
    assert refused(client.delete_state_machine_version, stateMachineVersionArn=one)[0] == "ConflictException"
    listed = client.list_state_machine_aliases(stateMachineArn=machine)["stateMachineAliases"]
    assert [row["stateMachineAliasArn"] for row in listed] == [arn]
    assert refused(client.list_state_machine_aliases, stateMachineArn=machine, nextToken="bad!") == (
        "InvalidToken",
        "Invalid Token: 'Invalid token'",
    )
    client.delete_state_machine_alias(stateMachineAliasArn=arn)
    client.delete_state_machine_alias(stateMachineAliasArn=arn)
    assert refused(client.describe_state_machine_alias, stateMachineAliasArn=arn)[0] == "ResourceNotFound"


def test_tags(client: Any, machine: str) -> None:
    """Tag, untag, list; a version has none."""
    client.tag_resource(resourceArn=machine, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": ""}])
    client.untag_resource(resourceArn=machine, tagKeys=["a", "none"])
    assert client.list_tags_for_resource(resourceArn=machine)["tags"] == [{"key": "b", "value": ""}]
    client.publish_state_machine_version(stateMachineArn=machine)
    assert refused(client.tag_resource, resourceArn=f"{machine}:1", tags=[{"key": "a", "value": "1"}]) == (
        "ResourceNotFound",
        f"Resource not found: '{machine}:1'",
    )


def test_logging_needs_one_destination(sandbox: Sandbox, client: Any, machine: str) -> None:
    """Recorded messages, and that a valid configuration is kept. Its group has to be there, and gets a stream."""
    group = "arn:aws:logs:us-east-1:123456789012:log-group:g:*"
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": group}}
    for wrong in ({"level": "ALL"}, {"level": "ALL", "destinations": [destination, destination]}):
        assert refused(client.update_state_machine, stateMachineArn=machine, loggingConfiguration=wrong) == (
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        )
    right = {"level": "ERROR", "includeExecutionData": True, "destinations": [destination]}
    assert refused(client.update_state_machine, stateMachineArn=machine, loggingConfiguration=right) == (
        "InvalidLoggingConfiguration",
        "Invalid Logging Configuration: Log Destination not found.",
    )
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName="g")
    client.update_state_machine(stateMachineArn=machine, loggingConfiguration=right)
    assert client.describe_state_machine(stateMachineArn=machine)["loggingConfiguration"] == right
    streams = [row["logStreamName"] for row in logs.describe_log_streams(logGroupName="g")["logStreams"]]
    assert streams == ["log_stream_created_by_aws_to_validate_log_delivery_subscriptions"]


def test_history_is_logged_as_configured(sandbox: Sandbox, client: Any) -> None:
    """Level and includeExecutionData decide what goes to CloudWatch Logs (recorded form of a line)."""
    destination = {
        "cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:sf-errors:*"}
    }
    sandbox.client("logs").create_log_group(logGroupName="sf-errors")
    failing = json.dumps({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}})
    arn = client.create_state_machine(
        name="logged",
        definition=failing,
        roleArn=ROLE,
        loggingConfiguration={"level": "ERROR", "includeExecutionData": False, "destinations": [destination]},
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    ended(client, execution)
    events = sandbox.client("logs").filter_log_events(logGroupName="sf-errors", logStreamNamePrefix="states/logged/")[
        "events"
    ]
    lines = [json.loads(event["message"]) for event in events]
    assert [(line["id"], line["type"], line["details"]) for line in lines] == [
        ("2", "FailStateEntered", {"name": "F"}),
        ("3", "ExecutionFailed", {"error": "E", "cause": "c"}),
    ]
    assert lines[1]["execution_arn"] == execution and lines[1]["previous_event_id"] == "2"


QUERY = "arn:aws:states:::dynamodb:query"
WAIT_FOR_TOKEN = "arn:aws:states:::sns:publish.waitForTaskToken"


@pytest.mark.parametrize(
    ("machine_type", "given", "problem"),
    [
        ("STANDARD", {"States": PASS["States"]}, "These fields are required: [StartAt] at /"),
        (
            "STANDARD",
            {
                "QueryLanguage": "JSONata",
                "StartAt": "P",
                "States": {"P": {"Type": "Pass", "QueryLanguage": "JSONPath"}},
            },
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/P",
        ),
        (
            "STANDARD",
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "Output": {}, "End": True}}},
            "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' "
            "QueryLanguage at /States/P",
        ),
        (
            "STANDARD",
            {
                "StartAt": "M",
                "States": {"M": {"Type": "Map", "End": True, "ItemProcessor": {**PASS, "QueryLanguage": "JSONata"}}},
            },
            "Field 'QueryLanguage' is not supported at /States/M/ItemProcessor",
        ),
        (
            "STANDARD",
            {
                "StartAt": "Q",
                "States": {"Q": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:query", "End": True}},
            },
            "The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid "
            "resource ARN, or the resource is not available in this region. at /States/Q/Resource",
        ),
        (
            "STANDARD",
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Timestamp": "2016-13-05T21:29:29Z", "End": True}}},
            "String does not match RFC3339 timestamp at /States/W/Timestamp",
        ),
        (
            "STANDARD",
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"p.$": "States.Nope($)"}, "End": True}}},
            "The value for the field 'p.$' must be a valid JSONPath or a valid intrinsic function call at "
            "/States/P/Parameters",
        ),
        (
            "STANDARD",
            {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [], "End": True}}},
            "Value cannot be empty at /States/P/Branches",
        ),
        (
            "EXPRESS",
            {"StartAt": "P", "States": {"P": {"Type": "Task", "Resource": WAIT_FOR_TOKEN, "End": True}}},
            "Express state machine does not support '.waitForTaskToken' service integration  at /States/P/Resource",
        ),
    ],
)
def test_definitions_that_are_refused(client: Any, machine_type: str, given: Any, problem: str) -> None:
    """Recorded messages, by CreateStateMachine and by ValidateStateMachineDefinition."""
    text = json.dumps(given)
    assert refused(client.create_state_machine, name="bad", definition=text, roleArn=ROLE, type=machine_type) == (
        "InvalidDefinition",
        f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {problem}'",
    )
    found = client.validate_state_machine_definition(definition=text, type=machine_type)
    message, _, location = problem.rpartition(" at ")
    assert found["result"] == "FAIL"
    assert found["diagnostics"] == [
        {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": message, "location": location}
    ]


S3_PUT = {"Bucket": "b", "Key": "k", "Body": "text"}
SQS_SEND = {"QueueUrl": "q", "MessageBody": "text"}


@pytest.mark.parametrize(
    ("resource", "given", "problems"),
    [
        ("aws-sdk:s3:putObject", {"bucket": "b", "Key": "k"}, ["'Bucket' is required", "'Body' is required"]),
        ("aws-sdk:s3:putObject", {**S3_PUT, "contentType": "t"}, ["Did you mean 'ContentType'?"]),
        ("aws-sdk:s3:putObject", {**S3_PUT, "Bogus": True}, ["Did you mean 'Bucket'?"]),
        ("aws-sdk:s3:putObject", {**S3_PUT, "Bucket": 123}, ["The value for the field 'Bucket' must be a STRING"]),
        ("aws-sdk:s3:putObject", {"Bucket.$": "$.b", "Key": "k", "Body.$": "$.c"}, []),
        ("aws-sdk:sqs:sendMessage", {**SQS_SEND, "DelaySeconds": "2"}, ["'DelaySeconds' must be an INTEGER"]),
        ("aws-sdk:sqs:sendMessage", {**SQS_SEND, "DelaySeconds": 2.0}, ["'DelaySeconds' must be an INTEGER"]),
        ("aws-sdk:sqs:sendMessage", {**SQS_SEND, "QueueUrl": None}, []),
        ("aws-sdk:sqs:sendMessage", {**SQS_SEND, "MessageAttributes": {"a": {"StringValue": "no type"}}}, []),
        (
            "aws-sdk:sqs:sendMessage",
            {**SQS_SEND, "MessageAttributes": {"a": {"Bogus": "t"}}},
            ['The field "Bogus" is not supported by Step Functions'],
        ),
        (
            "aws-sdk:sqs:sendMessage",
            {**SQS_SEND, "MessageAttributes": {"a": "text"}},
            ["sqs.model.MessageAttributeValue$BuilderImpl` (although at least one Creator exists)"],
        ),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "b", "FetchOwner": " TRUE "}, []),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "b", "FetchOwner": "TrUe"}, ['"true" or "false" recognized']),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "b", "FetchOwner": 1.0}, ["from Floating-point value"]),
        ("sqs:sendMessage", {"QueueUrl": "q"}, ["The field 'MessageBody' is required but was missing"]),
    ],
)
def test_parameters_that_no_operation_takes(client: Any, resource: str, given: Any, problems: list[str]) -> None:
    """Recorded: a definition whose tasks cannot be called as they stand is refused, not first its execution. What is
    missing is told first, then the first thing that cannot be read."""
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": given, "End": True}
    definition = json.dumps({"StartAt": "T", "States": {"T": state}})
    found = client.validate_state_machine_definition(definition=definition)
    assert found["result"] == ("FAIL" if problems else "OK")
    assert [one["location"] for one in found["diagnostics"]] == ["/States/T/Parameters"] * len(problems)
    for diagnostic, said in zip(found["diagnostics"], problems, strict=True):
        assert said in diagnostic["message"]


LOOP = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
NO_END = ("MISSING_END_STATE", "Workflow has no terminal state", None)


@pytest.mark.parametrize(
    ("states", "problems"),
    [
        (LOOP, [NO_END]),
        ({**LOOP, "C": {"Type": "Pass", "Next": "A"}}, [NO_END]),
        (
            {**LOOP, "C": {"Type": "Succeed"}},
            [("MISSING_TRANSITION_TARGET", 'State "C" is not reachable.', "/States/C")],
        ),
        (
            {"A": {"Type": "Pass", "Next": "X"}},
            [("MISSING_TRANSITION_TARGET", "Missing 'Next' target: X", "/States/A/Next"), NO_END],
        ),
        (
            {"A2": {"Type": "Pass", "Next": "X"}, "B": {"Type": "Wait", "Seconds": -1, "End": True}},
            [
                ("SCHEMA_VALIDATION_FAILED", "Minimum value is 0", "/States/B/Seconds"),
                ("MISSING_TRANSITION_TARGET", "Missing 'Next' target: A", "/StartAt"),
                ("MISSING_TRANSITION_TARGET", "Missing 'Next' target: X", "/States/A2/Next"),
                ("MISSING_TRANSITION_TARGET", 'State "A2" is not reachable.', "/States/A2"),
                ("MISSING_TRANSITION_TARGET", 'State "B" is not reachable.', "/States/B"),
            ],
        ),
        (
            {
                "A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "B"}], "Default": "X"},
                "B": {"Type": "Succeed"},
            },
            [("MISSING_TRANSITION_TARGET", "Missing 'Next' target: X", "/States/A/Default")],
        ),
    ],
)
def test_ways_that_lead_nowhere(client: Any, states: Any, problems: Any) -> None:
    """Measured at AWS by others: a workflow that cannot end is refused, and then nothing is said of what cannot be
    reached; targets are 'Next' wherever they are named."""
    definition = json.dumps({"StartAt": "A", "States": states})
    found = client.validate_state_machine_definition(definition=definition)["diagnostics"]
    assert [(one["code"], one["message"], one.get("location")) for one in found] == problems
    said = refused(client.create_state_machine, name="nowhere", definition=definition, roleArn=ROLE)[1]
    assert said.endswith(f"{problems[-1][1]} at {problems[-1][2] or 'null'}'")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("1 +", ("INVALID_JSONATA_EXPRESSION", "Unexpected end of expression")),
        ("a[1,2)", ("INVALID_JSONATA_EXPRESSION", 'Expected "]", got ","')),
        ("phone", ("UNSUPPORTED_JSONATA_EXPRESSION", "Reference to 'phone' at the top level is not supported.")),
        ("$sum(a.b)", ("UNSUPPORTED_JSONATA_EXPRESSION", "Reference to 'a' at the top level is not supported.")),
        ("$states.input[a = 1].b^(c).{'d': e}", None),
        ("$map($states.input, function($v) { $v.a })", None),
    ],
)
def test_expressions_that_are_refused(client: Any, expression: str, problem: Any) -> None:
    """Measured at AWS by others: expressions are parsed with the definition, and none may read a context item, which
    it would not have."""
    state = {"Type": "Pass", "Output": {"v": f"{{% {expression} %}}"}, "End": True}
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "E", "States": {"E": state}})
    found = client.validate_state_machine_definition(definition=definition)["diagnostics"]
    told = [(one["code"], one["message"], one["location"]) for one in found]
    assert told == ([(*problem, "/States/E/Output/v")] if problem else [])


def test_a_valid_definition(client: Any) -> None:
    """OK has no diagnostics."""
    found = client.validate_state_machine_definition(definition=json.dumps(PASS))
    assert (found["result"], found["diagnostics"], found["truncated"]) == ("OK", [], False)


def test_variables_are_listed(client: Any) -> None:
    """Recorded: state -> the variables that it refers to."""
    states = {
        "A": {"Type": "Pass", "Assign": {"x.$": "$.a"}, "Next": "B"},
        "B": {"Type": "Pass", "OutputPath": "$x", "Parameters": {"m.$": "States.Format('{}', $y)"}, "End": True},
    }
    text = json.dumps({"StartAt": "A", "States": states})
    arn = client.create_state_machine(name="variables", definition=text, roleArn=ROLE)["stateMachineArn"]
    assert client.describe_state_machine(stateMachineArn=arn)["variableReferences"] == {"B": ["x", "y"]}


def test_an_express_machine_answers_its_caller(sandbox: Sandbox, client: Any) -> None:
    """StartSyncExecution: the output, or error and cause, with what is billed; branches at the same time."""
    branch = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity",
        "Parameters": {},
        "ResultSelector": {"account.$": "$.Account"},
        "End": True,
    }
    states = {
        "P": {"Type": "Parallel", "Branches": [branch, branch], "Next": "T"},
        "T": task,
    }
    text = json.dumps({"StartAt": "P", "States": states})
    arn = client.create_state_machine(name="fast", definition=text, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    found = client.start_sync_execution(stateMachineArn=arn, input='{"a": 1}')
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"account": sandbox.account})
    assert ":express:fast:" in found["executionArn"]
    assert found["billingDetails"]["billedMemoryUsedInMB"] == 64
    assert found["billingDetails"]["billedDurationInMilliseconds"] < 2000
    sandbox.client("logs").create_log_group(logGroupName="sf")
    failing = json.dumps({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}})
    bad = client.create_state_machine(name="bad", definition=failing, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    failed = client.start_sync_execution(stateMachineArn=bad)
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "E", "c")
    assert refused(client.list_executions, stateMachineArn=arn)[0] == "StateMachineTypeNotSupported"


def test_an_express_execution_runs_by_itself(sandbox: Sandbox, client: Any) -> None:
    """StartExecution answers at once, and what the execution does is done."""
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName="from-express")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$.text"},
        "End": True,
    }
    text = json.dumps({"StartAt": "T", "States": {"T": task}})
    arn = client.create_state_machine(name="later", definition=text, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    started = client.start_execution(stateMachineArn=arn, input='{"text": "hello"}')
    assert ":express:later:" in started["executionArn"]
    message = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]
    assert message["Body"] == "hello"


def test_another_description_is_another_version(client: Any, machine: str) -> None:
    """A revision that is published again under another description has a version for each, as on AWS."""
    client.publish_state_machine_version(stateMachineArn=machine, description="one")
    updated = client.update_state_machine(
        stateMachineArn=machine, definition=definition("same"), publish=True, versionDescription="two"
    )
    again = client.update_state_machine(
        stateMachineArn=machine, definition=definition("same"), publish=True, versionDescription="three"
    )
    assert updated["revisionId"] == again["revisionId"]
    arns = [updated["stateMachineVersionArn"], again["stateMachineVersionArn"]]
    assert arns == [f"{machine}:2", f"{machine}:3"]
    assert [client.describe_state_machine(stateMachineArn=arn)["description"] for arn in arns] == ["two", "three"]


def test_a_machine_with_versions_is_made_again_as_its_first_was(client: Any, machine: str) -> None:
    """Recorded: only a request that publishes with the first version's description is the same, and is told of that
    version; what the machine is by now must be the same, too. Another role is no other machine, as documented."""
    told = "State Machine Already Exists: This state machine was already created with a published version"
    asked = {"name": machine.rpartition(":")[2], "definition": json.dumps(PASS), "roleArn": ROLE}
    assert "stateMachineVersionArn" not in client.create_state_machine(**asked)
    client.publish_state_machine_version(stateMachineArn=machine, description="one")
    assert refused(client.create_state_machine, **asked) == ("StateMachineAlreadyExists", f"{told}.")
    for described in ({}, {"versionDescription": "two"}):
        assert refused(client.create_state_machine, **asked, publish=True, **described) == (
            "StateMachineAlreadyExists",
            f"{told} using a different description.",
        )
    client.update_state_machine(
        stateMachineArn=machine, definition=definition("new"), publish=True, versionDescription="two"
    )
    same = {"publish": True, "versionDescription": "one"}
    made = client.create_state_machine(**{**asked, "definition": definition("new"), "roleArn": f"{ROLE}2"}, **same)
    assert made["stateMachineVersionArn"] == f"{machine}:1"
    assert client.describe_state_machine(stateMachineArn=machine)["roleArn"] == ROLE
    assert refused(client.create_state_machine, **asked, **same) == (
        "StateMachineAlreadyExists",
        f"State Machine Already Exists: '{machine}'",
    )


def test_roles_and_keys_of_machines_and_activities(client: Any, machine: str) -> None:
    """A role that can be none, a key that is not said, and an activity made anew with another key."""
    keyless = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsDataKeyReusePeriodSeconds": 60}
    made = {"name": "other", "definition": definition("x"), "roleArn": "arn:aws:iam::1234:role/r"}
    assert error_of(client.create_state_machine, **made)[:2] == (
        "InvalidArn",
        "Invalid Role Arn: 'arn:aws:iam::1234:role/r'",
    )
    update = {"stateMachineArn": machine, "roleArn": "arn:aws:iam::1234:role/r"}
    assert error_of(client.update_state_machine, **update)[0] == "InvalidArn"
    made["roleArn"] = client.describe_state_machine(stateMachineArn=machine)["roleArn"]
    for refused in (
        lambda: client.create_state_machine(**made, encryptionConfiguration=keyless),
        lambda: client.update_state_machine(stateMachineArn=machine, encryptionConfiguration=keyless),
        lambda: client.create_activity(name="a", encryptionConfiguration=keyless),
    ):
        assert error_of(refused)[0] == "InvalidEncryptionConfiguration"
    activity = client.create_activity(name="a")["activityArn"]
    assert client.create_activity(name="a")["activityArn"] == activity
    with_key = keyless | {"kmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k"}
    assert error_of(client.create_activity, name="a", encryptionConfiguration=with_key)[0] == "ActivityAlreadyExists"
