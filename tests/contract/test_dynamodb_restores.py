"""What is told of tables while they are being restored or deleted, and what restoring leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import index, make_table

GSI = index("gsi", "g")


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def units(reads: int, writes: int) -> dict[str, int]:
    return {"ReadCapacityUnits": reads, "WriteCapacityUnits": writes}


def restore(ddb: Any, table: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is answered, and what is then described."""
    arn = ddb.create_backup(TableName=table, BackupName="first")["BackupDetails"]["BackupArn"]
    answer = ddb.restore_table_from_backup(TargetTableName=f"{table}-2", BackupArn=arn)["TableDescription"]
    return answer, ddb.describe_table(TableName=f"{table}-2")["Table"]


def test_restoring_a_provisioned_table(ddb: Any) -> None:
    """The answer says little; afterwards it looks as if its units had been changed, and those of its index."""
    table = make_table(
        ddb,
        sort=None,
        attributes={"g": "S"},
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units(100, 100),
        GlobalSecondaryIndexes=[{**GSI, "ProvisionedThroughput": units(2, 2)}],
    )
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "g": {"S": "a"}})
    answer, described = restore(ddb, table)
    assert answer["TableStatus"] == "CREATING" and answer["RestoreSummary"]["RestoreInProgress"]
    assert described["TableStatus"] == "ACTIVE" and "RestoreSummary" not in described
    assert answer["BillingModeSummary"] == {"BillingMode": "PROVISIONED"}
    assert not {"DeletionProtectionEnabled", "TableThroughputModeSummary"} & answer.keys()
    assert (answer["ItemCount"], answer["TableSizeBytes"]) == (0, 0)
    assert answer["ProvisionedThroughput"] == {**units(100, 100), "NumberOfDecreasesToday": 0}
    (shown,) = answer["GlobalSecondaryIndexes"]
    assert "IndexStatus" not in shown and (shown["ItemCount"], shown["IndexSizeBytes"]) == (0, 0)
    own, of_index = described["ProvisionedThroughput"], described["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]
    assert (own["NumberOfDecreasesToday"], of_index["NumberOfDecreasesToday"]) == (1, 1)
    assert {"LastIncreaseDateTime", "LastDecreaseDateTime"} <= own.keys()
    assert "LastIncreaseDateTime" not in of_index and "LastDecreaseDateTime" in of_index


def test_restoring_a_table_on_demand(ddb: Any) -> None:
    """Only its index shows traces."""
    table = make_table(ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[GSI])
    answer, described = restore(ddb, table)
    assert answer["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    assert answer["ProvisionedThroughput"] == answer["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]
    assert answer["ProvisionedThroughput"] == units(0, 0)
    assert described["ProvisionedThroughput"] == {**units(0, 0), "NumberOfDecreasesToday": 0}
    assert described["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 1


def test_what_is_told_of_a_table_that_is_deleted(ddb: Any) -> None:
    """Its class and limits still, but no more when its units were changed."""
    table = make_table(
        ddb, BillingMode="PROVISIONED", ProvisionedThroughput=units(5, 5), TableClass="STANDARD_INFREQUENT_ACCESS"
    )
    ddb.update_table(TableName=table, ProvisionedThroughput=units(4, 4))
    told = ddb.delete_table(TableName=table)["TableDescription"]
    assert told["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert told["ProvisionedThroughput"] == {**units(4, 4), "NumberOfDecreasesToday": 0}
    limited = make_table(ddb, OnDemandThroughput={"MaxReadRequestUnits": 100})
    told = ddb.delete_table(TableName=limited)["TableDescription"]
    assert told["OnDemandThroughput"]["MaxReadRequestUnits"] == 100
    assert not {"KeySchema", "AttributeDefinitions", "CreationDateTime"} & told.keys()
