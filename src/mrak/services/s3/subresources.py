"""Operations on what hangs on a version: tags, retention, legal holds, restoration; and the bucket's lock."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.protocol import times
from mrak.services.s3 import access, buckets, drafts, effects, encryption, errors, locks, tagging
from mrak.services.s3 import objects as versions
from mrak.services.s3.reading import ARCHIVED
from mrak.services.s3.tables import Bucket, Version

deviation("S3-004")
_DAY = 86_400.0


def require_version(
    ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], action: str, method: str
) -> Version:
    """The version that a request names. Delete markers have none of all this, also where they are the latest."""
    drafts.require_key(req)
    latest = versions.find_latest(ctx, tx, bucket.name, req["Key"]) if "VersionId" not in req else None
    if latest is not None and latest.is_marker:
        access.check_may_know(ctx, tx, bucket, req)
        raise versions.marker_error(latest, method)
    return versions.require_readable(ctx, tx, bucket, req, action, method)


# --- tags ---------------------------------------------------------------------------------------------------------


@operation("GetObjectTagging")
def get_object_tagging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    try:
        version = require_version(ctx, tx, bucket, req, "s3:GetObjectTagging", "GET")
    except ApiError as error:
        if error.code == "NoSuchKey":
            # Only here, AWS names the bucket too.
            raise errors.no_such_key(f"{bucket.name}/{req['Key']}") from None
        raise
    return {"TagSet": tagging.render(version.tags), **versions.shown_id(bucket, version)}


@operation("PutObjectTagging")
def put_object_tagging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    document = buckets.require_document(req, "Tagging")
    version = require_version(ctx, tx, bucket, req, "s3:PutObjectTagging", "PUT")
    changed = versions.rewrite(ctx, tx, version, tags=tagging.parse_object(document))
    if bucket.settings:
        effects.changed(ctx, tx, bucket, changed, "ObjectTagging:Put")
    return dict(versions.shown_id(bucket, version))


@operation("DeleteObjectTagging")
def delete_object_tagging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:DeleteObjectTagging", "DELETE")
    changed = versions.rewrite(ctx, tx, version, tags={})
    if bucket.settings:
        effects.changed(ctx, tx, bucket, changed, "ObjectTagging:Delete")
    return dict(versions.shown_id(bucket, version))


# --- encryption ---------------------------------------------------------------------------------------------------


@operation("UpdateObjectEncryption")
def update_object_encryption(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A version goes under another key; nothing else of it changes."""
    bucket = buckets.require(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:UpdateObjectEncryption", "PUT")
    wanted = buckets.require_document(req, "ObjectEncryption").get("SSEKMS")
    if wanted is None:
        raise errors.malformed_xml()
    if find_arn(wanted["KMSKeyArn"]) is None:
        raise errors.invalid_argument("The KMS key has to be named by its ARN.", "KMSKeyArn", wanted["KMSKeyArn"])
    if version.encryption.get("sse") not in ("AES256", "aws:kms"):
        raise errors.invalid_request("The encryption type of the object cannot be updated.")
    kept = encryption.under_key(wanted["KMSKeyArn"], bool(wanted.get("BucketKeyEnabled")))
    draft = encryption.with_key(ctx, tx, msgspec.structs.replace(version, encryption=kept))
    versions.rewrite(ctx, tx, version, encryption=draft.encryption)
    return {}


# --- the bucket's lock --------------------------------------------------------------------------------------------


@operation("PutObjectLockConfiguration", action="s3:PutBucketObjectLockConfiguration")
def put_object_lock_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketObjectLockConfiguration")
    configuration = buckets.require_document(req, "ObjectLockConfiguration")
    if configuration.get("ObjectLockEnabled") != "Enabled":
        raise errors.malformed_xml()
    mode, days, years = _parse_default(configuration)
    if bucket.versioning != "Enabled":
        message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise errors.error("InvalidBucketState", message)
    buckets.change(ctx, tx, bucket, lock_enabled=True, lock_mode=mode, lock_days=days, lock_years=years)
    return {}


def _parse_default(configuration: dict[str, Any]) -> tuple[str, int, int]:
    if "Rule" not in configuration:
        return "", 0, 0
    retention = configuration["Rule"].get("DefaultRetention") or {}
    mode, days, years = retention.get("Mode"), retention.get("Days"), retention.get("Years")
    if mode not in locks.MODES or (days is None) == (years is None):
        raise errors.malformed_xml()
    name = "Days" if days is not None else "Years"
    if (days or years or 0) <= 0:
        raise errors.invalid_argument("Default retention period must be a positive integer value.", name)
    if (days or 0) > 36_500 or (years or 0) > 100:
        raise errors.invalid_argument("Default retention period too large.", name)
    return mode, days or 0, years or 0


@operation("GetObjectLockConfiguration", action="s3:GetBucketObjectLockConfiguration")
def get_object_lock_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketObjectLockConfiguration")
    if not bucket.lock_enabled:
        message = "Object Lock configuration does not exist for this bucket"
        raise errors.missing_setting("ObjectLockConfigurationNotFoundError", message, bucket.name)
    shown: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if bucket.lock_mode:
        period = {"Days": bucket.lock_days} if bucket.lock_days else {"Years": bucket.lock_years}
        shown["Rule"] = {"DefaultRetention": {"Mode": bucket.lock_mode, **period}}
    return {"ObjectLockConfiguration": shown}


# --- retention and holds ------------------------------------------------------------------------------------------


def _require_lockable(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Bucket:
    bucket = buckets.require(ctx, tx, req)
    if not bucket.lock_enabled:
        raise errors.invalid_request("Bucket is missing Object Lock Configuration")
    return bucket


def _require_lock_document(ctx: Context, tx: Transaction, req: dict[str, Any], member: str) -> dict[str, Any]:
    """What is missing does not fit the schema here, and is found before the bucket is seen to have no locks."""
    buckets.require(ctx, tx, req)
    document: dict[str, Any] | None = req.get(member)
    if document is None:
        raise errors.malformed_xml()
    return document


@operation("PutObjectRetention")
def put_object_retention(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = _require_lock_document(ctx, tx, req, "Retention")
    bucket = _require_lockable(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:PutObjectRetention", "PUT")
    mode, until = wanted.get("Mode", ""), wanted.get("RetainUntilDate", 0.0)
    if bool(mode) != bool(until) or (mode and mode not in locks.MODES):
        raise errors.malformed_xml()
    if mode and until <= ctx.now:
        message = "The retain until date must be in the future!"
        raise errors.invalid_argument(message, "RetainUntilDate", times.render_iso8601(until))
    retention = {"lock_mode": mode, "lock_until": until}
    locks.check_retention_change(ctx, tx, bucket, version, req, retention)
    versions.rewrite(ctx, tx, version, **retention)
    return {}


@operation("GetObjectRetention")
def get_object_retention(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _require_lockable(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:GetObjectRetention", "GET")
    if not version.lock_mode:
        raise _no_lock()
    return {"Retention": {"Mode": version.lock_mode, "RetainUntilDate": version.lock_until}}


@operation("PutObjectLegalHold")
def put_object_legal_hold(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    wanted = _require_lock_document(ctx, tx, req, "LegalHold")
    version = require_version(ctx, tx, bucket, req, "s3:PutObjectLegalHold", "PUT")
    if wanted.get("Status") not in ("ON", "OFF"):
        raise errors.malformed_xml()
    _require_lockable(ctx, tx, req)
    versions.rewrite(ctx, tx, version, legal_hold=wanted["Status"])
    return {}


@operation("GetObjectLegalHold")
def get_object_legal_hold(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _require_lockable(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:GetObjectLegalHold", "GET")
    if not version.legal_hold:
        raise _no_lock()
    return {"LegalHold": {"Status": version.legal_hold}}


def _no_lock() -> Exception:
    message = "The specified object does not have a ObjectLock configuration"
    return errors.error("NoSuchObjectLockConfiguration", message)


# --- restoring ----------------------------------------------------------------------------------------------------


@operation("RestoreObject")
def restore_object(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """S3-004: what AWS takes hours for is done at once."""
    bucket = buckets.require(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:RestoreObject", "POST")
    wanted = buckets.require_document(req, "RestoreRequest")
    if version.storage_class not in ARCHIVED:
        message = "Restore is not allowed for the object's current storage class"
        raise errors.error("InvalidObjectState", message, StorageClass=version.storage_class)
    days = wanted.get("Days")
    if not isinstance(days, int) or days < 1:
        raise errors.malformed_xml()
    was_restored = version.restored_until > ctx.now
    # It ends at midnight, as AWS counts (restoring-objects.html).
    until = (int((ctx.now + days * _DAY) // _DAY) + 1) * _DAY
    changed = versions.rewrite(ctx, tx, version, restored_until=until)
    if bucket.settings:
        effects.restored(ctx, tx, bucket, changed)
    return {"StatusCode": 200 if was_restored else 202}
