"""Where pages of PartiQL end, what they cost, and what a scan pays for: as recorded at AWS in September 2026.

The table is on demand, so it has four partitions. By AWS's hash A and B lie in the first of them, in this order, b in
the second, and a in the last.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table

# By sort key: two, three and four read units with the names and keys; the smallest has one.
SIZES = {1: 1000, 2: 4200, 3: 8300, 4: 12500}
OVERLAPPING = "Overlapping conditions with range keys are not supported in where clause"
NO_PARTITION = "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
# Everything: one unit for each partition without items, and seven for each with the four of them.
ALL = 16.0


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def fill(ddb: Any, *partitions: str, **options: Any) -> str:
    name = make_table(ddb, "sk:N", **options)
    for partition in partitions:
        for sort, size in SIZES.items():
            key = {"pk": {"S": partition}, "sk": {"N": str(sort)}}
            ddb.put_item(TableName=name, Item={**key, "text": {"S": "x" * size}, "odd": {"BOOL": sort % 2 == 1}})
    return name


@pytest.fixture(scope="module")
def apart(ddb: Any) -> str:
    return fill(ddb, "a", "b")


@pytest.fixture(scope="module")
def together(ddb: Any) -> str:
    return fill(ddb, "A", "B")


def shown(item: dict[str, Any]) -> str:
    return f"{item['pk']['S']}{item['sk']['N']}"


def page_of(ddb: Any, table: str, rest: str, **more: Any) -> dict[str, Any]:
    statement = f'SELECT pk, sk FROM "{table}" {rest}'
    asked = {"ConsistentRead": True, "ReturnConsumedCapacity": "INDEXES", **more}
    answer: dict[str, Any] = ddb.execute_statement(Statement=statement, **asked)
    return answer


def pages(ddb: Any, table: str, rest: str, limit: int) -> list[tuple[str, float, str, bool]]:
    """Of each page: its items, its units, the key that it tells, and whether it has a token."""
    found = []
    token: dict[str, Any] = {}
    while True:
        page = page_of(ddb, table, rest, Limit=limit, **token)
        last = shown(page["LastEvaluatedKey"]) if "LastEvaluatedKey" in page else ""
        units = page["ConsumedCapacity"]["CapacityUnits"]
        found.append((" ".join(map(shown, page["Items"])), units, last, "NextToken" in page))
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


@pytest.mark.parametrize(
    ("where", "items", "units"),
    [
        ("pk = 'a'", "a1 a2 a3 a4", 7.0),
        ("pk = 'a' AND pk = 'a'", "a1 a2 a3 a4", 7.0),
        ("pk IN ['a'] AND pk = 'a'", "a1 a2 a3 a4", 7.0),
        ("pk = 'a' AND sk = 2 AND sk = 2.0", "a2", 2.0),
        ("pk = 'a' AND sk > 2 AND sk > 2.0", "a3 a4", 6.0),
        ("pk = 'a' AND sk = 9", "", 1.0),
        ("pk = 'a' AND sk IN [4, 9, 2, 1, 3]", "a1 a2 a3 a4", 11.0),
        ("pk = 'a' AND (sk < 3 OR sk >= 3)", "a1 a2 a3 a4", 8.0),
        ("(pk = 'a' AND sk = 2 AND odd = false) OR (pk = 'b' AND sk = 3 AND odd = true)", "a2 b3", 5.0),
        ("pk IN ['a', 'none', 'b']", "a1 a2 a3 a4 b1 b2 b3 b4", 15.0),
    ],
)
def test_each_read_of_a_statement_costs_for_itself(ddb: Any, apart: str, where: str, items: str, units: float) -> None:
    """What WHERE comes apart into is rounded up one by one, and what is not there costs the least there is."""
    page = page_of(ddb, apart, f"WHERE {where}")
    assert (" ".join(map(shown, page["Items"])), page["ConsumedCapacity"]["CapacityUnits"]) == (items, units)
    halved = page_of(ddb, apart, f"WHERE {where}", ConsistentRead=False)
    assert halved["ConsumedCapacity"]["Table"]["CapacityUnits"] == units / 2


@pytest.mark.parametrize(
    ("where", "items"),
    [
        ("pk = 'a' AND pk = 'b'", ""),
        ("pk IN ['a', 'b'] AND pk = 'a'", "a1 a2 a3 a4"),
        ("pk IN ['a', 'b'] AND pk IN ['a', 'b']", "b1 b2 b3 b4 a1 a2 a3 a4"),
        ("pk = 'a' AND sk > 1 AND sk < 3", "a2"),
        ("pk = 'a' AND sk = 2 AND sk >= 2", "a2"),
        ("pk = 'a' AND sk BETWEEN 1 AND 4 AND sk < 2", "a1"),
        ("pk = 'a' AND sk IN [2, 3] AND sk IN [2, 3]", "a2 a3"),
        ("pk = 'a' AND sk IN [1, 2, 3] AND sk > 2", "a3"),
        ("pk = 'a' AND NOT sk = 2", "a1 a3 a4"),
        ("pk = 'a' AND sk <> 2", "a1 a3 a4"),
    ],
)
def test_two_conditions_on_a_key_read_the_whole_table(ddb: Any, apart: str, where: str, items: str) -> None:
    """A trap for bills: only one condition on each key attribute chooses rows, so nothing can be ordered either."""
    page = page_of(ddb, apart, f"WHERE {where}")
    assert (" ".join(map(shown, page["Items"])), page["ConsumedCapacity"]["CapacityUnits"]) == (items, ALL)
    ordered = f'SELECT sk FROM "{apart}" WHERE {where} ORDER BY pk, sk'
    assert error_of(ddb.execute_statement, Statement=ordered) == (INVALID, NO_PARTITION)


def test_pages_of_a_range(ddb: Any, together: str) -> None:
    """AWS looks at the row that follows in the partition: where it is of another range, no key is told. Where none
    follows, it cannot know, and an empty page comes."""
    ascending = [("A1 A2", 2.0, "A2", True), ("A3 A4", 6.0, "", False)]
    assert pages(ddb, together, "WHERE pk = 'A'", 2) == ascending
    last = [("B1 B2", 2.0, "B2", True), ("B3 B4", 6.0, "B4", True), ("", 1.0, "", False)]
    assert pages(ddb, together, "WHERE pk = 'B'", 2) == last
    descending = [("A4 A3", 6.0, "A3", True), ("A2 A1", 2.0, "A1", True), ("", 1.0, "", False)]
    assert pages(ddb, together, "WHERE pk = 'A' ORDER BY sk DESC", 2) == descending
    assert pages(ddb, together, "WHERE pk = 'B' ORDER BY sk DESC", 4) == [("B4 B3 B2 B1", 7.0, "", False)]


def test_pages_that_end_between_two_reads(ddb: Any, together: str) -> None:
    """Then there is a token without a key; a page goes on over the end of a read while it has room."""
    between = pages(ddb, together, "WHERE pk IN ['A', 'B']", 4)
    assert between == [("A1 A2 A3 A4", 7.0, "", True), ("B1 B2 B3 B4", 7.0, "B4", True), ("", 1.0, "", False)]
    over = pages(ddb, together, "WHERE pk IN ['A', 'B'] ORDER BY pk ASC, sk DESC", 3)
    assert over == [("A4 A3 A2", 7.0, "A2", True), ("A1 B4 B3", 7.0, "B3", True), ("B2 B1", 2.0, "", False)]


def test_pages_of_whole_keys(ddb: Any, together: str) -> None:
    """The key that was read is told, unless there is a filter, and also by the last page, which has no token."""
    chosen = "WHERE pk = 'A' AND sk IN [4, 9, 2]"
    descending = pages(ddb, together, f"{chosen} ORDER BY sk DESC", 1)
    assert descending == [("A4", 5.0, "A4", True), ("A2", 2.0, "A2", False)]
    filtered = pages(ddb, together, f"{chosen} AND odd = true", 1)
    assert filtered == [("", 2.0, "", True), ("", 4.0, "", True), ("", 1.0, "", False)]
    assert "LastEvaluatedKey" not in page_of(ddb, together, "WHERE pk = 'A' AND sk = 2")


def test_tokens_go_on_with_their_statement_only(ddb: Any, together: str) -> None:
    """Limit and consistency may change between pages; a token that was tampered with is told."""
    rest = "WHERE pk IN ['A', 'B']"
    token = page_of(ddb, together, rest, Limit=4)["NextToken"]
    assert len(page_of(ddb, together, rest, NextToken=token, ConsistentRead=False)["Items"]) == 4
    statement = f'SELECT pk, sk FROM "{together}" {rest}'
    for other in (f"{statement} ", statement.replace("'B'", "'b'"), statement.replace("pk, sk", "pk")):
        told = error_of(ddb.execute_statement, Statement=other, NextToken=token)
        assert told == (INVALID, "NextToken does not match request")
    for bad in ("junk", "e30=", token[:-4], token + token):
        told = error_of(ddb.execute_statement, Statement=statement, NextToken=bad)
        assert told == (INVALID, "Invalid NextToken")


def test_scans_pay_for_each_partition(ddb: Any, together: str, apart: str) -> None:
    """Of a table on demand four are visited, and each costs a unit at least; a page pays for those that it came to."""
    assert pages(ddb, together, "", 2) == [
        ("A1 A2", 2.0, "A2", True),
        ("A3 A4", 6.0, "A4", True),
        ("B1 B2", 2.0, "B2", True),
        ("B3 B4", 6.0, "B4", True),
        ("", 4.0, "", False),
    ]
    asked = {"TableName": together, "ReturnConsumedCapacity": "TOTAL"}
    assert ddb.scan(**asked, ConsistentRead=True)["ConsumedCapacity"]["CapacityUnits"] == 13.0 + 3.0
    assert ddb.scan(**asked)["ConsumedCapacity"]["CapacityUnits"] == 8.0
    segments = [ddb.scan(**asked | {"TableName": apart}, Segment=each, TotalSegments=2) for each in (0, 1)]
    assert [segment["ConsumedCapacity"]["CapacityUnits"] for segment in segments] == [4.0, 4.0]


def test_a_provisioned_table_has_one_partition(ddb: Any) -> None:
    """Its units fit into one; so do those of its indexes, and a million reads do not."""
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    narrow = {**index("by-odd", "flag"), "ProvisionedThroughput": units}
    table = fill(
        ddb,
        "A",
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units,
        attributes={"flag": "S"},
        GlobalSecondaryIndexes=[narrow],
    )
    asked = {"TableName": table, "ReturnConsumedCapacity": "TOTAL", "ConsistentRead": True}
    assert ddb.scan(**asked)["ConsumedCapacity"]["CapacityUnits"] == 7.0
    empty = ddb.scan(TableName=table, IndexName="by-odd", ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert empty["GlobalSecondaryIndexes"]["by-odd"]["CapacityUnits"] == 0.5
    ddb.update_table(TableName=table, ProvisionedThroughput=units | {"ReadCapacityUnits": 9001})
    assert ddb.scan(**asked)["ConsumedCapacity"]["CapacityUnits"] == 7.0 + 3.0


def test_words_of_the_parser(ddb: Any, apart: str) -> None:
    """As recorded: IN of nothing, and a projection of what is no path."""
    empty = f"SELECT sk FROM \"{apart}\" WHERE pk = 'a' AND sk IN []"
    assert error_of(ddb.execute_statement, Statement=empty)[1].endswith("type Seq with at least one member")
    missing = f'SELECT missing FROM "{apart}"'
    assert error_of(ddb.execute_statement, Statement=missing) == (INVALID, "Unexpected path component at 1:8:7")
