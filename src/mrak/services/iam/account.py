"""Operations on the account as a whole: aliases, the summary, and everything at once."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import effective, entities, errors, groups, instanceprofiles, managed, names, roles, users
from mrak.services.iam.tables import (
    ALIASES,
    DEVICES_BY_USER,
    GROUPS,
    INSTANCE_PROFILES,
    MFA_DEVICES,
    OIDC_PROVIDERS,
    POLICIES,
    PROFILES_BY_ROLE,
    ROLES,
    SAML_PROVIDERS,
    SERVER_CERTIFICATES,
    USERS,
    AccountAlias,
    Entity,
    Group,
    ManagedPolicy,
    Role,
    User,
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_QUOTAS = {
    "GroupPolicySizeQuota": 5120,
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "SigningCertificatesPerUserQuota": 2,
    "AccessKeysPerUserQuota": 2,
    "UserPolicySizeQuota": 2048,
    "GroupsPerUserQuota": 10,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 20,
    "AttachedPoliciesPerUserQuota": 20,
    "AssumeRolePolicySizeQuota": 2048,
    "RolePolicySizeQuota": 10240,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "PolicySizeQuota": 6144,
    "VersionsPerPolicyQuota": 5,
    "PolicyVersionsInUseQuota": 10000,
    "InstanceProfilesQuota": 1000,
    "ServerCertificatesQuota": 20,
    "GlobalEndpointTokenVersion": 1,
}


@operation("CreateAccountAlias")
def create_account_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    wide, alias = ctx.scope.account_wide(), req["AccountAlias"]
    if ALIASES.open(tx, wide, alias) is not None:
        raise errors.alias_exists(alias)
    for row in list(ALIASES.scan(tx, wide)):
        # An account has one; a new one takes its place.
        ALIASES.lock(tx, wide, row.alias)
        ALIASES.delete(tx, wide, row)
    ALIASES.insert(tx, wide, AccountAlias(alias))


@operation("DeleteAccountAlias")
def delete_account_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    wide, alias = ctx.scope.account_wide(), req["AccountAlias"]
    row = ALIASES.open(tx, wide, alias)
    if row is None:
        raise errors.no_such_entity(f"The account alias {alias} cannot be found.")
    ALIASES.delete(tx, wide, row)


@operation("ListAccountAliases")
def list_account_aliases(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = ALIASES.scan(tx, ctx.scope.account_wide())
    return {"AccountAliases": [row.alias for row in rows], "IsTruncated": False}


@operation("GetAccountSummary")
def get_account_summary(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wide = ctx.scope.account_wide()
    counts = {
        "Users": USERS.count(tx, wide),
        "Groups": GROUPS.count(tx, wide),
        "Roles": ROLES.count(tx, wide),
        "Policies": POLICIES.count(tx, wide),
        "Providers": OIDC_PROVIDERS.count(tx, wide) + SAML_PROVIDERS.count(tx, wide),
        "AccountMFAEnabled": 0,
        "AccountAccessKeysPresent": 1,
        "AccountSigningCertificatesPresent": 0,
        "AccountPasswordPresent": 0,
        "MFADevices": MFA_DEVICES.count(tx, wide),
        "MFADevicesInUse": DEVICES_BY_USER.count(tx, wide),
        "InstanceProfiles": INSTANCE_PROFILES.count(tx, wide),
        "ServerCertificates": SERVER_CERTIFICATES.count(tx, wide),
    }
    return {"SummaryMap": counts | _QUOTAS}


@operation("GetAccountAuthorizationDetails")
def get_account_authorization_details(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Users, groups, roles and policies in one listing; a marker says the list and the place in it."""
    wide = ctx.scope.account_wide()
    wanted = req.get("Filter") or ["User", "Role", "Group", "LocalManagedPolicy"]
    parts: list[tuple[str, str, Any, Any]] = [
        ("User", "UserDetailList", USERS, _user_detail),
        ("Group", "GroupDetailList", GROUPS, _group_detail),
        ("Role", "RoleDetailList", ROLES, _role_detail),
        ("LocalManagedPolicy", "Policies", POLICIES, _policy_detail),
    ]
    after = names.marker_position(req)
    reached, _, place = (after or "").partition("/")
    rows = (
        (kind, record.key, member, render(tx, ctx.scope, record))
        for kind, member, table, render in parts
        if kind in wanted and (not reached or _order(parts, kind) >= _order(parts, reached))
        for record in table.scan(tx, wide, after=place if kind == reached else None)
    )
    page = names.page_of(req, "rows", rows, lambda row: f"{row[0]}/{row[1]}", lambda row: row)
    answer: dict[str, Any] = {member: [] for _, member, _, _ in parts}
    for _, _, member, shown in page.pop("rows"):
        answer[member].append(shown)
    return answer | page


def _order(parts: list[tuple[str, str, Any, Any]], kind: str) -> int:
    return next((at for at, part in enumerate(parts) if part[0] == kind), 0)


def _held(entity: Entity) -> dict[str, Any]:
    return {
        "AttachedManagedPolicies": [{"PolicyName": names.name_in(arn), "PolicyArn": arn} for arn in entity.attached],
    }


def _inline(entity: Entity) -> list[dict[str, str]]:
    return [
        {"PolicyName": name, "PolicyDocument": entities.render_document(text)} for name, text in entity.inline.items()
    ]


def _user_detail(tx: Transaction, scope: Scope, user: User) -> dict[str, Any]:
    of_groups = [group.name for group in effective.groups_of(tx, scope, user)]
    shown = users.render_whole(scope, user) | _held(user) | {"GroupList": of_groups}
    return shown | ({"UserPolicyList": _inline(user)} if user.inline else {})


def _group_detail(tx: Transaction, scope: Scope, group: Group) -> dict[str, Any]:
    return groups.render(scope, group) | _held(group) | {"GroupPolicyList": _inline(group)}


def _role_detail(tx: Transaction, scope: Scope, role: Role) -> dict[str, Any]:
    shown = roles.render_whole(scope, role)
    shown.pop("MaxSessionDuration")
    shown.pop("Description", None)
    profiles = PROFILES_BY_ROLE.scan(tx, scope.account_wide(), role.key)
    held = [instanceprofiles.render(tx, scope, profile) for profile in profiles]
    return shown | _held(role) | {"RolePolicyList": _inline(role), "InstanceProfileList": held}


def _policy_detail(tx: Transaction, scope: Scope, policy: ManagedPolicy) -> dict[str, Any]:
    arn = names.arn_of(scope, "policy", policy.path, policy.name)
    versions = [
        {
            "Document": entities.render_document(version.document),
            "VersionId": version.id,
            "IsDefaultVersion": version.id == policy.default_version,
            "CreateDate": version.created_at,
        }
        for version in policy.versions
    ]
    return managed.render(tx, scope, arn, policy) | {"PolicyVersionList": versions}
