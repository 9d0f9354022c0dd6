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

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.ssm import errors
from mrak.services.ssm.tables import PARAMETERS, VERSIONS, Parameter, Version

_NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,1011}")
_MOST_LEVELS = 15
_STANDARD_BYTES = 4096
_ADVANCED_BYTES = 8192
_MOST_TAGS = 50
_INTEGRATION, _INTEGRATIONS = "aws:ssm:integration", "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations"
_DATA_TYPES = ("text", "aws:ec2:image", _INTEGRATION)
_NESTED = re.compile(r"\{\{\s*(ssm(-secure)?:[^{}]*)?\}\}")
KINDS = ("String", "StringList", "SecureString")
DEFAULT_KEY = "alias/aws/ssm"


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise errors.malformed_name("ssm")
    prefix, is_path = name.removeprefix("/")[:3].lower(), name.count("/") > 1
    if prefix in ("aws", "ssm") and not is_path:
        raise errors.reserved_name()
    if prefix == "aws":
        raise errors.no_access(name)
    if prefix == "ssm":
        raise errors.malformed_name(prefix)
    if "/" in name and not name.startswith("/"):
        raise errors.validation("Parameter name must be a fully qualified name.")
    if name.count("/") > _MOST_LEVELS:
        raise errors.hierarchy_too_deep(name)


def check_value(req: dict[str, Any]) -> None:
    value, size = req["Value"], len(req["Value"].encode())
    if not value:
        raise errors.empty_value()
    if _NESTED.search(value):
        raise errors.nested_parameter(value)
    most = _ADVANCED_BYTES if req.get("Tier") in ("Advanced", "Intelligent-Tiering") else _STANDARD_BYTES
    if size > most:
        tier = "Advanced" if most == _ADVANCED_BYTES else "Standard"
        raise errors.validation(
            f"{tier} tier parameters support a maximum parameter value of {most} characters. To create a larger "
            "parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
        )
    if req.get("DataType", "text") not in _DATA_TYPES:
        raise errors.unsupported_data_type(req["DataType"])
    if req.get("DataType") == _INTEGRATION and not req["Name"].startswith(_INTEGRATIONS):
        raise errors.misplaced_integration(_INTEGRATIONS)


def check_pattern(pattern: str, value: str) -> None:
    if pattern and not _matches(pattern, value):
        raise errors.pattern_mismatch(pattern)


def _matches(pattern: str, value: str) -> bool:
    """Whether a value matches a pattern from outside; RE2 has no catastrophic patterns."""
    import re2

    try:
        return re2.fullmatch(pattern, value) is not None
    except re2.error:
        raise errors.malformed_pattern() from None


def full_name(name_or_arn: str) -> str:
    """The name that a name or an ARN says; parameters that have slashes keep the leading one."""
    parsed = find_arn(name_or_arn)
    if parsed is None:
        return name_or_arn
    if parsed.service == "secretsmanager":
        raise errors.secret_by_arn()
    name = parsed.resource.removeprefix("parameter")
    return name if name.count("/") > 1 else name.removeprefix("/")


def stored_name(tx: Transaction, scope: Scope, name_or_arn: str) -> str:
    """The name under which a parameter is kept: one without a hierarchy is the same with and without a slash."""
    name = full_name(name_or_arn)
    if name.rfind("/") > 0 or PARAMETERS.get(tx, scope, name) is not None:
        return name
    other = name[1:] if name.startswith("/") else f"/{name}"
    return name if PARAMETERS.get(tx, scope, other) is None else other


def find(tx: Transaction, scope: Scope, selector: str) -> tuple[Version, str] | None:
    """The version that `name`, `name:3` or `name:label` says, and the selector (":3"); None where there is none.
    Raises ParameterVersionNotFound where the parameter is there and the version is not. It is shown by the name that
    asked for it."""
    name, colon, chosen = full_name(selector).partition(":")
    if not _NAME.fullmatch(name) or "//" in name or ("/" in name and not name.startswith("/")):
        raise errors.malformed_name("ssm")
    if colon and (not chosen or ":" in chosen):
        raise errors.malformed_selector()
    parameter = PARAMETERS.get(tx, scope, stored_name(tx, scope, name))
    if parameter is None:
        return None
    if selector.startswith("arn:"):
        name = parameter.name
    if not colon:
        version = _require_version(tx, scope, parameter, parameter.version)
        return msgspec.structs.replace(version, name=name), ""
    is_number = re.fullmatch(r"[0-9]+", chosen) is not None
    for version in VERSIONS.scan(tx, scope, parameter.name, reverse=True):
        if chosen in version.labels or (is_number and version.version == int(chosen)):
            return msgspec.structs.replace(version, name=name), f":{chosen}"
    raise errors.version_not_found(name, chosen) if is_number else errors.label_not_found(name, chosen)


def check_key(ctx: Context, tx: Transaction, key_id: str) -> None:
    """Whether KMS would encrypt and decrypt with a key. Raises InvalidKeyId."""
    from mrak.services.kms import exports as kms

    if key_id == DEFAULT_KEY:
        return
    try:
        kms.require_encryption_key(ctx, tx, key_id)
    except ApiError as error:
        raise errors.invalid_key(error.message) from None


def parse_tags(present: dict[str, str], tags: list[dict[str, str]]) -> dict[str, str]:
    joined = present | {tag["Key"]: tag["Value"] for tag in tags}
    if len(joined) > _MOST_TAGS:
        raise errors.too_many_tags()
    return joined


def show(ctx: Context, tx: Transaction, version: Version, selector: str, decrypted: bool) -> dict[str, Any]:
    """A version as it is read; a SecureString's key has to be usable to decrypt it."""
    if decrypted and version.kind == "SecureString":
        check_key(ctx, tx, version.key_id)
    return render(ctx.scope, version, selector, decrypted)


def require(tx: Transaction, scope: Scope, selector: str) -> tuple[Version, str]:
    found = find(tx, scope, selector)
    if found is None:
        raise errors.parameter_not_found()
    return found


def under(tx: Transaction, scope: Scope, path: str, recursive: bool) -> Iterator[Parameter]:
    """Parameters whose names lie below a path, in order; direct children only, unless recursive. Names without a slash
    lie below the root."""
    if path == "/":
        yield from (row for row in PARAMETERS.scan(tx, scope) if recursive or row.name.rfind("/") <= 0)
        return
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
