"""Operations on roles, service-linked ones included."""

from __future__ import annotations

from typing import Any

from mrak.auth.policy import Policy, parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import entities, errors, managed, names
from mrak.services.iam.entities import ROLE
from mrak.services.iam.servicelinked import SERVICE_ROLES
from mrak.services.iam.tables import PROFILES_BY_ROLE, ROLES, Role

_MOST_TRUST_BYTES = 2048


@operation("CreateRole")
def create_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, path, trust = req["RoleName"], names.check_path(req.get("Path", "/")), req["AssumeRolePolicyDocument"]
    if path.startswith("/aws-service-role/"):
        raise errors.invalid_input("Role path may not begin with /aws-service-role/.")
    _check_trust(tx, ctx.scope, trust)
    entities.check_free(tx, ctx.scope, ROLE, name)
    boundary = req.get("PermissionsBoundary", "")
    if boundary and not managed.exists(tx, ctx.scope, boundary):
        raise errors.no_such_entity(f"Scope ARN: {boundary} does not exist or is not attachable.")
    role = Role(
        key=name.lower(),
        name=name,
        path=path,
        id=names.new_id(ctx, "role"),
        created_at=ctx.now,
        trust=trust,
        description=req.get("Description"),
        max_session_seconds=req.get("MaxSessionDuration", 3600),
        boundary=boundary,
        tags=names.parse_tags(req.get("Tags", [])),
    )
    ROLES.insert(tx, ctx.scope.account_wide(), role)
    if boundary:
        entities.note_use(tx, ctx.scope, ROLE, role, boundary, "boundary")
    shown = _render(ctx.scope, role)
    if "MaxSessionDuration" not in req:
        del shown["MaxSessionDuration"]
    return {"Role": shown | _render_tags(role) | entities.render_boundary(role)}


@operation("GetRole")
def get_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    role = entities.require(tx, ctx.scope, ROLE, req["RoleName"])
    return {"Role": render_whole(ctx.scope, role)}


@operation("ListRoles")
def list_roles(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_all(tx, ctx, ROLE, req, "Roles", lambda role: _render(ctx.scope, role))


@operation("DeleteRole")
def delete_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    role = entities.open_(tx, ctx.scope, ROLE, req["RoleName"])
    if PROFILES_BY_ROLE.count(tx, ctx.scope.account_wide(), role.key):
        raise errors.delete_conflict("remove roles from instance profile")
    entities.check_unused(role)
    if role.boundary:
        entities.forget_use(tx, ctx.scope, ROLE, role, role.boundary, "boundary")
    ROLES.delete(tx, ctx.scope.account_wide(), role)


@operation("UpdateRole")
def update_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    role = entities.open_(tx, ctx.scope, ROLE, req["RoleName"])
    entities.change(
        tx,
        ctx.scope,
        ROLE,
        role,
        description=req.get("Description", role.description),
        max_session_seconds=req.get("MaxSessionDuration", 3600),
    )


@operation("UpdateRoleDescription")
def update_role_description(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    role = entities.open_(tx, ctx.scope, ROLE, req["RoleName"])
    changed = entities.change(tx, ctx.scope, ROLE, role, description=req["Description"])
    return {"Role": render_whole(ctx.scope, changed)}


@operation("UpdateAssumeRolePolicy")
def update_assume_role_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _check_trust(tx, ctx.scope, req["PolicyDocument"])
    role = entities.open_(tx, ctx.scope, ROLE, req["RoleName"])
    entities.change(tx, ctx.scope, ROLE, role, trust=req["PolicyDocument"])


@operation("PutRolePolicy")
def put_role_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.put_inline(tx, ctx.scope, ROLE, req)


@operation("GetRolePolicy")
def get_role_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.get_inline(tx, ctx.scope, ROLE, req)


@operation("DeleteRolePolicy")
def delete_role_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.delete_inline(tx, ctx.scope, ROLE, req)


@operation("ListRolePolicies")
def list_role_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_inline(tx, ctx.scope, ROLE, req)


@operation("AttachRolePolicy")
def attach_role_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.attach(tx, ctx.scope, ROLE, req)


@operation("DetachRolePolicy")
def detach_role_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.detach(tx, ctx.scope, ROLE, req)


@operation("ListAttachedRolePolicies")
def list_attached_role_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_attached(tx, ctx.scope, ROLE, req)


@operation("PutRolePermissionsBoundary")
def put_role_permissions_boundary(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.set_boundary(tx, ctx.scope, ROLE, req["RoleName"], req["PermissionsBoundary"])


@operation("DeleteRolePermissionsBoundary")
def delete_role_permissions_boundary(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.set_boundary(tx, ctx.scope, ROLE, req["RoleName"], "")


@operation("TagRole")
def tag_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.tag(tx, ctx.scope, ROLE, req)


@operation("UntagRole")
def untag_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.untag(tx, ctx.scope, ROLE, req)


@operation("ListRoleTags")
def list_role_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return entities.list_tags(tx, ctx.scope, ROLE, req)


@operation("CreateServiceLinkedRole")
def create_service_linked_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    service, suffix = req["AWSServiceName"], req.get("CustomSuffix", "")
    linked = SERVICE_ROLES.get(service)
    if linked is None:
        raise errors.invalid_input(f"Service role for {service} is not supported. Invalid service name {service}.")
    if suffix and not linked.allows_suffix:
        raise errors.invalid_input(f"Custom suffix is not allowed for {service}")
    name = f"{linked.role}_{suffix}" if suffix else linked.role
    wide = ctx.scope.account_wide()
    if ROLES.open(tx, wide, name.lower()) is not None:
        raise errors.invalid_input(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        )
    policy = f"arn:aws:iam::aws:policy/aws-service-role/{linked.policy}"
    role = Role(
        key=name.lower(),
        name=name,
        path=f"/aws-service-role/{service}/",
        id=names.new_id(ctx, "role"),
        created_at=ctx.now,
        trust=(
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"'
            f'{service}"}},"Action":"sts:AssumeRole"}}]}}'
        ),
        description=req.get("Description", linked.description or None),
        attached=(policy,),
        service=service,
    )
    ROLES.insert(tx, wide, role)
    entities.note_use(tx, ctx.scope, ROLE, role, policy, "attached")
    shown = _render(ctx.scope, role)
    del shown["MaxSessionDuration"]
    return {"Role": shown}


@operation("DeleteServiceLinkedRole")
def delete_service_linked_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wide = ctx.scope.account_wide()
    role = ROLES.open(tx, wide, req["RoleName"].lower())
    if role is None or not role.service:
        raise errors.entity_not_found("role", req["RoleName"])
    for arn in role.attached:
        entities.forget_use(tx, ctx.scope, ROLE, role, arn, "attached")
    ROLES.delete(tx, wide, role)
    return {"DeletionTaskId": f"task{role.path}{role.name}/{ctx.draw.uuid()}"}


@operation("GetServiceLinkedRoleDeletionStatus")
def get_service_linked_role_deletion_status(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Deletion is immediate here, so that a task of a role that is gone has succeeded."""
    parts = req["DeletionTaskId"].split("/")
    if len(parts) != 5 or parts[:2] != ["task", "aws-service-role"]:
        raise errors.no_such_entity(f"Deletion task {req['DeletionTaskId']} was not found.")
    found = ROLES.get(tx, ctx.scope.account_wide(), parts[3].lower())
    return {"Status": "SUCCEEDED" if found is None else "FAILED"}


def _check_trust(tx: Transaction, scope: Scope, document: str) -> None:
    policy = parse_policy(document, "trust")
    _check_principals(tx, scope, policy)
    if entities.size_of(document) > _MOST_TRUST_BYTES:
        raise errors.quota("ACLSizePerRole", _MOST_TRUST_BYTES)


def _check_principals(tx: Transaction, scope: Scope, policy: Policy) -> None:
    """AWS refuses a trust policy that names a role or user which does not exist."""
    for statement in policy.statements:
        for kind, value in statement.principals or ():
            if kind == "AWS" and entities.is_missing(tx, scope, value):
                raise errors.invalid_principal(value)


def _render(scope: Scope, role: Role) -> dict[str, Any]:
    """A role as listings show it."""
    shown: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": names.arn_of(scope, "role", role.path, role.name),
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": entities.render_document(role.trust),
        "MaxSessionDuration": role.max_session_seconds,
    }
    return shown | ({"Description": role.description} if role.description is not None else {})


def render_plain(scope: Scope, role: Role) -> dict[str, Any]:
    """A role as what refers to it shows it."""
    shown = _render(scope, role)
    del shown["MaxSessionDuration"]
    return shown


def render_whole(scope: Scope, role: Role) -> dict[str, Any]:
    """A role as GetRole shows it."""
    used: dict[str, Any] = {}
    if role.last_used_at is not None:
        used = {"LastUsedDate": role.last_used_at, "Region": role.last_used_region}
    return _render(scope, role) | {"RoleLastUsed": used} | _render_tags(role) | entities.render_boundary(role)


def _render_tags(role: Role) -> dict[str, Any]:
    return {"Tags": names.render_tags(role.tags)} if role.tags else {}
