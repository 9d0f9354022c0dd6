"""The order in which a hash map of Java's gives back its keys: AWS's messages list names and find paths in it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

_LEAST_BUCKETS = 16
_FULL = 0.75

Key = TypeVar("Key", str, str | int)


def in_hash_order(keys: Collection[Key], size: int | None = None, least_buckets: int = _LEAST_BUCKETS) -> list[Key]:
    """The keys, given in the order in which they came, of a map that has `size` of them, or no others. A map that was
    made for its keys has as few buckets as will do."""
    buckets = least_buckets
    while (size or len(keys)) > buckets * _FULL:
        buckets *= 2
    return sorted(keys, key=lambda key: _spread(key) & (buckets - 1))


def _spread(key: str | int) -> int:
    code = key if isinstance(key, int) else hash_code(key)
    return code ^ (code >> 16)


def hash_code(key: str) -> int:
    """String.hashCode, over units of UTF-16."""
    units = key.encode("utf-16-be", "surrogatepass")
    code = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (31 * code + (high << 8 | low)) & 0xFFFFFFFF
    return code
