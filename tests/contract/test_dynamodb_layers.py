"""The two layers in which DynamoDB checks attribute values, and which operation has which words.

PutItem, UpdateItem and DeleteItem answer inside "1 validation error detected: "; GetItem, BatchGetItem and Query say
the same without it; Scan, BatchWriteItem and the transactions have the older words. All as the public conformance suite
measured it at AWS in October 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.dynamodb import INVALID, error_of, make_table

OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
NOT_NUMERIC = "The parameter cannot be converted to a numeric value"
TOO_DEEP_TO_STORE = "Nesting Levels have exceeded supported limits"
TOO_DEEP = f"{TOO_DEEP_TO_STORE}: Attributes in the item have nested levels beyond supported limit"
WRONG = "One or more parameter values were invalid: "
NUMBERS = ("abc", "", "1e126", "1e2147483647")
CURRENT = (f"{NOT_NUMERIC}: abc", f"{NOT_NUMERIC}: ", OVERFLOW, OVERFLOW)
OLDER = (f"{NOT_NUMERIC}: abc", NOT_NUMERIC, OVERFLOW, UNDERFLOW)
SETS = ({"SS": ["b", "a", "b"]}, {"BS": [b"\xff", b"\x00", b"\x00"]}, {"NS": ["2", "1", "2"]})
SETS_CURRENT = (
    f'{WRONG}Input collection ["a", "b", "b"] contains duplicates.',
    f'{WRONG}Input collection ["AA==","/w==","AA=="]of type BS contains duplicates.',
    f"{WRONG}Input collection contains duplicates.",
)
SETS_OLDER = (
    f"{WRONG}Input collection [b, a, b] contains duplicates.",
    f"{WRONG}Input collection [/w==, AA==, AA==]of type BS contains duplicates.",
    "Input collection contains duplicates",
)
TEXT = {"S": "a"}
VALUES = "ExpressionAttributeValues"
FAILED = "failed to satisfy constraint:"
CAPACITY = f"Value 'no' at 'returnConsumedCapacity' {FAILED} Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
METRICS = f"Value 'no' at 'returnItemCollectionMetrics' {FAILED} Member must satisfy enum value set: [SIZE, NONE]"
OLD_VALUES = (
    f"Value 'no' at 'returnValues' {FAILED} Member must satisfy enum value set: "
    "[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]"
)
NEW_VALUES = (
    "Failed to satisfy constraint: Member must satisfy enum value set: "
    "[ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"
)
NEW_OPERATORS = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL, OR]"
OLD_OPERATORS = f"Value 'XOR' at 'conditionalOperator' {FAILED} Member must satisfy enum value set: [OR, AND]"

Ask = Callable[[dict[str, Any]], str]


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb", parameter_validation=False)


@pytest.fixture(scope="module")
def table(ddb: Any) -> str:
    return make_table(ddb, sort=None)


def one(message: str) -> str:
    return f"1 validation error detected: {message}"


def wrapped(message: str, name: str = ":v") -> str:
    return f"{VALUES} contains invalid value: {message} for key {name}"


def deep(levels: int) -> dict[str, Any]:
    """So many maps around a string."""
    value: dict[str, Any] = {"S": "leaf"}
    for _ in range(levels):
        value = {"M": {"n": value}}
    return value


def refusal(call: Callable[..., Any], **params: Any) -> str:
    code, message = error_of(call, **params)
    assert code == INVALID, message
    return message


def asks(ddb: Any, table: str) -> dict[str, Ask]:
    """Every place where a value can stand, by layer: e enveloped, b bare, o older, w older in a wrapper."""
    put, update, delete = ({"TableName": table, "Key": {"pk": TEXT}} for _ in range(3))
    put = {"TableName": table, "Item": {"pk": TEXT}}
    condition = {"ConditionExpression": "attribute_not_exists(pk) OR n = :v"}
    here = {"TableName": table, "KeyConditionExpression": "pk = :p", VALUES: {":p": TEXT}}

    def write(section: str, **params: Any) -> str:
        action = {"TableName": table, **params}
        return refusal(ddb.transact_write_items, TransactItems=[{section: action}])

    def batch(request: dict[str, Any]) -> str:
        return refusal(ddb.batch_write_item, RequestItems={table: [request]})

    return {
        "e item": lambda v: refusal(ddb.put_item, TableName=table, Item={"pk": TEXT, "n": v}),
        "e nested": lambda v: refusal(ddb.put_item, TableName=table, Item={"pk": TEXT, "n": {"M": {"x": {"L": [v]}}}}),
        "e condition": lambda v: refusal(ddb.put_item, **put, **condition, **{VALUES: {":v": v}}),
        "e expected": lambda v: refusal(ddb.put_item, **put, Expected={"n": {"Value": v}}),
        "e update": lambda v: refusal(ddb.update_item, **update, UpdateExpression="SET n = :v", **{VALUES: {":v": v}}),
        "e updates": lambda v: refusal(
            ddb.update_item, **update, AttributeUpdates={"n": {"Action": "PUT", "Value": v}}
        ),
        "e update key": lambda v: refusal(
            ddb.update_item, TableName=table, Key={"pk": v}, UpdateExpression="SET n = :v", **{VALUES: {":v": TEXT}}
        ),
        "e delete": lambda v: refusal(ddb.delete_item, **delete, **condition, **{VALUES: {":v": v}}),
        "e delete key": lambda v: refusal(ddb.delete_item, TableName=table, Key={"pk": v}),
        "b get": lambda v: refusal(ddb.get_item, TableName=table, Key={"pk": v}),
        "b batch get": lambda v: refusal(ddb.batch_get_item, RequestItems={table: {"Keys": [{"pk": v}]}}),
        "b query": lambda v: refusal(ddb.query, **(here | {VALUES: {":p": TEXT, ":v": v}}), FilterExpression="n = :v"),
        "b query key": lambda v: refusal(ddb.query, **(here | {VALUES: {":p": v}})),
        "b query start": lambda v: refusal(ddb.query, **here, ExclusiveStartKey={"pk": v}),
        "b query legacy": lambda v: refusal(
            ddb.query,
            TableName=table,
            KeyConditions={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [TEXT]}},
            QueryFilter={"n": {"ComparisonOperator": "EQ", "AttributeValueList": [v]}},
        ),
        "o batch put": lambda v: batch({"PutRequest": {"Item": {"pk": TEXT, "n": v}}}),
        "o batch delete": lambda v: batch({"DeleteRequest": {"Key": {"pk": v}}}),
        "o transact put": lambda v: write("Put", Item={"pk": TEXT, "n": v}),
        "o transact delete": lambda v: write("Delete", Key={"pk": v}),
        "o transact get": lambda v: refusal(
            ddb.transact_get_items, TransactItems=[{"Get": {"TableName": table, "Key": {"pk": v}}}]
        ),
        "w transact update": lambda v: write(
            "Update", Key={"pk": TEXT}, UpdateExpression="SET n = :v", **{VALUES: {":v": v}}
        ),
        "w transact put": lambda v: write("Put", Item={"pk": TEXT}, **condition, **{VALUES: {":v": v}}),
        "w transact delete": lambda v: write("Delete", Key={"pk": TEXT}, **condition, **{VALUES: {":v": v}}),
        "w transact check": lambda v: write("ConditionCheck", Key={"pk": TEXT}, **condition, **{VALUES: {":v": v}}),
        "w scan": lambda v: refusal(ddb.scan, TableName=table, FilterExpression="n = :v", **{VALUES: {":v": v}}),
    }


def words(layer: str, current: tuple[str, ...], older: tuple[str, ...]) -> list[str]:
    if layer == "e":
        return [one(message) for message in current]
    if layer == "b":
        return list(current)
    return [wrapped(message) for message in older] if layer == "w" else list(older)


def test_numbers_everywhere(ddb: Any, table: str) -> None:
    """A number that is none, or out of range, wherever a value can stand."""
    for place, ask in asks(ddb, table).items():
        got = [ask({"N": number}) for number in NUMBERS]
        assert got == words(place[0], CURRENT, OLDER), place


def test_members_of_number_sets(ddb: Any, table: str) -> None:
    """They are read as numbers are."""
    ask = asks(ddb, table)["e item"]
    assert [ask({"NS": ["1", number]}) for number in NUMBERS] == [one(message) for message in CURRENT]


def test_duplicates_everywhere(ddb: Any, table: str) -> None:
    """The current layer sorts and quotes what it met until then; the older one shows what was sent."""
    for place, ask in asks(ddb, table).items():
        assert [ask(value) for value in SETS] == words(place[0], SETS_CURRENT, SETS_OLDER), place


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("1e99999999999", OVERFLOW),
        ("-1e99999999999", OVERFLOW),
        ("1e-99999999999", UNDERFLOW),
        ("1e2147483648", OVERFLOW),
        ("1e-2147483648", UNDERFLOW),
        ("1e-131", UNDERFLOW),
        ("1e9223372036854775808", f"{NOT_NUMERIC}: 1e9223372036854775808"),
        ("0e126", OVERFLOW),
        ("0e-131", UNDERFLOW),
        ("1.2.3", f"{NOT_NUMERIC}: 1.2.3"),
        (" 1", f"{NOT_NUMERIC}:  1"),
        ("1 ", f"{NOT_NUMERIC}: 1 "),
        ("0x10", f"{NOT_NUMERIC}: 0x10"),
        ("1e", f"{NOT_NUMERIC}: 1e"),
        ("NaN", f"{NOT_NUMERIC}: NaN"),
        ("Infinity", f"{NOT_NUMERIC}: Infinity"),
        ("1" * 40, "Attempting to store more than 38 significant digits in a Number"),
    ],
)
def test_numbers_in_items(ddb: Any, table: str, number: str, message: str) -> None:
    """Exponents count to 64 bits, and those of zero count too."""
    assert refusal(ddb.put_item, TableName=table, Item={"pk": TEXT, "n": {"N": number}}) == one(message)


def test_zero_with_an_exponent_in_range(ddb: Any, table: str) -> None:
    """It is stored as zero."""
    ddb.put_item(TableName=table, Item={"pk": {"S": "zero"}, "n": {"N": "0e125"}, "m": {"N": "1e-130"}})
    assert ddb.get_item(TableName=table, Key={"pk": {"S": "zero"}})["Item"]["n"] == {"N": "0"}


def test_sets_may_hold_what_is_empty(ddb: Any, table: str) -> None:
    """An empty string or no bytes are members like others; an empty number is none."""
    item = {"pk": {"S": "sets"}, "s": {"SS": ["", "a"]}, "b": {"BS": [b"", b"a"]}}
    ddb.put_item(TableName=table, Item=item)
    assert ddb.get_item(TableName=table, Key={"pk": {"S": "sets"}})["Item"] == item
    twice = refusal(ddb.put_item, TableName=table, Item={"pk": TEXT, "s": {"SS": ["", ""]}})
    assert twice == one(f'{WRONG}Input collection ["", ""] contains duplicates.')


@pytest.mark.parametrize("name", ["put_item", "delete_item", "update_item"])
def test_the_envelope(ddb: Any, table: str, name: str) -> None:
    """What the three say of a request without looking at the table."""
    target: dict[str, Any] = {"Item": {"pk": TEXT}} if name == "put_item" else {"Key": {"pk": TEXT}}
    call = getattr(ddb, name)

    def ask(**params: Any) -> str:
        return refusal(call, TableName=table, **target, **params)

    only = "can only be specified when using expressions"
    assert ask(ExpressionAttributeValues={":v": TEXT}) == one(f"{VALUES} {only}")
    assert ask(ExpressionAttributeNames={"#a": "a"}) == one(f"ExpressionAttributeNames {only}")
    assert ask(Expected={"a": {"Exists": False}}, ExpressionAttributeNames={"#a": "a"}) == one(
        f"ExpressionAttributeNames {only}"
    )
    exists = {"ConditionExpression": "attribute_exists(a)"}
    assert ask(**exists, ExpressionAttributeValues={}) == one(f"{VALUES} must not be empty")
    assert ask(**exists, ExpressionAttributeNames={}) == one("ExpressionAttributeNames must not be empty")
    assert ask(ConditionExpression="") == one("Invalid ConditionExpression: The expression can not be empty;")
    assert ask(Expected={"a": {"Exists": True}}) == one(
        f"{WRONG}Value must be provided when Exists is true for Attribute: a"
    )
    assert ask(Expected={"a": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [TEXT]}}) == one(
        f"{WRONG}Invalid number of argument(s) for the BETWEEN ComparisonOperator"
    )
    assert ask(ReturnValues="no") == one(NEW_VALUES)
    both = {"a": {"Exists": False}, "b": {"Exists": False}}
    assert ask(Expected=both, ConditionalOperator="XOR") == one(NEW_OPERATORS)
    if name != "update_item":
        assert ask(ReturnValues="UPDATED_NEW") == one("ReturnValues can only be ALL_OLD or NONE")


def test_undefined_value_of_a_condition(ddb: Any, table: str) -> None:
    """The update's own values are all there."""
    message = refusal(
        ddb.update_item,
        TableName=table,
        Key={"pk": TEXT},
        UpdateExpression="SET b = :w",
        ConditionExpression="a = :v",
        ExpressionAttributeValues={":w": TEXT},
    )
    assert message == one(
        "Invalid ConditionExpression: An expression attribute value used in expression is not defined; "
        "attribute value: :v"
    )


def test_what_the_table_says_has_no_envelope(ddb: Any, table: str) -> None:
    """Keys that do not fit, and names that are part of them."""
    key = {"TableName": table, "Key": {"pk": TEXT}}
    part = refusal(ddb.update_item, **key, UpdateExpression="SET pk = :v", ExpressionAttributeValues={":v": TEXT})
    assert part == f"{WRONG}Cannot update attribute pk. This attribute is part of the key"
    wrong = refusal(ddb.delete_item, TableName=table, Key={"id": TEXT})
    assert wrong == "The provided key element does not match the schema"


def test_table_names_of_writes(ddb: Any) -> None:
    """An empty name ends the matter; one that is too long or wrong is told with its value."""
    for call, target in ((ddb.put_item, "Item"), (ddb.update_item, "Key"), (ddb.delete_item, "Key")):
        empty = refusal(call, TableName="", ReturnValues="no", **{target: {}})
        assert empty == one(f"Value at 'TableName' {FAILED} Member must have length greater than or equal to 1")
        long = refusal(call, TableName="a" * 256, **{target: {"pk": TEXT}})
        assert long == one(
            f"Value '{'a' * 256}' at 'tableName' {FAILED} Member must have length less than or equal to 255"
        )
        odd = refusal(call, TableName="bad table!", **{target: {"pk": TEXT}})
        assert odd == one(
            f"Value 'bad table!' at 'tableName' {FAILED} Member must satisfy regular expression pattern: "
            "[a-zA-Z0-9_.-]+"
        )


def test_several_unknown_choices(ddb: Any, table: str) -> None:
    """An update stops at ReturnValues; put and delete count all, and name all but ReturnValues."""
    bad = {"ReturnConsumedCapacity": "no", "ReturnValues": "no"}
    key = {"TableName": table, "Key": {"pk": TEXT}}
    assert refusal(ddb.update_item, **key, **bad) == one(NEW_VALUES)
    assert refusal(ddb.delete_item, **key, **bad) == f"2 validation errors detected: {CAPACITY}; {NEW_VALUES}"
    put = refusal(ddb.put_item, TableName=table, Item={"pk": TEXT}, ReturnItemCollectionMetrics="no", **bad)
    assert put == f"3 validation errors detected: {CAPACITY}; {NEW_VALUES}; {METRICS}"


def test_without_a_key_all_is_told_at_once(ddb: Any, table: str) -> None:
    """An update without its key is judged by the older layer, member by member."""
    update = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": TEXT}}
    short = f"Value '' at 'tableName' {FAILED} Member must have length greater than or equal to 1"
    no_key = f"Value null at 'key' {FAILED} Member must not be null"
    assert refusal(ddb.update_item, TableName="", **update) == f"2 validation errors detected: {short}; {no_key}"
    got = refusal(ddb.update_item, TableName="", **update, ReturnConsumedCapacity="no", ReturnValues="no")
    assert got == f"4 validation errors detected: {CAPACITY}; {short}; {OLD_VALUES}; {no_key}"
    both = {"a": {"Exists": False}, "b": {"Exists": False}}
    got = refusal(ddb.update_item, TableName=table, Expected=both, ConditionalOperator="XOR")
    assert got == f"2 validation errors detected: {OLD_OPERATORS}; {no_key}"


def test_very_deep_requests_are_judged_by_the_older_layer(ddb: Any) -> None:
    """From 62 levels on, writes of one item answer as they did before."""
    nowhere = "deep-nowhere"
    key = {"pk": TEXT, "sk": TEXT}
    both = {"a": {"Value": deep(100)}, "b": {"Exists": False}}
    assert refusal(ddb.put_item, TableName=nowhere, Item=key, Expected=both, ConditionalOperator="XOR") == one(
        OLD_OPERATORS
    )
    shallow = {"a": {"Value": deep(33)}, "b": {"Exists": False}}
    assert refusal(ddb.put_item, TableName=nowhere, Item=key, Expected=shallow, ConditionalOperator="XOR") == one(
        NEW_OPERATORS
    )
    condition = {"ConditionExpression": "d = :v"}
    delete = {"TableName": nowhere, "Key": key, **condition}
    assert refusal(ddb.delete_item, **delete, ExpressionAttributeValues={":v": deep(63)}, ReturnValues="no") == one(
        OLD_VALUES
    )
    assert refusal(ddb.delete_item, **delete, ExpressionAttributeValues={":v": deep(40)}, ReturnValues="no") == one(
        NEW_VALUES
    )
    assert refusal(
        ddb.delete_item, **delete, ExpressionAttributeValues={":v": deep(100)}, ReturnValues="UPDATED_NEW"
    ) == ("ReturnValues can only be ALL_OLD or NONE")
    deep_key = {"pk": deep(100), "sk": TEXT}
    assert refusal(ddb.delete_item, TableName=nowhere, Key=deep_key, ReturnValues="no") == one(OLD_VALUES)


def test_the_older_layer_lets_values_of_expressions_be_a_level_deeper(ddb: Any, table: str) -> None:
    """Transactions and scans compare documents of 32 levels; no item can hold one, and the reason says so briefly."""
    ddb.put_item(TableName=table, Item={"pk": TEXT, "m": {"M": {}}})
    here = {"TableName": table, "Key": {"pk": TEXT}}

    def check(levels: int) -> dict[str, Any]:
        return {"ConditionCheck": {**here, "ConditionExpression": "d = :v", VALUES: {":v": deep(levels)}}}

    def update(path: str, levels: int) -> dict[str, Any]:
        return {"Update": {**here, "UpdateExpression": f"SET {path} = :v", VALUES: {":v": deep(levels)}}}

    for action, reason in (
        (check(32), {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}),
        (update("d", 32), {"Code": "ValidationError", "Message": TOO_DEEP_TO_STORE}),
        (update("m.d", 31), {"Code": "ValidationError", "Message": TOO_DEEP_TO_STORE}),
    ):
        with pytest.raises(ClientError) as caught:
            ddb.transact_write_items(TransactItems=[action])
        assert caught.value.response["CancellationReasons"] == [reason]
    for action in (check(33), update("d", 33), check(100)):
        assert refusal(ddb.transact_write_items, TransactItems=[action]) == wrapped(TOO_DEEP)
    scan = {"TableName": table, "FilterExpression": "d = :v"}
    assert ddb.scan(**scan, **{VALUES: {":v": deep(32)}})["Count"] == 0
    assert refusal(ddb.scan, **scan, **{VALUES: {":v": deep(33)}}) == wrapped(TOO_DEEP)
    value = {VALUES: {":v": deep(31)}}
    assert refusal(ddb.update_item, **here, UpdateExpression="SET m.d = :v", **value) == TOO_DEEP_TO_STORE


def test_transactions_report_the_first_action_that_is_wrong(ddb: Any) -> None:
    """Whatever is wrong with it, and before any table is looked for."""
    name = "deep-nowhere"
    key = {"pk": TEXT, "sk": TEXT}
    empty_name = {"Put": {"TableName": name, "Item": {**key, "": TEXT}}}
    deep_put = {"Put": {"TableName": name, "Item": {**key, "d": deep(100)}}}
    syntax = {"Put": {"TableName": name, "Item": key, "ConditionExpression": "a = = b"}}
    deep_key = {"Delete": {"TableName": name, "Key": {"pk": deep(40), "sk": TEXT}}}
    deep_check = {
        "ConditionCheck": {
            "TableName": name,
            "Key": key,
            "ConditionExpression": "d = :v",
            "ExpressionAttributeValues": {":v": deep(40)},
        }
    }
    no_name = "Empty attribute name"
    bad_syntax = 'Invalid ConditionExpression: Syntax error; token: "=", near: "= = b"'
    unused = {
        "Update": {
            "TableName": name,
            "Key": key,
            "UpdateExpression": "SET a = :v",
            "ExpressionAttributeValues": {":v": TEXT, ":u": TEXT},
        }
    }
    not_used = f"Value provided in {VALUES} unused in expressions: keys: {{:u}}"
    condition = "a = :v" + " AND a = :v" * 373
    oversized = {"ConditionExpression": condition, "ExpressionAttributeValues": {":v": TEXT}}
    cases: list[tuple[list[dict[str, Any]], str]] = [
        ([deep_put, empty_name], TOO_DEEP),
        ([empty_name, deep_put], no_name),
        ([{"Put": {"TableName": name, "Item": {**key, "d": deep(100), "": TEXT}}}], no_name),
        ([{"Put": {"TableName": name, "Item": {**key, "m": {"M": {"": TEXT}}, "d": deep(40)}}}], TOO_DEEP),
        ([deep_check, empty_name], wrapped(TOO_DEEP)),
        ([deep_key, syntax], TOO_DEEP),
        ([syntax, deep_key], bad_syntax),
        ([{"Delete": {**deep_key["Delete"], "ConditionExpression": "a = = b"}}], bad_syntax),
        (
            [{"Delete": {**deep_key["Delete"], **oversized}}],
            "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4109",
        ),
        ([unused, deep_key], not_used),
    ]
    for actions, message in cases:
        assert refusal(ddb.transact_write_items, TransactItems=actions) == message
    many = ", ".join(f"a{place} = :v" for place in range(500))
    update = {"TableName": name, "Key": key, "UpdateExpression": f"SET {many}", VALUES: {":v": TEXT}}
    assert refusal(ddb.transact_write_items, TransactItems=[{"Update": update}]) == (
        "Invalid UpdateExpression: Expression size has exceeded the maximum allowed size;"
    )


def test_members_of_transactions_and_batches_come_first(ddb: Any, table: str) -> None:
    """Choices that do not exist, before tables that do not and targets that are named twice."""
    put = {"Put": {"TableName": "nowhere", "Item": {"pk": TEXT}}}
    twice = [{"Put": {"TableName": table, "Item": {"pk": TEXT}}}, {"Delete": {"TableName": table, "Key": {"pk": TEXT}}}]
    bad = {"ReturnConsumedCapacity": "no"}
    assert refusal(ddb.transact_write_items, TransactItems=[put], **bad) == one(CAPACITY)
    assert refusal(ddb.transact_write_items, TransactItems=twice, **bad) == one(CAPACITY)
    got = refusal(ddb.transact_write_items, TransactItems=twice, ReturnItemCollectionMetrics="no", **bad)
    assert got == f"2 validation errors detected: {CAPACITY}; {METRICS}"
    token = "x" * 37
    long = f"Value '{token}' at 'clientRequestToken' {FAILED} Member must have length less than or equal to 36"
    got = refusal(ddb.transact_write_items, TransactItems=[put], ClientRequestToken=token, **bad)
    assert got == f"2 validation errors detected: {long}; {CAPACITY}"
    get = {"Get": {"TableName": table, "Key": {"pk": TEXT}}}
    assert refusal(ddb.transact_get_items, TransactItems=[get, get], **bad) == one(CAPACITY)
    request = {"PutRequest": {"Item": {"pk": TEXT}}}
    got = refusal(ddb.batch_write_item, RequestItems={"nowhere": [request]}, ReturnItemCollectionMetrics="no", **bad)
    assert got == f"2 validation errors detected: {CAPACITY}; {METRICS}"
    assert refusal(ddb.batch_write_item, RequestItems={"bad!name": [request]}, **bad) == one(CAPACITY)
    names = (
        "Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length "
        "greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]"
    )
    shown = """Value '{"bad!name":{"Keys":[{"pk":{"S":"a"}}]}}' at 'requestItems'"""
    odd = {"bad!name": {"Keys": [{"pk": TEXT}]}}
    assert refusal(ddb.batch_get_item, RequestItems=odd) == one(f"{shown} {FAILED} {names}")
    got = refusal(ddb.batch_get_item, RequestItems=odd, **bad)
    assert got == f"2 validation errors detected: {shown} {FAILED} {names}; {CAPACITY}"
    got = refusal(ddb.batch_write_item, RequestItems={"bad!name": [request]})
    assert got.startswith("1 validation error detected: Value '{bad!name=[WriteRequest(putRequest=PutRequest(item={pk=")
    assert got.endswith(f"' at 'requestItems' {FAILED} {names}")


def test_sizes_of_batches(ddb: Any, table: str) -> None:
    """Too few and too many, each with the member's own path; a write that is shown has members no client can set."""
    short, long = "greater than or equal to 1", "less than or equal to 100"
    for keys, bound in (([], short), ([{"pk": {"S": str(n)}} for n in range(101)], long)):
        got = refusal(ddb.batch_get_item, RequestItems={table: {"Keys": keys}})
        assert got == one(f"Value at 'RequestItems.{table}.member.Keys' {FAILED} Member must have length {bound}")
    got = refusal(ddb.batch_get_item, RequestItems={})
    assert got == one(f"Value at 'RequestItems' {FAILED} Member must have length {short}")
    assert refusal(ddb.batch_write_item, RequestItems={}) == "The requestItems parameter is required for BatchWriteItem"
    assert refusal(ddb.batch_write_item, RequestItems={}, ReturnConsumedCapacity="no") == one(CAPACITY)
    sizes = "[Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"
    got = refusal(ddb.batch_write_item, RequestItems={table: []})
    assert got == one(f"Value '{{{table}=[]}}' at 'requestItems' {FAILED} Map value must satisfy constraint: {sizes}")
    many = [{"PutRequest": {"Item": {"pk": {"S": str(n)}}}} for n in range(26)]
    got = refusal(ddb.batch_write_item, RequestItems={table: many})
    odd = "iNTSET=null, dECIMALSET=null, dOUBLESET=null, m=null, l=null, nULL=null, bOOL=null"
    tail = f"n=null, b=null, iNT=null, dECIMAL=null, dOUBLE=null, sS=null, nS=null, bS=null, {odd})}}"
    tail += ", workloadProfileName=null)"
    written = (f"WriteRequest(putRequest=PutRequest(item={{pk=AttributeValue(s={n}, {tail}" for n in range(26))
    shown = f"{{{table}=[{', '.join(f'{put}, deleteRequest=null)' for put in written)}]}}"
    assert got == one(f"Value '{shown}' at 'requestItems' {FAILED} Map value must satisfy constraint: {sizes}")


def test_batches_of_both_kinds_of_projection(ddb: Any, table: str) -> None:
    """Expressions for one table and AttributesToGet for another do not go together."""
    other = make_table(ddb, sort=None)
    message = refusal(
        ddb.batch_get_item,
        RequestItems={
            table: {"Keys": [{"pk": TEXT}], "ProjectionExpression": "pk"},
            other: {"Keys": [{"pk": TEXT}], "AttributesToGet": ["pk"]},
        },
    )
    assert message.startswith("Can not use both expression and non-expression parameters in the same request")


def test_parse_errors_of_later_actions_come_before_tables(ddb: Any, table: str) -> None:
    """Parsing is done for all actions before any table is looked for or two targets compared."""
    check = {
        "ConditionCheck": {"TableName": table, "Key": {"pk": TEXT}, "ConditionExpression": "attribute_not_exists("}
    }
    missing = {"Put": {"TableName": "nowhere", "Item": {"pk": TEXT}}}
    got = refusal(ddb.transact_write_items, TransactItems=[missing, check])
    assert got == 'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "("'
    unused = {
        "ConditionCheck": {
            "TableName": table,
            "Key": {"pk": TEXT},
            "ConditionExpression": "attribute_not_exists(pk)",
            "ExpressionAttributeValues": {":v": TEXT},
        }
    }
    put = {"Put": {"TableName": table, "Item": {"pk": TEXT}}}
    not_used = f"Value provided in {VALUES} unused in expressions: keys: {{:v}}"
    for actions in ([missing, unused], [unused, missing], [put, unused]):
        assert refusal(ddb.transact_write_items, TransactItems=actions) == not_used


def test_queries(ddb: Any, table: str) -> None:
    """Query's own words: some in the envelope, operators in the newer form and alone."""
    here = {"TableName": table, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": TEXT}}
    assert refusal(ddb.query, **here, Select="SPECIFIC_ATTRIBUTES") == one(
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
    )
    least = "Member must have value greater than or equal to 1"
    assert refusal(ddb.query, **here, Limit=0) == one(f"Value at 'Limit' {FAILED} {least}")
    assert refusal(ddb.scan, TableName=table, Limit=0) == one(f"Value at 'Limit' {FAILED} {least}")
    assert refusal(ddb.scan, TableName=table, Segment=-1, TotalSegments=4) == one(
        f"Value at 'Segment' {FAILED} Member must have value greater than or equal to 0"
    )
    xor = {
        "KeyConditions": {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [TEXT]}},
        "QueryFilter": {"b": {"ComparisonOperator": "NULL"}, "c": {"ComparisonOperator": "NULL"}},
        "ConditionalOperator": "XOR",
    }
    assert refusal(ddb.query, TableName="nowhere", **xor, Select="no") == NEW_OPERATORS
    selects = "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
    assert refusal(ddb.query, **here, Select="no") == one(
        f"Value 'no' at 'select' {FAILED} Member must satisfy enum value set: {selects}"
    )
    scan = {"a": {"ComparisonOperator": "EQ", "AttributeValueList": [deep(40)]}}
    assert refusal(ddb.scan, TableName="nowhere", ScanFilter=scan, ConditionalOperator="AND") == TOO_DEEP


def test_index_names_that_are_too_short(ddb: Any) -> None:
    """Global indexes are judged before local ones, however they stand in the request."""
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    everything = {"Projection": {"ProjectionType": "ALL"}}
    local = {"IndexName": "aa", "KeySchema": keys, **everything}
    wide = {"IndexName": "zz", "KeySchema": keys[:1], **everything}
    got = refusal(
        ddb.create_table,
        TableName="short-names",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=keys,
        LocalSecondaryIndexes=[local],
        GlobalSecondaryIndexes=[wide],
    )
    least = "Member must have length greater than or equal to 3"
    assert got == (
        f"2 validation errors detected: Value 'zz' at 'globalSecondaryIndexes.1.member.indexName' {FAILED} {least}; "
        f"Value 'aa' at 'localSecondaryIndexes.1.member.indexName' {FAILED} {least}"
    )


EMPTY_VALUE = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
STARTING = "The provided starting key is invalid: "
STARTS = (
    ({}, f"{STARTING}{EMPTY_VALUE}"),
    ({"NULL": False}, f"{STARTING}{WRONG}Null attribute value types must have the value of true"),
    ({"SS": []}, f"{STARTING}{WRONG}An string set  may not be empty"),
    ({"N": "abc"}, f"{NOT_NUMERIC}: abc"),
    ({"N": "1e126"}, OVERFLOW),
)


@pytest.mark.parametrize(("value", "message"), STARTS, ids=range(len(STARTS)))
def test_starting_keys(ddb: Any, value: dict[str, Any], message: str) -> None:
    """Most of what is wrong with a starting key says that it is one, before anything is said of conditions."""
    assert refusal(ddb.scan, TableName="nowhere", ExclusiveStartKey={"a": value}) == message
    assert refusal(ddb.query, TableName="nowhere", ExclusiveStartKey={"a": value}) == message


def test_reads_of_one_item(ddb: Any) -> None:
    """The key's values are judged after which parameters go together, and before what they say."""
    wrong = {"TableName": "nowhere", "Key": {"a": {}}}
    twice = {"AttributesToGet": ["a", "a"]}
    assert refusal(ddb.get_item, **wrong, **twice) == EMPTY_VALUE
    assert refusal(ddb.get_item, **wrong, ProjectionExpression="", ExpressionAttributeNames={}) == EMPTY_VALUE
    both = refusal(ddb.get_item, **wrong, **twice, ProjectionExpression="a")
    assert both.startswith("Can not use both expression and non-expression parameters in the same request")
    assert refusal(ddb.get_item, TableName="nowhere", Key={"a": TEXT}, **twice) == (
        f"{WRONG}Duplicate value in attribute name: a"
    )
