"""What a pool has besides users and clients, stored by name: domains, resource servers, providers, looks."""

from __future__ import annotations

from typing import Any, Final

from mrak.core.context import Context, Transaction
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors
from mrak.services.cognito_idp.tables import PARTS, Part

DOMAIN: Final = "domain"
RESOURCE_SERVER: Final = "resource-server"
PROVIDER: Final = "provider"
LOOKS: Final = "looks"
RISKS: Final = "risks"
BRANDING: Final = "branding"
TERMS: Final = "terms"
LOGS: Final = "logs"


def position(token: str | None) -> str | None:
    """Where a listing goes on; an unknown token is an error."""
    if token is None:
        return None
    found = find_position(token)
    if found is None:
        raise errors.invalid("Invalid pagination token.")
    return found


def put(ctx: Context, tx: Transaction, pool: str, kind: str, name: str, settings: dict[str, Any]) -> Part:
    """Writes a part, new or over the one before."""
    before = PARTS.open(tx, ctx.scope, pool, kind, name)
    created_at = ctx.now if before is None else before.created_at
    made = Part(pool=pool, kind=kind, name=name, settings=settings, created_at=created_at, modified_at=ctx.now)
    if before is None:
        PARTS.insert(tx, ctx.scope, made)
    else:
        PARTS.replace(tx, ctx.scope, before, made)
    return made


def remove(tx: Transaction, scope: Scope, part: Part) -> None:
    PARTS.lock(tx, scope, part.pool, part.kind, part.name)
    PARTS.delete(tx, scope, part)


def page_of(
    tx: Transaction, scope: Scope, pool: str, kind: str, req: dict[str, Any]
) -> tuple[list[Part], dict[str, str]]:
    """A page of parts, and the members that continue it."""
    rows = PARTS.scan(tx, scope, pool, kind, after=position(req.get("NextToken")))
    page, token = take_page(rows, req.get("MaxResults", 50), lambda row: row.name)
    return page, {"NextToken": token} if token else {}


def scopes_of(tx: Transaction, scope: Scope, pool: str) -> list[str]:
    """The scopes of a pool's resource servers, as tokens name them."""
    return [
        f"{part.name}/{one['ScopeName']}"
        for part in PARTS.scan(tx, scope, pool, RESOURCE_SERVER)
        for one in part.settings.get("Scopes", ())
    ]
