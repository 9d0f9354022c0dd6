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
    """AWS delivers nothing for it."""
    with pytest.raises(InputTransformError):
        _fill('{"one": "<listsingle>"}')


def test_values_are_not_placeholders():
    """A value that looks like a variable stays what it is."""
    event = {"detail": {"a": "<b>", "b": "secret"}}
    filled = inputtransform.transform(event, {"a": "$.detail.a", "b": "$.detail.b"}, '{"x": <a>}', {})
    assert json.loads(filled) == {"x": "<b>"}


def test_predefined_variables():
    """aws.events.event comes without its detail and in camel case, aws.events.event.json is the whole event."""
    reserved = inputtransform.predefined(EVENT, "arn", "name", "2026-01-01T00:00:00Z")
    filled = inputtransform.transform(
        EVENT, {}, '{"e": <aws.events.event>, "j": <aws.events.event.json>, "r": "<aws.events.rule-name>"}', reserved
    )
    document = json.loads(filled)
    assert document["e"] == {"version": "0", "id": "i", "detailType": "core.update", "source": "core"}
    assert document["j"] == EVENT
    assert document["r"] == "name"


def test_unknown_placeholders_are_found():
    """They are refused when the target is put."""
    assert inputtransform.find_unknown_placeholder('"<a> <b>"', {"a": "$.a"}) == "b"
    assert inputtransform.find_unknown_placeholder('"<a> <aws.events.rule-arn>"', {"a": "$.a"}) is None
