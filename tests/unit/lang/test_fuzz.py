"""The small languages on what nobody would write: they refuse it in their own words, or take it, and never crash."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mrak.lang import eventpatterns, filterpolicies, inputtransform, jsonpath, schedules
from mrak.lang.eventpatterns import Event, PatternError
from mrak.lang.filterpolicies import FilterPolicyError
from mrak.lang.inputtransform import InputTransformError
from mrak.lang.jsonpath import JsonPathSyntaxError
from mrak.lang.schedules import ScheduleError
from mrak.lang.select.errors import SelectError
from mrak.lang.select.query import JsonRecords, Selection

QUICK = settings(max_examples=150, deadline=None)
NAMES = st.sampled_from(["a", "b", "$or", "prefix", "suffix", "numeric", "exists", "cidr", "anything-but", "wildcard"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "10.0.0.1", "::1", "1.0.0.0/8", "*", "a*b*", "\\", ">", "<=", "é\U0001f600"])
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)
CRON_FIELDS = ["*", "?", "1", "0/5", "L", "1W", "2#3", "1-5", "MON", "FRI-MON", "2030"]
TEXTS = st.text(alphabet="{}[]\",:$@.*?()&|!=<> \\'abcLW#/-0123456789\n", max_size=60)


@QUICK
@given(pattern=DOCUMENTS | TEXTS, event=st.dictionaries(NAMES, DOCUMENTS, max_size=4))
def test_patterns(pattern: Any, event: dict[str, Any]) -> None:
    """What parses also matches and explains, and the two agree."""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    try:
        parsed = eventpatterns.parse(text)
    except PatternError:
        return
    ready = Event(event)
    assert parsed.matches(ready) == (parsed.explain(ready) == [])


@QUICK
@given(
    policy=DOCUMENTS | TEXTS,
    scope=st.sampled_from([filterpolicies.MESSAGE_ATTRIBUTES, filterpolicies.MESSAGE_BODY]),
    body=TEXTS,
    kind=st.sampled_from(["String", "Number", "String.Array", "Binary"]),
)
def test_filter_policies(policy: Any, scope: str, body: str, kind: str) -> None:
    """A message's attributes and body are whatever their sender wrote."""
    text = policy if isinstance(policy, str) else json.dumps(policy)
    try:
        parsed = filterpolicies.parse(text, scope)
    except FilterPolicyError:
        return
    attributes = {"a": {"DataType": kind, "StringValue": body}}
    assert parsed.matches(body, attributes) == (parsed.explain(body, attributes) == [])


@QUICK
@given(path=TEXTS.map(lambda text: "$" + text), document=DOCUMENTS)
def test_paths(path: str, document: Any) -> None:
    """A path is refused when it is parsed, or it finds something or nothing."""
    try:
        parsed = jsonpath.parse(path)
    except JsonPathSyntaxError:
        return
    assert isinstance(parsed.find(document), list)
    jsonpath.find_first(path, document)


@QUICK
@given(fields=st.lists(st.sampled_from(CRON_FIELDS), min_size=6, max_size=6))
def test_schedules(fields: list[str]) -> None:
    """A cron expression is refused, or its times go forward."""
    try:
        schedule = schedules.parse(f"cron({' '.join(fields)})")
    except ScheduleError:
        return
    moment = 1_767_225_600.0
    for _ in range(3):
        due = schedule.next_after(moment, 0.0)
        if due is None:
            return
        assert due > moment and due % 60 == 0
        moment = due


@QUICK
@given(template=TEXTS | st.sampled_from(['{"a": <x>}', '"<x> and <y>"', '{"a": "<x>"}']), value=DOCUMENTS)
def test_templates(template: str, value: Any) -> None:
    """A template that is JSON stays JSON, or fails."""
    try:
        filled = inputtransform.transform({"x": value}, {"x": "$.x", "y": "$.y"}, template, {})
    except InputTransformError:
        return
    if template.lstrip()[:1] in ("{", "["):
        json.loads(filled)


WORDS = """
    s s.a a 1 2.5 1e9 'x' '%' null missing true ( ) [ ] . , * + - / % || = <> < >= and or not in like escape between is
    case when then else end cast as int timestamp count sum max lower substring trim from for utcnow date_add day
    extract to_string
"""
EXPRESSIONS = st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)


@QUICK
@given(expression=EXPRESSIONS | TEXTS, record=DOCUMENTS)
def test_selections(expression: str, record: Any) -> None:
    """What parses can be refused by a record, in the language's own words."""
    try:
        selection = Selection(f"SELECT {expression} FROM S3Object s", datetime(2024, 1, 1, tzinfo=UTC), JsonRecords())
        list(selection.rows(record))
        list(selection.finish())
    except SelectError:
        return
