"""Secrets, read like parameters: `/aws/reference/secretsmanager/<name>`, with a version or a label after a colon.

https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.services.ssm import errors

_PREFIX: Final = "aws/reference/secretsmanager/"
_VERSION: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# What the writer of SourceResult keeps out of texts, for those who show them in a page.
_ESCAPED: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&='"})


def is_reference(name: str) -> bool:
    return name.removeprefix("/").startswith(_PREFIX)


def find(ctx: Context, tx: Transaction, reference: str) -> dict[str, Any] | None:
    """A secret, shown like a parameter; None where there is none. The caller's right to read it is asked for too."""
    from mrak.services.secretsmanager import exports as secrets

    name, chosen = _parse(reference)
    wanted = {"VersionId" if _VERSION.fullmatch(chosen) else "VersionStage": chosen} if chosen else {}
    try:
        found = secrets.describe_value(ctx, tx, name.removeprefix("/").removeprefix(_PREFIX), wanted)
    except ApiError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise errors.dependency_failed() from None
    shown = {"Name": name, "Type": "SecureString", "Version": 0, "SourceResult": _render_source(found)}
    shown |= {"LastModifiedDate": found["createdDate"], "ARN": found["ARN"]}
    if chosen:
        shown["Selector"] = f":{chosen}"
    return shown | ({"Value": found["secretString"]} if "secretString" in found else {})


def not_found(reference: str) -> ApiError:
    """AWS writes the selector after the name, and that of a reference without one as it prints nothing."""
    name, chosen = _parse(reference)
    return errors.secret_not_found(name.removeprefix("/") + (f":{chosen}" if chosen else "null"))


def _parse(reference: str) -> tuple[str, str]:
    name, colon, chosen = reference.partition(":")
    if colon and (not chosen or ":" in chosen):
        raise errors.malformed_selector()
    return name, chosen


def _render_source(found: dict[str, Any]) -> str:
    """JSON of the secret as the service holds it: a day and time to read, bytes as the buffer that they lie in."""
    at = datetime.fromtimestamp(found["createdDate"], UTC)
    shown = found | {"createdDate": f"{at:%b} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M:%S} {at:%p}"}
    if "secretBinary" in found:
        shown["secretBinary"] = _render_buffer(found["secretBinary"])
    return msgspec.json.encode(shown).decode().translate(_ESCAPED)


def _render_buffer(content: bytes) -> dict[str, Any]:
    return {
        "hb": [byte - 256 if byte > 127 else byte for byte in content],
        "offset": 0,
        "isReadOnly": False,
        "bigEndian": True,
        "nativeByteOrder": False,
        "mark": -1,
        "position": 0,
        "limit": len(content),
        "capacity": len(content),
        "address": 8,
    }
