"""S3 Control: access points, tags by ARN, an account's block of public access."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from s3_support import failure, new_bucket


def client(sandbox: Any, service: str) -> Any:
    """SDKs put an account or an access point before the endpoint's host, and not every system can resolve that: such a
    request is signed for that host, and sent to this machine with its name."""
    made = sandbox.client(service)

    def send(request: Any, **_: Any) -> None:
        host = urlsplit(request.url).netloc
        request.headers["Host"] = host
        request.url = request.url.replace(host, f"127.0.0.1:{sandbox.server.port}", 1)

    made.meta.events.register("before-send", send)
    return made


@pytest.fixture
def s3(sandbox: Any) -> Any:
    return client(sandbox, "s3")


@pytest.fixture
def control(sandbox: Any) -> Any:
    return client(sandbox, "s3control")


def test_access_points(sandbox: Any, s3: Any, control: Any) -> None:
    bucket, account = new_bucket(s3), sandbox.account
    made = control.create_access_point(AccountId=account, Name="reports", Bucket=bucket)
    arn = f"arn:aws:s3:us-east-1:{account}:accesspoint/reports"
    assert made["AccessPointArn"] == arn
    assert made["Alias"].endswith("-s3alias")
    assert len(made["Alias"]) <= 63
    again = {"AccountId": account, "Name": "reports", "Bucket": bucket}
    assert failure(control.create_access_point, **again) == ("AccessPointAlreadyOwnedByYou", 409)
    assert failure(control.create_access_point, **again | {"Name": "new-one", "Bucket": "none-1"})[1] == 400
    shown = control.get_access_point(AccountId=account, Name="reports")
    assert (shown["Bucket"], shown["NetworkOrigin"], shown["Alias"]) == (bucket, "Internet", made["Alias"])
    assert all(shown["PublicAccessBlockConfiguration"].values())
    control.create_access_point(AccountId=account, Name="second", Bucket=bucket, VpcConfiguration={"VpcId": "vpc-1"})
    first = control.list_access_points(AccountId=account, Bucket=bucket, MaxResults=1)
    rest = control.list_access_points(AccountId=account, Bucket=bucket, NextToken=first["NextToken"])
    assert [each["Name"] for page in (first, rest) for each in page["AccessPointList"]] == ["reports", "second"]
    assert failure(s3.delete_bucket, Bucket=bucket) == ("BucketHasAccessPointsAttached", 400)
    for name in ("reports", "second"):
        control.delete_access_point(AccountId=account, Name=name)
    assert failure(control.get_access_point, AccountId=account, Name="reports") == ("NoSuchAccessPoint", 404)
    s3.delete_bucket(Bucket=bucket)


def test_reading_and_writing_through_an_access_point(sandbox: Any, s3: Any, control: Any) -> None:
    """By its alias, and by its ARN, which SDKs make a host of."""
    bucket = new_bucket(s3)
    made = control.create_access_point(AccountId=sandbox.account, Name="door", Bucket=bucket)
    s3.put_object(Bucket=made["Alias"], Key="a", Body=b"through the alias")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"through the alias"
    assert s3.list_objects_v2(Bucket=made["Alias"])["KeyCount"] == 1
    by_arn = {"Bucket": made["AccessPointArn"], "Key": "b"}
    s3.put_object(**by_arn, Body=b"through the ARN")
    assert s3.get_object(**by_arn)["Body"].read() == b"through the ARN"
    assert s3.get_object(Bucket=bucket, Key="b")["ContentLength"] == 15
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=by_arn)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"through the ARN"
    gone = made["AccessPointArn"].replace("door", "wall")
    assert failure(s3.get_object, Bucket=gone, Key="b") == ("NoSuchBucket", 404)
    assert failure(s3.list_objects_v2, Bucket="none-0000-s3alias") == ("NoSuchBucket", 404)


def test_policies_of_access_points(sandbox: Any, s3: Any, control: Any) -> None:
    """S3-007: a policy is kept and given back. That it is not evaluated is not tested here."""
    bucket, one = new_bucket(s3), {"AccountId": sandbox.account, "Name": "guarded"}
    arn = control.create_access_point(**one, Bucket=bucket)["AccessPointArn"]
    assert failure(control.get_access_point_policy, **one) == ("NoSuchAccessPointPolicy", 404)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/object/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    control.put_access_point_policy(**one, Policy=policy)
    assert control.get_access_point_policy(**one)["Policy"] == policy
    assert control.get_access_point_policy_status(**one)["PolicyStatus"]["IsPublic"] is True
    assert failure(control.put_access_point_policy, **one, Policy="{}") == ("MalformedPolicy", 400)
    control.delete_access_point_policy(**one)
    assert failure(control.get_access_point_policy, **one) == ("NoSuchAccessPointPolicy", 404)


def test_tags_by_arn(sandbox: Any, s3: Any, control: Any) -> None:
    """Terraform reads and writes a bucket's tags in this way."""
    bucket = new_bucket(s3)
    one = {"AccountId": sandbox.account, "ResourceArn": f"arn:aws:s3:::{bucket}"}
    assert control.list_tags_for_resource(**one)["Tags"] == []
    control.tag_resource(**one, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}])
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    control.untag_resource(**one, TagKeys=["a"])
    assert control.list_tags_for_resource(**one)["Tags"] == [{"Key": "b", "Value": "2"}]
    missing = one | {"ResourceArn": "arn:aws:s3:::none-such"}
    assert failure(control.list_tags_for_resource, **missing) == ("NoSuchBucket", 404)
    other = one | {"AccountId": "999999999999"}
    assert failure(control.list_tags_for_resource, **other) == ("AccessDenied", 403)


def test_the_accounts_block_of_public_access(sandbox: Any, control: Any) -> None:
    one = {"AccountId": sandbox.account}
    code = ("NoSuchPublicAccessBlockConfiguration", 404)
    assert failure(control.get_public_access_block, **one) == code
    blocks = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": False,
    }
    control.put_public_access_block(**one, PublicAccessBlockConfiguration=blocks)
    assert control.get_public_access_block(**one)["PublicAccessBlockConfiguration"] == blocks
    control.delete_public_access_block(**one)
    assert failure(control.get_public_access_block, **one) == code
