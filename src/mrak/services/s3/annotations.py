"""Operations on annotations: named texts that hang on an object's version and go with it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAnnotation.html
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.http import FileSlice
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.s3 import buckets, checksums, conditions, contents, effects, encryption, errors, locks
from mrak.services.s3 import objects as versions
from mrak.services.s3.contents import Received
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.subresources import require_version
from mrak.services.s3.tables import ANNOTATIONS, Annotation, Bucket, Version, everywhere

_MOST = 1000
_MOST_NAME_BYTES = 512
_MOST_BYTES = 1 << 20


@operation("PutObjectAnnotation")
async def put_object_annotation(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    _check_name(req.get("AnnotationName", ""))
    contents.check_length(ctx)
    body = req.get("AnnotationPayload") or b""
    expected = contents.parse_expected(ctx, req, body)
    text = _Text(body)
    await ctx.transact(lambda tx: _require_changeable(ctx, tx, req, "s3:PutObjectAnnotation"))
    async with await contents.receive(ctx, text, expected) as received:
        return await ctx.transact(lambda tx: _put(ctx, tx, req, expected, received))


def _check_name(name: str) -> None:
    if not name:
        raise errors.error("InvalidAnnotationName", "The annotation name you provided is invalid.")
    if len(name.encode()) > _MOST_NAME_BYTES:
        raise errors.error("AnnotationNameTooLong", "The annotation name exceeds 512 bytes.")


class _Text:
    """A body of text, as long as an annotation may be; judged as it is read."""

    def __init__(self, body: Any) -> None:
        self._body = body

    @property
    def trailers(self) -> dict[str, str] | None:
        return getattr(self._body, "trailers", None)

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        size = 0
        try:
            async for chunk in contents.stream(self._body):
                size += len(chunk)
                if size > _MOST_BYTES:
                    break
                decoder.decode(chunk)
                yield chunk
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            message = "The annotation payload is not valid UTF-8 encoded text."
            raise errors.error("UnsupportedMediaType", message) from None
        if not 1 <= size <= _MOST_BYTES:
            raise errors.invalid_request("The annotation payload must be between 1 byte and 1 MiB in size.")


def _require_changeable(ctx: Context, tx: Transaction, req: dict[str, Any], action: str) -> tuple[Bucket, Version]:
    bucket = buckets.require(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, action, "PUT")
    ctx.about(bucket_arn(bucket.name, version.key))
    wanted = req.get("ObjectIfMatch")
    if wanted is not None and not conditions.matches(wanted, version.etag):
        raise errors.precondition_failed("x-amz-object-if-match")
    if version.encryption.get("c_md5"):
        raise errors.invalid_request("Objects that are encrypted with SSE-C cannot have annotations.")
    return bucket, version


def _put(
    ctx: Context, tx: Transaction, req: dict[str, Any], expected: checksums.Expected, received: Received
) -> dict[str, Any]:
    bucket, version = _require_changeable(ctx, tx, req, "s3:PutObjectAnnotation")
    algorithm = expected.algorithm or checksums.DEFAULT
    scope = everywhere(ctx.scope)
    ANNOTATIONS.lock(tx, scope, version.bucket, version.key, version.order)
    old = ANNOTATIONS.get(tx, scope, version.bucket, version.key, version.order, req["AnnotationName"])
    if old is None:
        if version.annotations >= _MOST:
            message = "The request would exceed the maximum number of annotations allowed per object."
            raise errors.error("AnnotationLimitExceeded", message)
        versions.rewrite(ctx, tx, version, annotations=version.annotations + 1)
    else:
        ANNOTATIONS.delete(tx, scope, old)
        contents.free(ctx, tx, old.content)
    made = Annotation(
        bucket=version.bucket,
        key=version.key,
        order=version.order,
        name=req["AnnotationName"],
        modified_at=ctx.now,
        size_bytes=received.size_bytes,
        etag=received.digests.etag(),
        checksum_algorithm=algorithm,
        checksum=received.digests.text(algorithm),
        content=received.store(ctx, tx),
    )
    ANNOTATIONS.insert(tx, scope, made)
    if bucket.settings:
        effects.changed(ctx, tx, bucket, version, "ObjectAnnotation:Put")
    answer = {"Key": version.key, "AnnotationName": made.name, "ETag": f'"{made.etag}"'}
    return answer | _shared(bucket, version) | _checksum(made)


def _shared(bucket: Bucket, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name: value
        for name, value in encryption.render(version.encryption).items()
        if name == "ServerSideEncryption"
    }  # fmt: skip
    return shown | _shown_version(bucket, version)


def _shown_version(bucket: Bucket, version: Version) -> dict[str, str]:
    return {f"Object{name}": value for name, value in versions.shown_id(bucket, version).items()}


def _checksum(found: Annotation) -> dict[str, Any]:
    return checksums.render(found.checksum_algorithm, found.checksum) | {"ChecksumType": checksums.FULL_OBJECT}


@operation("GetObjectAnnotation")
def get_object_annotation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:GetObjectAnnotation", "GET")
    ctx.about(bucket_arn(bucket.name, version.key))
    encryption.check_key(ctx, tx, version.encryption)
    name = req.get("AnnotationName", "")
    scope = everywhere(ctx.scope)
    found = (
        ANNOTATIONS.get(tx, scope, version.bucket, version.key, version.order, name) if version.annotations else None
    )
    if found is None:
        message = "The specified annotation does not exist on this object."
        raise errors.error("NoSuchAnnotation", message, AnnotationName=name)
    body = contents.open_slice(ctx, tx, found.content, 0, found.size_bytes)
    answer: dict[str, Any] = {"AnnotationPayload": body, "LastModified": found.modified_at, "ETag": f'"{found.etag}"'}
    assert isinstance(body, bytes | FileSlice), "an annotation comes in one piece"
    if req.get("ChecksumMode", "").upper() == "ENABLED":
        answer |= _checksum(found)
    return answer | _shared(bucket, version)


@operation("DeleteObjectAnnotation")
def delete_object_annotation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Deleting what is not there is no error, as with objects."""
    bucket, version = _require_changeable(ctx, tx, req, "s3:DeleteObjectAnnotation")
    locks.check_delete(ctx, tx, bucket, version, req)
    scope = everywhere(ctx.scope)
    place = (version.bucket, version.key, version.order)
    found = ANNOTATIONS.get(tx, scope, *place, req.get("AnnotationName", "")) if version.annotations else None
    if found is not None:
        ANNOTATIONS.lock(tx, scope, *place)
        ANNOTATIONS.delete(tx, scope, found)
        contents.free(ctx, tx, found.content)
        versions.rewrite(ctx, tx, version, annotations=version.annotations - 1)
        if bucket.settings:
            effects.changed(ctx, tx, bucket, version, "ObjectAnnotation:Delete")
    return _shown_version(bucket, version)


@operation("ListObjectAnnotations")
def list_object_annotations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    version = require_version(ctx, tx, bucket, req, "s3:ListObjectAnnotations", "GET")
    ctx.about(bucket_arn(bucket.name, version.key))
    prefix, size = req.get("AnnotationPrefix", ""), req.get("MaxAnnotationResults", _MOST)
    if len(prefix.encode()) > _MOST_NAME_BYTES:
        raise errors.error("InvalidPrefix", "The annotation prefix you provided is invalid.")
    if not 1 <= size <= _MOST:
        message = f"Argument max-annotation-results must be an integer between 1 and {_MOST}"
        raise errors.invalid_argument(message, "max-annotation-results", str(size))
    scope = everywhere(ctx.scope)
    place = (version.bucket, version.key, version.order)
    after = _parse_token(req)
    rows = ANNOTATIONS.scan(tx, scope, *place, after=after) if after else ANNOTATIONS.scan(tx, scope, *place)
    matching = (row for row in rows if row.name.startswith(prefix))
    page, token = take_page(matching if version.annotations else (), size, lambda row: row.name)
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": version.key,
        "MaxAnnotationResults": size,
        "AnnotationCount": len(page),
        "Annotations": [_entry(row) for row in page],
    }
    answer |= {name: req[name] for name in ("AnnotationPrefix", "ContinuationToken") if name in req}
    if token is not None:
        answer["NextContinuationToken"] = token
    return answer | _shown_version(bucket, version)


def _parse_token(req: dict[str, Any]) -> str:
    token = req.get("ContinuationToken")
    if token is None:
        return ""
    position = find_position(token)
    if not position:
        raise errors.invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
    return position


def _entry(row: Annotation) -> dict[str, Any]:
    return {
        "AnnotationName": row.name,
        "LastModified": float(int(row.modified_at)),
        "ETag": f'"{row.etag}"',
        "ChecksumAlgorithm": [row.checksum_algorithm],
        "Size": row.size_bytes,
    }
