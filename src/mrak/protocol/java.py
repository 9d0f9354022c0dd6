"""What AWS's answers show of the Java behind them: its hash of a text, and the order of its hash tables."""

from __future__ import annotations

from collections.abc import Iterable


def hash_code(text: str) -> int:
    """String.hashCode(), without a sign."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value


def in_hash_order(names: Iterable[str], least_buckets: int = 1) -> list[str]:
    """The names as a HashMap lists them: three quarters full at most, those of one bucket as they came."""
    unique = list(dict.fromkeys(names))
    buckets = least_buckets
    while 3 * buckets < 4 * len(unique):
        buckets *= 2
    return sorted(unique, key=lambda name: _spread(hash_code(name)) % buckets)


def _spread(code: int) -> int:
    return code ^ (code >> 16)
