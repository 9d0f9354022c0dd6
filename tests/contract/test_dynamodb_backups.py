"""Backups, point-in-time recovery, and the settings around a table, as boto3 sees them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table

GSI = index("gsi", "g")
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def put(ddb: Any, table: str, name: str, value: str = "1") -> None:
    ddb.put_item(TableName=table, Item={"pk": {"S": name}, "g": {"S": value}})


def contents(ddb: Any, table: str, **params: Any) -> dict[str, str]:
    return {item["pk"]["S"]: item["g"]["S"] for item in ddb.scan(TableName=table, **params)["Items"]}


def with_index(ddb: Any) -> str:
    return make_table(ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[GSI])


def test_a_backup_is_restored_into_a_new_table(ddb: Any) -> None:
    """As the table was when it was taken, with its indexes, after the table itself is gone."""
    table = with_index(ddb)
    put(ddb, table, "a")
    made = ddb.create_backup(TableName=table, BackupName="first")["BackupDetails"]
    arn = made["BackupArn"]
    put(ddb, table, "b")
    described = ddb.describe_backup(BackupArn=arn)["BackupDescription"]
    assert described["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert described["SourceTableDetails"]["ItemCount"] == 1
    assert [it["BackupArn"] for it in ddb.list_backups(TableName=table)["BackupSummaries"]] == [arn]
    ddb.delete_table(TableName=table)
    restored = f"{table}-restored"
    answer = ddb.restore_table_from_backup(TargetTableName=restored, BackupArn=arn)["TableDescription"]
    assert answer["TableStatus"] == "CREATING" and answer["RestoreSummary"]["SourceBackupArn"] == arn
    assert contents(ddb, restored) == contents(ddb, restored, IndexName="gsi") == {"a": "1"}
    taken = error_of(ddb.restore_table_from_backup, TargetTableName=restored, BackupArn=arn)
    assert taken == ("TableAlreadyExistsException", f"Table already exists: {restored}")
    assert ddb.delete_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"] == "DELETED"
    assert error_of(ddb.describe_backup, BackupArn=arn) == ("BackupNotFoundException", f"Backup not found: {arn}")


def test_a_table_goes_back_to_any_second(fresh_sandbox: Any) -> None:
    """Puts, changes and deletions are undone, on the table and its index, up to now (DYNAMODB-006)."""
    ddb = fresh_sandbox.client("dynamodb")
    table = with_index(ddb)
    status = ddb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert status["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}
    refused = error_of(
        ddb.restore_table_to_point_in_time,
        SourceTableName=table,
        TargetTableName="too-early",
        UseLatestRestorableTime=True,
    )
    assert refused[0] == "PointInTimeRecoveryUnavailableException"
    enabled = ddb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert enabled["PointInTimeRecoveryStatus"] == "ENABLED" and enabled["RecoveryPeriodInDays"] == 35
    states = []
    for name, value in (("a", "1"), ("b", "1"), ("a", "2")):
        put(ddb, table, name, value)
        states.append(contents(ddb, table))
        fresh_sandbox.advance_clock(100)
    ddb.delete_item(TableName=table, Key={"pk": {"S": "b"}})
    base = time.time()
    for place, expected in enumerate(states):
        target = f"restored-{place}"
        ddb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=target, RestoreDateTime=base + 100 * place + 50
        )
        assert contents(ddb, target) == contents(ddb, target, IndexName="gsi") == expected
    ddb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName="latest", UseLatestRestorableTime=True)
    assert contents(ddb, "latest") == {"a": "2"}
    beyond = error_of(
        ddb.restore_table_to_point_in_time,
        SourceTableName=table,
        TargetTableName="never",
        RestoreDateTime=base - 86_400,
    )
    assert beyond[0] == "InvalidRestoreTimeException" and "' must be within EarliestRestorableDateTime '" in beyond[1]


def test_backups_of_nothing(ddb: Any) -> None:
    """The backup operations have an error of their own for it."""
    expected = ("TableNotFoundException", "Table not found: nowhere")
    assert error_of(ddb.create_backup, TableName="nowhere", BackupName="first") == expected
    assert error_of(ddb.describe_continuous_backups, TableName="nowhere") == expected


def test_recovery_that_is_refused(ddb: Any) -> None:
    """Parameters that contradict each other, in AWS's words."""
    table = with_index(ddb)
    off = {"PointInTimeRecoveryEnabled": False, "RecoveryPeriodInDays": 7}
    assert error_of(ddb.update_continuous_backups, TableName=table, PointInTimeRecoverySpecification=off) == (
        INVALID,
        "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.",
    )
    assert error_of(ddb.restore_table_to_point_in_time, SourceTableName=table, TargetTableName="never") == (
        INVALID,
        "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
    )
    assert error_of(ddb.restore_table_to_point_in_time, TargetTableName="never", UseLatestRestorableTime=True) == (
        INVALID,
        "The parameter 'TableName' is required but was not present in the request",
    )

    def refused(**named: Any) -> tuple[str, str]:
        return error_of(ddb.restore_table_to_point_in_time, TargetTableName="never", **named)

    latest = {"UseLatestRestorableTime": True}
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    assert refused(SourceTableName=table, SourceTableArn=arn, **latest) == (
        INVALID,
        "Invalid Request: Must provide exactly one of: sourceTableArn, sourceTableName",
    )
    assert refused(SourceTableName=table, RestoreDateTime=1, **latest)[1].startswith(
        "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set"
    )
    assert refused(SourceTableArn="x", **latest)[1].endswith("sourceTableArn is not a valid ARN")
    assert refused(SourceTableArn=arn.replace(arn.split(":")[4], "1" * 12), **latest) == (
        INVALID,
        "This action is only supported by accounts that match the resource owner\u2019s account.",
    )


def test_which_backup_an_arn_names(sandbox: Any, ddb: Any) -> None:
    """AWS looks for its number in the endpoint's region, and repeats the ARN as it was written."""
    arn = ddb.create_backup(TableName=with_index(ddb), BackupName="named")["BackupDetails"]["BackupArn"]
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    shown = ddb.describe_backup(BackupArn=elsewhere)["BackupDescription"]
    assert shown["BackupDetails"]["BackupArn"] == elsewhere
    assert error_of(sandbox.client("dynamodb", region="eu-west-1").describe_backup, BackupArn=arn) == (
        "BackupNotFoundException",
        f"Backup not found: {arn}",
    )
    for given in (("us-east-1", "xx-fake-1"), ("arn:aws:", "arn:aws-cn:"), ("dynamodb", "sqs")):
        assert error_of(ddb.describe_backup, BackupArn=arn.replace(*given)) == (
            INVALID,
            "Invalid Request: BackupArn is not valid",
        )
    for given in ((arn.split(":")[4], "1" * 12), ("us-east-1", "")):
        refused = error_of(ddb.describe_backup, BackupArn=arn.replace(*given))
        assert refused == ("AccessDeniedException", "Access is denied")
    for given in ((":table/", ":tables/"), ("/backup/", "/backups/"), (":table/", ":table/t!")):
        assert error_of(ddb.describe_backup, BackupArn=arn.replace(*given)) == (INVALID, "Invalid Backup ARN")
    both_wrong = arn.replace(arn.split(":")[4], "1" * 12).replace("/backup/", "/")
    assert error_of(ddb.describe_backup, BackupArn=both_wrong) == ("AccessDeniedException", "Access is denied")
    assert error_of(ddb.describe_backup, BackupArn=arn.partition("/backup/")[0]) == (INVALID, "Invalid Backup ARN")
    assert error_of(ddb.describe_backup, BackupArn=arn[:-1]) == (INVALID, "Invalid Request: BackupArn is not valid")
    assert "does not match the region" in error_of(ddb.list_backups, ExclusiveStartBackupArn=elsewhere)[1]
    ddb.delete_backup(BackupArn=elsewhere)
    assert error_of(ddb.describe_backup, BackupArn=arn)[0] == "BackupNotFoundException"


def test_backups_of_a_time(ddb: Any) -> None:
    """Bounds are exact to a millisecond, as backups' times are, and both belong to the range."""
    table = with_index(ddb)
    made = ddb.create_backup(TableName=table, BackupName="timed")["BackupDetails"]["BackupCreationDateTime"].timestamp()
    assert made == pytest.approx(round(made, 3), abs=1e-6)
    for lower, upper, count in ((0, 0, 1), (0.0004, 0, 1), (0.001, 1, 0), (-1, -0.001, 0), (-1, -0.0004, 1)):
        bounds = {"TimeRangeLowerBound": made + lower, "TimeRangeUpperBound": made + upper}
        assert len(ddb.list_backups(TableName=table, **bounds)["BackupSummaries"]) == count, (lower, upper)
    assert error_of(ddb.list_backups, TimeRangeLowerBound=made + 0.001, TimeRangeUpperBound=made)[1].endswith(
        "Time range lower bound must be less than or equal to upper bound"
    )


def test_what_a_backup_keeps_of_indexes_limits(ddb: Any) -> None:
    """They come back with a restored table, so that a backup has to tell them."""
    limits = {"MaxReadRequestUnits": 20, "MaxWriteRequestUnits": 10}
    limited = {**GSI, "OnDemandThroughput": limits}
    table = make_table(ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[limited])
    arn = ddb.create_backup(TableName=table, BackupName="limited")["BackupDetails"]["BackupArn"]
    (kept,) = ddb.describe_backup(BackupArn=arn)["BackupDescription"]["SourceTableFeatureDetails"][
        "GlobalSecondaryIndexes"
    ]
    assert kept["OnDemandThroughput"] == limits


def test_the_moments_of_recovery(ddb: Any) -> None:
    """The earliest is a whole second; one that is refused is told to the millisecond, and of which table."""
    table = with_index(ddb)
    on = ddb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    earliest = on["EarliestRestorableDateTime"]
    assert earliest == on["LatestRestorableDateTime"] and earliest.microsecond == 0
    spelled = f"{earliest:%Y-%m-%dT%H:%M:%S}"
    assert error_of(
        ddb.restore_table_to_point_in_time,
        SourceTableName=table,
        TargetTableName="never",
        RestoreDateTime=earliest.timestamp() - 0.6309,
    ) == (
        "InvalidRestoreTimeException",
        f"RestoreDateTime '{earliest - timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}.369Z' must be within "
        f"EarliestRestorableDateTime '{spelled}Z' and LatestRestorableDateTime '{spelled}Z' for table '{table}'",
    )


def test_restores_into_another_region(sandbox: Any, ddb: Any) -> None:
    """Of backups and of tables, if the request says how the new table is encrypted."""
    table = with_index(ddb)
    on = {"PointInTimeRecoveryEnabled": True}
    ddb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=on)
    put(ddb, table, "a")
    backup = ddb.create_backup(TableName=table, BackupName="travels")["BackupDetails"]["BackupArn"]
    far = sandbox.client("dynamodb", region="eu-west-1")
    by_time = {"SourceTableArn": backup.partition("/backup/")[0], "UseLatestRestorableTime": True}
    encrypted = {"SSESpecificationOverride": {"Enabled": True, "SSEType": "KMS"}}
    for restore, source, target in (
        (far.restore_table_from_backup, {"BackupArn": backup}, f"{table}-1"),
        (far.restore_table_to_point_in_time, by_time, f"{table}-2"),
    ):
        assert error_of(restore, TargetTableName=target, **source) == (
            INVALID,
            "Invalid Request: sseSpecificationOverride must be provided for cross-region restores",
        )
        made = restore(TargetTableName=target, **source, **encrypted)["TableDescription"]
        assert ":eu-west-1:" in made["TableArn"] and ":eu-west-1:" in made["SSEDescription"]["KMSMasterKeyArn"]
        assert contents(far, target) == contents(far, target, IndexName="gsi") == {"a": "1"}
        assert error_of(ddb.describe_table, TableName=target)[0] == "ResourceNotFoundException"


def test_a_table_with_recovery_leaves_a_system_backup(fresh_sandbox: Any) -> None:
    """Which can be restored, cannot be deleted, and is gone with the last of the days that recovery had."""
    ddb = fresh_sandbox.client("dynamodb")
    table = with_index(ddb)
    on = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    ddb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=on)
    put(ddb, table, "a", "1")
    ddb.delete_table(TableName=table)
    assert ddb.list_backups(TableName=table)["BackupSummaries"] == []
    (backup,) = ddb.list_backups(TableName=table, BackupType="SYSTEM")["BackupSummaries"]
    assert backup["BackupName"] == f"{table}$DeletedTableBackup" and backup["BackupArn"].endswith("-00000000")
    assert "not allowed to delete the system backup" in error_of(ddb.delete_backup, BackupArn=backup["BackupArn"])[1]
    assert round((backup["BackupExpiryDateTime"] - backup["BackupCreationDateTime"]).total_seconds(), 3) == 7 * 86_400
    refused = error_of(ddb.delete_backup, BackupArn=backup["BackupArn"])[1]
    assert f"{backup['BackupExpiryDateTime']:%Y-%m-%dT%H:%M:%S}" in refused
    ddb.restore_table_from_backup(TargetTableName=table, BackupArn=backup["BackupArn"])
    assert contents(ddb, table) == {"a": "1"}
    fresh_sandbox.advance_clock(8 * 86_400)
    deadline = time.monotonic() + 10
    while ddb.list_backups(TableName=table, BackupType="ALL")["BackupSummaries"]:
        assert time.monotonic() < deadline, "the system backup stays"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {
                "BillingModeOverride": "PAY_PER_REQUEST",
                "ProvisionedThroughputOverride": UNITS,
            },
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST",
        ),
        (
            {"BillingModeOverride": "PROVISIONED"},
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        ),
        (
            {"GlobalSecondaryIndexOverride": [index("other", "elsewhere")]},
            "Index other does not match a secondary index that existed in the source table and cannot be created "
            "during the restore operation",
        ),
        (
            {
                "BillingModeOverride": "PAY_PER_REQUEST",
                "GlobalSecondaryIndexOverride": [{**GSI, "ProvisionedThroughput": UNITS}],
            },
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST for index gsi",
        ),
        (
            {
                "BillingModeOverride": "PROVISIONED",
                "ProvisionedThroughputOverride": UNITS,
                "GlobalSecondaryIndexOverride": [GSI],
            },
            "Must specify provisioned throughput for index gsi",
        ),
        (
            {"BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": UNITS},
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED for index gsi",
        ),
    ],
)
def test_restores_that_are_refused(ddb: Any, changes: dict[str, Any], why: str) -> None:
    """Overrides that contradict each other or the source, of the table or of an index."""
    table = with_index(ddb)
    arn = ddb.create_backup(TableName=table, BackupName="first")["BackupDetails"]["BackupArn"]
    refused = error_of(ddb.restore_table_from_backup, TargetTableName=f"{table}-2", BackupArn=arn, **changes)
    assert refused == (INVALID, f"Invalid Request: {why}")


def test_a_restore_defines_the_keys_that_it_keeps(ddb: Any) -> None:
    """Without its index the attribute is no key any more; an empty limit on demand is none."""
    table = with_index(ddb)
    arn = ddb.create_backup(TableName=table, BackupName="first")["BackupDetails"]["BackupArn"]
    target = f"{table}-2"
    ddb.restore_table_from_backup(
        TargetTableName=target, BackupArn=arn, GlobalSecondaryIndexOverride=[], OnDemandThroughputOverride={}
    )
    shown = ddb.describe_table(TableName=target)["Table"]
    assert [it["AttributeName"] for it in shown["AttributeDefinitions"]] == ["pk"]
    assert "GlobalSecondaryIndexes" not in shown and "OnDemandThroughput" not in shown


def test_contributor_insights(ddb: Any) -> None:
    """Of a table and of its indexes."""
    table = with_index(ddb)
    off = ddb.describe_contributor_insights(TableName=table)
    assert off["ContributorInsightsStatus"] == "DISABLED"
    on = ddb.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    assert on["ContributorInsightsStatus"] == "ENABLING"
    described = ddb.describe_contributor_insights(TableName=table)
    assert described["ContributorInsightsStatus"] == "ENABLED" and len(described["ContributorInsightsRuleList"]) == 2
    ddb.update_contributor_insights(TableName=table, IndexName="gsi", ContributorInsightsAction="ENABLE")
    listed = ddb.list_contributor_insights(TableName=table)["ContributorInsightsSummaries"]
    assert [it.get("IndexName") for it in listed] == [None, "gsi"]
    first = ddb.list_contributor_insights(TableName=table, MaxResults=1)
    rest = ddb.list_contributor_insights(TableName=table, MaxResults=1, NextToken=first["NextToken"])
    assert [*first["ContributorInsightsSummaries"], *rest["ContributorInsightsSummaries"]] == listed
    assert error_of(ddb.list_contributor_insights, NextToken="nonsense")[0] == INVALID
    narrow = {"ContributorInsightsAction": "ENABLE", "ContributorInsightsMode": "THROTTLED_KEYS"}
    ddb.update_contributor_insights(TableName=table, **narrow)
    kept = ddb.describe_contributor_insights(TableName=table)["ContributorInsightsRuleList"]
    assert kept == [it for it in described["ContributorInsightsRuleList"] if "-PKT-" in it]
    ddb.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")
    off_again = ddb.describe_contributor_insights(TableName=table)
    assert off_again["ContributorInsightsStatus"] == "DISABLED" and "ContributorInsightsRuleList" not in off_again
    assert off_again["ContributorInsightsMode"] == "THROTTLED_KEYS" and "LastUpdateDateTime" in off_again
    listed = ddb.list_contributor_insights(TableName=table)["ContributorInsightsSummaries"]
    assert [it.get("IndexName") for it in listed] == ["gsi"]
    assert error_of(ddb.describe_contributor_insights, TableName=table, IndexName="nope") == (
        "ResourceNotFoundException",
        f"Requested resource not found: Index: nope not found for table: {table}",
    )


def test_insights_have_two_rules_for_a_key_and_two_more_for_a_sort_key(ddb: Any) -> None:
    """Of the table or of the index that they are about."""
    table = make_table(ddb, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    for name, count in ((None, 4), ("gsi", 2)):
        about = {"TableName": table} | ({} if name is None else {"IndexName": name})
        ddb.update_contributor_insights(**about, ContributorInsightsAction="ENABLE")
        assert len(ddb.describe_contributor_insights(**about)["ContributorInsightsRuleList"]) == count


def test_kinesis_destinations_that_do_not_exist(ddb: Any) -> None:
    """Told as AWS tells it, though at once."""
    table = make_table(ddb)
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/nope"
    assert ddb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"] == []
    assert error_of(ddb.enable_kinesis_streaming_destination, TableName="bad-table", StreamArn=arn) == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: bad-table not found",
    )
    changed = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
    assert error_of(
        ddb.update_kinesis_streaming_destination,
        TableName=table,
        StreamArn=arn,
        UpdateKinesisStreamingConfiguration=changed,
    ) == (
        INVALID,
        "Table is not in a valid state to enable Kinesis Streaming Destination: No streaming destination with "
        f"streamArn: {arn} found for table with tableName: {table}",
    )
    assert ddb.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn)["DestinationStatus"] == "ENABLING"
    shown = ddb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
    assert [(it["StreamArn"], it["DestinationStatus"]) for it in shown] == [(arn, "ENABLE_FAILED")]
    elsewhere = "The kinesis Arn used to enable kinesis replication belongs to a stream which is not in"
    account = ddb.describe_table(TableName=table)["Table"]["TableArn"].split(":")[4]
    for stream, why in (
        (f"arn:aws:kinesis:eu-west-1:{account}:stream/nope", f"{elsewhere} the current region"),
        ("arn:aws:kinesis:us-east-1:111111111111:stream/nope", f"{elsewhere} Active state"),
        (f"arn:aws:kinesis:us-east-1:{account}:stream/nope", "User does not have a permission to use kinesis stream"),
    ):
        answer = ddb.enable_kinesis_streaming_destination(TableName=table, StreamArn=stream)
        assert answer["DestinationStatus"] == "ENABLING" and answer["EnableKinesisStreamingConfiguration"] == {}
        shown = ddb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
        assert (shown[0]["StreamArn"], shown[0]["DestinationStatusDescription"]) == (stream, why)
    assert error_of(ddb.disable_kinesis_streaming_destination, TableName=table, StreamArn=arn) == (
        INVALID,
        "Table is not in a valid state to enable Kinesis Streaming Destination: "
        "KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.",
    )
