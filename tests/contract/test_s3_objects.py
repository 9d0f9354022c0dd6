"""S3's objects over HTTP with boto3: writing, reading, ranges, conditions, copies, deleting."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import Sandbox
from tests.contract.s3_support import Raw, code_of, failure, message, new_bucket, sums

MIB = 1 << 20


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture(scope="module")
def raw(sandbox: Any) -> Raw:
    return Raw(sandbox.server.endpoint)


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


def test_tags_in_a_header_that_are_refused(s3: Any, bucket: str) -> None:
    """No query is one complaint, a tag that cannot be is another: both name what they are about."""
    put = {"Bucket": bucket, "Key": "tagged"}
    for text in ("=", "a%", "a=1&a=2", "a=1,b=2"):
        assert failure(s3.put_object, **put, Tagging=text) == ("InvalidArgument", 400)
    for text in ("a?=1", "a=1?", "aws%3Ax!=1"):
        assert failure(s3.put_object, **put, Tagging=text) == ("InvalidTag", 400)
    s3.put_object(**put, Tagging="&a%2E=b%2F&&c&d=&")
    tags = s3.get_object_tagging(**put)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a.": "b/", "c": "", "d": ""}


def test_sources_of_copies_that_are_none(sandbox: Any, s3: Any, bucket: str) -> None:
    """What cannot be a bucket or is no URL is told before anything is looked for."""
    raw = Raw(sandbox.server.endpoint)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    for source, what in (
        ("192.168.1.1/k", "bucket name"), ("my(bucket)/k", "bucket name"), (f"{bucket}/%ZZ", "encoding"),
        ("%", "encoding"), ("", "bucket name"), (bucket, "object key"), (f"{bucket}/", "object key"),
    ):  # fmt: skip
        headers = {"x-amz-copy-source": source}
        status, _, body = raw("PUT", f"/{bucket}/copy", b"", headers, f"{sandbox.name}.localhost")
        assert (status, code_of(body)) == (400, "InvalidArgument") and f"Invalid copy source {what}".encode() in body
    refused = message(s3.put_object, Bucket=bucket, Key="k", WebsiteRedirectLocation="")
    assert refused == "The website redirect location must be non-empty."


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "told"),
    [
        ("PUT", "/k?partNumber=1", {}, 400, "This operation does not accept partNumber without uploadId"),
        (
            "PUT",
            "/k?partNumber=1",
            {"x-amz-copy-source": "b/k"},
            400,
            "This operation does not accept partNumber without",
        ),
        ("PUT", "/k?uploadId=x", {}, 405, "<Method>PUT</Method><ResourceType>UPLOAD</ResourceType>"),
        ("PUT", "/k?uploadId=x", {"x-amz-copy-source": "b/k"}, 405, "<ResourceType>UPLOAD</ResourceType>"),
        ("POST", "/k", {}, 405, "<Method>POST</Method><ResourceType>OBJECT</ResourceType>"),
        ("PATCH", "", {}, 405, "<Method>PATCH</Method><ResourceType>BUCKET</ResourceType>"),
        ("GET", "/k?uploads", {}, 400, "Key is not expected for the GET method ?uploads subresource"),
        ("GET", "/k?versions", {}, 400, "There is no such thing as the ?versions sub-resource for a key"),
        ("GET", "/k?torrent", {}, 405, "<Method>GET</Method><ResourceType>TORRENT</ResourceType>"),
        ("GET", "/k", {"x-amz-copy-source": "b/k"}, 400, "You can only specify a copy source header for copy"),
    ],
)
def test_requests_that_are_no_operation(
    raw: Raw, bucket: str, method: str, path: str, headers: dict[str, str], status: int, told: str
) -> None:
    """Versity's router tests: S3 tells what does not go together before it asks who calls, and never does another
    thing instead (a PUT that lacks its part number would write an object)."""
    found, answered, body = raw(method, f"/{bucket}{path}", b"", headers)
    assert found == status and told.encode() in body, body
    assert answered.get("allow") == ("DELETE, POST, GET" if "UPLOAD" in told else None)


def test_a_copy_has_no_body(sandbox: Any, bucket: str, raw: Raw) -> None:
    """Captured from AWS: a body beside the name of a source is refused."""
    headers = {"x-amz-copy-source": f"{bucket}/k"}
    status, _, body = raw("PUT", f"/{bucket}/copy", b"body", headers, f"{sandbox.name}.localhost")
    assert status == 400 and b"Requests of this type must not include a non-empty body." in body


def test_the_service_itself_takes_only_get(raw: Raw) -> None:
    """A form needs a bucket; `/` is the service."""
    for method in ("POST", "PUT", "DELETE"):
        status, _, body = raw(method, "/", b"")
        assert status == 405 and b"<ResourceType>SERVICE</ResourceType>" in body


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (
            {"x-amz-sdk-checksum-algorithm": "CRC32"},
            "specified, but no corresponding x-amz-checksum-",
        ),
        ({"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": "jNwWgw=="}, "Value for x-amz-sdk-checksum"),
        ({"x-amz-checksum-crc7": "x"}, "The algorithm type you specified in x-amz-checksum- header is invalid."),
        ({"x-amz-trailer": "x-amz-checksum-crc7"}, "The value specified in the x-amz-trailer header is not supported"),
    ],
)
def test_checksums_that_are_announced_and_do_not_come(
    sandbox: Any, s3: Any, raw: Raw, bucket: str, headers: dict[str, str], told: str
) -> None:
    """What a client says that it computes has to be what it sends: else nothing was checked, and nobody knows."""
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    status, _, body = raw("PUT", f"/{bucket}/k", b"x", headers, f"{sandbox.name}.localhost")
    assert (status, code_of(body)) == (400, "InvalidRequest") and told.encode() in body


def test_attributes_have_to_be_named(s3: Any, bucket: str) -> None:
    """`?attributes` asks for attributes, also without the header that names them; it is no GetObject."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    assert failure(s3.get_object_attributes, Bucket=bucket, Key="k", ObjectAttributes=[]) == ("InvalidRequest", 400)


@pytest.mark.parametrize("size", [0, 1, 1024, 1025, 16 * 1024, 16 * 1024 + 1, 3 * MIB])
def test_sizes(s3: Any, bucket: str, size: int) -> None:
    """A body is kept in a row, in another row or in a file, by its size; a client sees no difference."""
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert got["ContentLength"] == size and got["ChecksumCRC32"] == put["ChecksumCRC32"]
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


@pytest.mark.parametrize(
    "key", ["a/../../x", "../../etc/passwd", "//double//", "ünï/ćödé 日本", "a\u0001b", "%2F", "+ +", "k" * 1024, "."]
)
def test_keys_are_only_names(s3: Any, bucket: str, key: str) -> None:
    """Nothing in a key is a path, and nothing is normalised; S3-023: not even what leads out of the bucket."""
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_key_too_long(s3: Any, bucket: str) -> None:
    """1,024 bytes are the most, in UTF-8."""
    assert failure(s3.put_object, Bucket=bucket, Key="ü" * 513, Body=b"") == ("KeyTooLongError", 400)


def test_missing(s3: Any, bucket: str) -> None:
    """What is not there, by each way of asking."""
    assert failure(s3.get_object, Bucket=bucket, Key="no") == ("NoSuchKey", 404)
    assert failure(s3.head_object, Bucket=bucket, Key="no") == ("404", 404)
    assert failure(s3.get_object, Bucket="no-such-bucket-at-all", Key="no") == ("NoSuchBucket", 404)
    assert failure(s3.put_object, Bucket="no-such-bucket-at-all", Key="no", Body=b"x" * 40_000) == ("NoSuchBucket", 404)


def test_headers_and_metadata(s3: Any, bucket: str) -> None:
    """System headers and metadata come back as they were given; a plain overwrite forgets them."""
    given = {
        "CacheControl": "no-cache", "ContentDisposition": 'attachment; filename="a.txt"', "ContentLanguage": "de",
        "ContentType": "text/x-test", "ContentEncoding": "gzip", "WebsiteRedirectLocation": "/elsewhere",
    }  # fmt: skip
    expires = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"One": "1", "two": "2"}, Expires=expires, **given)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert {name: head[name] for name in given} == given
    assert head["Metadata"] == {"one": "1", "two": "2"}
    assert head["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {} and head["ContentType"] == "binary/octet-stream" and "CacheControl" not in head


def test_metadata_too_large(s3: Any, bucket: str) -> None:
    """2 KB are the most for names and values together."""
    assert failure(s3.put_object, Bucket=bucket, Key="k", Metadata={"a": "x" * 2048}) == ("MetadataTooLarge", 400)


@pytest.mark.parametrize(
    ("asked", "status", "expected", "content_range"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-15", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("items=0-1", 200, b"0123456789", None),
    ],
)
def test_ranges(s3: Any, bucket: str, asked: str, status: int, expected: bytes, content_range: str | None) -> None:
    """Recorded from AWS: what is no range is ignored, not refused."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == status
    assert got["Body"].read() == expected and got.get("ContentRange") == content_range


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0"])
def test_unsatisfiable_ranges(s3: Any, bucket: str, asked: str) -> None:
    """A range that begins behind the end."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    assert failure(s3.get_object, Bucket=bucket, Key="k", Range=asked) == ("InvalidRange", 416)


def test_ranges_of_a_file(s3: Any, bucket: str) -> None:
    """A large body's range is a slice of its file."""
    body = os.urandom(2 * MIB)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={MIB - 3}-{MIB + 3}")
    assert got["Body"].read() == body[MIB - 3 : MIB + 4] and got["ContentLength"] == 7


def test_conditional_reads(s3: Any, bucket: str) -> None:
    """Recorded from AWS: 412 for what must hold, 304 for what must have changed."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before, after = modified - timedelta(seconds=10), modified + timedelta(seconds=10)
    read = {"Bucket": bucket, "Key": "k"}
    assert failure(s3.get_object, **read, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert failure(s3.get_object, **read, IfUnmodifiedSince=before) == ("PreconditionFailed", 412)
    for condition in ({"IfNoneMatch": etag}, {"IfNoneMatch": etag.strip('"')}, {"IfModifiedSince": modified}):
        assert failure(s3.get_object, **read, **condition) == ("304", 304)
        assert failure(s3.head_object, **read, **condition) == ("304", 304)
    for condition in ({"IfMatch": etag}, {"IfNoneMatch": "x"}, {"IfModifiedSince": before}, {"IfModifiedSince": after},
                      {"IfMatch": etag, "IfUnmodifiedSince": before}):  # fmt: skip
        assert s3.get_object(**read, **condition)["Body"].read() == b"x"


def test_conditional_writes(s3: Any, bucket: str) -> None:
    """If-None-Match creates only, If-Match replaces only what is known."""
    put = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    assert failure(s3.put_object, **put, IfMatch='"a"') == ("NoSuchKey", 404)
    etag = s3.put_object(**put, IfNoneMatch="*")["ETag"]
    assert failure(s3.put_object, **put, IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert failure(s3.put_object, **put, IfMatch='"a"') == ("PreconditionFailed", 412)
    s3.put_object(**put, IfMatch=etag)
    assert failure(s3.put_object, **put, IfMatch="*") == ("NotImplemented", 501)
    assert failure(s3.put_object, **put, IfNoneMatch="x") == ("NotImplemented", 501)
    assert failure(s3.put_object, **{**put, "Body": b"x" * 50_000}, IfNoneMatch="*") == ("PreconditionFailed", 412)


def test_conditional_deletes(s3: Any, bucket: str) -> None:
    """A delete may be bound to the ETag."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert failure(s3.delete_object, Bucket=bucket, Key="k", IfMatch="a") == ("PreconditionFailed", 412)
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert failure(s3.delete_object, Bucket=bucket, Key="k", IfMatch=etag) == ("NoSuchKey", 404)
    named = {"Bucket": bucket, "Key": "k", "VersionId": "null"}
    assert failure(s3.delete_object, **named, IfMatch=etag) == ("NotImplemented", 501)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
@pytest.mark.parametrize("size", [100, 100_000])
def test_checksums(s3: Any, bucket: str, algorithm: str, size: int) -> None:
    """The SDK's checksum is checked, kept and given back; a wrong one is refused."""
    body = os.urandom(size)
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, **sums(algorithm, body))
    got = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[member] == put[member] and got["ChecksumType"] == "FULL_OBJECT"
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ETag", "ObjectSize"])
    assert attributes["Checksum"] == {member: put[member], "ChecksumType": "FULL_OBJECT"}
    assert attributes["ObjectSize"] == size and attributes["ETag"] == hashlib.md5(body).hexdigest()
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=body + b"x", **{member: put[member]}) == (
        "BadDigest",
        400,
    )
    wrong = {member: "not-base64"}
    assert message(s3.put_object, Bucket=bucket, Key="k", Body=body, **wrong) == (
        f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
    )


def test_default_checksum(sandbox: Any, bucket: str) -> None:
    """Without one, AWS computes CRC64NVME."""
    s3 = sandbox.client("s3", request_checksum_calculation="when_required")
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello world")
    assert put["ChecksumCRC64NVME"] == "jSnVw/bqjr4="


def test_content_md5(s3: Any, bucket: str) -> None:
    """The older way to protect a body."""
    good = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=good)
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5=good) == ("BadDigest", 400)
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5="rubbish") == ("InvalidDigest", 400)


def test_a_refused_body_leaves_nothing(s3: Any, bucket: str) -> None:
    """A large body whose checksum is wrong has been spooled, and is not kept."""
    body = b"x" * 100_000
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=body, ChecksumCRC32="AAAAAA==")[0] == "BadDigest"
    assert failure(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)


def test_overrides(sandbox: Any, s3: Any, bucket: str, raw: Raw) -> None:
    """A signed query may ask for other headers, an anonymous one may not."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    got = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/plain", ResponseCacheControl="no-store",
        ResponseContentDisposition="inline", ResponseContentEncoding="x", ResponseContentLanguage="cs",
    )  # fmt: skip
    assert (got["ContentType"], got["CacheControl"], got["ContentLanguage"]) == ("text/plain", "no-store", "cs")
    host = f"{sandbox.name}.localhost"
    status, _, body = raw("GET", f"/{bucket}/k?response-content-type=a", host=host)
    assert (status, code_of(body)) == (400, "InvalidRequest")
    status, _, body = raw("GET", f"/{bucket}/k?response-else=a", host=host)
    assert status == 400 and b"response-else is not in the set of overridable response headers." in body


def test_storage_classes(s3: Any, bucket: str) -> None:
    """Archived objects cannot be read until they are restored (S3-004: at once)."""
    s3.put_object(Bucket=bucket, Key="ia", Body=b"x", StorageClass="STANDARD_IA")
    assert s3.get_object(Bucket=bucket, Key="ia")["StorageClass"] == "STANDARD_IA"
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    assert failure(s3.get_object, Bucket=bucket, Key="cold") == ("InvalidObjectState", 403)
    assert failure(s3.restore_object, Bucket=bucket, Key="ia", RestoreRequest={"Days": 1}) == (
        "InvalidObjectState",
        403,
    )
    restored = s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest={"Days": 1})
    assert restored["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert s3.get_object(Bucket=bucket, Key="cold")["Body"].read() == b"x"
    assert 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key="cold")["Restore"]
    assert failure(s3.put_object, Bucket=bucket, Key="k", StorageClass="WARM") == ("InvalidStorageClass", 400)


def test_delete_many(s3: Any, bucket: str) -> None:
    """A thousand at once; keys that are not there count as deleted."""
    for name in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=name)
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "no"}]})
    assert [row["Key"] for row in done["Deleted"]] == ["a", "no"]
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]
    many = [{"Key": str(number)} for number in range(1001)]
    assert failure(s3.delete_objects, Bucket=bucket, Delete={"Objects": many}) == ("MalformedXML", 400)
    assert failure(s3.delete_objects, Bucket=bucket, Delete={"Objects": []}) == ("MalformedXML", 400)


@pytest.mark.parametrize("size", [10, 10_000, 2 * MIB])
def test_copy(s3: Any, bucket: str, size: int) -> None:
    """A copy has the body, and the metadata unless it is replaced; never the ACL."""
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="a b", Body=body, Metadata={"m": "1"}, ContentType="text/plain", ACL="public-read",
                  Tagging="t=1")  # fmt: skip
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a b"})
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="c")
    assert got["Body"].read() == body and got["Metadata"] == {"m": "1"} and got["ContentType"] == "text/plain"
    assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert len(s3.get_object_acl(Bucket=bucket, Key="c")["Grants"]) == 1
    s3.delete_object(Bucket=bucket, Key="a b")
    s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/c", MetadataDirective="REPLACE", Metadata={"n": "2"},
                   TaggingDirective="REPLACE", Tagging="u=2", ChecksumAlgorithm="SHA256")  # fmt: skip
    got = s3.get_object(Bucket=bucket, Key="d", ChecksumMode="ENABLED")
    assert got["Body"].read() == body and got["Metadata"] == {"n": "2"} and got["TagCount"] == 1
    assert got["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()


def test_copy_onto_itself(s3: Any, bucket: str) -> None:
    """Only with something changed."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    source = f"{bucket}/k"
    assert failure(s3.copy_object, Bucket=bucket, Key="k", CopySource=source) == ("InvalidRequest", 400)
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, MetadataDirective="REPLACE", Metadata={"a": "b"})
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, StorageClass="STANDARD_IA")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"a": "b"} and head["StorageClass"] == "STANDARD_IA"


def test_copy_conditions(s3: Any, bucket: str) -> None:
    """What does not hold of the source is 412; the target's own conditions count too."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    copy = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k"}
    for condition in ({"CopySourceIfMatch": "a"}, {"CopySourceIfNoneMatch": etag},
                      {"CopySourceIfModifiedSince": modified},
                      {"CopySourceIfUnmodifiedSince": modified - timedelta(seconds=5)}):  # fmt: skip
        assert failure(s3.copy_object, **copy, **condition) == ("PreconditionFailed", 412)
    s3.copy_object(**copy, CopySourceIfMatch=etag, IfNoneMatch="*")
    assert failure(s3.copy_object, **copy, IfNoneMatch="*") == ("PreconditionFailed", 412)


def test_copy_source_errors(s3: Any, bucket: str) -> None:
    """A source that is none."""
    copy = {"Bucket": bucket, "Key": "c"}
    assert failure(s3.copy_object, **copy, CopySource="only-a-bucket") == ("InvalidArgument", 400)
    assert failure(s3.copy_object, **copy, CopySource=f"{bucket}/no") == ("NoSuchKey", 404)
    assert failure(s3.copy_object, **copy, CopySource="no-such-bucket-x/no") == ("NoSuchBucket", 404)


def test_customer_keys(s3: Any, bucket: str) -> None:
    """What was written with a customer's key is read with it only (S3-003: nothing is encrypted on the disk)."""
    key, other = b"k" * 32, b"o" * 32
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    # botocore refuses customer keys over plain HTTP nowhere; S3 itself answers.
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **own)
    assert put["SSECustomerAlgorithm"] == "AES256"
    assert failure(s3.get_object, Bucket=bucket, Key="k") == ("InvalidRequest", 400)
    wrong = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": other}
    assert failure(s3.get_object, Bucket=bucket, Key="k", **wrong) == ("AccessDenied", 403)
    assert message(s3.get_object, Bucket=bucket, Key="k", **wrong).endswith("must provide the correct secret key.")
    copied = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": other}
    assert message(s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/k", **copied) == "Access Denied"
    assert s3.get_object(Bucket=bucket, Key="k", **own)["Body"].read() == b"x"
    assert failure(s3.put_object, Bucket=bucket, Key="k", **own, ServerSideEncryption="AES256") == (
        "InvalidArgument",
        400,
    )
    assert failure(s3.put_object, Bucket=bucket, Key="k", **{**own, "SSECustomerAlgorithm": "KMS"}) == (
        "InvalidEncryptionAlgorithmError", 400,
    )  # fmt: skip
    short = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "c2hvcnQ=", "SSECustomerKeyMD5": "c2hvcnQ="}
    assert message(s3.put_object, Bucket=bucket, Key="k", **short).startswith("The calculated MD5 hash of the key")


def test_kms_keys(sandbox: Any, s3: Any, bucket: str) -> None:
    """S3-003: nothing is encrypted, but without a key that can be used nothing is written or read, as on AWS."""
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]
    put = {"Bucket": bucket, "Key": "k", "Body": b"x", "ServerSideEncryption": "aws:kms"}
    assert failure(s3.put_object, **put, SSEKMSKeyId="fake-key-id") == ("KMS.NotFoundException", 400)
    assert message(s3.put_object, **put, SSEKMSKeyId="fake-key-id") == "Invalid keyId 'fake-key-id'"
    written = s3.put_object(**put, SSEKMSKeyId=key["KeyId"])
    assert written["SSEKMSKeyId"] == key["Arn"]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ServerSideEncryption="aws:kms")
    kms.disable_key(KeyId=key["KeyId"])
    assert failure(s3.get_object, Bucket=bucket, Key="k") == ("KMS.DisabledException", 400)
    assert failure(s3.put_object, **put, SSEKMSKeyId=key["Arn"]) == ("KMS.DisabledException", 400)
    assert s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == key["Arn"]
    managed = s3.head_object(Bucket=bucket, Key="copy")["SSEKMSKeyId"]
    assert kms.describe_key(KeyId=managed)["KeyMetadata"]["KeyManager"] == "AWS"


def test_version_ids_that_were_made_up(s3: Any, bucket: str) -> None:
    """They are told from ids of versions that are gone, which was recorded from AWS."""
    made_up = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for call in (s3.get_object, s3.delete_object, s3.get_object_tagging):
        assert failure(call, Bucket=bucket, Key="k", VersionId=made_up) == ("InvalidArgument", 400)
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": made_up}]})
    assert [row["Code"] for row in gone["Errors"]] == ["NoSuchVersion"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"y")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert failure(s3.get_object, Bucket=bucket, Key="k", VersionId=version) == ("NoSuchVersion", 404)


def test_bypassing_locks_where_there_are_none(s3: Any, bucket: str) -> None:
    """Whatever the header says, it means nothing in such a bucket and is refused."""
    for value in (True, False):
        bypass = {"Bucket": bucket, "BypassGovernanceRetention": value}
        assert failure(s3.delete_object, **bypass, Key="k") == ("InvalidArgument", 400)
        assert failure(s3.delete_objects, **bypass, Delete={"Objects": [{"Key": "k"}]}) == ("InvalidArgument", 400)


def test_a_bucket_is_looked_for_before_a_document_is_read(s3: Any, bucket: str) -> None:
    """What is wrong with a document is told of a bucket that is there."""
    empty = {"ServerSideEncryptionConfiguration": {"Rules": []}}
    assert failure(s3.put_bucket_encryption, Bucket="not-there-at-all", **empty) == ("NoSuchBucket", 404)
    assert failure(s3.put_bucket_encryption, Bucket=bucket, **empty) == ("MalformedXML", 400)


def test_kms_headers(s3: Any, bucket: str) -> None:
    """A bucket's default encryption shows on what is written."""
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]
        },
    )
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert put["ServerSideEncryption"] == "aws:kms" and put["BucketKeyEnabled"] is True
    assert ":key/" in put["SSEKMSKeyId"]
    assert failure(s3.put_object, Bucket=bucket, Key="k", SSEKMSKeyId="x") == ("InvalidArgument", 400)


def test_length_is_required(sandbox: Any, bucket: str, raw: Raw) -> None:
    """An upload that does not say how long it is."""
    import socket

    address = ("127.0.0.1", sandbox.server.port)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"PUT /{bucket}/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    assert b"411" in answer.split(b"\r\n")[0] and code_of(answer) == "MissingContentLength"


def test_object_tags(sandbox: Any, s3: Any, bucket: str) -> None:
    """Tags are put with the object or afterwards, and counted."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""},
    ]  # fmt: skip
    assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2
    put = {"Bucket": bucket, "Key": "k"}
    s3.put_object_tagging(**put, Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object_tagging(**put)["TagSet"] == [{"Key": "c", "Value": "3"}]
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert failure(s3.put_object_tagging, **put, Tagging={"TagSet": twice}) == ("InvalidTag", 400)
    nameless = {"TagSet": [{"Key": "", "Value": "1"}]}
    lenient = sandbox.client("s3", parameter_validation=False)
    assert message(lenient.put_object_tagging, **put, Tagging=nameless) == "The TagKey you have provided is invalid"
    eleven = [{"Key": str(number), "Value": ""} for number in range(11)]
    assert failure(s3.put_object_tagging, **put, Tagging={"TagSet": eleven}) == ("BadRequest", 400)
    assert failure(s3.put_object_tagging, **put, Tagging={"TagSet": [{"Key": "aws:x", "Value": ""}]})[0] == "InvalidTag"
    assert failure(s3.put_object, **put, Tagging="a=1&a=2") == ("InvalidArgument", 400)
    s3.delete_object_tagging(**put)
    assert s3.get_object_tagging(**put)["TagSet"] == []
    assert failure(s3.get_object_tagging, Bucket=bucket, Key="no") == ("NoSuchKey", 404)


def test_a_bucket_before_the_endpoint(sandbox: Sandbox) -> None:
    """SDKs that are not told otherwise put the bucket before the endpoint they are given: files.localhost. That is no
    environment of that name, unless there is one."""
    import boto3
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config

    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="named-by-host")
    s3.put_object(Bucket="named-by-host", Key="a", Body=b"found")
    virtual = boto3.client(
        "s3",
        endpoint_url=sandbox.server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=sandbox.row["access_key_id"],
        aws_secret_access_key=sandbox.row["secret_access_key"],
        config=Config(s3={"addressing_style": "virtual"}),
    )

    def send_here(request: AWSRequest, **_: object) -> None:
        # The name need not resolve: the request goes to the server, with the host that was signed.
        assert request.url.startswith(f"http://named-by-host.localhost:{sandbox.server.port}/"), request.url
        request.headers["Host"] = f"named-by-host.localhost:{sandbox.server.port}"
        request.url = request.url.replace("named-by-host.localhost", "127.0.0.1")

    virtual.meta.events.register("before-send.s3", send_here)
    assert virtual.get_object(Bucket="named-by-host", Key="a")["Body"].read() == b"found"


def test_what_a_copy_in_place_changes(s3: Any, sandbox: Any, bucket: str) -> None:
    """Recorded from AWS: another key of encryption is a change, also the default after another one; what would be the
    default class is none."""
    place = {"Bucket": bucket, "Key": "k"}
    key = sandbox.client("kms").create_key()["KeyMetadata"]["KeyId"]
    s3.put_object(**place, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert s3.copy_object(**place, CopySource=place)["ServerSideEncryption"] == "AES256"
    s3.put_object(**place, Body=b"x", StorageClass="STANDARD_IA")
    assert failure(s3.copy_object, **place, CopySource=place) == ("InvalidRequest", 400)


def test_versions_that_copies_tell(s3: Any) -> None:
    """Recorded from AWS: a copy tells also that it is a null version, which a put does not."""
    bucket = new_bucket(s3)
    copy = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k", "MetadataDirective": "REPLACE"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert not {"VersionId", "CopySourceVersionId"} & set(s3.copy_object(**copy))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    done = s3.copy_object(**copy)
    assert (done["VersionId"], done["CopySourceVersionId"]) == ("null", "null")
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_spellings_that_clients_have(s3: Any, bucket: str) -> None:
    """A plus in a copy's source is a space, and the source may be a URL; ENABLED may be in small letters."""
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")

    for source in (f"{bucket}%2Fa+b", f"https://s3.amazonaws.com/{bucket}/a%20b"):

        def respell(request: Any, source: str = source, **_: Any) -> None:
            del request.headers["x-amz-copy-source"]
            request.headers["x-amz-copy-source"] = source

        s3.meta.events.register("before-sign.s3.CopyObject", respell)
        try:
            s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/a b")
        finally:
            s3.meta.events.unregister("before-sign.s3.CopyObject", respell)
    assert "ChecksumCRC32" in s3.get_object(Bucket=bucket, Key="c", ChecksumMode="enabled")


def test_system_tags_in_headers(s3: Any, bucket: str) -> None:
    """Tags that begin with aws: are AWS's own, in the header of a write as in a document."""
    s3.put_object(Bucket=bucket, Key="k")
    wrong = {"Bucket": bucket, "Key": "tagged", "Tagging": "aws:a=b"}
    copy = wrong | {"CopySource": f"{bucket}/k", "TaggingDirective": "REPLACE"}
    assert failure(s3.put_object, **wrong) == ("InvalidTag", 400)
    assert failure(s3.create_multipart_upload, **wrong) == ("InvalidTag", 400)
    assert failure(s3.copy_object, **copy) == ("InvalidTag", 400)


def test_attributes_have_to_be_asked_for(s3: Any, bucket: str) -> None:
    """Without the header it is still GetObjectAttributes, not the object."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    assert failure(s3.get_object_attributes, Bucket=bucket, Key="k", ObjectAttributes=[]) == ("InvalidRequest", 400)


def test_a_part_without_its_upload_is_no_object(s3: Any, bucket: str) -> None:
    """Else a client that lost the upload's id would overwrite the object with one of its parts."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"whole")
    s3.meta.events.register("before-call.s3.PutObject", _as_part)
    try:
        assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"part") == ("InvalidArgument", 400)
    finally:
        s3.meta.events.unregister("before-call.s3.PutObject", _as_part)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"whole"


def _as_part(params: dict[str, Any], **_: Any) -> None:
    params["url"] += "?partNumber=1"


def open_bucket(s3: Any, bucket: str) -> None:
    """To whoever asks."""
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:*"}
    statement = allowed | {"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_what_is_said_of_a_body(sandbox: Any, s3: Any, raw: Raw, bucket: str) -> None:
    """Hashes are compared with what was written, not with what nobody reads; the first that is wrong is told."""
    open_bucket(s3, bucket)
    host, sha = f"{sandbox.name}.localhost", hashlib.sha256(b"content").hexdigest()
    wrong = {"content-md5": base64.b64encode(hashlib.md5(b"").digest()).decode()}
    for headers, code, told in (
        (wrong, "BadDigest", "<ExpectedDigest>d41d8cd98f00b204e9800998ecf8427e<"),
        ({"content-md5": "x", "x-amz-content-sha256": "0" * 64}, "InvalidDigest", "<Content-MD5>x<"),
        (wrong | {"x-amz-content-sha256": "0" * 64}, "XAmzContentSHA256Mismatch", sha),
    ):
        status, _, body = raw("PUT", f"/{bucket}/k", b"content", headers, host)
        assert (status, code_of(body)) == (400, code) and told.encode() in body
    headers = {"x-amz-content-sha256": sha.upper(), "content-encoding": "aws-chunked"}
    assert raw("PUT", f"/{bucket}/k", b"content", headers, host)[0] == 200
    assert raw("HEAD", f"/{bucket}/k", b"", {}, host)[1]["content-encoding"] == "aws-chunked"
    assert raw("GET", f"/{bucket}", b"", wrong | {"x-amz-content-sha256": "0" * 64}, host)[0] == 200


@pytest.mark.parametrize(
    ("trailer", "sent", "code", "told"),
    [
        ("x-amz-checksum-crc32,,", "x-amz-checksum-crc32: AAAAAA==", "", ""),
        ("", "", "", ""),
        (", x-amz-checksum-crc32", "x-amz-checksum-crc32: AAAAAA==", "InvalidRequest", "x-amz-trailer header is not"),
        ("foo", "foo: bar", "InvalidRequest", "The value specified in the x-amz-trailer header is not supported"),
        ("x-amz-checksum-crc32", "x-amz-checksum-crc32: bad", "InvalidRequest", "x-amz-checksum-crc32 trailing header"),
        ("x-amz-checksum-crc32", "x-amz-checksum-crc32: AAAAAQ==", "BadDigest", "The CRC32 you specified did not"),
        ("x-amz-checksum-crc32", "", "MalformedTrailerError", "trailing data that was not well-formed"),
        ("x-amz-checksum-crc32, x-amz-checksum-sha1", "", "InvalidRequest", "Multiple checksum Types are not allowed."),
    ],
)
@pytest.mark.parametrize("size", [0, 40_000])
def test_checksums_after_a_body(
    sandbox: Any, s3: Any, raw: Raw, bucket: str, size: int, trailer: str, sent: str, code: str, told: str
) -> None:
    """Small bodies and those that are spooled have the same trailers."""
    open_bucket(s3, bucket)
    content = bytes(size)
    if size:
        checksum = s3.put_object(Bucket=bucket, Key="known", Body=content, ChecksumAlgorithm="CRC32")["ChecksumCRC32"]
        sent = sent.replace("AAAAAA==", checksum)
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(size),
        "content-encoding": "aws-chunked, gzip",
    }
    headers |= {"x-amz-trailer": trailer} if trailer else {}
    wire = (f"{size:x}\r\n".encode() + content + b"\r\n" if size else b"") + b"0\r\n"
    wire += f"{sent}\r\n".encode() if sent else b""
    status, _, body = raw("PUT", f"/{bucket}/k", wire, headers, f"{sandbox.name}.localhost")
    if code:
        assert (status, code_of(body)) == (400, code) and told.encode() in body
        return
    assert status == 200, body
    _, found, _ = raw("HEAD", f"/{bucket}/k", b"", {}, f"{sandbox.name}.localhost")
    assert (found["content-length"], found["content-encoding"]) == (str(size), "gzip")


def link(sandbox: Any, path: str, headers: dict[str, str]) -> str:
    """To PUT what bears these headers, which the link signs."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    row = sandbox.row
    request = AWSRequest("PUT", f"{sandbox.server.endpoint}{path}", headers)
    S3SigV4QueryAuth(Credentials(row["access_key_id"], row["secret_access_key"]), "s3", "us-east-1").add_auth(request)
    url: str = request.url
    return url


def test_links_know_no_chunks(sandbox: Any, raw: Raw, bucket: str) -> None:
    """What a link's client says of its body is taken by the letter."""
    for length, code in ((7, "XAmzContentSHA256Mismatch"), (5, "IncompleteBody")):
        kind = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        headers = {"x-amz-content-sha256": kind, "x-amz-decoded-content-length": str(length)}
        url = link(sandbox, f"/{bucket}/k", headers)
        path = url.split("/", 3)[3]
        status, _, body = raw("PUT", f"/{path}", b"content", headers)
        assert (status, code_of(body)) == (400, code)


def test_parts_of_attributes_are_never_refused(sandbox: Any, s3: Any, raw: Raw, bucket: str) -> None:
    """A number that is none counts for nothing."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"content", ACL="public-read")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    for value in ("abc", "", "-1"):
        headers = {"x-amz-object-attributes": "ObjectSize", "x-amz-max-parts": value}
        assert raw("GET", f"/{bucket}/k?attributes", b"", headers, f"{sandbox.name}.localhost")[0] == 200
