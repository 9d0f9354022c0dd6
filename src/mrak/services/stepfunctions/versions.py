"""Versions: revisions that have a number and stay.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html
"""

from __future__ import annotations

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.stepfunctions.tables import MACHINES, VERSIONS, Machine, Version


def find_published(tx: Transaction, scope: Scope, machine: Machine) -> Version | None:
    """The newest version, if it is of the machine's present revision."""
    newest = next(VERSIONS.scan(tx, scope, machine.name, limit=1, reverse=True), None)
    return newest if newest is not None and newest.revision == machine.revision else None


def publish(ctx: Context, tx: Transaction, scope: Scope, machine: Machine, description: str) -> Version:
    """The machine's present revision as a version; the one that there is where it was published last, unless the
    request describes it otherwise."""
    newest = find_published(tx, scope, machine)
    if newest is not None and description in ("", newest.description):
        return newest
    opened = MACHINES.open(tx, scope, machine.name)
    assert opened is not None
    version = Version(
        machine=machine.name,
        number=opened.next_version,
        revision=opened.revision,
        created_at=ctx.now,
        description=description,
    )
    MACHINES.replace(tx, scope, opened, msgspec.structs.replace(opened, next_version=opened.next_version + 1))
    VERSIONS.lock(tx, scope, version.machine, version.number)
    VERSIONS.insert(tx, scope, version)
    return version
