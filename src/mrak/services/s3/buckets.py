"""A bucket as requests find it, its settings, and writing both."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.s3 import access, errors, names, points
from mrak.services.s3.tables import BUCKETS, SETTINGS, Bucket, Setting, everywhere

# Regions that were opened before 2014 know Signature Version 2.
# https://docs.aws.amazon.com/general/latest/gr/signature-version-2.html
_REGIONS_OF_V2 = frozenset(
    {
        "us-east-1", "us-west-1", "us-west-2", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1",
        "sa-east-1", "us-gov-west-1",
    }
)  # fmt: skip
# What a request says about itself where its bucket keeps an access log.
LOGGED = "logged"
_HASHES = ("content-md5", "x-amz-checksum-", "x-amz-trailer")


def require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Bucket:
    """The bucket that a request names, without a check of who asks. Raises NoSuchBucket."""
    name = req["Bucket"]
    bucket = BUCKETS.get(tx, everywhere(ctx.scope), name)
    if bucket is None:
        bucket = _behind_point(ctx, tx, name)
    if "logging" in bucket.settings and ctx.http is not None and ctx.http.path.split("/", 2)[1] == name:
        ctx.annotate(LOGGED, (bucket.name, bucket.account))
    if bucket.region not in _REGIONS_OF_V2 and _is_signed_v2(ctx):
        raise errors.unsupported_signature()
    expected = req.get("ExpectedBucketOwner")
    if expected is not None:
        names.check_account_id(expected)
        if expected != bucket.account:
            raise errors.access_denied()
    return bucket


def _is_signed_v2(ctx: Context) -> bool:
    if ctx.http is None:
        return False
    return ctx.http.headers.get("authorization", "").startswith("AWS ") or "AWSAccessKeyId=" in ctx.http.query


def _behind_point(ctx: Context, tx: Transaction, name: str) -> Bucket:
    if names.is_directory_bucket(name):
        raise errors.error("NotImplemented", "mrak does not implement s3: directory buckets yet.")
    point = points.find_called(tx, ctx.scope, name)
    bucket = None if point is None else BUCKETS.get(tx, everywhere(ctx.scope), point.bucket)
    if bucket is None:
        raise errors.no_such_bucket(name)
    return bucket


def require_allowed(ctx: Context, tx: Transaction, req: dict[str, Any], action: str) -> Bucket:
    """The bucket, which the caller may do this to."""
    bucket = require(ctx, tx, req)
    if not access.may(ctx, tx, bucket, action, req):
        denied = errors.access_denied()
        if action == "s3:ListBucket":
            # SDKs find a bucket's region so, whoever they are.
            denied.headers = {"x-amz-bucket-region": bucket.region}
        raise denied
    return bucket


def require_document(req: dict[str, Any], member: str) -> dict[str, Any]:
    """The document that a request has to carry. AWS tells an empty body from one that does not fit the schema."""
    document: dict[str, Any] | None = req.get(member)
    if document is None:
        raise errors.missing_body()
    return document


def require_hashed_document(ctx: Context, req: dict[str, Any], member: str) -> dict[str, Any]:
    """As above, from those operations that want a hash of it."""
    if ctx.http is not None and not any(name.startswith(_HASHES) for name in ctx.http.headers):
        raise errors.invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    return require_document(req, member)


def require_parameter(req: dict[str, Any], member: str, name: str) -> str:
    """What a request has to say in its query beside the name of the subresource."""
    if not req.get(member):
        raise errors.invalid_argument(f"A required parameter is missing: {name}", name)
    return str(req[member])


def change(ctx: Context, tx: Transaction, bucket: Bucket, **fields: Any) -> Bucket:
    """Writes a bucket's new facts."""
    scope = everywhere(ctx.scope)
    BUCKETS.lock(tx, scope, bucket.name)
    changed = msgspec.structs.replace(bucket, **fields)
    BUCKETS.replace(tx, scope, bucket, changed)
    return changed


# --- settings -----------------------------------------------------------------------------------------------------


def find_setting(tx: Transaction, scope: Scope, bucket: Bucket, kind: str, name: str = "") -> Any:
    """A setting in AWS's spelling, or None. A kind that the bucket does not have costs nothing."""
    if kind not in bucket.settings:
        return None
    row = SETTINGS.get(tx, everywhere(scope), bucket.name, kind, name)
    return None if row is None else msgspec.msgpack.decode(row.value)


def list_settings(tx: Transaction, scope: Scope, bucket: Bucket, kind: str, after: str = "") -> list[Setting]:
    if kind not in bucket.settings:
        return []
    return list(SETTINGS.scan(tx, everywhere(scope), bucket.name, kind, after=after, limit=101))


def put_setting(ctx: Context, tx: Transaction, bucket: Bucket, kind: str, value: Any, name: str = "") -> None:
    scope = everywhere(ctx.scope)
    SETTINGS.lock(tx, scope, bucket.name)
    SETTINGS.insert(tx, scope, Setting(bucket.name, kind, name, msgspec.msgpack.encode(value)))
    if kind not in bucket.settings:
        change(ctx, tx, bucket, settings=(*bucket.settings, kind))


def delete_setting(ctx: Context, tx: Transaction, bucket: Bucket, kind: str, name: str = "") -> bool:
    """False where there was none."""
    scope = everywhere(ctx.scope)
    if kind not in bucket.settings or SETTINGS.get(tx, scope, bucket.name, kind, name) is None:
        return False
    SETTINGS.lock(tx, scope, bucket.name)
    SETTINGS.delete(tx, scope, Setting(bucket.name, kind, name, b""))
    if next(SETTINGS.scan(tx, scope, bucket.name, kind, limit=1), None) is None:
        change(ctx, tx, bucket, settings=tuple(each for each in bucket.settings if each != kind))
    return True
