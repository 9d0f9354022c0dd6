"""Which functions a chain of requests has gone through, and how often: the Lineage field of a trace header.

Lambda writes it (`Lineage=a87bd80c:1|68fd508a:5`), SDKs and services carry it on, and a function that comes up too
often is in a loop. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

import zlib

FIELD = "Lineage"
MOST_INVOCATIONS = 16
"""About as often a function may come up in one chain of requests."""
_LONGEST = 2048


def find_lineage(header: str) -> str:
    """The field's value in a trace header; "" where it has none."""
    for field in header.split(";"):
        name, _, value = field.strip().partition("=")
        if name == FIELD and len(value) <= _LONGEST:
            return value
    return ""


def count_of(lineage: str, function: str) -> int:
    """How often the function has come up."""
    return _parse(lineage).get(_key_of(function), 0) if lineage else 0


def depth_of(lineage: str) -> int:
    """How many invocations lie behind."""
    return sum(_parse(lineage).values())


def extend(lineage: str, function: str) -> str:
    """The lineage with one more invocation of the function."""
    counts = _parse(lineage)
    key = _key_of(function)
    counts[key] = counts.get(key, 0) + 1
    return "|".join(f"{name}:{count}" for name, count in counts.items())


def _key_of(function: str) -> str:
    return f"{zlib.crc32(function.encode()):08x}"


def _parse(lineage: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for part in lineage.split("|"):
        name, _, count = part.rpartition(":")
        if name and count.isascii() and count.isdigit():
            counts[name[-16:]] = min(int(count[:6]), 1_000_000)
    return counts
