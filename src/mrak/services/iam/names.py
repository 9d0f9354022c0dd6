"""Names, ids, ARNs, tags and pages: what all of IAM's resources share.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mrak.core.context import Context
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.iam import errors

T = TypeVar("T")

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
ID_PREFIXES = {
    "role": "AROA",
    "user": "AIDA",
    "group": "AGPA",
    "policy": "ANPA",
    "credential": "ACCA",
    "instance-profile": "AIPA",
    "server-certificate": "ASCA",
    "ssh-key": "APKA",
}
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_MOST_TAGS = 50
_PAGE = 100


def new_id(ctx: Context, kind: str) -> str:
    """Twenty-one characters, of which the first four say what it is."""
    return ID_PREFIXES[kind] + ctx.draw.alphanumeric(17, _ID_ALPHABET)


def arn_of(scope: Scope, kind: str, path: str, name: str) -> str:
    return f"arn:{scope.partition}:iam::{scope.account}:{kind}{path}{name}"


def check_path(path: str) -> str:
    """A path, which begins and ends with a slash."""
    if not (path.startswith("/") and path.endswith("/")):
        raise errors.invalid_path()
    return path


def name_in(arn: str) -> str:
    """The last part of an ARN's resource."""
    return arn.rpartition("/")[2]


def parse_tags(tags: list[dict[str, str]], present: dict[str, str] | None = None) -> dict[str, str]:
    """Tags as a dict, joined to those that are there. Keys are unique without regard to case."""
    lower = [tag["Key"].lower() for tag in tags]
    if len(set(lower)) != len(lower):
        raise errors.duplicate_tags()
    kept = {key: value for key, value in (present or {}).items() if key.lower() not in lower}
    joined = kept | {tag["Key"]: tag["Value"] for tag in tags}
    if len(joined) > _MOST_TAGS:
        raise errors.invalid_input("The number of tags has reached the maximum limit.")
    return joined


def render_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def without_tags(tags: dict[str, str], keys: list[str]) -> dict[str, str]:
    removed = {key.lower() for key in keys}
    return {key: value for key, value in tags.items() if key.lower() not in removed}


def marker_position(req: dict[str, Any]) -> str | None:
    """Where a listing goes on."""
    if "Marker" not in req:
        return None
    position = find_position(req["Marker"])
    if position is None:
        raise errors.validation("Invalid Marker.")
    return position


def page_of(
    req: dict[str, Any], member: str, rows: Iterable[T], position: Callable[[T], str], render: Callable[[T], Any]
) -> dict[str, Any]:
    """One page of a listing in IAM's shape."""
    page, token = take_page(rows, req.get("MaxItems", _PAGE), position)
    answer: dict[str, Any] = {member: [render(row) for row in page], "IsTruncated": token is not None}
    if token is not None:
        answer["Marker"] = token
    return answer


def page_of_names(req: dict[str, Any], member: str, names: Iterable[T], key: Callable[[T], str]) -> dict[str, Any]:
    """One page of what an entity holds in its own row."""
    after = marker_position(req)
    rows = (each for each in sorted(names, key=key) if after is None or key(each) > after)
    return page_of(req, member, rows, key, lambda each: each)
