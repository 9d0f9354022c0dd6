"""Values of records, and how they meet: numbers, text, truth, timestamps, lists and objects, null and what is missing.

Text of CSV has no type; where it meets a number, it is taken for one if it looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from mrak.lang.select import times
from mrak.lang.select.errors import SelectError, cast_failed, invalid_arguments, invalid_like


class Missing:
    """What is not there; in most places it is like null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
_INTEGER = re.compile(r"[+-]?\d+")
_LARGEST_DIGITS = 38
_LARGEST_EXPONENT = 400


def is_absent(value: Any) -> bool:
    return value is None or value is MISSING


def is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def find_number(value: Any) -> int | Decimal | None:
    """The number that a value is or looks like."""
    if is_number(value):
        found: int | Decimal = value
        return found
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _LARGEST_DIGITS else None
    return find_decimal(text)


def find_decimal(text: str) -> Decimal | None:
    """None also for what would take megabytes to write down."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT else None


def require_number(value: Any) -> int | Decimal:
    number = find_number(value)
    if number is None:
        raise cast_failed(value, "number")
    return number


def compare(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None where the two can't be compared."""
    if is_number(left) or is_number(right):
        left, right = find_number(left), find_number(right)
        if left is None or right is None:
            return None
    elif isinstance(left, datetime) or isinstance(right, datetime):
        left, right = times.find(left), times.find(right)
        if left is None or right is None:
            return None
    elif isinstance(left, bool) or isinstance(right, bool):
        left, right = find_truth(left), find_truth(right)
        if left is None or right is None:
            return None
    elif type(left) is not type(right):
        return None
    if left == right:
        return 0
    if isinstance(left, list | dict):
        return None
    return -1 if left < right else 1


def find_truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    return None


@lru_cache(maxsize=256)
def like(pattern: str, escape: str) -> Callable[[str], bool]:
    """A test for LIKE: % is any text, _ any character, what follows `escape` is itself."""
    if len(escape) > 1:
        raise invalid_like()
    segments = [""]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if escape and character == escape:
            position += 1
            if position == len(pattern):
                raise invalid_like()
            segments[-1] += re.escape(pattern[position])
        elif character == "%":
            segments.append("")
        else:
            segments[-1] += "." if character == "_" else re.escape(character)
        position += 1
    # What stands between two % is looked for once, where it comes first, so that no text takes long.
    first, *inner, last = segments if len(segments) > 1 else ("", *segments)
    between = "".join(f"(?>.*?{segment})" for segment in inner)
    anywhere = ".*" if len(segments) > 1 else ""
    matches = re.compile(f"{first}{between}{anywhere}{last}", re.DOTALL).fullmatch
    return lambda text: matches(text) is not None


def cast(kind: str, value: Any) -> Any:
    """CAST(value AS kind)."""
    if is_absent(value):
        return value
    convert = _CASTS.get(kind)
    if convert is None:
        raise SelectError("InvalidCast", f"{kind} is no data type that CAST knows.")
    return convert(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    number = find_number(value)
    if number is None:
        raise cast_failed(value, "int")
    return int(number)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        return Decimal(int(value))
    number = find_number(value)
    if number is None:
        raise cast_failed(value, "decimal")
    return Decimal(number)


def _truth(value: Any) -> bool:
    if is_number(value):
        return bool(value)
    found = find_truth(value)
    if found is None:
        raise cast_failed(value, "bool")
    return found


def _timestamp(value: Any) -> datetime:
    found = times.find(value)
    if found is None:
        raise cast_failed(value, "timestamp")
    return found


def text(value: Any) -> str:
    """A value as text, as CSV shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return times.render(value)
    if is_absent(value):
        return ""
    if isinstance(value, int):
        return str(value)
    raise invalid_arguments("A list or an object is no text.")


_CASTS: dict[str, Callable[[Any], Any]] = {
    "BOOL": _truth,
    "BOOLEAN": _truth,
    "INT": _integer,
    "INTEGER": _integer,
    "STRING": text,
    "VARCHAR": text,
    "CHAR": text,
    "FLOAT": _decimal,
    "DOUBLE": _decimal,
    "DECIMAL": _decimal,
    "NUMERIC": _decimal,
    "TIMESTAMP": _timestamp,
}
