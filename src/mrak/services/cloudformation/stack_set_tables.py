"""Stack sets' rows, in the administrator's account and region.

    STACK_SETS (name)                     -> StackSet
    INSTANCES  (stack_set, account, region) -> Instance     one stack of the set
    OPERATIONS (stack_set, id)            -> SetOperation   what was done to the instances, and what came of it

Invariant: an operation that is RUNNING has a delivery in the outbox that goes on with it; a set has one such at most.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class StackSet(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` are the members of CreateStackSet's input that make its stacks: template, parameters, and so on."""

    name: str
    id: str
    settings: dict[str, Any]
    running: str = ""


class Instance(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    stack_set: str
    account: str
    region: str
    stack_id: str = ""
    status: str = "OUTDATED"
    detail: str = "PENDING"
    reason: str = ""
    overrides: list[dict[str, Any]] = []
    operation: str = ""


class SetOperation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`results` in the order of the work: [account, region, status, reason]."""

    stack_set: str
    id: str
    action: str
    status: str
    created_at: float
    ended_at: float | None = None
    results: list[tuple[str, str, str, str]] = []
    tolerance: int = 0
    retain: bool = False
    endpoint: str = ""
    principal: bytes = b""


STACK_SETS = Table("cloudformation.stack-set", StackSet, key=("name",))
INSTANCES = Table("cloudformation.stack-instance", Instance, key=("stack_set", "account", "region"))
OPERATIONS = Table("cloudformation.stack-set-operation", SetOperation, key=("stack_set", "id"))
