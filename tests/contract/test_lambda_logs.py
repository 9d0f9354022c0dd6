"""What functions print arrives in CloudWatch Logs, and code can come from S3. Black box, through boto3."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import until
from tests.contract.lambda_bench import call, create, make_zip, refusal

TALK = "def handler(event, context):\n    print('hello', event)\n    return context.log_stream_name\n"


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def test_output_arrives_in_logs(client: Any, sandbox: Any) -> None:
    """Recorded: TestCloudwatchLogs::test_multi_line_prints; the group and the stream come into being by themselves."""
    logs = sandbox.client("logs")
    create(client, "talking", TALK)
    stream = call(client, "talking", 1)
    params = {"logGroupName": "/aws/lambda/talking", "logStreamName": stream, "startFromHead": True}
    events: list[Any] = []

    def arrived() -> bool:
        try:
            events[:] = logs.get_log_events(**params)["events"]
        except ClientError:
            return False
        return any(event["message"].startswith("REPORT") for event in events)

    until(arrived)
    messages = [event["message"] for event in events]
    assert re.match(r"INIT_START Runtime Version: python:3.11\tRuntime Version ARN: arn:aws:lambda:", messages[0])
    assert re.fullmatch(r"START RequestId: \S{36} Version: \$LATEST\n", messages[1])
    assert messages[2] == "hello 1\n"
    assert re.fullmatch(r"END RequestId: \S{36}\n", messages[3])
    assert re.match(r"REPORT RequestId: \S{36}\tDuration: \d+\.\d\d ms\tBilled Duration: ", messages[4])


def test_logging_configuration_names_the_group(client: Any, sandbox: Any) -> None:
    """LoggingConfig: another group, the JSON format, levels only there. A change replaces it whole (recorded)."""
    create(client, "elsewhere", TALK, LoggingConfig={"LogGroup": "/own/group", "LogFormat": "JSON"})
    shown = client.get_function_configuration(FunctionName="elsewhere")["LoggingConfig"]
    assert shown == {
        "LogFormat": "JSON",
        "LogGroup": "/own/group",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
    }
    call(client, "elsewhere", 1)
    logs = sandbox.client("logs")

    def arrived() -> bool:
        groups = logs.describe_log_groups(logGroupNamePrefix="/own/group")["logGroups"]
        if not groups:
            return False
        events = logs.filter_log_events(logGroupName="/own/group")["events"]
        return any('"platform.report"' in event["message"] for event in events)

    until(arrived)
    status, code, message = refusal(
        lambda: client.update_function_configuration(
            FunctionName="elsewhere", LoggingConfig={"LogFormat": "Text", "ApplicationLogLevel": "DEBUG"}
        )
    )
    assert (status, code) == (400, "InvalidParameterValueException") and message.startswith(
        "Log Level is not supported"
    )
    changed = client.update_function_configuration(
        FunctionName="elsewhere", LoggingConfig={"SystemLogLevel": "WARN", "LogFormat": "JSON"}
    )["LoggingConfig"]
    assert (changed["LogGroup"], changed["ApplicationLogLevel"]) == ("/aws/lambda/elsewhere", "INFO")


def test_the_system_log_level_warn_leaves_failures(client: Any, sandbox: Any) -> None:
    """AWS's mapping of system events to levels: a success is INFO, a failure WARN. LAMBDA-014: DEBUG is as INFO."""
    code = "def handler(event, context):\n    return 1 // event\n"
    create(client, "quiet", code, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})
    assert call(client, "quiet", 1) == 1
    assert client.invoke(FunctionName="quiet", Payload=b"0")["FunctionError"] == "Unhandled"
    logs = sandbox.client("logs")

    def platform() -> list[tuple[str, str]]:
        if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/quiet")["logGroups"]:
            return []
        events = logs.filter_log_events(logGroupName="/aws/lambda/quiet", filterPattern='"platform."')["events"]
        told = [json.loads(event["message"]) for event in events]
        return [(one["type"], one["record"].get("status")) for one in told]

    until(platform)
    assert platform() == [("platform.report", "error")]


def test_code_from_s3(client: Any, sandbox: Any) -> None:
    """Recorded: test_upload_lambda_from_s3; a missing object is told in AWS's words."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="f.zip", Body=make_zip(app_py="def handler(event, context):\n    return 's3'\n"))
    create(client, "from-s3", Code={"S3Bucket": "code", "S3Key": "f.zip"})
    assert call(client, "from-s3") == "s3"
    status, code, message = refusal(lambda: create(client, "no-s3", Code={"S3Bucket": "code", "S3Key": "absent"}))
    assert (status, code) == (400, "InvalidParameterValueException")
    assert message.startswith("Error occurred while GetObject. S3 Error Code: NoSuchKey.")
