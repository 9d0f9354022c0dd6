"""Rules of tags. https://docs.aws.amazon.com/streams/latest/dev/tagging.html"""

from __future__ import annotations

import re

from mrak.services.kinesis import errors

_MOST_TAGS = 50
_ALLOWED = re.compile(r"[\w\s./=+\-@:%]*")


def check_characters(texts: list[str], verb: str, name: str, account: str) -> None:
    if not all(_ALLOWED.fullmatch(text) for text in texts):
        raise errors.invalid_tag_characters()
    if any("%" in text for text in texts):
        raise errors.illegal_tags(verb, name, account)


def check_new(tags: dict[str, str], name: str, account: str) -> None:
    """Raises where tags of something new cannot be."""
    check_characters([*tags, *tags.values()], "add tags to", name, account)
    if any(key.startswith("aws:") for key in tags):
        raise errors.invalid("Tag keys cannot begin with aws:.")
    if len(tags) > _MOST_TAGS:
        raise errors.too_many_tags(name, account, _MOST_TAGS)


def added(old: dict[str, str], new: dict[str, str], name: str, account: str) -> dict[str, str]:
    """Tags with new ones over them. Raises where that cannot be."""
    check_new(new, name, account)
    both = {**old, **new}
    if len(both) > _MOST_TAGS:
        raise errors.too_many_tags(name, account, _MOST_TAGS)
    return both
