"""Who may reach a bucket: ACLs, policies, public access, ownership, object lock. Two accounts and nobody."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from s3_support import failure, keys, message

from mrak.services.s3.names import canonical_id

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
DENIED = ("AccessDenied", 403)


def _client(server: Any, key: str | None, **settings: Any) -> Any:
    """A client of the default environment: an account by its number, or nobody."""
    options: dict[str, Any] = {"retries": {"max_attempts": 0}} | settings
    if key is None:
        options["signature_version"] = UNSIGNED
    return boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=key or "x",
        aws_secret_access_key="x", config=Config(**options),
    )  # fmt: skip


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return _client(server, "111111111111")


@pytest.fixture(scope="module")
def other(server: Any) -> Any:
    return _client(server, "222222222222")


@pytest.fixture(scope="module")
def nobody(server: Any) -> Any:
    return _client(server, None)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"access-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def _allow(
    bucket: str, action: str | list[str], resource: str = "", principal: Any = "*", **more: Any
) -> dict[str, Any]:
    resource = f"arn:aws:s3:::{bucket}{resource}"
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_private_by_default(s3: Any, other: Any, nobody: Any, bucket: str) -> None:
    """Only the owner's account reaches a new bucket; others do not even learn which keys there are."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for client in (other, nobody):
        assert failure(client.get_object, Bucket=bucket, Key="k") == DENIED
        assert failure(client.get_object, Bucket=bucket, Key="no") == DENIED
        assert failure(client.list_objects_v2, Bucket=bucket) == DENIED
        assert failure(client.put_object, Bucket=bucket, Key="n", Body=b"x") == DENIED
        assert failure(client.delete_object, Bucket=bucket, Key="k") == DENIED
        assert failure(client.get_bucket_acl, Bucket=bucket) == DENIED
        assert failure(client.head_bucket, Bucket=bucket) == ("403", 403)
        assert failure(client.delete_bucket, Bucket=bucket) == DENIED
    assert failure(nobody.list_buckets) == DENIED
    assert failure(other.create_bucket, Bucket=bucket) == ("BucketAlreadyExists", 409)


def test_a_refusal_tells_the_region(s3: Any, nobody: Any) -> None:
    """SDKs find a bucket's region by asking as nobody and reading the header of the refusal (GetBucketRegion of Go's
    transfer manager); writes tell nothing."""
    name = f"access-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for call in (nobody.head_bucket, nobody.list_objects, nobody.list_objects_v2):
        assert _headers_of_refusal(call, Bucket=name)["x-amz-bucket-region"] == "eu-west-1"
    assert "x-amz-bucket-region" not in _headers_of_refusal(nobody.put_object, Bucket=name, Key="k", Body=b"x")


def _headers_of_refusal(call: Any, **params: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 403
    return answer["HTTPHeaders"]


def test_new_regions_do_not_know_signature_version_2(sandbox: Any) -> None:
    """Only regions that were opened before 2014 take it, in headers and in links."""
    v4 = sandbox.client("s3")
    names = {region: f"v2-{region}-{uuid.uuid4().hex[:8]}" for region in ("us-west-2", "eu-central-1")}
    for region, name in names.items():
        v4.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    v2 = sandbox.client("s3", signature_version="s3")
    assert v2.list_objects_v2(Bucket=names["us-west-2"])["KeyCount"] == 0
    with pytest.raises(ClientError, match=r"not supported\. Please use AWS4") as caught:
        v2.list_objects_v2(Bucket=names["eu-central-1"])
    assert caught.value.response["Error"]["Code"] == "InvalidRequest"
    link = v2.generate_presigned_url("list_objects_v2", Params={"Bucket": names["eu-central-1"]})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link)
    assert refused.value.code == 400


def test_lasting_keys_have_no_session_token(sandbox: Any) -> None:
    """A token beside a root's or a user's own key is none of its session: S3 and the other services say so, as AWS."""
    user = f"u{uuid.uuid4().hex[:8]}"
    iam = sandbox.client("iam")
    iam.create_user(UserName=user)
    made = iam.create_access_key(UserName=user)["AccessKey"]
    row = sandbox.row
    pairs = [(row["access_key_id"], row["secret_access_key"]), (made["AccessKeyId"], made["SecretAccessKey"])]
    for key, secret in pairs:
        session = boto3.Session(key, secret, "leftover", "us-east-1")
        options = {"endpoint_url": sandbox.server.endpoint}
        assert failure(session.client("s3", **options).list_buckets) == ("InvalidToken", 400)
        found = failure(session.client("sts", **options).get_caller_identity)
        assert found == ("InvalidClientTokenId", 403)


def test_canned_acls_of_objects(s3: Any, other: Any, nobody: Any, bucket: str) -> None:
    """S3-001: a new bucket takes ACLs, as AWS's buckets do once their ownership controls are changed."""
    s3.put_object(Bucket=bucket, Key="public", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="known", Body=b"x", ACL="authenticated-read")
    assert nobody.get_object(Bucket=bucket, Key="public")["Body"].read() == b"x"
    assert failure(nobody.get_object, Bucket=bucket, Key="known") == DENIED
    assert other.get_object(Bucket=bucket, Key="known")["Body"].read() == b"x"
    grants = s3.get_object_acl(Bucket=bucket, Key="public")["Grants"]
    assert [(grant["Grantee"].get("URI"), grant["Permission"]) for grant in grants] == [
        (None, "FULL_CONTROL"), (EVERYBODY, "READ"),
    ]  # fmt: skip
    s3.put_object_acl(Bucket=bucket, Key="public", ACL="private")
    assert failure(nobody.get_object, Bucket=bucket, Key="public") == DENIED
    assert failure(s3.put_object_acl, Bucket=bucket, Key="public", ACL="nonsense")[1] == 400


def test_grants(s3: Any, other: Any, bucket: str) -> None:
    """Permissions to an account, in headers and in a document; an id that is none is refused."""
    alt = canonical_id("222222222222")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", GrantRead=f"id={alt}")
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert failure(other.get_object_acl, Bucket=bucket, Key="k") == DENIED
    owner = s3.list_buckets()["Owner"]
    policy = {
        "Owner": owner,
        "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": alt}, "Permission": "FULL_CONTROL"}],
    }
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=policy)
    assert other.get_object_acl(Bucket=bucket, Key="k")["Grants"][0]["Grantee"]["ID"] == alt
    policy["Grants"][0]["Grantee"]["ID"] = "_foo"
    assert failure(s3.put_object_acl, Bucket=bucket, Key="k", AccessControlPolicy=policy) == ("InvalidArgument", 400)
    mail = {"Type": "AmazonCustomerByEmail", "EmailAddress": "a@example.com"}
    policy["Grants"][0]["Grantee"] = mail
    assert failure(s3.put_object_acl, Bucket=bucket, Key="k", AccessControlPolicy=policy) == (
        "UnresolvableGrantByEmailAddress", 400,
    )  # fmt: skip


def test_bucket_acls(s3: Any, other: Any, nobody: Any, bucket: str) -> None:
    """READ lists, to nobody without owners; WRITE writes; what others write is theirs, and not for others to delete."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert keys(nobody.list_objects_v2(Bucket=bucket)) == ["k"]
    owners = ["Owner" in client.list_objects(Bucket=bucket)["Contents"][0] for client in (s3, nobody)]
    assert owners == [True, False]
    assert failure(nobody.get_object, Bucket=bucket, Key="no") == ("NoSuchKey", 404)
    assert failure(nobody.get_object, Bucket=bucket, Key="k") == DENIED
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y")
    assert failure(s3.get_object, Bucket=bucket, Key="theirs") == DENIED
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y", ACL="bucket-owner-full-control")
    assert s3.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"y"
    nobody.put_object(Bucket=bucket, Key="anonymous", Body=b"z")
    assert failure(nobody.delete_object, Bucket=bucket, Key="k") == DENIED
    nobody.delete_object(Bucket=bucket, Key="anonymous")
    s3.delete_object(Bucket=bucket, Key="theirs")


def test_an_owner_who_revokes_its_own_grants(s3: Any, bucket: str) -> None:
    """An empty list binds the owner's root as well: it can still read objects, and the list itself, and change it."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": owner, "Grants": []})
    assert failure(s3.put_object, Bucket=bucket, Key="n", Body=b"x") == DENIED
    assert failure(s3.list_objects_v2, Bucket=bucket) == DENIED
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == []
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_object(Bucket=bucket, Key="n", Body=b"x")


def test_whoever_may_not_write_is_not_asked_for_a_body(server: Any, s3: Any, bucket: str) -> None:
    """Expect: 100-continue is there so that a refused body is never sent."""
    head = (
        f"PUT /{bucket}/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
        "Connection: close\r\n\r\n"
    )

    def first_line() -> bytes:
        with socket.create_connection(("localhost", server.port), timeout=20) as connection:
            connection.sendall(head.encode())
            line = connection.makefile("rb").readline()
            connection.sendall(b"abc")
            return line

    assert first_line().split()[1] == b"403"
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert first_line().split()[1] == b"100"


def test_absence_is_told_to_who_may_list_it(s3: Any, other: Any, bucket: str) -> None:
    """A key that is not there counts as the prefix under which it would have to be listed."""
    listing = _allow(bucket, "s3:ListBucket") | {"Condition": {"StringLike": {"s3:prefix": "public/*"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(listing))
    assert failure(other.get_object, Bucket=bucket, Key="public/k") == ("NoSuchKey", 404)
    assert failure(other.get_object, Bucket=bucket, Key="private/k") == DENIED


def test_ownership(s3: Any, other: Any, bucket: str) -> None:
    """With BucketOwnerEnforced there are no ACLs; with BucketOwnerPreferred what is handed over is the bucket's."""
    put = s3.put_bucket_ownership_controls
    put(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    other.put_object(Bucket=bucket, Key="k", Body=b"y", ACL="bucket-owner-full-control")
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"] == canonical_id("111111111111")
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert failure(put, Bucket=bucket, OwnershipControls=enforced) == ("InvalidBucketAclWithObjectOwnership", 400)
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    put(Bucket=bucket, OwnershipControls=enforced)
    for call in (s3.put_bucket_acl, s3.put_object_acl, s3.put_object):
        for acl in ("public-read", "private"):
            params = {"Bucket": bucket, "ACL": acl} | ({} if call == s3.put_bucket_acl else {"Key": "k"})
            assert failure(call, **params) == ("AccessControlListNotSupported", 400)
    granted = {"ObjectOwnership": "BucketOwnerEnforced", "GrantRead": f"id={canonical_id('111111111111')}"}
    assert failure(s3.create_bucket, Bucket=f"{bucket}-x", **granted) == ("InvalidBucketAclWithObjectOwnership", 400)
    s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert failure(s3.get_bucket_ownership_controls, Bucket=bucket) == ("OwnershipControlsNotFoundError", 404)


def test_defaults_are_reported_as_aws(s3: Any, bucket: str) -> None:
    """S3-001: a new bucket says that it blocks public access and enforces ownership, as AWS's do."""
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_public_access_block(s3: Any, nobody: Any, bucket: str) -> None:
    """Each of the four switches, and none of them once the block is deleted."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(_allow(bucket, "s3:ListBucket")))
    block = {"Bucket": bucket}

    def switch(name: str) -> None:
        s3.put_public_access_block(**block, PublicAccessBlockConfiguration={name: True})

    switch("BlockPublicAcls")
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert failure(s3.put_object, Bucket=bucket, Key="n", ACL="public-read") == DENIED
    assert failure(s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read") == DENIED
    assert failure(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == DENIED
    switch("IgnorePublicAcls")
    assert failure(nobody.get_object, Bucket=bucket, Key="k") == DENIED
    switch("BlockPublicPolicy")
    assert failure(s3.put_bucket_policy, Bucket=bucket, Policy=_policy(_allow(bucket, "s3:GetObject", "/*"))) == DENIED
    assert keys(nobody.list_objects_v2(Bucket=bucket)) == ["k"]
    switch("RestrictPublicBuckets")
    assert failure(nobody.list_objects_v2, Bucket=bucket) == DENIED
    s3.delete_public_access_block(**block)
    assert failure(s3.get_public_access_block, **block) == ("NoSuchPublicAccessBlockConfiguration", 404)
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_policies_for_others(s3: Any, other: Any, nobody: Any, bucket: str) -> None:
    """Anonymous and cross-account access by policy, for just what it names."""
    s3.put_object(Bucket=bucket, Key="public/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    account = {"AWS": "arn:aws:iam::222222222222:root"}
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=_policy(
            _allow(bucket, "s3:GetObject", "/public/*"), _allow(bucket, "s3:PutObject", "/*", account),
        ),
    )  # fmt: skip
    assert nobody.get_object(Bucket=bucket, Key="public/k")["Body"].read() == b"x"
    assert failure(nobody.get_object, Bucket=bucket, Key="k") == DENIED
    other.put_object(Bucket=bucket, Key="n", Body=b"y")
    assert failure(nobody.put_object, Bucket=bucket, Key="n", Body=b"y") == DENIED
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    s3.delete_bucket_policy(Bucket=bucket)
    assert failure(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert failure(nobody.get_object, Bucket=bucket, Key="public/k") == DENIED


def test_a_policy_is_its_own_accounts_matter(s3: Any, other: Any, bucket: str) -> None:
    """Where a policy lets another account at itself, AWS answers 405 instead of 403."""
    allowed = _allow(bucket, "s3:*BucketPolicy")
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(allowed))
    assert failure(other.get_bucket_policy, Bucket=bucket) == ("MethodNotAllowed", 405)
    assert failure(other.delete_bucket_policy, Bucket=bucket) == ("MethodNotAllowed", 405)
    assert failure(other.put_bucket_policy, Bucket=bucket, Policy=_policy(allowed)) == ("MethodNotAllowed", 405)


def test_denials_and_conditions(s3: Any, nobody: Any, bucket: str) -> None:
    """A denial counts for the owner too; conditions see headers, tags and the listing's prefix."""
    unencrypted = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    deny = {**_allow(bucket, "s3:PutObject", "/*"), "Effect": "Deny", "Condition": unencrypted}
    tagged = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="security=public")
    s3.put_object(Bucket=bucket, Key="other", Body=b"x", Tagging="security=private")
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=_policy(
            deny,
            _allow(bucket, "s3:GetObject", "/*", Condition=tagged),
            _allow(bucket, "s3:ListBucket", Condition={"StringEquals": {"s3:prefix": "tag"}}),
        ),
    )
    assert failure(s3.put_object, Bucket=bucket, Key="n", Body=b"x") == DENIED
    s3.put_object(Bucket=bucket, Key="n", Body=b"x", ServerSideEncryption="aws:kms")
    assert nobody.get_object(Bucket=bucket, Key="tagged")["Body"].read() == b"x"
    assert failure(nobody.get_object, Bucket=bucket, Key="other") == DENIED
    assert keys(nobody.list_objects_v2(Bucket=bucket, Prefix="tag")) == ["tagged"]
    assert failure(nobody.list_objects_v2, Bucket=bucket) == DENIED


@pytest.mark.parametrize(
    ("condition", "action", "call", "more", "is_denied"),
    [
        ({"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, "PutObject", "put_object", {}, False),
        ({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, "PutObject", "put_object", {}, True),
        ({"StringEquals": {"s3:authType": "REST-HEADER"}}, "PutObject", "put_object", {}, True),
        ({"NumericGreaterThan": {"s3:signatureAge": "0"}}, "PutObject", "put_object", {}, False),
        ({"Null": {"s3:x-amz-content-sha256": "false"}}, "PutObject", "put_object", {}, True),
        ({"Bool": {"s3:ObjectCreationOperation": "true"}}, "PutObject", "put_object", {}, True),
        ({"Bool": {"s3:ObjectCreationOperation": "true"}}, "PutObject", "create_multipart_upload", {}, False),
        ({"StringNotEquals": {"s3:ResourceAccount": "000000000000"}}, "PutObject", "put_object", {}, True),
        (
            {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}},
            "PutObjectRetention",
            "put_object_retention",
            {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2200, 1, 1, tzinfo=UTC)}},
            True,
        ),
        (
            {"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}},
            "PutObjectRetention",
            "put_object_retention",
            {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2200, 1, 1, tzinfo=UTC)}},
            False,
        ),
        (
            {"StringEquals": {"s3:object-lock-legal-hold": "ON"}},
            "PutObjectLegalHold",
            "put_object_legal_hold",
            {"LegalHold": {"Status": "ON"}},
            True,
        ),
    ],
)
def test_condition_keys(
    s3: Any, locked: str, condition: dict[str, Any], action: str, call: str, more: dict[str, Any], is_denied: bool
) -> None:
    """S3's own keys are about the signature, the body's hash, what is made, and the lock that is asked for."""
    s3.put_object(Bucket=locked, Key="k")
    denial = _allow(locked, f"s3:{action}", "/*") | {"Effect": "Deny", "Condition": condition}
    s3.put_bucket_policy(Bucket=locked, Policy=_policy(denial))
    one = {"Bucket": locked, "Key": "k", **more}
    if is_denied:
        assert failure(getattr(s3, call), **one) == ("AccessDenied", 403)
    else:
        getattr(s3, call)(**one)


def test_an_owner_is_never_locked_out(s3: Any, bucket: str) -> None:
    """A policy that denies everything can still be taken away by the account that owns the bucket."""
    everything = {**_allow(bucket, "s3:*"), "Effect": "Deny"}
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(everything))
    assert failure(s3.list_objects_v2, Bucket=bucket) == DENIED
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_versions_of_policies(s3: Any, bucket: str) -> None:
    """Captured from AWS: there are two, and a policy without one is of the first."""
    statement = _allow(bucket, "s3:GetObject", "/*")
    for version in ("2008-10-17", "2012-10-17"):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": version, "Statement": [statement]}))
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [statement]}))
    kept = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert kept == {"Version": "2008-10-17", "Statement": [statement]}
    wrong = json.dumps({"Version": "2024-01-01", "Statement": [statement]})
    told = message(s3.put_bucket_policy, Bucket=bucket, Policy=wrong)
    assert told == "The policy must contain a valid version string"


@pytest.mark.parametrize("text", ["", "random", "{}", '{"Statement": 1}', _policy(_allow("another", "s3:*"))])
def test_malformed_policies(s3: Any, bucket: str, text: str) -> None:
    """No JSON, no statement, another bucket's resource."""
    assert failure(s3.put_bucket_policy, Bucket=bucket, Policy=text) == ("MalformedPolicy", 400)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Principal": {"AWS": []}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "nobody"}}, "Invalid principal in policy"),
        ({"Action": []}, "Policy has invalid action"),
        ({"Action": "s3:NoSuchThing"}, "Policy has invalid action"),
        ({"Action": "sqs:SendMessage"}, "Policy has invalid action"),
        ({"Action": "s3:????"}, "Policy has invalid action"),
        ({"Action": ["s3:GetObject", "s3:????"]}, "Policy has invalid action"),
        ({"Resource": []}, "Policy has invalid resource"),
        ({"Condition": {"StringEquals": {"s3:colour": "red"}}}, "Policy has an invalid condition key"),
        (
            {"Condition": {"StringEquals": {"s3:prefix": "a/"}}},
            "Conditions do not apply to combination of actions and resources in statement",
        ),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        ({"Action": ["s3:GetObject", "s3:GetBucket*"]}, "Action does not apply to any resource(s) in statement"),
        ({"Action": "s3:ListAllMyBuckets"}, "Action does not apply to any resource(s) in statement"),
        ({"Resource": "arn:aws:s3:::{}"}, "Action does not apply to any resource(s) in statement"),
    ],
)
def test_statements_that_say_nothing(s3: Any, bucket: str, change: dict[str, Any], said: str) -> None:
    """AWS refuses what no request could ever meet: actions that are none, and those of no resource beside them."""
    statement = _allow(bucket, "s3:GetObject", "/*") | change
    if isinstance(statement["Resource"], str):
        statement["Resource"] = statement["Resource"].replace("{}", bucket)
    policy = {"Bucket": bucket, "Policy": _policy(statement)}
    assert failure(s3.put_bucket_policy, **policy) == ("MalformedPolicy", 400)
    assert message(s3.put_bucket_policy, **policy) == said
    empty = {"Bucket": bucket, "Policy": _policy()}
    assert message(s3.put_bucket_policy, **empty) == "Could not parse the policy: Statement is empty!"


def test_patterns_of_actions_and_resources(s3: Any, bucket: str) -> None:
    """A pattern is good that names one action for one resource; a star behind the bucket's name covers its objects."""
    for action, resource in (("S3:get*", "/*"), ("s3:getobject", "*"), ("*", ""), ("s3:List*", "")):
        statement = _allow(bucket, action) | {"Resource": f"arn:aws:s3:::{bucket}{resource}"}
        s3.put_bucket_policy(Bucket=bucket, Policy=_policy(statement))
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(_allow(bucket, ["s3:ListBucket", "s3:GetObject"], "*")))
    everything = _allow(bucket, "s3:*") | {"Condition": {"StringLike": {"s3:prefix": "a/*", "s3:x-amz-acl": "*"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(everything))


def test_expected_owner(s3: Any, bucket: str) -> None:
    """A request may say whose bucket it expects."""
    s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="111111111111")
    assert failure(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="222222222222") == DENIED
    assert failure(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="abcd") == (
        "InvalidBucketOwnerAWSAccountID", 400,
    )  # fmt: skip


# --- object lock --------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(s3: Any) -> str:
    name = f"locked-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def _in(seconds: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


def test_retention(s3: Any, locked: str) -> None:
    """Governance may be bypassed by who may, compliance by nobody; both may be made longer."""
    put = {"Bucket": locked, "Key": "k"}
    governed = s3.put_object(**put, Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=_in(600))
    one = {**put, "VersionId": governed["VersionId"]}
    assert failure(s3.delete_object, **one) == DENIED
    longer, shorter = _in(700), _in(500)
    s3.put_object_retention(**one, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": longer})
    assert (
        failure(s3.put_object_retention, **one, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": shorter}) == DENIED
    )
    assert s3.get_object_retention(**one)["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": longer}
    s3.delete_object(**one, BypassGovernanceRetention=True)
    strict = s3.put_object(**put, Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=_in(600))
    assert failure(s3.delete_object, **put, VersionId=strict["VersionId"], BypassGovernanceRetention=True) == DENIED
    assert s3.delete_object(**put)["DeleteMarker"] is True


def test_legal_hold(s3: Any, locked: str) -> None:
    """A hold protects until it is taken off."""
    put = {"Bucket": locked, "Key": "k"}
    version = s3.put_object(**put, Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    assert failure(s3.delete_object, **put, VersionId=version) == DENIED
    errors = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": version}]})["Errors"]
    assert errors[0]["Code"] == "AccessDenied"
    assert s3.get_object_legal_hold(**put)["LegalHold"] == {"Status": "ON"}
    assert failure(s3.put_object_legal_hold, **put, LegalHold={"Status": "abc"}) == ("MalformedXML", 400)
    s3.put_object_legal_hold(**put, LegalHold={"Status": "OFF"})
    s3.delete_object(**put, VersionId=version)


def test_default_retention(s3: Any, locked: str, bucket: str) -> None:
    """A bucket's default locks each new version; what is no such rule is refused."""
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == configuration
    version = s3.put_object(Bucket=locked, Key="k", Body=b"x")["VersionId"]
    assert s3.head_object(Bucket=locked, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    assert failure(s3.delete_object, Bucket=locked, Key="k", VersionId=version) == DENIED
    for retention, code in (
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "abc", "Years": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Years": -1}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Years": 101}, "InvalidArgument"),
    ):
        wrong = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
        assert failure(s3.put_object_lock_configuration, Bucket=locked, ObjectLockConfiguration=wrong) == (code, 400)
    assert failure(s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=configuration) == (
        "InvalidBucketState", 409,
    )  # fmt: skip
    assert failure(s3.get_object_lock_configuration, Bucket=bucket) == ("ObjectLockConfigurationNotFoundError", 404)
    suspended = {"Status": "Suspended"}
    assert failure(s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration=suspended) == (
        "InvalidBucketState", 409,
    )  # fmt: skip


def test_what_is_locked_comes_with_a_hash(server: Any, s3: Any, locked: str, bucket: str) -> None:
    """Whether its headers or the bucket's default lock it; the headers are read before the bucket is looked at."""
    bare = _client(server, "111111111111", request_checksum_calculation="when_required")
    put = {"Bucket": locked, "Key": "k", "Body": b"x"}
    bare.put_object(**put)
    assert message(bare.put_object, **put, ObjectLockLegalHoldStatus="OFF").startswith("Content-MD5 OR x-amz-checksum-")
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=configuration)
    for body in (b"x", b"x" * 100_000):
        assert failure(bare.put_object, **put | {"Body": body}) == ("InvalidRequest", 400)
    bare.put_object(**put, ContentMD5="ndTkYSaMgDT1yFZOFVxnpg==")
    wrong = {"Bucket": bucket, "Key": "k", "ObjectLockLegalHoldStatus": "wrong"}
    assert message(s3.put_object, **wrong) == "Legal Hold must be either of 'ON' or 'OFF'"


def test_locks_need_a_bucket_that_has_them(s3: Any, bucket: str) -> None:
    """Recorded from AWS: in an ordinary bucket there is neither retention nor hold."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    put = {"Bucket": bucket, "Key": "k"}
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": _in(60)}
    assert failure(s3.put_object_retention, **put, Retention=retention) == ("InvalidRequest", 400)
    assert failure(s3.get_object_retention, **put) == ("InvalidRequest", 400)
    assert failure(s3.put_object_legal_hold, **put, LegalHold={"Status": "ON"}) == ("InvalidRequest", 400)
    assert failure(s3.put_object_legal_hold, **put, LegalHold={}) == ("MalformedXML", 400)
    assert failure(s3.put_object, **put, ObjectLockLegalHoldStatus="ON") == ("InvalidRequest", 400)


def test_lists_that_are_refused(s3: Any, bucket: str) -> None:
    """Recorded from AWS: what is wrong is named."""
    owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]
    group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}

    def refused(grantee: dict[str, str], permission: str = "READ", owner: Any = owner) -> tuple[str, str]:
        policy = {"Owner": owner, "Grants": [{"Grantee": grantee, "Permission": permission}]}
        with pytest.raises(ClientError) as caught:
            s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
        error = caught.value.response["Error"]
        return error["Code"], error.get("ArgumentName", "")

    assert refused(group, "ANY") == refused({"Type": "Odd", "ID": "x"}) == ("MalformedACLError", "")
    assert refused(group | {"URI": "http://nobody"}) == ("InvalidArgument", "Group/URI")
    assert refused({"Type": "CanonicalUser", "ID": "x"}) == ("InvalidArgument", "CanonicalUser/ID")
    assert refused(group, owner={"ID": "x"}) == ("InvalidArgument", "CanonicalUser/ID")
