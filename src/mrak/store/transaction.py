"""The transaction of the stores that keep uncommitted writes in memory (memory, sqlite).

Handlers run one at a time, so opening an entity needs no lock here; it is recorded all the same, and writing what was
not opened fails as it would where locks are real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mrak.core.background import Consumer, Delivery, Timer
from mrak.store import background
from mrak.store.api import Aftermath, UnopenedWrite
from mrak.store.overlay import MISSING, Base, Layer

_FIRST_CHUNK = 16
_LARGEST_CHUNK = 512
_LAYER_CHUNK = 32

Row = tuple[bytes, bytes]


class BufferedTransaction:
    """`lower` are the layers between this transaction and the base, topmost first. `saw` becomes the index of the
    topmost of them that something was read from (None: only durable rows were seen)."""

    __slots__ = ("_opened", "_sequence", "aftermath", "base", "lower", "own", "saw")

    def __init__(self, lower: list[Layer], base: Base, sequence: Callable[[], int]) -> None:
        self.own = Layer()
        self.lower = lower
        self.base = base
        self.saw: int | None = None
        self.aftermath = Aftermath()
        self._opened: set[bytes] = set()
        self._sequence = sequence

    def lock(self, entity: bytes) -> None:
        self._opened.add(entity)

    def check_open(self, entity: bytes) -> None:
        if entity not in self._opened:
            raise UnopenedWrite(f"written but not opened: {entity!r}")

    def get(self, key: bytes) -> bytes | None:
        found = self.own.find(key)
        if found is not MISSING:
            return found  # type: ignore[return-value]
        for depth, layer in enumerate(self.lower):
            found = layer.find(key)
            if found is not MISSING:
                self._note(depth)
                return found  # type: ignore[return-value]
        return self.base.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    def put(self, key: bytes, value: bytes) -> None:
        self.own.put(key, value)

    def delete(self, key: bytes) -> None:
        self.own.put(key, None)

    def delete_range(self, start: bytes, end: bytes) -> None:
        self.own.delete_range(start, end)

    def scan(self, start: bytes, end: bytes, limit: int | None = None, reverse: bool = False) -> Iterator[Row]:
        size = _FIRST_CHUNK if limit is None else min(limit, _FIRST_CHUNK)
        left = -1 if limit is None else limit
        while start < end and left != 0:
            rows, reach = self._chunk(start, end, size, reverse)
            for row in rows:
                yield row
                left -= 1
                if left == 0:
                    return
            if reach is None:
                return
            if reverse:
                end = reach
            else:
                start = reach + b"\x00"
            size = min(size * 4, _LARGEST_CHUNK)

    def count(self, start: bytes, end: bytes) -> int:
        layers = [self.own, *self.lower]
        if any(layer.ranges for layer in layers):
            return sum(1 for _ in self.scan(start, end))
        total = self.base.count(start, end)
        seen: set[bytes] = set()
        for depth, layer in enumerate(layers):
            for key in layer.keys_between(start, end, len(layer.values), False):
                if depth:
                    self._note(depth - 1)
                if key not in seen:
                    seen.add(key)
                    total += (layer.values[key] is not None) - (self.base.get(key) is not None)
        return total

    def claim(self, start: bytes, end: bytes, limit: int) -> list[Row]:
        rows = list(self.scan(start, end, limit))
        self._opened.update(key for key, _ in rows)
        return rows

    def notify(self, topic: str) -> None:
        self.aftermath.topics.append(topic)

    def enqueue(self, delivery: Delivery) -> None:
        if delivery.at_once:
            self.aftermath.at_once.append(delivery)
            return
        key = background.delivery_key(delivery.lane, self._sequence())
        self.own.put(key, background.encode(delivery))
        self.aftermath.deliveries.append((key, delivery))

    def at(self, timer: Timer) -> None:
        self.own.put(background.timer_key(timer), background.encode(timer))
        self.aftermath.expect(timer.due_at)

    def cancel(self, timer: Timer) -> None:
        self.own.put(background.timer_key(timer), None)

    def consume(self, consumer: Consumer) -> None:
        self.own.put(background.consumer_key(consumer), background.encode(consumer))
        self.aftermath.consumers.append((consumer, True))

    def unconsume(self, consumer: Consumer) -> None:
        self.own.put(background.consumer_key(consumer), None)
        self.aftermath.consumers.append((consumer, False))

    def nested(self) -> BufferedTransaction:
        """A transaction inside this one, which sees what this one wrote; `join` it, or forget it."""
        return BufferedTransaction([self.own, *self.lower], self.base, self._sequence)

    def join(self, inner: BufferedTransaction) -> None:
        """Takes over what a nested transaction has done."""
        self.own.absorb(inner.own)
        self.aftermath.absorb(inner.aftermath)
        if inner.saw is not None:
            # Which layer it was matters little: whoever has written waits for all of them anyway.
            self._note(0)

    def _note(self, depth: int) -> None:
        if self.saw is None or depth < self.saw:
            self.saw = depth

    def _chunk(self, start: bytes, end: bytes, size: int, reverse: bool) -> tuple[list[Row], bytes | None]:
        """The visible rows of the next stretch, and the key up to which it reaches; None where it reached the end."""
        reaches: list[bytes] = []
        known: list[tuple[Layer, list[bytes]]] = []
        hidden = 0
        most = max(size, _LAYER_CHUNK)
        for depth, layer in enumerate([self.own, *self.lower]):
            if not layer:
                continue
            keys = layer.keys_between(start, end, most, reverse)
            if keys or layer.ranges:
                known.append((layer, keys))
                hidden += sum(layer.values[key] is None for key in keys)
                if depth:
                    self._note(depth - 1)
            if len(keys) == most:
                reaches.append(keys[-1])
        # Rows that a layer deletes are read along, so that a queue's head, where most deletes are, takes one read.
        below = self.base.chunk(start, end, size + hidden, reverse)
        if len(below) == size + hidden:
            reaches.append(below[-1][0])
        if not known:
            return below, reaches[0] if reaches else None
        reach = (max(reaches) if reverse else min(reaches)) if reaches else None
        return _merge(below, known, reach, reverse), reach


def _merge(below: list[Row], known: list[tuple[Layer, list[bytes]]], reach: bytes | None, reverse: bool) -> list[Row]:
    """The rows that are visible through the layers (topmost first), no further than `reach`."""
    merged: dict[bytes, bytes | None] = dict(below)
    for layer, keys in reversed(known):
        if layer.ranges:
            merged = {key: None if layer.covers(key) else value for key, value in merged.items()}
        for key in keys:
            merged[key] = layer.values[key]
    rows = [(key, value) for key, value in sorted(merged.items(), reverse=reverse) if value is not None]
    if reach is None:
        return rows
    return [row for row in rows if (row[0] >= reach if reverse else row[0] <= reach)]
