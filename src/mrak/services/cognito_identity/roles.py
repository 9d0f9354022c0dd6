"""Which role an identity gets: the pool's default ones, or what the provider's mapping says of the token's claims.

https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html
"""

from __future__ import annotations

from typing import Any

from mrak.services.cognito_identity import errors
from mrak.services.cognito_identity.logins import Proved
from mrak.services.cognito_identity.tables import IdentityPool


def choose(pool: IdentityPool, proved: list[Proved], custom_role: str | None) -> str:
    """The ARN of the role."""
    if not proved:
        return _require(pool, "unauthenticated")
    for one in proved:
        mapping = pool.mappings.get(one.mapping)
        if mapping is not None:
            return _mapped(pool, mapping, one.claims, custom_role)
    if custom_role is not None:
        raise errors.invalid("Custom role can only be given where the provider's role mapping is by token.")
    return _require(pool, "authenticated")


def _require(pool: IdentityPool, kind: str) -> str:
    if kind not in pool.roles:
        raise errors.no_roles()
    return pool.roles[kind]


def _mapped(pool: IdentityPool, mapping: dict[str, Any], claims: dict[str, Any], custom_role: str | None) -> str:
    if mapping["Type"] == "Rules":
        for rule in mapping.get("RulesConfiguration", {}).get("Rules", ()):
            if _matches(rule, claims):
                return str(rule["RoleARN"])
        return _ambiguous(pool, mapping)
    allowed = claims.get("cognito:roles") or []
    if custom_role is not None:
        if custom_role not in allowed:
            raise errors.not_authorized("The requested role is not among those of the token.")
        return custom_role
    if claims.get("cognito:preferred_role"):
        return str(claims["cognito:preferred_role"])
    return str(allowed[0]) if len(allowed) == 1 else _ambiguous(pool, mapping)


def _ambiguous(pool: IdentityPool, mapping: dict[str, Any]) -> str:
    if mapping.get("AmbiguousRoleResolution") == "Deny":
        raise errors.not_authorized("No role matches the token, and the role mapping denies such requests.")
    return _require(pool, "authenticated")


def _matches(rule: dict[str, Any], claims: dict[str, Any]) -> bool:
    found, wanted = claims.get(rule["Claim"]), rule["Value"]
    if found is None:
        return False
    values = [str(value) for value in found] if isinstance(found, list) else [str(found)]
    if isinstance(found, bool):
        values = ["true" if found else "false"]
    kind = rule["MatchType"]
    if kind == "NotEqual":
        return wanted not in values
    if kind == "Contains":
        return any(wanted in value for value in values)
    return any(value.startswith(wanted) if kind == "StartsWith" else value == wanted for value in values)


def principal_tags(pool: IdentityPool, proved: list[Proved]) -> dict[str, str]:
    """Session tags for access control, from the claims. https://docs.aws.amazon.com/cognito/latest/developerguide/
    attributes-for-access-control.html"""
    tags: dict[str, str] = {}
    for one in proved:
        wanted = pool.principal_tags.get(one.provider)
        if wanted is None:
            continue
        names = {"username": "sub", "client": "aud"} if wanted.get("UseDefaults") else wanted.get("PrincipalTags", {})
        tags |= {tag: str(one.claims[claim]) for tag, claim in names.items() if claim in one.claims}
    return tags
