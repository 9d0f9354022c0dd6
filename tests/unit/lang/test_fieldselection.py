"""Field selection criteria, as AWS was seen to take and to refuse them."""

from __future__ import annotations

import pytest

from mrak.lang.fieldselection import FieldSelectionError, parse

HERE = {"@aws.account": "111111111111", "@aws.region": "us-east-1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ('@aws.region = "us-east-1"', True),
        ("@aws.region != 'us-east-1'", False),
        ('@aws.region = "x" OR @aws.account = "111111111111"', True),
        ('@aws.region = "us-east-1" AND @aws.account = "x"', False),
        ("@aws.region = 'us-east-1' OR @aws.region = 'x' AND @aws.account = 'x'", True),
        ("(@aws.region = 'us-east-1' OR @aws.region = 'x') AND @aws.account = 'x'", False),
        ("@aws.region IN ('x', \"us-east-1\")", True),
        ("@aws.region NOT IN ('x')", True),
    ],
)
def test_criteria(text: str, expected: bool) -> None:
    """Comparisons, lists in parentheses, and AND before OR."""
    assert parse(text)(HERE) is expected


@pytest.mark.parametrize(
    "text",
    [
        "nonsense", "@aws.other = 'x'", "@source.log = 'x'", '@aws.region === "x"', '@aws.region IN ["x"]',
        "@aws.region IN ()", "@aws.region = x", "@aws.region = 'x' 'y'", "(@aws.region = 'x'", "@aws.region NOT 'x'",
        "(" * 1000 + "@aws.region = 'x'" + ")" * 1000,
    ],
)  # fmt: skip
def test_not_a_criterion(text: str) -> None:
    """AWS's documentation has lists in brackets; AWS refuses them."""
    with pytest.raises(FieldSelectionError):
        parse(text)
