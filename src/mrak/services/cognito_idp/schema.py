"""Attributes of users: the standard ones, custom ones, and what their values have to be.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from mrak.services.cognito_idp import errors
from mrak.services.cognito_idp.tables import Client, Pool

_TEXT: Final = {"MinLength": "0", "MaxLength": "2048"}
_BOOLEANS: Final = ("email_verified", "phone_number_verified")
_ORDER: Final = (
    "sub", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
    "website", "email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number",
    "phone_number_verified", "address", "updated_at",
)  # fmt: skip
VERIFIABLE: Final = ("email", "phone_number")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_PHONE: Final = re.compile(r"\+[0-9]{5,20}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")
_MOST_CUSTOM: Final = 50
_LONGEST: Final = 2048
_LIMITS: Final = (
    ("StringAttributeConstraints", "String", ("MinLength", "MaxLength")),
    ("NumberAttributeConstraints", "Number", ("MinValue", "MaxValue")),
)


def _standard(name: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": name,
        "AttributeDataType": "String",
        "DeveloperOnlyAttribute": False,
        "Mutable": True,
        "Required": False,
    }
    if name in _BOOLEANS:
        return shown | {"AttributeDataType": "Boolean"}
    if name == "updated_at":
        return shown | {"AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "0"}}
    if name == "sub":
        return shown | {
            "Mutable": False,
            "Required": True,
            "StringAttributeConstraints": {"MinLength": "1", "MaxLength": "2048"},
        }
    length = {"MinLength": "10", "MaxLength": "10"} if name == "birthdate" else _TEXT
    return shown | {"StringAttributeConstraints": dict(length)}


STANDARD: Final = {name: _standard(name) for name in _ORDER}


def parse_schema(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A pool's schema: the standard attributes as changed, then custom ones."""
    schema = {name: dict(shown) for name, shown in STANDARD.items()}
    for attribute in given:
        name = attribute.get("Name")
        if not name:
            raise errors.invalid("Attribute name is required.")
        if name in STANDARD:
            kind = schema[name]["AttributeDataType"]
            if attribute.get("AttributeDataType", kind) != kind or attribute.get("DeveloperOnlyAttribute"):
                raise errors.invalid(
                    "You can not change AttributeDataType or set developerOnlyAttribute for standard schema "
                    f"attribute {name}"
                )
            _check_limits(name, schema[name], attribute)
            schema[name] |= attribute
        else:
            custom = parse_custom(attribute)
            schema[custom["Name"]] = custom
    check_count(list(schema.values()))
    return list(schema.values())


def _check_limits(name: str, shown: dict[str, Any], given: dict[str, Any]) -> None:
    """That the limits of an attribute's values are numbers, and fit each other."""
    for member, kind, names in _LIMITS:
        if member not in given or shown["AttributeDataType"] != kind:
            continue
        numbers = [given[member].get(each) for each in names]
        if not all(number is None or number == "" or _NUMBER.fullmatch(number) for number in numbers):
            raise errors.invalid(f"Invalid {member} for schema attribute {given['Name']}")
        least, most = (float(number) if number else None for number in numbers)
        if kind == "String" and max(least or 0, most or 0) > _LONGEST:
            raise errors.invalid(f"user.{name}: String attributes cannot have a length of more than {_LONGEST}")
        if least is not None and most is not None and least > most:
            what = "length" if kind == "String" else "value"
            raise errors.invalid(f"user.{name}: Max {what} cannot be less than min {what}.")


def parse_custom(attribute: dict[str, Any]) -> dict[str, Any]:
    """A custom attribute as DescribeUserPool shows it."""
    if attribute.get("Required"):
        raise errors.invalid("Required custom attributes are not supported currently.")
    if "AttributeDataType" not in attribute:
        raise errors.invalid("Invalid AttributeDataType input, consider using the provided AttributeDataType enum.")
    kind, name = attribute["AttributeDataType"], attribute["Name"]
    prefix = "dev:custom:" if attribute.get("DeveloperOnlyAttribute") else "custom:"
    shown = {
        "Name": name if name.startswith(prefix) else prefix + name,
        "AttributeDataType": kind,
        "DeveloperOnlyAttribute": bool(attribute.get("DeveloperOnlyAttribute", False)),
        "Mutable": attribute.get("Mutable", True),
        "Required": False,
    }
    _check_limits(shown["Name"], shown, attribute)
    if kind == "String":
        shown["StringAttributeConstraints"] = attribute.get("StringAttributeConstraints", {})
    elif kind == "Number" and "NumberAttributeConstraints" in attribute:
        shown["NumberAttributeConstraints"] = attribute["NumberAttributeConstraints"]
    return shown


def check_count(schema: list[dict[str, Any]]) -> None:
    if len(schema) - len(STANDARD) > _MOST_CUSTOM:
        raise errors.limit_exceeded(f"Exceeded the limit of {_MOST_CUSTOM} custom attributes.")


def parse_attributes(given: list[dict[str, Any]]) -> dict[str, str]:
    """Name and value of what a request gives; a value that is left out is empty."""
    found = {attribute["Name"]: attribute.get("Value", "") for attribute in given}
    return found | {name: found[name].lower() for name in _BOOLEANS if name in found}


def check_known(pool: Pool, names: Iterable[str]) -> None:
    """That attributes that shall go are the pool's."""
    known = {attribute["Name"] for attribute in pool.schema}
    wrong = [f"user.{name}: Attribute does not exist in the schema.\n" for name in names if name not in known]
    if wrong:
        raise errors.invalid(f"Invalid user attributes: {''.join(wrong)}")


def check_values(pool: Pool, values: dict[str, str]) -> None:
    """That attributes are the pool's, and their values of the kind and length that the schema says."""
    schema = {attribute["Name"]: attribute for attribute in pool.schema}
    for name, value in values.items():
        attribute = schema.get(name)
        if attribute is None or name == "sub":
            raise _does_not_conform(name, "Attribute does not exist in the schema.")
        if value:
            _check_value(name, value, attribute)


def _check_value(name: str, value: str, attribute: dict[str, Any]) -> None:
    if name == "email" and not _EMAIL.fullmatch(value):
        raise errors.invalid("Invalid email address format.")
    if name == "phone_number" and not _PHONE.fullmatch(value):
        raise errors.invalid("Invalid phone number format.")
    kind = attribute["AttributeDataType"]
    if kind == "Boolean" and value.lower() not in ("true", "false"):
        raise _does_not_conform(name, "Attribute does not conform to the data type.")
    if kind == "Number":
        limits = attribute.get("NumberAttributeConstraints", {})
        if not _NUMBER.fullmatch(value):
            raise _does_not_conform(name, "Attribute does not conform to the data type.")
        _check_range(name, float(value), (limits.get("MinValue"), limits.get("MaxValue")), "Value must not be")
    if kind == "String":
        limits = attribute.get("StringAttributeConstraints", {})
        most = limits.get("MaxLength") or "2048"
        _check_range(name, len(value), (limits.get("MinLength"), most), "String length must not be")


def _check_range(name: str, value: float, limits: tuple[str | None, str | None], words: str) -> None:
    least, most = limits
    if least and value < float(least):
        raise _does_not_conform(name, f"{words} less than {least}")
    if most and value > float(most):
        raise _does_not_conform(name, f"{words} more than {most}")


def check_required(pool: Pool, values: dict[str, str]) -> None:
    for attribute in pool.schema:
        name = attribute["Name"]
        if attribute["Required"] and name != "sub" and not values.get(name):
            raise _does_not_conform(name, "The attribute is required")


def check_mutable(pool: Pool, values: dict[str, str]) -> None:
    """That what is changed after the user was made may be."""
    for attribute in pool.schema:
        if attribute["Name"] in values and not attribute["Mutable"]:
            raise errors.invalid(f"user.{attribute['Name']}: Attribute cannot be updated.\n")


def check_writable(pool: Pool, client: Client, values: dict[str, str]) -> None:
    """That an app client may write the attributes."""
    allowed = client.settings.get("WriteAttributes")
    developer_only = {attribute["Name"] for attribute in pool.schema if attribute["DeveloperOnlyAttribute"]}
    for name in values:
        if name in _BOOLEANS or name in developer_only or (allowed is not None and name not in allowed):
            raise errors.not_authorized("A client attempted to write unauthorized attribute")


def is_readable(client: Client, name: str) -> bool:
    allowed = client.settings.get("ReadAttributes")
    return not name.startswith("dev:") and (allowed is None or name == "sub" or name in allowed)


def _does_not_conform(name: str, reason: str) -> Exception:
    return errors.invalid(f"Attributes did not conform to the schema: {name}: {reason}\n")
