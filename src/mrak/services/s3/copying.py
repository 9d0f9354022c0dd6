"""Operations that copy: CopyObject and UploadPartCopy.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html

A body that is one blob is linked, not copied, as long as its checksum stays the same; others are read.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.s3 import (
    access,
    buckets,
    checksums,
    conditions,
    contents,
    drafts,
    encryption,
    errors,
    multipart,
    tagging,
    writing,
)  # fmt: skip
from mrak.services.s3 import objects as versions
from mrak.services.s3.contents import Received
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.reading import is_archived
from mrak.services.s3.tables import ANNOTATIONS, Annotation, Bucket, Version, everywhere

_MOST_BYTES = 5 << 30
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_SOURCE = "x-amz-copy-source"
# The source may be a whole URL.
_HOST = re.compile(r"^https?://[^/]*")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Old buckets have capitals and underscores; none ever had an address for its name.
_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[A-Za-z0-9._-]{3,255}")
_THROUGH_POINT = re.compile(r"^arn:[^:]+:s3:[^:]*:(\d{12}):accesspoint/([^/]+)/object/(.+)$", re.DOTALL)


class Source(msgspec.Struct, frozen=True):
    """What is copied: the version, whether it was named by its id, and its body (None: a file to be read)."""

    bucket: Bucket
    version: Version
    is_named: bool
    body: Any
    annotations: list[tuple[Annotation, Any]] = []
    """Those to be copied too, with their texts."""


def parse_source(text: str) -> dict[str, Any]:
    """Bucket, Key and VersionId of an x-amz-copy-source header."""
    path, _, query = text.partition("?")
    version_id = ""
    if query.startswith("versionId="):
        version_id = query[len("versionId=") :]
    elif query:
        path = text
    path = _HOST.sub("", path)
    if _NO_ESCAPE.search(path):
        raise errors.invalid_argument("Invalid copy source encoding", _SOURCE, _SOURCE)
    # Some clients write spaces as pluses, here only. An access point's ARN becomes what its host would be.
    path = _THROUGH_POINT.sub(r"\2-\1/\3", unquote(path.replace("+", " ")))
    bucket, _, key = path.lstrip("/").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise errors.invalid_argument("Invalid copy source bucket name", _SOURCE, _SOURCE)
    if not key:
        raise errors.invalid_argument("Invalid copy source object key", _SOURCE, _SOURCE)
    named: dict[str, Any] = {"Bucket": bucket, "Key": key}
    return named | {"VersionId": version_id} if version_id else named


def _require_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Source:
    named = parse_source(req["CopySource"])
    if "ExpectedSourceBucketOwner" in req:
        named["ExpectedBucketOwner"] = req["ExpectedSourceBucketOwner"]
    bucket = buckets.require(ctx, tx, named)
    version = _require_version(ctx, tx, bucket, named)
    encryption.check_customer_key(version.encryption, req, "CopySource")
    conditions.check_copy_source(req, version, ctx.now)
    if is_archived(version, ctx.now):
        message = (
            "The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier."
        )
        raise errors.error("ObjectNotInActiveTierError", message)
    body = contents.open_version(ctx, tx, version, 0, version.size_bytes)
    return Source(bucket, version, "VersionId" in named, body)


def _require_version(ctx: Context, tx: Transaction, bucket: Bucket, named: dict[str, Any]) -> Version:
    version_id = named.get("VersionId")
    if version_id is not None:
        version = versions.find_version(ctx, tx, bucket, named["Key"], version_id)
        if version is not None and version.is_marker:
            raise errors.invalid_request(
                "The source of a copy request may not specifically refer to a delete marker by version id."
            )
    return versions.require_readable(ctx, tx, bucket, named, "s3:GetObject")


@operation("CopyObject", action="s3:PutObject")
async def copy_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    drafts.require_key(req)
    if ctx.http is not None and ctx.http.body:
        message = "The request included a body. Requests of this type must not include a non-empty body."
        raise errors.invalid_request(message)
    conditions.check_write_headers(req)
    _check_directives(req)
    source = await ctx.transact(lambda tx: _prepare(ctx, tx, req))
    algorithm = req.get("ChecksumAlgorithm", "").upper() or source.version.checksum_algorithm or checksums.DEFAULT
    if algorithm not in checksums.SIZES:
        raise errors.invalid_request(f"Value for x-amz-checksum-algorithm header is invalid: {algorithm}")
    texts = [(each, await contents.read_whole(body)) for each, body in source.annotations]
    source = msgspec.structs.replace(source, annotations=texts)
    async with await _receive(ctx, source, algorithm) as received:
        return await ctx.transact(lambda tx: _copy(ctx, tx, req, source, received, algorithm))


def _check_directives(req: dict[str, Any]) -> None:
    for member, header in (("MetadataDirective", "metadata"), ("TaggingDirective", "tagging")):
        value = req.get(member)
        if value not in (None, "COPY", "REPLACE"):
            message = f"Unknown {header} directive."
            raise errors.invalid_argument(message, f"x-amz-{header}-directive", value)
    if req.get("AnnotationDirective") not in (None, "COPY", "EXCLUDE"):
        message = "Unknown annotation directive."
        raise errors.invalid_argument(message, "x-amz-object-annotation-directive", req["AnnotationDirective"])


def _prepare(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Source:
    target = buckets.require(ctx, tx, req)
    source = _require_source(ctx, tx, req)
    access.check_bucket(ctx, tx, target, "s3:PutObject", req)
    ctx.about(bucket_arn(target.name, req["Key"]))
    version = source.version
    if version.size_bytes > _MOST_BYTES:
        raise errors.invalid_request(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {_MOST_BYTES}"
        )
    if source.bucket.name == target.name and version.key == req["Key"] and not source.is_named:
        _check_in_place(ctx, req, target, version)
    if version.annotations and req.get("AnnotationDirective") != "EXCLUDE" and "SSECustomerAlgorithm" not in req:
        return msgspec.structs.replace(source, annotations=_open_annotations(ctx, tx, version))
    return source


def _open_annotations(ctx: Context, tx: Transaction, version: Version) -> list[tuple[Annotation, Any]]:
    found = ANNOTATIONS.scan(tx, everywhere(ctx.scope), version.bucket, version.key, version.order)
    return [(each, contents.open_slice(ctx, tx, each.content, 0, each.size_bytes)) for each in found]


def _check_in_place(ctx: Context, req: dict[str, Any], target: Bucket, version: Version) -> None:
    changes = (
        req.get("MetadataDirective") == "REPLACE"
        or "StorageClass" in req
        or "WebsiteRedirectLocation" in req
        or "ServerSideEncryption" in req
        or "SSECustomerAlgorithm" in req
        or "ChecksumAlgorithm" in req
        or version.encryption.get("sse") != "AES256"
        or target.encryption is not None
        or version.restored_until > ctx.now
    )
    if not changes:
        raise errors.invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )


async def _receive(ctx: Context, source: Source, algorithm: str) -> Received:
    """The source's body, ready to be stored once more."""
    version = source.version
    received = Received(ctx, checksums.Digests({algorithm}))
    if isinstance(source.body, bytes):
        received.digests.update(source.body)
        received.data = source.body
        received.size_bytes = len(source.body)
        return received
    if version.content.startswith("b") and version.checksum_algorithm == algorithm and not version.parts:
        received = Received.known(ctx, version)
        await contents.duplicate(ctx, version.content[1:], received)
        return received
    await contents.spool(ctx, contents.stream(source.body), received)
    return received


def _copy(
    ctx: Context, tx: Transaction, req: dict[str, Any], source: Source, received: Received, algorithm: str
) -> dict[str, Any]:
    target = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    version = source.version
    made = msgspec.structs.replace(
        _draft(ctx, tx, target, req, version),
        size_bytes=version.size_bytes,
        etag=received.digests.etag(),
        checksum_algorithm=algorithm,
        checksum=received.digests.text(algorithm),
        checksum_type=checksums.FULL_OBJECT,
        annotations=len(source.annotations),
        **received.place(ctx, tx),
    )
    made = writing.add(ctx, tx, target, req, made, "Copy")
    if source.annotations:
        versions.annotate(ctx, tx, made, source.annotations)
    result = {
        "ETag": f'"{made.etag}"',
        "LastModified": float(int(made.modified_at)),
        "ChecksumType": checksums.FULL_OBJECT,
    }
    answer: dict[str, Any] = {
        "CopyObjectResult": result | checksums.render(algorithm, made.checksum),
        **writing.describe_write(ctx, tx, target, made),
    }
    if target.versioning == "Suspended":
        answer["VersionId"] = made.id
    if source.bucket.versioning:
        answer["CopySourceVersionId"] = version.id
    return answer


def _draft(ctx: Context, tx: Transaction, target: Bucket, req: dict[str, Any], version: Version) -> Version:
    """The new version: its own ACL, class, lock and encryption; metadata and tags of the source unless replaced."""
    draft = encryption.with_key(ctx, tx, drafts.parse_rest(ctx, tx, target, req))
    if req.get("MetadataDirective") == "REPLACE":
        headers, metadata = drafts.parse_headers(req), drafts.parse_metadata(req.get("Metadata", {}))
    else:
        headers, metadata = dict(version.headers), version.metadata
        headers.pop("WebsiteRedirectLocation", None)
        redirect = req.get("WebsiteRedirectLocation")
        if redirect is not None:
            drafts.check_redirect(redirect)
            headers["WebsiteRedirectLocation"] = redirect
    if req.get("TaggingDirective") == "REPLACE":
        tags = tagging.parse_header(req["Tagging"]) if req.get("Tagging") else {}
    else:
        tags = version.tags
    return msgspec.structs.replace(draft, headers=headers, metadata=metadata, tags=tags)


# --- parts --------------------------------------------------------------------------------------------------------


@operation("UploadPartCopy", action="s3:PutObject")
async def upload_part_copy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    multipart.check_part_number(req["PartNumber"])
    body, version_id, algorithm = await ctx.transact(lambda tx: _prepare_part(ctx, tx, req))
    received = Received(ctx, checksums.Digests({algorithm or checksums.DEFAULT}))
    if isinstance(body, bytes):
        received.digests.update(body)
        received.data, received.size_bytes = body, len(body)
    else:
        await contents.spool(ctx, contents.stream(body), received)
    async with received:
        return await ctx.transact(lambda tx: _store_part(ctx, tx, req, received, version_id))


def _prepare_part(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Any, str, str]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    upload = multipart.require_upload(ctx, tx, bucket, req)
    encryption.check_not_blocked(ctx, bucket, req)
    encryption.check_part_key(upload.template.encryption, req)
    source = _require_source(ctx, tx, req)
    version = source.version
    offset, length = _part_range(req.get("CopySourceRange"), version.size_bytes)
    body = contents.open_version(ctx, tx, version, offset, length)
    return body, version.id if source.bucket.versioning else "", upload.checksum_algorithm


def _part_range(text: str | None, size: int) -> tuple[int, int]:
    if text is None:
        return 0, size
    match = _RANGE.fullmatch(text)
    if match is None or int(match[2]) < int(match[1]):
        raise errors.invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            text,
        )
    first, last = int(match[1]), int(match[2])
    if first >= size:
        raise errors.invalid_request("The specified copy range is invalid for the source object size")
    if last >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise errors.invalid_argument(message, "x-amz-copy-source-range", text)
    return first, last - first + 1


def _store_part(
    ctx: Context, tx: Transaction, req: dict[str, Any], received: Received, version_id: str
) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    upload = multipart.require_upload(ctx, tx, bucket, req)
    part = multipart.put_part(ctx, tx, upload, req["PartNumber"], received)
    result: dict[str, Any] = {"ETag": f'"{part.etag}"', "LastModified": float(int(part.modified_at))}
    result |= checksums.render(upload.checksum_algorithm, part.checksum)
    answer: dict[str, Any] = {"CopyPartResult": result, **encryption.render(upload.template.encryption)}
    return answer | {"CopySourceVersionId": version_id} if version_id else answer
