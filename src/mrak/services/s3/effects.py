"""What follows from a change of an object, in the same transaction: events, replicas, expiry."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.s3 import lifecycle, notifications, replication
from mrak.services.s3.events import Happening
from mrak.services.s3.tables import Bucket, Version


def created(ctx: Context, tx: Transaction, bucket: Bucket, made: Version, how: str) -> Version:
    """A version was added, by `how` ("Put", "Post", "Copy", "CompleteMultipartUpload")."""
    _tell(ctx, tx, bucket, made, f"ObjectCreated:{how}")
    if replication.KIND in bucket.settings:
        made = replication.enqueue(ctx, tx, bucket, made)
    return made


def changed(ctx: Context, tx: Transaction, bucket: Bucket, version: Version, name: str) -> None:
    """Something about a version was changed ("ObjectTagging:Put")."""
    _tell(ctx, tx, bucket, version, name)


def restored(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> None:
    _tell(ctx, tx, bucket, version, "ObjectRestore:Post")
    _tell(ctx, tx, bucket, version, "ObjectRestore:Completed")


def deleted(ctx: Context, tx: Transaction, bucket: Bucket, key: str, marker: Version | None, existed: bool) -> None:
    """A key was deleted, or hidden behind a marker."""
    if marker is not None:
        empty = msgspec.structs.replace(marker, etag="d41d8cd98f00b204e9800998ecf8427e")
        _tell(ctx, tx, bucket, empty, "ObjectRemoved:DeleteMarkerCreated")
        if replication.KIND in bucket.settings:
            replication.enqueue(ctx, tx, bucket, marker)
    elif existed:
        gone = Version(bucket=bucket.name, key=key, order=-ctx.draw.sequence())
        _tell(ctx, tx, bucket, gone, "ObjectRemoved:Delete")


def deleted_version(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> None:
    """A version was deleted for good."""
    _tell(ctx, tx, bucket, msgspec.structs.replace(version, etag=""), "ObjectRemoved:Delete")


def expired(ctx: Context, tx: Transaction, bucket: Bucket, version: Version, how: str) -> None:
    """Lifecycle deleted a version, or hid it ("Delete", "DeleteMarkerCreated")."""
    _tell(ctx, tx, bucket, version, f"LifecycleExpiration:{how}", by_lifecycle=True)


def moved(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> None:
    """Lifecycle moved a version to another storage class."""
    _tell(ctx, tx, bucket, version, "LifecycleTransition", by_lifecycle=True)


def expiration(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> dict[str, Any]:
    return lifecycle.render_expiration(ctx, tx, bucket, version)


def _tell(
    ctx: Context, tx: Transaction, bucket: Bucket, version: Version, name: str, *, by_lifecycle: bool = False
) -> None:
    if notifications.KIND in bucket.settings:
        notifications.emit(ctx, tx, bucket, Happening(name, version, by_lifecycle))
