"""Tags of buckets and objects: from headers and documents, with AWS's checks.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from mrak.lang.hashorder import in_hash_order
from mrak.services.s3 import errors

_ALLOWED = re.compile(r"[\w\s_.:/=+\-@]*")
# A per cent sign that escapes nothing, or a second equals sign in one pair.
_NO_QUERY = re.compile(r"%(?![0-9A-Fa-f]{2})|=[^&]*=")
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
_MOST_OBJECT_TAGS, _MOST_BUCKET_TAGS = 10, 50
_HEADER = "x-amz-tagging"


def parse_header(text: str) -> dict[str, str]:
    """The tags of an x-amz-tagging header: a URL's query."""
    pairs = parse_qsl(text, keep_blank_values=True)
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or "" in names or _NO_QUERY.search(text):
        raise errors.invalid_argument(
            f"The header '{_HEADER}' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
            "duplicates.",
            _HEADER,
            text,
        )
    _check_count(pairs, _MOST_OBJECT_TAGS, errors.error("BadRequest", "Object tags cannot be greater than 10"))
    _check_object_tags(pairs)
    return dict(pairs)


def parse_object(document: dict[str, Any]) -> dict[str, str]:
    """The tags of a PutObjectTagging document."""
    pairs = _pairs(document)
    _check_object_tags(pairs)
    _check_count(pairs, _MOST_OBJECT_TAGS, errors.error("BadRequest", "Object tags cannot be greater than 10"))
    _check_distinct(pairs)
    return dict(pairs)


def parse_bucket(document: dict[str, Any]) -> dict[str, str]:
    """The tags of a PutBucketTagging document."""
    pairs = _pairs(document)
    for name, value in pairs:
        _check_tag(name, value)
        if name.startswith("aws:"):
            raise errors.invalid_tag("System tags cannot be added/updated by requester", name)
    _check_count(pairs, _MOST_BUCKET_TAGS, errors.error("BadRequest", "Bucket tag count cannot be greater than 50"))
    _check_distinct(pairs)
    return dict(pairs)


def parse_new_bucket(tags: list[dict[str, Any]]) -> dict[str, str]:
    """The tags that a bucket is created with, which have rules of their own."""
    pairs = _pairs({"TagSet": tags})
    for name, value in pairs:
        _check_tag(name, value)
        if name.startswith("aws:"):
            raise errors.invalid_tag(
                'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove '
                '"aws:" from your tag keys and try again.'
            )
    _check_distinct(pairs)
    return dict(pairs)


def render(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": tags[name]} for name in in_hash_order(tags)]


def _pairs(document: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for tag in document.get("TagSet") or []:
        if tag.get("Key") is None or tag.get("Value") is None:
            raise errors.malformed_xml()
        pairs.append((tag["Key"], tag["Value"]))
    return pairs


def _check_object_tags(pairs: list[tuple[str, str]]) -> None:
    for name, value in pairs:
        _check_tag(name, value)
        if name.startswith("aws:"):
            raise errors.invalid_tag("Your TagKey cannot be prefixed with aws:", name)


def _check_tag(name: str, value: str) -> None:
    if not 1 <= len(name) <= _LONGEST_KEY or not _ALLOWED.fullmatch(name):
        raise errors.invalid_tag("The TagKey you have provided is invalid", name)
    if len(value) > _LONGEST_VALUE or not _ALLOWED.fullmatch(value):
        raise errors.invalid_tag("The TagValue you have provided is invalid", name, value)


def _check_count(pairs: list[tuple[str, str]], most: int, complaint: Exception) -> None:
    if len(pairs) > most:
        raise complaint


def _check_distinct(pairs: list[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise errors.invalid_tag("Cannot provide multiple Tags with the same key", name)
        seen.add(name)
