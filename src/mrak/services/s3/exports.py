"""What other services may use of S3: look-ups, and reading objects inside the process.

An object is read as its caller's request would be: `await ctx.call("s3", "GetObject", {...})`, whose Body is bytes, a
file's slice or an iterator; `read_body` makes bytes of any of them. Writing is `ctx.call("s3", "PutObject", {...})`.
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.http import FileSlice
from mrak.core.scope import Scope
from mrak.services.s3 import contents
from mrak.services.s3 import objects as versions
from mrak.services.s3.names import canonical_id
from mrak.services.s3.tables import BUCKETS, everywhere

__all__ = ["bucket_exists", "canonical_id", "find_bucket_owner", "locate_object", "read_body", "read_object"]


def bucket_exists(tx: Transaction, scope: Scope, name: str) -> bool:
    return BUCKETS.get(tx, everywhere(scope), name) is not None


def find_bucket_owner(tx: Transaction, scope: Scope, name: str) -> tuple[str, str] | None:
    """(account, region) of a bucket; None where there is none."""
    bucket = BUCKETS.get(tx, everywhere(scope), name)
    return None if bucket is None else (bucket.account, bucket.region)


def locate_object(
    ctx: Context, tx: Transaction, bucket: str, key: str, version_id: str = ""
) -> bytes | FileSlice | Any:
    """Where an object's bytes are: themselves, a whole file's slice, or an iterator over several; None where there is
    no such object. It asks nobody for permission: for bodies that a service reads on its own account."""
    found = BUCKETS.get(tx, everywhere(ctx.scope), bucket)
    if found is None:
        return None
    if version_id:
        version = versions.find_version(ctx, tx, found, key, version_id)
    else:
        version = versions.find_latest(ctx, tx, bucket, key)
    if version is None or version.is_marker:
        return None
    return contents.open_version(ctx, tx, version, 0, version.size_bytes)


async def read_body(body: Any) -> bytes:
    """The bytes of GetObject's Body."""
    return await contents.read_whole(body)


async def read_object(ctx: Context, bucket: str, key: str, version_id: str = "") -> bytes:
    """An object as the caller of `ctx` may read it. Raises S3's errors."""
    named = {"Bucket": bucket, "Key": key, **({"VersionId": version_id} if version_id else {})}
    return await read_body((await ctx.call("s3", "GetObject", named))["Body"])
