"""CBOR (RFC 8949) as Smithy's RPC v2 uses it: definite and indefinite items, tag 1 for timestamps, no other tags.

A codec of our own, since the format's part in use is small and hostile nesting and lengths must fail cleanly.
"""

from __future__ import annotations

import struct
from typing import Any

MAX_DEPTH = 100

_BREAK = object()
_FLOATS = {25: struct.Struct("!e"), 26: struct.Struct("!f"), 27: struct.Struct("!d")}
_DOUBLE = _FLOATS[27]


class CborError(ValueError):
    """Bytes that are not the CBOR that AWS reads."""


class Timestamp(float):
    """Epoch seconds that are written with tag 1."""

    __slots__ = ()


def decode(data: bytes) -> Any:
    """The one item that `data` holds. Raises CborError."""
    decoder = _Decoder(data)
    value = decoder.item(0)
    if value is _BREAK or decoder.position != len(data):
        raise CborError("unexpected data")
    return value


class _Decoder:
    __slots__ = ("data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.data):
            raise CborError("unexpected end of data")
        chunk = self.data[self.position : end]
        self.position = end
        return chunk

    def argument(self, info: int) -> int | None:
        """The number that an item's head carries; None for indefinite length."""
        if info < 24:
            return info
        if info == 31:
            return None
        if info > 27:
            raise CborError("reserved length")
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def item(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise CborError("nested too deeply")
        head = self.take(1)[0]
        major, info = head >> 5, head & 31
        if major == 7:
            return self.simple(info)
        argument = self.argument(info)
        if major in (2, 3):
            return self.text(argument, major, depth) if major == 3 else self.bytes(argument, major, depth)
        if major == 4:
            return self.array(argument, depth)
        if major == 5:
            return self.map(argument, depth)
        if argument is None:
            raise CborError("number of indefinite length")
        if major == 6:
            return self.tagged(argument, depth)
        return argument if major == 0 else -1 - argument

    def simple(self, info: int) -> Any:
        if info in _FLOATS:
            return _FLOATS[info].unpack(self.take(1 << (info - 24)))[0]
        if info in (20, 21):
            return info == 21
        if info in (22, 23):
            return None
        if info == 31:
            return _BREAK
        raise CborError("unknown simple value")

    def bytes(self, size: int | None, major: int, depth: int) -> bytes:
        if size is not None:
            return self.take(size)
        chunks: list[bytes] = []
        while True:
            head = self.take(1)[0]
            if head == 0xFF:
                return b"".join(chunks)
            argument = self.argument(head & 31)
            if head >> 5 != major or argument is None:
                raise CborError("malformed chunk")
            chunks.append(self.take(argument))

    def text(self, size: int | None, major: int, depth: int) -> str:
        try:
            return self.bytes(size, major, depth).decode("utf-8")
        except UnicodeDecodeError as error:
            raise CborError("text is not UTF-8") from error

    def array(self, size: int | None, depth: int) -> list[Any]:
        items: list[Any] = []
        while size is None or len(items) < size:
            value = self.item(depth + 1)
            if value is _BREAK:
                if size is None:
                    break
                raise CborError("unexpected break")
            items.append(value)
        return items

    def map(self, size: int | None, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        count = 0
        while size is None or count < size:
            key = self.item(depth + 1)
            if key is _BREAK and size is None:
                break
            if not isinstance(key, str):
                raise CborError("key is not text")
            value = self.item(depth + 1)
            if value is _BREAK:
                raise CborError("unexpected break")
            result[key] = value
            count += 1
        return result

    def tagged(self, tag: int, depth: int) -> Any:
        value = self.item(depth + 1)
        if tag == 1:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise CborError("timestamp is not a number")
            return float(value)
        if tag in (2, 3) and isinstance(value, bytes) and len(value) <= 64:
            number = int.from_bytes(value, "big")
            return number if tag == 2 else -1 - number
        return value


def encode(value: Any) -> bytes:
    out: list[bytes] = []
    _write(value, out)
    return b"".join(out)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise CborError("number too large")


def _write(value: Any, out: list[bytes]) -> None:
    if value is None:
        out.append(b"\xf6")
    elif isinstance(value, bool):
        out.append(b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        out.append(_head(0, value) if value >= 0 else _head(1, -1 - value))
    elif isinstance(value, str):
        content = value.encode("utf-8", "replace")
        out += (_head(3, len(content)), content)
    elif isinstance(value, float):
        _write_float(value, out)
    elif isinstance(value, bytes):
        out += (_head(2, len(value)), value)
    elif isinstance(value, list):
        out.append(_head(4, len(value)))
        for item in value:
            _write(item, out)
    else:
        out.append(_head(5, len(value)))
        for key, item in value.items():
            _write(key, out)
            _write(item, out)


def _write_float(value: float, out: list[bytes]) -> None:
    if isinstance(value, Timestamp):
        out.append(b"\xc1")
        if float(value).is_integer():
            _write(int(value), out)
            return
    out.append(b"\xfb" + _DOUBLE.pack(value))
