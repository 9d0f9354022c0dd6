"""Operations that sign in and out: InitiateAuth, RespondToAuthChallenge, their administrators' twins, and tokens.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cognito_idp import authentication, challenges, custom, errors, first_factors, pools, tokens, users
from mrak.services.cognito_idp.authentication import PASSWORD_FLOWS, Attempt
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import USERS, User


async def _target(ctx: Context, req: dict[str, Any]) -> Target:
    """The target of a request that an app sends, or of an administrator's, who names the pool too."""
    if "UserPoolId" not in req:
        return await ctx.transact(lambda tx: pools.require_target(tx, ctx.scope.environment, req["ClientId"]))

    def look(tx: Transaction) -> Target:
        pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
        target = pools.require_target(tx, ctx.scope.environment, req["ClientId"])
        if target.pool.id != pool.id:
            raise errors.client_elsewhere(req["ClientId"], pool.id)
        return target

    return await ctx.transact(look)


@operation("InitiateAuth")
async def initiate_auth(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await _initiate(ctx, req, by_admin=False)


@operation("AdminInitiateAuth")
async def admin_initiate_auth(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await _initiate(ctx, req, by_admin=True)


async def _initiate(ctx: Context, req: dict[str, Any], *, by_admin: bool) -> dict[str, Any]:
    target, flow, params = await _target(ctx, req), req["AuthFlow"], req.get("AuthParameters", {})
    if flow in ("REFRESH_TOKEN", "REFRESH_TOKEN_AUTH") and tokens.rotates(target):
        raise errors.unsupported("This API does not support refresh token rotation")
    authentication.check_flow(target, flow, by_admin=by_admin)
    if flow in ("REFRESH_TOKEN", "REFRESH_TOKEN_AUTH"):
        return await _refresh(ctx, target, params, req)
    name = challenges.require(params, "USERNAME")
    authentication.check_secret(target, name, params.get("SECRET_HASH"))
    attempt = Attempt(
        target=target, name=name, flow=flow, metadata=req.get("ClientMetadata"), by_admin=by_admin,
        device_key=params.get("DEVICE_KEY", ""),
    )  # fmt: skip
    if flow == first_factors.FLOW:
        return await first_factors.start(ctx, attempt, params, req.get("Session"))
    if flow in PASSWORD_FLOWS:
        return await authentication.with_password(ctx, attempt, challenges.require(params, "PASSWORD"))
    if flow == "USER_SRP_AUTH":
        return await authentication.start_srp(ctx, attempt, challenges.require(params, "SRP_A"))
    return await custom.start(ctx, attempt, params)


async def _refresh(ctx: Context, target: Target, params: dict[str, str], req: dict[str, Any]) -> dict[str, Any]:
    token, client = challenges.require(params, "REFRESH_TOKEN"), target.client
    if client.secret:
        given = params.get("SECRET_HASH")
        if given is None:
            raise errors.secret_hash_missing(client.id)
        row = await ctx.transact(lambda tx: tokens.find_refresh(ctx, tx, target, token))
        # The hash is of the username; many clients send their secret itself or hash the name that was typed.
        names = await ctx.transact(lambda tx: _names(tx, target, row.username))
        if not pools.is_secret(client, given) and not any(pools.is_secret_hash(client, name, given) for name in names):
            raise errors.secret_hash_mismatch(client.id)
    answer = await tokens.refresh(ctx, target, token, req.get("ClientMetadata"))
    return {"ChallengeParameters": {}, "AuthenticationResult": answer}


def _names(tx: Transaction, target: Target, username: str) -> list[str]:
    user = USERS.get(tx, target.scope, target.pool.id, username)
    if user is None:
        return [username]
    addresses = [user.attributes.get(kind) for kind in ("email", "phone_number", "preferred_username")]
    return [username, user.sub, *(address for address in addresses if address)]


@operation("RespondToAuthChallenge")
async def respond_to_auth_challenge(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await _respond(ctx, req, by_admin=False)


@operation("AdminRespondToAuthChallenge")
async def admin_respond_to_auth_challenge(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await _respond(ctx, req, by_admin=True)


async def _respond(ctx: Context, req: dict[str, Any], *, by_admin: bool) -> dict[str, Any]:
    target, responses = await _target(ctx, req), req.get("ChallengeResponses", {})
    name = challenges.require(responses, "USERNAME")
    authentication.check_secret(target, name, responses.get("SECRET_HASH"))
    attempt = Attempt(
        target=target, name=name, flow="", metadata=req.get("ClientMetadata"), by_admin=by_admin,
        device_key=responses.get("DEVICE_KEY", ""),
    )  # fmt: skip
    return await challenges.respond(ctx, attempt, req["ChallengeName"], req.get("Session"), responses)


@operation("GetTokensFromRefreshToken")
async def get_tokens_from_refresh_token(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await _target(ctx, req)
    if target.client.secret and not pools.is_secret(target.client, req.get("ClientSecret", "")):
        raise errors.not_authorized("Invalid client secret")
    answer = await tokens.refresh(ctx, target, req["RefreshToken"], req.get("ClientMetadata"))
    return {"AuthenticationResult": answer}


@operation("RevokeToken")
def revoke_token(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    target = pools.require_target(tx, ctx.scope.environment, req["ClientId"])
    if target.client.secret and not pools.is_secret(target.client, req.get("ClientSecret", "")):
        raise errors.invalid_client()
    if not target.client.settings.get("EnableTokenRevocation", True):
        raise errors.unsupported("Token revocation is not enabled for this client.")
    revoke(ctx, tx, target, req["Token"])


def revoke(ctx: Context, tx: Transaction, target: Target, token: str) -> None:
    """Ends a sign-in by its refresh token; one that has ended already is fine."""
    if token.count(".") == 2:
        raise errors.unsupported_token()
    tokens.revoke(tx, target, token)


@operation("GlobalSignOut")
async def global_sign_out(ctx: Context, req: dict[str, Any]) -> None:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target = bearer.target
    await ctx.transact(lambda tx: users.sign_out(tx, target.scope, target.pool, bearer.user))


@operation("AdminUserGlobalSignOut")
def admin_user_global_sign_out(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    user: User = users.require(tx, ctx.scope, pool, req["Username"])
    users.sign_out(tx, ctx.scope, pool, user)
