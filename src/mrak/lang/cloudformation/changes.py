"""What a change set shows: how two evaluated templates differ, resource by resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from mrak.lang.cloudformation.intrinsics import UNKNOWN
from mrak.lang.cloudformation.parameters import conceal, render_text
from mrak.lang.cloudformation.references import references

ATTRIBUTES = ("Metadata", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy")


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A resource before or after: as it stands in the template, and with its properties evaluated."""

    type: str
    declared: dict[str, Any]
    properties: dict[str, Any]
    physical_id: str = ""


class Comparison(msgspec.Struct, kw_only=True):
    """What is known while the resources of two versions are compared, what is needed first.

    `requires(type, property)` says whether a change of the property recreates the resource (Never, Conditionally,
    Always); `changed` are the resources that change, with their Replacement; `parameters` those whose value differs.
    With `valued` the values count: what would stay the same is no change. Without, whatever names an attribute of a
    resource that changes may change too. AWS shows the first with IncludePropertyValues, else the second. `secrets` are
    the values of NoEcho parameters, which are not shown."""

    requires: Callable[[str, str], str]
    parameters: set[str]
    valued: bool
    secrets: set[str] = set()
    changed: dict[str, str] = {}


def find_change(name: str, before: Side | None, after: Side | None, known: Comparison) -> dict[str, Any] | None:
    """The ResourceChange of a resource, None where nothing changes."""
    if before is None:
        assert after is not None
        added = {"Action": "Add", "LogicalResourceId": name, "ResourceType": after.type, "Scope": [], "Details": []}
        return added | _contexts(None, after, known)
    if after is None:
        removed = {
            "Action": "Remove", "LogicalResourceId": name, "ResourceType": before.type, "Scope": [], "Details": [],
            "PhysicalResourceId": before.physical_id, "PolicyAction": _removal(before.declared),
        }  # fmt: skip
        return removed | _contexts(before, None, known)
    details = _details(before, after, known)
    if not details:
        return None
    change = _modification(name, before, after, details) | _contexts(before, after, known)
    known.changed[name] = change["Replacement"]
    return change


def _contexts(before: Side | None, after: Side | None, known: Comparison) -> dict[str, str]:
    if not known.valued:
        return {}
    sides = (("BeforeContext", before), ("AfterContext", after))
    return {
        name: json.dumps({"Properties": conceal(side.properties, known.secrets)})
        for name, side in sides
        if side is not None
    }


def _removal(declared: dict[str, Any]) -> str:
    policy = declared.get("DeletionPolicy", "Delete")
    return {"Retain": "Retain", "RetainExceptOnCreate": "Retain", "Snapshot": "Snapshot"}.get(policy, "Delete")


def _details(before: Side, after: Side, known: Comparison) -> list[dict[str, Any]]:
    details = []
    for attribute in ATTRIBUTES:
        if before.declared.get(attribute) != after.declared.get(attribute):
            details.append(_detail({"Attribute": attribute, "RequiresRecreation": "Never"}))
    declared = after.declared.get("Properties", {})
    for name in sorted(before.properties.keys() | after.properties.keys()):
        old, new = before.properties.get(name), after.properties.get(name)
        target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": known.requires(after.type, name)}
        for source in _sources(old, new, declared.get(name), known):
            leaves = _leaves(f"/Properties/{name}", old, new, known.secrets) if known.valued else [{}]
            details += [_detail(target | leaf, *source) for leaf in leaves]
    return details


def _sources(old: Any, new: Any, declared: Any, known: Comparison) -> list[tuple[str, str, str]]:
    """Why a property changes: (source, evaluation, causing entity); [] where it does not."""
    found: list[tuple[str, str, str]] = []
    for reference in references(declared):
        entity = f"{reference.name}.{reference.attribute}" if reference.attribute else reference.name
        if reference.name in known.parameters and old != new:
            found.append(("ParameterReference", "Static", entity))
        elif known.changed.get(reference.name) == "True" and _is_unknown(new):
            found.append(("ResourceAttribute" if reference.attribute else "ResourceReference", "Static", entity))
        elif reference.name in known.changed and reference.attribute and not known.valued:
            found.append(("ResourceAttribute", "Dynamic", entity))
    if old != new and not found:
        return [("DirectModification", "Static", "")]
    # Beside what it names, the value itself counts, except where it is not known and not shown.
    if old != new and (known.valued or not _is_unknown(new)):
        found.append(("DirectModification", "Dynamic", ""))
    return list(dict.fromkeys(found))


def _leaves(path: str, old: Any, new: Any, secrets: set[str]) -> list[dict[str, Any]]:
    """Where in a property the two values differ, and what stands there."""
    if old == new:
        return []
    pairs: list[tuple[Any, Any, Any]] = []
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(key, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys())]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(at, old[at], new[at]) for at in range(len(old))]
    if pairs:
        return [leaf for key, before, after in pairs for leaf in _leaves(f"{path}/{key}", before, after, secrets)]
    leaf = {"Path": path, "AttributeChangeType": "Add" if old is None else "Remove" if new is None else "Modify"}
    shown = {"BeforeValue": conceal(old, secrets), "AfterValue": conceal(new, secrets)}
    return [leaf | {name: _text(value) for name, value in shown.items() if value is not None}]


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else render_text(value)


def _is_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_unknown(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_is_unknown(inner) for inner in value)
    return isinstance(value, str) and UNKNOWN in value


def _detail(
    target: dict[str, str], source: str = "DirectModification", evaluation: str = "Static", cause: str = ""
) -> dict[str, Any]:
    detail: dict[str, Any] = {"Target": target, "Evaluation": evaluation, "ChangeSource": source}
    if cause:
        detail["CausingEntity"] = cause
    return detail


def _modification(name: str, before: Side, after: Side, details: list[dict[str, Any]]) -> dict[str, Any]:
    recreations = [detail["Target"]["RequiresRecreation"] for detail in details]
    certain = [detail["Target"]["RequiresRecreation"] for detail in details if detail["Evaluation"] == "Static"]
    replacement = "False"
    if "Always" in certain:
        replacement = "True"
    elif "Always" in recreations or "Conditionally" in recreations:
        replacement = "Conditional"
    change: dict[str, Any] = {
        "Action": "Modify",
        "LogicalResourceId": name,
        "PhysicalResourceId": before.physical_id,
        "ResourceType": after.type,
        "Replacement": replacement,
        "Scope": sorted({detail["Target"]["Attribute"] for detail in details}),
        "Details": details,
    }
    if replacement == "True":
        keeps = after.declared.get("UpdateReplacePolicy") == "Retain"
        change["PolicyAction"] = "ReplaceAndRetain" if keeps else "ReplaceAndDelete"
    return change
