"""S3's annotations over HTTP with boto3, and the settings around S3 Metadata, ABAC and a version's key."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.conftest import TAKES_DELIVERIES
from tests.contract.s3_support import failure, new_bucket


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


@pytest.fixture
def place(s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    return {"Bucket": bucket, "Key": "k"}


def _names(s3: Any, place: dict[str, str], **more: Any) -> list[str]:
    return [row["AnnotationName"] for row in s3.list_object_annotations(**place, **more).get("Annotations", ())]


@pytest.mark.parametrize("size", [1, 2000, 17 * 1024, 1 << 20])
def test_annotations(s3: Any, place: dict[str, str], size: int) -> None:
    text = b"t" * size
    put = s3.put_object_annotation(**place, AnnotationName="a/b", AnnotationPayload=text)
    assert put["ETag"] == f'"{hashlib.md5(text).hexdigest()}"' and put["ServerSideEncryption"] == "AES256"
    got = s3.get_object_annotation(**place, AnnotationName="a/b", ChecksumMode="ENABLED")
    assert got["AnnotationPayload"].read() == text
    assert got["ContentLength"] == size and got["ETag"] == put["ETag"]
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    (row,) = s3.list_object_annotations(**place)["Annotations"]
    assert (row["AnnotationName"], row["Size"], row["ETag"]) == ("a/b", size, put["ETag"])
    s3.put_object_annotation(**place, AnnotationName="a/b", AnnotationPayload="ž".encode())
    assert s3.get_object_annotation(**place, AnnotationName="a/b")["AnnotationPayload"].read() == "ž".encode()
    assert s3.get_object(**place)["Body"].read() == b"x"
    s3.delete_object_annotation(**place, AnnotationName="a/b")
    s3.delete_object_annotation(**place, AnnotationName="a/b")
    assert _names(s3, place) == []
    assert failure(s3.get_object_annotation, **place, AnnotationName="a/b") == ("NoSuchAnnotation", 404)


def test_listing_pages(s3: Any, place: dict[str, str]) -> None:
    for name in ("b/1", "a", "b/2", "c"):
        s3.put_object_annotation(**place, AnnotationName=name, AnnotationPayload=b"x")
    assert _names(s3, place) == ["a", "b/1", "b/2", "c"]
    assert _names(s3, place, AnnotationPrefix="b/") == ["b/1", "b/2"]
    first = s3.list_object_annotations(**place, MaxAnnotationResults=3)
    assert first["AnnotationCount"] == 3
    assert _names(s3, place, ContinuationToken=first["NextContinuationToken"]) == ["c"]


def test_refusals(s3: Any, place: dict[str, str], bucket: str) -> None:
    put = s3.put_object_annotation
    named = place | {"AnnotationName": "n"}
    assert failure(put, **named, AnnotationPayload=b"\xff") == ("UnsupportedMediaType", 415)
    assert failure(put, **named, AnnotationPayload=b"") == ("InvalidRequest", 400)
    assert failure(put, **named, AnnotationPayload=b"x" * ((1 << 20) + 1)) == ("InvalidRequest", 400)
    assert failure(put, **place, AnnotationName="n" * 513, AnnotationPayload=b"x") == ("AnnotationNameTooLong", 400)
    assert failure(put, **named, AnnotationPayload=b"x", ObjectIfMatch='"0"') == ("PreconditionFailed", 412)
    absent = {"Bucket": bucket, "Key": "absent", "AnnotationName": "n"}
    assert failure(put, **absent, AnnotationPayload=b"x") == ("NoSuchKey", 404)
    assert _names(s3, place) == []


def test_annotations_go_with_their_version(s3: Any, bucket: str) -> None:
    """Each version has its own; a new one has none, a deleted one takes them along."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": bucket, "Key": "k"}
    first = s3.put_object(**place, Body=b"1")["VersionId"]
    put = s3.put_object_annotation(**place, AnnotationName="n", AnnotationPayload=b"x" * 20_000)
    assert put["ObjectVersionId"] == first
    s3.put_object(**place, Body=b"2")
    assert _names(s3, place) == [] and _names(s3, place, VersionId=first) == ["n"]
    s3.delete_object(**place)
    assert failure(s3.list_object_annotations, **place) == ("MethodNotAllowed", 405)
    s3.delete_object(**place, VersionId=first)
    assert failure(s3.list_object_annotations, **place, VersionId=first) == ("NoSuchVersion", 404)


def test_overwriting_removes_annotations(s3: Any, place: dict[str, str]) -> None:
    s3.put_object_annotation(**place, AnnotationName="n", AnnotationPayload=b"x")
    s3.put_object(**place, Body=b"2")
    assert _names(s3, place) == []


def test_copies_take_annotations_along(s3: Any, place: dict[str, str]) -> None:
    for size in (5, 30_000):
        s3.put_object_annotation(**place, AnnotationName=f"n{size}", AnnotationPayload=b"x" * size)
    copy = place | {"Key": "copy"}
    s3.copy_object(**copy, CopySource=place)
    assert _names(s3, copy) == ["n30000", "n5"]
    assert s3.get_object_annotation(**copy, AnnotationName="n30000")["AnnotationPayload"].read() == b"x" * 30_000
    s3.copy_object(**copy, CopySource=place, AnnotationDirective="EXCLUDE")
    assert _names(s3, copy) == []
    assert _names(s3, place) == ["n30000", "n5"]


def test_key_of_a_version_changes(s3: Any, sandbox: Any, place: dict[str, str]) -> None:
    key = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    before = s3.head_object(**place)
    s3.update_object_encryption(**place, ObjectEncryption={"SSEKMS": {"KMSKeyArn": key, "BucketKeyEnabled": True}})
    after = s3.head_object(**place)
    assert (after["ServerSideEncryption"], after["SSEKMSKeyId"], after["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    missing = key[:-1] + ("0" if key[-1] != "0" else "1")
    wanted = {"SSEKMS": {"KMSKeyArn": missing}}
    assert failure(s3.update_object_encryption, **place, ObjectEncryption=wanted) == ("KMS.NotFoundException", 400)


def test_metadata_configuration(s3: Any, bucket: str) -> None:
    """Deviation S3-009."""
    get, missing = s3.get_bucket_metadata_configuration, ("MetadataConfigurationNotFound", 404)
    assert failure(get, Bucket=bucket) == missing
    journal = {"RecordExpiration": {"Expiration": "ENABLED", "Days": 10}}
    inventory = {"ConfigurationState": "DISABLED"}
    wanted = {"JournalTableConfiguration": journal, "InventoryTableConfiguration": inventory}
    s3.create_bucket_metadata_configuration(Bucket=bucket, MetadataConfiguration=wanted)
    again = failure(s3.create_bucket_metadata_configuration, Bucket=bucket, MetadataConfiguration=wanted)
    assert again == ("InvalidBucketState", 409)

    def shown() -> Any:
        return get(Bucket=bucket)["GetBucketMetadataConfigurationResult"]["MetadataConfigurationResult"]

    assert shown()["DestinationResult"]["TableNamespace"] == f"b_{bucket}"
    assert shown()["JournalTableConfigurationResult"]["RecordExpiration"] == {"Expiration": "ENABLED", "Days": 10}
    assert shown()["InventoryTableConfigurationResult"] == {"ConfigurationState": "DISABLED"}
    s3.update_bucket_metadata_inventory_table_configuration(
        Bucket=bucket, InventoryTableConfiguration={"ConfigurationState": "ENABLED"}
    )
    s3.update_bucket_metadata_journal_table_configuration(
        Bucket=bucket, JournalTableConfiguration={"RecordExpiration": {"Expiration": "DISABLED"}}
    )
    assert shown()["InventoryTableConfigurationResult"]["TableStatus"] == "ACTIVE"
    assert shown()["JournalTableConfigurationResult"]["RecordExpiration"] == {"Expiration": "DISABLED"}
    assert failure(s3.get_bucket_metadata_table_configuration, Bucket=bucket) == ("MethodNotAllowed", 405)
    s3.delete_bucket_metadata_configuration(Bucket=bucket)
    assert failure(get, Bucket=bucket) == missing


def test_metadata_configuration_of_the_first_version(s3: Any, bucket: str) -> None:
    destination = {"TableBucketArn": "arn:aws:s3tables:us-east-1:000000000000:bucket/t", "TableName": "facts"}
    s3.create_bucket_metadata_table_configuration(
        Bucket=bucket, MetadataTableConfiguration={"S3TablesDestination": destination}
    )
    result = s3.get_bucket_metadata_table_configuration(Bucket=bucket)["GetBucketMetadataTableConfigurationResult"]
    shown = result["MetadataTableConfigurationResult"]["S3TablesDestinationResult"]
    assert destination.items() <= shown.items() and result["Status"] == "ACTIVE"
    both = s3.get_bucket_metadata_configuration(Bucket=bucket)["GetBucketMetadataConfigurationResult"]
    assert both["MetadataConfigurationResult"]["DestinationResult"]["TableBucketType"] == "customer"
    s3.delete_bucket_metadata_table_configuration(Bucket=bucket)
    missing = failure(s3.get_bucket_metadata_table_configuration, Bucket=bucket)
    assert missing == ("MetadataConfigurationNotFound", 404)


def test_abac(s3: Any, bucket: str) -> None:
    """Deviation S3-010."""
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": "Disabled"}
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": "Enabled"}


def test_old_forms(s3: Any, sandbox: Any, bucket: str) -> None:
    """GetBucketLifecycle and its like are the requests of their successors, in an older spelling."""
    rule = {"ID": "r", "Prefix": "a/", "Status": "Enabled", "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [rule]
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName="old-forms", Attributes={"Policy": TAKES_DELIVERIES})["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = {"QueueConfiguration": {"Queue": queue, "Event": "s3:ObjectCreated:*"}}
    s3.put_bucket_notification(Bucket=bucket, NotificationConfiguration=wanted)
    assert s3.get_bucket_notification(Bucket=bucket)["QueueConfiguration"]["Queue"] == queue


def test_what_is_not_built_says_so(s3: Any, bucket: str) -> None:
    assert failure(s3.rename_object, Bucket=bucket, Key="new", RenameSource="/b/old") == ("NotImplemented", 501)


def test_torrents_are_gone(s3: Any, bucket: str) -> None:
    """Amazon S3 stopped serving them in 2022, and answers so."""
    assert failure(s3.get_object_torrent, Bucket=bucket, Key="k") == ("MethodNotAllowed", 405)
