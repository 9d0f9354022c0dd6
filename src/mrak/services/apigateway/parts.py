"""What an API is made of, as rows: found, listed in pages, written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mrak.core.context import Transaction
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.apigateway import errors
from mrak.services.apigateway.tables import APIS, RESOURCES, Api, Part, Resource
from mrak.store.tables import Table

_PAGE = 25
_LARGEST_PAGE = 500


def require_api(tx: Transaction, scope: Scope, api_id: str) -> Api:
    api = APIS.get(tx, scope, api_id)
    if api is None:
        raise errors.api_not_found(scope, api_id)
    return api


def open_api(tx: Transaction, scope: Scope, api_id: str) -> Api:
    """The API, opened: changes of what it is made of are serial."""
    APIS.lock(tx, scope, api_id)
    return require_api(tx, scope, api_id)


def require_resource(tx: Transaction, scope: Scope, api_id: str, resource_id: str) -> Resource:
    """Without a word about the API where that is what is missing, as AWS."""
    resource = RESOURCES.get(tx, scope, api_id, resource_id)
    if resource is None:
        raise errors.invalid("Resource")
    return resource


def open_resource(tx: Transaction, scope: Scope, req: dict[str, Any]) -> Resource:
    APIS.lock(tx, scope, req["restApiId"])
    RESOURCES.lock(tx, scope, req["restApiId"])
    return require_resource(tx, scope, req["restApiId"], req["resourceId"])


def require_part(tx: Transaction, scope: Scope, table: Table[Part], what: str, api_id: str, part_id: str) -> Part:
    part = table.get(tx, scope, api_id, part_id)
    if part is None:
        raise errors.invalid(what)
    return part


def open_part(tx: Transaction, scope: Scope, table: Table[Part], what: str, api_id: str, part_id: str) -> Part:
    APIS.lock(tx, scope, api_id)
    table.lock(tx, scope, api_id)
    return require_part(tx, scope, table, what, api_id, part_id)


def insert(tx: Transaction, scope: Scope, table: Table[Part], part: Part) -> None:
    table.lock(tx, scope, part.api)
    table.insert(tx, scope, part)


def position(req: dict[str, Any]) -> str | None:
    """Where a listing goes on; None at its start."""
    if "position" not in req:
        return None
    found = find_position(req["position"])
    if found is None:
        raise errors.bad_request("Invalid position specified")
    return found


def render_page(
    rows: Iterable[Any],
    req: dict[str, Any],
    render: Callable[[Any], dict[str, Any]],
    position_of: Callable[[Any], str] = lambda row: str(row.id),
) -> dict[str, Any]:
    limit = req.get("limit") or _PAGE
    page, token = take_page(rows, min(max(limit, 1), _LARGEST_PAGE), position_of)
    answer: dict[str, Any] = {"items": [render(row) for row in page]}
    if token is not None:
        answer["position"] = token
    return answer


def given(req: dict[str, Any], *members: str) -> dict[str, Any]:
    """The members that a request sets."""
    return {member: req[member] for member in members if member in req}
