"""What id and access tokens say, and how a PreTokenGeneration function changes it.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.cognito_idp import pools, schema, triggers
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import GROUPS, MEMBER_OF, Group, User

if TYPE_CHECKING:
    from mrak.services.cognito_idp.tokens import SignIn

_BOOLEANS: Final = ("email_verified", "phone_number_verified")
# What a function can't change: https://docs.aws.amazon.com/cognito/latest/developerguide/
# user-pool-lambda-pre-token-generation.html#user-pool-lambda-pretoken-excluded
_FIXED: Final = frozenset(
    {
        "acr", "amr", "at_hash", "auth_time", "azp", "exp", "iat", "iss", "jti", "nbf", "nonce", "origin_jti", "sub",
        "token_use", "cognito:username", "client_id", "username", "version", "event_id", "device_key", "aud",
    }
)  # fmt: skip


class Base(msgspec.Struct, frozen=True):
    """What all tokens of one moment share."""

    issuer: str
    origin: str
    event: str
    now: int
    signed_in_at: int


class Overrides(msgspec.Struct, kw_only=True):
    """What the function wants changed."""

    id_claims: dict[str, Any] = {}
    access_claims: dict[str, Any] = {}
    suppress_id: list[str] = []
    suppress_access: list[str] = []
    add_scopes: list[str] = []
    suppress_scopes: list[str] = []
    groups: dict[str, Any] | None = None


def groups_of(tx: Transaction, target: Target, user: User) -> list[Group]:
    """The user's groups, the most important first."""
    found = []
    for member in MEMBER_OF.scan(tx, target.scope, target.pool.id, user.username):
        group = GROUPS.get(tx, target.scope, target.pool.id, member.group)
        if group is not None:
            found.append(group)
    return sorted(found, key=lambda group: (group.precedence is None, group.precedence or 0, group.name))


def preferred_role(groups: list[Group]) -> str | None:
    """The role of the first group that has one and a precedence, unless another of that has another role."""
    ranked = [group for group in groups if group.role_arn and group.precedence is not None]
    if not ranked:
        return None
    rivals = {group.role_arn for group in ranked if group.precedence == ranked[0].precedence}
    return ranked[0].role_arn if len(rivals) == 1 else None


async def make(
    ctx: Context, target: Target, sign_in: SignIn, groups: list[Group], base: Base
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The claims of the id token and of the access token."""
    roles = list(dict.fromkeys(group.role_arn for group in groups if group.role_arn))
    membership: dict[str, Any] = {
        "groupsToOverride": [group.name for group in groups],
        "iamRolesToOverride": roles,
        "preferredRole": preferred_role(groups),
    }
    overrides = await _ask(ctx, target, sign_in, membership)
    if overrides.groups is not None:
        membership |= overrides.groups
    scopes = [scope for scope in sign_in.scopes if scope not in overrides.suppress_scopes]
    scopes += [scope for scope in overrides.add_scopes if scope not in scopes]
    jtis = (ctx.draw.uuid(), ctx.draw.uuid())
    id_claims = _id_claims(target, sign_in, membership, base) | {"jti": jtis[0]}
    access_claims = _access_claims(target, sign_in, membership, base) | {"scope": " ".join(scopes), "jti": jtis[1]}
    _change(id_claims, overrides.id_claims, overrides.suppress_id)
    _change(access_claims, overrides.access_claims, overrides.suppress_access)
    return id_claims, access_claims


def _id_claims(target: Target, sign_in: SignIn, membership: dict[str, Any], base: Base) -> dict[str, Any]:
    user, client = sign_in.user, target.client
    claims: dict[str, Any] = {"sub": user.sub}
    if membership["groupsToOverride"]:
        claims["cognito:groups"] = membership["groupsToOverride"]
    for name, value in user.attributes.items():
        if is_shown(name, sign_in.scopes) and schema.is_readable(client, name):
            claims[name] = _typed(name, value)
    if membership.get("preferredRole"):
        claims["cognito:preferred_role"] = membership["preferredRole"]
    if membership["iamRolesToOverride"]:
        claims["cognito:roles"] = membership["iamRolesToOverride"]
    claims |= {"iss": base.issuer, "cognito:username": user.username}
    if sign_in.nonce:
        claims["nonce"] = sign_in.nonce
    return claims | {
        "origin_jti": base.origin,
        "aud": client.id,
        "event_id": base.event,
        "token_use": "id",
        "auth_time": base.signed_in_at,
        "exp": base.now + pools.validity_seconds(client, "IdToken"),
        "iat": base.now,
    }


def _typed(name: str, value: str) -> Any:
    if name == "identities":
        return json.loads(value)
    return value == "true" if name in _BOOLEANS else value


def is_shown(name: str, scopes: tuple[str, ...]) -> bool:
    """OpenID Connect's scopes choose attributes: with `profile`, or without any choice, all are shown."""
    if "openid" not in scopes or not {"email", "phone", "profile"} & set(scopes):
        return True
    if name.startswith("email"):
        return "email" in scopes
    if name.startswith("phone_number"):
        return "phone" in scopes
    return "profile" in scopes


def _access_claims(target: Target, sign_in: SignIn, membership: dict[str, Any], base: Base) -> dict[str, Any]:
    user, client = sign_in.user, target.client
    claims: dict[str, Any] = {"sub": user.sub}
    if membership["groupsToOverride"]:
        claims["cognito:groups"] = membership["groupsToOverride"]
    claims |= {"iss": base.issuer}
    if sign_in.source == "HostedAuth":
        claims["version"] = 2
    if sign_in.device_key:
        claims["device_key"] = sign_in.device_key
    return claims | {
        "client_id": client.id,
        "origin_jti": base.origin,
        "event_id": base.event,
        "token_use": "access",
        "auth_time": base.signed_in_at,
        "exp": base.now + pools.validity_seconds(client, "AccessToken"),
        "iat": base.now,
        "username": user.username,
    }


def _change(claims: dict[str, Any], changes: dict[str, Any], suppressed: list[str]) -> None:
    for name, value in changes.items():
        if name not in _FIXED:
            claims[name] = value
    for name in suppressed:
        if name not in _FIXED:
            claims.pop(name, None)


def _version_of(target: Target) -> str:
    config = target.pool.settings["LambdaConfig"].get("PreTokenGenerationConfig", {})
    version: str = config.get("LambdaVersion", "V1_0").removeprefix("V").partition("_")[0]
    return version


async def for_app(
    ctx: Context, target: Target, claims: dict[str, Any], scopes: list[str], metadata: dict[str, str]
) -> dict[str, Any]:
    """The access token's claims of an app that asks for itself; only the function's third version is asked."""
    overrides = Overrides()
    if triggers.find_function(target, "PreTokenGeneration") is not None and _version_of(target) == "3":
        request = triggers.with_metadata({"userAttributes": {}, "groupConfiguration": {}, "scopes": scopes}, metadata)
        answer = await triggers.invoke(
            ctx, target, "PreTokenGeneration", "TokenGeneration_ClientCredentials", request,
            {"claimsAndScopeOverrideDetails": None}, username="ClientCredentials", version="3",
        )  # fmt: skip
        overrides = _overrides_v2(answer.get("claimsAndScopeOverrideDetails") or {})
    kept = [scope for scope in scopes if scope not in overrides.suppress_scopes]
    kept += [scope for scope in overrides.add_scopes if scope not in kept]
    changed = claims | {"scope": " ".join(kept)}
    _change(changed, overrides.access_claims, overrides.suppress_access)
    return changed


async def _ask(ctx: Context, target: Target, sign_in: SignIn, membership: dict[str, Any]) -> Overrides:
    if triggers.find_function(target, "PreTokenGeneration") is None:
        return Overrides()
    version = _version_of(target)
    request: dict[str, Any] = {
        "userAttributes": triggers.attributes_of(sign_in.user),
        "groupConfiguration": membership,
    }
    detail = "claimsOverrideDetails"
    if version != "1":
        request["scopes"] = list(sign_in.scopes)
        detail = "claimsAndScopeOverrideDetails"
    answer = await triggers.invoke(
        ctx, target, "PreTokenGeneration", f"TokenGeneration_{sign_in.source}",
        triggers.with_metadata(request, sign_in.metadata), {detail: None},
        username=sign_in.user.username, version=version,
    )  # fmt: skip
    given = answer.get(detail) or {}
    return _overrides_v1(given) if version == "1" else _overrides_v2(given)


def _overrides_v1(given: dict[str, Any]) -> Overrides:
    # The first version takes strings only.
    added = {name: str(value) for name, value in (given.get("claimsToAddOrOverride") or {}).items()}
    groups = given.get("groupOverrideDetails")
    if groups and groups.get("groupsToOverride") is not None:
        suppressed = given.get("claimsToSuppress") or []
        return Overrides(id_claims=added, suppress_id=suppressed, groups=_present(groups))
    return Overrides(id_claims=added, suppress_id=given.get("claimsToSuppress") or [])


def _overrides_v2(given: dict[str, Any]) -> Overrides:
    for_id, for_access = given.get("idTokenGeneration") or {}, given.get("accessTokenGeneration") or {}
    groups = given.get("groupOverrideDetails")
    return Overrides(
        id_claims=for_id.get("claimsToAddOrOverride") or {},
        suppress_id=for_id.get("claimsToSuppress") or [],
        access_claims=for_access.get("claimsToAddOrOverride") or {},
        suppress_access=for_access.get("claimsToSuppress") or [],
        add_scopes=for_access.get("scopesToAdd") or [],
        suppress_scopes=for_access.get("scopesToSuppress") or [],
        groups=_present(groups) if groups and groups.get("groupsToOverride") is not None else None,
    )


def _present(groups: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in groups.items() if value is not None}
