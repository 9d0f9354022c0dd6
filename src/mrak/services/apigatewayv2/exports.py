"""What other services may use: which API an id names, where it answers, and who is connected to it."""

from __future__ import annotations

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.core.urls import resource_url
from mrak.services.apigatewayv2.plane.connections import MOST_MESSAGE_BYTES, Connection, find_connection, send
from mrak.services.apigatewayv2.tables import INDEX, Indexed

__all__ = [
    "MOST_MESSAGE_BYTES",
    "Connection",
    "api_url",
    "find_api_scope",
    "find_connection",
    "forget_api_id",
    "new_api_id",
    "send",
]


def new_api_id(ctx: Context, tx: Transaction, protocol: str) -> str:
    """A fresh id of an API, entered in the index; `protocol` is HTTP, WEBSOCKET or REST."""
    scope = ctx.scope.environment_wide()
    while True:
        api_id = ctx.resource_id(10)
        if INDEX.open(tx, scope, api_id) is None:
            INDEX.insert(tx, scope, Indexed(api_id, ctx.scope.account, ctx.scope.region, protocol))
            return api_id


def forget_api_id(tx: Transaction, scope: Scope, api_id: str) -> None:
    indexed = INDEX.open(tx, scope.environment_wide(), api_id)
    if indexed is not None:
        INDEX.delete(tx, scope.environment_wide(), indexed)


def find_api_scope(tx: Transaction, environment: str, api_id: str) -> tuple[Scope, str] | None:
    """(scope, protocol) of the API that an id names in an environment."""
    indexed = INDEX.get(tx, Scope(environment, "", ""), api_id)
    return None if indexed is None else (Scope(environment, indexed.account, indexed.region), indexed.protocol)


def api_url(ctx: Context, api_id: str) -> str:
    """Where an API answers, for a caller that came by `ctx.endpoint`."""
    return resource_url(ctx.endpoint, "execute-api", api_id)
