"""What follows from changes of objects: notifications, lifecycle by the clock, replication, freed blobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_support import failure, keys, new_bucket
from tests.conftest import TAKES_DELIVERIES, until

DAY = 86_400


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


class Inbox:
    """A queue, and what has come into it."""

    def __init__(self, sandbox: Any, name: str) -> None:
        self._sqs = sandbox.client("sqs")
        self.url = self._sqs.create_queue(QueueName=name, Attributes={"Policy": TAKES_DELIVERIES})["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{sandbox.account}:{name}"

    def take(self, count: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < count:
            page = self._sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=5, MaxNumberOfMessages=10)
            assert page.get("Messages"), f"{len(found)} of {count} messages came: {found}"
            for message in page["Messages"]:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) == count
        return found

    def records(self, count: int) -> list[dict[str, Any]]:
        """Sorted by what they are about, since a standard queue keeps no order."""
        found = [record for body in self.take(count) for record in body["Records"]]
        return sorted(found, key=lambda record: record["s3"]["object"]["sequencer"])


# --- notifications ------------------------------------------------------------------------------------------------


def test_notifications(sandbox: Any, s3: Any, bucket: str) -> None:
    """The test event, then an event for each change of keys that pass the filter, as AWS writes them."""
    inbox = Inbox(sandbox, "created")
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": "mine",
                    "QueueArn": inbox.arn,
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".txt"}]}},
                }
            ]
        },
    )
    (test,) = inbox.take(1)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    s3.put_object(Bucket=bucket, Key="no.png", Body=b"x")
    s3.put_object(Bucket=bucket, Key="a b+ü.txt", Body=b"hello")
    s3.copy_object(Bucket=bucket, Key="copy.txt", CopySource=f"{bucket}/no.png")
    s3.delete_object(Bucket=bucket, Key="copy.txt")
    s3.delete_object(Bucket=bucket, Key="never-there.txt")
    records = inbox.records(3)
    assert [record["eventName"] for record in records] == [
        "ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete",
    ]  # fmt: skip
    first = records[0]
    assert first["s3"]["object"]["key"] == "a+b%2B%C3%BC.txt" and first["s3"]["object"]["size"] == 5
    assert first["s3"]["object"]["eTag"] == "5d41402abc4b2a76b9719d911017c592"
    assert first["s3"]["configurationId"] == "mine" and first["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert (first["eventSource"], first["eventVersion"], first["awsRegion"]) == ("aws:s3", "2.1", "us-east-1")
    assert "size" not in records[2]["s3"]["object"]


def test_a_restore_tells_of_its_two_ends(sandbox: Any, s3: Any, bucket: str) -> None:
    """Recorded: test_restore_object. Who asked for it comes from somewhere; its end comes from S3 itself."""
    inbox = Inbox(sandbox, "restored")
    wanted = {"QueueArn": inbox.arn, "Events": ["s3:ObjectRestore:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]})
    inbox.take(1)
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest={"Days": 1})
    begun, ended = inbox.records(2)
    assert (begun["eventName"], ended["eventName"]) == ("ObjectRestore:Post", "ObjectRestore:Completed")
    sources = [record["requestParameters"]["sourceIPAddress"] for record in (begun, ended)]
    assert sources == ["127.0.0.1", "s3.amazonaws.com"]


def test_events_of_versions(sandbox: Any, s3: Any, bucket: str) -> None:
    """Version ids, markers, tags and ACLs."""
    inbox = Inbox(sandbox, "versions")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    wanted = ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": inbox.arn, "Events": wanted}]}
    )
    inbox.take(1)
    made = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    records = inbox.records(2)
    assert [(record["eventName"], record["s3"]["object"]["versionId"]) for record in records] == [
        ("ObjectCreated:Put", made), ("ObjectRemoved:DeleteMarkerCreated", marker),
    ]  # fmt: skip


def test_what_is_told_and_what_is_not(sandbox: Any, s3: Any, bucket: str) -> None:
    """Recorded from AWS: deleting many tells of keys that were not there too; a list that stays as it is is no news."""
    inbox = Inbox(sandbox, "told")
    wanted = [{"QueueArn": inbox.arn, "Events": ["s3:ObjectRemoved:*", "s3:ObjectAcl:Put"]}]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": wanted})
    inbox.take(1)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for acl in ("private", "public-read", "public-read", "private"):
        s3.put_object_acl(Bucket=bucket, Key="k", ACL=acl)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "none"}], "Quiet": True})
    found = [
        (record["eventName"], record["s3"]["object"]["key"]) for body in inbox.take(4) for record in body["Records"]
    ]
    assert sorted(found) == [
        ("ObjectAcl:Put", "k"), ("ObjectAcl:Put", "k"), ("ObjectRemoved:Delete", "k"), ("ObjectRemoved:Delete", "none"),
    ]  # fmt: skip


def test_events_of_annotations(sandbox: Any, s3: Any, bucket: str) -> None:
    """They are no objects, and have events of their own."""
    inbox = Inbox(sandbox, "annotations")
    wanted = [{"QueueArn": inbox.arn, "Events": ["s3:ObjectAnnotation:*"]}]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": wanted})
    inbox.take(1)
    named = {"Bucket": bucket, "Key": "k", "AnnotationName": "n"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_annotation(**named, AnnotationPayload=b"x")
    s3.delete_object_annotation(**named)
    found = [record["eventName"] for body in inbox.take(2) for record in body["Records"]]
    assert sorted(found) == ["ObjectAnnotation:Delete", "ObjectAnnotation:Put"]


def test_destinations_have_to_let_s3_in(sandbox: Any, s3: Any, bucket: str) -> None:
    """A queue's or topic's own policy decides, when it is configured and at each event: AWS's users forget it first."""
    queue = sandbox.client("sqs").create_queue(QueueName="closed")["QueueUrl"]
    topic = sandbox.client("sns").create_topic(Name="closed")["TopicArn"]
    arn = f"arn:aws:sqs:us-east-1:{sandbox.account}:closed"
    to_queue = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    to_topic = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
    for configuration, noun in ((to_queue, "queue"), (to_topic, "topic")):
        with pytest.raises(ClientError) as caught:
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
        assert caught.value.response["Error"]["ArgumentValue"] == (
            f"Permissions on the destination {noun} do not allow S3 to publish notifications from this bucket"
        )
    of_this_bucket = json.loads(TAKES_DELIVERIES)
    of_this_bucket["Statement"][0]["Condition"] = {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
        "StringEquals": {"aws:SourceAccount": sandbox.account},
    }
    policy = json.dumps(of_this_bucket)
    sandbox.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sandbox.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy.replace("sqs:SendMessage", "sns:Publish")
    )
    for configuration in (to_topic, to_queue):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    found = sandbox.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)
    assert any('"eventName":"ObjectCreated:Put"' in message["Body"] for message in found["Messages"])


def test_eventbridge(sandbox: Any, s3: Any, bucket: str) -> None:
    """Everything goes to the default bus, where a rule may pick it."""
    inbox = Inbox(sandbox, "bridge")
    events = sandbox.client("events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name="s3", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="s3", Targets=[{"Id": "1", "Arn": inbox.arn}])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    (event,) = inbox.take(1)
    assert (event["detail-type"], event["source"], event["resources"]) == (
        "Object Created", "aws.s3", [f"arn:aws:s3:::{bucket}"],
    )  # fmt: skip
    assert event["detail"]["object"]["key"] == "a b" and event["detail"]["reason"] == "PutObject"


def test_configurations_that_are_refused(sandbox: Any, s3: Any, bucket: str) -> None:
    """Recorded from AWS: no ARN, no queue, no event; without validation the queue may come later."""
    put = s3.put_bucket_notification_configuration

    def one(arn: str, event: str = "s3:ObjectCreated:*") -> dict[str, Any]:
        return {"QueueConfigurations": [{"QueueArn": arn, "Events": [event]}]}

    missing = f"arn:aws:sqs:us-east-1:{sandbox.account}:no-such-queue"
    for configuration in (one("invalid"), one(missing), one(missing, "s3:Nonsense")):
        assert failure(put, Bucket=bucket, NotificationConfiguration=configuration) == ("InvalidArgument", 400)
    put(Bucket=bucket, NotificationConfiguration=one(missing), SkipDestinationValidation=True)
    put(Bucket=bucket, NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    lax = sandbox.client("s3", parameter_validation=False).put_bucket_notification_configuration
    for rule in ({}, {"Name": "prefix"}, {"Value": "x"}):
        wanted = one(missing)
        wanted["QueueConfigurations"][0]["Filter"] = {"Key": {"FilterRules": [rule]}}
        found = failure(lax, Bucket=bucket, NotificationConfiguration=wanted, SkipDestinationValidation=True)
        assert found == ("MalformedXML", 400)


# --- lifecycle ----------------------------------------------------------------------------------------------------


def test_expiry(fresh_sandbox: Any) -> None:
    """Days pass by the environment's clock; what is not due, or is another prefix's, stays."""
    s3 = fresh_sandbox.client("s3")
    name = new_bucket(s3)
    for key in ("tmp/1", "tmp/2", "keep/1"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    s3.create_multipart_upload(Bucket=name, Key="tmp/upload")
    rules = [
        {"ID": "1", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 3}},
        {"ID": "2", "Status": "Enabled", "Filter": {"Prefix": ""},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
        {"ID": "3", "Status": "Enabled", "Filter": {"Prefix": "keep/"},
         "Transitions": [{"Days": 3, "StorageClass": "GLACIER"}]},
    ]  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    fresh_sandbox.advance_clock(2 * DAY)
    assert len(keys(s3.list_objects_v2(Bucket=name))) == 3
    s3.put_object(Bucket=name, Key="tmp/new", Body=b"x")
    fresh_sandbox.advance_clock(2 * DAY)
    until(lambda: keys(s3.list_objects_v2(Bucket=name)) == ["keep/1", "tmp/new"])
    until(lambda: "Uploads" not in s3.list_multipart_uploads(Bucket=name))
    until(lambda: s3.head_object(Bucket=name, Key="keep/1").get("StorageClass") == "GLACIER")


def test_expiry_of_versions(fresh_sandbox: Any) -> None:
    """Old versions go, then the marker that hides nothing any more; the newest noncurrent ones may be kept."""
    s3 = fresh_sandbox.client("s3")
    name = new_bucket(s3)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key in ("gone", "kept"):
        for _ in range(3):
            s3.put_object(Bucket=name, Key=key, Body=b"x")
    s3.delete_object(Bucket=name, Key="gone")
    rules = [
        {"ID": "1", "Status": "Enabled", "Filter": {"Prefix": "gone"},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 1}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"ID": "2", "Status": "Enabled", "Filter": {"Prefix": "kept"},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}},
    ]  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    fresh_sandbox.advance_clock(3 * DAY)

    def left() -> list[str]:
        page = s3.list_object_versions(Bucket=name)
        return [row["Key"] for row in page.get("Versions", []) + page.get("DeleteMarkers", [])]

    until(lambda: left() == ["kept", "kept"])


# --- replication --------------------------------------------------------------------------------------------------


def test_replication(s3: Any) -> None:
    """What a rule names comes into the other bucket, with its metadata and tags (S3-006: under ids of its own)."""
    source, target = new_bucket(s3), new_bucket(s3)
    enabled = {"Status": "Enabled"}
    rule = {
        "ID": "1", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": "a/"},
        "DeleteMarkerReplication": {"Status": "Enabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }  # fmt: skip
    configuration = {"Role": "arn:aws:iam::000000000000:role/r", "Rules": [rule]}
    put = {"Bucket": source, "ReplicationConfiguration": configuration}
    assert failure(s3.put_bucket_replication, **put) == ("InvalidRequest", 400)
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration=enabled)
    assert failure(s3.put_bucket_replication, **put) == ("InvalidRequest", 400)
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration=enabled)
    s3.put_bucket_replication(**put)
    for size in (10, 3_000_000):
        s3.put_object(Bucket=source, Key=f"a/{size}", Body=b"x" * size, Metadata={"m": "1"}, Tagging="t=1")
    s3.put_object(Bucket=source, Key="b", Body=b"x")
    until(lambda: keys(s3.list_objects_v2(Bucket=target)) == ["a/10", "a/3000000"])
    got = s3.get_object(Bucket=target, Key="a/3000000")
    assert got["ContentLength"] == 3_000_000 and got["Metadata"] == {"m": "1"} and got["ReplicationStatus"] == "REPLICA"
    until(lambda: s3.head_object(Bucket=source, Key="a/10")["ReplicationStatus"] == "COMPLETED")
    s3.delete_object(Bucket=source, Key="a/10")
    until(lambda: keys(s3.list_objects_v2(Bucket=target)) == ["a/3000000"])


# --- blobs --------------------------------------------------------------------------------------------------------


def test_blobs_are_freed(fresh_sandbox: Any) -> None:
    """Overwriting, deleting, aborting and a refused upload leave no file behind, once the sweep's minute is over."""
    s3 = fresh_sandbox.client("s3")
    name = new_bucket(s3)

    def blobs() -> list[Path]:
        found = [folder for folder in fresh_sandbox.server.data.rglob("blobs") if fresh_sandbox.name in str(folder)]
        return [file for folder in found for file in folder.rglob("*") if file.is_file()]

    body = b"x" * 100_000
    for _ in range(3):
        s3.put_object(Bucket=name, Key="k", Body=body)
    s3.copy_object(Bucket=name, Key="copy", CopySource=f"{name}/k")
    upload = s3.create_multipart_upload(Bucket=name, Key="m")["UploadId"]
    s3.upload_part(Bucket=name, Key="m", UploadId=upload, PartNumber=1, Body=body)
    s3.abort_multipart_upload(Bucket=name, Key="m", UploadId=upload)
    assert failure(s3.put_object, Bucket=name, Key="k", Body=body, ChecksumCRC32="AAAAAA==")[0] == "BadDigest"
    s3.delete_object(Bucket=name, Key="copy")
    fresh_sandbox.advance_clock(2 * DAY)
    until(lambda: len(blobs()) == 1)
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == body
