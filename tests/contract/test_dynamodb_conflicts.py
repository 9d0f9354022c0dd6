"""Transactions that meet: who is cancelled, who is refused, and that nothing is lost by it (DYNAMODB-012).

Commits take their time on files, so requests that are asked for together do meet there.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Cloud, new_cloud
from tests.contract.dynamodb import make_table

from mrak.core.errors import ApiError

TABLE = "conflicts"
ONGOING = "Transaction is ongoing for the item"
CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = new_cloud(memory=False, data=tmp_path_factory.mktemp("conflicts"))
    made.call(
        "dynamodb",
        "CreateTable",
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield made
    made.close()


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}}


def count(name: str, **more: Any) -> dict[str, Any]:
    """A transaction's update that counts one up."""
    expression = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    return {"Update": {"TableName": TABLE, "Key": key(name), **expression, **more}}


def together(cloud: Cloud, *requests: tuple[str, dict[str, Any]]) -> list[Any]:
    """Asks for all before the first is on disk; answers and errors in their order."""

    async def ask() -> list[Any]:
        asked = [cloud.call_async("dynamodb", operation, **params) for operation, params in requests]
        return await asyncio.gather(*asked, return_exceptions=True)

    return cloud.loop.run_until_complete(ask())


def told(answer: Any) -> tuple[str, str]:
    assert isinstance(answer, ApiError), answer
    return answer.code, answer.message


def test_of_two_transactions_on_an_item_one_is_cancelled(stored: Cloud) -> None:
    """The reason stands at the item that both name; what the other did is whole, and later ones go through."""
    first, second, apart = together(
        stored,
        ("TransactWriteItems", {"TransactItems": [count("a"), count("b")]}),
        ("TransactWriteItems", {"TransactItems": [count("c"), count("b")]}),
        ("TransactWriteItems", {"TransactItems": [count("d")]}),
    )
    assert first == apart == {}
    assert told(second) == ("TransactionCanceledException", f"{CANCELLED} [None, TransactionConflict]")
    assert second.fields["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "TransactionConflict", "Message": ONGOING},
    ]
    assert stored.call("dynamodb", "TransactWriteItems", TransactItems=[count("b")]) == {}
    got = stored.call("dynamodb", "GetItem", TableName=TABLE, Key=key("b"))
    assert got["Item"]["n"] == {"N": "2"}
    assert "Item" not in stored.call("dynamodb", "GetItem", TableName=TABLE, Key=key("c"))


def test_single_writes_that_meet_a_transaction_are_refused(stored: Cloud) -> None:
    """Put, update, delete and their PartiQL forms; of a batch only what meets it is left, a batch of statements says
    so for its statement."""
    statement = f"UPDATE \"{TABLE}\" SET x = 1 WHERE pk = 'e'"
    writes = [
        ("PutItem", {"TableName": TABLE, "Item": key("e")}),
        ("UpdateItem", {"TableName": TABLE, "Key": key("e")}),
        ("DeleteItem", {"TableName": TABLE, "Key": key("e")}),
        ("ExecuteStatement", {"Statement": statement}),
    ]
    puts = [{"PutRequest": {"Item": key(name)}} for name in ("e", "f")]
    done, *refused, batch, statements = together(
        stored,
        ("TransactWriteItems", {"TransactItems": [count("e"), count("beside e")]}),
        *writes,
        ("BatchWriteItem", {"RequestItems": {TABLE: puts}}),
        ("BatchExecuteStatement", {"Statements": [{"Statement": statement}]}),
    )
    assert done == {}
    assert [told(answer) for answer in refused] == [("TransactionConflictException", ONGOING)] * len(writes)
    assert batch["UnprocessedItems"] == {TABLE: puts[:1]}
    assert statements["Responses"] == [{"Error": {"Code": "TransactionConflict", "Message": ONGOING}}]
    assert stored.call("dynamodb", "GetItem", TableName=TABLE, Key=key("f"))["Item"] == key("f")


def test_reads_beside_a_transaction(stored: Cloud) -> None:
    """A single read is answered; a transaction of reads is cancelled, in both languages, and so is a check."""
    get = {"Get": {"TableName": TABLE, "Key": key("g")}}
    check = {
        "ConditionCheck": {
            "TableName": TABLE,
            "Key": key("g"),
            "ConditionExpression": "attribute_exists(n)",
        }
    }
    select = {"Statement": f"SELECT * FROM \"{TABLE}\" WHERE pk = 'g'"}
    done, single, *cancelled = together(
        stored,
        ("TransactWriteItems", {"TransactItems": [count("g"), count("beside g")]}),
        ("GetItem", {"TableName": TABLE, "Key": key("g")}),
        ("TransactGetItems", {"TransactItems": [get]}),
        ("ExecuteTransaction", {"TransactStatements": [select]}),
        ("TransactWriteItems", {"TransactItems": [check]}),
    )
    assert done == {} and "ConsumedCapacity" not in single
    assert [told(answer) for answer in cancelled] == [
        ("TransactionCanceledException", f"{CANCELLED} [TransactionConflict]")
    ] * len(cancelled)


def test_transactions_of_one_action_are_in_nobodys_way(stored: Cloud) -> None:
    """They take effect one after another, as measured at AWS: of those that make an item one does and the others fail
    by their condition, those that add to it all do, beside writes by themselves."""
    put = {"Put": {"TableName": TABLE, "Item": key("j"), "ConditionExpression": "attribute_not_exists(pk)"}}
    statement = f"UPDATE \"{TABLE}\" SET x = 1 WHERE pk = 'j'"
    made, *late = together(stored, *[("TransactWriteItems", {"TransactItems": [put]})] * 3)
    assert made == {}
    assert [told(answer)[1] for answer in late] == [f"{CANCELLED} [ConditionalCheckFailed]"] * 2
    answers = together(
        stored,
        *[("TransactWriteItems", {"TransactItems": [count("j")]})] * 3,
        ("ExecuteTransaction", {"TransactStatements": [{"Statement": statement}]}),
        ("UpdateItem", count("j")["Update"]),
        ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": TABLE, "Key": key("j")}}]}),
    )
    assert not [answer for answer in answers if isinstance(answer, ApiError)]
    item = stored.call("dynamodb", "GetItem", TableName=TABLE, Key=key("j"))["Item"]
    assert item == key("j") | {"n": {"N": "4"}, "x": {"N": "1"}}


def test_a_token_under_way(stored: Cloud) -> None:
    """The same request again, before the first has its answer: in progress, then a success without effect."""
    request = {"TransactItems": [count("h")], "ClientRequestToken": "twice"}
    done, again = together(stored, ("TransactWriteItems", request), ("TransactWriteItems", request))
    assert done == {}
    assert told(again) == (
        "TransactionInProgressException",
        "The transaction with the given request token is already in progress.",
    )
    assert stored.call("dynamodb", "TransactWriteItems", **request) == {}
    assert stored.call("dynamodb", "GetItem", TableName=TABLE, Key=key("h"))["Item"]["n"] == {"N": "1"}


def test_what_failed_holds_nothing(stored: Cloud) -> None:
    """A transaction whose condition fails frees its items at once."""
    failing = count("i", ConditionExpression="attribute_exists(never)")
    failed, other = together(
        stored,
        ("TransactWriteItems", {"TransactItems": [failing]}),
        ("PutItem", {"TableName": TABLE, "Item": key("i")}),
    )
    assert told(failed)[0] == "TransactionCanceledException"
    assert other == {}


def test_clients_that_count_together_lose_nothing(sandbox: Any) -> None:
    """Four clients over the wire add to two counters: each is told what became of its transaction, and the counters
    hold exactly the successes."""
    ddb = sandbox.client("dynamodb")
    table = make_table(ddb, sort=None)
    updates = [{"Update": count(name)["Update"] | {"TableName": table}} for name in ("n", "o")]

    def add(_: int) -> bool:
        try:
            ddb.transact_write_items(TransactItems=updates)
        except ClientError as error:
            assert error.response["CancellationReasons"] == [{"Code": "TransactionConflict", "Message": ONGOING}] * 2
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        succeeded = sum(pool.map(add, range(60)))
    assert succeeded > 0
    for name in ("n", "o"):
        assert ddb.get_item(TableName=table, Key=key(name))["Item"]["n"] == {"N": str(succeeded)}
