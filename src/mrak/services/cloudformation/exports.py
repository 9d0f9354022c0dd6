"""What others may know of stacks: what they own. Read-only."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.cloudformation.tables import EVENTS, STACKS, VERSIONS, Stack


class Owned(msgspec.Struct, frozen=True):
    """A resource, with the stack that stands at the root of those that own it."""

    type: str
    physical_id: str
    stack_name: str
    tags: dict[str, str]


def list_owned(tx: Transaction, scope: Scope) -> Iterator[Owned]:
    """Every resource that stacks of this region have or had. Their events tell: rows of deleted resources are gone."""
    stacks = {stack.id: stack for stack in STACKS.scan(tx, scope)}
    for stack in stacks.values():
        root = stacks.get(stack.root_id, stack)
        tags = _tags(tx, scope, root)
        known = {(event.type, event.physical_id) for event in EVENTS.scan(tx, scope, stack.id) if event.physical_id}
        for kind, physical_id in known:
            yield Owned(kind, physical_id, root.name, tags)


def _tags(tx: Transaction, scope: Scope, stack: Stack) -> dict[str, str]:
    version = VERSIONS.get(tx, scope, stack.id, stack.version or stack.target)
    return {tag["Key"]: tag["Value"] for tag in version.tags} if version is not None else {}
