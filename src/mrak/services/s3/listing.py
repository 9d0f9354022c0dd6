"""Walking a bucket's keys in UTF-8 binary order, folding those that share a common prefix.

What lies under a common prefix is jumped over with a new range, not read; so a page costs what the page holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.s3 import errors
from mrak.services.s3.names import render_owner
from mrak.services.s3.tables import Version
from mrak.store.keys import encode_part, prefix_end
from mrak.store.tables import Table

MOST_KEYS = 1000
# S3's URL encoding leaves slashes and what RFC 3986 calls unreserved, and asterisks.
_PLAIN = "/*"


def text_start(text: str) -> bytes:
    """The first bytes of the keys of all texts that start with `text`."""
    return encode_part(text)[:-2]


class Walk:
    """Rows of a table whose key is (bucket, key, ...), and the common prefixes in between, in order.

    `after` is exclusive: a key, or the common prefix that stands for all keys under it. With `hides_markers`, a prefix
    is there only if something under it is not deleted.
    """

    hides_markers = False

    def __init__(self, table: Table[Any], scope: Scope, bucket: str, prefix: str, delimiter: str, after: str) -> None:
        self._table = table
        self._base = table.key(scope, bucket)
        self._prefix = prefix
        self._delimiter = delimiter
        start = self._base + text_start(prefix)
        self._end = prefix_end(start)
        self._start = max(start, self._start_after(after)) if after else start

    def _start_after(self, after: str) -> bytes:
        folded = self.fold(after)
        if folded is not None:
            return prefix_end(self._base + text_start(folded))
        return prefix_end(self._base + encode_part(after))

    def fold(self, key: str) -> str | None:
        """The common prefix that a key belongs to."""
        if not self._delimiter or not key.startswith(self._prefix):
            return None
        at = key.find(self._delimiter, len(self._prefix))
        return None if at < 0 else key[: at + len(self._delimiter)]

    def holds(self, key: str) -> bool:
        """Whether a key is shown as itself."""
        return key.startswith(self._prefix) and self.fold(key) is None

    def rows(self, tx: Transaction) -> Iterator[Any]:
        """Records, and common prefixes as text."""
        start = self._start
        while start < self._end:
            jump = None
            for row in self._table.scan_between(tx, start, self._end):
                folded = self.fold(row.key) if self._delimiter else None
                if folded is None:
                    yield row
                    continue
                jump = folded
                if not self.hides_markers or not row.is_marker or self._lives(tx, folded):
                    yield folded
                break
            if jump is None:
                return
            start = prefix_end(self._base + text_start(jump))

    def _lives(self, tx: Transaction, folded: str) -> bool:
        """Whether anything under a common prefix, whose first key is deleted, is not."""
        start = self._base + text_start(folded)
        return any(not row.is_marker for row in self._table.scan_between(tx, start, prefix_end(start)))


def check_encoding(req: dict[str, Any]) -> bool:
    """Whether names are to be URL-encoded."""
    wanted = req.get("EncodingType")
    if wanted is None:
        return False
    if wanted != "url":
        message = "Invalid Encoding Method specified in Request"
        raise errors.invalid_argument(message, "encoding-type", wanted)
    return True


def encode(text: str, url: bool) -> str:
    return quote(text, safe=_PLAIN) if url else text


def check_count(req: dict[str, Any], member: str, name: str) -> int:
    """How many rows a page may have; S3 cuts what is above a thousand."""
    return min(check_natural(req.get(member, MOST_KEYS), name), MOST_KEYS)


def check_natural(value: int, name: str) -> int:
    if value < 0:
        message = f"Argument {name} must be an integer between 0 and 2147483647"
        raise errors.invalid_argument(message, name, str(value))
    return value


def render_version(version: Version, url: bool, with_owner: bool = True) -> dict[str, Any]:
    """An object as listings show it."""
    shown: dict[str, Any] = {
        "Key": encode(version.key, url),
        "LastModified": float(int(version.modified_at)),
        "ETag": f'"{version.etag}"',
        "Size": version.size_bytes,
        "StorageClass": version.storage_class,
    }
    if version.checksum_algorithm:
        shown["ChecksumAlgorithm"] = [version.checksum_algorithm]
        shown["ChecksumType"] = version.checksum_type
    if with_owner:
        shown["Owner"] = render_owner(version.account)
    return shown


def render_prefixes(prefixes: list[str], url: bool) -> list[dict[str, str]]:
    return [{"Prefix": encode(prefix, url)} for prefix in prefixes]
