"""Throttling of tables that ask for it by their tag, as boto3 sees it; DYNAMODB-008: others take what comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, eventually, index, make_table

TABLE_EXCEEDED = (
    "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API."
)
EXCEEDED = "ProvisionedThroughputExceededException"


@pytest.fixture
def ddb(fresh_sandbox: Any) -> Any:
    """Without retries. The clock is real and moves on; so tables here have rates at which a test earns nothing."""
    return fresh_sandbox.client("dynamodb", retries={"total_max_attempts": 1})


def units(read: int, write: int) -> dict[str, Any]:
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": write}


def throttled(ddb: Any, read: int = 1000, write: int = 1000, **options: Any) -> str:
    settings = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(read, write)}
    return make_table(ddb, sort=None, Tags=[{"Key": "mrak:throttled", "Value": "true"}], **(settings | options))


def spend_writes(ddb: Any, table: str, name: str = "big") -> None:
    """An item of 300 KB costs 300 units: minutes of a small table's write capacity."""
    ddb.put_item(TableName=table, Item={"pk": {"S": name}, "text": {"S": "x" * 300_000}})


def spend_reads(ddb: Any, table: str, name: str = "big") -> None:
    ddb.get_item(TableName=table, Key={"pk": {"S": name}}, ConsistentRead=True)


def test_writes_over_the_units_are_refused_until_time_brings_more(ddb: Any, fresh_sandbox: Any) -> None:
    """A request is let in while there is something left and may overdraw; deletions and updates wait like puts."""
    table = throttled(ddb, write=1)
    spend_writes(ddb, table)
    small = {"pk": {"S": "a"}}
    assert error_of(ddb.put_item, TableName=table, Item=small) == (EXCEEDED, TABLE_EXCEEDED)
    assert error_of(ddb.delete_item, TableName=table, Key=small)[0] == EXCEEDED
    assert error_of(ddb.update_item, TableName=table, Key=small)[0] == EXCEEDED
    with pytest.raises(ddb.exceptions.ProvisionedThroughputExceededException) as caught:
        ddb.put_item(TableName=table, Item=small)
    (reason,) = caught.value.response["ThrottlingReasons"]
    assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"
    assert reason["resource"] == ddb.describe_table(TableName=table)["Table"]["TableArn"]
    assert ddb.get_item(TableName=table, Key={"pk": {"S": "big"}})["Item"]
    fresh_sandbox.advance_clock(301)
    ddb.put_item(TableName=table, Item=small)


def test_reads_of_all_kinds(ddb: Any) -> None:
    """Get, query, scan and their like in PartiQL share one bucket, which writes do not touch."""
    table = throttled(ddb, read=1)
    spend_writes(ddb, table)
    spend_reads(ddb, table)
    key = {"pk": {"S": "big"}}
    asked = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key["pk"]}}
    statement = f"""SELECT * FROM "{table}" WHERE pk = 'big'"""
    assert error_of(ddb.get_item, TableName=table, Key=key) == (EXCEEDED, TABLE_EXCEEDED)
    assert error_of(ddb.query, TableName=table, **asked)[0] == EXCEEDED
    assert error_of(ddb.scan, TableName=table)[0] == EXCEEDED
    assert error_of(ddb.execute_statement, Statement=statement)[0] == EXCEEDED
    (told,) = ddb.batch_execute_statement(Statements=[{"Statement": statement}])["Responses"]
    assert told == {
        "Error": {"Code": "ProvisionedThroughputExceeded", "Message": TABLE_EXCEEDED},
        "TableName": table,
    }
    ddb.put_item(TableName=table, Item={"pk": {"S": "still"}})


def test_batches_leave_over_what_was_throttled(ddb: Any) -> None:
    """UnprocessedItems and UnprocessedKeys; a batch of which nothing is done fails as a whole."""
    table, free = throttled(ddb, read=1, write=1), make_table(ddb, sort=None)
    big = {"PutRequest": {"Item": {"pk": {"S": "big"}, "text": {"S": "x" * 300_000}}}}
    small = {"PutRequest": {"Item": {"pk": {"S": "small"}}}}
    answer = ddb.batch_write_item(RequestItems={table: [big, small], free: [small]})
    assert answer["UnprocessedItems"] == {table: [small]}
    assert error_of(ddb.batch_write_item, RequestItems={table: [small]})[0] == EXCEEDED
    keys = [{"pk": {"S": "big"}}, {"pk": {"S": "small"}}]
    answer = ddb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
    assert [it["pk"]["S"] for it in answer["Responses"][table]] == ["big"]
    assert answer["UnprocessedKeys"][table]["Keys"] == keys[1:]
    assert error_of(ddb.batch_get_item, RequestItems={table: {"Keys": keys}})[0] == EXCEEDED


def test_transactions_are_cancelled(ddb: Any) -> None:
    """The reason of each action on a table that is over its units; the others have none. One that is alone in its
    transaction is refused as it would be without one."""
    table, free = throttled(ddb, read=1, write=1), make_table(ddb, sort=None)
    spend_writes(ddb, table)
    spend_reads(ddb, table)
    puts = [{"Put": {"TableName": name, "Item": {"pk": {"S": "a"}}}} for name in (free, table)]
    gets = [{"Get": {"TableName": name, "Key": {"pk": {"S": "a"}}}} for name in (free, table)]
    for call, actions in ((ddb.transact_write_items, puts), (ddb.transact_get_items, gets)):
        with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
            call(TransactItems=actions)
        none, reason = caught.value.response["CancellationReasons"]
        assert none["Code"] == "None"
        assert (reason["Code"], reason["Message"]) == ("ProvisionedThroughputExceeded", TABLE_EXCEEDED)
        assert error_of(call, TransactItems=actions[1:]) == (EXCEEDED, TABLE_EXCEEDED)
    for statement in ("SELECT * FROM \"{}\" WHERE pk = 'a'", "INSERT INTO \"{}\" VALUE {{'pk': 'b'}}"):
        asked = [{"Statement": statement.format(table)}]
        assert error_of(ddb.execute_transaction, TransactStatements=asked) == (EXCEEDED, TABLE_EXCEEDED)
    assert "Item" not in ddb.get_item(TableName=free, Key={"pk": {"S": "a"}})


def test_an_index_without_units_stops_its_table(ddb: Any) -> None:
    """Back-pressure: writes to the table wait for the index; reads of the index have a bucket of their own."""
    narrow = {**index("by-g", "g"), "ProvisionedThroughput": units(1, 1)}
    table = throttled(ddb, GlobalSecondaryIndexes=[narrow], attributes={"g": "S"})
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "g": {"S": "g"}, "text": {"S": "x" * 300_000}})
    code, message = error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "b"}})
    assert code == EXCEEDED and "for one or more global secondary indexes of the table was exceeded" in message
    asked = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "g"}}}
    ddb.query(TableName=table, IndexName="by-g", **asked)
    assert error_of(ddb.query, TableName=table, IndexName="by-g", **asked)[0] == EXCEEDED
    spend_reads(ddb, table, "a")


def test_limits_of_on_demand_tables(ddb: Any) -> None:
    """MaxReadRequestUnits and MaxWriteRequestUnits; a table without them has no limit."""
    limits = {"OnDemandThroughput": {"MaxWriteRequestUnits": 1}}
    plain = {"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": None}
    options = {name: value for name, value in (plain | limits).items() if value is not None}
    table = make_table(ddb, sort=None, Tags=[{"Key": "mrak:throttled", "Value": "true"}], **options)
    spend_writes(ddb, table)
    for _ in range(3):
        spend_reads(ddb, table)
    assert error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "a"}}) == (
        "ThrottlingException",
        "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
    )


def test_a_failed_condition_costs_too(ddb: Any, fresh_sandbox: Any) -> None:
    """What AWS charges for looking at the item: as much as writing it. No rest is worth more than five minutes."""
    table = throttled(ddb, write=1)
    spend_writes(ddb, table)
    fresh_sandbox.advance_clock(3600)
    never = {"ConditionExpression": "attribute_not_exists(pk)", "Item": {"pk": {"S": "big"}}}
    for _ in range(2):
        assert error_of(ddb.put_item, TableName=table, **never)[0] == "ConditionalCheckFailedException"
    assert error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "a"}})[0] == EXCEEDED


def test_tables_without_the_tag_take_what_comes(ddb: Any) -> None:
    """The option is a table's own, and can be taken back."""
    table = throttled(ddb, write=1)
    spend_writes(ddb, table)
    assert error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "a"}})[0] == EXCEEDED
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    ddb.untag_resource(ResourceArn=arn, TagKeys=["mrak:throttled"])
    for _ in range(3):
        spend_writes(ddb, table)


def test_metrics_of_what_was_refused(ddb: Any, fresh_sandbox: Any) -> None:
    """Failed conditions cost units and are counted; throttled requests and errors of the user are counted apart."""
    table = throttled(ddb, write=1)
    spend_writes(ddb, table)
    fresh_sandbox.advance_clock(3600)
    never = {"ConditionExpression": "attribute_not_exists(pk)", "Item": {"pk": {"S": "big"}}}
    for _ in range(2):
        assert error_of(ddb.put_item, TableName=table, **never)[0] == "ConditionalCheckFailedException"
    assert error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "a"}})[0] == EXCEEDED
    assert error_of(ddb.put_item, TableName=table, Item={})[0] == INVALID
    cloudwatch = fresh_sandbox.client("cloudwatch")
    now = fresh_sandbox.client("dynamodb").describe_table(TableName=table)["Table"]["CreationDateTime"]
    span = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(hours=3), "Period": 6 * 3600}

    def total(name: str, **dimensions: str) -> float:
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/DynamoDB",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            Statistics=["Sum"],
            **span,
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    eventually(lambda: total("UserErrors") == 1)
    assert total("ConditionalCheckFailedRequests", TableName=table) == 2
    assert total("ThrottledRequests", TableName=table, Operation="PutItem") == 1
    assert total("WriteThrottleEvents", TableName=table) == 1
    assert total("ConsumedWriteCapacityUnits", TableName=table) == 3 * 293
