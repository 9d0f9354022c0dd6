"""KMS as boto3 sees it; signatures are verified by an independent library."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.conftest import error_of


@pytest.fixture
def kms(sandbox: Any) -> Any:
    return sandbox.client("kms")


@pytest.fixture(scope="module")
def key(sandbox: Any) -> str:
    return str(sandbox.client("kms").create_key(Description="test")["KeyMetadata"]["Arn"])


def test_what_is_encrypted_is_decrypted_without_naming_the_key(kms: Any, key: str) -> None:
    """The ciphertext names its key; the encryption context has to be the same."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"hush", EncryptionContext={"b": "2", "a": "1"})["CiphertextBlob"]
    answer = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "1", "b": "2"})
    assert (answer["Plaintext"], answer["KeyId"]) == (b"hush", key)
    assert error_of(kms.decrypt, CiphertextBlob=blob)[0] == "InvalidCiphertextException"
    assert error_of(kms.decrypt, CiphertextBlob=b"nonsense")[0] == "InvalidCiphertextException"
    changed = blob[:-1] + bytes([blob[-1] ^ 1])
    assert error_of(kms.decrypt, CiphertextBlob=changed, EncryptionContext={"a": "1", "b": "2"})[0] == (
        "InvalidCiphertextException"
    )


def test_rotation_keeps_what_was_encrypted_readable(kms: Any) -> None:
    """Old material still decrypts. KMS-001: the material lies in the data folder, so a restart keeps it."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key)
    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in (old, new)] == [b"old", b"new"]
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 365


def test_data_keys(kms: Any, key: str) -> None:
    """Envelope encryption: the plaintext key is what its ciphertext decrypts to."""
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert len(made["Plaintext"]) == 32
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    assert "Plaintext" not in kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=16)
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert opened == pair["PrivateKeyPlaintext"]
    assert error_of(kms.generate_data_key, KeyId=key)[0] == "ValidationException"
    assert error_of(kms.generate_data_key, KeyId=key, KeySpec="AES_256", DryRun=True)[0] == "DryRunOperationException"


def test_reencryption(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"x"
    code = error_of(kms.decrypt, CiphertextBlob=moved["CiphertextBlob"], KeyId=key)[0]
    assert code == "IncorrectKeyException"
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    code, message, _ = error_of(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=signing)
    assert (code, message.endswith("SIGN_VERIFY which is not valid for ReEncryptTo.")) == (
        "InvalidKeyUsageException",
        True,
    )


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [("RSA_2048", "RSASSA_PSS_SHA_256"), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512"), ("ECC_NIST_P256", "ECDSA_SHA_256")],
)
def test_signatures_hold_for_an_independent_verifier(kms: Any, spec: str, algorithm: str) -> None:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signature = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm=algorithm)["Signature"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    digest = getattr(hashes, f"SHA{algorithm[-3:]}")()
    if spec.startswith("ECC"):
        public.verify(signature, b"m", ec.ECDSA(digest))  # type: ignore[union-attr, call-arg, arg-type]
    else:
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        scheme = pss if "PSS" in algorithm else padding.PKCS1v15()
        public.verify(signature, b"m", scheme, digest)  # type: ignore[union-attr, call-arg, arg-type]
    ask = {"KeyId": key, "SigningAlgorithm": algorithm, "Signature": signature}
    assert kms.verify(Message=b"m", **ask)["SignatureValid"]
    assert error_of(kms.verify, Message=b"n", **ask)[0] == "KMSInvalidSignatureException"
    hashed = hashlib.new(f"sha{algorithm[-3:]}", b"m").digest()
    assert kms.verify(Message=hashed, MessageType="DIGEST", **ask)["SignatureValid"]
    code, message, _ = error_of(kms.verify, Message=b"short", MessageType="DIGEST", **ask)
    assert message == f"Digest is invalid length for algorithm {algorithm}."


def test_macs(kms: Any) -> None:
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    made = kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert kms.verify_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=made)["MacValid"]
    code = error_of(kms.verify_mac, KeyId=key, Message=b"n", MacAlgorithm="HMAC_SHA_256", Mac=made)[0]
    assert code == "KMSInvalidMacException"
    code, message, _ = error_of(kms.generate_mac, KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_512")
    assert (code, message) == (
        "InvalidKeyUsageException",
        "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.",
    )


def test_asymmetric_encryption_has_a_size_limit(kms: Any) -> None:
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    ask = {"KeyId": key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    blob = kms.encrypt(Plaintext=b"x", **ask)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, **ask)["Plaintext"] == b"x"
    code, message, _ = error_of(kms.encrypt, Plaintext=b"x" * 215, **ask)
    assert message == "Algorithm RSAES_OAEP_SHA_1 and key spec RSA_2048 cannot encrypt data larger than 214 bytes."


def test_aliases(kms: Any, key: str) -> None:
    """An alias stands for a key wherever the operation takes one; AWS's own are there when used."""
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["Arn"] == key
    assert error_of(kms.create_alias, AliasName="alias/app", TargetKeyId=key)[0] == "AlreadyExistsException"
    assert error_of(kms.create_alias, AliasName="alias/aws/ebs", TargetKeyId=key)[0] == "NotAuthorizedException"
    assert [row["AliasName"] for row in kms.list_aliases(KeyId=key)["Aliases"]] == ["alias/app"]
    kms.delete_alias(AliasName="alias/app")
    assert error_of(kms.describe_key, KeyId="alias/app")[0] == "NotFoundException"
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"


def test_states(fresh_sandbox: Any) -> None:
    """A disabled key works no more; a deleted one waits, and is gone with its aliases after that."""
    kms = fresh_sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/x", TargetKeyId=key)
    kms.disable_key(KeyId=key)
    assert error_of(kms.encrypt, KeyId=key, Plaintext=b"x")[0] == "DisabledException"
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    code, message, _ = error_of(kms.encrypt, KeyId=key, Plaintext=b"x")
    assert (code, message.endswith("is pending deletion.")) == ("KMSInvalidStateException", True)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    fresh_sandbox.advance_clock(8 * 86_400)
    while kms.list_keys()["Keys"]:
        pass
    assert kms.list_aliases()["Aliases"] == []


ERRORS: list[tuple[str, dict[str, Any], str, str]] = [
    ("describe_key", {"KeyId": "fake-key-id"}, "NotFoundException", "Invalid keyId 'fake-key-id'"),
    ("describe_key", {"KeyId": "00000000-0000-0000-0000-000000000000"}, "NotFoundException", "does not exist"),
    (
        "create_alias",
        {"AliasName": "app", "TargetKeyId": "x"},
        "ValidationException",
        'Alias must start with the prefix "alias/". Please see '
        "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
    ),
    (
        "create_key",
        {"Tags": [{"TagKey": "aws:x", "TagValue": "y"}]},
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    (
        "create_key",
        {"Tags": [{"TagKey": str(i), "TagValue": "y"} for i in range(51)]},
        "TagException",
        "Too many tags",
    ),
    (
        "create_key",
        {"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"},
        "ValidationException",
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
    ),
    ("create_key", {"Origin": "AWS_CLOUDHSM"}, "UnsupportedOperationException", "origins AWS_KMS and EXTERNAL"),
    (
        "create_key",
        {"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]},
        "TagException",
        "Duplicate tag keys",
    ),
    ("list_keys", {"Marker": "%%%"}, "InvalidMarkerException", "Could not deserialize marker"),
    (
        "generate_random",
        {"NumberOfBytes": 1025},
        "ValidationException",
        "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
        "Member must have value less than or equal to 1024",
    ),
]


@pytest.mark.parametrize(("operation", "params", "code", "text"), ERRORS)
def test_errors(kms: Any, operation: str, params: dict[str, Any], code: str, text: str) -> None:
    found, message, _ = error_of(getattr(kms, operation), **params)
    assert (found, text in message) == (code, True), message


def test_tags_and_policies(kms: Any) -> None:
    key = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"].startswith(
        '{\n  "Version" : "2012-10-17",\n  "Id" : "key-default-1",\n  "Statement" : [ {\n    "Sid" : "Enable IAM User '
    ), "as recorded at AWS"
    assert error_of(kms.put_key_policy, KeyId=key, PolicyName="default", Policy="{")[0] == (
        "MalformedPolicyDocumentException"
    )
