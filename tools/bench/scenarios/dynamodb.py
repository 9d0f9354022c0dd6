"""DynamoDB: the calls that single-table applications live on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import Bench, Row, scenario

KEYS = 500
PARTITION_ITEMS = 10


def make_table(bench: Bench, name: str) -> None:
    client = bench.signer.client("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def key(number: int) -> dict[str, Any]:
    return {"pk": {"S": f"customer#{number // PARTITION_ITEMS:07}"}, "sk": {"S": f"order#{number:08}"}}


def item(number: int) -> dict[str, Any]:
    """About 400 bytes, of the usual types."""
    return {
        **key(number), "total": {"N": "129.95"}, "state": {"S": "open"}, "text": {"S": "x" * 200},
        "tags": {"SS": ["a", "b"]}, "lines": {"L": [{"M": {"sku": {"S": "A-1"}, "quantity": {"N": "2"}}}]},
    }  # fmt: skip


def fill(bench: Bench, table: str, first: int, end: int) -> None:
    """Through the public API, 25 at a time."""
    for start in range(first, end, 25_000):
        requests = [batch(bench, table, number, end) for number in range(start, min(start + 25_000, end), 25)]
        bench.load(requests, once=True)


def batch(bench: Bench, table: str, first: int, end: int) -> bytes:
    """Up to 25 puts."""
    puts = [{"PutRequest": {"Item": item(number)}} for number in range(first, min(first + 25, end))]
    return bench.signer.json("dynamodb", "BatchWriteItem", {"RequestItems": {table: puts}})


def gets(bench: Bench, table: str, numbers: range) -> list[bytes]:
    return [bench.signer.call("dynamodb", "get_item", TableName=table, Key=key(number)) for number in numbers]


def puts(bench: Bench, table: str, numbers: range) -> list[bytes]:
    return [bench.signer.call("dynamodb", "put_item", TableName=table, Item=item(number)) for number in numbers]


def updates(bench: Bench, table: str, numbers: range) -> list[bytes]:
    return [
        bench.signer.call(
            "dynamodb", "update_item", TableName=table, Key=key(number),
            UpdateExpression="SET #s = :open ADD #v :one", ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#s": "state", "#v": "version"},
            ExpressionAttributeValues={":open": {"S": "paid"}, ":one": {"N": "1"}},
        )
        for number in numbers
    ]  # fmt: skip


@scenario("dynamodb.items")
def items(bench: Bench) -> Iterator[Row]:
    make_table(bench, "bench-items")
    fill(bench, "bench-items", 0, 1000)
    numbers = range(KEYS)
    yield bench.measure("dynamodb GetItem", gets(bench, "bench-items", numbers), bar=0.4)
    yield bench.measure("dynamodb PutItem", puts(bench, "bench-items", numbers), bar=0.4)
    yield bench.measure("dynamodb UpdateItem", updates(bench, "bench-items", numbers), bar=0.4)
    yield bench.measure("dynamodb Query of 10", queries(bench, "bench-items", numbers))
    # Every third, so that no two of those under way name the same item: they would cancel each other.
    apart = transactions(bench, "bench-items", range(0, KEYS - 2, 3))
    yield bench.measure("dynamodb TransactWriteItems of 4", apart)
    batches = [batch(bench, "bench-items", number, number + 25) for number in range(0, KEYS, 25)]
    yield bench.measure("dynamodb BatchWriteItem of 25", batches)


def queries(bench: Bench, table: str, numbers: range) -> list[bytes]:
    return [
        bench.signer.call(
            "dynamodb", "query", TableName=table, KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": key(number)["pk"]},
        )
        for number in numbers
    ]  # fmt: skip


def transactions(bench: Bench, table: str, numbers: range) -> list[bytes]:
    """Two items written, one changed and one looked at, as an order that takes from a stock. Without the token that an
    SDK adds, which would make a repetition of each that is sent again."""
    return [
        bench.signer.json("dynamodb", "TransactWriteItems", {"TransactItems": _order(table, number)})
        for number in numbers
    ]  # fmt: skip


def _order(table: str, number: int) -> list[dict[str, Any]]:
    update = {
        "TableName": table, "Key": key(number + 1), "UpdateExpression": "ADD #v :one",
        "ExpressionAttributeNames": {"#v": "version"}, "ExpressionAttributeValues": {":one": {"N": "1"}},
    }  # fmt: skip
    return [
        {"Put": {"TableName": table, "Item": item(number)}},
        {"Put": {"TableName": table, "Item": item(number + KEYS)}},
        {"Update": update},
        {"ConditionCheck": {"TableName": table, "Key": key(number + 2), "ConditionExpression": "attribute_exists(pk)"}},
    ]
