"""What a change set shows: how two evaluated templates differ, resource by resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mrak.lang.cloudformation.intrinsics import UNKNOWN
from mrak.lang.cloudformation.references import references

ATTRIBUTES = ("Metadata", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy")


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A resource before or after: as it stands in the template, and with its properties evaluated."""

    type: str
    declared: dict[str, Any]
    properties: dict[str, Any]
    physical_id: str = ""


def find_change(
    name: str,
    before: Side | None,
    after: Side | None,
    requires: Callable[[str, str], str],
    changed: dict[str, str],
) -> dict[str, Any] | None:
    """The ResourceChange of a resource, None where nothing changes. `requires(type, property)` says whether a change of
    the property recreates the resource (Never, Conditionally, Always); `changed` are other resources that change."""
    if before is None:
        assert after is not None
        return {"Action": "Add", "LogicalResourceId": name, "ResourceType": after.type, "Scope": [], "Details": []}
    if after is None:
        return {
            "Action": "Remove", "LogicalResourceId": name, "ResourceType": before.type, "Scope": [], "Details": [],
            "PhysicalResourceId": before.physical_id, "PolicyAction": _removal(before.declared),
        }  # fmt: skip
    details = _details(before, after, requires, changed)
    if not details:
        return None
    return _modification(name, before, after, details)


def _removal(declared: dict[str, Any]) -> str:
    policy = declared.get("DeletionPolicy", "Delete")
    return {"Retain": "Retain", "RetainExceptOnCreate": "Retain", "Snapshot": "Snapshot"}.get(policy, "Delete")


def _details(
    before: Side, after: Side, requires: Callable[[str, str], str], changed: dict[str, str]
) -> list[dict[str, Any]]:
    details = []
    for attribute in ATTRIBUTES:
        if before.declared.get(attribute) != after.declared.get(attribute):
            details.append(_detail({"Attribute": attribute, "RequiresRecreation": "Never"}))
    for name in sorted(before.properties.keys() | after.properties.keys()):
        old, new = before.properties.get(name), after.properties.get(name)
        if old == new:
            continue
        target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": requires(after.type, name)}
        details += _property_details(target, after.declared.get("Properties", {}).get(name), new, changed)
    return details


def _property_details(target: dict[str, str], declared: Any, new: Any, changed: dict[str, str]) -> list[dict[str, Any]]:
    found = []
    for reference in references(declared):
        if reference.name in changed and _is_unknown(new):
            source = "ResourceAttribute" if reference.attribute else "ResourceReference"
            path = f"{reference.name}.{reference.attribute}" if reference.attribute else reference.name
            evaluation = "Static" if changed[reference.name] == "True" else "Dynamic"
            found.append(_detail(target, source, evaluation, path))
    return found or [_detail(target, "DirectModification")]


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
