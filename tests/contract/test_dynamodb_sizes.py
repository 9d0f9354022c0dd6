"""The limit of 400 KB to the byte, on every surface that writes: what the public conformance suite measured at AWS.

All measure the finished item, but for UpdateItem with an expression: it is charged for what it writes and for each
clause, whatever the item is.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from tests.contract.dynamodb import INVALID, error_of, index, make_table

MOST = 409_600
PUT = "Item size has exceeded the maximum allowed size"
UPDATE = "Item size to update has exceeded the maximum allowed size"


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture(scope="module")
def table(ddb: Any) -> str:
    return make_table(ddb, sort=None)


def fill(size: int, *taken: int) -> dict[str, str]:
    return {"S": "x" * (size - sum(taken))}


@pytest.mark.parametrize(
    ("number", "size"),
    [
        ("0", 1),
        ("1", 2),
        ("12", 2),
        ("123", 3),
        ("1234", 3),
        ("12345678901234567890123456789012345678", 20),
        ("0042", 2),
        ("100", 2),
        ("1010", 3),
        ("0.0000001", 2),
        ("1E125", 2),
        ("1E-100", 2),
        ("1.5", 3),
        ("15", 2),
        ("1.200", 3),
        ("1.234", 4),
        ("3.14159", 5),
        ("123456", 4),
        ("100.5", 4),
        ("0.15", 2),
        ("-42", 3),
        ("-0", 1),
    ],
)
def test_sizes_of_numbers(ddb: Any, table: str, number: str, size: int) -> None:
    """Digits before and after the point are counted apart, two to a byte."""
    item = {"pk": {"S": "n"}, "n": {"N": number}}
    taken = (3, 1, size, 1)
    ddb.put_item(TableName=table, Item={**item, "p": fill(MOST, *taken)})
    code, message = error_of(ddb.put_item, TableName=table, Item={**item, "p": fill(MOST + 1, *taken)})
    assert code == INVALID and message.endswith(PUT)


def test_surfaces_that_measure_the_item(ddb: Any, table: str) -> None:
    """Batches, PartiQL and transactions: the last byte that goes, and the words for the first that does not."""

    def batch(value: Any) -> None:
        ddb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": {"pk": {"S": "b"}, "p": value}}}]})

    def insert(value: Any) -> None:
        ddb.delete_item(TableName=table, Key={"pk": {"S": "i"}})
        ddb.execute_statement(
            Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'p': ?}}", Parameters=[{"S": "i"}, value]
        )

    def update(value: Any) -> None:
        ddb.put_item(TableName=table, Item={"pk": {"S": "u"}})
        ddb.execute_statement(Statement=f'UPDATE "{table}" SET p = ? WHERE pk = ?', Parameters=[value, {"S": "u"}])

    def transact_put(value: Any) -> None:
        put = {"TableName": table, "Item": {"pk": {"S": "t"}, "p": value}}
        ddb.transact_write_items(TransactItems=[{"Put": put}])

    for write, words in ((batch, PUT), (insert, PUT), (update, UPDATE), (transact_put, PUT)):
        write(fill(MOST, 4))
        with pytest.raises(ClientError) as caught:
            write(fill(MOST + 1, 4))
        assert caught.value.response["Error"]["Code"] == INVALID
        assert caught.value.response["Error"]["Message"] == words


def test_updates_in_transactions(ddb: Any, table: str) -> None:
    """The item is known only when the transaction runs, so it is cancelled."""

    def update(value: Any) -> None:
        action = {
            "TableName": table,
            "Key": {"pk": {"S": "t"}},
            "UpdateExpression": "SET p = :p",
            "ExpressionAttributeValues": {":p": value},
        }
        ddb.transact_write_items(TransactItems=[{"Update": action}])

    update(fill(MOST, 4))
    with pytest.raises(ClientError) as caught:
        update(fill(MOST + 1, 4))
    assert caught.value.response["CancellationReasons"] == [{"Code": "ValidationError", "Message": UPDATE}]


def test_what_the_key_and_what_stays_buy_back(ddb: Any, table: str) -> None:
    """With one SET of a name of one byte, 23 bytes are charged beside the value; the finished item is never larger
    than the limit either."""

    def most(key: str, stays: int = 0) -> int:
        item = {"pk": {"S": key}, **({"u": {"S": "y" * stays}} if stays else {})}
        beside = 2 + len(key) + (1 + stays if stays else 0)
        ddb.put_item(TableName=table, Item=item)
        limit = min(MOST - 23, MOST - beside - 1)

        def update(size: int) -> dict[str, Any]:
            return {
                "TableName": table,
                "Key": {"pk": {"S": key}},
                "UpdateExpression": "SET b = :v",
                "ExpressionAttributeValues": {":v": {"S": "x" * size}},
            }

        ddb.update_item(**update(limit))
        code, message = error_of(ddb.update_item, **update(limit + 1))
        assert code == INVALID and message.endswith(UPDATE)
        return limit + beside + 1

    assert most("K") == MOST - 19
    assert most("v" * 15) == MOST - 5
    assert most("K" * 100) == most("K" * 1024) == MOST
    assert most("L", stays=10) - most("K") == 11


@pytest.mark.parametrize(
    ("clause", "charge", "seed", "values"),
    [
        (", c = :c", 19 + 1 + 1, {}, {":c": {"S": "y"}}),
        (", c = :c", 19 + 1 + 500, {}, {":c": {"S": "y" * 500}}),
        (" REMOVE r", 1 + 1, {"r": {"S": "z"}}, {}),
        (", c = abcdefghij", 19 + 1 + 1 + 24, {"abcdefghij": {"S": "y" * 10}}, {}),
        (", c = m.z", 19 + 1 + 1 + 15 + 15, {"m": {"M": {"z": {"S": "y"}}}}, {}),
        (", c = l[10]", 19 + 1 + 1 + 15 + 16, {"l": {"L": [{"S": "e"}] * 11}}, {}),
        (", l = list_append(l, :n)", 19 + 1 + 37 + 16 + 14, {"l": {"L": []}}, {":n": {"L": [{"S": "y" * 10}]}}),
        (", c = if_not_exists(c, :n)", 19 + 1 + 39 + 16 + 105, {}, {":n": {"M": {"a": {"S": "y" * 100}}}}),
        (
            ", c = if_not_exists(c, :n), d = if_not_exists(d, :n)",
            2 * (19 + 1 + 39 + 16 + 100),
            {},
            {":n": {"S": "y" * 100}},
        ),
        (", n = n + :n", 19 + 1 + 34 + 16 + 2, {"n": {"N": "12345678901234567890"}}, {":n": {"N": "1"}}),
        (", n = n - :n", 19 + 1 + 37 + 16 + 2, {"n": {"N": "1"}}, {":n": {"N": "1"}}),
        (" ADD abcdefghij :n", 19 + 10 + 2, {}, {":n": {"N": "1"}}),
        (" ADD ss :n", 19 + 2 + 500, {"ss": {"SS": ["p" * 5]}}, {":n": {"SS": ["s" * 500]}}),
        (" REMOVE m.yyyyyyyyyy", 1 + 1 + 14, {"m": {"M": {"yyyyyyyyyy": {"S": "r"}}}}, {}),
        (" REMOVE l[10]", 1 + 1 + 6, {"l": {"L": [{"S": "e"}] * 11}}, {}),
        (" DELETE ss :n", 1 + 2, {"ss": {"SS": ["p", "q" * 20]}}, {":n": {"SS": ["q" * 20]}}),
        (", d.e = :n", 19 + 1 + 5 + 1, {"d": {"M": {}}}, {":n": {"S": "y"}}),
        (", d[0] = :n", 19 + 1 + 5 + 1, {"d": {"L": [{"S": "e"}]}}, {":n": {"S": "y"}}),
    ],
)
def test_what_each_clause_costs(ddb: Any, table: str, clause: str, charge: int, seed: Any, values: Any) -> None:
    """Beside `SET b = :pad`: one byte more is one too many."""
    key = {"pk": {"S": "C"}}
    ddb.put_item(TableName=table, Item={**key, **seed})

    def update(size: int) -> dict[str, Any]:
        return {
            "TableName": table,
            "Key": key,
            "UpdateExpression": f"SET b = :pad{clause}",
            "ExpressionAttributeValues": {":pad": {"S": "x" * size}, **values},
        }

    padding = MOST - 23 - charge
    code, message = error_of(ddb.update_item, **update(padding + 1))
    assert code == INVALID and message.endswith(UPDATE)
    ddb.update_item(**update(padding))


def test_attribute_updates_measure_the_item(ddb: Any, table: str) -> None:
    """The legacy parameter has no charge."""

    def update(value: Any) -> dict[str, Any]:
        return {
            "TableName": table,
            "Key": {"pk": {"S": "A"}},
            "AttributeUpdates": {"b": {"Action": "PUT", "Value": value}},
        }

    ddb.update_item(**update(fill(MOST, 4)))
    assert error_of(ddb.update_item, **update(fill(MOST + 1, 4))) == (INVALID, UPDATE)


def test_transactions_pay_twice_for_tables_and_once_for_indexes(ddb: Any) -> None:
    """Measured at AWS: preparing is of the table alone. A repetition reads the larger of the item before and after."""
    indexes = {"GlobalSecondaryIndexes": [index("gsi", "g")], "LocalSecondaryIndexes": [index("lsi", "pk", "l")]}
    table = make_table(ddb, attributes={"g": "S", "l": "S"}, **indexes)
    key = {"pk": {"S": "a"}, "sk": {"S": "1"}}

    def paid(action: dict[str, Any]) -> list[float | None]:
        request = {"TransactItems": [action], "ReturnConsumedCapacity": "INDEXES", "ClientRequestToken": uuid4().hex}
        (first,), (again,) = (ddb.transact_write_items(**request)["ConsumedCapacity"] for _ in range(2))
        parts = (first["Table"], *(first.get(f"{kind}SecondaryIndexes", {}) for kind in ("Global", "Local")))
        named = [parts[0], parts[1].get("gsi", {}), parts[2].get("lsi", {})]
        assert all(it.get("WriteCapacityUnits") == it.get("CapacityUnits") for it in named)
        return [first["CapacityUnits"], *(it.get("CapacityUnits") for it in named), again["ReadCapacityUnits"]]

    def put(**attributes: str) -> list[float | None]:
        item = key | {name: {"S": value} for name, value in attributes.items()}
        return paid({"Put": {"TableName": table, "Item": item}})

    assert put(g="g", l="l") == [4, 2, 1, 1, 2]
    assert put(g="h", l="l") == [5, 2, 2, 1, 2], "another key of an index is a deletion and an insertion"
    assert put(g="h", l="l") == [2, 2, None, None, 2]
    assert put(g="h", x="x" * 9000) == [18 + 9 + 1, 18, 9, 1, 6]
    assert put() == [18 + 9, 18, 9, None, 6]
    assert paid({"Delete": {"TableName": table, "Key": key}}) == [2, 2, None, None, 2]
