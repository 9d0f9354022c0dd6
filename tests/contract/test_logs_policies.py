"""Policies of the account and of log groups, and which fields a group has, as boto3 sees them."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import Any

import pytest
from tests.conftest import error_of
from tests.contract.lambda_bench import TELL, Queue, create, permit


@pytest.fixture
def logs(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("logs")


def _write(logs: Any, group: str, *messages: str) -> None:
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def test_a_policy_of_the_account_filters_every_group(fresh_sandbox: Any, logs: Any) -> None:
    """Its function gets what new and old groups write, but for those that its criteria leave out."""
    queue = Queue(fresh_sandbox, "told")
    client = fresh_sandbox.client("lambda", read_timeout=30)
    made = create(client, "f", TELL, Environment={"Variables": {"TELL_URL": queue.url}})
    permit(client, "f", "logs")
    ask = {"policyName": "p", "policyType": "SUBSCRIPTION_FILTER_POLICY", "scope": "ALL"}
    document = json.dumps({"DestinationArn": made["FunctionArn"], "FilterPattern": "keep"})
    criteria = 'LogGroupName NOT IN ["quiet", "/aws/lambda/f"]'
    shown = logs.put_account_policy(**ask, policyDocument=document, selectionCriteria=criteria)["accountPolicy"]
    assert (shown["policyDocument"], shown["selectionCriteria"]) == (document, criteria)
    _write(logs, "quiet", "keep this")
    _write(logs, "loud", "keep that", "not this")
    (message,) = queue.client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
    data = json.loads(message["Body"])["awslogs"]["data"]
    told = json.loads(gzip.decompress(base64.b64decode(data)))
    assert (told["logGroup"], told["subscriptionFilters"]) == ("loud", ["p"])
    assert [event["message"] for event in told["logEvents"]] == ["keep that"]
    assert "Messages" not in queue.client.receive_message(QueueUrl=queue.url)
    listed = logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")["accountPolicies"]
    assert [row["policyName"] for row in listed] == ["p"]
    code = error_of(logs.put_account_policy, **{**ask, "policyName": "q"}, policyDocument=document)[0]
    assert code == "LimitExceededException", "an account has one"
    logs.delete_account_policy(policyName="p", policyType="SUBSCRIPTION_FILTER_POLICY")
    code = error_of(logs.delete_account_policy, policyName="p", policyType="SUBSCRIPTION_FILTER_POLICY")[0]
    assert code == "ResourceNotFoundException"


def test_refused_account_policies(logs: Any) -> None:
    """Documents that are none, functions that are not there, criteria of another form, types without effect."""
    subscription = {"policyName": "p", "policyType": "SUBSCRIPTION_FILTER_POLICY"}
    missing = "arn:aws:lambda:us-east-1:000000000000:function:missing"
    for document in ("{", "{}", json.dumps({"DestinationArn": missing})):
        code = error_of(logs.put_account_policy, **subscription, policyDocument=document)[0]
        assert code == "InvalidParameterException"
    queue = json.dumps({"DestinationArn": "arn:aws:logs:us-east-1:000000000000:destination:d"})
    criteria = {"selectionCriteria": "LogGroupName IN [a]"}
    assert error_of(logs.put_account_policy, **subscription, policyDocument=queue, **criteria)[0] == (
        "InvalidParameterException"
    )
    transformer = {"policyName": "p", "policyType": "TRANSFORMER_POLICY", "policyDocument": "[]"}
    assert error_of(logs.put_account_policy, **transformer)[0] == "InvalidParameterException"


def test_policies_of_a_group(logs: Any) -> None:
    """Kept and shown until they or their group are deleted. LOGS-004: nothing is masked."""
    _write(logs, "g", "me@example.com")
    document = json.dumps({"Name": "n", "Version": "2021-06-01", "Statement": []})
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier="g")
    logs.put_data_protection_policy(logGroupIdentifier="g", policyDocument=document)
    assert logs.get_data_protection_policy(logGroupIdentifier="g")["policyDocument"] == document
    (event,) = logs.filter_log_events(logGroupName="g")["events"]
    assert event["message"] == "me@example.com"
    logs.delete_data_protection_policy(logGroupIdentifier="g")
    fields = json.dumps({"Fields": ["RequestId", "Code"]})
    logs.put_index_policy(logGroupIdentifier="g", policyDocument=fields)
    (shown,) = logs.describe_index_policies(logGroupIdentifiers=["g"])["indexPolicies"]
    assert (shown["policyDocument"], shown["source"]) == (fields, "LOG_GROUP")
    indexes = logs.describe_field_indexes(logGroupIdentifiers=["g"])["fieldIndexes"]
    assert [row["fieldIndexName"] for row in indexes] == ["RequestId", "Code"]
    logs.delete_log_group(logGroupName="g")
    logs.create_log_group(logGroupName="g")
    assert logs.describe_index_policies(logGroupIdentifiers=["g"])["indexPolicies"] == []
    assert error_of(logs.put_index_policy, logGroupIdentifier="g", policyDocument="{}")[0] == (
        "InvalidParameterException"
    )
    assert error_of(logs.put_index_policy, logGroupIdentifier="x", policyDocument=fields)[0] == (
        "ResourceNotFoundException"
    )


def test_the_fields_of_a_group_and_the_groups_of_a_query(logs: Any) -> None:
    """How many of the latest events have each field that Insights discovers."""
    _write(logs, "g", '{"level": "info"}', "plain")
    rows = {row["name"]: row["percent"] for row in logs.get_log_group_fields(logGroupName="g")["logGroupFields"]}
    assert (rows["@message"], rows["level"]) == (100, 50)
    now = int(time.time())
    query = logs.start_query(logGroupName="g", startTime=now - 60, endTime=now + 60, queryString="fields @message")
    assert logs.list_log_groups_for_query(queryId=query["queryId"])["logGroupIdentifiers"] == ["g"]
    assert error_of(logs.list_log_groups_for_query, queryId="x")[0] == "ResourceNotFoundException"


def test_what_is_no_source_of_logs(logs: Any) -> None:
    """Recorded: test_put_delivery_source_invalid_resource; groups by pattern lack members."""
    ask = {"name": "s", "resourceArn": "arn:aws:s3:::bucket", "logType": "ACCESS_LOGS"}
    assert error_of(logs.put_delivery_source, **ask)[0] == "ResourceNotFoundException"
    logs.create_log_group(logGroupName="by-pattern")
    (group,) = logs.describe_log_groups(logGroupNamePattern="pattern")["logGroups"]
    assert "storedBytes" not in group and "deletionProtectionEnabled" not in group
