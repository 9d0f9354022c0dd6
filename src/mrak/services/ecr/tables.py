"""ECR's rows.

REPOSITORIES (name) -> Repository
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Repository(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` are the members of CreateRepository's input that Describe... shows; policies are JSON texts."""

    name: str
    created_at: float
    settings: dict[str, Any]
    tags: dict[str, str] = {}
    policy: str = ""
    lifecycle: str = ""
    lifecycle_at: float = 0.0


REPOSITORIES = Table("ecr.repository", Repository, key=("name",))
