"""What IAM's users and roles may do with S3: their own policies beside the bucket's."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.conftest import Sandbox
from tests.contract.s3_support import failure, new_bucket
from tests.contract.users import User, policy_of

DENIED = ("AccessDenied", 403)


@pytest.fixture(scope="module")
def s3(sandbox: Sandbox) -> Any:
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="home/a", Body=b"x", Tagging="kind=public")
    s3.put_object(Bucket=name, Key="other", Body=b"x")
    return name


class S3User(User):
    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.s3 = self.sandbox.client("s3")


@pytest.fixture
def user(sandbox: Sandbox) -> S3User:
    return S3User(sandbox)


def test_a_user_without_policies_may_nothing(user: S3User, bucket: str) -> None:
    """Not even in its own account: only root needs no policy."""
    assert failure(user.s3.get_object, Bucket=bucket, Key="home/a") == DENIED
    assert failure(user.s3.put_object, Bucket=bucket, Key="k") == DENIED
    assert failure(user.s3.list_objects_v2, Bucket=bucket) == DENIED
    assert failure(user.s3.list_buckets) == DENIED
    assert failure(user.s3.create_bucket, Bucket="never-made-by-a-user") == DENIED


def test_resources_and_conditions(user: S3User, bucket: str) -> None:
    """A user's policy names objects by their ARNs and asks about the request and the object as a bucket's does."""
    arn = f"arn:aws:s3:::{bucket}"
    user.may("s3:ListBucket", arn, {"StringLike": {"s3:prefix": ["home/*"]}})
    assert user.s3.list_objects_v2(Bucket=bucket, Prefix="home/")["KeyCount"] == 1
    assert failure(user.s3.list_objects_v2, Bucket=bucket) == DENIED
    user.may("s3:GetObject", f"{arn}/*", {"StringEquals": {"s3:ExistingObjectTag/kind": "public"}})
    user.s3.get_object(Bucket=bucket, Key="home/a")
    assert failure(user.s3.get_object, Bucket=bucket, Key="other") == DENIED
    user.may("s3:*", f"{arn}/home/*")
    user.s3.copy_object(Bucket=bucket, Key="home/b", CopySource=f"{bucket}/home/a")
    assert failure(user.s3.copy_object, Bucket=bucket, Key="home/c", CopySource=f"{bucket}/other") == DENIED
    answer = user.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "home/b"}, {"Key": "other"}]})
    assert [row["Key"] for row in answer["Deleted"]] == ["home/b"]
    assert [(row["Key"], row["Code"]) for row in answer["Errors"]] == [("other", "AccessDenied")]


def test_what_a_user_is_told_of_missing_keys(user: S3User, bucket: str) -> None:
    """Who may not list a bucket is not told that a key is not there."""
    user.may("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    assert failure(user.s3.get_object, Bucket=bucket, Key="none") == DENIED
    user.may(["s3:GetObject", "s3:ListBucket"], "*")
    assert failure(user.s3.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)


def test_either_side_may_allow_within_an_account(user: S3User, s3: Any, bucket: str) -> None:
    """The bucket's policy alone suffices for a user of its account, and its denial binds one who is allowed."""
    one = {"Bucket": bucket, "Key": "other"}
    statement = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "s3:GetObject"}
    here = {"Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(statement | here))
    user.s3.get_object(**one)
    assert failure(user.s3.put_object, **one) == DENIED
    user.may("s3:*", "*")
    user.s3.put_object(**one)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(statement | here | {"Effect": "Deny"}))
    assert failure(user.s3.get_object, **one) == DENIED


def test_both_sides_have_to_allow_across_accounts(sandbox: Sandbox, user: S3User, bucket: str) -> None:
    """Another account's bucket that is open to all is not open to a user whose own account gave it nothing."""
    row = sandbox.server.ask("POST", f"/_mrak/environments/{sandbox.name}/accounts")
    other = Sandbox(sandbox.server, row).client("s3")
    theirs = new_bucket(other)
    other.put_object(Bucket=theirs, Key="k", ACL="public-read")
    assert failure(user.s3.get_object, Bucket=theirs, Key="k") == DENIED
    user.may("s3:GetObject", f"arn:aws:s3:::{theirs}/*")
    user.s3.get_object(Bucket=theirs, Key="k")


@pytest.fixture
def role(sandbox: Sandbox) -> str:
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    name = f"role-{uuid.uuid4().hex[:8]}"
    sandbox.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy_of(trust))
    return name


def test_roles(user: S3User, role: str, bucket: str) -> None:
    """A session may what its role may. S3-021: a policy of AWS's that is not built in is not held against it."""
    session = user.in_role(role).client("s3")
    one = {"Bucket": bucket, "Key": "home/a"}
    assert failure(session.get_object, **one) == DENIED
    user.iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    session.get_object(**one)
    assert failure(session.put_object, **one) == DENIED
    user.iam.attach_role_policy(
        RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup"
    )
    session.put_object(**one)
