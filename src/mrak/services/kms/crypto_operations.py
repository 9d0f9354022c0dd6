"""Encrypt, Decrypt, data keys, signatures and MACs.

https://docs.aws.amazon.com/kms/latest/APIReference/
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.kms import crypto, errors, keys
from mrak.services.kms.tables import Key


@operation("Encrypt")
def encrypt(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _encrypt(ctx, tx, req, "Encrypt")


def _encrypt(ctx: Context, tx: Transaction, req: dict[str, Any], action: str) -> dict[str, Any]:
    scope, key = keys.require_usable(ctx, tx, req["KeyId"], "ENCRYPT_DECRYPT", action)
    algorithm = req.get("EncryptionAlgorithm", crypto.SYMMETRIC)
    _check_algorithm(key, algorithm)
    context = req.get("EncryptionContext", {})
    if key.spec == crypto.SYMMETRIC:
        blob = crypto.seal(key, req["Plaintext"], context, ctx.draw.bytes(12))
    else:
        _check_no_context(context)
        blob = crypto.encrypt_rsa(key, req["Plaintext"], algorithm)
    _check_dry_run(req)
    return {"CiphertextBlob": blob, "KeyId": keys.key_arn(scope, key.key_id), "EncryptionAlgorithm": algorithm}


@operation("Decrypt")
def decrypt(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key, plaintext = _decrypt(ctx, tx, req["CiphertextBlob"], req, "")
    _check_dry_run(req)
    return {
        "KeyId": keys.key_arn(scope, key.key_id),
        "Plaintext": plaintext,
        "EncryptionAlgorithm": req.get("EncryptionAlgorithm", crypto.SYMMETRIC),
    } | _material(key, req["CiphertextBlob"])


def _material(key: Key, blob: bytes, member: str = "KeyMaterialId") -> dict[str, str]:
    """Which material a symmetric ciphertext was made with."""
    return {member: keys.material_ids(key)[crypto.material_number(blob)]} if key.spec == crypto.SYMMETRIC else {}


def _decrypt(ctx: Context, tx: Transaction, blob: bytes, req: dict[str, Any], prefix: str) -> tuple[Scope, Key, bytes]:
    """`prefix` is "Source" for ReEncrypt's members, "" for Decrypt's."""
    algorithm = req.get(f"{prefix}EncryptionAlgorithm", crypto.SYMMETRIC)
    named, context = req.get(f"{prefix}KeyId"), req.get(f"{prefix}EncryptionContext", {})
    if algorithm != crypto.SYMMETRIC:
        if named is None:
            raise errors.validation("KeyId must not be null")
        scope, key = keys.require_usable(ctx, tx, named, "ENCRYPT_DECRYPT", "Decrypt")
        _check_algorithm(key, algorithm)
        _check_no_context(context)
        return scope, key, crypto.decrypt_rsa(key, blob, algorithm)
    made_by = crypto.key_id_of(blob)
    if named is not None and keys.is_elsewhere(ctx.scope, named):
        raise errors.incorrect_key()
    if named is not None and keys.require(ctx, tx, named)[1].key_id != made_by:
        raise errors.incorrect_key()
    scope, key = keys.require_usable(ctx, tx, made_by, "ENCRYPT_DECRYPT", "Decrypt")
    return scope, key, crypto.open_sealed(key, blob, context)


@operation("ReEncrypt")
def re_encrypt(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """From one key to another without the plaintext leaving."""
    source = dict(req) | {"SourceEncryptionContext": req.get("SourceEncryptionContext", {})}
    scope, old, plaintext = _decrypt(ctx, tx, req["CiphertextBlob"], source, "Source")
    fresh = _encrypt(
        ctx,
        tx,
        {
            "KeyId": req["DestinationKeyId"],
            "Plaintext": plaintext,
            "EncryptionContext": req.get("DestinationEncryptionContext", {}),
            "EncryptionAlgorithm": req.get("DestinationEncryptionAlgorithm", crypto.SYMMETRIC),
            "DryRun": req.get("DryRun", False),
        },
        "ReEncryptTo",
    )
    return {
        "CiphertextBlob": fresh["CiphertextBlob"],
        "SourceKeyId": keys.key_arn(scope, old.key_id),
        "KeyId": fresh["KeyId"],
        "SourceEncryptionAlgorithm": req.get("SourceEncryptionAlgorithm", crypto.SYMMETRIC),
        "DestinationEncryptionAlgorithm": fresh["EncryptionAlgorithm"],
    } | _reencrypted_by(ctx, tx, req, old, fresh)


def _reencrypted_by(
    ctx: Context, tx: Transaction, req: dict[str, Any], old: Key, fresh: dict[str, Any]
) -> dict[str, str]:
    new = keys.require(ctx, tx, req["DestinationKeyId"])[1]
    source = _material(old, req["CiphertextBlob"], "SourceKeyMaterialId")
    return source | _material(new, fresh["CiphertextBlob"], "DestinationKeyMaterialId")


@operation("GenerateDataKey")
def generate_data_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _data_key(ctx, tx, req)


@operation("GenerateDataKeyWithoutPlaintext")
def generate_data_key_without_plaintext(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    made = _data_key(ctx, tx, req)
    del made["Plaintext"]
    return made


def _data_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if ("KeySpec" in req) == ("NumberOfBytes" in req):
        raise errors.validation("Please specify either number of bytes or key spec.")
    scope, key = keys.require_usable(ctx, tx, req["KeyId"], "ENCRYPT_DECRYPT", "GenerateDataKey")
    if key.spec != crypto.SYMMETRIC:
        raise errors.invalid_usage(f"{keys.key_arn(scope, key.key_id)} is not a symmetric key.")
    _check_dry_run(req)
    size = req.get("NumberOfBytes") or {"AES_128": 16, "AES_256": 32}[req["KeySpec"]]
    plaintext = ctx.draw.bytes(size)
    blob = crypto.seal(key, plaintext, req.get("EncryptionContext", {}), ctx.draw.bytes(12))
    arn = keys.key_arn(scope, key.key_id)
    return {"CiphertextBlob": blob, "Plaintext": plaintext, "KeyId": arn} | _material(key, blob)


@operation("GenerateDataKeyPair")
async def generate_data_key_pair(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await _data_key_pair(ctx, req)


@operation("GenerateDataKeyPairWithoutPlaintext")
async def generate_data_key_pair_without_plaintext(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    made = await _data_key_pair(ctx, req)
    del made["PrivateKeyPlaintext"]
    return made


async def _data_key_pair(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = await ctx.transact(
        lambda tx: keys.require_usable(ctx, tx, req["KeyId"], "ENCRYPT_DECRYPT", "GenerateDataKeyPair")
    )
    if key.spec != crypto.SYMMETRIC:
        raise errors.invalid_usage(f"{keys.key_arn(scope, key.key_id)} is not a symmetric key.")
    spec = req["KeyPairSpec"]
    if spec not in crypto.SPECS:
        raise errors.unsupported(f"mrak makes no key pairs of the spec {spec}.")
    _check_dry_run(req)
    private, public = crypto.pair_bytes(await asyncio.to_thread(crypto.new_private_key, spec))
    return {
        "PrivateKeyCiphertextBlob": crypto.seal(key, private, req.get("EncryptionContext", {}), ctx.draw.bytes(12)),
        "PrivateKeyPlaintext": private,
        "PublicKey": public,
        "KeyId": keys.key_arn(scope, key.key_id),
        "KeyPairSpec": spec,
        "KeyMaterialId": keys.current_material_id(key),
    }


@operation("GenerateRandom")
def generate_random(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "NumberOfBytes" not in req:
        raise errors.validation("NumberOfBytes is required.")
    return {"Plaintext": ctx.draw.bytes(req["NumberOfBytes"])}


@operation("GetPublicKey")
def get_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require(ctx, tx, req["KeyId"])
    if key.state != "Disabled":
        keys.check_enabled(scope, key)
    if not key.spec.startswith(("RSA", "ECC")):
        raise errors.unsupported("")
    member, names = crypto.algorithms(key.spec, key.usage)
    return {
        "KeyId": keys.key_arn(scope, key.key_id),
        "PublicKey": crypto.public_bytes(crypto.private_key(key)),
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        member: names,
    }


@operation("Sign")
def sign(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require_usable(ctx, tx, req["KeyId"], "SIGN_VERIFY", "Sign")
    algorithm = req["SigningAlgorithm"]
    _check_algorithm(key, algorithm)
    signature = crypto.sign(key, req["Message"], algorithm, _is_digest(key, req))
    _check_dry_run(req)
    return {"KeyId": keys.key_arn(scope, key.key_id), "Signature": signature, "SigningAlgorithm": algorithm}


@operation("Verify")
def verify(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require_usable(ctx, tx, req["KeyId"], "SIGN_VERIFY", "Verify")
    algorithm = req["SigningAlgorithm"]
    _check_algorithm(key, algorithm)
    if not crypto.verifies(key, req["Message"], req["Signature"], algorithm, _is_digest(key, req)):
        raise errors.invalid_signature()
    _check_dry_run(req)
    return {"KeyId": keys.key_arn(scope, key.key_id), "SignatureValid": True, "SigningAlgorithm": algorithm}


def _is_digest(key: Key, req: dict[str, Any]) -> bool:
    kind: str = req.get("MessageType", "RAW")
    if kind == "EXTERNAL_MU":
        raise errors.validation(f"Message type {kind} is incompatible with key spec {key.spec}.")
    return kind == "DIGEST"


@operation("DeriveSharedSecret")
def derive_shared_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require_usable(ctx, tx, req["KeyId"], "KEY_AGREEMENT", "DeriveSharedSecret")
    secret = crypto.shared_secret(key, req["PublicKey"])
    _check_dry_run(req)
    return {
        "KeyId": keys.key_arn(scope, key.key_id),
        "SharedSecret": secret,
        "KeyAgreementAlgorithm": req["KeyAgreementAlgorithm"],
        "KeyOrigin": key.origin,
    }


@operation("GenerateMac")
def generate_mac(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require_usable(ctx, tx, req["KeyId"], "GENERATE_VERIFY_MAC", "GenerateMac")
    _check_algorithm(key, req["MacAlgorithm"])
    made = crypto.mac(key, req["Message"], req["MacAlgorithm"])
    _check_dry_run(req)
    return {"Mac": made, "MacAlgorithm": req["MacAlgorithm"], "KeyId": keys.key_arn(scope, key.key_id)}


@operation("VerifyMac")
def verify_mac(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require_usable(ctx, tx, req["KeyId"], "GENERATE_VERIFY_MAC", "VerifyMac")
    _check_algorithm(key, req["MacAlgorithm"])
    if not hmac.compare_digest(crypto.mac(key, req["Message"], req["MacAlgorithm"]), req["Mac"]):
        raise errors.invalid_mac()
    _check_dry_run(req)
    return {"KeyId": keys.key_arn(scope, key.key_id), "MacValid": True, "MacAlgorithm": req["MacAlgorithm"]}


def _check_algorithm(key: Key, algorithm: str) -> None:
    if algorithm not in crypto.algorithms(key.spec, key.usage)[1]:
        raise errors.invalid_usage(f"Algorithm {algorithm} is incompatible with key spec {key.spec}.")


def _check_no_context(context: dict[str, str]) -> None:
    if context:
        raise errors.context_not_taken()


def _check_dry_run(req: dict[str, Any]) -> None:
    """Comes last: a dry run fails of all that the request itself would fail of, also of a wrong signature."""
    if req.get("DryRun"):
        raise errors.dry_run()
