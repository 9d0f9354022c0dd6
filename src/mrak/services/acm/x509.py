"""Keys and certificates: read, made, and signed by an authority of our own. `cryptography` is loaded at first use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mrak.services.acm import errors

_VALID_DAYS = 395
_AUTHORITY_DAYS = 3650
_RSA = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
_CURVES = {"EC_prime256v1": "SECP256R1", "EC_secp384r1": "SECP384R1", "EC_secp521r1": "SECP521R1"}
ALGORITHMS = (*_RSA, *_CURVES)


def new_key(algorithm: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if algorithm in _RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA[algorithm])
    return ec.generate_private_key(getattr(ec, _CURVES[algorithm])())


def algorithm_of(key: Any) -> str:
    """As ACM names it; "" for a kind that it does not take."""
    size = key.key_size
    by_curve = {curve.lower(): name for name, curve in _CURVES.items()}
    return by_curve.get(key.curve.name.lower(), "") if hasattr(key, "curve") else f"RSA_{size}"


def as_pem(key: Any, passphrase: bytes = b"") -> str:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    hidden = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden).decode())


def load_key(text: str | bytes) -> Any:
    """A private key in PEM without a passphrase. Raises ValidationException."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = text.encode() if isinstance(text, str) else text
    try:
        return load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise errors.validation("The private key is not in a valid PEM format, or is encrypted.") from None


def load_certificates(data: bytes, what: str) -> list[Any]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return list(load_pem_x509_certificates(data))
    except ValueError:
        raise errors.validation(f"The {what} that you have specified is not a valid PEM.") from None


def _name(text: str) -> Any:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text[:64])])


def new_authority(now: float) -> tuple[str, str]:
    """(certificate, private key) of an authority, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    key = new_key("EC_prime256v1")
    begins = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    name = _name("mrak certificate authority")
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=_AUTHORITY_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), as_pem(key)


def issue(names: list[str], key: Any, authority: tuple[str, str], now: float) -> str:
    """A certificate of these names, signed by an authority, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    signer = x509.load_pem_x509_certificate(authority[0].encode())
    begins = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    builder = x509.CertificateBuilder(signer.subject, _name(names[0]), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=_VALID_DAYS))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    purposes = [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH, x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(alternatives, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(load_key(authority[1]), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def facts_of(certificate: Any) -> dict[str, Any]:
    """What DescribeCertificate shows of the certificate itself."""
    serial = f"{certificate.serial_number:032x}"
    hashing = (certificate.signature_hash_algorithm.name if certificate.signature_hash_algorithm else "").upper()
    kind = "RSA" if "rsa" in str(certificate.signature_algorithm_oid._name).lower() else "ECDSA"
    return {
        "Serial": ":".join(serial[at : at + 2] for at in range(0, len(serial), 2)),
        "Subject": certificate.subject.rfc4514_string(),
        "Issuer": common_name(certificate.issuer),
        "NotBefore": certificate.not_valid_before_utc.timestamp(),
        "NotAfter": certificate.not_valid_after_utc.timestamp(),
        "SignatureAlgorithm": f"{hashing}WITH{kind}",
    }


def common_name(name: Any) -> str:
    from cryptography import x509

    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def names_of(certificate: Any) -> list[str]:
    """The names that a certificate is for, its common name first."""
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        alternatives = [str(name) for name in extension.value.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        alternatives = []
    found = dict.fromkeys([common_name(certificate.subject), *alternatives])
    return [name for name in found if name]
