"""Functions and log groups behind SNS and EventBridge: real functions, real events, and what happens without them."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import pytest
from cryptography import x509
from tests.contract.lambda_bench import TELL, Queue, create, permit, refusal


@pytest.fixture
def told(sandbox: Any) -> Queue:
    return Queue(sandbox, f"told-{uuid.uuid4().hex}")


@pytest.fixture
def function(sandbox: Any, told: Queue) -> str:
    client, name = sandbox.client("lambda"), f"f-{uuid.uuid4().hex}"
    made = create(
        client,
        name,
        TELL,
        Environment={"Variables": {"TELL_URL": told.url}},
        Timeout=20,
    )
    permit(client, name, "sns")
    permit(client, name, "events")
    return str(made["FunctionArn"])


def test_a_topics_function(sandbox: Any, function: str, told: Queue) -> None:
    """Recorded: the event that a function gets from a topic. It says version 1 where the signature is of version 2."""
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}", Attributes={"SignatureVersion": "2"})["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}}
    sent = sns.publish(TopicArn=topic, Message="Hello world.", MessageAttributes=attributes)
    (record,) = json.loads(told.take()[0]["Body"])["Records"]
    notification = record.pop("Sns")
    assert record == {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": arn}
    with urllib.request.urlopen(notification.pop("SigningCertUrl")) as answer:
        assert x509.load_pem_x509_certificate(answer.read())
    assert notification.pop("Signature") and notification.pop("Timestamp")
    assert notification.pop("UnsubscribeUrl").endswith(arn)
    assert notification == {
        "Type": "Notification",
        "MessageId": sent["MessageId"],
        "TopicArn": topic,
        "Subject": None,
        "Message": "Hello world.",
        "SignatureVersion": "1",
        "MessageAttributes": {"n": {"Type": "Number", "Value": "1"}},
    }


def test_a_topics_function_that_is_gone(sandbox: Any) -> None:
    """What a deleted function would have got is in the dead-letter queue at once."""
    sns, dead = sandbox.client("sns"), Queue(sandbox, f"dead-{uuid.uuid4().hex}")
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    gone = f"arn:aws:lambda:us-east-1:{sandbox.account}:function:gone"
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})}
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=gone, Attributes=redrive)
    sns.publish(TopicArn=topic, Message="lost?")
    assert json.loads(dead.take()[0]["Body"])["Message"] == "lost?"


def test_services_need_permission_for_their_resource(sandbox: Any, told: Queue) -> None:
    """A topic and a rule that the function's policy does not name are refused at once: their dead-letter queues tell,
    EventBridge's with NO_PERMISSIONS. SourceArn and SourceAccount of the permission both count."""
    client, sns, events = sandbox.client("lambda"), sandbox.client("sns"), sandbox.client("events")
    name = f"f-{uuid.uuid4().hex}"
    function = create(client, name, TELL, Environment={"Variables": {"TELL_URL": told.url}}, Timeout=20)["FunctionArn"]
    dead = Queue(sandbox, f"dead-{uuid.uuid4().hex}")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})}
    refused, allowed = (sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"] for _ in range(2))
    for topic in (refused, allowed):
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes=redrive)
    permit(client, name, "sns", SourceArn=allowed, SourceAccount=sandbox.account)
    sns.publish(TopicArn=refused, Message="no")
    assert json.loads(dead.take()[0]["Body"])["Message"] == "no"
    sns.publish(TopicArn=allowed, Message="yes")
    assert json.loads(told.take()[0]["Body"])["Records"][0]["Sns"]["Message"] == "yes"
    permit(client, name, "events", SourceAccount="999999999999")
    rule = f"r-{uuid.uuid4().hex}"
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": function, "DeadLetterConfig": {"Arn": dead.arn}}])
    events.put_events(Entries=[{"Source": rule, "DetailType": "d", "Detail": "{}"}])
    (message,) = dead.take()
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert (
        "is not authorized to perform: lambda:InvokeFunction"
        in (message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"])
    )


def test_a_bucket_needs_permission(sandbox: Any, told: Queue) -> None:
    """S3 refuses a function that it may not invoke; with permission for the bucket and its account, objects arrive."""
    client, s3, bucket = sandbox.client("lambda"), sandbox.client("s3"), f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    name = f"f-{uuid.uuid4().hex}"
    function = create(client, name, TELL, Environment={"Variables": {"TELL_URL": told.url}}, Timeout=20)["FunctionArn"]
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]}

    def configure() -> None:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)

    assert refusal(configure)[1:] == (
        "InvalidArgument",
        "Unable to validate the following destination configurations",
    )
    permit(client, name, "s3", SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=sandbox.account)
    configure()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert told.take_json()[0]["Records"][0]["s3"]["object"]["key"] == "k"


def test_a_rules_function(sandbox: Any, function: str, told: Queue) -> None:
    """The function's event is the event; a function that is gone dead-letters it."""
    events, dead = sandbox.client("events"), Queue(sandbox, f"dead-{uuid.uuid4().hex}")
    events.put_rule(Name="f", EventPattern='{"source": ["shop"]}')
    targets = [
        {"Id": "there", "Arn": function},
        {"Id": "gone", "Arn": function + "-gone", "DeadLetterConfig": {"Arn": dead.arn}},
    ]
    events.put_targets(Rule="f", Targets=targets)
    put = events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": '{"n": 1}'}])
    identifier = put["Entries"][0]["EventId"]
    assert json.loads(told.take()[0]["Body"])["id"] == identifier
    (message,) = dead.take()
    assert json.loads(message["Body"])["id"] == identifier
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
    events.remove_targets(Rule="f", Ids=["there", "gone"])


def test_a_rules_log_group(sandbox: Any) -> None:
    """Each event is one log event of its group."""
    events, logs, group = sandbox.client("events"), sandbox.client("logs"), f"/aws/events/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=group)
    told = Queue(sandbox, f"told-{uuid.uuid4().hex}")
    arn = f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:{group}"
    events.put_rule(Name="l", EventPattern='{"source": ["logged"]}')
    events.put_targets(Rule="l", Targets=[{"Id": "l", "Arn": arn}, {"Id": "q", "Arn": told.arn}])
    events.put_events(Entries=[{"Source": "logged", "DetailType": "Order", "Detail": '{"n": 1}'}])
    told.take()
    for _ in range(50):
        found = logs.filter_log_events(logGroupName=group)["events"]
        if found:
            break
    assert json.loads(found[0]["message"])["detail"] == {"n": 1}
