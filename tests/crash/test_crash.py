"""kill -9 at any moment loses nothing that was acknowledged.

Fifty kills of a server under load (CRASH_KILLS changes that), with the default durability. After each start every
acknowledged message is there, or was taken by an acknowledged delete; nothing that was deleted comes back.
"""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

from tests.crash.harness import Client, torture

KILLS = int(os.environ.get("CRASH_KILLS", "50"))


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
        """Takes every message out, and compares with what should be there. A message whose receive was not answered
        is hidden for a second, so the waits are long polls that end when it comes back."""
        expected = self.sent - self.perhaps_deleted
        present: list[str] = []
        while self._left(client):
            request = {"QueueUrl": self.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 60, "WaitTimeSeconds": 5}
            for message in client.call("sqs", "AmazonSQS.ReceiveMessage", request).get("Messages", []):
                present.append(message["MessageId"])
                handle = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
                client.call("sqs", "AmazonSQS.DeleteMessage", handle)
        assert len(present) == len(set(present)), "a message is in two places"
        assert not expected - set(present), f"{len(expected - set(present))} acknowledged messages are gone"
        assert not set(present) & self.deleted, "a deleted message came back"
        self.deleted |= set(present)
        self.sent.clear()
        self.perhaps_deleted.clear()

    def _left(self, client: Client) -> int:
        request = {"QueueUrl": self.url, "AttributeNames": ["All"]}
        shown = client.call("sqs", "AmazonSQS.GetQueueAttributes", request)["Attributes"]
        return sum(int(shown[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    """The promise of the whole project."""
    queue = QueueWorkload()
    torture(tmp_path / "data", [queue], KILLS, seed=random.SystemRandom().randrange(2**32))
    assert queue.deleted, "the load did nothing"
