"""The JSON of S3's events: records of notifications, and events for EventBridge. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import msgspec

from mrak.core.context import Context
from mrak.protocol import times
from mrak.protocol.rest_xml import host_id
from mrak.services.s3.names import bucket_arn, canonical_id
from mrak.services.s3.tables import Bucket, Version

# Events that tell of the object as it was written.
_WITH_SIZE = ("ObjectCreated", "ObjectRestore", "LifecycleTransition", "Replication")
# The version of the record's format, which differs by event.
_VERSIONS = {
    "ObjectAcl": "2.3", "ObjectTagging": "2.3", "LifecycleExpiration": "2.3", "LifecycleTransition": "2.3",
    "Replication": "2.2",
}  # fmt: skip
_REASONS = {
    "Put": "PutObject",
    "Post": "POST Object",
    "Copy": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}


class Happening(msgspec.Struct, frozen=True):
    """What happened to a version; `name` as in notifications, `ObjectCreated:Put`."""

    name: str
    version: Version
    by_lifecycle: bool = False


def matches_event(wanted: str, happened: str) -> bool:
    return wanted == happened or (wanted.endswith(":*") and happened.startswith(wanted[:-1]))


def _principal(ctx: Context) -> str:
    user_id = ctx.principal.user_id
    return "Anonymous" if not ctx.principal.account else f"AWS:{user_id}"


def render_record(ctx: Context, bucket: Bucket, happening: Happening, configuration_id: str) -> dict[str, Any]:
    family = happening.name.partition(":")[0]
    completed = happening.name == "ObjectRestore:Completed"
    record: dict[str, Any] = {
        "eventVersion": _VERSIONS.get(family, "2.1"),
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": times.render_iso8601(ctx.now, always_millis=True),
        "eventName": happening.name,
        "userIdentity": {
            "principalId": f"AmazonCustomer:{canonical_id(bucket.account)}" if completed else _principal(ctx)
        },
        "requestParameters": {"sourceIPAddress": "s3.amazonaws.com" if completed else ctx.source or "127.0.0.1"},
        "responseElements": {"x-amz-request-id": ctx.request_id, "x-amz-id-2": host_id(ctx.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": canonical_id(bucket.account)},
                "arn": bucket_arn(bucket.name),
            },
            "object": _render_object(bucket, happening),
        },
    }
    if completed:
        record["glacierEventData"] = {
            "restoreEventData": {
                "lifecycleRestorationExpiryTime": times.render_iso8601(
                    happening.version.restored_until, always_millis=True
                ),
                "lifecycleRestoreStorageClass": happening.version.storage_class,
            }
        }
    return record


def _render_object(bucket: Bucket, happening: Happening) -> dict[str, Any]:
    version = happening.version
    family = happening.name.partition(":")[0]
    shown: dict[str, Any] = {"key": quote_plus(version.key, safe="/")}
    if family in _WITH_SIZE:
        shown["size"] = version.size_bytes
    if version.etag:
        shown["eTag"] = version.etag
    if bucket.versioning and version.order:
        shown["versionId"] = version.id
    if family not in ("ObjectAcl", "ObjectTagging"):
        shown["sequencer"] = sequencer(version)
    return shown


def sequencer(version: Version) -> str:
    """Grows with each write of a key."""
    return f"{-version.order:018X}"


def render_bridge_event(
    ctx: Context, bucket: Bucket, happening: Happening
) -> tuple[str, dict[str, Any], list[str]] | None:
    """(detail-type, detail, resources); None for what EventBridge is not told."""
    family, _, how = happening.name.partition(":")
    version = happening.version
    described: dict[str, Any] = {"key": version.key}
    detail: dict[str, Any] = {"version": "0", "bucket": {"name": bucket.name}, "object": described}
    if family == "ObjectCreated":
        title = "Object Created"
        described |= {"size": version.size_bytes, "etag": version.etag, "sequencer": sequencer(version)}
        detail["reason"] = _REASONS[how]
    elif family in ("ObjectRemoved", "LifecycleExpiration"):
        title = "Object Deleted"
        described["sequencer"] = sequencer(version)
        detail["reason"] = "Lifecycle Expiration" if happening.by_lifecycle else "DeleteObject"
        detail["deletion-type"] = "Permanently Deleted" if how == "Delete" else "Delete Marker Created"
    elif family == "ObjectRestore":
        title = "Object Restore Completed" if how == "Completed" else "Object Restore Initiated"
        described |= {"size": version.size_bytes, "etag": version.etag}
        detail["source-storage-class"] = version.storage_class
        if how == "Completed":
            detail["restore-expiry-time"] = times.render_iso8601(version.restored_until)
    elif family == "ObjectTagging":
        title = "Object Tags Added" if how == "Put" else "Object Tags Deleted"
        described["etag"] = version.etag
    elif family == "ObjectAcl":
        title = "Object ACL Updated"
        described["etag"] = version.etag
    elif family == "LifecycleTransition":
        title = "Object Storage Class Changed"
        described |= {"size": version.size_bytes, "etag": version.etag}
        detail["destination-storage-class"] = version.storage_class
    else:
        return None
    if bucket.versioning and version.order:
        described["version-id"] = version.id
    detail |= {"request-id": ctx.request_id, "requester": _requester(ctx, happening)}
    if ctx.source and how != "Completed":
        detail["source-ip-address"] = ctx.source
    return title, detail, [bucket_arn(bucket.name)]


def _requester(ctx: Context, happening: Happening) -> str:
    return "s3.amazonaws.com" if happening.by_lifecycle or not ctx.principal.account else ctx.principal.account
