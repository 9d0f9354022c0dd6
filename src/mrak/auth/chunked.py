"""Bodies in the `aws-chunked` encoding, in which SDKs send uploads to S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html

A body is a row of chunks, each perhaps signed over its data and the signature before it, and perhaps followed by
trailing headers (a checksum). `ChunkedDecoder` is a state machine without I/O; `ChunkedBody` puts it on a stream.

Invariants: memory is bounded by what was fed last and the two limits below; data leaves before the signature of its
chunk has been checked, so nothing may be committed before `finish()` has returned.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator
from enum import Enum
from hashlib import sha256
from typing import Final

from mrak.auth.flavours import S3
from mrak.auth.signature import Signature
from mrak.auth.sigv4 import EMPTY_SHA256, signing_key
from mrak.core.errors import ApiError
from mrak.core.http import BodyStream

SMALLEST_CHUNK_BYTES: Final = 8192
_LINE_LIMIT_BYTES: Final = 1024
_TRAILER_LIMIT_BYTES: Final = 16 * 1024
_CHUNK_HEADER: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?").fullmatch


class _State(Enum):
    HEADER = 0
    DATA = 1
    DATA_END = 2
    TRAILER = 3
    DONE = 4


class ChunkSigner:
    """The chain of chunk signatures, which starts at the signature of the request's head."""

    __slots__ = ("_key", "_previous", "_scope")

    def __init__(self, seed: Signature, secret: str) -> None:
        self._key = signing_key(secret, seed.date, seed.region, seed.service)
        self._scope = f"{seed.timestamp}\n{seed.scope}\n"
        self._previous = seed.signature

    def check_chunk(self, digest: str, claimed: str) -> None:
        self._check(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._scope}{self._previous}\n{EMPTY_SHA256}\n{digest}", claimed)

    def check_trailer(self, digest: str, claimed: str) -> None:
        self._check(f"AWS4-HMAC-SHA256-TRAILER\n{self._scope}{self._previous}\n{digest}", claimed)

    def _check(self, text: str, claimed: str) -> None:
        ours = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(ours.encode(), claimed.encode()):
            raise S3.error("mismatch")
        self._previous = ours


class ChunkedDecoder:
    """Decodes one body: `feed` it as it comes, then `finish`."""

    __slots__ = (
        "_chunk_bytes",
        "_chunk_number",
        "_chunk_signature",
        "_digest",
        "_left_bytes",
        "_rest",
        "_signer",
        "_state",
        "_total_bytes",
        "_trailer_bytes",
        "_trailer_signature",
        "_trailers",
        "_wanted_bytes",
        "_with_trailer",
    )

    def __init__(self, wanted_bytes: int, signer: ChunkSigner | None, with_trailer: bool) -> None:
        self._wanted_bytes = wanted_bytes
        self._signer = signer
        self._with_trailer = with_trailer
        self._state = _State.HEADER
        self._rest = b""
        self._chunk_bytes = 0
        self._chunk_number = 0
        self._chunk_signature = ""
        self._digest = sha256()
        self._left_bytes = 0
        self._total_bytes = 0
        self._trailer_bytes = 0
        self._trailer_signature = ""
        self._trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> bytes:
        """Take what came over the wire; return the content in it."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        out: list[bytes] = []
        at = 0
        while at < len(data):
            if self._state is _State.DATA:
                piece = data[at : at + self._left_bytes]
                self._take(piece)
                out.append(piece)
                at += len(piece)
                continue
            end = data.find(b"\n", at)
            if end < 0:
                if len(data) - at > _LINE_LIMIT_BYTES:
                    raise _malformed()
                self._rest = data[at:]
                break
            if end - at > _LINE_LIMIT_BYTES:
                raise _malformed()
            self._line(data[at:end].rstrip(b"\r"))
            at = end + 1
        return out[0] if len(out) == 1 else b"".join(out)

    def finish(self) -> dict[str, str]:
        """The body has ended; return its trailing headers, names in lower case."""
        if self._state is not _State.DONE or self._rest or self._total_bytes != self._wanted_bytes:
            raise _incomplete()
        return self._trailers

    def _take(self, piece: bytes) -> None:
        self._total_bytes += len(piece)
        if self._total_bytes > self._wanted_bytes:
            raise _incomplete()
        if self._signer is not None:
            self._digest.update(piece)
        self._left_bytes -= len(piece)
        if not self._left_bytes:
            self._state = _State.DATA_END

    def _line(self, line: bytes) -> None:
        if self._state is _State.HEADER:
            self._chunk_header(line)
        elif self._state is _State.DATA_END:
            if line:
                raise _malformed()
            self._check_chunk()
            self._state = _State.HEADER
        elif self._state is _State.TRAILER:
            self._trailer_line(line)
        else:
            raise _malformed()

    def _chunk_header(self, line: bytes) -> None:
        match = _CHUNK_HEADER(line)
        if match is None or (match[2] is None) != (self._signer is None):
            raise _malformed()
        size = int(match[1], 16)
        if size and self._chunk_number and self._chunk_bytes < SMALLEST_CHUNK_BYTES:
            raise ApiError(
                "InvalidChunkSizeError",
                f"Only the last chunk is allowed to have a size less than {SMALLEST_CHUNK_BYTES} bytes",
                403,
                {"Chunk": self._chunk_number, "BadChunkSize": self._chunk_bytes},
            )
        self._chunk_number += 1
        self._chunk_bytes = self._left_bytes = size
        self._chunk_signature = (match[2] or b"").decode()
        self._state = _State.DATA
        if not size:
            self._check_chunk()
            self._state = _State.TRAILER

    def _check_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._digest.hexdigest(), self._chunk_signature)
            self._digest = sha256()

    def _trailer_line(self, line: bytes) -> None:
        if not line:
            # With signed trailers a blank line also separates them from their own signature.
            if not self._with_trailer or self._signer is None or self._trailer_signature:
                self._end_trailer()
            return
        self._trailer_bytes += len(line)
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not self._with_trailer or self._trailer_bytes > _TRAILER_LIMIT_BYTES:
            raise _bad_trailer()
        name = name.strip().lower()
        if name == "x-amz-trailer-signature":
            self._trailer_signature = value.strip()
        elif self._trailer_signature or name in self._trailers:
            raise _bad_trailer()
        else:
            self._trailers[name] = value.strip()

    def _end_trailer(self) -> None:
        if self._with_trailer and self._signer is not None:
            text = "".join(f"{name}:{value}\n" for name, value in self._trailers.items())
            self._signer.check_trailer(sha256(text.encode("latin-1")).hexdigest(), self._trailer_signature)
        self._state = _State.DONE


class ChunkedBody:
    """The content of a chunked body as a stream; `trailers` is there once it has ended."""

    __slots__ = ("_decoder", "_source", "trailers")

    def __init__(self, source: BodyStream, decoder: ChunkedDecoder) -> None:
        self._source = source
        self._decoder = decoder
        self.trailers: dict[str, str] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._source:
            content = self._decoder.feed(data)
            if content:
                yield content
        self.trailers = self._decoder.finish()

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self])


def decoder_for(headers: dict[str, str], signature: Signature | None, secret: str | None) -> ChunkedDecoder | None:
    """The decoder that a request's headers call for; None when its body is not chunked by AWS's encoding.

    `signature` has been checked already. Anonymous requests can only use the unsigned form.
    """
    kind = headers.get("x-amz-content-sha256", "")
    if not kind.startswith("STREAMING-"):
        return None
    length = headers.get("x-amz-decoded-content-length", "")
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise ApiError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    signer = None
    if kind.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        if signature is None or secret is None:
            raise S3.error("denied")
        signer = ChunkSigner(signature, secret)
    return ChunkedDecoder(int(length), signer, kind.endswith("-TRAILER"))


def check_trailers(headers: dict[str, str], trailers: dict[str, str]) -> None:
    """Raise unless the trailing headers are those that `x-amz-trailer` announced."""
    announced = {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")} - {""}
    if announced != set(trailers):
        raise _bad_trailer()


def _incomplete() -> ApiError:
    return ApiError("IncompleteBody", "The request body terminated unexpectedly", 400)


def _malformed() -> ApiError:
    return ApiError("InvalidRequest", "The aws-chunked encoding of the request body is malformed.", 400)


def _bad_trailer() -> ApiError:
    return ApiError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        400,
    )
