"""Response heads as bytes. Pure; what is always the same is made once.

Invariant: nothing in a header can end it: a value with CR, LF or NUL is a ValueError, never a second header.
"""

from __future__ import annotations

import re
import time
from http import HTTPStatus

from mrak.core.http import Response

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_FORBIDDEN = re.compile(r"[\r\n\0]")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Statuses that never have a body, nor a length (RFC 9110, 6.4.1 and 8.6).
BODILESS = frozenset({100, 101, 102, 103, 204, 304})


def length_without_body(response: Response, length_bytes: int) -> int | None:
    """What the head says of a body that is not sent: nothing where the status has none, or the handler says it itself;
    else, to HEAD, what GET would have got."""
    if response.status in BODILESS:
        return None
    named = any(name.lower() == "content-length" for name, _ in response.headers)
    return None if named else length_bytes


class DateHeader:
    """The Date header's line, made anew once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._line = ""

    def line(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = f"date: {format_http_date(second)}\r\n"
        return self._line

    def value(self) -> str:
        """What it says, without its name and end."""
        return self.line()[len("date: ") : -len("\r\n")]


def format_http_date(second: int) -> str:
    """RFC 9110, 5.6.7, whatever the locale. email.utils has this too, but costs half a MiB to import."""
    year, month, day, hour, minute, seconds, weekday, _, _ = time.gmtime(second)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{seconds:02} GMT"


def render_head(
    status: int, headers: list[tuple[str, str]], length_bytes: int | None, date_line: str, *, keep_alive: bool
) -> bytes:
    """The head of a response; `length_bytes` is None where the handler or the framing says it."""
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    block = "".join(lines)
    # A forged line is told by its count, so that the usual case costs two scans in C.
    if block.count("\n") != len(lines) or block.count("\r") != len(lines) or "\0" in block:
        raise ValueError(f"a header holds CR, LF or NUL: {_find_forged(headers)}")
    length = "" if length_bytes is None else f"content-length: {length_bytes}\r\n"
    connection = "" if keep_alive else "connection: close\r\n"
    head = f"{_status_line(status)}{block}{date_line}{length}{connection}\r\n"
    # UTF-8 beyond ASCII, the same that a request's headers are read as.
    return head.encode()


def check_headers(headers: list[tuple[str, str]]) -> None:
    """The same check for heads that are rendered elsewhere."""
    if any(_FORBIDDEN.search(name) or _FORBIDDEN.search(value) for name, value in headers):
        raise ValueError(f"a header holds CR, LF or NUL: {_find_forged(headers)}")


def _status_line(status: int) -> str:
    return _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"


def _find_forged(headers: list[tuple[str, str]]) -> str:
    return next(name for name, value in headers if _FORBIDDEN.search(name) or _FORBIDDEN.search(value))
