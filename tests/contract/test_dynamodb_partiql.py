"""PartiQL as boto3 sees it: statements of every kind, parameters, paging, batches, transactions, and the errors."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table

INCOMPLETE_KEY = "Where clause does not contain a mandatory equality on all key attributes"


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture
def table(ddb: Any) -> str:
    """Five items in partition p, one in q, with an index on g."""
    name = make_table(ddb, sort="sk:N", attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g", "sk")])
    for number in range(5):
        item = {"pk": {"S": "p"}, "sk": {"N": str(number)}, "x": {"S": f"x{number}"}}
        ddb.put_item(TableName=name, Item=item | ({"g": {"S": "odd"}} if number % 2 else {}))
    nested = {"M": {"b": {"L": [{"S": "zero"}, {"N": "1"}]}}}
    ddb.put_item(TableName=name, Item={"pk": {"S": "q"}, "sk": {"N": "9"}, "a": nested})
    return name


def run(ddb: Any, statement: str, *parameters: Any, **more: Any) -> list[dict[str, Any]]:
    given = {"Parameters": list(parameters)} if parameters else {}
    return ddb.execute_statement(Statement=statement, **given, **more)["Items"]


def numbers(found: list[dict[str, Any]]) -> list[int]:
    return [int(item["sk"]["N"]) for item in found]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("pk = 'p'", [0, 1, 2, 3, 4]),
        ("pk = 'p' AND sk >= 3", [3, 4]),
        ("pk = 'p' AND sk BETWEEN 1 AND 2", [1, 2]),
        ("pk = 'p' AND sk = 2", [2]),
        ("pk = 'p' AND 2 < sk", [3, 4]),
        ("pk = 'p' AND sk IN [0, 4]", [0, 4]),
        ("pk IN ['p', 'q'] AND sk > 3", [4, 9]),
        ("pk = 'p' AND x = 'x3'", [3]),
        ("pk = 'p' AND NOT x = 'x3' AND sk > 2", [4]),
        ("pk = 'p' AND begins_with(x, 'x1')", [1]),
        ("pk = 'p' AND g IS MISSING", [0, 2, 4]),
        ("pk = 'p' AND g IS NOT MISSING", [1, 3]),
        ("pk = 'p' AND (x = 'x1' OR contains(x, '2'))", [1, 2]),
        ("a.b[1] = 1", [9]),
        ("a IS STRUCT AND size(a.b) = 2", [9]),
        ("pk = 'p' ORDER BY sk DESC", [4, 3, 2, 1, 0]),
        ("pk = 'nobody'", []),
    ],
)
def test_selects(ddb: Any, table: str, where: str, expected: list[int]) -> None:
    """Key conditions choose the rows, everything else filters."""
    assert numbers(run(ddb, f'SELECT * FROM "{table}" WHERE {where}')) == expected


def test_projections_show_paths_under_their_last_name(ddb: Any, table: str) -> None:
    """As AWS labels them."""
    found = run(ddb, f"SELECT sk, a.b, a.b[0], nope FROM \"{table}\" WHERE pk = 'q'")
    assert found == [{"sk": {"N": "9"}, "b": {"L": [{"S": "zero"}, {"N": "1"}]}, "b[0]": {"S": "zero"}}]


def test_selects_from_an_index_and_with_parameters(ddb: Any, table: str) -> None:
    """The index after a dot; parameters in order."""
    assert numbers(run(ddb, f'SELECT * FROM "{table}"."gsi" WHERE g = ?', {"S": "odd"})) == [1, 3]
    assert error_of(ddb.execute_statement, Statement=f'SELECT * FROM "{table}" WHERE pk = ?') == (
        INVALID,
        "Number of parameters in request and statement don't match.",
    )


def test_selects_page(ddb: Any, table: str) -> None:
    """A token carries on, for the same statement only."""
    statement = f"SELECT * FROM \"{table}\" WHERE pk = 'p'"
    first = ddb.execute_statement(Statement=statement, Limit=3)
    assert numbers(first["Items"]) == [0, 1, 2]
    rest = ddb.execute_statement(Statement=statement, NextToken=first["NextToken"])
    assert numbers(rest["Items"]) == [3, 4] and "NextToken" not in rest
    other = error_of(ddb.execute_statement, Statement=f'SELECT * FROM "{table}"', NextToken=first["NextToken"])
    assert other == (INVALID, "NextToken does not match request")


def test_inserts(ddb: Any, table: str) -> None:
    """Every kind of literal; a key that is taken is refused."""
    insert = (
        f"INSERT INTO \"{table}\" VALUE {{'pk': 'new', 'sk': 1, 's': 'it''s', 't': true, 'z': NULL, "
        "'l': [1, 'a', {'m': -1.5}], 'ss': <<'a', 'b'>>, 'ns': <<1, 2>>, 'p': ?}"
    )
    assert run(ddb, insert, {"B": b"\x00"}) == []
    item = ddb.get_item(TableName=table, Key={"pk": {"S": "new"}, "sk": {"N": "1"}})["Item"]
    assert item == {
        "pk": {"S": "new"},
        "sk": {"N": "1"},
        "s": {"S": "it's"},
        "t": {"BOOL": True},
        "z": {"NULL": True},
        "l": {"L": [{"N": "1"}, {"S": "a"}, {"M": {"m": {"N": "-1.5"}}}]},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]},
        "p": {"B": b"\x00"},
    }
    assert error_of(ddb.execute_statement, Statement=insert, Parameters=[{"S": ""}]) == (
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    )


def test_updates_and_deletes(ddb: Any, table: str) -> None:
    """One item by its whole key; further conditions must hold; RETURNING shows it."""
    key = "WHERE pk = 'p' AND sk = 1"
    shown = run(ddb, f"UPDATE \"{table}\" SET x = 'new' SET n = 1 REMOVE g {key} RETURNING ALL NEW *")
    assert shown == [{"pk": {"S": "p"}, "sk": {"N": "1"}, "x": {"S": "new"}, "n": {"N": "1"}}]
    assert run(ddb, f'UPDATE "{table}" SET n = n + 5 {key} RETURNING MODIFIED NEW *') == [{"n": {"N": "6"}}]
    run(ddb, f"UPDATE \"{table}\" SET s = <<'a'>> {key}")
    added = run(ddb, f"UPDATE \"{table}\" SET s = set_add(s, <<'b'>>) {key} RETURNING MODIFIED NEW *")
    assert added == [{"s": {"SS": ["a", "b"]}}]
    refused = error_of(ddb.execute_statement, Statement=f'UPDATE "{table}" SET n = 0 {key} AND n = 99')
    assert refused == ("ConditionalCheckFailedException", "The conditional request failed")
    missing = error_of(ddb.execute_statement, Statement=f"UPDATE \"{table}\" SET n = 0 WHERE pk = 'p' AND sk = 77")
    assert missing[0] == "ConditionalCheckFailedException"
    assert error_of(ddb.execute_statement, Statement=f'DELETE FROM "{table}" {key} AND n = 99')[0] == missing[0]
    gone = run(ddb, f'DELETE FROM "{table}" {key} RETURNING ALL OLD *')
    assert gone[0]["n"] == {"N": "6"}
    assert run(ddb, f'DELETE FROM "{table}" {key}') == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM {t} WHERE pk = 'p'", "Where clause does not contain a mandatory equality on all key attributes"),
        (
            "UPDATE {t} SET n = 1 WHERE sk = 1",
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
        ('SELECT * FROM {t}."nope"', "The table does not have the specified index"),
        ("SELECT * FROM {t} WHERE dog(pk)", "Unrecognized function: dog at 1:58:3"),
        ("SELECT * FROM {t} WHERE x = MISSING", "MISSING must be compared using IS operator"),
        ("SELECT a AS b FROM {t}", "Aliasing is not supported"),
        ("SELECT l[-1] FROM {t}", "List index is not within the allowable range; index: [-1] at 1:11:1"),
        (
            "SELECT * FROM {t} WHERE x < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        ("INSERT INTO {t} VALUE {{'pk': 'a'}}", "Key attribute should be present in the item: Key sk"),
        ("SELECT * FROM {t} ORDER BY sk", "Must have WHERE clause in the statement when using ORDER BY clause."),
        ("SELECT * FROM {t} LIMIT 10", "Unsupported clause: LIMIT at 1:58:2"),
        ("SELECT * FROM {t} WHERE pk = 'p' ORDER BY sk LIMIT ?", "Unsupported clause: LIMIT at 1:85:1"),
        ("SELECT pk FROM {t} WHERE pk = 'p' GROUP BY pk", "Unsupported clause: GROUP BY"),
        ("SELECT DISTINCT pk FROM {t}", "Unsupported clause: DISTINCT"),
        ("SELECT * FROM my-own-items WHERE pk = 'p'", "Unexpected from source"),
        ("SELECT VALUE pk FROM {t}", "Select projection doesn't support value or pivot keywords"),
        ("SELECT pk FROM {t}, {t}", "Only select from a single table or index is supported."),
        ("SELECT pk, sk, pk FROM {t}", "Duplicate identifiers in select clause: pk"),
        ("EXISTS(SELECT * FROM {t})", "EXISTS can only be used in ExecuteTransaction write requests."),
    ],
)
def test_statements_that_are_refused(ddb: Any, table: str, statement: str, message: str) -> None:
    """Each in AWS's words."""
    assert error_of(ddb.execute_statement, Statement=statement.format(t=f'"{table}"')) == (INVALID, message)


@pytest.mark.parametrize("statement", ["", "SELEC * FROM t", "SELECT * FROM", "SELECT * FROM t WHERE", "((((" * 100])
def test_malformed_statements(ddb: Any, statement: str) -> None:
    """All begin with the same words."""
    if statement:
        refused = error_of(ddb.execute_statement, Statement=statement)
        assert refused[0] == INVALID and refused[1].startswith("Statement wasn't well formed, can't be processed: ")


def batch(ddb: Any, *statements: str, **more: Any) -> dict[str, Any]:
    return ddb.batch_execute_statement(Statements=[{"Statement": text} for text in statements], **more)


def test_batches_answer_each_statement(ddb: Any, table: str) -> None:
    """One that fails does not stop the others."""
    written = batch(
        ddb,
        f"INSERT INTO \"{table}\" VALUE {{'pk': 'b', 'sk': 1}}",
        f"INSERT INTO \"{table}\" VALUE {{'pk': 'p', 'sk': 1}}",
    )
    duplicate = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
    assert written["Responses"] == [{"TableName": table}, {"Error": duplicate, "TableName": table}]
    select = f"SELECT x FROM \"{table}\" WHERE pk = 'p'"
    only = "Select statements within BatchExecuteStatement must specify the primary key in the where clause."
    assert batch(ddb, f"{select} AND sk = 2", select)["Responses"] == [
        {"TableName": table, "Item": {"x": {"S": "x2"}}},
        {"Error": {"Code": "ValidationError", "Message": only}},
    ]


def test_batches_of_one_kind_and_of_several_items(ddb: Any, table: str) -> None:
    """Reads or writes, and no item twice; what cannot be parsed is of no kind, and only its own statement fails."""
    select, delete = (
        f"SELECT x FROM \"{table}\" WHERE pk = 'p' AND sk = 2",
        f"DELETE FROM \"{table}\" WHERE pk = 'p' AND sk = 3",
    )
    statements = [{"Statement": text} for text in (select, delete)]
    mixed = error_of(ddb.batch_execute_statement, Statements=statements)
    assert mixed == (INVALID, "Read and write requests together in the same batch is not supported.")
    update = f"UPDATE \"{table}\" SET y = 1 WHERE sk = 3 AND pk = 'p'"
    for pair in ((select, select), (delete, update)):
        twice = error_of(ddb.batch_execute_statement, Statements=[{"Statement": text} for text in pair])
        assert twice == (INVALID, "Provided list of item keys contains duplicates")
    first, second = batch(ddb, "SELEC", select)["Responses"]
    assert first["Error"]["Code"] == "ValidationError" and "Item" in second


def test_what_batches_of_writes_cost(ddb: Any) -> None:
    """By table and index, as the same writes alone. What an item refused is in the sum only, as much as it would have
    cost, unless nothing at all succeeded."""
    table = make_table(ddb, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    ddb.put_item(TableName=table, Item={"pk": {"S": "big"}, "sk": {"S": "1"}, "x": {"S": "x" * 3000}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "small"}, "sk": {"S": "1"}})

    def cost(*writes: str) -> Any:
        return batch(ddb, *writes, ReturnConsumedCapacity="INDEXES").get("ConsumedCapacity")

    def insert(pk: str, **attributes: str) -> str:
        item = {"pk": pk, "sk": "1"} | attributes
        return f'INSERT INTO "{table}" VALUE {item}'

    units = {"CapacityUnits": 1.0}
    alone = {"TableName": table, "CapacityUnits": 2.0, "Table": units, "GlobalSecondaryIndexes": {"gsi": units}}
    assert cost(insert("a", g="g")) == [alone]
    assert cost(insert("big"), insert("small"), insert("b", g="g")) == [alone | {"CapacityUnits": 6.0}]
    assert cost(insert("small", x="x" * 3000), insert("c", g="g")) == [alone | {"CapacityUnits": 5.0}]
    assert cost(insert("small")) is None


def test_transactions_of_statements(ddb: Any, table: str) -> None:
    """All or nothing, with EXISTS as a check; reads answer with items."""
    exists = f"EXISTS(SELECT * FROM \"{table}\" WHERE pk = 'p' AND sk = 0 AND x = 'x0')"
    insert = f"INSERT INTO \"{table}\" VALUE {{'pk': 'tx', 'sk': 1}}"
    written = ddb.execute_transaction(TransactStatements=[{"Statement": exists}, {"Statement": insert}])
    assert written["Responses"] == []
    with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
        ddb.execute_transaction(
            TransactStatements=[
                {"Statement": f"DELETE FROM \"{table}\" WHERE pk = 'p' AND sk = 4"},
                {"Statement": insert},
            ]
        )
    codes = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert codes == ["None", "DuplicateItem"]
    read = f"SELECT * FROM \"{table}\" WHERE pk = 'tx' AND sk = ?"
    got = ddb.execute_transaction(
        TransactStatements=[
            {"Statement": read, "Parameters": [{"N": "1"}]},
            {"Statement": read, "Parameters": [{"N": "2"}]},
        ]
    )
    assert got["Responses"] == [{"Item": {"pk": {"S": "tx"}, "sk": {"N": "1"}}}, {}]
