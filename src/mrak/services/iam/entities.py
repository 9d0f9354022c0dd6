"""Roles, users and groups as holders of policies: inline, attached and as boundary.

One set of functions for the three; what differs between them is the table `KINDS`.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from mrak.auth.policy import parse_policy
from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.iam import errors, managed, names
from mrak.services.iam.tables import ATTACHMENTS, GROUPS, ROLES, USERS, Attachment, Entity, Group, Role, User
from mrak.store.tables import Table

E = TypeVar("E", bound=Entity)


class Kind(msgspec.Struct, Generic[E], frozen=True):
    """What AWS calls a kind of entity, and its quotas.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """

    name: str
    table: Table[E]
    field: str
    inline_bytes: int
    most_attached: int
    attached_quota: str


ROLE: Kind[Role] = Kind("role", ROLES, "RoleName", 10_240, 20, "PoliciesPerRole")
USER: Kind[User] = Kind("user", USERS, "UserName", 2_048, 20, "PoliciesPerUser")
GROUP: Kind[Group] = Kind("group", GROUPS, "GroupName", 5_120, 10, "PoliciesPerGroup")


def require(tx: Transaction, scope: Scope, kind: Kind[E], name: str) -> E:
    """The entity of that name. Raises NoSuchEntity."""
    found = kind.table.get(tx, scope.account_wide(), name.lower())
    if found is None:
        raise errors.entity_not_found(kind.name, name)
    return found


def open_(tx: Transaction, scope: Scope, kind: Kind[E], name: str) -> E:
    """The entity of that name, opened for writing. Raises NoSuchEntity, and for roles that only AWS may change."""
    found = kind.table.open(tx, scope.account_wide(), name.lower())
    if found is None:
        raise errors.entity_not_found(kind.name, name)
    if isinstance(found, Role) and found.service:
        raise errors.protected_role(found.name)
    return found


def change(tx: Transaction, scope: Scope, kind: Kind[E], entity: E, **changes: Any) -> E:
    """Writes an entity anew with some of its fields changed."""
    changed: E = msgspec.structs.replace(entity, **changes)
    kind.table.replace(tx, scope.account_wide(), entity, changed)
    return changed


def check_free(tx: Transaction, scope: Scope, kind: Kind[E], name: str) -> None:
    """Raises EntityAlreadyExists where the name is taken; leaves the row open."""
    if kind.table.open(tx, scope.account_wide(), name.lower()) is not None:
        raise errors.entity_exists(kind.name, name)


def is_missing(tx: Transaction, scope: Scope, principal_arn: str) -> bool:
    """Whether it names a role, a role's session or a user that the account lacks. We look into the own account only."""
    parsed = find_arn(principal_arn)
    if parsed is None or parsed.account != scope.account or parsed.service not in ("iam", "sts"):
        return False
    kind, _, path = parsed.resource.partition("/")
    if kind == "assumed-role":
        return ROLES.get(tx, scope.account_wide(), path.partition("/")[0].lower()) is None
    name = names.name_in(principal_arn).lower()
    if kind == "role":
        return ROLES.get(tx, scope.account_wide(), name) is None
    return kind == "user" and USERS.get(tx, scope.account_wide(), name) is None


def check_unused(entity: Entity) -> None:
    """Raises DeleteConflict while policies hang on an entity."""
    if entity.attached:
        raise errors.delete_conflict("detach all policies")
    if entity.inline:
        raise errors.delete_conflict("delete policies")


# Inline policies --------------------------------------------------------------------------------------------------


def put_inline(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> None:
    document = req["PolicyDocument"]
    parse_policy(document, "inline")
    entity = open_(tx, scope, kind, req[kind.field])
    inline = entity.inline | {req["PolicyName"]: document}
    if sum(size_of(text) for text in inline.values()) > kind.inline_bytes:
        raise errors.inline_too_large(kind.name, entity.name, kind.inline_bytes)
    change(tx, scope, kind, entity, inline=inline)


def get_inline(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> dict[str, Any]:
    entity = require(tx, scope, kind, req[kind.field])
    document = entity.inline.get(req["PolicyName"])
    if document is None:
        raise errors.inline_policy_not_found(kind.name, req["PolicyName"])
    return {kind.field: entity.name, "PolicyName": req["PolicyName"], "PolicyDocument": render_document(document)}


def delete_inline(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> None:
    entity = open_(tx, scope, kind, req[kind.field])
    if req["PolicyName"] not in entity.inline:
        raise errors.inline_policy_not_found(kind.name, req["PolicyName"])
    inline = {name: text for name, text in entity.inline.items() if name != req["PolicyName"]}
    change(tx, scope, kind, entity, inline=inline)


def list_inline(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> dict[str, Any]:
    entity = require(tx, scope, kind, req[kind.field])
    return names.page_of_names(req, "PolicyNames", entity.inline, lambda name: name)


def size_of(document: str) -> int:
    """What counts against a quota: all but white space."""
    return sum(not char.isspace() for char in document)


def render_document(document: str) -> str:
    """Documents go out percent-encoded (RFC 3986), and clients decode them."""
    return quote(document, safe="")


# Managed policies -------------------------------------------------------------------------------------------------


def attach(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> None:
    arn = req["PolicyArn"]
    entity = open_(tx, scope, kind, req[kind.field])
    if not managed.exists(tx, scope, arn):
        raise errors.policy_not_attachable(arn)
    if arn in entity.attached:
        return
    if len(entity.attached) >= kind.most_attached:
        raise errors.quota(kind.attached_quota, kind.most_attached)
    change(tx, scope, kind, entity, attached=(*entity.attached, arn))
    note_use(tx, scope, kind, entity, arn, "attached")


def detach(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> None:
    arn = req["PolicyArn"]
    entity = open_(tx, scope, kind, req[kind.field])
    if arn not in entity.attached:
        raise errors.policy_not_found(arn)
    change(tx, scope, kind, entity, attached=tuple(each for each in entity.attached if each != arn))
    forget_use(tx, scope, kind, entity, arn, "attached")


def list_attached(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> dict[str, Any]:
    entity = require(tx, scope, kind, req[kind.field])
    prefix = req.get("PathPrefix", "/")
    rows = [
        {"PolicyName": names.name_in(arn), "PolicyArn": arn}
        for arn in entity.attached
        if managed.path_of(arn).startswith(prefix)
    ]
    return names.page_of_names(req, "AttachedPolicies", rows, lambda row: row["PolicyName"])


def set_boundary(tx: Transaction, scope: Scope, kind: Kind[E], name: str, arn: str) -> None:
    """Sets or, with "", removes a permissions boundary."""
    entity = open_(tx, scope, kind, name)
    if arn and not managed.exists(tx, scope, arn):
        raise errors.no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")
    if entity.boundary:
        forget_use(tx, scope, kind, entity, entity.boundary, "boundary")
    elif not arn:
        raise errors.no_such_entity(f"No permissions boundary is set on {kind.name} {name}.")
    change(tx, scope, kind, entity, boundary=arn)
    if arn:
        note_use(tx, scope, kind, entity, arn, "boundary")


def note_use(tx: Transaction, scope: Scope, kind: Kind[E], entity: Entity, arn: str, use: str) -> None:
    wide = scope.account_wide()
    ATTACHMENTS.lock(tx, wide, arn, use, kind.name, entity.key)
    ATTACHMENTS.insert(tx, wide, Attachment(arn, use, kind.name, entity.key))


def forget_use(tx: Transaction, scope: Scope, kind: Kind[E], entity: Entity, arn: str, use: str) -> None:
    wide = scope.account_wide()
    ATTACHMENTS.lock(tx, wide, arn, use, kind.name, entity.key)
    ATTACHMENTS.delete(tx, wide, Attachment(arn, use, kind.name, entity.key))


# Tags -------------------------------------------------------------------------------------------------------------


def tag(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> None:
    entity = open_(tx, scope, kind, req[kind.field])
    change(tx, scope, kind, entity, tags=names.parse_tags(req["Tags"], entity.tags))


def untag(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> None:
    entity = open_(tx, scope, kind, req[kind.field])
    change(tx, scope, kind, entity, tags=names.without_tags(entity.tags, req["TagKeys"]))


def list_tags(tx: Transaction, scope: Scope, kind: Kind[E], req: dict[str, Any]) -> dict[str, Any]:
    entity = require(tx, scope, kind, req[kind.field])
    return names.page_of_names(req, "Tags", names.render_tags(entity.tags), lambda row: row["Key"])


def render_boundary(entity: Entity) -> dict[str, Any]:
    if not entity.boundary:
        return {}
    return {
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": entity.boundary,
        }
    }


def list_all(
    tx: Transaction, ctx: Context, kind: Kind[E], req: dict[str, Any], member: str, render: Any
) -> dict[str, Any]:
    """A page of all entities of a kind under a path."""
    prefix = req.get("PathPrefix", "/")
    rows = kind.table.scan(tx, ctx.scope.account_wide(), after=names.marker_position(req))
    return names.page_of(req, member, (row for row in rows if row.path.startswith(prefix)), lambda row: row.key, render)
