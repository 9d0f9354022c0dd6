"""The tokens of a sign-in: id and access tokens are signed, the refresh token is a secret whose digest is kept.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html

All tokens of a sign-in carry its `origin_jti`. Its REFRESH row is there until it expires or is revoked, and access
tokens are honoured as long as it is: so RevokeToken, GlobalSignOut and the deletion of a user end them at once.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_idp import claims as claims_of
from mrak.services.cognito_idp import errors, pools, signing
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import EXPIRING, REFRESH, USERS, Pool, Refresh, User

ADMIN_SCOPE: Final = "aws.cognito.signin.user.admin"
_SWEEP: Final = 4
_ORIGIN_LENGTH: Final = 36
_NOT_THEIRS: Final = "Invalid access token."
_LONGEST_TOKEN: Final = 16 * 1024


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A user who has proved to be one. `source` is the part of PreTokenGeneration's source behind TokenGeneration_."""

    user: User
    source: str = "Authentication"
    scopes: tuple[str, ...] = (ADMIN_SCOPE,)
    nonce: str = ""
    metadata: dict[str, str] | None = None
    signed_in_at: float = 0.0
    device_key: str = ""
    origin: str = ""
    """The sign-in that goes on, for new tokens in exchange for a refresh token."""


async def issue(ctx: Context, target: Target, sign_in: SignIn) -> dict[str, Any]:
    """AuthenticationResult of a sign-in; with a refresh token where it begins."""
    keys = await signing.require_keys(ctx, target.scope, target.pool.id)
    groups = await ctx.transact(lambda tx: claims_of.groups_of(tx, target, sign_in.user))
    origin = sign_in.origin or ctx.draw.uuid()
    signed_in_at = sign_in.signed_in_at or ctx.now
    base = claims_of.Base(
        issuer=signing.issuer_of(ctx, target.pool.id), origin=origin, event=ctx.draw.uuid(), now=int(ctx.now),
        signed_in_at=int(signed_in_at),
    )  # fmt: skip
    id_claims, access_claims = await claims_of.make(ctx, target, sign_in, groups, base)
    answer: dict[str, Any] = {
        "AccessToken": signing.sign(keys, signing.ACCESS, access_claims),
        "ExpiresIn": pools.validity_seconds(target.client, "AccessToken"),
        "TokenType": "Bearer",
    }
    if sign_in.scopes == (ADMIN_SCOPE,) or "openid" in sign_in.scopes:
        answer["IdToken"] = signing.sign(keys, signing.ID, id_claims)
    secret = "" if sign_in.origin else ctx.draw.hex(64)
    is_active = await ctx.transact(lambda tx: _begin(ctx, tx, target, sign_in, origin, secret))
    if is_active:
        ctx.meter("MonthlyActiveUsers", 1.0)
        ctx.about(pools.pool_arn(target.scope, target.pool.id))
    if secret:
        answer["RefreshToken"] = origin + secret
    return answer


def _begin(ctx: Context, tx: Transaction, target: Target, sign_in: SignIn, origin: str, secret: str) -> bool:
    """Keeps what a refresh token stands for; tells whether the user is active for the first time this month."""
    if secret:
        _sweep(ctx, tx, target.scope)
        REFRESH.lock(tx, target.scope, target.pool.id, origin)
        row = Refresh(
            pool=target.pool.id,
            origin=origin,
            username=sign_in.user.username,
            client=target.client.id,
            digest=_digest(secret),
            signed_in_at=ctx.now,
            expires_at=ctx.now + pools.validity_seconds(target.client, "RefreshToken"),
            scopes=list(sign_in.scopes),
            nonce=sign_in.nonce,
            sub=sign_in.user.sub,
        )
        REFRESH.insert(tx, target.scope, row)
    return mark_active(ctx, tx, target.scope, target.pool, sign_in.user.username)


def mark_active(ctx: Context, tx: Transaction, scope: Scope, pool: Pool, username: str) -> bool:
    month = time.strftime("%Y-%m", time.gmtime(ctx.now))
    user = USERS.open(tx, scope, pool.id, username)
    if user is None or user.active_month == month:
        return False
    USERS.replace(tx, scope, user, msgspec.structs.replace(user, active_month=month))
    return True


def _sweep(ctx: Context, tx: Transaction, scope: Scope) -> None:
    """Each new sign-in removes a few that have expired, so that the rest stays small."""
    for row in list(EXPIRING.scan(tx, scope, upto=ctx.now, limit=_SWEEP)):
        REFRESH.lock(tx, scope, row.pool, row.origin)
        REFRESH.delete(tx, scope, row)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def find_refresh(ctx: Context, tx: Transaction, target: Target, token: str) -> Refresh:
    """The sign-in of a refresh token, opened; raises where the token does not hold."""
    origin, secret = token[:_ORIGIN_LENGTH], token[_ORIGIN_LENGTH:]
    if len(token) != _ORIGIN_LENGTH + 64:
        raise errors.not_authorized("Invalid Refresh Token")
    row = REFRESH.open(tx, target.scope, target.pool.id, origin)
    if row is None:  # where tokens rotate, AWS says no more (recorded)
        raise errors.not_authorized("" if rotates(target) else "Refresh Token has been revoked")
    held = [row.digest, *(one for one, until in row.rotated if ctx.now < until)]
    if row.client != target.client.id:
        raise errors.not_authorized("Refresh Token has different Client")
    if not _is_among(held, secret):
        raise errors.token_reused() if rotates(target) else errors.not_authorized("Invalid Refresh Token")
    return row


def _is_among(held: list[bytes], secret: str) -> bool:
    given = _digest(secret)
    return any(hmac.compare_digest(one, given) for one in held)


def revoke(tx: Transaction, target: Target, token: str) -> None:
    """Ends a sign-in by its refresh token, or by the one before; one that has ended already is fine."""
    row = REFRESH.open(tx, target.scope, target.pool.id, token[:_ORIGIN_LENGTH])
    if row is None or row.client != target.client.id:
        return
    if _is_among([row.digest, *(one for one, _ in row.rotated)], token[_ORIGIN_LENGTH:]):
        REFRESH.delete(tx, target.scope, row)


def rotates(target: Target) -> bool:
    """Whether each use of a client's refresh token gives another one."""
    return _rotation(target) is not None


def _rotation(target: Target) -> float | None:
    """For how many seconds a refresh token holds once it gave another; None where it does not."""
    found = target.client.settings.get("RefreshTokenRotation", {})
    return float(found.get("RetryGracePeriodSeconds", 0)) if found.get("Feature") == "ENABLED" else None


async def refresh(ctx: Context, target: Target, token: str, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """New id and access tokens for a refresh token."""

    def look(tx: Transaction) -> tuple[Refresh, User]:
        row = find_refresh(ctx, tx, target, token)
        user = USERS.get(tx, target.scope, target.pool.id, row.username)
        if user is None or row.sub not in ("", user.sub):
            raise errors.not_authorized("The user has been deleted for the associated refresh token")
        if not user.enabled:
            raise errors.disabled()
        if row.is_revoked:
            raise errors.not_authorized("Refresh Token has been revoked")
        return row, user

    row, user = await ctx.transact(look)
    if ctx.now >= row.expires_at:
        raise errors.not_authorized("Refresh Token has expired")
    sign_in = SignIn(
        user=user,
        source="RefreshTokens",
        scopes=tuple(row.scopes),
        metadata=metadata,
        signed_in_at=row.signed_in_at,
        origin=row.origin,
    )
    answer = await issue(ctx, target, sign_in)
    grace = _rotation(target)
    if grace is not None:
        secret = ctx.draw.hex(64)
        await ctx.transact(lambda tx: _rotate(ctx, tx, target, token, secret, grace))
        answer["RefreshToken"] = row.origin + secret
    return answer


def _rotate(ctx: Context, tx: Transaction, target: Target, token: str, secret: str, grace: float) -> None:
    """Only the token before the present one holds for its grace; one that was given for it before is displaced by the
    next (recorded)."""
    row = find_refresh(ctx, tx, target, token)
    is_present = _is_among([row.digest], token[_ORIGIN_LENGTH:])
    rotated = [(row.digest, ctx.now + grace)] if is_present else row.rotated
    REFRESH.replace(tx, target.scope, row, msgspec.structs.replace(row, digest=_digest(secret), rotated=rotated))


class Bearer(msgspec.Struct, frozen=True):
    """Who an access token is for."""

    target: Target
    user: User
    claims: dict[str, Any]


async def require_bearer(ctx: Context, token: str, scope_needed: str = ADMIN_SCOPE) -> Bearer:
    """The user of an access token that holds now."""
    from mrak.auth.tokens import read_unverified

    if len(token) > _LONGEST_TOKEN:
        raise errors.not_authorized("Invalid Access Token")
    told = read_unverified(token)
    client_id = told.get("client_id")
    if not isinstance(client_id, str) or told.get("token_use") != "access":
        raise errors.not_authorized("Invalid Access Token")
    target = await ctx.transact(lambda tx: pools.require_target(tx, ctx.scope.environment, client_id))
    keys = await signing.require_keys(ctx, target.scope, target.pool.id)
    claims = signing.verify(keys, signing.ACCESS, token)
    if claims is None:
        raise errors.not_authorized("Could not verify signature for Access Token")
    if claims.get("exp", 0) <= ctx.now:
        raise errors.not_authorized("Access Token has expired")
    if scope_needed not in str(claims.get("scope", "")).split():
        raise errors.not_authorized("Access Token does not have required scopes")
    user = await ctx.transact(lambda tx: _living_user(tx, target, claims))
    return Bearer(target, user, claims)


def _living_user(tx: Transaction, target: Target, claims: dict[str, Any]) -> User:
    user = USERS.get(tx, target.scope, target.pool.id, str(claims.get("username", "")))
    if user is None:
        raise errors.user_not_found()
    if not user.enabled:
        raise errors.disabled()
    if user.sub != claims.get("sub"):  # another one that took the name since
        raise errors.user_not_confirmed() if user.status == "UNCONFIRMED" else errors.not_authorized(_NOT_THEIRS)
    sign_in = REFRESH.get(tx, target.scope, target.pool.id, str(claims.get("origin_jti", "")))
    if sign_in is None or sign_in.is_revoked:
        raise errors.not_authorized("Access Token has been revoked")
    return user
