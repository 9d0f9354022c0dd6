"""The keys with which a pool's tokens are signed, and their public halves (JWKS).

A pool has two RSA keys, as AWS's: one for id tokens, one for access tokens. They are made at the first token, outside
of any transaction and off the loop, since that takes a tenth of a second.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.cognito_idp.tables import KEYS, Keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_BITS: Final = 2048
ID, ACCESS = 0, 1


async def require_keys(ctx: Context, scope: Scope, pool_id: str) -> Keys:
    """The pool's keys; made where there are none."""
    found = await ctx.transact(lambda tx: KEYS.get(tx, scope, pool_id))
    if found is not None:
        return found
    pair = await asyncio.to_thread(lambda: [_generate(), _generate()])
    made = Keys(pool_id, pair)

    def keep(tx: Transaction) -> Keys:
        earlier = KEYS.open(tx, scope, pool_id)
        if earlier is None:
            KEYS.insert(tx, scope, made)
        return earlier or made

    return await ctx.transact(keep)


def _generate() -> tuple[str, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(public).digest()).decode(), pem


@lru_cache(maxsize=256)
def _load(pem: bytes) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, None)
    assert isinstance(key, RSAPrivateKey)
    return key


def private_key(keys: Keys, use: int) -> RSAPrivateKey:
    return _load(keys.keys[use][1])


def sign(keys: Keys, use: int, claims: dict[str, Any]) -> str:
    """A token of these claims."""
    import jwt

    key_id, pem = keys.keys[use]
    return jwt.encode(claims, _load(pem), algorithm="RS256", headers={"kid": key_id, "typ": None})


def verify(keys: Keys, use: int, token: str) -> dict[str, Any] | None:
    """The claims of a token that the pool signed; None for any other. Times are the caller's to check."""
    import jwt

    unchecked = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _load(keys.keys[use][1]).public_key(),
            algorithms=["RS256"],
            options=unchecked,  # type: ignore[arg-type]
        )
    except jwt.InvalidTokenError:
        return None
    return claims


def issuer_of(ctx: Context, pool_id: str) -> str:
    """Who a pool's tokens say that they are from: a URL under which the keys are found here."""
    deviation("COGNITO-001")
    endpoint: str = ctx.part("endpoint")
    return f"{endpoint}/{pool_id}"


def render_jwks(keys: Keys) -> dict[str, Any]:
    shown = []
    for key_id, pem in keys.keys:
        numbers = _load(pem).public_key().public_numbers()
        shown.append(
            {
                "alg": "RS256",
                "e": _base64_number(numbers.e),
                "kid": key_id,
                "kty": "RSA",
                "n": _base64_number(numbers.n),
                "use": "sig",
            }
        )
    return {"keys": shown}


def _base64_number(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
