"""Signing in: the flows of InitiateAuth, and what comes after a password has been proved.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html

A flow ends with tokens or with a challenge, whose state is a session. Functions are called between transactions; each
transaction reads the user again, so that nothing is decided on what was read before a wait.
"""

from __future__ import annotations

import base64
import hmac
from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.services.cognito_idp import (
    devices,
    errors,
    messages,
    mfa,
    passwords,
    pools,
    sessions,
    srp,
    tokens,
    triggers,
    users,
)
from mrak.services.cognito_idp.messages import Outgoing
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import USERS, User

PASSWORD_FLOWS: Final = {"USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"}
_FLOWS: Final = {
    "ADMIN_NO_SRP_AUTH": "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "REFRESH_TOKEN": "ALLOW_REFRESH_TOKEN_AUTH",
}


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who wants in: through which client, as which user, by which flow."""

    target: Target
    name: str
    flow: str
    metadata: dict[str, str] | None = None
    by_admin: bool = False
    device_key: str = ""
    hosted: bool = False
    """On the hosted pages a sign-in ends with an authorization code instead of tokens."""


def check_flow(target: Target, flow: str, *, by_admin: bool) -> None:
    needed = _FLOWS.get(flow, f"ALLOW_{flow}")
    if flow in ("ADMIN_NO_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH") and not by_admin:
        raise errors.invalid("Initiate Auth method not supported.")
    if flow == "USER_PASSWORD_AUTH" and by_admin:
        raise errors.invalid("Initiate Auth method not supported.")
    if needed not in pools.flows_of(target.client):
        raise errors.invalid("Auth flow not enabled for this client") if by_admin else errors.flow_disabled(flow)


def check_secret(target: Target, name: str, given: str | None) -> None:
    client = target.client
    if client.secret and given is None:
        raise errors.secret_hash_missing(client.id)
    if client.secret and not pools.is_secret_hash(client, name, given or ""):
        raise errors.secret_hash_unverified(client.id)


def missing_user(target: Target) -> ApiError:
    return errors.wrong_password() if pools.hides_users(target.client) else errors.user_not_found()


async def find_user(ctx: Context, attempt: Attempt) -> User | None:
    target = attempt.target
    return await ctx.transact(lambda tx: users.find(tx, target.scope, target.pool, attempt.name))


def check_can_sign_in(user: User) -> None:
    if not user.enabled:
        raise errors.disabled()
    if user.status == "RESET_REQUIRED":
        raise errors.password_reset_required()


async def with_password(ctx: Context, attempt: Attempt, password: str) -> dict[str, Any]:
    """The flows in which the password itself is sent."""
    target = attempt.target
    found = await find_user(ctx, attempt)
    if found is None and triggers.find_function(target, "UserMigration") is not None:
        from mrak.services.cognito_idp import migration

        found = await migration.at_sign_in(ctx, attempt, password)
    if found is not None or pools.hides_users(target.client):
        await triggers.before_authentication(ctx, target, found, attempt.name, attempt.metadata)
    if found is None:
        raise missing_user(target)
    username = found.username
    proved = await ctx.transact(lambda tx: prove_password(ctx, tx, target, username, password))
    if isinstance(proved, ApiError):
        raise proved
    return await after_password(ctx, attempt, proved)


def prove_password(ctx: Context, tx: Transaction, target: Target, username: str, password: str) -> User | ApiError:
    """The user, or the error to raise once the failure is committed."""
    user = users.open_user(tx, target.scope, target.pool, username)
    check_can_sign_in(user)
    passwords.check_not_locked(user, ctx.now)
    return settle(ctx, tx, target, user, right=passwords.matches(target.pool, user, password))


def settle(ctx: Context, tx: Transaction, target: Target, user: User, *, right: bool) -> User | ApiError:
    """Counts a wrong password, forgets about earlier ones after a right one."""
    if not right:
        USERS.replace(tx, target.scope, user, passwords.count_failure(user, ctx.now))
        return errors.wrong_password()
    if user.status == "UNCONFIRMED":
        return errors.user_not_confirmed()
    if user.temporary_until and ctx.now >= user.temporary_until:
        return errors.not_authorized("Temporary password has expired and must be reset by an administrator.")
    if user.failures:
        calm = msgspec.structs.replace(user, failures=0, locked_until=0.0)
        USERS.replace(tx, target.scope, user, calm)
        return calm
    return user


async def start_srp(ctx: Context, attempt: Attempt, public: str) -> dict[str, Any]:
    """USER_SRP_AUTH's first half: PASSWORD_VERIFIER with salt, B and a block that names the session."""
    client_public = srp.find_public(public)
    if client_public is None:
        raise errors.invalid("SRP_A is invalid")
    target = attempt.target
    found = await find_user(ctx, attempt)
    if found is not None or pools.hides_users(target.client):
        await triggers.before_authentication(ctx, target, found, attempt.name, attempt.metadata)
    if found is None and not pools.hides_users(target.client):
        raise errors.user_not_found()
    return await challenge_srp(ctx, attempt, found, client_public, {})


async def challenge_srp(
    ctx: Context, attempt: Attempt, user: User | None, client_public: int, more: dict[str, Any]
) -> dict[str, Any]:
    """PASSWORD_VERIFIER. A user who is not there gets one that no password meets, the same salt each time."""
    target = attempt.target
    if user is not None:
        check_can_sign_in(user)
        passwords.check_not_locked(user, ctx.now)
    username = attempt.name if user is None else user.username
    salt, verifier = _salt_of(ctx, attempt, user)
    secret = int.from_bytes(ctx.draw.bytes(32), "big")
    server_public = srp.public_of(verifier, secret)
    state = more | {
        "a": srp.render_hex(client_public),
        "b": srp.render_hex(secret),
        "B": srp.render_hex(server_public),
        "verifier": verifier,
        "known": user is not None,
    }
    session = await ctx.transact(lambda tx: sessions.insert(ctx, tx, target, username, "PASSWORD_VERIFIER", state))
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "SALT": srp.render_hex(int(salt, 16)),
            "SECRET_BLOCK": base64.b64encode(session.encode()).decode(),
            "SRP_B": srp.render_hex(server_public),
            "USERNAME": username,
            "USER_ID_FOR_SRP": username,
        },
    }


def _salt_of(ctx: Context, attempt: Attempt, user: User | None) -> tuple[str, bytes]:
    if user is not None and user.verifier:
        return user.salt, user.verifier
    secret: bytes = ctx.part("server_secret")
    named = f"cognito-idp.salt\x00{attempt.target.pool.id}\x00{attempt.name}".encode()
    salt = hmac.digest(secret, named, "sha256")[:16].hex()
    # A verifier that nobody knows the password of.
    return salt, pow(srp.G, int.from_bytes(ctx.draw.bytes(32), "big"), srp.N).to_bytes(384, "big")


async def after_password(
    ctx: Context, attempt: Attempt, user: User, *, source: str = "Authentication"
) -> dict[str, Any]:
    """What follows once the password was right: a new one, a second factor, or the tokens."""
    target = attempt.target
    if user.status == "FORCE_CHANGE_PASSWORD":
        return await _demand_new_password(ctx, attempt, user)
    if _names_device(attempt):
        device = await ctx.transact(lambda tx: devices.require(tx, target, user.username, attempt.device_key))
        if devices.spares_factor(target.pool, device):
            return await _demand_device(ctx, attempt, user)
    factors = mfa.factors_of(target.pool, user)
    if factors:
        return await demand_factor(ctx, attempt, user, mfa.choose(user, factors))
    if target.pool.settings["MfaConfiguration"] == "ON":
        return await _demand_setup(ctx, attempt, user)
    return await after_factor(ctx, attempt, user, source=source)


async def after_factor(ctx: Context, attempt: Attempt, user: User, *, source: str = "Authentication") -> dict[str, Any]:
    """What follows the second factor, or none: a device that is named has to prove itself."""
    if _names_device(attempt):
        return await _demand_device(ctx, attempt, user)
    return await finish(ctx, attempt, user, source=source)


def _names_device(attempt: Attempt) -> bool:
    return bool(attempt.device_key) and devices.settings_of(attempt.target.pool) is not None


async def _demand_device(ctx: Context, attempt: Attempt, user: User) -> dict[str, Any]:
    target, key = attempt.target, attempt.device_key
    await ctx.transact(lambda tx: devices.expect(ctx, tx, target, user, key))
    shown = {"USERNAME": user.username, "DEVICE_KEY": key}
    return {"ChallengeName": devices.SRP_AUTH, "ChallengeParameters": shown}


async def _demand_new_password(ctx: Context, attempt: Attempt, user: User) -> dict[str, Any]:
    target = attempt.target
    required = [
        f"userAttributes.{attribute['Name']}"
        for attribute in target.pool.schema
        if attribute["Required"] and attribute["Name"] != "sub" and not user.attributes.get(attribute["Name"])
    ]
    session = await ctx.transact(
        lambda tx: sessions.insert(ctx, tx, target, user.username, "NEW_PASSWORD_REQUIRED", {})
    )
    return {
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "Session": session,
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": user.username,
            "requiredAttributes": msgspec.json.encode(required).decode(),
            "userAttributes": msgspec.json.encode(user.attributes).decode(),
        },
    }


async def demand_factor(ctx: Context, attempt: Attempt, user: User, factor: str) -> dict[str, Any]:
    """A second factor: a code from the user's application, or one that is sent."""
    target = attempt.target
    shown: dict[str, str] = {"USER_ID_FOR_SRP": user.username}
    if factor == "SELECT_MFA_TYPE":
        shown["MFAS_CAN_CHOOSE"] = msgspec.json.encode(mfa.factors_of(target.pool, user)).decode()
        return await ask(ctx, attempt, user.username, factor, shown)
    if factor == "SOFTWARE_TOKEN_MFA":
        return await ask(ctx, attempt, user.username, factor, {"FRIENDLY_DEVICE_NAME": "TOTP device"} | shown)
    attribute = "phone_number" if factor.startswith("SMS") else "email"
    address = messages.address_of(attribute, user.attributes[attribute])
    wording = await messages.word(ctx, target, user, "Authentication", attempt.metadata)
    outgoing = Outgoing(target, user, address, wording)
    session = await ctx.transact(lambda tx: mfa.send_code(ctx, tx, outgoing, factor))
    shown |= {"CODE_DELIVERY_DELIVERY_MEDIUM": address.medium, "CODE_DELIVERY_DESTINATION": messages.mask(address)}
    return {"ChallengeName": factor, "Session": session, "ChallengeParameters": shown}


async def ask(
    ctx: Context,
    attempt: Attempt,
    username: str,
    name: str,
    shown: dict[str, str],
    state: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A challenge, with the session that waits for its response."""
    session = await ctx.transact(lambda tx: sessions.insert(ctx, tx, attempt.target, username, name, state or {}))
    return {"ChallengeName": name, "Session": session, "ChallengeParameters": shown}


async def _demand_setup(ctx: Context, attempt: Attempt, user: User) -> dict[str, Any]:
    possible = mfa.can_set_up(attempt.target.pool)
    if not possible:
        raise errors.pool_configuration("User pool does not have SMS configured for MFA.")
    shown = {"MFAS_CAN_SETUP": msgspec.json.encode(possible).decode(), "USER_ID_FOR_SRP": user.username}
    return await ask(ctx, attempt, user.username, "MFA_SETUP", shown)


async def finish(ctx: Context, attempt: Attempt, user: User, *, source: str = "Authentication") -> dict[str, Any]:
    """The tokens of a user who has met every challenge."""
    target = attempt.target
    await triggers.after_authentication(ctx, target, user, attempt.metadata)
    if attempt.hosted:
        return {"Username": user.username}
    is_new = devices.settings_of(target.pool) is not None and not attempt.device_key
    key = devices.new_key(ctx, target) if is_new else attempt.device_key
    sign_in = tokens.SignIn(user=user, source=source, metadata=attempt.metadata, device_key=key)
    result = await tokens.issue(ctx, target, sign_in)
    if is_new:
        result["NewDeviceMetadata"] = {"DeviceKey": key, "DeviceGroupKey": devices.group_of(ctx, key)}
    return {"ChallengeParameters": {}, "AuthenticationResult": result}
