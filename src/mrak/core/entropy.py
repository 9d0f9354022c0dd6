"""Ids and randomness as parameters, so that one seed can replay a run.

A request draws through `Draws`, which remembers what it drew: when its transaction function has to run again, it
sees the same ids.
"""

from __future__ import annotations

import os
import random
import time
from typing import Protocol

_HEX = "0123456789abcdef"


class Entropy(Protocol):
    def bytes(self, size: int) -> bytes: ...

    def sequence(self) -> int:
        """A number larger than all before it, also than those of earlier runs; 63 bits."""
        ...


class SystemEntropy:
    """The operating system's randomness, fetched in pages to save system calls."""

    _PAGE_BYTES = 4096

    def __init__(self) -> None:
        self._page = b""
        self._at = 0
        self._last = 0

    def bytes(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._page):
            if size > self._PAGE_BYTES:
                return os.urandom(size)
            self._page, self._at, end = os.urandom(self._PAGE_BYTES), 0, size
        drawn = self._page[self._at : end]
        self._at = end
        return drawn

    def sequence(self) -> int:
        # Nanoseconds keep it growing over restarts; the max keeps it growing when the clock is set back.
        self._last = max(self._last + 1, time.time_ns())
        return self._last


class SeededEntropy:
    """The same run for the same seed; never for production."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._last = 0

    def bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def sequence(self) -> int:
        self._last += 1
        return self._last


class Draws:
    """What one request drew, in order; `rewind` to a `mark` makes the next attempt see the same."""

    __slots__ = ("_drawn", "_entropy", "_next")

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._drawn: list[bytes | int] = []
        self._next = 0

    def mark(self) -> int:
        return self._next

    def rewind(self, mark: int) -> None:
        self._next = mark

    def bytes(self, size: int) -> bytes:
        if self._next < len(self._drawn):
            drawn = self._drawn[self._next]
            assert isinstance(drawn, bytes) and len(drawn) == size, "a second attempt drew differently"
        else:
            drawn = self._entropy.bytes(size)
            self._drawn.append(drawn)
        self._next += 1
        return drawn

    def sequence(self) -> int:
        if self._next < len(self._drawn):
            drawn = self._drawn[self._next]
            assert isinstance(drawn, int), "a second attempt drew differently"
        else:
            drawn = self._entropy.sequence()
            self._drawn.append(drawn)
        self._next += 1
        return drawn

    def hex(self, characters: int) -> str:
        return self.bytes((characters + 1) // 2).hex()[:characters]

    def uuid(self) -> str:
        return format_uuid(self.bytes(16))

    def alphanumeric(self, characters: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz0123456789") -> str:
        size = len(alphabet)
        return "".join(alphabet[b % size] for b in self.bytes(characters))


def format_uuid(sixteen: bytes) -> str:
    """A version 4 UUID made of 16 random bytes."""
    h = sixteen.hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{_HEX[8 | (sixteen[8] & 3)]}{h[17:20]}-{h[20:]}"
