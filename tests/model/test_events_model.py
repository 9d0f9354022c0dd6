"""Rules as routes: a naive model (a rule is a set of sources and queues) against the real one, through invoke.

Every event that was put arrives once for each target of each enabled rule that names its source, and nowhere else; an
archive holds what its bus was sent, and a replay sends exactly that again.
"""

from __future__ import annotations

import json
import os
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.conftest import TAKES_DELIVERIES, new_cloud

BUSES = ("default", "other")
RULES = ("r0", "r1", "r2")
QUEUES = ("q0", "q1")
SOURCES = ("shop", "bank", "post")
SOURCE_SETS = st.frozensets(st.sampled_from(SOURCES), min_size=1)
STEPS = int(os.environ.get("MODEL_STEPS", "1200"))
PER_RUN = 40


class Routes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cloud = new_cloud()
        self.queues: dict[str, tuple[str, str]] = {}
        self.rules: dict[tuple[str, str], tuple[frozenset[str], bool]] = {}
        self.targets: dict[tuple[str, str], set[str]] = {}
        self.archived: list[tuple[str, str]] = []
        self.expected: dict[str, Counter[str]] = {name: Counter() for name in QUEUES}
        self.count = 0

    @initialize()
    def create(self) -> None:
        for name in QUEUES:
            attributes = {"Policy": TAKES_DELIVERIES}
            url = self.cloud.call("sqs", "CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
            found = self.cloud.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"])
            self.queues[name] = (url, found["Attributes"]["QueueArn"])
        self.other = self.cloud.call("events", "CreateEventBus", Name="other")["EventBusArn"]
        made = self.cloud.call("events", "CreateArchive", ArchiveName="a", EventSourceArn=self.other)
        self.archive = made["ArchiveArn"]

    @rule(
        bus=st.sampled_from(BUSES),
        name=st.sampled_from(RULES),
        sources=st.frozensets(st.sampled_from(SOURCES), min_size=1),
    )
    def put_rule(self, bus: str, name: str, sources: frozenset[str]) -> None:
        pattern = json.dumps({"source": sorted(sources)})
        self.cloud.call("events", "PutRule", Name=name, EventBusName=bus, EventPattern=pattern)
        self.rules[bus, name] = (sources, True)
        self.targets.setdefault((bus, name), set())

    @precondition(lambda self: self.rules)
    @rule(data=st.data(), enabled=st.booleans())
    def set_state(self, data: st.DataObject, enabled: bool) -> None:
        bus, name = data.draw(st.sampled_from(sorted(self.rules)))
        self.cloud.call("events", "EnableRule" if enabled else "DisableRule", Name=name, EventBusName=bus)
        self.rules[bus, name] = (self.rules[bus, name][0], enabled)

    @precondition(lambda self: self.rules)
    @rule(data=st.data(), queue=st.sampled_from(QUEUES), add=st.booleans())
    def change_target(self, data: st.DataObject, queue: str, add: bool) -> None:
        bus, name = data.draw(st.sampled_from(sorted(self.rules)))
        params = {"Rule": name, "EventBusName": bus}
        if add:
            target = {"Id": queue, "Arn": self.queues[queue][1], "InputPath": "$.detail.body"}
            self.cloud.call("events", "PutTargets", **params, Targets=[target])
            self.targets[bus, name].add(queue)
        else:
            self.cloud.call("events", "RemoveTargets", **params, Ids=[queue])
            self.targets[bus, name].discard(queue)

    @precondition(lambda self: self.rules)
    @rule(data=st.data())
    def delete_rule(self, data: st.DataObject) -> None:
        bus, name = data.draw(st.sampled_from(sorted(self.rules)))
        ids = sorted(self.targets.pop((bus, name)))
        if ids:
            self.cloud.call("events", "RemoveTargets", Rule=name, EventBusName=bus, Ids=ids)
        self.cloud.call("events", "DeleteRule", Name=name, EventBusName=bus)
        del self.rules[bus, name]

    @rule(bus=st.sampled_from(BUSES), sources=st.lists(st.sampled_from(SOURCES), min_size=1, max_size=10))
    def put_events(self, bus: str, sources: list[str]) -> None:
        entries = []
        for source in sources:
            self.count += 1
            body = f"e{self.count}"
            detail = json.dumps({"body": body})
            entries.append({"Source": source, "DetailType": "d", "Detail": detail, "EventBusName": bus})
            self._expect(bus, source, body)
            if bus == "other":
                self.archived.append((source, body))
        assert self.cloud.call("events", "PutEvents", Entries=entries)["FailedEntryCount"] == 0

    @rule()
    def replay(self) -> None:
        self.count += 1
        self.cloud.call(
            "events",
            "StartReplay",
            ReplayName=f"replay-{self.count}",
            EventSourceArn=self.archive,
            EventStartTime=0.0,
            EventEndTime=4e9,
            Destination={"Arn": self.other},
        )
        for source, body in self.archived:
            self._expect("other", source, body)
        # The rules must not change before the replay is over.
        self.drain("q0")
        self.drain("q1")
        self._wait_for_replays()

    def _wait_for_replays(self) -> None:
        for _ in range(1000):
            states = ("STARTING", "RUNNING")
            if not any(self.cloud.call("events", "ListReplays", State=state)["Replays"] for state in states):
                return
        raise AssertionError("a replay does not end")

    def _expect(self, bus: str, source: str, body: str) -> None:
        for (on, name), (sources, enabled) in self.rules.items():
            if on == bus and enabled and source in sources:
                for queue in self.targets[on, name]:
                    self.expected[queue][json.dumps(body)] += 1

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

    def teardown(self) -> None:
        if self.queues:
            for queue in QUEUES:
                self.drain(queue)
            shown = self.cloud.call("events", "DescribeArchive", ArchiveName="a")
            assert shown["EventCount"] == len(self.archived)
        self.cloud.close()


Routes.TestCase.settings = settings(
    max_examples=max(1, STEPS // PER_RUN),
    stateful_step_count=PER_RUN,
    suppress_health_check=list(HealthCheck),
)
TestRoutes = Routes.TestCase
