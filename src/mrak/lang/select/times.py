"""Timestamps: read, written by a pattern, added to, and compared by a part.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-date.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from mrak.lang.select.errors import invalid_arguments

_TIMESTAMP = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?T?(?:(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?"
)
PARTS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_SECONDS = {"DAY": 86_400, "HOUR": 3_600, "MINUTE": 60, "SECOND": 1}


def find(value: Any) -> datetime | None:
    """The timestamp that a value is or looks like."""
    if isinstance(value, datetime):
        return value
    match = _TIMESTAMP.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        return datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]), _zone(zone),
        )  # fmt: skip
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return UTC
    assert text is not None
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def require(value: Any) -> datetime:
    found = find(value)
    if found is None:
        raise invalid_arguments("A timestamp was expected.")
    return found


def render(moment: datetime) -> str:
    """ISO 8601, as short as it can be."""
    shown = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond:
        shown += f".{moment.microsecond:06d}".rstrip("0")
    return shown + _offset(moment, "Z", ":")


def _offset(moment: datetime, zero: str, separator: str) -> str:
    seconds = int((moment.utcoffset() or timedelta()).total_seconds())
    if not seconds:
        return zero
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}{separator}{minutes:02d}"


def _check_part(part: str) -> None:
    if part not in PARTS:
        raise invalid_arguments(f"{part} is no part of a timestamp.")


def add(part: str, amount: int, moment: datetime) -> datetime:
    _check_part(part)
    try:
        if part in _SECONDS:
            return moment + timedelta(seconds=amount * _SECONDS[part])
        months = moment.year * 12 + moment.month - 1 + amount * (12 if part == "YEAR" else 1)
        year, month = divmod(months, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    except (ValueError, OverflowError):
        raise invalid_arguments("The timestamp is beyond what can be told.") from None


def difference(part: str, first: datetime, second: datetime) -> int:
    """How many whole parts lie between two moments."""
    _check_part(part)
    if part in _SECONDS:
        return int((second - first).total_seconds() / _SECONDS[part])
    months = (second.year - first.year) * 12 + second.month - first.month
    if months > 0 and second < add("MONTH", months, first):
        months -= 1
    elif months < 0 and second > add("MONTH", months, first):
        months += 1
    return int(months / 12) if part == "YEAR" else months


def extract(part: str, moment: datetime) -> int:
    if part in PARTS:
        value: int = getattr(moment, part.lower())
        return value
    seconds = int((moment.utcoffset() or timedelta()).total_seconds())
    if part == "TIMEZONE_HOUR":
        return int(seconds / 3600)
    if part == "TIMEZONE_MINUTE":
        return int(seconds / 60) - int(seconds / 3600) * 60
    raise invalid_arguments(f"{part} is no part of a timestamp.")


def format_by(moment: datetime, pattern: str) -> str:
    """TO_STRING: letters of the pattern by what they stand for, quoted text as it is."""
    return _PATTERN.sub(lambda match: _format_field(moment, match), pattern)


_PATTERN = re.compile(
    r"'((?:[^']|'')*)'|y{1,4}|M{1,5}|d{1,2}|a|h{1,2}|H{1,2}|m{1,2}|s{1,2}|S+|n|X{1,5}|x{1,5}|[A-Za-z]+"
)


def _format_field(moment: datetime, match: re.Match[str]) -> str:
    field = match[0]
    if field[0] == "'":
        return match[1].replace("''", "'")
    if field[0] in "Xx":
        separator = ":" if len(field) in (3, 5) else ""
        return _offset(moment, "Z" if field[0] == "X" else f"+00{separator}00", separator)
    if field[0] == "S":
        return f"{moment.microsecond * 1000:09d}"[: len(field)]
    written = _FIELDS.get(field)
    if written is None:
        raise invalid_arguments(f"{field} stands for nothing in a pattern of timestamps.")
    return written(moment)


_FIELDS: dict[str, Callable[[datetime], str]] = {
    "yy": lambda moment: f"{moment.year % 100:02d}",
    "y": lambda moment: str(moment.year),
    "yyyy": lambda moment: f"{moment.year:04d}",
    "M": lambda moment: str(moment.month),
    "MM": lambda moment: f"{moment.month:02d}",
    "MMM": lambda moment: calendar.month_abbr[moment.month],
    "MMMM": lambda moment: calendar.month_name[moment.month],
    "MMMMM": lambda moment: calendar.month_name[moment.month][0],
    "d": lambda moment: str(moment.day),
    "dd": lambda moment: f"{moment.day:02d}",
    "a": lambda moment: "AM" if moment.hour < 12 else "PM",
    "h": lambda moment: str(moment.hour % 12 or 12),
    "hh": lambda moment: f"{moment.hour % 12 or 12:02d}",
    "H": lambda moment: str(moment.hour),
    "HH": lambda moment: f"{moment.hour:02d}",
    "m": lambda moment: str(moment.minute),
    "mm": lambda moment: f"{moment.minute:02d}",
    "s": lambda moment: str(moment.second),
    "ss": lambda moment: f"{moment.second:02d}",
    "n": lambda moment: str(moment.microsecond * 1000),
}
