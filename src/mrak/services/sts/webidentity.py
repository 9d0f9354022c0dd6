"""AssumeRoleWithWebIdentity: a role for whom an OpenID Connect provider vouches.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html

The call is not signed; the token is all there is. Its issuer has to be a provider of the role's account, its signature
by a key of that issuer, its audience one of the provider's clients, and the role's trust policy has to allow it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from mrak.auth import tokens
from mrak.auth.evaluation import AuthorizationRequest, Named, PolicySet, evaluate
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import exports as iam
from mrak.services.iam.exports import OidcProvider, Role
from mrak.services.sts import errors, sessions

_ACTION = "sts:AssumeRoleWithWebIdentity"
_COGNITO = "cognito-identity.amazonaws.com"
_CLAIMS = ("aud", "sub", "amr", "azp", "oaud")
COGNITO_ISSUER = f"https://{_COGNITO}"


@operation("AssumeRoleWithWebIdentity")
async def assume_role_with_web_identity(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    token, parsed = req["WebIdentityToken"], sessions.require_role_arn(req["RoleArn"])
    unverified = tokens.read_unverified(token)
    issuer = unverified.get("iss")
    if not isinstance(issuer, str) or not _is_safe(issuer):
        raise errors.not_a_token()
    if issuer == COGNITO_ISSUER:
        return await _from_identity_pool(ctx, req, token)
    scope = Scope(ctx.scope.environment, parsed.account, "")
    provider = await ctx.transact(lambda tx: _find_provider(tx, scope, issuer))
    if provider is None:
        raise errors.no_provider(issuer)
    try:
        claims = await tokens.verify(ctx, token, issuer)
        tokens.check_audience(claims, list(provider.clients))
    except tokens.ExpiredToken:
        raise errors.identity_token_expired(ctx.clock(), unverified.get("exp", 0)) from None
    except tokens.InvalidToken as error:
        raise errors.invalid_identity_token(str(error)) from None
    answer = await ctx.transact(lambda tx: _assume(ctx, tx, req, provider, claims))
    audience = claims.get("aud", claims.get("client_id"))
    return answer | {
        "SubjectFromWebIdentityToken": str(claims.get("sub", "")),
        "Provider": issuer,
        "Audience": audience[0] if isinstance(audience, list) else str(audience),
    }


async def _from_identity_pool(ctx: Context, req: dict[str, Any], token: str) -> dict[str, Any]:
    """A token of an identity pool, whose issuer needs no provider in the account; the role trusts it by its name.

    https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html
    """
    from mrak.services.cognito_identity import exports as identity_pools

    claims = await identity_pools.find_claims(ctx, token)
    if claims is None:
        raise errors.invalid_identity_token("the token is not valid")
    answer = await ctx.transact(lambda tx: _assume_by_pool(ctx, tx, req, claims))
    return answer | {
        "SubjectFromWebIdentityToken": str(claims["sub"]),
        "Provider": _COGNITO,
        "Audience": str(claims["aud"]),
    }


def _assume_by_pool(ctx: Context, tx: Transaction, req: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    role = iam.find_role(tx, ctx.scope.environment, req["RoleArn"])
    if role is None or not _trusts(role, req, (_COGNITO, _COGNITO), claims, ctx.now):
        raise errors.not_authorized_web_identity()
    given = claims.get("https://aws.amazon.com/tags", {}).get("principal_tags", {})
    tags = tuple(role.tags.items()) + tuple((name, values[0]) for name, values in given.items())
    return sessions.assume(ctx, tx, req, role, tags=tags, claims=_claims(_COGNITO, claims))


def _is_safe(issuer: str) -> bool:
    """Keys are fetched over TLS; in the clear only from this machine."""
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    is_local = host in ("localhost", "127.0.0.1") or host.endswith(".localhost")
    return parts.scheme == "https" or (parts.scheme == "http" and is_local)


def _find_provider(tx: Transaction, scope: Scope, issuer: str) -> OidcProvider | None:
    """The issuer's provider; one of our own user pools is registered under its AWS name."""
    parts = urlsplit(issuer)
    found = iam.find_oidc_provider(tx, scope, parts.netloc + parts.path.rstrip("/"))
    region, _, rest = parts.path.lstrip("/").partition("_")
    if found is None and rest:
        pool = f"cognito-idp.{region}.amazonaws.com{parts.path}"
        if tokens.is_same_issuer(issuer, f"https://{pool}"):
            return iam.find_oidc_provider(tx, scope, pool)
    return found


def _assume(
    ctx: Context, tx: Transaction, req: dict[str, Any], provider: OidcProvider, claims: dict[str, Any]
) -> dict[str, Any]:
    role = iam.find_role(tx, ctx.scope.environment, req["RoleArn"])
    if role is None or not _is_trusted(role, req, provider, claims, ctx.now):
        raise errors.not_authorized_web_identity()
    return sessions.assume(ctx, tx, req, role, claims=_claims(provider.url, claims))


def _claims(provider: str, claims: dict[str, Any]) -> sessions.Claims:
    """What policies may ask of a token, by condition key (`provider:sub`): in trust policies, and in the role's own.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
    """
    named = ((f"{provider}:{name}".lower(), claims[name]) for name in _CLAIMS if name in claims)
    return tuple((key, tuple(map(str, said)) if isinstance(said, list) else (str(said),)) for key, said in named)


def _is_trusted(role: Role, req: dict[str, Any], provider: OidcProvider, claims: dict[str, Any], now: float) -> bool:
    """What the role's trust policy says, whose conditions can ask for the token's claims (`issuer:sub`)."""
    partition, account = req["RoleArn"].split(":")[1], req["RoleArn"].split(":")[4]
    return _trusts(
        role, req, (f"arn:{partition}:iam::{account}:oidc-provider/{provider.url}", provider.url), claims, now
    )


def _trusts(role: Role, req: dict[str, Any], provider: tuple[str, str], claims: dict[str, Any], now: float) -> bool:
    """`provider` is as the trust policy's Federated names it, and its name in condition keys."""
    federated, name_in_keys = provider
    account = req["RoleArn"].split(":")[4]
    context: dict[str, Any] = {"sts:rolesessionname": req["RoleSessionName"], **dict(_claims(name_in_keys, claims))}
    principal = Principal("federated", account, federated, f"{name_in_keys}:{claims.get('sub', '')}", name_in_keys)
    request = AuthorizationRequest(principal, _ACTION, req["RoleArn"], now, account, context)
    trust = PolicySet(resource=Named("trust policy", parse_policy(role.trust, "trust")), needs_resource_policy=True)
    return evaluate(request, trust).allowed
