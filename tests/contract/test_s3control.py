"""S3 Control: access points, tags by ARN, an account's block of public access."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from s3_support import failure, new_bucket
from tests.conftest import Sandbox


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


@dataclass
class Friend:
    """Another account of the same cloud."""

    account: str
    s3: Any


@pytest.fixture
def friend(sandbox: Any) -> Friend:
    row = sandbox.server.ask("POST", f"/_mrak/environments/{sandbox.name}/accounts")
    return Friend(row["account"], client(Sandbox(sandbox.server, row), "s3"))


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
    """A policy is kept and given back; one that lets everybody in is refused while the point blocks such."""
    bucket, one = new_bucket(s3), {"AccountId": sandbox.account, "Name": "guarded"}
    arn = control.create_access_point(**one, Bucket=bucket)["AccessPointArn"]
    assert failure(control.get_access_point_policy, **one) == ("NoSuchAccessPointPolicy", 404)
    policy = _policy("Allow", "*", f"{arn}/object/*")
    assert failure(control.put_access_point_policy, **one, Policy=policy) == ("AccessDenied", 403)
    control.delete_access_point(**one)
    control.create_access_point(**one, Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    control.put_access_point_policy(**one, Policy=policy)
    assert control.get_access_point_policy(**one)["Policy"] == policy
    assert control.get_access_point_policy_status(**one)["PolicyStatus"]["IsPublic"] is True
    assert failure(control.put_access_point_policy, **one, Policy="{}") == ("MalformedPolicy", 400)
    control.delete_access_point_policy(**one)
    assert failure(control.get_access_point_policy, **one) == ("NoSuchAccessPointPolicy", 404)


def _policy(effect: str, principal: Any, resource: Any, **more: Any) -> str:
    statement = {"Effect": effect, "Principal": principal, "Action": "s3:GetObject", "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_policies_of_access_points_decide(sandbox: Any, s3: Any, control: Any, friend: Friend) -> None:
    """Another account needs the point's policy and the bucket's; a deny in the point's binds the owner as well.

    The bucket's policy is the one of AWS's documentation, which leaves everything to access points.
    """
    bucket, one = new_bucket(s3), {"AccountId": sandbox.account, "Name": "shared"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    point = control.create_access_point(**one, Bucket=bucket)
    alias, inside = point["Alias"], f"{point['AccessPointArn']}/object/*"
    denied = ("AccessDenied", 403)
    principal = {"AWS": f"arn:aws:iam::{friend.account}:root"}
    assert failure(friend.s3.get_object, Bucket=alias, Key="k") == denied
    control.put_access_point_policy(**one, Policy=_policy("Allow", principal, inside))
    assert failure(friend.s3.get_object, Bucket=alias, Key="k") == denied
    only_points = {"StringEquals": {"s3:DataAccessPointAccount": sandbox.account}}
    delegated = _policy("Allow", {"AWS": "*"}, f"arn:aws:s3:::{bucket}/*", Condition=only_points)
    s3.put_bucket_policy(Bucket=bucket, Policy=delegated)
    assert friend.s3.get_object(Bucket=alias, Key="k")["Body"].read() == b"x"
    assert failure(friend.s3.get_object, Bucket=bucket, Key="k") == denied
    assert failure(friend.s3.put_object, Bucket=alias, Key="k") == denied
    control.put_access_point_policy(**one, Policy=_policy("Deny", "*", inside))
    assert failure(s3.get_object, Bucket=alias, Key="k") == denied
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == 1
    assert s3.head_bucket(Bucket=alias)["AccessPointAlias"] is True


def test_points_for_a_vpc_are_open(sandbox: Any, s3: Any, control: Any) -> None:
    """S3-007: there are no VPCs that a request could come from, so that it counts as coming from the right one."""
    bucket, one = new_bucket(s3), {"AccountId": sandbox.account, "Name": "inner"}
    alias = control.create_access_point(**one, Bucket=bucket, VpcConfiguration={"VpcId": "vpc-1a2b3c4d"})["Alias"]
    assert control.get_access_point(**one)["NetworkOrigin"] == "VPC"
    s3.put_object(Bucket=alias, Key="k")


def test_the_accounts_block_of_public_access_decides(sandbox: Any, s3: Any, control: Any, friend: Friend) -> None:
    """Each of its four parts holds for all of the account's buckets, as if it were set on each of them."""

    def block(**wanted: bool) -> None:
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        control.put_public_access_block(
            AccountId=sandbox.account,
            PublicAccessBlockConfiguration={name: wanted.get(name, False) for name in names},
        )

    denied = ("AccessDenied", 403)
    bucket = new_bucket(s3)
    one = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**one, ACL="public-read")
    friend.s3.get_object(**one)
    try:
        block(IgnorePublicAcls=True)
        assert failure(friend.s3.get_object, **one) == denied
        block(BlockPublicAcls=True)
        assert failure(s3.put_object, **one, ACL="public-read") == denied
        assert failure(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == denied
        s3.put_object_acl(**one, ACL="private")
        public = {"Bucket": bucket, "Policy": _policy("Allow", "*", f"arn:aws:s3:::{bucket}/*")}
        block(BlockPublicPolicy=True)
        assert failure(s3.put_bucket_policy, **public) == denied
        block()
        s3.put_bucket_policy(**public)
        friend.s3.get_object(**one)
        block(RestrictPublicBuckets=True)
        assert failure(friend.s3.get_object, **one) == denied
        s3.get_object(**one)
    finally:
        control.delete_public_access_block(AccountId=sandbox.account)
    friend.s3.get_object(**one)


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
