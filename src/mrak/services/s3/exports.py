"""What other services may use of S3: look-ups, and reading objects inside the process.

An object is read as its caller's request would be: `await ctx.call("s3", "GetObject", {...})`, whose Body is bytes, a
file's slice or an iterator; `read_body` makes bytes of any of them. Writing is `ctx.call("s3", "PutObject", {...})`.
"""

from __future__ import annotations

from typing import Any

from mrak.auth.policy import parse_policy
from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import FileSlice
from mrak.core.scope import Scope
from mrak.services.s3 import access, buckets, contents, errors, tagging
from mrak.services.s3 import objects as versions
from mrak.services.s3.access import parse_blocks, render_blocks
from mrak.services.s3.logs import record_requests
from mrak.services.s3.names import canonical_id
from mrak.services.s3.points import AccessPoint, point_arn
from mrak.services.s3.points import add as add_point
from mrak.services.s3.points import change as change_point
from mrak.services.s3.points import check_policy as check_point_policy
from mrak.services.s3.points import delete as delete_point
from mrak.services.s3.points import find as find_point
from mrak.services.s3.points import list_all as list_points
from mrak.services.s3.tables import ACCOUNTS, BUCKETS, Account, Bucket, everywhere

__all__ = [
    "AccessPoint",
    "add_point",
    "bucket_exists",
    "canonical_id",
    "change_point",
    "check_point_policy",
    "check_public_point_policy",
    "delete_point",
    "find_account_block",
    "find_bucket_owner",
    "find_point",
    "find_tags",
    "is_public",
    "list_points",
    "locate_object",
    "parse_blocks",
    "point_arn",
    "read_body",
    "read_object",
    "record_requests",
    "render_blocks",
    "set_account_block",
    "set_tags",
]


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


# --- for s3control ------------------------------------------------------------------------------------------------


def find_account_block(tx: Transaction, scope: Scope) -> int | None:
    row = ACCOUNTS.get(tx, everywhere(scope), scope.account)
    return None if row is None else row.public_access


def set_account_block(tx: Transaction, scope: Scope, bits: int | None) -> None:
    whole = everywhere(scope)
    ACCOUNTS.lock(tx, whole, scope.account)
    if bits is not None:
        ACCOUNTS.insert(tx, whole, Account(scope.account, bits))
    elif (row := ACCOUNTS.get(tx, whole, scope.account)) is not None:
        ACCOUNTS.delete(tx, whole, row)


def is_public(policy: str) -> bool:
    return access.is_public_policy(parse_policy(policy))


def check_public_point_policy(tx: Transaction, scope: Scope, point: AccessPoint, policy: str) -> None:
    """A policy that lets everybody in is refused by the access point's block of them and by its account's."""
    blocked = point.public_access | (find_account_block(tx, scope) or 0)
    if blocked & access.BLOCK_POLICY and is_public(policy):
        raise errors.access_denied()


def find_tags(ctx: Context, tx: Transaction, resource_arn: str) -> dict[str, str]:
    """The tags of a bucket or an access point. Raises what S3 Control does."""
    found = _require_tagged(ctx, tx, resource_arn)
    if isinstance(found, AccessPoint):
        return found.tags
    return buckets.find_setting(tx, ctx.scope, found, "tagging") or {}


def set_tags(ctx: Context, tx: Transaction, resource_arn: str, tags: dict[str, str]) -> None:
    found = _require_tagged(ctx, tx, resource_arn)
    tagging.parse_bucket({"TagSet": tagging.render(tags)})
    if isinstance(found, AccessPoint):
        change_point(tx, ctx.scope, found, tags=tags)
    elif tags:
        buckets.put_setting(ctx, tx, found, "tagging", tags)
    else:
        buckets.delete_setting(ctx, tx, found, "tagging")


def _require_tagged(ctx: Context, tx: Transaction, resource_arn: str) -> Bucket | AccessPoint:
    parsed = find_arn(resource_arn)
    if parsed is None or parsed.service != "s3":
        raise errors.invalid_request("The specified ARN is not valid")
    kind, _, name = parsed.resource.rpartition("/")
    if kind != "accesspoint":
        return buckets.require_allowed(ctx, tx, {"Bucket": parsed.resource}, "s3:GetBucketTagging")
    point = find_point(tx, ctx.scope, name)
    if point is None:
        raise ApiError("NoSuchAccessPoint", "The specified accesspoint does not exist", 404)
    return point
