"""Batches and transactions as boto3 sees them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture
def table(ddb: Any) -> str:
    return make_table(ddb, sort=None)


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}}


def names(ddb: Any, table: str) -> set[str]:
    return {item["pk"]["S"] for item in ddb.scan(TableName=table)["Items"]}


def test_batches_write_and_read_over_tables(ddb: Any, table: str) -> None:
    """Puts and deletes of several tables, and what is not there left out."""
    other = make_table(ddb, sort=None)
    ddb.put_item(TableName=table, Item=key("gone"))
    answer = ddb.batch_write_item(
        RequestItems={
            table: [{"PutRequest": {"Item": key("a")}}, {"DeleteRequest": {"Key": key("gone")}}],
            other: [{"PutRequest": {"Item": key("b")}}],
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["UnprocessedItems"] == {}
    assert {it["TableName"]: it["CapacityUnits"] for it in answer["ConsumedCapacity"]} == {table: 2.0, other: 1.0}
    got = ddb.batch_get_item(
        RequestItems={table: {"Keys": [key("a"), key("gone")]}, other: {"Keys": [key("b")], "ConsistentRead": True}}
    )
    assert got["Responses"] == {table: [key("a")], other: [key("b")]}
    assert got["UnprocessedKeys"] == {}


def test_batches_that_are_refused(ddb: Any, table: str) -> None:
    """Doubled keys, too many, wrong keys, tables that are not there."""
    doubled = [{"PutRequest": {"Item": key("a")}}, {"DeleteRequest": {"Key": key("a")}}]
    duplicates = (INVALID, "Provided list of item keys contains duplicates")
    assert error_of(ddb.batch_write_item, RequestItems={table: doubled}) == duplicates
    assert error_of(ddb.batch_get_item, RequestItems={table: {"Keys": [key("a"), key("a")]}}) == duplicates
    assert error_of(ddb.batch_write_item, RequestItems={table: [{"PutRequest": {"Item": {"x": {"S": "a"}}}}]}) == (
        INVALID,
        "The provided key element does not match the schema",
    )
    assert error_of(ddb.batch_get_item, RequestItems={"nowhere": {"Keys": [key("a")]}}) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    halves = {
        name: [{"PutRequest": {"Item": key(str(number))}} for number in range(13)]
        for name in (table, make_table(ddb, sort=None))
    }
    assert error_of(ddb.batch_write_item, RequestItems=halves)[1] == (
        "Too many items requested for the BatchWriteItem call"
    )


def test_a_batch_get_of_more_than_16_mb_leaves_keys_unprocessed(ddb: Any, table: str) -> None:
    """The caller asks again for those."""
    for number in range(42):
        ddb.put_item(TableName=table, Item=key(str(number)) | {"x": {"S": "x" * 409_000}})
    keys = [key(str(number)) for number in range(42)]
    got = ddb.batch_get_item(RequestItems={table: {"Keys": keys}})
    left = got["UnprocessedKeys"][table]["Keys"]
    assert len(got["Responses"][table]) + len(left) == 42 and len(left) == 1


def test_a_transaction_writes_all_or_nothing(ddb: Any, table: str) -> None:
    """One failed condition, and none of the others took effect; each item has its reason."""
    ddb.put_item(TableName=table, Item=key("there") | {"v": {"N": "1"}})
    with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
        ddb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": key("new")}},
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": key("there"),
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
                {
                    "Update": {
                        "TableName": table,
                        "Key": key("third"),
                        "UpdateExpression": "SET v = w",
                    }
                },
            ]
        )
    answer = caught.value.response
    assert answer["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, ValidationError]"
    )
    assert answer["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": key("there") | {"v": {"N": "1"}},
        },
        {
            "Code": "ValidationError",
            "Message": "The provided expression refers to an attribute that does not exist in the item",
        },
    ]
    assert names(ddb, table) == {"there"}


def test_a_transaction_of_every_action(ddb: Any, table: str) -> None:
    """And its capacity: twice that of single writes."""
    ddb.put_item(TableName=table, Item=key("d"))
    answer = ddb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": key("p")}},
            {"Delete": {"TableName": table, "Key": key("d")}},
            {
                "Update": {
                    "TableName": table,
                    "Key": key("u"),
                    "UpdateExpression": "ADD n :n",
                    "ExpressionAttributeValues": {":n": {"N": "1"}},
                }
            },
            {
                "ConditionCheck": {
                    "TableName": table,
                    "Key": key("c"),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert names(ddb, table) == {"p", "u"}
    assert answer["ConsumedCapacity"] == [{"TableName": table, "CapacityUnits": 8.0, "WriteCapacityUnits": 8.0}]
    got = ddb.transact_get_items(
        TransactItems=[{"Get": {"TableName": table, "Key": key(name)}} for name in ("p", "nope")],
        ReturnConsumedCapacity="TOTAL",
    )
    assert got["Responses"] == [{"Item": key("p")}, {}]
    assert got["ConsumedCapacity"][0]["ReadCapacityUnits"] == 4.0


def test_a_token_makes_a_repeated_transaction_a_success_without_effect(fresh_sandbox: Any) -> None:
    """For ten minutes, and only for the same request."""
    ddb = fresh_sandbox.client("dynamodb")
    table = make_table(ddb, sort=None)
    token = str(uuid.uuid4())

    def add(amount: str) -> dict[str, Any]:
        update = {
            "TableName": table,
            "Key": key("n"),
            "UpdateExpression": "ADD n :n",
            "ExpressionAttributeValues": {":n": {"N": amount}},
        }
        return {"TransactItems": [{"Update": update}], "ClientRequestToken": token}

    def total() -> str:
        return str(ddb.get_item(TableName=table, Key=key("n"))["Item"]["n"]["N"])

    ddb.transact_write_items(**add("1"))
    ddb.transact_write_items(**add("1"))
    assert total() == "1"
    assert error_of(ddb.transact_write_items, **add("2"))[0] == "IdempotentParameterMismatchException"
    fresh_sandbox.advance_clock(601)
    ddb.transact_write_items(**add("1"))
    assert total() == "2"


CANCELLED = "TransactionCanceledException"
MISMATCH = (
    "IdempotentParameterMismatchException",
    "Specified idempotent token was used with different request parameters within the idempotency window",
)


def test_what_makes_a_repeated_transaction_the_same(ddb: Any, table: str) -> None:
    """As recorded at AWS: numbers by their value, NONE like nothing, statements without the space around them; what is
    to be reported counts, and both APIs share their tokens."""
    statement = f"INSERT INTO \"{table}\" VALUE {{'pk': 'told', 'n': ?}}"

    def put(number: str, **more: Any) -> dict[str, Any]:
        action = {"Put": {"TableName": table, "Item": {**key("same"), "n": {"N": number}}, **more}}
        return {"TransactItems": [action], "ClientRequestToken": "same-put", "ReturnConsumedCapacity": "INDEXES"}

    def insert(text: str, number: str) -> dict[str, Any]:
        told = {"Statement": text, "Parameters": [{"N": number}]}
        return {"TransactStatements": [told], "ClientRequestToken": "same-insert", "ReturnConsumedCapacity": "TOTAL"}

    ddb.transact_write_items(**put("1"))
    ddb.execute_transaction(**insert(statement, "1"))
    again = [
        ddb.transact_write_items(**put("1.0", ReturnValuesOnConditionCheckFailure="NONE")),
        ddb.transact_write_items(**put("1e0"), ReturnItemCollectionMetrics="NONE"),
        ddb.execute_transaction(**insert(f"{statement} ", "+1")),
    ]
    assert [answer["ConsumedCapacity"][0]["ReadCapacityUnits"] for answer in again] == [2.0, 2.0, 2.0]
    for changed in (
        put("2"),
        put("1") | {"ReturnConsumedCapacity": "TOTAL"},
        put("1") | {"ReturnItemCollectionMetrics": "SIZE"},
        put("1", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        put("1") | {"ClientRequestToken": "same-insert"},
    ):
        assert error_of(ddb.transact_write_items, **changed) == MISMATCH
    for changed in (insert(statement, "2"), insert(statement, "1") | {"ClientRequestToken": "same-put"}):
        assert error_of(ddb.execute_transaction, **changed) == MISMATCH


def test_a_cancelled_transaction_keeps_its_token_for_itself(ddb: Any, table: str) -> None:
    """It is tried again, but nothing else is under its token; what was no request at all leaves its token free."""
    wanted = {"TableName": table, "Item": key("kept"), "ConditionExpression": "attribute_exists(pk)"}
    freely = {"TableName": table, "Item": key("kept")}
    token = {"ClientRequestToken": "cancelled", "ReturnConsumedCapacity": "TOTAL"}
    assert error_of(ddb.transact_write_items, TransactItems=[{"Put": wanted}], **token)[0] == CANCELLED
    assert error_of(ddb.transact_write_items, TransactItems=[{"Put": freely}], **token) == MISMATCH
    assert error_of(ddb.transact_write_items, TransactItems=[{"Put": wanted}], **token)[0] == CANCELLED
    ddb.put_item(**freely)
    units = [
        ddb.transact_write_items(TransactItems=[{"Put": wanted}], **token)["ConsumedCapacity"][0] for _ in range(2)
    ]
    assert (units[0]["WriteCapacityUnits"], units[1]["ReadCapacityUnits"]) == (2.0, 2.0)
    insert = {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'kept'}}"}
    other = {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'other'}}"}
    told = {"ClientRequestToken": "told-twice"}
    assert error_of(ddb.execute_transaction, TransactStatements=[insert], **told)[0] == CANCELLED
    assert error_of(ddb.execute_transaction, TransactStatements=[other], **told) == MISMATCH
    wrong = {"Update": {"TableName": table, "Key": key("kept"), "UpdateExpression": "SET"}}
    free = {"ClientRequestToken": "free"}
    assert error_of(ddb.transact_write_items, TransactItems=[wrong], **free)[0] == INVALID
    ddb.transact_write_items(TransactItems=[{"Put": freely}], **free)


def test_transactions_that_are_refused(ddb: Any, table: str) -> None:
    """Two actions on one item, none or several actions in an entry."""
    twice = [{"Put": {"TableName": table, "Item": key("a")}}, {"Delete": {"TableName": table, "Key": key("a")}}]
    assert error_of(ddb.transact_write_items, TransactItems=twice) == (
        INVALID,
        "Transaction request cannot include multiple operations on one item",
    )
    both = [{"Put": {"TableName": table, "Item": key("a")}, "Delete": {"TableName": table, "Key": key("b")}}]
    assert error_of(ddb.transact_write_items, TransactItems=both) == (
        INVALID,
        "TransactItems can only contain one of Check, Put, Update or Delete",
    )


def test_index_rows_follow_transactions(ddb: Any) -> None:
    """A transaction keeps indexes as single writes do."""
    table = make_table(ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    items = [{"Put": {"TableName": table, "Item": key(str(n)) | {"g": {"S": "x"}}}} for n in range(3)]
    ddb.transact_write_items(TransactItems=items)
    assert ddb.scan(TableName=table, IndexName="gsi")["Count"] == 3


def test_an_index_key_that_does_not_fit_cancels_and_an_empty_one_is_refused(ddb: Any) -> None:
    """As the suite measured: an empty value is found before the transaction begins. The first index is named."""
    indexes = [index(name, "g") for name in ("two", "one")]
    table = make_table(ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=indexes)

    def put(value: Any) -> dict[str, Any]:
        return {"Put": {"TableName": table, "Item": key("a") | {"g": value}}}

    def update(value: Any) -> dict[str, Any]:
        change = {"UpdateExpression": "SET g = :g", "ExpressionAttributeValues": {":g": value}}
        return {"Update": {"TableName": table, "Key": key("a"), **change}}

    for action in (put, update):
        with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
            ddb.transact_write_items(TransactItems=[action({"N": "1"})])
        reasons = caught.value.response["CancellationReasons"]
        assert [it["Message"].rpartition("g Expected: ")[2] for it in reasons] == ["S Actual: N IndexName: one"]
    empty = "The AttributeValue for a key attribute cannot contain an empty string value."
    assert error_of(ddb.transact_write_items, TransactItems=[put({"S": ""})]) == (
        INVALID,
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
        f"{empty} IndexName: one, IndexKey: g",
    )
    assert error_of(ddb.transact_write_items, TransactItems=[update({"S": ""})]) == (
        INVALID,
        "One or more parameter values are not valid. The update expression attempted to update a secondary index key "
        f"to a value that is not supported. {empty}",
    )


def test_transactions_leave_out_items_of_which_nothing_is_asked(ddb: Any, table: str) -> None:
    """Where GetItem answers an empty item."""
    ddb.put_item(TableName=table, Item=key("a"))
    get = {"Get": {"TableName": table, "Key": key("a"), "ProjectionExpression": "nothing"}}
    assert ddb.transact_get_items(TransactItems=[get])["Responses"] == [{}]
    assert ddb.get_item(TableName=table, Key=key("a"), ProjectionExpression="nothing")["Item"] == {}


def test_a_key_that_does_not_fit_cancels(ddb: Any, table: str) -> None:
    """Each write and read of a transaction has its reason, before conditions are looked at; an empty key is refused
    before there is a transaction."""
    wrong = {"pk": {"N": "1"}}
    mismatch = "The provided key element does not match the schema"
    check = {"TableName": table, "Key": key("none"), "ConditionExpression": "attribute_exists(pk)"}

    def reasons(call: Any, *actions: dict[str, Any]) -> list[dict[str, Any]]:
        with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
            call(TransactItems=list(actions))
        found: list[dict[str, Any]] = caught.value.response["CancellationReasons"]
        return found

    put = {"Put": {"TableName": table, "Item": wrong}}
    assert reasons(ddb.transact_write_items, {"ConditionCheck": check}, put) == [
        {"Code": "None"},
        {
            "Code": "ValidationError",
            "Message": "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N",
        },
    ]
    delete = {"Delete": {"TableName": table, "Key": wrong}}
    assert reasons(ddb.transact_write_items, delete) == [{"Code": "ValidationError", "Message": mismatch}]
    get = {"Get": {"TableName": table, "Key": wrong}}
    assert reasons(ddb.transact_get_items, get) == [{"Code": "ValidationError", "Message": mismatch}]
    # Of several the first is told.
    for call, action in ((ddb.transact_write_items, delete), (ddb.transact_get_items, get)):
        assert [reason["Code"] for reason in reasons(call, action, action)] == ["ValidationError", "None"]
    empty = {"Delete": {"TableName": table, "Key": key("")}}
    assert error_of(ddb.transact_write_items, TransactItems=[empty]) == (
        INVALID,
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
        "string value. Key: pk",
    )


def test_projections_do_not_look_into_keys(ddb: Any, table: str) -> None:
    """Of a batch and of a transaction as of GetItem; a transaction tells it as the reason."""
    told = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk"
    batch = {table: {"Keys": [key("a")], "ProjectionExpression": "x, pk.a"}}
    assert error_of(ddb.batch_get_item, RequestItems=batch) == (INVALID, told)
    get = {"Get": {"TableName": table, "Key": key("a"), "ProjectionExpression": "pk[0]"}}
    with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
        ddb.transact_get_items(TransactItems=[get])
    assert caught.value.response["CancellationReasons"] == [{"Code": "ValidationError", "Message": told}]


def test_how_much_a_transaction_carries(ddb: Any) -> None:
    """4 MB go into one; how large the items are that it deletes does not matter."""
    table = make_table(ddb, sort=None)
    large = [{"Put": {"TableName": table, "Item": key(str(n)) | {"v": {"S": "x" * 350_000}}}} for n in range(13)]
    assert error_of(ddb.transact_write_items, TransactItems=large) == (
        INVALID,
        "Transaction payload size cannot exceed 4 MB",
    )
    for put in large:
        ddb.put_item(**put["Put"])
    ddb.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": key(str(n))}} for n in range(13)])
    assert ddb.scan(TableName=table)["Count"] == 0


@pytest.mark.parametrize(
    ("section", "value", "current", "older"),
    [
        ("ADD", {"S": "x"}, ("STRING", "ADD"), ("STRING", "ADD")),
        ("ADD", {"BOOL": True}, ("BOOL", "ADD"), ("BOOLEAN", "ADD")),
        ("DELETE", {"N": "1"}, ("NUMBER", "ADD"), ("NUMBER", "DELETE")),
    ],
)
def test_operands_of_add_and_delete(
    ddb: Any, table: str, section: str, value: dict[str, Any], current: tuple[str, str], older: tuple[str, str]
) -> None:
    """UpdateItem answers in its current words, a transaction in the older ones; the item need not be there."""
    update = {
        "TableName": table,
        "Key": key("nobody"),
        "UpdateExpression": f"{section} nope :v",
        "ExpressionAttributeValues": {":v": value},
    }

    def words(kind: str, of: str) -> str:
        start = f"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: {section}, "
        return f"{start}operand type: {kind}, typeSet: ALLOWED_FOR_{of}_OPERAND"

    message = error_of(ddb.update_item, **update, ConditionExpression="attribute_exists(nope)")[1]
    assert message == f"1 validation error detected: {words(*current)}"
    assert error_of(ddb.transact_write_items, TransactItems=[{"Update": update}]) == (INVALID, words(*older))
