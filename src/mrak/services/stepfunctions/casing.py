"""Between a state's JSON and an operation's input and output.

States spell members as AWS's SDK for Java does: `Bucket`, `ExecutionArn`, though the API says `executionArn`. Where a
text is wanted, JSON may be given; blobs are texts; times are ISO 8601.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from hashlib import sha1, sha256
from operator import itemgetter
from typing import Any
from zlib import crc32

import msgspec

from mrak.lang.asl.choices import find_timestamp
from mrak.protocol import model
from mrak.protocol.model import Member, Shape

# Texts that the SDK for Java takes for booleans, or for nothing. "TrUe" is none.
BOOLEANS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "null")),
}


class WrongParameters(Exception):
    """Parameters that the operation does not have, or of another kind; the text is the cause."""


def find_shape(service: str, operation: str, part: str) -> Shape | None:
    """The input or output shape of an operation; None where AWS has no such operation."""
    found = model.load(service).find_operation(operation) if service in model.known_services() else None
    if found is None:
        return None
    return found.input if part == "input" else found.output


@cache
def show_name(member: str) -> str:
    """A member as the SDK for Java 2 names it, with a capital: its first word's capitals become small but for the first
    (`DBInstanceIdentifier` is `DbInstanceIdentifier`, `ETag` stays)."""
    length = 1
    while member[length : length + 1].isupper() and not member[length + 1 : length + 2].islower():
        length += 1
    return member[:1].upper() + member[1:length].lower() + member[length:]


@cache
def by_shown_name(shape: Shape) -> dict[str, Member]:
    return {show_name(name): member for name, member in shape.members.items()}


def to_input(shape: Shape, value: Any, at: str = "") -> Any:
    """A state's parameters as the operation's input; raises WrongParameters."""
    if value is None:
        return None
    if shape.type == "structure":
        return _structure(shape, value, at)
    if shape.type == "list":
        if not isinstance(value, list):
            raise WrongParameters(f"Parameter validation failed: {at or 'input'} must be an array")
        return [to_input(shape.element.shape, item, f"{at}[{index}]") for index, item in enumerate(value)]
    if shape.type == "map":
        if not isinstance(value, dict):
            raise WrongParameters(f"Parameter validation failed: {at or 'input'} must be an object")
        return {name: to_input(shape.value.shape, item, f"{at}.{name}") for name, item in value.items()}
    return _scalar(shape, value)


def _structure(shape: Shape, value: Any, at: str) -> dict[str, Any]:
    if shape.is_document:
        return value  # type: ignore[no-any-return]
    if not isinstance(value, dict):
        raise WrongParameters(f"Parameter validation failed: {at or 'input'} must be an object")
    made: dict[str, Any] = {}
    for name, item in value.items():
        member = by_shown_name(shape).get(name)
        if member is None:
            supported = ", ".join(sorted(by_shown_name(shape)))
            raise WrongParameters(
                f'The field "{name}" is not supported by Step Functions. The supported fields are: [{supported}]'
            )
        made[member.name] = to_input(member.shape, item, f"{at}.{name}" if at else name)
    return made


def _scalar(shape: Shape, value: Any) -> Any:
    if shape.type == "string":
        return value if isinstance(value, str) else _json(value)
    if shape.type == "blob":
        return (value if isinstance(value, str) else _json(value)).encode()
    if shape.type == "timestamp" and isinstance(value, str):
        moment = find_timestamp(value)
        return value if moment is None else moment.timestamp()
    if shape.type in ("integer", "long") and isinstance(value, str):
        return int(value) if value.lstrip("-").isdigit() and len(value) < 20 else value
    return find_boolean(value) if shape.type == "boolean" else value


def find_boolean(value: Any) -> Any:
    """A boolean as the SDK for Java reads it: numbers and some texts are; what is none stays."""
    if isinstance(value, int):
        return bool(value)
    return BOOLEANS.get(value.strip(), value) if isinstance(value, str) else value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def as_uploaded(shape: Shape, params: Any) -> Any:
    """What the SDK adds to a text that it uploads, unless the parameters have it: a checksum, CRC32 if none is asked
    for, and the type of the text."""
    body = params.get(shape.payload or "") if isinstance(params, dict) else None
    if not isinstance(body, bytes):
        return params
    added: dict[str, str] = {}
    if "ContentType" in shape.members:
        added["ContentType"] = "text/plain; charset=UTF-8"
    wanted = params.get("ChecksumAlgorithm")
    if wanted is None and not any(name.startswith("Checksum") for name in params):
        wanted = "CRC32"
    if wanted in _CHECKSUMS and f"Checksum{wanted}" in shape.members:
        added[f"Checksum{wanted}"] = base64.b64encode(_CHECKSUMS[wanted](body)).decode()
    return added | params


def _crc(name: str, width: int) -> Callable[[bytes], bytes]:
    def calculate(body: bytes) -> bytes:
        import anycrc

        return int(anycrc.Model(name).calc(body)).to_bytes(width, "big")

    return calculate


_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: crc32(body).to_bytes(4, "big"),
    "CRC32C": _crc("CRC32C", 4),
    "CRC64NVME": _crc("CRC64-NVME", 8),
    "SHA1": lambda body: sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: sha256(body).digest(),
}


Spelling = Callable[[str], str]


def capital(member: str) -> str:
    """A member as optimised integrations show it: `MD5OfMessageBody` stays."""
    return member[:1].upper() + member[1:]


def to_state(shape: Shape, value: Any, spell: Spelling = show_name) -> Any:
    """An operation's output as a state sees it; SDK integrations show members sorted by name (recorded)."""
    if shape.type == "structure" and isinstance(value, dict) and not shape.is_document:
        shown = [
            (spell(name), to_state(shape.members[name].shape, item, spell))
            for name, item in value.items()
            if item is not None and name in shape.members and not _is_unsent(shape.members[name], item)
        ]
        return dict(sorted(shown, key=itemgetter(0)) if spell is show_name else shown)
    if shape.type == "list" and isinstance(value, list):
        return [to_state(shape.element.shape, item, spell) for item in value]
    if shape.type == "map" and isinstance(value, dict):
        return {name: to_state(shape.value.shape, item, spell) for name, item in value.items()}
    if shape.type == "timestamp" and isinstance(value, int | float):
        return show_timestamp(value)
    if isinstance(value, bytes):
        return text_of(value)
    return value


def _is_unsent(member: Member, value: Any) -> bool:
    """A flattened list of nothing leaves no trace in a response."""
    return value == [] and member.flattened


def complete(shape: Shape, output: dict[str, Any]) -> dict[str, Any]:
    """What the SDK reads from the response beside the body: the length of it, a map of headers even where none was
    sent, and times in headers to the second."""
    added: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.location == "headers":
            added[name] = {}
        if member.location == "header" and member.shape.type == "timestamp" and isinstance(output.get(name), float):
            output = output | {name: float(int(output[name]))}
    body = output.get(shape.payload or "")
    if isinstance(body, bytes) and "ContentLength" in shape.members:
        added["ContentLength"] = len(body)
    return added | output


def show_timestamp(moment: float) -> str:
    shown = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return shown.replace(".000Z", "Z")


def text_of(raw: bytes) -> str:
    """Bytes as text; what is no UTF-8 as base64."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode()
