"""Global tables as boto3 sees them: members added and removed, writes that reach all of them, and the refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.dynamodb import INVALID, error_of, eventually, index, make_table

HERE, THERE, FAR = "us-east-1", "eu-west-1", "us-west-2"
MODE = "ENABLED_WITH_OVERRIDES"
POLICY = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70.0}}


@pytest.fixture(scope="module")
def regions(sandbox: Any) -> dict[str, Any]:
    return {region: sandbox.client("dynamodb", region=region) for region in (HERE, THERE, FAR)}


def add(ddb: Any, table: str, region: str, **settings: Any) -> Any:
    """Adds a member; returns what AWS answers once the new one has all items."""
    update = [{"Create": {"RegionName": region, **settings}}]
    answer = ddb.update_table(TableName=table, ReplicaUpdates=update)["TableDescription"]
    eventually(lambda: ddb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    return answer


def remove(ddb: Any, table: str, region: str) -> Any:
    return ddb.update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": region}}])


def members(ddb: Any, table: str) -> list[str]:
    return [it["RegionName"] for it in ddb.describe_table(TableName=table)["Table"].get("Replicas", [])]


def test_a_replica_has_the_items_and_every_later_write(regions: dict[str, Any]) -> None:
    """Whoever writes, all members have it a moment later, through every kind of write, and in their indexes."""
    here, there = regions[HERE], regions[THERE]
    indexes = [index("gsi", "other")]
    table = make_table(here, sort=None, attributes={"other": "S"}, GlobalSecondaryIndexes=indexes)
    here.put_item(TableName=table, Item={"pk": {"S": "old"}, "other": {"S": "x"}})
    answer = add(here, table, THERE)
    assert (answer["GlobalTableSettingsReplicationMode"], answer["GlobalTableVersion"]) == (MODE, "2019.11.21")
    assert "Replicas" not in answer
    assert answer["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert there.get_item(TableName=table, Key={"pk": {"S": "old"}})["Item"] == {
        "pk": {"S": "old"},
        "other": {"S": "x"},
    }
    there.put_item(TableName=table, Item={"pk": {"S": "new"}, "other": {"S": "x"}})
    eventually(lambda: "Item" in here.get_item(TableName=table, Key={"pk": {"S": "new"}}))
    here.update_item(
        TableName=table,
        Key={"pk": {"S": "new"}},
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )
    write = {"Put": {"TableName": table, "Item": {"pk": {"S": "both"}, "other": {"S": "x"}}}}
    here.transact_write_items(TransactItems=[write])
    there.delete_item(TableName=table, Key={"pk": {"S": "old"}})

    def found(region: Any) -> list[tuple[str, str | None]]:
        items = region.scan(TableName=table, IndexName="gsi")["Items"]
        return sorted((item["pk"]["S"], item.get("n", {}).get("N")) for item in items)

    wanted = [("both", None), ("new", "1")]
    eventually(lambda: found(here) == wanted and found(there) == wanted)


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
    eventually(lambda: there.scan(TableName=table, IndexName="gsi")["Count"] == 1)
    there.update_table(TableName=table, DeletionProtectionEnabled=True)
    assert here.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"] is False
    assert error_of(remove, ddb=here, table=table, region=THERE) == (
        INVALID,
        f"Cannot delete table {table} in region {THERE} because it has deletion protection enabled. "
        "Disable deletion protection first.",
    )
    assert f"in region {THERE} because it has deletion protection" in error_of(there.delete_table, TableName=table)[1]


def test_limits_of_one_member(regions: dict[str, Any]) -> None:
    """Each tells the other's limit as an override, which goes when it is the same."""
    here, there = regions[HERE], regions[THERE]
    table = make_table(here, sort=None, OnDemandThroughput={"MaxReadRequestUnits": 100})
    first = {"OnDemandThroughputOverride": {"MaxReadRequestUnits": 70}}
    add(here, table, THERE, TableClassOverride="STANDARD_INFREQUENT_ACCESS", **first)

    def limit(units: int) -> None:
        change = {"RegionName": THERE, "OnDemandThroughputOverride": {"MaxReadRequestUnits": units}}
        here.update_table(TableName=table, ReplicaUpdates=[{"Update": change}])

    def shown() -> list[Any]:
        return [it.describe_table(TableName=table)["Table"] for it in (here, there)]

    home, far = shown()
    assert far["OnDemandThroughput"] == {"MaxReadRequestUnits": 70}
    limit(50)
    home, far = shown()
    assert far["OnDemandThroughput"] == home["Replicas"][0]["OnDemandThroughputOverride"] == {"MaxReadRequestUnits": 50}
    assert far["Replicas"][0]["OnDemandThroughputOverride"] == home["OnDemandThroughput"]
    assert far["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    limit(100)
    home, far = shown()
    assert far["OnDemandThroughput"] == home["OnDemandThroughput"]
    assert all("OnDemandThroughputOverride" not in it["Replicas"][0] for it in (home, far))
    limit(10)
    both = {"MaxReadRequestUnits": 30, "MaxWriteRequestUnits": 25}
    told = here.update_table(TableName=table, OnDemandThroughput=both)["TableDescription"]
    assert (told["TableStatus"], told["OnDemandThroughput"]) == ("UPDATING", {"MaxReadRequestUnits": 100})
    assert [it["OnDemandThroughput"] for it in shown()] == [both, both]
    assert all("OnDemandThroughputOverride" not in it["Replicas"][0] for it in shown())


def test_limits_of_one_members_index(regions: dict[str, Any]) -> None:
    """As the table's, each tells the other's; the reply to the change tells nothing of them."""
    here, there = regions[HERE], regions[THERE]
    limited = {**index("gsi", "g"), "OnDemandThroughput": {"MaxReadRequestUnits": 3, "MaxWriteRequestUnits": 3}}
    table = make_table(here, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[limited])
    add(here, table, THERE)
    change = {"IndexName": "gsi", "OnDemandThroughputOverride": {"MaxReadRequestUnits": 5}}
    update = {"Update": {"RegionName": THERE, "GlobalSecondaryIndexes": [change]}}
    told = here.update_table(TableName=table, ReplicaUpdates=[update])["TableDescription"]["Replicas"][0]
    assert told == {"RegionName": THERE, "ReplicaStatus": "ACTIVE", "GlobalTableSettingsReplicationMode": MODE}
    home, far = (it.describe_table(TableName=table)["Table"] for it in (here, there))
    own = far["GlobalSecondaryIndexes"][0]["OnDemandThroughput"]
    assert own == {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 3}
    seen = [it["Replicas"][0]["GlobalSecondaryIndexes"][0]["OnDemandThroughputOverride"] for it in (home, far)]
    assert seen == [{"MaxReadRequestUnits": 5}, {"MaxReadRequestUnits": 3}]
    unknown = {"Update": {"RegionName": THERE, "GlobalSecondaryIndexes": [{**change, "IndexName": "none"}]}}
    assert error_of(here.update_table, TableName=table, ReplicaUpdates=[unknown])[0] == "ResourceNotFoundException"


def test_what_a_new_member_has_of_its_own(regions: dict[str, Any]) -> None:
    """The standard class, unless another is asked for, and the day on which it became on demand."""
    here, there = regions[HERE], regions[THERE]
    table = make_table(here, sort=None, TableClass="STANDARD_INFREQUENT_ACCESS")
    add(here, table, THERE)
    home, far = (it.describe_table(TableName=table)["Table"] for it in (here, there))
    assert "TableClassSummary" not in far and "ReplicaTableClassSummary" not in home["Replicas"][0]
    assert far["Replicas"][0]["ReplicaTableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    moment = far["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"]
    assert moment == far["CreationDateTime"] >= home["CreationDateTime"]
    change = {"RegionName": THERE, "TableClassOverride": "STANDARD_INFREQUENT_ACCESS"}
    here.update_table(TableName=table, ReplicaUpdates=[{"Update": change}])
    summary = here.describe_table(TableName=table)["Table"]["Replicas"][0]["ReplicaTableClassSummary"]
    assert summary["TableClass"] == "STANDARD_INFREQUENT_ACCESS" and "LastUpdateDateTime" in summary


def test_a_group_takes_its_time(regions: dict[str, Any]) -> None:
    """Where a table alone is protected at once, that of a group is being updated, and told as it was."""
    table = make_table(regions[HERE], sort=None)
    add(regions[HERE], table, THERE)
    told = regions[HERE].update_table(TableName=table, DeletionProtectionEnabled=True)["TableDescription"]
    assert (told["TableStatus"], told["DeletionProtectionEnabled"]) == ("UPDATING", False)
    assert regions[HERE].describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"]
    assert not regions[THERE].describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"]


@pytest.mark.parametrize("more", [{"DeletionProtectionEnabled": True}, {"TableClass": "STANDARD"}])
def test_replicas_are_changed_alone(regions: dict[str, Any], more: dict[str, Any]) -> None:
    """This is told before the table is looked for."""
    updates = [{"Create": {"RegionName": THERE}}]
    assert error_of(regions[HERE].update_table, TableName="nowhere", ReplicaUpdates=updates, **more) == (
        INVALID,
        "One or more parameter values were invalid: Replica modification must be the only operation in the request",
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
    gone = there.delete_table(TableName=table)["TableDescription"]
    assert (gone["TableStatus"], gone["Replicas"][0]["RegionName"]) == ("DELETING", HERE)
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
    assert refused({"Delete": {"RegionName": ""}}).startswith("Region  is not supported.")
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


def test_a_region_that_is_none_breaks_the_list(sandbox: Any) -> None:
    """AWS answers it with an error of its own; a region of another partition has no global tables."""
    ddb = sandbox.client("dynamodb", retries={"max_attempts": 0})
    assert ddb.list_global_tables(RegionName="cn-north-1")["GlobalTables"] == []
    with pytest.raises(ClientError) as caught:
        ddb.list_global_tables(RegionName="us-fake-9")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_global_tables_of_2017(regions: dict[str, Any]) -> None:
    """AWS makes no new ones, so there are none; those of 2019 are not among them."""
    here = regions[HERE]
    newer = make_table(here, sort=None)
    add(here, newer, THERE)
    removal = {"GlobalTableName": newer, "ReplicaUpdates": [{"Delete": {"RegionName": THERE}}]}
    assert error_of(here.update_global_table, **removal)[0] == "GlobalTableNotFoundException"
    assert error_of(here.describe_global_table, GlobalTableName=newer)[0] == "GlobalTableNotFoundException"
    assert here.list_global_tables()["GlobalTables"] == []
    group = [{"RegionName": HERE}]
    refused = error_of(here.create_global_table, GlobalTableName="some", ReplicationGroup=group)
    assert refused[0] == INVALID and "version 2017.11.29 is not supported" in refused[1]
    code, missing = "GlobalTableNotFoundException", "Global table with name: 'some' does not exist."
    assert error_of(here.describe_global_table, GlobalTableName="some") == (code, f"Global table not found: {missing}")
    for call in (here.describe_global_table_settings, here.update_global_table_settings):
        assert error_of(call, GlobalTableName="some") == (code, missing)


def test_what_is_wrong_with_a_request_of_2017(sandbox: Any) -> None:
    """As measured; a layer behind judges the regions, by other names of the members, and the outer one the rest."""
    ddb = sandbox.client("dynamodb", parameter_validation=False)
    bare = "One or more parameter values were invalid"

    def told(operation: str, **params: Any) -> str:
        code, message = error_of(getattr(ddb, operation), **params)
        assert code == INVALID
        return message

    some = {"GlobalTableName": "some"}
    assert told("create_global_table") == told("create_global_table", **some) == bare
    assert told("create_global_table", GlobalTableName="x", ReplicationGroup=[]) == (
        "TableName must be at least 3 characters long and at most 255 characters long"
    )
    assert told("create_global_table", **some, ReplicationGroup=[]).endswith("must have atleast one replica")
    assert told("create_global_table", **some, ReplicationGroup=[{}]) == (
        f"{bare}: 1 validation error detected: Value null at 'replicationGroup.1.member.regionName' failed to satisfy "
        "constraint: Member must not be null"
    )
    wrong = told("create_global_table", **some, ReplicationGroup=[{"RegionName": "bad-region"}])
    assert wrong.startswith(
        f"{bare}: 1 validation error detected: Value 'bad-region' at 'replicationGroup.1.member.regionName' failed to "
        "satisfy constraint: Member must satisfy enum value set: [ap-east-2, sa-east-1, us-gov-west-1, "
    )
    adding = told("update_global_table", **some, ReplicaUpdates=[{"Create": {"RegionName": "bad-region"}}])
    assert adding == wrong.replace("replicationGroup", "replicasToAdd")
    assert told("update_global_table", GlobalTableName="x", ReplicaUpdates=[]) == (
        "1 validation error detected: Value 'x' at 'globalTableName' failed to satisfy constraint: Member must have "
        "length greater than or equal to 3"
    )
    assert told("update_global_table", **some, ReplicaUpdates=[]) == bare
    assert told("update_global_table", **some, ReplicaUpdates=[{}]) == bare
    both = {"Create": {"RegionName": HERE}, "Delete": {"RegionName": THERE}}
    assert "both a create replica action and a delete" in told("update_global_table", **some, ReplicaUpdates=[both])


def test_auto_scaling_of_replicas(regions: dict[str, Any]) -> None:
    """Only global tables have it, and on-demand ones refuse it."""
    here = regions[HERE]
    table = make_table(here, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    assert error_of(here.describe_table_replica_auto_scaling, TableName=table) == (
        "ResourceNotFoundException",
        f"Global table with name: '{table}' does not exist.",
    )
    add(here, table, THERE)
    shown = here.describe_table_replica_auto_scaling(TableName=table)["TableAutoScalingDescription"]
    assert [it["RegionName"] for it in shown["Replicas"]] == [THERE, HERE]
    off = {"AutoScalingDisabled": True, "ScalingPolicies": []}
    assert shown["Replicas"][0]["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "gsi",
            "IndexStatus": "ACTIVE",
            "ProvisionedReadCapacityAutoScalingSettings": off,
            "ProvisionedWriteCapacityAutoScalingSettings": off,
        }
    ]
    assert shown["Replicas"][0]["ReplicaProvisionedReadCapacityAutoScalingSettings"] == off
    wanted = {"MinimumUnits": 1, "MaximumUnits": 10, "ScalingPolicyUpdate": POLICY}
    refused = error_of(
        here.update_table_replica_auto_scaling, TableName=table, ProvisionedWriteCapacityAutoScalingUpdate=wanted
    )
    assert refused[0] == INVALID and "BillingMode is PayPerRequest" in refused[1]
    failed = f"Failed to update settings for global table with name: ‘{table}’ because"
    for updates, reason in (
        ({}, "at least one update parameter must be specified."),
        ({"ReplicaUpdates": [{"RegionName": HERE}] * 2}, f"the regions: ‘[{HERE}]’ were specified more than once."),
        (
            {"ReplicaUpdates": [{"RegionName": THERE}]},
            f"at least one update parameter must be specified for region: ‘{THERE}’.",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{"IndexName": "gsi"}]},
            "at least one update parameter must be specified for global secondary index with name: ‘gsi’.",
        ),
    ):
        told = error_of(here.update_table_replica_auto_scaling, TableName=table, **updates)
        assert told == (INVALID, f"{failed} {reason}")
    whole = {"ProvisionedWriteCapacityAutoScalingUpdate": wanted}
    reads = [{"IndexName": "no-index", "ProvisionedReadCapacityAutoScalingUpdate": wanted}]
    read = {"ReplicaGlobalSecondaryIndexUpdates": reads}
    for updates, reason in (
        (
            {"GlobalSecondaryIndexUpdates": [{"IndexName": "no-index", **whole}]},
            "the global secondary indexes with names: ‘[no-index]’ do not exist.",
        ),
        (
            {"ReplicaUpdates": [{"RegionName": "ap-south-1", **read}]},
            "a replica does not exist in regions: ‘[ap-south-1]’.",
        ),
        (
            {"ReplicaUpdates": [{"RegionName": THERE, **read}]},
            f"a global secondary index with name: ‘no-index’ does not exist in region: ‘{THERE}’.",
        ),
    ):
        told = error_of(here.update_table_replica_auto_scaling, TableName=table, **updates)
        assert told == ("ResourceNotFoundException", f"{failed} {reason}")
    with pytest.raises(ClientError, match="InternalServerError"):
        here.update_table_replica_auto_scaling(TableName=table, GlobalSecondaryIndexUpdates=[{}])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"MinimumUnits": 2, "MaximumUnits": 6}, "Parameters 'ScalingPolicyUpdate' are required unless"),
        ({"ScalingPolicyUpdate": POLICY}, "Parameters 'MaximumUnits', 'MinimumUnits' are required unless"),
        ({}, "Parameters 'MaximumUnits', 'ScalingPolicyUpdate', 'MinimumUnits' are required unless"),
        (
            {"AutoScalingDisabled": True, "MinimumUnits": 2, "MaximumUnits": 6},
            "Parameters 'MaximumUnits', 'MinimumUnits' must be left blank when",
        ),
    ],
)
def test_auto_scaling_is_set_as_a_whole(regions: dict[str, Any], settings: dict[str, Any], reason: str) -> None:
    """As recorded in September 2026: this is told before the table is looked for."""
    by_index = [{"IndexName": "gsi", "ProvisionedReadCapacityAutoScalingUpdate": settings}]
    by_region: list[dict[str, Any]] = [
        {"ReplicaProvisionedReadCapacityAutoScalingUpdate": settings},
        {"ReplicaGlobalSecondaryIndexUpdates": by_index},
    ]
    for updates in (
        {"ProvisionedWriteCapacityAutoScalingUpdate": settings},
        *({"ReplicaUpdates": [{"RegionName": HERE, **update}]} for update in by_region),
    ):
        told = error_of(regions[HERE].update_table_replica_auto_scaling, TableName="nowhere", **updates)
        colon, rest = ("", "disabling") if "AutoScalingDisabled" in settings else (":", "auto scaling is being")
        failed = f"Failed to update settings for global table with name{colon} ‘nowhere’"
        assert told[0] == INVALID and told[1].startswith(f"{failed}: {reason} {rest}")
    whole = {"MinimumUnits": 2, "MaximumUnits": 6, "ScalingPolicyUpdate": POLICY}
    absent = error_of(
        regions[HERE].update_table_replica_auto_scaling,
        TableName="nowhere",
        ProvisionedWriteCapacityAutoScalingUpdate=whole,
    )
    assert absent == ("ResourceNotFoundException", "Global table with name: 'nowhere' does not exist.")


def test_the_mode_of_settings_without_replicas(regions: dict[str, Any]) -> None:
    """A table of one region shows what it was given, and knows nothing of overrides."""
    here, key = regions[HERE], "GlobalTableSettingsReplicationMode"
    table = make_table(here, sort=None)
    assert key not in here.describe_table(TableName=table)["Table"]
    made = make_table(here, sort=None, **{key: "DISABLED"})
    assert here.describe_table(TableName=made)["Table"][key] == "DISABLED"
    for mode in ("ENABLED", "DISABLED"):
        here.update_table(TableName=table, **{key: mode})
        assert here.describe_table(TableName=table)["Table"][key] == mode
    assert error_of(here.update_table, TableName=table, **{key: "ENABLED_WITH_OVERRIDES"}) == (
        INVALID,
        f"Value 'ENABLED_WITH_OVERRIDES' at '{key}' failed to satisfy constraint: "
        "Only ENABLED and DISABLED settings replication are supported for a Regional Table.",
    )


EAST, WEST = "us-east-2", "us-west-2"
STRONG = "for global tables with MultiRegionConsistency set to STRONG"
ONE_ONLY = f"Deletion of only one table replica is not supported {STRONG}."


def strengthen(ddb: Any, table: str, *regions: str, witness: str | None = None) -> Any:
    """Makes a table the first member of a strongly consistent group."""
    more = {} if witness is None else {"GlobalTableWitnessUpdates": [{"Create": {"RegionName": witness}}]}
    updates = [{"Create": {"RegionName": region}} for region in regions]
    return ddb.update_table(TableName=table, ReplicaUpdates=updates, MultiRegionConsistency="STRONG", **more)


def test_a_strong_group_of_three(sandbox: Any, regions: dict[str, Any]) -> None:
    """Made in one request; members have no stream unless they ask for one; every member reads what any wrote."""
    here, east = regions[HERE], sandbox.client("dynamodb", region=EAST)
    table = make_table(here, sort=None)
    strengthen(here, table, EAST, WEST)
    for client in (here, east, regions[WEST]):
        found = client.describe_table(TableName=table)["Table"]
        assert found["MultiRegionConsistency"] == "STRONG" and len(found["Replicas"]) == 2
        assert "LatestStreamArn" not in found and "GlobalTableWitnesses" not in found
    east.put_item(TableName=table, Item={"pk": {"S": "a"}}, ConditionExpression="attribute_not_exists(pk)")
    assert here.get_item(TableName=table, Key={"pk": {"S": "a"}}, ConsistentRead=True)["Item"] == {"pk": {"S": "a"}}
    again = {"Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)"}
    assert error_of(regions[WEST].put_item, TableName=table, **again)[0] == "ConditionalCheckFailedException"


def test_a_strong_group_with_a_witness(sandbox: Any, regions: dict[str, Any]) -> None:
    """A witness is described and holds no table; it goes together with the replica, and one table is left."""
    here = regions[HERE]
    table = make_table(here, sort=None)
    strengthen(here, table, EAST, witness=WEST)
    found = here.describe_table(TableName=table)["Table"]
    assert found["GlobalTableWitnesses"] == [{"RegionName": WEST, "WitnessStatus": "ACTIVE"}]
    assert members(here, table) == [EAST]
    assert error_of(regions[WEST].describe_table, TableName=table)[0] == "ResourceNotFoundException"
    code, message = error_of(here.update_table, TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": EAST}}])
    assert (code, message) == (INVALID, "Update table delete operation does not include all witnesses.")
    assert error_of(here.delete_table, TableName=table) == (INVALID, ONE_ONLY)
    wrong = {"GlobalTableWitnessUpdates": [{"Delete": {"RegionName": THERE}}]}
    deletion = [{"Delete": {"RegionName": EAST}}]
    assert error_of(here.update_table, TableName=table, ReplicaUpdates=deletion, **wrong)[1] == (
        "Update global table operation failed because one or more witnesses were not part of the global table. "
        f"Please retry the request without these witnesses: [{THERE}]."
    )
    strong = {"ReplicaUpdates": deletion, "MultiRegionConsistency": "STRONG"}
    assert error_of(here.update_table, TableName=table, **strong)[1] == (
        "Only Replica Create actions are supported when MultiRegionConsistency parameter is provided."
    )
    here.update_table(
        TableName=table,
        ReplicaUpdates=[{"Delete": {"RegionName": EAST}}],
        GlobalTableWitnessUpdates=[{"Delete": {"RegionName": WEST}}],
    )
    found = here.describe_table(TableName=table)["Table"]
    assert not {"Replicas", "GlobalTableWitnesses", "MultiRegionConsistency"} & found.keys()
    here.delete_table(TableName=table)


def test_what_strong_groups_cannot_be(regions: dict[str, Any]) -> None:
    """DYNAMODB-010: the words about what a request asks for were measured; those about its table are ours."""
    here = regions[HERE]

    def refused(table: str, *added: str, **more: Any) -> str:
        code, message = error_of(
            here.update_table,
            **{
                "TableName": table,
                "ReplicaUpdates": [{"Create": {"RegionName": region}} for region in added],
                "MultiRegionConsistency": "STRONG",
            }
            | more,
        )
        assert code == INVALID and members(here, table) == []
        return message

    table = make_table(here, sort=None)
    count = f"Unsupported replica count {STRONG}."

    def witness(region: str) -> dict[str, Any]:
        return {"GlobalTableWitnessUpdates": [{"Create": {"RegionName": region}}]}

    assert refused(table, EAST) == refused(table, EAST, WEST, **witness(WEST)) == count
    assert refused(table, EAST, WEST, "us-west-1") == count
    region = f"Unsupported Region(s) specified {STRONG}: [us-west-1]."
    assert refused(table, EAST, "us-west-1") == refused(table, EAST, **witness("us-west-1")) == region
    assert refused(table, EAST, MultiRegionConsistency="EVENTUAL", **witness(WEST)) == (
        "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present."
    )
    assert refused(table, EAST, **witness(EAST)) == "Cannot target multiple regions with the same action"
    assert refused(table, EAST, **witness(HERE)) == (
        "Cannot add a witness in the same region as an existing replica when creating a global table with "
        "MultiRegionConsistency set to STRONG."
    )
    two = [{"Create": {"RegionName": WEST}, "Delete": {"RegionName": WEST}}]
    assert "exactly one witness" in refused(table, EAST, GlobalTableWitnessUpdates=two)
    deletion = [{"Delete": {"RegionName": WEST}}]
    assert "together with a replica" in refused(table, EAST, GlobalTableWitnessUpdates=deletion)
    here.put_item(TableName=table, Item={"pk": {"S": "a"}})
    assert "that is empty" in refused(table, EAST, WEST)
    local = make_table(here, LocalSecondaryIndexes=[index("local", "pk", "other")], attributes={"other": "S"})
    assert "Local secondary indexes" in refused(local, EAST, WEST)
    expiring = make_table(here, sort=None)
    here.update_time_to_live(TableName=expiring, TimeToLiveSpecification={"Enabled": True, "AttributeName": "t"})
    assert "Time to live" in refused(expiring, EAST, WEST)


def test_what_members_of_strong_groups_refuse(regions: dict[str, Any]) -> None:
    """Transactions of all kinds, time to live, further members, and to stand alone."""
    here = regions[HERE]
    table = make_table(here, sort=None)
    strengthen(here, table, EAST, WEST)
    put = {"Put": {"TableName": table, "Item": {"pk": {"S": "a"}}}}
    get = {"Get": {"TableName": table, "Key": {"pk": {"S": "a"}}}}
    words = "Transactions are not supported"
    assert words in error_of(here.transact_write_items, TransactItems=[put])[1]
    assert words in error_of(here.transact_get_items, TransactItems=[get])[1]
    statement = {"Statement": f"""INSERT INTO "{table}" VALUE {{'pk': 'a'}}"""}
    assert words in error_of(here.execute_transaction, TransactStatements=[statement])[1]
    expiry = {"Enabled": True, "AttributeName": "t"}
    assert "Time to live" in error_of(here.update_time_to_live, TableName=table, TimeToLiveSpecification=expiry)[1]
    another = {"Create": {"RegionName": THERE}}
    assert error_of(here.update_table, TableName=table, ReplicaUpdates=[another])[1] == (
        "Cannot add replicas to a global table with strong MultiRegionConsistency"
    )
    again = {"ReplicaUpdates": [another], "MultiRegionConsistency": "EVENTUAL"}
    assert error_of(here.update_table, TableName=table, **again)[1] == (
        "MultiRegionConsistency parameter is unsupported on existing global table"
    )
    one = [{"Delete": {"RegionName": EAST}}]
    assert error_of(here.update_table, TableName=table, ReplicaUpdates=one) == (INVALID, ONE_ONLY)
    alone = {"Disassociate": {"RegionName": HERE, "DisassociationMode": "WAIT_FOR_REPLICATION"}}
    assert "cannot be disassociated" in error_of(here.update_table, TableName=table, ReplicaUpdates=[alone])[1]


def test_a_replica_stands_alone_again(regions: dict[str, Any]) -> None:
    """Disassociation needs its protection off; the table keeps its items and no longer follows the others."""
    here, there = regions[HERE], regions[THERE]
    table = make_table(here, sort=None)
    add(here, table, THERE)
    here.put_item(TableName=table, Item={"pk": {"S": "before"}})
    alone = [{"Disassociate": {"RegionName": THERE, "DisassociationMode": "WAIT_FOR_REPLICATION"}}]
    assert "Only the local replica" in error_of(here.update_table, TableName=table, ReplicaUpdates=alone)[1]
    assert "protection enabled" in error_of(there.update_table, TableName=table, ReplicaUpdates=alone)[1]
    there.update_table(TableName=table, DisassociationProtectionEnabled=False)
    assert there.describe_table(TableName=table)["Table"]["DisassociationProtectionEnabled"] is False
    there.update_table(TableName=table, ReplicaUpdates=alone)
    eventually(lambda: members(here, table) == members(there, table) == [])
    here.put_item(TableName=table, Item={"pk": {"S": "after"}})
    assert [it["pk"]["S"] for it in there.scan(TableName=table)["Items"]] == ["before"]
    assert "not a replica" in error_of(there.update_table, TableName=table, ReplicaUpdates=alone)[1]
    lone = {"TableName": table, "DisassociationProtectionEnabled": True}
    assert "replicas of eventually consistent" in error_of(there.update_table, **lone)[1]


def test_groups_in_templates(sandbox: Any, regions: dict[str, Any]) -> None:
    """A stack adds and removes replicas, makes strong groups at once, and goes though members came of it."""
    stacks, here = sandbox.client("cloudformation"), regions[HERE]

    def deploy(change: str, name: str, *others: str, **more: Any) -> None:
        properties = {
            "TableName": name,
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "Replicas": [{"Region": region} for region in (HERE, *others)],
            **more,
        }
        template = {"Resources": {"T": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}}}
        getattr(stacks, f"{change}_stack")(StackName=name, TemplateBody=json.dumps(template))
        stacks.get_waiter(f"stack_{change}_complete").wait(StackName=name, WaiterConfig={"Delay": 0.05})

    def drop(name: str) -> None:
        stacks.delete_stack(StackName=name)
        stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 0.05})
        assert error_of(here.describe_table, TableName=name)[0] == "ResourceNotFoundException"

    deploy("create", "eventual-group", THERE)
    deploy("update", "eventual-group", FAR)
    assert members(here, "eventual-group") == [FAR]
    drop("eventual-group")
    deploy("create", "strong-group", EAST, MultiRegionConsistency="STRONG", GlobalTableWitnesses=[{"Region": WEST}])
    assert here.describe_table(TableName="strong-group")["Table"]["GlobalTableWitnesses"][0]["RegionName"] == WEST
    drop("strong-group")
    assert error_of(sandbox.client("dynamodb", region=EAST).describe_table, TableName="strong-group")[0] == (
        "ResourceNotFoundException"
    )
