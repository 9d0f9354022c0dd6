"""What a version of a template would do to its stack: the Changes of a change set."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.resource import find_resource_type
from mrak.lang.cloudformation.changes import Comparison, Side, find_change
from mrak.services.cloudformation.evaluation import Evaluation, open_version, resolve_stored
from mrak.services.cloudformation.tables import RESOURCES, VERSIONS, Row, Stack, Version

_INCOMPLETE = (
    "[WARN] --include-property-values option can return incomplete ChangeSet data because: "
    "ChangeSet creation failed for"
)


def outputs_differ(ctx: Context, tx: Transaction, stack: Stack, version: Version) -> bool:
    """Outputs and tags are changes too, though none of a resource."""
    old = VERSIONS.get(tx, ctx.scope, stack.id, stack.version)
    assert old is not None
    before, after = json.loads(old.processed), json.loads(version.processed)
    return before.get("Outputs") != after.get("Outputs") or old.tags != version.tags


class Review(msgspec.Struct):
    """The Changes, and what can't be told of their values."""

    changes: list[dict[str, Any]]
    warning: str = ""


def review(
    ctx: Context, tx: Transaction, stack: Stack, version: Version, imported: set[str], *, valued: bool = False
) -> Review:
    """What the version would do; with `valued` as it is shown with the properties' values."""
    rows = {row.logical_id: row for row in RESOURCES.scan(tx, ctx.scope, stack.id) if row.status != "DELETE_COMPLETE"}
    after = open_version(tx, ctx.scope, stack, version, rows, preview=True)
    old = VERSIONS.get(tx, ctx.scope, stack.id, stack.version) if stack.version else None
    declared_before = {} if old is None else json.loads(old.processed).get("Resources", {})
    warning = ""
    known = Comparison(requires=requires_recreation, parameters=_differing(old, version), valued=valued)
    known.secrets = version.secrets() | (old.secrets() if old is not None else set())
    names = sorted(rows.keys() | after.enabled().keys())
    found: dict[str, dict[str, Any]] = {}
    for name in _in_order(names, after.template.edges(after.values.conditions)):
        before = _side_before(rows.get(name), declared_before.get(name, {}))
        side = _side_after(ctx, tx, after, name)
        if side is None and before is not None and old is not None:
            before = replace(before, properties=_properties_of_gone(ctx, tx, stack, old, name))
        if after.missing and not warning:
            warning = f"{_INCOMPLETE} resource [{name}] because: No export named {after.missing[0]}"
        change = find_change(name, before, side, known)
        if change is None:
            continue
        if name in imported:
            change["Action"] = "Import"
        found[name] = change
        if known.changed.get(name) == "True":
            # What a replaced resource's Ref and attributes come to is not known before it is replaced.
            rows[name] = replace(rows[name], physical_id="")
    return Review([{"Type": "Resource", "ResourceChange": found[name]} for name in sorted(found)], warning)


def _properties_of_gone(ctx: Context, tx: Transaction, stack: Stack, old: Version, name: str) -> dict[str, Any]:
    """As AWS shows what goes: by its old template, with nothing known of other resources."""
    return open_version(tx, ctx.scope, stack, old, {}, preview=True).properties(name)


def _differing(old: Version | None, new: Version) -> set[str]:
    """The parameters that have another value, or are new."""
    before = {name: given for name, given, _, _ in old.parameters} if old is not None else {}
    return {name for name, given, _, _ in new.parameters if before.get(name) != given}


def _in_order(names: list[str], edges: dict[str, set[str]]) -> list[str]:
    ordered: list[str] = []
    left = list(names)
    while left:
        ready = [name for name in left if not edges.get(name, set()) & set(left)]
        ordered += ready or left
        left = [name for name in left if name not in ordered]
    return ordered


def _side_before(row: Row | None, declared: dict[str, Any]) -> Side | None:
    if row is None:
        return None
    properties = json.loads(row.properties)
    return Side(type=row.type, declared=declared, properties=properties, physical_id=row.physical_id)


def _side_after(ctx: Context, tx: Transaction, after: Evaluation, name: str) -> Side | None:
    declared = after.enabled().get(name)
    if declared is None:
        return None
    properties = resolve_stored(tx, ctx.scope, after.properties(name), secrets=False)
    return Side(type=declared["Type"], declared=declared, properties=properties)


def requires_recreation(type_name: str, name: str) -> str:
    kind = find_resource_type(type_name)
    return "Never" if kind is None else kind.requires_recreation(name)
