"""What key material does. Symmetric ciphertexts carry their key's id, so that Decrypt needs none.

    01 | key id (36) | material number (1) | nonce (12) | AES-256-GCM ciphertext and tag

There is no hardware module, material lies in the data folder as it is: deviation("KMS-001").
The encryption context is authenticated with it, as JSON with sorted names. `cryptography` is loaded at first use.
https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from mrak.services.kms import errors
from mrak.services.kms.tables import Key

SYMMETRIC = "SYMMETRIC_DEFAULT"
_VERSION = b"\x01"
_HEAD_BYTES = 1 + 36 + 1 + 12
_CURVES = {
    "ECC_NIST_P256": "SECP256R1",
    "ECC_NIST_P384": "SECP384R1",
    "ECC_NIST_P521": "SECP521R1",
    "ECC_SECG_P256K1": "SECP256K1",
}
_CURVE_ALGORITHM = {
    "ECC_NIST_P256": "ECDSA_SHA_256",
    "ECC_NIST_P384": "ECDSA_SHA_384",
    "ECC_NIST_P521": "ECDSA_SHA_512",
    "ECC_SECG_P256K1": "ECDSA_SHA_256",
}
_MAC_BYTES = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
_RSA_SIGNING = [f"RSASSA_{kind}_SHA_{bits}" for kind in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)]
_RSA_ENCRYPTION = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
SPECS = (SYMMETRIC, "RSA_2048", "RSA_3072", "RSA_4096", *_CURVES, *_MAC_BYTES)


def algorithms(spec: str, usage: str) -> tuple[str, list[str]]:
    """(the member of KeyMetadata, the algorithms) of a key."""
    if usage == "SIGN_VERIFY":
        return "SigningAlgorithms", _RSA_SIGNING if spec.startswith("RSA") else [_CURVE_ALGORITHM[spec]]
    if usage == "GENERATE_VERIFY_MAC":
        return "MacAlgorithms", [spec.replace("HMAC_", "HMAC_SHA_")]
    if usage == "KEY_AGREEMENT":
        return "KeyAgreementAlgorithms", ["ECDH"]
    return "EncryptionAlgorithms", _RSA_ENCRYPTION if spec.startswith("RSA") else [SYMMETRIC]


def usages(spec: str) -> list[str]:
    """What a key of that spec can be for; the first where a request names none."""
    if spec == SYMMETRIC:
        return ["ENCRYPT_DECRYPT"]
    if spec.startswith("HMAC"):
        return ["GENERATE_VERIFY_MAC"]
    if spec.startswith("RSA"):
        return ["ENCRYPT_DECRYPT", "SIGN_VERIFY"]
    return ["SIGN_VERIFY", "KEY_AGREEMENT"] if spec.startswith("ECC_NIST") else ["SIGN_VERIFY"]


def new_material(spec: str, random: Any) -> bytes:
    """Fresh key material; `random(size)` gives the bytes of keys that are nothing but random."""
    if spec == SYMMETRIC:
        return bytes(random(32))
    if spec in _MAC_BYTES:
        return bytes(random(_MAC_BYTES[spec]))
    return _private_bytes(new_private_key(spec))


def check_material(spec: str, material: bytes) -> None:
    """Refuses imported material that a key of that spec could not have."""
    if spec == SYMMETRIC or spec in _MAC_BYTES:
        if len(material) != _MAC_BYTES.get(spec, 32):
            raise errors.incorrect_key_material()
        return
    if _spec_of(material) != spec:
        raise errors.incorrect_key_material()


def _spec_of(material: bytes) -> str:
    """The spec of a private key in DER; "" for what is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        private = load_der_private_key(material, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return ""
    if isinstance(private, rsa.RSAPrivateKey):
        return f"RSA_{private.key_size}"
    curves = {curve.lower(): spec for spec, curve in _CURVES.items()}
    return curves.get(private.curve.name.lower(), "") if isinstance(private, ec.EllipticCurvePrivateKey) else ""


def shared_secret(key: Key, public: bytes) -> bytes:
    """The raw ECDH secret of a key with another's public key (SubjectPublicKeyInfo)."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        other = load_der_public_key(public)
    except (ValueError, UnsupportedAlgorithm):
        raise errors.validation("") from None
    private = private_key(key)
    if not isinstance(other, ec.EllipticCurvePublicKey) or other.curve.name != private.curve.name:
        raise errors.validation("")
    return bytes(private.exchange(ec.ECDH(), other))


def new_private_key(spec: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if spec.startswith("RSA"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(spec.removeprefix("RSA_")))
    return ec.generate_private_key(getattr(ec, _CURVES[spec])())


def _private_bytes(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return bytes(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def pair_bytes(private: Any) -> tuple[bytes, bytes]:
    """(PKCS 8 private key, SubjectPublicKeyInfo) in DER."""
    return _private_bytes(private), public_bytes(private)


def public_bytes(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return bytes(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def private_key(key: Key) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(key.materials[-1], None)


def seal(key: Key, plaintext: bytes, context: dict[str, str], nonce: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    number = len(key.materials) - 1
    head = _VERSION + key.key_id.encode().ljust(36, b" ") + bytes([number]) + nonce
    return head + AESGCM(key.materials[number]).encrypt(nonce, plaintext, _bound(context))


def key_id_of(blob: bytes) -> str:
    """The key that made a symmetric ciphertext. Raises InvalidCiphertextException for what is none."""
    if len(blob) < _HEAD_BYTES + 16 or blob[:1] != _VERSION:
        raise errors.invalid_ciphertext()
    try:
        return blob[1:37].decode("ascii").rstrip()
    except UnicodeDecodeError:
        raise errors.invalid_ciphertext() from None


def material_number(blob: bytes) -> int:
    """Which of its key's materials made a symmetric ciphertext."""
    return blob[37]


def open_sealed(key: Key, blob: bytes, context: dict[str, str]) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    number = material_number(blob)
    if number >= len(key.materials) or not key.materials[number]:
        raise errors.invalid_ciphertext()
    try:
        return AESGCM(key.materials[number]).decrypt(blob[38:_HEAD_BYTES], blob[_HEAD_BYTES:], _bound(context))
    except InvalidTag:
        raise errors.invalid_ciphertext() from None


def encrypt_rsa(key: Key, plaintext: bytes, algorithm: str) -> bytes:
    public = private_key(key).public_key()
    digest_bytes = 20 if algorithm.endswith("SHA_1") else 32
    most = public.key_size // 8 - 2 * digest_bytes - 2
    if len(plaintext) > most:
        raise errors.validation(
            f"Algorithm {algorithm} and key spec {key.spec} cannot encrypt data larger than {most} bytes."
        )
    return bytes(public.encrypt(plaintext, _oaep(algorithm)))


def decrypt_rsa(key: Key, blob: bytes, algorithm: str) -> bytes:
    try:
        return bytes(private_key(key).decrypt(blob, _oaep(algorithm)))
    except ValueError:
        raise errors.invalid_ciphertext() from None


def sign(key: Key, message: bytes, algorithm: str, is_digest: bool) -> bytes:
    private = private_key(key)
    if algorithm.startswith("RSASSA"):
        return bytes(private.sign(message, _padding(algorithm), _hash(algorithm, is_digest, message)))
    return bytes(private.sign(message, _ecdsa(algorithm, is_digest, message)))


def verifies(key: Key, message: bytes, signature: bytes, algorithm: str, is_digest: bool) -> bool:
    from cryptography.exceptions import InvalidSignature

    public = private_key(key).public_key()
    try:
        if algorithm.startswith("RSASSA"):
            public.verify(signature, message, _padding(algorithm), _hash(algorithm, is_digest, message))
        else:
            public.verify(signature, message, _ecdsa(algorithm, is_digest, message))
    except InvalidSignature:
        return False
    return True


def mac(key: Key, message: bytes, algorithm: str) -> bytes:
    return hmac.digest(key.materials[-1], message, algorithm.replace("HMAC_SHA_", "sha"))


def _bound(context: dict[str, str]) -> bytes:
    return msgspec.json.encode(context, order="sorted")


def _oaep(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    return padding.OAEP(padding.MGF1(digest), digest, None)


def _padding(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    digest = getattr(hashes, f"SHA{algorithm[-3:]}")()
    return padding.PSS(padding.MGF1(digest), digest.digest_size)


def _hash(algorithm: str, is_digest: bool, message: bytes) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import utils

    digest = getattr(hashes, f"SHA{algorithm[-3:]}")()
    if not is_digest:
        return digest
    if len(message) != digest.digest_size:
        raise errors.validation(f"Digest is invalid length for algorithm {algorithm}.")
    return utils.Prehashed(digest)


def _ecdsa(algorithm: str, is_digest: bool, message: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.ECDSA(_hash(algorithm, is_digest, message))
