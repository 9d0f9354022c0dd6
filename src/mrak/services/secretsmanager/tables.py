"""Secrets Manager's rows.

    SECRETS    (name)            -> Secret
    VERSIONS   (name, version)   -> Version     a value; its staging labels are the secret's

Invariants: a staging label is on one version; AWSCURRENT is there as soon as there is a value, and moving it leaves
AWSPREVIOUS on the version that had it.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


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


class Version(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    version: str
    created_at: float
    text: str = ""
    binary: bytes = b""


SECRETS = Table("secretsmanager.secret", Secret, key=("name",))
VERSIONS = Table("secretsmanager.version", Version, key=("name", "version"), entity=1)
