"""Filters of DescribeParameters and GetParametersByPath.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mrak.services.ssm import errors
from mrak.services.ssm.tables import Parameter, Version

Test = Callable[[Parameter, Version], bool]
_DESCRIBE = ("Path", "Name", "Type", "KeyId", "Tier", "DataType")
_BY_PATH = ("Type", "KeyId", "Label")
_NEED_VALUES = ("Name", "Type", "Path", "Tier", "KeyId")
_USUAL = ("BeginsWith", "Equals")
_SHOWN_OPTIONS: dict[str, tuple[str, ...]] = {"Path": ("Recursive", "OneLevel"), "Label": ("Equals",)}
_OPTIONS = {**_SHOWN_OPTIONS, "Name": ("BeginsWith", "Equals", "Contains")}
_VALUES = {
    "Tier": ("Standard", "Advanced", "Intelligent-Tiering"),
    "Type": ("String", "StringList", "SecureString"),
}
_PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+/?|/").fullmatch


def describing(req: dict[str, Any]) -> Test:
    """What DescribeParameters asks for, in the new spelling or the old one."""
    old = [
        {**wanted, "Option": "BeginsWith" if wanted["Key"] == "Name" else "Equals"} for wanted in req.get("Filters", [])
    ]
    if old and "ParameterFilters" in req:
        raise errors.validation("You can use either Filters or ParameterFilters in a single request.")
    return _all(old or req.get("ParameterFilters", []), _DESCRIBE)


def by_path(req: dict[str, Any]) -> Test:
    return _all(req.get("ParameterFilters", []), _BY_PATH)


def _all(filters: list[dict[str, Any]], keys: tuple[str, ...]) -> Test:
    seen: set[str] = set()
    for wanted in filters:
        _check(wanted, keys, seen)
        seen.add(wanted["Key"])
    return lambda row, version: all(_passes(row, version, wanted) for wanted in filters)


def _check(wanted: dict[str, Any], keys: tuple[str, ...], seen: set[str]) -> None:
    """One filter, in AWS's order."""
    key = wanted["Key"]
    if key not in keys and not (keys is _DESCRIBE and key.startswith("tag:")):
        valid = ", ".join(keys)
        raise errors.invalid_filter(
            f"The following filter key is not valid: {key}. Valid filter keys include: [{valid}]."
        )
    values = wanted.get("Values", [])
    if key in _NEED_VALUES and not values:
        raise errors.missing_filter_values(key)
    if key in seen:
        raise errors.invalid_filter(
            f"The following filter is duplicated in the request: {key}. A request can contain only one occurrence of a "
            "specific filter."
        )
    if "Option" in wanted and wanted["Option"] not in _OPTIONS.get(key, _USUAL):
        raise errors.invalid_filter_option(wanted["Option"], ", ".join(_SHOWN_OPTIONS.get(key, _USUAL)))
    if key == "Label" and len(values) > 1:
        raise errors.one_value_only(key)
    if key == "Path":
        for value in values:
            _check_path(value)
    for value in values if key in _VALUES else ():
        if value not in _VALUES[key]:
            raise errors.invalid_filter_value(value, ", ".join(_VALUES[key]))


def _check_path(path: str) -> None:
    if path.lower().startswith(("/aws", "/ssm")):
        raise errors.validation(
            'Filters for common parameters can\'t be prefixed with "aws" or "ssm" (case-insensitive). When using '
            "global parameters, please specify within a global namespace."
        )
    if not _PATH(path):
        raise errors.malformed_path()


def _passes(row: Parameter, version: Version, wanted: dict[str, Any]) -> bool:
    key, values, option = wanted["Key"], wanted.get("Values", []), wanted.get("Option", "Equals")
    if key == "Path":
        return any(_is_under(row.name, value, option) for value in values)
    if key == "Label":
        return any(label in version.labels for label in values)
    if key == "Name":
        return _names(row.name, values, option)
    if key.startswith("tag:"):
        found = row.tags.get(key[4:])
        if found is None or not values:
            return found is not None
    else:
        found = {"Type": row.kind, "KeyId": version.key_id, "Tier": version.tier, "DataType": version.data_type}[key]
    return found.startswith(tuple(values)) if option == "BeginsWith" else found in values


def _names(name: str, values: list[str], option: str) -> bool:
    """A slash at the beginning makes no difference."""
    if option == "Contains":
        return any(value in f"/{name.removeprefix('/')}" for value in values)
    bare, wanted = name.removeprefix("/"), tuple(value.removeprefix("/") for value in values)
    return bare.startswith(wanted) if option == "BeginsWith" else bare in wanted


def _is_under(name: str, path: str, option: str) -> bool:
    folder = path if path.endswith("/") else f"{path}/"
    below = f"/{name.removeprefix('/')}"
    return below.startswith(folder) and (option == "Recursive" or "/" not in below[len(folder) :])
