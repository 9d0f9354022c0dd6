"""Versions of objects: finding, adding, deleting. All of it inside the caller's transaction.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html

A key's latest version is its row in OBJECTS; older ones are in VERSIONS, newest first. In a bucket without versioning
there is only the former, and its id is "null". A key has at most one null version; where that is not the latest,
`null_order` in the OBJECTS row says where it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.protocol import times
from mrak.services.s3 import access, contents, errors, locks, names
from mrak.services.s3.tables import ANNOTATIONS, OBJECTS, VERSIONS, Annotation, Bucket, Version, everywhere

NULL = "null"


def find_latest(ctx: Context, tx: Transaction, bucket: str, key: str) -> Version | None:
    """The latest version, which may be a delete marker."""
    return OBJECTS.get(tx, everywhere(ctx.scope), bucket, key)


def find_version(ctx: Context, tx: Transaction, bucket: Bucket, key: str, version_id: str) -> Version | None:
    """A version by its id. Raises InvalidArgument for what is no id."""
    latest = find_latest(ctx, tx, bucket.name, key)
    if version_id == NULL:
        order = latest.null_order if latest is not None and latest.id != NULL else 0
    else:
        found = names.find_order(version_id)
        if found is None:
            raise errors.invalid_version_id(version_id)
        order = found
    if latest is not None and latest.id == version_id:
        return latest
    older = VERSIONS.get(tx, everywhere(ctx.scope), bucket.name, key, order) if latest is not None and order else None
    if older is not None and older.id == version_id:
        return older
    if version_id != NULL and not names.is_genuine(version_id):
        raise errors.invalid_version_id(version_id)
    return None


def require_readable(
    ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], action: str, method: str = "GET"
) -> Version:
    """The version that a request names and may read. Raises NoSuchKey, NoSuchVersion, MethodNotAllowed, AccessDenied.

    `action` is that for the latest version; with a version id it is another (s3:GetObject, s3:GetObjectVersion).
    """
    key, version_id = req["Key"], req.get("VersionId")
    names.check_key(key)
    if version_id is None:
        version = find_latest(ctx, tx, bucket.name, key)
        if version is None or version.is_marker:
            _check_absent_allowed(ctx, tx, bucket, action, req)
            raise _absent(version, key, bucket)
        access.check_object(ctx, tx, bucket, action, req, version)
        return version
    if version_id == "":
        raise errors.invalid_argument("Version id cannot be the empty string", "versionId", "")
    version = find_version(ctx, tx, bucket, key, version_id)
    if version is None:
        _check_absent_allowed(ctx, tx, bucket, action, req)
        raise errors.no_such_version(key, version_id)
    if version.is_marker:
        access.check_may_know(ctx, tx, bucket, req)
        found = marker_error(version, method)
        if action == "s3:GetObject":
            found.headers = {**(found.headers or {}), "Last-Modified": times.render_rfc822(version.modified_at)}
        raise found
    access.check_object(ctx, tx, bucket, versioned_action(action), req, version)
    return version


def versioned_action(action: str) -> str:
    """`s3:GetObjectAcl` for a version is `s3:GetObjectVersionAcl`."""
    return action.replace("Object", "ObjectVersion", 1)


def _check_absent_allowed(ctx: Context, tx: Transaction, bucket: Bucket, action: str, req: dict[str, Any]) -> None:
    if bucket.policy and access.may(ctx, tx, bucket, action, req):
        return
    access.check_may_know(ctx, tx, bucket, req)


def _absent(version: Version | None, key: str, bucket: Bucket) -> ApiError:
    found = errors.no_such_key(key)
    if version is not None:
        found.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version.id}
    return found


def marker_error(version: Version, method: str) -> ApiError:
    found = errors.method_not_allowed(method, "DeleteMarker")
    found.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version.id, "Allow": "DELETE"}
    return found


def shown_id(bucket: Bucket, version: Version) -> dict[str, str]:
    """VersionId, in buckets that ever had versioning."""
    return {"VersionId": version.id} if bucket.versioning or version.id != NULL else {}


# --- adding -------------------------------------------------------------------------------------------------------


def add(
    ctx: Context,
    tx: Transaction,
    bucket: Bucket,
    latest: Version | None,
    made: Version,
    *,
    began: int | None = None,
) -> Version:
    """Makes `made` the key's latest version, or an older one where its upload `began` (an order) before that which is
    the latest. The caller has opened OBJECTS and read `latest`."""
    scope = everywhere(ctx.scope)
    if began is not None and latest is not None and latest.order < began and bucket.versioning == "Enabled":
        made = msgspec.structs.replace(made, order=began, id=names.new_id(ctx.draw, began))
        VERSIONS.lock(tx, scope, made.bucket, made.key)
        VERSIONS.insert(tx, scope, made)
        return made
    order = -ctx.draw.sequence()
    if latest is not None:
        order = min(order, latest.order - 1)
    if bucket.versioning == "Enabled":
        made = msgspec.structs.replace(made, order=order, id=names.new_id(ctx.draw, order))
    else:
        made = msgspec.structs.replace(made, order=order, id=NULL)
    if latest is None:
        OBJECTS.insert(tx, scope, made)
        return made
    null_order = latest.null_order
    if latest.id == NULL and made.id == NULL:
        _free(ctx, tx, latest)
        null_order = 0
    else:
        VERSIONS.lock(tx, scope, made.bucket, made.key)
        if latest.id == NULL:
            null_order = latest.order
        elif made.id == NULL and null_order:
            _drop_older_null(ctx, tx, made, null_order)
            null_order = 0
        VERSIONS.insert(tx, scope, msgspec.structs.replace(latest, null_order=0))
    made = msgspec.structs.replace(made, null_order=null_order)
    OBJECTS.replace(tx, scope, latest, made)
    return made


def _drop_older_null(ctx: Context, tx: Transaction, key: Version, order: int) -> None:
    older = VERSIONS.get(tx, everywhere(ctx.scope), key.bucket, key.key, order)
    assert older is not None, "a null version that is not there"
    VERSIONS.delete(tx, everywhere(ctx.scope), older)
    _free(ctx, tx, older)


def rewrite(ctx: Context, tx: Transaction, old: Version, **fields: Any) -> Version:
    """Changes what may change of a version: tags, ACL, locks, restoration."""
    scope = everywhere(ctx.scope)
    new = msgspec.structs.replace(old, **fields)
    latest = OBJECTS.open(tx, scope, old.bucket, old.key)
    if latest is not None and latest.order == old.order:
        OBJECTS.replace(tx, scope, latest, msgspec.structs.replace(new, null_order=latest.null_order))
    else:
        VERSIONS.lock(tx, scope, old.bucket, old.key)
        VERSIONS.replace(tx, scope, old, new)
    return new


def _free(ctx: Context, tx: Transaction, version: Version) -> None:
    """Gives up what only a version that goes refers to."""
    contents.free(ctx, tx, version.content)
    if not version.annotations:
        return
    scope = everywhere(ctx.scope)
    place = (version.bucket, version.key, version.order)
    ANNOTATIONS.lock(tx, scope, *place)
    for annotation in ANNOTATIONS.scan(tx, scope, *place):
        contents.free(ctx, tx, annotation.content)
    ANNOTATIONS.delete_all(tx, scope, *place)


def annotate(ctx: Context, tx: Transaction, version: Version, annotations: list[tuple[Annotation, bytes]]) -> None:
    """Hangs another version's annotations on a new one."""
    scope = everywhere(ctx.scope)
    ANNOTATIONS.lock(tx, scope, version.bucket, version.key, version.order)
    for annotation, text in annotations:
        content = contents.store_small(ctx, tx, text)
        made = msgspec.structs.replace(
            annotation,
            bucket=version.bucket,
            key=version.key,
            order=version.order,
            modified_at=ctx.now,
            content=content,
        )
        ANNOTATIONS.insert(tx, scope, made)


# --- deleting -----------------------------------------------------------------------------------------------------


def delete_latest(ctx: Context, tx: Transaction, bucket: Bucket, key: str) -> Version | None:
    """Deletes a key: its row, or hides it behind a marker, which is returned then."""
    scope = everywhere(ctx.scope)
    latest = OBJECTS.open(tx, scope, bucket.name, key)
    if not bucket.versioning:
        if latest is not None:
            OBJECTS.delete(tx, scope, latest)
            _free(ctx, tx, latest)
        return None
    marker = Version(
        bucket=bucket.name, key=key, order=0, is_marker=True, modified_at=ctx.now, account=ctx.principal.account
    )
    return add(ctx, tx, bucket, latest, marker)


def delete_version(ctx: Context, tx: Transaction, bucket: Bucket, version: Version, req: dict[str, Any]) -> None:
    """Deletes a version for good, unless a lock protects it. The one before it becomes the latest."""
    locks.check_delete(ctx, tx, bucket, version, req)
    scope = everywhere(ctx.scope)
    latest = OBJECTS.open(tx, scope, version.bucket, version.key)
    assert latest is not None, "a version without its key"
    VERSIONS.lock(tx, scope, version.bucket, version.key)
    if version.order != latest.order:
        VERSIONS.delete(tx, scope, version)
        if latest.null_order == version.order:
            OBJECTS.replace(tx, scope, latest, msgspec.structs.replace(latest, null_order=0))
    else:
        _promote(tx, latest, ctx)
    _free(ctx, tx, version)


def _promote(tx: Transaction, latest: Version, ctx: Context) -> None:
    scope = everywhere(ctx.scope)
    before = next(VERSIONS.scan(tx, scope, latest.bucket, latest.key, limit=1), None)
    if before is None:
        OBJECTS.delete(tx, scope, latest)
        return
    VERSIONS.delete(tx, scope, before)
    null_order = 0 if before.id == NULL else latest.null_order
    OBJECTS.replace(tx, scope, latest, msgspec.structs.replace(before, null_order=null_order))
