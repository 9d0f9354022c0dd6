"""Messages of the AWS Encryption SDK: how functions that send codes themselves get them.

Version 1 of the format with one data key, one frame and no signature, which every SDK of that name opens:
https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html
"""

from __future__ import annotations

from typing import Final

import msgspec

_ALGORITHM: Final = bytes.fromhex("0178")  # AES-256-GCM; the key is derived with HKDF and SHA-256
_VERSION_AND_TYPE: Final = bytes.fromhex("0180")
_FRAMED: Final = b"\x02"
_IV_BYTES: Final = 12
_FRAME_BYTES: Final = 4096
_FINAL: Final = b"\xff\xff\xff\xff"
_FIRST: Final = b"\x00\x00\x00\x01"
_PROVIDER: Final = b"aws-kms"


class DataKey(msgspec.Struct, frozen=True):
    """A key for one message, open and as the KMS key of that ARN sealed it for `context`."""

    key_arn: str
    plaintext: bytes
    sealed: bytes
    context: dict[str, str]


def seal(plaintext: bytes, key: DataKey, message_id: bytes) -> bytes:
    """`message_id` are 16 random bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    assert len(plaintext) < _FRAME_BYTES
    derived = HKDF(SHA256(), 32, None, _ALGORITHM + message_id).derive(key.plaintext)
    header = b"".join(
        (
            _VERSION_AND_TYPE,
            _ALGORITHM,
            message_id,
            _sized(_context(key.context)),
            _short(1),
            _sized(_PROVIDER),
            _sized(key.key_arn.encode()),
            _sized(key.sealed),
            _FRAMED,
            bytes(4),
            bytes([_IV_BYTES]),
            _FRAME_BYTES.to_bytes(4),
        )
    )
    cipher, nothing, iv = AESGCM(derived), bytes(_IV_BYTES), _FIRST.rjust(_IV_BYTES, b"\0")
    bound = message_id + b"AWSKMSEncryptionClient Final Frame" + _FIRST + len(plaintext).to_bytes(8)
    frame = _FINAL + _FIRST + iv + len(plaintext).to_bytes(4) + cipher.encrypt(iv, plaintext, bound)
    return header + nothing + cipher.encrypt(nothing, b"", header) + frame


def _context(context: dict[str, str]) -> bytes:
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    return _short(len(pairs)) + b"".join(_sized(name) + _sized(value) for name, value in pairs)


def _short(number: int) -> bytes:
    return number.to_bytes(2)


def _sized(content: bytes) -> bytes:
    return _short(len(content)) + content
