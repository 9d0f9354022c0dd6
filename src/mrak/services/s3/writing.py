"""Operations that write objects: PutObject, DeleteObject, DeleteObjects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.s3 import (
    access,
    buckets,
    checksums,
    conditions,
    contents,
    drafts,
    effects,
    encryption,
    errors,
    locks,
    names,
)
from mrak.services.s3 import objects as versions
from mrak.services.s3.contents import Received
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.tables import OBJECTS, Bucket, Version, everywhere

_MOST_DELETES = 1000
_UNSUPPORTED = {
    "IfMatchLastModifiedTime": "x-amz-if-match-last-modified-time",
    "IfMatchSize": "x-amz-if-match-size",
}


@operation("PutObject")
async def put_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """A small body goes into a row, in one transaction; a larger one is spooled, if it may come at all."""
    drafts.require_key(req)
    contents.check_length(ctx)
    conditions.check_write_headers(req)
    if "WriteOffsetBytes" in req:
        raise errors.not_implemented_header("x-amz-write-offset-bytes")
    _check_is_no_part(ctx)
    body = req.get("Body") or b""
    expected = contents.parse_expected(ctx, req, body)
    if not contents.is_small(ctx, body) or contents.waits_for_go(ctx, body):
        await ctx.transact(lambda tx: _require_writable(ctx, tx, req, expected))
    async with await contents.receive(ctx, body, expected) as received:
        return await ctx.transact(lambda tx: put(ctx, tx, req, expected, received, "Put"))


def _check_is_no_part(ctx: Context) -> None:
    """A part whose upload is not named must not become the object itself."""
    if ctx.http is not None and "partNumber" in ctx.http.query:
        given = dict(ctx.http.query_pairs)
        if "partNumber" in given:
            message = "This operation does not accept partNumber without uploadId"
            raise errors.invalid_argument(message, "partNumber", given["partNumber"])


def _require_writable(ctx: Context, tx: Transaction, req: dict[str, Any], expected: checksums.Expected) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    draft = encryption.with_key(ctx, tx, drafts.parse(ctx, tx, bucket, req))
    locks.check_integrity(ctx, draft, expected)


def put(
    ctx: Context, tx: Transaction, req: dict[str, Any], expected: checksums.Expected, received: Received, how: str
) -> dict[str, Any]:
    """Makes a received body a key's latest version."""
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    ctx.about(bucket_arn(bucket.name, req["Key"]))
    draft = encryption.with_key(ctx, tx, drafts.parse(ctx, tx, bucket, req))
    if how == "Put":
        locks.check_integrity(ctx, draft, expected)
    algorithm = expected.algorithm or checksums.DEFAULT
    made = msgspec.structs.replace(
        draft,
        size_bytes=received.size_bytes,
        etag=received.digests.etag(),
        checksum_algorithm=algorithm,
        checksum=received.digests.text(algorithm),
        checksum_type=checksums.FULL_OBJECT,
        **received.place(ctx, tx),
    )
    made = add(ctx, tx, bucket, req, made, how)
    answer: dict[str, Any] = {
        "ETag": f'"{made.etag}"',
        "ChecksumType": checksums.FULL_OBJECT,
        f"Checksum{algorithm}": made.checksum,
    }
    return answer | describe_write(ctx, tx, bucket, made)


def add(
    ctx: Context,
    tx: Transaction,
    bucket: Bucket,
    req: dict[str, Any],
    made: Version,
    how: str,
    *,
    began: int | None = None,
) -> Version:
    """Adds a version where the request's conditions hold, with all that follows from it."""
    latest = OBJECTS.open(tx, everywhere(ctx.scope), bucket.name, made.key)
    conditions.check_write(req, latest)
    made = versions.add(ctx, tx, bucket, latest, made, began=began)
    if bucket.settings:
        made = effects.created(ctx, tx, bucket, made, how)
    return made


def describe_write(ctx: Context, tx: Transaction, bucket: Bucket, made: Version) -> dict[str, Any]:
    """What the answers of all writes share."""
    answer = encryption.render(made.encryption)
    if made.encryption.get("context"):
        answer["SSEKMSEncryptionContext"] = made.encryption["context"]
    if bucket.versioning == "Enabled":
        answer["VersionId"] = made.id
    if "lifecycle" in bucket.settings:
        answer |= effects.expiration(ctx, tx, bucket, made)
    return answer


# --- deleting -----------------------------------------------------------------------------------------------------


@operation("DeleteObject")
def delete_object(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    for member, header in _UNSUPPORTED.items():
        if member in req:
            raise errors.not_implemented_header(header)
    if req.get("VersionId") == "":
        raise errors.invalid_argument("Version id cannot be the empty string", "versionId", "")
    if "VersionId" in req and "IfMatch" in req:
        raise errors.not_implemented_header("If-Match")
    drafts.require_key(req)
    locks.check_bypass(bucket, req)
    ctx.about(bucket_arn(bucket.name, req["Key"]))
    return delete_one(ctx, tx, bucket, req)


def delete_one(
    ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], *, is_one_of_many: bool = False
) -> dict[str, Any]:
    key, version_id = req["Key"], req.get("VersionId")
    if version_id is None:
        if ctx.principal.account == bucket.account:
            access.check_bucket(ctx, tx, bucket, "s3:DeleteObject", req)
        else:
            access.check_delete(ctx, tx, bucket, req, versions.find_latest(ctx, tx, bucket.name, key))
        if "IfMatch" in req:
            conditions.check_delete(req, versions.find_latest(ctx, tx, bucket.name, key))
        # Of one among many, events tell even where there was nothing.
        tells = "notification" in bucket.settings
        existed = tells and (is_one_of_many or versions.find_latest(ctx, tx, bucket.name, key) is not None)
        marker = versions.delete_latest(ctx, tx, bucket, key)
        if bucket.settings:
            effects.deleted(ctx, tx, bucket, key, marker, existed)
        return {} if marker is None else {"DeleteMarker": True, "VersionId": marker.id}
    access.check_bucket(ctx, tx, bucket, "s3:DeleteObjectVersion", req)
    version = versions.find_version(ctx, tx, bucket, key, version_id)
    conditions.check_delete(req, version)
    if version is None:
        return {"VersionId": version_id}
    versions.delete_version(ctx, tx, bucket, version, req)
    if bucket.settings:
        effects.deleted_version(ctx, tx, bucket, version)
    return {"VersionId": version_id, **({"DeleteMarker": True} if version.is_marker else {})}


@operation("DeleteObjects", action="s3:DeleteObject")
def delete_objects(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    ctx.about(bucket_arn(bucket.name))
    locks.check_bypass(bucket, req)
    document = buckets.require_hashed_document(ctx, req, "Delete")
    entries = document.get("Objects") or []
    if not 1 <= len(entries) <= _MOST_DELETES:
        raise errors.malformed_xml()
    shared: dict[str, Any] = {name: req[name] for name in ("Bucket", "BypassGovernanceRetention") if name in req}
    deleted: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        done = _delete_entry(ctx, tx, bucket, shared, entry)
        (failed if "Code" in done else deleted).append(done)
    answer: dict[str, Any] = {}
    if deleted and not document.get("Quiet"):
        answer["Deleted"] = deleted
    if failed:
        answer["Errors"] = failed
    return answer


def _delete_entry(
    ctx: Context, tx: Transaction, bucket: Bucket, shared: dict[str, Any], entry: dict[str, Any]
) -> dict[str, Any]:
    """One of many: what is wrong with it fails only this one."""
    named: dict[str, Any] = {name: entry[name] for name in ("Key", "VersionId") if name in entry}
    if named.get("VersionId") == "":
        del named["VersionId"]
    try:
        names.check_key(entry["Key"])
        if entry.get("Key") == "":
            raise errors.error("UserKeyMustBeSpecified", "A key must be specified.")
        conditioned = {"IfMatch": entry["ETag"]} if "ETag" in entry else {}
        done = delete_one(ctx, tx, bucket, shared | named | conditioned, is_one_of_many=True)
    except ApiError as error:
        if error.code == "InvalidArgument" and "VersionId" in named:
            error = errors.no_such_version(named["Key"], named["VersionId"])
        return named | {"Code": error.code, "Message": error.message}
    shown: dict[str, Any] = dict(named)
    if done.get("DeleteMarker"):
        shown |= {"DeleteMarker": True, "DeleteMarkerVersionId": done["VersionId"]}
    return shown
