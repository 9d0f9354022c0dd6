"""Vector indexes as boto3 sees them: search by each distance, partitions and filters, projections, and the errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, eventually, index, make_table


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def vector(*numbers: float) -> dict[str, Any]:
    return {"L": [{"N": str(number)} for number in numbers]}


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "IndexName": "near",
        "VectorAttribute": {"AttributeName": "v"},
        "Dimensions": 3,
        "DistanceFunction": "COSINE",
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    } | changes


def put(ddb: Any, table: str, name: str, *numbers: float, **attributes: Any) -> None:
    ddb.put_item(TableName=table, Item={"pk": {"S": name}, "v": vector(*numbers), **attributes})


def search(ddb: Any, table: str, *numbers: float, most: int = 10, **params: Any) -> list[tuple[str, float]]:
    found = exact_scores(ddb, table, *numbers, most=most, **params)
    return [(name, round(score, 4)) for name, score in found]


def exact_scores(ddb: Any, table: str, *numbers: float, most: int = 10, **params: Any) -> list[tuple[str, float]]:
    answer = ddb.search_vectors(
        TableName=table, IndexName="near", SearchVector=vector(*numbers)["L"], TopK=most, **params
    )
    return [(match["Item"]["pk"]["S"], match["Score"]) for match in answer["SearchResults"]]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("COSINE", [("small", 0.0), ("big", 0.0), ("close", 0.0422), ("back", 2.0)]),
        ("EUCLIDEAN", [("close", 0.3), ("small", 0.5), ("big", 1.0), ("back", 2.0)]),
        ("DOT_PRODUCT", [("big", 2.0), ("close", 1.0), ("small", 0.5), ("back", -1.0)]),
    ],
)
def test_the_nearest_by_each_distance(ddb: Any, function: str, expected: list[tuple[str, float]]) -> None:
    """Scores as AWS gives them: distances ascend, the dot product descends."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition(DistanceFunction=function)])
    put(ddb, table, "small", 0.5, 0, 0)
    put(ddb, table, "big", 2, 0.01, 0)
    put(ddb, table, "close", 1, 0.3, 0)
    put(ddb, table, "back", -1, 0, 0)
    assert search(ddb, table, 1, 0, 0) == expected
    assert search(ddb, table, 1, 0, 0, most=1) == expected[:1]


@pytest.mark.parametrize(
    ("function", "slanted", "vast"),
    [
        ("COSINE", 0.3999999761581421, 1.0),
        ("EUCLIDEAN", 0.8944271802902222, 16777216.0),
        ("DOT_PRODUCT", 0.6000000238418579, 0.10000000149011612),
    ],
)
def test_scores_are_of_single_precision(ddb: Any, function: str, slanted: float, vast: float) -> None:
    """What code compares with a stored score has to be the same number, to the last digit, as measured at AWS."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition(DistanceFunction=function)])
    put(ddb, table, "slanted", 0.6, 0.8, 0)
    put(ddb, table, "vast", 0.1, 16777217, 1)
    assert dict(exact_scores(ddb, table, 1, 0, 0)) == {"slanted": slanted, "vast": vast}


@pytest.mark.parametrize(("dimensions", "expected"), [(8, 16777222.0), (16, 16777230.0)])
def test_sums_are_of_pairs(ddb: Any, dimensions: int, expected: float) -> None:
    """One after another, or in double precision, the terms have other sums, as measured at AWS."""
    sums = definition(DistanceFunction="DOT_PRODUCT", Dimensions=dimensions)
    table = make_table(ddb, sort=None, VectorIndexes=[sums])
    put(ddb, table, "a", 16777216, *[1] * (dimensions - 1))
    assert exact_scores(ddb, table, *[1] * dimensions) == [("a", expected)]


def test_the_digits_of_vectors(ddb: Any) -> None:
    """Numbers with many zeros come back with exponents, as measured at AWS."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition(Dimensions=9)])
    written = ["0.000001", "9.9e-7", "-1e-7", "9000000000000", "1e13", "3.4e38", "-0", "16777217", "1e-45"]
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "v": {"L": [{"N": it} for it in written]}})
    answer = ddb.search_vectors(
        TableName=table, IndexName="near", SearchVector=vector(*[1] * 9)["L"], TopK=1, ProjectionExpression="v"
    )
    shown = [it["N"] for it in answer["SearchResults"][0]["Item"]["v"]["L"]]
    assert shown == ["0.000001", "9.9e-7", "-1e-7", "9000000000000.0", "1e13", "3.4e38", "0.0", "16777216.0", "1e-45"]


def test_the_index_follows_the_items(ddb: Any) -> None:
    """Replaced, removed from the item, deleted; items without the attribute are not in it."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition()])
    put(ddb, table, "a", 1, 0, 0)
    put(ddb, table, "b", 0, 1, 0)
    ddb.put_item(TableName=table, Item={"pk": {"S": "none"}})
    assert [name for name, _ in search(ddb, table, 1, 0, 0)] == ["a", "b"]
    put(ddb, table, "a", -1, 0, 0)
    assert [name for name, _ in search(ddb, table, 1, 0, 0)] == ["b", "a"]
    ddb.update_item(TableName=table, Key={"pk": {"S": "a"}}, UpdateExpression="REMOVE v")
    ddb.delete_item(TableName=table, Key={"pk": {"S": "b"}})
    assert search(ddb, table, 1, 0, 0) == []


@pytest.mark.parametrize(
    ("projection", "members"),
    [
        ({"ProjectionType": "KEYS_ONLY"}, {"pk"}),
        ({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}, {"pk", "x"}),
        ({"ProjectionType": "ALL"}, {"pk", "x", "y"}),
    ],
)
def test_projections_leave_the_vector_out_unless_it_is_asked_for(ddb: Any, projection: Any, members: set[str]) -> None:
    """And give it back in single precision; what is not projected is left out without an error."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition(Projection=projection)])
    put(ddb, table, "a", 1, 3.14159265358979, 0, x={"S": "x"}, y={"S": "y"})
    params: dict[str, Any] = {"TableName": table, "IndexName": "near", "SearchVector": vector(1, 0, 0)["L"], "TopK": 1}
    assert set(ddb.search_vectors(**params)["SearchResults"][0]["Item"]) == members
    asked = ddb.search_vectors(**params, ProjectionExpression="v, y")["SearchResults"][0]["Item"]
    assert asked["v"]["L"] == [{"N": "1.0"}, {"N": "3.1415927"}, {"N": "0.0"}]
    assert ("y" in asked) == ("y" in members)


def test_partitions_and_filters(ddb: Any) -> None:
    """A search stays in its partition; an item without the partition's attribute is in none."""
    searched = [
        {"AttributeName": "x", "SearchSchemaElementType": "HASH"},
        {"AttributeName": "y", "SearchSchemaElementType": "INLINE_FILTER"},
    ]
    table = make_table(
        ddb, sort=None, attributes={"x": "S", "y": "N"}, VectorIndexes=[definition(SearchSchema=searched)]
    )
    put(ddb, table, "a", 1, 0, 0, x={"S": "one"}, y={"N": "1"})
    put(ddb, table, "b", 1, 0, 0, x={"S": "one"})
    put(ddb, table, "c", 1, 0, 0, x={"S": "two"}, y={"N": "1"})
    put(ddb, table, "d", 1, 0, 0, y={"N": "1"})

    def found(condition: str, **values: Any) -> set[str]:
        given = {f":{name}": value for name, value in values.items()}
        params = {"SearchConditionExpression": condition, "ExpressionAttributeValues": given}
        return {name for name, _ in search(ddb, table, 1, 0, 0, **params)}

    assert found("x = :x", x={"S": "one"}) == {"a", "b"}
    assert found("x = :x AND y = :y", x={"S": "one"}, y={"N": "1"}) == {"a"}
    assert found("x = :x", x={"S": "nowhere"}) == set()
    with pytest.raises(ddb.exceptions.ClientError, match="must be provided when SearchSchema has a HASH key"):
        search(ddb, table, 1, 0, 0)


CONDITION = "SearchConditionExpression"
INVALID_CONDITION = f"Invalid {CONDITION}: "
NO_OPERATOR = f"{INVALID_CONDITION}Invalid operator used in {CONDITION}"
NO_COMPARATOR = f"{INVALID_CONDITION}Invalid comparator used in {CONDITION}"
NESTED = f"{INVALID_CONDITION}{CONDITION} cannot have conditions on nested attributes"
TWICE = f"{INVALID_CONDITION}{CONDITION} must only contain one condition per attribute"
OTHER_TYPE = f"Type of '{{}}' attribute in {CONDITION} ({{}}) does not match type in search schema ({{}})"


@pytest.fixture(scope="module")
def parted(ddb: Any) -> str:
    """A table whose index has a partition, x, and a filter, y."""
    searched = [
        {"AttributeName": "x", "SearchSchemaElementType": "HASH"},
        {"AttributeName": "y", "SearchSchemaElementType": "INLINE_FILTER"},
    ]
    index = definition(SearchSchema=searched)
    return make_table(ddb, sort=None, attributes={"x": "S", "y": "N"}, VectorIndexes=[index])


@pytest.mark.parametrize(
    ("condition", "values", "message"),
    [
        ("x < :x", {"x": {"S": "one"}}, NO_COMPARATOR),
        ("x = :x AND y >= :y AND y <= :y", {"x": {"S": "one"}, "y": {"N": "1"}}, NO_COMPARATOR),
        ("x = :x OR y = :y", {"x": {"S": "one"}, "y": {"N": "1"}}, NO_OPERATOR),
        ("x = :x AND y BETWEEN :y AND :y", {"x": {"S": "one"}, "y": {"N": "1"}}, NO_OPERATOR),
        ("x IN (:x)", {"x": {"S": "one"}}, NO_OPERATOR),
        ("x = :x AND y.z = :y", {"x": {"S": "one"}, "y": {"N": "1"}}, NESTED),
        ("x.z = :x", {"x": {"S": "one"}}, NESTED),
        ("x = :x AND x = :x", {"x": {"S": "one"}}, TWICE),
        ("x = :y AND x = :x", {"x": {"S": "one"}, "y": {"N": "1"}}, TWICE),
        ("y = :y", {"y": {"N": "1"}}, f"{CONDITION} must have all HASH attributes in configured SearchSchema"),
        (
            "x = :x AND z = :x",
            {"x": {"S": "one"}},
            f"{CONDITION} must not contain any attributes that is not in SearchSchema. Invalid attribute: z",
        ),
        ("x = :x", {"x": {"N": "1"}}, OTHER_TYPE.format("x", "N", "S")),
        ("x = :x", {"x": {"L": [{"S": "one"}]}}, OTHER_TYPE.format("x", "L", "S")),
        ("x = :x AND y = :x", {"x": {"S": "one"}}, OTHER_TYPE.format("y", "S", "N")),
        (
            "x = :x",
            {"x": {"S": ""}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            "empty string value. Key: x",
        ),
    ],
)
def test_conditions_that_are_refused(
    ddb: Any, parted: str, condition: str, values: dict[str, Any], message: str
) -> None:
    """All but one equality for each attribute of the search schema, of its type, as measured at AWS in August 2026
    (DYNAMODB-014)."""
    params = {CONDITION: condition, "ExpressionAttributeValues": {f":{name}": it for name, it in values.items()}}
    wanted = {"IndexName": "near", "SearchVector": vector(1, 0, 0)["L"], "TopK": 1}
    assert error_of(ddb.search_vectors, TableName=parted, **wanted, **params) == (INVALID, message)


def test_scores_stay_within_single_precision(ddb: Any) -> None:
    """What single precision cannot hold on the way is found in double precision, so that large products cancel out, and
    ends at the largest float. AWS does not say what it does there."""
    functions = ("COSINE", "EUCLIDEAN", "DOT_PRODUCT")
    indexes = [definition(IndexName=name.lower(), DistanceFunction=name, Dimensions=2) for name in functions]
    table = make_table(ddb, sort=None, VectorIndexes=indexes)

    def score(function: str, item: tuple[str, str], wanted: tuple[str, str]) -> float:
        put(ddb, table, "a", *item)  # type: ignore[arg-type]
        params = {"SearchVector": vector(*wanted)["L"], "TopK": 1}  # type: ignore[arg-type]
        (found,) = ddb.search_vectors(TableName=table, IndexName=function, **params)["SearchResults"]
        return float(found["Score"])

    assert score("dot_product", ("3.4e38", "-3.4e38"), ("3.4e38", "3.4e38")) == 0
    assert score("euclidean", ("-3.4e38", "0"), ("3.4e38", "0")) == 3.4028234663852886e38
    assert score("cosine", ("1e-23", "0"), ("1e-23", "0")) == 0
    assert score("cosine", ("0", "0"), ("1", "0")) == 1


def index_state(ddb: Any, table: str) -> tuple[str, str, Any]:
    """Of the table and of its one vector index."""
    described = ddb.describe_table(TableName=table)["Table"]
    (index,) = described["VectorIndexes"]
    return described["TableStatus"], index["IndexStatus"], index.get("Backfilling")


def test_an_index_is_added_to_a_table_with_items_and_dropped(fresh_sandbox: Any) -> None:
    """Items whose attribute is no vector of its form are left out, and those that a search could not ask for."""
    ddb = fresh_sandbox.client("dynamodb")
    table = make_table(ddb, sort=None)
    put(ddb, table, "a", 1, 0, 0)
    put(ddb, table, "short", 1, 0)
    put(ddb, table, "numbered", 1, 0, 0, colour={"N": "1"})
    ddb.put_item(TableName=table, Item={"pk": {"S": "text"}, "v": {"S": "garbage"}})
    added = definition(SearchSchema=[{"AttributeName": "colour", "SearchSchemaElementType": "INLINE_FILTER"}])
    ddb.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "colour", "AttributeType": "S"}],
        VectorIndexUpdates=[{"Create": added}],
    )
    fresh_sandbox.advance_clock(2)
    eventually(lambda: index_state(ddb, table)[2] is True)
    fresh_sandbox.advance_clock(8)
    eventually(lambda: index_state(ddb, table)[1] == "ACTIVE")
    (described,) = ddb.describe_table(TableName=table)["Table"]["VectorIndexes"]
    assert (described["IndexStatus"], described["ItemCount"], described["Dimensions"]) == ("ACTIVE", 1, 3)
    assert [name for name, _ in search(ddb, table, 1, 0, 0)] == ["a"]
    ddb.update_table(TableName=table, VectorIndexUpdates=[{"Delete": {"IndexName": "near"}}])
    assert "VectorIndexes" not in ddb.describe_table(TableName=table)["Table"]
    gone = error_of(ddb.update_table, TableName=table, VectorIndexUpdates=[{"Delete": {"IndexName": "near"}}])
    assert gone[0] == "ResourceNotFoundException"


def test_vectors_that_are_refused(ddb: Any) -> None:
    """When they are written and when they are searched for."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition()])
    invalid = "One or more parameter values were invalid. Invalid"
    for wrong, words in (
        (vector(1, 2), "size for parameter v, Expected: 3, Actual: 2"),
        ({"S": "text"}, "type for parameter v, Expected: 32-bit floating point number list"),
        (
            {"L": [{"N": "1"}, {"S": "oops"}, {"N": "0"}]},
            "type for parameter v[1], Expected: 32-bit floating point number, Actual: S.",
        ),
        (
            vector(1, 2, 3.5e38),
            "value for parameter v[2], Value: 3.5E+38 is outside valid range [-3.4028235E38, 3.4028235E38].",
        ),
    ):
        refused = error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "a"}, "v": wrong})
        assert refused == (INVALID, f"{invalid} {words} IndexName: near")
    values = (
        "Search vector contains invalid values. All values in the search vector must be a 32-bit floating-point number "
        "attribute"
    )
    for params, message in (
        (
            {"SearchVector": vector(1, 2)["L"], "TopK": 1},
            "Input search vector dimension 2 does not match vector index dimension 3",
        ),
        ({"SearchVector": [{"S": "x"}] * 3, "TopK": 1}, values),
        ({"SearchVector": [{"N": "NaN"}] * 3, "TopK": 1}, values),
        (
            {"SearchVector": vector(1, 2, 3)["L"], "TopK": 101},
            "Provided TopK value '101' is out of valid range. The value must be between 1 and 100 inclusive",
        ),
    ):
        assert error_of(ddb.search_vectors, TableName=table, IndexName="near", **params) == (INVALID, message)


def test_what_a_search_costs(ddb: Any) -> None:
    """DYNAMODB-001: at least a kilobyte, then by dimensions, results and the vectors that come back."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition(Dimensions=64)])
    for name in ("a", "b"):
        ddb.put_item(TableName=table, Item={"pk": {"S": name}, "v": vector(*range(64))})

    def cost(**params: Any) -> float:
        wanted = {"SearchVector": vector(*range(64))["L"], "ReturnConsumedCapacity": "TOTAL", **params}
        answer = ddb.search_vectors(TableName=table, IndexName="near", **wanted)
        return float(answer["ConsumedCapacity"]["VectorSearchRequestBytes"])

    assert cost(TopK=1) == 64 * 30.6875 + 65 + 3
    assert cost(TopK=2, ProjectionExpression="v") == 64 * 30.6875 + 2 * (65 + 3 + 4 * 64)


TENANT = {"AttributeName": "tenant", "SearchSchemaElementType": "HASH"}
WRONG = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Dimensions": 4097}, "Number of dimensions must be between 1 and 4096 inclusive."),
        (
            {"VectorAttribute": {"AttributeName": "pk"}},
            "Conflicting attribute definition for 'pk'. An attribute cannot be defined in AttributeDefinitions when "
            "used as a VectorAttribute.",
        ),
        ({"Projection": {}}, "Unknown ProjectionType: null"),
        ({"SearchSchema": [TENANT]}, "One element in SearchSchema is not defined in attribute definitions"),
        (
            {"SearchSchema": [TENANT, TENANT | {"SearchSchemaElementType": "INLINE_FILTER"}]},
            "SearchSchema contains a duplicate AttributeName",
        ),
        (
            {"SearchSchema": [TENANT, TENANT | {"AttributeName": "region"}]},
            "Value '2' at 'SearchSchema' failed to satisfy constraint: Member must have HASH count less than or equal "
            "to 1",
        ),
        (
            {
                "SearchSchema": [
                    {"AttributeName": f"f{place}", "SearchSchemaElementType": "INLINE_FILTER"} for place in range(19)
                ]
            },
            "Value '19' at 'SearchSchema' failed to satisfy constraint: Member must have INLINE_FILTER count less than "
            "or equal to 18",
        ),
        (
            {"Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": [f"a{place}" for place in range(20)]}},
            "Number of projected attributes exceeds the per-index limit of 20",
        ),
    ],
)
def test_indexes_that_are_refused(ddb: Any, changes: dict[str, Any], message: str) -> None:
    """Too many dimensions, a key as a vector, no projection, a search schema that makes no sense."""
    assert error_of(ddb.create_table, **new_table(definition(**changes))) == (INVALID, WRONG + message)


def new_table(*indexes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "TableName": "vectors-refused",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "VectorIndexes": list(indexes),
        **changes,
    }


def test_how_many_indexes_and_of_what_table(ddb: Any) -> None:
    """Up to five, that agree on the length of what they share, on a table that is paid per request."""
    named = [definition(IndexName=f"index-{place}") for place in range(6)]
    many = error_of(ddb.create_table, **new_table(*named))
    assert many == (INVALID, f"{WRONG}VectorIndex count exceeds the per-table limit of 5")
    assert error_of(ddb.create_table, **new_table())[1] == f"{WRONG}List of VectorIndexes is empty"
    twice = error_of(ddb.create_table, **new_table(named[0], named[0]))
    assert twice[1] == f"{WRONG}Duplicate index name: index-0"
    attribute = named[0]["VectorAttribute"]["AttributeName"]
    other = definition(IndexName="other", Dimensions=named[0]["Dimensions"] + 1)
    assert error_of(ddb.create_table, **new_table(named[0], other))[1] == (
        f"{WRONG}Conflicting attribute definition for '{attribute}'. All VectorIndexes on the same vector attribute "
        "must use the same dimensions."
    )
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    provisioned = new_table(named[0], BillingMode="PROVISIONED", ProvisionedThroughput=units)
    only = f"{WRONG}Vector indexes are only supported for PAY_PER_REQUEST tables"
    assert error_of(ddb.create_table, **provisioned)[1] == only
    table = make_table(ddb, VectorIndexes=named[:5])
    changed = error_of(ddb.update_table, TableName=table, BillingMode="PROVISIONED", ProvisionedThroughput=units)
    assert changed[1] == only
    both = {"BillingMode": "PROVISIONED", "VectorIndexUpdates": [{"Delete": {"IndexName": named[0]["IndexName"]}}]}
    changed = error_of(ddb.update_table, TableName=table, ProvisionedThroughput=units, **both)
    assert changed[1] == f"{WRONG}Tables with vector indexes must be in PAY_PER_REQUEST mode"
    sixth = error_of(ddb.update_table, TableName=table, VectorIndexUpdates=[{"Create": named[5]}])
    assert sixth == (
        "LimitExceededException",
        "Subscriber limit exceeded: Number of vector secondary indexes exceeds per-table limit of 5",
    )
    known = error_of(ddb.update_table, TableName=table, VectorIndexUpdates=[{"Create": named[0]}])
    assert known == (INVALID, "Attempting to create an index which already exists")
    # An empty list is as good as none.
    nothing = error_of(ddb.update_table, TableName=table, VectorIndexUpdates=[], GlobalSecondaryIndexUpdates=[])
    assert nothing == error_of(ddb.update_table, TableName=table)


def test_indexes_change_one_at_a_time(ddb: Any) -> None:
    """Global and vector indexes share the limit, which is told before the indexes are looked for."""
    table = make_table(ddb)
    create, delete = {"Create": definition()}, {"Delete": {"IndexName": "nowhere"}}
    one = (
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
    )
    for updates in ([delete, {"Delete": {"IndexName": "none"}}], [create, delete]):
        assert error_of(ddb.update_table, TableName=table, VectorIndexUpdates=updates) == one
    both = error_of(
        ddb.update_table, TableName=table, VectorIndexUpdates=[create], GlobalSecondaryIndexUpdates=[delete]
    )
    assert both == one
    mixed = error_of(ddb.update_table, TableName=table, VectorIndexUpdates=[create | delete])
    assert mixed == (INVALID, f"{WRONG}Only one vector index action is allowed per VectorIndexUpdate object")


def test_names_and_attributes_that_are_taken(ddb: Any) -> None:
    """A name that is taken is told before an attribute that is; one that has a vector index keeps its length."""
    name, attribute = definition()["IndexName"], definition()["VectorAttribute"]["AttributeName"]
    options = {
        "LocalSecondaryIndexes": [index(name, "pk", attribute)],
        "VectorIndexes": [definition()],
        "attributes": {attribute: "S"},
    }
    assert error_of(lambda: make_table(ddb, **options)) == (INVALID, f"{WRONG}Duplicate index name: {name}")
    table = make_table(ddb, VectorIndexes=[definition()])
    longer = {"Create": definition(IndexName="other", Dimensions=4)}
    assert error_of(ddb.update_table, TableName=table, VectorIndexUpdates=[longer]) == (
        INVALID,
        f"{WRONG}Attributes cannot be redefined. Please check that your attribute has the same type as previously "
        f"defined. Existing schema: VectorIndexSchema:[VectorAttribute: key{{{attribute}:L:3}}] "
        f"New schema: VectorIndexSchema:[VectorAttribute: key{{{attribute}:L:4}}]",
    )
    key = {
        "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": index("gsi", attribute)}],
    }
    assert error_of(ddb.update_table, TableName=table, **key) == (
        INVALID,
        f"{WRONG}Attributes cannot be redefined. Please check that your attribute has the same type as previously "
        f"defined. Existing schema: VectorIndexSchema:[VectorAttribute: key{{{attribute}:L:3}}] "
        f"New schema: Schema:[SchemaElement: key{{{attribute}:S:HASH}}]",
    )


def test_filters_are_no_keys(ddb: Any) -> None:
    """What an index only filters by may be empty, by any write; its partition may not."""
    schema = [TENANT, {"AttributeName": "colour", "SearchSchemaElementType": "INLINE_FILTER"}]
    names = {"tenant": "S", "colour": "S"}
    table = make_table(ddb, sort=None, attributes=names, VectorIndexes=[definition(SearchSchema=schema)])
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "colour": {"S": ""}})
    values = {":empty": {"S": ""}}
    ddb.update_item(
        TableName=table,
        Key={"pk": {"S": "b"}},
        UpdateExpression="SET colour = :empty",
        ExpressionAttributeValues=values,
    )
    code, message = error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "c"}, "tenant": {"S": ""}})
    assert code == INVALID and "empty string" in message
    for name in names:
        wrong = error_of(ddb.put_item, TableName=table, Item={"pk": {"S": "c"}, name: {"N": "1"}})
        told = f"Attribute '{name}' type mismatch. Expected: S, Actual: N. IndexName: near"
        assert wrong == (INVALID, f"One or more parameter values were invalid. {told}")


def test_queries_and_scans_do_not_reach_them(ddb: Any) -> None:
    """They are told apart from indexes that are not there."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition()])
    here = {"TableName": table, "IndexName": "near"}
    assert error_of(ddb.scan, **here) == (INVALID, "Scan operation not supported on this index type")
    asked = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}}
    assert error_of(ddb.query, **here, **asked) == (INVALID, "Query operation not supported on this index type.")
    assert error_of(ddb.query, **here, **asked, ConsistentRead=True) == (
        INVALID,
        "Consistent reads are not supported on global secondary indexes",
    )
    told = error_of(ddb.scan, **here, ConsistentRead=True)
    assert told == (INVALID, "Scan operation not supported on this index type")


KINDS = "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"


def test_bodies_are_read_strictly(sandbox: Any) -> None:
    """SearchVectors has a reader of its own: no type passes for another, and what is missing is told as a field."""
    ddb = sandbox.client("dynamodb", parameter_validation=False)
    valid = {"TableName": "nowhere", "IndexName": "near", "SearchVector": [{"N": "1"}], "TopK": 1}

    def told(**changes: Any) -> tuple[str, str]:
        body = json.dumps(valid | changes).encode()

        def replace(request: Any, **_: Any) -> None:
            request.data = body

        ddb.meta.events.register_first("request-created.dynamodb.SearchVectors", replace)
        try:
            return error_of(ddb.search_vectors, **valid)
        finally:
            ddb.meta.events.unregister("request-created.dynamodb.SearchVectors", replace)

    for name, kind in (
        ("IndexName", "a string"),
        ("TableName", "a string"),
        ("SearchVector", "a sequence"),
        ("TopK", "i32"),
    ):
        code, message = told(**{name: None})
        assert code == "SerializationException"
        assert message.startswith(f"invalid type: null, expected {kind} at line 1 column ")
    body = json.dumps(valid | {"TopK": 1.5})
    fraction = f"invalid type: floating point `1.5`, expected i32 at line 1 column {len(body) - 1}"
    assert told(TopK=1.5) == ("SerializationException", fraction)
    assert told(SearchVector="x")[1].startswith('invalid type: string "x", expected a sequence at line 1 column ')
    for name in valid:
        partial = {key: value for key, value in valid.items() if key != name}
        code, message = error_of(ddb.search_vectors, **partial)
        assert code == INVALID and message.startswith(f"missing field `{name}` at line 1 column ")
    few = "1 validation error detected: Value at 'TopK' failed to satisfy constraint: Member must have value greater "
    for many in (0, -3):
        assert told(TopK=many) == (INVALID, few + "than or equal to 1")
        kind = told(TopK=many, ReturnConsumedCapacity="SOME")
        assert kind == (INVALID, "Value 'SOME' at 'returnConsumedCapacity' failed to satisfy constraint: " + KINDS)
    short = "Value at '{}' failed to satisfy constraint: Member must have length greater than or equal to {}"
    assert told(IndexName="ab")[1] == "1 validation error detected: " + short.format("IndexName", 3)
    assert told(SearchVector=[])[1] == "1 validation error detected: " + short.format("SearchVector", 1)
    most = "Provided TopK value '101' is out of valid range. The value must be between 1 and 100 inclusive"
    assert told(TopK=101) == (INVALID, most)


def test_partiql_does_not_reach_them(ddb: Any) -> None:
    """Not even as a scan; the items themselves are like others."""
    table = make_table(ddb, sort=None, VectorIndexes=[definition()])
    put(ddb, table, "a", 1, 0, 0)
    told = error_of(ddb.execute_statement, Statement=f'SELECT * FROM "{table}"."near"')
    assert told == (INVALID, "Scan operation not supported on this index type")
    assert len(ddb.execute_statement(Statement=f"SELECT * FROM \"{table}\" WHERE pk = 'a'")["Items"]) == 1


def test_what_writes_of_vectors_cost(ddb: Any) -> None:
    """Four bytes a dimension: for the table's units, whatever the numbers, and for what goes to the index."""
    attribute = definition()["VectorAttribute"]["AttributeName"]
    table = make_table(ddb, sort=None, VectorIndexes=[definition(Projection={"ProjectionType": "ALL"})])
    wide = {"L": [{"N": "1" * 38}] * 3}

    def consumed(key: str, size: int) -> dict[str, Any]:
        fixed = 4 + len(attribute) + 12 + 1
        item = {"pk": {"S": key}, attribute: wide, "p": {"S": "x" * (size - fixed)}}
        return ddb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]

    assert consumed("a3", 1024)["CapacityUnits"] == 1
    assert consumed("b3", 1025)["CapacityUnits"] == 2
    (written,) = consumed("c3", 2000)["VectorIndexes"].values()
    assert written == {"VectorWriteRequestBytes": 2000}
    assert consumed("c3", 2000).get("VectorIndexes") is None
    (shrunk,) = consumed("c3", 200)["VectorIndexes"].values()
    assert shrunk == {"VectorWriteRequestBytes": 2000}, "the larger of the rows before and after"
    (least,) = consumed("d3", 200)["VectorIndexes"].values()
    assert least == {"VectorWriteRequestBytes": 1024}
    for expected in ({"near": {"VectorWriteRequestBytes": 1025}}, None):
        gone = ddb.delete_item(TableName=table, Key={"pk": {"S": "b3"}}, ReturnConsumedCapacity="INDEXES")
        assert gone["ConsumedCapacity"].get("VectorIndexes") == expected
    read = ddb.get_item(TableName=table, Key={"pk": {"S": "a3"}}, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
    assert read["ConsumedCapacity"]["CapacityUnits"] == 1


def test_a_vector_that_moves_to_another_partition_is_paid_for_twice(ddb: Any) -> None:
    """It leaves one and enters the other, and costs what both cost, as measured at AWS."""
    searched = [{"AttributeName": "x", "SearchSchemaElementType": "HASH"}]
    index = definition(Dimensions=512, SearchSchema=searched)
    table = make_table(ddb, sort=None, attributes={"x": "S"}, VectorIndexes=[index])

    def consumed(partition: str) -> Any:
        item = {"pk": {"S": "a"}, "v": vector(*[1] * 512), "x": {"S": partition}}
        answer = ddb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="INDEXES")
        return answer["ConsumedCapacity"].get("VectorIndexes")

    size_bytes = 4 * 512 + len("vpkaxp1")
    assert consumed("p1") == {"near": {"VectorWriteRequestBytes": size_bytes}}
    assert consumed("p1") is None
    assert consumed("p2") == {"near": {"VectorWriteRequestBytes": 2 * size_bytes}}


def test_the_phases_of_a_new_index(fresh_sandbox: Any) -> None:
    """It allocates, and the table is UPDATING; it backfills, and can be cancelled; then it can be searched."""
    ddb = fresh_sandbox.client("dynamodb")
    table = make_table(ddb, sort=None)
    put(ddb, table, "a", 1, 0, 0)
    create, delete = {"Create": definition()}, {"Delete": {"IndexName": "near"}}
    other = {"Create": definition(IndexName="other")}
    wanted = {"TableName": table, "IndexName": "near", "SearchVector": vector(1, 0, 0)["L"], "TopK": 1}
    in_use = "Attempt to change a resource which is still in use: "

    def change(update: dict[str, Any]) -> tuple[str, str]:
        return error_of(ddb.update_table, TableName=table, VectorIndexUpdates=[update])

    made = ddb.update_table(TableName=table, VectorIndexUpdates=[create])["TableDescription"]
    assert made["TableStatus"] == "UPDATING"
    assert index_state(ddb, table) == ("UPDATING", "CREATING", False)
    assert error_of(ddb.search_vectors, **wanted) == (INVALID, "The table does not have the specified index: near")
    assert change(delete) == (
        "ResourceInUseException",
        f"{in_use}Index creation is in resource allocation phase. Retry deletion during backfilling phase or when the "
        f"index is active. Table: {table} Index: near",
    )
    one = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
    assert change(other) == ("LimitExceededException", one)
    keyed = error_of(
        ddb.update_table,
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index("gsi", "g")}],
    )
    assert keyed == ("LimitExceededException", one), "the limit is one of both kinds"
    kept = (
        "ResourceInUseException",
        f"{in_use}Cannot delete table while indexes are being created, updated, or deleted.",
    )
    assert error_of(ddb.delete_table, TableName=table) == kept
    fresh_sandbox.advance_clock(2)
    eventually(lambda: index_state(ddb, table) == ("ACTIVE", "CREATING", True))
    assert error_of(ddb.search_vectors, **wanted) == (INVALID, "Cannot search backfilling vector index: near")
    assert error_of(ddb.delete_table, TableName=table) == kept
    ddb.update_table(TableName=table, VectorIndexUpdates=[delete])
    assert "VectorIndexes" not in ddb.describe_table(TableName=table)["Table"]
    ddb.update_table(TableName=table, VectorIndexUpdates=[other])
    fresh_sandbox.advance_clock(2)
    eventually(lambda: index_state(ddb, table)[2] is True)
    fresh_sandbox.advance_clock(8)
    eventually(lambda: index_state(ddb, table) == ("ACTIVE", "ACTIVE", None))
    assert len(ddb.search_vectors(**(wanted | {"IndexName": "other"}))["SearchResults"]) == 1
