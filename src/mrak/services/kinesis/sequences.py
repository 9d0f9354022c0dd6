"""Sequence numbers in AWS's form: 56 digits, which are 47 hexadecimal ones.

    2 | born: 9 | shard: 1 | place: 16 | 00 | second: 9 | shard: 8 | 2

`born` is the second in which the shard was made, so that a number tells which stream it came from; `place` is the
record's place in its shard, by which records lie in the store. Pure.
"""

from __future__ import annotations

import msgspec

from mrak.services.kinesis.tables import Shard

_LAST_PLACE = (1 << 63) - 1
_LAST_SHARD = (1 << 31) - 1
_DIGITS = 47
# The oldest numbers have 32 hexadecimal digits, the first of which is 1.
_OLDEST, _OLDEST_END = 1 << 124, 1 << 125
# The year 2477, later than which AWS takes no time.
_LAST_SECOND = 16_025_175_000


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
    """None where it is none of AWS's: neither of the present form nor of an older one."""
    number = int(text)
    if number < _OLDEST_END:
        return _parse_oldest(f"{number if number >= _OLDEST else number + _OLDEST:x}")
    digits = f"{number:x}"
    if len(digits) != _DIGITS or digits[0] != "2":
        return None
    born, shard = int(digits[1:10], 16), int(digits[38:46], 16)
    if digits[-1] == "1":
        # The form of 2014, which had the record's place as random digits.
        return Sequence(born, 0, int(digits[13:22], 16), shard)
    place = int(digits[11:27], 16)
    if digits[-1] != "2" or place > _LAST_PLACE or shard > _LAST_SHARD:
        return None
    return Sequence(born, place, int(digits[29:38], 16), shard)


def _parse_oldest(digits: str) -> Sequence | None:
    """1 | born: 9 | 2 | 16 | shard: 4, as Kinesis's first streams had them. Small numbers count as such ones."""
    born = int(digits[1:10], 16)
    return None if born >= _LAST_SECOND else Sequence(born, 0, born, int(digits[28:32], 16))


def normalise(text: str) -> str:
    """A number as AWS repeats it in messages: a small one as one of the oldest form."""
    return str(int(text) + _OLDEST) if int(text) < _OLDEST else text
