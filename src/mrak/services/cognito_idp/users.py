"""Users of a pool: found by name or alias, made, changed, shown, removed.

An email address or phone number leads to a user where the pool signs in with it (UsernameAttributes), or, once it is
verified, where it is an alias (AliasAttributes). https://docs.aws.amazon.com/cognito/latest/developerguide/
user-pool-settings-attributes.html#user-pool-settings-aliases
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, pools
from mrak.services.cognito_idp.tables import (
    ALIASES,
    CODES,
    DEVICES,
    MEMBER_OF,
    MEMBERS,
    PASSKEYS,
    POOLS,
    REFRESH,
    SIGN_INS,
    USERS,
    Alias,
    Pool,
    User,
)  # fmt: skip
from mrak.store.tables import Table

_KINDS: Final = ("email", "phone_number", "preferred_username")
_SHOWN_FIRST: Final = frozenset(
    ("email", "email_verified", "family_name", "given_name", "name", "phone_number", "phone_number_verified")
)


def normal(pool: Pool, name: str) -> str:
    return name if pools.is_case_sensitive(pool) else name.lower()


def find(tx: Transaction, scope: Scope, pool: Pool, name: str) -> User | None:
    """The user of a username, sub or alias."""
    found = USERS.get(tx, scope, pool.id, normal(pool, name))
    if found is not None:
        return found
    for kind in _kinds_of(name):
        alias = ALIASES.get(tx, scope, pool.id, kind, normal(pool, name))
        if alias is not None:
            return USERS.get(tx, scope, pool.id, alias.username)
    return None


def _kinds_of(name: str) -> tuple[str, ...]:
    if "@" in name:
        return ("email", "preferred_username")
    return ("phone_number", "preferred_username") if name.startswith("+") else ("sub", "preferred_username")


def require(tx: Transaction, scope: Scope, pool: Pool, name: str) -> User:
    found = find(tx, scope, pool, name)
    if found is None:
        raise errors.user_not_found()
    return found


def open_user(tx: Transaction, scope: Scope, pool: Pool, name: str) -> User:
    """The user, opened for writing."""
    USERS.lock(tx, scope, pool.id, require(tx, scope, pool, name).username)
    return require(tx, scope, pool, name)


def username_of(ctx: Context, pool: Pool, given: str, attributes: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    """(username, sub, attributes) of a new user. Where one signs in with an address, that is an attribute, and the
    username is the sub."""
    sub = ctx.draw.uuid()
    allowed = pool.settings.get("UsernameAttributes", [])
    if not allowed:
        _check_no_address(pool, given)
        return normal(pool, given), sub, attributes
    kind = next((kind for kind in allowed if _looks_like(kind, given)), None)
    if kind is None:
        words = " or ".join("a phone number" if kind == "phone_number" else "an email" for kind in sorted(allowed))
        raise errors.invalid(f"Username should be {words}.")
    return sub, sub, {kind: given} | attributes


def _looks_like(kind: str, text: str) -> bool:
    if kind == "email":
        return "@" in text
    return kind == "phone_number" and text.startswith("+") and text[1:].isdigit()


def _check_no_address(pool: Pool, name: str) -> None:
    """A name must not look like an address by which others are found."""
    if any(_looks_like(kind, name) for kind in pool.settings.get("AliasAttributes", [])):
        words = "email" if "@" in name else "phone number"
        raise errors.invalid(f"Username cannot be of {words} format, since user pool is configured for {words} alias.")


def insert(ctx: Context, tx: Transaction, scope: Scope, pool: Pool, user: User, *, take_aliases: bool = False) -> None:
    """Writes a new user; the name and its sign-in addresses must be free."""
    if USERS.open(tx, scope, pool.id, user.username) is not None:
        raise errors.username_exists(
            "User account already exists" if user.status != "UNCONFIRMED" else "User already exists"
        )
    USERS.insert(tx, scope, user)
    ALIASES.lock(tx, scope, pool.id, "sub", user.sub)
    ALIASES.insert(tx, scope, Alias(pool.id, "sub", user.sub, user.username))
    _keep_aliases(tx, scope, pool, (None, user), take_aliases)
    current = pools.open_pool(tx, scope, pool.id)
    POOLS.replace(tx, scope, current, msgspec.structs.replace(current, users=current.users + 1))


def check_free(tx: Transaction, scope: Scope, pool: Pool, user: User) -> None:
    """That nobody else is found by what a new user would be found by."""
    for kind, value in _aliases(pool, user).items():
        if ALIASES.get(tx, scope, pool.id, kind, value) is not None:
            raise errors.alias_exists(kind)


def replace(tx: Transaction, scope: Scope, pool: Pool, old: User, new: User, *, take_aliases: bool = False) -> None:
    """Writes a changed user and what it is found by."""
    USERS.replace(tx, scope, old, new)
    if old.attributes != new.attributes or old.status != new.status:
        _keep_aliases(tx, scope, pool, (old, new), take_aliases)


def _keep_aliases(
    tx: Transaction, scope: Scope, pool: Pool, change: tuple[User | None, User], take_aliases: bool
) -> None:
    old, new = change
    is_new = old is None
    before = {} if old is None else _aliases(pool, old)
    after = _aliases(pool, new)
    for kind, value in before.items():
        found = ALIASES.open(tx, scope, pool.id, kind, value)
        if after.get(kind) != value and found is not None and found.username == new.username:
            ALIASES.delete(tx, scope, found)
    for kind, value in after.items():
        if before.get(kind) != value:
            if kind == "preferred_username":
                _check_name(tx, scope, pool, new, value)
            _take_alias(tx, scope, pool, Alias(pool.id, kind, value, new.username), take_aliases, is_new)


def _check_name(tx: Transaction, scope: Scope, pool: Pool, user: User, name: str) -> None:
    """That a preferred username is no address and nobody else's username (recorded)."""
    _check_no_address(pool, name)
    if name != user.username and USERS.get(tx, scope, pool.id, name) is not None:
        raise errors.alias_in_use("User account already exists for the alias.")


def _take_alias(tx: Transaction, scope: Scope, pool: Pool, alias: Alias, by_force: bool, is_new: bool) -> None:
    taken = ALIASES.open(tx, scope, pool.id, alias.kind, alias.value)
    if taken is not None and taken.username != alias.username:
        if alias.kind in pool.settings.get("UsernameAttributes", []):
            words = "email" if alias.kind == "email" else "phone number"
            taken_by = errors.username_exists if is_new else errors.alias_in_use
            raise taken_by(f"An account with the given {words} already exists.")
        if not by_force:
            raise errors.alias_exists(alias.kind)
        _lose_alias(tx, scope, pool, taken)
    if taken is not None:
        ALIASES.replace(tx, scope, taken, alias)
    else:
        ALIASES.insert(tx, scope, alias)


def _lose_alias(tx: Transaction, scope: Scope, pool: Pool, alias: Alias) -> None:
    """The user who had an alias keeps the address, unverified."""
    loser = USERS.open(tx, scope, pool.id, alias.username)
    if loser is not None and alias.kind != "preferred_username":
        attributes = loser.attributes | {f"{alias.kind}_verified": "false"}
        USERS.replace(tx, scope, loser, msgspec.structs.replace(loser, attributes=attributes))


def _aliases(pool: Pool, user: User) -> dict[str, str]:
    """What else a user is found by."""
    usernames, aliases = pool.settings.get("UsernameAttributes", []), pool.settings.get("AliasAttributes", [])
    found = {}
    for kind in _KINDS:
        value = user.attributes.get(kind)
        verified = kind == "preferred_username" or user.attributes.get(f"{kind}_verified") == "true"
        if value and (kind in usernames or (kind in aliases and verified)):
            found[kind] = normal(pool, value)
    return found


def change_attributes(ctx: Context, user: User, changes: dict[str, str]) -> User:
    """The user with other attributes; an empty value removes one, a changed address is no longer verified."""
    attributes = dict(user.attributes)
    for name, value in changes.items():
        if f"{name}_verified" not in changes and name in ("email", "phone_number") and value != attributes.get(name):
            attributes.pop(f"{name}_verified", None)
            if value:
                attributes[f"{name}_verified"] = "false"
        if value:
            attributes[name] = value.lower() if name.endswith("_verified") else value
        else:
            attributes.pop(name, None)
    return msgspec.structs.replace(user, attributes=attributes, modified_at=ctx.now)


def delete(tx: Transaction, scope: Scope, pool: Pool, user: User) -> None:
    """Removes a user with memberships, codes and tokens; the row has been opened."""
    from mrak.services.cognito_idp import federation

    for kind, value in ({"sub": user.sub} | _aliases(pool, user) | federation.aliases_of(user)).items():
        alias = ALIASES.open(tx, scope, pool.id, kind, value)
        if alias is not None and alias.username == user.username:
            ALIASES.delete(tx, scope, alias)
    for member in list(MEMBER_OF.scan(tx, scope, pool.id, user.username)):
        MEMBERS.lock(tx, scope, pool.id, member.group, member.username)
        MEMBERS.delete(tx, scope, member)
    of_user: tuple[Table[Any], ...] = (CODES, PASSKEYS, DEVICES)
    for table in of_user:
        for row in list(table.scan(tx, scope, pool.id, user.username)):
            table.lock(tx, scope, *(getattr(row, field) for field in table.key_fields))
            table.delete(tx, scope, row)
    USERS.delete(tx, scope, user)
    current = pools.open_pool(tx, scope, pool.id)
    POOLS.replace(tx, scope, current, msgspec.structs.replace(current, users=max(current.users - 1, 0)))


def sign_out(tx: Transaction, scope: Scope, pool: Pool, user: User) -> None:
    """Revokes all tokens of a user."""
    for sign_in in list(SIGN_INS.scan(tx, scope, pool.id, user.username)):
        REFRESH.lock(tx, scope, pool.id, sign_in.origin)
        REFRESH.delete(tx, scope, sign_in)


def suspend(tx: Transaction, scope: Scope, pool: Pool, user: User) -> None:
    """Revokes all tokens of a user who is disabled: refresh tokens go on to say whose they are."""
    for sign_in in list(SIGN_INS.scan(tx, scope, pool.id, user.username)):
        REFRESH.lock(tx, scope, pool.id, sign_in.origin)
        REFRESH.replace(tx, scope, sign_in, msgspec.structs.replace(sign_in, is_revoked=True))


def all_attributes(user: User) -> dict[str, str]:
    return {"sub": user.sub} | user.attributes


def render_attributes(user: User) -> list[dict[str, str]]:
    """Names and addresses come first (recorded)."""
    shown = sorted(all_attributes(user).items(), key=lambda pair: (pair[0] not in _SHOWN_FIRST, pair[0]))
    return [{"Name": name, "Value": value} for name, value in shown]


def render(user: User) -> dict[str, Any]:
    """A user as ListUsers and AdminCreateUser show one."""
    return {
        "Username": user.username,
        "Attributes": render_attributes(user),
        "UserCreateDate": user.created_at,
        "UserLastModifiedDate": user.modified_at,
        "Enabled": user.enabled,
        "UserStatus": user.status,
    }


def render_mfa(user: User) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if user.preferred_mfa:
        shown["PreferredMfaSetting"] = user.preferred_mfa
    if user.mfa:
        shown["UserMFASettingList"] = list(user.mfa)
    return shown
