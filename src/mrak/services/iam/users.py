"""Operations on users."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import entities, errors, managed, names
from mrak.services.iam.entities import USER
from mrak.services.iam.tables import (
    ACCESS_KEYS,
    DEVICES_BY_USER,
    GROUPS_BY_USER,
    KEYS_BY_USER,
    LOGIN_PROFILES,
    MEMBERS,
    MFA_DEVICES,
    SERVICE_CREDENTIALS,
    SIGNING_CERTIFICATES,
    SSH_KEYS,
    USERS,
    AccessKey,
    Member,
    User,
)

# What a user must not have any more when it is deleted.
_HELD: list[tuple[Any, str]] = [
    (SERVICE_CREDENTIALS, "delete service specific credentials"),
    (LOGIN_PROFILES, "delete login profile"),
    (DEVICES_BY_USER, "delete MFA device"),
    (SIGNING_CERTIFICATES, "delete signing certificates"),
    (SSH_KEYS, "delete SSH public keys"),
]


@operation("CreateUser")
def create_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, boundary = req["UserName"], req.get("PermissionsBoundary", "")
    entities.check_free(tx, ctx.scope, USER, name)
    if boundary and not managed.exists(tx, ctx.scope, boundary):
        raise errors.no_such_entity(f"Scope ARN: {boundary} does not exist or is not attachable.")
    user = User(
        key=name.lower(),
        name=name,
        path=names.check_path(req.get("Path", "/")),
        id=names.new_id(ctx, "user"),
        created_at=ctx.now,
        boundary=boundary,
        tags=names.parse_tags(req.get("Tags", [])),
    )
    USERS.insert(tx, ctx.scope.account_wide(), user)
    if boundary:
        entities.note_use(tx, ctx.scope, USER, user, boundary, "boundary")
    return {"User": render_whole(ctx.scope, user)}


@operation("GetUser")
def get_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "UserName" not in req and ctx.principal.arn.endswith(":root"):
        root = {"UserId": ctx.principal.account, "Arn": ctx.principal.arn, "CreateDate": 0, "Path": "/"}
        return {"User": root}
    return {"User": render_whole(ctx.scope, entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req)))}


@operation("ListUsers")
def list_users(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_all(tx, ctx, USER, req, "Users", lambda user: render(ctx.scope, user))


@operation("UpdateUser")
def update_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    user = entities.open_(tx, ctx.scope, USER, req["UserName"])
    name = req.get("NewUserName", user.name)
    path = req.get("NewPath", user.path)
    if name.lower() == user.key:
        entities.change(tx, ctx.scope, USER, user, name=name, path=path)
        return
    entities.check_free(tx, ctx.scope, USER, name)
    _move_uses(tx, ctx.scope, user, name.lower())
    entities.change(tx, ctx.scope, USER, user, key=name.lower(), name=name, path=path)


@operation("DeleteUser")
def delete_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    user = entities.open_(tx, ctx.scope, USER, req["UserName"])
    wide = ctx.scope.account_wide()
    if GROUPS_BY_USER.count(tx, wide, user.key):
        raise errors.delete_conflict("remove users from group")
    entities.check_unused(user)
    if KEYS_BY_USER.count(tx, wide, user.key):
        raise errors.delete_conflict("delete access keys")
    for table, what in _HELD:
        if table.count(tx, wide, user.key):
            raise errors.delete_conflict(what)
    if user.boundary:
        entities.forget_use(tx, ctx.scope, USER, user, user.boundary, "boundary")
    USERS.delete(tx, wide, user)


@operation("PutUserPolicy")
def put_user_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.put_inline(tx, ctx.scope, USER, req)


@operation("GetUserPolicy")
def get_user_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.get_inline(tx, ctx.scope, USER, req)


@operation("DeleteUserPolicy")
def delete_user_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.delete_inline(tx, ctx.scope, USER, req)


@operation("ListUserPolicies")
def list_user_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_inline(tx, ctx.scope, USER, req)


@operation("AttachUserPolicy")
def attach_user_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.attach(tx, ctx.scope, USER, req)


@operation("DetachUserPolicy")
def detach_user_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.detach(tx, ctx.scope, USER, req)


@operation("ListAttachedUserPolicies")
def list_attached_user_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_attached(tx, ctx.scope, USER, req)


@operation("PutUserPermissionsBoundary")
def put_user_permissions_boundary(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.set_boundary(tx, ctx.scope, USER, req["UserName"], req["PermissionsBoundary"])


@operation("DeleteUserPermissionsBoundary")
def delete_user_permissions_boundary(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.set_boundary(tx, ctx.scope, USER, req["UserName"], "")


@operation("TagUser")
def tag_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.tag(tx, ctx.scope, USER, req)


@operation("UntagUser")
def untag_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.untag(tx, ctx.scope, USER, req)


@operation("ListUserTags")
def list_user_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_tags(tx, ctx.scope, USER, req)


def name_or_caller(ctx: Context, req: dict[str, Any]) -> str:
    """The user that a request is about: the one it names, or the caller."""
    if "UserName" in req:
        return str(req["UserName"])
    if ":user/" not in ctx.principal.arn:
        raise errors.validation("Must specify userName when calling with non-User credentials")
    return names.name_in(ctx.principal.arn)


def render(scope: Scope, user: User) -> dict[str, Any]:
    """A user as listings show it."""
    shown: dict[str, Any] = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": names.arn_of(scope, "user", user.path, user.name),
        "CreateDate": user.created_at,
    }
    return shown


def render_whole(scope: Scope, user: User) -> dict[str, Any]:
    """A user as GetUser shows it."""
    tags = {"Tags": names.render_tags(user.tags)} if user.tags else {}
    return render(scope, user) | tags | entities.render_boundary(user)


def _move_uses(tx: Transaction, scope: Scope, user: User, key: str) -> None:
    """Everything that refers to a user by its name follows to the new one."""
    wide = scope.account_wide()
    renamed = User(key=key, name=key, path=user.path, id=user.id, created_at=user.created_at)
    uses = [(arn, "attached") for arn in user.attached] + ([(user.boundary, "boundary")] if user.boundary else [])
    for arn, use in uses:
        entities.forget_use(tx, scope, USER, user, arn, use)
        entities.note_use(tx, scope, USER, renamed, arn, use)
    for member in list(GROUPS_BY_USER.scan(tx, wide, user.key)):
        MEMBERS.lock(tx, wide, member.group, user.key)
        MEMBERS.delete(tx, wide, member)
        MEMBERS.lock(tx, wide, member.group, key)
        MEMBERS.insert(tx, wide, Member(member.group, key))
    for row in list(KEYS_BY_USER.scan(tx, wide, user.key)):
        ACCESS_KEYS.lock(tx, wide, row.id)
        moved = AccessKey(row.id, key, row.secret, row.created_at, row.is_active)
        ACCESS_KEYS.replace(tx, wide, row, moved)
    for device in list(DEVICES_BY_USER.scan(tx, wide, user.key)):
        MFA_DEVICES.lock(tx, wide, device.serial)
        MFA_DEVICES.replace(tx, wide, device, msgspec.structs.replace(device, user=key))
    # Rows that have the user in their key are made anew.
    held: list[tuple[Any, tuple[str, ...]]] = [
        (LOGIN_PROFILES, ()),
        (SERVICE_CREDENTIALS, ("id",)),
        (SIGNING_CERTIFICATES, ("id",)),
        (SSH_KEYS, ("id",)),
    ]
    for table, rest in held:
        for row in list(table.scan(tx, wide, user.key)):
            parts = [getattr(row, name) for name in rest]
            table.lock(tx, wide, user.key, *parts)
            table.delete(tx, wide, row)
            table.lock(tx, wide, key, *parts)
            table.insert(tx, wide, msgspec.structs.replace(row, user=key))
