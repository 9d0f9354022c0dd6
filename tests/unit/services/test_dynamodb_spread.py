"""Tables that earlier versions of mrak made keep their rows where they lie."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope
from mrak.services.dynamodb.tables import TABLES

SCOPE = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, "us-east-1")
NAMES = [f"name {number}" for number in range(30)]


def make_earlier_table(cloud: Any, name: str) -> None:
    """A table whose row says nothing of a hash, as earlier versions wrote it."""
    cloud.call(
        "dynamodb",
        "CreateTable",
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "N"},
            {"AttributeName": "g", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "gsi",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )

    def forget(tx: Any) -> None:
        record = TABLES.open(tx, SCOPE, name)
        assert record is not None and record.is_spread_as_aws
        TABLES.replace(tx, SCOPE, record, structs.replace(record, is_spread_as_aws=False))

    async def run() -> None:
        environment = await cloud.app.environments.require(DEFAULT_ENVIRONMENT)
        await environment.transact(forget)

    cloud.loop.run_until_complete(run())


def order(cloud: Any, table: str) -> list[str]:
    return [item["g"]["S"] for item in cloud.call("dynamodb", "Scan", TableName=table)["Items"]]


def test_earlier_tables_are_read_queried_and_restored(cloud: Any) -> None:
    """What is read by key, index and segment is where it was written, also in a table that is made from a backup."""
    make_earlier_table(cloud, "old")
    for place, name in enumerate(NAMES):
        cloud.call("dynamodb", "PutItem", TableName="old", Item={"pk": {"N": str(place)}, "g": {"S": name}})
    made = cloud.call("dynamodb", "CreateBackup", TableName="old", BackupName="backup")
    arn = made["BackupDetails"]["BackupArn"]
    cloud.call("dynamodb", "RestoreTableFromBackup", TargetTableName="restored", BackupArn=arn)
    for table in ("old", "restored"):
        for place, name in enumerate(NAMES):
            found = cloud.call("dynamodb", "GetItem", TableName=table, Key={"pk": {"N": str(place)}})
            assert found["Item"]["g"] == {"S": name}
            values = {":g": {"S": name}}
            asked = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": values, "IndexName": "gsi"}
            assert cloud.call("dynamodb", "Query", TableName=table, **asked)["Count"] == 1
        parts = [cloud.call("dynamodb", "Scan", TableName=table, Segment=it, TotalSegments=3) for it in range(3)]
        assert sum(part["Count"] for part in parts) == len(NAMES)
        assert order(cloud, table) == order(cloud, "old")
