"""Imported key material as boto3 sees it, wrapped by an independent library; answers as recorded at AWS."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import error_of


@pytest.fixture
def kms(sandbox: Any) -> Any:
    return sandbox.client("kms")


def _parameters(kms: Any, key: str, algorithm: str = "RSAES_OAEP_SHA_256") -> Any:
    return kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")


def _wrap(public_key: bytes, material: bytes, algorithm: str = "RSAES_OAEP_SHA_256") -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    public = load_der_public_key(public_key)
    assert isinstance(public, RSAPublicKey)
    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    return public.encrypt(material, padding.OAEP(padding.MGF1(digest), digest, None))


def _import(kms: Any, key: str, material: bytes, **more: Any) -> Any:
    params = _parameters(kms, key)
    asked = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"} | more
    wrapped = _wrap(params["PublicKey"], material)
    return kms.import_key_material(KeyId=key, ImportToken=params["ImportToken"], EncryptedKeyMaterial=wrapped, **asked)


def test_a_symmetric_key_lives_by_its_import(kms: Any) -> None:
    """Pending before, usable after, pending again without its material, and the same key when that comes back."""
    made = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    assert (made["KeyState"], made["Enabled"], made["Origin"]) == ("PendingImport", False, "EXTERNAL")
    assert "CurrentKeyMaterialId" not in made and "ExpirationModel" not in made
    key, arn = made["KeyId"], made["Arn"]
    pending = ("KMSInvalidStateException", f"{arn} is pending import.", 400)
    assert error_of(kms.encrypt, KeyId=key, Plaintext=b"x") == pending
    assert error_of(kms.rotate_key_on_demand, KeyId=key) == pending
    material = os.urandom(32)
    answer = _import(kms, key, material)
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (shown["KeyState"], shown["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert (answer["KeyId"], answer["KeyMaterialId"]) == (arn, shown["CurrentKeyMaterialId"])
    blob = kms.encrypt(KeyId=key, Plaintext=b"hush")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"] == made
    assert error_of(kms.decrypt, CiphertextBlob=blob) == pending
    assert error_of(_import, kms=kms, key=key, material=os.urandom(32))[0] == "IncorrectKeyMaterialException"
    _import(kms, key, material)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"hush"


def test_new_material_waits_for_a_rotation(kms: Any) -> None:
    """External keys rotate to imported material only; one may wait at a time, and old ciphertexts stay readable."""
    made = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    key, arn = made["KeyId"], made["Arn"]
    first = _import(kms, key, os.urandom(32))["KeyMaterialId"]
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    code, message, _ = error_of(kms.rotate_key_on_demand, KeyId=key)
    assert (code, message) == (
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {arn}.",
    )
    second = _import(kms, key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    code, message, _ = error_of(_import, kms=kms, key=key, material=os.urandom(32), ImportType="NEW_KEY_MATERIAL")
    assert code == "KMSInvalidStateException"
    assert message.endswith(
        f"cannot be imported into KMS key {arn}, because another key material (id: {second}) is pending rotation."
    )
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == first
    assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == arn
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == second
    assert kms.decrypt(CiphertextBlob=old) | {"ResponseMetadata": None} == {
        "KeyId": arn,
        "Plaintext": b"old",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": first,
        "ResponseMetadata": None,
    }


def test_key_pairs_and_mac_keys_are_imported(kms: Any) -> None:
    """The public key is that of the imported private key, a MAC that of the imported secret; others are refused."""
    import hmac

    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256K1())
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pair = kms.create_key(Origin="EXTERNAL", KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    assert error_of(_import, kms=kms, key=pair, material=os.urandom(32))[0] == "IncorrectKeyMaterialException"
    assert "KeyMaterialId" not in _import(kms, pair, der)
    assert kms.get_public_key(KeyId=pair)["PublicKey"] == public
    assert "CurrentKeyMaterialId" not in kms.describe_key(KeyId=pair)["KeyMetadata"]
    mac = kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_384", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    secret = os.urandom(48)
    _import(kms, mac, secret)
    made = kms.generate_mac(KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_384")["Mac"]
    assert made == hmac.digest(secret, b"m", "sha384")


def test_large_keys_come_wrapped_by_an_aes_key(kms: Any) -> None:
    """RSA-OAEP cannot hold an RSA key: it wraps an AES key, which wraps the material (RFC 5649)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = kms.create_key(Origin="EXTERNAL", KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    params = _parameters(kms, key, "RSA_AES_KEY_WRAP_SHA_256")
    aes = os.urandom(32)
    ask = {"KeyId": key, "ImportToken": params["ImportToken"], "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    broken = _wrap(params["PublicKey"], aes) + b"nonsense" * 4
    assert error_of(kms.import_key_material, EncryptedKeyMaterial=broken, **ask)[0] == "InvalidCiphertextException"
    kms.import_key_material(
        EncryptedKeyMaterial=_wrap(params["PublicKey"], aes) + aes_key_wrap_with_padding(aes, der), **ask
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert kms.get_public_key(KeyId=key)["PublicKey"] == public


def test_refusals(kms: Any) -> None:
    """Keys of AWS's own making take no material; material that expires needs a date; tokens are checked."""
    own = kms.create_key()["KeyMetadata"]
    wrong = ("UnsupportedOperationException", f"{own['Arn']} origin is AWS_KMS which is not valid for this operation.")
    assert error_of(_parameters, kms=kms, key=own["KeyId"])[:2] == wrong
    assert error_of(kms.delete_imported_key_material, KeyId=own["KeyId"])[:2] == wrong
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    code, message, _ = error_of(
        _import, kms=kms, key=key, material=os.urandom(32), ExpirationModel="KEY_MATERIAL_EXPIRES"
    )
    assert (code, message) == (
        "ValidationException",
        "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
    )
    ask = {"KeyId": key, "EncryptedKeyMaterial": b"x", "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    assert error_of(kms.import_key_material, ImportToken=b"made up", **ask)[0] == "InvalidImportTokenException"
    assert error_of(_import, kms=kms, key=key, material=b"short")[0] == "IncorrectKeyMaterialException"
    assert error_of(kms.enable_key, KeyId=key)[0] == "KMSInvalidStateException"


def test_material_expires_by_the_clock(fresh_sandbox: Any) -> None:
    """What has a date is gone after it, without anybody asking; an import token is good for a day."""
    kms = fresh_sandbox.client("kms")
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    params = _parameters(kms, key)
    until = datetime.now(UTC) + timedelta(days=2)
    material = os.urandom(32)
    _import(kms, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=until)
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert shown["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert abs((shown["ValidTo"] - until).total_seconds()) < 1
    fresh_sandbox.advance_clock(3 * 86_400)
    while kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingImport":
        pass
    wrapped = _wrap(params["PublicKey"], material)
    ask = {"KeyId": key, "EncryptedKeyMaterial": wrapped, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    code = error_of(kms.import_key_material, ImportToken=params["ImportToken"], **ask)[0]
    assert code == "ExpiredImportTokenException"
