"""How statements of PartiQL come apart into reads and writes of items, and what is refused on the way.

Facts that another emulator's authors measured at AWS in September 2026 (eu-west-2).
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.dynamodb import INVALID, error_of, make_table

WRONG = "One or more parameter values were invalid: "
TOO_DEEP = "Nesting Levels have exceeded supported limits"
FIRST = "Validation failed in TransactStatements[0]: "


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture(scope="module")
def table(ddb: Any) -> str:
    """Two items in one partition, and one with something of everything."""
    name = make_table(ddb)
    for sort, flag in (("1", "one"), ("2", "two")):
        ddb.put_item(TableName=name, Item={"pk": {"S": "r"}, "sk": {"S": sort}, "flag": {"S": flag}})
    some = {"n": {"N": "1"}, "s": {"SS": ["a"]}, "l": {"L": [{"S": "x"}]}, "yes": {"BOOL": True}, "m": {"M": {}}}
    ddb.put_item(TableName=name, Item={"pk": {"S": "a"}, "sk": {"S": "1"}, "flag": {"S": "right"}, **some})
    return name


def run(ddb: Any, statement: str, *parameters: Any, **more: Any) -> list[dict[str, Any]]:
    given = {"Parameters": list(parameters)} if parameters else {}
    return ddb.execute_statement(Statement=statement, **given, **more)["Items"]


def refusal(ddb: Any, statement: str, *parameters: Any) -> str:
    given = {"Parameters": list(parameters)} if parameters else {}
    code, message = error_of(ddb.execute_statement, Statement=statement, **given)
    assert code == INVALID, message
    return message


def refused_transaction(ddb: Any, *statements: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        ddb.execute_transaction(TransactStatements=[{"Statement": statement} for statement in statements])
    return caught.value.response


WHERE = "WHERE pk = 'a' AND sk = '1'"


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        ("{'a':" * 32 + "1" + "}" * 32, f"{TOO_DEEP} under root{'.a' * 32}"),
        ("{'a':" + "[" * 31 + "1" + "]" * 31 + "}", f"{TOO_DEEP} under root.a{'[0]' * 31}"),
        ("<<2, 2.0>>", f"{WRONG}Input collection [2, 2.0] contains duplicates! under root"),
        ("{'x': <<1, -1, 1e0>>}", f"{WRONG}Input collection [1, -1, 1e0] contains duplicates! under root.x"),
    ],
    ids=["maps", "lists", "numbers", "numbers inside"],
)
def test_literals_that_are_refused(ddb: Any, table: str, literal: str, message: str) -> None:
    """The parser tells where in the literal; a transaction tells which statement."""
    statement = f'UPDATE "{table}" SET d = {literal} {WHERE}'
    assert refusal(ddb, statement) == message
    assert refused_transaction(ddb, statement)["Error"]["Message"] == f"{FIRST}{message}"


def test_parameters_stand_for_whole_values(ddb: Any, table: str) -> None:
    """Only the values of an inserted item, and of a comparison, may be parameters; elements of literals may not."""
    for literal, path in (("[?]", "root[0]"), ("{'k': [1, ?]}", "root.k[1]"), ("<<?>>", "root[0]")):
        statement = f'UPDATE "{table}" SET d = {literal} {WHERE}'
        place = statement.index("?") + 1
        assert (
            refusal(ddb, statement, {"S": "v"}) == f"Unsupported data type: Parameter under key {path} at 1:{place}:1"
        )
    run(ddb, f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': '1', 'n': 1}}", {"S": "inserted"})
    assert run(ddb, f"SELECT n FROM \"{table}\" WHERE pk = 'inserted' AND n IN [?, 2]", {"N": "1"}) == [
        {"n": {"N": "1"}}
    ]


def test_parameters_are_read_before_the_statement(ddb: Any, table: str) -> None:
    """What is wrong with them is told even where the statement cannot be parsed."""
    repeated = {"SS": ["a", "a"]}
    assert (
        refusal(ddb, f'UPDATE "{table}" SET WHERE', repeated) == f"{WRONG}Input collection [a, a] contains duplicates."
    )


def test_items_of_32_levels(ddb: Any, table: str) -> None:
    """The item that is inserted is no level itself; an update may not nest what is there any deeper."""
    deep = "{'a':" * 31 + "1" + "}" * 31
    run(ddb, f"INSERT INTO \"{table}\" VALUE {{'pk': 'deep', 'sk': '1', 'd': {deep}}}")
    value: dict[str, Any] = {"S": "x"}
    for _ in range(31):
        value = {"M": {"a": value}}
    assert refusal(ddb, f'UPDATE "{table}" SET m.d = ? {WHERE}', value) == TOO_DEEP


def test_signs_and_indexes_of_numbers(ddb: Any, table: str) -> None:
    """Signs add up; a list has no negative index, but minus zero is none; a word that SQL knows can be a name."""
    for condition, count in (("n = - - 1", 1), ("n > -/* c */-1", 0), ("n BETWEEN - 2 AND +5 AND n IN [- 1, 1]", 1)):
        assert len(run(ddb, f'SELECT sk FROM "{table}" {WHERE} AND {condition}')) == count
    for condition in ("n > -?", "n > -n"):
        error_of(ddb.execute_statement, Statement=f'SELECT sk FROM "{table}" {WHERE} AND {condition}')
    assert run(ddb, f'SELECT l[-0] FROM "{table}" {WHERE}') == [{"l[0]": {"S": "x"}}]
    wrong = "List index is not within the allowable range; index: [2147483648] at 1:10:10"
    assert refusal(ddb, f'SELECT l[2147483648] FROM "{table}" {WHERE}') == wrong
    run(ddb, f'UPDATE "{table}" SET Only = 1 {WHERE}')


def test_type_names_that_are_none(ddb: Any, table: str) -> None:
    """PartiQL lists the types in an order of its own."""
    assert refusal(ddb, f"SELECT sk FROM \"{table}\" {WHERE} AND attribute_type(n, 'X')") == (
        "Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}"
    )
