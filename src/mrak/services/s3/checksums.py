"""Checksums of bodies: computing them, checking what a request claims, and joining those of parts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html

AWS keeps one checksum for each object. Where a request brings none, it is CRC64NVME, computed here. A multipart object
has a checksum of its parts' checksums (COMPOSITE, "...-3"), or one of the whole content (FULL_OBJECT), which CRCs
allow to be joined from the parts without reading them again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Protocol

import msgspec

from mrak.auth import chunked
from mrak.auth.signature import UNSIGNED
from mrak.auth.sigv4 import wrong_payload
from mrak.services.s3 import errors

DEFAULT = "CRC64NVME"
COMPOSITE, FULL_OBJECT = "COMPOSITE", "FULL_OBJECT"

# Algorithm -> bytes of its digest.
SIZES = {
    "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16, "XXHASH64": 8,
    "XXHASH3": 8, "XXHASH128": 16,
}  # fmt: skip
_CRCS = ("CRC32", "CRC32C", "CRC64NVME")
_XXHASHES = {"XXHASH64": "xxh64", "XXHASH3": "xxh3_64", "XXHASH128": "xxh3_128"}
_MEMBERS = {f"Checksum{name}": name for name in SIZES}
_PREFIX = "x-amz-checksum-"
_SDK_HEADER = "x-amz-sdk-checksum-algorithm"
_HEADERS = frozenset(_PREFIX + name for name in (*map(str.lower, SIZES), "algorithm", "type", "mode"))


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC that is computed chunk by chunk."""

    __slots__ = ("_calculate", "_size_bytes", "_value")

    def __init__(self, name: str) -> None:
        self._calculate = _crc_model(name).calc
        self._size_bytes = SIZES[name]
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._calculate(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size_bytes, "big")


@cache
def _crc_model(name: str) -> Any:
    """Loaded at the first use: building tables takes a while."""
    import anycrc

    return anycrc.Model("CRC64-NVME" if name == "CRC64NVME" else name)


def new(algorithm: str) -> Digest:
    if algorithm in _CRCS:
        return _Crc(algorithm)
    if algorithm in _XXHASHES:
        import xxhash

        made: Digest = getattr(xxhash, _XXHASHES[algorithm])()
        return made
    if algorithm == "MD5":
        return hashlib.md5(usedforsecurity=False)
    return hashlib.new(algorithm.lower(), usedforsecurity=False)


class Digests:
    """Several digests of one body; MD5 always, since the ETag is made of it."""

    __slots__ = ("_all",)

    def __init__(self, algorithms: set[str]) -> None:
        self._all = {name: new(name) for name in algorithms | {"MD5"}}

    def update(self, data: bytes) -> None:
        for update in self.updates():
            update(data)

    def updates(self) -> list[Callable[[bytes], object]]:
        """What all the data has to go through; these may run at the same time."""
        return [digest.update for digest in self._all.values()]

    def etag(self) -> str:
        return self._all["MD5"].digest().hex()

    def raw(self, algorithm: str) -> bytes:
        return self._all[algorithm].digest()

    def text(self, algorithm: str) -> str:
        return base64.b64encode(self._all[algorithm].digest()).decode()


class Known(Digests):
    """The digests of a body that was read before."""

    __slots__ = ("_algorithm", "_etag", "_value")

    def __init__(self, etag: str, algorithm: str, value: str) -> None:
        self._etag, self._algorithm, self._value = etag, algorithm, value

    def etag(self) -> str:
        return self._etag

    def text(self, algorithm: str) -> str:
        assert algorithm == self._algorithm, f"{algorithm} was not kept"
        return self._value

    def updates(self) -> list[Callable[[bytes], object]]:
        """The body is read once more only to be stored."""
        return []


class Expected(msgspec.Struct, frozen=True):
    """What a request says about its body. `algorithm` "" means that it brings no checksum; `value` "" that it comes in
    the trailer."""

    algorithm: str = ""
    value: str = ""
    md5: bytes = b""
    sha256: str = ""


def header_of(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def parse_expected(req: dict[str, Any], headers: dict[str, str], *, is_chunked: bool = False) -> Expected:
    """Raises for what no body could match. `is_chunked` where the body has been decoded, so that the hash that was
    claimed for it spoke of the encoding only."""
    trailing = _announced(headers)
    algorithm, value = find_single(req, trailing) or ("", "")
    check_known_headers(headers)
    if algorithm:
        check_value(algorithm, value)
    elif trailing:
        algorithm = trailing[0]
    if _SDK_HEADER in headers:
        _check_sdk(headers[_SDK_HEADER].upper(), algorithm)
    claimed = "" if is_chunked else headers.get("x-amz-content-sha256", UNSIGNED)
    return Expected(algorithm, value, _parse_md5(req.get("ContentMD5")), "" if claimed == UNSIGNED else claimed)


def _check_sdk(told: str, algorithm: str) -> None:
    """What an SDK says that it computes has to be what it sends."""
    if not algorithm:
        raise errors.invalid_request(
            f"{_SDK_HEADER} specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        )
    if told != algorithm:
        raise errors.invalid_request(f"Value for {_SDK_HEADER} header is invalid.")


def check_known_headers(names: Iterable[str]) -> None:
    for name in names:
        if name.startswith(_PREFIX) and name not in _HEADERS:
            raise errors.invalid_request("The algorithm type you specified in x-amz-checksum- header is invalid.")


def find_single(req: dict[str, Any], trailing: Sequence[str] = ()) -> tuple[str, str] | None:
    """The one checksum that headers bring."""
    given = [(name, req[member]) for member, name in _MEMBERS.items() if member in req]
    if len(given) > 1 or len(trailing) > 1:
        message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise errors.invalid_request(message)
    if given and trailing:
        raise errors.invalid_request("Expecting a single x-amz-checksum- header")
    return given[0] if given else None


def check_value(algorithm: str, value: str, checksum_type: str = FULL_OBJECT) -> None:
    """A composite one may end in the number of its parts."""
    text, hyphen, count = value.partition("-") if checksum_type == COMPOSITE else (value, "", "")
    if not _is_value(algorithm, text) or (hyphen and not count.isdigit()):
        raise errors.invalid_request(f"Value for {header_of(algorithm)} header is invalid.")


def _is_value(algorithm: str, text: str) -> bool:
    try:
        raw = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    # No bits may be left over.
    return len(raw) == SIZES[algorithm] and base64.b64encode(raw).decode() == text


def _announced(headers: dict[str, str]) -> list[str]:
    """The algorithms of the checksums that are to come after the body."""
    names = chunked.announced(headers)
    algorithms = [name.removeprefix(_PREFIX).upper() for name in names if name.startswith(_PREFIX)]
    if len(algorithms) < len(names) or any(name not in SIZES for name in algorithms):
        raise errors.invalid_request("The value specified in the x-amz-trailer header is not supported")
    return algorithms


def _parse_md5(text: str | None) -> bytes:
    if text is None:
        return b""
    try:
        raw = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raw = b""
    if len(raw) != 16:
        raise errors.error("InvalidDigest", "The Content-MD5 you specified was invalid.", **{"Content-MD5": text})
    return raw


def check_body(expected: Expected, digests: Digests, trailers: dict[str, str]) -> None:
    """Raises where the body is not the one that the request speaks of."""
    if expected.sha256 and digests.raw("SHA256").hex() != expected.sha256.lower():
        raise wrong_payload(expected.sha256, digests.raw("SHA256").hex())
    if expected.md5 and digests.raw("MD5") != expected.md5:
        raise errors.bad_md5(expected.md5, digests.raw("MD5"))
    if expected.algorithm:
        value = expected.value or trailers.get(header_of(expected.algorithm))
        if value is None:
            raise chunked.bad_trailer()
        if not _is_value(expected.algorithm, value):
            # Those of headers were looked at before.
            raise errors.invalid_request(f"Value for {header_of(expected.algorithm)} trailing header is invalid.")
        if digests.text(expected.algorithm) != value:
            raise errors.bad_digest(expected.algorithm)


def find_given(entry: dict[str, Any]) -> tuple[str, str] | None:
    """The checksum among members that are spelled as AWS does."""
    return next(((name, entry[member]) for member, name in _MEMBERS.items() if member in entry), None)


def is_at_most_one(entry: dict[str, Any]) -> bool:
    """Whether a part of a list brings no checksum, or one that can be one."""
    given = [(name, entry[member]) for member, name in _MEMBERS.items() if member in entry]
    return len(given) < 2 and all(_is_value(name, value) for name, value in given)


def render(algorithm: str, value: str) -> dict[str, str]:
    return {f"Checksum{algorithm}": value} if algorithm and value else {}


# --- multipart ----------------------------------------------------------------------------------------------------


def default_type(algorithm: str) -> str:
    return FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE


def check_known_type(checksum_type: str | None) -> None:
    if checksum_type not in (None, COMPOSITE, FULL_OBJECT):
        raise errors.invalid_request("Value for x-amz-checksum-type header is invalid.")


def check_type(algorithm: str, checksum_type: str) -> None:
    """CRC64NVME has no composite form, and what is no CRC has no full one."""
    check_known_type(checksum_type)
    possible = (FULL_OBJECT,) if algorithm == "CRC64NVME" else _types_of(algorithm)
    if checksum_type not in possible:
        raise errors.invalid_request(
            f"The {checksum_type} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )


def _types_of(algorithm: str) -> tuple[str, ...]:
    return (COMPOSITE, FULL_OBJECT) if algorithm in _CRCS else (COMPOSITE,)


def composite(algorithm: str, parts: list[str]) -> str:
    digest = new(algorithm)
    for part in parts:
        digest.update(base64.b64decode(part))
    return f"{base64.b64encode(digest.digest()).decode()}-{len(parts)}"


def joined(algorithm: str, parts: list[tuple[str, int]]) -> str:
    """The checksum of the whole, from (checksum, size in bytes) of its parts."""
    combine = _crc_model(algorithm).combine
    whole = 0
    for number, (text, size_bytes) in enumerate(parts):
        part = int.from_bytes(base64.b64decode(text), "big")
        whole = combine(whole, part, size_bytes) if number else part
    return base64.b64encode(whole.to_bytes(SIZES[algorithm], "big")).decode()
