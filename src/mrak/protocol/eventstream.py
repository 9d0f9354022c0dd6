"""Frames of application/vnd.amazon.eventstream: a prelude, typed headers, a payload, two CRCs.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html shows the layout.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mrak.core.errors import ApiError
from mrak.protocol.model import Member, Shape

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_FRAME_BYTES = 24 * 1024 * 1024

_PRELUDE = struct.Struct("!II")
_CRC = struct.Struct("!I")
_STRING, _BYTES, _TIMESTAMP, _UUID = 7, 6, 8, 9
_SIZES = {2: 1, 3: 2, 4: 4, 5: 8, _TIMESTAMP: 8, _UUID: 16}
_TRUE, _FALSE = 0, 1

PayloadRenderer = Callable[[dict[str, Any]], bytes]
FrameEncoder = Callable[[AsyncIterator[dict[str, Any]], bytes | None], AsyncIterator[bytes]]


class FrameError(ValueError):
    """Bytes that are no event stream frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    headers: dict[str, Any]
    payload: bytes


def encode_frame(headers: dict[str, Any], payload: bytes) -> bytes:
    block = b"".join(_encode_header(name, value) for name, value in headers.items())
    total = 16 + len(block) + len(payload)
    prelude = _PRELUDE.pack(total, len(block))
    message = prelude + _CRC.pack(zlib.crc32(prelude)) + block + payload
    return message + _CRC.pack(zlib.crc32(message))


def _encode_header(name: str, value: Any) -> bytes:
    key = name.encode()
    start = bytes([len(key)]) + key
    if isinstance(value, bool):
        return start + bytes([_TRUE if value else _FALSE])
    if isinstance(value, int):
        return start + b"\x05" + value.to_bytes(8, "big", signed=True)
    if isinstance(value, float):
        return start + bytes([_TIMESTAMP]) + round(value * 1000).to_bytes(8, "big", signed=True)
    kind = _BYTES if isinstance(value, bytes) else _STRING
    content = value if isinstance(value, bytes) else str(value).encode()
    return start + bytes([kind]) + len(content).to_bytes(2, "big") + content


def decode_frames(buffer: bytes) -> Iterator[Frame]:
    """All frames of a buffer that ends with a whole one. Raises FrameError."""
    offset = 0
    while offset < len(buffer):
        if len(buffer) - offset < 16:
            raise FrameError("truncated prelude")
        total, header_size = _PRELUDE.unpack_from(buffer, offset)
        if not 16 + header_size <= total <= min(MAX_FRAME_BYTES, len(buffer) - offset):
            raise FrameError("impossible frame length")
        yield _decode_frame(buffer[offset : offset + total], header_size)
        offset += total


def _decode_frame(frame: bytes, header_size: int) -> Frame:
    (prelude_crc,) = _CRC.unpack_from(frame, 8)
    (message_crc,) = _CRC.unpack_from(frame, len(frame) - 4)
    if zlib.crc32(frame[:8]) != prelude_crc or zlib.crc32(frame[:-4]) != message_crc:
        raise FrameError("checksum mismatch")
    return Frame(_decode_headers(frame[12 : 12 + header_size]), frame[12 + header_size : -4])


def _decode_headers(block: bytes) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    position = 0
    try:
        while position < len(block):
            size = block[position]
            name = block[position + 1 : position + 1 + size].decode()
            kind = block[position + 1 + size]
            headers[name], position = _decode_value(block, position + 2 + size, kind)
    except (IndexError, UnicodeDecodeError) as error:
        raise FrameError("malformed headers") from error
    if position != len(block):
        raise FrameError("truncated headers")
    return headers


def _decode_value(block: bytes, position: int, kind: int) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, position
    if kind in (_BYTES, _STRING):
        size = int.from_bytes(block[position : position + 2], "big")
        content = block[position + 2 : position + 2 + size]
        return content if kind == _BYTES else content.decode(), position + 2 + size
    if kind not in _SIZES:
        raise FrameError(f"unknown header type {kind}")
    content = block[position : position + _SIZES[kind]]
    end = position + _SIZES[kind]
    if kind == _UUID:
        return content, end
    number = int.from_bytes(content, "big", signed=True)
    return number / 1000 if kind == _TIMESTAMP else number, end


def compile_encoder(shape: Shape, body_type: str, renderer_of: Callable[[Shape], PayloadRenderer]) -> FrameEncoder:
    """Events of a stream, each a dict of one key, to frames; a raised ApiError becomes the stream's last one."""
    plans = {name: _compile_event(name, member, body_type, renderer_of) for name, member in shape.members.items()}

    async def encode(events: AsyncIterator[dict[str, Any]], initial: bytes | None) -> AsyncIterator[bytes]:
        if initial is not None:
            yield encode_frame(_event_headers("initial-response", body_type), initial)
        try:
            async for event in events:
                ((name, value),) = event.items()
                yield plans[name](value)
        except ApiError as error:
            yield _error_frame(error)

    return encode


def _event_headers(name: str, content_type: str | None) -> dict[str, Any]:
    headers = {":message-type": "event", ":event-type": name}
    if content_type:
        headers[":content-type"] = content_type
    return headers


def _error_frame(error: ApiError) -> bytes:
    headers = {":message-type": "error", ":error-code": error.code, ":error-message": error.message}
    return encode_frame(headers, b"")


def _compile_event(
    name: str, member: Member, body_type: str, renderer_of: Callable[[Shape], PayloadRenderer]
) -> Callable[[dict[str, Any]], bytes]:
    shape = member.shape
    in_headers = [key for key, m in shape.members.items() if m.traits.get("eventheader")]
    payload = next((key for key, m in shape.members.items() if m.traits.get("eventpayload")), None)
    if payload is not None:
        render, content_type = _payload_renderer(payload, shape.members[payload].shape, body_type, renderer_of)
    elif len(in_headers) < len(shape.members):
        render, content_type = renderer_of(shape), body_type
    else:
        render, content_type = _no_payload, ""
    fixed = _event_headers(name, content_type)
    if shape.traits.get("exception"):
        fixed = {":message-type": "exception", ":exception-type": name, ":content-type": body_type}

    def encode(value: dict[str, Any]) -> bytes:
        headers = fixed | {key: value[key] for key in in_headers if value.get(key) is not None}
        body = {key: item for key, item in value.items() if key not in in_headers}
        return encode_frame(headers, render(body))

    return encode


def _no_payload(value: dict[str, Any]) -> bytes:
    return b""


def _payload_renderer(
    name: str, shape: Shape, body_type: str, renderer_of: Callable[[Shape], PayloadRenderer]
) -> tuple[PayloadRenderer, str]:
    if shape.type == "blob":
        return (lambda value: _bytes_of(value.get(name))), "application/octet-stream"
    if shape.type == "string":
        return (lambda value: _bytes_of(value.get(name))), "text/plain"
    render = renderer_of(shape)
    return (lambda value: render(value.get(name) or {})), body_type


def _bytes_of(value: Any) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else bytes(value)
