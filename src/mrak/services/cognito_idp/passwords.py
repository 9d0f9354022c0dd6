"""Passwords: what a pool's policy asks of them, temporary ones, and their check.

https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from mrak.core.context import Context
from mrak.services.cognito_idp import errors, srp
from mrak.services.cognito_idp.tables import Pool, User

DEFAULT_POLICY: Final = {
    "MinimumLength": 8,
    "RequireUppercase": True,
    "RequireLowercase": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "TemporaryPasswordValidityDays": 7,
}
_SYMBOLS: Final = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+="
_CLASSES: Final = (
    ("RequireLowercase", re.compile(r"[a-z]"), "Password must have lowercase characters"),
    ("RequireUppercase", re.compile(r"[A-Z]"), "Password must have uppercase characters"),
    ("RequireNumbers", re.compile(r"[0-9]"), "Password must have numeric characters"),
    ("RequireSymbols", re.compile("[" + re.escape(_SYMBOLS) + r" ]"), "Password must have symbol characters"),
)
_DAY_SECONDS: Final = 86_400.0
# https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html: locked out for a second after five
# failures, twice as long after each further one, at most a quarter of an hour.
_FREE_FAILURES: Final = 5
_LONGEST_LOCK_SECONDS: Final = 900.0


def policy_of(pool: Pool) -> dict[str, Any]:
    found: dict[str, Any] = pool.settings["Policies"]["PasswordPolicy"]
    return found


# How complaints about a password begin: each kind of operation has words of its own (recorded).
AT_SIGN_UP: Final = "Password did not conform with policy"
OF_INVITED: Final = "Password did not conform with password policy"
OF_CHANGED: Final = "Password does not conform to policy"


def check_policy(pool: Pool, password: str, start: str = OF_CHANGED) -> None:
    policy = policy_of(pool)
    if len(password) < policy.get("MinimumLength", 8):
        raise errors.invalid_password("Password not long enough", start)
    for name, pattern, reason in _CLASSES:
        if policy.get(name) and not pattern.search(password):
            raise errors.invalid_password(reason, start)


def generate(ctx: Context, pool: Pool) -> str:
    """A temporary password that holds to the policy."""
    kinds = ("abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "!@#%&-_+=")
    length = max(12, policy_of(pool).get("MinimumLength", 8))
    fixed = "".join(ctx.draw.alphanumeric(1, letters) for letters in kinds)
    return fixed + ctx.draw.alphanumeric(length - len(fixed), "".join(kinds[:3]))


def set_password(ctx: Context, pool: Pool, user: User, password: str, *, permanent: bool) -> User:
    """The user with another password; the policy has been checked."""
    history = [(user.salt, user.verifier), *user.history] if user.verifier else user.history
    size = policy_of(pool).get("PasswordHistorySize", 0)
    if permanent and size and any(_matches(pool, user, password, old) for old in history[:size]):
        raise errors.password_history()
    salt = ctx.draw.hex(32)
    days = policy_of(pool).get("TemporaryPasswordValidityDays", 7)
    return msgspec.structs.replace(
        user,
        salt=salt,
        verifier=srp.make_verifier(pool.short_id, user.username, password, salt),
        temporary_until=0.0 if permanent else ctx.now + days * _DAY_SECONDS,
        history=history[:size],
        failures=0,
        locked_until=0.0,
        modified_at=ctx.now,
    )


def matches(pool: Pool, user: User, password: str) -> bool:
    return _matches(pool, user, password, (user.salt, user.verifier))


def _matches(pool: Pool, user: User, password: str, kept: tuple[str, bytes]) -> bool:
    return srp.check_password(pool.short_id, user.username, password, *kept)


def count_failure(user: User, now: float) -> User:
    """The user after a wrong password."""
    failures = user.failures + 1
    over = failures - _FREE_FAILURES
    lock_seconds = 0.0 if over < 0 else min(2.0 ** min(over, 20), _LONGEST_LOCK_SECONDS)
    return msgspec.structs.replace(user, failures=failures, locked_until=now + lock_seconds if lock_seconds else 0.0)


def check_not_locked(user: User, now: float) -> None:
    if now < user.locked_until:
        raise errors.too_many_passwords()
