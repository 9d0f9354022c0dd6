"""Operations on domains, resource servers, identity providers, the look of the pages, and risk settings.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/
"""

from __future__ import annotations

import hashlib
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.cognito_idp import errors, parts, pools
from mrak.services.cognito_idp.tables import INDEX, PARTS, Indexed, Part

_RESERVED = ("aws", "amazon", "cognito")


@operation("CreateUserPoolDomain")
def create_user_pool_domain(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool, domain = pools.require_pool(tx, ctx.scope, req["UserPoolId"]), req["Domain"]
    is_custom = "CustomDomainConfig" in req
    if not is_custom and any(word in domain for word in _RESERVED):
        word = next(word for word in _RESERVED if word in domain)
        raise errors.invalid(f"Domain cannot contain reserved word: {word}")
    for part in PARTS.scan(tx, ctx.scope, pool.id, parts.DOMAIN):
        if ("CustomDomainConfig" in part.settings) == is_custom:
            raise errors.invalid(f"User pool {pool.id} already has a domain configured.")
    home = ctx.scope.environment_wide()
    if INDEX.open(tx, home, _key(domain)) is not None:
        raise errors.invalid(f"Domain already associated with another user pool: {domain}.")
    INDEX.insert(tx, home, Indexed(_key(domain), ctx.scope.account, ctx.scope.region, pool.id))
    kept: dict[str, Any] = {
        name: req[name] for name in ("CustomDomainConfig", "ManagedLoginVersion", "Routing") if name in req
    }
    parts.put(ctx, tx, pool.id, parts.DOMAIN, domain, kept)
    # The pages are here and not in a content delivery network.
    deviation("COGNITO-002")
    answer: dict[str, Any] = {"ManagedLoginVersion": req.get("ManagedLoginVersion", 1)}
    return answer | ({"CloudFrontDomain": _cloudfront(domain)} if is_custom else {})


def _key(domain: str) -> str:
    return f"domain:{domain}"


def _cloudfront(domain: str) -> str:
    return f"d{hashlib.sha256(domain.encode()).hexdigest()[:13]}.cloudfront.net"


@operation("UpdateUserPoolDomain")
def update_user_pool_domain(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    part = _require_part(tx, ctx, req["UserPoolId"], parts.DOMAIN, req["Domain"], "Domain does not exist.")
    changes = {name: req[name] for name in ("CustomDomainConfig", "ManagedLoginVersion", "Routing") if name in req}
    parts.put(ctx, tx, part.pool, part.kind, part.name, part.settings | changes)
    answer: dict[str, Any] = {"ManagedLoginVersion": changes.get("ManagedLoginVersion", 1)}
    custom = "CustomDomainConfig" in part.settings | changes
    return answer | ({"CloudFrontDomain": _cloudfront(part.name)} if custom else {})


@operation("DescribeUserPoolDomain")
def describe_user_pool_domain(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A domain that is not there has an empty description, as on AWS."""
    home = pools.find_home(tx, ctx.scope.environment, _key(req["Domain"]))
    part = None if home is None else PARTS.get(tx, home[0], home[1], parts.DOMAIN, req["Domain"])
    if part is None or home is None:
        return {"DomainDescription": {}}
    described: dict[str, Any] = {
        "UserPoolId": part.pool,
        "AWSAccountId": home[0].account,
        "Domain": part.name,
        "S3Bucket": f"aws-cognito-prod-{home[0].region}-assets",
        "Version": "20160418",
        "Status": "ACTIVE",
        "CustomDomainConfig": {},
        "ManagedLoginVersion": 1,
    }
    if "CustomDomainConfig" in part.settings:
        described["CloudFrontDistribution"] = _cloudfront(part.name)
    return {"DomainDescription": described | part.settings}


@operation("DeleteUserPoolDomain")
def delete_user_pool_domain(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    part = _require_part(tx, ctx, req["UserPoolId"], parts.DOMAIN, req["Domain"], "No such domain or user pool exists.")
    parts.remove(tx, ctx.scope, part)
    pools.forget_id(tx, ctx.scope, _key(part.name))


def _require_part(tx: Transaction, ctx: Context, pool_id: str, kind: str, name: str, message: str) -> Part:
    pool = pools.require_pool(tx, ctx.scope, pool_id)
    found = PARTS.get(tx, ctx.scope, pool.id, kind, name)
    if found is None:
        raise errors.not_found(message)
    return found


def _require_server(tx: Transaction, ctx: Context, req: dict[str, Any]) -> Part:
    name = req["Identifier"]
    return _require_part(
        tx, ctx, req["UserPoolId"], parts.RESOURCE_SERVER, name, f"Resource server {name} does not exist."
    )


def _render_server(part: Part) -> dict[str, Any]:
    return {"UserPoolId": part.pool, "Identifier": part.name, "Scopes": []} | part.settings


@operation("CreateResourceServer")
def create_resource_server(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool, name = pools.require_pool(tx, ctx.scope, req["UserPoolId"]), req["Identifier"]
    if PARTS.get(tx, ctx.scope, pool.id, parts.RESOURCE_SERVER, name) is not None:
        raise errors.invalid(f"{name} already exists in user pool {pool.id}.")
    kept: dict[str, Any] = {member: req[member] for member in ("Name", "Scopes") if member in req}
    return {"ResourceServer": _render_server(parts.put(ctx, tx, pool.id, parts.RESOURCE_SERVER, name, kept))}


@operation("UpdateResourceServer")
def update_resource_server(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    part = _require_server(tx, ctx, req)
    kept: dict[str, Any] = {member: req[member] for member in ("Name", "Scopes") if member in req}
    return {"ResourceServer": _render_server(parts.put(ctx, tx, part.pool, part.kind, part.name, kept))}


@operation("DescribeResourceServer")
def describe_resource_server(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"ResourceServer": _render_server(_require_server(tx, ctx, req))}


@operation("ListResourceServers")
def list_resource_servers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    page, more = parts.page_of(tx, ctx.scope, pool.id, parts.RESOURCE_SERVER, req)
    return {"ResourceServers": [_render_server(part) for part in page]} | more


@operation("DeleteResourceServer")
def delete_resource_server(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.remove(tx, ctx.scope, _require_server(tx, ctx, req))


def _require_provider(tx: Transaction, ctx: Context, req: dict[str, Any]) -> Part:
    name = req["ProviderName"]
    return _require_part(tx, ctx, req["UserPoolId"], parts.PROVIDER, name, f"Identity provider {name} does not exist.")


def _render_provider(part: Part) -> dict[str, Any]:
    return {
        "UserPoolId": part.pool,
        "ProviderName": part.name,
        "LastModifiedDate": part.modified_at,
        "CreationDate": part.created_at,
    } | part.settings


@operation("CreateIdentityProvider")
def create_identity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool, name = pools.require_pool(tx, ctx.scope, req["UserPoolId"]), req["ProviderName"]
    if PARTS.get(tx, ctx.scope, pool.id, parts.PROVIDER, name) is not None:
        raise errors.duplicate_provider(name)
    members = ("ProviderType", "ProviderDetails", "AttributeMapping", "IdpIdentifiers")
    kept = {member: req[member] for member in members if member in req}
    return {"IdentityProvider": _render_provider(parts.put(ctx, tx, pool.id, parts.PROVIDER, name, kept))}


@operation("UpdateIdentityProvider")
def update_identity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    part = _require_provider(tx, ctx, req)
    changes = {name: req[name] for name in ("ProviderDetails", "AttributeMapping", "IdpIdentifiers") if name in req}
    changed = parts.put(ctx, tx, part.pool, part.kind, part.name, part.settings | changes)
    return {"IdentityProvider": _render_provider(changed)}


@operation("DescribeIdentityProvider")
def describe_identity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"IdentityProvider": _render_provider(_require_provider(tx, ctx, req))}


@operation("GetIdentityProviderByIdentifier")
def get_identity_provider_by_identifier(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    for part in PARTS.scan(tx, ctx.scope, pool.id, parts.PROVIDER):
        if req["IdpIdentifier"] in part.settings.get("IdpIdentifiers", ()):
            return {"IdentityProvider": _render_provider(part)}
    raise errors.not_found(f"Identity provider {req['IdpIdentifier']} does not exist.")


@operation("ListIdentityProviders")
def list_identity_providers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    page, more = parts.page_of(tx, ctx.scope, pool.id, parts.PROVIDER, req)
    shown = [
        {
            "ProviderName": part.name,
            "ProviderType": part.settings["ProviderType"],
            "LastModifiedDate": part.modified_at,
            "CreationDate": part.created_at,
        }
        for part in page
    ]
    return {"Providers": shown} | more


@operation("DeleteIdentityProvider")
def delete_identity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.remove(tx, ctx.scope, _require_provider(tx, ctx, req))


@operation("SetUICustomization")
def set_ui_customization(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool, name = pools.require_pool(tx, ctx.scope, req["UserPoolId"]), req.get("ClientId", "ALL")
    css = req.get("CSS", "")
    settings = {"CSS": css, "CSSVersion": ctx.draw.alphanumeric(14, "0123456789")}
    part = parts.put(ctx, tx, pool.id, parts.LOOKS, name, settings)
    return {"UICustomization": _render_looks(part)}


def _render_looks(part: Part) -> dict[str, Any]:
    return {
        "UserPoolId": part.pool,
        "ClientId": part.name,
        "LastModifiedDate": part.modified_at,
        "CreationDate": part.created_at,
    } | part.settings


@operation("GetUICustomization")
def get_ui_customization(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    for name in (req.get("ClientId", "ALL"), "ALL"):
        part = PARTS.get(tx, ctx.scope, pool.id, parts.LOOKS, name)
        if part is not None:
            return {"UICustomization": _render_looks(part)}
    return {"UICustomization": {}}


@operation("SetLogDeliveryConfiguration")
def set_log_delivery_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Each source of events goes to one place."""
    pool, given = pools.require_pool(tx, ctx.scope, req["UserPoolId"]), req["LogConfigurations"]
    if len({one["EventSource"] for one in given}) != len(given):
        raise errors.invalid("Each event source can have one log configuration only.")
    for one in given:
        if sum(member in one for member in _DESTINATIONS) != 1:
            raise errors.invalid("A log configuration needs exactly one destination.")
    # Kept and shown; nothing is delivered.
    deviation("COGNITO-007")
    part = parts.put(ctx, tx, pool.id, parts.LOGS, "all", {"LogConfigurations": given})
    return {"LogDeliveryConfiguration": {"UserPoolId": pool.id} | part.settings}


_DESTINATIONS = ("CloudWatchLogsConfiguration", "S3Configuration", "FirehoseConfiguration")


@operation("GetLogDeliveryConfiguration")
def get_log_delivery_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    part = PARTS.get(tx, ctx.scope, pool.id, parts.LOGS, "all")
    shown = {"LogConfigurations": []} if part is None else part.settings
    return {"LogDeliveryConfiguration": {"UserPoolId": pool.id} | shown}


@operation("SetRiskConfiguration")
def set_risk_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool, name = pools.require_pool(tx, ctx.scope, req["UserPoolId"]), req.get("ClientId", "ALL")
    # Kept and shown; nothing is held against a risky sign-in.
    deviation("COGNITO-004")
    kept = {member: value for member, value in req.items() if member.endswith("RiskConfiguration")}
    kept |= {member: value for member, value in req.items() if member == "RiskExceptionConfiguration"}
    return {"RiskConfiguration": _render_risks(parts.put(ctx, tx, pool.id, parts.RISKS, name, kept))}


def _render_risks(part: Part) -> dict[str, Any]:
    client = {} if part.name == "ALL" else {"ClientId": part.name}
    return {"UserPoolId": part.pool, "LastModifiedDate": part.modified_at} | client | part.settings


@operation("DescribeRiskConfiguration")
def describe_risk_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    part = PARTS.get(tx, ctx.scope, pool.id, parts.RISKS, req.get("ClientId", "ALL"))
    return {"RiskConfiguration": {"UserPoolId": pool.id} if part is None else _render_risks(part)}
