"""Logins: tokens of identity providers, and who they say somebody is.

https://docs.aws.amazon.com/cognito/latest/developerguide/external-identity-providers.html
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from mrak.auth import tokens
from mrak.core.arn import find_arn
from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.services.cognito_identity import errors
from mrak.services.cognito_identity.tables import IdentityPool
from mrak.services.cognito_idp import exports as user_pools

ISSUER: Final = "https://cognito-identity.amazonaws.com"
OWN: Final = "cognito-identity.amazonaws.com"
_KEYS: Final = "cognito-identity"
_POOL_NAME: Final = re.compile(r"[^/]+/([a-z]{2}(?:-[a-z]+)+-\d_[A-Za-z0-9]+)")
_GOOGLE: Final = "accounts.google.com"


class Proved(msgspec.Struct, frozen=True):
    """Whom a provider vouches for. `mapping` is the provider's name in role mappings, `amr` in tokens."""

    provider: str
    user: str
    claims: dict[str, Any] = {}
    mapping: str = ""


async def prove(ctx: Context, pool: IdentityPool, logins: dict[str, str]) -> list[Proved]:
    """What all the logins of a request say; raises where one does not hold."""
    return [await _prove(ctx, pool, provider, token) for provider, token in sorted(logins.items())]


async def _prove(ctx: Context, pool: IdentityPool, provider: str, token: str) -> Proved:
    if provider == OWN:
        return await _own(ctx, pool, token)
    found = _POOL_NAME.fullmatch(provider)
    if found is not None:
        return await _from_user_pool(ctx, pool, found[1], token)
    for provider_arn in pool.settings.get("OpenIdConnectProviderARNs", ()):
        parsed = find_arn(provider_arn)
        if parsed is not None and parsed.resource == f"oidc-provider/{provider}":
            return await _from_issuer(ctx, provider, token, ())
    social = pool.settings.get("SupportedLoginProviders", {})
    if provider == _GOOGLE and provider in social:
        return await _from_issuer(ctx, provider, token, (social[provider],))
    # Other networks' tokens are opaque; only the networks themselves could tell whose they are.
    deviation("COGNITOIDENTITY-001")
    raise errors.invalid_login("Issuer doesn't match providerName")


async def _from_user_pool(ctx: Context, pool: IdentityPool, user_pool: str, token: str) -> Proved:
    found = await user_pools.find_identity(ctx, token)
    if found is None:
        raise errors.invalid_login("Couldn't verify signed token.")
    pool_id, claims = found
    accepted = [
        one
        for one in pool.settings.get("CognitoIdentityProviders", ())
        if one.get("ProviderName", "").endswith(f"/{user_pool}")
    ]
    if pool_id != user_pool or not accepted:
        raise errors.invalid_login("Token is not from a supported provider of this identity pool.")
    match = next((one for one in accepted if one.get("ClientId") == claims["aud"]), None)
    if match is None:
        raise errors.invalid_login("Incorrect token audience.")
    if claims.get("exp", 0) <= ctx.now:
        raise errors.invalid_login(f"Token expired: {claims.get('exp', 0)} >= {int(ctx.now)}")
    name = match["ProviderName"]
    return Proved(name, str(claims["sub"]), claims, f"{name}:{match['ClientId']}")


async def _from_issuer(ctx: Context, provider: str, token: str, audiences: tuple[str, ...]) -> Proved:
    """An OpenID Connect provider; one on this machine needs no TLS."""
    local = provider.partition("/")[0].partition(":")[0] in ("localhost", "127.0.0.1")
    try:
        claims = await tokens.verify(ctx, token, f"{'http' if local else 'https'}://{provider}")
        if audiences:
            tokens.check_audience(claims, list(audiences))
    except tokens.ExpiredToken:
        raise errors.invalid_login("Token expired") from None
    except tokens.InvalidToken as error:
        raise errors.invalid_login(f"Couldn't verify signed token: {error}") from None
    return Proved(provider, str(claims.get("sub", "")), claims, provider)


async def _own(ctx: Context, pool: IdentityPool, token: str) -> Proved:
    """A token of GetOpenIdTokenForDeveloperIdentity: it names the identity itself."""
    claims = await find_claims(ctx, token)
    if claims is None or claims.get("aud") != pool.id:
        raise errors.invalid_login("Token signature invalid.")
    return Proved(OWN, str(claims["sub"]), claims, OWN)


async def find_claims(ctx: Context, token: str) -> dict[str, Any] | None:
    """The claims of a token that identity pools of this environment issued and that holds now."""
    claims = await user_pools.find_claims(ctx, ctx.scope.environment_wide(), _KEYS, token)
    return None if claims is None or claims.get("exp", 0) <= ctx.now else claims


async def issue_token(
    ctx: Context, pool: IdentityPool, identity_id: str, methods: list[str], seconds: float, tags: dict[str, str]
) -> str:
    """An OpenID token that vouches for an identity. https://docs.aws.amazon.com/cognito/latest/developerguide/
    open-id.html"""
    claims: dict[str, Any] = {
        "sub": identity_id,
        "aud": pool.id,
        "amr": methods,
        "iss": ISSUER,
        "exp": int(ctx.now + seconds),
        "iat": int(ctx.now),
    }
    if tags:
        claims["https://aws.amazon.com/tags"] = {"principal_tags": {name: [value] for name, value in tags.items()}}
    return await user_pools.sign_as(ctx, ctx.scope.environment_wide(), _KEYS, claims)
