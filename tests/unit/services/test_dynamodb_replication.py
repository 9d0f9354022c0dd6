"""What comes of writes to global tables that are late: while a region is cut off, and while a member joins or leaves.

Through `invoke`, since over HTTP nobody can hold a delivery back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import Cloud
from tests.cut_regions import cut_regions
from tests.streams import records_of

from mrak.core.errors import ApiError

TABLE = "late"
US, EU, AP = "us-east-1", "eu-west-1", "ap-south-1"
# Longer than the longest back-off of a delivery that could not be made.
PATIENCE_SECONDS = 61.0
Item = dict[str, Any]


class Group:
    """A table in the United States and its replicas."""

    def __init__(self, cloud: Cloud, cut: set[str]) -> None:
        self.cloud, self.cut = cloud, cut
        cloud.call(
            "dynamodb",
            "CreateTable",
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def call(self, region: str, operation: str, **params: Any) -> dict[str, Any]:
        return self.cloud.call("dynamodb", operation, region=region, TableName=TABLE, **params)

    def refused(self, region: str, operation: str, **params: Any) -> tuple[str, str]:
        with pytest.raises(ApiError) as caught:
            self.call(region, operation, **params)
        return caught.value.code, caught.value.message

    def join(self, region: str) -> None:
        self.call(US, "UpdateTable", ReplicaUpdates=[{"Create": {"RegionName": region}}])

    def reach(self, *regions: str) -> None:
        """These regions, or all, are reached again, and what waits for them arrives."""
        self.cut.difference_update(regions or tuple(self.cut))
        self.cloud.advance_clock(PATIENCE_SECONDS)

    def put(self, region: str, key: str, **more: Any) -> None:
        self.call(region, "PutItem", Item={"pk": {"S": key}, **more})

    def delete(self, region: str, key: str) -> None:
        self.call(region, "DeleteItem", Key={"pk": {"S": key}})

    def found(self, region: str) -> dict[str, Item]:
        return {item.pop("pk")["S"]: item for item in self.call(region, "Scan")["Items"]}

    def changes(self, region: str) -> list[dict[str, Any]]:
        """All records of a member's stream."""

        def ask(operation: str, **params: Any) -> dict[str, Any]:
            return self.cloud.call("dynamodbstreams", operation, region=region, **params)

        arn = self.call(region, "DescribeTable")["Table"]["LatestStreamArn"]
        return records_of(ask, arn)


@pytest.fixture
def group(cloud: Cloud) -> Iterator[Group]:
    with cut_regions() as cut:
        yield Group(cloud, cut)


def version(text: str) -> Item:
    return {"v": {"S": text}}


def test_the_last_writer_wins_everywhere(group: Group) -> None:
    """DYNAMODB-002: two regions write an item while neither hears of the other; the later write is what both end with,
    and the stream of neither tells of a write that lost on its way."""
    group.join(EU)
    group.reach()
    group.cut |= {US, EU}
    group.put(US, "a", **version("first"))
    group.put(EU, "a", **version("second"))
    group.put(EU, "b", **version("first"))
    group.delete(US, "b")
    group.put(US, "b", **version("second"))
    assert group.found(US) == {"a": version("first"), "b": version("second")}
    assert group.found(EU) == {"a": version("second"), "b": version("first")}
    group.reach(EU)
    assert group.found(EU) == {"a": version("second"), "b": version("second")}
    group.reach()
    assert group.found(US) == group.found(EU)
    told = {
        region: [(it["eventName"], it["dynamodb"]["Keys"]["pk"]["S"]) for it in group.changes(region)]
        for region in (US, EU)
    }
    assert told[US] == [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a")]
    assert told[EU] == [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "b")]


def test_a_deletion_is_not_undone_by_an_older_write(group: Group) -> None:
    """What was deleted is remembered as long as an older write is under way to it."""
    group.join(EU)
    group.reach()
    group.cut |= {EU}
    group.put(US, "a")
    group.put(EU, "a")
    group.reach(US)
    group.delete(EU, "a")
    group.reach()
    assert group.found(US) == group.found(EU) == {}


def test_what_changes_nothing_is_no_write(group: Group) -> None:
    """As measured at AWS: a put of what is there, and a deletion of what is not, do not win over another region's
    write that has not arrived, though they came later."""
    group.put(US, "same", **version("old"))
    group.join(EU)
    group.reach()
    group.cut |= {US}
    group.put(EU, "same", **version("new"))
    group.put(EU, "missing")
    group.put(US, "same", **version("old"))
    group.delete(US, "missing")
    group.reach()
    assert group.found(US) == group.found(EU) == {"same": version("new"), "missing": {}}


def test_conditions_and_transactions_hold_where_they_are_made(group: Group) -> None:
    """Two regions may both find an item absent, and another region may see one half of a transaction."""
    group.join(EU)
    group.reach()
    group.cut |= {US, EU}
    for region in (US, EU):
        group.call(
            region,
            "PutItem",
            Item={"pk": {"S": "a"}, **version(region)},
            ConditionExpression="attribute_not_exists(pk)",
        )
    puts = [{"Put": {"TableName": TABLE, "Item": {"pk": {"S": key}, **version("both")}}} for key in "ab"]
    group.cloud.call("dynamodb", "TransactWriteItems", TransactItems=puts)
    group.put(EU, "a", **version("later"))
    group.reach()
    assert group.found(US) == group.found(EU) == {"a": version("later"), "b": version("both")}


def test_a_member_that_is_filled(group: Group) -> None:
    """It is CREATING, the others are UPDATING, nobody can change or use it; with more than a page of items."""
    keys = [f"{number:03}" for number in range(450)]
    for key in keys:
        group.put(US, key)
    group.join(EU)
    group.reach()
    group.cut |= {US}
    group.join(AP)
    shown = {region: group.call(region, "DescribeTable")["Table"] for region in (US, EU, AP)}
    assert [shown[region]["TableStatus"] for region in (US, EU, AP)] == ["UPDATING", "UPDATING", "CREATING"]
    assert shown[US]["Replicas"][1] == shown[EU]["Replicas"][1] == {"RegionName": AP, "ReplicaStatus": "CREATING"}
    used = "Attempt to change a resource which is still in use: Table is being"
    protect = {"DeletionProtectionEnabled": True}
    assert group.refused(EU, "UpdateTable", **protect) == ("ResourceInUseException", f"{used} updated: {TABLE}")
    assert group.refused(AP, "UpdateTable", **protect) == ("ResourceInUseException", f"{used} created: {TABLE}")
    assert group.refused(AP, "DeleteTable") == ("ResourceInUseException", f"{used} created: {TABLE}")
    assert group.refused(AP, "GetItem", Key={"pk": {"S": "a"}}) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    group.reach()
    assert {group.call(region, "DescribeTable")["Table"]["TableStatus"] for region in (US, EU, AP)} == {"ACTIVE"}
    assert sorted(group.found(AP)) == keys
    assert group.changes(AP) == []


def test_writes_while_a_member_joins(group: Group) -> None:
    """Those from before reach the source before its items are copied; those from after reach the new member too, and
    what they deleted is not copied from a source that has not heard of it."""
    group.put(US, "deleted")
    group.put(US, "changed", **version("old"))
    group.join(EU)
    group.reach()
    group.cut |= {US}
    group.put(EU, "before")
    group.join(AP)
    group.delete(EU, "deleted")
    group.put(EU, "changed", **version("new"))
    group.put(EU, "after")
    group.reach()
    wanted = {"before": {}, "after": {}, "changed": version("new")}
    assert group.found(US) == group.found(EU) == group.found(AP) == wanted


def test_a_member_that_leaves_has_what_was_written_before(group: Group) -> None:
    """WAIT_FOR_REPLICATION: it leaves after what is under way to it, and its own last writes reach the others."""
    group.join(EU)
    group.reach()
    group.cut |= {US, EU}
    group.put(US, "before")
    group.put(EU, "own")
    group.call(EU, "UpdateTable", DisassociationProtectionEnabled=False)
    alone = {"Disassociate": {"RegionName": EU, "DisassociationMode": "WAIT_FOR_REPLICATION"}}
    group.call(EU, "UpdateTable", ReplicaUpdates=[alone])
    waiting = group.call(EU, "DescribeTable")["Table"]
    assert (waiting["TableStatus"], len(waiting["Replicas"])) == ("UPDATING", 1)
    group.reach(EU)
    alone_again = group.call(EU, "DescribeTable")["Table"]
    assert alone_again["TableStatus"] == "ACTIVE" and "Replicas" not in alone_again
    group.put(EU, "alone")
    group.put(US, "without it")
    group.reach()
    assert sorted(group.found(EU)) == ["alone", "before", "own"]
    assert sorted(group.found(US)) == ["before", "own", "without it"]


def test_the_last_writes_of_a_member_that_is_deleted(group: Group) -> None:
    """They were acknowledged, so they arrive though their table is gone; what was under way to it does not matter."""
    group.join(EU)
    group.reach()
    group.cut |= {US, EU}
    group.put(EU, "last")
    group.put(US, "other")
    group.call(EU, "DeleteTable")
    group.reach()
    assert sorted(group.found(US)) == ["last", "other"]
    group.cloud.advance_clock(86_400)
    group.join(EU)
    group.reach()
    assert sorted(group.found(EU)) == ["last", "other"]


def test_expiry_deletes_in_one_region(group: Group) -> None:
    """One member's stream names the service as the one that deleted; the others show a deletion as any other. It costs
    nothing where it happens, and when the member that deletes has left, another one does."""
    group.join(EU)
    group.reach()
    group.call(US, "UpdateTimeToLive", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    now = int(group.cloud.clock.now())
    group.put(US, "a", until={"N": str(now + 1000)})
    group.put(EU, "b", until={"N": str(now + 100_000)})
    group.cloud.advance_clock(2000)
    assert list(group.found(US)) == list(group.found(EU)) == ["b"]
    removals = [[it for it in group.changes(region) if it["eventName"] == "REMOVE"] for region in (US, EU)]
    assert [[it.get("userIdentity") for it in records] for records in removals] == [
        [None],
        [{"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}],
    ]
    group.call(US, "UpdateTable", ReplicaUpdates=[{"Delete": {"RegionName": EU}}])
    group.cloud.advance_clock(200_000)
    assert group.found(US) == {}
