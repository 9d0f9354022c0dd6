"""Writes that are not in the base yet: a dict, a sorted list of its keys when a scan asks, and deleted ranges.

Layers stack: a transaction's own writes over the group that waits for its commit over the group being committed over
the base. Reading goes from the top; the first layer that knows a key decides.
"""

from __future__ import annotations

from bisect import bisect_left

MISSING = object()


class Layer:
    """Uncommitted puts (bytes) and deletes (None), with the ranges deleted before them."""

    __slots__ = ("_sorted", "ranges", "values")

    def __init__(self) -> None:
        self.values: dict[bytes, bytes | None] = {}
        self.ranges: list[tuple[bytes, bytes]] = []
        self._sorted: list[bytes] | None = None

    def __bool__(self) -> bool:
        return bool(self.values or self.ranges)

    def put(self, key: bytes, value: bytes | None) -> None:
        if self._sorted is not None and key not in self.values:
            self._sorted = None
        self.values[key] = value

    def delete_range(self, start: bytes, end: bytes) -> None:
        for key in [k for k in self.values if start <= k < end]:
            del self.values[key]
        self._sorted = None
        self.ranges.append((start, end))

    def find(self, key: bytes) -> object:
        """bytes, None for deleted, MISSING where this layer does not know."""
        found = self.values.get(key, MISSING)
        if found is MISSING and self.ranges and self.covers(key):
            return None
        return found

    def covers(self, key: bytes) -> bool:
        return any(start <= key < end for start, end in self.ranges)

    def absorb(self, upper: Layer) -> None:
        """Takes over what a layer above had."""
        for start, end in upper.ranges:
            self.delete_range(start, end)
        if self._sorted is not None:
            self._sorted = None
        self.values.update(upper.values)

    def keys_between(self, start: bytes, end: bytes, limit: int, reverse: bool) -> list[bytes]:
        """Up to `limit` of this layer's keys in the range, in scan order."""
        if not self.values:
            return []
        if self._sorted is None:
            self._sorted = sorted(self.values)
        low, high = bisect_left(self._sorted, start), bisect_left(self._sorted, end)
        if reverse:
            return self._sorted[max(low, high - limit) : high][::-1]
        return self._sorted[low : min(high, low + limit)]


class Base:
    """What lies under all layers. Subclasses read committed rows."""

    def get(self, key: bytes) -> bytes | None:
        raise NotImplementedError

    def chunk(self, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        """Up to `limit` rows in scan order."""
        raise NotImplementedError

    def count(self, start: bytes, end: bytes) -> int:
        raise NotImplementedError
