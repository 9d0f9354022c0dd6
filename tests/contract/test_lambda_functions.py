"""Functions: create, read, change, publish, delete, and the errors on the way. Black box, through boto3."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pytest
from tests.contract.lambda_bench import ECHO, ROLE, call, create, make_zip, refusal


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def test_create_answers_as_aws(client: Any, sandbox: Any) -> None:
    """Members, defaults and states as recorded in test_publish_with_update."""
    made = create(client, "made", Environment={"Variables": {"KEY": "b"}})
    assert made.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    arn = f"arn:aws:lambda:us-east-1:{sandbox.account}:function:made"
    assert made["FunctionArn"] == arn
    for volatile in ("CodeSha256", "CodeSize", "LastModified", "RevisionId", "RuntimeVersionConfig"):
        assert made.pop(volatile)
    assert made == {
        "Architectures": ["x86_64"],
        "Description": "",
        "Environment": {"Variables": {"KEY": "b"}},
        "EphemeralStorage": {"Size": 512},
        "FunctionArn": arn,
        "FunctionName": "made",
        "Handler": "app.handler",
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/made"},
        "MemorySize": 128,
        "PackageType": "Zip",
        "Role": ROLE,
        "Runtime": "python3.11",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
        "Version": "$LATEST",
    }


def test_waiters_see_an_active_function(client: Any) -> None:
    """SDK waiters must come to rest at their first look."""
    create(client, "waited")
    client.get_waiter("function_active_v2").wait(FunctionName="waited", WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    client.update_function_configuration(FunctionName="waited", Timeout=9)
    client.get_waiter("function_updated_v2").wait(FunctionName="waited", WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    shown = client.get_function(FunctionName="waited")
    assert shown["Configuration"]["Timeout"] == 9
    assert shown["Configuration"]["LastUpdateStatus"] == "Successful"


def test_invoke_by_every_form_of_name(client: Any, sandbox: Any) -> None:
    """A name, a partial ARN and a whole one, with and without qualifier, mean the same function."""
    create(client, "named")
    account = sandbox.account
    for name in (
        "named",
        "named:$LATEST",
        f"{account}:function:named",
        f"arn:aws:lambda:us-east-1:{account}:function:named",
    ):
        assert call(client, name, {"x": name}) == {"x": name}
    answer = client.invoke(FunctionName="named", LogType="Tail", Payload=b"1")
    assert answer["ExecutedVersion"] == "$LATEST" and answer["StatusCode"] == 200
    assert b"START RequestId: " in base64.b64decode(answer["LogResult"])


def test_function_error_is_told_in_a_header(client: Any) -> None:
    """A failing handler is HTTP 200 with FunctionError, as on AWS."""
    create(client, "failing", "def handler(event, context):\n    raise ValueError('no')\n")
    answer = client.invoke(FunctionName="failing")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorMessage"] == "no"


def test_updated_code_answers_the_next_call(client: Any) -> None:
    """No warm instance may answer with the old code; a published version keeps it."""
    create(client, "changing", "def handler(event, context):\n    return 1\n")
    assert call(client, "changing") == 1
    version = client.publish_version(FunctionName="changing")["Version"]
    package = make_zip(app_py="def handler(event, context):\n    return 2\n")
    updated = client.update_function_code(FunctionName="changing", ZipFile=package)
    assert updated["LastUpdateStatus"] == "InProgress"
    assert (call(client, "changing"), call(client, "changing", Qualifier=version)) == (2, 1)


def test_configuration_reaches_the_function(client: Any) -> None:
    """Environment and memory of the next call are those of the last update."""
    create(
        client,
        "configured",
        "import os\ndef handler(event, c):\n    return [os.environ.get('KEY'), c.memory_limit_in_mb]\n",
    )
    assert call(client, "configured") == [None, "128"]
    client.update_function_configuration(
        FunctionName="configured", MemorySize=256, Environment={"Variables": {"KEY": "v"}}
    )
    assert call(client, "configured") == ["v", "256"]


def test_changes_are_in_force_at_once(client: Any) -> None:
    """LAMBDA-010: the answers say Pending and InProgress, as recorded; the next look finds the function ready."""
    assert create(client, "soon")["State"] == "Pending"
    assert client.get_function_configuration(FunctionName="soon")["State"] == "Active"
    updated = client.update_function_configuration(FunctionName="soon", Timeout=9)
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    assert client.get_function_configuration(FunctionName="soon")["LastUpdateStatus"] == "Successful"


def test_versions_are_numbered_and_listed(client: Any) -> None:
    """Publishing without a change gives the last version again; $LATEST comes first in the list."""
    create(client, "versioned")
    first = client.publish_version(FunctionName="versioned", Description="one")
    assert (first["Version"], first["Description"]) == ("1", "one")
    assert (first["State"], first["LastUpdateStatus"]) == ("Active", "Successful")
    assert client.publish_version(FunctionName="versioned")["Version"] == "1"
    client.update_function_configuration(FunctionName="versioned", Timeout=4)
    assert client.publish_version(FunctionName="versioned")["Version"] == "2"
    listed = client.list_versions_by_function(FunctionName="versioned")["Versions"]
    assert [row["Version"] for row in listed] == ["$LATEST", "1", "2"]
    assert listed[1]["FunctionArn"].endswith(":versioned:1")
    client.delete_function(FunctionName="versioned", Qualifier="1")
    listed = client.list_versions_by_function(FunctionName="versioned")["Versions"]
    assert [row["Version"] for row in listed] == ["$LATEST", "2"]


def test_create_and_publish_at_once(client: Any, sandbox: Any) -> None:
    """Recorded: test_invocation_with_qualifier: version 1 under the bare ARN."""
    made = create(client, "at-once", Publish=True)
    arn = f"arn:aws:lambda:us-east-1:{sandbox.account}:function:at-once"
    assert (made["Version"], made["FunctionArn"], made["State"]) == ("1", arn, "Pending")
    assert call(client, "at-once", 3, Qualifier="1") == 3


def test_list_pages_through_all_functions(fresh_sandbox: Any) -> None:
    """Markers lead through the whole list, in order of names."""
    client = fresh_sandbox.client("lambda")
    for name in "abc":
        create(client, name)
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
    assert [[row["FunctionName"] for row in page["Functions"]] for page in pages] == [["a", "b"], ["c"]]


def test_deleted_function_is_gone(client: Any) -> None:
    """Its name can be used again, with another code."""
    create(client, "deleted", "def handler(event, context):\n    return 1\n")
    assert call(client, "deleted") == 1
    client.delete_function(FunctionName="deleted")
    assert refusal(lambda: client.get_function(FunctionName="deleted"))[:2] == (404, "ResourceNotFoundException")
    create(client, "deleted", "def handler(event, context):\n    return 2\n")
    assert call(client, "deleted") == 2


def test_errors_of_references(client: Any, sandbox: Any) -> None:
    """Recorded: test_ops_on_nonexisting_fn, test_function_arns, test_get_function_wrong_region."""
    arn = f"arn:aws:lambda:us-east-1:{sandbox.account}:function"
    missing = (404, "ResourceNotFoundException")
    assert refusal(lambda: client.get_function(FunctionName="nope")) == (*missing, f"Function not found: {arn}:nope")
    assert refusal(lambda: client.invoke(FunctionName="nope")) == (*missing, f"Function not found: {arn}:nope:$LATEST")
    create(client, "there")
    assert refusal(lambda: client.get_function(FunctionName="there", Qualifier="1221")) == (
        *missing,
        f"Function not found: {arn}:there:1221",
    )
    other = f"arn:aws:lambda:eu-west-1:{sandbox.account}:function:there"
    assert refusal(lambda: client.get_function(FunctionName=other)) == (
        *missing,
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    )
    assert refusal(lambda: client.get_function(FunctionName="there:1", Qualifier="2")) == (
        400,
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    )
    assert refusal(lambda: client.delete_function(FunctionName="there", Qualifier="$LATEST")) == (
        400,
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    )


def test_errors_of_creation(client: Any) -> None:
    """Each is refused with AWS's words, and nothing is made."""
    create(client, "taken")
    assert refusal(lambda: create(client, "taken")) == (
        409,
        "ResourceConflictException",
        "Function already exist: taken",
    )
    long = "a" * 65
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {"Code": {"ZipFile": b"no zip"}},
            "Could not unzip uploaded file. Please check your file, then try to upload ",
        ),
        ({"Runtime": "java8"}, "The runtime parameter of java8 is no longer supported for creating or updating AWS "),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "Lambda was unable to configure your environment "),
        ({"FunctionName": long}, f"1 validation error detected: Value '{long}' at 'functionName' failed to satisfy "),
        ({"Tags": {str(n): "" for n in range(51)}}, "Number of tags exceeds resource tag limit."),
        ({"Code": {}}, "Please provide a source for function code."),
    ]
    for change, message in cases:
        name = change.pop("FunctionName", "refused")
        status, code, text = refusal(lambda name=name, change=change: create(client, name, **change))
        assert (status, code) == (400, "InvalidParameterValueException") and text.startswith(message)
    assert refusal(lambda: create(client, "refused", Timeout=901)) == (
        400,
        "ValidationException",
        "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
        "Member must have value less than or equal to 900",
    )
    bare = {"FunctionName": "refused", "Role": ROLE, "Code": {"ZipFile": make_zip(app_py=ECHO)}}
    assert refusal(lambda: client.create_function(**bare))[2] == (
        "Runtime and Handler are mandatory parameters for functions created with deployment packages."
    )
    assert refusal(lambda: client.get_function(FunctionName="refused"))[0] == 404


def test_harmful_packages_are_refused(client: Any) -> None:
    """Paths out of the package, devices, and unpacked sizes beyond the limit (recorded: test_oversized_lambda)."""
    for name in ("../../escape.py", "/etc/cron.d/x", "a/../../b"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, "x")
        assert refusal(lambda out=out: create(client, "harm", Code={"ZipFile": out.getvalue()}))[2].startswith(
            "Could not unzip"
        )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(262_144_001))
    assert refusal(lambda: create(client, "bomb", Code={"ZipFile": out.getvalue()}))[2] == (
        "Unzipped size must be smaller than 262144000 bytes"
    )


def test_errors_of_invocation(client: Any) -> None:
    """Events must be JSON, and within the limits."""
    create(client, "strict")
    status, code, message = refusal(lambda: client.invoke(FunctionName="strict", Payload=b"{no"))
    assert (status, code) == (400, "InvalidRequestContentException")
    assert message.startswith("Could not parse request body into json: ")
    too_large = json.dumps("x" * (6 * 1024 * 1024)).encode()
    assert refusal(lambda: client.invoke(FunctionName="strict", Payload=too_large)) == (
        413,
        "RequestEntityTooLargeException",
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    )
    event = too_large[: 1024 * 1024] + b'"'
    assert refusal(lambda: client.invoke(FunctionName="strict", Payload=event, InvocationType="Event")) == (
        413,
        "RequestEntityTooLargeException",
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    )
    assert client.invoke(FunctionName="strict", InvocationType="DryRun")["StatusCode"] == 204


def test_stale_revision_is_refused(client: Any) -> None:
    """Optimistic locking of updates."""
    begun = create(client, "revised")["RevisionId"]
    stale = client.get_function_configuration(FunctionName="revised")["RevisionId"]
    assert begun != stale, "recorded (test_version_lifecycle): the end of a change makes another revision"
    client.update_function_configuration(FunctionName="revised", Timeout=5, RevisionId=stale)
    assert refusal(
        lambda: client.update_function_configuration(FunctionName="revised", Timeout=6, RevisionId=stale)
    ) == (
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction API to retrieve the latest Revision Id",
    )


def test_role(client: Any, sandbox: Any) -> None:
    """LAMBDA-001: AWS refuses a role that does not exist, here it will do. One that does not trust Lambda is refused,
    and the function acts as a session of its role."""
    assert create(client, "roleless", Role="arn:aws:iam::000000000000:role/no-such-role")["State"] == "Pending"
    iam = sandbox.client("iam")

    def role(name: str, service: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])

    assert refusal(lambda: create(client, "mistrusted", Role=role("for-ec2", "ec2.amazonaws.com"))) == (
        400,
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )
    code = "import boto3\ndef handler(e, c):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
    create(client, "assumed", code, Role=role("for-lambda", "lambda.amazonaws.com"), Timeout=20, MemorySize=256)
    assert call(client, "assumed") == f"arn:aws:sts::{sandbox.account}:assumed-role/for-lambda/assumed"


def test_function_calls_the_cloud_that_it_runs_in(client: Any, sandbox: Any) -> None:
    """Inside, boto3 needs no configuration: endpoint, region and the role's temporary keys are in the environment."""
    sandbox.client("sqs").create_queue(QueueName="from-function")
    code = """
import boto3
def handler(event, context):
    sqs = boto3.client("sqs")
    return sqs.get_queue_url(QueueName="from-function")["QueueUrl"]
"""
    create(client, "caller", code, Timeout=20, MemorySize=256)
    assert call(client, "caller").endswith("/from-function")


def test_hot_reload(client: Any, tmp_path: Any) -> None:
    """A folder as code: a change on disk answers the next call."""
    tmp_path.chmod(0o755)
    file = tmp_path / "app.py"
    file.write_text("def handler(event, context):\n    return 1\n")
    create(client, "hot", Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    assert call(client, "hot") == 1
    file.write_text("def handler(event, context):\n    return 22\n")
    assert call(client, "hot") == 22
