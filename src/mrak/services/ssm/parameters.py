"""Parameters: names, selectors (`name:3`, `name:label`), checks and rendering.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html

A SecureString's value is encrypted at rest by whoever encrypts the data folder; `WithDecryption` decides whether it is
shown, as on AWS. Without it a value is shown that nobody can decrypt.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.ssm import errors
from mrak.services.ssm.tables import PARAMETERS, VERSIONS, Parameter, Version

_NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,1011}")
_MOST_LEVELS = 15
_STANDARD_BYTES = 4096
_ADVANCED_BYTES = 8192
KINDS = ("String", "StringList", "SecureString")


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise errors.validation(
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
            "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_"
        )
    prefix = name.removeprefix("/")[:3].lower()
    if prefix in ("aws", "ssm"):
        raise errors.validation(
            f'Parameter name: can\'t be prefixed with "{prefix}" (case-insensitive). If formed as a path, it can '
            "consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers "
            "and the following 3 symbols .-_"
        )
    if "/" in name and not name.startswith("/"):
        raise errors.validation("Parameter name must be a fully qualified name.")
    if name.count("/") > _MOST_LEVELS:
        raise errors.hierarchy_too_deep(name)


def check_value(req: dict[str, Any]) -> None:
    value, size = req["Value"], len(req["Value"].encode())
    if not value:
        raise errors.validation("Parameter value can't be empty.")
    most = _ADVANCED_BYTES if req.get("Tier") in ("Advanced", "Intelligent-Tiering") else _STANDARD_BYTES
    if size > most:
        tier = "Advanced" if most == _ADVANCED_BYTES else "Standard"
        raise errors.validation(
            f"{tier} tier parameters support a maximum parameter value of {most} characters. To create a larger "
            "parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
        )
    pattern = req.get("AllowedPattern")
    if pattern and not _matches(pattern, value):
        raise errors.pattern_mismatch(req["Name"], pattern)


def _matches(pattern: str, value: str) -> bool:
    """Whether a value matches a pattern from outside; RE2 has no catastrophic patterns."""
    import re2

    try:
        return re2.fullmatch(pattern, value) is not None
    except re2.error as error:
        raise errors.validation(f"Invalid allowed pattern: {error}") from None


def full_name(name_or_arn: str) -> str:
    """The name that a name or an ARN says; parameters that have slashes keep the leading one."""
    parsed = find_arn(name_or_arn)
    if parsed is None:
        return name_or_arn
    name = parsed.resource.removeprefix("parameter")
    return name if name.count("/") > 1 else name.removeprefix("/")


def find(tx: Transaction, scope: Scope, selector: str) -> tuple[Version, str] | None:
    """The version that `name`, `name:3` or `name:label` says, and the selector (":3"); None where there is none.
    Raises ParameterVersionNotFound where the parameter is there and the version is not."""
    name, colon, chosen = full_name(selector).partition(":")
    parameter = PARAMETERS.get(tx, scope, name)
    if parameter is None:
        return None
    if not colon:
        return _require_version(tx, scope, parameter, parameter.version), ""
    for version in VERSIONS.scan(tx, scope, name, reverse=True):
        if chosen in version.labels or str(version.version) == chosen:
            return version, f":{chosen}"
    raise errors.version_not_found(name, chosen)


def require(tx: Transaction, scope: Scope, selector: str) -> tuple[Version, str]:
    found = find(tx, scope, selector)
    if found is None:
        raise errors.parameter_not_found()
    return found


def under(tx: Transaction, scope: Scope, path: str, recursive: bool) -> Iterator[Parameter]:
    """Parameters whose names lie below a path, in order; direct children only, unless recursive."""
    prefix = path if path.endswith("/") else f"{path}/"
    for parameter in PARAMETERS.scan(tx, scope, since=prefix):
        if not parameter.name.startswith(prefix):
            return
        if recursive or "/" not in parameter.name[len(prefix) :]:
            yield parameter


def render(scope: Scope, version: Version, selector: str, decrypted: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": version.name,
        "Type": version.kind,
        "Value": version.value if decrypted or version.kind != "SecureString" else _sealed(version),
        "Version": version.version,
        "LastModifiedDate": version.modified_at,
        "ARN": parameter_arn(scope, version.name),
        "DataType": version.data_type,
    }
    if selector:
        shown["Selector"] = selector
    return shown


def render_metadata(scope: Scope, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": version.name,
        "ARN": parameter_arn(scope, version.name),
        "Type": version.kind,
        "LastModifiedDate": version.modified_at,
        "LastModifiedUser": version.modified_by,
        "Version": version.version,
        "Tier": version.tier,
        "Policies": [],
        "DataType": version.data_type,
    }
    for member, value in (
        ("KeyId", version.key_id),
        ("Description", version.description),
        ("AllowedPattern", version.allowed_pattern),
    ):
        if value:
            shown[member] = value
    return shown


def parameter_arn(scope: Scope, name: str) -> str:
    return arn(scope, "ssm", f"parameter/{name.removeprefix('/')}")


def _require_version(tx: Transaction, scope: Scope, parameter: Parameter, number: int) -> Version:
    version = VERSIONS.get(tx, scope, parameter.name, number)
    assert version is not None, f"{parameter.name} lacks its version {number}"
    return version


def _sealed(version: Version) -> str:
    deviation("SSM-001")
    return base64.b64encode(sha256(f"{version.name}/{version.version}/{version.value}".encode()).digest()).decode()
