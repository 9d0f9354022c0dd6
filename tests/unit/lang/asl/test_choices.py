"""Choice rules: each operator against values of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.lang.asl.execution import run

VALUES: list[Any] = [
    None,
    0,
    0.0,
    1,
    1.1,
    "",
    " ",
    "HelloWorld",
    "2016-08-18T17:33:00Z",
    True,
    False,
    [],
    [1],
    {},
    {"a": 1},
]


def chosen(rule: dict[str, Any], given: Any) -> bool:
    """Whether a rule holds."""
    states = {
        "C": {"Type": "Choice", "Choices": [{**rule, "Next": "T"}], "Default": "F"},
        "T": {"Type": "Pass", "Result": True, "End": True},
        "F": {"Type": "Pass", "Result": False, "End": True},
    }
    return bool(run({"StartAt": "C", "States": states}, given).output)


@pytest.mark.parametrize(
    ("operator", "holding"),
    [
        ({"IsNull": True}, [None]),
        ({"IsNumeric": True}, [0, 0.0, 1, 1.1]),
        ({"IsString": True}, ["", " ", "HelloWorld", "2016-08-18T17:33:00Z"]),
        ({"IsBoolean": True}, [True, False]),
        ({"IsTimestamp": True}, ["2016-08-18T17:33:00Z"]),
        ({"BooleanEquals": False}, [False]),
        ({"NumericEquals": 0}, [0, 0.0]),
        ({"NumericGreaterThan": 0}, [1, 1.1]),
        ({"NumericLessThanEquals": 1}, [0, 0.0, 1]),
        ({"StringEquals": "HelloWorld"}, ["HelloWorld"]),
        ({"StringLessThan": "A"}, ["", " ", "2016-08-18T17:33:00Z"]),
        ({"StringMatches": "H*o*ld"}, ["HelloWorld"]),
        ({"TimestampLessThan": "2016-08-18T17:33:01+00:00"}, ["2016-08-18T17:33:00Z"]),
    ],
)
def test_each_operator_takes_only_its_kind(operator: dict[str, Any], holding: list[Any]) -> None:
    """Recorded for AWS: a value of another kind satisfies no comparison; a boolean is no number."""
    found = [value for value in VALUES if chosen({"Variable": "$.v", **operator}, {"v": value})]
    assert [(type(value), value) for value in found] == [(type(value), value) for value in holding]


def test_a_test_may_ask_for_the_opposite() -> None:
    """`IsNumeric: false` holds where the value is no number."""
    assert chosen({"Variable": "$.v", "IsNumeric": False}, {"v": "x"})
    assert not chosen({"Variable": "$.v", "IsNumeric": False}, {"v": 1})


def test_presence_and_values_from_the_data() -> None:
    """IsPresent takes paths to nothing; operators that end with Path take their value from the data."""
    assert chosen({"Variable": "$.v", "IsPresent": False}, {})
    assert chosen({"Variable": "$.v", "IsPresent": True}, {"v": None})
    assert chosen({"Variable": "$.a", "NumericGreaterThanPath": "$.b"}, {"a": 2, "b": 1})
    assert not chosen({"Variable": "$.a", "StringEqualsPath": "$.b"}, {"a": "x", "b": "y"})


def test_rules_are_combined() -> None:
    """And, Or, Not in each other."""
    small, large = {"Variable": "$.n", "NumericLessThan": 3}, {"Variable": "$.n", "NumericGreaterThan": 8}
    rule = {"And": [{"Not": {"Variable": "$.n", "NumericEquals": 9}}, {"Or": [small, large]}]}
    assert [n for n in range(12) if chosen(rule, {"n": n})] == [0, 1, 2, 10, 11]


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("log-*.txt", "log-a.b.txt", True),
        ("log-*.txt", "log-a.b.txt2", False),
        (r"\*\*", "**", True),
        (r"\*\*", "ab", False),
        ("a.c", "abc", False),
        ("*" * 30 + "x", "a" * 5000, False),
    ],
)
def test_patterns(pattern: str, text: str, holds: bool) -> None:
    """Stars match anything, escaped ones themselves; many stars do not backtrack for ever."""
    assert chosen({"Variable": "$.v", "StringMatches": pattern}, {"v": text}) is holds


def test_a_path_to_nothing_fails_the_execution() -> None:
    """AWS's cause names the path."""
    states = {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.no", "NumericEquals": 1, "Next": "T"}], "Default": "T"},
        "T": {"Type": "Succeed"},
    }
    done = run({"StartAt": "C", "States": states})
    assert done.finish is not None and done.finish.error == "States.Runtime"
    assert (done.finish.cause or "").endswith(
        "Invalid path '$.no': The choice state's condition path references an invalid value."
    )


def test_a_jsonata_rule_has_its_own_output() -> None:
    """Condition, Assign and Output of the rule that holds; Default has the state's own."""
    rule = {"Condition": "{% $states.input.n = 1 %}", "Output": "one", "Assign": {"x": 1}, "Next": "T"}
    choice = {"Type": "Choice", "Choices": [rule], "Default": "T", "Output": "other", "Assign": {"x": 0}}
    states = {"C": choice, "T": {"Type": "Pass", "Output": "{% [$states.input, $x] %}", "End": True}}
    machine = {"QueryLanguage": "JSONata", "StartAt": "C", "States": states}
    assert run(machine, {"n": 1}).output == ["one", 1]
    assert run(machine, {"n": 2}).output == ["other", 0]
