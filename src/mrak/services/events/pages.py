"""Listings: the first rows of a scan, and the token of where it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any, TypeVar

from mrak.core.page import find_position, take_page
from mrak.services.events import errors

T = TypeVar("T")
LIMIT = 100


def read_position(req: dict[str, Any]) -> str | None:
    """Where a NextToken says that the listing goes on."""
    token = req.get("NextToken")
    if not token:
        return None
    position = find_position(token)
    if position is None:
        raise errors.invalid_parameter("NextToken")
    return position


def with_prefix(rows: Iterable[T], prefix: str, name_of: Callable[[T], str]) -> Iterator[T]:
    """The rows (in the order of their names) whose names begin with the prefix."""
    return takewhile(lambda row: name_of(row).startswith(prefix), rows)


def render(
    req: dict[str, Any], member: str, rows: Iterable[T], name_of: Callable[[T], str], show: Callable[[T], Any]
) -> dict[str, Any]:
    page, token = take_page(rows, req.get("Limit") or LIMIT, name_of)
    listed = {member: [show(row) for row in page]}
    return listed | ({"NextToken": token} if token else {})
