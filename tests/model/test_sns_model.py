"""Topics as fan-out: a naive model (a topic is a set of queues with filters) against the real one, through invoke.

The invariant that everything is about: every publish arrives exactly once in each queue that was subscribed then and
whose filter takes it, and nowhere else.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.conftest import TAKES_DELIVERIES, new_cloud

TOPICS = ("a", "b")
QUEUES = ("q0", "q1", "q2")
COLOURS = ("red", "green", "blue")
STEPS = int(os.environ.get("MODEL_STEPS", "1600"))
PER_RUN = 40


class Fanout(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cloud = new_cloud()
        self.topics: dict[str, str] = {}
        self.queues: dict[str, tuple[str, str]] = {}
        self.subscribed: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
        self.expected: dict[str, Counter[str]] = {name: Counter() for name in QUEUES}
        self.published = 0

    @initialize()
    def create(self) -> None:
        for name in QUEUES:
            attributes = {"Policy": TAKES_DELIVERIES}
            url = self.cloud.call("sqs", "CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
            found = self.cloud.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"])
            self.queues[name] = (url, found["Attributes"]["QueueArn"])
        for name in TOPICS:
            self.topics[name] = self.cloud.call("sns", "CreateTopic", Name=name)["TopicArn"]

    @rule(topic=st.sampled_from(TOPICS), queue=st.sampled_from(QUEUES), colours=st.frozensets(st.sampled_from(COLOURS)))
    def subscribe(self, topic: str, queue: str, colours: frozenset[str]) -> None:
        if (topic, queue) in self.subscribed:
            return
        attributes = {"RawMessageDelivery": "true"}
        if colours:
            attributes["FilterPolicy"] = json.dumps({"colour": sorted(colours)})
        params: dict[str, Any] = {"TopicArn": self.topics[topic], "Protocol": "sqs", "Endpoint": self.queues[queue][1]}
        made = self.cloud.call("sns", "Subscribe", **params, Attributes=attributes)["SubscriptionArn"]
        assert self.cloud.call("sns", "Subscribe", **params)["SubscriptionArn"] == made
        self.subscribed[topic, queue] = (made, colours)

    @precondition(lambda self: self.subscribed)
    @rule(data=st.data(), colours=st.frozensets(st.sampled_from(COLOURS), min_size=1))
    def change_filter(self, data: st.DataObject, colours: frozenset[str]) -> None:
        key = data.draw(st.sampled_from(sorted(self.subscribed)))
        arn, _ = self.subscribed[key]
        policy = json.dumps({"colour": sorted(colours)})
        self.cloud.call(
            "sns", "SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy
        )
        self.subscribed[key] = (arn, colours)

    @precondition(lambda self: self.subscribed)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.subscribed)))
        self.cloud.call("sns", "Unsubscribe", SubscriptionArn=self.subscribed.pop(key)[0])

    @rule(topic=st.sampled_from(TOPICS))
    def recreate(self, topic: str) -> None:
        """A deleted topic's subscriptions do not come back with its name."""
        self.cloud.call("sns", "DeleteTopic", TopicArn=self.topics[topic])
        assert self.cloud.call("sns", "CreateTopic", Name=topic)["TopicArn"] == self.topics[topic]
        self.subscribed = {key: value for key, value in self.subscribed.items() if key[0] != topic}

    @rule(topic=st.sampled_from(TOPICS), colour=st.none() | st.sampled_from(COLOURS))
    def publish(self, topic: str, colour: str | None) -> None:
        self.published += 1
        body = f"m{self.published}"
        attributes = {"colour": {"DataType": "String", "StringValue": colour}} if colour else {}
        self.cloud.call("sns", "Publish", TopicArn=self.topics[topic], Message=body, MessageAttributes=attributes)
        self._expect(topic, colour, body)

    @rule(topic=st.sampled_from(TOPICS), colours=st.lists(st.sampled_from(COLOURS), min_size=1, max_size=10))
    def publish_batch(self, topic: str, colours: list[str]) -> None:
        entries = []
        for colour in colours:
            self.published += 1
            body = f"m{self.published}"
            attributes = {"colour": {"DataType": "String", "StringValue": colour}}
            entries.append({"Id": body, "Message": body, "MessageAttributes": attributes})
            self._expect(topic, colour, body)
        self.cloud.call("sns", "PublishBatch", TopicArn=self.topics[topic], PublishBatchRequestEntries=entries)

    def _expect(self, topic: str, colour: str | None, body: str) -> None:
        for (subscribed_topic, queue), (_, colours) in self.subscribed.items():
            if subscribed_topic == topic and (not colours or colour in colours):
                self.expected[queue][body] += 1

    @rule(queue=st.sampled_from(QUEUES))
    def drain(self, queue: str) -> None:
        """Takes all that a queue has, and finds exactly what the model says."""
        url = self.queues[queue][0]
        found: Counter[str] = Counter()
        while sum(found.values()) < sum(self.expected[queue].values()):
            answer = self.cloud.call("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
            assert answer.get("Messages"), f"{self.expected[queue] - found} never came"
            for message in answer["Messages"]:
                found[message["Body"]] += 1
                self.cloud.call("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        assert found == self.expected[queue]
        assert not self.cloud.call("sqs", "ReceiveMessage", QueueUrl=url).get("Messages")
        self.expected[queue].clear()

    @invariant()
    def subscriptions_are_listed(self) -> None:
        for name, arn in self.topics.items():
            listed = self.cloud.call("sns", "ListSubscriptionsByTopic", TopicArn=arn)["Subscriptions"]
            wanted = {made for (topic, _), (made, _) in self.subscribed.items() if topic == name}
            assert {row["SubscriptionArn"] for row in listed} == wanted

    def teardown(self) -> None:
        for queue in self.queues:
            self.drain(queue)
        self.cloud.close()


Fanout.TestCase.settings = settings(
    max_examples=max(1, STEPS // PER_RUN),
    stateful_step_count=PER_RUN,
    suppress_health_check=list(HealthCheck),
)
TestFanout = Fanout.TestCase
