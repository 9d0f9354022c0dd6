"""SNS as boto3 sees it, over HTTP: topics, subscriptions, publishing to queues, and each error that it makes.

Messages and shapes are those recorded from AWS. HTTP endpoints and signatures are in test_sns_http.py.
"""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import pytest
from tests.conftest import TAKES_DELIVERIES, Sandbox, error_of, until


@pytest.fixture
def sns(sandbox: Any) -> Any:
    return sandbox.client("sns")


@pytest.fixture
def sqs(sandbox: Any) -> Any:
    return sandbox.client("sqs")


@pytest.fixture
def topic(sns: Any) -> str:
    return str(sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"])


class Queue:
    """A queue to subscribe, and what has arrived there."""

    def __init__(self, sqs: Any, name: str = "", **attributes: str) -> None:
        self._sqs = sqs
        attributes.setdefault("Policy", TAKES_DELIVERIES)
        self.url = sqs.create_queue(QueueName=name or f"q-{uuid.uuid4().hex}", Attributes=attributes)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]

    def take(self, count: int = 1) -> list[dict[str, Any]]:
        """The next messages; waits for them."""
        taken: list[dict[str, Any]] = []
        while len(taken) < count:
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                WaitTimeSeconds=5,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            assert "Messages" in answer, f"{len(taken)} of {count} messages came"
            for message in answer["Messages"]:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            taken += answer["Messages"]
        return taken

    def bodies(self, count: int = 1) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.take(count)]


@pytest.fixture
def queue(sqs: Any) -> Queue:
    return Queue(sqs)


def invalid(text: str) -> tuple[str, str, int]:
    return "InvalidParameter", f"Invalid parameter: {text}", 400


NO_TOPIC = ("NotFound", "Topic does not exist", 404)


# Topics


def test_a_new_topics_attributes(sns: Any, sandbox: Any, topic: str) -> None:
    """Recorded: what AWS shows of a topic that nothing was set on."""
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    policy, effective = json.loads(attributes.pop("Policy")), json.loads(attributes.pop("EffectiveDeliveryPolicy"))
    assert attributes == {
        "DisplayName": "",
        "Owner": sandbox.account,
        "SubscriptionsConfirmed": "0",
        "SubscriptionsDeleted": "0",
        "SubscriptionsPending": "0",
        "TopicArn": topic,
    }
    assert policy["Id"] == "__default_policy_ID"
    assert policy["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": sandbox.account}}
    assert effective["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    assert effective["http"]["defaultRequestPolicy"] == {"headerContentType": "text/plain; charset=UTF-8"}


def test_creating_a_topic_twice(sns: Any) -> None:
    """CreateTopic is idempotent for the same topic and refuses another of its name."""
    name = f"t-{uuid.uuid4().hex}"
    arn = sns.create_topic(Name=name, Attributes={"DisplayName": "A"}, Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
    assert sns.create_topic(Name=name)["TopicArn"] == arn
    assert sns.create_topic(Name=name, Attributes={"DisplayName": "A"})["TopicArn"] == arn
    different = invalid("Attributes Reason: Topic already exists with different attributes")
    assert error_of(sns.create_topic, Name=name, Attributes={"DisplayName": "B"}) == different
    assert error_of(sns.create_topic, Name=name, Attributes={"SignatureVersion": "2"}) == different
    other_tags = invalid("Tags Reason: Topic already exists with different tags")
    assert error_of(sns.create_topic, Name=name, Tags=[{"Key": "k", "Value": "w"}]) == other_tags
    assert error_of(sns.create_topic, Name=name, Tags=[{"Key": "l", "Value": "v"}]) == other_tags
    assert sns.create_topic(Name=name, Tags=[])["TopicArn"] == arn


@pytest.mark.parametrize("name", ["a" * 257, "a b", "a.fifo", "ä", "a/b"])
def test_topic_names(sns: Any, name: str) -> None:
    """Letters, digits, hyphen and underscore; .fifo belongs to FIFO topics."""
    assert error_of(sns.create_topic, Name=name) == invalid("Topic Name")


def test_a_fifo_topics_name_ends_in_fifo(sns: Any) -> None:
    """And only a FIFO topic's does."""
    wrong = error_of(sns.create_topic, Name="plain", Attributes={"FifoTopic": "true"})
    assert wrong == invalid("Topic Name")


def test_switches_of_topics_in_any_case(sns: Any) -> None:
    """Python programs send str(True); AWS takes it, and shows it in small letters."""
    attributes = {"FifoTopic": str(True), "ContentBasedDeduplication": str(False)}
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}.fifo", Attributes=attributes)["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="ContentBasedDeduplication", AttributeValue="True")
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["FifoTopic"], shown["ContentBasedDeduplication"]) == ("true", "true")


def test_set_topic_attributes(sns: Any, topic: str) -> None:
    """Each attribute by its name; those of FIFO topics are none of others."""
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Hello")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Hello"
    wrong = error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName="FifoTopic", AttributeValue="false")
    assert wrong == invalid("AttributeName")
    for name in ("ContentBasedDeduplication", "FifoThroughputScope"):
        assert error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName=name, AttributeValue="true") == invalid(
            "AttributeName"
        )
    assert error_of(sns.set_topic_attributes, TopicArn=topic + "x", AttributeName="DisplayName") == NO_TOPIC


def test_set_attributes_of_fifo_topics(sns: Any, fifo: str) -> None:
    """Recorded: a topic stays FIFO, and cannot go back to deduplicating across its groups."""

    def change(name: str, value: str) -> Any:
        return {"TopicArn": fifo, "AttributeName": name, "AttributeValue": value}

    sns.set_topic_attributes(**change("FifoTopic", "true"))
    sns.set_topic_attributes(**change("FifoThroughputScope", "MessageGroup"))
    refused = sns.set_topic_attributes
    assert error_of(refused, **change("FifoTopic", "False")) == invalid(
        "FifoTopic: Modifying topic type is not supported"
    )
    assert error_of(refused, **change("FifoThroughputScope", "Topic")) == invalid(
        "Modifying FifoThroughputScope from MessageGroup to Topic is not supported"
    )
    assert error_of(refused, **change("FifoThroughputScope", "bad")) == invalid("Invalid FifoThroughputScope: bad")
    for value in ("", "yes"):
        assert error_of(refused, **change("ContentBasedDeduplication", value)) == invalid(
            f"ContentBasedDeduplication: Invalid value [{value}]. Must be true or false."
        )
    assert error_of(sns.create_topic, Name="t", Attributes={"FifoTopic": "garbage"}) == invalid(
        "Attributes Reason: FifoTopic: Invalid value [garbage]. Must be true or false."
    )


def test_feedback_settings_are_kept(sns: Any, topic: str) -> None:
    """Delivery status logging is a setting that comes back."""
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SQSSuccessFeedbackSampleRate", AttributeValue="100")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SQSSuccessFeedbackSampleRate"] == "100"
    for value in ("101", ""):
        wrong = error_of(
            sns.set_topic_attributes, TopicArn=topic, AttributeName="SQSSuccessFeedbackSampleRate", AttributeValue=value
        )
        assert wrong == invalid("SQSSuccessFeedbackSampleRate: value provided is not an integer between 0-100")


def test_delivery_policies_are_merged(sns: Any, topic: str) -> None:
    """Recorded: the given policy comes back without nulls, the effective one with AWS's defaults."""
    given = {"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 5, "maxDelayTarget": 6, "numRetries": 1}}}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(given))
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(attributes["DeliveryPolicy"]) == {
        "http": {**given["http"], "disableSubscriptionOverrides": False}
    }
    effective = json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]
    assert (effective["numRetries"], effective["minDelayTarget"], effective["numNoDelayRetries"]) == (1, 5, 0)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue="")
    assert "DeliveryPolicy" not in sns.get_topic_attributes(TopicArn=topic)["Attributes"]


RETRY = {"minDelayTarget": 1, "maxDelayTarget": 2, "numRetries": 3}


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"healthyRetryPolicy": RETRY}, "Unexpected JSON member: healthyRetryPolicy"),
        ({"http": 5}, "http type mismatch, expecting object, received a integer"),
        (RETRY | {"minDelayTarget": "1"}, "minDelayTarget type mismatch, expecting integer, received a string"),
        ({"minDelayTarget": 1, "numRetries": 3}, "maxDelayTarget must be specified"),
        (RETRY | {"minDelayTarget": 0}, "minDelayTarget must be greater than or equal to 1"),
        (RETRY | {"maxDelayTarget": 3601}, "maxDelayTarget must be less than or equal to 3600"),
        (RETRY | {"numRetries": 101}, "numRetries must be less than or equal to 100"),
        (RETRY | {"minDelayTarget": 3}, "maxDelayTarget must be greater than or equal to minDelayTarget"),
        (
            RETRY | {"numNoDelayRetries": 2, "numMaxDelayRetries": 2},
            "numRetries must be greater than or equal to "
            "total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries",
        ),
    ],
)
def test_delivery_policies_are_checked(sns: Any, topic: str, policy: dict[str, Any], reason: str) -> None:
    """Reported of AWS, for topics and for subscriptions: the member and what is wrong with it."""
    is_retry = not {"http", "healthyRetryPolicy"} & set(policy)
    text = json.dumps({"http": {"defaultHealthyRetryPolicy": policy}} if is_retry else policy)
    path = "http.defaultHealthyRetryPolicy." if is_retry else ""
    refused = error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=text)
    assert refused == invalid(f"DeliveryPolicy: {path}{reason}")
    if is_retry:
        of_subscription = {"DeliveryPolicy": json.dumps({"healthyRetryPolicy": policy})}
        request = {"TopicArn": topic, "Protocol": "http", "Endpoint": "http://localhost:1/"}
        refused = error_of(sns.subscribe, **request, Attributes=of_subscription)
        assert refused == invalid(f"Attributes Reason: DeliveryPolicy: healthyRetryPolicy.{reason}")


def test_other_members_of_delivery_policies(sns: Any, topic: str) -> None:
    """Throttling, content types and switches are checked too; nulls count as unset."""

    def refused(**http: Any) -> str:
        text = json.dumps({"http": http})
        return str(
            error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=text)[1]
        )

    assert refused(defaultThrottlePolicy={"maxReceivesPerSecond": 0}).endswith("must be greater than or equal to 1")
    assert refused(defaultRequestPolicy={"headerContentType": 5}).endswith("expecting string, received a integer")
    assert refused(defaultRequestPolicy={"headerContentType": "a\r\nb: c"}).endswith("headerContentType is invalid")
    assert refused(disableSubscriptionOverrides="no").endswith("expecting boolean, received a string")
    backing_off = refused(defaultHealthyRetryPolicy=RETRY | {"backoffFunction": "random"})
    assert backing_off.endswith("the value [random] is not a valid backoff function")
    allowed = {"defaultThrottlePolicy": {"maxReceivesPerSecond": 5}, "defaultSicklyRetryPolicy": None}
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps({"http": allowed})
    )


def test_topic_policies_are_checked(sns: Any, topic: str) -> None:
    """AWS says null of a document that is none, and takes no action that topics do not have, so no sns:*."""

    def refused(policy: Any) -> tuple[str, str, int]:
        return error_of(
            sns.set_topic_attributes, TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy)
        )

    statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": topic}
    for wrong in ({}, {"Version": "2012-10-17"}, {"Statement": 5}, {"Statement": {**statement, "Effect": "Maybe"}}):
        assert refused(wrong) == invalid("Policy Error: null")
    no_json = error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName="Policy", AttributeValue="{no-json")
    assert no_json == invalid("Policy Error: null")
    for action in ("*", "sns:*", "sns:Unsubscribe", "sqs:SendMessage", ["sns:Publish", "Publish"]):
        wrong = {"Statement": [{**statement, "Action": action}]}
        assert refused(wrong) == invalid("Policy statement action out of service scope!")
    nobody = error_of(sns.add_permission, TopicArn=topic, Label="x", AWSAccountId=["1"], ActionName=["Publish"])
    assert nobody == invalid("Policy Error: PrincipalNotFound")
    policy = json.dumps({"Statement": statement})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    sns.add_permission(TopicArn=topic, Label="t", AWSAccountId=["111111111111"], ActionName=["Receive"])
    shown = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]
    assert [each["Sid"] for each in shown] == ["s", "t"]


def test_attributes_that_xml_cannot_carry(sns: Any, topic: str) -> None:
    """Nobody could read them back."""
    names = ("DisplayName", "KmsMasterKeyId", "ContentBasedDeduplication")
    wrong = [
        error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName=name, AttributeValue="\x01") for name in names
    ]
    assert [code for code, _, _ in wrong] == ["InvalidParameter"] * 3


def test_topic_arns(sns: Any, topic: str) -> None:
    """A short ARN, another region's and one of nobody are told apart."""
    assert error_of(sns.get_topic_attributes, TopicArn="nope") == invalid(
        "TopicArn Reason: An ARN must have at least 6 elements, not 1"
    )
    assert error_of(sns.get_topic_attributes, TopicArn=topic.replace("us-east-1", "eu-west-1")) == invalid("TopicArn")
    assert error_of(sns.get_topic_attributes, TopicArn=topic + "x") == NO_TOPIC


def test_deleting_a_topic_takes_its_subscriptions(sns: Any, topic: str, queue: Queue) -> None:
    """Deleting again is no error; publishing is."""
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    sns.delete_topic(TopicArn=topic)
    sns.delete_topic(TopicArn=topic)
    assert error_of(sns.publish, TopicArn=topic, Message="x") == NO_TOPIC
    assert error_of(sns.get_subscription_attributes, SubscriptionArn=arn)[0] == "NotFound"
    sns.unsubscribe(SubscriptionArn=arn)


def test_listing_topics_pages(fresh_sandbox: Any) -> None:
    """A hundred on a page."""
    sns = fresh_sandbox.client("sns")
    made = {sns.create_topic(Name=f"t{n:03}")["TopicArn"] for n in range(101)}
    first = sns.list_topics()
    second = sns.list_topics(NextToken=first["NextToken"])
    listed = [row["TopicArn"] for row in first["Topics"] + second["Topics"]]
    assert len(first["Topics"]) == 100 and "NextToken" not in second
    assert set(listed) == made
    assert error_of(sns.list_topics, NextToken="?")[0] == "InvalidParameter"


def test_permissions(sns: Any, sandbox: Any, topic: str) -> None:
    """AddPermission writes a statement into the topic's policy, once; RemovePermission takes it out."""
    for _ in range(2):
        sns.add_permission(TopicArn=topic, Label="one", AWSAccountId=[sandbox.account], ActionName=["Publish"])
    sns.add_permission(TopicArn=topic, Label="two", AWSAccountId=[sandbox.account], ActionName=["Publish", "Subscribe"])
    statements = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]
    root = f"arn:aws:iam::{sandbox.account}:root"
    assert statements[1] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "SNS:Publish",
        "Resource": topic,
    }
    assert statements[2]["Action"] == ["SNS:Publish", "SNS:Subscribe"]
    again = error_of(sns.add_permission, TopicArn=topic, Label="one", AWSAccountId=["1"], ActionName=["Publish"])
    assert again == invalid("Statement already exists")
    foreign = error_of(sns.add_permission, TopicArn=topic, Label="x", AWSAccountId=["1"], ActionName=["Fly"])
    assert foreign == invalid("Policy statement action out of service scope!")
    sns.remove_permission(TopicArn=topic, Label="one")
    statements = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == ["__default_statement_ID", "two"]
    assert error_of(sns.remove_permission, TopicArn=topic + "x", Label="one") == NO_TOPIC


def test_tags(sns: Any, topic: str) -> None:
    """Set, overwrite, remove; at most fifty, no key twice."""
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k1", "Value": "v1"}, {"Key": "k2", "Value": "v2"}])
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k2", "Value": "v2b"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["k1"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "k2", "Value": "v2b"}]
    twice = [{"Key": "k", "Value": "a"}, {"Key": "k", "Value": "b"}]
    assert error_of(sns.tag_resource, ResourceArn=topic, Tags=twice) == invalid("Duplicated keys are not allowed.")
    many = [{"Key": str(n), "Value": "v"} for n in range(51)]
    assert error_of(sns.tag_resource, ResourceArn=topic, Tags=many)[0] == "TagLimitExceeded"
    missing = ("ResourceNotFound", "Resource does not exist", 404)
    assert error_of(sns.list_tags_for_resource, ResourceArn=topic + "x") == missing


# Subscriptions


def test_a_new_subscriptions_attributes(sns: Any, sandbox: Any, topic: str, queue: Queue) -> None:
    """Recorded: what AWS shows of a queue's subscription."""
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"] == {
        "ConfirmationWasAuthenticated": "true",
        "Endpoint": queue.arn,
        "Owner": sandbox.account,
        "PendingConfirmation": "false",
        "Protocol": "sqs",
        "RawMessageDelivery": "false",
        "SubscriptionArn": arn,
        "SubscriptionPrincipal": f"arn:aws:iam::{sandbox.account}:root",
        "TopicArn": topic,
    }
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (listed["SubscriptionArn"], listed["Endpoint"]) == (arn, queue.arn)
    assert arn in {row["SubscriptionArn"] for row in sns.list_subscriptions()["Subscriptions"]}
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"


def test_subscribing_twice(sns: Any, topic: str, queue: Queue) -> None:
    """Recorded: the same endpoint is the same subscription, unless its attributes would differ."""
    params = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue.arn}
    first = sns.subscribe(**params, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"]
    assert sns.subscribe(**params, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"] == first
    assert sns.subscribe(**params)["SubscriptionArn"] == first
    other = error_of(sns.subscribe, **params, Attributes={"RawMessageDelivery": "false"})
    assert other == invalid("Attributes Reason: Subscription already exists with different attributes")


@pytest.mark.parametrize(
    ("protocol", "endpoint", "text"),
    [
        ("pigeon", "x", "Amazon SNS does not support this protocol string: pigeon"),
        ("sqs", "http://localhost/queue", "SQS endpoint ARN"),
        ("lambda", "f", "Lambda endpoint ARN"),
        ("lambda", "arn:aws:lambda:us-east-1:111122223333:layer:f", "Lambda endpoint ARN"),
        ("http", "https://example.com", "Endpoint must match the specified protocol"),
        ("email", "nobody", "Email address"),
        ("sms", "abc", "Invalid SMS endpoint: abc"),
        ("sms", "+15--551234567", "Invalid SMS endpoint: +15--551234567"),
        ("sms", "+15551234567.", "Invalid SMS endpoint: +15551234567."),
        ("sms", "/+15551234567", "Invalid SMS endpoint: /+15551234567"),
        ("sqs", "", "Endpoint"),
    ],
)
def test_endpoints_of_each_protocol(sns: Any, topic: str, protocol: str, endpoint: str, text: str) -> None:
    """An endpoint has to look like its protocol."""
    assert error_of(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint) == invalid(text)


def test_somebody_elses_queue_is_asked_first(fresh_sandbox: Any) -> None:
    """The token goes into the queue, and its owner confirms; an owner who subscribes needs no confirmation."""
    row = fresh_sandbox.server.ask("POST", f"/_mrak/environments/{fresh_sandbox.name}/accounts")
    other_account = Sandbox(fresh_sandbox.server, row)
    sns, queue = fresh_sandbox.client("sns"), Queue(other_account.client("sqs"))
    topic = sns.create_topic(Name="t")["TopicArn"]
    params = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue.arn}
    assert sns.subscribe(**params)["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=topic, Message="too early")
    (asked,) = queue.bodies()
    assert (asked["Type"], asked["TopicArn"]) == ("SubscriptionConfirmation", topic)
    with urllib.request.urlopen(asked["SubscribeURL"], timeout=30) as answer:
        assert answer.status == 200
    sns.publish(TopicArn=topic, Message="taken")
    assert [body["Message"] for body in queue.bodies()] == ["taken"]
    owner = other_account.client("sns")
    other = owner.create_topic(Name="t")["TopicArn"]
    assert owner.subscribe(TopicArn=other, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"].startswith(other)


def test_phone_numbers_may_be_written_with_separators(sns: Any, topic: str) -> None:
    """Verified on AWS: a dot, slash or hyphen may stand between digits."""
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+12/34-567.890")["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["Endpoint"] == "+12/34-567.890"


def test_fifo_queues_need_fifo_topics(sns: Any, topic: str, sandbox: Any) -> None:
    """A standard topic could not keep the queue's order."""
    arn = f"arn:aws:sqs:us-east-1:{sandbox.account}:q.fifo"
    assert error_of(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn) == invalid(
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
    )


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RawMessageDelivery", "test-ValUe", "RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false."),
        ("Fake", "x", "AttributeName"),
        (
            "FilterPolicyScope",
            "RandomValue",
            "FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes",
        ),
        ("RedrivePolicy", '{"deadLetterTargetArn": "x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (
            "RedrivePolicy",
            "{invalidjson}",
            "RedrivePolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to "
            "start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: "
            "1, column: 2]",
        ),
        (
            "FilterPolicy",
            '{"key":[{"exists":"no"}]}',
            "FilterPolicy: exists match pattern must be either true or false.\n at [Source: "
            '(String)"{"key":[{"exists":"no"}]}"; line: 1, column: 20]',
        ),
    ],
)
def test_set_subscription_attributes_refuses(
    sns: Any, topic: str, queue: Queue, name: str, value: str, text: str
) -> None:
    """Recorded refusals."""
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    call = sns.set_subscription_attributes
    assert error_of(call, SubscriptionArn=arn, AttributeName=name, AttributeValue=value) == invalid(text)


def test_subscribe_refuses_attributes_in_other_words(sns: Any, topic: str, queue: Queue) -> None:
    """Recorded: Subscribe puts "Attributes Reason" before the same refusals."""
    params = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue.arn}
    assert error_of(sns.subscribe, **params, Attributes={"RawMessageDelivery": "wrongvalue"}) == invalid(
        "Attributes Reason: RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false."
    )
    many = json.dumps({str(n): ["x"] for n in range(6)})
    assert error_of(sns.subscribe, **params, Attributes={"FilterPolicy": many}) == invalid(
        "Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys"
    )


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        ("x", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
        ("arn:aws:sns:us-east-1:1", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 5"),
        ("arn:aws:sns:us-east-1:000000000000:topic", "SubscriptionId"),
        ("", "SubscriptionArn Reason: no value for required parameter"),
    ],
)
def test_unsubscribe_reads_the_arn(sns: Any, arn: str, text: str) -> None:
    """Recorded refusals; an ARN of a subscription that is gone is none."""
    assert error_of(sns.unsubscribe, SubscriptionArn=arn) == invalid(text)


def test_confirming_takes_the_right_token(sns: Any, topic: str) -> None:
    """Recorded: what is no token, and what is none of ours."""
    no_token = error_of(sns.confirm_subscription, TopicArn=topic, Token="randomtoken")
    assert no_token == ("InvalidParameter", "Invalid token", 400)
    for unknown in ("51b2ff3e" * 36, "abc123"):
        assert error_of(sns.confirm_subscription, TopicArn=topic, Token=unknown) == invalid("Token")


def test_email_subscriptions_wait_in_the_outbox(sns: Any, sandbox: Any, topic: str) -> None:
    """SNS-002: mail does not leave; the outbox has the link that confirms."""
    asked = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    assert asked["SubscriptionArn"] == "pending confirmation"
    (pending,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert pending["SubscriptionArn"] == "PendingConfirmation"
    sns.publish(TopicArn=topic, Message="too early")
    first = _outbox(sandbox)[0]
    assert (first["protocol"], first["to"]) == ("email", "a@example.com")
    link = first["body"].splitlines()[-1]
    with urllib.request.urlopen(link) as answer:
        assert b"<ConfirmSubscriptionResponse" in answer.read()
    sns.publish(TopicArn=topic, Message="now", Subject="S")
    newest = _outbox(sandbox)[0]
    assert (newest["body"], newest["subject"], newest["topic_arn"]) == ("now", "S", topic)
    assert all(message["body"] != "too early" for message in _outbox(sandbox))


def _outbox(sandbox: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.server.ask("GET", f"/_mrak/outbox?environment={sandbox.name}")["messages"]
    return found


# Publishing


def test_a_notification_in_a_queue(sns: Any, topic: str, queue: Queue) -> None:
    """Recorded: the members of the JSON, in SNS's layout. SNS-004: the queue's policy is not asked."""
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    attributes = {
        "number": {"DataType": "Number", "StringValue": "99.12"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
    }
    sent = sns.publish(TopicArn=topic, Message='say "hé"', Subject="Hello", MessageAttributes=attributes)
    (message,) = queue.take()
    assert message["Body"].startswith('{\n  "Type" : "Notification",\n  "MessageId" : "')
    body = json.loads(message["Body"])
    assert body.pop("Timestamp")[-1] == "Z"
    assert body.pop("Signature") and body.pop("SigningCertURL").startswith("http://")
    assert body.pop("UnsubscribeURL").endswith(f"/?Action=Unsubscribe&SubscriptionArn={arn}")
    assert body == {
        "Type": "Notification",
        "MessageId": sent["MessageId"],
        "TopicArn": topic,
        "Subject": "Hello",
        "Message": 'say "hé"',
        "SignatureVersion": "1",
        "MessageAttributes": {
            "number": {"Type": "Number", "Value": "99.12"},
            "bytes": {"Type": "Binary", "Value": "AgME"},
        },
    }
    assert "MessageAttributes" not in message


def test_the_sender_is_sns(sns: Any, topic: str, fifo: str, queue: Queue, sqs: Any) -> None:
    """Whoever publishes, SNS sends: as the user that it has in us-east-1 at AWS."""
    ordered = Queue(sqs, f"q-{uuid.uuid4().hex}.fifo", FifoQueue="true")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=ordered.arn)
    sns.publish(TopicArn=topic, Message="x")
    sns.publish(TopicArn=fifo, Message="x", MessageGroupId="g", MessageDeduplicationId="d")
    for taken in (queue.take(), ordered.take()):
        assert taken[0]["Attributes"]["SenderId"] == "AIDAIT2UOQQY3AUEKVGXU"


def test_raw_delivery(sns: Any, topic: str, queue: Queue) -> None:
    """The queue gets the bare message with its attributes."""
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=raw)
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00"}}
    sns.publish(TopicArn=topic, Message="bare", MessageAttributes=attributes, MessageGroupId="g")
    (message,) = queue.take()
    assert (message["Body"], message["MessageAttributes"]) == ("bare", attributes)
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_active_tracing(sns: Any, topic: str, queue: Queue) -> None:
    """The queue's message carries the trace; without the topic's setting it does not."""
    wrong = error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName="TracingConfig", AttributeValue="active")
    assert wrong == invalid("Invalid tracing config value: active")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.publish(TopicArn=topic, Message="untraced")
    assert "AWSTraceHeader" not in queue.take()[0]["Attributes"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="TracingConfig", AttributeValue="Active")
    sns.publish(TopicArn=topic, Message="traced")
    assert queue.take()[0]["Attributes"]["AWSTraceHeader"].startswith("Root=1-")


def test_a_publisher_with_a_trace(sandbox: Any, topic: str, queue: Queue) -> None:
    """A topic that does not trace hands on the header of the request as it came."""
    sns = sandbox.client("sns")
    header = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    sns.meta.events.register("before-send.sns.Publish", lambda request, **_: request.headers.update(trace))
    trace = {"X-Amzn-Trace-Id": header}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.publish(TopicArn=topic, Message="traced by its publisher")
    assert queue.take()[0]["Attributes"]["AWSTraceHeader"] == header


def test_settings_of_pushes_are_attributes(sns: Any, topic: str, queue: Queue) -> None:
    """Names that begin with AWS. are reserved, but for the settings of push and text messages; queues get none."""
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    setting = {"AWS.SNS.MOBILE.APNS.PUSH_TYPE": {"DataType": "String", "StringValue": "background"}}
    other = {"n": {"DataType": "Number", "StringValue": "1"}}
    sns.publish(TopicArn=topic, Message="m", MessageAttributes=setting | other)
    assert queue.take()[0]["MessageAttributes"] == other


def test_a_fifo_subscription_dead_letters_in_order(sns: Any, sqs: Any, queue: Queue) -> None:
    """Recorded: a FIFO queue's dead letters go to a FIFO queue, a standard queue's to a standard queue."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    ordered = Queue(sqs, f"q-{uuid.uuid4().hex}.fifo", FifoQueue="true")
    redrive = json.dumps({"deadLetterTargetArn": queue.arn})
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=ordered.arn)["SubscriptionArn"]
    reason = "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
    call = sns.set_subscription_attributes
    refused = error_of(call, SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=redrive)
    assert refused == invalid(reason)
    other = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RedrivePolicy": redrive})
    redrive = json.dumps({"deadLetterTargetArn": ordered.arn})
    arn = other["SubscriptionArn"]
    refused = error_of(call, SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=redrive)
    assert refused == invalid(reason.replace("a FIFO queue", "a Standard queue").replace("FIFO Sub", "Standard Sub"))


def test_message_structure(sns: Any, topic: str, queue: Queue) -> None:
    """A body for each protocol, with a default."""
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=raw)
    publish = sns.publish
    publish(TopicArn=topic, Message='{"default": "d", "sqs": "for queues"}', MessageStructure="json")
    publish(TopicArn=topic, Message='{"default": "d", "http": "x"}', MessageStructure="json")
    assert sorted(message["Body"] for message in queue.take(2)) == ["d", "for queues"]
    no_default = error_of(publish, TopicArn=topic, Message='{"sqs": "x"}', MessageStructure="json")
    assert no_default == invalid("Message Structure - No default entry in JSON message body")
    no_json = error_of(publish, TopicArn=topic, Message="x", MessageStructure="json")
    assert no_json == invalid("Message Structure - JSON message body failed to parse")
    for default, body in (("17", "17"), ("null", "null"), ('"last"', "last")):
        publish(
            TopicArn=topic, Message=f'{{"default": "first", "default": {default}, "sqs": 5}}', MessageStructure="json"
        )
        assert queue.take()[0]["Body"] == body
    for default in ("[17]", '{"value": 17}'):
        refused = error_of(publish, TopicArn=topic, Message=f'{{"default": {default}}}', MessageStructure="json")
        assert refused == no_default


def test_filter_policies(sns: Any, topic: str, queue: Queue) -> None:
    """Only what the policy takes arrives, by attributes or by the body; a change counts from then on."""
    attributes = {"FilterPolicy": '{"n": [{"numeric": [">", 0, "<=", 100.0]}]}', "RawMessageDelivery": "true"}
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)["SubscriptionArn"]
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown["FilterPolicyScope"] == "MessageAttributes"
    assert shown["FilterPolicy"] == '{"n":[{"numeric":[">",0,"<=",100.0]}]}'
    for value in ("111", "99"):
        numbered = {"n": {"DataType": "Number", "StringValue": value}}
        sns.publish(TopicArn=topic, Message=value, MessageAttributes=numbered)
    sns.publish(TopicArn=topic, Message="none")
    assert queue.take()[0]["Body"] == "99"
    for name, value in (("FilterPolicyScope", "MessageBody"), ("FilterPolicy", '{"a": {"b": ["x"]}}')):
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    for body in ('{"a": {"b": "y"}}', "no json", '{"a": {"b": ["x"]}}'):
        sns.publish(TopicArn=topic, Message=body)
    assert queue.take()[0]["Body"] == '{"a": {"b": ["x"]}}'
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")
    assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    sns.publish(TopicArn=topic, Message="all again")
    assert queue.take()[0]["Body"] == "all again"


def test_filter_policies_are_limited(sns: Any, topic: str) -> None:
    """Two hundred on a topic; what has one already may change it."""
    policy = {"FilterPolicy": '{"a": ["x"]}'}
    for n in range(200):
        arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=f"+1555{n:07}", Attributes=policy)[
            "SubscriptionArn"
        ]
    more = {"TopicArn": topic, "Protocol": "sms", "Endpoint": "+15559999999"}
    refused = error_of(sns.subscribe, **more, Attributes=policy)
    assert (refused[0], refused[2]) == ("FilterPolicyLimitExceeded", 403)
    bare = sns.subscribe(**more)["SubscriptionArn"]
    change = {"AttributeName": "FilterPolicy", "AttributeValue": '{"a": ["y"]}'}
    assert error_of(sns.set_subscription_attributes, SubscriptionArn=bare, **change)[0] == "FilterPolicyLimitExceeded"
    sns.set_subscription_attributes(SubscriptionArn=arn, **change)
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["SubscriptionsConfirmed"], attributes["SubscriptionsPending"]) == ("201", "0")


def test_message_body_scope_is_checked_with_the_policy(sns: Any, topic: str, queue: Queue) -> None:
    """A nested policy needs the body's scope."""
    params = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue.arn}
    assert error_of(sns.subscribe, **params, Attributes={"FilterPolicy": '{"a": {"b": ["x"]}}'}) == invalid(
        "Attributes Reason: FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy"
    )


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"Message": ""}, invalid("Empty message")),
        ({"Message": "x" * 262_145}, invalid("Message too long")),
        ({"Message": "x", "Subject": ""}, invalid("Subject")),
        ({"Message": "x", "Subject": "a\nb"}, invalid("Subject")),
        ({"Message": "x", "Subject": "\U0001f600" * 51}, invalid("Subject")),
        ({"Message": "x", "MessageStructure": "xml"}, invalid("MessageStructure")),
        (
            {"Message": "x", "MessageDeduplicationId": "d"},
            invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not "
                "valid for this topic type"
            ),
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
            (
                "ParameterValueInvalid",
                "The message attribute 'a' must contain non-empty message attribute value for message attribute type "
                "'String'.",
                400,
            ),
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "NaN"}}},
            ("ParameterValueInvalid", "Could not cast message attribute 'a' value to number.", 400),
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "0e126"}}},
            (
                "ParameterValueInvalid",
                "Message attribute 'a' number value [0e126] scale must be 10^-128 and 10^126.",
                400,
            ),
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": f"1.{'0' * 38}"}}},
            (
                "ParameterValueInvalid",
                f"Message attribute 'a' number value [1.{'0' * 38}] must have less than 38 precision digits.",
                400,
            ),
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "String.", "StringValue": "x"}}},
            (
                "ParameterValueInvalid",
                "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes "
                "is Binary, Number, and String.",
                400,
            ),
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Strange", "StringValue": "x"}}},
            (
                "ParameterValueInvalid",
                "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes "
                "is Binary, Number, and String.",
                400,
            ),
        ),
    ],
)
def test_refused_messages(sns: Any, topic: str, params: dict[str, Any], error: tuple[str, str, int]) -> None:
    """Each check of Publish."""
    assert error_of(sns.publish, TopicArn=topic, **params) == error


def test_publish_needs_a_target(sns: Any, topic: str, queue: Queue) -> None:
    """TopicArn or TargetArn; both name a topic."""
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.publish(TargetArn=topic, Message="by target")
    assert queue.bodies()[0]["Message"] == "by target"
    assert error_of(sns.publish, Message="x") == invalid(
        "TopicArn or TargetArn Reason: no value for required parameter"
    )


def test_publish_batch(sns: Any, topic: str, queue: Queue) -> None:
    """Up to ten, each with its own id."""
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    entries = [{"Id": str(n), "Message": f"m{n}"} for n in range(10)]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert ([row["Id"] for row in answer["Successful"]], answer["Failed"]) == ([str(n) for n in range(10)], [])
    assert sorted(message["Body"] for message in queue.take(10)) == [f"m{n}" for n in range(10)]


def test_what_is_wrong_with_one_entry_of_a_batch(sns: Any, topic: str, fifo: str, queue: Queue) -> None:
    """Recorded: a standard topic takes the others; wrong attributes refuse all, and a FIFO topic refuses all anyway."""
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    wrong = [
        ({"Message": ""}, "Empty message"),
        ({"Message": "x", "Subject": "invalid\nsubject"}, "Subject"),
        (
            {"Message": "{}", "MessageStructure": "json"},
            "Message Structure - No default entry in JSON message body",
        ),
        (
            {"Message": "x", "MessageGroupId": "with space"},
            "The MessageGroupId parameter can only include alphanumeric and punctuation characters. 1 to 128 in length",
        ),
    ]
    entries = [{"Id": "valid", "Message": "valid"}, *({"Id": str(n), **bad} for n, (bad, _) in enumerate(wrong))]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [row["Id"] for row in answer["Successful"]] == ["valid"]
    assert answer["Failed"] == [
        {"Id": str(n), "Code": "InvalidParameter", "Message": f"Invalid parameter: {text}", "SenderFault": True}
        for n, (_, text) in enumerate(wrong)
    ]
    attributes = {"face": {"DataType": "String", "StringValue": "\U0001f642"}}
    entries = [entries[0], {"Id": "bad", "Message": "x", "MessageAttributes": attributes}]
    assert error_of(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == invalid(
        "Invalid attribute value was passed in for message attribute face"
    )
    ordered = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    entries = [{"Id": "valid", "Message": "x", **ordered}, {"Id": "bad", "Message": "", **ordered}]
    assert error_of(sns.publish_batch, TopicArn=fifo, PublishBatchRequestEntries=entries) == invalid("Empty message")
    assert [message["Body"] for message in queue.take()] == ["valid"]


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        (
            "a b",
            "Invalid non-alphanumeric character '#x20' was found in the message attribute name. Can only include "
            "alphanumeric characters, hyphens, underscores, or dots.",
        ),
        (".a", "Invalid message attribute name starting with character '.' was found."),
        ("a.", "Invalid message attribute name ending with character '.' was found."),
        ("a..b", "Message attribute name can not have successive '.' character."),
        ("a" * 257, "Length of message attribute name must be less than 256 bytes."),
    ],
)
def test_names_of_message_attributes(sns: Any, topic: str, attribute: str, text: str) -> None:
    """Subscribers that are queues have the same rules."""
    attributes = {attribute: {"DataType": "String", "StringValue": "x"}}
    refused = error_of(sns.publish, TopicArn=topic, Message="x", MessageAttributes=attributes)
    assert refused == ("ParameterValueInvalid", text, 400)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([{"Id": str(n), "Message": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "1", "Message": "x"}, {"Id": "1", "Message": "y"}], "BatchEntryIdsNotDistinct"),
        ([{"Id": "a.b", "Message": "x"}], "InvalidBatchEntryId"),
        ([{"Id": "a" * 81, "Message": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "Message": "x" * 200_000} for n in range(2)], "BatchRequestTooLong"),
        ([], "EmptyBatchRequest"),
    ],
)
def test_refused_batches(sns: Any, topic: str, entries: list[dict[str, Any]], code: str) -> None:
    """A batch is refused as a whole for what is wrong with it as a whole."""
    assert error_of(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0] == code


def test_larger_messages_are_opted_into(sns: Any) -> None:
    """MaximumMessageSize takes a topic to 1 MiB."""
    big = sns.create_topic(Name=f"t-{uuid.uuid4().hex}", Attributes={"MaximumMessageSize": "1048576"})["TopicArn"]
    sns.publish(TopicArn=big, Message="x" * 1_000_000)
    assert error_of(sns.publish, TopicArn=big, Message="x" * 1_048_577) == invalid("Message too long")


def test_many_subscribers(sns: Any, sqs: Any, topic: str, sandbox: Any) -> None:
    """Beyond a hundred subscribers the fan-out goes on in pages; the last one gets the message too."""
    queues = [Queue(sqs) for _ in range(3)]
    for n in range(201):
        phone = f"+1555{n:07}"
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=phone)
    for queue in queues:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    sns.publish(TopicArn=topic, Message="everyone")
    for queue in queues:
        assert queue.bodies()[0]["Message"] == "everyone"


def test_a_deleted_queue_dead_letters(sns: Any, sqs: Any, topic: str, queue: Queue) -> None:
    """What cannot be delivered goes to the subscription's dead-letter queue, as it would have arrived."""
    dead = Queue(sqs)
    attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn}), "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    sqs.delete_queue(QueueUrl=queue.url)
    numbered = {"n": {"DataType": "Number", "StringValue": "111"}}
    sns.publish(TopicArn=topic, Message="lost?", MessageAttributes=numbered)
    (message,) = dead.take()
    assert (message["Body"], message["MessageAttributes"]) == ("lost?", numbered)


# FIFO


@pytest.fixture
def fifo(sns: Any) -> str:
    name = f"t-{uuid.uuid4().hex}.fifo"
    return str(sns.create_topic(Name=name, Attributes={"FifoTopic": "true"})["TopicArn"])


def test_fifo_topics_deduplicate(sns: Any, fifo: str, queue: Queue, sandbox: Any) -> None:
    """Recorded: within five minutes the same id is the same message, with its id and number; a standard queue gets
    notifications without a signature."""
    sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=queue.arn)
    params = {"TopicArn": fifo, "Message": "once", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = sns.publish(**params)
    assert len(first["SequenceNumber"]) == 20
    again = sns.publish(**params)
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    sandbox.advance_clock(301)
    later = sns.publish(**params)
    assert later["SequenceNumber"] > first["SequenceNumber"]
    one, two = queue.bodies(2)
    assert one["SequenceNumber"] == first["SequenceNumber"] and two["SequenceNumber"] == later["SequenceNumber"]
    assert "Signature" not in one and "SignatureVersion" not in one


def test_fifo_needs_group_and_deduplication(sns: Any, fifo: str) -> None:
    """Each refusal of FIFO topics."""
    no_group = invalid("The MessageGroupId parameter is required for FIFO topics")
    assert error_of(sns.publish, TopicArn=fifo, Message="x") == no_group
    assert (
        error_of(sns.publish_batch, TopicArn=fifo, PublishBatchRequestEntries=[{"Id": "1", "Message": "x"}]) == no_group
    )
    assert error_of(sns.publish, TopicArn=fifo, Message="x", MessageGroupId="g") == invalid(
        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    first = sns.publish(TopicArn=fifo, Message="x", MessageGroupId="g")
    assert sns.publish(TopicArn=fifo, Message="x", MessageGroupId="h")["MessageId"] == first["MessageId"]
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="FifoThroughputScope", AttributeValue="MessageGroup")
    assert sns.publish(TopicArn=fifo, Message="x", MessageGroupId="h")["MessageId"] != first["MessageId"]


def test_fifo_topics_take_queues_only(sns: Any, fifo: str) -> None:
    """As at AWS."""
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    refused = error_of(sns.subscribe, TopicArn=fifo, Protocol="lambda", Endpoint=function)
    assert refused == invalid("Invalid protocol type: lambda")


def test_an_archive_is_replayed(sns: Any, fifo: str, queue: Queue) -> None:
    """A subscriber that comes late gets what the archive kept, in order, and marked; up to where the policy ends."""
    policy = '{"MessageRetentionPeriod": "7"}'
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue=policy)
    for n in range(3):
        sns.publish(TopicArn=fifo, Message=f"m{n}", MessageGroupId="g", MessageDeduplicationId=str(n))
    replay = {"PointType": "Timestamp", "StartingPoint": "2020-01-01T00:00:00.000Z"}
    attributes = {"ReplayPolicy": json.dumps(replay | {"EndingPoint": "2020-01-02T00:00:00.000Z"})}
    made = sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    arn = made["SubscriptionArn"]

    def is_complete() -> bool:
        status: str = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["ReplayStatus"]
        return status == "Completed"

    until(is_complete)
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="ReplayPolicy", AttributeValue=json.dumps(replay)
    )
    bodies = [json.loads(message["Body"]) for message in queue.take(3)]
    assert [(body["Message"], body["Replayed"]) for body in bodies] == [("m0", "true"), ("m1", "true"), ("m2", "true")]
    until(is_complete)
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="ReplayPolicy", AttributeValue="")
    assert "ReplayStatus" not in sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    sns.publish(TopicArn=fifo, Message="m3", MessageGroupId="g", MessageDeduplicationId="3")
    assert "Replayed" not in json.loads(queue.take()[0]["Body"])
    assert sns.get_topic_attributes(TopicArn=fifo)["Attributes"]["BeginningArchiveTime"].endswith("Z")
    assert error_of(sns.delete_topic, TopicArn=fifo)[0] == "InvalidState"
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue="")
    sns.delete_topic(TopicArn=fifo)


def test_archive_and_replay_policies_are_checked(sns: Any, fifo: str, queue: Queue) -> None:
    """An archive keeps messages from a day to a year; an empty policy ends it."""

    def archive(policy: str) -> Any:
        return error_of(sns.set_topic_attributes, TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue=policy)

    assert archive('{"Days": 1}') == invalid("ArchivePolicy: JSON is missing required fields")
    for days in ('"abc"', "0", "366", "[1]", "1.5"):
        wrong = archive(f'{{"MessageRetentionPeriod": {days}}}')
        assert wrong == invalid("ArchivePolicy: MessageRetentionPeriod value is invalid")
    this, kept = fifo.rpartition(":")[2], '{"MessageRetentionPeriod":1}'
    other = invalid("Attributes Reason: Topic already exists with different attributes")
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue=kept)
    assert error_of(sns.create_topic, Name=this, Attributes={"FifoTopic": "true", "ArchivePolicy": kept}) == other
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue="{}")
    sns.create_topic(Name=this, Attributes={"FifoTopic": "true", "ArchivePolicy": "{}"})
    assert "ArchivePolicy" not in sns.get_topic_attributes(TopicArn=fifo)["Attributes"]
    arn = sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="ReplayPolicy", AttributeValue="{}")
    never = json.dumps({"PointType": "Timestamp", "StartingPoint": "0001-01-01T00:00:00+14:00"})
    wrong = error_of(
        sns.set_subscription_attributes, SubscriptionArn=arn, AttributeName="ReplayPolicy", AttributeValue=never
    )
    assert wrong == invalid("ReplayPolicy: StartingPoint is invalid")


def test_a_topic_needs_its_kms_key(sns: Any, sandbox: Any) -> None:
    """AWS takes any key when the topic is made, and asks for it when something is published."""
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    topics = [
        sns.create_topic(Name=f"t-{uuid.uuid4().hex}", Attributes={"KmsMasterKeyId": named})["TopicArn"]
        for named in ("none", "alias/aws/sns", key)
    ]
    code, message, status = error_of(sns.publish, TopicArn=topics[0], Message="x")
    origin = "Invalid keyId none (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; Request ID: "
    assert (code, status, message.startswith(origin)) == ("KMSNotFound", 400, True)
    for topic in topics[1:]:
        sns.publish(TopicArn=topic, Message="x")
    kms.disable_key(KeyId=key)
    assert error_of(sns.publish, TopicArn=topics[2], Message="x")[0] == "KMSDisabled"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert error_of(sns.publish, TopicArn=topics[2], Message="x")[0] == "KMSInvalidState"


# Platforms and SMS


def test_platform_applications_and_endpoints(sns: Any, sandbox: Any) -> None:
    """Recorded: attributes without secrets, endpoints by token; pushes stay in the outbox (SNS-002)."""
    name = f"app-{uuid.uuid4().hex}"
    attributes = {"PlatformCredential": "secret", "PlatformPrincipal": "id"}
    app = sns.create_platform_application(Name=name, Platform="ADM", Attributes=attributes)["PlatformApplicationArn"]
    assert app.endswith(f":app/ADM/{name}")
    shown = sns.get_platform_application_attributes(PlatformApplicationArn=app)["Attributes"]
    assert shown == {"Enabled": "true"}
    assert app in {row["PlatformApplicationArn"] for row in sns.list_platform_applications()["PlatformApplications"]}
    create = sns.create_platform_endpoint
    endpoint = create(PlatformApplicationArn=app, Token="token_1", CustomUserData="bar")["EndpointArn"]
    assert create(PlatformApplicationArn=app, Token="token_1", CustomUserData="bar")["EndpointArn"] == endpoint
    both = create(PlatformApplicationArn=app, Token="both", CustomUserData="foo", Attributes={"CustomUserData": "bar"})
    assert sns.get_endpoint_attributes(EndpointArn=both["EndpointArn"])["Attributes"]["CustomUserData"] == "bar"
    sns.delete_endpoint(EndpointArn=both["EndpointArn"])
    conflict = error_of(create, PlatformApplicationArn=app, Token="token_1", CustomUserData="other")
    assert conflict[1].startswith(f"Invalid parameter: Token Reason: Endpoint {endpoint} already exists")
    assert sns.get_endpoint_attributes(EndpointArn=endpoint)["Attributes"] == {
        "CustomUserData": "bar",
        "Enabled": "true",
        "Token": "token_1",
    }
    sns.publish(TargetArn=endpoint, Message='{"default": "d", "ADM": "push"}', MessageStructure="json")
    assert (_outbox(sandbox)[0]["protocol"], _outbox(sandbox)[0]["body"]) == ("application", "push")
    sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "false"})
    disabled = error_of(sns.publish, TargetArn=endpoint, Message="x")
    assert disabled == ("EndpointDisabled", "Endpoint is disabled", 400)
    sns.delete_endpoint(EndpointArn=endpoint)
    no_target = "TargetArn Reason: No endpoint found for the target arn specified"
    assert error_of(sns.publish, TargetArn=endpoint, Message="x") == invalid(no_target)
    assert sns.list_endpoints_by_platform_application(PlatformApplicationArn=app)["Endpoints"] == []
    # Verified on AWS, where the space is missing too.
    topic = sns.create_topic(Name=name)["TopicArn"]
    subscribed = error_of(sns.subscribe, TopicArn=topic, Protocol="application", Endpoint=endpoint)
    assert subscribed == invalid(f"Endpoint Reason: Endpoint does not exist for endpoint arn{endpoint}")
    gone = error_of(sns.get_endpoint_attributes, EndpointArn=endpoint)
    assert gone == ("NotFound", "Endpoint does not exist", 404)
    sns.set_platform_application_attributes(PlatformApplicationArn=app, Attributes={"Enabled": "false"})
    other = create(PlatformApplicationArn=app, Token="t2")["EndpointArn"]
    assert error_of(sns.publish, TargetArn=other, Message="x")[0] == "PlatformApplicationDisabled"
    sns.delete_platform_application(PlatformApplicationArn=app)
    missing = error_of(sns.list_endpoints_by_platform_application, PlatformApplicationArn=app)
    assert missing == ("NotFound", "PlatformApplication does not exist", 404)


def test_platform_refusals(sns: Any) -> None:
    """Recorded messages."""
    create = sns.create_platform_application
    credentials = {"PlatformCredential": "c", "PlatformPrincipal": "p"}
    assert error_of(create, Name="a b", Platform="ADM", Attributes=credentials) == invalid(
        "@name Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"
    )
    assert error_of(create, Name="a" * 257, Platform="ADM", Attributes=credentials) == invalid(
        f"{'a' * 257} Reason: must be at most 256 characters long"
    )
    assert error_of(create, Name="a", Platform="ADM", Attributes={"PlatformCredential": "c"}) == invalid(
        "Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal"
    )
    assert error_of(create, Name="a", Platform="ADM", Attributes={"PlatformPrincipal": "p"}) == invalid(
        "Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential"
    )
    assert error_of(create, Name="a", Platform="FAX", Attributes=credentials) == invalid(
        "Platform Reason: FAX is not supported"
    )
    assert error_of(sns.get_platform_application_attributes, PlatformApplicationArn="x") == invalid(
        "PlatformApplicationArn Reason: An ARN must have at least 6 elements, not 1"
    )
    app = create(Name=f"a{uuid.uuid4().hex}", Platform="ADM", Attributes=credentials)["PlatformApplicationArn"]
    assert error_of(sns.set_endpoint_attributes, EndpointArn=app, Attributes={"Enabled": "true"}) == invalid(
        "EndpointArn Reason: Wrong number of slashes in relative portion of the ARN."
    )
    long = {"CustomUserData": "x" * 2049}
    assert error_of(sns.create_platform_endpoint, PlatformApplicationArn=app, Token="t", Attributes=long) == invalid(
        "Attributes Reason: Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in UTF-8 "
        "encoding"
    )


def test_sms(sns: Any, sandbox: Any) -> None:
    """Text messages stay in the outbox; settings are checked with AWS's words."""
    sns.publish(PhoneNumber="+15551234", Message="hi")
    assert (_outbox(sandbox)[0]["protocol"], _outbox(sandbox)[0]["to"]) == ("sms", "+15551234")
    assert error_of(sns.publish, PhoneNumber="555", Message="hi") == invalid(
        "PhoneNumber Reason: 555 is not valid to publish to"
    )
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Promotional"})
    assert sns.get_sms_attributes()["attributes"] == {"DefaultSMSType": "Promotional", "MonthlySpendLimit": "1"}
    assert sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"] == {"DefaultSMSType": "Promotional"}
    for name, value, message in (
        ("InvalidAttribute", "x", "InvalidAttribute is not a valid attribute"),
        ("DefaultSMSType", "x", "DefaultSMSType is invalid"),
        ("DefaultSenderID", "x" * 12, "DefaultSendID is not a valid attribute"),
    ):
        assert error_of(sns.set_sms_attributes, attributes={name: value}) == ("InvalidParameter", message, 400)
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+15551234")["isOptedOut"] is False
    sns.opt_in_phone_number(phoneNumber="+15551234")
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    for call in (sns.check_if_phone_number_is_opted_out, sns.opt_in_phone_number):
        refused = error_of(call, phoneNumber="+44742LALALA")
        assert refused == invalid("PhoneNumber Reason: input incorrectly formatted")


def test_the_sms_sandbox(sns: Any, sandbox: Any) -> None:
    """A number is verified with the code that the outbox shows."""
    number = "+15559876543"
    sns.create_sms_sandbox_phone_number(PhoneNumber=number)
    code = _outbox(sandbox)[0]["body"][:6]
    wrong = error_of(sns.verify_sms_sandbox_phone_number, PhoneNumber=number, OneTimePassword="00000")
    assert wrong[2] == 400
    sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword=code)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": number, "Status": "Verified"}]
    sns.delete_sms_sandbox_phone_number(PhoneNumber=number)
    assert error_of(sns.delete_sms_sandbox_phone_number, PhoneNumber=number)[0] == "ResourceNotFound"
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is True


def fifo_queue(sandbox: Any) -> Queue:
    return Queue(sandbox.client("sqs"), f"q-{uuid.uuid4().hex}.fifo", FifoQueue="true")


def test_fifo_topics_keep_their_order(sns: Any, fifo: str, sandbox: Any) -> None:
    """Recorded: a FIFO queue gets group and deduplication id, and messages in the order of the batch."""
    queue = fifo_queue(sandbox)
    sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    entries = [
        {"Id": str(n), "Message": f"m{n}", "MessageGroupId": "group", "MessageDeduplicationId": f"d{n}"}
        for n in range(10)
    ]
    first = sns.publish_batch(TopicArn=fifo, PublishBatchRequestEntries=entries)["Successful"]
    again = sns.publish_batch(TopicArn=fifo, PublishBatchRequestEntries=entries)["Successful"]
    assert [row["MessageId"] for row in first] == [row["MessageId"] for row in again]
    assert [row["SequenceNumber"] for row in first] == sorted(row["SequenceNumber"] for row in first)
    got = queue.take(10)
    assert [message["Body"] for message in got] == [f"m{n}" for n in range(10)]
    assert got[0]["Attributes"]["MessageGroupId"] == "group"
    assert got[0]["Attributes"]["MessageDeduplicationId"] == "d0"


def test_structured_messages_of_fifo_topics(sns: Any, fifo: str, sandbox: Any) -> None:
    """Recorded: the notification of a message with a body for each protocol does not tell its sequence number."""
    queue = fifo_queue(sandbox)
    sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=queue.arn)
    bodies = '{"default": "x", "sqs": "y"}'
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    sns.publish(TopicArn=fifo, Message=bodies, MessageStructure="json", **ids)
    (body,) = queue.bodies()
    assert list(body) == ["Type", "MessageId", "TopicArn", "Message", "Timestamp", "UnsubscribeURL"]
    assert body["Message"] == "y"
    spaced = {**ids, "MessageDeduplicationId": "with space"}
    assert error_of(sns.publish, TopicArn=fifo, Message="x", **spaced) == invalid(
        "The MessageDeduplicationId parameter can only include alphanumeric and punctuation characters. 1 to 128 in "
        "length"
    )


def test_fifo_topics_dead_letter(sns: Any, sqs: Any, fifo: str, sandbox: Any) -> None:
    """Recorded: what a FIFO topic cannot deliver keeps its group and ids in a FIFO dead-letter queue."""
    queue, dead = fifo_queue(sandbox), fifo_queue(sandbox)
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})}
    sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=queue.arn, Attributes=redrive)
    sqs.delete_queue(QueueUrl=queue.url)
    sent = sns.publish(TopicArn=fifo, Message="lost?", MessageGroupId="g", MessageDeduplicationId="d")
    (message,) = dead.take()
    assert (message["Attributes"]["MessageGroupId"], message["Attributes"]["MessageDeduplicationId"]) == ("g", "d")
    body = json.loads(message["Body"])
    assert (body["Message"], body["SequenceNumber"]) == ("lost?", sent["SequenceNumber"])
