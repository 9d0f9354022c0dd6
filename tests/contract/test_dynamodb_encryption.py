"""The KMS keys of tables: which are refused, and that all members of a global table have one kind."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.dynamodb import INVALID, error_of, eventually, make_table

HERE, THERE = "us-east-1", "eu-west-1"


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb", retries={"max_attempts": 0})


@pytest.fixture(scope="module")
def kms(sandbox: Any) -> Any:
    return sandbox.client("kms")


def encrypted(key: str) -> dict[str, Any]:
    return {"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}}


def new_key(kms: Any, **more: Any) -> str:
    return str(kms.create_key(**more)["KeyMetadata"]["Arn"])


def test_keys_that_cannot_be_used(ddb: Any, kms: Any) -> None:
    """Refused at once, in KMS's words inside DynamoDB's, by new tables as by changed ones."""
    table = make_table(ddb)
    disabled, going = new_key(kms), new_key(kms)
    kms.disable_key(KeyId=disabled)
    kms.schedule_key_deletion(KeyId=going)
    account = going.split(":")[4]
    missing = f"arn:aws:kms:{HERE}:{account}:key/{uuid.uuid4()}"
    model = "com.amazonaws.services.kms.model."
    for key, told in (
        (disabled, f"KMS key disabled error: {model}DisabledException: {disabled} is disabled. (Service: AWSKMS; "),
        (going, f"KMS validation error: {model}KMSInvalidStateException: {going} is pending deletion. (Service: "),
        (missing, f"KMS validation error: {model}NotFoundException: Key '{missing}' does not exist (Service: AWSKMS; "),
        (missing.rpartition("/")[2], f"KMS validation error: {model}NotFoundException: Key '{missing}' does not exist"),
        (
            "alias/nobody",
            f"KMS validation error: {model}NotFoundException: Alias arn:aws:kms:{HERE}:{account}:alias/nobody is not "
            "found. (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; Request ID: ",
        ),
        (missing.replace(HERE, THERE), f"KMS validation error: {model}NotFoundException: Invalid arn {THERE} (Serv"),
    ):
        for call in (make_table, lambda ddb, **more: ddb.update_table(TableName=table, **more)):
            code, message = error_of(call, ddb=ddb, **encrypted(key))
            assert code == INVALID and message.startswith(told)
    assert "SSEDescription" not in ddb.describe_table(TableName=table)["Table"]


def test_keys_of_other_services(ddb: Any) -> None:
    """They let nobody else make grants."""
    code, message = error_of(make_table, ddb=ddb, **encrypted("alias/aws/s3"))
    assert code == "AccessDeniedException" and message.startswith("KMS key access denied error: ")
    assert "is not authorized to perform: kms:CreateGrant on resource: arn:aws:kms:" in message


def test_an_asymmetric_key_breaks(ddb: Any, kms: Any) -> None:
    """AWS takes this for its own fault."""
    for spec, usage in (("RSA_2048", "ENCRYPT_DECRYPT"), ("HMAC_256", "GENERATE_VERIFY_MAC")):
        with pytest.raises(ClientError) as caught:
            make_table(ddb, **encrypted(new_key(kms, KeySpec=spec, KeyUsage=usage)))
        answer = caught.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("InternalServerError", 500)
        assert "EncryptionContext is supported only when creating a grant for a symmetric" in answer["Error"]["Message"]


def test_a_key_is_shown_by_its_arn(ddb: Any, kms: Any) -> None:
    """However it was named."""
    key = new_key(kms)
    kms.create_alias(AliasName="alias/tables", TargetKeyId=key)
    for name in (key, key.rpartition("/")[2], "alias/tables"):
        shown = ddb.describe_table(TableName=make_table(ddb, **encrypted(name)))["Table"]["SSEDescription"]
        assert shown == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


def test_keys_of_replicas(sandbox: Any, ddb: Any, kms: Any) -> None:
    """Of their own regions, of the table's kind, and never changed by what changes replicas."""
    key, other = new_key(kms), new_key(sandbox.client("kms", region=THERE))
    table, plain = make_table(ddb, sort=None, **encrypted(key)), make_table(ddb, sort=None)
    wrong = "One or more parameter values were invalid: "
    each = f"{wrong}KMSMasterKeyId must be specified for each replica."

    def change(name: str, kind: str, **settings: str) -> Any:
        return ddb.update_table(TableName=name, ReplicaUpdates=[{kind: {"RegionName": THERE, **settings}}])

    assert error_of(change, name=table, kind="Create") == (INVALID, each)
    assert error_of(change, name=plain, kind="Create", KMSMasterKeyId=other) == (INVALID, each)
    assert error_of(change, name=table, kind="Create", KMSMasterKeyId="alias/aws/dynamodb") == (
        INVALID,
        f"{wrong}All replica keys must either be Customer Managed CMK or AWS Managed CMK.",
    )
    told = error_of(change, name=table, kind="Create", KMSMasterKeyId=key)[1]
    assert told.startswith(f"KMS validation error for region {THERE}: ") and f"Invalid arn {HERE} (Service: " in told
    change(table, "Create", KMSMasterKeyId=other.rpartition("/")[2])
    eventually(lambda: ddb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    there = sandbox.client("dynamodb", region=THERE)
    here, far = (it.describe_table(TableName=table)["Table"] for it in (ddb, there))
    assert here["Replicas"][0]["KMSMasterKeyId"] == far["SSEDescription"]["KMSMasterKeyArn"] == other
    assert far["Replicas"][0]["KMSMasterKeyId"] == here["SSEDescription"]["KMSMasterKeyArn"] == key
    assert error_of(change, name=table, kind="Update", KMSMasterKeyId=other) == (INVALID, each)
