"""Invalidations: what they name is gone from the cache when the call returns.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cloudfront import distributions, errors, listing
from mrak.services.cloudfront.configs import items
from mrak.services.cloudfront.parts import CAPITALS
from mrak.services.cloudfront.plane.cache import Cache
from mrak.services.cloudfront.tables import INVALIDATIONS, INVALIDATIONS_BY_REFERENCE, NEWEST, Invalidation

_MOST_PATHS = 3000


@operation("CreateInvalidation")
async def create_invalidation(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    made, is_new = await ctx.transact(lambda tx: _create(ctx, tx, req))
    if is_new:
        ctx.live(Cache).purge(made.distribution, made.paths)
    path = f"distribution/{made.distribution}/invalidation/{made.id}"
    return {
        "Invalidation": _render(made, "InProgress" if is_new else "Completed"),
        "Location": f"https://cloudfront.amazonaws.com/2020-05-31/{path}",
    }


def _create(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Invalidation, bool]:
    scope = ctx.scope.account_wide()
    found = distributions.require(ctx, tx, req["DistributionId"])
    batch = req["InvalidationBatch"]
    paths = items(batch["Paths"])
    if batch["Paths"]["Quantity"] != len(paths):
        raise errors.inconsistent_quantities()
    if len(paths) > _MOST_PATHS:
        raise errors.too_many_invalidations()
    if not paths or not all(_is_valid(path) for path in paths):
        raise errors.invalid_path()
    reference = batch["CallerReference"]
    existing = next(INVALIDATIONS_BY_REFERENCE.scan(tx, scope, found.id, reference, limit=1), None)
    if existing is not None:
        if existing.paths != paths:
            raise errors.invalidation_reference_used()
        return existing, False
    made = Invalidation(
        distribution=found.id,
        id="I" + ctx.draw.alphanumeric(25, CAPITALS),
        made_at=ctx.now,
        reference=reference,
        paths=paths,
    )
    INVALIDATIONS.lock(tx, scope, made.distribution, made.id)
    INVALIDATIONS.insert(tx, scope, made)
    return made, True


def _is_valid(path: str) -> bool:
    """A wildcard stands at the end or nowhere."""
    return path.startswith("/") and "*" not in path[:-1] and path.isprintable() and len(path) <= 4000


def _render(made: Invalidation, status: str = "Completed") -> dict[str, Any]:
    return {
        "Id": made.id,
        "Status": status,
        "CreateTime": made.made_at,
        "InvalidationBatch": {
            "Paths": {"Quantity": len(made.paths), "Items": made.paths},
            "CallerReference": made.reference,
        },
    }


@operation("GetInvalidation")
def get_invalidation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = distributions.require(ctx, tx, req["DistributionId"])
    made = INVALIDATIONS.get(tx, ctx.scope.account_wide(), found.id, req["Id"])
    if made is None:
        raise errors.no_such_invalidation()
    return {"Invalidation": _render(made)}


@operation("ListInvalidations")
def list_invalidations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope = ctx.scope.account_wide()
    found = distributions.require(ctx, tx, req["DistributionId"])
    marker = listing.marker(req)
    last = None if marker is None else INVALIDATIONS.get(tx, scope, found.id, marker)
    if marker is not None and last is None:
        raise errors.invalid_argument("The parameter Marker is not valid.")
    rows = NEWEST.scan(tx, scope, found.id, upto=None if last is None else last.made_at, reverse=True)
    if last is not None:
        # Those of the same moment come by id, downwards.
        position = (last.made_at, last.id)
        rows = (row for row in rows if (row.made_at, row.id) < position)

    def show(row: Invalidation) -> dict[str, Any]:
        return {"Id": row.id, "CreateTime": row.made_at, "Status": "Completed"}

    return {"InvalidationList": listing.render_page(req, rows, show, lambda row: row.id)}
