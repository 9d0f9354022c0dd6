"""Which page a request is for. A pool is named by its domain's host, or by domain or id in the path."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.http import Request, Response
from mrak.core.operation import dataplane
from mrak.core.scope import Scope
from mrak.services.cognito_idp import pools
from mrak.services.cognito_idp.pages import wellknown
from mrak.services.cognito_idp.tables import POOLS, Pool


@dataplane("cognito-idp")
async def serve(ctx: Context, request: Request, route: Any) -> Response:
    found = await ctx.transact(lambda tx: _find_pool(tx, ctx.scope.environment, route.resource))
    if found is None:
        return wellknown.as_json({"message": "There is no such user pool or domain."}, 404)
    scope, pool = found
    base = f"{ctx.part('endpoint')}/_aws/cognito-idp/{route.resource}"
    if route.path == "/.well-known/jwks.json":
        return await wellknown.keys(ctx, scope, pool)
    if route.path == "/.well-known/openid-configuration":
        return wellknown.discovery(ctx, pool, base)
    return wellknown.as_json({"message": "There is no such page."}, 404)


def _find_pool(tx: Transaction, environment: str, name: str) -> tuple[Scope, Pool] | None:
    home = pools.find_home(tx, environment, name) or pools.find_home(tx, environment, f"domain:{name}")
    if home is None:
        return None
    pool = POOLS.get(tx, home[0], home[1])
    return None if pool is None else (home[0], pool)
