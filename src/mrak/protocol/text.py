"""Values that travel as text: in paths, query strings, headers, forms and XML elements."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any

from mrak.protocol import times
from mrak.protocol.model import Member
from mrak.protocol.reader import WireError, decode_base64

Parser = Callable[[str], Any]
Formatter = Callable[[Any], str]

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_LIMITS = {"integer": 1 << 31, "long": 1 << 63}


def identity(text: str) -> str:
    return text


def _integer_parser(kind: str) -> Parser:
    limit = _LIMITS[kind]
    java = "Integer" if kind == "integer" else "Long"

    def parse_integer(text: str) -> int:
        if _INTEGER.match(text):
            value = int(text)
            if -limit <= value < limit:
                return value
        raise WireError(
            f"STRING_VALUE can not be converted to an {java}"
            if kind == "integer"
            else f"STRING_VALUE can not be converted to a {java}"
        )

    return parse_integer


def parse_boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    raise WireError("STRING_VALUE can not be converted to a Boolean")


def parse_float(text: str) -> float:
    if text in ("NaN", "Infinity", "-Infinity"):
        return float(text)
    if len(text) > 400 or not _FLOAT.match(text):
        raise WireError("STRING_VALUE can not be converted to a Double")
    return float(text)


def parse_timestamp(text: str) -> float:
    try:
        return times.parse(text)
    except ValueError as error:
        raise WireError(f"Timestamp must be in ISO8601, RFC822 or epoch seconds: {text[:64]}") from error


def parse_blob(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return decode_base64(text)


_PARSERS: dict[str, Parser] = {
    "string": identity,
    "character": identity,
    "integer": _integer_parser("integer"),
    "long": _integer_parser("long"),
    "boolean": parse_boolean,
    "float": parse_float,
    "double": parse_float,
    "timestamp": parse_timestamp,
    "blob": parse_blob,
}


def parser(kind: str) -> Parser | None:
    """How a scalar of that type is read; None for structures, lists and maps."""
    return _PARSERS.get(kind)


def format_float(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _format_boolean(value: Any) -> str:
    return "true" if value else "false"


def _format_blob(value: Any) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def formatter(member: Member, timestamp_format: str, always_millis: bool = False) -> Formatter:
    """How a scalar member is written, with the protocol's own format of timestamps where the model names none."""
    kind = member.shape.type
    if kind == "timestamp":
        form = member.timestamp_format or timestamp_format
        if form == "iso8601" and always_millis:
            return lambda value: times.render_iso8601(value, always_millis=True)
        return lambda value: times.render(value, form)
    if kind == "boolean":
        return _format_boolean
    if kind == "blob":
        return _format_blob
    if kind in ("float", "double"):
        return format_float
    return str


def split_header_list(text: str, kind: str) -> list[str]:
    """A header's list: commas separate, quotes group; an RFC 822 date holds a comma of its own."""
    if kind == "timestamp" and "," in text:
        parts = text.split(",")
        if len(parts) % 2 == 0 and not parts[0].strip()[:1].isdigit():
            return [f"{parts[i].strip()}, {parts[i + 1].strip()}" for i in range(0, len(parts), 2)]
    if '"' not in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    return [part for part in _split_quoted(text) if part]


def _split_quoted(text: str) -> list[str]:
    parts: list[str] = []
    current: list[str] = []
    quoted = False
    characters = iter(text)
    for char in characters:
        if char == "\\" and quoted:
            current.append(next(characters, ""))
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            parts.append("".join(current).strip())
            current = []
        else:
            current.append(char)
    parts.append("".join(current).strip())
    return parts


def join_header_list(parts: list[str], kind: str) -> str:
    if kind == "timestamp":
        return ", ".join(parts)
    return ", ".join(_quote(part) if any(c in part for c in ',"') else part for part in parts)


def _quote(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
