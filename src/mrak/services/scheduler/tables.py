"""EventBridge Scheduler's rows.

    GROUPS       (name)          -> Group       "default" is always there and has a row once it is tagged
    SCHEDULES    (group, name)   -> Schedule

Invariant: an enabled schedule that fires again has one timer, due at `next_due_at`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Group(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    created_at: float = 0.0
    modified_at: float = 0.0
    tags: dict[str, str] = {}


class Schedule(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` is CreateSchedule's input with AWS's defaults; `next_due_at` is when it fires, a flexible window
    added to `next_time`, its time by the expression."""

    group: str
    name: str
    created_at: float
    modified_at: float
    settings: dict[str, Any]
    next_time: float | None = None
    next_due_at: float | None = None


GROUPS = Table("scheduler.group", Group, key=("name",))
SCHEDULES = Table("scheduler.schedule", Schedule, key=("group", "name"))
