"""Queues against naive models, through `invoke`: a standard queue is a set of messages with a time each, a FIFO queue a
list for each group. MODEL_STEPS sets how long to look (100,000 and more for a thorough run)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.conftest import new_cloud

from mrak.core.errors import ApiError

STEPS = int(os.environ.get("MODEL_STEPS", "4000"))
PER_RUN = 50
SETTINGS = settings(
    max_examples=max(1, STEPS // PER_RUN),
    stateful_step_count=PER_RUN,
    suppress_health_check=list(HealthCheck),
)


class Expected:
    """A message as the model knows it."""

    def __init__(self, body: str, visible_at: float, group: str = "") -> None:
        self.body = body
        self.group = group
        self.visible_at = visible_at
        self.receive_count = 0
        self.handle = ""


class QueueMachine(RuleBasedStateMachine):
    """What standard and FIFO queues have in common."""

    attributes: dict[str, str] = {}
    name = "q"

    def __init__(self) -> None:
        super().__init__()
        self.cloud = new_cloud()
        self.url = self.cloud.call("sqs", "CreateQueue", QueueName=self.name, Attributes=self.attributes)["QueueUrl"]
        self.now = 0.0
        self.sent = 0
        self.expected: list[Expected] = []

    def teardown(self) -> None:
        self.cloud.close()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.cloud.call("sqs", operation, QueueUrl=self.url, **params)

    def receive(self, most: int, seconds: int) -> list[dict[str, Any]]:
        answer = self.call(
            "ReceiveMessage",
            MaxNumberOfMessages=most,
            VisibilityTimeout=seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def take(self, message: dict[str, Any], seconds: int) -> None:
        """The model follows a receive, and checks what was received."""
        (known,) = [item for item in self.expected if item.body == message["Body"]]
        assert known.visible_at <= self.now, "a hidden message was received"
        known.receive_count += 1
        assert message["Attributes"]["ApproximateReceiveCount"] == str(known.receive_count)
        known.visible_at = self.now + seconds
        known.handle = message["ReceiptHandle"]

    @rule(seconds=st.integers(1, 40))
    def pass_time(self, seconds: int) -> None:
        self.cloud.advance_clock(seconds)
        self.now += seconds

    @rule()
    def purge(self) -> None:
        try:
            self.call("PurgeQueue")
            self.expected.clear()
        except ApiError as error:
            assert error.code == "PurgeQueueInProgress"

    @invariant()
    def counts_agree(self) -> None:
        shown = self.call("GetQueueAttributes", AttributeNames=["All"])["Attributes"]
        visible = sum(item.visible_at <= self.now for item in self.expected)
        in_flight = sum(item.visible_at > self.now and item.receive_count > 0 for item in self.expected)
        delayed = len(self.expected) - visible - in_flight
        counts = [int(shown[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed")]
        assert counts == [visible, in_flight, delayed]


class StandardQueue(QueueMachine):
    @rule(delay=st.sampled_from([0, 0, 0, 5, 30]))
    def send(self, delay: int) -> None:
        body = f"m{self.sent}"
        self.sent += 1
        self.call("SendMessage", MessageBody=body, DelaySeconds=delay)
        self.expected.append(Expected(body, self.now + delay))

    @rule(most=st.integers(1, 10), seconds=st.integers(0, 30))
    def receive_some(self, most: int, seconds: int) -> None:
        visible = sum(item.visible_at <= self.now for item in self.expected)
        messages = self.receive(most, seconds)
        assert len(messages) == min(most, visible)
        for message in messages:
            self.take(message, seconds)

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), latest=st.booleans())
    def delete(self, data: Any, latest: bool) -> None:
        item = data.draw(st.sampled_from(self.expected))
        if not item.handle:
            return
        self.call("DeleteMessage", ReceiptHandle=item.handle)
        self.expected.remove(item)

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), seconds=st.integers(0, 30))
    def change_visibility(self, data: Any, seconds: int) -> None:
        item = data.draw(st.sampled_from(self.expected))
        if not item.handle:
            return
        try:
            self.call("ChangeMessageVisibility", ReceiptHandle=item.handle, VisibilityTimeout=seconds)
            assert item.visible_at > self.now, "a visible message's time-out was changed"
            item.visible_at = self.now + seconds
        except ApiError as error:
            assert item.visible_at <= self.now, error


class FifoQueue(QueueMachine):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    name = "q.fifo"

    @rule(group=st.sampled_from("abc"))
    def send(self, group: str) -> None:
        body = f"m{self.sent}"
        self.sent += 1
        self.call("SendMessage", MessageBody=body, MessageGroupId=group)
        self.expected.append(Expected(body, self.now, group))

    @precondition(lambda self: self.sent > 0)
    @rule()
    def send_a_duplicate(self) -> None:
        """Within five minutes nothing is stored; later it is a message like any other."""
        body = f"m{self.sent - 1}"
        before = self._count()
        self.call("SendMessage", MessageBody=body, MessageGroupId="a")
        if self._count() > before:
            known = [item for item in self.expected if item.body == body]
            assert not known, "a duplicate was stored while the first was there"
            self.expected.append(Expected(body, self.now, "a"))

    @rule(most=st.integers(1, 10), seconds=st.integers(0, 30))
    def receive_some(self, most: int, seconds: int) -> None:
        messages = self.receive(most, seconds)
        available = sum(len(self._available(group)) for group in "abc")
        assert len(messages) == min(most, available)
        for group in "abc":
            of_group = [message["Body"] for message in messages if self._group_of(message["Body"]) == group]
            assert of_group == self._available(group)[: len(of_group)], "a group's order was broken"
        for message in messages:
            self.take(message, seconds)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        item = data.draw(st.sampled_from(self.expected))
        if not item.handle:
            return
        try:
            self.call("DeleteMessage", ReceiptHandle=item.handle)
            assert item.visible_at > self.now
            self.expected.remove(item)
        except ApiError as error:
            assert item.visible_at <= self.now, error

    def _available(self, group: str) -> list[str]:
        """The group's messages up to the first that is hidden."""
        bodies: list[str] = []
        for item in self.expected:
            if item.group == group:
                if item.visible_at > self.now:
                    break
                bodies.append(item.body)
        return bodies

    def _group_of(self, body: str) -> str:
        return next(item.group for item in self.expected if item.body == body)

    def _count(self) -> int:
        shown = self.call("GetQueueAttributes", AttributeNames=["All"])["Attributes"]
        return sum(int(shown[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


@pytest.mark.timeout(900)
def test_a_standard_queue_is_a_set_of_messages() -> None:
    """Every receive gives visible messages only, as many as asked for and there are; the counts always agree."""
    StandardQueue.TestCase.settings = SETTINGS
    StandardQueue.TestCase("runTest").runTest()


@pytest.mark.timeout(900)
def test_a_fifo_queue_is_a_list_for_each_group() -> None:
    """Order within a group under receives, time-outs, deletes, duplicates and purges in any sequence."""
    FifoQueue.TestCase.settings = SETTINGS
    FifoQueue.TestCase("runTest").runTest()
