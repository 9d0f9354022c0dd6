"""The rule that AWS keeps for each archive: what a bus's owner sees of how its events are archived.

The rule shows and does nothing: `matching` archives events in the transaction that takes them.

Invariant: an archive has exactly one such rule, named after it, whose pattern is the archive's without replayed events.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.events.tables import RULES, TARGETS, Archive, Rule, Target

_MANAGER = "prod.vhs.events.aws.internal"


def _name(archive: Archive) -> str:
    return f"Events-Archive-{archive.name}"


def _pattern(archive: Archive) -> str:
    given: dict[str, Any] = json.loads(archive.pattern) if archive.pattern else {}
    return json.dumps(given | {"replay-name": [{"exists": False}]}, separators=(",", ":"))


def add(ctx: Context, tx: Transaction, scope: Scope, archive: Archive) -> None:
    rule = Rule(
        bus=archive.bus,
        name=_name(archive),
        created_by=scope.account,
        created_at=ctx.now,
        pattern=_pattern(archive),
        managed_by=_MANAGER,
    )
    RULES.lock(tx, scope, rule.bus, rule.name)
    RULES.insert(tx, scope, rule)
    template = (
        f'{{"archive-arn": "{arn(scope, "events", f"archive/{archive.name}")}:{ctx.draw.uuid()}",'
        '"event": <aws.events.event.json>,"ingestion-time": <aws.events.event.ingestion-time>}'
    )
    settings: dict[str, Any] = {
        "Id": rule.name,
        "Arn": f"arn:{scope.partition}:events:{scope.region}:::",
        "InputTransformer": {"InputPathsMap": {}, "InputTemplate": template},
    }
    TARGETS.lock(tx, scope, rule.bus, rule.name)
    TARGETS.insert(tx, scope, Target(rule.bus, rule.name, rule.name, settings["Arn"], settings))


def follow(tx: Transaction, scope: Scope, archive: Archive) -> None:
    """After a change of the archive's pattern."""
    rule = RULES.open(tx, scope, archive.bus, _name(archive))
    if rule is not None:
        RULES.replace(tx, scope, rule, replace(rule, pattern=_pattern(archive)))


def remove(tx: Transaction, scope: Scope, archive: Archive) -> None:
    rule = RULES.open(tx, scope, archive.bus, _name(archive))
    if rule is not None:
        TARGETS.lock(tx, scope, rule.bus, rule.name)
        for target in list(TARGETS.scan(tx, scope, rule.bus, rule.name)):
            TARGETS.delete(tx, scope, target)
        RULES.delete(tx, scope, rule)
