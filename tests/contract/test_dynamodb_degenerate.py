"""Requests with empty names, empty structures and missing members: the words for each, as measured at AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table

FAILED = "failed to satisfy constraint:"
EMPTY_NAME = (
    f"2 validation errors detected: Value '' at 'tableName' {FAILED} Member must have length greater than or equal to "
    f"3; Value '' at 'tableName' {FAILED} Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
)
NO_NAME = "The parameter 'TableName' is required but was not present in the request"
OTHER_NAME = "TableName must be at least 3 characters long and at most 255 characters long"
WRONG = "One or more parameter values were invalid: "
KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb", parameter_validation=False)


@pytest.fixture(scope="module")
def table(ddb: Any) -> str:
    return make_table(ddb, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("describe_table", {}),
        ("delete_table", {}),
        ("update_table", {"BillingMode": "PAY_PER_REQUEST"}),
        ("describe_time_to_live", {}),
        ("describe_continuous_backups", {}),
        ("create_table", KEYS),
        ("create_backup", {"BackupName": "abc"}),
        ("get_item", {"Key": {"pk": {"S": "a"}}}),
        ("scan", {}),
    ],
)
def test_an_empty_table_name(ddb: Any, operation: str, params: dict[str, Any]) -> None:
    """Two complaints, though the model of an ARN would have another one."""
    assert error_of(getattr(ddb, operation), TableName="", **params) == (INVALID, EMPTY_NAME)


@pytest.mark.parametrize(
    "operation",
    ["create_table", "describe_table", "delete_table", "update_table", "describe_time_to_live", "update_time_to_live"],
)
def test_no_table_name(ddb: Any, operation: str) -> None:
    """The control plane misses it before it validates anything else."""
    assert error_of(getattr(ddb, operation)) == (INVALID, NO_NAME)


@pytest.mark.parametrize("operation", ["describe_global_table", "describe_global_table_settings"])
def test_the_names_of_older_operations(ddb: Any, operation: str) -> None:
    """Younger and older operations have words of their own for lengths."""
    assert error_of(getattr(ddb, operation), GlobalTableName="") == (INVALID, OTHER_NAME)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Tags": [{}]}, "The Tag Key provided is invalid, Key: null"),
        ({"Tags": [{"Key": "a"}]}, "The Tag Value provided is invalid, Value: null"),
        (
            {"TableClass": "GLACIER"},
            "Invalid table-class parameter provided. Please try again with a valid table-class value: "
            "[STANDARD, STANDARD_INFREQUENT_ACCESS].",
        ),
        (
            {"AttributeDefinitions": [{}]},
            f"2 validation errors detected: Value null at 'attributeDefinitions.1.member.attributeType' {FAILED} "
            f"Member must not be null; Value null at 'attributeDefinitions.1.member.attributeName' {FAILED} "
            "Member must not be null",
        ),
        (
            {"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": ""}},
            f"1 validation error detected: Value '' at 'sSESpecification.kMSMasterKeyId' {FAILED} Member must have "
            "length greater than or equal to 1",
        ),
        (
            {"WarmThroughput": {"ReadUnitsPerSecond": 1, "WriteUnitsPerSecond": 4000}},
            f"{WRONG}Requested ReadUnitsPerSecond for WarmThroughput for table is lower than initial throughput for "
            "OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
            "on-demand-capacity-mode.html#on-demand-capacity-mode-initial",
        ),
    ],
)
def test_new_tables(ddb: Any, params: dict[str, Any], message: str) -> None:
    """Members that are there and hold nothing, or nonsense."""
    assert error_of(ddb.create_table, TableName="degenerate", **(KEYS | params)) == (INVALID, message)


def test_tags(ddb: Any, table: str) -> None:
    """Keys are judged one by one, when they are set and when they are taken away."""
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    null = (INVALID, "The Tag Key provided is invalid, Key: null")
    assert error_of(ddb.tag_resource, ResourceArn=arn, Tags=[{"Value": "a"}]) == null
    assert error_of(ddb.untag_resource, ResourceArn=arn, TagKeys=[""])[1] == "The Tag Key provided is invalid, Key: "
    for key in ("aws:foo", "AWS:foo"):
        reserved = (INVALID, f"Tag Key cannot be prefixed with aws:, Key: {key}")
        assert error_of(ddb.tag_resource, ResourceArn=arn, Tags=[{"Key": key, "Value": "a"}]) == reserved
        assert error_of(ddb.untag_resource, ResourceArn=arn, TagKeys=[key]) == reserved
    many = [f"k{place}" for place in range(51)]
    assert error_of(ddb.untag_resource, ResourceArn=arn, TagKeys=many)[1] == (
        "Number of Tags exceed the current limit for the provided ResourceArn"
    )


def test_changes_that_say_nothing(ddb: Any, table: str) -> None:
    """An index named without a change of it, or with an empty one."""
    only = (
        f"{WRONG}The only Updates for index: gsi when TableThroughputMode is PAY_PER_REQUEST can be to "
        "OnDemandThroughput, WarmThroughput"
    )
    warm = f"{WRONG}WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for "

    def change(name: str, **what: Any) -> str:
        updates = [{"Update": {"IndexName": name, **what}}]
        return error_of(ddb.update_table, TableName=table, GlobalSecondaryIndexUpdates=updates)[1]

    assert change("gsi") == only
    assert change("gsi", OnDemandThroughput={}) == only
    assert change("ghost", WarmThroughput={}) == f"{warm}index: ghost"
    assert error_of(ddb.update_table, TableName=table, ReplicaUpdates=[{"Create": {}}]) == (
        INVALID,
        "One or more parameter values were invalid",
    )


def test_the_order_of_several_mistakes(ddb: Any) -> None:
    """Not the order of the model."""
    params = {"ReturnConsumedCapacity": "hi", "ReturnItemCollectionMetrics": "hi", "ReturnValues": "hi"}
    message = error_of(ddb.update_item, TableName="abc;", **params)[1]
    places = [text.split("'")[0] for text in message.split(" at '")[1:]]
    assert places == ["returnConsumedCapacity", "tableName", "returnItemCollectionMetrics", "returnValues", "key"]


def test_errors_with_more_than_a_message(ddb: Any, table: str) -> None:
    """Their message is spelled with a capital, which every SDK reads; plain ones are not."""
    bodies: list[dict[str, Any]] = []
    ddb.meta.events.register(
        "before-parse.dynamodb.*", lambda response_dict, **_: bodies.append(json.loads(response_dict["body"]))
    )
    key = {"pk": {"S": "a"}, "sk": {"S": "a"}}
    ddb.put_item(TableName=table, Item=key)
    condition = {"TableName": table, "Item": key, "ConditionExpression": "attribute_not_exists(pk)"}
    error_of(ddb.put_item, **condition)
    error_of(ddb.put_item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition)
    error_of(ddb.transact_write_items, TransactItems=[{"Put": condition}])
    assert "message" in bodies[1] and "Message" not in bodies[1]
    assert bodies[2]["Item"] == key and "Message" in bodies[2] and "message" not in bodies[2]
    assert "CancellationReasons" in bodies[3] and "Message" in bodies[3]
