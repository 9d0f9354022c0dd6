"""What a policy of any service may ask about a request: the global condition keys that depend on how it came, and on
the tags it gives and takes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrak.core.context import Context

_HEADERS = {"referer": "aws:referer", "user-agent": "aws:useragent"}


def conditions(ctx: Context) -> dict[str, Any]:
    found: dict[str, Any] = {
        "aws:requestedregion": ctx.scope.region,
        "aws:securetransport": _is_secure(ctx),
        "aws:sourceip": ctx.source or "127.0.0.1",
    }
    if ctx.http is not None:
        found |= {key: ctx.http.headers[header] for header, key in _HEADERS.items() if header in ctx.http.headers}
    return found


def _is_secure(ctx: Context) -> bool:
    """Whether nobody on the way could listen: TLS, or a request that never left this machine. Buckets that deployment
    tools make (SAM's, the CDK's) deny everything else, and would deny all that comes over http://localhost."""
    return ctx.http is None or ctx.http.scheme == "https" or ctx.http.peer in ("127.0.0.1", "::1")


def tag_conditions(req: dict[str, Any]) -> dict[str, Any]:
    """Of tags as a map or as a list, whose members services spell in one way or another."""
    given = [pair for member in ("Tags", "tags") for pair in _tags_in(req.get(member))]
    taken = [name for member in ("TagKeys", "tagKeys") for name in req.get(member) or ()]
    found: dict[str, Any] = {f"aws:requesttag/{name.lower()}": value for name, value in given}
    names = [*(name for name, _ in given), *taken]
    return found | {"aws:tagkeys": names} if names else found


def _tags_in(tags: Any) -> Iterator[tuple[str, str]]:
    if isinstance(tags, dict):
        yield from ((name, value) for name, value in tags.items() if isinstance(value, str))
    elif isinstance(tags, list):
        for tag in tags:
            spelled = {name.lower(): value for name, value in tag.items()} if isinstance(tag, dict) else {}
            if "key" in spelled:
                yield spelled["key"], spelled.get("value", "")
