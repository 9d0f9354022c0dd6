"""Tables of stacks: what templates say of them beyond CreateTable, at first and when it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError
from tests.contract.dynamodb import error_of, index

RARELY_READ = "STANDARD_INFREQUENT_ACCESS"
ROOT = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def policy(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": f"dynamodb:{action}", "Resource": "*"}
    return {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def deploy(stacks: Any, change: str, name: str, kind: str = "Table", **more: Any) -> None:
    properties = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": it, "AttributeType": "S"} for it in ("pk", "g")],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }
    template = {"Resources": {"T": {"Type": f"AWS::DynamoDB::{kind}", "Properties": properties}}}
    getattr(stacks, f"{change}_stack")(StackName=name, TemplateBody=json.dumps(template))
    stacks.get_waiter(f"stack_{change}_complete").wait(StackName=name, WaiterConfig={"Delay": 0.05})


def actions(ddb: Any, arn: str) -> Any:
    return json.loads(ddb.get_resource_policy(ResourceArn=arn)["Policy"])["Statement"][0]["Action"]


def test_policies_insights_and_throughput(sandbox: Any, ddb: Any) -> None:
    """Of the table, its stream and its index; each changes by itself, and goes with the template's word for it."""
    stacks, name = sandbox.client("cloudformation"), "settings-of-a-table"
    insights = {"ContributorInsightsSpecification": {"Enabled": True, "Mode": "THROTTLED_KEYS"}}
    stream = {"StreamViewType": "KEYS_ONLY", "ResourcePolicy": policy("GetRecords")}
    indexes = {"GlobalSecondaryIndexes": [{**index("gsi", "g"), **insights}]}
    deploy(stacks, "create", name, ResourcePolicy=policy("GetItem"), StreamSpecification=stream, **insights, **indexes)
    shown = ddb.describe_table(TableName=name)["Table"]
    arn, label = shown["TableArn"], shown["LatestStreamArn"]
    assert (actions(ddb, arn), actions(ddb, label)) == ("dynamodb:GetItem", "dynamodb:GetRecords")
    for named in ({}, {"IndexName": "gsi"}):
        found = ddb.describe_contributor_insights(TableName=name, **named)
        assert (found["ContributorInsightsStatus"], found["ContributorInsightsMode"]) == ("ENABLED", "THROTTLED_KEYS")
    off = {"ContributorInsightsSpecification": {"Enabled": False}}
    limited = {**index("gsi", "g"), **off, "OnDemandThroughput": {"MaxReadRequestUnits": 5}}
    warm = {"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 5_000}
    deploy(
        stacks,
        "update",
        name,
        StreamSpecification={"StreamViewType": "KEYS_ONLY", "ResourcePolicy": policy("DescribeStream")},
        GlobalSecondaryIndexes=[limited],
        WarmThroughput=warm,
        **insights,
    )
    shown = ddb.describe_table(TableName=name)["Table"]
    assert shown["LatestStreamArn"] == label and actions(ddb, label) == "dynamodb:DescribeStream"
    assert error_of(ddb.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    assert shown["WarmThroughput"] == {**warm, "Status": "ACTIVE"}
    assert shown["GlobalSecondaryIndexes"][0]["OnDemandThroughput"] == {"MaxReadRequestUnits": 5}
    found = ddb.describe_contributor_insights(TableName=name, IndexName="gsi")
    assert found["ContributorInsightsStatus"] == "DISABLED"


def test_settings_of_a_global_tables_own_replica(sandbox: Any, ddb: Any) -> None:
    """They stand with the replica of the stack's region."""
    stacks, name = sandbox.client("cloudformation"), "settings-of-a-replica"
    own = {
        "Region": "us-east-1",
        "ResourcePolicy": policy("GetItem"),
        "ContributorInsightsSpecification": {"Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "ReplicaStreamSpecification": {"ResourcePolicy": policy("GetRecords")},
    }
    stream = {"StreamViewType": "KEYS_ONLY"}
    indexes = [index("gsi", "g")]
    deploy(
        stacks,
        "create",
        name,
        kind="GlobalTable",
        Replicas=[own],
        StreamSpecification=stream,
        GlobalSecondaryIndexes=indexes,
    )
    shown = ddb.describe_table(TableName=name)["Table"]
    assert actions(ddb, shown["TableArn"]) == "dynamodb:GetItem"
    assert actions(ddb, shown["LatestStreamArn"]) == "dynamodb:GetRecords"
    assert ddb.describe_contributor_insights(TableName=name)["ContributorInsightsStatus"] == "ENABLED"
    recovery = ddb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_table_that_is_imported(sandbox: Any, ddb: Any) -> None:
    """Filled from S3, then given what an import does not take; one whose import fails is rolled back."""
    stacks, s3, name = sandbox.client("cloudformation"), sandbox.client("s3"), "imported-by-a-stack"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="good/a.json", Body=b'{"Item":{"pk":{"S":"a"}}}')
    s3.put_object(Bucket=name, Key="bad/a.json", Body=b"no json")

    def source(prefix: str) -> dict[str, Any]:
        place = {"S3Bucket": name, "S3KeyPrefix": prefix}
        return {"ImportSourceSpecification": {"S3BucketSource": place, "InputFormat": "DYNAMODB_JSON"}}

    keys = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}
    more = {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}, "Tags": [{"Key": "k", "Value": "v"}]}
    deploy(stacks, "create", name, ResourcePolicy=policy("GetItem"), **keys, **source("good/"), **more)
    shown = ddb.describe_table(TableName=name)["Table"]
    assert ddb.scan(TableName=name)["Items"] == [{"pk": {"S": "a"}}]
    assert shown["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    assert actions(ddb, shown["TableArn"]) == "dynamodb:GetItem"
    assert {"Key": "k", "Value": "v"} in ddb.list_tags_of_resource(ResourceArn=shown["TableArn"])["Tags"]
    with pytest.raises(WaiterError):
        deploy(stacks, "create", f"{name}-badly", **keys, **source("bad/"))
    assert error_of(ddb.describe_table, TableName=f"{name}-badly")[0] == "ResourceNotFoundException"


def test_a_billing_mode_with_indexes(sandbox: Any, ddb: Any) -> None:
    """Their units change with the table's, in the one call that AWS wants, and back."""
    stacks, name = sandbox.client("cloudformation"), "billed-otherwise"
    units = {"ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3}}
    deploy(stacks, "create", name, GlobalSecondaryIndexes=[index("gsi", "g")])
    provisioned = {"BillingMode": "PROVISIONED", **units}
    deploy(stacks, "update", name, GlobalSecondaryIndexes=[{**index("gsi", "g"), **units}], **provisioned)
    (shown,) = ddb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"]
    assert shown["ProvisionedThroughput"]["WriteCapacityUnits"] == 3
    deploy(stacks, "update", name, GlobalSecondaryIndexes=[index("gsi", "g")])
    (shown,) = ddb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"]
    assert shown["ProvisionedThroughput"]["WriteCapacityUnits"] == 0


def scaling(kind: str, low: int, high: int) -> dict[str, Any]:
    """Settings of reads or writes that scale."""
    tracking = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 60}}
    settings = {"MinCapacity": low, "MaxCapacity": high, **tracking}
    return {f"{kind}ProvisionedThroughputSettings": {f"{kind}CapacityAutoScalingSettings": settings}}


def scaled(ddb: Any, name: str) -> dict[str, tuple[int, int, int, int]]:
    """The bounds of a global table's reads and writes by region."""
    told = ddb.describe_table_replica_auto_scaling(TableName=name)["TableAutoScalingDescription"]["Replicas"]
    found = {}
    for it in told:
        parts = [it[f"ReplicaProvisioned{kind}CapacityAutoScalingSettings"] for kind in ("Read", "Write")]
        found[it["RegionName"]] = tuple(part[f"{end}Units"] for part in parts for end in ("Minimum", "Maximum"))
    return found


def test_a_provisioned_global_table(sandbox: Any, ddb: Any) -> None:
    """Writes scale alike in all regions, reads as each replica says; a change reaches all of them."""
    stacks, name = sandbox.client("cloudformation"), "provisioned-in-two-regions"
    there = sandbox.client("dynamodb", region="eu-west-1")

    def put(change: str, writes: int, reads: int) -> None:
        indexes = {"GlobalSecondaryIndexes": [{"IndexName": "gsi", **scaling("Read", 2, 5)}]}
        deploy(
            stacks,
            change,
            name,
            kind="GlobalTable",
            BillingMode="PROVISIONED",
            **scaling("Write", 2, writes),
            Replicas=[
                {"Region": "us-east-1", **scaling("Read", 3, 6), **indexes},
                {"Region": "eu-west-1", **scaling("Read", 4, reads), **indexes, "TableClass": RARELY_READ},
            ],
            GlobalSecondaryIndexes=[{**index("gsi", "g"), **scaling("Write", 2, 5)}],
            StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    put("create", 7, 8)
    shown = there.describe_table(TableName=name)["Table"]
    units = shown["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (3, 2)
    assert shown["TableClassSummary"]["TableClass"] == RARELY_READ
    assert scaled(ddb, name) == {"us-east-1": (3, 6, 2, 7), "eu-west-1": (4, 8, 2, 7)}
    put("update", 9, 10)
    assert scaled(ddb, name) == {"us-east-1": (3, 6, 2, 9), "eu-west-1": (4, 10, 2, 9)}


def test_limits_of_a_global_table(sandbox: Any, ddb: Any) -> None:
    """Of writes for all regions, of reads for each."""
    stacks, name = sandbox.client("cloudformation"), "limited-in-two-regions"
    there = sandbox.client("dynamodb", region="eu-west-1")

    def put(change: str, writes: int) -> None:
        replicas = [
            {"Region": region, "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": reads}}
            for region, reads in (("us-east-1", 5), ("eu-west-1", 6))
        ]
        limits = {"WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": writes}}
        keys = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}
        deploy(stacks, change, name, kind="GlobalTable", Replicas=replicas, **limits, **keys)

    put("create", 4)
    limits = [it.describe_table(TableName=name)["Table"]["OnDemandThroughput"] for it in (ddb, there)]
    assert limits == [{"MaxReadRequestUnits": reads, "MaxWriteRequestUnits": 4} for reads in (5, 6)]
    put("update", 7)
    limits = [it.describe_table(TableName=name)["Table"]["OnDemandThroughput"] for it in (ddb, there)]
    assert [it["MaxWriteRequestUnits"] for it in limits] == [7, 7]
