"""ListUsers' filter: one attribute, `=` or `^=` (starts with), and a value in quotes.

https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-manage-user-accounts.html#cognito-user-pools-searching-for-users-using-listusers-api
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, users
from mrak.services.cognito_idp.tables import USERS, Pool, User

_FILTER: Final = re.compile(r'\s*([A-Za-z_:]+)\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')
_SEARCHABLE: Final = frozenset(
    {
        "username", "email", "phone_number", "name", "given_name", "family_name", "preferred_username",
        "cognito:user_status", "status", "sub",
    }
)  # fmt: skip
# These compare whatever the case; the others do not.
_FOLDED: Final = frozenset({"email", "name", "given_name", "family_name", "cognito:user_status", "status"})


class Filter(msgspec.Struct, frozen=True):
    attribute: str
    is_prefix: bool
    value: str

    def matches(self, user: User) -> bool:
        found = self._value_of(user)
        if found is None:
            return False
        wanted = self.value
        if self.attribute in _FOLDED:
            found, wanted = found.lower(), wanted.lower()
        return found.startswith(wanted) if self.is_prefix else found == wanted

    def _value_of(self, user: User) -> str | None:
        if self.attribute == "username":
            return user.username
        if self.attribute == "sub":
            return user.sub
        if self.attribute == "cognito:user_status":
            return user.status
        if self.attribute == "status":
            return "Enabled" if user.enabled else "Disabled"
        return user.attributes.get(self.attribute)


def parse_filter(text: str) -> Filter | None:
    """None for no filter."""
    if not text:
        return None
    match = _FILTER.fullmatch(text)
    if match is None:
        raise errors.invalid("Error while parsing filter.")
    name = match[1]
    if name not in _SEARCHABLE:
        raise errors.invalid(f"Invalid search attribute: {name}")
    return Filter(name, match[2] == "^=", re.sub(r"\\(.)", r"\1", match[3]))


def matching(tx: Transaction, scope: Scope, pool: Pool, wanted: Filter | None, after: str | None) -> Iterator[User]:
    """The users that a filter lets through, by name; exact names and subs are looked up instead of searched."""
    if wanted is not None and not wanted.is_prefix and wanted.attribute in ("username", "sub"):
        found = users.find(tx, scope, pool, wanted.value)
        return iter(()) if found is None or not wanted.matches(found) else iter((found,))
    rows = USERS.scan(tx, scope, pool.id, after=after)
    return rows if wanted is None else (user for user in rows if wanted.matches(user))
