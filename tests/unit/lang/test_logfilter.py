"""Filter patterns of CloudWatch Logs, on the examples of AWS's documentation and on what is easily got wrong."""

from __future__ import annotations

import re

import pytest

from mrak.lang.logfilter import FilterPatternError, parse_filter

EVENT = (
    '{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],'
    '"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"latency":55.5,'
    '"code":"400","user":{"id":1,"email":"John.Stiles@example.com"},"coordinates":[[0,1,2],[4,5,6]],"a b":{"c-d":1}}'
)
ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("  ", "anything", True),
        ("ERROR", "[ERROR] A fatal exception has occurred", True),
        ("ERROR", "Exiting with ERRORCODE: -1", True),
        ("ERROR", "[error] in lower case", False),
        ('"ERROR" - "Exiting"', "Exiting with ERRORCODE: -1", False),
        ("ERROR -Exiting", "[ERROR] A fatal exception", True),
        ("-Exiting", "anything else", True),
        ("ERROR Exception", "[ERROR] Caught IllegalArgumentException", True),
        ("ERROR Exception", "[ERROR] nothing caught", False),
        ("?ERROR ?WARN", "WARN message", True),
        ("?ERROR ?WARN", "INFO message", False),
        ("?ERROR ?WARN message", "INFO message", True),  # optional terms do not count beside others
        ('"INTERNAL SERVER ERROR"', "500 INTERNAL SERVER ERROR", True),
        ('"INTERNAL SERVER ERROR"', "ERROR SERVER INTERNAL", False),
        ('"a \\"quoted\\" word"', 'it has a "quoted" word', True),
        ("%[45][0-9]{2}%", "status 404", True),
        ("%[45][0-9]{2}%", "status 304", False),
        ("ERROR %in [0-9]+ms%", "ERROR in 12ms", True),
    ],
)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    """Unstructured lines."""
    assert parse_filter(pattern).matches(message) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{$.eventType=UpdateTrail}", True),
        ("{ $.eventType = updateTrail }", False),
        ("{ $.eventType = Update* }", True),
        ('{ $.eventType = "*Trail" }', True),
        ("{ $.eventType != UpdateTrail }", False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.sourceIPAddress = 111.111.* }", True),
        ("{ $.sourceIPAddress = %111.1{3}% }", True),
        ("{ $.sourceIPAddress != %111.1{3}% }", False),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[1] = "value" }', False),
        ('{ $.arrayKey[*] = "another value" }', True),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.objectList[9].id = 2 }", False),
        ("{ $.objectList = 2 }", False),
        ("{ $.objectList != 2 }", False),  # not a value node
        ("{ $.missing != 2 }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.ThisFlag IS NULL }", False),
        ("{ $.missing IS NULL }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.SomeObject NOT EXISTS }", False),
        ("{ $.user NOT EXISTS }", False),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.ThisFlag = true }", False),  # a flag is no text: IS TRUE asks for it
        ("{ $.ThisFlag != false }", False),
        ("{ $.latency >= 55.5 }", True),
        ("{ $.latency > 55.5 }", False),
        ("{ $.latency < 10e3 }", True),
        ("{ $.latency <= -1 }", False),
        ("{ $.latency > +50 }", True),
        ("{ $.latency = 55.50 }", True),
        ("{ $.latency = * }", True),
        ("{ $.eventType > 1 }", False),
        ("{ $.code = 400 }", True),
        ("{ $['a b']['c-d'] = 1 }", True),
        ('{ ($.user.id = 1) && ($.arrayKey[0] = "value") }', True),
        ('{ ($.user.id = 2 && $.arrayKey[0] = "no") || $.arrayKey[1] = "GET" }', False),
        ('{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = no && $.code = no }', True),
        ('{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = no) && $.code = no }', False),
        ("{ $.coordinates[1][2] = 6 }", True),
    ],
)
def test_json(pattern: str, expected: bool) -> None:
    """JSON lines, with AWS's documented special cases."""
    assert parse_filter(pattern).matches(EVENT) is expected


def test_json_on_other_lines() -> None:
    """A line that is no JSON matches no JSON pattern, not even a negated one."""
    for message in ("plain", "{broken", "", "[" * 100_000):
        assert not parse_filter("{ $.a NOT EXISTS }").matches(message)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code]", True),  # the last one takes the rest
        ("[ip, user, username, timestamp, request, status_code, bytes, more]", False),
        ("[ip, rest = *1534]", True),
        ("[]", True),
        ("[..., status_code, bytes]", True),
        ("[ip, user, ...]", True),
        ("[ip, ..., status_code, bytes > 1000]", True),
        ("[ip, ..., status_code, bytes > 2000]", False),
        ("[..., status_code = 4*, bytes]", True),
        ("[..., request = *html*, status_code = 4*,]", True),
        ("[..., status_code = 4* && status_code != 403, bytes]", True),
        ("[..., status_code = 4* && status_code != 404, bytes]", False),
        ("[..., status_code = 500 || status_code = 404, bytes]", True),
        ("[ip=!127*, ...]", False),
        ('[ip, user, name = "frank", ...]', True),
        ("[..., status_code = %4[0-9]{2}%, bytes]", True),
    ],
)
def test_fields(pattern: str, expected: bool) -> None:
    """Space-delimited lines; brackets and quotes hold one field together."""
    assert parse_filter(pattern).matches(ACCESS) is expected


def test_extracted_values() -> None:
    """What TestMetricFilter shows; unnamed fields go by their position."""
    assert parse_filter("[..., request=*.html*, status_code=4*,]").extract(ACCESS) == {
        "$1": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }
    assert parse_filter("{ $.latency = * && $.missing NOT EXISTS }").extract(EVENT) == {}
    assert parse_filter("[first, rest]").extract('a "b c"') == {"$first": "a", "$rest": "b c"}
    assert parse_filter("[first, rest]").extract('a  b "c d" ') == {"$first": "a", "$rest": 'b "c d"'}
    assert parse_filter("ERROR").extract("ERROR") == {}


def test_metric_values() -> None:
    """A metric filter's value may be taken from the line."""
    assert parse_filter("{ $.latency = * }").find_value(EVENT, "$.user.id") == "1"
    assert parse_filter("[..., bytes]").find_value(ACCESS, "$bytes") == "1534"
    assert parse_filter("ERROR").find_value("ERROR", "$.x") is None


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = }", "{ $.a }", "{ a = 1 }", "{ $.a = 1", "{ }", "{ $.a = 1 && }", "{ ($.a = 1 }", "{ $.a > x }",
        "{ $.[0] = 1 }",
        "{ $.a IS NICE }", "[a, b", "[a = 1 || b = 2]", "[..., a, ...]", '"open', "a:b", "%(a)%", "%[a%", "%a{2%",
        "{ " + "(" * 100 + "$.a = 1" + ")" * 100 + " }", "%a{1000}a{1999}%",
    ],
)  # fmt: skip
def test_not_a_pattern(pattern: str) -> None:
    """What AWS refuses, and what would cost too much."""
    with pytest.raises(FilterPatternError):
        parse_filter(pattern)


SCALARS = ["null", '"null"', "true", '"true"', "0", "1", "1.0", "1e0", '"1"', '"1.0"', "-1", "10", '"10"', "[1, null]"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("= 1", ['1', '1.0', '1e0', '"1"']),
        ("= 1e+0", ['1', '1.0', '1e0']),
        ("!= 1", ['"null"', '"true"', '0', '"1.0"', '-1', '10', '"10"']),
        ("> 1", ['10']),
        ("<= 1", ['0', '1', '1.0', '1e0', '-1']),
        ('= "1"', ['1', '"1"']),
        ("= true", ['"true"']),
        ("= 1*", ['1', '1.0', '1e0', '"1"', '"1.0"', '10', '"10"']),
        ("IS NULL", ['null', '[1, null]']),
    ],
)  # fmt: skip
def test_numbers_and_texts(condition: str, expected: list[str]) -> None:
    """As AWS was seen to compare: numbers by size, texts by letters, a number with a text as the line spells it, and
    neither with flags, lists or null."""
    test = parse_filter(f"{{ $.v {condition} }}")
    assert [value for value in SCALARS if test.matches(f'{{"v": {value}}}')] == expected


def test_the_last_of_two_values_counts() -> None:
    """A key may stand twice in a line; a line that is a list has no fields that could be missing."""
    assert parse_filter("{ $.v = 1 }").matches('{"v": 2, "v": 1}')
    assert not parse_filter("{ $.v NOT EXISTS }").matches('[{"v": 1}]')
    assert parse_filter("{ $.['a.b'] = 1 }").matches('{"a.b": 1}')


@pytest.mark.parametrize(
    ("pattern", "message", "for_metrics"),
    [
        ("a/b", "Invalid character(s) in term '/'", None),
        ("ERR*", "Invalid character(s) in term '*'", None),
        ('"open', "Invalid character(s) in term '\"open'", None),
        ("%^(a|b)%", "Invalid character(s) in term '%^('", None),
        ("%hello!%", "Invalid character(s) in term '%hello!'", None),
        ("%caf\u00e9%", "Invalid character(s) in term '%caf\u00e9'", None),
        ("%[abc%", "Failed to compile regular expression.", None),
        ('{ "v": [1] }', "Invalid character(s) in term ':'", None),
        ("{ !($.v = 1) }", "Invalid character(s) in term '!('", None),
        ('{ $.v > "a" }', "Invalid character(s) in term '\"a\"'", None),
        ("{ $..v = 1 }", "Invalid character(s) in term '$..'", None),
        ("{ $.v[-1] = 1 }", "Invalid character(s) in term '[-'", None),
        ("{ $.v[0:2] = 1 }", "Invalid character(s) in term '[0:'", None),
        ("{ $.v = null }", "Invalid filter pattern", "Invalid metric filter pattern"),
        ("{ $.v EXISTS }", "Invalid filter pattern", "Invalid metric filter pattern"),
        ("{ $.v == 1 }", "Invalid filter pattern", "Invalid metric filter pattern"),
        ("{ $.v IS NOT NULL }", "Invalid filter pattern", "Invalid character(s) in term 'NOT'"),
        ("{ $.a[*].* = 1 }", "exceeds the maximum of 1 wildcard allowed per json selector.", None),
        ("{ $.a[*] = 1 || $.b[*] = 1 || $.* = 1 || $.c[*] = 1 }", "maximum of 3 JSON wildcard selectors", None),
        ("{ $.v = %a% || $.v = %b% || $.v = %c% }", "maximum of 2 regular expressions per filter pattern.", None),
        ("[..., a, ...]", "Duplicate field '...'", None),
        ("[a, a]", "Duplicate field 'a'", None),
    ],
)
def test_what_is_said_of_patterns(pattern: str, message: str, for_metrics: str | None) -> None:
    """AWS names the place where it cannot read on, and words some refusals differently for metric filters."""
    with pytest.raises(FilterPatternError, match=re.escape(message)) as refused:
        parse_filter(pattern)
    assert (for_metrics or message) in refused.value.for_metrics
