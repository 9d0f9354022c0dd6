"""Global tables with provisioned capacity, whose auto scaling is Application Auto Scaling's, in each region."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Sandbox
from tests.contract.dynamodb import INVALID, error_of, eventually, index, make_table
from tests.streams import asking, shards_of

HERE, THERE = "us-east-1", "us-east-2"
GSI = "by-g"


@pytest.fixture(scope="module")
def regions(sandbox: Sandbox) -> dict[str, Any]:
    return {region: sandbox.client("dynamodb", region=region) for region in (HERE, THERE)}


@pytest.fixture(scope="module")
def autoscaling(sandbox: Sandbox) -> dict[str, Any]:
    return {region: sandbox.client("application-autoscaling", region=region) for region in (HERE, THERE)}


def units(reads: int, writes: int) -> dict[str, int]:
    return {"ReadCapacityUnits": reads, "WriteCapacityUnits": writes}


def provisioned(ddb: Any) -> str:
    indexes = [{**index(GSI, "g"), "ProvisionedThroughput": units(3, 2)}]
    return make_table(
        ddb,
        sort=None,
        attributes={"g": "S"},
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units(2, 2),
        GlobalSecondaryIndexes=indexes,
    )


def add(ddb: Any, table: str) -> None:
    ddb.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    settle(ddb, table)


def settle(ddb: Any, table: str) -> None:
    eventually(lambda: ddb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")


def scale(autoscaling: Any, table: str, name: str | None = None, kind: str = "Write", **policy: Any) -> None:
    """A target, and with a policy's settings the policy, too."""
    where = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": f"table/{table}" if name is None else f"table/{table}/index/{name}",
        "ScalableDimension": f"dynamodb:{'table' if name is None else 'index'}:{kind}CapacityUnits",
    }
    if not policy:
        autoscaling.register_scalable_target(**where, MinCapacity=1, MaxCapacity=12)
        return
    metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": f"DynamoDB{kind}CapacityUtilization"}}
    autoscaling.put_scaling_policy(
        **where,
        PolicyName="own",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**metric, **policy},
    )


def scaled(regions: dict[str, Any], autoscaling: dict[str, Any]) -> str:
    """A provisioned table of both regions."""
    table = provisioned(regions[HERE])
    for name in (None, GSI):
        scale(autoscaling[HERE], table, name)
        scale(autoscaling[HERE], table, name, TargetValue=50.0, DisableScaleIn=True)
    add(regions[HERE], table)
    return table


def settings(ddb: Any, table: str) -> dict[str, dict[str, Any]]:
    """What is told of each region and dimension, by short names."""
    told = ddb.describe_table_replica_auto_scaling(TableName=table)["TableAutoScalingDescription"]
    found = {}
    for replica in told["Replicas"]:
        (gsi,) = replica["GlobalSecondaryIndexes"]
        found[replica["RegionName"]] = {
            f"{owner}-{kind}": part[f"{prefix}Provisioned{kind}CapacityAutoScalingSettings"]
            for owner, part, prefix in (("table", replica, "Replica"), ("gsi", gsi, ""))
            for kind in ("Read", "Write")
        }
    return found


def capacity(ddb: Any, table: str) -> list[tuple[int, int]]:
    """Reads and writes of the table and of its index."""
    told = ddb.describe_table(TableName=table)["Table"]
    parts = [it["ProvisionedThroughput"] for it in (told, *told["GlobalSecondaryIndexes"])]
    return [(it["ReadCapacityUnits"], it["WriteCapacityUnits"]) for it in parts]


def wanted(low: int, high: int, target: float = 60.0, **more: Any) -> dict[str, Any]:
    policy = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": target}, **more}
    return {"MinimumUnits": low, "MaximumUnits": high, "ScalingPolicyUpdate": policy}


OFF = {"AutoScalingDisabled": True, "ScalingPolicies": []}


def test_what_a_provisioned_table_needs_for_replicas(regions: dict[str, Any], autoscaling: dict[str, Any]) -> None:
    """Targets with policies for the writes of the table and of its indexes; the new member gets the like."""
    here, table = regions[HERE], provisioned(regions[HERE])
    create = [{"Create": {"RegionName": THERE}}]
    own = autoscaling[HERE]
    steps: list[tuple[str, Any]] = [
        ("Table", lambda: scale(own, table)),
        ("Table", lambda: scale(own, table, TargetValue=50.0, DisableScaleIn=True)),
        ("GSI", lambda: scale(own, table, GSI)),
        ("GSI", lambda: scale(own, table, GSI, TargetValue=50.0)),
    ]
    for what, step in steps:
        assert error_of(here.update_table, TableName=table, ReplicaUpdates=create) == (
            INVALID,
            f"{what} write capacity should either be Pay-Per-Request or AutoScaled.",
        )
        step()
    add(here, table)
    assert capacity(regions[THERE], table) == capacity(here, table) == [(2, 2), (3, 2)]
    told = settings(here, table)
    assert told[HERE] == told[THERE]
    account = here.describe_table(TableName=table)["Table"]["TableArn"].split(":")[4]
    assert told[THERE]["table-Write"] == {
        "MinimumUnits": 1,
        "MaximumUnits": 12,
        "AutoScalingRoleArn": f"arn:aws:iam::{account}:role/aws-service-role/dynamodb.application-autoscaling.amazonaws"
        ".com/AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        "ScalingPolicies": [
            {
                "PolicyName": "own",
                "TargetTrackingScalingPolicyConfiguration": {"DisableScaleIn": True, "TargetValue": 50.0},
            }
        ],
    }
    assert told[THERE]["table-Read"] == told[THERE]["gsi-Read"] == OFF


def test_units_of_the_group_and_of_one_member(regions: dict[str, Any], autoscaling: dict[str, Any]) -> None:
    """A member can have reads of its own, until the table's are set again, for everyone."""
    here, there = regions[HERE], regions[THERE]
    table = scaled(regions, autoscaling)
    reads = {"ProvisionedThroughputOverride": {"ReadCapacityUnits": 5}}
    more = {"IndexName": GSI, "ProvisionedThroughputOverride": {"ReadCapacityUnits": 6}}
    update = {"RegionName": THERE, **reads, "GlobalSecondaryIndexes": [more]}
    here.update_table(TableName=table, ReplicaUpdates=[{"Update": update}])
    assert (capacity(here, table), capacity(there, table)) == ([(2, 2), (3, 2)], [(5, 2), (6, 2)])
    (seen,) = here.describe_table(TableName=table)["Table"]["Replicas"]
    assert seen["ProvisionedThroughputOverride"] == {"ReadCapacityUnits": 5}
    assert seen["GlobalSecondaryIndexes"][0]["ProvisionedThroughputOverride"] == {"ReadCapacityUnits": 6}
    here.update_table(TableName=table, ProvisionedThroughput=units(2, 3))
    assert (capacity(here, table)[0], capacity(there, table)[0]) == ((2, 3), (2, 3))
    there.update_table(
        TableName=table,
        ReplicaUpdates=[{"Update": {"RegionName": HERE, "ProvisionedThroughputOverride": {"ReadCapacityUnits": 4}}}],
    )
    there.update_table(TableName=table, ProvisionedThroughput=units(4, 3))
    assert (capacity(here, table)[0], capacity(there, table)[0]) == ((4, 3), (4, 3))


def test_more_reads_of_one_member_split_its_shards(
    sandbox: Sandbox, regions: dict[str, Any], autoscaling: dict[str, Any]
) -> None:
    """A partition for each 3000 reads: the member's stream has two shards then, the other's has one still."""
    table = scaled(regions, autoscaling)
    update = {"RegionName": THERE, "ProvisionedThroughputOverride": {"ReadCapacityUnits": 3001}}
    regions[HERE].update_table(TableName=table, ReplicaUpdates=[{"Update": update}])
    counts = {}
    for region, ddb in regions.items():
        ask = asking(sandbox.client("dynamodbstreams", region=region))
        shards = shards_of(ask, ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"])
        counts[region] = sum("EndingSequenceNumber" not in it["SequenceNumberRange"] for it in shards)
    assert counts == {HERE: 1, THERE: 2}


def test_settings_are_changed_in_all_regions(regions: dict[str, Any], autoscaling: dict[str, Any]) -> None:
    """Writes everywhere, reads where it is said; the answer is what was; what is switched off is gone.
    APPAUTOSCALING-001: the units stay."""
    here, there = regions[HERE], regions[THERE]
    table = scaled(regions, autoscaling)
    before = settings(here, table)
    answer = there.update_table_replica_auto_scaling(
        TableName=table,
        ProvisionedWriteCapacityAutoScalingUpdate=wanted(2, 6),
        GlobalSecondaryIndexUpdates=[
            {"IndexName": GSI, "ProvisionedWriteCapacityAutoScalingUpdate": wanted(3, 7, PolicyName="mine")}
        ],
        ReplicaUpdates=[
            {"RegionName": THERE, "ReplicaProvisionedReadCapacityAutoScalingUpdate": wanted(4, 8)},
        ],
    )
    assert len(answer["TableAutoScalingDescription"]["Replicas"]) == 2
    assert (
        answer["TableAutoScalingDescription"]["Replicas"][0]["ReplicaProvisionedWriteCapacityAutoScalingSettings"]
        == before[HERE]["table-Write"]
    )
    after = settings(here, table)
    for region in (HERE, THERE):
        write = after[region]["table-Write"]
        assert (write["MinimumUnits"], write["MaximumUnits"]) == (2, 6)
        assert write["ScalingPolicies"] == [
            {
                "PolicyName": f"DynamoDBWriteCapacityUtilization:table/{table}",
                "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 60.0},
            }
        ]
        assert [it["PolicyName"] for it in after[region]["gsi-Write"]["ScalingPolicies"]] == ["mine"]
    assert after[HERE]["table-Read"] == OFF and after[THERE]["table-Read"]["MinimumUnits"] == 4
    (target,) = autoscaling[THERE].describe_scalable_targets(
        ServiceNamespace="dynamodb",
        ResourceIds=[f"table/{table}"],
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (4, 8)
    assert capacity(there, table)[0] == (2, 2)
    off = {"ReplicaProvisionedReadCapacityAutoScalingUpdate": {"AutoScalingDisabled": True}}
    here.update_table_replica_auto_scaling(TableName=table, ReplicaUpdates=[{"RegionName": THERE, **off}])
    assert settings(here, table)[THERE]["table-Read"] == OFF


def test_settings_that_application_auto_scaling_refuses(regions: dict[str, Any], autoscaling: dict[str, Any]) -> None:
    """In its words, with its marks."""
    here, table = regions[HERE], scaled(regions, autoscaling)
    for change, why in (
        (wanted(9, 8), "Maximum capacity cannot be less than minimum capacity"),
        (
            wanted(1, 2, 90.1),
            "For predefined metric type DynamoDBWriteCapacityUtilization, target value must be between '10.0' and "
            "'90.0', but was '90.1'.",
        ),
    ):
        code, message = error_of(
            here.update_table_replica_auto_scaling,
            TableName=table,
            ProvisionedWriteCapacityAutoScalingUpdate=change,
        )
        assert code == INVALID and message.startswith(
            f"{why} (Service: AWSApplicationAutoScaling; Status Code: 400; Error Code: ValidationException; "
        )


def test_a_group_turns_to_provisioned_capacity_and_back(regions: dict[str, Any]) -> None:
    """It then scales as AWS chooses, in all regions; on demand the settings stay, and can only be switched off."""
    here = regions[HERE]
    table = make_table(here, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index(GSI, "g")])
    add(here, table)
    assert all(it == OFF for region in settings(here, table).values() for it in region.values())
    of_index = {"Update": {"IndexName": GSI, "ProvisionedThroughput": units(2, 2)}}
    here.update_table(
        TableName=table,
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units(2, 2),
        GlobalSecondaryIndexUpdates=[of_index],
    )
    assert capacity(regions[THERE], table) == [(2, 2), (2, 2)]
    told = settings(here, table)
    assert told[HERE] == told[THERE]
    for name, it in told[THERE].items():
        assert (it["MinimumUnits"], it["MaximumUnits"]) == (2, 40_000) and "AutoScalingDisabled" not in it
        (policy,) = it["ScalingPolicies"]
        resource = f"table/{table}" + (f"/index/{GSI}" if name.startswith("gsi") else "")
        assert policy["PolicyName"] == f"DynamoDB{name.partition('-')[2]}CapacityUtilization:{resource}"
        assert policy["TargetTrackingScalingPolicyConfiguration"] == {"TargetValue": 70.0}
    here.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    kept = settings(here, table)[THERE]["table-Write"]
    assert kept == told[THERE]["table-Write"] | {"AutoScalingDisabled": True}
    code, message = error_of(
        here.update_table_replica_auto_scaling,
        TableName=table,
        ProvisionedWriteCapacityAutoScalingUpdate=wanted(1, 2),
    )
    assert code == INVALID and "BillingMode is PayPerRequest" in message
    off = {"AutoScalingDisabled": True}
    here.update_table_replica_auto_scaling(TableName=table, ProvisionedWriteCapacityAutoScalingUpdate=off)
    assert settings(here, table)[THERE]["table-Write"] == OFF
