"""kill -9 at any moment: what SNS and EventBridge accepted is delivered exactly once to each queue, or dead-lettered.

After each start: accepted = delivered + pending + dead-lettered, and a publish that was not answered either happened
for all its subscribers or for none. The same holds from a topic through a queue to a function, which may see a message
twice, since a mapping delivers at least once.
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
from tests.crash.test_crash_functions import ask, create_function, drain

KILLS = int(os.environ.get("CRASH_KILLS", "12"))
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


# Refuses some messages of each batch, and tells the others to a queue.
WORKER = """
import json, os, time, urllib.request

def tell(body):
    scope = "test/" + time.strftime("%Y%m%d") + "/us-east-1/sqs/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    headers = {
        "x-amz-target": "AmazonSQS.SendMessage",
        "content-type": "application/x-amz-json-1.0",
        "authorization": signed,
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
    }
    url = os.environ["AWS_ENDPOINT_URL"] + "/"
    params = {"QueueUrl": url + "000000000000/pipeline-told", "MessageBody": json.dumps(body)}
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(params).encode(), headers), timeout=10).read()

def handler(event, context):
    refused = []
    for record in event["Records"]:
        if record["body"].startswith("bad"):
            refused.append({"itemIdentifier": record["messageId"]})
        else:
            tell(record["body"])
    return {"batchItemFailures": refused}
"""


class Pipeline:
    """A topic, its queue, the function that works the queue off, and a queue for what the function refuses."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.topic = ""
        self.urls: dict[str, str] = {}
        self.count = 0
        self.accepted: set[str] = set()
        self.told: set[str] = set()
        self.dead: set[str] = set()

    def prepare(self, client: Client) -> None:
        redrive = {"deadLetterTargetArn": arn_of("pipeline-dead"), "maxReceiveCount": "3"}
        worked = {"Policy": TAKES_DELIVERIES, "VisibilityTimeout": "3", "RedrivePolicy": json.dumps(redrive)}
        for name, attributes in (("told", {}), ("dead", {}), ("work", worked)):
            made = {"QueueName": f"pipeline-{name}", "Attributes": attributes}
            self.urls[name] = client.call("sqs", "AmazonSQS.CreateQueue", made)["QueueUrl"]
        self.topic = sns(client, "CreateTopic", Name="pipeline").decode().partition("<TopicArn>")[2].partition("<")[0]
        sns(
            client,
            "Subscribe",
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=arn_of("pipeline-work"),
            Attributes__entry__1__key="RawMessageDelivery",
            Attributes__entry__1__value="true",
        )
        create_function(client, "pipeline", WORKER)
        mapping = {
            "EventSourceArn": arn_of("pipeline-work"),
            "FunctionName": "pipeline",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        ask(client, "POST", "/2015-03-31/event-source-mappings", mapping)

    def step(self, client: Client, chance: random.Random) -> None:
        with self.lock:
            self.count += 1
            body = f"{'bad' if chance.random() < 0.2 else 'good'}-{self.count}"
        sns(client, "Publish", TopicArn=self.topic, Message=body)
        with self.lock:
            self.accepted.add(body)

    def check(self, client: Client) -> None:
        """What is pending is worked off by itself; then accepted = delivered + dead-lettered."""
        deadline = time.monotonic() + 90
        while missing := self.accepted - self.told - self.dead:
            assert time.monotonic() < deadline, f"accepted and gone: {sorted(missing)[:5]} of {len(missing)}"
            self.told.update(drain(client, self.urls["told"]))
            self.dead.update(self._dead_letters(client))
        wrong = {body for body in self.told if body.startswith("bad")}
        assert not wrong, f"refused and told: {sorted(wrong)[:5]}"

    def _dead_letters(self, client: Client) -> list[str]:
        request = {"QueueUrl": self.urls["dead"], "MaxNumberOfMessages": 10}
        messages = client.call("sqs", "AmazonSQS.ReceiveMessage", request).get("Messages", [])
        for message in messages:
            handle = {"QueueUrl": self.urls["dead"], "ReceiptHandle": message["ReceiptHandle"]}
            client.call("sqs", "AmazonSQS.DeleteMessage", handle)
        return [message["Body"] for message in messages]


def arn_of(queue: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{queue}"


def test_from_a_topic_through_a_queue_to_a_function(tmp_path: Path) -> None:
    """Accepted = delivered + pending + dead-lettered, over all three services."""
    pipeline = Pipeline()
    kills = max(3, KILLS // 4)
    torture(tmp_path / "data", [pipeline], kills, seed=random.SystemRandom().randrange(2**32))
    assert pipeline.told and pipeline.dead, "the load did nothing"


def test_what_was_accepted_is_delivered(tmp_path: Path) -> None:
    """The outbox's promise, for topics and rules."""
    messaging = MessagingWorkload()
    torture(tmp_path / "data", [messaging], KILLS, seed=random.SystemRandom().randrange(2**32))
    assert messaging.published and messaging.put, "the load did nothing"
