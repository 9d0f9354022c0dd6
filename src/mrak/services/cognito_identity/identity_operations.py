"""Operations of apps: an identity, and credentials or a token for it. They are not signed.

https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html

The enhanced flow (GetCredentialsForIdentity) is the basic one in one step, as on AWS: a token of the pool's, with which
the role is assumed through STS, so that the role's trust policy decides.
"""

from __future__ import annotations

from typing import Any, Final

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.cognito_identity import errors, logins, pools, roles
from mrak.services.cognito_identity.logins import Proved
from mrak.services.cognito_identity.tables import Identity, IdentityPool

_TOKEN_SECONDS: Final = 600
_DEVELOPER_TOKEN_SECONDS: Final = 900
_SESSION_NAME: Final = "CognitoIdentityCredentials"


def _users(proved: list[Proved]) -> dict[str, str]:
    return {one.provider: one.user for one in proved if one.provider != logins.OWN}


@operation("GetId")
async def get_id(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    environment, pool_id = ctx.scope.environment, req["IdentityPoolId"]
    scope, pool = await ctx.transact(lambda tx: pools.require_public(tx, environment, pool_id))
    given = req.get("Logins", {})
    if not given and not pool.settings["AllowUnauthenticatedIdentities"]:
        raise errors.unauthenticated()
    proved = await logins.prove(ctx, pool, given)
    own = next((one for one in proved if one.provider == logins.OWN), None)
    if own is not None:
        return {"IdentityId": own.user}

    def find(tx: Transaction) -> str:
        known = pools.find_by_logins(tx, scope, pool, _users(proved))
        return known or pools.insert_identity(ctx, tx, scope, pool, _users(proved)).id

    return {"IdentityId": await ctx.transact(find)}


async def _enter(ctx: Context, req: dict[str, Any]) -> tuple[Scope, IdentityPool, Identity, list[Proved]]:
    """The identity of a request, once its logins have proved to be the identity's own."""
    environment, identity_id = ctx.scope.environment, req["IdentityId"]
    scope, pool, identity = await ctx.transact(lambda tx: pools.require_identity(tx, environment, identity_id))
    given = req.get("Logins", {})
    if not given:
        if identity.logins:
            raise errors.forbidden(identity_id)
        if not pool.settings["AllowUnauthenticatedIdentities"]:
            raise errors.unauthenticated()
        return scope, pool, identity, []
    proved = await logins.prove(ctx, pool, given)

    def check(tx: Transaction) -> Identity:
        _, _, current = pools.require_identity(tx, environment, identity_id)
        if any(one.provider == logins.OWN and one.user != identity_id for one in proved):
            raise errors.forbidden(identity_id)
        known = pools.find_by_logins(tx, scope, pool, _users(proved))
        if known not in (None, identity_id):
            raise errors.logins_mismatch()
        is_own = known == identity_id or any(one.provider == logins.OWN for one in proved)
        if current.logins and not is_own:
            raise errors.logins_mismatch()
        return pools.link(ctx, tx, scope, current, _users(proved))

    return scope, pool, await ctx.transact(check), proved


def _methods(proved: list[Proved]) -> list[str]:
    if not proved:
        return ["unauthenticated"]
    named = [
        name for one in proved for name in (one.provider, f"{one.mapping}:{one.user}") if one.provider != logins.OWN
    ]
    return ["authenticated", *named]


@operation("GetOpenIdToken")
async def get_open_id_token(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    _, pool, identity, proved = await _enter(ctx, req)
    if not pool.settings.get("AllowClassicFlow"):
        raise errors.invalid("Basic (classic) flow is not enabled, please use enhanced flow.")
    tags = roles.principal_tags(pool, proved)
    token = await logins.issue_token(ctx, pool, identity.id, _methods(proved), _TOKEN_SECONDS, tags)
    return {"IdentityId": identity.id, "Token": token}


@operation("GetCredentialsForIdentity")
async def get_credentials_for_identity(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    scope, pool, identity, proved = await _enter(ctx, req)
    role_arn = roles.choose(pool, proved, req.get("CustomRoleArn"))
    tags = roles.principal_tags(pool, proved)
    token = await logins.issue_token(ctx, pool, identity.id, _methods(proved), _TOKEN_SECONDS, tags)
    request = {"RoleArn": role_arn, "RoleSessionName": _SESSION_NAME, "WebIdentityToken": token}
    try:
        answer = await ctx.call("sts", "AssumeRoleWithWebIdentity", request, scope=scope)
    except ApiError as error:
        if error.status >= 500:
            raise
        raise errors.no_roles() from None
    made = answer["Credentials"]
    return {
        "IdentityId": identity.id,
        "Credentials": {
            "AccessKeyId": made["AccessKeyId"],
            "SecretKey": made["SecretAccessKey"],
            "SessionToken": made["SessionToken"],
            "Expiration": made["Expiration"],
        },
    }


@operation("UnlinkIdentity")
async def unlink_identity(ctx: Context, req: dict[str, Any]) -> None:
    scope, _, identity, _ = await _enter(ctx, req)

    def remove(tx: Transaction) -> None:
        _, _, current = pools.require_identity(tx, ctx.scope.environment, identity.id)
        pools.unlink(ctx, tx, scope, current, set(req["LoginsToRemove"]))

    await ctx.transact(remove)


def _developer_user(pool: IdentityPool, given: dict[str, str]) -> tuple[str, str]:
    provider = pool.settings.get("DeveloperProviderName")
    if provider is None or provider not in given:
        raise errors.invalid("Please provide a login of the developer provider of this identity pool.")
    return provider, given[provider]


@operation("GetOpenIdTokenForDeveloperIdentity")
async def get_open_id_token_for_developer_identity(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """A signed call of the developer's own server, whose word on its users is taken."""
    scope = ctx.scope
    pool = await ctx.transact(lambda tx: pools.require_pool(tx, scope, req["IdentityPoolId"]))
    provider, user = _developer_user(pool, req["Logins"])
    others = {name: token for name, token in req["Logins"].items() if name != provider}
    users = {provider: user} | _users(await logins.prove(ctx, pool, others))

    def find(tx: Transaction) -> str:
        known, wanted = pools.find_by_logins(tx, scope, pool, users), req.get("IdentityId")
        if wanted is not None and known not in (None, wanted):
            raise errors.developer_user_registered()
        if known is None and wanted is None:
            return pools.insert_identity(ctx, tx, scope, pool, users).id
        _, _, identity = pools.require_identity(tx, scope.environment, str(wanted or known))
        return pools.link(ctx, tx, scope, identity, users).id

    identity_id = await ctx.transact(find)
    methods = ["authenticated", provider, f"{provider}:{scope.region}:{pool.id}:{user}"]
    seconds = req.get("TokenDuration", _DEVELOPER_TOKEN_SECONDS)
    token = await logins.issue_token(ctx, pool, identity_id, methods, seconds, req.get("PrincipalTags", {}))
    return {"IdentityId": identity_id, "Token": token}
