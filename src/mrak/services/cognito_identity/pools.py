"""Identity pools and identities: ids, look-ups, logins.

An id is a region and a UUID whose last four digits are the environment's code as a number in base 36
(`gateway/cognitonames.py` reads it), so that unsigned requests find their environment.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_identity import errors
from mrak.services.cognito_identity.tables import (
    IDENTITIES,
    INDEX,
    LOGINS,
    POOLS,
    Identity,
    IdentityPool,
    Indexed,
    Login,
)

_CODE_LENGTH: Final = 3


def new_id(ctx: Context, tx: Transaction, scope: Scope, pool: str) -> str:
    """A fresh id that leads to a pool ("" for a pool's own)."""
    code = int(ctx.resource_id(_CODE_LENGTH), 36)
    made = f"{scope.region}:{ctx.draw.uuid()[:-4]}{code:04x}"
    INDEX.lock(tx, scope.environment_wide(), made)
    INDEX.insert(tx, scope.environment_wide(), Indexed(made, scope.account, scope.region, pool or made))
    return made


def forget_id(tx: Transaction, scope: Scope, identifier: str) -> None:
    found = INDEX.open(tx, scope.environment_wide(), identifier)
    if found is not None:
        INDEX.delete(tx, scope.environment_wide(), found)


def _home(tx: Transaction, environment: str, identifier: str) -> tuple[Scope, str] | None:
    found = INDEX.get(tx, Scope(environment, "", ""), identifier)
    return None if found is None else (Scope(environment, found.account, found.region), found.pool)


def require_pool(tx: Transaction, scope: Scope, pool_id: str) -> IdentityPool:
    """A pool of the caller's account and region."""
    found = POOLS.get(tx, scope, pool_id)
    if found is None:
        raise errors.pool_not_found(pool_id)
    return found


def open_pool(tx: Transaction, scope: Scope, pool_id: str) -> IdentityPool:
    POOLS.lock(tx, scope, pool_id)
    return require_pool(tx, scope, pool_id)


def require_public(tx: Transaction, environment: str, pool_id: str) -> tuple[Scope, IdentityPool]:
    """A pool that a request without a signature names."""
    home = _home(tx, environment, pool_id)
    found = None if home is None else POOLS.get(tx, home[0], pool_id)
    if home is None or found is None:
        raise errors.pool_not_found(pool_id)
    return home[0], found


def find_identity(tx: Transaction, environment: str, identity_id: str) -> tuple[Scope, Identity] | None:
    """The identity, opened, and where it lives."""
    home = _home(tx, environment, identity_id)
    found = None if home is None else IDENTITIES.open(tx, home[0], home[1], identity_id)
    return None if home is None or found is None else (home[0], found)


def require_identity(tx: Transaction, environment: str, identity_id: str) -> tuple[Scope, IdentityPool, Identity]:
    """The identity, opened, with its pool."""
    found = find_identity(tx, environment, identity_id)
    if found is None:
        raise errors.identity_not_found(identity_id)
    scope, identity = found
    return scope, require_pool(tx, scope, identity.pool), identity


def find_by_logins(tx: Transaction, scope: Scope, pool: IdentityPool, logins: dict[str, str]) -> str | None:
    """The identity of whom providers know; two of them for one person are a conflict."""
    found = {
        login.identity
        for provider, user in logins.items()
        if (login := LOGINS.get(tx, scope, pool.id, provider, user)) is not None
    }
    if len(found) > 1:
        raise errors.logins_conflict()
    return next(iter(found), None)


def insert_identity(
    ctx: Context, tx: Transaction, scope: Scope, pool: IdentityPool, logins: dict[str, str]
) -> Identity:
    identity = Identity(pool=pool.id, id=new_id(ctx, tx, scope, pool.id), created_at=ctx.now, modified_at=ctx.now)
    IDENTITIES.lock(tx, scope, pool.id, identity.id)
    IDENTITIES.insert(tx, scope, identity)
    return link(ctx, tx, scope, identity, logins)


def link(ctx: Context, tx: Transaction, scope: Scope, identity: Identity, logins: dict[str, str]) -> Identity:
    """The identity with further logins; it has been opened."""
    added = [(provider, user) for provider, user in logins.items() if (provider, user) not in identity.logins]
    for provider, user in added:
        taken = LOGINS.open(tx, scope, identity.pool, provider, user)
        if taken is not None:
            raise errors.conflict("Login is already linked to another identity.")
        LOGINS.insert(tx, scope, Login(identity.pool, provider, user, identity.id))
    if not added:
        return identity
    changed = msgspec.structs.replace(identity, logins=[*identity.logins, *added], modified_at=ctx.now)
    IDENTITIES.replace(tx, scope, identity, changed)
    return changed


def unlink(ctx: Context, tx: Transaction, scope: Scope, identity: Identity, providers: set[str]) -> Identity:
    """The identity without its logins of some providers; it has been opened."""
    for provider, user in identity.logins:
        if provider in providers:
            _forget_login(tx, scope, identity, provider, user)
    kept = [login for login in identity.logins if login[0] not in providers]
    changed = msgspec.structs.replace(identity, logins=kept, modified_at=ctx.now)
    IDENTITIES.replace(tx, scope, identity, changed)
    return changed


def _forget_login(tx: Transaction, scope: Scope, identity: Identity, provider: str, user: str) -> None:
    login = LOGINS.open(tx, scope, identity.pool, provider, user)
    if login is not None:
        LOGINS.delete(tx, scope, login)


def delete_identity(tx: Transaction, scope: Scope, identity: Identity) -> None:
    """Removes an opened identity with its logins."""
    for provider, user in identity.logins:
        _forget_login(tx, scope, identity, provider, user)
    IDENTITIES.delete(tx, scope, identity)
    forget_id(tx, scope, identity.id)


def pool_arn(scope: Scope, pool_id: str) -> str:
    return arn(scope, "cognito-identity", f"identitypool/{pool_id}")


def render_pool(pool: IdentityPool) -> dict[str, Any]:
    shown = {"IdentityPoolId": pool.id} | pool.settings
    return shown | ({"IdentityPoolTags": pool.tags} if pool.tags else {})


def render_identity(identity: Identity) -> dict[str, Any]:
    providers = list(dict.fromkeys(provider for provider, _ in identity.logins))
    return {
        "IdentityId": identity.id,
        "CreationDate": identity.created_at,
        "LastModifiedDate": identity.modified_at,
    } | ({"Logins": providers} if providers else {})
