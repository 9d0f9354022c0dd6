"""The Parameter Store's rows.

    PARAMETERS  (name)            -> Parameter    the current version's number, tags
    VERSIONS    (name, version)   -> Version      each value that the parameter had, up to a hundred

Invariants: a parameter's current version is its highest, and is there; a label is on one version at most.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Parameter(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    version: int
    kind: str
    tags: dict[str, str] = {}


class Version(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    version: int
    kind: str
    value: str
    modified_at: float
    modified_by: str
    description: str = ""
    key_id: str = ""
    allowed_pattern: str = ""
    tier: str = "Standard"
    data_type: str = "text"
    labels: list[str] = []
    policies: str = ""


PARAMETERS = Table("ssm.parameter", Parameter, key=("name",))
VERSIONS = Table("ssm.version", Version, key=("name", "version"), entity=1)
