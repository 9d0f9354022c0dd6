"""What things are called: buckets, owners, versions, uploads.

Canonical user ids are made of the account's number and can be read back: 54 hexadecimal digits of a hash, then the
number. So every account has one without anything being stored, and an id that we did not make is not taken for one.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from hashlib import sha256
from typing import Any

from mrak.core.deviations import deviation
from mrak.core.entropy import Draws
from mrak.services.s3 import errors

deviation("S3-023")

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_ACCOUNT = re.compile(r"\d{12}")
_HASH_DIGITS, _ID_DIGITS = 54, 64


# The owner of what anonymous requests write; AWS's own id for that.
ANONYMOUS_ID = "65a011a29cdf8ec533ec3d1ccaae921c"
_LONGEST_KEY_BYTES = 1024


def check_bucket_name(name: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
    if (
        not _BUCKET.fullmatch(name)
        or any(pair in name for pair in ("..", ".-", "-."))
        or _ADDRESS.fullmatch(name)
        or name.startswith(_RESERVED_STARTS[:2])
        or name.endswith(_RESERVED_ENDS)
    ):
        raise errors.error("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)


def check_namespace(name: str, account: str, region: str, namespace: str) -> None:
    """Whoever asks for its own part of the names has to say so in the name as well.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    suffix = f"-{account}-{region}-an"
    if namespace == "account-regional" and not name.endswith(suffix):
        raise errors.error(
            "InvalidNamespaceHeader",
            "The requested bucket name did not include the account-regional namespace suffix, but the provided "
            f"x-amz-bucket-namespace header value is account-regional. Specify {suffix} as the bucket name suffix to "
            "create a bucket in your account-regional namespace, or remove the header.",
        )


def is_directory_bucket(name: str) -> bool:
    return name.endswith("--x-s3")


def check_key(key: str) -> None:
    """S3-023: a key is only a name, wherever its dots would lead."""
    size = len(key.encode())
    if size > _LONGEST_KEY_BYTES:
        message = "Your key is too long"
        raise errors.error("KeyTooLongError", message, Size=size, MaxSizeAllowed=_LONGEST_KEY_BYTES)


@lru_cache(maxsize=1024)
def canonical_id(account: str) -> str:
    """The canonical user id of an account; "" is nobody."""
    if not account:
        return ANONYMOUS_ID
    return sha256(f"canonical user {account}".encode()).hexdigest()[:_HASH_DIGITS] + f"{int(account):010x}"


def find_account(identifier: str) -> str | None:
    """The account that a canonical user id names; None where it is none of ours."""
    if identifier == ANONYMOUS_ID:
        return ""
    if len(identifier) != _ID_DIGITS:
        return None
    try:
        account = f"{int(identifier[_HASH_DIGITS:], 16):012d}"
    except ValueError:
        return None
    return account if _ACCOUNT.fullmatch(account) and canonical_id(account) == identifier else None


def render_owner(account: str) -> dict[str, Any]:
    """An owner or grantee. AWS stopped sending a DisplayName in November 2025 (recorded in February 2026)."""
    return {"ID": canonical_id(account)}


def bucket_arn(name: str, key: str = "") -> str:
    return f"arn:aws:s3:::{name}/{key}" if key else f"arn:aws:s3:::{name}"


def new_id(draw: Draws, order: int, about: str = "") -> str:
    """An opaque id of 32 characters for what was made at `order`, from which `find_order` reads that back."""
    raw = (-order).to_bytes(8, "big") + draw.bytes(13)
    raw += _seal(raw, about)
    return base64.b64encode(raw, altchars=b"._").decode()


def _seal(raw: bytes, about: str) -> bytes:
    """Three bytes by which an id that was made up, or that is about something else, is told from one that was given
    out."""
    return sha256(raw + about.encode()).digest()[:3]


def is_genuine(identifier: str, about: str = "") -> bool:
    """Whether an id was given out once, whatever became of what it names."""
    try:
        raw = base64.b64decode(identifier.encode(), altchars=b"._", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    return len(raw) == 24 and _seal(raw[:21], about) == raw[21:]


def find_order(identifier: str) -> int | None:
    """The order that an id of `new_id` was made at; None where it is none."""
    if len(identifier) != 32:
        return None
    try:
        raw = base64.b64decode(identifier.encode(), altchars=b"._", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    order = int.from_bytes(raw[:8], "big")
    return -order if order < 1 << 63 else None


def check_account_id(value: str) -> None:
    if not _ACCOUNT.fullmatch(value):
        message = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{value}]"
        raise errors.error("InvalidBucketOwnerAWSAccountID", message)
