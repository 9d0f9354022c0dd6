"""Update expressions: refusals, and the item after the update."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.core.errors import ApiError
from mrak.lang.ddb.expressions import paths, update

ITEM: dict[str, Any] = {
    "pk": {"S": "k"},
    "n": {"N": "5"},
    "ss": {"SS": ["a", "b"]},
    "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
    "m": {"M": {"x": {"N": "1"}, "in": {"M": {"y": {"S": "deep"}}}}},
}
VALUES: dict[str, Any] = {
    ":one": {"N": "1"},
    ":s": {"S": "s"},
    ":l": {"L": [{"S": "new"}]},
    ":set": {"SS": ["b", "c"]},
    ":all": {"SS": ["a", "b"]},
    ":ns": {"NS": ["1"]},
    ":t": {"BOOL": True},
}


def apply(text: str, item: dict[str, Any] = ITEM, names: dict[str, str] | None = None) -> dict[str, Any]:
    plan = update.plan(text, names or {})
    plan.check(VALUES)
    before = copy.deepcopy(item)
    after = plan.apply(item, VALUES)
    assert item == before, "the old item must stay as it was"
    return after


def refusal(text: str, names: dict[str, str] | None = None) -> str:
    with pytest.raises(ApiError) as raised:
        apply(text, names=names)
    return raised.value.message


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SET a = :s", {"a": {"S": "s"}}),
        ("SET n = n + :one, o = n", {"n": {"N": "6"}, "o": {"N": "5"}}),
        ("SET n = (n - :one)", {"n": {"N": "4"}}),
        ("SET a = if_not_exists(a, :one), n = if_not_exists(n, :one)", {"a": {"N": "1"}}),
        ("SET c = if_not_exists(c, :one) + :one", {"c": {"N": "2"}}),
        ("SET l = list_append(l, :l)", {"l": {"L": [*ITEM["l"]["L"], {"S": "new"}]}}),
        ("SET l = list_append(:l, l)", {"l": {"L": [{"S": "new"}, *ITEM["l"]["L"]]}}),
        ("SET q = list_append(if_not_exists(q, :l), :l)", {"q": {"L": [{"S": "new"}, {"S": "new"}]}}),
        ("SET l[1] = :s", {"l": {"L": [{"N": "0"}, {"S": "s"}, {"N": "2"}]}}),
        ("SET l[9] = :s, l[7] = :one", {"l": {"L": [*ITEM["l"]["L"], {"N": "1"}, {"S": "s"}]}}),
        ("REMOVE l[0], l[2]", {"l": {"L": [{"N": "1"}]}}),
        ("REMOVE l[0] SET l[1] = :s, l[9] = :t", {"l": {"L": [{"S": "s"}, {"N": "2"}, {"BOOL": True}]}}),
        ("REMOVE l[9]", {}),
        ("SET m.z = :s REMOVE m.x", {"m": {"M": {"in": ITEM["m"]["M"]["in"], "z": {"S": "s"}}}}),
        ("REMOVE n, absent", {"n": None}),
        ("ADD n :one, newer :one, ss :set", {"n": {"N": "6"}, "newer": {"N": "1"}, "ss": {"SS": ["a", "b", "c"]}}),
        ("ADD fresh :set", {"fresh": {"SS": ["b", "c"]}}),
        ("DELETE ss :set", {"ss": {"SS": ["a"]}}),
        ("DELETE ss :all", {"ss": None}),
        ("DELETE absent :set", {}),
        ("ADD m.x :one", {"m": {"M": {"x": {"N": "2"}, "in": ITEM["m"]["M"]["in"]}}}),
        ("SET a = n, n = :s", {"a": {"N": "5"}, "n": {"S": "s"}}),
    ],
)
def test_the_item_after_the_update(text: str, changes: dict[str, Any]) -> None:
    """Operands are read from the old item; list indexes are those of the old list."""
    expected = {**ITEM, **changes}
    assert apply(text) == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SET a = :s SET b = :s",
            'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;',
        ),
        ("SET a = b + c + d", 'Invalid UpdateExpression: Syntax error; token: "+", near: "c + d"'),
        ("ADD hits : incr", 'Invalid UpdateExpression: Syntax error; token: ":", near: "hits : incr"'),
        ("SET a = :s,", 'Invalid UpdateExpression: Syntax error; token: "<EOF>", near: ","'),
        ("INVALID SYNTAX", 'Invalid UpdateExpression: Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
        ("SET a = dog(b)", "Invalid UpdateExpression: Invalid function name; function: dog"),
        (
            "SET a = size(b)",
            "Invalid UpdateExpression: The function is not allowed in an update expression; function: size",
        ),
        ("SET data = :s", "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: data"),
        (
            "SET a = :s, a.b = :s",
            "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these "
            "paths; path one: [a], path two: [a, b]",
        ),
        (
            "SET a = :s, b = :s, a.b = :s, c = :s REMOVE b",
            "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these "
            "paths; path one: [b], path two: [c]",
        ),
        (
            "SET a.b = :s REMOVE a[1]",
            "Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of "
            "these paths; path one: [a, b], path two: [a, [1]]",
        ),
        (
            "ADD a :s",
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, "
            "operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            "DELETE a :one",
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, "
            "operand type: NUMBER, typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            "SET a = b + :s",
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, "
            "operand type: S",
        ),
        (
            "SET a = list_append(l, :s)",
            "Invalid UpdateExpression: Incorrect operand type for operator or function; "
            "operator or function: list_append, operand type: S",
        ),
        (
            "SET a = if_not_exists(:s, :s)",
            "Invalid UpdateExpression: Operator or function requires a document path; "
            "operator or function: if_not_exists",
        ),
        (
            "SET a = list_append(list_append(l, :l), :l)",
            "Invalid UpdateExpression: The function is not allowed to be used this way in an expression; "
            "function: list_append",
        ),
        (
            "SET a = if_not_exists(a, list_append(l, :l))",
            "Invalid UpdateExpression: The function is not allowed to be used this way in an expression; "
            "function: list_append",
        ),
        (
            "SET a = list_append(l)",
            "Invalid UpdateExpression: Incorrect number of operands for operator or function; "
            "operator or function: list_append, number of operands: 1",
        ),
        (
            "SET a = :nope",
            "Invalid UpdateExpression: An expression attribute value used in expression is not defined; "
            "attribute value: :nope",
        ),
        (
            "SET #a = :nope",
            "Invalid UpdateExpression: An expression attribute name used in the document path is not defined; "
            "attribute name: #a",
        ),
        ("SET a = absent", update.MISSING),
        ("SET a = absent + :one", update.MISSING),
        ("SET a = pk + :one", update.BAD_TYPE),
        ("SET a = list_append(n, :l)", update.BAD_TYPE),
        ("ADD pk :one", update.BAD_TYPE),
        ("DELETE ss :ns", update.BAD_TYPE),
        ("SET absent.x = :s", update.BAD_PATH),
        ("SET n.x = :s", update.BAD_PATH),
        ("SET m[0] = :s", update.BAD_PATH),
        ("REMOVE absent.x", update.BAD_PATH),
        ("SET l[9].x = :s", update.BAD_PATH),
    ],
)
def test_refusals_in_awss_words(text: str, message: str) -> None:
    """Those of the expression begin with its name, those that the item causes do not."""
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SET a = dog(data), data = :s", "Invalid function name; function: dog"),
        ("SET a = :s SET a = dog(b)", "Invalid function name; function: dog"),
        ("SET #a = :s, b = :s, b = :s", "path one: [b], path two: [b]"),
        ("SET b = :s, b = :s, #a = :s", "not defined; attribute name: #a"),
        ("SET b = :nope, b.c = :s", "path one: [b], path two: [b, c]"),
        ("REMOVE a" + ".b" * 32 + ", c, c", "path one: [c], path two: [c]"),
        ("SET a = :nope, b = c + :s", "operator or function: +, operand type: S"),
        ("SET a = c + :s DELETE b :nope", "not defined; attribute value: :nope"),
        ("SET a = :nope + #a", "not defined; attribute value: :nope"),
        ("SET a = if_not_exists(:nope)", "not defined; attribute value: :nope"),
        ("SET a = list_append(if_not_exists(l), :nope)", "function: if_not_exists, number of operands: 1"),
        ("SET a = if_not_exists(l, l)", "operator: if_not_exists, first operand: [l]"),
        ("SET a = :one + list_append(l, :l)", "way in an expression; function: list_append"),
        ("SET absent.x = gone", update.BAD_PATH),
        ("SET a = list_append(n, gone)", update.BAD_TYPE),
        ("DELETE ss :ns SET z = gone", update.MISSING),
    ],
)
def test_of_two_errors_awss_is_told(text: str, told: str) -> None:
    """As DynamoDB Local has it, which shares AWS's parser: what the text alone tells, then the paths, then the actions
    from the last to the first."""
    assert told in refusal(text)


def test_actions_are_no_operators() -> None:
    """Sums and functions count towards the 300 of an expression; how many attributes are set or removed does not.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    names = [f"a{number}" for number in range(301)]
    assert len(apply("SET " + ",".join(f"{name}=:s" for name in names))) == len(ITEM) + 301
    assert apply("REMOVE " + ",".join(names)) == ITEM
    assert apply("SET a=" + "if_not_exists(b," * 240 + ":s" + ")" * 240)["a"] == VALUES[":s"]
    sums = "SET " + ",".join(f"{name}=n+:one" for name in names)
    assert refusal(sums) == "Invalid UpdateExpression: The expression contains too many operators; operator count: 301"


def test_an_overlap_tells_what_comes_last_in_a_hash_map() -> None:
    """As AWS was measured to do by the tests of dynalite: the second path need not be the one that is in the way."""
    assert refusal("REMOVE a, b, a").endswith("path one: [a], path two: [b]")
    assert refusal("REMOVE b, b, a").endswith("path one: [b], path two: [b]")
    assert refusal("REMOVE a, a, zz").endswith("path one: [a], path two: [a]")
    assert refusal("REMOVE q.a, q.a.b, a").endswith("path one: [q, a], path two: [q, a, b]")


def test_updated_paths_give_updated_old_and_updated_new() -> None:
    """Only the touched parts, in their nesting; a set past the end of a list is not among them, as at AWS."""
    plan = update.plan("SET m.x = :one, l[1] = :s, l[50] = :s REMOVE n", {})
    after = plan.apply(ITEM, VALUES)
    assert paths.project(ITEM, plan.paths) == {"m": {"M": {"x": {"N": "1"}}}, "l": {"L": [{"N": "1"}]}, "n": {"N": "5"}}
    assert paths.project(after, plan.paths) == {"m": {"M": {"x": {"N": "1"}}}, "l": {"L": [{"S": "s"}]}}


def test_what_only_takes_away_creates_no_item() -> None:
    """REMOVE and DELETE on an item that is not there leave it so."""
    assert not update.plan("REMOVE a DELETE b :set", {}).creates
    assert update.plan("REMOVE a SET b = :s", {}).creates


def test_types_that_are_known_before_the_item_is_read() -> None:
    """An index key that is set to a wrong type is refused without reading."""
    plan = update.plan("SET a = :s, b = b + :one, c = list_append(c, :l), d = e, f.g = :s ADD h :set", {})
    assert plan.kinds(VALUES) == {"a": "S", "b": "N", "c": "L", "h": "SS"}


@given(st.lists(st.integers(0, 12), max_size=6, unique=True), st.lists(st.integers(0, 12), max_size=6, unique=True))
def test_list_actions_against_a_naive_model(removed: list[int], assigned: list[int]) -> None:
    """Any mix of sets and removals on one list, by old indexes."""
    assigned = [index for index in assigned if index not in removed]
    if not removed and not assigned:
        return
    text = ""
    if assigned:
        text += "SET " + ", ".join(f"l[{index}] = :s" for index in assigned)
    if removed:
        text += " REMOVE " + ", ".join(f"l[{index}]" for index in removed)
    old = [{"N": str(i)} for i in range(6)]
    plan = update.plan(text, {})
    result = plan.apply({"l": {"L": old}}, VALUES)["l"]["L"]
    kept = [VALUES[":s"] if i in assigned else value for i, value in enumerate(old) if i not in removed]
    assert result == kept + [VALUES[":s"] for index in assigned if index >= len(old)]
