"""Operations of users on themselves, with an access token: attributes, second factors, deletion.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetUser.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.cognito_idp import codes, errors, messages, mfa, pools, schema, sessions, tokens, users
from mrak.services.cognito_idp.messages import Address, Outgoing
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import USERS, Session, User
from mrak.services.cognito_idp.tokens import Bearer


@operation("GetUser")
async def get_user(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    client = bearer.target.client
    shown = [pair for pair in users.render_attributes(bearer.user) if schema.is_readable(client, pair["Name"])]
    return {"Username": bearer.user.username, "UserAttributes": shown} | users.render_mfa(bearer.user)


@operation("DeleteUser")
async def delete_user(ctx: Context, req: dict[str, Any]) -> None:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target = bearer.target

    def delete(tx: Transaction) -> None:
        user = users.open_user(tx, target.scope, target.pool, bearer.user.username)
        users.delete(tx, target.scope, target.pool, user)

    await ctx.transact(delete)


@operation("UpdateUserAttributes")
async def update_user_attributes(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target, changes = bearer.target, schema.parse_attributes(req["UserAttributes"])
    schema.check_own(changes)
    schema.check_values(target.pool, changes)
    schema.check_writable(target.pool, target.client, changes)
    schema.check_mutable(target.pool, changes)
    verified = target.pool.settings.get("AutoVerifiedAttributes", [])
    addresses = [
        messages.address_of(name, changes[name])
        for name in schema.VERIFIABLE
        if name in verified and changes.get(name) and changes[name] != bearer.user.attributes.get(name)
    ]
    words = [
        await messages.word(ctx, target, bearer.user, "UpdateUserAttribute", req.get("ClientMetadata"))
        for _ in addresses
    ]

    def change(tx: Transaction) -> None:
        user = users.open_user(tx, target.scope, target.pool, bearer.user.username)
        changed = users.change_attributes(ctx, user, _unless_waiting(target, changes))
        schema.check_required(target.pool, changed.attributes)
        users.replace(tx, target.scope, target.pool, user, changed)
        for address, wording in zip(addresses, words, strict=True):
            purpose = codes.attribute_purpose(address.attribute)
            codes.issue(ctx, tx, Outgoing(target, changed, address, wording), purpose, address.to)

    await ctx.transact(change)
    return {"CodeDeliveryDetailsList": [address.render() for address in addresses]} if addresses else {}


def _unless_waiting(target: Target, changes: dict[str, str]) -> dict[str, str]:
    """What is changed at once: an address that has to be verified first keeps its old value until then."""
    settings = target.pool.settings.get("UserAttributeUpdateSettings", {})
    waiting = settings.get("AttributesRequireVerificationBeforeUpdate", [])
    return {name: value for name, value in changes.items() if name not in waiting}


@operation("DeleteUserAttributes")
async def delete_user_attributes(ctx: Context, req: dict[str, Any]) -> None:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target, changes = bearer.target, dict.fromkeys(req["UserAttributeNames"], "")
    schema.check_own(changes)
    schema.check_writable(target.pool, target.client, changes)
    schema.check_removable(target.pool, changes)

    def change(tx: Transaction) -> None:
        user = users.open_user(tx, target.scope, target.pool, bearer.user.username)
        changed = users.change_attributes(ctx, user, changes)
        schema.check_required(target.pool, changed.attributes)
        users.replace(tx, target.scope, target.pool, user, changed)

    await ctx.transact(change)


@operation("GetUserAttributeVerificationCode")
async def get_user_attribute_verification_code(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    name, target = req["AttributeName"], bearer.target
    value = bearer.user.attributes.get(name)
    if name not in schema.VERIFIABLE or not value:
        raise errors.invalid(f"User does not have {name} attribute to verify.")
    address: Address = messages.address_of(name, value)
    wording = await messages.word(ctx, target, bearer.user, "VerifyUserAttribute", req.get("ClientMetadata"))
    outgoing = Outgoing(target, bearer.user, address, wording)
    await ctx.transact(lambda tx: codes.issue(ctx, tx, outgoing, codes.attribute_purpose(name), value))
    return {"CodeDeliveryDetails": address.render()}


@operation("VerifyUserAttribute")
async def verify_user_attribute(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target, name = bearer.target, req["AttributeName"]

    def check(tx: Transaction) -> ApiError | None:
        user = users.open_user(tx, target.scope, target.pool, bearer.user.username)
        taken = codes.take(ctx, tx, target.scope, user, codes.attribute_purpose(name), req["Code"])
        if isinstance(taken, ApiError):
            return taken
        changed = users.change_attributes(ctx, user, {name: taken.value, f"{name}_verified": "true"})
        users.replace(tx, target.scope, target.pool, user, changed, take_aliases=True)
        return None

    failure = await ctx.transact(check)
    if failure is not None:
        raise failure
    return {}


@operation("AssociateSoftwareToken")
async def associate_software_token(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """A new secret, which holds once a code of it has come back."""
    if "AccessToken" in req:
        bearer = await tokens.require_bearer(ctx, req["AccessToken"])
        _check_totp(bearer.target)
        return {"SecretCode": await ctx.transact(lambda tx: _new_secret(ctx, tx, bearer.target, bearer.user.username))}
    target, session = await _session_target(ctx, req)
    _check_totp(target)

    def change(tx: Transaction) -> dict[str, Any]:
        taken = sessions.take(ctx, tx, target, session.id)
        secret = _new_secret(ctx, tx, target, taken.username)
        return {"SecretCode": secret, "Session": sessions.insert(ctx, tx, target, taken.username, "MFA_SETUP", {})}

    return await ctx.transact(change)


def _check_totp(target: Target) -> None:
    if not target.pool.settings.get("Totp", {}).get("Enabled"):
        raise errors.no_totp()


def _new_secret(ctx: Context, tx: Transaction, target: Target, username: str) -> str:
    user, secret = users.open_user(tx, target.scope, target.pool, username), mfa.new_secret(ctx)
    USERS.replace(tx, target.scope, user, msgspec.structs.replace(user, totp_pending=secret))
    return secret


async def _session_target(ctx: Context, req: dict[str, Any]) -> tuple[Target, Session]:
    """The target of a request that only has a session, which is looked for in the request's own region."""
    if "Session" not in req:
        raise errors.invalid("Either access token or session is required.")

    def look(tx: Transaction) -> tuple[Target, Session]:
        session = sessions.find(ctx, tx, ctx.scope, req["Session"])
        if session.challenge != "MFA_SETUP":
            raise errors.invalid_session()
        return pools.require_target(tx, ctx.scope.environment, session.client), session

    return await ctx.transact(look)


@operation("VerifySoftwareToken")
async def verify_software_token(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if "AccessToken" in req:
        bearer = await tokens.require_bearer(ctx, req["AccessToken"])
        target, username = bearer.target, bearer.user.username
        if not await ctx.transact(lambda tx: _confirm_secret(ctx, tx, target, username, req["UserCode"])):
            raise errors.totp_mismatch()
        return {"Status": "SUCCESS"}
    target, session = await _session_target(ctx, req)

    def check(tx: Transaction) -> str | None:
        if not _confirm_secret(ctx, tx, target, session.username, req["UserCode"]):
            return None
        taken = sessions.take(ctx, tx, target, session.id)
        user = users.open_user(tx, target.scope, target.pool, taken.username)
        kinds = [*(kind for kind in user.mfa if kind != "SOFTWARE_TOKEN_MFA"), "SOFTWARE_TOKEN_MFA"]
        changed = msgspec.structs.replace(user, mfa=kinds, preferred_mfa=user.preferred_mfa or "SOFTWARE_TOKEN_MFA")
        USERS.replace(tx, target.scope, user, changed)
        return sessions.insert(ctx, tx, target, taken.username, "MFA_SETUP", {"verified": True})

    following = await ctx.transact(check)
    if following is None:
        raise errors.totp_mismatch()
    return {"Status": "SUCCESS", "Session": following}


def _confirm_secret(ctx: Context, tx: Transaction, target: Target, username: str, code: str) -> bool:
    user = users.open_user(tx, target.scope, target.pool, username)
    if not user.totp_pending or mfa.find_step(user.totp_pending, code, ctx.now, 0) is None:
        return False
    changed = msgspec.structs.replace(user, totp_secret=user.totp_pending, totp_pending="", totp_step=0)
    USERS.replace(tx, target.scope, user, changed)
    return True


@operation("SetUserMFAPreference")
async def set_user_mfa_preference(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer: Bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target = bearer.target
    await ctx.transact(lambda tx: set_preference(tx, target, bearer.user.username, req))
    return {}


@operation("SetUserSettings")
async def set_user_settings(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """The older form of SetUserMFAPreference: codes by SMS, or none."""
    bearer: Bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target = bearer.target
    await ctx.transact(lambda tx: set_preference(tx, target, bearer.user.username, sms_preference(req)))
    return {}


def sms_preference(req: dict[str, Any]) -> dict[str, Any]:
    for option in req["MFAOptions"]:
        if option.get("DeliveryMedium") != "SMS" or option.get("AttributeName") != "phone_number":
            raise errors.invalid("MFA options can only name SMS to phone_number.")
    return {"SMSMfaSettings": {"Enabled": bool(req["MFAOptions"])}}


_PREFERENCES = {
    "SMSMfaSettings": "SMS_MFA",
    "SoftwareTokenMfaSettings": "SOFTWARE_TOKEN_MFA",
    "EmailMfaSettings": "EMAIL_OTP",
}


def set_preference(tx: Transaction, target: Target, username: str, req: dict[str, Any]) -> None:
    """Which second factors a user wants, and which one first."""
    user: User = users.open_user(tx, target.scope, target.pool, username)
    kinds, preferred = list(user.mfa), user.preferred_mfa
    for member, kind in _PREFERENCES.items():
        wanted = req.get(member)
        if wanted is None:
            continue
        if wanted.get("Enabled"):
            _check_factor(user, kind)
            kinds = [*(one for one in kinds if one != kind), kind]
        elif "Enabled" in wanted:
            kinds = [one for one in kinds if one != kind]
        preferred = kind if wanted.get("PreferredMfa") else "" if preferred == kind else preferred
    preferred = preferred if preferred in kinds else ""
    USERS.replace(tx, target.scope, user, msgspec.structs.replace(user, mfa=kinds, preferred_mfa=preferred))


def _check_factor(user: User, kind: str) -> None:
    if kind == "SOFTWARE_TOKEN_MFA" and not user.totp_secret:
        raise errors.invalid("User has not verified software token mfa")
    attribute = {"SMS_MFA": "phone_number", "EMAIL_OTP": "email"}.get(kind)
    if attribute is not None and user.attributes.get(f"{attribute}_verified") != "true":
        words = "phone number" if attribute == "phone_number" else "email"
        raise errors.invalid(f"User does not have a verified {words}")
