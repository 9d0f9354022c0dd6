"""Input transformers, by what AWS delivered for each kind of template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mrak.lang import inputtransform
from mrak.lang.inputtransform import InputTransformError

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "i",
    "detail-type": "core.update",
    "source": "core",
    "detail": {
        "command": "update-account",
        "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"},
        "listsingle": ["HIGH"],
        "listmulti": ["ACTIVE", "INACTIVE"],
        "valid": True,
        "quote": 'say "x"',
    },
}
PATHS = {
    "userId": "$.detail.payload.acc_id",
    "payload": "$.detail.payload",
    "listsingle": "$.detail.listsingle",
    "listmulti": "$.detail.listmulti",
    "valid": "$.detail.valid",
    "missing": "$.detail.nope",
    "quote": "$.detail.quote",
}


def _fill(template: str) -> str:
    return inputtransform.transform(EVENT, PATHS, template, {})


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        (
            '"<listsingle> one <listmulti> many <missing> none <payload> and <userId>"',
            '"[HIGH] one [ACTIVE,INACTIVE] many  none {acc_id:0a787ecb-4015,sf_id:baz} and 0a787ecb-4015"',
        ),
        ('"<userId> first"\n"second <userId>"', '"0a787ecb-4015 first"\n"second 0a787ecb-4015"'),
        ('"Command is <valid>!"', '"Command is true!"'),
        ('"{[/Check <userId>"', '"{[/Check 0a787ecb-4015"'),
    ],
)
def test_text_templates(template: str, filled: str):
    """Recorded from AWS: quotes stay round the lines, and vanish inside values."""
    assert _fill(template) == filled


@pytest.mark.parametrize(
    ("template", "document"),
    [
        ('{"id" : <userId>}', {"id": "0a787ecb-4015"}),
        ('{"id" : "<userId>"}', {"id": "0a787ecb-4015"}),
        (
            '{"p": "users/<userId>", "body": <payload>}',
            {"p": "users/0a787ecb-4015", "body": EVENT["detail"]["payload"]},
        ),
        ('{"m": <missing>}', {"m": ""}),
        ('{"q": <quote>, "r": "<quote>"}', {"q": 'say "x"', "r": 'say "x"'}),
    ],
)
def test_json_templates(template: str, document: Any):
    """Recorded from AWS, and quotes in values that must not break out."""
    assert json.loads(_fill(template)) == document


def test_a_list_inside_quotes_of_json_fails():
    """No target gets it."""
    with pytest.raises(InputTransformError):
        _fill('{"one": "<listsingle>"}')


def test_values_are_not_placeholders():
    """A value that looks like a variable stays what it is."""
    event = {"detail": {"a": "<b>", "b": "secret"}}
    filled = inputtransform.transform(event, {"a": "$.detail.a", "b": "$.detail.b"}, '{"x": <a>}', {})
    assert json.loads(filled) == {"x": "<b>"}


def test_predefined_variables():
    """Recorded: aws.events.event comes without its detail, in camel case and with the time in milliseconds;
    aws.events.event.json is the whole event."""
    event = {**EVENT, "time": "2026-01-02T03:04:05Z"}
    reserved = inputtransform.predefined(event, "arn", "name", "2026-01-01T00:00:00.123Z")
    filled = inputtransform.transform(
        event, {}, '{"e": <aws.events.event>, "j": <aws.events.event.json>, "r": "<aws.events.rule-name>"}', reserved
    )
    document = json.loads(filled)
    older = {"id": "i", "detailType": "core.update", "time": 1767323045000, "source": "core", "version": "0"}
    assert list(document["e"].items()) == list(older.items())
    assert document["j"] == event
    assert document["r"] == "name"


@pytest.mark.parametrize(
    ("template", "path", "filled"),
    [
        ('{"value":<value>}', "$.detail.nothing", '{"value":null}'),
        ('{"value":[<value>]}', "$.detail.none", '{"value":[""]}'),
        ('{"value":<value>}', "$.detail.items[*].name", '{"value":["first","second"]}'),
        ('["fixed",<value>]', "$.detail.number", '["fixed",42]'),
        ("null", "$.detail.number", "null"),
        ('"before <other> after"', None, '"before <other> after"'),
        ('"prefix \\"<value>\\" suffix"', "$.detail.text", '"prefix \\"hello\\" suffix"'),
    ],
)
def test_what_is_delivered(template: str, path: str | None, filled: str):
    """Recorded from AWS, each of them."""
    paths = {} if path is None else {"value": path}
    assert inputtransform.transform({"detail": DETAIL}, paths, template, {}) == filled


@pytest.mark.parametrize(
    ("template", "path", "filled"),
    [
        (
            '{"value":"prefix <value> suffix"}',
            "$.detail.object",
            '{"value":"prefix {"first":"one","second":2} suffix"}',
        ),
        ('"prefix <value> suffix"', "$.detail.quoted", '"prefix say "hello" suffix"'),
        ("[1,<value>,2]", "$.detail.none", "[1,,2]"),
        ('{"value":<other>}', None, '{"value":<other>}'),
        ("<value>", "$.detail.object", "{first:one,second:2}"),
        ("<value>", "$.detail.text", "hello"),
    ],
)
def test_what_is_no_json_once_it_is_filled_in(template: str, path: str | None, filled: str):
    """Recorded: this is what the dead-letter queue gets."""
    paths = {} if path is None else {"value": path}
    with pytest.raises(InputTransformError) as caught:
        inputtransform.transform({"detail": DETAIL}, paths, template, {})
    assert str(caught.value) == filled


DETAIL: dict[str, Any] = {
    "text": "hello",
    "number": 42,
    "nothing": None,
    "object": {"first": "one", "second": 2},
    "items": [{"name": "first"}, {"name": "second"}],
    "quoted": 'say "hello"',
}


def test_parts_of_events():
    """Recorded: where InputPath leads to nothing, or null, the target gets {}."""
    for path in ("$.detail.none", "$.detail.nothing"):
        assert inputtransform.select({"detail": DETAIL}, path) == {}
    assert inputtransform.select({"detail": DETAIL}, "$.detail.items[1].name") == "second"


@pytest.mark.parametrize(
    ("paths", "template", "fault"),
    [
        ({"a": "$.a"}, '"<a> <b>"', "InputTemplate for target t contains invalid placeholder b."),
        ({"a": "$.a"}, '"<a> <aws.events.rule-arn>"', None),
        (None, '"before <undefined> after"', None),
        (None, '{"value":<aws.events.unknown>}', None),
        (
            None,
            '"event <aws.events.event.json>"',
            "InputTemplate for target t contains placeholder aws.events.event.json valid only for JSON template.",
        ),
        (
            {"key": "$.detail.text"},
            '{"<key>":"value"}',
            "InputTemplate placeholder present as a JSON object key for target t.",
        ),
        ({"key": "$.detail.text"}, '{"key":"<key>: x"}', None),
        (
            {"value": "$.detail.text"},
            "hello <value>",
            'Invalid InputTemplate for target t : [Source: (String)"hello null"; line: 1, column: 1].',
        ),
        ({"value": "$.detail.slash/key"}, "<value>", None),
        *(
            ({"value": path}, "<value>", "InputPath for target t is invalid.")
            for path in (
                *("$.detail.object.*", "$['detail']['text']", "$.detail['dot.key']", "$..text", "$.detail.array[-1]"),
                *("$.detail.array[0:2]", "detail.text", ""),
            )
        ),
    ],
)
def test_what_is_wrong_with_a_transformer(paths: dict[str, str] | None, template: str, fault: str | None):
    """Recorded: what PutTargets refuses, and what it takes though it may come to nothing."""
    assert inputtransform.find_fault("t", paths, template) == fault
