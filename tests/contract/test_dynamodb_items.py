"""Single items as boto3 sees them: put, get, update, delete, conditions, capacity, and the errors."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture(scope="module")
def simple(ddb: Any) -> str:
    return make_table(ddb, sort=None)


@pytest.fixture(scope="module")
def pair(ddb: Any) -> str:
    return make_table(ddb)


KEY = {"pk": {"S": "k"}}
EVERY_TYPE: dict[str, Any] = {
    "pk": {"S": "every"},
    "n": {"N": "1.50"},
    "b": {"B": b"\x00\xff"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "bs": {"BS": [b"x", b"y"]},
    "l": {"L": [{"S": "null"}, {"M": {}}, {"L": []}]},
    "m": {"M": {"deep": {"M": {"er": {"B": b""}}}, "empty": {"S": ""}}},
}


def test_every_type_comes_back_as_it_was_put(ddb: Any, simple: str) -> None:
    """Stored bytes are handed out unrebuilt; only numbers are normalised. The text "null" must not confuse anyone."""
    ddb.put_item(TableName=simple, Item=EVERY_TYPE)
    got = ddb.get_item(TableName=simple, Key={"pk": {"S": "every"}})["Item"]
    assert got == {**EVERY_TYPE, "n": {"N": "1.5"}}


def test_members_of_sets_come_back_in_order(ddb: Any, simple: str) -> None:
    """Strings and binary values by their bytes, numbers by their value, whoever wrote them; as measured at AWS."""
    texts, numbers = ["b", "é", "\U0001d11e", "a", "", "\uffee", "B"], ["10", "-1", "2", "0.5", "1e2", "-3.5"]
    sets = {"ss": {"SS": texts}, "ns": {"NS": numbers}, "bs": {"BS": [b"\xff", b"\x01", b"", b"\x00\x01"]}}
    ordered = {
        "ss": {"SS": ["", "B", "a", "b", "é", "\uffee", "\U0001d11e"]},
        "ns": {"NS": ["-3.5", "-1", "0.5", "2", "10", "100"]},
        "bs": {"BS": [b"", b"\x00\x01", b"\x01", b"\xff"]},
    }
    ddb.put_item(TableName=simple, Item={**KEY, **sets, "deep": {"L": [{"M": sets}]}})
    assert ddb.get_item(TableName=simple, Key=KEY)["Item"] == {**KEY, **ordered, "deep": {"L": [{"M": ordered}]}}
    options = {"TableName": simple, "Key": KEY, "ReturnValues": "UPDATED_NEW"}
    more = {":s": {"SS": ["A"]}, ":n": {"NS": ["-100", "1"]}}
    got = ddb.update_item(**options, UpdateExpression="ADD ss :s, ns :n", ExpressionAttributeValues=more)["Attributes"]
    assert got["ss"]["SS"] == ["", "A", "B", "a", "b", "é", "\uffee", "\U0001d11e"]
    assert got["ns"]["NS"] == ["-100", "-3.5", "-1", "0.5", "1", "2", "10", "100"]
    legacy = {"bs": {"Action": "ADD", "Value": {"BS": [b"\x00"]}}}
    got = ddb.update_item(**options, AttributeUpdates=legacy)["Attributes"]
    assert got == {"bs": {"BS": [b"", b"\x00", b"\x00\x01", b"\x01", b"\xff"]}}
    statement = f"INSERT INTO \"{simple}\" VALUE {{'pk': 'literal', 'ns': <<10, 9, -1>>}}"
    ddb.execute_statement(Statement=statement)
    assert ddb.get_item(TableName=simple, Key={"pk": {"S": "literal"}})["Item"]["ns"]["NS"] == ["-1", "9", "10"]


def test_what_is_not_there_has_no_item(ddb: Any, simple: str) -> None:
    """Absent is absent, not empty; a projection that matches nothing gives an empty item."""
    assert "Item" not in ddb.get_item(TableName=simple, Key={"pk": {"S": "nobody"}})
    ddb.put_item(TableName=simple, Item=KEY)
    assert ddb.get_item(TableName=simple, Key=KEY, ProjectionExpression="nope")["Item"] == {}


def test_projections(ddb: Any, simple: str) -> None:
    """Nested paths and placeholders, and the legacy list of attributes."""
    ddb.put_item(TableName=simple, Item=EVERY_TYPE)
    key = {"pk": {"S": "every"}}
    got = ddb.get_item(
        TableName=simple, Key=key, ProjectionExpression="#m.deep, l[0]", ExpressionAttributeNames={"#m": "m"}
    )
    assert got["Item"] == {"m": {"M": {"deep": EVERY_TYPE["m"]["M"]["deep"]}}, "l": {"L": [{"S": "null"}]}}
    assert ddb.get_item(TableName=simple, Key=key, AttributesToGet=["t"])["Item"] == {"t": {"BOOL": True}}


def test_old_values_are_returned_when_asked_for(ddb: Any, simple: str) -> None:
    """ALL_OLD of what was there, nothing where nothing was."""
    first = {"pk": {"S": "old"}, "v": {"N": "1"}}
    assert "Attributes" not in ddb.put_item(TableName=simple, Item=first, ReturnValues="ALL_OLD")
    assert (
        ddb.put_item(TableName=simple, Item=KEY | {"pk": {"S": "old"}}, ReturnValues="ALL_OLD")["Attributes"] == first
    )
    gone = ddb.delete_item(TableName=simple, Key={"pk": {"S": "old"}}, ReturnValues="ALL_OLD")
    assert gone["Attributes"] == {"pk": {"S": "old"}}
    assert "Attributes" not in ddb.delete_item(TableName=simple, Key={"pk": {"S": "old"}}, ReturnValues="ALL_OLD")


def test_updates_and_what_they_return(ddb: Any, simple: str) -> None:
    """All five return values, on an item that is new and then not."""
    key = {"pk": {"S": "u"}}

    def update(expression: str, returns: str, **values: Any) -> Any:
        params: dict[str, Any] = {"UpdateExpression": expression, "ReturnValues": returns}
        if values:
            params["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
        return ddb.update_item(TableName=simple, Key=key, **params).get("Attributes")

    assert update("SET n = :n, m = :m", "ALL_OLD", n={"N": "1"}, m={"M": {"x": {"S": "y"}}}) is None
    assert update("SET n = n + :n", "UPDATED_NEW", n={"N": "2"}) == {"n": {"N": "3"}}
    assert update("SET m.x = :n", "UPDATED_OLD", n={"S": "new"}) == {"m": {"M": {"x": {"S": "y"}}}}
    assert update("REMOVE n", "UPDATED_NEW") is None
    assert update("ADD c :n", "ALL_NEW", n={"N": "5"}) == {
        **key,
        "m": {"M": {"x": {"S": "new"}}},
        "c": {"N": "5"},
    }
    assert update("SET c = :n", "NONE", n={"N": "6"}) is None


def test_an_update_that_only_removes_makes_no_item(ddb: Any, simple: str) -> None:
    """While one without any expression makes an item of just its key."""
    key = {"pk": {"S": "ghost"}}
    ddb.update_item(TableName=simple, Key=key, UpdateExpression="REMOVE a")
    assert "Item" not in ddb.get_item(TableName=simple, Key=key)
    ddb.update_item(TableName=simple, Key=key)
    assert ddb.get_item(TableName=simple, Key=key)["Item"] == key


def test_an_item_that_is_not_there_has_no_paths(ddb: Any, simple: str) -> None:
    """An update that only removes still needs the way to what it removes."""
    for expression in ("REMOVE m.a", "REMOVE a, m[0]"):
        assert error_of(
            ddb.update_item, TableName=simple, Key={"pk": {"S": "nothing"}}, UpdateExpression=expression
        ) == (INVALID, "The document path provided in the update expression is invalid for update")


def test_a_failed_condition_changes_nothing_and_can_show_the_item(ddb: Any, simple: str) -> None:
    """ReturnValuesOnConditionCheckFailure saves the caller a read."""
    item = {"pk": {"S": "cond"}, "v": {"N": "1"}}
    ddb.put_item(TableName=simple, Item=item)
    with pytest.raises(ddb.exceptions.ConditionalCheckFailedException) as caught:
        ddb.put_item(
            TableName=simple,
            Item={"pk": {"S": "cond"}},
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Error"]["Message"] == "The conditional request failed"
    assert caught.value.response["Item"] == item
    assert ddb.get_item(TableName=simple, Key={"pk": {"S": "cond"}})["Item"] == item
    with pytest.raises(ddb.exceptions.ConditionalCheckFailedException) as bare:
        ddb.delete_item(TableName=simple, Key={"pk": {"S": "cond"}}, Expected={"v": {"Value": {"N": "2"}}})
    assert "Item" not in bare.value.response


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"x": {"S": "a"}}, "One or more parameter values were invalid: Missing the key pk in the item"),
        (
            {"pk": {"N": "1"}, "sk": {"S": "a"}},
            "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N",
        ),
        (
            {"pk": {"S": ""}, "sk": {"S": "a"}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            "cannot contain an empty "
            "string value. Key: pk",
        ),
        (
            {"pk": {"S": "a" * 2049}, "sk": {"S": "a"}},
            "One or more parameter values were invalid: "
            "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        (
            {"pk": {"S": "a"}, "sk": {"S": "a" * 1025}},
            "One or more parameter values were invalid: "
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ),
        (
            {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"S": "a" * 409_600}},
            "1 validation error detected: Item size has exceeded the maximum allowed size",
        ),
        (
            {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"N": "1e126"}},
            "1 validation error detected: "
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
    ],
)
def test_items_that_are_refused(ddb: Any, pair: str, item: dict[str, Any], message: str) -> None:
    """Keys and sizes, each in AWS's words."""
    assert error_of(ddb.put_item, TableName=pair, Item=item) == (INVALID, message)


def test_the_largest_item_fits(ddb: Any, simple: str) -> None:
    """400 KB to the byte: two bytes of name and one of value are the key."""
    item = {"pk": {"S": "a"}, "x": {"S": "x" * (409_600 - 4)}}
    ddb.put_item(TableName=simple, Item=item)
    grow = {":v": {"S": "y"}}
    assert error_of(
        ddb.update_item,
        TableName=simple,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET y = :v",
        ExpressionAttributeValues=grow,
    ) == (INVALID, "Item size to update has exceeded the maximum allowed size")


@pytest.mark.parametrize(
    "key", [{}, {"pk": {"S": "a"}}, {"pk": {"N": "1"}, "sk": {"S": "a"}}, {"pk": {"S": "a"}, "x": {"S": "b"}}]
)
def test_keys_that_do_not_fit_the_schema(ddb: Any, pair: str, key: dict[str, Any]) -> None:
    """One message for all of them."""
    for call in (ddb.get_item, ddb.delete_item, ddb.update_item):
        assert error_of(call, TableName=pair, Key=key) == (
            INVALID,
            "The provided key element does not match the schema",
        )


def test_a_table_that_is_not_there(ddb: Any) -> None:
    """The item operations do not name it."""
    expected = ("ResourceNotFoundException", "Requested resource not found")
    assert error_of(ddb.get_item, TableName="nowhere", Key=KEY) == expected
    assert error_of(ddb.put_item, TableName="nowhere", Item=KEY) == expected


def test_parameters_are_checked_before_the_table_is_looked_for(ddb: Any) -> None:
    """AWS parses expressions and values first."""
    assert error_of(ddb.put_item, TableName="nowhere", Item=KEY, ConditionExpression="a =")[0] == INVALID
    assert error_of(ddb.put_item, TableName="nowhere", Item={"pk": {"N": "x"}})[1].endswith("numeric value: x")
    assert error_of(ddb.put_item, TableName="nowhere", Item=KEY, ReturnValues="ALL_NEW") == (
        INVALID,
        "1 validation error detected: ReturnValues can only be ALL_OLD or NONE",
    )


def test_key_attributes_cannot_be_updated_or_entered(ddb: Any, simple: str) -> None:
    """Neither by an expression nor by a path."""
    values = {":v": {"S": "v"}}
    assert error_of(
        ddb.update_item, TableName=simple, Key=KEY, UpdateExpression="SET pk = :v", ExpressionAttributeValues=values
    ) == (
        INVALID,
        "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key",
    )
    assert error_of(ddb.get_item, TableName=simple, Key=KEY, ProjectionExpression="pk.x") == (
        INVALID,
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk",
    )


def test_tables_can_be_named_by_arn(ddb: Any, simple: str) -> None:
    """Wherever a name is taken; what was consumed is told by the name that was given. A batch that asks for the same
    by both names gets it once."""
    arn = ddb.describe_table(TableName=simple)["Table"]["TableArn"]
    key, total = {"pk": {"S": "by-arn"}}, {"ReturnConsumedCapacity": "TOTAL"}
    put = ddb.put_item(TableName=arn, Item=key, **total)
    got = ddb.get_item(TableName=arn, Key=key, **total)
    assert got["Item"] == key
    batch = ddb.batch_get_item(RequestItems={arn: {"Keys": [key]}}, **total)
    assert batch["Responses"] == {arn: [key]}
    twice = ddb.batch_get_item(RequestItems={name: {"Keys": [key]} for name in (arn, simple)}, **total)
    assert [*twice["Responses"].values()] == [[key]] and len(twice["ConsumedCapacity"]) == 1
    written = ddb.batch_write_item(RequestItems={arn: [{"PutRequest": {"Item": key}}]}, **total)
    answers = [put, got, ddb.scan(TableName=arn, **total)]
    assert {answer["ConsumedCapacity"]["TableName"] for answer in answers} == {arn}
    assert [consumed["TableName"] for consumed in batch["ConsumedCapacity"] + written["ConsumedCapacity"]] == [arn, arn]


def test_capacity_of_single_items(ddb: Any, simple: str) -> None:
    """1 KB for a write unit, 4 KB for a read unit; eventual reads cost half; what is replaced counts if larger."""

    def put(size: int) -> float:
        item = {"pk": {"S": "cap"}, "x": {"S": "x" * (size - 6)}}
        got = ddb.put_item(TableName=simple, Item=item, ReturnConsumedCapacity="TOTAL")
        return got["ConsumedCapacity"]["CapacityUnits"]

    assert [put(1024), put(1025), put(3000), put(100), put(100)] == [1.0, 2.0, 3.0, 3.0, 1.0]
    key = {"pk": {"S": "cap"}}
    put(4097)

    def get(consistent: bool) -> dict[str, Any]:
        return ddb.get_item(TableName=simple, Key=key, ConsistentRead=consistent, ReturnConsumedCapacity="INDEXES")[
            "ConsumedCapacity"
        ]

    assert get(True) == {"TableName": simple, "CapacityUnits": 2.0, "Table": {"CapacityUnits": 2.0}}
    assert get(False)["CapacityUnits"] == 1.0
    missing = ddb.get_item(TableName=simple, Key={"pk": {"S": "none"}}, ReturnConsumedCapacity="TOTAL")
    assert missing["ConsumedCapacity"]["CapacityUnits"] == 0.5


def test_capacity_of_indexes(ddb: Any) -> None:
    """An index entry that moves costs two writes, one that stays none."""
    table = make_table(
        ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g", projection="KEYS_ONLY")]
    )

    def put(**attributes: str) -> dict[str, float]:
        item = {"pk": {"S": "a"}, **{name: {"S": value} for name, value in attributes.items()}}
        got = ddb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
        return {name: it["CapacityUnits"] for name, it in got.get("GlobalSecondaryIndexes", {}).items()}

    assert put(g="1") == {"gsi": 1.0}
    assert put(g="1", x="2") == {}
    assert put(g="2") == {"gsi": 2.0}
    assert put() == {"gsi": 1.0}
    assert put() == {}


def test_index_keys_must_have_their_type(ddb: Any) -> None:
    """Put, static update and computed update each have their own words."""
    table = make_table(ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    mismatch = (
        "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: gsi"
    )
    assert error_of(ddb.put_item, TableName=table, Item=KEY | {"g": {"N": "1"}}) == (INVALID, mismatch)

    def update(expression: str, value: Any) -> tuple[str, str]:
        return error_of(
            ddb.update_item,
            TableName=table,
            Key=KEY,
            UpdateExpression=expression,
            ExpressionAttributeValues={":v": value},
        )

    assert update("SET g = :v", {"N": "1"}) == (INVALID, mismatch)
    assert update("SET g = :v", {"S": ""})[1].startswith(
        "One or more parameter values are not valid. The update expression"
    )
    ddb.put_item(TableName=table, Item=KEY | {"n": {"N": "1"}})
    assert error_of(ddb.update_item, TableName=table, Key=KEY, UpdateExpression="SET g = n") == (
        INVALID,
        "The update expression attempted to update the secondary index key to unsupported type",
    )
    assert error_of(ddb.put_item, TableName=table, Item=KEY | {"g": {"S": ""}})[1].endswith(
        "IndexName: gsi, IndexKey: g"
    )


def test_item_collections_are_reported_for_tables_with_local_indexes(ddb: Any, simple: str) -> None:
    """And for no others."""
    table = make_table(ddb, attributes={"l": "S"}, LocalSecondaryIndexes=[index("lsi", "pk", "l")])
    got = ddb.put_item(TableName=table, Item={"pk": {"S": "c"}, "sk": {"S": "1"}}, ReturnItemCollectionMetrics="SIZE")
    assert got["ItemCollectionMetrics"] == {"ItemCollectionKey": {"pk": {"S": "c"}}, "SizeEstimateRangeGB": [0.0, 1.0]}
    assert "ItemCollectionMetrics" not in ddb.put_item(TableName=simple, Item=KEY, ReturnItemCollectionMetrics="SIZE")


def test_legacy_updates(ddb: Any, simple: str) -> None:
    """AttributeUpdates with their actions."""
    key = {"pk": {"S": "legacy"}}
    ddb.update_item(
        TableName=simple,
        Key=key,
        AttributeUpdates={
            "a": {"Value": {"S": "x"}, "Action": "PUT"},
            "n": {"Value": {"N": "2"}, "Action": "ADD"},
        },
    )
    got = ddb.update_item(
        TableName=simple,
        Key=key,
        AttributeUpdates={"n": {"Value": {"N": "3"}, "Action": "ADD"}, "a": {"Action": "DELETE"}},
        ReturnValues="ALL_NEW",
    )
    assert got["Attributes"] == {**key, "n": {"N": "5"}}
