"""Client certificates: made and kept. Endpoints behind an API are not shown them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/getting-started-client-side-ssl-authentication.html
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import CERTIFICATES, Named

_FIELDS = {"/description": patches.TEXT}
_DAYS = 365


@operation("GenerateClientCertificate")
async def generate_client_certificate(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    text = await asyncio.to_thread(_make, ctx.now, ctx.draw.sequence())
    made = Named(
        id=ctx.draw.alphanumeric(6),
        settings={
            **parts.given(req, "description"),
            "pemEncodedCertificate": text,
            "createdDate": ctx.now,
            "expirationDate": ctx.now + _DAYS * 86_400,
        },
        tags=req.get("tags", {}),
    )

    def insert(tx: Transaction) -> None:
        CERTIFICATES.lock(tx, ctx.scope, made.id)
        CERTIFICATES.insert(tx, ctx.scope, made)

    await ctx.transact(insert)
    return _render(made)


@operation("GetClientCertificate")
def get_client_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, ctx.scope, req["clientCertificateId"]))


@operation("GetClientCertificates")
def get_client_certificates(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.render_page(CERTIFICATES.scan(tx, ctx.scope, after=parts.position(req)), req, _render)


@operation("UpdateClientCertificate")
def update_client_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    CERTIFICATES.lock(tx, ctx.scope, req["clientCertificateId"])
    old = _require(tx, ctx.scope, req["clientCertificateId"])
    new = msgspec.structs.replace(old, settings=patches.apply(old.settings, req.get("patchOperations"), _FIELDS))
    CERTIFICATES.replace(tx, ctx.scope, old, new)
    return _render(new)


@operation("DeleteClientCertificate")
def delete_client_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    CERTIFICATES.lock(tx, ctx.scope, req["clientCertificateId"])
    CERTIFICATES.delete(tx, ctx.scope, _require(tx, ctx.scope, req["clientCertificateId"]))


def _require(tx: Transaction, scope: Scope, certificate_id: str) -> Named:
    found = CERTIFICATES.get(tx, scope, certificate_id)
    if found is None:
        raise errors.not_found("Invalid Client Certificate identifier specified")
    return found


def _render(row: Named) -> dict[str, Any]:
    shown = {"clientCertificateId": row.id, **row.settings}
    return shown | {"tags": row.tags} if row.tags else shown


def _make(now: float, serial: int) -> str:
    """A certificate signed by its own key, which nobody keeps: it proves nothing here."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Washington"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Seattle"),
            x509.NameAttribute(NameOID.COMMON_NAME, "ApiGateway"),
        ]
    )
    made_at = datetime.fromtimestamp(int(now), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(made_at)
        .not_valid_after(made_at + timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
