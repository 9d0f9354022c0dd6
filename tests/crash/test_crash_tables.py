"""kill -9 at any moment: acknowledged writes are there and deletions stay, transactions are whole and happen once for
their token, indexes and streams agree with tables.

Fifteen kills of a server under load; CRASH_KILLS changes that.
"""

from __future__ import annotations

import os
import random
import threading
import uuid
from pathlib import Path
from typing import Any

from tests.contract.dynamodb import eventually
from tests.crash.harness import Client, Unanswered, torture
from tests.streams import records_in, shards_of

KILLS = int(os.environ.get("CRASH_KILLS", "15"))
TABLE = "crash"
GLOBAL = "crash-global"
REGIONS = ("us-east-1", "eu-west-1")
PAIRS = 5
MOST_UNITS = 40_000
INDEXES = {"by-kind": ("kind", "at"), "by-time": ("pk", "at")}
Item = dict[str, Any]


def key_of(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


class TableWorkload:
    """Puts items of their own, moves them within an index, deletes them, and adds to two counters at once that have to
    stay equal: one at a time, since transactions that meet are cancelled."""

    def __init__(self) -> None:
        self.arn = ""
        self.lock = threading.Lock()
        self.splitting = threading.Lock()
        self.turns = [threading.Lock() for _ in range(PAIRS)]
        self.kept: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.parents: set[str] = set()
        self.added = 0
        self.unanswered: list[Item] = []

    def prepare(self, client: Client) -> None:
        kinds = {"pk": "S", "sk": "S", "kind": "S", "at": "N"}
        definition = {
            "TableName": TABLE,
            "KeySchema": self._schema("pk", "sk"),
            "AttributeDefinitions": [{"AttributeName": it, "AttributeType": kind} for it, kind in kinds.items()],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            "GlobalSecondaryIndexes": [self._index("by-kind")],
            "LocalSecondaryIndexes": [self._index("by-time")],
        }
        self.arn = self._call(client, "CreateTable", definition)["TableDescription"]["LatestStreamArn"]

    def _schema(self, partition: str, sort: str) -> list[dict[str, str]]:
        return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]

    def _index(self, name: str) -> Item:
        return {"IndexName": name, "KeySchema": self._schema(*INDEXES[name]), "Projection": {"ProjectionType": "ALL"}}

    def _call(self, client: Client, operation: str, params: Item) -> Item:
        return client.call("dynamodb", f"DynamoDB_20120810.{operation}", params)

    def step(self, client: Client, chance: random.Random) -> None:
        turn = chance.random()
        if turn < 0.02:
            self._split_the_shards(client)
        elif turn < 0.4:
            self._put(client, chance)
        elif turn < 0.6:
            self._move_or_delete(client, chance)
        else:
            pair = chance.randrange(PAIRS)
            with self.turns[pair]:
                self._add_to_pair(client, pair)

    def _put(self, client: Client, chance: random.Random) -> None:
        name = uuid.uuid4().hex
        item = key_of("own", name) | {"kind": {"S": "new"}, "at": {"N": str(chance.randrange(-9, 99))}}
        self._call(client, "PutItem", {"TableName": TABLE, "Item": item})
        with self.lock:
            self.kept[name] = "new"

    def _split_the_shards(self, client: Client) -> None:
        """Twice the throughput, as far as AWS goes: what is written meanwhile goes to the old shards or the new."""
        with self.splitting:
            known = self._call(client, "DescribeTable", {"TableName": TABLE})["Table"]["WarmThroughput"]
            units = 2 * known["WriteUnitsPerSecond"]
            if units <= MOST_UNITS:
                wanted = {"TableName": TABLE, "WarmThroughput": {"WriteUnitsPerSecond": units}}
                self._call(client, "UpdateTable", wanted)

    def _move_or_delete(self, client: Client, chance: random.Random) -> None:
        """While it is under way nobody knows, and nobody else asks, how the item is."""
        with self.lock:
            name = next(iter(self.kept), None)
            if name is None:
                return
            del self.kept[name]
        asked: Item = {"TableName": TABLE, "Key": key_of("own", name)}
        if chance.random() < 0.5:
            self._call(client, "DeleteItem", asked)
            with self.lock:
                self.deleted.add(name)
            return
        words = {"ExpressionAttributeNames": {"#at": "at"}, "ExpressionAttributeValues": {":kind": {"S": "moved"}}}
        self._call(client, "UpdateItem", {**asked, "UpdateExpression": "SET kind = :kind REMOVE #at", **words})
        with self.lock:
            self.kept[name] = "moved"

    def _add_to_pair(self, client: Client, pair: int) -> None:
        writes = [{"Update": self._add(f"{side}{pair}")} for side in "ab"]
        asked = {"TransactItems": writes, "ClientRequestToken": str(uuid.uuid4())}
        try:
            self._call(client, "TransactWriteItems", asked)
        except Unanswered:
            with self.lock:
                self.unanswered.append(asked)
            raise
        with self.lock:
            self.added += 1

    def _add(self, name: str) -> Item:
        return {
            "TableName": TABLE,
            "Key": key_of("counter", name),
            "UpdateExpression": "ADD n :one SET kind = :kind",
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":kind": {"S": "counter"}},
        }

    def check(self, client: Client) -> None:
        while self.unanswered:
            self._call(client, "TransactWriteItems", self.unanswered.pop())
            self.added += 1
        items = self._scan(client)
        own = {name: item["kind"]["S"] for name, item in items.items() if item["pk"]["S"] == "own"}
        assert not self.kept.items() - own.items(), "acknowledged writes are gone"
        assert not self.deleted & own.keys(), "acknowledged deletions are undone"
        counts = {name: int(item["n"]["N"]) for name, item in items.items() if "n" in item}
        for pair in range(PAIRS):
            assert counts.get(f"a{pair}") == counts.get(f"b{pair}"), "half of a transaction"
        assert sum(count for name, count in counts.items() if name[0] == "a") == self.added, "a token counted twice"
        for index, keys in INDEXES.items():
            expected = {name: item for name, item in items.items() if set(keys) <= item.keys()}
            assert self._scan(client, IndexName=index) == expected, f"{index} differs from the table"
        assert self._replay(client) == items, "the stream does not lead to the table"

    def _scan(self, client: Client, **more: Any) -> dict[str, Item]:
        items: dict[str, Item] = {}
        request = {"TableName": TABLE, **more}
        while True:
            page = self._call(client, "Scan", request)
            items |= {item["sk"]["S"]: item for item in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return items
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _replay(self, client: Client) -> dict[str, Item]:
        """The table as its stream tells it; each old image is the new one of before."""

        def call(operation: str, **params: Any) -> Item:
            return client.call("dynamodb", f"DynamoDBStreams_20120810.{operation}", params)

        items: dict[str, Item] = {}
        shards = shards_of(call, self.arn)
        self.parents = {shard["ParentShardId"] for shard in shards if "ParentShardId" in shard}
        for shard in shards:
            for record in records_in(call, self.arn, shard["ShardId"]):
                change = record["dynamodb"]
                name = change["Keys"]["sk"]["S"]
                assert items.pop(name, None) == change.get("OldImage"), "records are missing or out of order"
                if "NewImage" in change:
                    items[name] = change["NewImage"]
        return items


class GlobalTableWorkload:
    """Puts and deletes items of its own in either region, and writes to a few that both regions fight over."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: set[str] = set()
        self.deleted: set[str] = set()

    def prepare(self, client: Client) -> None:
        definition = {
            "TableName": GLOBAL,
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        self._call(client, "CreateTable", REGIONS[0], **definition)
        joining = [{"Create": {"RegionName": REGIONS[1]}}]
        self._call(client, "UpdateTable", REGIONS[0], TableName=GLOBAL, ReplicaUpdates=joining)
        eventually(lambda: self._status(client) == "ACTIVE")

    def _call(self, client: Client, operation: str, region: str, **params: Any) -> Item:
        return client.call("dynamodb", f"DynamoDB_20120810.{operation}", params, region)

    def _status(self, client: Client) -> str:
        shown: str = self._call(client, "DescribeTable", REGIONS[1], TableName=GLOBAL)["Table"]["TableStatus"]
        return shown

    def step(self, client: Client, chance: random.Random) -> None:
        region, name = chance.choice(REGIONS), uuid.uuid4().hex
        if chance.random() < 0.4:
            contested = {"pk": {"S": f"contested-{chance.randrange(3)}"}, "by": {"S": name}}
            self._call(client, "PutItem", region, TableName=GLOBAL, Item=contested)
            return
        self._call(client, "PutItem", region, TableName=GLOBAL, Item={"pk": {"S": name}})
        if chance.random() < 0.5:
            self._call(client, "DeleteItem", region, TableName=GLOBAL, Key={"pk": {"S": name}})
            with self.lock:
                self.deleted.add(name)
        else:
            with self.lock:
                self.kept.add(name)

    def check(self, client: Client) -> None:
        eventually(lambda: self._scan(client, REGIONS[0]) == self._scan(client, REGIONS[1]))
        names = self._scan(client, REGIONS[0]).keys()
        assert not self.kept - names, "acknowledged writes did not arrive"
        assert not self.deleted & names, "acknowledged deletions did not arrive"

    def _scan(self, client: Client, region: str) -> dict[str, Item]:
        items: dict[str, Item] = {}
        request = {"TableName": GLOBAL}
        while True:
            page = self._call(client, "Scan", region, **request)
            items |= {item["pk"]["S"]: item for item in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return items
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def test_a_killed_server_keeps_tables_whole(tmp_path: Path) -> None:
    """Items, deletions, transactions, their tokens, indexes and streams, all of one commit; and what was written to a
    global table arrives in all of its regions."""
    tables, globals_ = TableWorkload(), GlobalTableWorkload()
    torture(tmp_path / "data", [tables, globals_], KILLS, seed=random.SystemRandom().randrange(2**32))
    assert tables.kept and tables.deleted and tables.added and tables.parents, "the load did nothing"
    assert globals_.kept and globals_.deleted, "the load did nothing"
