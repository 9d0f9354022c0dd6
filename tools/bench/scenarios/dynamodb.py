"""DynamoDB: the three calls that single-table applications live on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import Bench, Row, scenario

KEYS = 500


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
    return {"pk": {"S": f"customer#{number % 1000:04}"}, "sk": {"S": f"order#{number:08}"}}


def item(number: int) -> dict[str, Any]:
    """About 400 bytes, of the usual types."""
    return {
        **key(number), "total": {"N": "129.95"}, "state": {"S": "open"}, "text": {"S": "x" * 200},
        "tags": {"SS": ["a", "b"]}, "lines": {"L": [{"M": {"sku": {"S": "A-1"}, "quantity": {"N": "2"}}}]},
    }  # fmt: skip


def fill(bench: Bench, table: str, first: int, end: int) -> None:
    """Through the public API, 25 at a time."""
    for start in range(first, end, 25_000):
        requests = [
            bench.signer.json("dynamodb", "BatchWriteItem", {"RequestItems": {table: _puts(number, end)}})
            for number in range(start, min(start + 25_000, end), 25)
        ]
        bench.load(requests, once=True)


def _puts(first: int, end: int) -> list[dict[str, Any]]:
    return [{"PutRequest": {"Item": item(number)}} for number in range(first, min(first + 25, end))]


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
    query = bench.signer.call(
        "dynamodb", "query", TableName="bench-items", KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "customer#0001"}},
    )  # fmt: skip
    yield bench.measure("dynamodb Query", [query])
