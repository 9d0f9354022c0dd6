"""Codes that are sent out and come back: to confirm a sign-up, an address, or the right to set a new password.

A user has one code for each purpose; a new one replaces it. Wrong guesses and requests are counted within an hour.
https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html#limits-hard
"""

from __future__ import annotations

import hmac
from typing import Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, messages
from mrak.services.cognito_idp.messages import Outgoing
from mrak.services.cognito_idp.tables import CODES, Code, Pool, User

SIGN_UP: Final = "signup"
FORGOT: Final = "forgot"
_VALID_SECONDS: Final = {SIGN_UP: 86_400.0, FORGOT: 3600.0}
_WINDOW_SECONDS: Final = 3600.0
_MOST_FAILURES: Final = 5
_MOST_REQUESTS: Final = 20


def attribute_purpose(name: str) -> str:
    return f"attribute:{name}"


def new_code(ctx: Context) -> str:
    return f"{int.from_bytes(ctx.draw.bytes(8), 'big') % 1_000_000:06d}"


def issue(ctx: Context, tx: Transaction, outgoing: Outgoing, purpose: str, value: str = "") -> None:
    """Makes a code and sends it."""
    scope, user = outgoing.target.scope, outgoing.user
    before = CODES.open(tx, scope, user.pool, user.username, purpose)
    requests, failures, started_at = 1, 0, ctx.now
    if before is not None:
        if ctx.now - before.window_started_at < _WINDOW_SECONDS:
            requests, failures, started_at = before.requests + 1, before.failures, before.window_started_at
        CODES.delete(tx, scope, before)
    if requests > _MOST_REQUESTS:
        raise errors.attempts_exceeded()
    code = Code(
        pool=user.pool,
        username=user.username,
        purpose=purpose,
        code=new_code(ctx),
        expires_at=ctx.now + _VALID_SECONDS.get(purpose, 86_400.0),
        attribute=outgoing.address.attribute,
        value=value,
        failures=failures,
        requests=requests,
        window_started_at=started_at,
    )
    CODES.insert(tx, scope, code)
    messages.send(ctx, tx, outgoing, code.code)


def take(ctx: Context, tx: Transaction, scope: Scope, user: User, purpose: str, given: str) -> Code | ApiError:
    """The code, used up, where `given` is it; else the error to raise once the failure is committed."""
    found = CODES.open(tx, scope, user.pool, user.username, purpose)
    if found is None or not found.code:
        return errors.expired_code()
    in_window = ctx.now - found.window_started_at < _WINDOW_SECONDS
    failures = found.failures if in_window else 0
    if failures >= _MOST_FAILURES:
        return errors.attempts_exceeded()
    if ctx.now >= found.expires_at:
        return errors.expired_code()
    if not hmac.compare_digest(found.code.encode(), given.encode()):
        started_at = found.window_started_at if in_window else ctx.now
        failed = msgspec.structs.replace(found, failures=failures + 1, window_started_at=started_at)
        CODES.replace(tx, scope, found, failed)
        return errors.code_mismatch()
    CODES.delete(tx, scope, found)
    return found


def forget(tx: Transaction, scope: Scope, pool: Pool, user: User, purpose: str) -> None:
    found = CODES.open(tx, scope, pool.id, user.username, purpose)
    if found is not None:
        CODES.delete(tx, scope, found)
