"""VPC links: kept. There is no VPC here, so that integrations go to their URIs directly."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import errors, parts
from mrak.services.apigatewayv2.tables import LINKS, Named


@operation("CreateVpcLink")
def create_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    settings = {
        "Name": req["Name"],
        "SubnetIds": req["SubnetIds"],
        "SecurityGroupIds": req.get("SecurityGroupIds", []),
        "CreatedDate": ctx.now,
        "VpcLinkStatus": "AVAILABLE",
        "VpcLinkStatusMessage": "VPC link is ready to route traffic",
        "VpcLinkVersion": "V2",
    }
    made = Named(id=ctx.draw.alphanumeric(6), settings=settings, tags=req.get("Tags", {}))
    LINKS.lock(tx, ctx.scope, made.id)
    LINKS.insert(tx, ctx.scope, made)
    return _render(made)


@operation("GetVpcLink")
def get_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, ctx.scope, req["VpcLinkId"]))


@operation("GetVpcLinks")
def get_vpc_links(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.render_list(LINKS.scan(tx, ctx.scope, after=parts.position(req)), req, _render)


@operation("UpdateVpcLink")
def update_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    LINKS.lock(tx, ctx.scope, req["VpcLinkId"])
    old = _require(tx, ctx.scope, req["VpcLinkId"])
    new = msgspec.structs.replace(old, settings=old.settings | {"Name": req.get("Name", old.settings["Name"])})
    LINKS.replace(tx, ctx.scope, old, new)
    return _render(new)


@operation("DeleteVpcLink")
def delete_vpc_link(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    LINKS.lock(tx, ctx.scope, req["VpcLinkId"])
    LINKS.delete(tx, ctx.scope, _require(tx, ctx.scope, req["VpcLinkId"]))
    return {}


def _require(tx: Transaction, scope: Scope, link_id: str) -> Named:
    link = LINKS.get(tx, scope, link_id)
    if link is None:
        raise errors.not_found(f"VpcLink {link_id} not found", "VpcLink")
    return link


def _render(link: Named) -> dict[str, Any]:
    return {"VpcLinkId": link.id, "Tags": link.tags, **link.settings}
