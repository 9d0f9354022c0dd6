"""Tags of groups and sampling rules."""

from __future__ import annotations

from mrak.services.xray import errors

_MOST = 50


def parse_tags(present: dict[str, str], tags: list[dict[str, str]]) -> dict[str, str]:
    for tag in tags:
        if tag["Key"].lower().startswith("aws:"):
            raise errors.invalid_request("Tag keys can't begin with aws:")
    joined = present | {tag["Key"]: tag["Value"] for tag in tags}
    if len(joined) > _MOST:
        raise errors.too_many_tags()
    return joined
