"""Users who come from another identity provider: found, linked, made, and kept as the provider tells of them.

A user of a provider has a profile of the pool, `<provider>_<subject>`, in the status EXTERNAL_PROVIDER and in a group
of the provider's; or an administrator has linked the provider's user to one that was there. The `identities` attribute
lists where a user comes from, and an alias leads from the provider's subject to the user.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-identity-federation.html
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, parts, pools, schema, triggers, users
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import (
    ALIASES,
    GROUPS,
    MEMBERS,
    PARTS,
    USERS,
    Alias,
    Group,
    Member,
    Part,
    Pool,
    User,
)  # fmt: skip

EXTERNAL: Final = "EXTERNAL_PROVIDER"
SUBJECT: Final = "Cognito_Subject"
COGNITO: Final = "Cognito"
IDENTITIES: Final = "identities"
_MOST_CLAIMS: Final = 64
_MOST_LINKS: Final = 5


def find_provider(tx: Transaction, target: Target, name: str, identifier: str) -> Part | None:
    """The provider of a name or identifier, if the app may use it."""
    allowed = target.client.settings.get("SupportedIdentityProviders", ())
    for part in PARTS.scan(tx, target.scope, target.pool.id, parts.PROVIDER):
        is_meant = part.name == name or (identifier and identifier in part.settings.get("IdpIdentifiers", ()))
        if is_meant and part.name in allowed:
            return part
    return None


def _kind(provider: str, attribute: str) -> str:
    return f"provider:{provider}:{attribute}"


def identities_of(user: User) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(user.attributes.get(IDENTITIES, "[]"))
    return found


def aliases_of(user: User) -> dict[str, str]:
    """What leads to the user from providers: the alias's kind and value."""
    return {_kind(one["providerName"], one.get("attribute", SUBJECT)): one["userId"] for one in identities_of(user)}


def _with_identities(user: User, identities: list[dict[str, Any]]) -> User:
    attributes = {name: value for name, value in user.attributes.items() if name != IDENTITIES}
    if identities:
        attributes[IDENTITIES] = msgspec.json.encode(identities).decode()
    return msgspec.structs.replace(user, attributes=attributes)


def _identity(ctx: Context, part: Part, subject: str, attribute: str, *, primary: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "dateCreated": str(int(ctx.now * 1000)),
        "userId": subject,
        "providerName": part.name,
        "providerType": part.settings["ProviderType"],
        "issuer": None,
        "primary": "true" if primary else "false",
    }
    return made if attribute == SUBJECT else made | {"attribute": attribute}


def _find(tx: Transaction, target: Target, part: Part, claims: dict[str, Any]) -> User | None:
    """The user that a provider's user is, by subject or by a claim that was linked."""
    wanted = {SUBJECT: claims.get("sub")} | dict(list(claims.items())[:_MOST_CLAIMS])
    for attribute, value in wanted.items():
        if isinstance(value, str) and value:
            alias = ALIASES.get(tx, target.scope, target.pool.id, _kind(part.name, attribute), value)
            if alias is not None:
                return users.require(tx, target.scope, target.pool, alias.username)
    return None


class Told(msgspec.Struct, frozen=True):
    """What a provider has told: how it answered for a code, and the claims of its id token and its user info."""

    answer: dict[str, Any]
    id_token: dict[str, Any]
    user_info: dict[str, Any]

    def claims(self) -> dict[str, Any]:
        return self.user_info | self.id_token


async def _settle(ctx: Context, target: Target, part: Part, told: Told) -> dict[str, Any]:
    """The claims that count: a function may put others in their place, but not another user."""
    claims = told.claims()
    said = {"tokenResponse": told.answer, "idToken": told.id_token, "userInfo": told.user_info}
    shown = {kind: {name: _text(value) for name, value in one.items()} for kind, one in said.items() if one}
    provider, username = (part.name, part.settings["ProviderType"]), f"{part.name}_{claims['sub']}"
    wanted = await triggers.inbound_federation(ctx, target, provider, username, shown)
    return wanted | {"sub": claims["sub"]} if wanted else claims


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


async def admit(ctx: Context, target: Target, part: Part, told: Told) -> User:
    """The pool's user for what a provider has told, made where there was none; the pool's functions are asked."""
    claims = await _settle(ctx, target, part, told)
    attributes = _mapped(target.pool, part, claims)
    known = await ctx.transact(lambda tx: _find(tx, target, part, claims))
    if known is not None:
        return await _let_in(ctx, target, known, attributes)
    user = _new_user(ctx, target, part, str(claims["sub"]), attributes)
    wanted = await triggers.pre_sign_up(ctx, target, "PreSignUp_ExternalProvider", user.username, {}, user.attributes)
    linked = await ctx.transact(lambda tx: _find(tx, target, part, claims))
    if linked is not None:
        # The function has linked the newcomer to a user who was there.
        return await _let_in(ctx, target, linked, attributes)
    for attribute, member in (("email", "autoVerifyEmail"), ("phone_number", "autoVerifyPhone")):
        if wanted.get(member) and user.attributes.get(attribute):
            verified = user.attributes | {f"{attribute}_verified": "true"}
            user = msgspec.structs.replace(user, attributes=verified)
    await ctx.transact(lambda tx: _insert(ctx, tx, target, part, user))
    await triggers.post_confirmation(ctx, target, "PostConfirmation_ConfirmSignUp", user, None)
    return user


async def _let_in(ctx: Context, target: Target, known: User, attributes: dict[str, str]) -> User:
    if not known.enabled:
        raise errors.disabled()
    await triggers.before_authentication(ctx, target, known, known.username, None)
    user = await ctx.transact(lambda tx: _refresh(ctx, tx, target, known.username, attributes))
    await triggers.after_authentication(ctx, target, user, None)
    return user


def _mapped(pool: Pool, part: Part, claims: dict[str, Any]) -> dict[str, str]:
    """The pool's attributes as the provider's mapping makes them of its claims."""
    known = {attribute["Name"] for attribute in pool.schema}
    found = {}
    for attribute, claim in part.settings.get("AttributeMapping", {}).items():
        value = claims.get(claim)
        if attribute in known and attribute != "sub" and value is not None:
            found[attribute] = _text(value)
    schema.check_values(pool, found, is_new=True)
    return found


def _new_user(ctx: Context, target: Target, part: Part, subject: str, attributes: dict[str, str]) -> User:
    missing = [
        attribute["Name"]
        for attribute in target.pool.schema
        if attribute["Required"] and attribute["Name"] != "sub" and not attributes.get(attribute["Name"])
    ]
    if missing:
        raise errors.invalid(f"attributes required: [{', '.join(missing)}]")
    made = User(
        pool=target.pool.id,
        username=users.normal(target.pool, f"{part.name}_{subject}"),
        sub=ctx.draw.uuid(),
        created_at=ctx.now,
        modified_at=ctx.now,
        status=EXTERNAL,
    )
    made = users.change_attributes(ctx, made, attributes)
    return _with_identities(made, [_identity(ctx, part, subject, SUBJECT, primary=True)])


def _insert(ctx: Context, tx: Transaction, target: Target, part: Part, user: User) -> None:
    scope, pool = target.scope, target.pool
    users.insert(ctx, tx, scope, pool, user)
    for kind, value in aliases_of(user).items():
        ALIASES.lock(tx, scope, pool.id, kind, value)
        ALIASES.insert(tx, scope, Alias(pool.id, kind, value, user.username))
    name = f"{pool.id}_{part.name}"
    if GROUPS.open(tx, scope, pool.id, name) is None:
        described = f"Autogenerated group for users who sign in using {part.name}"
        group = Group(pool=pool.id, name=name, created_at=ctx.now, modified_at=ctx.now, description=described)
        GROUPS.insert(tx, scope, group)
    MEMBERS.lock(tx, scope, pool.id, name, user.username)
    MEMBERS.insert(tx, scope, Member(pool.id, name, user.username))


def _refresh(ctx: Context, tx: Transaction, target: Target, username: str, attributes: dict[str, str]) -> User:
    """What the provider tells anew wins over what was kept."""
    user = users.open_user(tx, target.scope, target.pool, username)
    changed = users.change_attributes(ctx, user, attributes)
    users.replace(tx, target.scope, target.pool, user, changed)
    return changed


def link(ctx: Context, tx: Transaction, scope: Scope, user: User, part: Part, named: tuple[str, str]) -> None:
    """From now on the provider's user (attribute, value) is this one, who has been opened."""
    attribute, value = named
    kind = _kind(part.name, attribute)
    taken = ALIASES.open(tx, scope, user.pool, kind, value)
    if taken is not None:
        raise errors.merging() if _is_own(tx, scope, taken, part, value) else errors.alias_of_provider()
    identities = identities_of(user)
    if len(identities) >= _MOST_LINKS:
        raise errors.limit_exceeded("User has reached the maximum number of linked identities.")
    ALIASES.insert(tx, scope, Alias(user.pool, kind, value, user.username))
    added = _identity(ctx, part, value, attribute, primary=False)
    changed = _with_identities(user, [*identities, added])
    users.replace(tx, scope, pools.require_pool(tx, scope, user.pool), user, changed)


def _is_own(tx: Transaction, scope: Scope, alias: Alias, part: Part, value: str) -> bool:
    """Whether the user of an alias came from the provider, and was not linked to it."""
    user = USERS.get(tx, scope, alias.pool, alias.username)
    named = [] if user is None else [one for one in identities_of(user) if one["userId"] == value]
    return any(one["providerName"] == part.name and one["primary"] == "true" for one in named)


def unlink(tx: Transaction, scope: Scope, pool: Pool, provider: str, named: tuple[str, str]) -> None:
    """The provider's user (attribute, value) is nobody here any more."""
    attribute, value = named
    alias = ALIASES.open(tx, scope, pool.id, _kind(provider, attribute), value)
    if alias is None:
        raise errors.user_not_found()
    user = users.open_user(tx, scope, pool, alias.username)
    ALIASES.delete(tx, scope, alias)
    kept = [one for one in identities_of(user) if (one["providerName"], one["userId"]) != (provider, value)]
    users.replace(tx, scope, pool, user, _with_identities(user, kept))
