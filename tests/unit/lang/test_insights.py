"""The Logs Insights query language, on AWS's sample queries and on what is easily got wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.lang.insights import Event, Query
from mrak.lang.insightsparser import QueryError

START = 1767225600000  # 2026-01-01T00:00:00Z
ID = "12345678-1234-1234-1234-123456789012"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 64 MB\tInit Duration: 100.25 ms\t\n"
)


def run(text: str, *messages: Any, limit: int | None = None) -> list[dict[str, str]]:
    """The rows of a query over messages, a minute apart; objects become JSON."""
    query = Query(text, limit)
    events = []
    for number, message in enumerate(messages):
        body = message if isinstance(message, str) else json.dumps(message)
        events.append(Event(START + number * 60_000, body, {"@logStream": f"s{number % 2}", "@ptr": str(number)}))
    for at in range(0, len(events), 2):
        query.feed(events[at : at + 2])
    return [dict(row) for row in query.finish()]


def column(text: str, name: str, *messages: Any) -> list[str | None]:
    return [row.get(name) for row in run(text, *messages)]


REQUESTS = [
    {"status": 200, "path": "/a", "ms": 10, "user": {"name": "ann"}},
    {"status": 500, "path": "/b", "ms": 30.5, "user": {"name": "bob"}},
    {"status": 200, "path": "/a", "ms": 20, "tags": ["x", "y"]},
    {"status": 404, "path": "/c"},
]


def test_newest_first_with_the_default_fields() -> None:
    """What the console shows without any command but a filter."""
    rows = run("filter @message like /b/", "ab", "cd", "b")
    assert rows == [
        {"@timestamp": "2026-01-01 00:02:00.000", "@message": "b", "@ptr": "2"},
        {"@timestamp": "2026-01-01 00:00:00.000", "@message": "ab", "@ptr": "0"},
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("status = 200", ["/a", "/a"]),
        ("status != 200", ["/b", "/c"]),
        ("status >= 404", ["/b", "/c"]),
        ("status > 9", ["/a", "/b", "/a", "/c"]),  # numbers, not text
        ("ms < 25", ["/a", "/a"]),
        ("user.name = 'bob'", ["/b"]),
        ("tags.0 = 'x'", ["/a"]),
        ("status in [404, 500]", ["/b", "/c"]),
        ("status not in [404, 500]", ["/a", "/a"]),
        ("path like '/a' and ms > 15", ["/a"]),
        ("path like /^.[bc]$/", ["/b", "/c"]),
        ("path =~ /c/", ["/c"]),
        ("path not like '/a'", ["/b", "/c"]),
        ("not (status = 200 or status = 404)", ["/b"]),
        ("status = 200 and ms = 10 or status = 404", ["/a", "/c"]),
        ("ispresent(ms)", ["/a", "/b", "/a"]),
        ("not ispresent(ms)", ["/c"]),
        ("isempty(user.name)", ["/a", "/c"]),
        ("strcontains(path, 'b')", ["/b"]),
        ("ms * 2 + 1 = 21", ["/a"]),
        ("-ms < -25", ["/b"]),
        ("@logStream = 's1'", ["/b", "/c"]),
        ("missing > 1", []),
        ("missing != 1", ["/a", "/b", "/a", "/c"]),
    ],
)
def test_filter(condition: str, expected: list[str]) -> None:
    """Comparisons and logic; the rows here in order of time."""
    assert column(f"fields path | filter {condition} | sort @timestamp asc", "path", *REQUESTS) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("strlen(path)", "2"),
        ("toupper(path)", "/A"),
        ("concat(path, '-', status)", "/a-200"),
        ("substr(path, 1)", "a"),
        ("substr('abcdef', 1, 3)", "bcd"),
        ("replace(path, 'a', 'z')", "/z"),
        ("trim('  x ')", "x"),
        ("ltrim('xxa', 'x')", "a"),
        ("coalesce(missing, path)", "/a"),
        ("abs(-3)", "3"),
        ("ceil(1.2)", "2"),
        ("floor(1.8)", "1"),
        ("sqrt(16)", "4"),
        ("greatest(1, 3, 2)", "3"),
        ("least(1, 3, 2)", "1"),
        ("7 / 2", "3.5"),
        ("7 % 4", "3"),
        ("2 ^ 10", "1024"),
        ("1 / 0", None),
        ("10 / 3", "3.3333"),
        ("(1 + 2) * 3", "9"),
        ("status + 1", "201"),
        ("bin(1h)", "2026-01-01 00:00:00.000"),
        ("datefloor(@timestamp, 1d)", "2026-01-01 00:00:00.000"),
        ("fromMillis(0)", "1970-01-01 00:00:00.000"),
        ("toMillis(@timestamp)", str(START)),
        ("isValidIp('10.0.0.1')", "1"),
        ("isIpv4InSubnet('10.0.0.1', '10.0.0.0/8')", "1"),
        ("isIpInSubnet('no address', '10.0.0.0/8')", "0"),
        ("`user.name`", "ann"),
    ],
)
def test_expressions(expression: str, expected: str | None) -> None:
    """Functions and arithmetic."""
    assert column(f"fields {expression} as x", "x", REQUESTS[0]) == [expected]


def test_stats() -> None:
    """Aggregations over everything and over groups."""
    assert run("stats count(*), avg(ms) as a, min(ms), max(ms), sum(ms), count(ms)", *REQUESTS) == [
        {"count(*)": "4", "a": "20.1667", "min(ms)": "10", "max(ms)": "30.5", "sum(ms)": "60.5", "count(ms)": "3"}
    ]
    assert run("stats count(*) as n, max(ms) as m by path | sort n desc, path asc", *REQUESTS) == [
        {"path": "/a", "n": "2", "m": "20"},
        {"path": "/b", "n": "1", "m": "30.5"},
        {"path": "/c", "n": "1"},
    ]
    assert run("stats count(*) by bin(2m) | sort `bin(2m)` asc", *REQUESTS) == [
        {"bin(2m)": "2026-01-01 00:00:00.000", "count(*)": "2"},
        {"bin(2m)": "2026-01-01 00:02:00.000", "count(*)": "2"},
    ]
    assert run("stats pct(ms, 50) as p, stddev(ms) as s, count_distinct(path) as d", *REQUESTS)[0] == {
        "p": "20",
        "s": "8.3699",
        "d": "3",
    }
    assert run("stats earliest(path) as e, latest(path) as l, sortsFirst(ms), sortsLast(ms)", *REQUESTS)[0] == {
        "e": "/a",
        "l": "/c",
        "sortsFirst(ms)": "10",
        "sortsLast(ms)": "30.5",
    }
    assert run("stats floor(avg(ms)) as f, sum(ms) / count(ms) as r", *REQUESTS) == [{"f": "20", "r": "20.1667"}]
    assert run("stats count(*) by path | sort count(*) desc | limit 1", *REQUESTS) == [{"path": "/a", "count(*)": "2"}]
    assert run("stats count(*)") == [{"count(*)": "0"}]


def test_stats_twice() -> None:
    """A second stats works on the rows of the first."""
    text = "stats count(*) as n by path | stats max(n) as most, count(*) as paths"
    assert run(text, *REQUESTS) == [{"most": "2", "paths": "3"}]


def test_parse() -> None:
    """Fields out of text, by wildcards and by named groups."""
    line = "2026 [INFO] user=ann took 12 ms"
    (row,) = run('parse @message "[*] user=* took * ms" as level, user, took | fields level, user, took + 1 as t', line)
    assert (row["level"], row["user"], row["t"]) == ("INFO", "ann", "13")
    (row,) = run(r"parse @message /user=(?<who>\w+)/ | display who", line)
    assert row == {"who": "ann", "@ptr": "0"}
    (row,) = run("parse 'user=* took' as who | display who", line)
    assert row["who"] == "ann"
    assert run('parse @message "nothing*" as x | display x', line) == [{"@ptr": "0"}]


def test_lambda_report() -> None:
    """AWS's samples for Lambda count on the fields of the report line."""
    text = "filter @type = 'REPORT' | display @requestId, @duration, @billedDuration, @initDuration, @maxMemoryUsed"
    (row,) = run(text, f"START RequestId: {ID} Version: $LATEST", "hello", REPORT)
    assert row | {"@ptr": ""} == {
        "@requestId": ID,
        "@duration": "12.5",
        "@billedDuration": "13",
        "@initDuration": "100.25",
        "@maxMemoryUsed": "64000000",
        "@ptr": "",
    }


def test_sort_limit_and_dedup() -> None:
    """Order, number, and one row for each value, the newest."""
    assert column("fields path | sort ms desc", "path", *REQUESTS) == ["/b", "/a", "/a", "/c"]
    assert column("fields path | limit 2", "path", *REQUESTS) == ["/c", "/a"]
    assert len(run("fields path", *REQUESTS, limit=1)) == 1
    assert column("fields @timestamp, path | dedup path", "path", *REQUESTS) == ["/c", "/a", "/b"]
    assert column("fields path | sort @timestamp asc | limit 1", "path", *REQUESTS) == ["/a"]


def test_comments_and_source() -> None:
    """What the console and AWS's own listing put around a query."""
    text = 'SOURCE "group" START=1 END=2 | fields path # the path\n| limit 1'
    assert column(text, "path", *REQUESTS) == ["/c"]


def test_counts() -> None:
    """Statistics: how much was looked at, and what passed the filters."""
    query = Query("filter status = 200 | stats count(*)")
    query.feed([Event(START, json.dumps(each), {}) for each in REQUESTS])
    query.finish()
    assert (query.scanned, query.matched) == (4, 2)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense", "fields", "filter", "fields a,", "fields a b", "stats foo(", "fields nofunction(a)", "limit x",
        "filter a = ", "filter a like b", "filter a in (1)", "parse @message '*' as a, b", "parse @message /(/",
        "fields a | | limit 1", "fields substr()", "fields abs(1, 2)", "fields " + "(" * 100 + "1" + ")" * 100,
        "filter " + "not " * 100 + "a", "fields ?", "sort", "fields bin(x)",
    ],
)  # fmt: skip
def test_not_a_query(text: str) -> None:
    """Each says where it was not understood."""
    with pytest.raises(QueryError) as caught:
        Query(text)
    assert 0 <= caught.value.at <= len(text)


@given(st.text(alphabet="fields stat|()/'\"=<>*,.@1a[]`#-\\", max_size=40))
def test_any_text_is_a_query_or_an_error(text: str) -> None:
    """Nothing that users write may be an internal error."""
    try:
        query = Query(text)
    except QueryError:
        return
    query.feed([Event(START, '{"a": 1}', {})])
    query.finish()
