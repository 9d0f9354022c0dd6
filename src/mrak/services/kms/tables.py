"""KMS's rows.

    KEYS      (key_id)   -> Key       with its material: who can read the data folder can use the keys
    ALIASES   (name)     -> Alias
      OF_KEY  (key_id)

Invariants: `materials` holds every key material that ever encrypted, the current one last, so that what an earlier one
encrypted can be decrypted; an alias may outlive nothing: it goes with its key.
"""

from __future__ import annotations

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


class Alias(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    key_id: str
    created_at: float
    changed_at: float


KEYS = Table("kms.key", Key, key=("key_id",))
ALIASES = Table("kms.alias", Alias, key=("name",))
OF_KEY = ALIASES.index("key", ("key_id",))
