"""What a target of an EventBridge rule gets: the event, a part of it (InputPath), or a template filled in.

A template is JSON or text. In JSON, `<name>` outside quotes becomes the JSON value ("" where the event has none), and
inside quotes its text. In a text template (one or more quoted lines), objects and lists lose their quotes, as AWS
shows them: `{acc_id:12}`. A template that no longer is JSON once it is filled in fails the delivery.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mrak.lang import jsonpath

_PLACEHOLDER = re.compile(r"<([^<>\s]{1,256})>")
RESERVED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    }
)


class InputTransformError(Exception):
    """The filled template is no JSON."""


def compact(value: Any) -> str:
    """JSON as EventBridge writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def select(event: dict[str, Any], path: str) -> Any:
    """The part of an event that InputPath names; None where there is none."""
    return jsonpath.find_first(path, event)


def find_unknown_placeholder(template: str, names: Mapping[str, str]) -> str | None:
    """The first placeholder that neither the paths nor AWS define."""
    for match in _PLACEHOLDER.finditer(template):
        if match[1] not in names and match[1] not in RESERVED:
            return match[1]
    return None


def predefined(event: dict[str, Any], rule_arn: str, rule_name: str, ingestion_time: str) -> dict[str, Any]:
    """AWS's own variables for an event that a rule matched."""
    without_detail = {_camel(name): value for name, value in event.items() if name != "detail"}
    return {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_name,
        "aws.events.event.ingestion-time": ingestion_time,
        "aws.events.event": without_detail,
        "aws.events.event.json": event,
    }


def transform(event: Any, paths: Mapping[str, str], template: str, reserved: Mapping[str, Any]) -> str:
    """The template filled in; raises InputTransformError."""
    values: dict[str, Any] = dict(reserved)
    for name, path in paths.items():
        values[name] = jsonpath.find_first(path, event)
    if template.lstrip()[:1] in ("{", "["):
        return _fill_json(template, values)
    return _fill_text(template, values)


def transform_paths(document: Any, template: str, reserved: Mapping[str, Any]) -> str:
    """A template of Pipes, whose placeholders are paths themselves (`<$.body.id>`); raises InputTransformError."""
    names = {match[1] for match in _PLACEHOLDER.finditer(template) if match[1].startswith("$")}
    return transform(document, {name: name for name in names}, template, reserved)


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(part.capitalize() for part in rest)


def _fill_json(template: str, values: Mapping[str, Any]) -> str:
    filled = _fill(template, values, _json_inside_quotes, _json_outside_quotes)
    try:
        json.loads(filled)
    except (ValueError, RecursionError):
        raise InputTransformError(filled) from None
    return filled


def _fill_text(template: str, values: Mapping[str, Any]) -> str:
    return _fill(template, values, _text_inside_quotes, _json_outside_quotes)


def _fill(template: str, values: Mapping[str, Any], inside: Any, outside: Any) -> str:
    """One pass from left to right, so that a value's own text is never taken for a placeholder or a quote."""
    parts: list[str] = []
    in_quotes, at = False, 0
    while at < len(template):
        char = template[at]
        if char == "\\" and in_quotes:
            parts.append(template[at : at + 2])
            at += 2
            continue
        match = _PLACEHOLDER.match(template, at) if char == "<" else None
        if match and match[1] in values:
            parts.append((inside if in_quotes else outside)(values[match[1]]))
            at = match.end()
            continue
        in_quotes = in_quotes != (char == '"')
        parts.append(char)
        at += 1
    return "".join(parts)


def _json_outside_quotes(value: Any) -> str:
    return '""' if value is None else compact(value)


def _json_inside_quotes(value: Any) -> str:
    if value is None:
        return ""
    return compact(value)[1:-1] if isinstance(value, str) else compact(value)


def _text_inside_quotes(value: Any) -> str:
    if isinstance(value, dict | list):
        return compact(value).replace('"', "")
    return _json_inside_quotes(value)
