"""What loads the server while it is killed, and what each workload knows has to be there afterwards."""

from __future__ import annotations

import random
import threading
from typing import Any

from tests.crash.harness import Client, authorization


class QueueWorkload:
    """Sends, receives and deletes on one queue."""

    def __init__(self) -> None:
        self.url = ""
        self.lock = threading.Lock()
        self.sent: set[str] = set()
        self.deleted: set[str] = set()
        self.perhaps_deleted: set[str] = set()

    def prepare(self, client: Client) -> None:
        self.url = client.call("sqs", "AmazonSQS.CreateQueue", {"QueueName": "crash"})["QueueUrl"]

    def step(self, client: Client, chance: random.Random) -> None:
        if chance.random() < 0.6:
            sent = client.call("sqs", "AmazonSQS.SendMessage", {"QueueUrl": self.url, "MessageBody": "x"})
            with self.lock:
                self.sent.add(sent["MessageId"])
            return
        received = client.call("sqs", "AmazonSQS.ReceiveMessage", {"QueueUrl": self.url, "VisibilityTimeout": 1})
        for message in received.get("Messages", []):
            name = message["MessageId"]
            with self.lock:
                self.perhaps_deleted.add(name)
            handle = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
            client.call("sqs", "AmazonSQS.DeleteMessage", handle)
            with self.lock:
                self.deleted.add(name)

    def check(self, client: Client) -> None:
        """Takes every message out, and compares with what should be there."""
        expected = self.sent - self.perhaps_deleted
        present = [message["MessageId"] for message in drain(client, self.url)]
        assert len(present) == len(set(present)), "a message is in two places"
        assert not expected - set(present), f"{len(expected - set(present))} acknowledged messages are gone"
        assert not set(present) & self.deleted, "a deleted message came back"
        self.deleted |= set(present)
        self.sent.clear()
        self.perhaps_deleted.clear()


class BucketWorkload:
    """Puts objects, small ones into rows and large ones into files, and deletes some."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.number = 0
        self.put: dict[str, int] = {}

    def prepare(self, client: Client) -> None:
        self._s3(client, "PUT", "/crash-bucket")

    def step(self, client: Client, chance: random.Random) -> None:
        with self.lock:
            self.number += 1
            name, size = f"o{self.number}", chance.choice([10, 1000, 100_000])
        self._s3(client, "PUT", f"/crash-bucket/{name}", name[-1].encode() * size)
        with self.lock:
            self.put[name] = size
        if chance.random() < 0.3:
            with self.lock:
                del self.put[name]
            self._s3(client, "DELETE", f"/crash-bucket/{name}")

    def check(self, client: Client) -> None:
        """Every acknowledged object is whole."""
        for name, size in self.put.items():
            assert self._s3(client, "GET", f"/crash-bucket/{name}") == name[-1].encode() * size, name
        self.put.clear()

    def _s3(self, client: Client, method: str, path: str, body: bytes = b"") -> bytes:
        status, answer = client.request(method, path, body, authorization("s3"))
        assert status in (200, 204), (method, path, answer[:300])
        return answer


def drain(client: Client, url: str, wait_seconds: int = 5) -> list[dict[str, Any]]:
    """Takes all messages out of a queue. One whose receive was not answered is hidden for a second, so the waits are
    long polls that end when it comes back."""
    taken: list[dict[str, Any]] = []
    while _left(client, url):
        request = {
            "QueueUrl": url,
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 60,
            "WaitTimeSeconds": wait_seconds,
        }
        for message in client.call("sqs", "AmazonSQS.ReceiveMessage", request).get("Messages", []):
            taken.append(message)
            handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
            client.call("sqs", "AmazonSQS.DeleteMessage", handle)
    return taken


def _left(client: Client, url: str) -> int:
    shown = client.call("sqs", "AmazonSQS.GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["All"]})
    counts = shown["Attributes"]
    return sum(int(counts[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))
