"""Filters of DescribeParameters and GetParametersByPath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrak.services.ssm import errors
from mrak.services.ssm.tables import Parameter, Version

Test = Callable[[Parameter, Version], bool]
_DESCRIBE = ("Path", "Name", "Type", "KeyId", "Tier", "DataType")
_BY_PATH = ("Type", "KeyId", "Label")


def describing(req: dict[str, Any]) -> Test:
    """What DescribeParameters asks for, in the new spelling or the old one."""
    old = [
        {**wanted, "Option": "BeginsWith" if wanted["Key"] == "Name" else "Equals"} for wanted in req.get("Filters", [])
    ]
    if old and "ParameterFilters" in req:
        raise errors.validation("Filters and ParameterFilters can't be used together.")
    return _all(old or req.get("ParameterFilters", []), _DESCRIBE)


def by_path(req: dict[str, Any]) -> Test:
    return _all(req.get("ParameterFilters", []), _BY_PATH)


def _all(filters: list[dict[str, Any]], keys: tuple[str, ...]) -> Test:
    for wanted in filters:
        if wanted["Key"] not in keys and not (keys is _DESCRIBE and wanted["Key"].startswith("tag:")):
            valid = ", ".join(keys)
            raise errors.invalid_filter(
                f"The following filter key is not valid: {wanted['Key']}. Valid filter keys include: [{valid}]."
            )
    return lambda row, version: all(_passes(row, version, wanted) for wanted in filters)


def _passes(row: Parameter, version: Version, wanted: dict[str, Any]) -> bool:
    key, values, option = wanted["Key"], wanted.get("Values", []), wanted.get("Option", "Equals")
    if key == "Path":
        return any(_is_under(row.name, value, option) for value in values)
    if key.startswith("tag:"):
        tag = row.tags.get(key[4:])
        return tag is not None and (not values or tag in values)
    if key == "Label":
        return any(label in version.labels for label in values)
    found = {
        "Name": row.name,
        "Type": row.kind,
        "KeyId": version.key_id,
        "Tier": version.tier,
        "DataType": version.data_type,
    }[key]
    if option == "BeginsWith":
        return found.startswith(tuple(values))
    return any(value in found for value in values) if option == "Contains" else found in values


def _is_under(name: str, path: str, option: str) -> bool:
    folder = path if path.endswith("/") else f"{path}/"
    return name.startswith(folder) and (option == "Recursive" or "/" not in name[len(folder) :])
