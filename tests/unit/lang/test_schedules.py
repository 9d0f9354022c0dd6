"""When schedules fire, and which expressions are none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mrak.lang import schedules
from mrak.lang.schedules import ScheduleError


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _next(expression: str, after: str, zone: str = "UTC") -> str | None:
    found_zone = schedules.find_zone(zone)
    assert found_zone is not None
    due = schedules.parse(expression).next_after(_moment(after), _moment("2026-01-01T00:00:00"), found_zone)
    return None if due is None else datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("cron(0 18 ? * MON-FRI *)", "2026-11-20T18:00:00", "2026-11-23T18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-01-31T00:00:00", "2026-02-01T08:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T00:07:00", "2026-01-01T00:15:00"),
        ("cron(*/15 * * * ? *)", "2026-01-01T23:45:00", "2026-01-02T00:00:00"),
        ("cron(5,35 14 * * ? *)", "2026-01-01T14:05:00", "2026-01-01T14:35:00"),
        ("cron(0/30 20-23 ? * MON-FRI *)", "2026-11-20T23:30:00", "2026-11-23T20:00:00"),
        ("cron(15 10 ? * 6L *)", "2026-11-01T00:00:00", "2026-11-27T10:15:00"),
        ("cron(15 10 ? * 6L 2002-2005)", "2026-11-01T00:00:00", None),
        ("cron(0 0 L * ? *)", "2028-02-01T00:00:00", "2028-02-29T00:00:00"),
        ("cron(0 0 LW * ? *)", "2026-05-01T00:00:00", "2026-05-29T00:00:00"),
        ("cron(0 9 15W * ? *)", "2026-11-01T00:00:00", "2026-11-16T09:00:00"),
        ("cron(0 9 1W * ? *)", "2026-07-31T12:00:00", "2026-08-03T09:00:00"),
        ("cron(0 9 ? * 2#1 *)", "2026-11-03T00:00:00", "2026-12-07T09:00:00"),
        ("cron(0 9 ? * L *)", "2026-11-20T00:00:00", "2026-11-21T09:00:00"),
        ("cron(0 0 ? * FRI-MON *)", "2026-11-24T00:00:00", "2026-11-27T00:00:00"),
        ("cron(0 0 29 2 ? *)", "2026-03-01T00:00:00", "2028-02-29T00:00:00"),
        ("cron(0 0 30 FEB ? *)", "2026-03-01T00:00:00", None),
        ("cron(0 0 L-3 * ? *)", "2026-11-20T00:00:00", "2026-11-27T00:00:00"),
        ("cron(0 0 L-30 2,3 ? *)", "2026-01-01T00:00:00", "2026-03-01T00:00:00"),
        ("cron(0 0 ? * TUESDAY *)", "2026-11-20T00:00:00", "2026-11-24T00:00:00"),
        ("cron(0 0 ? jan mon *)", "2026-11-20T00:00:00", "2027-01-04T00:00:00"),
        ("cron(0 0 ? * FRIL *)", "2026-11-01T00:00:00", "2026-11-27T00:00:00"),
        ("cron(0 0 20-25W * ? *)", "2026-11-20T00:00:00", "2026-11-21T00:00:00"),
        ("cron(33/61 1 * * ? *)", "2026-01-01T00:00:00", "2026-01-01T01:33:00"),
        ("cron(33/0 1 * * ? *)", "2026-01-01T01:33:00", "2026-01-02T01:33:00"),
        ("cron(0 0 1 1 ? 2027,2028-2032/2)", "2028-06-01T00:00:00", "2030-01-01T00:00:00"),
        ("cron(0 0 1 1 ? 1969)", "2026-01-01T00:00:00", None),
        ("cron(0 0 1 1 ? 2200)", "2026-01-01T00:00:00", None),
        ("cron(1-31/30 1-1 ? * 1,7 *)", "2026-11-20T00:00:00", "2026-11-21T01:01:00"),
        ("rate(5 minutes)", "2026-01-01T00:05:00", "2026-01-01T00:10:00"),
        ("rate(1 day)", "2026-01-03T12:00:00", "2026-01-04T00:00:00"),
        ("at(2026-11-20T13:00:00)", "2026-01-01T00:00:00", "2026-11-20T13:00:00"),
        ("at(2026-11-20T13:00:00)", "2026-11-20T13:00:00", None),
    ],
)
def test_next_time(expression: str, after: str, due: str | None):
    """AWS's own examples, the odd corners of cron, and what is odder still and yet taken (recorded)."""
    assert _next(expression, after) == due


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 1 * * * *)",
        "cron(0 dummy ? * MON-FRI *)",
        "cron(7 20 * * NOT *)",
        "cron(71 8 1 * ? *)",
        "cron(INVALID)",
        "cron(0 0 ? * ? *)",
        "cron(0 0 1 1 ? 2030-2027)",
        "cron(0 0 ? * 3#1,6#3 *)",
        "cron(0 0 ? * MON#6 *)",
        "cron(0 0 ? * MON#0 *)",
        "cron(0  0 * * ? *)",
        "cron(0\t0 * * ? *)",
        "cron( 0 0 * * ? *)",
        "CRON(0 0 * * ? *)",
        "cron(0 0 1 * ?)",
        "rate(10)",
        "rate(foo minutes)",
        "rate(10 years)",
        "rate(10 minutess)",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(-1 minutes)",
        "at(2021-12-31)",
        "at(2021-02-30T00:00:00)",
        "",
    ],
)
def test_refused_expressions(expression: str):
    """All refused by AWS (recorded, or said in its guides)."""
    with pytest.raises(ScheduleError):
        schedules.parse(expression)


def test_clock_changes():
    """New York leaves out 02:30 on 8 March 2026 and has 01:30 twice on 1 November 2026."""
    zone = "America/New_York"
    assert _next("cron(30 2 * * ? *)", "2026-03-08T00:00:00", zone) == "2026-03-09T06:30:00"
    first = _next("cron(30 1 * * ? *)", "2026-11-01T00:00:00", zone)
    assert first == "2026-11-01T05:30:00"
    assert _next("cron(30 1 * * ? *)", first, zone) == "2026-11-02T06:30:00"


def test_time_zones():
    """at() is wall-clock time."""
    assert _next("at(2026-07-01T12:00:00)", "2026-01-01T00:00:00", "Europe/Prague") == "2026-07-01T10:00:00"
    assert schedules.find_zone("No/Such") is None
    assert schedules.find_zone("../etc/passwd") is None


def test_what_an_earlier_version_took():
    """A stored expression that is refused by now is never due, instead of failing whenever it is looked at."""
    assert schedules.find_stored("cron(0  12 * * ? *)") is None
    assert schedules.find_stored("rate(5 minutes)") == schedules.parse("rate(5 minutes)")
