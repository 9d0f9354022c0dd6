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
from mrak.auth.sigv4 import EMPTY_SHA256, s3_evidence, signing_key
from mrak.core.errors import ApiError
from mrak.core.http import BodyStream

SMALLEST_CHUNK_BYTES: Final = 8192
_LINE_LIMIT_BYTES: Final = 1024
_TRAILER_LIMIT_BYTES: Final = 16 * 1024
_CHUNK_HEADER: Final = re.compile(rb"([0-9A-Fa-f]{1,16}) *(?:; *([^=;]*?) *= *([^;]*?) *)?(;.*)?").fullmatch
_SIGNATURE_PARAMETER: Final = b"chunk-signature"


class _State(Enum):
    HEADER = 0
    DATA = 1
    DATA_END = 2
    TRAILER = 3
    DONE = 4


class ChunkSigner:
    """The chain of chunk signatures, which starts at the signature of the request's head."""

    __slots__ = ("_access_key", "_key", "_previous", "_scope")

    def __init__(self, seed: Signature, secret: str) -> None:
        self._access_key = seed.access_key
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
            raise S3.error("mismatch", **s3_evidence(self._access_key, claimed, text))
        self._previous = ours


class ChunkedDecoder:
    """Decodes one body: `feed` it as it comes, then `finish`."""

    __slots__ = (
        "_chunk_bytes",
        "_chunk_number",
        "_chunk_signature",
        "_digest",
        "_is_trailer_signed",
        "_left_bytes",
        "_rest",
        "_signer",
        "_state",
        "_total_bytes",
        "_trailer_bytes",
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
        self._is_trailer_signed = False
        self._trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> bytes:
        """Take what came over the wire; return the content in it."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        out: list[bytes] = []
        at = 0
        # What follows the end is not looked at.
        while at < len(data) and self._state is not _State.DONE:
            if self._state is _State.DATA:
                piece = data[at : at + self._left_bytes]
                self._take(piece)
                if self._total_bytes <= self._wanted_bytes:
                    out.append(piece)
                at += len(piece)
                continue
            end = data.find(b"\r\n", at)
            if (len(data) if end < 0 else end) - at > _LINE_LIMIT_BYTES:
                raise _incomplete()
            if end < 0:
                self._rest = data[at:]
                break
            self._line(data[at:end])
            at = end + 2
        return out[0] if len(out) == 1 else b"".join(out)

    def finish(self) -> dict[str, str]:
        """The body has ended; return its trailing headers, names in lower case."""
        if self._state is _State.TRAILER and self._signer is None and not self._rest:
            # S3 does not miss the last empty line.
            self._state = _State.DONE
        if self._state is not _State.DONE:
            raise _incomplete()
        if self._total_bytes != self._wanted_bytes:
            raise wrong_length(self._wanted_bytes, self._total_bytes)
        return self._trailers

    def _take(self, piece: bytes) -> None:
        self._total_bytes += len(piece)
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
                raise _incomplete()
            self._check_chunk()
            self._state = _State.HEADER
        else:
            self._trailer_line(line)

    def _chunk_header(self, line: bytes) -> None:
        match = _CHUNK_HEADER(line)
        if match is None:
            raise _incomplete()
        size = int(match[1], 16)
        signature = self._chunk_parameter(match[2], match[3] or b"", is_last=not match[4])
        self._chunk_number += 1
        if size and self._chunk_number > 1 and self._chunk_bytes < SMALLEST_CHUNK_BYTES:
            # S3 names the chunk that follows the one that is too small.
            raise ApiError(
                "InvalidChunkSizeError",
                f"Only the last chunk is allowed to have a size less than {SMALLEST_CHUNK_BYTES} bytes",
                403,
                {"Chunk": self._chunk_number, "BadChunkSize": self._chunk_bytes},
            )
        self._chunk_bytes = self._left_bytes = size
        self._chunk_signature = signature
        self._state = _State.DATA
        if not size:
            self._check_chunk()
            self._state = _State.TRAILER

    def _chunk_parameter(self, name: bytes | None, value: bytes, *, is_last: bool) -> str:
        """The signature of a chunk; another first parameter is taken for one, and cannot match."""
        if self._signer is None:
            if name is not None or not is_last:
                raise _incomplete()
            return ""
        if not value or (name == _SIGNATURE_PARAMETER and not is_last):
            raise _incomplete()
        return value.decode("latin-1")

    def _check_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._digest.hexdigest(), self._chunk_signature)
            self._digest = sha256()

    def _trailer_line(self, line: bytes) -> None:
        if not line:
            # With signed trailers a blank line also separates them from their own signature.
            if not self._with_trailer or self._signer is None or self._is_trailer_signed:
                self._state = _State.DONE
            return
        self._trailer_bytes += len(line)
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not self._with_trailer or self._trailer_bytes > _TRAILER_LIMIT_BYTES:
            raise bad_trailer()
        name = name.strip().lower()
        if name == "x-amz-trailer-signature" and self._signer is not None:
            if not self._trailers:
                raise _incomplete()
            text = "".join(f"{name}:{value}\n" for name, value in self._trailers.items())
            self._signer.check_trailer(sha256(text.encode("latin-1")).hexdigest(), value.strip())
            self._is_trailer_signed = True
        elif self._is_trailer_signed:
            raise bad_trailer()
        else:
            # Of several with one name the last one counts.
            self._trailers[name] = value.strip()


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


class Whole:
    """A body that is there already, as a stream."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data

    async def read(self) -> bytes:
        return self._data


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
    if signature is not None and signature.kind != "header":
        # Links and signatures of version 2 know no chunks: S3 takes such a body as it comes.
        if "content-length" in headers and int(headers["content-length"]) != int(length):
            raise wrong_length(int(length), int(headers["content-length"]))
        return None
    signer = None
    if kind.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        if signature is None or secret is None:
            raise S3.error("denied")
        signer = ChunkSigner(signature, secret)
    return ChunkedDecoder(int(length), signer, kind.endswith("-TRAILER"))


def without_encoding(headers: dict[str, str]) -> dict[str, str]:
    """The encoding that is left of a body once it has been decoded."""
    encoding = headers.get("content-encoding")
    if encoding is None:
        return {}
    return {"content-encoding": ",".join(each for each in encoding.split(",") if each.strip() != "aws-chunked").strip()}


def announced(headers: dict[str, str]) -> list[str]:
    """The names in `x-amz-trailer`, in lower case; S3 forgives commas only at its end."""
    names = headers.get("x-amz-trailer", "").strip().split(",")
    while names and not names[-1]:
        names.pop()
    return [name.strip().lower() for name in names]


def check_trailers(headers: dict[str, str], trailers: dict[str, str]) -> None:
    """Raise unless the trailing headers are those that `x-amz-trailer` announced."""
    if set(announced(headers)) != set(trailers):
        raise bad_trailer()


def _incomplete() -> ApiError:
    return ApiError("IncompleteBody", "The request body terminated unexpectedly", 400)


def wrong_length(expected: int, provided: int) -> ApiError:
    return ApiError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        400,
        {"NumberBytesExpected": expected, "NumberBytesProvided": provided},
    )


def bad_trailer() -> ApiError:
    return ApiError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        400,
    )
