"""The language of composite alarms' rules."""

from __future__ import annotations

import pytest

from mrak.lang.alarmrules import RuleError, alarms, holds, parse

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "with space": "ALARM"}

RULES = [
    ("ALARM(a)", True),
    ('ALARM("with space") AND OK(b)', True),
    ("ALARM(b) OR ALARM(a) AND ALARM(c)", False),
    ("(ALARM(b) OR ALARM(a)) AND NOT ALARM(c)", True),
    ("NOT NOT INSUFFICIENT_DATA(c)", True),
    ("ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:a)", True),
    ("TRUE AND NOT FALSE", True),
    ("AT_LEAST(1, ALARM, (a, b, c))", True),
    ("AT_LEAST(50%, ALARM, (a, b, c))", False),
    ("alarm(a) and ok(b)", True),
]


@pytest.mark.parametrize(("rule", "wanted"), RULES)
def test_rules(rule: str, wanted: bool) -> None:
    """NOT binds more than AND, AND more than OR; ARNs and names name the same alarm."""
    assert holds(parse(rule), lambda name: STATES[name]) is wanted


def test_the_alarms_of_a_rule() -> None:
    assert alarms(parse("ALARM(b) OR AT_LEAST(2, OK, (a, b)) OR NOT OK(c)")) == ["b", "a", "c"]


REFUSED = ["", "ALARM", "ALARM(", "ALARM()", "GREEN(a)", "ALARM(a) ALARM(b)", 'ALARM("a', "AT_LEAST(x, OK, (a))"]


@pytest.mark.parametrize("rule", [*REFUSED, "AT_LEAST(0, OK, (a))", "(" * 200 + "TRUE" + ")" * 200])
def test_refusals(rule: str) -> None:
    with pytest.raises(RuleError):
        parse(rule)
