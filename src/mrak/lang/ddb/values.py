"""Attribute values: validation with AWS's messages, size to the byte, equality and order.

`check_value` is the only way in for a value from outside. It puts numbers into canonical form and sets into order in
place, and returns the value's size, so that a written item is walked once.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html (sizes)
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypedDict

import msgspec

from mrak.lang.ddb import numbers
from mrak.lang.ddb.errors import INVALID_PARAMETER, InvalidValue


class AttributeValue(TypedDict, total=False):
    """AWS's wire form; only ever one key is present."""

    S: str
    N: str
    B: bytes
    SS: list[str]
    NS: list[str]
    BS: list[bytes]
    M: dict[str, AttributeValue]
    L: list[AttributeValue]
    NULL: bool
    BOOL: bool


Value = dict[str, Any]
Item = dict[str, Value]

MAX_ITEM_BYTES = 400 * 1024
# A top-level value is the first level, so 31 containers can lie within each other around a scalar.
MAX_DEPTH = 32

EMPTY_NAME = "Empty attribute name"
EMPTY_VALUE = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
MANY_TYPES = (
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
)
NESTED_TOO_DEEP = "Nesting Levels have exceeded supported limits"
TOO_DEEP = f"{NESTED_TOO_DEEP}: Attributes in the item have nested levels beyond supported limit"

_decoder = msgspec.json.Decoder(dict[str, AttributeValue])
_encoder = msgspec.json.Encoder()


def decode_item(row: bytes) -> Item:
    """A stored item, from the JSON that goes over the wire."""
    return _decoder.decode(row)  # type: ignore[return-value]


encode_item: Callable[[Item], bytes] = _encoder.encode


def check_item(item: Item) -> int:
    """Validate every value of an item; the item's size in bytes."""
    if "" in item:
        raise InvalidValue(EMPTY_NAME)
    try:
        return _checked_size(item)
    except _EmptyInside:
        for value in item.values():
            with suppress(_EmptyInside):
                check_value(value)
        raise


class _EmptyInside(InvalidValue):
    """An empty name within a value; whatever else is wrong with the item is told before it."""


def _checked_size(item: Item) -> int:
    size = 0
    for name, value in item.items():
        size += (len(name) if name.isascii() else len(name.encode())) + check_value(value)
    return size


def check_value(value: Value, depth: int = 1) -> int:
    """Validate one value, put its numbers into canonical form and its sets into order; its size in bytes."""
    if len(value) == 1:
        for kind, content in value.items():
            if kind == "S":
                return len(content) if content.isascii() else len(content.encode("utf-8", "surrogatepass"))
            if kind == "N":
                number = numbers.canonical(content)
                value["N"] = number
                return numbers.size_bytes(number)
            return _CHECKS[kind](value, content, depth)
    if not value:
        raise InvalidValue(EMPTY_VALUE)
    # AWS reads what is in there before it minds that there is more than one.
    for kind in _CHECKS:
        if kind in value:
            _CHECKS[kind](value, value[kind], depth)
    raise InvalidValue(MANY_TYPES)


def _check_string(value: Value, content: str, depth: int) -> int:
    return len(content.encode("utf-8", "surrogatepass"))


def _check_number(value: Value, content: str, depth: int) -> int:
    value["N"] = number = numbers.canonical(content)
    return numbers.size_bytes(number)


def _check_binary(value: Value, content: bytes, depth: int) -> int:
    return len(content)


def _check_boolean(value: Value, content: bool, depth: int) -> int:
    return 1


def _check_null(value: Value, content: bool, depth: int) -> int:
    if not content:
        raise _invalid_parameter("Null attribute value types must have the value of true")
    return 1


def _check_string_set(value: Value, content: list[str], depth: int) -> int:
    if not content:
        raise _invalid_parameter("An string set  may not be empty")
    if None in content:
        raise _invalid_parameter("An string set may not have a null string as a member")
    if len(set(content)) != len(content):
        quoted = ", ".join(f'"{member}"' for member in _until_repeated(content))
        raise _repeated(f"[{quoted}]", f"[{', '.join(content)}]")
    value["SS"] = sorted(content)
    return sum(len(member.encode("utf-8", "surrogatepass")) for member in content)


def _check_number_set(value: Value, content: list[str], depth: int) -> int:
    if not content:
        raise _invalid_parameter("An number set  may not be empty")
    if None in content:
        raise _invalid_parameter("An number set may not have a null number as a member")
    value["NS"] = members = [numbers.canonical(member) for member in content]
    if len(set(members)) != len(members):
        raise InvalidValue(
            f"{INVALID_PARAMETER}Input collection contains duplicates.", "Input collection contains duplicates"
        )
    members.sort(key=numbers.value)
    return sum(map(numbers.size_bytes, members))


def _check_binary_set(value: Value, content: list[bytes], depth: int) -> int:
    if not content:
        raise _invalid_parameter("Binary sets should not be empty")
    if None in content:
        raise _invalid_parameter("Binary sets may not contain null values")
    if len(set(content)) != len(content):
        quoted = ",".join(f'"{b64encode(member).decode()}"' for member in _until_repeated(content))
        shown = ", ".join(b64encode(member).decode() for member in content)
        raise _repeated(f"[{quoted}]of type BS", f"[{shown}]of type BS")
    value["BS"] = sorted(content)
    return sum(map(len, content))


def _invalid_parameter(message: str) -> InvalidValue:
    return InvalidValue(INVALID_PARAMETER + message)


def _until_repeated(members: list[Any]) -> list[Any]:
    """Members in byte order up to the first that is there twice, then that one, then the rest as it came."""
    seen: set[Any] = set()
    for place, member in enumerate(members):
        if member in seen:
            return [*sorted(seen), *members[place:]]
        seen.add(member)
    raise AssertionError("a set without a repeated member")


def _repeated(current: str, older: str) -> InvalidValue:
    return InvalidValue(
        f"{INVALID_PARAMETER}Input collection {current} contains duplicates.",
        f"{INVALID_PARAMETER}Input collection {older} contains duplicates.",
    )


def _check_list(value: Value, content: list[Value], depth: int) -> int:
    if depth >= MAX_DEPTH and content:
        raise InvalidValue(TOO_DEEP)
    return 3 + sum(1 + check_value(member, depth + 1) for member in content)


def _check_map(value: Value, content: Item, depth: int) -> int:
    if depth >= MAX_DEPTH and content:
        raise InvalidValue(TOO_DEEP)
    if "" in content:
        raise _EmptyInside(EMPTY_NAME)
    size = 3
    for name, member in content.items():
        size += 1 + len(name.encode("utf-8", "surrogatepass")) + check_value(member, depth + 1)
    return size


_CHECKS: dict[str, Callable[[Value, Any, int], int]] = {
    "N": _check_number,
    "NULL": _check_null,
    "SS": _check_string_set,
    "NS": _check_number_set,
    "BS": _check_binary_set,
    "M": _check_map,
    "L": _check_list,
    "S": _check_string,
    "B": _check_binary,
    "BOOL": _check_boolean,
}


def item_size_bytes(item: Item) -> int:
    """The size of an item that was checked before."""
    size = 0
    for name, value in item.items():
        size += len(name.encode("utf-8", "surrogatepass")) + value_size_bytes(value)
    return size


def value_size_bytes(value: Value) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode("utf-8", "surrogatepass"))
    if kind == "N":
        return numbers.size_bytes(content)
    if kind == "B":
        return len(content)
    if kind == "L":
        return 3 + sum(1 + value_size_bytes(member) for member in content)
    if kind == "M":
        return 3 + len(content) + item_size_bytes(content)
    if kind == "SS":
        return sum(len(member.encode("utf-8", "surrogatepass")) for member in content)
    if kind == "NS":
        return sum(map(numbers.size_bytes, content))
    if kind == "BS":
        return sum(map(len, content))
    return 1


def value_levels(value: Value) -> int:
    """How deep a value goes: a scalar or an empty container is one level, what a container holds is one more."""
    if "M" in value:
        return 1 + max(map(value_levels, value["M"].values()), default=0)
    if "L" in value:
        return 1 + max(map(value_levels, value["L"]), default=0)
    return 1


def check_depth(item: Item) -> None:
    """An update can nest values of the request deeper than either was."""
    for value in item.values():
        if ("M" in value or "L" in value) and value_levels(value) > MAX_DEPTH:
            raise InvalidValue(NESTED_TOO_DEEP)


def kind_of(value: Value) -> str:
    """The type key of a checked value: "S", "N", ..."""
    return next(iter(value))


def equal(left: Value, right: Value) -> bool:
    """Equality as DynamoDB has it: sets have no order, other types must be the same."""
    if left == right:
        return True
    kind = next(iter(left))
    if kind not in right:
        return False
    a, b = left[kind], right[kind]
    if kind in ("SS", "NS", "BS"):
        return len(a) == len(b) and set(a) == set(b)
    if kind == "L":
        return len(a) == len(b) and all(map(equal, a, b))
    if kind == "M":
        return a.keys() == b.keys() and all(equal(member, b[name]) for name, member in a.items())
    return False


def sort_value(value: Value) -> Any:
    """What two scalars of the same type compare by: UTF-8 bytes, the number, or the bytes."""
    for kind, content in value.items():
        if kind == "S":
            # Code point order is UTF-8's order, so Python's own comparison of strings serves.
            return content
        if kind == "N":
            return numbers.value(content)
        return content
    raise AssertionError("an attribute value without a type")


def find_duplicate(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
