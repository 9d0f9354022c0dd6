"""Input that no SDK makes up by itself: nested without end, numbers of thousands of digits, halves of surrogate pairs,
tokens that somebody wrote. It gets the error of its service, never an internal one, and changes nothing.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.conftest import error_of

DEEP = "[" * 1900 + "]" * 1900
DIGITS = "1" * 5000
HALF = '{"a": ["\\ud800"]}'
INVALID = "InvalidParameterValueException"
ROLE = "arn:aws:iam::111122223333:role/none"
STATEMENT = {"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}


def policy(**change: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **change}]})


def token(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def expiry(**change: Any) -> str:
    kept = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "5", "Unit": "Days"}}
    return json.dumps([kept | change])


@pytest.fixture(scope="module")
def queue(sandbox: Any) -> str:
    url = sandbox.client("sqs").create_queue(QueueName="odd")["QueueUrl"]
    attributes = sandbox.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn: str = attributes["Attributes"]["QueueArn"]
    return arn


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (policy(Sid=[]), "This policy contains invalid Json"),
        (policy(Principal={"AWS": None}), "This policy contains invalid Json"),
        (json.dumps({"Version": "1", "Statement": [{**STATEMENT, "Sid": None}]}), "This policy contains invalid Json"),
        (
            policy().replace('"Sid": "a", ', '"NotSid": "a", '),
            "Missing required field Sid",
        ),
        (
            f'{{"Statement": [], "Version": "1", "Statement": [{json.dumps(STATEMENT)}, {json.dumps(STATEMENT)}]}}',
            "Invalid statement at line 1 column 147: The Statement Ids in the policy are not unique",
        ),
    ],
)
def test_policies_of_buses(sandbox: Any, text: str, words: str) -> None:
    """Ids and principals of other types, members that are excluded or there twice."""
    refused = error_of(sandbox.client("events").put_permission, Policy=text)
    assert refused[:2] == ("ValidationException", words)


def test_events_and_their_templates(sandbox: Any, queue: str) -> None:
    """A template's numbers are not made integers of, its blanks are JSON's; half a pair is no detail."""
    events = sandbox.client("events")
    events.put_rule(Name="odd", EventPattern='{"source": ["odd"]}')
    target = {"Id": "1", "Arn": queue, "InputTransformer": {"InputTemplate": f'{{"a": {DIGITS}}}'}}
    assert events.put_targets(Rule="odd", Targets=[target])["FailedEntryCount"] == 0
    target["InputTransformer"] = {"InputTemplate": '\u00a0{"a": 1}'}
    assert error_of(events.put_targets, Rule="odd", Targets=[target])[0] == "ValidationException"
    entry = {"Source": "odd", "DetailType": "odd", "Detail": HALF}
    (answer,) = events.put_events(Entries=[entry])["Entries"]
    assert answer["ErrorCode"] == "MalformedDetail"


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("cloudwatch", "put_dashboard", {"DashboardName": "d", "DashboardBody": DEEP}, "InvalidParameterInput"),
        (
            "cloudwatch",
            "set_alarm_state",
            {"AlarmName": "a", "StateValue": "OK", "StateReason": "r", "StateReasonData": DEEP},
            "InvalidFormat",
        ),
        ("cloudwatch", "describe_alarm_history", {"NextToken": token(DIGITS)}, "InvalidNextToken"),
        ("cloudwatch", "describe_alarm_history", {"NextToken": token("٣")}, "InvalidNextToken"),
        (
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "N", "MetricData": [{"MetricName": "m", "Values": [1.0], "Counts": [float("nan")]}]},
            "InvalidParameterValue",
        ),
        (
            "lambda",
            "list_layer_versions",
            {"LayerName": "none", "Marker": token("x")},
            "InvalidParameterValueException",
        ),
    ],
)
def test_numbers_and_nesting(sandbox: Any, service: str, operation: str, params: dict[str, Any], code: str) -> None:
    """Each of them was once more than Python takes, and an internal error."""
    assert error_of(getattr(sandbox.client(service), operation), **params)[0] == code


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        (f'[{{"a": {DEEP}}}]', "ValidationException"),
        (expiry(Type=[]), "InvalidPolicyTypeException"),
        (expiry(Attributes={"After": "5", "Unit": []}), "InvalidPolicyAttributeException"),
    ],
)
def test_policies_of_parameters(sandbox: Any, policies: str, code: str) -> None:
    """Nested without end, and of types that are no keys."""
    put = sandbox.client("ssm").put_parameter
    assert error_of(put, Name="odd", Value="v", Type="String", Tier="Advanced", Policies=policies)[0] == code


@pytest.mark.parametrize(
    ("attribute", "text"),
    [("FilterPolicy", HALF), ("RedrivePolicy", f'{{"a": {DIGITS}}}'), ("DeliveryPolicy", f'{{"a": {DIGITS}}}')],
)
def test_attributes_of_subscriptions(sandbox: Any, queue: str, attribute: str, text: str) -> None:
    """A policy that equals no text, and numbers that are none to Python."""
    sns = sandbox.client("sns")
    arn = sns.create_topic(Name="odd")["TopicArn"]
    refused = error_of(sns.subscribe, TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes={attribute: text})
    assert refused[0] == "InvalidParameter"


def test_bodies_of_messages(sandbox: Any) -> None:
    """A body for one protocol that no endpoint could be sent."""
    sns = sandbox.client("sns")
    message = {"Message": '{"default": "x", "sqs": "\\ud800"}', "MessageStructure": "json"}
    refused = error_of(sns.publish, TopicArn=sns.create_topic(Name="odd")["TopicArn"], **message)
    assert refused[1].endswith("Message Structure - JSON message body failed to parse")


@pytest.mark.parametrize("rate", ["²", DIGITS])
def test_sample_rates(sandbox: Any, rate: str) -> None:
    """Digits to Python, and no integers."""
    sns = sandbox.client("sns")
    change = {"AttributeName": "SQSSuccessFeedbackSampleRate", "AttributeValue": rate}
    assert error_of(sns.set_topic_attributes, TopicArn=sns.create_topic(Name="odd")["TopicArn"], **change)[0] == (
        "InvalidParameter"
    )


def test_log_lines(sandbox: Any) -> None:
    """A line with half a pair is no JSON to a filter; what is no finite number is no metric's value."""
    logs = sandbox.client("logs")
    found = logs.test_metric_filter(filterPattern="{ $.a = %x% }", logEventMessages=['{"a": "\\ud800"}', '{"a": "x"}'])
    assert [match["eventNumber"] for match in found["matches"]] == [2]
    logs.create_log_group(logGroupName="odd")
    for value in ("nan", "1e999"):
        made = [{"metricName": "m", "metricNamespace": "n", "metricValue": value}]
        refused = error_of(
            logs.put_metric_filter, logGroupName="odd", filterName="f", filterPattern="", metricTransformations=made
        )
        assert refused[0] == "InvalidParameterException"


@pytest.mark.parametrize("expression", ["'\\ud800'", "{'\\ud800': 1}", "$error('\\ud800')"])
def test_expressions(sandbox: Any, expression: str) -> None:
    """What JSONata can spell and no answer can hold."""
    definition = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": f"{{% {expression} %}}", "End": True}
    tested = sandbox.client("stepfunctions", inject_host_prefix=False).test_state(
        definition=json.dumps(definition), roleArn=ROLE
    )
    assert "?" in tested.get("output", tested.get("cause"))


@pytest.mark.parametrize("claims", ['{"client_id": "\\ud800", "token_use": "access"}', DEEP, "5"])
def test_access_tokens(sandbox: Any, claims: str) -> None:
    """Whose a token says it is is read before its signature: whatever stands there."""
    parts = (token('{"alg": "RS256"}'), token(claims), token("x"))
    refused = error_of(sandbox.client("cognito-idp").get_user, AccessToken=".".join(parts))
    assert refused[0] == "NotAuthorizedException"


def test_places_of_pages(sandbox: Any) -> None:
    """A statement's token with a place of thousands of digits."""
    dynamodb = sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="odd",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for key in "ab":
        dynamodb.put_item(TableName="odd", Item={"k": {"S": key}})
    statement = {"Statement": "SELECT * FROM odd", "Limit": 1}
    given = base64.urlsafe_b64decode(dynamodb.execute_statement(**statement)["NextToken"] + "==").decode()
    written = token(f"{given.partition('|')[0]}|{DIGITS}|")
    refused = error_of(dynamodb.execute_statement, **statement, NextToken=written)
    assert refused[:2] == ("ValidationException", "Invalid NextToken")


def test_markers_and_policies_of_keys_and_secrets(sandbox: Any) -> None:
    """A marker that is no number; a policy too deep to be laid out again."""
    kms, secrets = sandbox.client("kms"), sandbox.client("secretsmanager")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert error_of(kms.list_key_rotations, KeyId=key, Marker=token("x"))[0] == "InvalidMarkerException"
    assert error_of(kms.put_key_policy, KeyId=key, Policy=f'{{"a": {DEEP}}}')[0] == "MalformedPolicyDocumentException"
    secrets.create_secret(Name="odd", SecretString="x")
    deep = "[" * 800 + "]" * 800
    refused = error_of(secrets.put_resource_policy, SecretId="odd", ResourcePolicy=f'{{"a": {deep}}}')
    assert refused[0] == "MalformedPolicyDocumentException"
