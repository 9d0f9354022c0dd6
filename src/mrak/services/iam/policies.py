"""Operations on managed policies and their versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.auth.policy import parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.iam import entities, errors, managed, names
from mrak.services.iam.tables import ATTACHMENTS, GROUPS, POLICIES, ROLES, USERS, Attachment, ManagedPolicy, Version

# Kind of entity -> (its table, members of ListEntitiesForPolicy's answer).
_HOLDERS = {
    "role": (ROLES, "PolicyRoles", "Role"),
    "user": (USERS, "PolicyUsers", "User"),
    "group": (GROUPS, "PolicyGroups", "Group"),
}
_USES = {"PermissionsPolicy": "attached", "PermissionsBoundary": "boundary"}


@operation("CreatePolicy")
def create_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, path, document = req["PolicyName"], req.get("Path", "/"), req["PolicyDocument"]
    _check_document(document)
    wide = ctx.scope.account_wide()
    if POLICIES.open(tx, wide, name.lower()) is not None:
        raise errors.policy_exists(name)
    policy = ManagedPolicy(
        key=name.lower(),
        name=name,
        path=path,
        id=names.new_id(ctx, "policy"),
        created_at=ctx.now,
        updated_at=ctx.now,
        versions=(Version("v1", document, ctx.now),),
        description=req.get("Description", ""),
        tags=names.parse_tags(req.get("Tags", [])),
    )
    POLICIES.insert(tx, wide, policy)
    tags = {"Tags": names.render_tags(policy.tags)} if policy.tags else {}
    return {"Policy": managed.render(tx, ctx.scope, _arn(ctx, policy), policy) | tags}


@operation("GetPolicy")
def get_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    arn = req["PolicyArn"]
    return {"Policy": managed.render_whole(tx, ctx.scope, arn, managed.require(tx, ctx.scope, arn))}


@operation("DeletePolicy")
def delete_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    arn = req["PolicyArn"]
    policy = managed.open_(tx, ctx.scope, arn)
    if managed.count_uses(tx, ctx.scope, arn, "attached") or managed.count_uses(tx, ctx.scope, arn, "boundary"):
        raise errors.policy_is_attached()
    if len(policy.versions) > 1:
        raise errors.policy_has_versions()
    POLICIES.delete(tx, ctx.scope.account_wide(), policy)


@operation("ListPolicies")
def list_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, use = req.get("PathPrefix", "/"), _USES.get(req.get("PolicyUsageFilter", ""))
    only_attached = req.get("OnlyAttached", False)

    def is_wanted(row: tuple[str, ManagedPolicy]) -> bool:
        arn, policy = row
        if not policy.path.startswith(prefix):
            return False
        if use is not None and not managed.count_uses(tx, ctx.scope, arn, use):
            return False
        return not only_attached or managed.count_uses(tx, ctx.scope, arn, "attached") > 0

    rows = filter(is_wanted, _all_policies(ctx, tx, req.get("Scope", "All"), names.marker_position(req)))
    return names.page_of(
        req, "Policies", rows, lambda row: _position(*row), lambda row: managed.render(tx, ctx.scope, *row)
    )


def _position(arn: str, policy: ManagedPolicy) -> str:
    """A place in the listing: AWS's policies first, each part by name."""
    return ("0" if arn.startswith("arn:aws:iam::aws:") else "1") + policy.key


def _all_policies(ctx: Context, tx: Transaction, wanted: str, after: str | None) -> Iterator[tuple[str, ManagedPolicy]]:
    if wanted in ("All", "AWS"):
        yield from ((arn, row) for arn, row in managed.aws_policies() if after is None or _position(arn, row) > after)
    if wanted in ("All", "Local"):
        own_after = after[1:] if after is not None and after[0] == "1" else None
        for policy in POLICIES.scan(tx, ctx.scope.account_wide(), after=own_after):
            yield _arn(ctx, policy), policy


@operation("ListEntitiesForPolicy")
def list_entities_for_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    arn, wide = req["PolicyArn"], ctx.scope.account_wide()
    if not managed.exists(tx, ctx.scope, arn):
        raise errors.policy_not_found(arn)
    use = _USES.get(req.get("PolicyUsageFilter", ""), "attached")
    wanted = req.get("EntityFilter", "All").lower()
    after = names.marker_position(req)
    rows = (
        row
        for row in ATTACHMENTS.scan(tx, wide, arn, use)
        if wanted in ("all", row.kind) and (after is None or _attachment_position(row) > after)
    )
    page = names.page_of(req, "rows", rows, _attachment_position, lambda row: row)
    answer: dict[str, Any] = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
    prefix = req.get("PathPrefix", "/")
    for row in page.pop("rows"):
        table, member, title = _HOLDERS[row.kind]
        entity = table.get(tx, wide, row.entity)  # type: ignore[attr-defined]
        if entity is not None and entity.path.startswith(prefix):
            answer[member].append({f"{title}Name": entity.name, f"{title}Id": entity.id})
    return answer | page


def _attachment_position(row: Attachment) -> str:
    return f"{row.kind}/{row.entity}"


@operation("CreatePolicyVersion")
def create_policy_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    arn, document = req["PolicyArn"], req["PolicyDocument"]
    _check_document(document)
    policy = managed.open_(tx, ctx.scope, arn)
    if len(policy.versions) >= managed.MOST_VERSIONS:
        raise errors.too_many_versions()
    version = Version(f"v{policy.next_version}", document, ctx.now)
    is_default = req.get("SetAsDefault", False)
    changed = msgspec.structs.replace(
        policy,
        versions=(version, *policy.versions),
        next_version=policy.next_version + 1,
        default_version=version.id if is_default else policy.default_version,
        updated_at=ctx.now,
    )
    POLICIES.replace(tx, ctx.scope.account_wide(), policy, changed)
    return {"PolicyVersion": _render_version(changed, version)}


@operation("GetPolicyVersion")
def get_policy_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    arn = req["PolicyArn"]
    policy = managed.require(tx, ctx.scope, arn)
    version = managed.require_version(policy, arn, req["VersionId"])
    document = {"Document": entities.render_document(version.document)}
    return {"PolicyVersion": document | _render_version(policy, version)}


@operation("ListPolicyVersions")
def list_policy_versions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    policy = managed.require(tx, ctx.scope, req["PolicyArn"])
    return {"Versions": [_render_version(policy, version) for version in policy.versions], "IsTruncated": False}


@operation("DeletePolicyVersion")
def delete_policy_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    arn = req["PolicyArn"]
    policy = managed.open_(tx, ctx.scope, arn)
    version = managed.require_version(policy, arn, req["VersionId"])
    if version.id == policy.default_version:
        raise errors.default_version()
    kept = tuple(each for each in policy.versions if each.id != version.id)
    POLICIES.replace(tx, ctx.scope.account_wide(), policy, msgspec.structs.replace(policy, versions=kept))


@operation("SetDefaultPolicyVersion")
def set_default_policy_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    arn = req["PolicyArn"]
    policy = managed.open_(tx, ctx.scope, arn)
    version = managed.require_version(policy, arn, req["VersionId"])
    changed = msgspec.structs.replace(policy, default_version=version.id, updated_at=ctx.now)
    POLICIES.replace(tx, ctx.scope.account_wide(), policy, changed)


@operation("TagPolicy")
def tag_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    policy = managed.open_(tx, ctx.scope, req["PolicyArn"])
    changed = msgspec.structs.replace(policy, tags=names.parse_tags(req["Tags"], policy.tags))
    POLICIES.replace(tx, ctx.scope.account_wide(), policy, changed)


@operation("UntagPolicy")
def untag_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    policy = managed.open_(tx, ctx.scope, req["PolicyArn"])
    changed = msgspec.structs.replace(policy, tags=names.without_tags(policy.tags, req["TagKeys"]))
    POLICIES.replace(tx, ctx.scope.account_wide(), policy, changed)


@operation("ListPolicyTags")
def list_policy_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    policy = managed.require(tx, ctx.scope, req["PolicyArn"])
    return names.page_of_names(req, "Tags", names.render_tags(policy.tags), lambda row: row["Key"])


def _arn(ctx: Context, policy: ManagedPolicy) -> str:
    return names.arn_of(ctx.scope, "policy", policy.path, policy.name)


def _check_document(document: str) -> None:
    parse_policy(document, "managed")
    if entities.size_of(document) > managed.MOST_BYTES:
        raise errors.quota("PolicySize", managed.MOST_BYTES)


def _render_version(policy: ManagedPolicy, version: Version) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default_version,
        "CreateDate": version.created_at,
    }
