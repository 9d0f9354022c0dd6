"""Documentation parts and versions: stored, listed, imported."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import DOCUMENTATION, VERSIONS, Part

_FIELDS = {"/properties": patches.TEXT}
_VERSION_FIELDS = {"/description": patches.TEXT}
_WHAT = "Documentation part"


@operation("CreateDocumentationPart")
def create_documentation_part(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    return add_part(ctx, tx, api.id, req["location"], req["properties"]).settings


def add_part(ctx: Context, tx: Transaction, api_id: str, location: dict[str, Any], properties: str) -> Part:
    for other in DOCUMENTATION.scan(tx, ctx.scope, api_id):
        if other.settings["location"] == location:
            raise errors.conflict(
                f"Documentation part already exists for the specified location: type '{location['type']}'."
            )
    part_id = ctx.draw.alphanumeric(6)
    settings = {"id": part_id, "location": location, "properties": properties}
    made = Part(api=api_id, id=part_id, settings=settings)
    parts.insert(tx, ctx.scope, DOCUMENTATION, made)
    return made


@operation("GetDocumentationPart")
def get_documentation_part(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.require_part(
        tx, ctx.scope, DOCUMENTATION, _WHAT, req["restApiId"], req["documentationPartId"]
    ).settings


@operation("GetDocumentationParts")
def get_documentation_parts(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    rows = DOCUMENTATION.scan(tx, ctx.scope, api.id, after=parts.position(req))
    wanted = (row for row in rows if "type" not in req or row.settings["location"]["type"] == req["type"])
    return parts.render_page(wanted, req, lambda row: row.settings)


@operation("UpdateDocumentationPart")
def update_documentation_part(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = parts.open_part(tx, ctx.scope, DOCUMENTATION, _WHAT, req["restApiId"], req["documentationPartId"])
    settings = patches.apply(old.settings, req.get("patchOperations"), _FIELDS)
    DOCUMENTATION.replace(tx, ctx.scope, old, msgspec.structs.replace(old, settings=settings))
    return settings


@operation("DeleteDocumentationPart")
def delete_documentation_part(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    old = parts.open_part(tx, ctx.scope, DOCUMENTATION, _WHAT, api.id, req["documentationPartId"])
    DOCUMENTATION.delete(tx, ctx.scope, old)


@operation("CreateDocumentationVersion")
def create_documentation_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    if VERSIONS.get(tx, ctx.scope, api.id, req["documentationVersion"]) is not None:
        raise errors.conflict(f"Documentation version already exists {req['documentationVersion']}")
    settings = {"version": req["documentationVersion"]} | parts.given(req, "description")
    made = Part(api=api.id, id=req["documentationVersion"], settings=settings, created_at=ctx.now)
    parts.insert(tx, ctx.scope, VERSIONS, made)
    return _render_version(made)


@operation("GetDocumentationVersion")
def get_documentation_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    key = (req["restApiId"], req["documentationVersion"])
    return _render_version(parts.require_part(tx, ctx.scope, VERSIONS, "Documentation version", *key))


@operation("GetDocumentationVersions")
def get_documentation_versions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    return parts.render_page(VERSIONS.scan(tx, ctx.scope, api.id, after=parts.position(req)), req, _render_version)


@operation("UpdateDocumentationVersion")
def update_documentation_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    key = (req["restApiId"], req["documentationVersion"])
    old = parts.open_part(tx, ctx.scope, VERSIONS, "Documentation version", *key)
    settings = patches.apply(old.settings, req.get("patchOperations"), _VERSION_FIELDS)
    new = msgspec.structs.replace(old, settings=settings)
    VERSIONS.replace(tx, ctx.scope, old, new)
    return _render_version(new)


@operation("DeleteDocumentationVersion")
def delete_documentation_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    key = (req["restApiId"], req["documentationVersion"])
    VERSIONS.delete(tx, ctx.scope, parts.open_part(tx, ctx.scope, VERSIONS, "Documentation version", *key))


def _render_version(row: Part) -> dict[str, Any]:
    return {"createdDate": row.created_at, **row.settings}
