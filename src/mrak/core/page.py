"""Paging: a page of a listing and the opaque token of the next one.

A token is the key to go on from, in a form that a client cannot read meaning into and that we can check.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

_is_number = re.compile(r"[0-9]{1,19}").fullmatch
_MOST_NUMBER = (1 << 63) - 1


def render_token(position: str) -> str:
    """The opaque token for a position (the last key that was returned)."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def find_position(token: str) -> str | None:
    """The position that a token of `render_token` names; None where it is not one of ours."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return raw.decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def find_number(token: str) -> int | None:
    """The same where positions are numbers that count or are keys; None also where it names something else."""
    position = find_position(token)
    if position is None or not _is_number(position):
        return None
    number = int(position)
    return number if number < _MOST_NUMBER else None


def take_page(rows: Iterable[T], size: int, position_of: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The first `size` rows and, where more follow, the token that continues after them."""
    page: list[T] = []
    for row in rows:
        if len(page) == size:
            return page, render_token(position_of(page[-1]))
        page.append(row)
    return page, None
