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
        ("{ $.ThisFlag = true }", True),
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
        ("[ip, user, username, timestamp, request, status_code]", False),
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
    assert parse_filter("{ $.latency = * && $.missing NOT EXISTS }").extract(EVENT) == {"$.latency": "55.5"}
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


def test_term_with_special_characters() -> None:
    """AWS wants quotes around them and says so."""
    with pytest.raises(FilterPatternError, match=re.escape("Invalid character(s) in term 'a/b'")):
        parse_filter("a/b")
