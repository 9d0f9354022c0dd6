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
_INNER_NAMES: Final = {
    "name": "name.formatted", "given_name": "name.givenName", "family_name": "name.familyName",
    "middle_name": "name.middleName", "email": "emails", "phone_number": "phoneNumbers", "address": "addresses",
}  # fmt: skip
# How complaints about attributes begin when a user is made, changed, or loses some.
_MAKING: Final = "Attributes did not conform to the schema: "
_CHANGING: Final = "user."
_DELETING: Final = "Invalid user attributes: "
_LENGTHS: Final = ("String must be no shorter than {} characters", "String must be no longer than {} characters")
# DescribeUserPool shows it among the others though no pool is asked for it (recorded).
IDENTITIES: Final = {
    "Name": "identities", "AttributeDataType": "String", "DeveloperOnlyAttribute": False, "Mutable": True,
    "Required": False, "StringAttributeConstraints": {},
}  # fmt: skip
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
    """That attributes that an administrator wants to go are the pool's."""
    known = {attribute["Name"] for attribute in pool.schema}
    wrong = [f"user.{name}: Attribute does not exist in the schema.\n" for name in names if name not in known]
    if wrong:
        raise errors.invalid(f"{_DELETING}{''.join(wrong)}")


def check_removable(pool: Pool, names: Iterable[str]) -> None:
    """That attributes may go (recorded)."""
    schema = {attribute["Name"]: attribute for attribute in pool.schema}
    for name in names:
        if name not in schema:
            raise errors.invalid(f"{_DELETING}Type for attribute {{{name}}} could not be determined")
        if not schema[name]["Mutable"]:
            reason = "This attribute does not satisfy the mutability validation defined in the schema."
            raise errors.invalid(f"{_DELETING}{_inner_name(name)}: {reason}")


def check_own(names: Iterable[str]) -> None:
    """That users leave alone what Cognito alone, or an administrator, says of them (recorded)."""
    for name in names:
        if name == "sub" or name in _BOOLEANS:
            raise errors.invalid(f"Cannot modify the non-mutable attribute {name}")


def check_values(pool: Pool, values: dict[str, str], *, is_new: bool = False) -> None:
    """That attributes are the pool's, and their values of the kind and length that the schema says."""
    schema = {attribute["Name"]: attribute for attribute in pool.schema}
    start = _MAKING if is_new else _CHANGING
    for name, value in values.items():
        attribute = schema.get(name)
        if name == "sub":
            raise errors.invalid("Cannot modify the non-mutable attribute sub")
        if attribute is None and is_new:
            raise errors.invalid(f"{_MAKING}Type for attribute {{{name}}} could not be determined")
        if attribute is None:
            raise errors.invalid(f"{_CHANGING}{name}: Attribute does not exist in the schema.\n")
        if value:
            _check_value(f"{start}{name}", value, attribute)


def _check_value(place: str, value: str, attribute: dict[str, Any]) -> None:
    name = attribute["Name"]
    if name == "email" and not _EMAIL.fullmatch(value):
        raise errors.invalid("Invalid email address format.")
    if name == "phone_number" and not _PHONE.fullmatch(value):
        raise errors.invalid("Invalid phone number format.")
    kind = attribute["AttributeDataType"]
    if kind == "Boolean" and value.lower() not in ("true", "false"):
        raise errors.invalid(f"{place}: Attribute does not conform to the data type.\n")
    if kind == "Number":
        limits = attribute.get("NumberAttributeConstraints", {})
        if not _NUMBER.fullmatch(value):
            raise errors.invalid(f"{place}: Attribute does not conform to the data type.\n")
        limits = (limits.get("MinValue"), limits.get("MaxValue"))
        _check_range(place, float(value), limits, ("Value must not be less than {}", "Value must not be more than {}"))
    if kind == "String":
        limits = attribute.get("StringAttributeConstraints", {})
        most = limits.get("MaxLength") or "2048"
        _check_range(place, len(value), (limits.get("MinLength"), most), _LENGTHS)


def _check_range(place: str, value: float, limits: tuple[str | None, str | None], words: tuple[str, str]) -> None:
    least, most = limits
    if least and value < float(least):
        raise errors.invalid(f"{place}: {words[0].format(least)}\n")
    if most and value > float(most):
        raise errors.invalid(f"{place}: {words[1].format(most)}\n")


def check_required(pool: Pool, values: dict[str, str], *, is_new: bool = False) -> None:
    start = _MAKING if is_new else _DELETING
    for attribute in pool.schema:
        name = attribute["Name"]
        if attribute["Required"] and name != "sub" and not values.get(name):
            inner = _inner_name(name)
            raise errors.invalid(f"{start}{inner}: The attribute {inner} is required")


def _inner_name(name: str) -> str:
    """What the store behind Cognito calls an attribute (recorded)."""
    _, colon, custom = name.partition("custom:")
    return f"Custom.User.{custom}" if colon else _INNER_NAMES.get(name, name)


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
        if name in developer_only or (allowed is not None and name not in allowed):
            raise errors.not_authorized("A client attempted to write unauthorized attribute")


def is_readable(client: Client, name: str) -> bool:
    allowed = client.settings.get("ReadAttributes")
    return not name.startswith("dev:") and (allowed is None or name == "sub" or name in allowed)
