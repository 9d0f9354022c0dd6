"""What follows from a change of an object, in the same transaction."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.services.s3 import lifecycle
from mrak.services.s3.tables import Bucket, Version


def created(ctx: Context, tx: Transaction, bucket: Bucket, made: Version, how: str) -> Version:
    """A version was added, by `how` ("Put", "Post", "Copy", "CompleteMultipartUpload")."""
    return made


def deleted(ctx: Context, tx: Transaction, bucket: Bucket, key: str, marker: Version | None, existed: bool) -> None:
    """A key was deleted, or hidden behind a marker."""


def deleted_version(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> None:
    """A version was deleted for good."""


def expiration(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> dict[str, Any]:
    return lifecycle.render_expiration(ctx, tx, bucket, version)
