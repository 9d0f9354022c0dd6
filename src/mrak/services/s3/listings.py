"""Operations that list: ListObjects, ListObjectsV2, ListObjectVersions.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.services.s3 import buckets, errors, listing
from mrak.services.s3 import objects as versions
from mrak.services.s3.listing import Walk, encode
from mrak.services.s3.names import bucket_arn, find_order, render_owner
from mrak.services.s3.tables import OBJECTS, VERSIONS, Bucket, Version, everywhere
from mrak.store.keys import prefix_end

Page = tuple[list[Version], list[str], str | None]


def _take(walk: Walk, tx: Transaction, size: int) -> Page:
    """(objects, common prefixes, name of the last one where more follow)."""
    found: list[Version] = []
    prefixes: list[str] = []
    last = None
    walk.hides_markers = True
    if not size:
        return found, prefixes, None
    for row in walk.rows(tx):
        if isinstance(row, str):
            name = row
        elif row.is_marker:
            continue
        else:
            name = row.key
        if len(found) + len(prefixes) == size:
            return found, prefixes, last
        (prefixes if isinstance(row, str) else found).append(row)
        last = name
    return found, prefixes, None


def _open(ctx: Context, tx: Transaction, req: dict[str, Any], action: str) -> Bucket:
    bucket = buckets.require_allowed(ctx, tx, req, action)
    ctx.about(bucket_arn(bucket.name))
    return bucket


@operation("ListObjects", action="s3:ListBucket")
def list_objects(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _open(ctx, tx, req, "s3:ListBucket")
    url = listing.check_encoding(req)
    size = listing.check_count(req, "MaxKeys", "max-keys")
    prefix, delimiter, marker = req.get("Prefix", ""), req.get("Delimiter", ""), req.get("Marker", "")
    walk = Walk(OBJECTS, everywhere(ctx.scope), bucket.name, prefix, delimiter, marker)
    found, prefixes, last = _take(walk, tx, size)
    with_owner = bool(ctx.principal.account)  # an anonymous caller is not told
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "BucketRegion": bucket.region,
        "Prefix": prefix,
        "Marker": encode(marker, url),
        "MaxKeys": req.get("MaxKeys", listing.MOST_KEYS) if size < listing.MOST_KEYS else listing.MOST_KEYS,
        "IsTruncated": last is not None,
        "Contents": [listing.render_version(version, url, with_owner) for version in found],
        "CommonPrefixes": listing.render_prefixes(prefixes, url),
    }
    if delimiter:
        answer["Delimiter"] = encode(delimiter, url)
        if last is not None:
            answer["NextMarker"] = encode(last, url)
    if url:
        answer["EncodingType"] = "url"
    return answer


@operation("ListObjectsV2", action="s3:ListBucket")
def list_objects_v2(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _open(ctx, tx, req, "s3:ListBucket")
    url = listing.check_encoding(req)
    size = listing.check_count(req, "MaxKeys", "max-keys")
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    token = req.get("ContinuationToken")
    after = _require_position(token) if token is not None else req.get("StartAfter", "")
    walk = Walk(OBJECTS, everywhere(ctx.scope), bucket.name, prefix, delimiter, after)
    found, prefixes, last = _take(walk, tx, size)
    with_owner = bool(req.get("FetchOwner"))
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "BucketRegion": bucket.region,
        "Prefix": encode(prefix, url),
        "MaxKeys": size,
        "KeyCount": len(found) + len(prefixes),
        "IsTruncated": last is not None,
        "Contents": [listing.render_version(version, url, with_owner) for version in found],
        "CommonPrefixes": listing.render_prefixes(prefixes, url),
    }
    if last is not None:
        answer["NextContinuationToken"] = render_token(last)
    if token is not None:
        answer["ContinuationToken"] = token
    elif "StartAfter" in req:
        answer["StartAfter"] = encode(req["StartAfter"], url)
    if delimiter:
        answer["Delimiter"] = encode(delimiter, url)
    if url:
        answer["EncodingType"] = "url"
    return answer


def _require_position(token: str) -> str:
    position = find_position(token)
    if not token or position is None:
        raise errors.invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token or None
        )
    return position


# --- versions -----------------------------------------------------------------------------------------------------


@operation("ListObjectVersions", action="s3:ListBucketVersions")
def list_object_versions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _open(ctx, tx, req, "s3:ListBucketVersions")
    url = listing.check_encoding(req)
    size = listing.check_count(req, "MaxKeys", "max-keys")
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    key_marker, id_marker = req.get("KeyMarker", ""), req.get("VersionIdMarker", "")
    if id_marker and "KeyMarker" not in req:
        message = "A version-id marker cannot be specified without a key marker."
        raise errors.invalid_argument(message, "version-id-marker", id_marker)
    if id_marker and id_marker != versions.NULL and find_order(id_marker) is None:
        raise errors.invalid_argument("Invalid version id specified", "version-id-marker", id_marker)
    walk = Walk(OBJECTS, everywhere(ctx.scope), bucket.name, prefix, delimiter, key_marker)
    rows = _all_versions(ctx, tx, bucket, walk, (key_marker, id_marker))
    page: list[tuple[Version | str, bool]] = []
    truncated = False
    for row in rows if size else ():
        if len(page) == size:
            truncated = True
            break
        page.append(row)
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": encode(prefix, url),
        "KeyMarker": encode(key_marker, url),
        "VersionIdMarker": id_marker,
        "MaxKeys": size,
        "IsTruncated": truncated,
        **_render_page(page, url),
    }
    if truncated:
        last = page[-1][0]
        answer["NextKeyMarker"] = encode(last if isinstance(last, str) else last.key, url)
        if not isinstance(last, str):
            answer["NextVersionIdMarker"] = last.id
    if delimiter:
        answer["Delimiter"] = encode(delimiter, url)
    if url:
        answer["EncodingType"] = "url"
    return answer


def _all_versions(
    ctx: Context, tx: Transaction, bucket: Bucket, walk: Walk, marker: tuple[str, str]
) -> Iterator[tuple[Version | str, bool]]:
    """(version or common prefix, whether it is the latest): each key's latest, then its older ones, newest first."""
    scope = everywhere(ctx.scope)
    key_marker, id_marker = marker
    if id_marker and key_marker and walk.holds(key_marker):
        marked = _find_marked(ctx, tx, bucket, key_marker, id_marker)
        for older in VERSIONS.scan(tx, scope, bucket.name, key_marker, after=marked):
            yield older, False
    for row in walk.rows(tx):
        if isinstance(row, str):
            yield row, False
            continue
        yield row, True
        if bucket.versioning:
            for older in VERSIONS.scan(tx, scope, bucket.name, row.key):
                yield older, False


def _find_marked(ctx: Context, tx: Transaction, bucket: Bucket, key: str, version_id: str) -> int:
    """The order of a version-id marker; the version may be gone by now."""
    if version_id == versions.NULL:
        null = versions.find_version(ctx, tx, bucket, key, version_id)
        return null.order if null is not None else 1 << 62
    order = find_order(version_id)
    assert order is not None, "it was looked at before"
    return order


def _render_page(page: list[tuple[Version | str, bool]], url: bool) -> dict[str, Any]:
    """Versions and delete markers stand between each other: clients tell by that which came after which."""
    sequence: list[tuple[str, dict[str, Any]]] = []
    prefixes: list[str] = []
    for row, is_latest in page:
        if isinstance(row, str):
            prefixes.append(row)
            continue
        shown = _render_marker(row, url) if row.is_marker else listing.render_version(row, url)
        shown |= {"VersionId": row.id, "IsLatest": is_latest}
        sequence.append(("DeleteMarkers" if row.is_marker else "Versions", shown))
    return {
        "Sequence": sequence,
        "Versions": [shown for member, shown in sequence if member == "Versions"],
        "DeleteMarkers": [shown for member, shown in sequence if member == "DeleteMarkers"],
        "CommonPrefixes": listing.render_prefixes(prefixes, url),
    }


def _render_marker(marker: Version, url: bool) -> dict[str, Any]:
    return {
        "Key": encode(marker.key, url),
        "LastModified": float(int(marker.modified_at)),
        "Owner": render_owner(marker.account),
    }


def is_empty(ctx: Context, tx: Transaction, bucket: Bucket) -> bool:
    """Whether a bucket holds nothing, not even delete markers."""
    start = OBJECTS.key(everywhere(ctx.scope), bucket.name)
    return next(OBJECTS.scan_between(tx, start, prefix_end(start), 1), None) is None
