"""What other services may use of user pools: proof of tokens, and keys to sign tokens of their own."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.cognito_idp import pools, signing


async def find_identity(ctx: Context, token: str) -> tuple[str, dict[str, Any]] | None:
    """(pool id, claims) of an id token that a pool of this environment signed; times are the caller's to check."""
    from mrak.auth.tokens import read_unverified

    client_id = read_unverified(token).get("aud")
    if not isinstance(client_id, str):
        return None
    try:
        target = await ctx.transact(lambda tx: pools.require_target(tx, ctx.scope.environment, client_id))
    except ApiError:
        return None
    keys = await signing.require_keys(ctx, target.scope, target.pool.id)
    claims = signing.verify(keys, signing.ID, token)
    return None if claims is None or claims.get("token_use") != "id" else (target.pool.id, claims)


async def sign_as(ctx: Context, scope: Scope, name: str, claims: dict[str, Any]) -> str:
    """A token signed by the keys of `name`, which are made when first needed."""
    return signing.sign(await signing.require_keys(ctx, scope, name), signing.ID, claims)


async def find_claims(ctx: Context, scope: Scope, name: str, token: str) -> dict[str, Any] | None:
    """The claims of a token of `sign_as`; None for any other."""
    return signing.verify(await signing.require_keys(ctx, scope, name), signing.ID, token)
