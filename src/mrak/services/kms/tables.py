"""KMS's rows.

    KEYS        (key_id)             -> Key       with its material: who can read the data folder can use the keys
    ALIASES     (name)               -> Alias
      OF_KEY    (key_id)
    IMPORTS     (key_id, token)      -> Import    the wrapping keys that GetParametersForImport gave out
    GRANTS      (key_id, grant_id)   -> Grant
      RETIRABLE (retiring)                        the grants that a principal may retire

Invariants: `materials` holds every key material that ever encrypted, the current one last, so that what an earlier one
encrypted can be decrypted; imported material that was deleted or has expired leaves b"" in its place, and the key is
PendingImport as long as one is missing; an alias and a grant may outlive nothing: they go with their key. The replicas
of a multi-region key are rows of their own in their regions, with the same id and the same materials.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Key(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`materials` are 32 random bytes each for symmetric keys, the PKCS 8 private key for key pairs, the secret of a
    MAC key. `state` is AWS's KeyState."""

    key_id: str
    spec: str
    usage: str
    created_at: float
    materials: list[bytes]
    description: str = ""
    state: str = "Enabled"
    policy: str = ""
    tags: dict[str, str] = {}
    multi_region: bool = False
    rotates_every_days: int = 0
    rotated_at: float = 0.0
    delete_at: float = 0.0
    manager: str = "CUSTOMER"
    origin: str = "AWS_KMS"
    material_ids: list[str] = []
    """Of imported materials, which keep their ids when they are gone."""
    pending: bytes = b""
    """Imported material that the next rotation makes the current one."""
    valid_to: float = 0.0
    """When imported material expires; 0 where it does not."""
    rotations: list[tuple[float, str]] = []
    """When each material after the first became current, and by what (AUTOMATIC, ON_DEMAND)."""
    primary_region: str = ""
    replica_regions: list[str] = []
    waits_days: int = 0
    """How long a primary will wait for its deletion once its replicas are gone."""


class Alias(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    key_id: str
    created_at: float
    changed_at: float


class Import(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    key_id: str
    token: str
    algorithm: str
    private: bytes
    valid_to: float


class Grant(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` is CreateGrant's input without what only asks (GrantTokens, DryRun)."""

    key_id: str
    grant_id: str
    created_at: float
    settings: dict[str, Any]
    retiring: str = ""


KEYS = Table("kms.key", Key, key=("key_id",))
ALIASES = Table("kms.alias", Alias, key=("name",))
OF_KEY = ALIASES.index("key", ("key_id",))
IMPORTS = Table("kms.import", Import, key=("key_id", "token"))
GRANTS = Table("kms.grant", Grant, key=("key_id", "grant_id"))
RETIRABLE = GRANTS.index("retiring", ("retiring",))
