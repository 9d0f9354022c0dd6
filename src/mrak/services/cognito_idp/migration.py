"""UserMigration: a function that knows users of an old directory brings them over at their first sign-in.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-migrate-user.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.services.cognito_idp import passwords, schema, triggers, users
from mrak.services.cognito_idp.authentication import Attempt
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import User


async def at_sign_in(ctx: Context, attempt: Attempt, password: str) -> User | None:
    return await _migrate(ctx, attempt, "UserMigration_Authentication", password)


async def at_forgotten_password(ctx: Context, attempt: Attempt) -> User | None:
    return await _migrate(ctx, attempt, "UserMigration_ForgotPassword", None)


async def _migrate(ctx: Context, attempt: Attempt, source: str, password: str | None) -> User | None:
    """The user as the function describes it, now the pool's; None where it knows none."""
    target = attempt.target
    request: dict[str, Any] = {"password": password or "", "validationData": attempt.metadata or None}
    default: dict[str, Any] = {
        "userAttributes": None,
        "forceAliasCreation": None,
        "finalUserStatus": None,
        "messageAction": None,
        "desiredDeliveryMediums": None,
    }
    answer = await triggers.invoke(
        ctx, target, "UserMigration", source, triggers.with_metadata(request, attempt.metadata), default,
        username=attempt.name,
    )  # fmt: skip
    given = answer.get("userAttributes")
    if not given:
        return None
    return await ctx.transact(lambda tx: _insert(ctx, tx, attempt, given, answer, password))


def _insert(
    ctx: Context, tx: Transaction, attempt: Attempt, given: dict[str, Any], answer: dict[str, Any], password: str | None
) -> User:
    target: Target = attempt.target
    attributes = {name: str(value) for name, value in given.items() if name not in ("username", "sub")}
    schema.check_values(target.pool, attributes, is_new=True)
    username, sub, attributes = users.username_of(ctx, target.pool, attempt.name, attributes)
    confirmed = password is None or answer.get("finalUserStatus") == "CONFIRMED"
    user = User(
        pool=target.pool.id,
        username=username,
        sub=sub,
        created_at=ctx.now,
        modified_at=ctx.now,
        attributes=attributes,
        status="CONFIRMED" if confirmed else "RESET_REQUIRED",
    )
    if password is not None:
        user = passwords.set_password(ctx, target.pool, user, password, permanent=True)
    users.insert(ctx, tx, target.scope, target.pool, user, take_aliases=bool(answer.get("forceAliasCreation")))
    return user
