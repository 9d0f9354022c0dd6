"""What loads the server while it is killed, and what each workload knows has to be there afterwards."""

from __future__ import annotations

import json
import random
import threading
from typing import Any
from urllib.parse import urlencode

from tests.crash.harness import Client, authorization

ACCOUNT = "000000000000"


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


class TopicWorkload:
    """Publishes to a topic with two queues: what was accepted is delivered to each, however late."""

    def __init__(self) -> None:
        self.topic = ""
        self.queues: list[str] = []
        self.lock = threading.Lock()
        self.number = 0
        self.accepted: set[str] = set()

    def prepare(self, client: Client) -> None:
        answer = self._sns(client, Action="CreateTopic", Name="crash")
        self.topic = answer.partition("<TopicArn>")[2].partition("</TopicArn>")[0]
        for number in range(2):
            name = f"crash-fan-{number}"
            queue = client.call("sqs", "AmazonSQS.CreateQueue", {"QueueName": name})["QueueUrl"]
            arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
            policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn}]}
            attributes = {"QueueUrl": queue, "Attributes": {"Policy": json.dumps(policy)}}
            client.call("sqs", "AmazonSQS.SetQueueAttributes", attributes)
            self._sns(client, Action="Subscribe", TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
            self.queues.append(queue)

    def step(self, client: Client, chance: random.Random) -> None:
        with self.lock:
            self.number += 1
            text = f"m{self.number}"
        self._sns(client, Action="Publish", TopicArn=self.topic, Message=text)
        with self.lock:
            self.accepted.add(text)

    def check(self, client: Client) -> None:
        """Waits until every accepted message has come to both queues; a lost one ends the test by its time-out."""
        for queue in self.queues:
            missing = set(self.accepted)
            while missing:
                found = drain(client, queue, wait_seconds=2)
                missing -= {json.loads(message["Body"])["Message"] for message in found}
        self.accepted.clear()

    def _sns(self, client: Client, **fields: str) -> str:
        headers = {"content-type": "application/x-www-form-urlencoded"} | authorization("sns")
        body = urlencode({"Version": "2010-03-31", **fields}).encode()
        status, answer = client.request("POST", "/", body, headers)
        assert status == 200, answer
        return answer.decode()


class TableWorkload:
    """Puts, counts up and deletes items of a table with an index and a stream."""

    TABLE = "crash"

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.number = 0
        self.put: dict[str, int] = {}

    def prepare(self, client: Client) -> None:
        definition = {
            "TableName": self.TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "kind", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by-kind",
                    "KeySchema": [
                        {"AttributeName": "kind", "KeyType": "HASH"},
                        {"AttributeName": "id", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        }
        self._call(client, "CreateTable", definition)

    def step(self, client: Client, chance: random.Random) -> None:
        with self.lock:
            self.number += 1
            name = f"i{self.number}"
        item = {"id": {"S": name}, "kind": {"S": "a"}, "count": {"N": "0"}}
        self._call(client, "PutItem", {"TableName": self.TABLE, "Item": item})
        with self.lock:
            self.put[name] = 0
        for count in range(1, chance.randrange(1, 4)):
            update = {
                "TableName": self.TABLE,
                "Key": {"id": {"S": name}},
                "UpdateExpression": "ADD #c :one",
                "ExpressionAttributeNames": {"#c": "count"},
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
            self._call(client, "UpdateItem", update)
            with self.lock:
                self.put[name] = count

    def check(self, client: Client) -> None:
        """Table and index agree, and hold at least what was acknowledged; an update under way may have happened."""
        items = {row["id"]["S"]: int(row["count"]["N"]) for row in self._all(client, "Scan", {})}
        query = {
            "IndexName": "by-kind",
            "KeyConditionExpression": "kind = :a",
            "ExpressionAttributeValues": {":a": {"S": "a"}},
        }
        indexed = {row["id"]["S"]: int(row["count"]["N"]) for row in self._all(client, "Query", query)}
        assert items == indexed, "the index is not the projection of its table"
        for name, count in self.put.items():
            assert items.get(name) in (count, count + 1), f"{name} was acknowledged with {count}: {items.get(name)}"

    def _all(self, client: Client, operation: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        asked = {"TableName": self.TABLE, **params}
        while True:
            page = self._call(client, operation, asked)
            rows += page["Items"]
            if "LastEvaluatedKey" not in page:
                return rows
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _call(self, client: Client, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return client.call("dynamodb", f"DynamoDB_20120810.{operation}", params)


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
