"""Query and Scan as boto3 sees them: order, ranges, pages, indexes, filters, capacity, and the errors."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


WITH_X = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}


@pytest.fixture(scope="module")
def numbers(ddb: Any) -> str:
    """Ten items with numeric sort keys 0 to 9 in partition p, one in q."""
    table = make_table(
        ddb,
        sort="sk:N",
        attributes={"g": "S", "l": "N"},
        LocalSecondaryIndexes=[index("lsi", "pk", "l", projection="KEYS_ONLY")],
        GlobalSecondaryIndexes=[
            index("gsi", "g", "l", projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]})
        ],
    )
    for number in range(10):
        item = {"pk": {"S": "p"}, "sk": {"N": str(number)}, "x": {"S": f"x{number}"}, "y": {"N": str(number % 3)}}
        if number % 2:
            item |= {"g": {"S": "odd"}, "l": {"N": str(-number)}}
        ddb.put_item(TableName=table, Item=item)
    ddb.put_item(TableName=table, Item={"pk": {"S": "q"}, "sk": {"N": "5"}})
    return table


def sort_keys(answer: dict[str, Any]) -> list[int]:
    return [int(item["sk"]["N"]) for item in answer["Items"]]


def query(ddb: Any, table: str, condition: str, values: dict[str, Any] | None = None, **params: Any) -> Any:
    given = {":p": {"S": "p"}, **(values or {})}
    return ddb.query(TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=given, **params)


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("pk = :p", {}, list(range(10))),
        ("pk = :p AND sk = :a", {":a": {"N": "3"}}, [3]),
        ("pk = :p AND sk < :a", {":a": {"N": "3"}}, [0, 1, 2]),
        ("pk = :p AND sk <= :a", {":a": {"N": "3"}}, [0, 1, 2, 3]),
        ("pk = :p AND sk > :a", {":a": {"N": "7"}}, [8, 9]),
        ("pk = :p AND sk >= :a", {":a": {"N": "7"}}, [7, 8, 9]),
        ("pk = :p AND sk BETWEEN :a AND :b", {":a": {"N": "2"}, ":b": {"N": "4.5"}}, [2, 3, 4]),
        ("sk = :a AND pk = :p", {":a": {"N": "99"}}, []),
    ],
)
def test_ranges_of_sort_keys(
    ddb: Any, numbers: str, condition: str, values: dict[str, Any], expected: list[int]
) -> None:
    """Each operator, in order of the sort key and in reverse."""
    assert sort_keys(query(ddb, numbers, condition, values)) == expected
    backwards = query(ddb, numbers, condition, values, ScanIndexForward=False)
    assert sort_keys(backwards) == expected[::-1]


def test_begins_with_on_strings(ddb: Any) -> None:
    """A range of all that starts with the prefix, also where keys hold zero bytes."""
    table = make_table(ddb)
    keys = ["a", "ab", "ab\x00", "ab\x00c", "abc", "ab\U0010ffff", "ac", "b"]
    for key in keys:
        ddb.put_item(TableName=table, Item={"pk": {"S": "p"}, "sk": {"S": key}})
    found = query(ddb, table, "pk = :p AND begins_with(sk, :a)", {":a": {"S": "ab"}})["Items"]
    assert [item["sk"]["S"] for item in found] == ["ab", "ab\x00", "ab\x00c", "abc", "ab\U0010ffff"]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("name", [None, "lsi", "gsi"])
def test_pages_join_to_the_whole(ddb: Any, numbers: str, forward: bool, name: str | None) -> None:
    """Every page starts where the last one ended, on the table and on indexes, in both directions."""
    params: dict[str, Any] = {"ScanIndexForward": forward}
    condition, values = "pk = :p", {":p": {"S": "p"}}
    if name == "gsi":
        condition, values = "g = :p", {":p": {"S": "odd"}}
    if name is not None:
        params["IndexName"] = name
    whole = query(ddb, numbers, condition, values, **params)["Items"]
    pages: list[Any] = []
    start: Any = None
    while True:
        more = {"ExclusiveStartKey": start} if start else {}
        page = query(ddb, numbers, condition, values, Limit=2, **params, **more)
        pages += page["Items"]
        start = page.get("LastEvaluatedKey")
        if start is None:
            break
    assert pages == whole and len(whole) == (10 if name is None else 5)


def test_a_page_that_is_full_has_a_last_key_even_at_the_end(ddb: Any, numbers: str) -> None:
    """AWS does not look whether anything follows."""
    assert "LastEvaluatedKey" in query(ddb, numbers, "pk = :p", Limit=10)
    assert "LastEvaluatedKey" not in query(ddb, numbers, "pk = :p", Limit=11)


def test_filters_apply_after_the_limit(ddb: Any, numbers: str) -> None:
    """Limit is what is read, not what is returned."""
    answer = query(ddb, numbers, "pk = :p", {":y": {"N": "0"}}, Limit=5, FilterExpression="y = :y")
    assert (answer["Count"], answer["ScannedCount"], sort_keys(answer)) == (2, 5, [0, 3])
    assert answer["LastEvaluatedKey"] == {"pk": {"S": "p"}, "sk": {"N": "4"}}


def test_a_page_ends_with_the_item_that_brings_it_to_a_megabyte(ddb: Any) -> None:
    """The item that crosses the line is still in the page."""
    table = make_table(ddb)
    for number in range(4):
        ddb.put_item(TableName=table, Item={"pk": {"S": "p"}, "sk": {"S": str(number)}, "x": {"S": "x" * 400_000}})
    page = query(ddb, table, "pk = :p", Select="COUNT", ReturnConsumedCapacity="TOTAL")
    assert page["Count"] == 3 and page["LastEvaluatedKey"]["sk"] == {"S": "2"}
    assert page["ConsumedCapacity"]["CapacityUnits"] == 146.5


def test_a_global_index_is_sparse_and_sorted_by_its_own_key(ddb: Any, numbers: str) -> None:
    """Only items with its keys, with what it projects."""
    answer = query(ddb, numbers, "g = :p", {":p": {"S": "odd"}}, IndexName="gsi")
    assert [int(item["l"]["N"]) for item in answer["Items"]] == [-9, -7, -5, -3, -1]
    assert set(answer["Items"][0]) == {"pk", "sk", "g", "l", "x"}


def test_a_local_index_fetches_what_it_does_not_hold(ddb: Any, numbers: str) -> None:
    """Each fetched item is a read of the table."""
    answer = query(ddb, numbers, "pk = :p", IndexName="lsi", Select="ALL_ATTRIBUTES", ReturnConsumedCapacity="INDEXES")
    assert set(answer["Items"][0]) == {"pk", "sk", "x", "y", "g", "l"}
    consumed = answer["ConsumedCapacity"]
    assert consumed["Table"] == {"CapacityUnits": 2.5}
    assert consumed["LocalSecondaryIndexes"] == {"lsi": {"CapacityUnits": 0.5}}
    assert consumed["CapacityUnits"] == 3.0
    assert set(query(ddb, numbers, "pk = :p", IndexName="lsi")["Items"][0]) == {"pk", "sk", "l"}
    some = query(ddb, numbers, "pk = :p", IndexName="lsi", ProjectionExpression="x")["Items"]
    assert some[0] == {"x": {"S": "x9"}}


def test_scans_see_everything_once_in_any_number_of_segments(ddb: Any, numbers: str) -> None:
    """Segments share the table without overlap."""
    for segments in (1, 2, 7):
        keys = []
        for segment in range(segments):
            page = ddb.scan(TableName=numbers, Segment=segment, TotalSegments=segments)
            keys += [(item["pk"]["S"], item["sk"]["N"]) for item in page["Items"]]
        assert len(keys) == len(set(keys)) == 11
    paginator = ddb.get_paginator("scan")
    pages = paginator.paginate(TableName=numbers, PaginationConfig={"PageSize": 3})
    assert sum(page["Count"] for page in pages) == 11
    assert ddb.scan(TableName=numbers, IndexName="gsi", Select="COUNT")["Count"] == 5


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("S", ["bob", "jane", "johndoe", "sadie"]),
        ("S", ["2", "8", "9", "1", "6", "hello", "0", "5", "4", "äáöü", "aardman", "7", "3", "zapf"]),
        ("N", ["7", "999.9", "8", "3", "2", "-999.9", "9", "4", "-0.09", "6", "1", "0", "0.012345", "5"]),
    ],
)
def test_scans_come_in_the_order_of_aws(ddb: Any, kind: str, keys: list[str]) -> None:
    """Tables and indexes by the hash of their partition keys: programs have been seen to lean on the order, which was
    measured."""
    gsi = [index("gsi", "g", "pk")]
    table = make_table(ddb, sort=None, attributes={"pk": kind, "g": kind}, GlobalSecondaryIndexes=gsi)
    for key in sorted(keys):
        ddb.put_item(TableName=table, Item={"pk": {kind: key}, "g": {kind: key}})
    assert [item["pk"][kind] for item in ddb.scan(TableName=table)["Items"]] == keys
    assert [item["g"][kind] for item in ddb.scan(TableName=table, IndexName="gsi")["Items"]] == keys


def test_items_that_are_alike_in_a_global_index(ddb: Any) -> None:
    """They come in the order of the hash of their table's key, as was measured; pages go on where they ended."""
    table = make_table(ddb, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    keys = ["bb", "aa", "ce", "ea", "da", "cd"]
    for pk, sk in sorted(keys):
        ddb.put_item(TableName=table, Item={"pk": {"S": pk}, "sk": {"S": sk}, "g": {"S": "all"}})
    asked = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "all"}}, "IndexName": "gsi"}
    for forward in (True, False):
        pages = ddb.get_paginator("query").paginate(
            TableName=table, ScanIndexForward=forward, PaginationConfig={"PageSize": 2}, **asked
        )
        found = [item["pk"]["S"] + item["sk"]["S"] for page in pages for item in page["Items"]]
        assert found == keys[:: 1 if forward else -1]


@pytest.mark.parametrize(
    ("kind", "segments"),
    [("S", {"3635": 0, "228": 0, "1668": 1, "3435": 4}), ("N", {"251": 1, "2388": 4095})],
)
def test_segments_hold_what_those_of_aws_hold(ddb: Any, kind: str, segments: dict[str, int]) -> None:
    """A segment is an equal share of the hashes, as was measured with 4096 of them."""
    table = make_table(ddb, sort=None, attributes={"pk": kind})
    for key in segments:
        ddb.put_item(TableName=table, Item={"pk": {kind: key}})
    for key, segment in segments.items():
        found = ddb.scan(TableName=table, Segment=segment, TotalSegments=4096)["Items"]
        assert {"pk": {kind: key}} in found


def test_legacy_conditions_and_filters(ddb: Any, numbers: str) -> None:
    """KeyConditions, QueryFilter and ScanFilter."""
    conditions = {
        "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "p"}]},
        "sk": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "6"}]},
    }
    wanted = {"y": {"ComparisonOperator": "EQ", "AttributeValueList": [{"N": "1"}]}}
    answer = ddb.query(TableName=numbers, KeyConditions=conditions, QueryFilter=wanted)
    assert sort_keys(answer) == [7]
    found = ddb.scan(TableName=numbers, ScanFilter=wanted, AttributesToGet=["sk"])
    assert sorted(sort_keys(found)) == [1, 4, 7]


def test_multi_attribute_keys_of_a_global_index(ddb: Any) -> None:
    """Equality on all partition attributes, then on sort attributes from the left."""
    keys = [("a", "HASH"), ("b", "HASH"), ("c", "RANGE"), ("d", "RANGE")]
    many = {
        "IndexName": "many",
        "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role in keys],
        "Projection": {"ProjectionType": "ALL"},
    }
    table = make_table(
        ddb, sort=None, attributes={"a": "S", "b": "S", "c": "N", "d": "S"}, GlobalSecondaryIndexes=[many]
    )
    for number in range(6):
        item = {"pk": {"S": str(number)}, "a": {"S": "x"}, "b": {"S": "y"}, "c": {"N": str(number // 2)}}
        ddb.put_item(TableName=table, Item=item | {"d": {"S": "ab"[number % 2]}})

    def found(condition: str, **values: Any) -> list[str]:
        answer = ddb.query(
            TableName=table,
            IndexName="many",
            KeyConditionExpression=condition,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
        return [item["pk"]["S"] for item in answer["Items"]]

    both: dict[str, Any] = {"x": {"S": "x"}, "y": {"S": "y"}}
    assert found("a = :x AND b = :y", **both) == ["0", "1", "2", "3", "4", "5"]
    assert found("a = :x AND b = :y AND c >= :c", **both, c={"N": "1"}) == ["2", "3", "4", "5"]
    assert found("a = :x AND b = :y AND c = :c AND d = :d", **both, c={"N": "1"}, d={"S": "b"}) == ["3"]
    with pytest.raises(ddb.exceptions.ClientError, match="missed key schema element: b"):
        found("a = :x", x={"S": "x"})
    told = (
        "RANGE key attributes c must have equality conditions specified in the query because a condition is present on "
        "key attribute d"
    )
    for condition, values in (("", {}), (" AND c > :c", {"c": {"N": "1"}})):
        with pytest.raises(ddb.exceptions.ClientError, match=told):
            found(f"a = :x AND b = :y{condition} AND d = :d", **both, **values, d={"S": "a"})


def test_queries_filter_by_what_their_index_holds(ddb: Any) -> None:
    """A filter runs over the index's rows, though a local index fetches what is shown. A scan just finds nothing."""
    table = make_table(
        ddb,
        attributes={"own": "S"},
        LocalSecondaryIndexes=[index("lsi", "pk", "own", projection="KEYS_ONLY")],
        GlobalSecondaryIndexes=[
            index("gsi", "own", projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["held"]})
        ],
    )
    item = {name: {"S": name} for name in ("pk", "sk", "own", "held", "far")}
    ddb.put_item(TableName=table, Item=item)

    def asked(name: str, condition: str, **options: Any) -> dict[str, Any]:
        key = "pk" if name == "lsi" else "own"
        return {
            "TableName": table,
            "IndexName": name,
            "KeyConditionExpression": f"{key} = :key",
            "FilterExpression": condition,
            "ExpressionAttributeValues": {":key": {"S": key}, ":far": {"S": "far"}},
        } | options

    for name, lacked in (("lsi", ["far", "held"]), ("gsi", ["far"])):
        for options in ({}, {"Select": "ALL_ATTRIBUTES"} if name == "lsi" else {"Select": "COUNT"}):
            told = error_of(ddb.query, **asked(name, "held <> :far OR far.deep = :far", **options))
            assert told == (
                INVALID,
                f"One or more parameter values were invalid: Secondary index {name} does not project one or more "
                f"filter attributes: [{', '.join(lacked)}]",
            )
    shown = ddb.query(**asked("lsi", "sk <> :far", ProjectionExpression="far"))["Items"]
    assert shown == [{"far": {"S": "far"}}]
    assert ddb.query(**asked("gsi", "held <> :far"))["Count"] == 1
    legacy = {"AttributeValueList": [{"S": "far"}], "ComparisonOperator": "EQ"}
    conditions = {"pk": {"AttributeValueList": [{"S": "pk"}], "ComparisonOperator": "EQ"}}
    code, message = error_of(
        ddb.query, TableName=table, IndexName="lsi", KeyConditions=conditions, QueryFilter={"far": legacy}
    )
    assert code == INVALID and message.endswith("[far]")
    scanned = ddb.scan(TableName=table, IndexName="gsi", ScanFilter={"far": legacy})
    assert (scanned["Count"], scanned["ScannedCount"]) == (0, 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."),
        ({"condition": "sk = :n"}, "Query condition missed key schema element: pk"),
        ({"condition": "pk < :p"}, "Query key condition not supported"),
        (
            {"condition": "pk = :n"},
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        ({"condition": "pk = :p", "IndexName": "nope"}, "The table does not have the specified index: nope"),
        (
            {"condition": "g = :p", "IndexName": "gsi", "ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            {"condition": "pk = :p", "FilterExpression": "sk = :n"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
        ),
        (
            {"condition": "g = :p", "IndexName": "gsi", "Select": "ALL_ATTRIBUTES"},
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not "
            "supported for global secondary "
            "index gsi because its projection type is not ALL",
        ),
        (
            {"condition": "g = :p", "IndexName": "gsi", "ProjectionExpression": "x, y"},
            "One or more parameter values were invalid: Global secondary index gsi does not project [y]",
        ),
        (
            {"condition": "pk = :p", "Select": "SPECIFIC_ATTRIBUTES"},
            "1 validation error detected: "
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (
            {"condition": "pk = :p", "ExclusiveStartKey": {"pk": {"S": "p"}}},
            "The provided starting key is invalid",
        ),
        (
            {"condition": "pk = :p", "ExclusiveStartKey": {"pk": {"S": "q"}, "sk": {"N": "1"}}},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            {"condition": "pk = :p and sk > :n", "ExclusiveStartKey": {"pk": {"S": "p"}, "sk": {"N": "1"}}},
            "The provided starting key does not match the range key predicate",
        ),
        (
            {"condition": "sk = :n", "ExclusiveStartKey": {"pk": {"S": "p"}}},
            "The provided starting key is invalid",
        ),
        (
            {"condition": "sk = :n", "ExclusiveStartKey": {"pk": {"N": "1"}, "z": {"S": "z"}}},
            "The provided key element does not match the schema",
        ),
        (
            {"condition": "sk = :n", "ExclusiveStartKey": {"pk": {"S": "p"}, "z": {"S": "z"}}},
            "Query condition missed key schema element: pk",
        ),
        (
            {"condition": "pk = :p", "ExclusiveStartKey": {"pk": {"S": "q"}, "z": {"S": "z"}}},
            "The provided starting key is invalid",
        ),
        (
            {"condition": "pk = :p", "ExclusiveStartKey": {"pk": {"S": "q" * 2049}, "sk": {"N": "1"}}},
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 "
            "bytes",
        ),
        (
            {
                "condition": "g = :p",
                "IndexName": "gsi",
                "ExclusiveStartKey": {"g": {"S": "p"}, "l": {"N": "5"}, "x": {"S": "x"}, "y": {"S": "y"}},
            },
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            {"condition": "pk = :p", "FilterExpression": "sk.z = :n"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
        ),
    ],
)
def test_queries_that_are_refused(ddb: Any, numbers: str, params: dict[str, Any], message: str) -> None:
    """Each in AWS's words."""
    condition = params.pop("condition", None) if "condition" in params else None
    if condition is not None:
        text = condition + params.get("FilterExpression", "")
        values = {":p": {"S": "p"}, ":n": {"N": "5"}}
        used = {name: value for name, value in values.items() if name in text}
        params = params | {"KeyConditionExpression": condition, "ExpressionAttributeValues": used}
    assert error_of(ddb.query, TableName=numbers, **params) == (INVALID, message)


def test_scans_that_are_refused(ddb: Any, numbers: str) -> None:
    """Segments come in pairs with their total; Select is judged between the index's part of a starting key and the
    table's."""
    start = {"g": {"S": "p"}, "l": {"N": "5"}, "x": {"S": "x"}, "y": {"S": "y"}}
    index = {"IndexName": "gsi", "ExclusiveStartKey": start}
    assert (
        "ALL_ATTRIBUTES is not supported" in error_of(ddb.scan, TableName=numbers, **index, Select="ALL_ATTRIBUTES")[1]
    )
    assert error_of(ddb.scan, TableName=numbers, **index)[1] == (
        "The provided starting key is invalid: The provided key element does not match the schema"
    )
    start["g"] = {"N": "1"}
    assert error_of(ddb.scan, TableName=numbers, **index, Select="ALL_ATTRIBUTES")[1] == (
        "The provided key element does not match the schema"
    )
    assert "TotalSegments parameter is required" in error_of(ddb.scan, TableName=numbers, Segment=0)[1]
    assert "Segment parameter is required" in error_of(ddb.scan, TableName=numbers, TotalSegments=2)[1]
    assert error_of(ddb.scan, TableName=numbers, Segment=2, TotalSegments=2)[1] == (
        "The Segment parameter is zero-based and must be less than parameter TotalSegments"
    )
    for start in ({"pk": {"S": "p"}}, {"pk": {"S": "p"}, "bad": {"S": "p"}}):
        assert error_of(ddb.scan, TableName=numbers, ExclusiveStartKey=start)[1] == (
            "The provided starting key is invalid"
        )


@pytest.mark.parametrize("is_query", [True, False])
def test_selects_that_are_refused(ddb: Any, numbers: str, is_query: bool) -> None:
    """Queries and scans refuse in the same words, also those that speak of querying; the projection comes first."""
    read, of_table = ddb.scan, {"TableName": numbers}
    if is_query:
        equal = {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "p"}]}}
        read, of_table = ddb.query, of_table | {"KeyConditions": equal}
    cases = [
        (
            {"Select": "ALL_PROJECTED_ATTRIBUTES"},
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            {"Select": "SPECIFIC_ATTRIBUTES"},
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
    ]
    for select, chosen in (("ALL_ATTRIBUTES",) * 2, ("ALL_PROJECTED_ATTRIBUTES",) * 2, ("COUNT", "only the Count")):
        message = f"Cannot specify the AttributesToGet when choosing to get {chosen}"
        cases.append(({"Select": select, "AttributesToGet": ["x"]}, message))
    for params, message in cases:
        assert error_of(read, **of_table, **params) == (INVALID, f"1 validation error detected: {message}")
