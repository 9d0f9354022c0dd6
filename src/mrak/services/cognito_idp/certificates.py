"""The certificate with which other identity providers prove a pool's requests (GetSigningCertificate).

It is of the key that signs id tokens, signed by itself, and says the same whenever it is asked for.
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetSigningCertificate.html
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from mrak.core.context import Context
from mrak.core.operation import operation
from mrak.services.cognito_idp import pools, signing
from mrak.services.cognito_idp.tables import Keys, Pool

_YEARS = 10


@operation("GetSigningCertificate")
async def get_signing_certificate(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    pool = await ctx.transact(lambda tx: pools.require_pool(tx, ctx.scope, req["UserPoolId"]))
    keys = await signing.require_keys(ctx, ctx.scope, pool.id)
    return {"Certificate": _certificate(pool, keys, ctx.scope.region)}


def _certificate(pool: Pool, keys: Keys, region: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    key = signing.private_key(keys, signing.ID)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Amazon Cognito"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{region}/{pool.id}"),
        ]
    )
    made_at = datetime.fromtimestamp(int(pool.created_at), UTC)
    serial = int.from_bytes(hashlib.sha256(pool.id.encode()).digest()[:8], "big")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial or 1)
        .not_valid_before(made_at)
        .not_valid_after(made_at + timedelta(days=365 * _YEARS))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
