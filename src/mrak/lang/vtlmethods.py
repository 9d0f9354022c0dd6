"""What templates may do with values: the methods of Java's String, List, Map and numbers that are of use, and the
properties of objects that we hand in (`Host`). Nothing else of Python can be reached from a template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

MOST_CHARACTERS = 10 << 20


class VtlError(ValueError):
    """A template failed while it was rendered."""


class Host:
    """An object that we hand to a template: `fields` are its properties, `methods` what it can do."""

    __slots__ = ("fields", "methods")

    def __init__(
        self, fields: dict[str, Any] | None = None, methods: dict[str, Callable[..., Any]] | None = None
    ) -> None:
        self.fields = fields or {}
        self.methods = methods or {}


def as_text(value: Any) -> str:
    """A value as Java's toString writes it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_text(key)}={as_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_text(item) for item in value) + "]"
    return "" if isinstance(value, Host) else str(value)


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def find_property(value: Any, name: str) -> Any:
    """`$value.name`: a map's key or a host's field; None where there is none."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        return value.get(int(name)) if name.isdigit() else None
    if isinstance(value, Host):
        return value.fields.get(name)
    if name in ("empty", "length") and isinstance(value, str | list):
        return len(value) == 0 if name == "empty" else len(value)
    return None


def find_item(value: Any, index: Any) -> Any:
    """`$value[index]`."""
    if isinstance(value, list) and isinstance(index, int):
        return value[index] if -len(value) <= index < len(value) else None
    if isinstance(value, dict):
        return value.get(index)
    return value.fields.get(index) if isinstance(value, Host) else None


def call_method(value: Any, name: str, arguments: list[Any]) -> Any:
    """`$value.name(arguments)`; None where the value has no such method."""
    if isinstance(value, Host):
        method = value.methods.get(name)
        if method is None and name in ("get", "keySet", "entrySet", "values", "size", "containsKey", "isEmpty"):
            return call_method(value.fields, name, arguments)
        return None if method is None else _apply(method, name, arguments)
    kind = "common"
    if isinstance(value, str):
        kind = "string"
    elif isinstance(value, list):
        kind = "list"
    elif isinstance(value, dict):
        kind = "map"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        kind = "number"
    found = _METHODS[kind].get(name) or _METHODS["common"].get(name)
    return None if found is None else _apply(found, name, [value, *arguments])


def _apply(method: Callable[..., Any], name: str, arguments: list[Any]) -> Any:
    try:
        return method(*arguments)
    except (TypeError, IndexError, KeyError, AttributeError) as error:
        raise VtlError(f"{name}: {error}") from None


def check_length(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise VtlError("a text grew too long")
    return text


def _replace(value: str, old: Any, new: Any) -> str:
    old, new = as_text(old), as_text(new)
    if len(value) + value.count(old) * max(len(new) - len(old), 0) > MOST_CHARACTERS:
        raise VtlError("a text grew too long")
    return value.replace(old, new)


def _regex(text: str) -> Any:
    from mrak.lang.logregex import RegexError, compile_regex

    try:
        return compile_regex(text)
    except RegexError as error:
        raise VtlError(str(error)) from None


def _replace_all(value: str, pattern: str, new: str) -> str:
    import re

    return check_length(_regex(pattern).sub(re.sub(r"\$(\d)", r"\\\1", new), value))


def _replace_first(value: str, pattern: str, new: str) -> str:
    import re

    return check_length(_regex(pattern).sub(re.sub(r"\$(\d)", r"\\\1", new), value, count=1))


def _split(value: str, pattern: str, limit: int = 0) -> list[str]:
    import re

    parts: list[str] = (
        value.split(pattern) if re.fullmatch(r"[^\\^$.|?*+()\[{]", pattern) else _regex(pattern).split(value)
    )
    if limit > 0:
        return parts if len(parts) <= limit else [*parts[: limit - 1], pattern.join(parts[limit - 1 :])]
    while len(parts) > 1 and parts[-1] == "":
        parts.pop()
    return parts


def _substring(value: str, start: int, end: int | None = None) -> str:
    stop = len(value) if end is None else end
    if not 0 <= start <= stop <= len(value):
        raise VtlError(f"substring: from {start} to {stop} in a text of {len(value)}")
    return value[start:stop]


def _put(value: dict[Any, Any], key: Any, item: Any) -> Any:
    before = value.get(key)
    value[key] = item
    return before


def _add(value: list[Any], first: Any, *rest: Any) -> bool:
    if rest:
        value.insert(first, rest[0])
    else:
        value.append(first)
    return True


def _set(value: list[Any], index: int, item: Any) -> Any:
    before, value[index] = value[index], item
    return before


def _get_or_default(value: dict[Any, Any], key: Any, default: Any) -> Any:
    return value.get(key, default)


_METHODS: dict[str, dict[str, Callable[..., Any]]] = {
    "common": {
        "toString": as_text,
        "equals": lambda value, other: value == other,
        "isEmpty": lambda value: len(value) == 0,
        "size": len,
    },
    "string": {
        "charAt": lambda value, at: value[at],
        "concat": lambda value, other: check_length(value + as_text(other)),
        "contains": lambda value, other: as_text(other) in value,
        "endsWith": lambda value, other: value.endswith(other),
        "equalsIgnoreCase": lambda value, other: value.lower() == as_text(other).lower(),
        "indexOf": lambda value, other, start=0: value.find(other, start),
        "lastIndexOf": lambda value, other: value.rfind(other),
        "length": len,
        "matches": lambda value, pattern: _regex(f"^(?:{pattern})$").search(value) is not None,
        "replace": _replace,
        "replaceAll": _replace_all,
        "replaceFirst": _replace_first,
        "split": _split,
        "startsWith": lambda value, other: value.startswith(other),
        "substring": _substring,
        "toLowerCase": lambda value: value.lower(),
        "toUpperCase": lambda value: value.upper(),
        "trim": lambda value: value.strip(),
    },
    "list": {
        "add": _add,
        "addAll": lambda value, other: value.extend(list(other)) or True,
        "contains": lambda value, other: other in value,
        "get": lambda value, at: value[at],
        "indexOf": lambda value, other: value.index(other) if other in value else -1,
        "remove": lambda value, at: value.pop(at),
        "set": _set,
    },
    "map": {
        "containsKey": lambda value, key: key in value,
        "containsValue": lambda value, item: item in value.values(),
        "entrySet": lambda value: [
            Host({"key": key, "value": item}, {"getKey": lambda key=key: key, "getValue": lambda item=item: item})
            for key, item in value.items()
        ],
        "get": lambda value, key: value.get(key),
        "getOrDefault": _get_or_default,
        "keySet": list,
        "put": _put,
        "putAll": lambda value, other: value.update(other),
        "remove": lambda value, key: value.pop(key, None),
        "values": lambda value: list(value.values()),
    },
    "number": {
        "intValue": int,
        "longValue": int,
        "doubleValue": float,
        "parseInt": lambda _, text: int(text),
    },
}
