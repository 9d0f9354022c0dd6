"""A version as a request describes it, before its body: system headers, metadata, tags, lock, encryption, ACL, owner.

PutObject, POST forms, CreateMultipartUpload and copies with other metadata share it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.s3 import access, acls, encryption, errors, locks, names, tagging
from mrak.services.s3.tables import Bucket, Grant, Version

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
_REDIRECT = "WebsiteRedirectLocation"
_STORAGE_CLASSES = frozenset(
    {
        "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE",
        "GLACIER_IR",
    }
)  # fmt: skip
_MOST_METADATA_BYTES = 2048


def parse(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]) -> Version:
    """Raises for what the request may not ask for."""
    return msgspec.structs.replace(
        parse_rest(ctx, tx, bucket, req),
        headers=parse_headers(req),
        metadata=parse_metadata(req.get("Metadata", {})),
        tags=tagging.parse_header(req["Tagging"]) if req.get("Tagging") else {},
    )


def parse_rest(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]) -> Version:
    """All that a copy always takes from the request, and never from its source."""
    account, acl = parse_acl(ctx, tx, bucket, req)
    storage_class = req.get("StorageClass", "STANDARD")
    if storage_class not in _STORAGE_CLASSES:
        raise errors.error("InvalidStorageClass", "The storage class you specified is not valid")
    return Version(
        bucket=bucket.name,
        key=req["Key"],
        order=0,
        modified_at=ctx.now,
        account=account,
        acl=acl,
        storage_class=storage_class,
        encryption=encryption.parse(ctx, bucket, req),
        **locks.parse_request(req, bucket, ctx.now),
    )


def parse_headers(req: dict[str, Any]) -> dict[str, str]:
    headers = {name: req[name] for name in HEADERS if req.get(name)}
    redirect = req.get(_REDIRECT)
    if redirect is not None:
        check_redirect(redirect)
        headers[_REDIRECT] = redirect
    return headers


def check_redirect(location: str) -> None:
    if not location:
        raise errors.error("InvalidRedirectLocation", "The website redirect location must be non-empty.")
    if not location.startswith(("/", "http://", "https://")):
        message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        raise errors.error("InvalidRedirectLocation", message)


def parse_metadata(metadata: dict[str, str]) -> dict[str, str]:
    size = sum(len(name) + len(value.encode()) for name, value in metadata.items())
    if size > _MOST_METADATA_BYTES:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise errors.error("MetadataTooLarge", message, Size=size, MaxSizeAllowed=_MOST_METADATA_BYTES)
    return metadata


def parse_acl(
    ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]
) -> tuple[str, tuple[Grant, ...] | None]:
    """(owner's account, ACL) of a new version."""
    acls.check_allowed(bucket, req)
    writer = ctx.principal.account
    if bucket.ownership == "BucketOwnerEnforced":
        return bucket.account, None
    if bucket.ownership == "BucketOwnerPreferred" and req.get("ACL") == "bucket-owner-full-control":
        return bucket.account, None
    acl = acls.parse_request(req, writer, bucket.account)
    if acls.is_public(acl) and access.blocks(ctx, tx, bucket, req, access.BLOCK_ACLS):
        raise errors.access_denied()
    return writer, acl


def require_key(req: dict[str, Any]) -> str:
    key: str = req["Key"]
    names.check_key(key)
    return key
