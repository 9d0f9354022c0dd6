"""Scalar functions on text, timestamps and conditions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-sql-functions.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrak.lang.select import times, values
from mrak.lang.select.errors import SelectError, invalid_arguments
from mrak.lang.select.tree import Call
from mrak.lang.select.values import is_absent


def find(name: str) -> Callable[..., Any] | None:
    found = _FUNCTIONS.get(name)
    return None if found is None else found[0]


def check_count(call: Call) -> None:
    """Whether a function has as many arguments as it takes."""
    found = _FUNCTIONS.get(call.name)
    if found is not None and not found[1] <= len(call.arguments) <= found[2]:
        raise SelectError(
            "EvaluatorInvalidArguments", f"Incorrect number of arguments in the function call {call.name}."
        )


def _of_text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    def evaluate(value: Any) -> Any:
        if is_absent(value):
            return value
        if not isinstance(value, str):
            raise invalid_arguments("Text was expected.")
        return function(value)

    return evaluate


def _substring(value: Any, start: Any, length: Any = None) -> Any:
    """Characters from 1; a start before the first takes from the length."""
    if is_absent(value) or is_absent(start):
        return None
    if not isinstance(value, str):
        raise invalid_arguments("SUBSTRING takes text.")
    first = int(values.require_number(start)) - 1
    if length is None:
        return value[max(first, 0) :]
    size = int(values.require_number(length))
    if size < 0:
        raise invalid_arguments("SUBSTRING takes no negative length.")
    return value[max(first, 0) : max(first + size, 0)]


def _trim(side: str, characters: Any, value: Any) -> Any:
    if is_absent(value):
        return value
    if not isinstance(value, str) or not isinstance(characters, str):
        raise invalid_arguments("TRIM takes text.")
    if side == "LEADING":
        return value.lstrip(characters)
    return value.rstrip(characters) if side == "TRAILING" else value.strip(characters)


def _null_if(left: Any, right: Any) -> Any:
    if is_absent(left) or is_absent(right):
        return left
    return None if values.compare(left, right) == 0 else left


def _date_add(part: str, amount: Any, moment: Any) -> Any:
    if is_absent(amount) or is_absent(moment):
        return None
    return times.add(part, int(values.require_number(amount)), times.require(moment))


def _date_diff(part: str, first: Any, second: Any) -> Any:
    if is_absent(first) or is_absent(second):
        return None
    return times.difference(part, times.require(first), times.require(second))


def _extract(part: str, moment: Any) -> Any:
    return None if is_absent(moment) else times.extract(part, times.require(moment))


def _to_string(moment: Any, pattern: Any) -> Any:
    if is_absent(moment) or is_absent(pattern):
        return None
    if not isinstance(pattern, str):
        raise invalid_arguments("TO_STRING takes a pattern.")
    return times.format_by(times.require(moment), pattern)


def _to_timestamp(value: Any) -> Any:
    return value if is_absent(value) else times.require(value)


# Name -> (function, fewest and most arguments).
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "CHAR_LENGTH": (_of_text(len), 1, 1),
    "CHARACTER_LENGTH": (_of_text(len), 1, 1),
    "LOWER": (_of_text(str.lower), 1, 1),
    "UPPER": (_of_text(str.upper), 1, 1),
    "SUBSTRING": (_substring, 2, 3),
    "TRIM": (_trim, 3, 3),
    "NULLIF": (_null_if, 2, 2),
    "DATE_ADD": (_date_add, 3, 3),
    "DATE_DIFF": (_date_diff, 3, 3),
    "EXTRACT": (_extract, 2, 2),
    "TO_STRING": (_to_string, 2, 2),
    "TO_TIMESTAMP": (_to_timestamp, 1, 1),
}
