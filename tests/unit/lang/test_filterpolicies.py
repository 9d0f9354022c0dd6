"""SNS filter policies: matching on attributes and bodies, limits, and SNS's own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mrak.lang import filterpolicies
from mrak.lang.filterpolicies import MESSAGE_ATTRIBUTES, MESSAGE_BODY, FilterPolicyError


def _text(value: str, data_type: str = "String") -> dict[str, Any]:
    return {"DataType": data_type, "StringValue": value}


@pytest.mark.parametrize(
    ("policy", "attributes", "matches"),
    [
        ({"a": [{"numeric": [">", 0, "<=", 100]}]}, {"a": _text("99", "Number")}, True),
        ({"a": [{"numeric": [">", 0, "<=", 100]}]}, {"a": _text("111", "Number")}, False),
        ({"a": [{"numeric": [">", 0]}]}, {"a": _text("99")}, False),
        ({"a": [99]}, {"a": _text("99.0", "Number")}, True),
        ({"a": [99]}, {"a": _text("99")}, False),
        ({"store": [{"exists": True}]}, {"store": _text("1", "Number"), "x": _text("y")}, True),
        ({"store": [{"exists": False}]}, {"x": _text("y")}, True),
        ({"store": [{"exists": False}]}, {"store": _text("y")}, False),
        ({"store": [{"exists": False}]}, {}, False),
        ({"store": [{"anything-but": {"suffix": "y"}}]}, {"store": _text("xy")}, False),
        ({"store": [{"anything-but": {"suffix": "y"}}]}, {"store": _text("yx")}, True),
        ({"store": ["v1"]}, {"store": _text('["v0", "v1"]', "String.Array")}, True),
        ({"store": ["v1"]}, {"store": _text('["v2"]', "String.Array")}, False),
        ({"store": [True]}, {"store": _text("[true]", "String.Array")}, True),
        ({"store": [{"anything-but": ["v1"]}]}, {"store": _text('["v1", "v2"]', "String.Array")}, True),
        ({"a": [None, {"anything-but": "x"}]}, {}, True),
        ({"a": [{"anything-but": "x"}]}, {}, False),
        ({"a": ["x"]}, {"a": {"DataType": "Binary", "BinaryValue": b"x"}}, False),
        ({"a.b": ["x"]}, {"a.b": _text("x")}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": _text("y")}, True),
        ({"a": ["x"], "b": ["y"]}, {"a": _text("x")}, False),
    ],
)
def test_attribute_scope(policy: dict[str, Any], attributes: dict[str, Any], matches: bool):
    """Keys are joined by and, values by or; types are told apart."""
    assert filterpolicies.parse(json.dumps(policy)).matches("whatever", attributes) is matches


@pytest.mark.parametrize(
    ("policy", "body", "matches"),
    [
        ({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, '{"detail": {"ip": "10.0.0.255"}}', True),
        ({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, '{"detail": {"ip": "10.0.1.1"}}', False),
        ({"a": ["x"]}, '{"a": ["y", "x"]}', True),
        ({"a": ["x"]}, "x", False),
        ({"a": ["x"]}, '["x"]', False),
        ({"a": [None]}, "{}", False),
    ],
)
def test_body_scope(policy: dict[str, Any], body: str, matches: bool):
    """The body has to be a JSON object; attributes play no part."""
    parsed = filterpolicies.parse(json.dumps(policy), MESSAGE_BODY)
    assert parsed.matches(body, {"a": _text("x")}) is matches


def _reason(text: str, scope: str = MESSAGE_ATTRIBUTES) -> str:
    with pytest.raises(FilterPolicyError) as caught:
        filterpolicies.parse(text, scope)
    return caught.value.reason


def test_no_json():
    """Recorded: SNS reads the text with a parser that does not show it."""
    assert _reason("invalid") == (
        "failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, Number, Array, Object or "
        "token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` "
        "disabled); line: 1, column: 8]"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"key":[{"cidr":"bad"}]}', "Malformed CIDR, one '/' required"),
        ('{"key":[]}', 'Empty arrays are not allowed\n at [Source: (String)"{"key":[]}"; line: 1, column: 10]'),
        (
            '{"key":[{"suffix":[]}]}',
            'suffix match pattern must be a string\n at [Source: (String)"{"key":[{"suffix":[]}]}"; '
            "line: 1, column: 20]",
        ),
        (
            '{"key":[{"anything-but":{"cidr":"x"}}]}',
            'Unsupported anything-but pattern: cidr\n at [Source: (String)"{"key":[{"anything-but":{"cidr":"x"}}]}"'
            "; line: 1, column: 34]",
        ),
        ('{"a":{"b":["x"]}}', "Filter policy scope MessageAttributes does not support nested filter policy"),
        (json.dumps({str(i): ["x"] for i in range(6)}), "Filter policy can not have more than 5 keys"),
        (json.dumps({"a": list(range(151))}), "Filter policy is too complex"),
        (json.dumps({"a": list("abcdefghijklm"), "b": list("abcdefghijkl")}), "Filter policy is too complex"),
    ],
)
def test_refusals(text: str, reason: str):
    """Recorded messages and documented limits."""
    assert _reason(text) == reason


def test_nested_policies_count_their_depth():
    """150 combinations, multiplied by the depth of each key: 3 x 50 and 3 x 51."""
    filterpolicies.parse(json.dumps({"a": {"b": {"c": list(range(50))}}}), MESSAGE_BODY)
    assert _reason(json.dumps({"a": {"b": {"c": list(range(51))}}}), MESSAGE_BODY) == "Filter policy is too complex"


def test_explain():
    """Why a subscriber did not get a message."""
    policy = filterpolicies.parse('{"a": ["x"]}')
    (mismatch,) = policy.explain("", {"a": _text("y")})
    assert (mismatch.path, mismatch.wanted, mismatch.found) == ("a", ('"x"',), ('"y"',))
    assert filterpolicies.parse('{"a": ["x"]}', MESSAGE_BODY).explain("no json", {})[0].reason == (
        "the message is not a JSON object"
    )
