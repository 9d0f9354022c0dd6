"""The reference store, and the simulator's: a sorted list of keys beside a dict. Durable as long as the process."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import TypeVar

from mrak.core.context import Transaction
from mrak.store.api import OnDurable
from mrak.store.overlay import Base, Layer
from mrak.store.transaction import BufferedTransaction

T = TypeVar("T")

_SEGMENT = 1024


class SortedRows(Base):
    """Rows in segments of sorted keys, so that inserting moves a thousand keys at most."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._segments: list[list[bytes]] = [[]]
        self._firsts: list[bytes] = [b""]

    def get(self, key: bytes) -> bytes | None:
        return self._values.get(key)

    def chunk(self, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        keys = self._keys_backwards(start, end, limit) if reverse else self._keys_forwards(start, end, limit)
        return [(key, self._values[key]) for key in keys]

    def count(self, start: bytes, end: bytes) -> int:
        first, last = self._segment_of(start), self._segment_of(end)
        total = bisect_left(self._segments[last], end) - bisect_left(self._segments[first], start)
        return total + sum(len(self._segments[i]) for i in range(first, last))

    def apply(self, layer: Layer) -> None:
        for start, end in layer.ranges:
            for key, _ in self.chunk(start, end, len(self._values), False):
                self._remove(key)
        for key, value in layer.values.items():
            if value is None:
                self._remove(key)
            else:
                self._insert(key, value)

    def _segment_of(self, key: bytes) -> int:
        return max(bisect_left(self._firsts, key + b"\x00") - 1, 0)

    def _insert(self, key: bytes, value: bytes) -> None:
        if key not in self._values:
            at = self._segment_of(key)
            segment = self._segments[at]
            insort(segment, key)
            if len(segment) > 2 * _SEGMENT:
                self._segments.insert(at + 1, segment[_SEGMENT:])
                self._firsts.insert(at + 1, segment[_SEGMENT])
                del segment[_SEGMENT:]
        self._values[key] = value

    def _remove(self, key: bytes) -> None:
        if self._values.pop(key, None) is None:
            return
        at = self._segment_of(key)
        segment = self._segments[at]
        del segment[bisect_left(segment, key)]
        if not segment and at:
            del self._segments[at], self._firsts[at]

    def _keys_forwards(self, start: bytes, end: bytes, limit: int) -> list[bytes]:
        keys: list[bytes] = []
        at = self._segment_of(start)
        while at < len(self._segments) and len(keys) < limit:
            segment = self._segments[at]
            low = bisect_left(segment, start)
            high = bisect_left(segment, end)
            keys += segment[low : min(high, low + limit - len(keys))]
            if high < len(segment):
                break
            at += 1
        return keys

    def _keys_backwards(self, start: bytes, end: bytes, limit: int) -> list[bytes]:
        keys: list[bytes] = []
        at = self._segment_of(end)
        while at >= 0 and len(keys) < limit:
            segment = self._segments[at]
            low = bisect_left(segment, start)
            high = bisect_left(segment, end)
            keys += segment[max(low, high - limit + len(keys)) : high][::-1]
            if low > 0:
                break
            at -= 1
        return keys


class MemoryStore:
    """Every transaction is applied at once; nothing outlives the process."""

    def __init__(self, on_durable: OnDurable, sequence: Callable[[], int]) -> None:
        self._rows = SortedRows()
        self._on_durable = on_durable
        self._sequence = sequence

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        tx = BufferedTransaction([], self._rows, self._sequence)
        result = function(tx)
        if tx.own:
            self._rows.apply(tx.own)
        if tx.aftermath:
            self._on_durable(tx.aftermath)
        return result

    async def close(self) -> None:
        pass
