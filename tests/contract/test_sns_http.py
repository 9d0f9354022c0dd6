"""SNS and HTTP endpoints: the handshake, the headers, signatures that an outsider can verify, and retries.

The verifier here is independent of the code under test: AWS's page on verifying signatures, and a certificate that is
fetched as a subscriber would.
"""

from __future__ import annotations

import base64
import http.server
import json
import queue
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from tests.conftest import TAKES_DELIVERIES


class Subscriber:
    """A real HTTP server that remembers what was posted to it. `statuses` are answered first, then 200."""

    def __init__(self) -> None:
        self.requests: queue.Queue[tuple[dict[str, str], str]] = queue.Queue()
        self.statuses: list[int] = []
        subscriber = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = subscriber.statuses.pop(0) if subscriber.statuses else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
                subscriber.requests.put((headers, body))

            def log_message(self, *_: Any) -> None:
                """Keeps the test's output quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?x=1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self) -> tuple[dict[str, str], str]:
        return self.requests.get(timeout=10)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    made = Subscriber()
    yield made
    made.close()


@pytest.fixture
def sns(sandbox: Any) -> Any:
    return sandbox.client("sns")


def confirm(sns: Any, topic: str, subscriber: Subscriber, **attributes: str) -> str:
    """Subscribes and confirms by the link that was posted."""
    asked = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=subscriber.url, Attributes=attributes, ReturnSubscriptionArn=True
    )
    _, body = subscriber.take()
    with urllib.request.urlopen(json.loads(body)["SubscribeURL"]) as answer:
        assert asked["SubscriptionArn"].encode() in answer.read()
    return str(asked["SubscriptionArn"])


def verify(message: dict[str, Any]) -> None:
    """Raises unless the signature holds."""
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if message["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    with urllib.request.urlopen(message["SigningCertURL"]) as answer:
        key: Any = x509.load_pem_x509_certificate(answer.read()).public_key()
    algorithm = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    key.verify(base64.b64decode(message["Signature"]), text.encode(), padding.PKCS1v15(), algorithm)


@pytest.mark.parametrize("version", ["1", "2"])
def test_signatures_hold(sns: Any, subscriber: Subscriber, version: str) -> None:
    """SNS-001: signed by our own certificate. Handshake and notification, both versions, with and without subject."""
    name = f"t-{uuid.uuid4().hex}"
    topic = sns.create_topic(Name=name, Attributes={"SignatureVersion": version})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
    _, body = subscriber.take()
    handshake = json.loads(body)
    assert handshake["SignatureVersion"] == version
    verify(handshake)
    urllib.request.urlopen(handshake["SubscribeURL"]).close()
    sns.publish(TopicArn=topic, Message='wörld "quoted"', Subject="S")
    sns.publish(TopicArn=topic, Message="no subject")
    for _ in range(2):
        verify(json.loads(subscriber.take()[1]))


def test_the_handshake(sns: Any, sandbox: Any, subscriber: Subscriber) -> None:
    """Recorded: members and headers of each message on the way from subscribing to unsubscribing."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    asked = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
    assert asked["SubscriptionArn"] == "pending confirmation"
    headers, body = subscriber.take()
    message = json.loads(body)
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert headers["x-amz-sns-topic-arn"] == topic
    assert headers["x-amz-sns-message-id"] == message["MessageId"]
    assert headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert message["Message"] == (
        f"You have chosen to subscribe to the topic {topic}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    confirmed = sns.confirm_subscription(TopicArn=topic, Token=message["Token"])["SubscriptionArn"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=confirmed)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]) == ("false", "true")
    sns.publish(TopicArn=topic, Message="hello")
    headers, body = subscriber.take()
    notification = json.loads(body)
    assert headers["x-amz-sns-subscription-arn"] == confirmed
    assert (headers["x-amz-sns-message-type"], notification["Message"]) == ("Notification", "hello")
    urllib.request.urlopen(notification["UnsubscribeURL"]).close()
    headers, body = subscriber.take()
    assert headers["x-amz-sns-message-type"] == "UnsubscribeConfirmation"
    assert json.loads(body)["Message"].startswith(f"You have chosen to deactivate subscription {confirmed}.\n")
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_authenticated_unsubscribing(sns: Any, subscriber: Subscriber) -> None:
    """Who confirmed so has to sign: the link in a notification is no longer enough."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
    token = json.loads(subscriber.take()[1])["Token"]
    arn = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="x")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(json.loads(subscriber.take()[1])["UnsubscribeURL"])
    assert caught.value.code == 403
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_raw_delivery_and_content_type(sns: Any, subscriber: Subscriber) -> None:
    """Recorded: the bare message, a header that says so, and the content type of the delivery policy."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    policy = json.dumps({"requestPolicy": {"headerContentType": "text/csv"}})
    arn = confirm(sns, topic, subscriber, RawMessageDelivery="true", DeliveryPolicy=policy)
    shown = json.loads(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["DeliveryPolicy"])
    unset = dict.fromkeys(("healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy"))
    assert shown == {**unset, "requestPolicy": {"headerContentType": "text/csv"}, "guaranteed": False}
    sns.publish(TopicArn=topic, Message="a,b")
    headers, body = subscriber.take()
    assert (body, headers["x-amz-sns-rawdelivery"], headers["content-type"]) == ("a,b", "true", "text/csv")


def test_failures_are_tried_again(sns: Any, sandbox: Any, subscriber: Subscriber) -> None:
    """A 500 is tried again by the delivery policy: here at once, then after a minute of the environment's clock."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    retry = {"numRetries": 2, "numNoDelayRetries": 1, "minDelayTarget": 60, "maxDelayTarget": 60}
    confirm(sns, topic, subscriber, DeliveryPolicy=json.dumps({"healthyRetryPolicy": retry}))
    subscriber.statuses = [500, 503]
    sent = sns.publish(TopicArn=topic, Message="again")
    first, second = subscriber.take(), subscriber.take()
    sandbox.advance_clock(61)
    third = subscriber.take()
    assert [json.loads(body)["MessageId"] for _, body in (first, second, third)] == [sent["MessageId"]] * 3


def test_what_an_endpoint_refuses_is_delivered(sns: Any, sandbox: Any, subscriber: Subscriber) -> None:
    """Recorded: SNS takes a 400 and a redirect for an answer, logs SUCCESS with its phrase, and tries and dead-letters
    only what 429, 5xx or nobody answered. A first failed attempt has no count of those before it."""
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}", Attributes={"Policy": TAKES_DELIVERIES})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    trust = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = sandbox.client("iam").create_role(
        RoleName=uuid.uuid4().hex, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    for name in ("HTTPSuccessFeedbackRoleArn", "HTTPFailureFeedbackRoleArn"):
        sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=role)
    retry = {"numRetries": 1, "numNoDelayRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1}
    policies = {
        "RedrivePolicy": {"deadLetterTargetArn": arn},
        "DeliveryPolicy": {"healthyRetryPolicy": retry},
    }
    confirm(sns, topic, subscriber, **{name: json.dumps(policy) for name, policy in policies.items()})
    subscriber.statuses = [400, 302, 503, 429]
    for text in ("refused", "sent elsewhere"):
        sns.publish(TopicArn=topic, Message=text)
        subscriber.take()
    sns.publish(TopicArn=topic, Message="given up")
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"])["Message"] == "given up"
    assert _logged(sandbox, topic) == [(302, "Found", None), (400, "Bad Request", None)]
    assert _logged(sandbox, topic, "/Failure") == [(429, "Too Many Requests", 1), (503, "Service Unavailable", None)]


def _logged(sandbox: Any, topic: str, end: str = "") -> list[tuple[int, str, int | None]]:
    """Status, answer and count of earlier attempts of what a topic's log tells."""
    group = f"sns/us-east-1/{sandbox.account}/{topic.rpartition(':')[2]}{end}"
    events = sandbox.client("logs").filter_log_events(logGroupName=group)["events"]
    lines = [json.loads(event["message"])["delivery"] for event in events]
    return sorted((line["statusCode"], line["providerResponse"], line.get("attempts")) for line in lines)


def test_a_dead_endpoint_delays_nobody(sns: Any, sandbox: Any, subscriber: Subscriber) -> None:
    """Lanes are of one subscription: while one endpoint does not answer, the other gets its messages."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    dead = Subscriber()
    confirm(sns, topic, dead)
    dead.close()
    confirm(sns, topic, subscriber)
    for n in range(20):
        sns.publish(TopicArn=topic, Message=str(n))
    got = {json.loads(subscriber.take()[1])["Message"] for _ in range(20)}
    assert got == {str(n) for n in range(20)}


def test_wrong_tokens_of_links(sns: Any, subscriber: Subscriber) -> None:
    """Recorded: the errors that an unsigned link shows, in XML."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
    link = json.loads(subscriber.take()[1])["SubscribeURL"]
    for broken, text in (
        (link.replace(topic, "nope"), "Invalid parameter: Topic"),
        (link.replace("us-east-1", "eu-west-1"), "Invalid parameter: Topic"),
        (link[:-4] + "0000", "Invalid parameter: Token"),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(broken)
        body = caught.value.read().decode()
        assert (caught.value.code, f"<Message>{text}</Message>" in body) == (400, True), body
