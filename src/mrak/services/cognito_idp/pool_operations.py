"""Operations on user pools and app clients.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, parts, pools, schema, tiers
from mrak.services.cognito_idp.tables import (
    ALIASES,
    CLIENTS,
    CODES,
    DEVICES,
    GROUPS,
    IMPORTS,
    KEYS,
    MEMBERS,
    PARTS,
    PASSKEYS,
    POOLS,
    REFRESH,
    USERS,
    Client,
    Pool,
)  # fmt: skip
from mrak.store.tables import Table

_CLIENT_SETTINGS: Final = (
    "RefreshTokenValidity", "AccessTokenValidity", "IdTokenValidity", "TokenValidityUnits", "ReadAttributes",
    "WriteAttributes", "ExplicitAuthFlows", "SupportedIdentityProviders", "CallbackURLs", "LogoutURLs",
    "DefaultRedirectURI", "AllowedOAuthFlows", "AllowedOAuthScopes", "AllowedOAuthFlowsUserPoolClient",
    "AnalyticsConfiguration", "PreventUserExistenceErrors", "EnableTokenRevocation",
    "EnablePropagateAdditionalUserContextData", "AuthSessionValidity", "RefreshTokenRotation",
)  # fmt: skip
_SYSTEM_SCOPES: Final = frozenset({"phone", "email", "openid", "profile", "aws.cognito.signin.user.admin"})
_DAY: Final = 86_400
_VALIDITY_SECONDS: Final = {
    "AccessToken": (300, _DAY),
    "IdToken": (300, _DAY),
    "RefreshToken": (3600, 3650 * _DAY),
}
_CUSTOM_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")


@operation("CreateUserPool")
def create_user_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {name: req[name] for name in pools.AT_CREATION if name in req}
    settings = pools.parse_settings(req, given)
    tiers.check(settings)
    attributes = schema.parse_schema(req.get("Schema", []))
    pool_id = pools.new_id(ctx, tx, "", 9)
    pool = Pool(
        id=pool_id,
        name=req["PoolName"],
        created_at=ctx.now,
        modified_at=ctx.now,
        settings=settings,
        schema=attributes,
        tags=req.get("UserPoolTags", {}),
    )
    POOLS.lock(tx, ctx.scope, pool.id)
    POOLS.insert(tx, ctx.scope, pool)
    ctx.about(pools.pool_arn(ctx.scope, pool.id))
    return {"UserPool": pools.render_pool(ctx.scope, pool)}


@operation("UpdateUserPool")
def update_user_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.open_pool(tx, ctx.scope, req["UserPoolId"])
    kept = {name: pool.settings[name] for name in ("Totp", "EmailMfa", "WebAuthn") if name in pool.settings}
    settings = pools.parse_settings(req, pool.settings | kept) | kept
    tiers.check(settings)
    changed = msgspec.structs.replace(
        pool,
        name=req.get("PoolName", pool.name),
        settings=settings,
        tags=req.get("UserPoolTags", pool.tags),
        modified_at=ctx.now,
    )
    POOLS.replace(tx, ctx.scope, pool, changed)


@operation("DescribeUserPool")
def describe_user_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    ctx.about(pools.pool_arn(ctx.scope, pool.id))
    domains = list(PARTS.scan(tx, ctx.scope, pool.id, parts.DOMAIN, limit=2))
    shown = pools.render_pool(ctx.scope, pool)
    shown["UserPoolTags"] = pool.tags
    own = len(schema.STANDARD)
    shown["SchemaAttributes"] = [*pool.schema[:own], schema.IDENTITIES, *pool.schema[own:]]
    for part in domains:
        shown["CustomDomain" if "CustomDomainConfig" in part.settings else "Domain"] = part.name
    return {"UserPool": shown}


@operation("ListUserPools")
def list_user_pools(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = POOLS.scan(tx, ctx.scope, after=parts.position(req.get("NextToken")))
    page, token = take_page(rows, req["MaxResults"], lambda row: row.id)
    shown = [
        {
            "Id": pool.id,
            "Name": pool.name,
            "LambdaConfig": pool.settings["LambdaConfig"],
            "LastModifiedDate": pool.modified_at,
            "CreationDate": pool.created_at,
        }
        for pool in page
    ]
    return {"UserPools": shown} | ({"NextToken": token} if token else {})


@operation("DeleteUserPool")
def delete_user_pool(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.open_pool(tx, ctx.scope, req["UserPoolId"])
    if pool.settings["DeletionProtection"] == "ACTIVE":
        raise errors.invalid(
            "The user pool cannot be deleted because deletion protection is activated. "
            "Deletion protection must be inactivated first."
        )
    if next(iter(PARTS.scan(tx, ctx.scope, pool.id, parts.DOMAIN, limit=1)), None) is not None:
        raise errors.invalid("User pool cannot be deleted. It has a domain configured that should be deleted first.")
    for client in list(CLIENTS.scan(tx, ctx.scope, pool.id)):
        pools.forget_id(tx, ctx.scope, client.id)
    _remove_rows(tx, ctx.scope, pool.id)
    pools.forget_id(tx, ctx.scope, pool.id)
    POOLS.delete(tx, ctx.scope, pool)


def _remove_rows(tx: Transaction, scope: Scope, pool_id: str) -> None:
    tables: tuple[Table[Any], ...] = (
        *(CLIENTS, USERS, ALIASES, GROUPS, MEMBERS, CODES, REFRESH, KEYS, PARTS),
        *(PASSKEYS, DEVICES, IMPORTS),
    )
    for table in tables:
        for row in list(table.scan(tx, scope, pool_id)):
            key = [getattr(row, field) for field in table.key_fields]
            table.lock(tx, scope, *key)
            table.delete(tx, scope, row)


@operation("AddCustomAttributes")
def add_custom_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.open_pool(tx, ctx.scope, req["UserPoolId"])
    known = {attribute["Name"] for attribute in pool.schema}
    added = [schema.parse_custom(attribute) for attribute in req["CustomAttributes"]]
    for attribute in added:
        if attribute["Name"] in known:
            plain = attribute["Name"].removeprefix("dev:")
            raise errors.invalid(f"{plain}: Existing attribute already has name {attribute['Name']}.")
    whole = [*pool.schema, *added]
    schema.check_count(whole)
    POOLS.replace(tx, ctx.scope, pool, msgspec.structs.replace(pool, schema=whole, modified_at=ctx.now))


@operation("SetUserPoolMfaConfig")
def set_user_pool_mfa_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.open_pool(tx, ctx.scope, req["UserPoolId"])
    settings = dict(pool.settings)
    if "SoftwareTokenMfaConfiguration" in req:
        settings["Totp"] = req["SoftwareTokenMfaConfiguration"]
    if "EmailMfaConfiguration" in req:
        settings["EmailMfa"] = req["EmailMfaConfiguration"]
    if "WebAuthnConfiguration" in req:
        settings["WebAuthn"] = req["WebAuthnConfiguration"]
    sms = req.get("SmsMfaConfiguration", {})
    if "SmsConfiguration" in sms:
        settings["SmsConfiguration"] = sms["SmsConfiguration"]
    if "SmsAuthenticationMessage" in sms:
        settings["SmsAuthenticationMessage"] = sms["SmsAuthenticationMessage"]
    settings["MfaConfiguration"] = req.get("MfaConfiguration", settings["MfaConfiguration"])
    has_factor = settings.get("Totp", {}).get("Enabled") or "SmsConfiguration" in settings or "EmailMfa" in settings
    if settings["MfaConfiguration"] != "OFF" and not has_factor:
        raise errors.invalid("Invalid MFA configuration given, can't turn on MFA without any MFA method enabled.")
    tiers.check(settings)
    changed = msgspec.structs.replace(pool, settings=settings, modified_at=ctx.now)
    POOLS.replace(tx, ctx.scope, pool, changed)
    return _render_mfa(changed)


@operation("GetUserPoolMfaConfig")
def get_user_pool_mfa_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render_mfa(pools.require_pool(tx, ctx.scope, req["UserPoolId"]))


def _render_mfa(pool: Pool) -> dict[str, Any]:
    settings = pool.settings
    shown: dict[str, Any] = {"MfaConfiguration": settings["MfaConfiguration"]}
    if "SmsConfiguration" in settings:
        message = settings.get("SmsAuthenticationMessage")
        sms = {"SmsConfiguration": settings["SmsConfiguration"]}
        shown["SmsMfaConfiguration"] = sms | ({"SmsAuthenticationMessage": message} if message else {})
    names = {"Totp": "SoftwareTokenMfaConfiguration", "EmailMfa": "EmailMfaConfiguration",
             "WebAuthn": "WebAuthnConfiguration"}  # fmt: skip
    return shown | {member: settings[name] for name, member in names.items() if name in settings}


def require_arn(tx: Transaction, ctx: Context, text: str) -> Pool:
    """The pool of an ARN, opened."""
    parsed = find_arn(text)
    pool_id = parsed.resource.partition("/")[2] if parsed is not None else ""
    return pools.open_pool(tx, ctx.scope, pool_id)


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = require_arn(tx, ctx, req["ResourceArn"])
    POOLS.replace(tx, ctx.scope, pool, msgspec.structs.replace(pool, tags=pool.tags | req["Tags"]))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = require_arn(tx, ctx, req["ResourceArn"])
    left = {key: value for key, value in pool.tags.items() if key not in req["TagKeys"]}
    POOLS.replace(tx, ctx.scope, pool, msgspec.structs.replace(pool, tags=left))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": require_arn(tx, ctx, req["ResourceArn"]).tags}


@operation("CreateUserPoolClient")
def create_user_pool_client(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    settings = _client_settings(tx, ctx.scope, pool, req)
    secret = req.get("ClientSecret", ctx.draw.alphanumeric(51) if req.get("GenerateSecret") else "")
    _check_secret(settings, secret)
    client = Client(
        pool=pool.id,
        id=pools.new_id(ctx, tx, pool.id, 26),
        name=req["ClientName"],
        created_at=ctx.now,
        modified_at=ctx.now,
        secret=secret,
        settings=settings,
    )
    CLIENTS.lock(tx, ctx.scope, pool.id, client.id)
    CLIENTS.insert(tx, ctx.scope, client)
    return {"UserPoolClient": pools.render_client(client)}


@operation("UpdateUserPoolClient")
def update_user_pool_client(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    CLIENTS.lock(tx, ctx.scope, pool.id, req["ClientId"])
    client = pools.require_client(tx, ctx.scope, pool.id, req["ClientId"])
    settings = _client_settings(tx, ctx.scope, pool, req)
    _check_secret(settings, client.secret)
    name = req.get("ClientName", client.name)
    changed = msgspec.structs.replace(client, name=name, settings=settings, modified_at=ctx.now)
    CLIENTS.replace(tx, ctx.scope, client, changed)
    return {"UserPoolClient": pools.render_client(changed)}


def _client_settings(tx: Transaction, scope: Scope, pool: Pool, req: dict[str, Any]) -> dict[str, Any]:
    """A client's settings; what an update leaves out goes back to its default, as on AWS."""
    settings: dict[str, Any] = {
        "RefreshTokenValidity": 30,
        "TokenValidityUnits": {},
        "AllowedOAuthFlowsUserPoolClient": False,
        "EnableTokenRevocation": True,
        "EnablePropagateAdditionalUserContextData": False,
        "AuthSessionValidity": 3,
    }
    settings |= {name: req[name] for name in _CLIENT_SETTINGS if name in req}
    if "RefreshTokenRotation" in settings:
        settings["RefreshTokenRotation"] = _rotation(pool, settings)
    if settings["RefreshTokenValidity"] == 0:
        settings["RefreshTokenValidity"] = 30
    _check_flows(settings)
    _check_validity(settings)
    _check_attributes(pool, settings)
    _check_urls(settings)
    known = _SYSTEM_SCOPES | set(parts.scopes_of(tx, scope, pool.id))
    if not set(settings.get("AllowedOAuthScopes", ())) <= known:
        unknown = next(name for name in settings["AllowedOAuthScopes"] if name not in known)
        raise errors.scope_does_not_exist(unknown)
    for provider in settings.get("SupportedIdentityProviders", ()):
        if provider != "COGNITO" and PARTS.get(tx, scope, pool.id, parts.PROVIDER, provider) is None:
            raise errors.invalid(f"The provider {provider} does not exist for User Pool {pool.id}.")
    return settings


def _rotation(pool: Pool, settings: dict[str, Any]) -> dict[str, Any]:
    """How refresh tokens rotate, as it is shown; the old operation must not give any besides (recorded)."""
    given = settings["RefreshTokenRotation"]
    if given["Feature"] != "ENABLED":
        return {"Feature": given["Feature"], "RetryGracePeriodSeconds": 0}
    if pool.settings["UserPoolTier"] == "LITE":
        raise errors.not_in_tier("LITE", ["Refresh Token Rotation"])
    if "ALLOW_REFRESH_TOKEN_AUTH" in settings.get("ExplicitAuthFlows", ()):
        raise errors.invalid(
            "ALLOW_REFRESH_TOKEN_AUTH is not a permitted ExplicitAuthFlow when refresh token rotation is enabled."
        )
    return {"Feature": "ENABLED", "RetryGracePeriodSeconds": given.get("RetryGracePeriodSeconds", 0)}


def _check_flows(settings: dict[str, Any]) -> None:
    flows = settings.get("ExplicitAuthFlows", [])
    new = [flow for flow in flows if flow.startswith("ALLOW_")]
    if new and len(new) != len(flows):
        raise errors.invalid("Cannot use ALLOW_ prefix with old ExplicitAuthFlows values.")
    oauth = settings.get("AllowedOAuthFlows", [])
    if "client_credentials" in oauth and len(oauth) > 1:
        raise errors.invalid_oauth("client_credentials flow can not be selected along with code flow or implicit flow")


def _check_secret(settings: dict[str, Any], secret: str) -> None:
    if "client_credentials" in settings.get("AllowedOAuthFlows", ()) and not secret:
        raise errors.invalid_oauth(
            "client_credentials flow can not be selected if client does not have a client secret."
        )


def _check_validity(settings: dict[str, Any]) -> None:
    for kind, (shortest, longest) in _VALIDITY_SECONDS.items():
        if settings.get(f"{kind}Validity") and not shortest <= pools.seconds_of(settings, kind) <= longest:
            raise errors.invalid("Invalid range for token validity.")


def _check_attributes(pool: Pool, settings: dict[str, Any]) -> None:
    known = {attribute["Name"] for attribute in pool.schema}
    for member in ("ReadAttributes", "WriteAttributes"):
        for name in settings.get(member, ()):
            if name not in known:
                words = "read" if member == "ReadAttributes" else "write"
                raise errors.invalid(f"Invalid {words} attributes specified while creating a client")
    written = settings.get("WriteAttributes")
    needed = {attribute["Name"] for attribute in pool.schema if attribute["Required"]} - {"sub"}
    if written and not needed <= set(written):
        raise errors.invalid("Invalid write attributes specified while creating a client")


def _check_urls(settings: dict[str, Any]) -> None:
    """Addresses to come back to: absolute, without a fragment; without TLS on this machine only."""
    for url in (*settings.get("CallbackURLs", ()), *settings.get("LogoutURLs", ())):
        split = urlsplit(url)
        local = split.hostname in ("localhost", "127.0.0.1") or (split.hostname or "").endswith(".localhost")
        if not _CUSTOM_SCHEME.fullmatch(split.scheme) or split.fragment or split.scheme in ("javascript", "data"):
            raise errors.invalid(f"{url} is not a valid URL.")
        if split.scheme == "http" and not local:
            raise errors.invalid(f"{url} cannot use the HTTP protocol.")
    default = settings.get("DefaultRedirectURI")
    if default and default not in settings.get("CallbackURLs", ()):
        raise errors.invalid("Default redirect URI must be in the list of callback URLs.")


@operation("DescribeUserPoolClient")
def describe_user_pool_client(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    return {"UserPoolClient": pools.render_client(pools.require_client(tx, ctx.scope, pool.id, req["ClientId"]))}


@operation("ListUserPoolClients")
def list_user_pool_clients(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    rows = CLIENTS.scan(tx, ctx.scope, pool.id, after=parts.position(req.get("NextToken")))
    page, token = take_page(rows, req.get("MaxResults", 60), lambda row: row.id)
    shown = [{"ClientId": row.id, "UserPoolId": row.pool, "ClientName": row.name} for row in page]
    return {"UserPoolClients": shown} | ({"NextToken": token} if token else {})


@operation("DeleteUserPoolClient")
def delete_user_pool_client(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    CLIENTS.lock(tx, ctx.scope, pool.id, req["ClientId"])
    CLIENTS.delete(tx, ctx.scope, pools.require_client(tx, ctx.scope, pool.id, req["ClientId"]))
    pools.forget_id(tx, ctx.scope, req["ClientId"])
