"""Batches, transactions and streams as boto3 sees them."""

from __future__ import annotations

import time
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


def read_all(streams: Any, arn: str, **start: Any) -> list[dict[str, Any]]:
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = {"ShardIteratorType": "TRIM_HORIZON"} | start
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **start)["ShardIterator"]
    records: list[dict[str, Any]] = []
    while iterator is not None:
        page = streams.get_records(ShardIterator=iterator, Limit=2)
        if not page["Records"]:
            break
        records += page["Records"]
        iterator = page.get("NextShardIterator")
    return records


def test_a_stream_tells_every_change_in_order(ddb: Any, sandbox: Any) -> None:
    """What was inserted, modified, removed, with images and sizes; all in one shard (DYNAMODB-004)."""
    table = make_table(
        ddb, sort=None, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    ddb.put_item(TableName=table, Item=key("Fred"))
    ddb.put_item(TableName=table, Item=key("Fred"))
    ddb.put_item(TableName=table, Item=key("Fred") | {"name": {"S": "Fred"}})
    ddb.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": key("Fred")}}])
    streams = sandbox.client("dynamodbstreams")
    (found,) = streams.list_streams(TableName=table)["Streams"]
    arn = found["StreamArn"]
    description = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    child = {"Type": "CHILD_SHARDS", "ShardId": description["Shards"][0]["ShardId"]}
    assert streams.describe_stream(StreamArn=arn, ShardFilter=child)["StreamDescription"]["Shards"] == []
    assert description["StreamStatus"] == "ENABLED" and description["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"}
    ]
    records = read_all(streams, arn)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    changes = [record["dynamodb"] for record in records]
    assert [change["SizeBytes"] for change in changes] == [12, 26, 20]
    assert changes[1]["OldImage"] == key("Fred") and changes[1]["NewImage"]["name"] == {"S": "Fred"}
    assert "NewImage" not in changes[2] and changes[2]["Keys"] == key("Fred")
    numbers = [change["SequenceNumber"] for change in changes]
    assert numbers == sorted(numbers, key=int)
    at = read_all(streams, arn, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=numbers[1])
    after = read_all(streams, arn, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[1])
    assert (len(at), len(after)) == (2, 1)
    assert read_all(streams, arn, ShardIteratorType="LATEST") == []


@pytest.mark.parametrize(
    ("view", "members"),
    [("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"})],
)
def test_views_of_a_stream(ddb: Any, sandbox: Any, view: str, members: set[str]) -> None:
    """A view chooses the images."""
    table = make_table(ddb, sort=None, StreamSpecification={"StreamEnabled": True, "StreamViewType": view})
    ddb.put_item(TableName=table, Item=key("a"))
    ddb.put_item(TableName=table, Item=key("a") | {"x": {"S": "y"}})
    arn = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    last = read_all(sandbox.client("dynamodbstreams"), arn)[-1]["dynamodb"]
    assert set(last) & {"NewImage", "OldImage"} == members


def test_a_stream_that_is_switched_off_is_closed_and_still_readable(ddb: Any, sandbox: Any) -> None:
    """A new one starts empty under another label; iterators of a closed shard come to an end."""
    on = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    table = make_table(ddb, sort=None, StreamSpecification=on)
    ddb.put_item(TableName=table, Item=key("a"))
    old = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    assert error_of(ddb.update_table, TableName=table, StreamSpecification=on)[0] == INVALID
    ddb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    ddb.put_item(TableName=table, Item=key("unseen"))
    streams = sandbox.client("dynamodbstreams")
    assert streams.describe_stream(StreamArn=old)["StreamDescription"]["StreamStatus"] == "DISABLED"
    assert len(read_all(streams, old)) == 1
    ddb.update_table(TableName=table, StreamSpecification=on)
    new = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    assert new != old and read_all(streams, new) == []


def test_stream_records_are_gone_after_a_day_and_iterators_after_a_quarter_of_an_hour(fresh_sandbox: Any) -> None:
    """As at AWS."""
    ddb, streams = fresh_sandbox.client("dynamodb"), fresh_sandbox.client("dynamodbstreams")
    table = make_table(ddb, sort=None, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    ddb.put_item(TableName=table, Item=key("a"))
    arn = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    fresh_sandbox.advance_clock(1000)
    expired = error_of(streams.get_records, ShardIterator=iterator["ShardIterator"])
    assert expired[0] == "ExpiredIteratorException"
    (record,) = read_all(streams, arn)
    fresh_sandbox.advance_clock(90_000)
    assert read_all(streams, arn) == []
    place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": record["dynamodb"]["SequenceNumber"]}
    assert (
        error_of(streams.get_shard_iterator, StreamArn=arn, ShardId=shard, **place)[0] == "TrimmedDataAccessException"
    )
    ddb.put_item(TableName=table, Item=key("b"))
    ddb.delete_table(TableName=table)
    assert len(read_all(streams, arn)) == 1
    fresh_sandbox.advance_clock(120_000)
    deadline = time.monotonic() + 10
    while streams.list_streams(TableName=table)["Streams"]:
        assert time.monotonic() < deadline, "a stream outlives its table by a day"


def test_streams_that_are_not_there(sandbox: Any, ddb: Any, table: str) -> None:
    """Told by ARN."""
    streams = sandbox.client("dynamodbstreams")
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"] + "/stream/2020-01-01T00:00:00.000"
    assert error_of(streams.describe_stream, StreamArn=arn) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {arn} not found",
    )
    assert error_of(streams.get_records, ShardIterator="nonsense") == (INVALID, "Invalid ShardIterator")
    foreign = "there-is-no-table-behind-a-name-like-this-one"
    for call in (
        lambda: streams.describe_stream(StreamArn=foreign),
        lambda: streams.get_shard_iterator(StreamArn=foreign, ShardId="s" * 30, ShardIteratorType="LATEST"),
        lambda: streams.list_streams(ExclusiveStartStreamArn=foreign),
    ):
        assert error_of(call) == (INVALID, "Invalid StreamArn")


def test_what_pages_and_places_of_streams_can_be(sandbox: Any, ddb: Any) -> None:
    """Limits that the model does not know, and a place that only two kinds of iterators have."""
    streams = sandbox.client("dynamodbstreams")
    table = make_table(ddb, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    arn = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    place = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
    iterator = streams.get_shard_iterator(**place)["ShardIterator"]
    for call, most in (
        (lambda limit: streams.list_streams(Limit=limit), 100),
        (lambda limit: streams.describe_stream(StreamArn=arn, Limit=limit), 100),
        (lambda limit: streams.get_records(ShardIterator=iterator, Limit=limit), 1000),
    ):
        call(limit=most)
        assert error_of(call, limit=most + 1) == (
            INVALID,
            f"1 validation error detected: Value '{most + 1}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}",
        )
    sequence = shard["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in ("LATEST", "TRIM_HORIZON"):
        needless = place | {"ShardIteratorType": kind, "SequenceNumber": sequence}
        assert error_of(streams.get_shard_iterator, **needless) == (
            INVALID,
            "One or more parameter values were invalid: SequenceNumber should not be passed for this iterator type",
        )
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        needy = place | {"ShardIteratorType": kind}
        assert error_of(streams.get_shard_iterator, **needy) == (
            INVALID,
            "One or more parameter values were invalid: Invalid SequenceNumber",
        )
        assert error_of(streams.get_shard_iterator, **needy, SequenceNumber="0" * 20 + "1") == (
            INVALID,
            "Invalid SequenceNumber for the shard",
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
