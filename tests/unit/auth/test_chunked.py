"""The aws-chunked decoder, on AWS's published example, on botocore's own encoder, and on broken framing."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from hashlib import sha256
from io import BytesIO

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from mrak.auth.chunked import ChunkedBody, ChunkedDecoder, ChunkSigner, check_trailers, decoder_for
from mrak.auth.signature import Signature
from mrak.auth.sigv4 import signing_key
from mrak.core.errors import ApiError

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def seed(signature: str) -> Signature:
    return Signature("header", "AKIAIOSFODNN7EXAMPLE", "20130524", "us-east-1", "s3", ("host",), signature,
                     "20130524T000000Z")  # fmt: skip


# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, the example at its end.
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
EXAMPLE = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html, likewise.
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_EXAMPLE = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    + b"x-amz-checksum-crc32c:sOO8/Q==\n\r\n"
    + b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


def decode(decoder: ChunkedDecoder, data: bytes, step: int = 1 << 20) -> tuple[bytes, dict[str, str]]:
    out = b"".join(decoder.feed(data[at : at + step]) for at in range(0, len(data), step))
    return out, decoder.finish()


def signed_decoder(length: int = 66560) -> ChunkedDecoder:
    return ChunkedDecoder(length, ChunkSigner(seed(SEED), SECRET), with_trailer=False)


@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 20])
def test_published_example(step: int) -> None:
    """AWS's own signatures hold, however the body is cut."""
    assert decode(signed_decoder(), EXAMPLE, step) == (b"a" * 66560, {})


@pytest.mark.parametrize("step", [1, 4096, 1 << 20])
def test_published_trailer_example(step: int) -> None:
    """The trailer has a signature of its own."""
    decoder = ChunkedDecoder(66560, ChunkSigner(seed(TRAILER_SEED), SECRET), with_trailer=True)
    assert decode(decoder, TRAILER_EXAMPLE, step) == (b"a" * 66560, {"x-amz-checksum-crc32c": "sOO8/Q=="})


@pytest.mark.parametrize("content", [b"", b"x", b"y" * 3_000_000])
def test_botocore_encoder(content: bytes) -> None:
    """What boto3 sends by default since 2025: unsigned chunks with a CRC32 in the trailer."""
    wire = AwsChunkedWrapper(BytesIO(content), Crc32Checksum, "x-amz-checksum-crc32").read()
    checksum = Crc32Checksum()
    checksum.update(content)
    decoder = ChunkedDecoder(len(content), None, with_trailer=True)
    assert decode(decoder, wire, 65536) == (content, {"x-amz-checksum-crc32": checksum.b64digest()})


@given(st.binary(max_size=40), st.integers(1, 9))
def test_any_cut_gives_the_same(content: bytes, step: int) -> None:
    """Framing does not depend on how the network cuts the body."""
    wire = f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n\r\n" if content else b"0\r\n\r\n"
    assert decode(ChunkedDecoder(len(content), None, with_trailer=False), wire, step)[0] == content


def test_changed_chunk_is_refused() -> None:
    """One byte of the data."""
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        decode(signed_decoder(), EXAMPLE.replace(b"aaa\r\n400", b"aab\r\n400"))


def test_chunk_left_out_is_refused() -> None:
    """Each signature covers the one before it, so no chunk can be dropped or replayed alone."""
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        decode(signed_decoder(1024), EXAMPLE[EXAMPLE.index(b"400;") :])


def test_changed_trailer_is_refused() -> None:
    """The checksum in the trailer is covered."""
    decoder = ChunkedDecoder(66560, ChunkSigner(seed(TRAILER_SEED), SECRET), with_trailer=True)
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        decode(decoder, TRAILER_EXAMPLE.replace(b"sOO8", b"sOO9"))


def test_small_chunk_before_the_last() -> None:
    """AWS demands 8 KiB of every chunk but the last one."""
    wire = b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
    with pytest.raises(ApiError, match="InvalidChunkSizeError") as caught:
        decode(ChunkedDecoder(2, None, with_trailer=False), wire)
    assert (caught.value.status, caught.value.fields) == (403, {"Chunk": 2, "BadChunkSize": 1})


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"3\r\nabc\r\n0\r\n\r", "IncompleteBody"),  # cut before the end
        (b"3\r\nabc\r\n", "IncompleteBody"),
        (b"3\r\nab", "IncompleteBody"),
        (b"", "IncompleteBody"),
        (b"2\r\nab\r\n0\r\n\r\n", "IncompleteBody"),  # shorter than announced
        (b"4\r\nabcd\r\n0\r\n\r\n", "IncompleteBody"),  # longer than announced
        (b"3\r\nabcX\r\n0\r\n\r\n", "IncompleteBody"),
        (b"3\nabc\n0\n\n", "IncompleteBody"),
        (b"x\r\nabc\r\n", "IncompleteBody"),
        (b"-3\r\nabc\r\n", "IncompleteBody"),
        (b"3;chunk-signature=" + b"0" * 64 + b"\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),  # signed, but not announced
        (b"3" * 2000, "IncompleteBody"),  # an endless chunk header
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", "MalformedTrailerError"),  # a trailer, not announced
    ],
)
def test_broken_framing(wire: bytes, code: str) -> None:
    """A broken or hostile body ends in an AWS error."""
    with pytest.raises(ApiError) as caught:
        decode(ChunkedDecoder(3, None, with_trailer=False), wire)
    assert caught.value.code == code


@pytest.mark.parametrize("rest", [b"", b"\r\n", b"\r\n\r\n", b"\r\nmore: of it\r\n", b"\r\n\xff\xde\xad"])
def test_the_end(rest: bytes) -> None:
    """S3 does not miss the last empty line, nor look at what follows it."""
    assert decode(ChunkedDecoder(3, None, with_trailer=False), b"3\r\nabc\r\n0\r\n" + rest) == (b"abc", {})
    trailer = b"x-amz-checksum-crc32: AAAA\r\nx-amz-checksum-crc32: BBBB\r\n"
    decoder = ChunkedDecoder(3, None, with_trailer=True)
    assert decode(decoder, b"3\r\nabc\r\n0\r\n" + trailer + rest) == (b"abc", {"x-amz-checksum-crc32": "BBBB"})


def test_other_lengths_are_told() -> None:
    """How many bytes of content there were, and how many there should have been."""
    for wire, provided in ((b"1\r\na\r\n0\r\n\r\n2\r\nbc\r\n0\r\n\r\n", 1), (b"4\r\nabcd\r\n0\r\n\r\n", 4)):
        with pytest.raises(ApiError) as caught:
            decode(ChunkedDecoder(3, None, with_trailer=False), wire)
        assert caught.value.fields == {"NumberBytesExpected": 3, "NumberBytesProvided": provided}


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        (b"", "IncompleteBody"),
        (b";chunk-signature=", "IncompleteBody"),
        (b";chunk-signature=invalid", "SignatureDoesNotMatch"),
        (b";extra=param;chunk-signature=%s", "SignatureDoesNotMatch"),
        (b";chunk-signature=%s;extra=param", "IncompleteBody"),
        (b" ; chunk-signature = %s ", ""),
    ],
)
def test_parameters_of_a_signed_chunk(parameter: bytes, code: str) -> None:
    """The first one is taken for the signature."""
    right = EXAMPLE[len(b"10000;chunk-signature=") :].split(b"\r\n")[0]
    wire = EXAMPLE.replace(b";chunk-signature=" + right, parameter.replace(b"%s", right), 1)
    if not code:
        assert decode(signed_decoder(), wire)[0] == b"a" * 66560
        return
    with pytest.raises(ApiError) as caught:
        decode(signed_decoder(), wire)
    assert caught.value.code == code
    assert ("StringToSign" in (caught.value.fields or {})) == (code == "SignatureDoesNotMatch")


def test_trailer_is_bounded() -> None:
    """A trailer without end must not fill the memory."""
    decoder = ChunkedDecoder(0, None, with_trailer=True)
    with pytest.raises(ApiError, match="MalformedTrailerError"):
        decode(decoder, b"0\r\n" + b"".join(b"x-%d:%s\r\n" % (n, b"v" * 900) for n in range(100)))


class _Stream:
    """A body of two pieces."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data[:100]
        yield self._data[100:]

    async def read(self) -> bytes:
        return self._data


def test_as_a_stream() -> None:
    """The wrapper is a body stream again, with the trailers at its end."""
    body = ChunkedBody(_Stream(EXAMPLE), signed_decoder())
    assert asyncio.run(body.read()) == b"a" * 66560
    assert body.trailers == {}


def test_decoder_for_headers() -> None:
    """The headers choose the form; nobody can claim a signed one without a signature."""
    unsigned = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "3"}
    signed = {**unsigned, "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    assert decoder_for({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, None, None) is None
    assert decode(decoder_for(unsigned, None, None), b"3\r\nabc\r\n0\r\n\r\n") == (b"abc", {})  # type: ignore[arg-type]
    with pytest.raises(ApiError, match="AccessDenied"):
        decoder_for(signed, None, None)
    with pytest.raises(ApiError, match="MissingContentLength"):
        decoder_for({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, None, None)
    key = signing_key(SECRET, "20130524", "us-east-1", "s3")
    empty = sha256(b"").hexdigest()
    text = f"AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n{SEED}\n{empty}\n{empty}"
    last = hmac.digest(key, text.encode(), "sha256").hex().encode()
    signed["x-amz-decoded-content-length"] = "0"
    decoder = decoder_for(signed, seed(SEED), SECRET)
    assert decoder is not None
    assert decode(decoder, b"0;chunk-signature=" + last + b"\r\n\r\n") == (b"", {})


def test_trailers_must_be_announced() -> None:
    """x-amz-trailer names what comes; anything else is malformed."""
    check_trailers({"x-amz-trailer": "x-amz-checksum-crc32"}, {"x-amz-checksum-crc32": "AAAA"})
    with pytest.raises(ApiError, match="MalformedTrailerError"):
        check_trailers({"x-amz-trailer": "x-amz-checksum-crc32"}, {})
