"""Subscription filters through to a function, and the function's own output in its log group."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract.lambda_bench import permit

HANDLER = """
import base64, gzip, json

def handler(event, context):
    record = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    print("GOT " + json.dumps(record, sort_keys=True))
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def new_function(sandbox: Any) -> tuple[str, str]:
    """(name, ARN) of a function that prints what it gets."""
    name = f"f-{uuid.uuid4().hex[:10]}"
    role = sandbox.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", HANDLER)
    made = sandbox.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    return name, str(made["FunctionArn"])


def wait_for_line(logs: Any, group: str, part: str) -> str:
    """The first line of a group that has `part` in it."""

    def look() -> str | None:
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return None
        events = logs.filter_log_events(logGroupName=group, filterPattern=f'"{part}"')["events"]
        return str(events[0]["message"]) if events else None

    return until(look)


def test_events_reach_a_function(sandbox: Any) -> None:
    """The whole way: a filter catches a line, the function gets AWS's record, and its output is in its own group."""
    logs = sandbox.client("logs")
    name, arn = new_function(sandbox)
    logs.create_log_group(logGroupName="app")
    logs.create_log_stream(logGroupName="app", logStreamName="s")
    wanted = {"logGroupName": "app", "filterName": "errors", "filterPattern": "ERROR", "destinationArn": arn}
    with pytest.raises(logs.exceptions.InvalidParameterException, match="given CloudWatch Logs permission"):
        logs.put_subscription_filter(**wanted)
    source = f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:app:*"
    permit(sandbox.client("lambda"), name, "logs", SourceArn=source)
    assert "cannot be used with roleArn" in str(error_of(logs.put_subscription_filter, **wanted, roleArn=f"{arn}-role"))
    logs.put_subscription_filter(**wanted, emitSystemFields=["@source.log", "@aws.region", "@source.log"])
    (shown,) = logs.describe_subscription_filters(logGroupName="app")["subscriptionFilters"]
    assert shown["emitSystemFields"] == ["@source.log", "@aws.region"]
    elsewhere = wanted | {"filterName": "elsewhere", "fieldSelectionCriteria": "@aws.region NOT IN ('us-east-1')"}
    logs.put_subscription_filter(**elsewhere)
    at = int(time.time() * 1000)
    lines = [{"timestamp": at, "message": "fine"}, {"timestamp": at, "message": "ERROR here"}]
    logs.put_log_events(logGroupName="app", logStreamName="s", logEvents=lines)
    record = json.loads(wait_for_line(logs, f"/aws/lambda/{name}", "GOT").partition("GOT ")[2])
    (event,) = record.pop("logEvents")
    assert (event["message"], event["timestamp"]) == ("ERROR here", at)
    assert event["extractedFields"] == {"@source.log": "app", "@aws.region": "us-east-1"}
    assert record == {
        "logGroup": "app",
        "logStream": "s",
        "messageType": "DATA_MESSAGE",
        "owner": sandbox.account,
        "subscriptionFilters": ["errors"],
    }


def test_function_must_exist(sandbox: Any) -> None:
    """AWS tries the function before it takes the filter."""
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName="lonely")
    arn = f"arn:aws:lambda:us-east-1:{sandbox.account}:function:missing"
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Could not execute the lambda function"):
        logs.put_subscription_filter(logGroupName="lonely", filterName="f", filterPattern="", destinationArn=arn)
