"""Message attributes: checks, storage and the MD5 that clients verify.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import re
from hashlib import md5
from typing import Any

import msgspec

from mrak.lang.messagenumbers import find_fault, plain_text
from mrak.services.sqs import errors, rules

# Wider than the documentation says: AWS takes the letters of Latin-1 and its first extension.
_NAME = re.compile(r"[A-Za-z0-9_.\u00c0-\u017f-]{1,256}")
_RESERVED = ("aws.", "amazon.")
_TYPES = ("String", "Number", "Binary")
_MOST = 10
_EVERYTHING = frozenset({"All", ".*", "*"})

# name -> (type, value); a Binary value is bytes. (msgpack makes the pair a list.)
Stored = dict[str, tuple[str, str | bytes]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def pack(attributes: dict[str, Any] | None) -> tuple[bytes, str, int]:
    """(stored form, MD5, size in bytes) of a request's attributes, after checking them."""
    if not attributes:
        return b"", "", 0
    if len(attributes) > _MOST:
        raise errors.invalid_parameter(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{_MOST}]."
        )
    sent = {name: _value(name, attribute) for name, attribute in attributes.items()}
    size = sum(len(name) + len(kind) + _size(value) for name, (kind, value) in sent.items())
    # The sender's MD5 is that of numbers as they were sent; receivers get them, and theirs, in plain form.
    stored = {name: (kind, _plain(kind, value)) for name, (kind, value) in sent.items()}
    return _encode(stored), digest(sent), size


def trace_header(trace: str) -> dict[str, Any]:
    """The system attribute by which a message's receiver goes on with the sender's trace."""
    return {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}


def unpack(packed: bytes) -> Stored:
    return _decode(packed) if packed else {}


def select(stored: Stored, wanted: list[str]) -> Stored:
    """The attributes that a receiver asked for: names, `All`, `.*` or `*`, or `bar.*` for what begins with bar."""
    if not _EVERYTHING.isdisjoint(wanted):
        return stored
    prefixes = tuple(name[:-2] for name in wanted if name.endswith(".*"))
    return {name: value for name, value in stored.items() if name in wanted or (prefixes and name.startswith(prefixes))}


def render(stored: Stored) -> dict[str, dict[str, Any]]:
    """In AWS's spelling."""
    return {
        name: {"DataType": kind, "BinaryValue" if isinstance(value, bytes) else "StringValue": value}
        for name, (kind, value) in stored.items()
    }


def digest(stored: Stored) -> str:
    """MD5 over names, types and values in the order of names, each with its length before it."""
    hashed = md5(usedforsecurity=False)
    for name in sorted(stored):
        kind, value = stored[name]
        raw = value if isinstance(value, bytes) else value.encode()
        for part in (name.encode(), kind.encode()):
            hashed.update(len(part).to_bytes(4, "big") + part)
        hashed.update(b"\x02" if isinstance(value, bytes) else b"\x01")
        hashed.update(len(raw).to_bytes(4, "big") + raw)
    return hashed.hexdigest()


def _value(name: str, attribute: dict[str, Any]) -> tuple[str, str | bytes]:
    _check_name(name)
    kind = attribute.get("DataType", "")
    if not kind:
        raise errors.invalid_parameter(f"The message attribute '{name}' must contain non-empty message attribute type.")
    base = kind.partition(".")[0]
    if base not in _TYPES or len(kind) > 256:
        raise errors.invalid_parameter(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the following supported type "
            "prefixes: Binary, Number, String."
        )
    value = attribute.get("BinaryValue" if base == "Binary" else "StringValue")
    if not value:
        raise errors.invalid_parameter(
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{_kind_named(base)}'."
        )
    if base == "Number":
        _check_number(name, value)
    elif base == "String" and not rules.is_valid_text(value):
        raise errors.invalid_attribute_characters()
    return kind, value


def _kind_named(base: str) -> str:
    return "Binary" if base == "Binary" else "String"


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.startswith(".") or name.endswith(".") or ".." in name:
        raise errors.invalid_parameter(
            f"Invalid attribute name: {name}. Message attribute names can contain the characters A-Z, a-z, 0-9, "
            "underscore, hyphen and period, and can't start or end with a period or have periods in succession."
        )
    if name.lower().startswith(_RESERVED):
        raise errors.invalid_parameter(f"Message attribute name '{name}' starts with a reserved prefix.")


def _check_number(name: str, value: str) -> None:
    fault = find_fault(value)
    if fault == "syntax":
        raise errors.invalid_parameter(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    number = f"Message (user) attribute '{name}' number value [{value}]"
    if fault == "range":
        raise errors.invalid_parameter(f"{number} must be between 10^-128 and 10^126.")
    if fault == "precision":
        raise errors.invalid_parameter(f"{number} must contain fewer than 38 precision digits.")


def _plain(kind: str, value: str | bytes) -> str | bytes:
    if kind.partition(".")[0] != "Number" or isinstance(value, bytes):
        return value
    return plain_text(value)


def _size(value: str | bytes) -> int:
    return len(value) if isinstance(value, bytes) else len(value.encode())
