"""Condition expressions: syntax, what is refused in which words, and what they find true."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.core.errors import ApiError
from mrak.lang.ddb.expressions import condition, parser

ITEM: dict[str, Any] = {
    "s": {"S": "hello"},
    "n": {"N": "5"},
    "b": {"B": b"\x01\x02"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "ss": {"SS": ["x", "y"]},
    "ns": {"NS": ["1", "2"]},
    "l": {"L": [{"N": "1"}, {"S": "two"}]},
    "m": {"M": {"in": {"S": "deep"}, "k": {"L": [{"M": {"v": {"N": "9"}}}]}}},
}
VALUES: dict[str, Any] = {
    ":hello": {"S": "hello"},
    ":he": {"S": "he"},
    ":five": {"N": "5"},
    ":six": {"N": "6"},
    ":x": {"S": "x"},
    ":one": {"N": "1"},
    ":type": {"S": "SS"},
    ":set": {"SS": ["y", "x"]},
    ":deep": {"S": "deep"},
    ":b": {"B": b"a"},
}


def holds(text: str, names: dict[str, str] | None = None, values: dict[str, Any] = VALUES) -> bool:
    plan = condition.plan(text, "ConditionExpression", names or {})
    plan.check(values)
    return plan.test(ITEM, values)


def refusal(text: str, names: dict[str, str] | None = None, values: dict[str, Any] = VALUES) -> str:
    with pytest.raises(ApiError) as raised:
        holds(text, names, values)
    return raised.value.message.removeprefix("Invalid ConditionExpression: ")


@pytest.mark.parametrize(
    "text",
    [
        "s = :hello",
        "s <> n",
        "n < :six AND n <= :five and NOT n > :five",
        "n BETWEEN :one AND :six",
        "n IN (:one, :six, :five)",
        "attribute_exists(m.k[0].v)",
        "attribute_not_exists(m.k[1])",
        "attribute_not_exists(l.x)",
        "attribute_type(ss, :type)",
        "begins_with(s, :he)",
        "contains(ss, :x) and contains(l, :one) and contains(s, :he)",
        "size(s) = :five and size(l) < :five",
        "ss = :set",
        "absent <> :x",
        "absent <> elsewhere",
        "NOT absent = elsewhere",
        "NOT absent < :one",
        "NOT n < :hello",
        "(s = :hello or s = :x) and (n = :six or n = :five)",
        "s = :x and s = :x or n = :five",
        "not s = :x and n = :five",
        ":five = n",
        "(n) = :five",
        "#m.#in = :deep",
        "NOT NOT s = :hello",
        "size(s) > size(l)",
    ],
)
def test_what_holds(text: str) -> None:
    """Comparisons, functions, precedence, nested paths; what is absent is equal to nothing and unequal to all."""
    assert holds(text, {"#m": "m", "#in": "in"} if "#" in text else None)


@pytest.mark.parametrize(
    "text",
    ["s = :x", "absent = elsewhere", "n > :six", "begins_with(n, :he)", "contains(n, :one)", "size(n) = :one", "t = z"],
)
def test_what_does_not_hold(text: str) -> None:
    """An attribute of another type is no error, merely no match."""
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The expression can not be empty;"),
        ("s", 'Syntax error; token: "<EOF>", near: "s"'),
        ("s = ", 'Syntax error; token: "<EOF>", near: "= "'),
        ("s n ", 'Syntax error; token: "n", near: "s n "'),
        ("s ! n", 'Syntax error; token: "!", near: "s ! n"'),
        ("s = :x and __t = :x", 'Syntax error; token: "_", near: "and __"'),
        ("a[01] = :x", 'Syntax error; token: "1", near: "01]"'),
        ("((s = :x))", "The expression has redundant parentheses;"),
        ("s < " + "f(" * 1355 + "s" + ")" * 1355, "Invalid function name; function: f"),
        ("((s)) = :x", "The expression has redundant parentheses;"),
        ("Abort = :x", "Attribute name is a reserved keyword; reserved keyword: Abort"),
        ("s.size = :x", "Attribute name is a reserved keyword; reserved keyword: size"),
        ("dog(s)", "Invalid function name; function: dog"),
        ("list_append(s, n) = :x", "The function is not allowed in a condition expression; function: list_append"),
        ("size(s)", "The function is not allowed to be used this way in an expression; function: size"),
        (
            "s = contains(s, :x)",
            "The function is not allowed to be used this way in an expression; function: contains",
        ),
        (
            "size(s, n) = :x",
            "Incorrect number of operands for operator or function; operator or function: size, number of operands: 2",
        ),
        (
            "attribute_exists(:x)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "begins_with(s, :one)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        (
            "attribute_type(s, :x)",
            "Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "n < :set",
            "Incorrect operand type for operator or function; operator or function: <, operand type: SS",
        ),
        (
            "s = s",
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: =, first operand: [s]",
        ),
        (
            "m.k[0] < m.k[0]",
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: <, first operand: [m, k, [0]]",
        ),
        (
            "n BETWEEN :six AND :one",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {N:6}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "n BETWEEN :six AND :x",
            "The BETWEEN operator requires same data type for lower and upper bounds; "
            "lower bound operand: AttributeValue: {N:6}, upper bound operand: AttributeValue: {S:x}",
        ),
        (
            "n BETWEEN :b AND :six",
            "The BETWEEN operator requires same data type for lower and upper bounds; "
            "lower bound operand: AttributeValue: {B:YQ==}, upper bound operand: AttributeValue: {N:6}",
        ),
        (
            "size(size(s)) = :one",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "attribute_type(s, size(s))",
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N",
        ),
        (
            "begins_with(:set, size(:one))",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        ("s = :nope", "An expression attribute value used in expression is not defined; attribute value: :nope"),
        ("#s = :x", "An expression attribute name used in the document path is not defined; attribute name: #s"),
        ("l[99999999999] = :x", "List index is not within the allowable range; index: [99999999999]"),
        ("a" + ".b" * 32 + " = :x", "The document path has too many nesting levels; nesting levels: 33"),
        ("not " * 301 + "s = :x", "The expression contains too many operators; operator count: 301"),
        (
            "a = :x and " * 400 + "a = :x",
            "Expression size has exceeded the maximum allowed size; expression size: 4406",
        ),
        (
            "s in (" + ",".join([":x"] * 101) + ")",
            "The IN operator is provided with too many operands; number of operands: 101",
        ),
    ],
)
def test_refusals_in_awss_words(text: str, message: str) -> None:
    """Each message as AWS writes it."""
    assert refusal(text) == message


def test_the_first_faulty_comparison_gives_the_message() -> None:
    """An undefined value in the second comparison waits for the type error of the first."""
    assert "operand type: SS" in refusal("n < :set and s = :nope")
    assert "not defined" in refusal("s = :nope and n < :set")


def test_text_errors_come_before_undefined_names_and_values() -> None:
    """AWS looks at functions, indexes and reserved words before it binds anything."""
    assert "reserved keyword: size" in refusal("#s = :nope and size = :x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("abort = :x and dog(s)", "reserved keyword: abort"),
        ("dog(abort)", "Invalid function name; function: dog"),
        ("s = contains(s, :x) and dog(s)", "way in an expression; function: contains"),
        ("size(s, list_append(s, :x))", "way in an expression; function: size"),
        ("abort = l[99999999999]", "reserved keyword: abort"),
        ("((s = :x)) and", "redundant parentheses"),
        ("begins_with(size(:one), :nope)", "function: size, operand type: N"),
        ("size(s, n) = #s", "operator or function: size, number of operands: 2"),
        (":nope = a" + ".b" * 32, "not defined; attribute value: :nope"),
        ("a" + ".b" * 32 + " = :nope", "nesting levels: 33"),
        ("s in (s" + ", :x" * 100 + ")", "first operand must be distinct"),
        ("s = :x and " * 151 + "abort = :x", "reserved keyword: abort"),
        ("s = :x and " * 151 + "s = = :x", "Syntax error"),
        ("s between :x and s", "operator: BETWEEN, first operand: [s]"),
        ("s between :set and s", "operator or function: BETWEEN, operand type: SS"),
    ],
)
def test_of_two_errors_the_first_of_the_text_is_told(text: str, told: str) -> None:
    """As DynamoDB Local has it, which shares AWS's parser: operands before what is done with them."""
    assert told in refusal(text)


def test_deep_nesting_is_refused_or_evaluated_never_a_crash() -> None:
    """A hostile text must not exhaust the stack."""
    legal = "n = :five and (" * 140 + "n = :five" + ")" * 140
    assert holds(legal)
    assert holds("not (" * 298 + "n = :five" + ")" * 298)
    for text in ("(" * 2000, "s = :x and (" * 300, "f(" * 1500, "not (" * 500):
        refusal(text)


@given(st.text(alphabet="abs=<>()[].,:#_ 019ANDORnotin", max_size=60))
def test_random_text_only_ever_raises_the_validation_error(text: str) -> None:
    """Whatever comes over the wire is either a plan or AWS's error."""
    for parse in (
        lambda: parser.parse_condition(text, "ConditionExpression"),
        lambda: parser.parse_update("SET " + text),
        lambda: parser.parse_projection(text),
    ):
        try:
            parse()
        except ApiError as error:
            assert error.code == "ValidationException"


def test_plans_know_what_they_use() -> None:
    """The request checks names and values that nothing used; the table checks key attributes."""
    plan = condition.plan("#a.b = :x and begins_with(c, :y)", "FilterExpression", {"#a": "alpha", "#z": "zed"})
    assert plan.names == {"#a"} and plan.values == {":x", ":y"}
    assert plan.heads == {"alpha", "c"} and plan.nested_heads == {"alpha"}
