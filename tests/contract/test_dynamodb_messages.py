"""Which of several mistakes AWS names, and in which words. Every row is known from AWS itself."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, make_table

UNUSED = "Value provided in ExpressionAttributeNames unused in expressions: keys: {#count}"
OVERLAP = (
    "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; "
    "path one: [{}], path two: [{}]"
)
BAD_KEY = 'ExpressionAttributeValues contains invalid key: Syntax error; key: "loc"'
TEXT = {"S": "x"}


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb", parameter_validation=False)


@pytest.fixture(scope="module")
def table(ddb: Any) -> str:
    return make_table(ddb, sort=None)


@pytest.mark.parametrize(
    ("expression", "names", "values", "message"),
    [
        (
            "ADD x :a SET a = :a ADD y :a",
            None,
            {":a": {"N": "1"}},
            'Invalid UpdateExpression: The "ADD" section can only be used once in an update expression;',
        ),
        (
            "REMOVE #l[0] SET c = :a REMOVE p",
            {"#l": "list"},
            {":a": TEXT},
            'Invalid UpdateExpression: The "REMOVE" section can only be used once in an update expression;',
        ),
        ("SET s.n = :a, s.n = :a", None, {":a": TEXT}, OVERLAP.format("s, n", "s, n")),
        ("SET #a = :a, #b = :a", {"#a": "s", "#b": "s"}, {":a": TEXT}, OVERLAP.format("s", "s")),
        ("REMOVE s SET s.n = :a", None, {":a": TEXT}, OVERLAP.format("s", "s, n")),
        ("SET s.#limit = :a", {"#count": "count", "#limit": "limit"}, {":a": TEXT, ":unused": TEXT}, UNUSED),
        (
            "SET #a = :a, #b = :a,",
            {"#a": "a", "#b": "b"},
            {":a": TEXT},
            'Invalid UpdateExpression: Syntax error; token: "<EOF>", near: ","',
        ),
        (
            "SET uk = list_append(uk, :a)",
            None,
            {":a": {"L": [TEXT]}},
            "The provided expression refers to an attribute that does not exist in the item",
        ),
    ],
)
def test_updates(ddb: Any, table: str, expression: str, names: Any, values: Any, message: str) -> None:
    """Sections once, paths apart, names used; in that order."""
    request = {"TableName": table, "Key": {"pk": TEXT}, "UpdateExpression": expression}
    if names is not None:
        request["ExpressionAttributeNames"] = names
    # What is known without the item is told in the envelope.
    told = message if message.startswith("The provided") else f"1 validation error detected: {message}"
    assert error_of(ddb.update_item, ExpressionAttributeValues=values, **request) == (INVALID, told)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"KeyConditionExpression": "(#0 = x) AND (begins_with(#1, a))"}
            | {"ExpressionAttributeNames": {"#0": "pk", "#1": "sk", "#count": "count"}},
            UNUSED,
        ),
        (
            {"KeyConditionExpression": "#p = sth", "ExpressionAttributeNames": {"#p": "pk"}},
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
        ({"KeyConditionExpression": "attr = loc", "ExpressionAttributeValues": {"loc": TEXT}}, BAD_KEY),
        (
            {"KeyConditionExpression": "pk = sth", "ProjectionExpression": ""},
            "Invalid ProjectionExpression: The expression can not be empty;",
        ),
        (
            {"KeyConditionExpression": "pk = sth", "FilterExpression": ""},
            "Invalid FilterExpression: The expression can not be empty;",
        ),
    ],
)
def test_queries(ddb: Any, table: str, params: dict[str, Any], message: str) -> None:
    """Before the table's keys are looked at."""
    assert error_of(ddb.query, TableName=table, **params) == (INVALID, message)


def test_names_and_values_before_keys(ddb: Any, table: str) -> None:
    """A key that does not fit is found last."""
    wrong = {"TableName": table, "Key": {"id": TEXT}}
    assert error_of(ddb.get_item, ExpressionAttributeNames={}, **wrong)[1] == (
        "ExpressionAttributeNames can only be specified when using expressions"
    )
    empty = error_of(ddb.get_item, ExpressionAttributeNames={}, ProjectionExpression="a", **wrong)
    assert empty[1] == "ExpressionAttributeNames must not be empty"
    names = {"#e": "e", "#count": "c"}
    write = wrong | {"UpdateExpression": "SET #e = test", "ExpressionAttributeNames": names}
    assert error_of(ddb.transact_write_items, TransactItems=[{"Update": write}]) == (INVALID, UNUSED)
    check = wrong | {"ConditionExpression": "attribute_exists(#e)", "ExpressionAttributeNames": names}
    assert error_of(ddb.transact_write_items, TransactItems=[{"ConditionCheck": check}]) == (INVALID, UNUSED)
    nowhere = {"Keys": [{"u": TEXT}], "ProjectionExpression": "#e", "ExpressionAttributeNames": names}
    assert error_of(ddb.batch_get_item, RequestItems={"nowhere": nowhere}) == (INVALID, UNUSED)
    assert error_of(ddb.get_item, **wrong)[1] == "The provided key element does not match the schema"


def test_empty_sets(ddb: Any, table: str) -> None:
    """With AWS's own grammar and its two spaces."""
    for item, kind in (({"s": {"SS": []}}, "string"), ({"m": {"M": {"s": {"NS": []}}}}, "number")):
        assert error_of(ddb.put_item, TableName=table, Item={"pk": TEXT, **item}) == (
            INVALID,
            f"1 validation error detected: One or more parameter values were invalid: An {kind} set  may not be empty",
        )


def test_a_name_is_one_attribute_whatever_it_holds(ddb: Any, table: str) -> None:
    """A dot in a name makes no path, so it overlaps with nothing."""
    ddb.update_item(
        TableName=table,
        Key={"pk": TEXT},
        UpdateExpression="SET s = :a, #n = :a",
        ExpressionAttributeNames={"#n": "s.n"},
        ExpressionAttributeValues={":a": TEXT},
    )
    assert ddb.get_item(TableName=table, Key={"pk": TEXT})["Item"] == {"pk": TEXT, "s": TEXT, "s.n": TEXT}


def test_placeholders_that_are_too_long(ddb: Any) -> None:
    """The prefix counts, and it is told before what else is wrong; only for names with their size."""
    table, long = make_table(ddb, sort=None), "a" * 255
    words = "contains invalid key: The expression attribute map contains a key that is too long;"
    for ending, size in (("", 256), ("-x", 258)):
        names = {f"#{long}{ending}": "a"}
        read = {"TableName": table, "Key": {"pk": {"S": "a"}}, "ProjectionExpression": "#a"}
        assert error_of(ddb.get_item, **read, ExpressionAttributeNames=names) == (
            INVALID,
            f"ExpressionAttributeNames {words} size of key: {size}",
        )
        values = {f":{long}{ending}": {"S": "a"}}
        told = error_of(ddb.scan, TableName=table, FilterExpression="a = :a", ExpressionAttributeValues=values)
        assert told == (INVALID, f"ExpressionAttributeValues {words}")


def test_names_and_values_need_no_expression_in_transactions(ddb: Any, table: str) -> None:
    """Alone they are refused; beside an expression all must be used, here as elsewhere."""
    names, values = {"ExpressionAttributeNames": {"#n": "n"}}, {"ExpressionAttributeValues": {":v": TEXT}}
    key = {"TableName": table, "Key": {"pk": {"S": "unneeded"}}}
    for needless in (names, values):
        put = {"TableName": table, "Item": key["Key"], **needless}
        ddb.transact_write_items(TransactItems=[{"Put": put}])
        assert "Item" in ddb.get_item(**key)
        ddb.transact_write_items(TransactItems=[{"Delete": {**key, **needless}}])
        assert "Item" not in ddb.get_item(**key)
    assert ddb.transact_get_items(TransactItems=[{"Get": {**key, **names}}])["Responses"] == [{}]
    unused = (INVALID, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}")
    get = {**key, **names, "ProjectionExpression": "pk"}
    assert error_of(ddb.transact_get_items, TransactItems=[{"Get": get}]) == unused
    delete = {**key, **names, "ConditionExpression": "attribute_exists(pk)"}
    assert error_of(ddb.transact_write_items, TransactItems=[{"Delete": delete}]) == unused


def test_expressions_that_are_too_long(ddb: Any, table: str) -> None:
    """Only of conditions and filters the size is told."""
    long, values = "a" * 4097, {"ExpressionAttributeValues": {":v": TEXT}}
    words = "Expression size has exceeded the maximum allowed size;"
    told = error_of(ddb.get_item, TableName=table, Key={"pk": TEXT}, ProjectionExpression=long)
    assert told == (INVALID, f"Invalid ProjectionExpression: {words}")
    told = error_of(ddb.query, TableName=table, KeyConditionExpression=f"{long} = :v", **values)
    assert told == (INVALID, f"Invalid KeyConditionExpression: {words}")
    told = error_of(ddb.scan, TableName=table, FilterExpression=f"{long} = :v", **values)
    assert told == (INVALID, f"Invalid FilterExpression: {words} expression size: 4102")
