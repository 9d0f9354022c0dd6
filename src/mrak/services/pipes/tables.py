"""EventBridge Pipes' rows.

    PIPES         (name)   -> Pipe
    CHECKPOINTS   (name)   -> Checkpoint     how far a pipe has read its stream; `name/N` for shard N

Invariant: a pipe that runs has its consumer row.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Pipe(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` is CreatePipe's input without name and tags. `id` tells a pipe from an earlier one of its name."""

    name: str
    id: str
    created_at: float
    modified_at: float
    settings: dict[str, Any]
    tags: dict[str, str] = {}
    state_reason: str = "USER_INITIATED"

    @property
    def runs(self) -> bool:
        return bool(self.settings.get("DesiredState", "RUNNING") == "RUNNING")


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    name: str
    position: int


PIPES = Table("pipes.pipe", Pipe, key=("name",))
CHECKPOINTS = Table("pipes.checkpoint", Checkpoint, key=("name",))
