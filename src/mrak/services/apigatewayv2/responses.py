"""What a WebSocket API answers: the responses of its routes and of its integrations. They are kept in AWS's spelling,
and worked with in one way; what differs is a `Kind`."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import errors, parts, releases, rules
from mrak.services.apigatewayv2.tables import Child
from mrak.store.tables import Table


class Kind(msgspec.Struct, frozen=True):
    """`parent` is the kind of part that has such responses, `members` are those that a request sets."""

    name: str
    table: Table[Child]
    parent: parts.Kind
    members: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"{self.parent.name} response"


def create(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    part = parts.require(tx, ctx.scope, kind.parent, api.id, req[kind.parent.id_member])
    if rules.is_http(api):
        raise errors.bad_request(f"{kind.words}s are not supported for HTTP APIs")
    key = f"{kind.name}Key"
    kind.table.lock(tx, ctx.scope, api.id)
    for other in kind.table.scan(tx, ctx.scope, api.id, part.id):
        if other.settings[key] == req[key]:
            raise errors.conflict(
                f"{kind.words} with key {req[key]} already exists for this {kind.parent.name.lower()}"
            )
    made = Child(api=api.id, parent=part.id, id=ctx.draw.alphanumeric(7), settings=_settings(kind, req))
    kind.table.insert(tx, ctx.scope, made)
    releases.changed(ctx, tx, api)
    return _render(kind, made)


def get(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> dict[str, Any]:
    return _render(kind, _require(ctx, tx, kind, req))


def get_all(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    part = parts.require(tx, ctx.scope, kind.parent, req["ApiId"], req[kind.parent.id_member])
    rows = kind.table.scan(tx, ctx.scope, part.api, part.id, after=parts.position(req))
    return parts.render_list(rows, req, lambda row: _render(kind, row))


def update(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = _require(ctx, tx, kind, req)
    new = msgspec.structs.replace(old, settings=old.settings | _settings(kind, req))
    kind.table.lock(tx, ctx.scope, api.id)
    kind.table.replace(tx, ctx.scope, old, new)
    releases.changed(ctx, tx, api)
    return _render(kind, new)


def delete(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    response = _require(ctx, tx, kind, req)
    kind.table.lock(tx, ctx.scope, api.id)
    kind.table.delete(tx, ctx.scope, response)
    releases.changed(ctx, tx, api)


def delete_all(tx: Transaction, scope: Scope, kind: Kind, part_id: str, api_id: str) -> None:
    """With the part that they belong to."""
    kind.table.lock(tx, scope, api_id)
    for response in list(kind.table.scan(tx, scope, api_id, part_id)):
        kind.table.delete(tx, scope, response)


def _settings(kind: Kind, req: dict[str, Any]) -> dict[str, Any]:
    return {name: req[name] for name in kind.members if name in req}


def _require(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> Child:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    response_id = req[f"{kind.name}Id"]
    found = kind.table.get(tx, ctx.scope, req["ApiId"], req[kind.parent.id_member], response_id)
    if found is None:
        raise errors.part_not_found(kind.name, response_id)
    return found


def _render(kind: Kind, row: Child) -> dict[str, Any]:
    return {f"{kind.name}Id": row.id, **row.settings}
