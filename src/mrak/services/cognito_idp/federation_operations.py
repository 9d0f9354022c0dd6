"""Operations of administrators on users who come from other identity providers.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminLinkProviderForUser.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cognito_idp import errors, federation, parts, pools, users
from mrak.services.cognito_idp.tables import PARTS, USERS


@operation("AdminLinkProviderForUser")
def admin_link_provider_for_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    wanted, source = req["DestinationUser"], req["SourceUser"]
    provider = source.get("ProviderName", "")
    if provider == federation.COGNITO:
        raise errors.source_of_pool()
    part = PARTS.get(tx, ctx.scope, pool.id, parts.PROVIDER, provider)
    if part is None:
        raise errors.invalid(f"The provider {provider} does not exist for User Pool {pool.id}.")
    name = wanted.get("ProviderAttributeValue", "")
    if wanted.get("ProviderName", federation.COGNITO).lower() != "cognito":
        name = f"{wanted['ProviderName']}_{name}"
    found = users.require(tx, ctx.scope, pool, name)
    USERS.lock(tx, ctx.scope, pool.id, found.username)
    federation.link(ctx, tx, ctx.scope, users.require(tx, ctx.scope, pool, name), part, _named(source))
    return {}


@operation("AdminDisableProviderForUser")
def admin_disable_provider_for_user(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool, source = pools.require_pool(tx, ctx.scope, req["UserPoolId"]), req["User"]
    federation.unlink(tx, ctx.scope, pool, source.get("ProviderName", ""), _named(source))
    return {}


def _named(source: dict[str, Any]) -> tuple[str, str]:
    attribute = source.get("ProviderAttributeName") or federation.SUBJECT
    value = source.get("ProviderAttributeValue")
    if not value:
        raise errors.missing("ProviderAttributeValue")
    return attribute, value
