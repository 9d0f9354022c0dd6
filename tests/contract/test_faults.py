"""Bad input, wrong credentials, unbuilt operations: each gets AWS's error, and nothing is changed."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.contract.wire import post, send, signed

JSON = {"content_type": "application/x-amz-json-1.0"}


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"QueueName": 1}', b"\xff", b'{"QueueName": "a"', b"[" * 100_000])
def test_malformed_json(sandbox: Any, body: bytes) -> None:
    """Never a 500, and no queue."""
    status, _, answer = post(sandbox, "sqs", body, x_amz_target="AmazonSQS.CreateQueue", **JSON)
    assert (status, "Exception" in json.loads(answer)["__type"]) == (400, True), answer
    assert "QueueUrls" not in sandbox.client("sqs").list_queues()


def test_a_body_over_the_limit(sandbox: Any) -> None:
    """DynamoDB takes 16 MiB."""
    body = b'{"TableName": "' + b"a" * (17 << 20) + b'"}'
    status, _, answer = post(sandbox, "dynamodb", body, x_amz_target="DynamoDB_20120810.GetItem", **JSON)
    assert status == 413, answer[:200]


@pytest.mark.parametrize("body", [b"<a", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a>" * 5000])
def test_malformed_xml(sandbox: Any, body: bytes) -> None:
    """Entities and deep nesting are refused before they cost anything."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="faults-xml")
    try:
        headers = signed(sandbox, "s3", body, {"x-amz-content-sha256": _sha256(body)}, "/faults-xml?delete")
        status, _, answer = send(f"{sandbox.server.endpoint}/faults-xml?delete", body, headers)
        assert (status, b"<Code>MalformedXML</Code>" in answer) == (400, True), answer
    finally:
        s3.delete_bucket(Bucket="faults-xml")


def _sha256(body: bytes) -> str:
    import hashlib

    return hashlib.sha256(body).hexdigest()


def test_an_unknown_operation(sandbox: Any) -> None:
    """One that AWS does not have either."""
    status, _, answer = post(sandbox, "dynamodb", b"{}", x_amz_target="DynamoDB_20120810.Nonsense", **JSON)
    assert (status, "UnknownOperationException" in answer.decode()) == (400, True)


def test_an_operation_that_is_not_built_says_its_name(sandbox: Any) -> None:
    """A made-up success would be worse than no answer."""
    with pytest.raises(ClientError) as caught:
        sandbox.client("budgets").describe_budgets(AccountId=sandbox.account)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "budgets:DescribeBudgets" in answer["Error"]["Message"]


def test_a_service_that_mrak_does_not_know(sandbox: Any) -> None:
    with pytest.raises(ClientError) as caught:
        sandbox.client("glacier").list_vaults(accountId="-")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


CREDENTIALS = [
    ("sqs", "list_queues", {}, "SignatureDoesNotMatch", 403),
    ("dynamodb", "list_tables", {}, "InvalidSignatureException", 400),
    ("lambda", "list_functions", {}, "InvalidSignatureException", 403),
    ("s3", "list_buckets", {}, "SignatureDoesNotMatch", 403),
    ("iam", "list_users", {}, "SignatureDoesNotMatch", 403),
]


def client(endpoint: str, service: str, key: str, secret: str, token: str | None = None) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"max_attempts": 0}),
    )


@pytest.mark.parametrize(("service", "operation", "params", "code", "status"), CREDENTIALS)
def test_a_wrong_signature(
    sandbox: Any, service: str, operation: str, params: dict[str, Any], code: str, status: int
) -> None:
    """Each service words it in its own way."""
    wrong = client(sandbox.server.endpoint, service, sandbox.row["access_key_id"], "wrong" * 8)
    with pytest.raises(ClientError) as caught:
        getattr(wrong, operation)(**params)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


UNSIGNED_CALLS = [
    ("sqs", "list_queues", {}, "MissingAuthenticationToken", 403),
    ("dynamodb", "list_tables", {}, "MissingAuthenticationTokenException", 400),
    ("lambda", "list_functions", {}, "MissingAuthenticationTokenException", 403),
    ("iam", "list_users", {}, "MissingAuthenticationToken", 403),
    ("sts", "get_caller_identity", {}, "MissingAuthenticationToken", 403),
    ("sns", "list_topics", {}, "MissingAuthenticationToken", 403),
    (
        "cognito-idp",
        "admin_delete_user",
        {"UserPoolId": "us-east-1_a", "Username": "a"},
        "MissingAuthenticationTokenException",
        400,
    ),
    ("s3", "list_buckets", {}, "AccessDenied", 403),
]


@pytest.mark.parametrize(("service", "operation", "params", "code", "status"), UNSIGNED_CALLS)
def test_a_request_without_a_signature(
    server: Any, service: str, operation: str, params: dict[str, Any], code: str, status: int
) -> None:
    """Whoever has no key gets nothing, in the open mode either, but what AWS's model opens to all (Cognito's sign-up,
    whose tests are in test_cognito_sign_in)."""
    unsigned = boto3.client(
        service, endpoint_url=server.endpoint, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    with pytest.raises(ClientError) as caught:
        getattr(unsigned, operation)(**params)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_key_of_another_sandbox(server: Any, sandbox: Any) -> None:
    """A sandbox's host with another's key is an unknown key there."""
    other = server.sandbox()
    target = {"x-amz-target": "AmazonSQS.ListQueues", "content-type": "application/x-amz-json-1.0"}
    headers = signed(sandbox, "sqs", b"{}", target, host=f"{other.name}.localhost")
    status, _, answer = send(server.endpoint, b"{}", headers)
    assert (status, "InvalidClientTokenId" in answer.decode()) == (403, True), answer
    headers = signed(other, "sqs", b"{}", target, host=f"{other.name}.localhost")
    assert send(server.endpoint, b"{}", headers)[0] == 200
    other.delete()


def test_an_expired_token(fresh_sandbox: Any) -> None:
    """Temporary keys end with their sandbox's time, not with the machine's."""
    sts = fresh_sandbox.client("sts")
    keys = sts.get_session_token(DurationSeconds=900)["Credentials"]
    session = client(
        fresh_sandbox.server.endpoint,
        "sqs",
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        keys["SessionToken"],
    )
    session.list_queues()
    fresh_sandbox.advance_clock(901)
    with pytest.raises(ClientError) as caught:
        session.list_queues()
    assert caught.value.response["Error"]["Code"] == "ExpiredToken"


def test_a_forged_token(sandbox: Any) -> None:
    keys = sandbox.client("sts").get_session_token()["Credentials"]
    forged = keys["SessionToken"][:-8] + "AAAAAAA="
    session = client(
        sandbox.server.endpoint,
        "sqs",
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        forged,
    )
    with pytest.raises(ClientError) as caught:
        session.list_queues()
    assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_unknown_keys_are_the_default_account_on_loopback_in_the_open_mode(server: Any) -> None:
    """LocalStack's users have `test`, or an account's twelve digits, as their key."""
    for key, account in (("test", "000000000000"), ("111122223333", "111122223333")):
        identity = client(server.endpoint, "sts", key, "test").get_caller_identity()
        assert identity["Account"] == account


def test_users_of_accounts_of_twelve_digits_are_themselves(server: Any) -> None:
    """A user's key is theirs, also where no sandbox has the account; one of AWS's is nobody's here."""
    iam = client(server.endpoint, "iam", "222233334444", "test")
    iam.create_user(UserName="kim")
    key = iam.create_access_key(UserName="kim")["AccessKey"]
    kim = client(server.endpoint, "sts", key["AccessKeyId"], key["SecretAccessKey"])
    assert kim.get_caller_identity()["Arn"] == "arn:aws:iam::222233334444:user/kim"
    wrong = client(server.endpoint, "sts", key["AccessKeyId"], "wrong")
    with pytest.raises(ClientError) as caught:
        wrong.get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    unknown = client(server.endpoint, "sts", "AKIAQYLPMN5HXXXXXXXX", "test").get_caller_identity()
    assert unknown["Account"] == "000000000000"


def test_presigned_links_end_in_the_open_mode_too(server: Any) -> None:
    for version in ("s3", "s3v4"):
        s3 = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(signature_version=version),
        )
        s3.create_bucket(Bucket="links")
        for seconds, status in ((60, 200), (0, 403)):
            url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": "links"}, ExpiresIn=seconds)
            assert send(url, b"", {}, "GET")[0] == status


def test_a_missing_table(sandbox: Any) -> None:
    with pytest.raises(ClientError) as caught:
        sandbox.client("dynamodb").get_item(TableName="missing", Key={"id": {"S": "1"}})
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ResourceNotFoundException"
    assert answer["Error"]["Message"] == "Requested resource not found"


def test_the_admin_pages_are_not_for_other_peoples_pages(server: Any) -> None:
    """A page that had its name resolve to this machine, or that posts here, gets no keys."""
    url = f"{server.endpoint}/_mrak/environments"
    assert send(url, b"", {"host": "evil.example:4566"}, "GET")[0] == 403
    assert send(url, b'{"name": "stolen"}', {"content-type": "text/plain"})[0] == 403
    assert "stolen" not in str(server.ask("GET", "/_mrak/environments"))


def test_localstacks_health_page(server: Any) -> None:
    """Tools that wait for LocalStack look here."""
    assert server.ask("GET", "/_localstack/health")["services"]["sqs"] == "available"
