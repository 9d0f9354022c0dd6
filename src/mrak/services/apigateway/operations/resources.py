"""Resources: the tree of paths."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import RESOURCES, Resource

_PART = re.compile(r"[a-zA-Z0-9._\-:$]+|\{[a-zA-Z0-9._\-:]+\+?\}")
_FIELDS = {"/parentId": patches.TEXT, "/pathPart": patches.TEXT}
_MOST = 300


@operation("CreateResource")
def create_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.open_api(tx, ctx.scope, req["restApiId"])
    parent = parts.require_resource(tx, ctx.scope, req["restApiId"], req["parentId"])
    return render_resource(add_resource(ctx, tx, parent, req["pathPart"]))


def add_resource(ctx: Context, tx: Transaction, parent: Resource, part: str) -> Resource:
    """A new child of a resource; the API is open."""
    everything = list(RESOURCES.scan(tx, ctx.scope, parent.api))
    if len(everything) >= _MOST:
        raise errors.limit_exceeded("Maximum number of Resources for this API has been reached. Please contact AWS.")
    _check_place(parent, part, [row for row in everything if row.parent == parent.id])
    made = Resource(
        api=parent.api, id=ctx.draw.alphanumeric(6), parent=parent.id, part=part, path=_join(parent.path, part)
    )
    RESOURCES.lock(tx, ctx.scope, parent.api)
    RESOURCES.insert(tx, ctx.scope, made)
    return made


@operation("GetResource")
def get_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.require_resource(tx, ctx.scope, req["restApiId"], req["resourceId"])
    return render_resource(resource, req.get("embed"))


@operation("GetResources")
def get_resources(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    after = parts.position(req)
    rows = sorted(RESOURCES.scan(tx, ctx.scope, api.id), key=lambda row: row.path)
    rest = (row for row in rows if after is None or row.path > after)
    return parts.render_page(rest, req, lambda row: render_resource(row, req.get("embed")), lambda row: str(row.path))


@operation("UpdateResource")
def update_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = parts.open_resource(tx, ctx.scope, req)
    before = {"parentId": resource.parent, "pathPart": resource.part}
    after = patches.apply(before, req.get("patchOperations"), _FIELDS)
    if not resource.parent:
        for member in before:
            if before[member] != after[member]:
                raise errors.bad_request(f"Root resource cannot update its {member}.")
    if after == before:
        return render_resource(resource)
    everything = list(RESOURCES.scan(tx, ctx.scope, resource.api))
    parent = parts.require_resource(tx, ctx.scope, resource.api, after["parentId"])
    if parent.path == resource.path or parent.path.startswith(resource.path + "/"):
        raise errors.bad_request("Resources cannot be cyclical.")
    siblings = [row for row in everything if row.parent == parent.id and row.id != resource.id]
    _check_place(parent, after["pathPart"], siblings)
    moved = msgspec.structs.replace(
        resource, parent=parent.id, part=after["pathPart"], path=_join(parent.path, after["pathPart"])
    )
    _move(tx, ctx.scope, resource, moved, everything)
    return render_resource(moved)


@operation("DeleteResource")
def delete_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    resource = parts.open_resource(tx, ctx.scope, req)
    if not resource.parent:
        raise errors.bad_request("Root resource cannot be deleted.")
    below = resource.path + "/"
    for row in list(RESOURCES.scan(tx, ctx.scope, resource.api)):
        if row.id == resource.id or row.path.startswith(below):
            RESOURCES.delete(tx, ctx.scope, row)


def render_resource(resource: Resource, embed: list[str] | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": resource.id, "path": resource.path}
    if resource.parent:
        shown |= {"parentId": resource.parent, "pathPart": resource.part}
    if resource.methods:
        whole = "methods" in (embed or ())
        shown["resourceMethods"] = {name: method if whole else {} for name, method in resource.methods.items()}
    return shown


def _check_place(parent: Resource, part: str, siblings: list[Resource]) -> None:
    if not _PART.fullmatch(part):
        raise errors.malformed_path_part()
    if parent.part.endswith("+}"):
        raise errors.bad_request(f"Cannot create a child of a resource with a greedy path variable: {parent.part}")
    for sibling in siblings:
        if sibling.part == part:
            raise errors.same_name(part)
        if part.startswith("{") and sibling.part.startswith("{"):
            raise errors.bad_request(
                f"A sibling ({sibling.part}) of this resource already has a variable path part -- only one is allowed"
            )


def _join(parent: str, part: str) -> str:
    return f"{parent.rstrip('/')}/{part}"


def _move(tx: Transaction, scope: Scope, old: Resource, new: Resource, everything: list[Resource]) -> None:
    """A resource and all below it get their new paths."""
    RESOURCES.replace(tx, scope, old, new)
    below = old.path + "/"
    for row in everything:
        if row.path.startswith(below):
            path = new.path + row.path[len(old.path) :]
            RESOURCES.replace(tx, scope, row, msgspec.structs.replace(row, path=path))
