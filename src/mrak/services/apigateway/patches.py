"""Patch operations: a list of {op, path, value} applied to settings.

    FIELDS = {"/name": TEXT, "/enabled": BOOLEAN, "/requestParameters/*": BOOLEAN, "/binaryMediaTypes/*": MEMBER}

A path is either exact or ends with `*`, which stands for a key of a map (`~1` is a slash) or a member of a list. What
a kind of resource refuses, and in which words, differs: `Style` says it.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mrak.services.apigateway import errors


def _text(value: str) -> Any:
    return value


def _boolean(value: str) -> Any:
    return value.lower() == "true"


def _integer(value: str) -> Any:
    try:
        return int(value)
    except ValueError:
        raise errors.bad_request(f"Invalid patch value specified {value}") from None


def _decimal(value: str) -> Any:
    try:
        return float(value)
    except ValueError:
        raise errors.bad_request(f"Invalid patch value specified {value}") from None


class Field(msgspec.Struct, frozen=True):
    """How a value is read (None unsets it), which operations it takes, and whether it is a member of a list."""

    parse: Callable[[str], Any]
    ops: tuple[str, ...] = ("replace",)
    is_member: bool = False


_ALL = ("add", "replace", "remove")
TEXT = Field(_text)
BOOLEAN = Field(_boolean)
INTEGER = Field(_integer)
DECIMAL = Field(_decimal)
ANY_TEXT = Field(_text, _ALL)
ANY_BOOLEAN = Field(_boolean, _ALL)
ANY_INTEGER = Field(_integer, _ALL)
ANY_DECIMAL = Field(_decimal, _ALL)
MEMBER = Field(_text, _ALL, is_member=True)

Fields = dict[str, Field]


class Style(msgspec.Struct, frozen=True):
    """`unknown(path, op, known paths)` and `unsupported(path, op)` word the refusals."""

    unknown: Callable[[str, str, list[str]], Exception]
    unsupported: Callable[[str, str], Exception]


LONG = Style(errors.unknown_path, errors.unsupported_operation)
SHORT = Style(lambda path, _op, _known: errors.invalid_path(path), lambda path, _op: errors.invalid_path(path))


def apply(
    settings: dict[str, Any], operations: list[dict[str, Any]] | None, fields: Fields, style: Style = LONG
) -> dict[str, Any]:
    """The settings after the operations; what was there is left as it was."""
    changed: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    for operation in operations or ():
        _apply_one(changed, operation, fields, style)
    return changed


def unescape(key: str) -> str:
    return key.replace("~1", "/").replace("~0", "~")


def _apply_one(settings: dict[str, Any], operation: dict[str, Any], fields: Fields, style: Style) -> None:
    op, path = operation.get("op", "replace"), operation.get("path")
    if path is None:
        raise errors.invalid_path(None)
    field, names = _find(path, fields)
    if field is None:
        raise style.unknown(path, op, [name for name in fields if not name.endswith("*")])
    if op not in field.ops:
        raise style.unsupported(path, op)
    value = operation.get("value")
    if field.is_member:
        # The member stands in the path, or where the path is the list's own, in the value.
        is_list = path in fields
        member = (value or "") if is_list else names[-1]
        where = names if is_list else names[:-1]
        _change_member(_holder(settings, where), where[-1], member, op, value)
        return
    holder = _holder(settings, names)
    if op == "remove":
        holder.pop(names[-1], None)
        _drop_empty(settings, names)
        return
    parsed = field.parse(value or "")
    if parsed is None:
        holder.pop(names[-1], None)
    else:
        holder[names[-1]] = parsed


def _holder(settings: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The map in which the last name stands."""
    holder = settings
    for name in names[:-1]:
        holder = holder.setdefault(name, {})
    return holder


def _find(path: str, fields: Fields) -> tuple[Field | None, list[str]]:
    names = [unescape(name) for name in path.strip("/").split("/")]
    if path in fields:
        return fields[path], names
    found = fields.get(path.rpartition("/")[0] + "/*")
    return found, names


def _change_member(settings: dict[str, Any], name: str, member: str, op: str, value: str | None) -> None:
    members: list[str] = settings.setdefault(name, [])
    if op == "replace" and member in members:
        # What takes its place goes to the end.
        members.remove(member)
        members.append(value or member)
    elif op == "remove":
        if member in members:
            members.remove(member)
    elif member not in members:
        members.append(member)
    if not members:
        del settings[name]


def _drop_empty(settings: dict[str, Any], names: list[str]) -> None:
    """A map from which the last key was removed is absent, as on AWS."""
    if len(names) > 1 and settings.get(names[0]) == {}:
        del settings[names[0]]
