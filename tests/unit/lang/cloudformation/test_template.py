"""The language of templates: parsing with limits, functions, loops, cycles."""

from __future__ import annotations

from typing import Any

import pytest

from mrak.lang.cloudformation.errors import TemplateError
from mrak.lang.cloudformation.extensions import unroll
from mrak.lang.cloudformation.intrinsics import Values, evaluate
from mrak.lang.cloudformation.parsing import parse_template
from mrak.lang.cloudformation.references import find_cycle, references


def values(**names: Any) -> Values:
    return Values(
        names={"AWS::Region": "us-east-1", **names},
        mappings={"M": {"a": {"b": "found"}}},
        conditions={"Yes": True, "No": False},
        ref=lambda name: f"id-of-{name}",
        attribute=lambda name, path: f"{name}.{path}",
        export=lambda name: f"export-{name}",
        zones=lambda region: [f"{region}a", f"{region}b"],
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Sub": "${P}-${R}-${R.Arn}-${!Kept}"}, "p-id-of-R-R.Arn-${Kept}"),
        ({"Fn::Sub": ["${x}", {"x": {"Ref": "P"}}]}, "p"),
        ({"Fn::Join": [",", ["a", {"Ref": "AWS::NoValue"}, 1]]}, "a,1"),
        ({"Fn::Select": ["1", {"Fn::Split": ["|", "a|b"]}]}, "b"),
        ({"Fn::If": ["No", 1, {"Fn::FindInMap": ["M", "a", "b"]}]}, "found"),
        ({"A": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "B": 2}, {"B": 2}),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b"]),
        ({"Fn::Base64": "x"}, "eA=="),
        ({"Fn::ToJsonString": {"a": {"Ref": "P"}}}, '{"a":"p"}'),
        ({"Fn::Length": [1, 2]}, 2),
        ({"Fn::ImportValue": "E"}, "export-E"),
    ],
)
def test_functions(value: Any, expected: Any) -> None:
    """Each function as AWS's reference has it."""
    assert evaluate(value, values(P="p")) == expected


def test_short_tags_and_dates() -> None:
    """YAML's short forms mean the long ones, and a policy's version stays text."""
    body = parse_template("Resources:\n  A: !GetAtt B.C.D\n  V: 2012-10-17\n  S: !Sub '${A}'\n")
    assert body["Resources"] == {"A": {"Fn::GetAtt": ["B", "C.D"]}, "V": "2012-10-17", "S": {"Fn::Sub": "${A}"}}


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x", "[" * 500, '{"a":' * 500, "a: [", "- 1"])
def test_hostile_texts_are_refused(text: str) -> None:
    """Aliases (they can be bombs), depth beyond measure, and what is no map."""
    with pytest.raises(TemplateError):
        parse_template(text)


def test_loops_are_unrolled() -> None:
    """Fn::ForEach makes a resource for each item, with the item in names and values."""
    body = {
        "Resources": {
            "Fn::ForEach::L": ["X", ["One", "Two"], {"T${X}": {"Type": "T", "Properties": {"N": {"Ref": "X"}}}}]
        }
    }
    made = unroll(body, values())["Resources"]
    assert {name: item["Properties"]["N"] for name, item in made.items()} == {"TOne": "One", "TTwo": "Two"}


def test_references_and_cycles() -> None:
    """What has to be there first, and who waits for whom."""
    found = {r.name for r in references({"a": {"Fn::Sub": "${A.Arn}${!B}"}, "b": [{"Ref": "C"}]})}
    assert found == {"A", "C"}
    assert find_cycle({"a": {"b"}, "b": set()}) == []
    assert find_cycle({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == ["a", "b"]
