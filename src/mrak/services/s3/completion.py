"""CompleteMultipartUpload: the checks of the list of parts, and the version that they become.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.s3 import buckets, checksums, conditions, contents, drafts, encryption, errors, writing
from mrak.services.s3 import objects as versions
from mrak.services.s3.multipart import abort, etag_of, require_upload
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.tables import PARTS, SEGMENTS, UPLOADS, Bucket, Part, Segment, Upload, Version, everywhere

LEAST_PART_BYTES = 5 << 20


@operation("CompleteMultipartUpload", action="s3:PutObject")
def complete_multipart_upload(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    drafts.require_key(req)
    conditions.check_write_headers(req)
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutObject")
    ctx.about(bucket_arn(bucket.name, req["Key"]))
    done = _find_completed(ctx, tx, bucket, req)
    if done is not None and _is_same_list(ctx, tx, req):
        return _render(ctx, tx, bucket, done)
    upload = require_upload(ctx, tx, bucket, req)
    listed = _parse_list(req)
    latest = versions.find_latest(ctx, tx, bucket.name, upload.key)
    conditions.check_write(req, latest)
    conditions.check_undisturbed(req, latest, upload)
    _check_mode(upload, req)
    encryption.check_completion_key(upload.template.encryption, req, bool(upload.checksum_algorithm))
    scope = everywhere(ctx.scope)
    PARTS.lock(tx, scope, upload.id)
    parts = [_require_part(tx, ctx, upload, entry) for entry in listed]
    _check_gapless(upload, parts)
    _check_sizes(parts)
    checksum, checksum_type = _checksum(upload, parts)
    size_bytes = sum(part.size_bytes for part in parts)
    _check_whole(upload, req, checksum, size_bytes)
    made = msgspec.structs.replace(
        upload.template,
        size_bytes=size_bytes,
        etag=etag_of(parts),
        parts=len(parts),
        checksum_algorithm=upload.checksum_algorithm or checksums.DEFAULT,
        checksum=checksum,
        checksum_type=checksum_type,
        content=f"p{upload.id}",
    )
    if conditions.is_overtaken(latest, upload) and not bucket.versioning:
        # An object is as old as the beginning of its upload: what was done to the key since then stands.
        abort(ctx, tx, upload)
        return _render(ctx, tx, bucket, made)
    made = writing.add(ctx, tx, bucket, req, made, "CompleteMultipartUpload", began=-upload.order)
    _convert(ctx, tx, upload, parts)
    return _render(ctx, tx, bucket, made)


def _find_completed(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]) -> Version | None:
    """What the upload became, if it was completed already: doing so again, with the same parts, gets the same
    answer."""
    latest = versions.find_latest(ctx, tx, bucket.name, req["Key"])
    return latest if latest is not None and latest.content == f"p{req['UploadId']}" else None


def _is_same_list(ctx: Context, tx: Transaction, req: dict[str, Any]) -> bool:
    listed = [(entry["PartNumber"], entry["ETag"].strip('"')) for entry in _parse_list(req)]
    return listed == [(row.number, row.etag) for row in SEGMENTS.scan(tx, everywhere(ctx.scope), req["UploadId"])]


def _parse_list(req: dict[str, Any]) -> list[dict[str, Any]]:
    document = req.get("MultipartUpload")
    if document is None:
        raise errors.invalid_request("You must specify at least one part")
    listed: list[dict[str, Any]] = document.get("Parts") or []
    if not listed or any("PartNumber" not in entry or "ETag" not in entry for entry in listed):
        raise errors.malformed_xml()
    numbers = [entry["PartNumber"] for entry in listed]
    for number in numbers:
        if number < 1:
            raise errors.invalid_argument("PartNumber must be >= 1", "PartNumber", str(number))
    if not all(checksums.is_at_most_one(entry) for entry in listed):
        raise errors.invalid_argument("Invalid Base64 or multiple checksums present in request", "Checksum")
    if any(after <= before for before, after in pairwise(numbers)):
        raise _wrong_order(req["UploadId"])
    return listed


def _wrong_order(upload_id: str) -> Exception:
    message = "The list of parts was not in ascending order. Parts must be ordered by part number."
    return errors.error("InvalidPartOrder", message, UploadId=upload_id)


def _check_mode(upload: Upload, req: dict[str, Any]) -> None:
    wanted = req.get("ChecksumType")
    checksums.check_known_type(wanted)
    if wanted is not None and wanted != upload.checksum_type:
        raise errors.invalid_request(
            f"The upload was created using the {upload.checksum_type or 'null'} checksum mode. The complete request "
            "must use the same checksum mode."
        )


def _require_part(tx: Transaction, ctx: Context, upload: Upload, entry: dict[str, Any]) -> Part:
    number, etag = entry["PartNumber"], entry["ETag"].strip('"')
    part = PARTS.get(tx, everywhere(ctx.scope), upload.id, number)
    if part is None or part.etag != etag:
        raise errors.invalid_part(upload.id, number, etag)
    given = checksums.find_given(entry)
    if given is not None and upload.checksum_algorithm and given[0] != upload.checksum_algorithm:
        message = f"The {given[0].lower()} you specified for part {number} did not match what we received."
        raise errors.error("BadDigest", message)
    if given is not None and given != (upload.checksum_algorithm, part.checksum):
        raise errors.invalid_part(upload.id, number, etag)
    if given is None and upload.checksum_type == checksums.COMPOSITE:
        raise errors.invalid_request(
            f"The upload was created using a {upload.checksum_algorithm.lower()} checksum. The complete request must "
            f"include the checksum for each part. It was missing for part {number} in the request."
        )
    return part


def _check_gapless(upload: Upload, parts: list[Part]) -> None:
    """Checksums of parts are of all of them, from the first on.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompletedPart.html
    """
    if upload.checksum_type == checksums.COMPOSITE and parts[-1].number != len(parts):
        raise _wrong_order(upload.id)


def _check_sizes(parts: list[Part]) -> None:
    for part in parts[:-1]:
        if part.size_bytes < LEAST_PART_BYTES:
            raise errors.error(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=part.size_bytes,
                MinSizeAllowed=LEAST_PART_BYTES,
                PartNumber=part.number,
                ETag=part.etag,
            )


def _checksum(upload: Upload, parts: list[Part]) -> tuple[str, str]:
    algorithm = upload.checksum_algorithm or checksums.DEFAULT
    if upload.checksum_type == checksums.COMPOSITE:
        return checksums.composite(algorithm, [part.checksum for part in parts]), checksums.COMPOSITE
    whole = checksums.joined(algorithm, [(part.checksum, part.size_bytes) for part in parts])
    return whole, checksums.FULL_OBJECT


def _check_whole(upload: Upload, req: dict[str, Any], checksum: str, size_bytes: int) -> None:
    wanted_bytes = req.get("MpuObjectSize")
    if wanted_bytes is not None and int(wanted_bytes) < 0:
        raise errors.invalid_request(f"Value for x-amz-mp-object-size header is less than zero: '{wanted_bytes}'")
    if wanted_bytes is not None and int(wanted_bytes) != size_bytes:
        raise errors.invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {wanted_bytes} does not match what was computed: "
            f"{size_bytes}"
        )
    given = checksums.find_single(req)
    if given is None:
        return
    algorithm, value = given
    checksums.check_value(algorithm, value, upload.checksum_type)
    # The number of parts may be left out, as minio's clients do it.
    is_it = value in (checksum, checksum.partition("-")[0])
    if algorithm != (upload.checksum_algorithm or checksums.DEFAULT) or not is_it:
        raise errors.bad_digest(algorithm)


def _convert(ctx: Context, tx: Transaction, upload: Upload, parts: list[Part]) -> None:
    """Turns parts into segments, frees those that were not named, and removes the upload."""
    scope = everywhere(ctx.scope)
    SEGMENTS.lock(tx, scope, upload.id)
    offset = 0
    used = set()
    for part in parts:
        used.add(part.number)
        SEGMENTS.insert(
            tx, scope, Segment(upload.id, offset, part.number, part.size_bytes, part.content, part.checksum, part.etag)
        )
        offset += part.size_bytes
    for part in PARTS.scan(tx, scope, upload.id):
        if part.number not in used:
            contents.free(ctx, tx, part.content)
    PARTS.delete_all(tx, scope, upload.id)
    UPLOADS.lock(tx, scope, upload.bucket, upload.key, upload.order)
    UPLOADS.delete(tx, scope, upload)


def _render(ctx: Context, tx: Transaction, bucket: Bucket, made: Version) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Location": location(ctx, bucket.name, made.key),
        "Bucket": bucket.name,
        "Key": made.key,
        "ETag": f'"{made.etag}"',
        **writing.describe_write(ctx, tx, bucket, made),
    }
    shown = {name: value for name, value in answer.items() if not name.startswith("SSECustomer")}
    if made.encryption.get("c_md5"):
        shown |= encryption.render(made.encryption)
    if "key" in made.encryption and made.checksum_algorithm == checksums.DEFAULT:
        return shown  # of an object under a KMS key, reading tells the checksum that S3 chose
    shown |= checksums.render(made.checksum_algorithm, made.checksum)
    return shown | {"ChecksumType": made.checksum_type}


def location(ctx: Context, bucket: str, key: str) -> str:
    """The object's URL, in the style in which the request came."""
    from urllib.parse import quote

    name = quote(key, safe="/~")
    host = ctx.endpoint.partition("://")[2]
    return f"{ctx.endpoint}/{name}" if host.startswith(f"{bucket}.") else f"{ctx.endpoint}/{bucket}/{name}"
