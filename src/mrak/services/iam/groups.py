"""Operations on groups and their members."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import effective, entities, errors, names, users
from mrak.services.iam.entities import GROUP, USER
from mrak.services.iam.tables import GROUPS, GROUPS_BY_USER, MEMBERS, USERS, Group, Member

_MOST_GROUPS_PER_USER = 10


@operation("CreateGroup")
def create_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["GroupName"]
    entities.check_free(tx, ctx.scope, GROUP, name)
    group = Group(
        key=name.lower(),
        name=name,
        path=names.check_path(req.get("Path", "/")),
        id=names.new_id(ctx, "group"),
        created_at=ctx.now,
    )
    GROUPS.insert(tx, ctx.scope.account_wide(), group)
    return {"Group": render(ctx.scope, group)}


@operation("GetGroup")
def get_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    group = entities.require(tx, ctx.scope, GROUP, req["GroupName"])
    wide = ctx.scope.account_wide()
    members = MEMBERS.scan(tx, wide, group.key, after=names.marker_position(req))
    page = names.page_of(req, "Users", members, lambda member: member.user, lambda member: member.user)
    found = USERS.get_many(tx, wide, [(key,) for key in page["Users"]])
    shown = [users.render(ctx.scope, user) for user in found if user is not None]
    return page | {"Group": render(ctx.scope, group), "Users": shown}


@operation("ListGroups")
def list_groups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_all(tx, ctx, GROUP, req, "Groups", lambda group: render(ctx.scope, group))


@operation("UpdateGroup")
def update_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = entities.open_(tx, ctx.scope, GROUP, req["GroupName"])
    name = req.get("NewGroupName", group.name)
    path = req.get("NewPath", group.path)
    if name.lower() != group.key:
        entities.check_free(tx, ctx.scope, GROUP, name)
        _move_uses(tx, ctx.scope, group, name.lower())
    entities.change(tx, ctx.scope, GROUP, group, key=name.lower(), name=name, path=path)


@operation("DeleteGroup")
def delete_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = entities.open_(tx, ctx.scope, GROUP, req["GroupName"])
    if MEMBERS.count(tx, ctx.scope.account_wide(), group.key):
        raise errors.delete_conflict("remove users from group")
    entities.check_unused(group)
    GROUPS.delete(tx, ctx.scope.account_wide(), group)


@operation("AddUserToGroup")
def add_user_to_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = entities.open_(tx, ctx.scope, GROUP, req["GroupName"])
    user = entities.open_(tx, ctx.scope, USER, req["UserName"])
    wide = ctx.scope.account_wide()
    if MEMBERS.open(tx, wide, group.key, user.key) is not None:
        return
    if GROUPS_BY_USER.count(tx, wide, user.key) >= _MOST_GROUPS_PER_USER:
        raise errors.quota("GroupsPerUser", _MOST_GROUPS_PER_USER)
    MEMBERS.insert(tx, wide, Member(group.key, user.key))


@operation("RemoveUserFromGroup")
def remove_user_from_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = entities.require(tx, ctx.scope, GROUP, req["GroupName"])
    user = entities.require(tx, ctx.scope, USER, req["UserName"])
    wide = ctx.scope.account_wide()
    member = MEMBERS.open(tx, wide, group.key, user.key)
    if member is not None:
        MEMBERS.delete(tx, wide, member)


@operation("ListGroupsForUser")
def list_groups_for_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.require(tx, ctx.scope, USER, req["UserName"])
    shown = [render(ctx.scope, group) for group in effective.groups_of(tx, ctx.scope, user)]
    return names.page_of_names(req, "Groups", shown, lambda group: str(group["GroupName"]).lower())


@operation("PutGroupPolicy")
def put_group_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.put_inline(tx, ctx.scope, GROUP, req)


@operation("GetGroupPolicy")
def get_group_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.get_inline(tx, ctx.scope, GROUP, req)


@operation("DeleteGroupPolicy")
def delete_group_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.delete_inline(tx, ctx.scope, GROUP, req)


@operation("ListGroupPolicies")
def list_group_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_inline(tx, ctx.scope, GROUP, req)


@operation("AttachGroupPolicy")
def attach_group_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.attach(tx, ctx.scope, GROUP, req)


@operation("DetachGroupPolicy")
def detach_group_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.detach(tx, ctx.scope, GROUP, req)


@operation("ListAttachedGroupPolicies")
def list_attached_group_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_attached(tx, ctx.scope, GROUP, req)


def render(scope: Scope, group: Group) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": names.arn_of(scope, "group", group.path, group.name),
        "CreateDate": group.created_at,
    }


def _move_uses(tx: Transaction, scope: Scope, group: Group, key: str) -> None:
    """Everything that refers to a group by its name follows to the new one."""
    wide = scope.account_wide()
    renamed = Group(key=key, name=key, path=group.path, id=group.id, created_at=group.created_at)
    for arn in group.attached:
        entities.forget_use(tx, scope, GROUP, group, arn, "attached")
        entities.note_use(tx, scope, GROUP, renamed, arn, "attached")
    for member in list(MEMBERS.scan(tx, wide, group.key)):
        MEMBERS.lock(tx, wide, group.key, member.user)
        MEMBERS.delete(tx, wide, member)
        MEMBERS.lock(tx, wide, key, member.user)
        MEMBERS.insert(tx, wide, Member(key, member.user))
