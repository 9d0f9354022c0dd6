"""VPC links: kept. There is no VPC here, so that integrations go to their URIs directly."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import LINKS, Named

_FIELDS = {"/name": patches.TEXT, "/description": patches.TEXT}


@operation("CreateVpcLink")
def create_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if not req["name"]:
        raise errors.bad_request("Name cannot be empty")
    for target in req["targetArns"]:
        if find_arn(target) is None:
            raise errors.bad_request(f"Invalid ARN. ARN is not well formed {target}")
    settings = parts.given(req, "name", "description", "targetArns") | {"status": "AVAILABLE"}
    made = Named(id=ctx.draw.alphanumeric(6), settings=settings, tags=req.get("tags", {}))
    LINKS.lock(tx, ctx.scope, made.id)
    LINKS.insert(tx, ctx.scope, made)
    return _render(made)


@operation("GetVpcLink")
def get_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, ctx.scope, req["vpcLinkId"]))


@operation("GetVpcLinks")
def get_vpc_links(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.render_page(LINKS.scan(tx, ctx.scope, after=parts.position(req)), req, _render)


@operation("UpdateVpcLink")
def update_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    LINKS.lock(tx, ctx.scope, req["vpcLinkId"])
    old = _require(tx, ctx.scope, req["vpcLinkId"])
    new = msgspec.structs.replace(old, settings=patches.apply(old.settings, req.get("patchOperations"), _FIELDS))
    LINKS.replace(tx, ctx.scope, old, new)
    return _render(new)


@operation("DeleteVpcLink")
def delete_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    LINKS.lock(tx, ctx.scope, req["vpcLinkId"])
    LINKS.delete(tx, ctx.scope, _require(tx, ctx.scope, req["vpcLinkId"]))


def _require(tx: Transaction, scope: Scope, link_id: str) -> Named:
    link = LINKS.get(tx, scope, link_id)
    if link is None:
        raise errors.invalid("Vpc Link")
    return link


def _render(link: Named) -> dict[str, Any]:
    shown = {"id": link.id, **link.settings}
    return shown | {"tags": link.tags} if link.tags else shown
