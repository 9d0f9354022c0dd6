"""What each intrinsic function does. https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import random
import re
from collections.abc import Callable
from typing import Any

import msgspec

from mrak.core.entropy import Draws

_HASHES = ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512")
_MOST_HASHED = 10_000
_MOST_RANGE = 1000
_FILL = re.compile(r"\{\}")


class Refused(Exception):
    """A function does not take its arguments."""


def _take(arguments: list[Any], *kinds: type | tuple[type, ...]) -> list[Any]:
    """The arguments, checked for number and kind. A boolean is no number."""
    if len(arguments) != len(kinds):
        raise Refused(f"Invalid number of arguments: expected {len(kinds)}, got {len(arguments)}")
    for argument, kind in zip(arguments, kinds, strict=True):
        wants_number = kind in (int, float, (int, float))
        if not isinstance(argument, kind) or (wants_number and isinstance(argument, bool)):
            raise Refused(f"Invalid argument: {_show(argument)}")
    return arguments


def _show(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _unmark(text: str) -> str:
    return text.replace("\ue000", "{").replace("\ue001", "}")


def _format(arguments: list[Any], draw: Draws) -> Any:
    if not arguments or not isinstance(arguments[0], str):
        raise Refused("The first argument must be a template string")
    pattern, values = arguments[0], iter(arguments[1:])
    if len(_FILL.findall(pattern)) != len(arguments) - 1:
        raise Refused(f"Number of arguments do not match the occurrences of {{}} in {_unmark(pattern)}")
    return _unmark(_FILL.sub(lambda _: _show(next(values)), pattern))


def _string_to_json(arguments: list[Any], draw: Draws) -> Any:
    (text,) = _take(arguments, str)
    try:
        return msgspec.json.decode(text) if text.strip() else None
    except (msgspec.DecodeError, RecursionError):
        raise Refused(f"Invalid JSON: {text}") from None


def _json_to_string(arguments: list[Any], draw: Draws) -> Any:
    if len(arguments) != 1:
        raise Refused(f"Invalid number of arguments: expected 1, got {len(arguments)}")
    return msgspec.json.encode(arguments[0]).decode()


def _array_partition(arguments: list[Any], draw: Draws) -> Any:
    items, size = _take(arguments, list, (int, float))
    size = round(size)
    if size < 1:
        raise Refused("The chunk size must be a positive integer")
    return [items[start : start + size] for start in range(0, len(items), size)]


def _array_contains(arguments: list[Any], draw: Draws) -> Any:
    if len(arguments) != 2 or not isinstance(arguments[0], list):
        raise Refused("The first argument must be an array")
    return any(_same(item, arguments[1]) for item in arguments[0])


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _array_range(arguments: list[Any], draw: Draws) -> Any:
    first, last, step = (round(number) for number in _take(arguments, (int, float), (int, float), (int, float)))
    if step == 0:
        raise Refused("The step must not be 0")
    found = range(first, last + (1 if step > 0 else -1), step)
    if len(found) > _MOST_RANGE:
        raise Refused(f"The array would have more than {_MOST_RANGE} elements")
    return list(found)


def _array_get_item(arguments: list[Any], draw: Draws) -> Any:
    items, index = _take(arguments, list, int)
    if not 0 <= index < len(items):
        raise Refused(f"The index {index} is out of bounds for an array of length {len(items)}")
    return items[index]


def _array_unique(arguments: list[Any], draw: Draws) -> Any:
    (items,) = _take(arguments, list)
    seen: dict[bytes, Any] = {}
    for item in items:
        seen.setdefault(msgspec.json.encode(item, order="deterministic"), item)
    return list(seen.values())


def _base64_encode(arguments: list[Any], draw: Draws) -> Any:
    (text,) = _take(arguments, str)
    if len(text) > _MOST_HASHED:
        raise Refused(f"The data must not be longer than {_MOST_HASHED} characters")
    return base64.b64encode(_unmark(text).encode()).decode()


def _base64_decode(arguments: list[Any], draw: Draws) -> Any:
    (text,) = _take(arguments, str)
    if len(text) > _MOST_HASHED:
        raise Refused(f"The data must not be longer than {_MOST_HASHED} characters")
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refused("Invalid Base64 data") from None


def _hash(arguments: list[Any], draw: Draws) -> Any:
    if len(arguments) != 2 or arguments[1] not in _HASHES:
        raise Refused(f"The algorithm must be one of {', '.join(_HASHES)}")
    return hash_of(_show(arguments[0]), arguments[1])


def hash_of(text: str, algorithm: str) -> str:
    """A hex digest, by AWS's name of the algorithm."""
    if len(text) > _MOST_HASHED:
        raise Refused(f"The data must not be longer than {_MOST_HASHED} characters")
    name = algorithm.replace("-", "").lower()
    return hashlib.new(name, _unmark(text).encode(), usedforsecurity=False).hexdigest()


def _json_merge(arguments: list[Any], draw: Draws) -> Any:
    first, second, deep = _take(arguments, dict, dict, bool)
    if deep:
        raise Refused("Deep merging is not supported")
    return first | second


def _math_random(arguments: list[Any], draw: Draws) -> Any:
    if len(arguments) == 3:
        first, last, seed = _take(arguments, (int, float), (int, float), (int, float))
        generator = random.Random(seed)
    else:
        first, last = _take(arguments, (int, float), (int, float))
        generator = random.Random(draw.bytes(16))
    first, last = round(first), round(last)
    if first >= last:
        raise Refused("The start number must be less than the end number")
    return generator.randrange(first, last)


def _math_add(arguments: list[Any], draw: Draws) -> Any:
    first, second = _take(arguments, (int, float), (int, float))
    return _round(first) + _round(second)


def _round(number: float) -> int:
    """Java's Math.round: halves go up."""
    return number if isinstance(number, int) else math.floor(number + 0.5)


def _string_split(arguments: list[Any], draw: Draws) -> Any:
    text, delimiters = _take(arguments, str, str)
    if not delimiters:
        return [text]
    parts = re.split("[" + re.escape(_unmark(delimiters)) + "]", text)
    return [part for part in parts if part]


def _uuid(arguments: list[Any], draw: Draws) -> Any:
    _take(arguments)
    return draw.uuid()


FUNCTIONS: dict[str, Callable[[list[Any], Draws], Any]] = {
    "States.Format": _format,
    "States.StringToJson": _string_to_json,
    "States.JsonToString": _json_to_string,
    "States.Array": lambda arguments, draw: list(arguments),
    "States.ArrayPartition": _array_partition,
    "States.ArrayContains": _array_contains,
    "States.ArrayRange": _array_range,
    "States.ArrayGetItem": _array_get_item,
    "States.ArrayLength": lambda arguments, draw: len(_take(arguments, list)[0]),
    "States.ArrayUnique": _array_unique,
    "States.Base64Encode": _base64_encode,
    "States.Base64Decode": _base64_decode,
    "States.Hash": _hash,
    "States.JsonMerge": _json_merge,
    "States.MathRandom": _math_random,
    "States.MathAdd": _math_add,
    "States.StringSplit": _string_split,
    "States.UUID": _uuid,
}
