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
        kms.create_grant(KeyId=key, GranteePrincipal=user, Operations=["Encrypt"], RetiringPrincipal=user)["GrantId"]
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


def test_schedules_are_kept(sandbox: Any) -> None:
    """By the same request, by one without a period, and through a wait for deletion, where they are not shown."""
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    def shown() -> dict[str, Any]:
        status = kms.get_key_rotation_status(KeyId=key)
        return {name: status.get(name) for name in ("RotationPeriodInDays", "NextRotationDate")}

    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    first = shown()
    sandbox.advance_clock(60)
    kms.enable_key_rotation(KeyId=key)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    assert shown() == first
    kms.schedule_key_deletion(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    assert shown() == {"RotationPeriodInDays": None, "NextRotationDate": None}
    kms.cancel_key_deletion(KeyId=key)
    assert shown() == first
    kms.enable_key(KeyId=key)
    kms.disable_key_rotation(KeyId=key)
    kms.enable_key_rotation(KeyId=key)
    assert shown()["RotationPeriodInDays"] == 365, "what was disabled is forgotten"


def test_a_disabled_key_catches_up(fresh_sandbox: Any) -> None:
    """It misses its rotations; enabled again it makes one, whatever it missed, and begins its period anew."""
    kms = fresh_sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=90)
    kms.disable_key(KeyId=key["KeyId"])
    fresh_sandbox.advance_clock(200 * 86_400)
    assert kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"] == []
    kms.enable_key(KeyId=key["KeyId"])
    rotations = kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"]
    assert [(row["KeyId"], row["RotationType"]) for row in rotations] == [(key["Arn"], "AUTOMATIC")]
    next_at = kms.get_key_rotation_status(KeyId=key["KeyId"])["NextRotationDate"]
    assert (next_at - rotations[0]["RotationDate"]).days == 90


def test_aliases_that_are_not_taken(sandbox: Any) -> None:
    """What changes a key takes its id or ARN; an alias refers to keys only."""
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/untaken", TargetKeyId=key)
    refusal = ("InvalidArnException", "Key Aliases are not supported for this operation.", 400)
    for operation in (kms.get_key_rotation_status, kms.enable_key_rotation, kms.list_key_rotations, kms.disable_key):
        assert error_of(operation, KeyId="alias/untaken") == refusal
    assert error_of(kms.create_alias, AliasName="alias/other", TargetKeyId="alias/untaken")[0] == "ValidationException"


def test_what_does_not_rotate(kms: Any) -> None:
    """A disabled key says so first; a key pair never rotates."""
    key = kms.create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="RSA_2048")["KeyMetadata"]
    for operation in (kms.rotate_key_on_demand, kms.enable_key_rotation):
        assert error_of(operation, KeyId=key["KeyId"])[:2] == ("UnsupportedOperationException", "")
    kms.disable_key_rotation(KeyId=key["KeyId"])
    assert kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"] == []
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
    assert error_of(there.decrypt, CiphertextBlob=blob, KeyId=key["Arn"])[0] == "IncorrectKeyException"
    assert error_of(there.enable_key_rotation, KeyId=key["KeyId"])[:2] == (
        "UnsupportedOperationException",
        f"{replica['Arn']} is a multi-region replica key which is not valid for EnableKeyRotation.",
    )


@pytest.mark.parametrize(
    ("region", "code", "message"),
    [
        (
            "eu-west-1",
            "AlreadyExistsException",
            "You can create only one replica of each primary key in each AWS Region.",
        ),
        ("us-east-1", "ValidationException", "us-east-1 cannot have a replica because it contains the primary."),
        (
            "cn-north-1",
            "ValidationException",
            "The replica key Region must be in the same AWS partition as the primary key Region.",
        ),
        (
            "us-invalid-1",
            "ValidationException",
            "Region us-invalid-1 is not a valid Region or multi-Region keys are not supported in Region us-invalid-1.",
        ),
    ],
)
def test_regions_that_get_no_replica(kms: Any, region: str, code: str, message: str) -> None:
    """Words as recorded at AWS."""
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    assert error_of(kms.replicate_key, KeyId=key, ReplicaRegion=region) == (code, message, 400)


def test_primaries_change_and_wait_for_their_replicas(fresh_sandbox: Any) -> None:
    """A primary is deleted only when its last replica is gone."""
    here = fresh_sandbox.client("kms", region="us-east-1")
    there = fresh_sandbox.client("kms", region="eu-west-1")
    key = here.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    here.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    assert error_of(here.update_primary_region, KeyId=key, PrimaryRegion="eu-north-1")[:2] == (
        "ValidationException",
        f"{key} does not have a replica key in the specified Region.",
    )
    here.update_primary_region(KeyId=key, PrimaryRegion="us-east-1")
    code, message, _ = error_of(there.update_primary_region, KeyId=key, PrimaryRegion="us-east-1")
    assert (code, message.endswith("is not a multi-Region primary key.")) == ("KMSInvalidStateException", True)
    there.disable_key(KeyId=key)
    assert error_of(here.update_primary_region, KeyId=key, PrimaryRegion="eu-west-1")[0] == "DisabledException"
    there.enable_key(KeyId=key)
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


def test_grants_fit_their_keys(sandbox: Any, user: str) -> None:
    """Only what the key can do is granted, and only to who is there."""
    kms = sandbox.client("kms")
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    ask = {"KeyId": mac, "GranteePrincipal": user}
    assert error_of(kms.create_grant, **ask, Operations=["Encrypt", "GenerateMac"])[:2] == (
        "ValidationException",
        "Operations [Encrypt] are not supported when creating a grant for a symmetric KMS key with key usage "
        "GENERATE_VERIFY_MAC. Valid operations are [CreateGrant, RetireGrant, DescribeKey, GenerateMac, VerifyMac]",
    )
    constraints = {"EncryptionContextSubset": {"a": "b"}}
    assert error_of(kms.create_grant, **ask, Operations=["GenerateMac"], Constraints=constraints)[:2] == (
        "ValidationException",
        "EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key.",
    )
    assert kms.create_grant(**ask, Operations=["GenerateMac"])["GrantId"]
    account = user.split(":")[4]
    for arn, refusal in (
        (f"arn:aws:sts::{account}:assumed-role/nobody/s", "ARN does not refer to a valid principal: "),
        (f"arn:aws:iam::{account}:role/nobody", "ARN does not refer to a valid principal: "),
        (f"arn:aws:sts::{account}:assumed-role/path/nobody/s", "ARN is not valid: "),
    ):
        refused = error_of(kms.create_grant, KeyId=mac, GranteePrincipal=arn, Operations=["GenerateMac"])
        assert refused == ("InvalidArnException", refusal + arn, 400)


def test_dry_runs_fail_of_what_the_request_fails_of(sandbox: Any) -> None:
    """A wrong MAC or signature, a foreign ciphertext or a wrong public key is told before the dry run."""
    kms = sandbox.client("kms")

    def new(spec: str, usage: str) -> str:
        return str(kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"])

    mac = {"KeyId": new("HMAC_256", "GENERATE_VERIFY_MAC"), "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    curve = {"KeyId": new("ECC_NIST_P256", "SIGN_VERIFY"), "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    shared = {"KeyId": new("ECC_NIST_P256", "KEY_AGREEMENT"), "KeyAgreementAlgorithm": "ECDH"}
    for operation, given, code in (
        (kms.verify_mac, mac | {"Mac": b"x"}, "KMSInvalidMacException"),
        (kms.verify, curve | {"Signature": b"x"}, "KMSInvalidSignatureException"),
        (kms.decrypt, {"CiphertextBlob": b"x"}, "InvalidCiphertextException"),
        (kms.derive_shared_secret, shared | {"PublicKey": b"x"}, "ValidationException"),
        (kms.generate_mac, mac, "DryRunOperationException"),
        (kms.sign, curve, "DryRunOperationException"),
    ):
        assert error_of(operation, **given, DryRun=True)[0] == code


def test_key_pairs_refuse_what_only_others_take(sandbox: Any) -> None:
    """No encryption context, no decryption without a key, no foreign kind of message; a disabled pair shows its public
    key still."""
    kms = sandbox.client("kms")
    pair = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    ask = {"KeyId": pair, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(**ask, Plaintext=b"p", EncryptionContext={})["CiphertextBlob"]
    no_context = "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs."
    for operation, given in ((kms.encrypt, {"Plaintext": b"p"}), (kms.decrypt, {"CiphertextBlob": blob})):
        refused = error_of(operation, **ask, **given, EncryptionContext={"a": "b"})
        assert refused[:2] == ("ValidationException", no_context)
    without = {"CiphertextBlob": blob, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert error_of(kms.decrypt, **without)[:2] == ("ValidationException", "KeyId must not be null")
    kms.disable_key(KeyId=pair)
    assert kms.get_public_key(KeyId=pair)["KeySpec"] == "RSA_2048"
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    assert error_of(kms.get_public_key, KeyId=symmetric)[:2] == ("UnsupportedOperationException", "")
    curve = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    given = {"KeyId": curve, "Message": b"m", "MessageType": "EXTERNAL_MU", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert error_of(kms.sign, **given)[:2] == (
        "ValidationException",
        "Message type EXTERNAL_MU is incompatible with key spec ECC_SECG_P256K1.",
    )
    assert error_of(kms.create_key, KeySpec="ECC_SECG_P256K1", KeyUsage="KEY_AGREEMENT")[:2] == (
        "ValidationException",
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec ECC_SECG_P256K1",
    )
