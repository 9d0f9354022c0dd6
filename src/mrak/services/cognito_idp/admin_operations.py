"""Operations of administrators on users, and listings of them.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUser.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.services.cognito_idp import (
    codes,
    errors,
    listing,
    messages,
    parts,
    passwords,
    pools,
    schema,
    self_operations,
    signup_operations,
    triggers,
    users,
)  # fmt: skip
from mrak.services.cognito_idp.messages import Address, Outgoing
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import USERS, Client, Pool, User

_MOST_LISTED: Final = 60
# What functions are told where no app client asks.
_NO_CLIENT: Final = "CLIENT_ID_NOT_APPLICABLE"


async def _target(ctx: Context, req: dict[str, Any]) -> Target:
    pool = await ctx.transact(lambda tx: pools.require_pool(tx, ctx.scope, req["UserPoolId"]))
    return Target(ctx.scope, pool, Client(pool=pool.id, id=_NO_CLIENT, name="", created_at=0.0, modified_at=0.0))


@operation("AdminCreateUser")
async def admin_create_user(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await _target(ctx, req)
    if req.get("MessageAction") == "RESEND":
        return await _invite_again(ctx, target, req)
    pool = target.pool
    given = schema.parse_attributes(req.get("UserAttributes", []))
    schema.check_values(pool, {name: value for name, value in given.items() if name != "sub"}, is_new=True)
    password = req.get("TemporaryPassword") or passwords.generate(ctx, pool)
    passwords.check_policy(pool, password, passwords.OF_INVITED)
    username, sub, attributes = users.username_of(ctx, pool, req["Username"], given)
    schema.check_required(pool, attributes, is_new=True)
    await ctx.transact(lambda tx: _check_free(tx, target, username, attributes))
    await triggers.pre_sign_up(ctx, target, "PreSignUp_AdminCreateUser", username, req, attributes)
    user = User(
        pool=pool.id,
        username=username,
        sub=sub,
        created_at=ctx.now,
        modified_at=ctx.now,
        attributes=attributes,
        status="FORCE_CHANGE_PASSWORD",
    )
    outgoing = [] if req.get("MessageAction") == "SUPPRESS" else await _invitations(ctx, target, user, req)

    def insert(tx: Transaction) -> User:
        made = passwords.set_password(ctx, pool, user, password, permanent=False)
        force = bool(req.get("ForceAliasCreation"))
        users.insert(ctx, tx, target.scope, pool, made, take_aliases=force)
        for message in outgoing:
            messages.send(ctx, tx, message, password)
        return made

    return {"User": users.render(await ctx.transact(insert))}


def _check_free(tx: Transaction, target: Target, username: str, attributes: dict[str, str]) -> None:
    kinds = target.pool.settings.get("UsernameAttributes", [])
    for name in (username, *(attributes[kind] for kind in kinds if attributes.get(kind))):
        if users.find(tx, target.scope, target.pool, name) is not None:
            raise errors.username_exists("User account already exists")


async def _invitations(ctx: Context, target: Target, user: User, req: dict[str, Any]) -> list[Outgoing]:
    """The messages with the temporary password, by the wanted ways (SMS, unless told otherwise)."""
    addresses: list[Address] = []
    for medium in req.get("DesiredDeliveryMediums", ["SMS"]):
        attribute = "email" if medium == "EMAIL" else "phone_number"
        if user.attributes.get(attribute):
            addresses.append(messages.address_of(attribute, user.attributes[attribute]))
    if not addresses and user.attributes.get("email"):
        addresses.append(messages.address_of("email", user.attributes["email"]))
    if not addresses:
        return []
    wording = await messages.word(ctx, target, user, "AdminCreateUser", req.get("ClientMetadata"))
    return [Outgoing(target, user, address, wording) for address in addresses]


async def _invite_again(ctx: Context, target: Target, req: dict[str, Any]) -> dict[str, Any]:
    """MessageAction RESEND: another temporary password for a user who has not come yet."""
    pool = target.pool
    user = await ctx.transact(lambda tx: users.require(tx, target.scope, pool, req["Username"]))
    if user.status != "FORCE_CHANGE_PASSWORD":
        raise errors.unsupported_state(f"Resend not possible. {user.username} status is not FORCE_CHANGE_PASSWORD")
    password = req.get("TemporaryPassword") or passwords.generate(ctx, pool)
    passwords.check_policy(pool, password, passwords.OF_INVITED)
    outgoing = await _invitations(ctx, target, user, req)

    def change(tx: Transaction) -> User:
        current = users.open_user(tx, target.scope, pool, user.username)
        changed = passwords.set_password(ctx, pool, current, password, permanent=False)
        users.replace(tx, target.scope, pool, current, changed)
        for message in outgoing:
            messages.send(ctx, tx, message, password)
        return changed

    return {"User": users.render(await ctx.transact(change))}


@operation("AdminGetUser")
def admin_get_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    user = users.require(tx, ctx.scope, pool, req["Username"])
    shown = users.render(user)
    shown["UserAttributes"] = shown.pop("Attributes")
    return shown | users.render_mfa(user)


def _change(ctx: Context, tx: Transaction, req: dict[str, Any], change: Callable[[Pool, User], User]) -> None:
    """Reads, changes and writes the user that a request names."""
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    user = users.open_user(tx, ctx.scope, pool, req["Username"])
    users.replace(tx, ctx.scope, pool, user, change(pool, user))


@operation("AdminSetUserPassword")
def admin_set_user_password(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    permanent = bool(req.get("Permanent"))

    def change(pool: Pool, user: User) -> User:
        passwords.check_policy(pool, req["Password"])
        changed = passwords.set_password(ctx, pool, user, req["Password"], permanent=permanent)
        return msgspec.structs.replace(changed, status="CONFIRMED" if permanent else "FORCE_CHANGE_PASSWORD")

    _change(ctx, tx, req, change)


@operation("AdminConfirmSignUp")
async def admin_confirm_sign_up(ctx: Context, req: dict[str, Any]) -> None:
    target = await _target(ctx, req)

    def confirm(tx: Transaction) -> User:
        user = users.open_user(tx, target.scope, target.pool, req["Username"])
        if user.status != "UNCONFIRMED":
            raise errors.not_authorized(f"User cannot be confirmed. Current status is {user.status}")
        changed = msgspec.structs.replace(user, status="CONFIRMED", modified_at=ctx.now)
        users.replace(tx, target.scope, target.pool, user, changed)
        codes.forget(tx, target.scope, target.pool, user, codes.SIGN_UP)
        return changed

    user = await ctx.transact(confirm)
    await triggers.post_confirmation(ctx, target, "PostConfirmation_ConfirmSignUp", user, req.get("ClientMetadata"))


@operation("AdminUpdateUserAttributes")
async def admin_update_user_attributes(ctx: Context, req: dict[str, Any]) -> None:
    target, changes = await _target(ctx, req), schema.parse_attributes(req["UserAttributes"])
    schema.check_values(target.pool, changes)
    schema.check_mutable(target.pool, changes)
    user = await ctx.transact(lambda tx: users.require(tx, target.scope, target.pool, req["Username"]))
    verified = target.pool.settings.get("AutoVerifiedAttributes", [])
    addresses = [
        messages.address_of(name, changes[name])
        for name in schema.VERIFIABLE
        if name in verified and changes.get(name) and changes.get(f"{name}_verified", "").lower() != "true"
    ]
    addresses = [address for address in addresses if user.attributes.get(address.attribute) != address.to]
    words = [
        await messages.word(ctx, target, user, "UpdateUserAttribute", req.get("ClientMetadata")) for _ in addresses
    ]

    def change(tx: Transaction) -> None:
        current = users.open_user(tx, target.scope, target.pool, user.username)
        changed = users.change_attributes(ctx, current, changes)
        schema.check_required(target.pool, changed.attributes)
        users.replace(tx, target.scope, target.pool, current, changed)
        for address, wording in zip(addresses, words, strict=True):
            purpose = codes.attribute_purpose(address.attribute)
            codes.issue(ctx, tx, Outgoing(target, changed, address, wording), purpose, address.to)

    await ctx.transact(change)


@operation("AdminDeleteUserAttributes")
def admin_delete_user_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    changes = dict.fromkeys(req["UserAttributeNames"], "")

    def change(pool: Pool, user: User) -> User:
        schema.check_known(pool, changes)
        schema.check_removable(pool, changes)
        changed = users.change_attributes(ctx, user, changes)
        schema.check_required(pool, changed.attributes)
        return changed

    _change(ctx, tx, req, change)


@operation("AdminEnableUser")
def admin_enable_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change(ctx, tx, req, lambda _, user: msgspec.structs.replace(user, enabled=True, modified_at=ctx.now))


@operation("AdminDisableUser")
def admin_disable_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Revokes the user's tokens besides."""
    _change(ctx, tx, req, lambda _, user: msgspec.structs.replace(user, enabled=False, modified_at=ctx.now))
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    users.suspend(tx, ctx.scope, pool, users.require(tx, ctx.scope, pool, req["Username"]))


@operation("AdminDeleteUser")
def admin_delete_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    users.delete(tx, ctx.scope, pool, users.open_user(tx, ctx.scope, pool, req["Username"]))


@operation("AdminResetUserPassword")
async def admin_reset_user_password(ctx: Context, req: dict[str, Any]) -> None:
    """The user has to choose a new password, with the code that is sent now."""
    target = await _target(ctx, req)
    user = await ctx.transact(lambda tx: users.require(tx, target.scope, target.pool, req["Username"]))
    if not user.enabled:
        raise errors.disabled()
    if user.status not in ("CONFIRMED", "RESET_REQUIRED"):
        raise errors.not_authorized("User password cannot be reset in the current state.")
    address = signup_operations.recovery_address(target, user)
    wording = await messages.word(ctx, target, user, "ForgotPassword", req.get("ClientMetadata"))

    def change(tx: Transaction) -> None:
        current = users.open_user(tx, target.scope, target.pool, user.username)
        changed = msgspec.structs.replace(current, status="RESET_REQUIRED", modified_at=ctx.now)
        users.replace(tx, target.scope, target.pool, current, changed)
        codes.issue(ctx, tx, Outgoing(target, changed, address, wording), codes.FORGOT)

    await ctx.transact(change)


@operation("AdminSetUserMFAPreference")
async def admin_set_user_mfa_preference(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await _target(ctx, req)
    await ctx.transact(lambda tx: self_operations.set_preference(tx, target, req["Username"], req))
    return {}


@operation("AdminDeleteSoftwareToken")
def admin_delete_software_token(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """For a user who lost the authenticator: the next one can be set up afresh."""
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    user = users.open_user(tx, ctx.scope, pool, req["Username"])
    if not user.totp_secret:
        raise errors.not_found("Software token does not exist.")
    left = [kind for kind in user.mfa if kind != "SOFTWARE_TOKEN_MFA"]
    preferred = user.preferred_mfa if user.preferred_mfa in left else ""
    changed = msgspec.structs.replace(
        user, totp_secret="", totp_pending="", totp_step=0, mfa=left, preferred_mfa=preferred, modified_at=ctx.now
    )
    USERS.replace(tx, ctx.scope, user, changed)
    return {}


@operation("AdminSetUserSettings")
async def admin_set_user_settings(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target, wanted = await _target(ctx, req), self_operations.sms_preference(req)
    await ctx.transact(lambda tx: self_operations.set_preference(tx, target, req["Username"], wanted))
    return {}


@operation("ListUsers")
def list_users(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    wanted = listing.parse_filter(req.get("Filter", ""))
    after = parts.position(req.get("PaginationToken"))
    size = req.get("Limit")
    if size == 0:
        raise errors.invalid("Limit must be greater than 0.")
    rows = listing.matching(tx, ctx.scope, pool, wanted, after)
    page, token = take_page(rows, size or _MOST_LISTED, lambda user: user.username)
    names = req.get("AttributesToGet")
    shown = [users.render(user) for user in page]
    if names is not None:
        for one in shown:
            one["Attributes"] = [pair for pair in one["Attributes"] if pair["Name"] in names]
    return {"Users": shown} | ({"PaginationToken": token} if token else {})
