"""Identity pools' rows.

    POOLS        (id)                      -> IdentityPool
    INDEX        (id)                      -> Indexed      pools and identities by their bare id; environment-wide
    IDENTITIES   (pool, id)                -> Identity
    LOGINS       (pool, provider, user)    -> Login        which identity somebody is that a provider knows

Invariants: an identity's logins are those that lead to it; everything of a pool lives in the pool's account and region.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Indexed(msgspec.Struct, frozen=True, array_like=True):
    id: str
    account: str
    region: str
    pool: str


class IdentityPool(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` in AWS's spelling; `roles` are authenticated and unauthenticated, `mappings` by provider."""

    id: str
    settings: dict[str, Any]
    roles: dict[str, str] = {}
    mappings: dict[str, Any] = {}
    principal_tags: dict[str, Any] = {}
    tags: dict[str, str] = {}


class Identity(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`logins` are (provider, user at the provider)."""

    pool: str
    id: str
    created_at: float
    modified_at: float
    logins: list[tuple[str, str]] = []


class Login(msgspec.Struct, frozen=True, array_like=True):
    pool: str
    provider: str
    user: str
    identity: str


POOLS = Table("cognito-identity.pool", IdentityPool, key=("id",))
INDEX = Table("cognito-identity.index", Indexed, key=("id",))
IDENTITIES = Table("cognito-identity.identity", Identity, key=("pool", "id"))
LOGINS = Table("cognito-identity.login", Login, key=("pool", "provider", "user"))
