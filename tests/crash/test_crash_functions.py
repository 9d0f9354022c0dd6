"""kill -9 at any moment loses no asynchronous invocation, no durable execution and no message of a mapping.

Each acknowledged event must be told to its destination at last, and each message sent to a mapped queue must have been
seen by the function; both may happen twice.
"""

from __future__ import annotations

import base64
import io
import json
import os
import random
import threading
import time
import urllib.parse
import zipfile
from pathlib import Path
from typing import Any

from tests.contract.durable_functions import DURABLE
from tests.crash.harness import Client, authorization, torture

KILLS = max(3, int(os.environ.get("CRASH_KILLS", "50")) // 10)
ECHO = "def handler(event, context):\n    return event\n"
FUNCTIONS = "/2015-03-31/functions"


def ask(client: Client, method: str, path: str, body: Any, **headers: str) -> bytes:
    content = json.dumps(body).encode()
    status, answer = client.request(method, path, content, authorization("lambda") | headers)
    assert status < 300, f"{method} {path} answered {status}: {answer[:300]!r}"
    return answer


def create_function(client: Client, name: str, code: str = ECHO, **more: Any) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", code)
        archive.writestr("durable.py", DURABLE)
    params = {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/r",
        "Code": {"ZipFile": base64.b64encode(package.getvalue()).decode()},
    }
    ask(client, "POST", FUNCTIONS, params | more)


class Events:
    """Invokes a function asynchronously; its successes are told to a queue."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.accepted: set[str] = set()
        self.told: set[str] = set()
        self.url = ""

    def prepare(self, client: Client) -> None:
        self.url = client.call("sqs", "AmazonSQS.CreateQueue", {"QueueName": "told"})["QueueUrl"]
        create_function(client, "crash-event")
        target = "arn:aws:sqs:us-east-1:000000000000:told"
        config = {"DestinationConfig": {"OnSuccess": {"Destination": target}}}
        ask(client, "PUT", "/2019-09-25/functions/crash-event/event-invoke-config?Qualifier=$LATEST", config)

    def step(self, client: Client, chance: random.Random) -> None:
        name = f"{chance.random()}"
        kind = {"x-amz-invocation-type": "Event"}
        ask(client, "POST", f"{FUNCTIONS}/crash-event/invocations", {"name": name}, **kind)
        with self.lock:
            self.accepted.add(name)

    def check(self, client: Client) -> None:
        deadline = time.monotonic() + 60
        while missing := self.accepted - self.told:
            assert time.monotonic() < deadline, f"{len(missing)} acknowledged events were never told"
            for body in drain(client, self.url):
                self.told.add(body["requestPayload"]["name"])


class Mapped:
    """Sends to a queue that a mapping drains: acknowledged messages must not stay, and must not get lost in flight."""

    def __init__(self) -> None:
        self.url = ""

    def prepare(self, client: Client) -> None:
        created = {"QueueName": "mapped", "Attributes": {"VisibilityTimeout": "3"}}
        self.url = client.call("sqs", "AmazonSQS.CreateQueue", created)["QueueUrl"]
        create_function(client, "crash-mapped")
        mapping = {"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:mapped", "FunctionName": "crash-mapped"}
        ask(client, "POST", "/2015-03-31/event-source-mappings", mapping)

    def step(self, client: Client, chance: random.Random) -> None:
        client.call("sqs", "AmazonSQS.SendMessage", {"QueueUrl": self.url, "MessageBody": "x"})

    def check(self, client: Client) -> None:
        """The mapping goes on after a start by itself: the queue empties."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        deadline = time.monotonic() + 60
        while True:
            request = {"QueueUrl": self.url, "AttributeNames": wanted}
            shown = client.call("sqs", "AmazonSQS.GetQueueAttributes", request)["Attributes"]
            if not any(int(shown[name]) for name in wanted):
                return
            assert time.monotonic() < deadline, f"messages are stuck: {shown}"
            time.sleep(0.05)


class Executions:
    """Starts durable executions of two steps with a wait between: each acknowledged one must end, and with what its
    first step returned the first time that it was checkpointed."""

    CODE = """
from durable import durable
import random
def work(run):
    first = run.step("first", random.random)
    run.sleep("nap", 1)
    return [first, run.step("second", lambda: first)]
handler = durable(work)
"""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun: dict[str, str] = {}

    def prepare(self, client: Client) -> None:
        create_function(client, "crash-durable", self.CODE, Timeout=30, DurableConfig={"ExecutionTimeout": 3600})

    def step(self, client: Client, chance: random.Random) -> None:
        name = f"n{chance.getrandbits(60)}"
        headers = {"x-amz-invocation-type": "Event", "x-amz-durable-execution-name": name}
        path = f"{FUNCTIONS}/crash-durable/invocations?Qualifier=$LATEST"
        ask(client, "POST", path, {"name": name}, **headers)
        with self.lock:
            self.begun[name] = name
        time.sleep(0.2)

    def check(self, client: Client) -> None:
        deadline = time.monotonic() + 90
        missing = set(self.begun)
        rows: list[dict[str, Any]] = []  # none where the server was killed before it took the first
        while missing:
            assert time.monotonic() < deadline, f"{len(missing)} acknowledged executions did not succeed"
            path = "/2025-12-01/functions/crash-durable/durable-executions?Statuses=SUCCEEDED&MaxItems=1000"
            rows = json.loads(ask(client, "GET", path, None))["DurableExecutions"]
            missing -= {row["DurableExecutionName"] for row in rows}
        for row in rows:
            arn = urllib.parse.quote(row["DurableExecutionArn"], safe="")
            shown = json.loads(ask(client, "GET", f"/2025-12-01/durable-executions/{arn}", None))
            history = json.loads(ask(client, "GET", f"/2025-12-01/durable-executions/{arn}/history", None))["Events"]
            kept = [event["StepSucceededDetails"] for event in history if event["EventType"] == "StepSucceeded"]
            assert len(kept) == 2, "a step was checkpointed twice"
            first = json.loads(kept[0]["Result"]["Payload"])
            assert json.loads(shown["Result"]) == [first, first]


def drain(client: Client, url: str) -> list[dict[str, Any]]:
    """The messages that are there now, removed."""
    request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
    bodies = []
    for message in client.call("sqs", "AmazonSQS.ReceiveMessage", request).get("Messages", []):
        bodies.append(json.loads(message["Body"]))
        handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
        client.call("sqs", "AmazonSQS.DeleteMessage", handle)
    return bodies


def test_no_event_and_no_mapped_message_is_lost(tmp_path: Path) -> None:
    """The promise of the outbox and of the mappings, for functions."""
    torture(tmp_path / "data", [Events(), Mapped(), Executions()], KILLS, seed=random.randrange(1 << 30))
