"""Instance profiles: containers of one role. Templates make them; there are no instances here."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import entities, errors, names, roles, tagging
from mrak.services.iam.entities import ROLE
from mrak.services.iam.tables import INSTANCE_PROFILES, PROFILES_BY_ROLE, ROLES, InstanceProfile


@operation("CreateInstanceProfile")
def create_instance_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, wide = req["InstanceProfileName"], ctx.scope.account_wide()
    if INSTANCE_PROFILES.open(tx, wide, name.lower()) is not None:
        raise errors.exists(f"Instance Profile {name} already exists.")
    profile = InstanceProfile(
        key=name.lower(),
        name=name,
        path=names.check_path(req.get("Path", "/")),
        id=names.new_id(ctx, "instance-profile"),
        created_at=ctx.now,
        tags=names.parse_tags(req.get("Tags", [])),
    )
    INSTANCE_PROFILES.insert(tx, wide, profile)
    return {"InstanceProfile": render(tx, ctx.scope, profile) | tagging.rendered(profile)}


@operation("GetInstanceProfile")
def get_instance_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    profile = _require(ctx, tx, req)
    return {"InstanceProfile": render(tx, ctx.scope, profile) | {"Tags": names.render_tags(profile.tags)}}


@operation("ListInstanceProfiles")
def list_instance_profiles(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix", "/")
    rows = INSTANCE_PROFILES.scan(tx, ctx.scope.account_wide(), after=names.marker_position(req))
    wanted = (row for row in rows if row.path.startswith(prefix))
    return names.page_of(req, "InstanceProfiles", wanted, lambda row: row.key, lambda row: render(tx, ctx.scope, row))


@operation("ListInstanceProfilesForRole")
def list_instance_profiles_for_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    role = entities.require(tx, ctx.scope, ROLE, req["RoleName"])
    rows = PROFILES_BY_ROLE.scan(tx, ctx.scope.account_wide(), role.key)
    shown = [render(tx, ctx.scope, row) for row in rows]
    return names.page_of_names(req, "InstanceProfiles", shown, lambda row: row["InstanceProfileName"].lower())


@operation("DeleteInstanceProfile")
def delete_instance_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    profile = _open(ctx, tx, req)
    if profile.role is not None:
        raise errors.delete_conflict("remove roles from instance profile")
    INSTANCE_PROFILES.delete(tx, ctx.scope.account_wide(), profile)


@operation("AddRoleToInstanceProfile")
def add_role_to_instance_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    profile = _open(ctx, tx, req)
    role = entities.require(tx, ctx.scope, ROLE, req["RoleName"])
    if profile.role is not None:
        raise errors.quota("InstanceSessionsPerInstanceProfile", 1)
    _change(ctx, tx, profile, role=role.key)


@operation("RemoveRoleFromInstanceProfile")
def remove_role_from_instance_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    profile = _open(ctx, tx, req)
    role = entities.require(tx, ctx.scope, ROLE, req["RoleName"])
    if profile.role != role.key:
        raise errors.entity_not_found("role", req["RoleName"])
    _change(ctx, tx, profile, role=None)


@operation("TagInstanceProfile")
def tag_instance_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.tag(tx, ctx.scope, INSTANCE_PROFILES, _open(ctx, tx, req), req)


@operation("UntagInstanceProfile")
def untag_instance_profile(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.untag(tx, ctx.scope, INSTANCE_PROFILES, _open(ctx, tx, req), req)


@operation("ListInstanceProfileTags")
def list_instance_profile_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return tagging.list_tags(_require(ctx, tx, req), req)


def _change(ctx: Context, tx: Transaction, profile: InstanceProfile, **changes: Any) -> None:
    INSTANCE_PROFILES.replace(tx, ctx.scope.account_wide(), profile, msgspec.structs.replace(profile, **changes))


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> InstanceProfile:
    name = req["InstanceProfileName"]
    found = INSTANCE_PROFILES.get(tx, ctx.scope.account_wide(), name.lower())
    if found is None:
        raise errors.no_such_entity(f"Instance Profile {name} cannot be found.")
    return found


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> InstanceProfile:
    INSTANCE_PROFILES.lock(tx, ctx.scope.account_wide(), req["InstanceProfileName"].lower())
    return _require(ctx, tx, req)


def render(tx: Transaction, scope: Scope, profile: InstanceProfile) -> dict[str, Any]:
    role = None if profile.role is None else ROLES.get(tx, scope.account_wide(), profile.role)
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": names.arn_of(scope, "instance-profile", profile.path, profile.name),
        "CreateDate": profile.created_at,
        "Roles": [] if role is None else [roles.render_plain(scope, role)],
    }
