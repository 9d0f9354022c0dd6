"""Operations of users on their passkeys and first factors.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_StartWebAuthnRegistration.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.services.cognito_idp import errors, first_factors, parts, passkeys, pools, tokens, users
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import PASSKEYS, Client, Passkey, User
from mrak.services.cognito_idp.tokens import Bearer


async def _bearer(ctx: Context, req: dict[str, Any]) -> Bearer:
    """The user, of a pool that takes passkeys."""
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    if "WEB_AUTHN" not in first_factors.allowed_in(bearer.target.pool):
        raise errors.passkeys_off()
    return bearer


@operation("StartWebAuthnRegistration")
async def start_web_authn_registration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await _bearer(ctx, req)
    options = await ctx.transact(lambda tx: passkeys.begin(ctx, tx, bearer.target, bearer.user))
    return {"CredentialCreationOptions": options}


@operation("CompleteWebAuthnRegistration")
async def complete_web_authn_registration(ctx: Context, req: dict[str, Any]) -> None:
    bearer = await _bearer(ctx, req)
    await ctx.transact(lambda tx: passkeys.complete(ctx, tx, bearer.target, bearer.user, req["Credential"]))


@operation("ListWebAuthnCredentials")
async def list_web_authn_credentials(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    user, after = bearer.user, parts.position(req.get("NextToken"))

    def look(tx: Transaction) -> tuple[list[Passkey], str | None]:
        rows = PASSKEYS.scan(tx, bearer.target.scope, user.pool, user.username, after=after)
        return take_page(rows, req.get("MaxResults") or passkeys.MOST, lambda row: row.id)

    page, token = await ctx.transact(look)
    return {"Credentials": [_render(passkey) for passkey in page]} | ({"NextToken": token} if token else {})


def _render(passkey: Passkey) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "CredentialId": passkey.id,
        "FriendlyCredentialName": f"Passkey {passkey.id[:8]}",
        "RelyingPartyId": passkey.relying_party,
        "AuthenticatorTransports": passkey.transports,
        "CreatedAt": passkey.created_at,
    }
    return shown | ({"AuthenticatorAttachment": passkey.attachment} if passkey.attachment else {})


@operation("DeleteWebAuthnCredential")
async def delete_web_authn_credential(ctx: Context, req: dict[str, Any]) -> None:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    scope, user = bearer.target.scope, bearer.user

    def delete(tx: Transaction) -> None:
        found = PASSKEYS.open(tx, scope, user.pool, user.username, req["CredentialId"])
        if found is None:
            raise errors.not_found("The WebAuthn credential does not exist.")
        PASSKEYS.delete(tx, scope, found)

    await ctx.transact(delete)


@operation("GetUserAuthFactors")
async def get_user_auth_factors(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    return await ctx.transact(lambda tx: _factors(tx, bearer.target, bearer.user))


@operation("AdminGetUserAuthFactors")
def admin_get_user_auth_factors(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    nobody = Client(pool=pool.id, id="", name="", created_at=0.0, modified_at=0.0)
    return _factors(tx, Target(ctx.scope, pool, nobody), users.require(tx, ctx.scope, pool, req["Username"]))


def _factors(tx: Transaction, target: Target, user: User) -> dict[str, Any]:
    configured = first_factors.configured(tx, target, user)
    return {"Username": user.username, "ConfiguredUserAuthFactors": configured} | users.render_mfa(user)
