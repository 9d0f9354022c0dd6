"""What PartiQL's parser reads and refuses, in AWS's words: facts of the public conformance suite, October 2026."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table

MALFORMED = "Statement wasn't well formed, can't be processed: "
LEFTOVER = f"{MALFORMED}Unexpected token after expression"
ALIASING = "Aliasing is not supported"
TERM = f"{MALFORMED}Unexpected term"
OPERATOR = f"{MALFORMED}Unexpected operator"
RIGHT = f"{MALFORMED}Missing right-hand side expression of infix operator"
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)
INCOMPLETE = "Where clause does not contain a mandatory equality on all key attributes"
NOT_NUMERIC = "The parameter cannot be converted to a numeric value"
REFUSED = (
    "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys."
)
TYPE_MISMATCH = "An operand in the update expression has an incorrect data type"
FAILED = "ConditionalCheckFailedException"


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture(scope="module")
def table(ddb: Any) -> str:
    """One item with something of everything."""
    name = make_table(ddb, sort=None)
    item = {
        "pk": {"S": "a"},
        "ss": {"SS": ["a", "b", "c"]},
        "ns": {"NS": ["1", "2"]},
        "s": {"S": "str"},
        "m": {"M": {"sub": {"S": "x"}, "inner": {"SS": ["x"]}}},
        "nul": {"NULL": True},
        "flag": {"BOOL": True},
        "n": {"N": "7310000"},
    }
    ddb.put_item(TableName=name, Item=item)
    return name


@pytest.fixture(scope="module")
def pair(ddb: Any) -> str:
    """Three items in a partition, with indexes that hold part of them."""
    keys_only, some = "KEYS_ONLY", {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["shown"]}
    name = make_table(
        ddb,
        attributes={"g": "S", "l": "S"},
        GlobalSecondaryIndexes=[
            index("gsi-all", "g"),
            index("gsi-keys", "g", projection=keys_only),
            index("gsi-inc", "g", projection=some),
        ],
        LocalSecondaryIndexes=[
            index("lsi-keys", "pk", "l", projection=keys_only),
            index("lsi-inc", "pk", "l", projection=some),
        ],
    )
    for number in ("1", "2", "3"):
        item = {"pk": "p", "sk": number, "g": "y", "l": f"l{number}", "shown": f"s{number}", "hidden": f"h{number}"}
        ddb.put_item(TableName=name, Item={key: {"S": value} for key, value in item.items()})
    ddb.put_item(TableName=name, Item={"pk": {"S": "p"}, "sk": {"S": "4"}, "hidden": {"S": "h4"}})
    return name


def run(ddb: Any, statement: str, *parameters: Any, **more: Any) -> list[dict[str, Any]]:
    given = {"Parameters": list(parameters)} if parameters else {}
    return ddb.execute_statement(Statement=statement, **given, **more)["Items"]


def refusal(ddb: Any, statement: str, *parameters: Any, **more: Any) -> str:
    given = {"Parameters": list(parameters)} if parameters else {}
    code, message = error_of(ddb.execute_statement, Statement=statement, **given, **more)
    assert code == INVALID, message
    return message


def place(statement: str, token: str, after: int = 0) -> str:
    """Where AWS says that a token stands."""
    return f" at 1:{statement.index(token, after) + 1}:{len(token)}"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM {t} WHERE pk = 1 foo", LEFTOVER),
        ("SELECT * FROM {t} WHERE pk = 1 e5", LEFTOVER),
        ("INSERT INTO {t} VALUE {{'pk': 'x'}} foo", LEFTOVER),
        ("UPDATE {t} SET a = 9 WHERE pk = 'x' foo", LEFTOVER),
        ("DELETE FROM {t} WHERE pk = 'x' foo", LEFTOVER),
        ("SELECT * FROM {t} WHERE pk = 1)", LEFTOVER),
        ("DELETE FROM {t} WHERE pk = 'x' ORDER BY pk", LEFTOVER),
        ("SELECT * FROM {t} ORDER BY pk WHERE pk = 1", LEFTOVER),
        ("INSERT INTO {t} t VALUE {{'pk': 'x'}}", LEFTOVER),
        ("FROM {t} SET c = 1 WHERE pk = 'x'", LEFTOVER),
        ("FROM {t} SET c = 1 WHERE pk = 'x' SET d = 2", LEFTOVER),
        ("SELECT * FROM {t} WHERE pk = 1e2147483648", MALFORMED),
        ("SELECT * FROM {t} WHERE pk = 1e99999999999", MALFORMED),
        ("SELECT * FROM {t} WHERE pk = 1.5e-2147483647", MALFORMED),
        ("SELECT * FROM {t} WHERE pk = 1 # note", MALFORMED),
        ("SELECT * FROM {t} WHERE pk = 1 /* note", MALFORMED),
        ("SELECT * FROM {t} t WHERE pk = 'x'", ALIASING),
        ("SELECT * FROM {t} AS t WHERE pk = 'x'", ALIASING),
        ("UPDATE {t} t SET a = 3 WHERE pk = 'x'", ALIASING),
        ("DELETE FROM {t} t WHERE pk = 'x'", ALIASING),
        ("SELECT * FROM {t} WHERE pk = 1e126", f"{OVERFLOW} under root"),
        ("SELECT * FROM {t} WHERE pk = 1e-131", f"{UNDERFLOW} under root"),
        (
            f"SELECT * FROM {{t}} WHERE pk = {'1' * 39}",
            "Attempting to store more than 38 significant digits in a Number under root",
        ),
        ("INSERT INTO {t} VALUE {{'pk': 1e126}}", f"{OVERFLOW} under root"),
        ("UPDATE {t} SET a = 1e-131 WHERE pk = 'x'", f"{UNDERFLOW} under root"),
        ("INSERT INTO {t} VALUE {{'pk': 'x', 'm': {{'x': 1e126}}}}", f"{OVERFLOW} under root.x"),
        ("INSERT INTO {t} VALUE {{'pk': 'x', 'l': [1, 1e126]}}", f"{OVERFLOW} under root[1]"),
        ("SELECT * FROM {t} WHERE", TERM),
        ("SELECT * FROM {t} WHERE;", TERM),
        ("SELECT * FROM {t} WHERE   ", TERM),
        ("UPDATE {t} SET a = 1 WHERE", TERM),
        ("DELETE FROM {t} WHERE", TERM),
        ("SELECT * FROM {t} WHERE NOT", TERM),
        ("SELECT * FROM {t} WHERE (", TERM),
        ('SELECT * FROM "never-made" WHERE', TERM),
        ("SELECT * FROM", TERM),
        ("SELECT * FROM {t} WHERE pk = 'p1' AND", RIGHT),
        ("SELECT * FROM {t} WHERE pk = 'p1' OR", RIGHT),
        ("SELECT * FROM {t} WHERE ORDER BY pk", f"{MALFORMED}Unexpected keyword"),
        ("x IS INT4", "Unsupported operation: IsType"),
        ("x IS DOUBLE PRECISION", "Unsupported operation: IsType"),
        ("x IS CHARACTER VARYING", "Unsupported operation: IsType"),
        ("SELECT * FROM {t} WHERE pk = 'a' AND x IS FOO", f"{MALFORMED}Expected type name"),
        ("SELECT * FROM {t} WHERE IS NULL", OPERATOR),
        ("SELECT * FROM {t} WHERE pk = LIKE", OPERATOR),
        ("DELETE FROM", f"{MALFORMED}Expected identifier for simple path"),
        ("DELETE FROM   ", f"{MALFORMED}Expected identifier for simple path"),
        ("DELETE FROM;", f"{MALFORMED}Expected identifier for simple path"),
        ("DELETE FROM WHERE pk = 'a'", f"{MALFORMED}Expected identifier for simple path"),
        ("SLECT * FROM {t} WHERE pk = 'a'", f"{MALFORMED}Expected data manipulation"),
        ("FROM {t} SET c = 1", INCOMPLETE),
        ("FROM {t} REMOVE a", INCOMPLETE),
        ("FROM {t} WHERE a = 1 SET c = 1", INCOMPLETE),
        ("SELECT * FROM {t} WHERE attribute_exists(m.inner)", f"{MALFORMED}Invalid path dot component"),
        ("UPDATE {t} SET m.inner = set_add(m.inner, <<'y'>>) WHERE pk = 'a'", f"{MALFORMED}Invalid path dot component"),
        ('SELECT * FROM {t}."a"."b" WHERE pk = 1', "A path may contain at most 2 components in the FROM clause"),
        ('SELECT * FROM {t}."" WHERE pk = 1', "Path component cannot be an empty string"),
        ("SELECT * FROM \"\" WHERE pk = 'x'", "Path component cannot be an empty string"),
        (
            "SELECT * FROM {t} WHERE attribute_exists('ss')",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "SELECT * FROM {t} WHERE attribute_exists()",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, "
            "number of operands: 0",
        ),
        (
            "SELECT * FROM {t} WHERE attribute_exists(ss, ns)",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, "
            "number of operands: 2",
        ),
        ("UPDATE {t} SET ss = set_add(ss, <<1>>) WHERE pk = 'a'", TYPE_MISMATCH),
        ("UPDATE {t} SET s = set_add(s, <<'x'>>) WHERE pk = 'a'", TYPE_MISMATCH),
        ("UPDATE {t} SET ss = set_delete(ss, <<1>>) WHERE pk = 'a'", TYPE_MISMATCH),
        (
            "UPDATE {t} SET ss = set_add(ss, <<'x', 'x'>>) WHERE pk = 'a'",
            "One or more parameter values were invalid: Input collection [x, x] contains duplicates.",
        ),
        ("UPDATE {t} SET ss = set_add(ss, <<>>) WHERE pk = 'a'", "Empty bags are not supported"),
    ],
)
def test_refusals(ddb: Any, table: str, statement: str, message: str) -> None:
    """Each to the letter."""
    assert refusal(ddb, statement.format(t=f'"{table}"')) == message


@pytest.mark.parametrize(
    ("statement", "token", "message"),
    [
        (
            "UPDATE {t} SET t = set_add(ss, <<'x'>>) WHERE pk = 'a'",
            "set_add",
            "The first argument to SET_ADD must equal the assignment value",
        ),
        (
            "UPDATE {t} SET ss = set_add(<<'a'>>, <<'b'>>) WHERE pk = 'a'",
            "set_add",
            "The first argument to SET_ADD must equal the assignment value",
        ),
        ("UPDATE {t} SET ss = set_add(ss) WHERE pk = 'a'", "set_add", "SET_ADD must have exactly two arguments"),
        (
            "UPDATE {t} SET ss = set_add(ss, <<'x'>>, <<'y'>>) WHERE pk = 'a'",
            "set_add",
            "SET_ADD must have exactly two arguments",
        ),
        (
            "UPDATE {t} SET t = set_delete(ss, <<'a'>>) WHERE pk = 'a'",
            "set_delete",
            "The first argument to SET_DELETE must equal the assignment value",
        ),
        ("SELECT attribute_exists(ss) FROM {t} WHERE pk = 'a'", "attribute_exists", "Unexpected path component"),
        ("SELECT * FROM {t} WHERE EXISTS(ss)", "EXISTS", "Unrecognized function: exists"),
        ("SELECT * FROM {t} WHERE set_add(ss, <<'x'>>) = ss", "set_add", "Unrecognized function: set_add"),
        (
            "INSERT INTO {t} VALUE {{'pk': 'x', 'ss': set_add(<<'a'>>, <<'b'>>)}}",
            "set_add",
            "Unsupported data type: set_add under key root",
        ),
    ],
)
def test_refusals_with_a_place(ddb: Any, table: str, statement: str, token: str, message: str) -> None:
    """Line, column and length of the token that is wrong."""
    statement = statement.format(t=f'"{table}"')
    assert refusal(ddb, statement) == message + place(statement, token)


def test_the_place_of_a_second_argument_is_that_of_the_first(ddb: Any, table: str) -> None:
    """As AWS has it."""
    for other in ("'x'", "['x']"):
        statement = f"UPDATE \"{table}\" SET ss = set_add(ss, {other}) WHERE pk = 'a'"
        told = refusal(ddb, statement)
        assert told == "The second argument to SET_ADD must be a value with type SET" + place(
            statement, "ss", statement.index("set_add(")
        )


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_exists(ss)", True),
        ("attribute_exists(nope)", False),
        ("attribute_not_exists(nope)", True),
        ("NOT attribute_exists(nope)", True),
        ("ATTRIBUTE_EXISTS(ss)", True),
        ("(attribute_exists(nope) OR attribute_exists(ss))", True),
        ("attribute_exists(ss) = true", True),
        ("attribute_exists(ss) = false", False),
        ('attribute_exists("ss")', True),
        ("attribute_exists(m.sub)", True),
        ("attribute_exists(m.nope)", False),
        ("size(s) = 3", True),
        ("attribute_type(ss, 'SS')", True),
        ("attribute_type(ss, 'S')", False),
        ("nul IS NULL", True),
        ("s IS NULL", False),
        ("s IS NOT NULL", True),
        ("flag IS BOOL", True),
        ("s IS STRING", True),
        ("s IS BOOL", False),
        ("n = 7.31e6", True),
        ("n = 73100000e-1", True),
        ("n > .73e1", True),
        ("n > -.73e1", True),
        ("s = 'str' -- a note", True),
        ("s = 'str' /* a note */", True),
        ("/* a\nnote */ s = 'str'", True),
    ],
)
def test_conditions(ddb: Any, table: str, condition: str, holds: bool) -> None:
    """Functions, types, numbers of all forms, comments."""
    assert len(run(ddb, f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND {condition}")) == holds


def test_comments_between_clauses(ddb: Any, table: str) -> None:
    """They are white space, so WHERE stays in force."""
    assert len(run(ddb, f"-- a note\nSELECT * FROM \"{table}\" -- b\nWHERE pk = 'a'")) == 1
    assert run(ddb, f"SELECT * FROM \"{table}\" -- b\nWHERE pk = 'b'") == []


def test_updates_from_first(ddb: Any, table: str) -> None:
    """FROM ... WHERE ... SET is an update like any other."""
    ddb.put_item(TableName=table, Item={"pk": {"S": "ff"}, "a": {"N": "1"}, "b": {"S": "bee"}})
    shown = run(ddb, f"FROM \"{table}\" WHERE pk = 'ff' AND a = 1 SET c = 2 REMOVE a RETURNING ALL NEW *")
    assert shown == [{"pk": {"S": "ff"}, "b": {"S": "bee"}, "c": {"N": "2"}}]
    run(ddb, f'from "{table}" where pk = ? set c = ?', {"S": "ff"}, {"N": "7"})
    for statement in (
        f"FROM \"{table}\" WHERE pk = 'ff' AND c = 1 SET d = 5",
        f"FROM \"{table}\" WHERE pk = 'z' SET d = 1",
    ):
        assert error_of(ddb.execute_statement, Statement=statement)[0] == FAILED
    ddb.execute_transaction(TransactStatements=[{"Statement": f"FROM \"{table}\" WHERE pk = 'ff' SET d = 1"}])
    answer = ddb.batch_execute_statement(Statements=[{"Statement": f"FROM \"{table}\" WHERE pk = 'ff' REMOVE b"}])
    assert answer["Responses"] == [{"TableName": table}]
    assert run(ddb, f"SELECT * FROM \"{table}\" WHERE pk = 'ff'") == [
        {"pk": {"S": "ff"}, "c": {"N": "7"}, "d": {"N": "1"}}
    ]
    nowhere = error_of(ddb.execute_statement, Statement="FROM \"never-made\" WHERE pk = 'x' SET c = 1")
    assert nowhere == ("ResourceNotFoundException", "Requested resource not found")


def test_set_functions(ddb: Any, table: str) -> None:
    """set_add makes and fills sets, set_delete empties and removes them."""
    ddb.put_item(TableName=table, Item={"pk": {"S": "sf"}, "ss": {"SS": ["a", "b"]}, "bs": {"BS": [b"1"]}})
    key = "WHERE pk = 'sf'"
    run(ddb, f"UPDATE \"{table}\" SET ss = SET_ADD(ss, <<'0'>>) SET ns = set_add(ns, <<9>>) {key}")
    run(ddb, f'UPDATE "{table}" SET bs = set_add(bs, ?) {key}', {"BS": [b"1", b"2"]})
    (item,) = run(ddb, f'SELECT * FROM "{table}" {key}')
    assert sorted(item["ss"]["SS"]) == ["0", "a", "b"] and item["ns"] == {"NS": ["9"]}
    assert sorted(item["bs"]["BS"]) == [b"1", b"2"]
    run(
        ddb, f"UPDATE \"{table}\" SET ss = set_delete(ss, <<'0', 'a', 'b', 'zz'>>) SET x = set_delete(x, <<'a'>>) {key}"
    )
    (item,) = run(ddb, f'SELECT * FROM "{table}" {key}')
    assert "ss" not in item and "x" not in item
    absent = f"UPDATE \"{table}\" SET ss = set_add(ss, <<'x'>>) WHERE pk = 'absent'"
    assert error_of(ddb.execute_statement, Statement=absent)[0] == FAILED


POSITIONS = [
    "SELECT * FROM {t} WHERE pk = 'a' AND n = ?",
    "INSERT INTO {t} VALUE {{'pk': 'b', 'n': ?}}",
    "UPDATE {t} SET n = ? WHERE pk = 'a'",
    "SELECT * FROM {t} WHERE pk = ?",
]


@pytest.mark.parametrize("statement", POSITIONS)
def test_numbers_of_parameters(ddb: Any, table: str, statement: str) -> None:
    """They are read as Java's BigDecimal reads them, with 32 bits for the exponent."""
    statement = statement.format(t=f'"{table}"')
    for number in ("1e99999999999", "-1e99999999999", "1e-99999999999", "1e2147483648", "1e-2147483648"):
        assert refusal(ddb, statement, {"N": number}) == f"{NOT_NUMERIC}: {number}"
    assert refusal(ddb, statement, {"N": "1e2147483647"}) == UNDERFLOW
    assert refusal(ddb, statement, {"N": ""}) == NOT_NUMERIC


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "leaf"}
    for _ in range(levels):
        value = {"M": {"n": value}}
    return value


@pytest.mark.parametrize("levels", [40, 100])
def test_the_first_parameter_that_is_wrong(ddb: Any, table: str, levels: int) -> None:
    """In the order of the document, on all three surfaces."""
    pair_of = f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND x = ? AND y = ?"
    bad, too_deep = {"N": "abc"}, deep(levels)
    assert refusal(ddb, pair_of, too_deep, bad) == TOO_DEEP
    assert refusal(ddb, pair_of, bad, too_deep) == f"{NOT_NUMERIC}: abc"
    single = f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND x = ?"
    assert refusal(ddb, single, {"M": {"d": too_deep, "bad": bad}}) == TOO_DEEP
    assert refusal(ddb, single, {"M": {"bad": bad, "d": too_deep}}) == f"{NOT_NUMERIC}: abc"
    update = f"UPDATE \"{table}\" SET x = ? SET y = ? WHERE pk = 'a'"
    member = {"Statement": update, "Parameters": [too_deep, bad]}
    assert error_of(ddb.execute_transaction, TransactStatements=[member]) == (INVALID, TOO_DEEP)
    (answer,) = ddb.batch_execute_statement(Statements=[member])["Responses"]
    assert answer["Error"] == {"Code": "ValidationError", "Message": TOO_DEEP}


def test_statements_of_transactions(ddb: Any, table: str, pair: str) -> None:
    """What is wrong with one is told with its place."""

    def told(*texts: str) -> str:
        code, message = error_of(ddb.execute_transaction, TransactStatements=[{"Statement": text} for text in texts])
        assert code == INVALID
        return message

    first = "Validation failed in TransactStatements[0]: "
    only = "Select statements within ExecuteTransaction must specify the primary key in the where clause."
    assert told(f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND attribute_exists(ss)") == first + only
    exists = f"EXISTS(SELECT * FROM \"{table}\" WHERE pk = 'a')"
    update = f"UPDATE \"{table}\" SET z = 1 WHERE pk = 'never'"
    assert told(exists, update) == first + "EXISTS() must contain a single item read with additional condition"
    assert told(f"{update} RETURNING ALL NEW *") == (first + "RETURNING clause is not supported in ExecuteTransaction.")
    assert told(f'SELECT * FROM "{pair}"."gsi-all" WHERE g = \'y\'') == (
        first + "Reads on indices are not supported within transactions."
    )
    assert told(f'SELECT * FROM "{table}" WHERE') == first + TERM


def test_statements_of_batches(ddb: Any, table: str, pair: str) -> None:
    """A select names the primary key and nothing else; what ran and failed tells its table, and only a condition that
    failed the item, where that is asked for."""
    for key in ("ba", "b"):
        ddb.put_item(TableName=table, Item={"pk": {"S": key}, "val": {"S": "here"}})
    texts = [
        f"SELECT * FROM \"{table}\" WHERE val = 'here'",
        f"SELECT * FROM \"{pair}\".\"gsi-all\" WHERE pk = 'p' AND sk = '1' AND g = 'y'",
        f"SELECT * FROM \"{table}\" WHERE pk = 'ba' AND attribute_exists(val)",
        f"SELECT val FROM \"{table}\" WHERE pk = 'b'",
    ]
    answers = ddb.batch_execute_statement(Statements=[{"Statement": text} for text in texts])["Responses"]
    only = "Select statements within BatchExecuteStatement must specify the primary key in the where clause."
    for answer in answers[:3]:
        assert answer == {"Error": {"Code": "ValidationError", "Message": only}}
    assert answers[3] == {"TableName": table, "Item": {"val": {"S": "here"}}}
    old = {"Item": {"pk": {"S": "ba"}, "val": {"S": "here"}}}
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    doubled = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
    update = f"UPDATE \"{table}\" SET z = 1 WHERE pk = 'ba' AND val = 'wrong'"
    insert = f"INSERT INTO \"{table}\" VALUE {{'pk': 'ba'}}"
    for text, shown, error in (
        (update, "NONE", failed),
        (update, "ALL_OLD", failed | old),
        (insert, "ALL_OLD", doubled),
    ):
        member = {"Statement": text, "ReturnValuesOnConditionCheckFailure": shown}
        answer = ddb.batch_execute_statement(Statements=[member])["Responses"]
        assert answer == [{"Error": error, "TableName": table}]


def test_values_that_are_reckoned_out(ddb: Any, table: str) -> None:
    """They are parsed, and what binds most loosely is told; parentheses alone do no harm."""
    begin = f"INSERT INTO \"{table}\" VALUE {{'pk': "
    for value, name, place, length in (
        ("'a' || 'b'", "concat", 5, 2),
        ("105 - 2", "minus", 5, 1),
        ("1 + 2 * 3", "plus", 3, 1),
        ("1 - 2 + 3", "plus", 7, 1),
        ("2 * (3)", "times", 3, 1),
        ("7 % 2", "modulo", 3, 1),
        ("? + ?", "plus", 3, 1),
    ):
        told = f"Unsupported data type: {name} under key root at 1:{len(begin) + place}:{length}"
        assert error_of(ddb.execute_statement, Statement=f"{begin}{value}}}") == (INVALID, told), value
    ddb.execute_statement(Statement=f"{begin}('reckoned'), 'val': ((1))}}")
    assert ddb.get_item(TableName=table, Key={"pk": {"S": "reckoned"}})["Item"]["val"] == {"N": "1"}


def test_batches_read_each_statement_as_it_asks(ddb: Any, table: str) -> None:
    """Consistency, and so the price, is each statement's own."""
    texts = [f"SELECT * FROM \"{table}\" WHERE pk = '{key}'" for key in "ab"]
    members = [{"Statement": texts[0], "ConsistentRead": True}, {"Statement": texts[1]}]
    answer = ddb.batch_execute_statement(Statements=members, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == [{"TableName": table, "CapacityUnits": 1.5}]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ("pk = 'p' AND NOT sk = '1'", ["2", "3", "4"]),
        ("pk = 'p' AND sk <> '1'", ["2", "3", "4"]),
        ("pk = 'p' AND NOT begins_with(sk, 'x')", ["1", "2", "3", "4"]),
        ("pk = 'p' AND NOT sk IN ['1', '3']", ["2", "4"]),
        ("pk = 'p' AND NOT (sk = '1')", ["2", "3", "4"]),
        ("pk = 'p' AND sk = '3'", ["2", "3"]),
        ("pk = 'q'", ["2"]),
    ],
)
def test_alternatives(ddb: Any, pair: str, left: str, expected: list[str]) -> None:
    """Branches that do not overlap on the sort key, and those that only tell what it is not."""
    found = run(ddb, f"SELECT * FROM \"{pair}\" WHERE {left} OR pk = 'p' AND sk = '2'")
    assert sorted(item["sk"]["S"] for item in found) == expected


@pytest.mark.parametrize("condition", ["hidden = 'h1'", "hidden <> 'h1'", "sk > '1'"])
def test_alternatives_that_overlap(ddb: Any, pair: str, condition: str) -> None:
    """Two branches may not lead to the same rows."""
    told = refusal(ddb, f"SELECT * FROM \"{pair}\" WHERE pk = 'p' AND {condition} OR pk = 'p' AND sk = '2'")
    assert told == "Overlapping conditions with range keys are not supported in where clause"


def test_indexes_show_what_they_hold(ddb: Any, pair: str) -> None:
    """A star is the index's own projection; a local index asks the table for more, a global one refuses."""

    def select(what: str, where: str) -> dict[str, Any]:
        return ddb.execute_statement(Statement=f'SELECT {what} FROM "{pair}".{where}', ReturnConsumedCapacity="INDEXES")

    keys = select("*", "\"gsi-keys\" WHERE g = 'y'")
    assert [sorted(item) for item in keys["Items"]] == [["g", "pk", "sk"]] * 3
    assert keys["ConsumedCapacity"]["Table"]["CapacityUnits"] == 0
    assert [sorted(item) for item in select("*", "\"lsi-keys\" WHERE pk = 'p'")["Items"]] == [["l", "pk", "sk"]] * 3
    fetched = select("hidden", "\"lsi-keys\" WHERE pk = 'p'")
    assert [item["hidden"]["S"] for item in fetched["Items"]] == ["h1", "h2", "h3"]
    filtered = select("hidden", "\"lsi-inc\" WHERE pk = 'p' AND shown = 'none'")
    assert filtered["Items"] == [] and filtered["ConsumedCapacity"]["Table"] == fetched["ConsumedCapacity"]["Table"]
    consistent = ddb.execute_statement(
        Statement=f'SELECT hidden FROM "{pair}"."lsi-keys" WHERE pk = \'p\'',
        ReturnConsumedCapacity="INDEXES",
        ConsistentRead=True,
    )["ConsumedCapacity"]
    for part, once in (("Table", 1.5), ("LocalSecondaryIndexes", 0.5)):
        both = (fetched["ConsumedCapacity"], consistent)
        units = [it[part] if part == "Table" else it[part]["lsi-keys"] for it in both]
        assert [it["CapacityUnits"] for it in units] == [once, 2 * once], "consistent reads cost twice, of both"
    wrong = "One or more parameter values were invalid: "
    told = refusal(ddb, f'SELECT hidden, other, sk FROM "{pair}"."gsi-inc" WHERE g = \'y\'')
    assert told == f"{wrong}Global secondary index gsi-inc does not project [hidden, other]"


@pytest.mark.parametrize(
    "where",
    [
        "\"gsi-inc\" WHERE g = 'y' AND hidden = 'h1'",
        "\"gsi-inc\" WHERE g IN ['y', 'z'] AND hidden = 'h1'",
        "\"gsi-inc\" WHERE g = 'y' AND hidden IS NOT MISSING",
        "\"gsi-inc\" WHERE g = 'y' AND NOT hidden = 'h1'",
        "\"lsi-keys\" WHERE pk = 'p' AND l BETWEEN 'l1' AND 'l4' AND hidden = 'h1'",
    ],
)
def test_filters_on_what_an_index_lacks(ddb: Any, pair: str, where: str) -> None:
    """Refused beside a condition on the index's key."""
    name = where.split('"')[1]
    assert refusal(ddb, f'SELECT pk FROM "{pair}".{where}') == (
        f"One or more parameter values were invalid: Secondary index {name} does not project one or more filter "
        "attributes: [hidden]"
    )


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("\"gsi-inc\" WHERE hidden = 'h1'", 0),
        ("\"lsi-keys\" WHERE hidden = 'h1'", 0),
        ("\"gsi-keys\" WHERE NOT hidden = 'h1'", 3),
        ("\"gsi-inc\" WHERE (g = 'y' AND hidden = 'h1') OR (g = 'z')", 0),
        ("\"gsi-inc\" WHERE g = 'y' AND shown IS NOT MISSING", 3),
        ("\"gsi-all\" WHERE pk = 'p'", 3),
    ],
)
def test_filters_of_scans_of_indexes(ddb: Any, pair: str, where: str, count: int) -> None:
    """Without its key an index is scanned, and what it lacks is missing."""
    assert len(run(ddb, f'SELECT pk FROM "{pair}".{where}')) == count


def test_indexes_in_other_statements(ddb: Any, pair: str) -> None:
    """Writes have none, and global ones are never consistent; an unknown one is told first."""
    insert = f"INSERT INTO \"{pair}\".\"gsi-all\" VALUE {{'pk': 'w', 'sk': 'w'}}"
    assert refusal(ddb, insert) == "FROM clause may only contain a single table name"
    for text in (
        "UPDATE {t} SET shown = 'z' WHERE pk = 'p' AND sk = '1'",
        "DELETE FROM {t} WHERE pk = 'p' AND sk = '1'",
    ):
        assert refusal(ddb, text.format(t=f'"{pair}"."gsi-all"')) == "This operation is not supported on an index"
    strong = "Strongly consistent read is not supported on Global Secondary Indexes"
    assert refusal(ddb, f'SELECT * FROM "{pair}"."gsi-all"', ConsistentRead=True) == strong
    assert refusal(ddb, f'SELECT * FROM "{pair}"."ghost"', ConsistentRead=True) == (
        "The table does not have the specified index"
    )
    assert len(run(ddb, f'SELECT * FROM "{pair}"."lsi-keys" WHERE pk = \'p\'', ConsistentRead=True)) == 3


def test_indexes_of_several_attributes(ddb: Any) -> None:
    """PartiQL refuses to read them, and nothing else of their table."""
    keys = [{"AttributeName": name, "KeyType": "HASH"} for name in ("h1", "h2")]
    several = {"IndexName": "gsi", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
    name = make_table(ddb, sort=None, attributes={"h1": "S", "h2": "S"}, GlobalSecondaryIndexes=[several])
    for text in ("* FROM {t} WHERE h1 = 'a'", "* FROM {t} WHERE h1 = 5", "* FROM {t}", "COUNT(*) FROM {t}"):
        assert refusal(ddb, "SELECT " + text.format(t=f'"{name}"."gsi"')) == REFUSED
    assert refusal(ddb, f'SELECT * FROM "{name}"."gsi" WHERE') == TERM
    assert refusal(ddb, f'SELECT * FROM "{name}"."gsi" WHERE h1 = 1e99999999999') == MALFORMED
    run(ddb, f"INSERT INTO \"{name}\" VALUE {{'pk': 'n1'}}")
    assert len(run(ddb, f"SELECT * FROM \"{name}\" WHERE pk = 'n1'")) == 1
    members = [{"Statement": f'SELECT * FROM "{name}"."gsi" WHERE h1 = \'a\''}]
    (answer,) = ddb.batch_execute_statement(Statements=members)["Responses"]
    assert answer["Error"]["Message"] == REFUSED


def test_writes_answer_with_empty_lists(ddb: Any, table: str) -> None:
    """Items of a statement, Responses of a transaction, also beside the capacity."""
    for text in (
        "INSERT INTO {t} VALUE {{'pk': 'w'}}",
        "UPDATE {t} SET a = 2 WHERE pk = 'w'",
        "DELETE FROM {t} WHERE pk = 'w'",
    ):
        assert run(ddb, text.format(t=f'"{table}"')) == []
    update = f"UPDATE \"{table}\" SET z = 3 WHERE pk = 'a'"
    answer = ddb.execute_transaction(TransactStatements=[{"Statement": update}], ReturnConsumedCapacity="TOTAL")
    assert answer["Responses"] == [] and answer["ConsumedCapacity"][0]["TableName"] == table


def test_operand_types_come_before_tables(ddb: Any) -> None:
    """They are a property of the statement."""
    told = refusal(ddb, 'SELECT pk FROM "never-made" WHERE pk = ? AND val < ?', {"S": "x"}, {"BOOL": True})
    assert told == "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL"
