"""A request's expressions together; projections, key conditions and the legacy parameters."""

from typing import Any

import pytest

from mrak.core.errors import ApiError
from mrak.lang.ddb import legacy
from mrak.lang.ddb.expressions import keycondition, projection, request

ITEM: dict[str, Any] = {
    "pk": {"S": "k"},
    "n": {"N": "5"},
    "l": {"L": [{"N": "0"}, {"M": {"x": {"S": "in"}, "y": {"S": "out"}}}, {"N": "2"}]},
    "ss": {"SS": ["a", "b"]},
}


def message_of(call: Any, *args: Any) -> str:
    with pytest.raises(ApiError) as raised:
        call(*args)
    assert raised.value.code == "ValidationException"
    return raised.value.message


def test_expressions_and_legacy_parameters_do_not_mix() -> None:
    """The message lists both sorts in AWS's order."""
    req = {"ConditionExpression": "a = :b", "Expected": {}, "AttributeUpdates": {}, "UpdateExpression": "SET a = :b"}
    assert message_of(request.check_usage, req, request.UPDATE) == (
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {AttributeUpdates, Expected} "
        "Expression parameters: {UpdateExpression, ConditionExpression}"
    )


def test_a_filter_expression_may_go_with_key_conditions() -> None:
    """The one exception to the rule against mixing."""
    request.check_usage({"KeyConditions": {}, "FilterExpression": "a = :b"}, request.QUERY)
    message_of(request.check_usage, {"KeyConditions": {}, "KeyConditionExpression": "a = :b"}, request.QUERY)


def test_names_and_values_need_an_expression() -> None:
    """The operation's own expressions are named in the message."""
    assert message_of(request.check_usage, {"ExpressionAttributeNames": {}}, request.GET) == (
        "ExpressionAttributeNames can only be specified when using expressions"
    )
    assert message_of(request.check_usage, {"ExpressionAttributeValues": {}}, request.SCAN) == (
        "ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null"
    )
    assert message_of(request.check_usage, {"ExpressionAttributeValues": {}}, request.QUERY) == (
        "ExpressionAttributeValues can only be specified when using expressions: "
        "FilterExpression and KeyConditionExpression are null"
    )
    for usage in (request.UPDATE, request.PUT):
        assert message_of(request.check_usage, {"ExpressionAttributeValues": {}}, usage) == (
            "ExpressionAttributeValues can only be specified when using expressions"
        )


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        ({}, None, "ExpressionAttributeNames must not be empty"),
        (None, {}, "ExpressionAttributeValues must not be empty"),
        ({"a": "b"}, None, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'),
        (None, {"a": {"S": "b"}}, 'ExpressionAttributeValues contains invalid key: Syntax error; key: "a"'),
        (
            None,
            {":a": {"N": "b"}},
            "The parameter cannot be converted to a numeric value: b",
        ),
        (
            {"#a": "a", "#b": "b"},
            {":v": {"S": "b"}},
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}",
        ),
        (
            {"#a": "a"},
            {":v": {"S": "b"}, ":x": {"S": ""}, ":y": {"S": ""}},
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x, :y}",
        ),
        (
            # In the order of a hash map.
            {"#b": "b", "#a": "a", "#z1": "z"},
            {":v": {"S": "b"}},
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#z1, #b}",
        ),
    ],
)
def test_names_and_values_in_awss_words(names: Any, values: Any, message: str) -> None:
    """Empty maps, bad placeholders, bad values, and what nothing used."""
    req: dict[str, Any] = {"ConditionExpression": "#a = :v"}
    if names is not None:
        req["ExpressionAttributeNames"] = names
    if values is not None:
        req["ExpressionAttributeValues"] = values
    assert message_of(request.bind, req) == message


def test_all_expressions_of_a_request_share_names_and_values() -> None:
    """What one of them uses is used."""
    bound = request.bind(
        {
            "UpdateExpression": "SET #a = :x",
            "ConditionExpression": "#b = :y",
            "ExpressionAttributeNames": {"#a": "a", "#b": "b"},
            "ExpressionAttributeValues": {":x": {"N": "1.0"}, ":y": {"S": "y"}},
        }
    )
    assert bound.update is not None and bound.condition is not None
    assert bound.update.apply(ITEM, bound.values)["a"] == {"N": "1"}
    assert bound.condition.test({"b": {"S": "y"}}, bound.values)


def test_projections_keep_the_nesting_and_close_up_lists() -> None:
    """List elements come in index order without gaps."""
    plan = projection.plan("l[2], l[1].x, n, absent, #p", {"#p": "pk"})
    assert plan.apply(ITEM) == {
        "pk": {"S": "k"},
        "n": {"N": "5"},
        "l": {"L": [{"M": {"x": {"S": "in"}}}, {"N": "2"}]},
    }
    assert plan.names == {"#p"}
    assert projection.plan("n, pk", {}).apply(ITEM) == {"n": {"N": "5"}, "pk": {"S": "k"}}


def test_projection_refusals() -> None:
    """Overlapping paths and doubled attributes."""
    assert "paths overlap" in message_of(projection.plan, "a, a.b", {})
    assert "paths overlap" in message_of(projection.plan, "a, a", {})
    assert message_of(projection.plan, "a, b, a", {}).endswith("path one: [a], path two: [b]")
    assert message_of(projection.plan, "b[1], b.a, a.b, a", {}).endswith("path one: [a, b], path two: [a]")
    assert "paths conflict" in message_of(projection.plan, "a.b, a[0]", {})
    assert message_of(projection.attributes_plan, ["a", "b", "a"]) == (
        "One or more parameter values were invalid: Duplicate value in attribute name: a"
    )


VALUES: dict[str, Any] = {":p": {"S": "k"}, ":a": {"N": "1"}, ":b": {"N": "5"}, ":s": {"S": "ab"}}


def key_tests_of(text: str, names: dict[str, str] | None = None) -> dict[str, keycondition.KeyTest]:
    return keycondition.key_plan(text, names or {}, VALUES).bind(VALUES)


def test_key_conditions_become_tests_of_attributes() -> None:
    """Either side may hold the attribute, and parentheses are allowed."""
    assert key_tests_of("pk = :p AND sk BETWEEN :a AND :b") == {
        "pk": keycondition.KeyTest("EQ", ({"S": "k"},)),
        "sk": keycondition.KeyTest("BETWEEN", ({"N": "1"}, {"N": "5"})),
    }
    assert key_tests_of("(:a < sk) and (#p = :p)", {"#p": "pk"})["sk"].operator == "GT"
    assert key_tests_of("pk = :p and begins_with(sk, :s)")["sk"].operator == "BEGINS_WITH"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pk = :p or sk = :a", "Invalid operator used in KeyConditionExpression: OR"),
        ("not pk = :p", "Invalid operator used in KeyConditionExpression: NOT"),
        ("pk in (:p)", "Invalid operator used in KeyConditionExpression: IN"),
        ("pk <> :p", "Invalid operator used in KeyConditionExpression: <>"),
        ("attribute_exists(pk)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        (
            "pk = :p and pk = :p",
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        ),
        (
            "pk.x = :p",
            "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes",
        ),
        ("size(pk) = :a", "KeyConditionExpressions cannot contain nested operations"),
        ("pk = sk", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        (":p = :s", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        (
            ":a between sk and :b",
            "Invalid condition in KeyConditionExpression: "
            "BETWEEN operator must have the key attribute as its first operand",
        ),
    ],
)
def test_key_condition_refusals(text: str, message: str) -> None:
    """The grammar is that of conditions; what is no key condition is refused afterwards."""
    assert message_of(key_tests_of, text) == message


@pytest.mark.parametrize(
    ("text", "schema", "message"),
    [
        ("sk = :a", [("pk", "S"), ("sk", "N")], "Query condition missed key schema element: pk"),
        ("pk = :p and x = :a", [("pk", "S"), ("sk", "N")], "Query condition missed key schema element: sk"),
        ("pk < :p", [("pk", "S")], "Query key condition not supported"),
        ("pk = :p and sk = :a", [("pk", "S")], "Query key condition not supported"),
        (
            "pk = :p and sk = :s",
            [("pk", "S"), ("sk", "N")],
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
    ],
)
def test_key_conditions_against_a_schema(text: str, schema: list[tuple[str, str]], message: str) -> None:
    """What the key schema demands."""

    def check() -> None:
        tests = key_tests_of(text)
        for place in range(len(schema)):
            keycondition.check_element(tests, schema, place)

    assert message_of(check) == message


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("sk = :b", ["5"], ["4", "6", "5.1"]),
        ("sk < :b", ["4", "-1"], ["5", "6"]),
        ("sk <= :b", ["4", "5"], ["6"]),
        ("sk > :b", ["6", "5.1"], ["5", "4"]),
        ("sk >= :b", ["5", "6"], ["4"]),
        ("sk between :a and :b", ["1", "3", "5"], ["0", "6"]),
    ],
)
def test_sort_ranges_hold_what_the_test_holds(text: str, inside: list[str], outside: list[str]) -> None:
    """The range that is scanned is the condition, in bytes."""
    from mrak.lang.ddb.keys import sort_bytes

    test = key_tests_of(f"pk = :p and {text}")["sk"]
    bounds = keycondition.sort_range(test)

    def within(key: bytes) -> bool:
        if bounds.start is not None and (key < bounds.start or (key == bounds.start and not bounds.includes_start)):
            return False
        return bounds.end is None or key < bounds.end or (key == bounds.end and bounds.includes_end)

    for number in inside:
        assert within(sort_bytes({"N": number})) and test.holds({"N": number})
    for number in outside:
        assert not within(sort_bytes({"N": number})) and not test.holds({"N": number})


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (
            {"Value": {"S": "a"}, "AttributeValueList": []},
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            {"ComparisonOperator": "EQ", "Exists": True},
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            {"ComparisonOperator": "EQ"},
            "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
        ),
        (
            {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "1"}]},
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (
            {"ComparisonOperator": "IN", "AttributeValueList": [{"N": "1"}, {"S": "x"}]},
            "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "a"}, {"SS": ["a"]}]},
            "ComparisonOperator IN is not valid for SS AttributeValue type",
        ),
        (
            {"ComparisonOperator": "LT", "AttributeValueList": [{"SS": ["x"]}]},
            "ComparisonOperator LT is not valid for SS AttributeValue type",
        ),
        ({"AttributeValueList": []}, "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"),
        ({}, "Value must be provided when Exists is null for Attribute: a"),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
        ({"Exists": False, "Value": {"S": "x"}}, "Value cannot be used when Exists is false for Attribute: a"),
    ],
)
def test_expected_refusals(clause: dict[str, Any], message: str) -> None:
    """The legacy conditions' own messages."""
    assert message_of(legacy.expected_plan, {"a": clause}, None) == (
        f"One or more parameter values were invalid: {message}"
    )


def test_legacy_conditions_hold_as_their_operators_say() -> None:
    """NE holds for what is not there, NOT_CONTAINS doesn't (DynamoDB's own oddity); AND is the default."""
    for clause in (
        {"Value": {"N": "5"}},
        {"ComparisonOperator": "NE", "AttributeValueList": [{"S": "5"}]},
        {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "5"}]},
        {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "4"}, {"N": "5"}]},
        {"ComparisonOperator": "IN", "AttributeValueList": [{"N": "4"}, {"N": "5"}]},
        {"ComparisonOperator": "NOT_NULL"},
    ):
        assert legacy.expected_plan({"n": clause}, None).test(ITEM, {}), clause
    different = {"ComparisonOperator": "NE", "AttributeValueList": [{"S": "x"}]}
    assert legacy.expected_plan({"none": different}, None).test(ITEM, {})
    lacking = {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": [{"S": "x"}]}
    assert not legacy.expected_plan({"none": lacking}, None).test(ITEM, {})
    both = {"n": {"Value": {"N": "5"}}, "pk": {"Value": {"S": "other"}}}
    assert not legacy.expected_plan(both, "AND").test(ITEM, {})
    assert legacy.expected_plan(both, "OR").test(ITEM, {})
    assert "two or more elements" in message_of(legacy.expected_plan, {"n": {"Exists": False}}, "OR")
    # What is wrong with the one condition comes first.
    assert "Value must be provided" in message_of(legacy.expected_plan, {"n": {}}, "OR")


def test_attribute_updates_put_add_and_delete() -> None:
    """Sets are joined and taken apart, numbers added, lists appended."""
    plan = legacy.update_plan(
        {
            "n": {"Action": "ADD", "Value": {"N": "1"}},
            "ss": {"Action": "DELETE", "Value": {"SS": ["a"]}},
            "l": {"Action": "ADD", "Value": {"L": [{"S": "z"}]}},
            "new": {"Value": {"S": "v"}},
            "gone": {"Action": "DELETE"},
        }
    )
    assert plan.apply(ITEM, {}) == {
        **ITEM,
        "n": {"N": "6"},
        "ss": {"SS": ["b"]},
        "l": {"L": [*ITEM["l"]["L"], {"S": "z"}]},
        "new": {"S": "v"},
    }
    assert message_of(legacy.update_plan({"n": {"Action": "ADD", "Value": {"NS": ["1"]}}}).apply, ITEM, {}) == (
        "Type mismatch for attribute to update"
    )


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"Action": "PUT"}, "Only DELETE action is allowed when no attribute value is specified"),
        (
            {"Action": "DELETE", "Value": {"S": "a"}},
            "DELETE action with value is not supported for the type S",
        ),
        ({"Action": "ADD", "Value": {"BOOL": True}}, "ADD action is not supported for the type BOOL"),
    ],
)
def test_attribute_update_refusals(update: dict[str, Any], message: str) -> None:
    """The legacy updates' own messages."""
    assert message_of(legacy.update_plan, {"a": update}) == f"One or more parameter values were invalid: {message}"
