"""DynamoDB against a naive model: a table is a dict, an index is what one computes of it, a stream is a list.

Hypothesis picks puts, updates, deletes and transactions; after every step the table, its indexes and its
stream are what the model says; once in memory, once on files, where the cloud is also closed and opened in between.
MODEL_STEPS sets how long to look (100,000 and more for a thorough run), on each of them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.conftest import new_cloud
from tests.streams import records_in, sequence_of, shards_of

from mrak.core.errors import ApiError

STEPS = int(os.environ.get("MODEL_STEPS", "1200"))
STORED_STEPS = int(os.environ.get("MODEL_STEPS", "400"))
PER_RUN = 40
MOST_LIVES, MOST_WARMTH = 4, 16_000

TABLE = "model"
partitions = st.sampled_from(["a", "b"])
sorts = st.sampled_from(["-3", "0", "2", "10", "2.5"])
groups = st.none() | st.sampled_from(["g", "h"])
numbers = st.integers(-50, 50)
Key = tuple[str, str]


def key_of(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"N": key[1]}}


class TableMachine(RuleBasedStateMachine):
    """`items` is the table, `changes` what its stream has to tell."""

    @initialize()
    def start(self) -> None:
        self.open()
        self.items: dict[Key, dict[str, Any]] = {}
        self.changes: list[tuple[str, Key]] = []
        self.lives, self.warmth = 0, 4000
        kinds = {"pk": "S", "sk": "N", "g": "S", "n": "N"}
        self.call(
            "CreateTable",
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            GlobalSecondaryIndexes=[self.index("gsi", "g", "n", {"ProjectionType": "ALL"})],
            LocalSecondaryIndexes=[self.index("lsi", "pk", "n", {"ProjectionType": "KEYS_ONLY"})],
        )

    def open(self) -> None:
        self.cloud = new_cloud()

    @staticmethod
    def index(name: str, partition: str, sort: str, projection: dict[str, Any]) -> dict[str, Any]:
        schema = [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
        return {"IndexName": name, "KeySchema": schema, "Projection": projection}

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.cloud.call("dynamodb", operation, **params)

    def teardown(self) -> None:
        if hasattr(self, "cloud"):
            self.cloud.close()

    def write(self, key: Key, item: dict[str, Any] | None) -> None:
        """The model's own write."""
        old = self.items.get(key)
        if item == old:
            return
        if item is None:
            del self.items[key]
        else:
            self.items[key] = item
        self.changes.append(("INSERT" if old is None else "REMOVE" if item is None else "MODIFY", key))

    def new_item(self, key: Key, group: str | None, number: int) -> dict[str, Any]:
        item = key_of(key) | {"n": {"N": str(number)}}
        return item | {"g": {"S": group}} if group is not None else item

    @rule(partition=partitions, sort=sorts, group=groups, number=numbers, only_new=st.booleans())
    def put(self, partition: str, sort: str, group: str | None, number: int, only_new: bool) -> None:
        key = (partition, sort)
        item = self.new_item(key, group, number)
        params = {"ConditionExpression": "attribute_not_exists(pk)"} if only_new else {}
        try:
            self.call("PutItem", TableName=TABLE, Item=item, **params)
        except ApiError as error:
            assert error.code == "ConditionalCheckFailedException" and only_new and key in self.items
            return
        assert not (only_new and key in self.items)
        self.write(key, item)

    @rule(partition=partitions, sort=sorts, number=numbers)
    def add(self, partition: str, sort: str, number: int) -> None:
        key = (partition, sort)
        old = self.items.get(key, key_of(key))
        total = int(old.get("n", {"N": "0"})["N"]) + number
        answer = self.call(
            "UpdateItem",
            TableName=TABLE,
            Key=key_of(key),
            UpdateExpression="ADD n :n",
            ExpressionAttributeValues={":n": {"N": str(number)}},
            ReturnValues="UPDATED_NEW",
        )
        assert answer["Attributes"] == {"n": {"N": str(total)}}
        self.write(key, old | {"n": {"N": str(total)}})

    @rule(partition=partitions, sort=sorts)
    def remove_group(self, partition: str, sort: str) -> None:
        key = (partition, sort)
        self.call("UpdateItem", TableName=TABLE, Key=key_of(key), UpdateExpression="REMOVE g")
        if key in self.items:
            self.write(key, {name: value for name, value in self.items[key].items() if name != "g"})

    @rule(partition=partitions, sort=sorts)
    def delete(self, partition: str, sort: str) -> None:
        key = (partition, sort)
        answer = self.call("DeleteItem", TableName=TABLE, Key=key_of(key), ReturnValues="ALL_OLD")
        assert answer.get("Attributes") == self.items.get(key)
        self.write(key, None)

    @rule(keys=st.lists(st.tuples(partitions, sorts), min_size=1, max_size=4, unique=True), number=numbers)
    def transact(self, keys: list[Key], number: int) -> None:
        """Each item must be there; if one is not, none changes."""
        update = {
            "TableName": TABLE,
            "UpdateExpression": "SET n = :n",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":n": {"N": str(number)}},
        }
        try:
            self.call("TransactWriteItems", TransactItems=[{"Update": update | {"Key": key_of(key)}} for key in keys])
        except ApiError as error:
            reasons = [reason["Code"] for reason in (error.fields or {})["CancellationReasons"]]
            assert reasons == ["None" if key in self.items else "ConditionalCheckFailed" for key in keys]
            assert "ConditionalCheckFailed" in reasons
            return
        for key in keys:
            self.write(key, self.items[key] | {"n": {"N": str(number)}})

    @rule(partition=partitions, low=sorts, forward=st.booleans(), limit=st.integers(1, 3))
    def query(self, partition: str, low: str, forward: bool, limit: int) -> None:
        """A range in pages, in either direction."""
        expected = [key for key in self.items if key[0] == partition and float(key[1]) >= float(low)]
        expected.sort(key=lambda key: float(key[1]), reverse=not forward)
        found: list[Any] = []
        start: dict[str, Any] = {}
        while True:
            page = self.call(
                "Query",
                TableName=TABLE,
                KeyConditionExpression="pk = :p AND sk >= :s",
                ExpressionAttributeValues={":p": {"S": partition}, ":s": {"N": low}},
                ScanIndexForward=forward,
                Limit=limit,
                **start,
            )
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert found == [self.items[key] for key in expected]

    @precondition(lambda self: self.lives < MOST_LIVES)
    @rule()
    def outlive_the_shards(self) -> None:
        """Shards are closed and followed by others; no more often than records live."""
        self.lives += 1
        self.cloud.advance_clock(4 * 3600)

    @precondition(lambda self: self.warmth < MOST_WARMTH)
    @rule()
    def split_the_shards(self) -> None:
        self.warmth *= 2
        self.call("UpdateTable", TableName=TABLE, WarmThroughput={"WriteUnitsPerSecond": self.warmth})

    @invariant()
    def the_table_and_its_indexes_are_the_model(self) -> None:
        if not hasattr(self, "items"):
            return
        whole = self.call("Scan", TableName=TABLE)["Items"]
        assert {(item["pk"]["S"], item["sk"]["N"]): item for item in whole} == self.items
        assert len(whole) == len(self.items)
        for group in ("g", "h"):
            found = self.query_index("gsi", "g", group)
            members = [item for item in self.items.values() if item.get("g") == {"S": group} and "n" in item]
            assert sorted(map(repr, found)) == sorted(map(repr, members))
            ordered = [int(item["n"]["N"]) for item in found]
            assert ordered == sorted(ordered)
        local = [item for name in ("a", "b") for item in self.query_index("lsi", "pk", name)]
        shown = [{name: item[name] for name in ("pk", "sk", "n")} for item in self.items.values() if "n" in item]
        assert sorted(str(sorted(it.items())) for it in local) == sorted(str(sorted(it.items())) for it in shown)

    def query_index(self, index: str, attribute: str, value: str) -> list[dict[str, Any]]:
        return list(
            self.call(
                "Query",
                TableName=TABLE,
                IndexName=index,
                KeyConditionExpression=f"{attribute} = :v",
                ExpressionAttributeValues={":v": {"S": value}},
            )["Items"]
        )

    @invariant()
    def the_stream_tells_all_changes_in_order(self) -> None:
        if not hasattr(self, "items"):
            return
        arn = self.call("DescribeTable", TableName=TABLE)["Table"]["LatestStreamArn"]

        def ask(operation: str, **params: Any) -> dict[str, Any]:
            return self.cloud.call("dynamodbstreams", operation, **params)

        parents = {shard["ShardId"]: shard.get("ParentShardId") for shard in shards_of(ask, arn)}
        told: list[tuple[int, str, Key]] = []
        lines: dict[str, list[str]] = {}
        for shard in parents:
            for record in records_in(ask, arn, shard):
                key = record["dynamodb"]["Keys"]
                told.append((sequence_of(record), record["eventName"], (key["pk"]["S"], key["sk"]["N"])))
                lines.setdefault(key["pk"]["S"], []).append(shard)
        assert [(name, key) for _, name, key in sorted(told)] == self.changes
        for partition, line in lines.items():
            numbers = [number for number, _, key in told if key[0] == partition]
            assert numbers == sorted(numbers), "a partition's records are out of order from shard to shard"
            assert set(line) <= set(self.line_of(parents, line[-1])), "a partition's records are in strange shards"

    @staticmethod
    def line_of(parents: dict[str, str | None], shard: str | None) -> Iterator[str]:
        """A shard and all that it descends from."""
        while shard is not None:
            yield shard
            shard = parents.get(shard)


class StoredTableMachine(TableMachine):
    """The same on files, which outlive a cloud."""

    def open(self) -> None:
        if not hasattr(self, "folder"):
            self.folder = tempfile.TemporaryDirectory()
        # Sequence numbers grow over restarts only where they are not drawn from a seed.
        self.cloud = new_cloud(memory=False, data=Path(self.folder.name), seed=None)

    @rule()
    def reopen(self) -> None:
        self.cloud.close()
        self.open()

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


def scaled(steps: int) -> settings:
    return settings(
        max_examples=max(1, steps // PER_RUN),
        stateful_step_count=PER_RUN,
        suppress_health_check=[HealthCheck.too_slow],
    )


TableMachine.TestCase.settings = scaled(STEPS)
StoredTableMachine.TestCase.settings = scaled(STORED_STEPS)
TestTable = TableMachine.TestCase
TestStoredTable = StoredTableMachine.TestCase
