"""Operations of multipart uploads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html

Parts are rows with bodies of their own. Completing an upload turns the rows of the parts that were named into segments
of the new version, and frees the others; no body is read or copied.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.s3 import (
    access,
    buckets,
    checksums,
    contents,
    drafts,
    encryption,
    errors,
    lifecycle,
    listing,
    names,
)  # fmt: skip
from mrak.services.s3.contents import Received
from mrak.services.s3.listing import Walk, encode
from mrak.services.s3.names import bucket_arn, find_order, is_genuine, new_id, render_owner
from mrak.services.s3.tables import OBJECTS, PARTS, UPLOADS, Bucket, Part, Upload, everywhere

MOST_PARTS = 10_000


@operation("CreateMultipartUpload", action="s3:PutObject")
def create_multipart_upload(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    key = drafts.require_key(req)
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    ctx.about(bucket_arn(bucket.name, key))
    algorithm, checksum_type = _parse_checksum(req)
    order = -ctx.draw.sequence()
    upload = Upload(
        bucket=bucket.name,
        key=key,
        order=-order,
        id=new_id(ctx.draw, order, f"{bucket.name}/{key}"),
        initiated_at=ctx.now,
        initiator=ctx.principal.account,
        initiator_arn=ctx.principal.arn,
        template=encryption.with_key(ctx, tx, drafts.parse(ctx, tx, bucket, req)),
        checksum_algorithm=algorithm,
        checksum_type=checksum_type,
        existed=_exists(ctx, tx, bucket, key),
    )
    scope = everywhere(ctx.scope)
    UPLOADS.lock(tx, scope, bucket.name, key, upload.order)
    UPLOADS.insert(tx, scope, upload)
    answer: dict[str, Any] = {"Bucket": bucket.name, "Key": key, "UploadId": upload.id}
    if algorithm:
        answer |= {"ChecksumAlgorithm": algorithm, "ChecksumType": checksum_type}
    if "lifecycle" in bucket.settings:
        answer |= lifecycle.render_abort(ctx, tx, bucket, upload)
    return answer | encryption.render(upload.template.encryption)


def _exists(ctx: Context, tx: Transaction, bucket: Bucket, key: str) -> bool:
    latest = OBJECTS.get(tx, everywhere(ctx.scope), bucket.name, key)
    return latest is not None and not latest.is_marker


def _parse_checksum(req: dict[str, Any]) -> tuple[str, str]:
    algorithm, checksum_type = req.get("ChecksumAlgorithm", "").upper(), req.get("ChecksumType", "")
    if algorithm and algorithm not in checksums.SIZES:
        raise errors.invalid_request("Checksum algorithm provided is unsupported. Please try again with any of the "
                                     "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")  # fmt: skip
    if not algorithm:
        if checksum_type:
            raise errors.invalid_request("The x-amz-checksum-type header can only be used with the "
                                         "x-amz-checksum-algorithm header.")  # fmt: skip
        return "", ""
    if not checksum_type:
        return algorithm, checksums.default_type(algorithm)
    checksums.check_type(algorithm, checksum_type)
    return algorithm, checksum_type


def require_upload(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]) -> Upload:
    """The upload under way that a request names. Raises NoSuchUpload."""
    upload = _find_upload(ctx, tx, bucket, req)
    if upload is None:
        raise errors.no_such_upload(req["UploadId"])
    return upload


def _find_upload(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]) -> Upload | None:
    order = find_order(req["UploadId"])
    if order is None:
        return None
    upload = UPLOADS.get(tx, everywhere(ctx.scope), bucket.name, req["Key"], -order)
    return upload if upload is not None and upload.id == req["UploadId"] else None


def check_part_number(number: int) -> None:
    if not 1 <= number <= MOST_PARTS:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        raise errors.invalid_argument(message, "partNumber", str(number))


# --- parts --------------------------------------------------------------------------------------------------------


@operation("UploadPart", action="s3:PutObject")
async def upload_part(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    check_part_number(req["PartNumber"])
    contents.check_length(ctx)
    body = req.get("Body") or b""
    expected = contents.parse_expected(ctx, req, body)
    bucket, upload = await ctx.transact(lambda tx: _require_own(ctx, tx, req))
    encryption.check_not_blocked(ctx, bucket, req)
    encryption.check_part_key(upload.template.encryption, req)
    _check_algorithm(upload, expected)
    wanted = upload.checksum_algorithm or checksums.DEFAULT
    async with await contents.receive(ctx, body, expected, wanted) as received:
        return await ctx.transact(lambda tx: _store_part(ctx, tx, req, expected, received))


def _require_own(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Bucket, Upload]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    ctx.about(bucket_arn(bucket.name, req["Key"]))
    return bucket, require_upload(ctx, tx, bucket, req)


def _check_algorithm(upload: Upload, expected: checksums.Expected) -> None:
    """Parts come with the checksum that the upload was made for; only that of the whole can do without theirs."""
    wanted, actual = upload.checksum_algorithm, expected.algorithm
    if wanted == actual or not wanted or (not actual and upload.checksum_type == checksums.FULL_OBJECT):
        return
    raise errors.invalid_request(
        f"Checksum Type mismatch occurred, expected checksum Type: {wanted.lower()}, actual checksum Type: "
        f"{actual.lower() or 'null'}"
    )


def _store_part(
    ctx: Context, tx: Transaction, req: dict[str, Any], expected: checksums.Expected, received: Received
) -> dict[str, Any]:
    _, upload = _require_own(ctx, tx, req)
    part = put_part(ctx, tx, upload, req["PartNumber"], received)
    shown = expected.algorithm or upload.checksum_algorithm
    answer = {"ETag": f'"{part.etag}"', **encryption.render(upload.template.encryption)}
    return answer | (checksums.render(shown, received.digests.text(shown)) if shown else {})


def put_part(ctx: Context, tx: Transaction, upload: Upload, number: int, received: Received) -> Part:
    """Makes a received body a part; one of the same number gives way."""
    scope = everywhere(ctx.scope)
    PARTS.lock(tx, scope, upload.id)
    before = PARTS.get(tx, scope, upload.id, number)
    if before is not None:
        contents.free(ctx, tx, before.content)
    algorithm = upload.checksum_algorithm or checksums.DEFAULT
    part = Part(
        upload=upload.id,
        number=number,
        size_bytes=received.size_bytes,
        etag=received.digests.etag(),
        modified_at=ctx.now,
        content=received.store(ctx, tx),
        checksum_algorithm=algorithm,
        checksum=received.digests.text(algorithm),
    )
    PARTS.insert(tx, scope, part)
    return part


@operation("ListParts", action="s3:ListMultipartUploadParts")
def list_parts(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:ListMultipartUploadParts")
    upload = require_upload(ctx, tx, bucket, req)
    most = listing.check_count(req, "MaxParts", "max-parts")
    after = listing.check_natural(req.get("PartNumberMarker", 0), "part-number-marker")
    rows = list(PARTS.scan(tx, everywhere(ctx.scope), upload.id, after=after, limit=most + 1))
    page = rows[:most]
    algorithm = upload.checksum_algorithm
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": most,
        "IsTruncated": len(rows) > most,
        "Parts": [_render_part(part, algorithm) for part in page],
        "Initiator": _initiator(upload),
        "Owner": render_owner(upload.template.account),
        "StorageClass": upload.template.storage_class,
    }
    if algorithm:
        answer |= {"ChecksumAlgorithm": algorithm, "ChecksumType": upload.checksum_type}
    if "lifecycle" in bucket.settings:
        answer |= lifecycle.render_abort(ctx, tx, bucket, upload)
    return answer


def _render_part(part: Part, algorithm: str) -> dict[str, Any]:
    return {
        "PartNumber": part.number,
        "LastModified": float(int(part.modified_at)),
        "ETag": f'"{part.etag}"',
        "Size": part.size_bytes,
        **checksums.render(algorithm, part.checksum),
    }


def _initiator(upload: Upload) -> dict[str, Any]:
    """Initiators, unlike owners, still have a name: a user's ARN, or the account of its root."""
    is_root = upload.initiator_arn.endswith(":root") or not upload.initiator
    name = upload.initiator or "anonymous" if is_root else upload.initiator_arn
    return {"ID": names.canonical_id(upload.initiator), "DisplayName": name}


# --- ending -------------------------------------------------------------------------------------------------------


@operation("AbortMultipartUpload")
def abort_multipart_upload(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require(ctx, tx, req)
    access.check_bucket(ctx, tx, bucket, "s3:AbortMultipartUpload", req)
    upload = _find_upload(ctx, tx, bucket, req)
    if upload is not None:
        abort(ctx, tx, upload)
    elif not is_genuine(req["UploadId"], f"{bucket.name}/{req['Key']}"):
        # One that was aborted or completed already is none to complain about.
        raise errors.no_such_upload(req["UploadId"])
    return {}


def abort(ctx: Context, tx: Transaction, upload: Upload) -> None:
    """Removes an upload and frees its parts."""
    scope = everywhere(ctx.scope)
    UPLOADS.lock(tx, scope, upload.bucket, upload.key, upload.order)
    UPLOADS.delete(tx, scope, upload)
    PARTS.lock(tx, scope, upload.id)
    for part in PARTS.scan(tx, scope, upload.id):
        contents.free(ctx, tx, part.content)
    PARTS.delete_all(tx, scope, upload.id)


@operation("ListMultipartUploads", action="s3:ListBucketMultipartUploads")
def list_multipart_uploads(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:ListBucketMultipartUploads")
    url = listing.check_encoding(req)
    size = listing.check_count(req, "MaxUploads", "max-uploads")
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    key_marker, id_marker = req.get("KeyMarker", ""), req.get("UploadIdMarker", "")
    scope = everywhere(ctx.scope)
    page: list[Upload | str] = []
    truncated = False
    walk = Walk(UPLOADS, scope, bucket.name, prefix, delimiter, key_marker)
    marked: list[Upload] = []
    if key_marker and id_marker:
        order = _require_marked(tx, scope, bucket, key_marker, id_marker)
        marked = list(UPLOADS.scan(tx, scope, bucket.name, key_marker, after=order, limit=size + 1))
    for row in itertools.chain(marked, walk.rows(tx)):
        if len(page) == size:
            truncated = True
            break
        page.append(row)
    uploads = [row for row in page if not isinstance(row, str)]
    # After common prefixes, AWS tells no way to go on.
    last = page[-1] if page and not isinstance(page[-1], str) else None
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": encode(key_marker, url),
        "UploadIdMarker": id_marker,
        "NextKeyMarker": encode(last.key, url) if last is not None else "",
        "NextUploadIdMarker": last.id if last is not None else "",
        "MaxUploads": size,
        "IsTruncated": truncated,
        "Uploads": [_render_upload(upload, url) for upload in uploads],
        "CommonPrefixes": listing.render_prefixes([row for row in page if isinstance(row, str)], url),
    }
    for member, value in (("Prefix", prefix), ("Delimiter", delimiter)):
        if value:
            answer[member] = encode(value, url)
    if url:
        answer["EncodingType"] = "url"
    return answer


def _require_marked(tx: Transaction, scope: Scope, bucket: Bucket, key: str, upload_id: str) -> int:
    """The order of the upload that a marker names, which may have ended since. It can't be one of another key."""
    order = find_order(upload_id)
    if order is not None and UPLOADS.get(tx, scope, bucket.name, key, -order) is not None:
        return -order
    if order is None or any(upload.id == upload_id for upload in UPLOADS.scan(tx, scope, bucket.name)):
        raise errors.invalid_argument("Invalid uploadId marker", "upload-id-marker", upload_id)
    return -order


def _render_upload(upload: Upload, url: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "UploadId": upload.id,
        "Key": encode(upload.key, url),
        "Initiated": float(int(upload.initiated_at)),
        "StorageClass": upload.template.storage_class,
        "Owner": render_owner(upload.template.account),
        "Initiator": _initiator(upload),
    }
    if upload.checksum_algorithm:
        shown |= {"ChecksumAlgorithm": upload.checksum_algorithm, "ChecksumType": upload.checksum_type}
    return shown


def etag_of(parts: list[Part]) -> str:
    """The ETag of a multipart object: a digest of its parts' digests, and how many they are."""
    digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    return f"{digest.hexdigest()}-{len(parts)}"
