"""Multipart uploads over HTTP with boto3."""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.s3_support import failure, message, new_bucket, sums

MIB = 1 << 20
PART = os.urandom(5 * MIB)


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    return new_bucket(s3)


class Uploading:
    """An upload under way."""

    def __init__(self, s3: Any, bucket: str, key: str, **options: Any) -> None:
        self._s3 = s3
        self.names = {"Bucket": bucket, "Key": key}
        self.names["UploadId"] = s3.create_multipart_upload(**self.names, **options)["UploadId"]

    def part(self, number: int, body: bytes, **options: Any) -> dict[str, Any]:
        answer = self._s3.upload_part(**self.names, PartNumber=number, Body=body, **options)
        kept = {name: value for name, value in answer.items() if name == "ETag" or name.startswith("Checksum")}
        return {"PartNumber": number, **kept}

    def complete(self, *parts: dict[str, Any], **options: Any) -> dict[str, Any]:
        listed = [{name: part[name] for name in part if name in ("PartNumber", "ETag")} for part in parts]
        done: dict[str, Any] = self._s3.complete_multipart_upload(
            **self.names, MultipartUpload={"Parts": listed}, **options
        )
        return done


def test_upload(s3: Any, bucket: str) -> None:
    """Parts out of order, one of them twice, one not used; read whole, by range over a seam, and by part."""
    upload = Uploading(s3, bucket, "whole", Metadata={"m": "1"}, ContentType="text/x")
    tail = upload.part(7, b"tail")
    upload.part(2, b"replaced")
    second = upload.part(2, PART)
    first = upload.part(1, PART)
    upload.part(9, b"unused")
    listed = s3.list_parts(**upload.names)["Parts"]
    assert [(row["PartNumber"], row["Size"]) for row in listed] == [(1, 5 * MIB), (2, 5 * MIB), (7, 4), (9, 6)]
    done = upload.complete(first, second, tail)
    digests = b"".join(hashlib.md5(body).digest() for body in (PART, PART, b"tail"))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    whole = PART + PART + b"tail"
    got = s3.get_object(Bucket=bucket, Key="whole")
    assert got["Body"].read() == whole and got["Metadata"] == {"m": "1"} and got["ContentLength"] == len(whole)
    seam = s3.get_object(Bucket=bucket, Key="whole", Range=f"bytes={5 * MIB - 2}-{10 * MIB + 1}")
    assert seam["Body"].read() == whole[5 * MIB - 2 : 10 * MIB + 2]
    part = s3.get_object(Bucket=bucket, Key="whole", PartNumber=2)
    assert part["PartsCount"] == 3 and part["ContentLength"] == 5 * MIB
    assert s3.head_object(Bucket=bucket, Key="whole", PartNumber=3)["ContentLength"] == 4
    assert failure(s3.get_object, Bucket=bucket, Key="whole", PartNumber=7) == ("InvalidPartNumber", 416)
    assert failure(s3.list_parts, **upload.names) == ("NoSuchUpload", 404)
    assert upload.complete(first, second, tail)["ETag"] == done["ETag"]
    other = {"MultipartUpload": {"Parts": _plain([first, second])}}
    assert failure(s3.complete_multipart_upload, **upload.names, **other) == ("NoSuchUpload", 404)
    s3.abort_multipart_upload(**upload.names)
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/whole")
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(whole).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == whole


def test_completing_under_a_kms_key_tells_no_checksum(s3: Any, bucket: str) -> None:
    """Recorded: test_s3_multipart_upload_sse. S3's own checksum is in the answers of reads only."""
    names = {"Bucket": bucket, "Key": "sealed"}
    names["UploadId"] = s3.create_multipart_upload(**names, ServerSideEncryption="aws:kms")["UploadId"]
    etag = s3.upload_part(**names, PartNumber=1, Body=b"test-sse")["ETag"]
    done = s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert done["ServerSideEncryption"] == "aws:kms" and not {"ChecksumCRC64NVME", "ChecksumType"} & done.keys()
    read = s3.head_object(Bucket=bucket, Key="sealed", ChecksumMode="ENABLED")
    assert (read["ChecksumCRC64NVME"], read["ChecksumType"]) == ("Kr7StX/uFlQ=", "FULL_OBJECT")


def test_lists_that_cannot_be_completed(s3: Any, bucket: str) -> None:
    """Recorded from AWS: none, the wrong order, parts that are not there, and small ones."""
    upload = Uploading(s3, bucket, "refused")
    one, two = upload.part(1, b"small"), upload.part(2, b"last")
    complete = s3.complete_multipart_upload
    assert failure(complete, **upload.names) == ("InvalidRequest", 400)
    assert failure(complete, **upload.names, MultipartUpload={"Parts": []}) == ("MalformedXML", 400)
    for parts, code in (
        ([two, one], "InvalidPartOrder"),
        ([one, one], "InvalidPartOrder"),
        ([{"PartNumber": 3, "ETag": one["ETag"]}], "InvalidPart"),
        ([{"PartNumber": 1, "ETag": '"0"'}], "InvalidPart"),
        ([one, two], "EntityTooSmall"),
    ):
        assert failure(complete, **upload.names, MultipartUpload={"Parts": _plain(parts)}) == (code, 400)
    s3.abort_multipart_upload(**upload.names)
    s3.abort_multipart_upload(**upload.names)  # S3 knows its ids, whatever became of them
    for other in ({"Key": "other"}, {"UploadId": f"{upload.names['UploadId']}x"}):
        assert failure(s3.abort_multipart_upload, **upload.names | other) == ("NoSuchUpload", 404)
    assert failure(s3.upload_part, **upload.names, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)


def _plain(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]


def test_part_numbers(s3: Any, bucket: str) -> None:
    """From 1 to 10,000."""
    upload = Uploading(s3, bucket, "numbers")
    for number in (0, 10_001):
        assert failure(s3.upload_part, **upload.names, PartNumber=number, Body=b"") == ("InvalidArgument", 400)
    s3.abort_multipart_upload(**upload.names)


def test_conditions(s3: Any, bucket: str) -> None:
    """If-None-Match holds at completion; the upload stays when it does not."""
    s3.put_object(Bucket=bucket, Key="taken", Body=b"x")
    upload = Uploading(s3, bucket, "taken")
    part = upload.part(1, b"y")
    listed = {"Parts": _plain([part])}
    wrong = {**upload.names, "MultipartUpload": listed}
    assert failure(s3.complete_multipart_upload, **wrong, IfNoneMatch="*") == ("PreconditionFailed", 412)
    s3.delete_object(Bucket=bucket, Key="taken")
    assert failure(s3.complete_multipart_upload, **wrong, IfNoneMatch="*") == ("ConditionalRequestConflict", 409)
    again = Uploading(s3, bucket, "taken")
    whole = {**again.names, "MultipartUpload": {"Parts": _plain([again.part(1, b"y")])}}
    s3.complete_multipart_upload(**whole, IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="taken")["Body"].read() == b"y"


def test_a_key_that_changed_during_a_conditional_upload(s3: Any, bucket: str) -> None:
    """What was written since the upload began makes it begin anew, even if it is what the condition asks for."""
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    upload = Uploading(s3, bucket, "k")
    whole = {**upload.names, "MultipartUpload": {"Parts": _plain([upload.part(1, b"y")])}}
    new = s3.put_object(Bucket=bucket, Key="k", Body=b"new")["ETag"]
    assert failure(s3.complete_multipart_upload, **whole, IfMatch=old) == ("PreconditionFailed", 412)
    assert failure(s3.complete_multipart_upload, **whole, IfMatch=new) == ("ConditionalRequestConflict", 409)
    again = Uploading(s3, bucket, "k")
    whole = {**again.names, "MultipartUpload": {"Parts": _plain([again.part(1, b"y")])}}
    s3.complete_multipart_upload(**whole, IfMatch=new)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("CRC32C", "FULL_OBJECT"), ("SHA256", "COMPOSITE"),
     ("CRC64NVME", "FULL_OBJECT")],
)  # fmt: skip
def test_checksums(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    """Composite ones are of the parts' checksums, full ones of the whole: the same as if it had been put in one."""
    member = f"Checksum{algorithm}"
    upload = Uploading(s3, bucket, "sum", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = [upload.part(1, PART, **sums(algorithm, PART)), upload.part(2, b"end", **sums(algorithm, b"end"))]
    done = s3.complete_multipart_upload(
        **upload.names,
        MultipartUpload={"Parts": [{name: part[name] for name in ("PartNumber", "ETag", member)} for part in parts]},
    )
    assert done["ChecksumType"] == kind
    if kind == "FULL_OBJECT":
        whole = s3.put_object(Bucket=bucket, Key="one", Body=PART + b"end", **sums(algorithm, PART + b"end"))
        assert done[member] == whole[member]
    else:
        assert done[member].endswith("-2")
    head = s3.head_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
    assert head[member] == done[member] and head["ChecksumType"] == kind
    attributes = s3.get_object_attributes(Bucket=bucket, Key="sum", ObjectAttributes=["ObjectParts", "Checksum"])
    for span, at in (("bytes=0-5242879", 0), ("bytes=5242880-", 1), ("bytes=0-9", None)):
        got = s3.head_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED", Range=span)
        expected = None if at is None or kind == "FULL_OBJECT" else parts[at][member]
        assert got.get(member) == expected, span
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2
    assert ("Parts" in attributes["ObjectParts"]) == (kind == "COMPOSITE")


def test_a_composite_checksum_may_be_told_without_its_count(s3: Any, bucket: str) -> None:
    """minio's clients complete with the checksum of the parts' checksums alone; another one is still refused."""
    upload = Uploading(s3, bucket, "told", ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE")
    part = upload.part(1, b"end", **sums("SHA256", b"end"))
    named = {"Parts": [{name: part[name] for name in ("PartNumber", "ETag", "ChecksumSHA256")}]}
    whole = base64.b64encode(hashlib.sha256(base64.b64decode(part["ChecksumSHA256"])).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    complete = {**upload.names, "MultipartUpload": named}
    assert failure(s3.complete_multipart_upload, **complete, ChecksumSHA256=wrong) == ("BadDigest", 400)
    done = s3.complete_multipart_upload(**complete, ChecksumSHA256=whole)
    assert done["ChecksumSHA256"] == f"{whole}-1"


def test_parts_with_checksums_have_no_gaps(s3: Any, bucket: str) -> None:
    """Unless it is the whole that has one."""
    for kind in ("COMPOSITE", "FULL_OBJECT"):
        upload = Uploading(s3, bucket, kind, ChecksumAlgorithm="CRC32", ChecksumType=kind)
        part = {name: value for name, value in upload.part(2, b"x").items() if "Type" not in name}
        complete = {**upload.names, "MultipartUpload": {"Parts": [part]}}
        if kind == "COMPOSITE":
            assert failure(s3.complete_multipart_upload, **complete) == ("InvalidPartOrder", 400)
        else:
            s3.complete_multipart_upload(**complete)


def test_lists_of_parts_that_are_refused(s3: Any, bucket: str) -> None:
    """What is wrong with a list is told apart: its form, a number, a checksum that is none or of another kind."""
    upload = Uploading(s3, bucket, "refused", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    part = {name: value for name, value in upload.part(1, b"x", **sums("CRC32", b"x")).items() if "Type" not in name}
    plain = {name: part[name] for name in ("PartNumber", "ETag")}
    other = base64.b64encode(hashlib.sha256(b"x").digest()).decode()

    def told(changed: dict[str, Any] | None = None, **more: Any) -> str:
        parts = [] if changed is None else [changed]
        return message(s3.complete_multipart_upload, **upload.names, MultipartUpload={"Parts": parts}, **more)

    assert message(s3.complete_multipart_upload, **upload.names) == "You must specify at least one part"
    assert told().startswith("The XML you provided was not well-formed")
    assert told(plain | {"PartNumber": 0}) == "PartNumber must be >= 1"
    complaint = "The sha256 you specified for part 1 did not match what we received."
    several = "Invalid Base64 or multiple checksums present in request"
    assert told(part | {"ChecksumSHA256": other}) == several
    assert told(plain | {"ChecksumCRC32": "rubbish"}) == several
    assert told(plain | {"ChecksumSHA256": other}) == complaint
    assert told(plain | {"ChecksumCRC32": "AAAAAA=="}).startswith("One or more of the specified parts could not")
    assert told(part, ChecksumType="x") == "Value for x-amz-checksum-type header is invalid."
    assert told(part, ChecksumCRC32="rubbish") == "Value for x-amz-checksum-crc32 header is invalid."
    assert told(part, ChecksumCRC32="AAAAAA==-1") == "Value for x-amz-checksum-crc32 header is invalid."
    assert told(part, ChecksumCRC32="AAAAAA==", ChecksumCRC32C="AAAAAA==").startswith("Expecting a single")
    assert told(part, MpuObjectSize=-1) == "Value for x-amz-mp-object-size header is less than zero: '-1'"
    upload.complete(part)


def test_when_an_upload_will_be_aborted(s3: Any, bucket: str) -> None:
    """By the first rule under whose prefix it lies, at a midnight."""
    rules = [
        {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, "AbortIncompleteMultipartUpload": {
            "DaysAfterInitiation": days}}
        for name, prefix, days in (("late", "", 7), ("early", "early/", 3))
    ]  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    late, early = (s3.create_multipart_upload(Bucket=bucket, Key=key) for key in ("k", "early/k"))
    assert (late["AbortRuleId"], early["AbortRuleId"]) == ("late", "early")
    assert late["AbortDate"] - early["AbortDate"] == timedelta(days=4) and not early["AbortDate"].hour
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=late["UploadId"])
    assert (listed["AbortRuleId"], listed["AbortDate"]) == ("late", late["AbortDate"])


def test_a_size_that_is_no_number(sandbox: Any, bucket: str) -> None:
    """Captured from AWS."""
    raw = sandbox.client("s3")
    raw.meta.events.register(
        "before-sign.s3.CompleteMultipartUpload",
        lambda request, **_: request.headers.add_header("x-amz-mp-object-size", "size"),
    )
    upload = Uploading(raw, bucket, "sized")
    parts = {"Parts": [upload.part(1, b"x")]}
    told = message(raw.complete_multipart_upload, **upload.names, MultipartUpload=parts)
    assert told == "Value for x-amz-mp-object-size header is invalid: 'size'"


def test_parts_of_a_composite_checksum_bring_theirs(sandbox: Any, bucket: str) -> None:
    """Versity's suite: a checksum of checksums needs one from each part; that of the whole does not."""
    plain = sandbox.client("s3", request_checksum_calculation="when_required")
    upload = Uploading(plain, bucket, "theirs", ChecksumAlgorithm="SHA256")
    wanted = "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: null"
    assert message(upload.part, number=1, body=b"x") == wanted
    whole = Uploading(plain, bucket, "theirs", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    assert whole.part(1, b"x")["ChecksumCRC32"] == "jNwWgw=="


def test_checksum_kinds_that_do_not_fit(s3: Any, bucket: str) -> None:
    """Recorded from AWS."""
    create = {"Bucket": bucket, "Key": "k"}
    assert message(s3.create_multipart_upload, **create, ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT") == (
        "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."
    )
    assert message(s3.create_multipart_upload, **create, ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE") == (
        "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."
    )


def test_copied_parts(s3: Any, bucket: str) -> None:
    """Parts may be copies of ranges of objects."""
    s3.put_object(Bucket=bucket, Key="source", Body=PART + b"0123456789")
    upload = Uploading(s3, bucket, "target")
    copy = {**upload.names, "CopySource": f"{bucket}/source"}
    first = s3.upload_part_copy(**copy, PartNumber=1, CopySourceRange=f"bytes=0-{5 * MIB - 1}")["CopyPartResult"]
    last = s3.upload_part_copy(**copy, PartNumber=2, CopySourceRange=f"bytes={5 * MIB}-{5 * MIB + 3}")["CopyPartResult"]
    upload.complete({"PartNumber": 1, **first}, {"PartNumber": 2, **last})
    assert s3.get_object(Bucket=bucket, Key="target")["Body"].read() == PART + b"0123"
    again = Uploading(s3, bucket, "target")
    copy = {**again.names, "CopySource": f"{bucket}/source", "PartNumber": 1}
    for wrong in ("0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=0-2,3-5", "bytes=3-1"):
        assert failure(s3.upload_part_copy, **copy, CopySourceRange=wrong) == ("InvalidArgument", 400)
    beyond = {"CopySourceRange": "bytes=0-99999999"}
    assert failure(s3.upload_part_copy, **copy, **beyond) == ("InvalidArgument", 400)
    assert message(s3.upload_part_copy, **copy, **beyond).startswith("Range specified is not valid for source object")
    outside = {"CopySourceRange": "bytes=99999998-99999999"}
    assert failure(s3.upload_part_copy, **copy, **outside) == ("InvalidRequest", 400)
    s3.abort_multipart_upload(**again.names)


def test_listing_uploads(s3: Any) -> None:
    """By key, then by the time they began; pages go on by key and id."""
    bucket = new_bucket(s3)
    ids = [Uploading(s3, bucket, key).names["UploadId"] for key in ("a", "b", "b", "c/1")]
    whole = s3.list_multipart_uploads(Bucket=bucket)
    assert [row["UploadId"] for row in whole["Uploads"]] == ids
    seen, markers = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **markers)
        seen += [row["UploadId"] for row in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert seen == ids
    page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["c/"] and len(page["Uploads"]) == 3
    s3.delete_bucket(Bucket=bucket)


def test_listing_uploads_by_marker(s3: Any) -> None:
    """Recorded from AWS: uploads of a key in the order of their beginning; a marker of another key is refused; after a
    common prefix there is no marker."""
    bucket = new_bucket(s3)
    ids = [s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("c", "b", "a", "a")]

    def page(**params: Any) -> tuple[list[str], str]:
        listed = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **params)
        return [row["UploadId"] for row in listed.get("Uploads", ())], listed["NextUploadIdMarker"]

    assert page() == page(KeyMarker="") == page(UploadIdMarker=ids[0]) == ([ids[2]], ids[2])
    assert page(KeyMarker="a") == page(KeyMarker="a", UploadIdMarker=ids[3]) == ([ids[1]], ids[1])
    assert page(KeyMarker="a", UploadIdMarker=ids[2]) == ([ids[3]], ids[3])
    assert page(KeyMarker="c") == ([], "")
    wrong = {"Bucket": bucket, "KeyMarker": "c", "UploadIdMarker": ids[1]}
    assert failure(s3.list_multipart_uploads, **wrong) == ("InvalidArgument", 400)
    s3.abort_multipart_upload(Bucket=bucket, Key="a", UploadId=ids[2])
    assert page(KeyMarker="a", UploadIdMarker=ids[2]) == ([ids[3]], ids[3])
    for key in ("folder/sub/1", "folder/x"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    folded = s3.list_multipart_uploads(Bucket=bucket, Prefix="folder/", Delimiter="/", MaxUploads=1)
    assert folded["IsTruncated"] and folded["NextKeyMarker"] == folded["NextUploadIdMarker"] == ""


def test_listing_parts_by_marker(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    place["UploadId"] = s3.create_multipart_upload(**place)["UploadId"]
    for number in (1, 2, 5):
        s3.upload_part(**place, PartNumber=number, Body=b"x")
    for marker, expected, following in ((0, [1, 2], 2), (2, [5], 5), (10, [], 0)):
        listed = s3.list_parts(**place, MaxParts=2, PartNumberMarker=marker)
        assert [row["PartNumber"] for row in listed.get("Parts", ())] == expected
        assert (listed["PartNumberMarker"], listed["NextPartNumberMarker"]) == (marker, following)


def test_transfer_manager(s3: Any, bucket: str, tmp_path: Any) -> None:
    """boto3's own way of moving files, in parallel parts."""
    from boto3.s3.transfer import TransferConfig

    body = os.urandom(20 * MIB + 17)
    (tmp_path / "up").write_bytes(body)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_file(str(tmp_path / "up"), bucket, "file", Config=config, ExtraArgs={"Metadata": {"a": "b"}})
    s3.download_file(bucket, "file", str(tmp_path / "down"), Config=config)
    assert (tmp_path / "down").read_bytes() == body
    assert s3.head_object(Bucket=bucket, Key="file")["ETag"].endswith('-5"')


def test_markers_of_parts_are_natural_numbers(s3: Any, bucket: str) -> None:
    """As counts of a page are."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    wrong = {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumberMarker": -1}
    assert failure(s3.list_parts, **wrong) == ("InvalidArgument", 400)


def test_uploads_that_were_overtaken(s3: Any, bucket: str) -> None:
    """Objects are as old as the beginnings of their uploads: what was written or deleted since then stands."""
    keys = ("written", "deleted", "uploaded")
    s3.put_object(Bucket=bucket, Key="deleted", Body=b"old")
    early = {key: Uploading(s3, bucket, key) for key in keys}
    s3.put_object(Bucket=bucket, Key="written", Body=b"new")
    s3.delete_object(Bucket=bucket, Key="deleted")
    late = Uploading(s3, bucket, "uploaded")
    late.complete(late.part(1, b"late"))
    for upload in early.values():
        assert upload.complete(upload.part(1, b"early"))["ETag"].endswith('-1"')
    read = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in ("written", "uploaded")}
    assert read == {"written": b"new", "uploaded": b"late"}
    assert failure(s3.head_object, Bucket=bucket, Key="deleted") == ("404", 404)


def test_versions_that_were_overtaken(s3: Any) -> None:
    """With versioning, nothing is lost: the upload that began earlier makes an older version."""
    bucket = new_bucket(s3)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["VersionId"]
    upload = Uploading(s3, bucket, "k")
    last = s3.put_object(Bucket=bucket, Key="k", Body=b"last")["VersionId"]
    between = upload.complete(upload.part(1, b"between"))["VersionId"]
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [row["VersionId"] for row in listed] == [last, between, first]
    assert [row["IsLatest"] for row in listed] == [True, False, False]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=between)["Body"].read() == b"between"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=last)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"between"


def test_keys_of_customers(s3: Any, bucket: str) -> None:
    """Each part comes with the key that its upload began with, copied or not; the end may do without, if there are no
    checksums to be read with it."""
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    other = own | {"SSECustomerKey": b"o" * 32}
    s3.put_object(Bucket=bucket, Key="plain", Body=b"plain")
    upload = Uploading(s3, bucket, "secret", **own)
    parts = {**upload.names, "PartNumber": 1}
    for call, source in ((s3.upload_part, {}), (s3.upload_part_copy, {"CopySource": f"{bucket}/plain"})):
        assert message(call, **parts, **source).startswith("The multipart upload initiate requested encryption.")
        assert message(call, **parts, **source, **other).startswith("The provided encryption parameters did not match")
        call(**parts, **source, **own)
    end = {**upload.names, "MultipartUpload": {"Parts": [upload.part(1, b"x", **own)]}}
    assert message(s3.complete_multipart_upload, **end, **other).startswith("The provided encryption parameters")
    upload.complete(*end["MultipartUpload"]["Parts"])
    summed = Uploading(s3, bucket, "summed", **own, ChecksumAlgorithm="SHA256")
    part = summed.part(1, b"x", **own, ChecksumAlgorithm="SHA256")
    end = {**summed.names, "MultipartUpload": {"Parts": [part]}}
    assert failure(s3.complete_multipart_upload, **end) == ("InvalidArgument", 400)
    assert s3.complete_multipart_upload(**end, **own)["ChecksumType"] == "COMPOSITE"
