"""Operations that read an object: GetObject, HeadObject, GetObjectAttributes.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import re
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.http import FileSlice, Request
from mrak.core.operation import operation
from mrak.protocol import times
from mrak.services.s3 import buckets, checksums, conditions, contents, drafts, encryption, errors, lifecycle, locks
from mrak.services.s3 import objects as versions
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.tables import NUMBERED, SEGMENTS, Bucket, Segment, Version, everywhere

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*")
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
_PARAMETERS = frozenset(f"response-{name}" for name in (
    "cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires",
))  # fmt: skip
_ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
Span = tuple[int, int]


@operation("GetObject")
def get_object(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    version = versions.require_readable(ctx, tx, bucket, req, "s3:GetObject")
    ctx.about(bucket_arn(bucket.name, version.key))
    if is_archived(version, ctx.now):
        raise errors.invalid_object_state(version.storage_class)
    answer, (offset, length) = _describe(ctx, tx, bucket, req, version)
    encryption.check_key(ctx, tx, version.encryption)
    body = answer["Body"] = contents.open_version(ctx, tx, version, offset, length)
    if isinstance(body, bytes | FileSlice):
        # The server says how long these are.
        del answer["ContentLength"]
    return answer


@operation("HeadObject", action="s3:GetObject")
def head_object(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    version = versions.require_readable(ctx, tx, bucket, req, "s3:GetObject", "HEAD")
    ctx.about(bucket_arn(bucket.name, version.key))
    return _describe(ctx, tx, bucket, req, version)[0]


def is_archived(version: Version, now: float) -> bool:
    return version.storage_class in ARCHIVED and version.restored_until <= now


def _describe(
    ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], version: Version
) -> tuple[dict[str, Any], Span]:
    """The headers of an answer, and which bytes it has."""
    if ctx.http is not None and encryption.HEADER in ctx.http.headers:
        raise encryption.not_for_reads()
    encryption.check_customer_key(version.encryption, req, refusal=encryption.WRONG_KEY)
    conditions.check_read(req, version, ctx.now)
    answer = _render(ctx, bucket, version)
    if "lifecycle" in bucket.settings and "VersionId" not in req:
        answer |= lifecycle.render_expiration(ctx, tx, bucket, version)
    _override(ctx, req, answer)
    size = version.size_bytes
    segment = None
    if "PartNumber" in req:
        (offset, length), segment = _part_span(ctx, tx, req, version)
        if version.parts or size:
            answer["ContentRange"] = f"bytes {offset}-{offset + length - 1}/{size}"
        if version.parts:
            answer["PartsCount"] = version.parts
    else:
        found = find_range(req.get("Range"), size)
        offset, length = found or (0, size)
        if found is not None:
            segment = _segment_of(ctx, tx, version, found) if version.parts else None
            answer["ContentRange"] = f"bytes {offset}-{offset + length - 1}/{size}"
    answer["ContentLength"] = length
    if req.get("ChecksumMode", "").upper() == "ENABLED":
        answer |= _checksum(version, length, segment)
    return answer, (offset, length)


def _render(ctx: Context, bucket: Bucket, version: Version) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": version.modified_at,
        "ETag": f'"{version.etag}"',
        "ContentType": drafts.DEFAULT_CONTENT_TYPE,
    }
    answer |= version.headers
    answer |= encryption.render(version.encryption)
    if version.metadata:
        answer["Metadata"] = {name: _header_text(value) for name, value in version.metadata.items()}
    if bucket.versioning or version.id != versions.NULL:
        answer["VersionId"] = version.id
    if version.storage_class != "STANDARD":
        answer["StorageClass"] = version.storage_class
    if version.tags:
        answer["TagCount"] = len(version.tags)
    if version.lock_mode or version.legal_hold:
        answer |= locks.render(version)
    if version.replication:
        answer["ReplicationStatus"] = version.replication
    if version.restored_until:
        answer["Restore"] = render_restore(version, ctx.now)
    return answer


def render_restore(version: Version, now: float) -> str:
    return f'ongoing-request="false", expiry-date="{times.render_rfc822(version.restored_until)}"'


def _header_text(value: str) -> str:
    """Metadata that is not ASCII leaves as RFC 2047 tells, as S3 does it."""
    if value.isascii():
        return value
    from email.header import Header

    return Header(value, "utf-8", maxlinelen=10_000).encode()


def _override(ctx: Context, req: dict[str, Any], answer: dict[str, Any]) -> None:
    """The headers that the query asks to be answered; not for requests without a signature."""
    if ctx.http is not None and "response-" in ctx.http.query:
        _check_overrides(ctx.http)
    for parameter, member in _OVERRIDES.items():
        if parameter not in req:
            continue
        if not ctx.principal.account:
            message = "Request specific response headers cannot be used for anonymous GET requests."
            raise errors.invalid_request(message)
        value = req[parameter]
        answer[member] = times.render_rfc822(value) if parameter == "ResponseExpires" else _latin(parameter, value)


def _check_overrides(request: Request) -> None:
    for name, value in request.query_pairs:
        if name.startswith("response-") and name not in _PARAMETERS:
            message = (
                f"{name} is not in the set of overridable response headers. Please refer to the S3 API documentation "
                "for a complete list of overridable response headers."
            )
            raise errors.invalid_argument(message, name, value)


def _latin(parameter: str, value: str) -> str:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        name = re.sub(r"(?<!^)([A-Z])", r"-\1", parameter).lower()
        message = "Header value cannot be represented using ISO-8859-1."
        raise errors.invalid_argument(message, name, value) from None
    return value


# --- ranges and parts ---------------------------------------------------------------------------------------------


def find_range(text: str | None, size: int) -> Span | None:
    """(offset, length) of a Range header; None where it asks for nothing that S3 heeds. Raises InvalidRange."""
    if text is None:
        return None
    match = _RANGE.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), size)
        if not length:
            raise errors.invalid_range(text.strip(), size)
        return size - length, length
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise errors.invalid_range(text.strip(), size)
    return start, end - start + 1


def _part_span(ctx: Context, tx: Transaction, req: dict[str, Any], version: Version) -> tuple[Span, Segment | None]:
    number = req["PartNumber"]
    if "Range" in req:
        raise errors.invalid_request("Cannot specify both Range header and partNumber query parameter")
    if not 1 <= number <= 10_000:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        raise errors.invalid_argument(message, "partNumber", str(number))
    if not version.parts:
        if number == 1:
            return (0, version.size_bytes), None
        raise _no_such_part(number, 1)
    segment = _find_segment(ctx, tx, version, number)
    if segment is None:
        raise _no_such_part(number, version.parts)
    return (segment.offset, segment.size_bytes), segment


def _find_segment(ctx: Context, tx: Transaction, version: Version, number: int) -> Segment | None:
    """The part in this place: readers count parts anew, whatever numbers they were uploaded under."""
    scope, owner = everywhere(ctx.scope), version.content[1:]
    if number > version.parts:
        return None
    last = next(SEGMENTS.scan(tx, scope, owner, reverse=True, limit=1))
    if last.number == version.parts:
        return next(NUMBERED.scan(tx, scope, owner, number, limit=1))
    return list(SEGMENTS.scan(tx, scope, owner, limit=number))[-1]


def _segment_of(ctx: Context, tx: Transaction, version: Version, span: Span) -> Segment | None:
    """The part that a range happens to be."""
    found = SEGMENTS.get(tx, everywhere(ctx.scope), version.content[1:], span[0])
    return found if found is not None and found.size_bytes == span[1] else None


def _no_such_part(number: int, parts: int) -> Exception:
    message = "The requested partnumber is not satisfiable"
    return errors.error("InvalidPartNumber", message, PartNumberRequested=number, ActualPartCount=parts)


def _checksum(version: Version, length: int, segment: Segment | None) -> dict[str, str]:
    """The checksum of what is sent, where there is one: the object's, or a part's own in a COMPOSITE one."""
    if length == version.size_bytes:
        shown = checksums.render(version.checksum_algorithm, version.checksum)
    elif segment is not None and version.checksum_type == checksums.COMPOSITE:
        shown = checksums.render(version.checksum_algorithm, segment.checksum)
    else:
        return {}
    return shown | {"ChecksumType": version.checksum_type} if shown else {}


@operation("GetObjectTorrent")
def get_object_torrent(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Amazon S3 serves no torrents any longer, and says so like this, whatever is asked for."""
    raise errors.method_not_allowed("GET", "TORRENT")


# --- attributes ---------------------------------------------------------------------------------------------------


@operation("GetObjectAttributes")
def get_object_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    wanted = req.get("ObjectAttributes")
    if not wanted:
        raise errors.invalid_request(
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"
        )
    for name in wanted:
        if name not in _ATTRIBUTES:
            raise errors.invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", name)
    version = versions.require_readable(ctx, tx, bucket, req, "s3:GetObjectAttributes")
    encryption.check_customer_key(version.encryption, req)
    answer: dict[str, Any] = {"LastModified": version.modified_at, **versions.shown_id(bucket, version)}
    if "ETag" in wanted:
        answer["ETag"] = version.etag
    if "Checksum" in wanted and version.checksum:
        value = version.checksum.partition("-")[0] if version.checksum_type == checksums.COMPOSITE else version.checksum
        shown = checksums.render(version.checksum_algorithm, value)
        answer["Checksum"] = {**shown, "ChecksumType": version.checksum_type}
    if "ObjectParts" in wanted and version.parts:
        answer["ObjectParts"] = _render_parts(ctx, tx, req, version)
    if "StorageClass" in wanted:
        answer["StorageClass"] = version.storage_class
    if "ObjectSize" in wanted:
        answer["ObjectSize"] = version.size_bytes
    return answer


def _render_parts(ctx: Context, tx: Transaction, req: dict[str, Any], version: Version) -> dict[str, Any]:
    """The parts; only objects with checksums of their parts list them."""
    shown: dict[str, Any] = {"TotalPartsCount": version.parts}
    if version.checksum_type != checksums.COMPOSITE:
        return shown
    asked = req.get("MaxParts")
    most = 1000 if asked is None or asked < 0 else min(asked, 1000)
    after = int(req.get("PartNumberMarker") or 0)
    rows = list(NUMBERED.scan(tx, everywhere(ctx.scope), version.content[1:], after=after, limit=most + 1))
    page = rows[:most]
    return shown | {
        "IsTruncated": len(rows) > most,
        "MaxParts": most,
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "Parts": [
            {
                "PartNumber": row.number,
                "Size": row.size_bytes,
                **checksums.render(version.checksum_algorithm, row.checksum),
            }
            for row in page
        ],
    }
