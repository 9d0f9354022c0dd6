"""Application Auto Scaling's rows.

    TARGETS    (place)         -> Target
      BY_ID    (id)
    POLICIES   (place, name)   -> Policy
    ACTIONS    (place, name)   -> Action

A place is service namespace, resource and dimension, joined. Invariant: policies and actions are there only as long as
their target is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


def place_of(namespace: str, resource: str, dimension: str) -> str:
    return "\x1f".join((namespace, resource, dimension))


class Target(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` is RegisterScalableTarget's input, with what was given before."""

    place: str
    id: str
    created_at: float
    settings: dict[str, Any]
    tags: dict[str, str] = {}


class Policy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    place: str
    name: str
    id: str
    created_at: float
    settings: dict[str, Any]


class Action(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    place: str
    name: str
    id: str
    created_at: float
    settings: dict[str, Any]


TARGETS = Table("application-autoscaling.target", Target, key=("place",))
BY_ID = TARGETS.index("id", ("id",))
POLICIES = Table("application-autoscaling.policy", Policy, key=("place", "name"))
ACTIONS = Table("application-autoscaling.action", Action, key=("place", "name"))
