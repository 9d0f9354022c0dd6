"""What loads the server while it is killed, and what each workload knows has to be there afterwards."""

from __future__ import annotations

import base64
import random
import threading
from collections import Counter
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


class StreamWorkload:
    """Puts batches of records into a Kinesis stream, and splits and merges its shards meanwhile."""

    BATCH = 3

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.put: set[str] = set()
        self.read: dict[str, str] = {}
        """Shard -> the sequence number of the last record that a check has seen."""

    def _call(self, client: Client, operation: str, **params: Any) -> dict[str, Any]:
        return client.call("kinesis", f"Kinesis_20131202.{operation}", params)

    def prepare(self, client: Client) -> None:
        self._call(client, "CreateStream", StreamName="crash", ShardCount=2)

    def step(self, client: Client, chance: random.Random) -> None:
        if chance.random() < 0.02:
            self._reshard(client, chance)
            return
        with self.lock:
            self.count += 1
            number = self.count
        names = [f"{number}/{place}" for place in range(self.BATCH)]
        records = [{"Data": base64.b64encode(name.encode()).decode(), "PartitionKey": name} for name in names]
        self._call(client, "PutRecords", StreamName="crash", Records=records)
        with self.lock:
            self.put |= set(names)

    def _reshard(self, client: Client, chance: random.Random) -> None:
        """One at a time, since a shard that another thread has closed cannot be split."""
        with self.lock:
            latest = self._call(client, "ListShards", StreamName="crash", ShardFilter={"Type": "AT_LATEST"})["Shards"]
            ordered = sorted(latest, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
            if len(ordered) > 2:
                pair = {"ShardToMerge": ordered[0]["ShardId"], "AdjacentShardToMerge": ordered[1]["ShardId"]}
                self._call(client, "MergeShards", StreamName="crash", **pair)
                return
            shard = chance.choice(ordered)
            low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
            where = {"ShardToSplit": shard["ShardId"], "NewStartingHashKey": str((low + high) // 2)}
            self._call(client, "SplitShard", StreamName="crash", **where)

    def check(self, client: Client) -> None:
        """What was acknowledged is there once, and of every batch all or nothing."""
        found = [name for shard in self._shards(client) for name in self._read_on(client, shard)]
        assert len(found) == len(set(found)), "a record is there twice"
        assert not self.put - set(found), f"{len(self.put - set(found))} acknowledged records are gone"
        batches = Counter(name.partition("/")[0] for name in found)
        assert set(batches.values()) <= {self.BATCH}, "a batch is there in part"
        self.put.clear()

    def _shards(self, client: Client) -> list[str]:
        return [shard["ShardId"] for shard in self._call(client, "ListShards", StreamName="crash")["Shards"]]

    def _read_on(self, client: Client, shard: str) -> list[str]:
        start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard in self.read:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self.read[shard]}
        asked = self._call(client, "GetShardIterator", StreamName="crash", ShardId=shard, **start)
        records = self._call(client, "GetRecords", ShardIterator=asked["ShardIterator"])["Records"]
        if records:
            self.read[shard] = records[-1]["SequenceNumber"]
        return [base64.b64decode(record["Data"]).decode() for record in records]
