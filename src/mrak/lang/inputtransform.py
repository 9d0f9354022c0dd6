"""What a target of an EventBridge rule gets: the event, a part of it (InputPath), or a template filled in.

Recorded from AWS: in a template that is a JSON object, `<name>` outside quotes becomes the JSON value ("" where the
event has none), and inside quotes a string's escaped text, or the JSON of anything else. In any other template (lines
in quotes, an array, a lone `<name>`) it becomes a string's bare text, and objects and lists lose their quotes:
`{acc_id:12}`. What nobody defines stays as it is. A template that no longer is JSON once it is filled in fails the
delivery.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from mrak.lang import jsonpath
from mrak.lang.jsonpath import JsonPathNotFound

_PLACEHOLDER = re.compile(r"<([^<>\s]{1,256})>")
# Names, indexes and [*] alone; what is no separator belongs to a name.
_PATH = re.compile(r"\$(\.[^.\[\]*'\"\s]+|\[([0-9]+|\*)\])*")
_WHOLE_EVENTS = ("aws.events.event", "aws.events.event.json")
RESERVED = frozenset({"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time", *_WHOLE_EVENTS})
_MISSING = object()
_BLANKS = " \t\n\r"
# It only looks: a number may have more digits than Python makes an integer of.
_DECODER = json.JSONDecoder(parse_int=str)
_ORDER = ("id", "account", "detail-type", "time", "source", "region", "resources", "version")


class InputTransformError(Exception):
    """The filled template is no JSON; it is the error's text."""


def compact(value: Any) -> str:
    """JSON as EventBridge writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def is_path(text: str) -> bool:
    """Whether rules take a path, which may be less than other services take."""
    return _PATH.fullmatch(text) is not None


def select(event: dict[str, Any], path: str) -> Any:
    """The part of an event that InputPath names; {} where there is none, or null."""
    found = _find(path, event)
    return {} if found is _MISSING or found is None else found


def _find(path: str, document: Any) -> Any:
    try:
        return jsonpath.parse(path).value(document)
    except JsonPathNotFound:
        return _MISSING


def find_fault(target_id: str, paths: Mapping[str, str] | None, template: str) -> str | None:
    """What PutTargets says of a transformer; None where it is taken."""
    if not all(is_path(path) for path in (paths or {}).values()):
        return f"InputPath for target {target_id} is invalid."
    for match in _PLACEHOLDER.finditer(template):
        if paths and match[1] not in paths and match[1] not in RESERVED:
            return f"InputTemplate for target {target_id} contains invalid placeholder {match[1]}."
    is_object = _is_object(template)
    for _, name, in_quotes in _split(template):
        if name in _WHOLE_EVENTS and (in_quotes or not is_object):
            reason = f"contains placeholder {name} valid only for JSON template"
            return f"InputTemplate for target {target_id} {reason}."
    blank = "".join("null" if name else text for text, name, _ in _split(template))
    at = _find_json_error(blank)
    if at is not None:
        line, column = blank.count("\n", 0, at) + 1, at - blank.rfind("\n", 0, at)
        where = f'[Source: (String)"{blank}"; line: {line}, column: {column}]'
        return f"Invalid InputTemplate for target {target_id} : {where}."
    if is_object and _names_members(template):
        return f"InputTemplate placeholder present as a JSON object key for target {target_id}."
    return None


def _names_members(template: str) -> bool:
    """Whether a placeholder stands in the name of an object's member."""
    mark, names = "\ue000", list[str]()

    def remember(members: list[tuple[str, Any]]) -> None:
        names.extend(name for name, _ in members)

    pieces = (text if not name else mark if in_quotes else "null" for text, name, in_quotes in _split(template))
    json.loads("".join(pieces), object_pairs_hook=remember, parse_int=str)
    return any(mark in name for name in names)


def predefined(event: dict[str, Any], rule_arn: str, rule_name: str, ingestion_time: str) -> dict[str, Any]:
    """AWS's own variables for an event that a rule matched. aws.events.event is of an older form: camel case, and the
    time in milliseconds."""
    older = {_camel(name): event[name] for name in _ORDER if name in event}
    if "time" in older:
        older["time"] = int(datetime.fromisoformat(older["time"]).timestamp()) * 1000
    return {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_name,
        "aws.events.event.ingestion-time": ingestion_time,
        "aws.events.event": older,
        "aws.events.event.json": event,
    }


def transform(event: Any, paths: Mapping[str, str], template: str, reserved: Mapping[str, Any]) -> str:
    """The template filled in; raises InputTransformError."""
    values = {**reserved, **{name: _find(path, event) for name, path in paths.items()}}
    if _is_object(template):
        filled = _fill(template, values, _json_inside_quotes, _json_outside_quotes)
    else:
        filled = _fill(template, values, _plain, _plain)
    if _find_json_error(filled) is not None:
        raise InputTransformError(filled)
    return filled


def transform_paths(document: Any, template: str, reserved: Mapping[str, Any]) -> str:
    """A template of Pipes, whose placeholders are paths themselves (`<$.body.id>`); raises InputTransformError."""
    names = {match[1] for match in _PLACEHOLDER.finditer(template) if match[1].startswith("$")}
    values = {**reserved, **{name: _find(name, document) for name in names}}
    if template.lstrip()[:1] not in ("{", "["):
        return _fill(template, values, _text_inside_quotes, _json_outside_quotes)
    filled = _fill(template, values, _json_inside_quotes, _json_outside_quotes)
    if _find_json_error(filled) is not None:
        raise InputTransformError(filled)
    return filled


def _is_object(template: str) -> bool:
    return template.lstrip().startswith("{")


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(part.capitalize() for part in rest)


def _find_json_error(text: str) -> int | None:
    """Where a text stops being one JSON value, or lines of strings; None where it is that."""
    at, values = 0, 0
    all_strings = True
    while at < len(text):
        if text[at] in _BLANKS:
            at += 1
            continue
        all_strings = all_strings and text[at] == '"'
        if values and not all_strings:
            return at
        try:
            _, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            return error.pos
        except RecursionError:
            return at
        at, values = end, values + 1
    return None if values else 0


class _Piece(NamedTuple):
    """`name` is what a placeholder names, "" for plain text; `in_quotes` says of a placeholder where it stands."""

    text: str
    name: str = ""
    in_quotes: bool = False


@lru_cache(maxsize=1024)
def _split(template: str) -> tuple[_Piece, ...]:
    """The pieces of a template. They are kept, since every event is put into them."""
    pieces: list[_Piece] = []
    in_quotes, at, start = False, 0, 0
    while at < len(template):
        char = template[at]
        match = _PLACEHOLDER.match(template, at) if char == "<" else None
        if match:
            pieces += [_Piece(template[start:at]), _Piece(match[0], match[1], in_quotes)]
            at = start = match.end()
            continue
        in_quotes = in_quotes != (char == '"')
        at += 2 if char == "\\" and in_quotes else 1
    return (*pieces, _Piece(template[start:]))


def _fill(template: str, values: Mapping[str, Any], inside: Any, outside: Any) -> str:
    """One pass from left to right, so that a value's own text is never taken for a placeholder or a quote."""
    parts: list[str] = []
    for text, name, in_quotes in _split(template):
        parts.append((inside if in_quotes else outside)(values[name]) if name in values else text)
    return "".join(parts)


def _json_outside_quotes(value: Any) -> str:
    return '""' if value is _MISSING else compact(value)


def _json_inside_quotes(value: Any) -> str:
    if value is _MISSING:
        return ""
    return compact(value)[1:-1] if isinstance(value, str) else compact(value)


def _text_inside_quotes(value: Any) -> str:
    return _plain(value) if isinstance(value, dict | list) else _json_inside_quotes(value)


def _plain(value: Any) -> str:
    if value is _MISSING:
        return ""
    return value if isinstance(value, str) else compact(value).replace('"', "")
