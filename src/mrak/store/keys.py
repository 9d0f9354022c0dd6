"""Order-preserving encoding of key tuples: comparing the bytes compares the tuples.

    str    utf-8 with 00 as 00 FF, ended by 00 01      bytes  the same
    int    8 bytes, offset by 2^63                     float  8 bytes IEEE, sign-folded

Text ends with 00 01 so that "a" sorts before "ab" and no text is a prefix of another's encoding. `prefix_end` is the
first key after all that start with a prefix.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

KeyPart = str | int | float | bytes

_OFFSET = 1 << 63
_INT = struct.Struct(">Q")
_FLOAT = struct.Struct(">d")
_END = b"\x00\x01"


def encode_part(part: KeyPart) -> bytes:
    """One part of a key. bool is refused: it would sort with integers by accident."""
    if isinstance(part, str):
        return _encode_text(part)
    if type(part) is int:
        return _INT.pack(part + _OFFSET)
    if isinstance(part, bytes):
        return _terminated(part)
    if isinstance(part, float):
        return encode_float(part)
    raise TypeError(f"not a key part: {part!r}")


@lru_cache(maxsize=2048)
def _encode_text(text: str) -> bytes:
    """Names of tables, accounts and resources come again and again."""
    return _terminated(text.encode())


def _terminated(raw: bytes) -> bytes:
    return raw.replace(b"\x00", b"\x00\xff") + _END if b"\x00" in raw else raw + _END


def first_text(key: bytes) -> bytes:
    """The encoded text that a key begins with."""
    return key[: key.index(_END) + len(_END)]


def encode_float(value: float) -> bytes:
    """IEEE bits with the sign folded, so that negative numbers sort before positive ones."""
    (bits,) = _INT.unpack(_FLOAT.pack(value))
    return _INT.pack(bits ^ 0xFFFFFFFFFFFFFFFF if bits >> 63 else bits | _OFFSET)


def encode(parts: Sequence[KeyPart]) -> bytes:
    return b"".join([encode_part(part) for part in parts])


def prefix_end(prefix: bytes) -> bytes:
    """The smallest key greater than every key that starts with `prefix`. Text parts end with 00 01, so a key made of
    whole parts always has one."""
    stripped = prefix.rstrip(b"\xff")
    assert stripped, "a prefix of nothing but FF has no end"
    return stripped[:-1] + bytes([stripped[-1] + 1])
