"""Certificates and keys in text: whether they are what they say. `cryptography` is loaded at first use."""

from __future__ import annotations

import base64
from typing import Any

from mrak.services.iam import errors


def check_certificate(body: str) -> Any:
    """The certificate in PEM. Raises MalformedCertificate."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(body.encode())
    except ValueError:
        raise errors.malformed_certificate() from None


def check_pair(body: str, private_key: str, chain: str) -> float:
    """When a certificate expires. It has to belong to its key and, where there is a chain, to be signed by that."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    certificate = check_certificate(body)
    try:
        key: Any = load_pem_private_key(private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise errors.malformed_key() from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise errors.key_mismatch()
    if chain.strip():
        try:
            certificate.verify_directly_issued_by(load_pem_x509_certificates(chain.encode())[0])
        except (ValueError, TypeError, InvalidSignature):
            raise errors.malformed_certificate() from None
    return float(certificate.not_valid_after_utc.timestamp())


def ssh_key(text: str) -> str:
    """A public key in SSH's own form, from that or from PEM. Raises InvalidPublicKey."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_public_key,
        load_ssh_public_key,
    )

    try:
        if text.startswith("-----BEGIN"):
            key: Any = load_pem_public_key(text.encode())
        else:
            key = load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise errors.invalid_public_key() from None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise errors.invalid_public_key()
    if not text.startswith("-----BEGIN"):
        return text.strip()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def ssh_blob(body: str) -> bytes:
    return base64.b64decode(body.split()[1])


def ssh_as_pem(body: str) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

    key = load_ssh_public_key(body.encode())
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
