"""The key pair with which notifications are signed, and the certificate that subscribers fetch to verify them.

Each environment has its own, made at the first signature and kept. The certificate's URL is a path of our endpoint,
`/SimpleNotificationService-<id>.pem`, where AWS has a host of its own; the id tells the environment.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.http import Request, Response
from mrak.core.operation import dataplane
from mrak.core.scope import Scope
from mrak.services.sns.messages import Message, Signature, text_to_sign, timestamp
from mrak.services.sns.tables import SIGNING_KEYS, SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_NAME = "current"
_KEY_BITS = 2048
_YEARS = 10


def require_key(ctx: Context, tx: Transaction, scope: Scope) -> SigningKey:
    """The environment's key pair; made, once, where there is none."""
    home = scope.environment_wide()
    found = SIGNING_KEYS.get(tx, home, _NAME) or SIGNING_KEYS.open(tx, home, _NAME)
    if found is None:
        found = _make(ctx.resource_id(32))
        SIGNING_KEYS.insert(tx, home, found)
    return found


def sign_message(ctx: Context, tx: Transaction, scope: Scope, message: Message, protocol: str) -> Signature | None:
    """The signature of a message's notification; messages of FIFO topics have none."""
    if message.sequence_number:
        return None
    members = {
        "Type": "Notification",
        "Message": message.body_for(protocol),
        "MessageId": message.id,
        "Subject": message.subject,
        "Timestamp": timestamp(message.published_at),
        "TopicArn": message.topic_arn,
    }
    return sign(ctx, tx, scope, members, message.signature_version, message.base_url)


def sign(ctx: Context, tx: Transaction, scope: Scope, members: dict[str, Any], version: str, url: str) -> Signature:
    """The signature of a message's members: SHA1 with RSA for version 1, SHA256 for version 2."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    key = require_key(ctx, tx, scope)
    # AWS's version 1 is SHA1, whatever one thinks of it.
    algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
    value = _load(key.private_key_pem).sign(text_to_sign(members), PKCS1v15(), algorithm)
    deviation("SNS-001")
    return Signature(version, base64.b64encode(value).decode(), url + certificate_path(key))


def certificate_path(key: SigningKey) -> str:
    return f"/SimpleNotificationService-{key.certificate_id}.pem"


@dataplane("sns-certificate")
async def serve_certificate(ctx: Context, request: Request, _route: Any) -> Response:
    """The certificate, for whoever asks."""
    key = await ctx.transact(lambda tx: SIGNING_KEYS.get(tx, ctx.scope.environment_wide(), _NAME))
    if key is None or request.path != certificate_path(key):
        return Response(404, [("content-type", "text/plain")], b"There is no such certificate.\n")
    return Response(200, [("content-type", "application/x-pem-file")], key.certificate_pem)


@lru_cache(maxsize=64)
def _load(private_key_pem: bytes) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(private_key_pem, None)
    return key  # type: ignore[no-any-return]


def _make(certificate_id: str) -> SigningKey:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(65537, _KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    # Validity is about the wall clock of whoever verifies, not about an environment's.
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * _YEARS * 2))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SigningKey(_NAME, private, certificate.public_bytes(pem), certificate_id)
