"""What an API is made of: routes, integrations, authorizers, models. They are kept in AWS's spelling, and created,
read, listed, changed and deleted in one way; what differs is a `Kind`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import errors
from mrak.services.apigatewayv2.tables import APIS, Api, Part
from mrak.store.tables import Table

_MOST_PER_PAGE = 500

Settings = dict[str, Any]


class Kind(msgspec.Struct, frozen=True):
    """`members` are those that a request sets; `check` completes and checks settings before they are written."""

    name: str
    table: Table[Part]
    members: frozenset[str]
    check: Callable[[Transaction, Scope, Api, Settings, str], Settings]
    id_member: str


def require_api(tx: Transaction, scope: Scope, api_id: str) -> Api:
    api = APIS.get(tx, scope, api_id)
    if api is None:
        raise errors.api_not_found(scope, api_id)
    return api


def open_api(tx: Transaction, scope: Scope, api_id: str) -> Api:
    """The API, opened: changes of what it is made of are serial."""
    APIS.lock(tx, scope, api_id)
    return require_api(tx, scope, api_id)


def require(tx: Transaction, scope: Scope, kind: Kind, api_id: str, part_id: str) -> Part:
    part = kind.table.get(tx, scope, api_id, part_id)
    if part is None:
        raise errors.part_not_found(kind.name, part_id)
    return part


def create(ctx: Context, tx: Transaction, kind: Kind, api: Api, given: Settings) -> Part:
    """A new part from the members that are a part's; the API is open."""
    settings = {name: value for name, value in given.items() if name in kind.members}
    part_id = ctx.draw.alphanumeric(7)
    part = Part(
        api=api.id,
        id=part_id,
        settings=kind.check(tx, ctx.scope, api, settings, part_id),
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    kind.table.lock(tx, ctx.scope, api.id)
    kind.table.insert(tx, ctx.scope, part)
    return part


def update(ctx: Context, tx: Transaction, kind: Kind, api: Api, old: Part, given: Settings) -> Part:
    """The part with the given members set; what is not given stays."""
    changes = {name: value for name, value in given.items() if name in kind.members}
    settings = kind.check(tx, ctx.scope, api, old.settings | changes, old.id)
    new = msgspec.structs.replace(old, settings=settings, updated_at=ctx.now)
    kind.table.lock(tx, ctx.scope, api.id)
    kind.table.replace(tx, ctx.scope, old, new)
    return new


def delete(tx: Transaction, scope: Scope, kind: Kind, part: Part) -> None:
    kind.table.lock(tx, scope, part.api)
    kind.table.delete(tx, scope, part)


def render(kind: Kind, part: Part) -> Settings:
    return {kind.id_member: part.id, **part.settings}


def render_list(rows: Iterable[Any], req: Settings, render_one: Callable[[Any], Settings]) -> Settings:
    """A page of a listing; rows come in the order of their ids, which tokens name."""
    text = req.get("MaxResults", str(_MOST_PER_PAGE))
    if not text.isdigit() or not 1 <= int(text) <= _MOST_PER_PAGE:
        raise errors.bad_request(f"Invalid value {text} for maxResults")
    page, token = take_page(rows, int(text), lambda row: str(row.id))
    answer: Settings = {"Items": [render_one(row) for row in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


def position(req: Settings) -> str | None:
    """Where a listing goes on; None at its start."""
    if "NextToken" not in req:
        return None
    found = find_position(req["NextToken"])
    if found is None:
        raise errors.bad_request("Invalid pagination token")
    return found
