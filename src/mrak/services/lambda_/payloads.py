"""Why a payload is no JSON, in the words of AWS's parser (Jackson), since tools and people look for them."""

from __future__ import annotations

import json

_VALUE = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_TOKEN = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_EXPECTED = {
    "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
    "Illegal trailing comma before end of object": "was expecting double-quote to start field name",
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter": "was expecting comma to separate Object entries",
    "Illegal trailing comma before end of array": _VALUE,
    "Expecting value": _VALUE,
}
_SHOWN = 500


def describe_bad_json(payload: bytes) -> str:
    """What is wrong with a payload, and where."""
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        what = "start" if error.reason == "invalid start byte" else "middle"
        at = error.start if what == "start" else error.end
        octet = payload[min(at, len(payload) - 1)]
        return f"Invalid UTF-8 {what} byte 0x{octet:02x}{_place(payload, at + 2)}"
    try:
        json.loads(text)
    except RecursionError:
        return f"Document nesting depth exceeds the maximum allowed{_place(payload, 1)}"
    except json.JSONDecodeError as error:
        return _describe(payload, text, error)
    return f"Unrecognized content{_place(payload, 1)}"  # Python's parser takes more than JSON: NaN, Infinity


def _describe(payload: bytes, text: str, error: json.JSONDecodeError) -> str:
    position = len(text[: error.pos].encode())
    if error.pos >= len(text) or error.msg.startswith("Unterminated"):
        return f"Unexpected end-of-input{_place(payload, len(payload) + 1)}"
    character = text[error.pos]
    if error.msg == "Expecting value" and (character.isalpha() or character in "_$"):
        end = error.pos
        while end < len(text) and (text[end].isalnum() or text[end] in "_$"):
            end += 1
        token = text[error.pos : end]
        return f"Unrecognized token '{token}': {_TOKEN}{_place(payload, len(text[:end].encode()) + 1)}"
    expected = _EXPECTED.get(error.msg, _VALUE)
    return f"Unexpected character ('{character}' (code {ord(character)})): {expected}{_place(payload, position + 2)}"


def _place(payload: bytes, column: int) -> str:
    shown = payload[:_SHOWN].decode("utf-8", "replace")
    more = f"[truncated {len(payload) - _SHOWN} bytes]" if len(payload) > _SHOWN else ""
    line = payload[: max(0, column - 2)].count(b"\n") + 1
    if line > 1:
        column -= payload.rindex(b"\n", 0, max(0, column - 2)) + 1
    return f'\n at [Source: (byte[])"{shown}"{more}; line: {line}, column: {column}]'
