"""Buckets and their settings over HTTP with boto3."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_support import Raw, code_of, failure, message, new_bucket


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "x" * 64,
        "Upper",
        "under_score",
        "-dash",
        "dash-",
        "a..b",
        "a.-b",
        "a-.b",
        "192.168.0.1",
        "xn--a",
        "x-s3alias",
    ],
)
def test_bucket_names(sandbox: Any, name: str) -> None:
    """What is no name of a bucket; asked without an SDK, which would refuse some of them itself."""
    client = sandbox.client("s3")
    client.meta.events.unregister("before-parameter-build.s3", None)
    from botocore.handlers import validate_bucket_name

    client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    assert failure(client.create_bucket, Bucket=name)[0] == "InvalidBucketName"


def test_directory_buckets_are_refused_by_name(sandbox: Any) -> None:
    """They are another service in all but name."""
    status, _, body = Raw(sandbox.server.endpoint)("GET", "/some--use1-az1--x-s3")
    assert (status, code_of(body)) == (501, "NotImplemented")


def test_regions(sandbox: Any) -> None:
    """us-east-1 makes buckets anywhere, other regions only at home."""
    east, west = sandbox.client("s3"), sandbox.client("s3", region="us-west-2")
    made = east.create_bucket(Bucket="in-east")
    assert made["Location"] == "/in-east" and made["BucketArn"] == "arn:aws:s3:::in-east"
    assert east.get_bucket_location(Bucket="in-east")["LocationConstraint"] is None
    east.create_bucket(Bucket="in-eu", CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert east.get_bucket_location(Bucket="in-eu")["LocationConstraint"] == "EU"
    west.create_bucket(Bucket="in-west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    assert west.head_bucket(Bucket="in-west")["BucketRegion"] == "us-west-2"
    assert message(west.create_bucket, Bucket="nope") == (
        "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to."
    )
    wrong = {"LocationConstraint": "us-east-1"}
    assert failure(west.create_bucket, Bucket="nope", CreateBucketConfiguration=wrong)[0] == (
        "IllegalLocationConstraintException"
    )
    assert failure(east.create_bucket, Bucket="nope", CreateBucketConfiguration=wrong)[0] == "InvalidLocationConstraint"
    nowhere = {"LocationConstraint": ""}
    assert failure(east.create_bucket, Bucket="nope", CreateBucketConfiguration=nowhere)[0] == (
        "InvalidLocationConstraint"
    )
    east.put_bucket_acl(Bucket="in-east", ACL="public-read")
    east.create_bucket(Bucket="in-east")
    assert len(east.get_bucket_acl(Bucket="in-east")["Grants"]) == 1
    tagged = {"Tags": [{"Key": "a", "Value": "1"}]}
    assert failure(east.create_bucket, Bucket="in-east", CreateBucketConfiguration=tagged) == (
        "BucketAlreadyOwnedByYou", 409,
    )  # fmt: skip
    again = {"LocationConstraint": "us-west-2"}
    assert failure(west.create_bucket, Bucket="in-west", CreateBucketConfiguration=again) == (
        "BucketAlreadyOwnedByYou", 409,
    )  # fmt: skip


def test_listing_buckets(fresh_sandbox: Any) -> None:
    """By prefix, by region, by page."""
    s3 = fresh_sandbox.client("s3")
    for name in ("aaa", "bbb-1", "bbb-2"):
        s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket="ccc", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def names(**options: Any) -> list[str]:
        return [row["Name"] for row in s3.list_buckets(**options)["Buckets"]]

    assert names() == ["aaa", "bbb-1", "bbb-2", "ccc"]
    assert names(Prefix="bbb") == ["bbb-1", "bbb-2"]
    assert names(BucketRegion="eu-west-1") == ["ccc"]
    assert message(s3.list_buckets, BucketRegion="abc") == "Argument value abc is not a valid AWS Region"
    page = s3.list_buckets(MaxBuckets=2)
    assert names(ContinuationToken=page["ContinuationToken"]) == ["bbb-2", "ccc"]
    s3.delete_bucket(Bucket="aaa")
    assert failure(s3.head_bucket, Bucket="aaa") == ("404", 404)
    assert failure(s3.delete_bucket, Bucket="aaa") == ("NoSuchBucket", 404)


def test_deleting_a_bucket(s3: Any, bucket: str) -> None:
    """Only an empty one; its settings go with it."""
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert failure(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert failure(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("get_bucket_policy", "NoSuchBucketPolicy", 404),
        ("get_bucket_cors", "NoSuchCORSConfiguration", 404),
        ("get_bucket_tagging", "NoSuchTagSet", 404),
        ("get_bucket_website", "NoSuchWebsiteConfiguration", 404),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration", 404),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError", 404),
    ],
)
def test_settings_that_are_not_there(s3: Any, bucket: str, operation: str, code: str, status: int) -> None:
    """Each setting has an error of its own for not being there; deleting it is no error."""
    assert failure(getattr(s3, operation), Bucket=bucket) == (code, status)
    deleter = operation.replace("get_", "delete_").replace("_configuration", "")
    getattr(s3, deleter)(Bucket=bucket)


def test_bucket_tags(s3: Any, bucket: str) -> None:
    """Recorded from AWS: 204, and the checks of tags."""
    put = {"Bucket": bucket}
    answer = s3.put_bucket_tagging(**put, Tagging={"TagSet": [{"Key": "Hello", "Value": "World"}]})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_tagging(**put)["TagSet"] == [{"Key": "Hello", "Value": "World"}]
    for tags in ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], [{"Key": "aws:a", "Value": ""}],
                 [{"Key": "a,b", "Value": ""}]):  # fmt: skip
        assert failure(s3.put_bucket_tagging, **put, Tagging={"TagSet": tags}) == ("InvalidTag", 400)
    several = [{"Key": key, "Value": "v"} for key in ("z-last", "a-first", "m-middle")]
    s3.put_bucket_tagging(**put, Tagging={"TagSet": several})
    order = [tag["Key"] for tag in s3.get_bucket_tagging(**put)["TagSet"]]
    assert order == ["a-first", "z-last", "m-middle"], "AWS shows them in the order of a hash map"
    s3.put_bucket_tagging(**put, Tagging={"TagSet": []})
    assert failure(s3.get_bucket_tagging, **put) == ("NoSuchTagSet", 404)


def test_documents_of_tags_without_a_set(sandbox: Any, bucket: str) -> None:
    """Recorded from AWS: the same as an empty set."""
    s3 = sandbox.client("s3", parameter_validation=False)
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": None})
    assert failure(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    s3.put_object(Bucket=bucket, Key="k", Tagging="a=1")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": None})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_encryption(s3: Any, bucket: str) -> None:
    """SSE-S3 unless another is set."""
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    chosen = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": chosen}]},
    )
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == chosen
    s3.delete_bucket_encryption(Bucket=bucket)
    wrong = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "DES"}}]}
    assert failure(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration=wrong) == (
        "MalformedXML", 400,
    )  # fmt: skip


def test_customers_keys_are_blocked(sandbox: Any, s3: Any, bucket: str) -> None:
    """Captured from AWS: who wrote what where is told; a rule that says nothing of it changes nothing of it. S3-022: a
    new bucket has no block."""
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    put = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**put, **key)
    upload = s3.create_multipart_upload(**put, **key)["UploadId"]
    part = put | key | {"UploadId": upload, "PartNumber": 1}
    s3.upload_part(**part)

    def configure(**rule: Any) -> dict[str, Any]:
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        shown: dict[str, Any] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        return shown

    blocked = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    assert configure(**blocked) == configure(BucketKeyEnabled=False) == default | blocked
    s3.delete_bucket_encryption(Bucket=bucket)
    assert message(s3.put_object, **put, **key) == (
        f"User: arn:aws:iam::{sandbox.account}:root is not authorized to perform: s3:PutObject on resource: "
        f'"arn:aws:s3:::{bucket}/k" because this bucket has blocked upload requests that specify Server Side '
        "Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type"
    )
    source = {f"CopySource{name}": value for name, value in key.items()} | {"CopySource": f"{bucket}/k"}
    del part["SSECustomerAlgorithm"], part["SSECustomerKey"]
    for write, request in (
        (s3.create_multipart_upload, put),
        (s3.upload_part, part),
        (s3.upload_part_copy, part | source),
        (s3.copy_object, put | source),
    ):
        assert failure(write, **request, **key) == ("AccessDenied", 403)
    s3.get_object(**put, **key)
    s3.copy_object(**put, **source, ServerSideEncryption="AES256")
    assert configure(**default, BlockedEncryptionTypes={"EncryptionType": ["NONE"]})["BlockedEncryptionTypes"] == {
        "EncryptionType": ["NONE"]
    }
    s3.put_object(**put, **key)
    wrong = {"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["SSE-S3"]}}]}
    assert failure(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration=wrong) == (
        "MalformedXML", 400,
    )  # fmt: skip


def test_logging(s3: Any, bucket: str) -> None:
    """The target has to be there; an empty status turns it off. Recorded: grants may read the list of grants."""
    target = new_bucket(s3)
    enabled = {"TargetBucket": target, "TargetPrefix": "log/"}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == enabled
    group = {"URI": "http://acs.amazonaws.com/groups/s3/LogDelivery", "Type": "Group"}
    granted = enabled | {"TargetGrants": [{"Grantee": group, "Permission": "READ_ACP"}]}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": granted})
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == granted
    granted["TargetGrants"][0]["Permission"] = "NONE"
    refused = {"LoggingEnabled": granted}
    assert failure(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=refused) == ("MalformedXML", 400)
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    missing = {"LoggingEnabled": {"TargetBucket": "no-such-bucket-x", "TargetPrefix": ""}}
    assert failure(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=missing) == (
        "InvalidTargetBucketForLogging", 400,
    )  # fmt: skip


def test_payment_and_acceleration(s3: Any, bucket: str) -> None:
    """Kept as they are set."""
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"
    dotted = "with.dots.in-it"
    s3.create_bucket(Bucket=dotted)
    put = s3.put_bucket_accelerate_configuration
    for status in ("Enabled", "on"):
        assert failure(put, Bucket=dotted, AccelerateConfiguration={"Status": status}) == ("InvalidRequest", 400)
    assert failure(put, Bucket=bucket, AccelerateConfiguration={"Status": "on"}) == ("MalformedXML", 400)


@pytest.mark.parametrize(
    ("name", "member", "configuration"),
    [
        ("analytics", "AnalyticsConfiguration", {"Id": "x", "StorageClassAnalysis": {}}),
        ("metrics", "MetricsConfiguration", {"Id": "x", "Filter": {"Prefix": "p"}}),
        ("intelligent_tiering", "IntelligentTieringConfiguration",
         {"Id": "x", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}),
        ("inventory", "InventoryConfiguration",
         {"Id": "x", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
          "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::b", "Format": "CSV"}}}),
    ],
)  # fmt: skip
def test_reports(s3: Any, bucket: str, name: str, member: str, configuration: dict[str, Any]) -> None:
    """S3-005: kept, listed by id, deleted; nothing is reported by them."""
    put, get = getattr(s3, f"put_bucket_{name}_configuration"), getattr(s3, f"get_bucket_{name}_configuration")
    delete, listed = (
        getattr(s3, f"delete_bucket_{name}_configuration"),
        getattr(s3, f"list_bucket_{name}_configurations"),
    )
    for each in ("x", "a"):
        put(Bucket=bucket, Id=each, **{member: {**configuration, "Id": each}})
    assert get(Bucket=bucket, Id="x")[member] == configuration
    assert [row["Id"] for row in listed(Bucket=bucket)[f"{member}List"]] == ["a", "x"]
    delete(Bucket=bucket, Id="x")
    assert failure(delete, Bucket=bucket, Id="x") == ("NoSuchConfiguration", 404)
    assert failure(get, Bucket=bucket, Id="x") == ("NoSuchConfiguration", 404)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"Status": "enabled", "Prefix": "", "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Status": "Enabled", "Prefix": "", "Expiration": {"Date": datetime(2030, 1, 1, 5, tzinfo=UTC)}},
         "InvalidArgument"),
        ({"Status": "Enabled", "Prefix": "", "Filter": {}, "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Status": "Enabled", "Prefix": ""}, "InvalidRequest"),
        ({"Status": "Enabled", "Prefix": "", "ID": "x" * 256, "Expiration": {"Days": 1}}, "InvalidArgument"),
    ],
)  # fmt: skip
def test_lifecycle_rules_that_are_refused(s3: Any, bucket: str, rule: dict[str, Any], code: str) -> None:
    """One mistake each."""
    put = s3.put_bucket_lifecycle_configuration
    assert failure(put, Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}) == (code, 400)


def test_lifecycle_rules(s3: Any, bucket: str) -> None:
    """Kept as they came, with ids; the first that will expire an object shows in its headers."""
    rules = [
        {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}},
        {"ID": "tagged", "Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "1"}}, "Expiration": {"Days": 2}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["Rules"] == rules and got["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    assert 'rule-id="all"' in s3.put_object(Bucket=bucket, Key="k", Body=b"x")["Expiration"]
    assert 'rule-id="tagged"' in s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")["Expiration"]
    assert 'rule-id="tagged"' in s3.head_object(Bucket=bucket, Key="k")["Expiration"]
    twice = [rules[0], rules[0]]
    assert failure(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": twice}) == (
        "InvalidArgument", 400,
    )  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        b"not xml",
        b"<Tagging><TagSet>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Tagging><TagSet><Tag><Key>&a;</Key><Value/></Tag></TagSet></Tagging>',
        b"<Tagging>" * 5000,
    ],
)
def test_documents_that_are_refused(sandbox: Any, bucket: str, document: bytes) -> None:
    """Neither entities nor depth get anywhere."""
    signer = sandbox.client("s3", signature_version="s3v4")
    url = signer.generate_presigned_url("get_bucket_tagging", Params={"Bucket": bucket}, HttpMethod="PUT")
    path = url.partition("localhost")[2].partition("/")[2]
    status, _, body = Raw(sandbox.server.endpoint)("PUT", f"/{path}", document)
    assert (status, code_of(body)) == (400, "MalformedXML")


def test_a_document_that_is_not_what_its_md5_says(s3: Any, bucket: str) -> None:
    """Nothing of it is done."""
    wrong = base64.b64encode(md5(b"else").digest()).decode()
    versioning = {"Status": "Enabled"}
    for claimed, code in ((wrong, "BadDigest"), ("short", "InvalidDigest")):
        params = {"Bucket": bucket, "ContentMD5": claimed, "VersioningConfiguration": versioning}
        assert failure(s3.put_bucket_versioning, **params) == (code, 400)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


def test_lifecycles_that_are_refused(s3: Any, bucket: str) -> None:
    """Recorded from AWS."""
    whole = {"ID": "r", "Status": "Enabled", "Filter": {}}
    tags = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    for rule, code in (
        (whole | {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {}}, "MalformedXML"),
        (whole | {"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML"),
        (whole | {"Expiration": {"Days": 1}, "Filter": {"And": {"Tags": tags}}}, "InvalidRequest"),
        (whole | {"Expiration": {"Date": datetime(2023, 1, 1, 2, tzinfo=UTC)}}, "InvalidArgument"),
    ):
        wanted = {"Rules": [rule]}
        assert failure(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=wanted) == (
            code, 400,
        )  # fmt: skip


def test_versions_that_are_named_tell_no_expiration(s3: Any) -> None:
    bucket = new_bucket(s3)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    assert "Expiration" in s3.head_object(Bucket=bucket, Key="k")
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="k", VersionId=version)


def test_configurations_with_another_id(s3: Any, bucket: str) -> None:
    """Recorded from AWS, which answers by kind."""
    tiering = {"Id": "a", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
    put = s3.put_bucket_intelligent_tiering_configuration
    assert failure(put, Bucket=bucket, Id="b", IntelligentTieringConfiguration=tiering) == ("MalformedXML", 400)
    analytics = {"Id": "a", "StorageClassAnalysis": {}}
    put = s3.put_bucket_analytics_configuration
    assert failure(put, Bucket=bucket, Id="b", AnalyticsConfiguration=analytics) == ("MalformedXML", 400)
    done = put(Bucket=bucket, Id="a", AnalyticsConfiguration=analytics)["ResponseMetadata"]
    assert (done["HTTPStatusCode"], done["HTTPHeaders"]["server"]) == (204, "AmazonS3")


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("put_bucket_cors", {}),
        ("put_bucket_encryption", {}),
        ("put_bucket_lifecycle_configuration", {}),
        ("put_bucket_logging", {}),
        ("put_bucket_notification_configuration", {}),
        ("put_bucket_ownership_controls", {}),
        ("put_bucket_replication", {}),
        ("put_bucket_request_payment", {}),
        ("put_bucket_tagging", {}),
        ("put_bucket_versioning", {}),
        ("put_bucket_website", {}),
        ("put_object_lock_configuration", {}),
        ("put_object_tagging", {"Key": "k"}),
        ("put_public_access_block", {}),
        ("restore_object", {"Key": "k"}),
    ],
)
def test_empty_bodies(sandbox: Any, operation: str, more: dict[str, str]) -> None:
    """AWS tells a missing document from one that does not fit the schema."""
    s3 = sandbox.client("s3", parameter_validation=False)
    bucket = new_bucket(s3, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k")
    assert failure(getattr(s3, operation), Bucket=bucket, **more) == ("MissingRequestBodyError", 400)


@pytest.mark.parametrize("subresource", ["analytics", "inventory", "metrics", "intelligent-tiering"])
def test_a_subresource_without_its_id_is_not_the_bucket(sandbox: Any, s3: Any, bucket: str, subresource: str) -> None:
    """`DELETE /bucket?analytics` once went to DeleteBucket, since only that needs no id."""
    url = s3.generate_presigned_url("delete_bucket", Params={"Bucket": bucket})
    path = url.partition(str(sandbox.server.port))[2].partition("?")[0]
    import botocore.auth
    import botocore.awsrequest
    from botocore.credentials import Credentials

    request = botocore.awsrequest.AWSRequest("DELETE", f"{sandbox.server.endpoint}{path}?{subresource}")
    keys = Credentials(sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    botocore.auth.S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
    status, _, body = Raw(sandbox.server.endpoint)("DELETE", f"{path}?{subresource}", headers=dict(request.headers))
    assert (status, code_of(body)) == (400, "InvalidArgument")
    s3.head_bucket(Bucket=bucket)


def test_heads_have_the_type_of_what_they_have_no_body_of(s3: Any, bucket: str) -> None:
    """AWS's HeadBucket says application/xml, and so does every HEAD that fails."""
    found = s3.head_bucket(Bucket=bucket)
    assert found["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/xml"
    for call, params in ((s3.head_bucket, {"Bucket": "not-there"}), (s3.head_object, {"Bucket": bucket, "Key": "no"})):
        with pytest.raises(ClientError) as caught:
            call(**params)
        answer = caught.value.response["ResponseMetadata"]
        assert (answer["HTTPStatusCode"], answer["HTTPHeaders"]["content-type"]) == (404, "application/xml")


def test_account_regional_names(sandbox: Any) -> None:
    """Who asks for a name of the account's own namespace has to take one of its form."""
    raw = sandbox.client("s3")
    raw.meta.events.register(
        "before-sign.s3.CreateBucket",
        lambda request, **_: request.headers.add_header("x-amz-bucket-namespace", "account-regional"),
    )
    assert failure(raw.create_bucket, Bucket="without-suffix") == ("InvalidNamespaceHeader", 400)
    raw.create_bucket(Bucket=f"mine-{sandbox.account}-us-east-1-an")


def test_a_noncurrent_transition_needs_its_class(s3: Any, bucket: str) -> None:
    """A transition to nowhere does not fit the schema."""
    rule = {"ID": "a", "Status": "Enabled", "Filter": {}, "NoncurrentVersionTransitions": [{"NoncurrentDays": 30}]}
    put = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": [rule]}}
    assert failure(s3.put_bucket_lifecycle_configuration, **put) == ("MalformedXML", 400)


def test_documents_come_with_a_hash(sandbox: Any, s3: Any, bucket: str) -> None:
    """Captured from AWS: some operations refuse a document without one; those on objects do not."""
    bare = sandbox.client("s3")
    bare.meta.events.register("before-sign.s3", _without_hash)
    lifecycle = {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]}
    for put, document in (
        (bare.put_bucket_tagging, {"Tagging": {"TagSet": []}}),
        (
            bare.put_bucket_cors,
            {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}},
        ),
        (bare.put_bucket_lifecycle_configuration, {"LifecycleConfiguration": lifecycle}),
        (bare.delete_objects, {"Delete": {"Objects": [{"Key": "k"}]}}),
    ):
        told = message(put, Bucket=bucket, **document)
        assert told == "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
    s3.put_object(Bucket=bucket, Key="k")
    bare.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []})


def _without_hash(request: Any, **_: Any) -> None:
    for name in [name for name in request.headers if name.lower().startswith(("content-md5", "x-amz-checksum-"))]:
        del request.headers[name]


def test_documents_about_locks(sandbox: Any, bucket: str) -> None:
    """Captured from AWS: an empty one is malformed, and that comes before there being no locks."""
    lenient = sandbox.client("s3", parameter_validation=False)
    lenient.put_object(Bucket=bucket, Key="k")
    for put in (lenient.put_object_retention, lenient.put_object_legal_hold):
        assert failure(put, Bucket=bucket, Key="k") == ("MalformedXML", 400)


def test_an_error_document_needs_a_name(sandbox: Any, bucket: str) -> None:
    """As an index document's suffix does."""
    wrong = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": ""}}
    put = {"Bucket": bucket, "WebsiteConfiguration": wrong}
    lenient = sandbox.client("s3", parameter_validation=False)
    assert failure(lenient.put_bucket_website, **put) == ("InvalidArgument", 400)


def test_counts_of_buckets(sandbox: Any) -> None:
    """From one to ten thousand."""
    s3 = sandbox.client("s3", parameter_validation=False)
    for count in (0, 10_001):
        assert message(s3.list_buckets, MaxBuckets=count) == (
            "Argument max-buckets must be an integer between 1 and 10000."
        )
