"""Event patterns against AWS's own vectors and AWS's own refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mrak.lang import eventpatterns, valuetests
from mrak.lang.eventpatterns import PatternError

VECTORS = Path(__file__).parent / "vectors" / "event-patterns.ndjson"


def _matches(pattern: object, event: object) -> bool:
    ready = eventpatterns.parse_event(json.dumps(event))
    assert ready is not None
    return eventpatterns.parse(json.dumps(pattern)).matches(ready)


def _reason(pattern: str) -> str:
    with pytest.raises(PatternError) as caught:
        eventpatterns.parse(pattern)
    return caught.value.reason


def test_every_vector_of_the_reference_engine():
    """The 785 cases of AWS's open-source engine decide what a pattern means."""
    wrong, count = [], 0
    for line in VECTORS.read_text().splitlines():
        vector = json.loads(line)
        event = eventpatterns.parse_event(vector["event"])
        assert event is not None
        count += 1
        if eventpatterns.parse(vector["rule"]).matches(event) != vector["match"]:
            wrong.append((vector["test"], vector["rule"], vector["event"]))
    assert (count, wrong) == (785, [])


ANYTHING_BUT_CASE = "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."


@pytest.mark.parametrize(
    ("pattern", "message", "column", "times"),
    [
        ('{"resources": []}', "Empty arrays are not allowed", 17, 1),
        ('{"time": [{"prefix": 123}]}', "prefix match pattern must be a string", 25, 1),
        ('{"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}}', ANYTHING_BUT_CASE, 66, 1),
        ('{"detail": {"state": [{"anything-but": {"equals-ignore-case": [123, 456]}}]}}', ANYTHING_BUT_CASE, 67, 2),
        (
            '{"detail": {"state": [{"anything-but": ["stopped", null]}]}}',
            "Inside anything but list, start|null|boolean is not supported.",
            56,
            2,
        ),
        ('{"detail": {"FileName": [{"anything-but": {"suffix": ""}}]}}', "Null prefix/suffix not allowed", 56, 1),
        ('{"detail": {"equal": [{"NUMERIC": ["=", 5]}]}}', "Unrecognized match type NUMERIC", 36, 1),
        ('{"key":[{"exists":"no"}]}', "exists match pattern must be either true or false.", 20, 1),
        ('{"key":{"suffix":"value"}}', '"suffix" must be an object or an array', 19, 1),
        ('["not", "a", "dict"]', "Filter is not an object", 2, 1),
        (
            "this is no JSON",
            "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
            "'false')",
            5,
            1,
        ),
        (
            "{'bad': 'quotation'}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
            2,
            1,
        ),
    ],
)
def test_refusals_name_the_place_as_aws_does(pattern: str, message: str, column: int, times: int):
    """Tools show these messages to people, who look for the place; AWS's parser has odd ideas about it."""
    place = f'\n at [Source: (String)"{pattern}"; line: 1, column: {column}]'
    assert _reason(pattern) == message + place * times


@pytest.mark.parametrize(
    ("cidr", "message"),
    [
        ("10.0.0.0", "Malformed CIDR, one '/' required"),
        ("10.0.0.0/x", "Malformed CIDR, mask bits must be an integer"),
        ("xx.11.xx/8", "Nonstandard IP address: xx.11.xx"),
        ("10.0.0.0/32", "IPv4 mask bits must be < 32"),
        ("::1/128", "IPv6 mask bits must be < 128"),
    ],
)
def test_refused_networks(cidr: str, message: str):
    """Errors of operands carry no place."""
    assert _reason(json.dumps({"ip": [{"cidr": cidr}]})) == message


def test_long_sources_are_cut_in_messages():
    """A message must not repeat a pattern of any size."""
    reason = _reason(json.dumps({"a" * 600: []}))
    assert '"[truncated 108 chars]; line: 1' in reason


def test_array_consistency_joins_only_fields_of_one_element():
    """The reason for matching by elements: two conditions on one order must not hold on two orders."""
    pattern = {"orders": {"id": ["1"], "state": ["paid"]}}
    assert not _matches(pattern, {"orders": [{"id": "1", "state": "new"}, {"id": "2", "state": "paid"}]})
    assert _matches(pattern, {"orders": [{"id": "2", "state": "new"}, {"id": "1", "state": "paid"}]})


def test_independent_arrays_do_not_multiply():
    """Cost grows with the event, not with the product of its arrays: this would be 10^15 combinations."""
    names = "abcde"
    event = {name: [{"v": index} for index in range(1000)] for name in names}
    pattern = {name: {"v": [{"numeric": [">=", 0]}]} for name in names}
    assert _matches(pattern, event)


def test_or_unfolds_to_branches():
    """$or shares what stands beside it."""
    pattern = {"source": ["s"], "$or": [{"a": [1]}, {"b": [{"exists": False}]}]}
    assert _matches(pattern, {"source": "s", "a": 1, "b": 2})
    assert _matches(pattern, {"source": "s", "a": 2})
    assert not _matches(pattern, {"source": "s", "a": 2, "b": 2})
    assert not _matches(pattern, {"source": "t", "a": 1})


def test_or_combinations_are_limited():
    """2^11 branches in 400 characters of pattern are more than a rule may cost."""
    nested = {str(i): {"$or": [{"a": [1]}, {"b": [1]}]} for i in range(11)}
    assert "too many combinations" in _reason(json.dumps(nested))


def test_wildcards_never_backtrack():
    """A regular expression for this would run for ages."""
    pattern = {"a": [{"wildcard": "*a*b"}]}
    assert not _matches(pattern, {"a": "a" * 100_000})


@pytest.mark.parametrize(
    ("patterns", "is_too_complex"),
    [
        (["*:stack/A/*", "*:stack/B/*", "*:stack/C/*"], False),
        (["*:stack/A/*", "*:stack/B/*", "*:stack/C/*", "*:stack/D/*"], True),
        (["*a*a*a*a*a*a*a*a*a*a*a"], True),
        (["*.bif", "*.tiff", "*.tif", "*.svs"], False),
    ],
)
def test_wildcard_complexity(patterns: list[str], is_too_complex: bool):
    """Where AWS is known to draw the line (reports of refused and accepted rules)."""
    text = json.dumps({"key": [{"wildcard": pattern} for pattern in patterns]})
    if is_too_complex:
        assert _reason(text).startswith("Rule is too complex - try using fewer wildcard characters")
    else:
        eventpatterns.parse(text)


def test_wildcard_grammar():
    """Positions count the opening quote."""
    assert _reason('{"a": [{"wildcard": "x**"}]}').startswith("Consecutive wildcard characters at pos 2\n")
    assert _reason('{"a": [{"wildcard": "x\\\\y"}]}').startswith("Invalid escape character at pos 2\n")
    assert _matches({"a": [{"wildcard": "x\\*y"}]}, {"a": "x*y"})


def test_explain_names_the_field_that_failed():
    """The answer to "why did my rule not match?"."""
    event = eventpatterns.parse_event('{"source": "shop", "detail": {"total": 5}}')
    assert event is not None
    pattern = eventpatterns.parse('{"source": ["shop"], "detail": {"total": [{"numeric": [">", 10]}], "id": ["x"]}}')
    missing, total = pattern.explain(event)
    assert (missing.path, missing.found) == ("detail.id", ())
    assert (total.path, total.wanted, total.found) == ("detail.total", ('{"numeric": [">", 10]}',), ("5",))
    assert eventpatterns.parse('{"source": ["shop"]}').explain(event) == []


def test_deep_nesting_is_no_crash():
    """Neither a hostile pattern nor a hostile event may exhaust the stack."""
    assert "nested too deeply" in _reason('{"a":' * 900 + "[1]" + "}" * 900)
    assert eventpatterns.parse_event("[" * 200_000) is None
    assert eventpatterns.parse_event('{"a":' * 900 + "1" + "}" * 900) is not None


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("1e2", 100_000_000),
        ("-0.000001", -1),
        ("0.0000001", None),
        ("5000000001", None),
        ("1e999999999", None),
        ("0e99", 0),
    ],
)
def test_numbers_are_compared_in_millionths(text: str, scaled: int | None):
    """Exact arithmetic, and no huge power of ten on the way."""
    assert valuetests.scale_number(text) == scaled
