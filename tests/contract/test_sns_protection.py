"""SNS's data protection policies: what is denied, hidden and audited, on the way in and out."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract.test_sns import Queue, invalid

EMAIL = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"
TEXT = "write to ann@example.com"


@pytest.fixture
def sns(sandbox: Any) -> Any:
    return sandbox.client("sns")


def policy(*statements: dict[str, Any], **more: Any) -> str:
    filled = [
        {"Sid": str(i), "DataDirection": "Inbound", "Principal": ["*"], "DataIdentifier": [EMAIL], **statement}
        for i, statement in enumerate(statements)
    ]
    return json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": filled, **more})


def topic_with(sns: Any, text: str) -> str:
    return str(sns.create_topic(Name=f"t-{uuid.uuid4().hex}", DataProtectionPolicy=text)["TopicArn"])


def subscribed(sandbox: Any, topic: str) -> Queue:
    queue = Queue(sandbox.client("sqs"))
    attributes = {"RawMessageDelivery": "true"}
    sandbox.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    return queue


def test_denied_on_the_way_in(sns: Any, sandbox: Any) -> None:
    """The publisher is refused; in a batch nothing is sent, and what has no sensitive data passes."""
    topic = topic_with(sns, policy({"Operation": {"Deny": {}}}))
    queue = subscribed(sandbox, topic)
    code, message, status = error_of(sns.publish, TopicArn=topic, Message=TEXT)
    assert (code, status, topic in message) == ("AuthorizationError", 403, True)
    entries = [{"Id": "a", "Message": "first"}, {"Id": "b", "Message": TEXT}]
    assert error_of(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0] == "AuthorizationError"
    sns.publish(TopicArn=topic, Message="harmless")
    assert [message["Body"] for message in queue.take()] == ["harmless"]


@pytest.mark.parametrize("direction", ["Inbound", "Outbound"])
@pytest.mark.parametrize(
    ("operation", "shown"),
    [
        ({"MaskConfig": {"MaskWithCharacter": "*"}}, "write to ***************"),
        ({"MaskConfig": {}}, "write to ###############"),
        ({"RedactConfig": {}}, "write to "),
    ],
)
def test_hidden(sns: Any, sandbox: Any, direction: str, operation: dict[str, Any], shown: str) -> None:
    """Masked by a character of choice, or taken away, either for all or for those who are told."""
    statement = {"DataDirection": direction, "Operation": {"Deidentify": operation}}
    topic = topic_with(sns, policy(statement))
    queue = subscribed(sandbox, topic)
    sns.publish(TopicArn=topic, Message=TEXT)
    assert [message["Body"] for message in queue.take()] == [shown]


def test_denied_on_the_way_out(sns: Any, sandbox: Any) -> None:
    """By who subscribed: the one whom the statement names gets nothing, whom it does not name everything."""
    root = f"arn:aws:iam::{sandbox.account}:root"
    for principal, bodies in ((root, ["harmless"]), ("arn:aws:iam::111122223333:role/other", [TEXT, "harmless"])):
        statement = {"DataDirection": "Outbound", "Principal": [principal], "Operation": {"Deny": {}}}
        topic = topic_with(sns, policy(statement))
        queue = subscribed(sandbox, topic)
        for text in (TEXT, "harmless"):
            sns.publish(TopicArn=topic, Message=text)
        assert [message["Body"] for message in queue.take(len(bodies))] == bodies


def test_audited(sns: Any, sandbox: Any) -> None:
    """Findings go to a log group and a bucket, what has none to another group. A rate of 99 leaves one in a hundred
    out, so a few are sent."""
    s3, logs = sandbox.client("s3"), sandbox.client("logs")
    bucket = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    found, nothing = f"/aws/vendedlogs/{bucket}/found", f"/aws/vendedlogs/{bucket}/nothing"
    audit = {
        "SampleRate": "99",
        "FindingsDestination": {"CloudWatchLogs": {"LogGroup": found}, "S3": {"Bucket": bucket}},
        "NoFindingsDestination": {"CloudWatchLogs": {"LogGroup": nothing}},
    }
    topic = topic_with(sns, policy({"Operation": {"Audit": audit}}))
    sent = {sns.publish(TopicArn=topic, Message=TEXT)["MessageId"] for _ in range(5)}
    for _ in range(5):
        sns.publish(TopicArn=topic, Message="harmless")
    lines = [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=found)["events"]]
    assert lines
    assert {line["messageId"] for line in lines} <= sent
    assert lines[0]["resourceArn"] == topic
    assert lines[0]["callerPrincipal"] == f"arn:aws:iam::{sandbox.account}:root"
    detected = {"name": "EmailAddress", "count": 1, "detections": [{"start": 10, "end": 24}]}
    assert lines[0]["dataIdentifiers"] == [detected]
    (none,) = logs.filter_log_events(logGroupName=nothing, limit=1)["events"]
    assert json.loads(none["message"])["dataIdentifiers"] == []
    objects = until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    body = json.loads(s3.get_object(Bucket=bucket, Key=objects[0]["Key"])["Body"].read())
    assert body["messageId"] in sent


def test_identifiers_of_ones_own(sns: Any, sandbox: Any) -> None:
    """A name and a regular expression, which a statement names."""
    custom = {"CustomDataIdentifier": [{"Name": "OrderId", "Regex": "ORD-[0-9]{4}"}]}
    statement = {"DataIdentifier": ["OrderId"], "Operation": {"Deidentify": {"RedactConfig": {}}}}
    topic = topic_with(sns, policy(statement, Configuration=custom))
    queue = subscribed(sandbox, topic)
    sns.publish(TopicArn=topic, Message="order ORD-1234!")
    assert [message["Body"] for message in queue.take()] == ["order !"]


DENY = {"Operation": {"Deny": {}}}
AUDIT = {"SampleRate": "10", "FindingsDestination": {"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/x"}}}
REFUSED = [
    ("[", "Policy is not valid JSON"),
    ("{}", "Policy is not valid JSON"),
    (json.dumps({"Version": "2012-10-17", "Statement": []}), "Version must be 2021-06-01"),
    (policy(), "Policy has no statements"),
    (policy(DENY, Description="x" * 30_720), "Policy must not be longer than 30720 bytes"),
    (policy(DENY | {"DataDirection": "Sideways"}), "DataDirection must be Inbound or Outbound"),
    (policy(DENY | {"Principal": []}), "Principal must be a list of ARNs, or *"),
    (policy(DENY | {"DataIdentifier": []}), "DataIdentifier must be a list of data identifiers"),
    (policy({"Operation": {"Deny": {}, "Audit": AUDIT}}), "Operation must be one of Audit, Deidentify and Deny"),
    (policy({"Operation": {"Deidentify": {}}}), "Deidentify must have either MaskConfig or RedactConfig"),
    (
        policy({"Operation": {"Deidentify": {"MaskConfig": {"MaskWithCharacter": "##"}}}}),
        "MaskWithCharacter must be one printable character",
    ),
    (policy(*[{"Operation": {"Audit": AUDIT}}] * 2), "Policy can have only one audit statement"),
    (policy({"DataDirection": "Outbound", "Operation": {"Audit": AUDIT}}), "Audit is only for inbound messages"),
    (policy({"Operation": {"Audit": AUDIT | {"SampleRate": "100"}}}), "SampleRate must be an integer from 0 to 99"),
    (
        policy({"Operation": {"Audit": {"SampleRate": "1"}}}),
        "Audit needs a FindingsDestination or a NoFindingsDestination",
    ),
    (
        policy({"Operation": {"Audit": AUDIT | {"FindingsDestination": {"CloudWatchLogs": {"LogGroup": "x"}}}}}),
        "The name of a LogGroup must begin with /aws/vendedlogs/",
    ),
    # SNS-003: what mrak does not do it says when the policy is put.
    (
        policy({"Operation": {"Audit": AUDIT | {"FindingsDestination": {"Firehose": {"DeliveryStream": "x"}}}}}),
        "mrak does not log findings to Firehose",
    ),
    (
        policy(DENY | {"DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/Name"]}),
        "mrak does not know the data identifier arn:aws:dataprotection::aws:data-identifier/Name",
    ),
    (
        policy(DENY, Configuration={"CustomDataIdentifier": [{"Name": "x y", "Regex": "a"}]}),
        "x y is not a valid name of a custom data identifier",
    ),
    (
        policy(DENY, Configuration={"CustomDataIdentifier": [{"Name": "x", "Regex": "a" * 201}]}),
        "The regular expression of x must have 1 to 200 characters",
    ),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_policies_that_are_refused(sns: Any, text: str, reason: str) -> None:
    """A policy that could not be applied is not kept, so that nobody counts on it."""
    topic = topic_with(sns, policy(DENY))
    refused = error_of(sns.put_data_protection_policy, ResourceArn=topic, DataProtectionPolicy=text)
    assert refused == invalid(f"DataProtectionPolicy Reason: {reason}")
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"] == policy(DENY)


def test_custom_expressions_have_to_compile(sns: Any) -> None:
    """They run by RE2, which takes no look-behind and no back-reference."""
    custom = {"CustomDataIdentifier": [{"Name": "x", "Regex": r"(a)\1"}]}
    code, message, _ = error_of(topic_with, sns=sns, text=policy(DENY, Configuration=custom))
    assert (code, "The regular expression of x is not valid" in message) == ("InvalidParameter", True)


def test_only_standard_topics_have_them(sns: Any) -> None:
    """AWS looks into the messages of standard topics alone. An empty policy takes one away."""
    fifo = sns.create_topic(Name=f"t-{uuid.uuid4().hex}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    refused = error_of(sns.put_data_protection_policy, ResourceArn=fifo, DataProtectionPolicy=policy(DENY))
    reason = "DataProtectionPolicy Reason: Data protection policies are not supported for FIFO topics"
    assert refused == invalid(reason)
    topic = topic_with(sns, policy(DENY))
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy="")
    assert "DataProtectionPolicy" not in sns.get_data_protection_policy(ResourceArn=topic)
    sns.publish(TopicArn=topic, Message=TEXT)
