"""Global tables as boto3 sees them: members added and removed, writes that reach all of them, and the refusals."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table

HERE, THERE, FAR = "us-east-1", "eu-west-1", "us-west-2"


@pytest.fixture(scope="module")
def regions(sandbox: Any) -> dict[str, Any]:
    return {region: sandbox.client("dynamodb", region=region) for region in (HERE, THERE, FAR)}


def add(ddb: Any, table: str, region: str, **settings: Any) -> Any:
    update = [{"Create": {"RegionName": region, **settings}}]
    return ddb.update_table(TableName=table, ReplicaUpdates=update)["TableDescription"]


def remove(ddb: Any, table: str, region: str) -> Any:
    return ddb.update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": region}}])


def members(ddb: Any, table: str) -> list[str]:
    return [it["RegionName"] for it in ddb.describe_table(TableName=table)["Table"].get("Replicas", [])]


def test_a_replica_has_the_items_and_every_later_write(regions: dict[str, Any]) -> None:
    """DYNAMODB-002: whoever writes, all members have it at once, through every kind of write."""
    here, there = regions[HERE], regions[THERE]
    indexes = [index("gsi", "other")]
    table = make_table(here, sort=None, attributes={"other": "S"}, GlobalSecondaryIndexes=indexes)
    here.put_item(TableName=table, Item={"pk": {"S": "old"}, "other": {"S": "x"}})
    assert add(here, table, THERE).get("Replicas") is None
    assert there.get_item(TableName=table, Key={"pk": {"S": "old"}})["Item"] == {
        "pk": {"S": "old"},
        "other": {"S": "x"},
    }
    there.put_item(TableName=table, Item={"pk": {"S": "new"}, "other": {"S": "x"}})
    here.update_item(
        TableName=table,
        Key={"pk": {"S": "new"}},
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )
    write = {"Put": {"TableName": table, "Item": {"pk": {"S": "both"}, "other": {"S": "x"}}}}
    here.transact_write_items(TransactItems=[write])
    there.delete_item(TableName=table, Key={"pk": {"S": "old"}})
    found = [region.scan(TableName=table, IndexName="gsi")["Items"] for region in (here, there)]
    assert found[0] == found[1]
    assert {item["pk"]["S"] for item in found[0]} == {"new", "both"}


def test_members_describe_each_other(regions: dict[str, Any]) -> None:
    """Never themselves; each has its own id and stream, which cannot be switched off."""
    here, there, far = regions[HERE], regions[THERE], regions[FAR]
    table = make_table(here, sort=None)
    add(here, table, THERE)
    add(there, table, FAR)
    assert [members(it, table) for it in (here, there, far)] == [[THERE, FAR], [HERE, FAR], [HERE, THERE]]
    shown = [it.describe_table(TableName=table)["Table"] for it in (here, there, far)]
    assert len({it["TableId"] for it in shown}) == 3
    assert len({it["LatestStreamArn"] for it in shown}) == 3
    assert {it["GlobalTableVersion"] for it in shown} == {"2019.11.21"}
    assert shown[0]["Replicas"][0]["ReplicaStatus"] == "ACTIVE"
    off = {"StreamEnabled": False}
    assert error_of(far.update_table, TableName=table, StreamSpecification=off) == (
        INVALID,
        "One or more parameter values were invalid: Disabling Stream is not allowed for a Global Table replica.",
    )


def test_settings_of_the_group(regions: dict[str, Any]) -> None:
    """Time to live and indexes hold everywhere; protection and tags stay in their region."""
    here, there = regions[HERE], regions[THERE]
    table = make_table(here, sort=None)
    add(here, table, THERE)
    ttl = {"Enabled": True, "AttributeName": "exp"}
    there.update_time_to_live(TableName=table, TimeToLiveSpecification=ttl)
    assert here.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    there.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "other", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index("gsi", "other")}],
    )
    here.put_item(TableName=table, Item={"pk": {"S": "a"}, "other": {"S": "x"}})
    assert here.scan(TableName=table, IndexName="gsi")["Count"] == 1
    there.update_table(TableName=table, DeletionProtectionEnabled=True)
    assert here.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"] is False
    assert error_of(remove, ddb=here, table=table, region=THERE) == (
        INVALID,
        f"Cannot delete table {table} in region {THERE} because it has deletion protection enabled. "
        "Disable deletion protection first.",
    )


def test_members_leave(regions: dict[str, Any]) -> None:
    """By a removal or by deleting their table; the source of a new replica goes last."""
    here, there = regions[HERE], regions[THERE]
    table = make_table(here, sort=None)
    add(here, table, THERE)
    assert "acted as a source region" in error_of(here.delete_table, TableName=table)[1]
    remove(here, table, THERE)
    assert members(here, table) == []
    assert error_of(there.describe_table, TableName=table)[0] == "ResourceNotFoundException"
    add(here, table, THERE)
    there.delete_table(TableName=table)
    assert members(here, table) == []
    here.put_item(TableName=table, Item={"pk": {"S": "alone"}})
    here.delete_table(TableName=table)


def test_replicas_that_are_refused(regions: dict[str, Any]) -> None:
    """Told as AWS tells it, in messages that were measured."""
    here, there = regions[HERE], regions[THERE]
    table = make_table(here, sort=None)

    def refused(*updates: dict[str, Any], **more: Any) -> str:
        code, message = error_of(here.update_table, TableName=table, ReplicaUpdates=list(updates), **more)
        assert code == INVALID
        return message

    assert refused({"Create": {"RegionName": HERE}}).startswith("Cannot add or delete the local region")
    assert refused({"Create": {"RegionName": "us-fake-1"}}).startswith("Region us-fake-1 is not supported.")
    assert refused({"Delete": {"RegionName": THERE}}) == (
        "Update global table operation failed because one or more replicas were not part of the global table. "
        f"Please retry the request without these replicas: [{THERE}]."
    )
    two = refused({"Create": {"RegionName": THERE}}, {"Create": {"RegionName": FAR}})
    assert two == "Update table operation with more than one create or delete replica actions not allowed"
    mixed = refused({"Create": {"RegionName": THERE}, "Delete": {"RegionName": THERE}})
    assert mixed == "Update table operation with more than one type of replica actions not allowed."
    assert refused({"Update": {"RegionName": THERE}}) == (
        "There are no actions specified in the Replica Update Action of the request."
    )
    there.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert "already existed as tables" in refused({"Create": {"RegionName": THERE}})
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    table = make_table(here, sort=None, BillingMode="PROVISIONED", ProvisionedThroughput=units)
    assert refused({"Create": {"RegionName": THERE}}) == (
        "Table write capacity should either be Pay-Per-Request or AutoScaled."
    )


def test_global_tables_of_2017(regions: dict[str, Any]) -> None:
    """AWS makes no new ones, so there are none."""
    here = regions[HERE]
    assert here.list_global_tables()["GlobalTables"] == []
    group = [{"RegionName": HERE}]
    refused = error_of(here.create_global_table, GlobalTableName="some", ReplicationGroup=group)
    assert refused[0] == INVALID and "version 2017.11.29 is not supported" in refused[1]
    for call in (here.describe_global_table, here.describe_global_table_settings, here.update_global_table_settings):
        assert error_of(call, GlobalTableName="some") == (
            "GlobalTableNotFoundException",
            "Global table not found: Global table with name: 'some' does not exist.",
        )


def test_auto_scaling_of_replicas(regions: dict[str, Any]) -> None:
    """Only global tables have it, and on-demand ones refuse it."""
    here = regions[HERE]
    table = make_table(here, sort=None)
    assert error_of(here.describe_table_replica_auto_scaling, TableName=table) == (
        "ResourceNotFoundException",
        f"Global table with name: '{table}' does not exist.",
    )
    add(here, table, THERE)
    shown = here.describe_table_replica_auto_scaling(TableName=table)["TableAutoScalingDescription"]
    assert [it["RegionName"] for it in shown["Replicas"]] == [HERE, THERE]
    wanted = {"MinimumUnits": 1, "MaximumUnits": 10}
    refused = error_of(
        here.update_table_replica_auto_scaling, TableName=table, ProvisionedWriteCapacityAutoScalingUpdate=wanted
    )
    assert refused[0] == INVALID and "BillingMode is PayPerRequest" in refused[1]
