"""Operations of administrators on identity pools and the identities in them.

https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.cognito_identity import errors, pools
from mrak.services.cognito_identity.tables import IDENTITIES, LOGINS, POOLS, IdentityPool

_SETTINGS: Final = (
    "IdentityPoolName", "AllowUnauthenticatedIdentities", "AllowClassicFlow", "SupportedLoginProviders",
    "DeveloperProviderName", "OpenIdConnectProviderARNs", "CognitoIdentityProviders", "SamlProviderARNs",
)  # fmt: skip


@operation("CreateIdentityPool")
def create_identity_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {name: req[name] for name in _SETTINGS if name in req}
    pool = IdentityPool(
        id=pools.new_id(ctx, tx, ctx.scope, ""), settings=settings, tags=req.get("IdentityPoolTags", {})
    )
    POOLS.lock(tx, ctx.scope, pool.id)
    POOLS.insert(tx, ctx.scope, pool)
    ctx.about(pools.pool_arn(ctx.scope, pool.id))
    return pools.render_pool(pool)


@operation("UpdateIdentityPool")
def update_identity_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.open_pool(tx, ctx.scope, req["IdentityPoolId"])
    before = pool.settings.get("DeveloperProviderName")
    if before is not None and req.get("DeveloperProviderName", before) != before:
        raise errors.invalid("Developer provider name cannot be changed once it is set.")
    settings: dict[str, Any] = {name: req[name] for name in _SETTINGS if name in req}
    changed = msgspec.structs.replace(pool, settings=settings, tags=req.get("IdentityPoolTags", pool.tags))
    POOLS.replace(tx, ctx.scope, pool, changed)
    return pools.render_pool(changed)


@operation("DescribeIdentityPool")
def describe_identity_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return pools.render_pool(pools.require_pool(tx, ctx.scope, req["IdentityPoolId"]))


@operation("ListIdentityPools")
def list_identity_pools(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = POOLS.scan(tx, ctx.scope, after=_position(req))
    page, token = take_page(rows, req["MaxResults"], lambda row: row.id)
    shown = [{"IdentityPoolId": row.id, "IdentityPoolName": row.settings["IdentityPoolName"]} for row in page]
    return {"IdentityPools": shown} | ({"NextToken": token} if token else {})


def _position(req: dict[str, Any]) -> str | None:
    if "NextToken" not in req:
        return None
    found = find_position(req["NextToken"])
    if found is None:
        raise errors.invalid("Invalid NextToken.")
    return found


@operation("DeleteIdentityPool")
def delete_identity_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.open_pool(tx, ctx.scope, req["IdentityPoolId"])
    for identity in list(IDENTITIES.scan(tx, ctx.scope, pool.id)):
        IDENTITIES.lock(tx, ctx.scope, pool.id, identity.id)
        pools.delete_identity(tx, ctx.scope, identity)
    pools.forget_id(tx, ctx.scope, pool.id)
    POOLS.delete(tx, ctx.scope, pool)


@operation("SetIdentityPoolRoles")
def set_identity_pool_roles(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.open_pool(tx, ctx.scope, req["IdentityPoolId"])
    for provider, mapping in req.get("RoleMappings", {}).items():
        if mapping["Type"] == "Rules" and not mapping.get("RulesConfiguration", {}).get("Rules"):
            raise errors.invalid(f"RulesConfiguration is required for the role mapping of {provider}.")
        if "AmbiguousRoleResolution" not in mapping:
            raise errors.invalid(f"AmbiguousRoleResolution is required for the role mapping of {provider}.")
    changed = msgspec.structs.replace(pool, roles=req["Roles"], mappings=req.get("RoleMappings", {}))
    POOLS.replace(tx, ctx.scope, pool, changed)


@operation("GetIdentityPoolRoles")
def get_identity_pool_roles(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["IdentityPoolId"])
    shown: dict[str, Any] = {"IdentityPoolId": pool.id, "Roles": pool.roles}
    return shown | ({"RoleMappings": pool.mappings} if pool.mappings else {})


@operation("SetPrincipalTagAttributeMap")
def set_principal_tag_attribute_map(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.open_pool(tx, ctx.scope, req["IdentityPoolId"])
    provider = req["IdentityProviderName"]
    made = {"UseDefaults": req.get("UseDefaults", False), "PrincipalTags": req.get("PrincipalTags", {})}
    changed = msgspec.structs.replace(pool, principal_tags=pool.principal_tags | {provider: made})
    POOLS.replace(tx, ctx.scope, pool, changed)
    return {"IdentityPoolId": pool.id, "IdentityProviderName": provider} | made


@operation("GetPrincipalTagAttributeMap")
def get_principal_tag_attribute_map(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool, provider = pools.require_pool(tx, ctx.scope, req["IdentityPoolId"]), req["IdentityProviderName"]
    found: dict[str, Any] = pool.principal_tags.get(provider, {"UseDefaults": False, "PrincipalTags": {}})
    return {"IdentityPoolId": pool.id, "IdentityProviderName": provider} | found


@operation("DescribeIdentity")
def describe_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, _, identity = pools.require_identity(tx, ctx.scope.environment, req["IdentityId"])
    if scope.account != ctx.scope.account:
        raise errors.identity_not_found(identity.id)
    return pools.render_identity(identity)


@operation("ListIdentities")
def list_identities(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["IdentityPoolId"])
    rows = IDENTITIES.scan(tx, ctx.scope, pool.id, after=_position(req))
    page, token = take_page(rows, req["MaxResults"], lambda row: row.id)
    shown = {"IdentityPoolId": pool.id, "Identities": [pools.render_identity(row) for row in page]}
    return shown | ({"NextToken": token} if token else {})


@operation("DeleteIdentities")
def delete_identities(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    failed = []
    for identity_id in req["IdentityIdsToDelete"]:
        found = pools.find_identity(tx, ctx.scope.environment, identity_id)
        if found is None or found[0].account != ctx.scope.account:
            failed.append({"IdentityId": identity_id, "ErrorCode": "AccessDenied"})
            continue
        pools.delete_identity(tx, *found)
    return {"UnprocessedIdentityIds": failed}


@operation("LookupDeveloperIdentity")
def lookup_developer_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["IdentityPoolId"])
    provider, user = pool.settings.get("DeveloperProviderName", ""), req.get("DeveloperUserIdentifier")
    identity_id = req.get("IdentityId")
    if user is not None:
        login = LOGINS.get(tx, ctx.scope, pool.id, provider, user)
        if login is None:
            raise errors.developer_user_not_found(user)
        if identity_id not in (None, login.identity):
            raise errors.conflict("The developer user identifier and the identity do not belong together.")
        identity_id = login.identity
    if identity_id is None:
        raise errors.invalid("Either an identity id or a developer user identifier is required.")
    _, _, identity = pools.require_identity(tx, ctx.scope.environment, identity_id)
    users = [name for one, name in identity.logins if one == provider]
    return {"IdentityId": identity.id, "DeveloperUserIdentifierList": users}


@operation("MergeDeveloperIdentities")
def merge_developer_identities(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The source's logins become the destination's, and the source is gone."""
    pool, provider = pools.require_pool(tx, ctx.scope, req["IdentityPoolId"]), req["DeveloperProviderName"]
    ids = []
    for user in (req["SourceUserIdentifier"], req["DestinationUserIdentifier"]):
        login = LOGINS.get(tx, ctx.scope, pool.id, provider, user)
        if login is None:
            raise errors.developer_user_not_found(user)
        ids.append(login.identity)
    _, _, source = pools.require_identity(tx, ctx.scope.environment, ids[0])
    _, _, destination = pools.require_identity(tx, ctx.scope.environment, ids[1])
    if source.id != destination.id:
        pools.delete_identity(tx, ctx.scope, source)
        pools.link(ctx, tx, ctx.scope, destination, dict(source.logins))
    return {"IdentityId": destination.id}


@operation("UnlinkDeveloperIdentity")
def unlink_developer_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pools.require_pool(tx, ctx.scope, req["IdentityPoolId"])
    scope, _, identity = pools.require_identity(tx, ctx.scope.environment, req["IdentityId"])
    pools.unlink(ctx, tx, scope, identity, {req["DeveloperProviderName"]})


def _pool_of_arn(ctx: Context, tx: Transaction, text: str) -> IdentityPool:
    parsed = find_arn(text)
    pool_id = parsed.resource.partition("/")[2] if parsed is not None else text
    return pools.open_pool(tx, ctx.scope, pool_id)


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = _pool_of_arn(ctx, tx, req["ResourceArn"])
    POOLS.replace(tx, ctx.scope, pool, msgspec.structs.replace(pool, tags=pool.tags | req["Tags"]))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = _pool_of_arn(ctx, tx, req["ResourceArn"])
    kept = {key: value for key, value in pool.tags.items() if key not in req["TagKeys"]}
    POOLS.replace(tx, ctx.scope, pool, msgspec.structs.replace(pool, tags=kept))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _pool_of_arn(ctx, tx, req["ResourceArn"]).tags}
