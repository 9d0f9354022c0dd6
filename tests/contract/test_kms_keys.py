"""Grants, rotation, multi-region keys and key agreement, as boto3 sees them; answers as recorded at AWS."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import error_of


@pytest.fixture
def kms(sandbox: Any) -> Any:
    return sandbox.client("kms")


@pytest.fixture
def user(sandbox: Any) -> str:
    return str(sandbox.client("sts").get_caller_identity()["Arn"])


def test_grants(kms: Any, user: str) -> None:
    """Created, listed and ended in each of the three ways. KMS-002: that is all that a grant does."""
    key = kms.create_key()["KeyMetadata"]
    ask = {"KeyId": key["KeyId"], "GranteePrincipal": user, "Operations": ["Decrypt", "Encrypt"]}
    first = kms.create_grant(Name="app", RetiringPrincipal=user, **ask)
    again = kms.create_grant(Name="app", RetiringPrincipal=user, **ask)
    assert first["GrantId"] == again["GrantId"], "the same request with the same name is the same grant"
    second, third = kms.create_grant(**ask), kms.create_grant(**ask)
    shown = {row["GrantId"]: row for row in kms.list_grants(KeyId=key["KeyId"])["Grants"]}
    assert shown.keys() == {first["GrantId"], second["GrantId"], third["GrantId"]}
    row = shown[first["GrantId"]]
    assert (row["KeyId"], row["Name"], row["Operations"]) == (key["Arn"], "app", ["Decrypt", "Encrypt"])
    assert row["IssuingAccount"].endswith(f"{key['AWSAccountId']}:root")
    retirable = kms.list_retirable_grants(RetiringPrincipal=user)["Grants"]
    assert [row["GrantId"] for row in retirable] == [first["GrantId"]]
    kms.retire_grant(GrantToken=first["GrantToken"])
    kms.retire_grant(KeyId=key["Arn"], GrantId=second["GrantId"])
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=third["GrantId"])
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []


def test_grants_are_listed_in_pages(kms: Any, user: str) -> None:
    """A page's marker goes on after it, and nothing is shown twice."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    made = {
        kms.create_grant(KeyId=key, GranteePrincipal=user, Operations=["Sign"], RetiringPrincipal=user)["GrantId"]
        for _ in range(3)
    }
    pages = [page["Grants"] for page in kms.get_paginator("list_grants").paginate(KeyId=key, Limit=2)]
    assert [len(page) for page in pages] == [2, 1]
    assert {row["GrantId"] for page in pages for row in page} == made


def test_refused_grants(kms: Any, user: str) -> None:
    """The key is looked for first, then principals, then what the grant is."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ask = {"GranteePrincipal": user, "Operations": ["Decrypt"]}
    assert error_of(kms.create_grant, KeyId="invalid", **ask)[0] == "NotFoundException"
    assert error_of(kms.list_grants, KeyId="invalid")[0] == "NotFoundException"
    assert error_of(kms.create_grant, KeyId=key, GranteePrincipal="me", Operations=["Decrypt"])[0] == (
        "InvalidArnException"
    )
    assert error_of(kms.list_retirable_grants, RetiringPrincipal="me")[0] == "InvalidArnException"
    assert error_of(kms.create_grant, KeyId=key, DryRun=True, **ask)[0] == "DryRunOperationException"
    assert error_of(kms.revoke_grant, KeyId=key, GrantId="x")[0] == "NotFoundException"
    assert error_of(kms.retire_grant, GrantToken="x")[0] == "InvalidGrantTokenException"
    assert error_of(kms.retire_grant, KeyId=key)[0] == "ValidationException"


def test_rotation_on_demand(kms: Any) -> None:
    """New material with each rotation, 25 at most; it answers with the key's ARN and leaves the schedule alone."""
    key = kms.create_key()["KeyMetadata"]
    kms.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=90)
    before = kms.get_key_rotation_status(KeyId=key["KeyId"])
    assert (before["KeyId"], before["RotationPeriodInDays"]) == (key["Arn"], 90)
    assert kms.rotate_key_on_demand(KeyId=key["KeyId"])["KeyId"] == key["Arn"]
    after = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert after["CurrentKeyMaterialId"] != key["CurrentKeyMaterialId"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["NextRotationDate"] == before["NextRotationDate"]
    rotations = kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"]
    assert [(row["RotationType"], row["KeyMaterialState"]) for row in rotations] == [("ON_DEMAND", "CURRENT")]
    every = kms.list_key_rotations(KeyId=key["KeyId"], IncludeKeyMaterial="ALL_KEY_MATERIAL", Limit=1)
    assert (every["Truncated"], every["Rotations"][0]["KeyMaterialId"]) == (True, key["CurrentKeyMaterialId"])
    for _ in range(24):
        kms.rotate_key_on_demand(KeyId=key["KeyId"])
    code, message, _ = error_of(kms.rotate_key_on_demand, KeyId=key["KeyId"])
    assert (code, message) == (
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be "
        f"performed for this key: {key['Arn']}",
    )


def test_automatic_rotation_comes_by_the_clock(fresh_sandbox: Any) -> None:
    """Each period makes new material, also when several passed at once; old ciphertexts stay readable."""
    kms = fresh_sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    fresh_sandbox.advance_clock(201 * 86_400)
    while len(rotations := kms.list_key_rotations(KeyId=key)["Rotations"]) < 2:
        pass
    assert [row["RotationType"] for row in rotations] == ["AUTOMATIC", "AUTOMATIC"]
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


def test_what_does_not_rotate(kms: Any) -> None:
    """A disabled key says so first; a key pair never rotates."""
    key = kms.create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="RSA_2048")["KeyMetadata"]
    assert error_of(kms.rotate_key_on_demand, KeyId=key["KeyId"])[:2] == ("UnsupportedOperationException", "")
    assert error_of(kms.list_key_rotations, KeyId=key["KeyId"])[0] == "UnsupportedOperationException"
    kms.disable_key(KeyId=key["KeyId"])
    assert error_of(kms.rotate_key_on_demand, KeyId=key["KeyId"])[:2] == (
        "DisabledException",
        f"{key['Arn']} is disabled.",
    )


def test_a_replica_is_the_same_key_elsewhere(sandbox: Any) -> None:
    """What one region encrypts the other decrypts; both know of each other, and only the primary replicates."""
    here, there = sandbox.client("kms", region="us-east-1"), sandbox.client("kms", region="eu-west-1")
    key = here.create_key(MultiRegion=True, Description="shared")["KeyMetadata"]
    assert key["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"
    assert error_of(there.describe_key, KeyId=key["KeyId"])[0] == "NotFoundException"
    answer = here.replicate_key(KeyId=key["KeyId"], ReplicaRegion="eu-west-1")
    made = answer["ReplicaKeyMetadata"]
    assert (made["KeyState"], made["Enabled"], made["Description"]) == ("Creating", False, "")
    assert "Enable IAM User Permissions" in answer["ReplicaPolicy"]
    replica = there.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (replica["KeyState"], replica["CurrentKeyMaterialId"]) == ("Enabled", key["CurrentKeyMaterialId"])
    assert replica["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "REPLICA",
        "PrimaryKey": {"Arn": key["Arn"], "Region": "us-east-1"},
        "ReplicaKeys": [{"Arn": replica["Arn"], "Region": "eu-west-1"}],
    }
    here.rotate_key_on_demand(KeyId=key["KeyId"])
    blob = here.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=blob)["KeyId"] == replica["Arn"]
    assert error_of(there.replicate_key, KeyId=key["KeyId"], ReplicaRegion="eu-west-1")[:2] == (
        "UnsupportedOperationException",
        f"{replica['Arn']} is not a multi-region primary key.",
    )
    assert error_of(here.replicate_key, KeyId=key["KeyId"], ReplicaRegion="eu-west-1")[0] == "AlreadyExistsException"


def test_primaries_change_and_wait_for_their_replicas(fresh_sandbox: Any) -> None:
    """A primary is deleted only when its last replica is gone."""
    here = fresh_sandbox.client("kms", region="us-east-1")
    there = fresh_sandbox.client("kms", region="eu-west-1")
    key = here.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    here.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    assert error_of(here.update_primary_region, KeyId=key, PrimaryRegion="eu-north-1")[0] == "NotFoundException"
    here.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")
    regions = there.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert (regions["MultiRegionKeyType"], regions["ReplicaKeys"][0]["Region"]) == ("PRIMARY", "us-east-1")
    assert there.schedule_key_deletion(KeyId=key)["KeyState"] == "PendingReplicaDeletion"
    here.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    fresh_sandbox.advance_clock(8 * 86_400)
    while there.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion":
        pass
    assert there.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]["ReplicaKeys"] == []


def test_shared_secrets(kms: Any) -> None:
    """Two keys agree on one secret; other keys and what is no public key are refused as recorded."""
    pair = [kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"] for _ in range(2)]
    public = [kms.get_public_key(KeyId=key["KeyId"])["PublicKey"] for key in pair]
    made = [
        kms.derive_shared_secret(KeyId=pair[at]["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=public[1 - at])
        for at in range(2)
    ]
    assert made[0]["SharedSecret"] == made[1]["SharedSecret"]
    assert (made[0]["KeyId"], made[0]["KeyOrigin"]) == (pair[0]["Arn"], "AWS_KMS")
    other = kms.create_key()["KeyMetadata"]
    ask = {"KeyAgreementAlgorithm": "ECDH", "PublicKey": public[0]}
    assert error_of(kms.derive_shared_secret, KeyId=other["KeyId"], **ask)[:2] == (
        "InvalidKeyUsageException",
        f"{other['Arn']} key usage is ENCRYPT_DECRYPT which is not valid for DeriveSharedSecret.",
    )
    ask["PublicKey"] = b"InvalidPublicKey"
    assert error_of(kms.derive_shared_secret, KeyId=pair[0]["KeyId"], **ask)[:2] == ("ValidationException", "")


def test_a_key_pair_makes_no_data_keys(kms: Any) -> None:
    """Data keys are sealed by symmetric keys only."""
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    code = error_of(kms.generate_data_key_pair, KeyId=key, KeyPairSpec="ECC_NIST_P256")[0]
    assert code == "InvalidKeyUsageException"
