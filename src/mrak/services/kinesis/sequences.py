"""Sequence numbers in AWS's form: 56 digits, which are 47 hexadecimal ones.

    2 | born: 9 | shard: 1 | place: 16 | 00 | second: 9 | shard: 8 | 2

`born` is the second in which the shard was made, so that a number tells which stream it came from; `place` is the
record's place in its shard, by which records lie in the store. Pure.
"""

from __future__ import annotations

import msgspec

from mrak.services.kinesis.tables import Shard

_LAST_PLACE = (1 << 63) - 1
_DIGITS = 47


class Sequence(msgspec.Struct, frozen=True):
    born: int
    place: int
    second: int
    shard: int


def render(shard: Shard, place: int, at: float) -> str:
    second = max(int(at), shard.born)
    return str(int(f"2{shard.born:09x}{shard.index & 15:x}{place:016x}00{second:09x}{shard.index:08x}2", 16))


def render_first(shard: Shard) -> str:
    """The number that all of a shard's records are greater than."""
    return render(shard, 0, shard.born)


def render_last(shard: Shard) -> str:
    """The number that all records of a closed shard are smaller than."""
    assert shard.closed_at is not None, "only a closed shard has a last number"
    return render(shard, _LAST_PLACE, shard.closed_at)


def parse(text: str) -> Sequence | None:
    """None where it is none of AWS's present form."""
    digits = f"{int(text):x}"
    if len(digits) != _DIGITS or digits[0] != "2" or digits[-1] != "2":
        return None
    place = int(digits[11:27], 16)
    if place > _LAST_PLACE:
        return None
    return Sequence(int(digits[1:10], 16), place, int(digits[29:38], 16), int(digits[38:46], 16))
