"""Operations on access control lists of buckets and objects."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.s3 import access, acls, buckets, effects, errors
from mrak.services.s3 import objects as versions
from mrak.services.s3.subresources import require_version
from mrak.services.s3.tables import Bucket, Grant

_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


@operation("GetBucketAcl")
def get_bucket_acl(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketAcl")
    return acls.render(bucket.acl, bucket.account)


@operation("PutBucketAcl")
def put_bucket_acl(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketAcl")
    acl = _parse(ctx, tx, bucket, req, bucket.account)
    buckets.change(ctx, tx, bucket, acl=acl)


def _parse(
    ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], account: str
) -> tuple[Grant, ...] | None:
    """The list that a request brings: in headers or as a document, not in both."""
    if bucket.ownership == "BucketOwnerEnforced":
        raise errors.acl_not_supported()
    document = req.get("AccessControlPolicy")
    in_headers = "ACL" in req or any(name in req for name in _GRANTS)
    if document is None and not in_headers:
        message = "Your request was missing a required header"
        raise errors.error("MissingSecurityHeader", message, MissingHeaderName="x-amz-acl")
    if document is not None and in_headers:
        raise errors.error("UnexpectedContent", "This request does not support content")
    if document is not None:
        acl: tuple[Grant, ...] | None = acls.parse_document(document, account)
    else:
        acl = acls.parse_request(req, account, bucket.account)
    if acls.is_public(acl) and access.blocks(ctx, tx, bucket, req, access.BLOCK_ACLS):
        raise errors.access_denied()
    return acl


@operation("GetObjectAcl")
def get_object_acl(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    version = versions.require_readable(ctx, tx, bucket, req, "s3:GetObjectAcl")
    if bucket.ownership == "BucketOwnerEnforced":
        return acls.render(None, bucket.account)
    return acls.render(version.acl, version.account)


@operation("PutObjectAcl")
def put_object_acl(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:PutObjectAcl", "PUT")
    acl = _parse(ctx, tx, bucket, req, version.account)
    changed = versions.rewrite(ctx, tx, version, acl=acl)
    if bucket.settings and acls.render(acl, version.account) != acls.render(version.acl, version.account):
        effects.changed(ctx, tx, bucket, changed, "ObjectAcl:Put")
    return {}
