"""How statements of PartiQL come apart into reads and writes of items, and what is refused on the way.

Facts that another emulator's authors measured at AWS in September 2026 (eu-west-2).
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.dynamodb import INVALID, error_of, index, make_table

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


OVERLAPPING = "Overlapping conditions with range keys are not supported in where clause"
MANY_READS = "Too many decomposed read operations for a given query."


def choices(count: int) -> str:
    return ", ".join(f"'v{number}'" for number in range(count))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("pk = 'r' AND (sk = '1' OR sk = '2')", ["1", "2"]),
        ("pk = 'r' AND sk IN ['2', '1']", ["1", "2"]),
        ("pk = 'r' AND (sk < '1' OR sk > '1' OR sk = '1')", ["1", "2"]),
        ("pk = 'r' AND sk = '1' AND sk > '0'", ["1"]),
        ("pk = 'r' AND (flag = 'one' OR flag = 'two')", ["1", "2"]),
        ("pk = 'r' AND (pk = 'z' OR flag = 'two')", ["2"]),
        ("pk = 'r' AND pk = 'z'", []),
        ("pk = 'r' OR sk = '2'", ["1", "2"]),
        (f"pk IN ['r', {choices(50)}] OR flag = 'one'", ["1", "2"]),
        (f"pk IN ['r', {choices(49)}] AND flag IN ['two', {choices(99)}]", ["2"]),
        ("pk > 1", []),
    ],
    ids=range(11),
)
def test_what_where_comes_apart_into(ddb: Any, table: str, condition: str, expected: list[str]) -> None:
    """Alternatives on keys are read one by one, others filter; without a partition in each, all is read."""
    assert [item["sk"]["S"] for item in run(ddb, f'SELECT sk FROM "{table}" WHERE {condition}')] == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("pk IN ['r', 'r']", OVERLAPPING),
        ("pk = 'r' OR pk = 'r'", OVERLAPPING),
        ("pk = 'r' AND (sk > '0' OR sk < '5')", OVERLAPPING),
        ("pk = 'r' AND (sk = '1' OR flag = 'two')", OVERLAPPING),
        ("(pk = 'r' AND flag = 'one') OR (pk = 'r' AND flag = 'two')", OVERLAPPING),
        (f"pk IN [{choices(51)}]", MANY_READS),
        (f"pk = 'r' AND sk IN [{choices(51)}]", MANY_READS),
        (f"pk IN [{choices(26)}] AND sk IN ['1', '2']", MANY_READS),
        ("pk = 'r'" + " AND (sk = '1' OR sk = '2')" * 30, MANY_READS),
        ("pk = 1 OR pk = 'r'", "Key attribute's data type should match its data type in table's schema: Key pk"),
        (
            "pk = 'r' AND sk IN ['1', 2]",
            "Key attribute's data type should match its data type in table's schema: Key sk",
        ),
    ],
    ids=range(11),
)
def test_reads_that_are_refused(ddb: Any, table: str, condition: str, message: str) -> None:
    """Two reads may not lead to the same rows, fifty are the most, and keys have to be of their type."""
    assert refusal(ddb, f'SELECT sk FROM "{table}" WHERE {condition}') == message


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_exists(nope) = false", True),
        ("true = attribute_exists(n)", True),
        ("attribute_exists(n) <> 1", True),
        ("(n BETWEEN 0 AND 5) = true", True),
        ("(n = 5 OR flag = 'x') = false", True),
        ("attribute_exists(nope) IN [true, false]", True),
        ("attribute_exists(n) = attribute_exists(flag)", True),
        ("attribute_exists(n) = yes", True),
        ("attribute_exists(n) = 1", False),
        ("NOT attribute_exists(n) = true", False),
        ("(attribute_exists(n) = true) = false", False),
        ("attribute_exists(n) = flag", False),
    ],
)
def test_truth_as_an_operand(ddb: Any, table: str, condition: str, holds: bool) -> None:
    """A condition can be compared with anything: it is a boolean."""
    assert bool(run(ddb, f'SELECT sk FROM "{table}" {WHERE} AND {condition}')) is holds


def test_truth_has_no_order(ddb: Any, table: str) -> None:
    """It is refused as any boolean is."""
    assert refusal(ddb, f'SELECT sk FROM "{table}" {WHERE} AND attribute_exists(n) > false') == (
        "Incorrect operand type for operator or function; operator or function: >, operand type: BOOL"
    )


@pytest.fixture(scope="module")
def indexed(ddb: Any) -> str:
    some = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["shown"]}
    name = make_table(
        ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("some", "g", projection=some)]
    )
    ddb.put_item(TableName=name, Item={"pk": {"S": "p"}, "g": {"S": "y"}, "shown": {"S": "1"}, "zz": {"S": "1"}})
    return f'"{name}"."some"'


@pytest.mark.parametrize(
    ("condition", "missing"),
    [
        ("g = 'y' AND NOT (zz = '1' OR shown = 'x')", "[zz]"),
        ("g = 'y' AND b = '1' AND (a = '2' OR shown = '3')", "[a, b]"),
        ("g = 'y' AND (zz = '1' OR aa = '2' OR mm = '3')", "[zz, aa, mm]"),
        ("(g = 'y' OR g = 'z') AND zz = '1'", "[zz]"),
        ("(g = 'b' AND u1 = '1') OR (g = 'q' AND u2 = '1')", "[u2]"),
        ("(g = 'q' AND u1 = '1') OR (g = 'b' AND u2 = '1')", "[u1]"),
    ],
)
def test_filters_that_an_index_lacks(ddb: Any, indexed: str, condition: str, missing: str) -> None:
    """Refused where each of the reads has such a filter; names come in the order of a hash set."""
    assert refusal(ddb, f"SELECT pk FROM {indexed} WHERE {condition}") == (
        f"{WRONG}Secondary index some does not project one or more filter attributes: {missing}"
    )


@pytest.mark.parametrize(
    "condition",
    [
        "(g = 'y' AND shown = '1') OR (g = 'z' AND aa = '1')",
        "g > 'a' AND zz = '1'",
        "g = 'y' AND (g = 'z' OR zz = '1')",
        "(g = 'y' AND zz = '1') OR aa = '1'",
    ],
)
def test_filters_that_an_index_may_lack(ddb: Any, indexed: str, condition: str) -> None:
    """What it does not hold is missing there, where some read has no such filter, or all is read."""
    assert len(run(ddb, f"SELECT pk FROM {indexed} WHERE {condition}")) == ("shown" in condition)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("pk = 'r' ORDER BY sk DESC", ["r2", "r1"]),
        ("pk = 'r' ORDER BY pk ASC", ["r2", "r1"]),
        ("pk IN ['a', 'r'] ORDER BY pk DESC, sk ASC", ["r1", "r2", "a1"]),
        ("pk IN ['r', 'a'] ORDER BY pk", ["a1", "r2", "r1"]),
    ],
)
def test_orders(ddb: Any, table: str, rest: str, expected: list[str]) -> None:
    """Partitions come in their order; the sort key descends unless it has a term of its own. Pages go on in it."""
    statement = f'SELECT pk, sk FROM "{table}" WHERE {rest}'
    found = [item["pk"]["S"] + item["sk"]["S"] for item in run(ddb, statement)]
    assert found == expected
    paged: list[dict[str, Any]] = []
    page = ddb.execute_statement(Statement=statement, Limit=1)
    while True:
        paged += page["Items"]
        if "NextToken" not in page:
            break
        page = ddb.execute_statement(Statement=statement, Limit=1, NextToken=page["NextToken"])
    assert [item["pk"]["S"] + item["sk"]["S"] for item in paged] == expected


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("WHERE pk = 'r' ORDER BY flag DESC", "Attribute flag in ORDER BY clause must be part of the primary key"),
        (
            "WHERE pk > 'a' ORDER BY sk",
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ),
        (
            "WHERE pk IN ['a', 'r'] ORDER BY sk DESC",
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
        ),
    ],
)
def test_orders_that_are_refused(ddb: Any, table: str, rest: str, message: str) -> None:
    """Only keys order, and only partitions that are named."""
    assert refusal(ddb, f'SELECT sk FROM "{table}" {rest}') == message


ONLY_KEY = "Select statements within {} must specify the primary key in the where clause."


def test_reads_of_one_item(ddb: Any, table: str) -> None:
    """In a transaction and in a batch a select names the key and nothing else, in whatever words."""
    select = f'SELECT * FROM "{table}" WHERE '
    for where in ("pk IN ['r'] AND sk IN ['1']", "(sk = '1') AND pk = 'r' AND pk = 'r'"):
        answer = ddb.execute_transaction(TransactStatements=[{"Statement": select + where}])
        assert answer["Responses"][0]["Item"]["flag"] == {"S": "one"}
        answer = ddb.batch_execute_statement(Statements=[{"Statement": select + where}])
        assert answer["Responses"][0]["Item"]["flag"] == {"S": "one"}
    for where in ("pk = 'r' AND sk = '1' AND flag = 'one'", "pk = 'r' AND sk = '1' AND pk = 'a'", "pk = 'r'"):
        told = refused_transaction(ddb, select + where)["Error"]["Message"]
        assert told == FIRST + ONLY_KEY.format("ExecuteTransaction")
        error = ddb.batch_execute_statement(Statements=[{"Statement": select + where}])["Responses"][0]["Error"]
        assert error["Message"] == ONLY_KEY.format("BatchExecuteStatement")
    told = refused_transaction(ddb, f"{select}pk IN ['r', 'r'] AND sk = '1'")["Error"]["Message"]
    assert told == FIRST + OVERLAPPING


MULTIPLE = "Transaction request cannot include multiple operations on one item"
MISMATCH = {"Code": "ValidationError", "Message": "The provided key element does not match the schema"}


def test_transactions_of_reads(ddb: Any, table: str) -> None:
    """No item is read twice; a key of another type cancels before that is looked at."""
    select = f"SELECT * FROM \"{table}\" WHERE pk = 'r' AND sk = '1'"
    again = f"SELECT flag FROM \"{table}\" WHERE sk = '1' AND pk = 'r'"
    assert refused_transaction(ddb, select, again)["Error"]["Message"] == MULTIPLE
    mistyped = f"SELECT * FROM \"{table}\" WHERE pk = 1 AND sk = '1'"
    none = {"Code": "None"}
    assert refused_transaction(ddb, select, again, mistyped)["CancellationReasons"] == [none, none, MISMATCH]


def test_transactions_of_writes_without_whole_keys(ddb: Any, table: str) -> None:
    """Each is told in the reasons, where a statement of its own is refused for it."""
    update = f'UPDATE "{table}" SET a = 1 WHERE '
    wheres = ("pk = 'k'", "pk IN ['k'] AND sk = '1'", "pk = 'k' AND sk = '1' AND pk = 'o'", "pk = 'k' AND sk = 1")
    got = refused_transaction(ddb, *(update + where for where in (*wheres, "pk = 'k' AND sk = '1'")))
    assert got["CancellationReasons"] == [*[MISMATCH] * 4, {"Code": "None"}]
    insert = f"INSERT INTO \"{table}\" VALUE {{'pk': 'k'}}"
    got = refused_transaction(ddb, insert, f"DELETE FROM \"{table}\" WHERE sk = '1'")
    missing = {"Code": "ValidationError", "Message": f"{WRONG}Missing the key sk in the item"}
    assert got["CancellationReasons"] == [missing, MISMATCH]
    for statement in (f"{update}{wheres[2]}", f'DELETE FROM "{table}" WHERE {wheres[2]}'):
        assert refusal(ddb, statement) == (
            "Multiple conditions on same key pk. Only single item Update/Insert/Delete are supported"
        )
    run(ddb, f"{update}pk = 'a' AND sk = '1' AND pk = 'a'")


def test_transactions_delete_what_is_not_there(ddb: Any, table: str) -> None:
    """That is no reason to cancel, as a deletion of its own is none to fail; an update of nothing is one."""
    delete = f"DELETE FROM \"{table}\" WHERE pk = 'gone' AND sk = '1'"
    update = f"UPDATE \"{table}\" SET a = 1 WHERE pk = 'gone' AND sk = '2'"
    got = refused_transaction(ddb, update, delete)["CancellationReasons"]
    assert [reason["Code"] for reason in got] == ["ConditionalCheckFailed", "None"]
    members = [{"Statement": delete}]
    answer = ddb.execute_transaction(TransactStatements=members, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"][0]["CapacityUnits"] == 2.0


def test_inserts_are_written_as_structs(ddb: Any, table: str) -> None:
    """A parameter cannot be the whole item."""
    insert = f'INSERT INTO "{table}" VALUE '
    told = (
        "Unsupported format in item expression. Please use struct format {...} to express item values for insert "
        f"statement. at 1:{len(insert) + 1}:1"
    )
    member = {"Statement": f"{insert}?", "Parameters": [{"M": {"pk": {"S": "k"}, "sk": {"S": "1"}}}]}
    assert error_of(ddb.execute_statement, **member) == (INVALID, told)
    assert error_of(ddb.execute_statement, Statement=f"{insert}[1]") == (INVALID, told)
    answer = ddb.batch_execute_statement(Statements=[member])["Responses"]
    assert answer == [{"Error": {"Code": "ValidationError", "Message": told}}]
    failed = f"Validation failed in TransactStatements[0]: {told}"
    assert error_of(ddb.execute_transaction, TransactStatements=[member]) == (INVALID, failed)


def test_transactions_on_missing_tables(ddb: Any, table: str) -> None:
    """They cancel, after whatever is wrong with the statements on tables that are there."""
    missing = "UPDATE \"nowhere\" SET a = 1 WHERE pk = 'x' AND sk = '1'"
    reason = {"Code": "ResourceNotFound", "Message": "Requested resource not found"}
    select = f"SELECT * FROM \"{table}\" WHERE pk = 'r' AND sk = '1'"
    got = refused_transaction(ddb, f"{missing} RETURNING ALL NEW *", missing)
    assert got["Error"]["Code"] == "TransactionCanceledException" and got["CancellationReasons"] == [reason, reason]
    got = refused_transaction(ddb, select, "SELECT * FROM \"nowhere\".\"idx\" WHERE pk = 'x' AND sk = '1'")
    assert got["CancellationReasons"] == [{"Code": "None"}, reason]
    returning = f'UPDATE "{table}" SET a = 1 {WHERE} RETURNING ALL NEW *'
    assert refused_transaction(ddb, missing, returning)["Error"]["Message"] == (
        "Validation failed in TransactStatements[1]: RETURNING clause is not supported in ExecuteTransaction."
    )


def test_batches_tell_the_table_of_what_ran(ddb: Any, table: str) -> None:
    """A write that came as far as its item, whatever it then failed with."""
    statement = f'UPDATE "{table}" SET flag = flag + 1 {WHERE}'
    answer = ddb.batch_execute_statement(Statements=[{"Statement": statement}])["Responses"][0]
    assert answer["TableName"] == table
    assert answer["Error"]["Message"] == "An operand in the update expression has an incorrect data type"
