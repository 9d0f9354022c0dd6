"""kill -9 at any moment: what SNS and EventBridge accepted is delivered exactly once to each queue, or dead-lettered.

After each start: accepted = delivered + pending + dead-lettered, and a publish that was not answered either happened
for all its subscribers or for none.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Any

from tests.conftest import TAKES_DELIVERIES
from tests.crash.harness import Client, authorization, torture

KILLS = int(os.environ.get("CRASH_MESSAGING_KILLS", "12"))
WAIT_SECONDS = 30
QUEUES = ("one", "two", "dead")


def query(client: Client, service: str, action: str, version: str, params: dict[str, str]) -> bytes:
    """A call in the query protocol, which SNS speaks."""
    body = urllib.parse.urlencode({"Action": action, "Version": version, **params}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"} | authorization(service)
    status, answer = client.request("POST", "/", body, headers)
    if status != 200:
        raise AssertionError(f"{action} answered {status}: {answer[:300]!r}")
    return answer


def sns(client: Client, action: str, **params: str) -> bytes:
    return query(
        client, "sns", action, "2010-03-31", {name.replace("__", "."): value for name, value in params.items()}
    )


class MessagingWorkload:
    """A topic with two queues and a third subscriber that is gone and dead-letters; a rule with the same two queues."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.urls: dict[str, str] = {}
        self.arns: dict[str, str] = {}
        self.topic = ""
        self.count = 0
        self.published: set[str] = set()
        self.put: set[str] = set()
        self.seen: dict[str, Counter[str]] = {name: Counter() for name in QUEUES}

    def prepare(self, client: Client) -> None:
        for name in QUEUES:
            made = {"QueueName": f"crash-{name}", "Attributes": {"Policy": TAKES_DELIVERIES}}
            url = client.call("sqs", "AmazonSQS.CreateQueue", made)["QueueUrl"]
            wanted = {"QueueUrl": url, "AttributeNames": ["QueueArn"]}
            self.urls[name] = url
            self.arns[name] = client.call("sqs", "AmazonSQS.GetQueueAttributes", wanted)["Attributes"]["QueueArn"]
        self.topic = sns(client, "CreateTopic", Name="crash").decode().partition("<TopicArn>")[2].partition("<")[0]
        redrive = json.dumps({"deadLetterTargetArn": self.arns["dead"]})
        for endpoint in (self.arns["one"], self.arns["two"], self.arns["one"] + "-gone"):
            sns(
                client,
                "Subscribe",
                TopicArn=self.topic,
                Protocol="sqs",
                Endpoint=endpoint,
                Attributes__entry__1__key="RawMessageDelivery",
                Attributes__entry__1__value="true",
                Attributes__entry__2__key="RedrivePolicy",
                Attributes__entry__2__value=redrive,
            )
        pattern = json.dumps({"source": ["crash"]})
        client.call("events", "AWSEvents.PutRule", {"Name": "crash", "EventPattern": pattern})
        targets = [{"Id": name, "Arn": self.arns[name], "InputPath": "$.detail.body"} for name in ("one", "two")]
        client.call("events", "AWSEvents.PutTargets", {"Rule": "crash", "Targets": targets})

    def step(self, client: Client, chance: random.Random) -> None:
        with self.lock:
            self.count += 1
            body = f"m{self.count}"
        if chance.random() < 0.5:
            sns(client, "Publish", TopicArn=self.topic, Message=body)
            with self.lock:
                self.published.add(body)
        else:
            entry = {"Source": "crash", "DetailType": "d", "Detail": json.dumps({"body": body})}
            answer = client.call("events", "AWSEvents.PutEvents", {"Entries": [entry]})
            assert answer["FailedEntryCount"] == 0
            with self.lock:
                # The event's part is delivered as JSON.
                self.put.add(json.dumps(body))

    def check(self, client: Client) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while (self._missing() or self._halves()) and time.monotonic() < deadline:
            for name in QUEUES:
                self._drain(client, name)
        missing, halves = self._missing(), self._halves()
        assert not missing, f"accepted and gone: {sorted(missing)[:5]} of {len(missing)}"
        assert not halves, f"only one of two queues has {sorted(halves)[:5]}"
        for name in QUEUES:
            twice = [body for body, count in self.seen[name].items() if count > 1]
            assert not twice, f"{name} has twice: {twice[:5]}"

    def _halves(self) -> set[str]:
        """What one of the two queues has and the other has not, answered or not."""
        return set(self.seen["one"]) ^ set(self.seen["two"])

    def _missing(self) -> set[tuple[str, str]]:
        wanted = {"one": self.published | self.put, "two": self.published | self.put, "dead": self.published}
        return {(name, body) for name, bodies in wanted.items() for body in bodies if body not in self.seen[name]}

    def _drain(self, client: Client, name: str) -> None:
        request: dict[str, Any] = {"QueueUrl": self.urls[name], "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
        while messages := client.call("sqs", "AmazonSQS.ReceiveMessage", request).get("Messages"):
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            for message in messages:
                self.seen[name][message["Body"]] += 1
            client.call("sqs", "AmazonSQS.DeleteMessageBatch", {"QueueUrl": self.urls[name], "Entries": entries})


def test_what_was_accepted_is_delivered(tmp_path: Path) -> None:
    """The outbox's promise, for topics and rules."""
    messaging = MessagingWorkload()
    torture(tmp_path / "data", [messaging], KILLS, seed=random.SystemRandom().randrange(2**32))
    assert messaging.published and messaging.put, "the load did nothing"
