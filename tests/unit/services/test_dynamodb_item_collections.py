"""Item collections, whose limit of 10 GB is lowered here: what grows one beyond it is refused, and their counters
are the sizes of their rows whatever was written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.conftest import Cloud, new_cloud

from mrak.core.errors import ApiError
from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope
from mrak.services.dynamodb import item_collections
from mrak.services.dynamodb.tables import (
    COLLECTIONS,
    INDEX_ROWS,
    ITEMS,
    TABLES,
    compile_schema,
    row_size_bytes,
    unpack_row,
)
from mrak.store.keys import prefix_end

SCOPE = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, "us-east-1")
TOO_LARGE = ("ItemCollectionSizeLimitExceededException", "Collection size exceeded.")
# An item has 7 bytes and its filler, two more for each of l and g; its row in the local index has 8.
ROOM = 100


@pytest.fixture
def small(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setattr(item_collections, "MOST_BYTES", ROOM)
    make_table(cloud)
    return cloud


def make_table(cloud: Cloud, name: str = "music") -> None:
    cloud.call(
        "dynamodb",
        "CreateTable",
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", "l", "g")],
        LocalSecondaryIndexes=[index("lsi", "pk", "l", "KEYS_ONLY")],
        GlobalSecondaryIndexes=[index("gsi", "g", "pk", "ALL")],
        BillingMode="PAY_PER_REQUEST",
    )


def index(name: str, partition: str, sort: str, projection: str) -> dict[str, Any]:
    keys = [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": projection}}


def item(sk: str, filler: int, pk: str = "p", **more: str) -> dict[str, Any]:
    texts = {"pk": pk, "sk": sk, "f": "x" * filler, **more}
    return {name: {"S": text} for name, text in texts.items()}


def put(cloud: Cloud, *args: Any, **more: str) -> dict[str, Any]:
    return cloud.call(
        "dynamodb", "PutItem", TableName="music", Item=item(*args, **more), ReturnItemCollectionMetrics="SIZE"
    )


def refusal(call: Any, *args: Any, **params: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(*args, **params)
    return caught.value


def told(error: ApiError) -> tuple[str, str]:
    return error.code, error.message


def counters(cloud: Cloud, table: str) -> tuple[dict[bytes, int], dict[bytes, int]]:
    """The counters of a table's collections, and what its rows measure."""

    def look(tx: Any) -> tuple[dict[bytes, int], dict[bytes, int]]:
        record = TABLES.get(tx, SCOPE, table)
        assert record is not None
        schema = compile_schema(SCOPE, record)
        start = COLLECTIONS.prefix(SCOPE, record.number)
        counted = {key[len(start) :]: int.from_bytes(raw, "big") for key, raw in tx.scan(start, prefix_end(start))}
        measured: dict[bytes, int] = {}
        prefixes = [ITEMS.prefix(SCOPE, record.number)]
        prefixes += [INDEX_ROWS.prefix(SCOPE, record.number, it.number) for it in record.indexes if not it.is_global]
        for prefix in prefixes:
            for _, row in tx.scan(prefix, prefix_end(prefix)):
                partition = unpack_row(row)["pk"]["S"].encode()
                place = schema.spread((partition,)) + partition.replace(b"\x00", b"\x00\xff") + b"\x00\x01"
                measured[place] = measured.get(place, 0) + row_size_bytes(row)
        return counted, measured

    return in_transaction(cloud, look)


def in_transaction(cloud: Cloud, act: Any) -> Any:
    async def run() -> Any:
        environment = await cloud.app.environments.require(DEFAULT_ENVIRONMENT)
        return await environment.transact(act)

    return cloud.loop.run_until_complete(run())


def test_puts_and_updates_that_grow_a_collection_too_much_are_refused(small: Cloud) -> None:
    """To the byte, with rows of local indexes and without those of global ones; nothing of a refused write stays."""
    put(small, "1", 41, l="1")
    put(small, "2", 33, g="1")
    assert told(refusal(put, small, "3", 0)) == TOO_LARGE
    grow = {"TableName": "music", "Key": {"pk": {"S": "p"}, "sk": {"S": "2"}}, "UpdateExpression": "SET f = :f"}
    values = {":f": {"S": "x" * 34}}
    assert told(refusal(small.call, "dynamodb", "UpdateItem", **grow, ExpressionAttributeValues=values)) == TOO_LARGE
    assert small.call("dynamodb", "Query", **query("p"))["Count"] == 2
    assert counters(small, "music")[0] == counters(small, "music")[1]
    assert sum(counters(small, "music")[0].values()) == ROOM


def query(pk: str) -> dict[str, Any]:
    values = {":p": {"S": pk}}
    return {"TableName": "music", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": values}


def test_a_full_collection_can_shrink_and_others_grow(small: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is larger than it may be; once there is room again, it may grow."""
    monkeypatch.setattr(item_collections, "MOST_BYTES", 1000)
    put(small, "1", 100)
    put(small, "2", 100)
    monkeypatch.setattr(item_collections, "MOST_BYTES", ROOM)
    put(small, "1", 90, pk="q")
    put(small, "1", 99)
    assert told(refusal(put, small, "2", 101)) == TOO_LARGE
    assert told(refusal(put, small, "3", 0)) == TOO_LARGE
    small.call("dynamodb", "DeleteItem", TableName="music", Key={"pk": {"S": "p"}, "sk": {"S": "1"}})
    assert told(refusal(put, small, "3", 0)) == TOO_LARGE
    small.call("dynamodb", "DeleteItem", TableName="music", Key={"pk": {"S": "p"}, "sk": {"S": "2"}})
    put(small, "3", 80)
    assert counters(small, "music")[0] == counters(small, "music")[1]


def test_batches_and_statements(small: Cloud) -> None:
    """A batch of writes fails as a whole; a batch of statements has the error in its place and keeps the others."""
    batch = {"music": [{"PutRequest": {"Item": item(sk, 50)}} for sk in ("1", "2")]}
    assert told(refusal(small.call, "dynamodb", "BatchWriteItem", RequestItems=batch)) == TOO_LARGE
    assert small.call("dynamodb", "Query", **query("p"))["Count"] == 0
    filler = "x" * 50
    insert = "INSERT INTO music VALUE {'pk': 'p', 'sk': '%s', 'f': '" + filler + "'}"
    statements = [{"Statement": insert % sk} for sk in ("1", "2")]
    answers = small.call("dynamodb", "BatchExecuteStatement", Statements=statements)["Responses"]
    assert answers[0] == {"TableName": "music"}
    assert answers[1] == {"Error": {"Code": "ItemCollectionSizeLimitExceeded", "Message": TOO_LARGE[1]}}
    assert told(refusal(small.call, "dynamodb", "ExecuteStatement", Statement=insert % "2")) == TOO_LARGE
    assert small.call("dynamodb", "Query", **query("p"))["Count"] == 1
    assert counters(small, "music")[0] == counters(small, "music")[1]


def test_transactions_are_cancelled(small: Cloud) -> None:
    """With the reason in the place of each action that grows its collection too much."""
    puts = [
        {"Put": {"TableName": "music", "Item": item(sk, 50, pk=pk)}} for sk, pk in (("1", "p"), ("1", "q"), ("2", "p"))
    ]
    error = refusal(small.call, "dynamodb", "TransactWriteItems", TransactItems=puts)
    assert error.code == "TransactionCanceledException"
    reason = {"Code": "ItemCollectionSizeLimitExceeded", "Message": "Collection size exceeded."}
    assert error.fields is not None
    assert error.fields["CancellationReasons"] == [{"Code": "None"}, {"Code": "None"}, reason]
    assert small.call("dynamodb", "Scan", TableName="music")["Count"] == 0
    assert counters(small, "music") == ({}, {})


def test_sizes_are_told_in_gigabytes(small: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """ReturnItemCollectionMetrics tells between which whole gigabytes the collection is; a gigabyte is smaller here."""
    monkeypatch.setattr(item_collections, "_GIGABYTE", 20)
    ranges = [put(small, str(sk), 12)["ItemCollectionMetrics"]["SizeEstimateRangeGB"] for sk in range(4)]
    assert ranges == [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]


def test_tables_of_earlier_versions_are_measured_once(small: Cloud) -> None:
    """Their collections have no counters; the first write of each one takes its rows into account."""
    put(small, "1", 60, l="1")

    def forget(tx: Any) -> None:
        record = TABLES.open(tx, SCOPE, "music")
        assert record is not None and record.counts_collections
        TABLES.replace(tx, SCOPE, record, structs.replace(record, counts_collections=False))
        COLLECTIONS.clear(tx, SCOPE, record.number)

    in_transaction(small, forget)
    assert told(refusal(put, small, "2", 30)) == TOO_LARGE
    put(small, "2", 10)
    assert counters(small, "music")[0] == counters(small, "music")[1]


def test_restored_tables_are_counted(small: Cloud) -> None:
    """Their rows are copied and not written one by one; dropping a table drops its counters."""
    for sk in "123":
        put(small, sk, 10, l=sk)
        put(small, sk, 5, pk="a\x00b", l=sk)
    made = small.call("dynamodb", "CreateBackup", TableName="music", BackupName="backup")["BackupDetails"]
    small.call("dynamodb", "RestoreTableFromBackup", TargetTableName="again", BackupArn=made["BackupArn"])
    counted, measured = counters(small, "again")
    assert len(counted) == 2 and counted == measured
    number = in_transaction(small, lambda tx: TABLES.get(tx, SCOPE, "again").number)  # type: ignore[union-attr]
    small.call("dynamodb", "DeleteTable", TableName="again")
    start = COLLECTIONS.prefix(SCOPE, number)
    assert in_transaction(small, lambda tx: tx.count(start, prefix_end(start))) == 0


names = st.sampled_from(["a", "b", "\x00", "a\x00\x01"])
writes = st.lists(
    st.tuples(st.sampled_from(["put", "update", "delete"]), names, names, st.integers(0, 30), st.none() | names),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(writes)
def test_counters_are_what_rows_measure(made: list[tuple[str, str, str, int, str | None]]) -> None:
    """Whatever is put, changed and deleted, in and out of the index."""
    cloud = new_cloud()
    try:
        make_table(cloud)
        for kind, pk, sk, filler, local in made:
            write(cloud, kind, pk, sk, filler, local)
        counted, measured = counters(cloud, "music")
        assert counted == measured
    finally:
        cloud.close()


def write(cloud: Cloud, kind: str, pk: str, sk: str, filler: int, local: str | None) -> None:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    more = {} if local is None else {"l": local, "g": local}
    if kind == "put":
        cloud.call("dynamodb", "PutItem", TableName="music", Item=item(sk, filler, pk, **more))
    elif kind == "delete":
        cloud.call("dynamodb", "DeleteItem", TableName="music", Key=key)
    else:
        update = "REMOVE l, g" if local is None else "SET f = :f, l = :l"
        values = {} if local is None else {"ExpressionAttributeValues": {":f": {"S": "x" * filler}, ":l": {"S": local}}}
        cloud.call("dynamodb", "UpdateItem", TableName="music", Key=key, UpdateExpression=update, **values)
