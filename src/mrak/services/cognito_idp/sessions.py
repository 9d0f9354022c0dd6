"""Challenges that wait for their response. A session is used once and holds for some minutes (AuthSessionValidity).

SRP's challenge is found by its SECRET_BLOCK, since clients send no session with PASSWORD_VERIFIER.
"""

from __future__ import annotations

from typing import Any, Final

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, pools, users
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import SESSIONS, STALE, Session, User

_LENGTH: Final = 120
_SWEEP: Final = 4
_GRACE_SECONDS: Final = 3600.0


def insert(
    ctx: Context,
    tx: Transaction,
    target: Target,
    username: str,
    challenge: str,
    state: dict[str, Any],
    *,
    seconds: int = 0,
) -> str:
    """The id of a new session; its end tells the environment. A few long expired ones go."""
    home = target.scope.environment_wide()
    for old in list(STALE.scan(tx, home, upto=ctx.now - _GRACE_SECONDS, limit=_SWEEP)):
        SESSIONS.lock(tx, home, old.id)
        SESSIONS.delete(tx, home, old)
    session = Session(
        id=ctx.resource_id(_LENGTH, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        pool=target.pool.id,
        client=target.client.id,
        username=username,
        challenge=challenge,
        expires_at=ctx.now + (seconds or pools.session_seconds(target.client)),
        state=state,
    )
    SESSIONS.lock(tx, home, session.id)
    SESSIONS.insert(tx, home, session)
    return session.id


def take(ctx: Context, tx: Transaction, target: Target, identifier: str) -> Session:
    """The session, used up."""
    home = target.scope.environment_wide()
    found = SESSIONS.open(tx, home, identifier)
    if found is None or found.client != target.client.id:
        raise errors.session_used() if len(identifier) == _LENGTH else errors.invalid_session()
    if ctx.now >= found.expires_at:
        raise errors.session_expired()
    SESSIONS.delete(tx, home, found)
    return found


def take_users(ctx: Context, tx: Transaction, target: Target, identifier: str, challenge: str) -> User:
    """The user whose session of a challenge it is; the session is used up."""
    session = take(ctx, tx, target, identifier)
    if session.challenge != challenge:
        raise errors.invalid_session()
    return users.require(tx, target.scope, target.pool, session.username)


def find(ctx: Context, tx: Transaction, scope: Scope, identifier: str) -> Session:
    """The session, still to be used."""
    found = SESSIONS.get(tx, scope.environment_wide(), identifier)
    if found is None:
        raise errors.invalid_session()
    if ctx.now >= found.expires_at:
        raise errors.session_expired()
    return found


def keep(tx: Transaction, target: Target, session: Session) -> None:
    """Puts a session back that this transaction has taken."""
    SESSIONS.insert(tx, target.scope.environment_wide(), session)
