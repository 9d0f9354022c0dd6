"""Login profiles, and the account's policy for their passwords. Passwords are kept as salted scrypt hashes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import entities, errors
from mrak.services.iam.entities import USER
from mrak.services.iam.tables import LOGIN_PROFILES, PASSWORD_POLICIES, LoginProfile, PasswordPolicy
from mrak.services.iam.users import name_or_caller

_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
_DEFAULTS: dict[str, Any] = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}
# What applies to an account that has no policy of its own.
_WITHOUT_POLICY = {"MinimumPasswordLength": 8, "AllowUsersToChangePassword": True}
_SALT_BYTES = 16


def _hash(password: str, salt: bytes) -> bytes:
    return salt + hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def _is_password(profile: LoginProfile, password: str) -> bool:
    return hmac.compare_digest(_hash(password, profile.hashed[:_SALT_BYTES]), profile.hashed)


@operation("CreateLoginProfile")
async def create_login_profile(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Hashing takes a while on purpose, so that happens beside the event loop."""
    password = req.get("Password", "")
    await ctx.transact(lambda tx: _check_new(ctx, tx, req))
    hashed = await asyncio.to_thread(_hash, password, ctx.draw.bytes(_SALT_BYTES))

    def create(tx: Transaction) -> dict[str, Any]:
        user_key = _check_new(ctx, tx, req)
        profile = LoginProfile(
            user=user_key,
            hashed=hashed,
            created_at=ctx.now,
            changed_at=ctx.now,
            reset_required=req.get("PasswordResetRequired", False),
        )
        LOGIN_PROFILES.insert(tx, ctx.scope.account_wide(), profile)
        return {"LoginProfile": _render(ctx, tx, profile)}

    return await ctx.transact(create)


def _check_new(ctx: Context, tx: Transaction, req: dict[str, Any]) -> str:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    if LOGIN_PROFILES.open(tx, ctx.scope.account_wide(), user.key) is not None:
        raise errors.exists(f"Login Profile for user {user.name} already exists.")
    _check_strength(tx, ctx.scope, req.get("Password", ""))
    return user.key


@operation("GetLoginProfile")
def get_login_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"LoginProfile": _render(ctx, tx, _open(ctx, tx, name_or_caller(ctx, req)))}


@operation("UpdateLoginProfile")
async def update_login_profile(ctx: Context, req: dict[str, Any]) -> None:
    hashed = b""
    if "Password" in req:
        await ctx.transact(lambda tx: _check_strength(tx, ctx.scope, req["Password"]))
        hashed = await asyncio.to_thread(_hash, req["Password"], ctx.draw.bytes(_SALT_BYTES))

    def update(tx: Transaction) -> None:
        profile = _open(ctx, tx, req["UserName"])
        changes: dict[str, Any] = {"reset_required": req.get("PasswordResetRequired", profile.reset_required)}
        if hashed:
            changes |= {"hashed": hashed, "changed_at": ctx.now}
        LOGIN_PROFILES.replace(tx, ctx.scope.account_wide(), profile, msgspec.structs.replace(profile, **changes))

    await ctx.transact(update)


@operation("DeleteLoginProfile")
def delete_login_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    profile = _open(ctx, tx, name_or_caller(ctx, req))
    LOGIN_PROFILES.delete(tx, ctx.scope.account_wide(), profile)


@operation("ChangePassword")
async def change_password(ctx: Context, req: dict[str, Any]) -> None:
    """Of the user who calls, with the old password."""
    name = name_or_caller(ctx, {})
    profile = await ctx.transact(lambda tx: _open(ctx, tx, name))
    if not await asyncio.to_thread(_is_password, profile, req["OldPassword"]):
        raise errors.wrong_password()
    await ctx.transact(lambda tx: _check_strength(tx, ctx.scope, req["NewPassword"]))
    hashed = await asyncio.to_thread(_hash, req["NewPassword"], ctx.draw.bytes(_SALT_BYTES))

    def change(tx: Transaction) -> None:
        now = _open(ctx, tx, name)
        changed = msgspec.structs.replace(now, hashed=hashed, changed_at=ctx.now, reset_required=False)
        LOGIN_PROFILES.replace(tx, ctx.scope.account_wide(), now, changed)

    await ctx.transact(change)


def _open(ctx: Context, tx: Transaction, name: str) -> LoginProfile:
    user = entities.require(tx, ctx.scope, USER, name)
    profile = LOGIN_PROFILES.open(tx, ctx.scope.account_wide(), user.key)
    if profile is None:
        raise errors.no_such_entity(f"Login Profile for User {user.name} cannot be found.")
    return profile


def _render(ctx: Context, tx: Transaction, profile: LoginProfile) -> dict[str, Any]:
    user = entities.require(tx, ctx.scope, USER, profile.user)
    return {
        "UserName": user.name,
        "CreateDate": profile.created_at,
        "PasswordResetRequired": profile.reset_required,
    }


def _check_strength(tx: Transaction, scope: Scope, password: str) -> None:
    """What the policy asks of a password."""
    policy = PASSWORD_POLICIES.get(tx, scope.account_wide(), "")
    rules: dict[str, Any] = _WITHOUT_POLICY if policy is None else policy.settings
    least = rules["MinimumPasswordLength"]
    if len(password) < least:
        raise errors.weak_password(f"Password should have a minimum length of {least}")
    wanted = {
        "RequireUppercaseCharacters": ("uppercase letter", str.isupper),
        "RequireLowercaseCharacters": ("lowercase letter", str.islower),
        "RequireNumbers": ("number", str.isdigit),
        "RequireSymbols": ("symbol", _SYMBOLS.__contains__),
    }
    for rule, (what, test) in wanted.items():
        if rules.get(rule) and not any(test(character) for character in password):
            raise errors.weak_password(f"Password should have at least one {what}")


@operation("UpdateAccountPasswordPolicy")
def update_account_password_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """The whole policy: what is not given falls back to its default."""
    deviation("IAM-003")
    wide = ctx.scope.account_wide()
    old = PASSWORD_POLICIES.open(tx, wide, "")
    fresh = PasswordPolicy(settings=_DEFAULTS | req)
    if old is None:
        PASSWORD_POLICIES.insert(tx, wide, fresh)
    else:
        PASSWORD_POLICIES.replace(tx, wide, old, fresh)


@operation("GetAccountPasswordPolicy")
def get_account_password_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    policy = PASSWORD_POLICIES.get(tx, ctx.scope.account_wide(), "")
    if policy is None:
        raise errors.no_such_entity(f"The Password Policy with domain name {ctx.scope.account} cannot be found.")
    settings: dict[str, Any] = policy.settings
    return {"PasswordPolicy": settings | {"ExpirePasswords": bool(settings.get("MaxPasswordAge"))}}


@operation("DeleteAccountPasswordPolicy")
def delete_account_password_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    policy = PASSWORD_POLICIES.open(tx, ctx.scope.account_wide(), "")
    if policy is None:
        raise errors.no_such_entity("The account policy with name PasswordPolicy cannot be found.")
    PASSWORD_POLICIES.delete(tx, ctx.scope.account_wide(), policy)
