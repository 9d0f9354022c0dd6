"""S3's listings and versions over HTTP with boto3."""

from __future__ import annotations

import urllib.request
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from tests.contract.s3_support import failure, keys, message, new_bucket, prefixes


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


def _fill(s3: Any, bucket: str, *names: str) -> None:
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")


def test_order_is_binary(s3: Any, bucket: str) -> None:
    """Keys are ordered by their UTF-8 bytes, not by UTF-16 or by letters."""
    names = ["a", "B", "é", "z", "\U0001f600", "\uffee", "a/", "a!", "A"]
    _fill(s3, bucket, *names)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == sorted(names, key=str.encode)


def test_prefix_and_delimiter(s3: Any, bucket: str) -> None:
    """What shares a common prefix is folded into it; the delimiter may have several characters."""
    _fill(s3, bucket, "asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla", "boo--x", "boo--y")
    page = s3.list_objects(Bucket=bucket, Delimiter="/")
    assert keys(page) == ["asdf", "boo--x", "boo--y"] and prefixes(page) == ["boo/", "cquux/"]
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="boo/")
    assert keys(page) == ["boo/bar"] and prefixes(page) == ["boo/baz/"] and page["KeyCount"] == 2
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="--")
    assert prefixes(page) == ["boo--"]
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="nothing")) == []


@pytest.mark.parametrize("version", [1, 2])
def test_paging_through_prefixes(s3: Any, bucket: str, version: int) -> None:
    """Pages of one show everything once, keys and common prefixes in one order."""
    _fill(s3, bucket, "a", "b/1", "b/2", "c", "d/1", "e")
    seen: list[str] = []
    options: dict[str, Any] = {"Bucket": bucket, "Delimiter": "/", "MaxKeys": 1}
    while True:
        page = s3.list_objects(**options) if version == 1 else s3.list_objects_v2(**options)
        seen += keys(page) + prefixes(page)
        if not page["IsTruncated"]:
            break
        if version == 1:
            options["Marker"] = page["NextMarker"]
        else:
            options["ContinuationToken"] = page["NextContinuationToken"]
    assert seen == ["a", "b/", "c", "d/", "e"]


def test_start_after_and_marker(s3: Any, bucket: str) -> None:
    """They need not be there, and may lie inside a common prefix, which is then passed over."""
    _fill(s3, bucket, "a", "b/1", "b/2", "c")
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="b/1")) == ["b/2", "c"]
    assert keys(s3.list_objects(Bucket=bucket, Marker="aa")) == ["b/1", "b/2", "c"]
    assert keys(s3.list_objects(Bucket=bucket, Marker="zzz")) == []
    page = s3.list_objects_v2(Bucket=bucket, StartAfter="b/1", Delimiter="/")
    assert keys(page) == ["c"] and prefixes(page) == []


def test_tokens(s3: Any, bucket: str) -> None:
    """Recorded from AWS: a token makes StartAfter void, and an empty one is refused."""
    _fill(s3, bucket, "a", "b", "c")
    token = s3.list_objects_v2(Bucket=bucket, MaxKeys=1)["NextContinuationToken"]
    page = s3.list_objects_v2(Bucket=bucket, ContinuationToken=token, StartAfter="b")
    assert keys(page) == ["b", "c"] and page["ContinuationToken"] == token and "StartAfter" not in page
    assert failure(s3.list_objects_v2, Bucket=bucket, ContinuationToken="") == ("InvalidArgument", 400)


def test_times_are_whole_seconds(s3: Any, bucket: str) -> None:
    """AWS writes .000Z everywhere."""
    _fill(s3, bucket, "a")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    place = {"Bucket": bucket, "Key": "m"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="c")
    found = [
        s3.list_objects(Bucket=bucket)["Contents"][0]["LastModified"],
        s3.list_object_versions(Bucket=bucket)["Versions"][0]["LastModified"],
        s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiated"],
        s3.list_parts(**place, UploadId=upload)["Parts"][0]["LastModified"],
        s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/a")["CopyObjectResult"]["LastModified"],
    ]
    assert {moment.microsecond for moment in found} == {0}


def test_encoding(s3: Any, bucket: str) -> None:
    """With EncodingType=url names are percent-encoded, spaces too, slashes not."""
    _fill(s3, bucket, "foo+1/bar", "quux ab/thud", "asdf+b")
    page = s3.list_objects(Bucket=bucket, Delimiter="/", EncodingType="url")
    assert keys(page) == ["asdf%2Bb"] and prefixes(page) == ["foo%2B1/", "quux%20ab/"]
    assert failure(s3.list_objects_v2, Bucket=bucket, EncodingType="gzip") == ("InvalidArgument", 400)


def test_version_one_leaves_the_prefix_as_it_is(s3: Any, bucket: str) -> None:
    """botocore asks for encoded names and does not decode this one, so that its callers would see the encoding."""
    assert s3.list_objects(Bucket=bucket, Prefix="a b\n")["Prefix"] == "a b\n"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="a b\n")["Prefix"] == "a b\n"


def test_sizes_of_pages(s3: Any, bucket: str) -> None:
    """None, too many, and what is no number."""
    _fill(s3, bucket, "a", "b")
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert page["KeyCount"] == 0 and page["IsTruncated"] is False
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)["MaxKeys"] == 1000
    assert failure(s3.list_objects_v2, Bucket=bucket, MaxKeys=-1) == ("InvalidArgument", 400)
    assert failure(s3.list_objects_v2, Bucket=bucket, ContinuationToken="$$") == ("InvalidArgument", 400)


def test_more_than_a_page(s3: Any, bucket: str) -> None:
    """A thousand and one keys are two pages."""
    from concurrent.futures import ThreadPoolExecutor

    names = [f"{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: s3.put_object(Bucket=bucket, Key=name), names))
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
    assert [len(keys(page)) for page in pages] == [1000, 1]
    assert [key for page in pages for key in keys(page)] == names


def test_owner(s3: Any, bucket: str) -> None:
    """Version 2 tells owners when asked, by their ids alone: AWS has stopped to send names."""
    _fill(s3, bucket, "a")
    assert "Owner" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    owner = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"]
    assert owner == s3.list_buckets()["Owner"] and set(owner) == {"ID"}


# --- versions -----------------------------------------------------------------------------------------------------


def _versioned(s3: Any) -> str:
    name = new_bucket(s3)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def test_versions(s3: Any) -> None:
    """Each write adds one, a delete hides them, and each can be read and deleted by its id."""
    bucket = _versioned(s3)
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode())["VersionId"] for n in range(3)]
    assert len(set(ids)) == 3
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == ids[2]
    assert [s3.get_object(Bucket=bucket, Key="k", VersionId=each)["Body"].read() for each in ids] == [b"0", b"1", b"2"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    assert failure(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert caught.value.response["Error"]["Code"] == "MethodNotAllowed" and headers["allow"] == "DELETE"
    assert headers["x-amz-delete-marker"] == "true" and headers["last-modified"].endswith(" GMT")
    listed = s3.list_object_versions(Bucket=bucket)
    assert [row["VersionId"] for row in listed["Versions"]] == ids[::-1]
    assert [row["IsLatest"] for row in listed["DeleteMarkers"]] == [True]
    undone = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert undone["DeleteMarker"] is True and s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[2])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    assert failure(s3.get_object, Bucket=bucket, Key="k", VersionId=ids[2]) == ("NoSuchVersion", 404)
    assert failure(s3.get_object, Bucket=bucket, Key="k", VersionId="rubbish") == ("InvalidArgument", 400)


def test_versions_and_markers_stand_in_one_order(s3: Any) -> None:
    """AWS writes both as one list, key by key and newest first: clients that read the document in its order, as minio's
    do, tell by it which came after which."""
    bucket = _versioned(s3)
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        s3.delete_object(Bucket=bucket, Key=key)
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    link = s3.generate_presigned_url("list_object_versions", Params={"Bucket": bucket})
    with urllib.request.urlopen(link) as answer:
        document = ElementTree.fromstring(answer.read())
    kinds = [each.tag.rpartition("}")[2] for each in document]
    assert [kind for kind in kinds if kind in ("Version", "DeleteMarker")] == ["Version", "DeleteMarker", "Version"] * 2


def test_null_versions(s3: Any) -> None:
    """What was written before versioning, or while it is suspended, is the null version, of which there is one."""
    bucket = new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    new = s3.put_object(Bucket=bucket, Key="k", Body=b"new")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"old"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"null again")
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [row["VersionId"] for row in listed] == ["null", new]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"null again"
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert [row["VersionId"] for row in s3.list_object_versions(Bucket=bucket)["Versions"]] == [new]
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_listing_versions_by_page(s3: Any) -> None:
    """Key and version-id markers go on inside a key's versions."""
    bucket = _versioned(s3)
    for key in ("a", "b/1", "c"):
        for _ in range(2):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="c")
    whole = s3.list_object_versions(Bucket=bucket)
    expected = sorted(
        [(row["Key"], row["LastModified"], row["VersionId"]) for row in whole["Versions"] + whole["DeleteMarkers"]]
    )
    seen, markers = [], {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=1, **markers)
        seen += page.get("Versions", []) + page.get("DeleteMarkers", [])
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert sorted((row["Key"], row["LastModified"], row["VersionId"]) for row in seen) == expected
    assert len(seen) == 7
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert prefixes(page) == ["b/"] and {row["Key"] for row in page["Versions"]} == {"a", "c"}


def test_hidden_keys_are_not_listed(s3: Any) -> None:
    """Neither a deleted key nor a prefix under which everything is deleted."""
    bucket = _versioned(s3)
    _fill(s3, bucket, "a/1", "a/2", "b/1", "b/2")
    for key in ("a/1", "a/2", "b/1"):
        s3.delete_object(Bucket=bucket, Key=key)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["b/2"]
    assert prefixes(s3.list_objects_v2(Bucket=bucket, Delimiter="/")) == ["b/"]
    assert prefixes(s3.list_object_versions(Bucket=bucket, Delimiter="/")) == ["a/", "b/"]
    assert failure(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)


def test_deleting_many_versions(s3: Any) -> None:
    """Markers that are made and versions that are deleted are told apart."""
    bucket = _versioned(s3)
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    hidden = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})["Deleted"][0]
    assert hidden["DeleteMarker"] is True
    marker = hidden["DeleteMarkerVersionId"]
    gone = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": marker}, {"Key": "k", "VersionId": version}]}
    )["Deleted"]
    assert gone == [
        {"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker},
        {"Key": "k", "VersionId": version},
    ]
    s3.delete_bucket(Bucket=bucket)


def test_versioning_states(s3: Any, bucket: str) -> None:
    """It is off until it is set, and only two words are known."""
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    for wrong, code in (({"Status": "enabled"}, "MalformedXML"), ({}, "IllegalVersioningConfigurationException")):
        assert failure(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=wrong) == (code, 400)


def test_listings_tell_the_region(s3: Any, bucket: str) -> None:
    for listing in (s3.list_objects, s3.list_objects_v2):
        assert listing(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"


def test_order_of_documents(s3: Any, bucket: str) -> None:
    """Java's SDK counts on it: what rows belong to stands before them."""
    _fill(s3, bucket, "a")
    seen: list[list[str]] = []
    events = [
        f"before-parse.s3.{name}" for name in ("ListBuckets", "ListObjects", "ListObjectsV2", "ListObjectVersions")
    ]
    for event in events:
        s3.meta.events.register(event, lambda response_dict, **_: seen.append(_tags(response_dict["body"])), event)
    try:
        s3.list_buckets()
        for listing in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions):
            listing(Bucket=bucket)
    finally:
        for event in events:
            s3.meta.events.unregister(event, unique_id=event)
    assert seen[0][:2] == ["Owner", "Buckets"]
    assert [(tags[0], tags[-1]) for tags in seen[1:]] == [
        ("Name", "Contents"),
        ("Name", "Contents"),
        ("Name", "Version"),
    ]


def _tags(document: bytes) -> list[str]:
    return [each.tag.rpartition("}")[2] for each in ElementTree.fromstring(document)]


def test_markers_of_versions_that_are_none(s3: Any, bucket: str) -> None:
    """An id needs a key beside it, if only an empty one, and has to be an id."""
    listing = {"call": s3.list_object_versions, "Bucket": bucket}
    assert message(**listing, VersionIdMarker="x") == "A version-id marker cannot be specified without a key marker."
    assert message(**listing, VersionIdMarker="x", KeyMarker="") == "Invalid version id specified"
