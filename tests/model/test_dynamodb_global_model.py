"""Global tables against a naive model: each member is a dict, and once all has arrived, all are what was written last.

Hypothesis picks writes in three regions and cuts regions off from the others, so that writes arrive late, out of
order, and at members that have been written meanwhile. MODEL_STEPS sets how long to look.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.conftest import new_cloud
from tests.cut_regions import cut_regions

from mrak.core.errors import ApiError
from mrak.services.dynamodb.tables import UNDER_WAY
from mrak.store.keys import prefix_end

STEPS = int(os.environ.get("MODEL_STEPS", "300"))
PER_RUN = 30
TABLE = "model"
REGIONS = ["us-east-1", "eu-west-1", "ap-south-1"]
# Longer than the longest back-off of a delivery that could not be made.
PATIENCE_SECONDS = 61.0

regions = st.sampled_from(REGIONS)
keys = st.sampled_from(["a", "b", "c"])
Item = dict[str, Any]


class GlobalTableMachine(RuleBasedStateMachine):
    """`newest` is what was written last anywhere, by key; None for what was deleted."""

    @initialize(members=st.integers(2, 3))
    def start(self, members: int) -> None:
        self.cloud = new_cloud()
        self.gate = cut_regions()
        self.cut = self.gate.__enter__()
        self.members = REGIONS[:members]
        self.newest: dict[str, Item | None] = {}
        self.writes = 0
        self.call(
            REGIONS[0],
            "CreateTable",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "writer")],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-writer",
                    "KeySchema": [{"AttributeName": "writer", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        self.join(self.members[1])

    def call(self, region: str, operation: str, **params: Any) -> dict[str, Any]:
        return self.cloud.call("dynamodb", operation, region=region, TableName=TABLE, **params)

    def join(self, region: str) -> None:
        self.call(REGIONS[0], "UpdateTable", ReplicaUpdates=[{"Create": {"RegionName": region}}])
        self.settle()

    def settle(self) -> None:
        self.cut.clear()
        self.cloud.advance_clock(PATIENCE_SECONDS)

    def teardown(self) -> None:
        if hasattr(self, "cloud"):
            self.gate.__exit__(None, None, None)
            self.cloud.close()

    def new_item(self, region: str, key: str) -> Item:
        self.writes += 1
        return {"pk": {"S": key}, "n": {"N": str(self.writes)}, "writer": {"S": region}}

    def active(self) -> list[str]:
        shown = self.call(REGIONS[0], "DescribeTable")["Table"]["Replicas"]
        return [REGIONS[0], *(it["RegionName"] for it in shown if it["ReplicaStatus"] == "ACTIVE")]

    def writer(self, region: str) -> str:
        return region if region in self.active() else REGIONS[0]

    @rule(region=regions)
    def cut_off(self, region: str) -> None:
        self.cut.add(region)

    @rule(seconds=st.sampled_from([0.0, 1.0, PATIENCE_SECONDS]), region=regions)
    def reach(self, region: str, seconds: float) -> None:
        self.cut.discard(region)
        self.cloud.advance_clock(seconds)

    @rule(region=regions, key=keys)
    def put(self, region: str, key: str) -> None:
        region = self.writer(region)
        item = self.new_item(region, key)
        self.call(region, "PutItem", Item=item)
        self.newest[key] = item
        assert self.call(region, "GetItem", Key={"pk": {"S": key}}, ConsistentRead=True)["Item"] == item

    @rule(region=regions, key=keys)
    def put_if_absent(self, region: str, key: str) -> None:
        """Asks about the member where it writes, and about no other."""
        region = self.writer(region)
        item, here = self.new_item(region, key), self.call(region, "GetItem", Key={"pk": {"S": key}})
        try:
            self.call(region, "PutItem", Item=item, ConditionExpression="attribute_not_exists(pk)")
        except ApiError as error:
            assert error.code == "ConditionalCheckFailedException" and "Item" in here
            return
        assert "Item" not in here
        self.newest[key] = item

    @rule(region=regions, key=keys)
    def put_what_is_there(self, region: str, key: str) -> None:
        """It changes nothing where it is made, so it changes nothing anywhere."""
        region = self.writer(region)
        here = self.call(region, "GetItem", Key={"pk": {"S": key}})
        if "Item" in here:
            self.call(region, "PutItem", Item=here["Item"])

    @rule(region=regions, key=keys)
    def delete(self, region: str, key: str) -> None:
        """Deleting what is not there is no write."""
        old = self.call(self.writer(region), "DeleteItem", Key={"pk": {"S": key}}, ReturnValues="ALL_OLD")
        if "Attributes" in old:
            self.newest[key] = None

    @rule(region=regions, pair=st.lists(keys, min_size=2, max_size=2, unique=True))
    def transact(self, region: str, pair: list[str]) -> None:
        region = self.writer(region)
        items = [self.new_item(region, key) for key in pair]
        puts = [{"Put": {"TableName": TABLE, "Item": item}} for item in items]
        self.cloud.call("dynamodb", "TransactWriteItems", region=region, TransactItems=puts)
        self.newest |= dict(zip(pair, items, strict=True))

    @precondition(lambda self: len(self.active()) < len(self.members))
    @rule()
    def another_member_joins(self) -> None:
        """While writes are under way to the one that it gets its items from."""
        shown = self.call(REGIONS[0], "DescribeTable")["Table"]
        if shown["TableStatus"] == "ACTIVE":
            new = [{"Create": {"RegionName": self.members[-1]}}]
            self.call(REGIONS[0], "UpdateTable", ReplicaUpdates=new)

    @rule()
    def all_arrives(self) -> None:
        self.settle()
        wanted = [item for _, item in sorted(self.newest.items()) if item is not None]
        for region in self.active():
            found = self.call(region, "Scan")["Items"]
            assert sorted(found, key=lambda it: str(it["pk"]["S"])) == wanted, region
            indexed = self.call(region, "Scan", IndexName="by-writer")["Items"]
            assert sorted(indexed, key=lambda it: str(it["pk"]["S"])) == wanted, region
        assert self.under_way() == 0

    @invariant()
    def a_member_never_goes_back(self) -> None:
        """What a member has of an item is never older than what it had, unless it was deleted in between."""
        if not hasattr(self, "seen"):
            self.seen: dict[tuple[str, str], int] = {}
        for region in self.active():
            numbers = {it["pk"]["S"]: int(it["n"]["N"]) for it in self.call(region, "Scan")["Items"]}
            for key, number in numbers.items():
                assert number >= self.seen.get((region, key), 0)
                self.seen[region, key] = number

    def under_way(self) -> int:
        """Rows about writes that are under way: nothing of them stays."""
        from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope

        async def count() -> int:
            environment = await self.cloud.app.environments.require(DEFAULT_ENVIRONMENT)
            prefixes = [UNDER_WAY.prefix(Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, it)) for it in self.members]
            counted: int = await environment.transact(
                lambda tx: sum(tx.count(prefix, prefix_end(prefix)) for prefix in prefixes)
            )
            return counted

        return self.cloud.loop.run_until_complete(count())


GlobalTableMachine.TestCase.settings = settings(
    max_examples=max(1, STEPS // PER_RUN),
    stateful_step_count=PER_RUN,
    suppress_health_check=list(HealthCheck),
)
TestGlobalTable = GlobalTableMachine.TestCase
