"""Which policies bear on a principal: its own, its groups', its boundary. Look-ups only.

Policies are compiled once by their text (auth.policy), so that this costs the reads and little more.
"""

from __future__ import annotations

from collections.abc import Iterator

from mrak.auth.evaluation import Named, PolicySet
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.iam import managed, names
from mrak.services.iam.tables import GROUPS, GROUPS_BY_USER, ROLES, USERS, Entity, Group, User
from mrak.store.keys import KeyPart

_EVERYTHING = Named(
    "root",
    parse_policy(
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        "inline",
    ),
)


def policies_of(tx: Transaction, scope: Scope, principal: Principal) -> PolicySet:
    """Everything on the identity side of a principal. Root, services and strangers have nothing there."""
    session = tuple(
        Named(f"session policy {number}", parse_policy(text, "session"))
        for number, text in enumerate(principal.session_policies, 1)
    )
    entity, kind = _entity_of(tx, scope, principal)
    if principal.kind == "federated" and principal.issuer_arn.endswith(":root"):
        # A federated user may what its issuer may, capped by the session's policies.
        return PolicySet(identity=(_EVERYTHING,), session=session)
    if entity is None:
        return PolicySet(session=session)
    return policies_of_entity(tx, scope, entity, kind, session)


def find_policies_of(tx: Transaction, scope: Scope, principal: Principal) -> PolicySet | None:
    """The same; None where it cannot be known: nobody made the role, or it holds a policy of AWS's that is not built
    in (IAM-001)."""
    entity, _ = _entity_of(tx, scope, principal)
    if entity is not None:
        holders: list[Entity] = [entity]
        if isinstance(entity, User):
            holders += groups_of(tx, scope, entity)
        attached = {arn for holder in holders for arn in holder.attached}
        if any(managed.document_of(tx, scope, arn) is None for arn in attached):
            return None
    elif principal.kind != "federated":
        return None
    return policies_of(tx, scope, principal)


def policies_of_entity(
    tx: Transaction, scope: Scope, entity: Entity, kind: str, session: tuple[Named, ...] = ()
) -> PolicySet:
    """The policies of a role, user or group."""
    identity = tuple(_held(tx, scope, entity, kind))
    if isinstance(entity, User):
        identity += tuple(_of_groups(tx, scope, entity))
    boundary = None
    if entity.boundary:
        text = managed.document_of(tx, scope, entity.boundary)
        boundary = None if text is None else Named(names.name_in(entity.boundary), parse_policy(text, "managed"))
    return PolicySet(identity=identity, boundary=boundary, session=session)


def _entity_of(tx: Transaction, scope: Scope, principal: Principal) -> tuple[Entity | None, str]:
    wide = scope.in_account(principal.account).account_wide()
    if principal.kind == "user":
        return USERS.get(tx, wide, principal.name.lower()), "user"
    if principal.kind == "role-session":
        return ROLES.get(tx, wide, names.name_in(principal.issuer_arn).lower()), "role"
    if principal.kind == "federated" and ":user/" in principal.issuer_arn:
        return USERS.get(tx, wide, names.name_in(principal.issuer_arn).lower()), "user"
    return None, ""


def _held(tx: Transaction, scope: Scope, entity: Entity, kind: str) -> Iterator[Named]:
    for name, text in entity.inline.items():
        yield Named(f"{kind}_{entity.name}_{name}", parse_policy(text, "inline"))
    for arn in entity.attached:
        document = managed.document_of(tx, scope, arn)
        if document is not None:
            yield Named(names.name_in(arn), parse_policy(document, "managed"))


def _of_groups(tx: Transaction, scope: Scope, user: User) -> Iterator[Named]:
    for group in groups_of(tx, scope, user):
        yield from _held(tx, scope, group, "group")


def groups_of(tx: Transaction, scope: Scope, user: User) -> list[Group]:
    """The groups that a user is in."""
    wide = scope.account_wide()
    keys: list[tuple[KeyPart, ...]] = [(member.group,) for member in GROUPS_BY_USER.scan(tx, wide, user.key)]
    return [group for group in GROUPS.get_many(tx, wide, keys) if group is not None]
