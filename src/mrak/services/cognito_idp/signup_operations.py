"""Operations by which users come to be and come back: signing up, confirming, forgotten passwords.

https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.cognito_idp import (
    codes,
    errors,
    first_factors,
    messages,
    migration,
    passwords,
    pools,
    schema,
    sessions,
    tokens,
    triggers,
    users,
)  # fmt: skip
from mrak.services.cognito_idp.authentication import Attempt
from mrak.services.cognito_idp.messages import Address, Outgoing
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import User

_SIGNED_UP = "SIGN_UP"
# Placeholders that tell nothing: what an answer shows of a user who is not there.
_NOBODY = Address("EMAIL", "email", "user@example.com")


async def target_of(ctx: Context, req: dict[str, Any]) -> Target:
    """The target of an app's request about a user, whose secret hash is right."""
    target = await ctx.transact(lambda tx: pools.require_target(tx, ctx.scope.environment, req["ClientId"]))
    pools.check_secret_hash(target.client, req["Username"], req.get("SecretHash"))
    return target


@operation("SignUp")
async def sign_up(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await target_of(ctx, req)
    pool = target.pool
    if pool.settings["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]:
        raise errors.not_authorized("SignUp is not permitted for this user pool")
    password = req.get("Password")
    given = schema.parse_attributes(req.get("UserAttributes", []))
    if password is not None:
        passwords.check_policy(pool, password, passwords.AT_SIGN_UP)
    elif not first_factors.is_passwordless(pool):
        raise errors.invalid_password("Password not long enough")
    schema.check_own(given)
    schema.check_values(pool, given, is_new=True)
    schema.check_writable(pool, target.client, given)
    username, sub, attributes = users.username_of(ctx, pool, req["Username"], given)
    schema.check_values(pool, attributes, is_new=True)
    schema.check_required(pool, attributes, is_new=True)
    await ctx.transact(lambda tx: _check_free(tx, target, username, attributes))
    wanted = await triggers.pre_sign_up(ctx, target, "PreSignUp_SignUp", username, req, attributes)
    user = _new_user(ctx, target, (username, sub, attributes), wanted)
    address = None if wanted.get("autoConfirmUser") else messages.auto_verified(target, user.attributes)
    wording = await messages.word(ctx, target, user, "SignUp", req.get("ClientMetadata")) if address else None

    def insert(tx: Transaction) -> User:
        made = user if password is None else passwords.set_password(ctx, pool, user, password, permanent=True)
        users.insert(ctx, tx, target.scope, pool, made)
        if address is not None and wording is not None:
            codes.issue(ctx, tx, Outgoing(target, made, address, wording), codes.SIGN_UP)
        return made

    made = await ctx.transact(insert)
    if made.status == "CONFIRMED":
        await triggers.post_confirmation(ctx, target, "PostConfirmation_ConfirmSignUp", made, req.get("ClientMetadata"))
    answer: dict[str, Any] = {"UserConfirmed": made.status == "CONFIRMED", "UserSub": sub}
    if "ALLOW_USER_AUTH" in pools.flows_of(target.client):
        name = first_factors.CONFIRMED if made.status == "CONFIRMED" else _SIGNED_UP
        answer["Session"] = await ctx.transact(lambda tx: sessions.insert(ctx, tx, target, made.username, name, {}))
    return answer | ({"CodeDeliveryDetails": address.render()} if address else {})


def _check_free(tx: Transaction, target: Target, username: str, attributes: dict[str, str]) -> None:
    """Before the function is asked: a name that is taken needs no answer."""
    if users.find(tx, target.scope, target.pool, username) is not None:
        raise errors.username_exists()
    for kind in target.pool.settings.get("UsernameAttributes", []):
        if attributes.get(kind) and users.find(tx, target.scope, target.pool, attributes[kind]) is not None:
            raise errors.username_exists()


def _new_user(ctx: Context, target: Target, named: tuple[str, str, dict[str, str]], wanted: dict[str, Any]) -> User:
    username, sub, attributes = named
    attributes = dict(attributes)
    for attribute, member in (("email", "autoVerifyEmail"), ("phone_number", "autoVerifyPhone")):
        if attributes.get(attribute):
            attributes[f"{attribute}_verified"] = "true" if wanted.get(member) else "false"
        elif wanted.get(member):
            raise errors.lambda_response(f"Cannot auto verify {attribute} without the attribute.")
    return User(
        pool=target.pool.id,
        username=username,
        sub=sub,
        created_at=ctx.now,
        modified_at=ctx.now,
        attributes=attributes,
        status="CONFIRMED" if wanted.get("autoConfirmUser") else "UNCONFIRMED",
    )


@operation("ConfirmSignUp")
async def confirm_sign_up(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await target_of(ctx, req)
    await confirm(ctx, target, req["Username"], req["ConfirmationCode"], req)
    if "Session" not in req:
        return {}
    return {"Session": await ctx.transact(lambda tx: _go_on(ctx, tx, target, req["Session"]))}


def _go_on(ctx: Context, tx: Transaction, target: Target, session_id: str) -> str:
    """The session with which InitiateAuth signs in whoever has signed up and confirmed."""
    user = sessions.take_users(ctx, tx, target, session_id, _SIGNED_UP)
    return sessions.insert(ctx, tx, target, user.username, first_factors.CONFIRMED, {})


async def confirm(ctx: Context, target: Target, name: str, code: str, req: dict[str, Any]) -> None:
    def check(tx: Transaction) -> User | ApiError:
        if pools.hides_users(target.client) and users.find(tx, target.scope, target.pool, name) is None:
            return errors.expired_code()
        user = users.open_user(tx, target.scope, target.pool, name)
        if user.status != "UNCONFIRMED":
            return errors.not_authorized(f"User cannot be confirmed. Current status is {user.status}")
        taken = codes.take(ctx, tx, target.scope, user, codes.SIGN_UP, code)
        if isinstance(taken, ApiError):
            return taken
        verified = user.attributes | {f"{taken.attribute}_verified": "true"}
        changed = msgspec.structs.replace(user, attributes=verified, status="CONFIRMED", modified_at=ctx.now)
        force = bool(req.get("ForceAliasCreation"))
        users.replace(tx, target.scope, target.pool, user, changed, take_aliases=force)
        return changed

    checked = await ctx.transact(check)
    if isinstance(checked, ApiError):
        raise checked
    await triggers.post_confirmation(ctx, target, "PostConfirmation_ConfirmSignUp", checked, req.get("ClientMetadata"))


@operation("ResendConfirmationCode")
async def resend_confirmation_code(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await target_of(ctx, req)
    name = req["Username"]
    user = await ctx.transact(lambda tx: users.find(tx, target.scope, target.pool, name))
    if user is None:
        if pools.hides_users(target.client):
            return {"CodeDeliveryDetails": _NOBODY.render()}
        raise errors.user_not_found()
    if user.status != "UNCONFIRMED":
        raise errors.invalid("User is already confirmed.")
    address = messages.auto_verified(target, user.attributes)
    if address is None:
        raise errors.invalid("Auto verification not turned on.")
    wording = await messages.word(ctx, target, user, "ResendCode", req.get("ClientMetadata"))
    outgoing = Outgoing(target, user, address, wording)
    await ctx.transact(lambda tx: codes.issue(ctx, tx, outgoing, codes.SIGN_UP))
    return {"CodeDeliveryDetails": address.render()}


@operation("ForgotPassword")
async def forgot_password(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await target_of(ctx, req)
    return await forgot(ctx, target, req["Username"], req.get("ClientMetadata"))


async def forgot(ctx: Context, target: Target, name: str, metadata: dict[str, str] | None) -> dict[str, Any]:
    """Sends the code that lets a user choose a new password."""
    user = await ctx.transact(lambda tx: users.find(tx, target.scope, target.pool, name))
    if user is None and triggers.find_function(target, "UserMigration") is not None:
        attempt = Attempt(target=target, name=name, flow="", metadata=metadata)
        user = await migration.at_forgotten_password(ctx, attempt)
    if user is None:
        if pools.hides_users(target.client):
            return {"CodeDeliveryDetails": _NOBODY.render()}
        raise errors.user_not_found()
    if not user.enabled:
        raise errors.disabled()
    if user.status == "FORCE_CHANGE_PASSWORD":
        raise errors.not_authorized("User password cannot be reset in the current state.")
    address = recovery_address(target, user)
    wording = await messages.word(ctx, target, user, "ForgotPassword", metadata)
    outgoing = Outgoing(target, user, address, wording)
    await ctx.transact(lambda tx: codes.issue(ctx, tx, outgoing, codes.FORGOT))
    return {"CodeDeliveryDetails": address.render()}


def recovery_address(target: Target, user: User) -> Address:
    """The verified address that the pool's account recovery setting names first."""
    found = target.pool.settings["AccountRecoverySetting"].get("RecoveryMechanisms", [])
    for mechanism in sorted(found, key=lambda one: one["Priority"]):
        if mechanism["Name"] == "admin_only":
            raise errors.not_authorized("Contact administrator to reset password.")
        attribute = mechanism["Name"].removeprefix("verified_")
        if user.attributes.get(attribute) and user.attributes.get(f"{attribute}_verified") == "true":
            return messages.address_of(attribute, user.attributes[attribute])
    raise errors.invalid("Cannot reset password for the user as there is no registered/verified email or phone_number")


@operation("ConfirmForgotPassword")
async def confirm_forgot_password(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target = await target_of(ctx, req)
    await reset(ctx, target, req["Username"], (req["ConfirmationCode"], req["Password"]), req.get("ClientMetadata"))
    return {}


async def reset(
    ctx: Context, target: Target, name: str, given: tuple[str, str], metadata: dict[str, str] | None
) -> None:
    """Sets the password of a user who has the code."""
    code, password = given
    passwords.check_policy(target.pool, password)

    def change(tx: Transaction) -> User | ApiError:
        if pools.hides_users(target.client) and users.find(tx, target.scope, target.pool, name) is None:
            return errors.expired_code()
        user = users.open_user(tx, target.scope, target.pool, name)
        taken = codes.take(ctx, tx, target.scope, user, codes.FORGOT, code)
        if isinstance(taken, ApiError):
            return taken
        changed = passwords.set_password(ctx, target.pool, user, password, permanent=True)
        verified = changed.attributes | {f"{taken.attribute}_verified": "true"}
        changed = msgspec.structs.replace(changed, status="CONFIRMED", attributes=verified)
        users.replace(tx, target.scope, target.pool, user, changed)
        return changed

    changed = await ctx.transact(change)
    if isinstance(changed, ApiError):
        raise changed
    await triggers.post_confirmation(ctx, target, "PostConfirmation_ConfirmForgotPassword", changed, metadata)


@operation("ChangePassword")
async def change_password(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target = bearer.target

    def change(tx: Transaction) -> ApiError | None:
        user = users.open_user(tx, target.scope, target.pool, bearer.user.username)
        passwords.check_not_locked(user, ctx.now)
        if user.verifier and not passwords.matches(target.pool, user, req.get("PreviousPassword", "")):
            users.replace(tx, target.scope, target.pool, user, passwords.count_failure(user, ctx.now))
            return errors.wrong_password()
        passwords.check_policy(target.pool, req["ProposedPassword"])
        changed = passwords.set_password(ctx, target.pool, user, req["ProposedPassword"], permanent=True)
        users.replace(tx, target.scope, target.pool, user, changed)
        return None

    failure = await ctx.transact(change)
    if failure is not None:
        raise failure
    return {}
