"""Secrets Manager's rows.

    SECRETS    (name)            -> Secret
    VERSIONS   (name, version)   -> Version     a value; its staging labels are the secret's

Invariants: a staging label is on one version; AWSCURRENT is there as soon as there is a value, and moving it leaves
AWSPREVIOUS on the version that had it. A replica is a row of its own in its region, with copies of the versions: what
is written to the primary is written to its replicas in the same transaction.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Rotation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`rules` are RotateSecret's. `token` is the version of a rotation that is not over, "" between rotations."""

    function_arn: str
    rules: dict[str, Any] = {}
    enabled: bool = True
    token: str = ""
    began_at: float = 0.0
    rotated_at: float = 0.0
    next_at: float = 0.0


class Replica(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    key_id: str = ""
    failure: str = ""
    """Why there is no replica after all."""


class Secret(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`stages` maps a staging label to its version; `suffix` are the six characters that end the ARN."""

    name: str
    suffix: str
    created_at: float
    changed_at: float
    description: str = ""
    key_id: str = ""
    tags: dict[str, str] = {}
    stages: dict[str, str] = {}
    policy: str = ""
    accessed_at: float = 0.0
    deleted_at: float = 0.0
    """When it was marked for deletion; 0 for a living secret."""
    purge_at: float = 0.0
    was_tagged: bool = False
    """AWS shows an empty list of tags where there once was one."""
    rotation: Rotation | None = None
    primary_region: str = ""
    """Of a replica: where its primary is."""
    replicas: dict[str, Replica] = {}
    """Of a primary: its replicas by region."""


class Version(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    version: str
    created_at: float
    text: str = ""
    binary: bytes = b""
    accessed_at: float = 0.0


SECRETS = Table("secretsmanager.secret", Secret, key=("name",))
VERSIONS = Table("secretsmanager.version", Version, key=("name", "version"), entity=1)
