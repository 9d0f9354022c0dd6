"""kill -9 at any moment: acknowledged writes are there, transactions are whole, indexes and streams agree with tables.

Fifteen kills of a server under load; CRASH_KILLS changes that.
"""

from __future__ import annotations

import json
import os
import random
import threading
import uuid
from pathlib import Path
from typing import Any

from tests.crash.harness import Client, torture

KILLS = int(os.environ.get("CRASH_KILLS", "15"))
TABLE = "crash"
PAIRS = 5


class TableWorkload:
    """Puts items of their own, and adds to two counters at once that have to stay equal."""

    def __init__(self) -> None:
        self.arn = ""
        self.lock = threading.Lock()
        self.put: set[str] = set()
        self.added = 0

    def prepare(self, client: Client) -> None:
        definition = {
            "TableName": TABLE,
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "kind")],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "gsi",
                    "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        }
        self.arn = self._call(client, "CreateTable", definition)["TableDescription"]["LatestStreamArn"]

    def _call(self, client: Client, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return client.call("dynamodb", f"DynamoDB_20120810.{operation}", params)

    def step(self, client: Client, chance: random.Random) -> None:
        if chance.random() < 0.5:
            name = uuid.uuid4().hex
            item = {"pk": {"S": name}, "kind": {"S": "own"}}
            self._call(client, "PutItem", {"TableName": TABLE, "Item": item})
            with self.lock:
                self.put.add(name)
            return
        pair = chance.randrange(PAIRS)
        writes = [{"Update": self._add(f"{side}{pair}")} for side in "ab"]
        self._call(client, "TransactWriteItems", {"TransactItems": writes})
        with self.lock:
            self.added += 1

    def _add(self, name: str) -> dict[str, Any]:
        return {
            "TableName": TABLE,
            "Key": {"pk": {"S": name}},
            "UpdateExpression": "ADD n :one SET kind = :kind",
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":kind": {"S": "counter"}},
        }

    def check(self, client: Client) -> None:
        items = self._scan(client)
        assert not self.put - items.keys(), f"{len(self.put - items.keys())} acknowledged items are gone"
        counts = {name: int(item["n"]["N"]) for name, item in items.items() if "n" in item}
        for pair in range(PAIRS):
            assert counts.get(f"a{pair}") == counts.get(f"b{pair}"), "half of a transaction"
        assert sum(count for name, count in counts.items() if name[0] == "a") >= self.added
        assert self._scan(client, IndexName="gsi") == items, "the index differs from the table"
        assert self._replay(client) == items, "the stream does not lead to the table"

    def _scan(self, client: Client, **more: Any) -> dict[str, Any]:
        items: dict[str, Any] = {}
        request = {"TableName": TABLE, **more}
        while True:
            page = self._call(client, "Scan", request)
            items |= {item["pk"]["S"]: item for item in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return items
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _replay(self, client: Client) -> dict[str, Any]:
        def call(operation: str, **params: Any) -> dict[str, Any]:
            return client.call("dynamodb", f"DynamoDBStreams_20120810.{operation}", params)

        shard = call("DescribeStream", StreamArn=self.arn)["StreamDescription"]["Shards"][0]["ShardId"]
        start = {"StreamArn": self.arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = call("GetShardIterator", **start)["ShardIterator"]
        items: dict[str, Any] = {}
        while True:
            page = call("GetRecords", ShardIterator=iterator)
            if not page["Records"]:
                return items
            for record in page["Records"]:
                image = record["dynamodb"]["NewImage"]
                items[image["pk"]["S"]] = image
            iterator = page["NextShardIterator"]


def test_a_killed_server_keeps_tables_whole(tmp_path: Path) -> None:
    """Items, transactions, indexes and streams, all of one commit."""
    tables = TableWorkload()
    torture(tmp_path / "data", [tables], KILLS, seed=random.SystemRandom().randrange(2**32))
    assert tables.put and tables.added, f"the load did nothing: {json.dumps(tables.added)}"
