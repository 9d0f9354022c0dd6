"""What DynamoDB says of a request whose members break the model, where that is not what the model's checks say.

Operations on items moved to a newer framework of validation in 2026, one by one: it names a member as on the wire,
leaves its value out, and stops early. A write of one item is read by the older framework where its key or item is
missing, and where a value is very deep.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mrak.core.errors import ApiError
from mrak.protocol.model import Shape

ENVELOPE = "1 validation error detected: "
DEEPEST = 61

_EMPTY_NAME = "Value at 'TableName' failed to satisfy constraint: Member must have length greater than or equal to 1"
_OLD_EMPTY_NAME = (
    "Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1"
)
_RETURN_VALUES = (
    "Failed to satisfy constraint: Member must satisfy enum value set: "
    "[ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"
)
_OPERATOR = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL, OR]"

Restate = Callable[[Mapping[str, Any], list[str]], list[str]]


def is_very_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Whether more maps and lists of an attribute value than these lie within each other, anywhere in a request."""
    waiting = [(value, 0)]
    while waiting:
        current, depth = waiting.pop()
        if depth > levels:
            return True
        if isinstance(current, list):
            waiting += ((member, depth) for member in current)
        elif isinstance(current, Mapping):
            # An attribute value holds its members under M or L; other maps are the request's own.
            waiting += (
                (member, depth + 1 if name in ("M", "L") and len(current) == 1 else depth)
                for name, member in current.items()
            )
    return False


def _is_about(complaint: str, member: str) -> bool:
    return f" at '{member}' failed " in complaint


def _write_words(value: Mapping[str, Any], complaints: list[str], target: str) -> list[str]:
    """PutItem and DeleteItem, whose `target` is the Item or the Key."""
    is_old = value.get(target) is None or is_very_deep(value)
    if value.get("TableName") == "":
        complaints = [_OLD_EMPTY_NAME, *_others(complaints, "tableName")] if is_old else [_EMPTY_NAME]
        complaints.sort(key=lambda complaint: not _is_about(complaint, "returnConsumedCapacity"))
    return complaints if is_old else [_modern(complaint) for complaint in complaints]


def _update_words(value: Mapping[str, Any], complaints: list[str]) -> list[str]:
    """UpdateItem stops at ReturnValues."""
    found = _write_words(value, complaints, "Key")
    return [_RETURN_VALUES] if _RETURN_VALUES in found else found


def _others(complaints: list[str], member: str) -> list[str]:
    return [complaint for complaint in complaints if not _is_about(complaint, member)]


def _modern(complaint: str) -> str:
    if _is_about(complaint, "returnValues"):
        return _RETURN_VALUES
    return _OPERATOR if _is_about(complaint, "conditionalOperator") else complaint


def _query_words(value: Mapping[str, Any], complaints: list[str]) -> list[str]:
    if any(_is_about(complaint, "conditionalOperator") for complaint in complaints):
        raise ApiError("ValidationException", _OPERATOR)
    return _read_words(value, complaints)


def _read_words(value: Mapping[str, Any], complaints: list[str]) -> list[str]:
    """Query and Scan leave out the numbers that are too small."""
    for name in ("Limit", "Segment", "TotalSegments"):
        member = name[0].lower() + name[1:]
        complaints = [_unvalued(complaint, member, name) for complaint in complaints]
    return complaints


def _batch_get_words(value: Mapping[str, Any], complaints: list[str]) -> list[str]:
    """Sizes by the member's path on the wire; names of tables with the request as JSON."""
    stated = []
    for complaint in complaints:
        if "Map keys must satisfy" in complaint:
            _, _, rule = complaint.partition("' at 'requestItems'")
            shown = msgspec.json.encode(_shown(value["RequestItems"])).decode()
            complaint = f"Value '{shown}' at 'requestItems'{rule}"
        for name in value.get("RequestItems") or ():
            complaint = _unvalued(complaint, f"requestItems.{name}.member.keys", f"RequestItems.{name}.member.Keys")
        if value.get("RequestItems") == {}:
            complaint = _unvalued(complaint, "requestItems", "RequestItems")
        stated.append(complaint)
    return stated


def _batch_write_words(value: Mapping[str, Any], complaints: list[str]) -> list[str]:
    """Names of tables, and whether there are any, are judged when all else is right."""
    if value.get("RequestItems") == {}:
        complaints = _others(complaints, "requestItems")
        if not complaints:
            raise ApiError("ValidationException", "The requestItems parameter is required for BatchWriteItem")
    others = [complaint for complaint in complaints if "Map keys must satisfy" not in complaint]
    return others or complaints


def _search_words(_: Mapping[str, Any], complaints: list[str]) -> list[str]:
    """SearchVectors names its members as on the wire, and refuses an unknown kind of capacity on its own."""
    for complaint in complaints:
        if _is_about(complaint, "returnConsumedCapacity"):
            raise ApiError("ValidationException", complaint)
    for name in ("IndexName", "SearchVector", "TopK"):
        member = name[0].lower() + name[1:]
        complaints = [_unvalued(complaint, member, name) for complaint in complaints]
    return complaints


def _unvalued(complaint: str, member: str, name: str) -> str:
    _, found, rule = complaint.partition(f" at '{member}' failed ")
    return f"Value at '{name}' failed {rule}" if found else complaint


def _shown(value: Any) -> Any:
    """A part of a request as it came: bytes are base64."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, list):
        return [_shown(member) for member in value]
    return {name: _shown(member) for name, member in value.items()} if isinstance(value, Mapping) else value


# What a strict reader expects of each type of member, and what it takes for one.
_EXPECTED = {"string": "a string", "list": "a sequence", "map": "a map", "integer": "i32", "boolean": "a boolean"}
_TAKEN: dict[str, type] = {"string": str, "list": list, "map": dict, "integer": int, "boolean": bool}


def check_strictly(body: bytes, value: Any, shape: Shape) -> None:
    """SearchVectors' body is read by a stricter reader: nothing passes for another type, and null for none."""
    if not isinstance(value, Mapping):
        return
    for name, member in shape.members.items():
        if name not in value or type(value[name]) is _TAKEN.get(member.shape.type, dict):
            continue
        found, end = _unexpected(body, name, value[name])
        expected = _EXPECTED.get(member.shape.type, f"struct {member.shape.name}")
        raise ApiError("SerializationException", f"invalid type: {found}, expected {expected} at line 1 column {end}")
    for name in shape.members:
        if name in shape.required and name not in value:
            raise ApiError("ValidationException", f"missing field `{name}` at line 1 column {len(body)}")


def _unexpected(body: bytes, name: str, value: Any) -> tuple[str, int]:
    """A member of a wrong type as the reader calls it, and where it stops reading: behind a scalar, before others."""
    text = body.decode()
    member = re.search(rf'"{name}"\s*:\s*', text)
    # A name that is written with escapes is not looked for.
    start = len(text) if member is None else member.end()
    if isinstance(value, dict | list):
        return ("map" if isinstance(value, dict) else "sequence"), len(text[:start].encode())
    shown, end = json.dumps(value), start
    if member is not None:
        _, end = json.JSONDecoder().raw_decode(text, start)
        shown = text[start:end]
    if isinstance(value, str):
        shown = f'string "{value}"'
    elif value is not None:
        kind = {bool: "boolean", int: "integer", float: "floating point"}[type(value)]
        shown = f"{kind} `{shown}`"
    return shown, len(text[:end].encode())


STRICT = frozenset({"dynamodb.SearchVectorsInput"})

# Input shape -> what becomes of its complaints.
RESTATED: dict[str, Restate] = {
    "dynamodb.PutItemInput": lambda value, complaints: _write_words(value, complaints, "Item"),
    "dynamodb.DeleteItemInput": lambda value, complaints: _write_words(value, complaints, "Key"),
    "dynamodb.UpdateItemInput": _update_words,
    "dynamodb.QueryInput": _query_words,
    "dynamodb.ScanInput": _read_words,
    "dynamodb.BatchGetItemInput": _batch_get_words,
    "dynamodb.BatchWriteItemInput": _batch_write_words,
    "dynamodb.SearchVectorsInput": _search_words,
}
