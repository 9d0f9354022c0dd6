"""Operations on groups and who is in them.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-user-groups.html
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.services.cognito_idp import errors, parts, pools, users
from mrak.services.cognito_idp.tables import GROUPS, MEMBER_OF, MEMBERS, Group, Member, User

_NO_ROOM: Final = (
    "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: "
    "Member must have value greater than or equal to 1"
)
_STORE_SAID: Final = (
    "com.amazonaws.services.identitystoreservice.model.ValidationException: {} (Service: AWSIdentityStoreService; "
    "Status Code: 400; Error Code: ValidationException; Request ID: {}; Proxy: null)"
)


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Group:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    found = GROUPS.open(tx, ctx.scope, pool.id, req["GroupName"])
    if found is None:
        raise errors.group_not_found()
    return found


def _render(group: Group) -> dict[str, Any]:
    shown: dict[str, Any] = {"GroupName": group.name, "UserPoolId": group.pool}
    optional = {"Description": group.description, "RoleArn": group.role_arn, "Precedence": group.precedence}
    shown |= {name: value for name, value in optional.items() if value is not None}
    return shown | {"LastModifiedDate": group.modified_at, "CreationDate": group.created_at}


@operation("CreateGroup")
def create_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    if GROUPS.open(tx, ctx.scope, pool.id, req["GroupName"]) is not None:
        raise errors.group_exists()
    group = Group(
        pool=pool.id,
        name=req["GroupName"],
        created_at=ctx.now,
        modified_at=ctx.now,
        description=req.get("Description") or None,
        role_arn=req.get("RoleArn"),
        precedence=req.get("Precedence"),
    )
    GROUPS.insert(tx, ctx.scope, group)
    return {"Group": _render(group)}


@operation("GetGroup")
def get_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Group": _render(_require(ctx, tx, req))}


@operation("UpdateGroup")
def update_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """An empty description is none, and what says nothing changes nothing (recorded)."""
    group = _require(ctx, tx, req)
    given = {"description": req.get("Description") or None, "role_arn": req.get("RoleArn")}
    given["precedence"] = req.get("Precedence")
    changes = {name: value for name, value in given.items() if value is not None}
    changed = msgspec.structs.replace(group, **changes, modified_at=ctx.now) if changes else group
    GROUPS.replace(tx, ctx.scope, group, changed)
    return {"Group": _render(changed)}


@operation("DeleteGroup")
def delete_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = _require(ctx, tx, req)
    for member in list(MEMBERS.scan(tx, ctx.scope, group.pool, group.name)):
        MEMBERS.lock(tx, ctx.scope, member.pool, member.group, member.username)
        MEMBERS.delete(tx, ctx.scope, member)
    GROUPS.delete(tx, ctx.scope, group)


@operation("ListGroups")
def list_groups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    limit = _limit(req)
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    rows = GROUPS.scan(tx, ctx.scope, pool.id, after=parts.position(req.get("NextToken")))
    page, token = take_page(rows, limit, lambda row: row.name)
    return {"Groups": [_render(group) for group in page]} | ({"NextToken": token} if token else {})


def _limit(req: dict[str, Any]) -> int:
    """How many are asked for; the model of the operations lets 0 pass, which the store behind them does not."""
    limit: int = req.get("Limit", 60)
    if limit == 0:
        raise errors.invalid(_NO_ROOM)
    return limit


def _user_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> User:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    return users.require(tx, ctx.scope, pool, req["Username"])


@operation("AdminAddUserToGroup")
def admin_add_user_to_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    user, group = _user_of(ctx, tx, req), _require(ctx, tx, req)
    if MEMBERS.open(tx, ctx.scope, group.pool, group.name, user.username) is None:
        MEMBERS.insert(tx, ctx.scope, Member(group.pool, group.name, user.username))


@operation("AdminRemoveUserFromGroup")
def admin_remove_user_from_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """A group that isn't there has no members, which is what was asked for (recorded)."""
    user = _user_of(ctx, tx, req)
    member = MEMBERS.open(tx, ctx.scope, user.pool, req["GroupName"], user.username)
    if member is not None:
        MEMBERS.delete(tx, ctx.scope, member)


@operation("AdminListGroupsForUser")
def admin_list_groups_for_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    limit, user, after = _limit(req), _user_of(ctx, tx, req), parts.position(req.get("NextToken"))
    rows = (
        row for row in MEMBER_OF.scan(tx, ctx.scope, user.pool, user.username) if after is None or row.group > after
    )
    page, token = take_page(rows, limit, lambda row: row.group)
    groups = [GROUPS.get(tx, ctx.scope, user.pool, row.group) for row in page]
    return {"Groups": [_render(group) for group in groups if group]} | ({"NextToken": token} if token else {})


@operation("ListUsersInGroup")
def list_users_in_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("Limit") == 0:
        raise errors.invalid(_STORE_SAID.format(_NO_ROOM, ctx.draw.uuid()))
    group = _require(ctx, tx, req)
    pool = pools.require_pool(tx, ctx.scope, group.pool)
    rows = MEMBERS.scan(tx, ctx.scope, pool.id, group.name, after=parts.position(req.get("NextToken")))
    page, token = take_page(rows, req.get("Limit") or 60, lambda row: row.username)
    shown = [users.render(users.require(tx, ctx.scope, pool, row.username)) for row in page]
    return {"Users": shown} | ({"NextToken": token} if token else {})
