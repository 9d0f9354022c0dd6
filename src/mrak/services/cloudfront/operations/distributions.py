"""Operations on distributions, and their tags.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistribution.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cloudfront import distributions, errors, listing
from mrak.services.cloudfront.operations.tags import parse_tags
from mrak.services.cloudfront.parts import check_etag
from mrak.services.cloudfront.plane.cache import Cache
from mrak.services.cloudfront.tables import DISTRIBUTIONS, INVALIDATIONS, USES, Distribution


@operation("CreateDistribution")
def create_distribution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _created(ctx, distributions.create(ctx, tx, req["DistributionConfig"], {}))


@operation("CreateDistributionWithTags")
def create_distribution_with_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    given = req["DistributionConfigWithTags"]
    tags = parse_tags(given["Tags"])
    return _created(ctx, distributions.create(ctx, tx, given["DistributionConfig"], tags))


def _created(ctx: Context, made: Distribution) -> dict[str, Any]:
    ctx.about(distributions.distribution_arn(ctx.scope.account, made.id))
    return {
        "Distribution": distributions.render(ctx, made, "InProgress"),
        "Location": f"https://cloudfront.amazonaws.com/2020-05-31/distribution/{made.id}",
        "ETag": made.etag,
    }


@operation("CopyDistribution")
def copy_distribution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    source = distributions.require(ctx, tx, req["PrimaryDistributionId"])
    check_etag(req.get("IfMatch"), source.etag)
    config = {
        **source.config,
        "CallerReference": req["CallerReference"],
        "Staging": req.get("Staging", False),
        "Enabled": req.get("Enabled", source.config["Enabled"]),
        "Aliases": {"Quantity": 0},
    }
    return _created(ctx, distributions.create(ctx, tx, config, {}))


@operation("GetDistribution")
def get_distribution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = distributions.require(ctx, tx, req["Id"])
    return {"Distribution": distributions.render(ctx, found), "ETag": found.etag}


@operation("GetDistributionConfig")
def get_distribution_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = distributions.require(ctx, tx, req["Id"])
    return {"DistributionConfig": found.config, "ETag": found.etag}


@operation("UpdateDistribution")
def update_distribution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _open(ctx, tx, req)
    new = distributions.update(ctx, tx, old, req["DistributionConfig"])
    return {"Distribution": distributions.render(ctx, new, "InProgress"), "ETag": new.etag}


@operation("DeleteDistribution")
async def delete_distribution(ctx: Context, req: dict[str, Any]) -> None:
    def delete(tx: Transaction) -> None:
        old = _open(ctx, tx, req)
        if old.config["Enabled"]:
            raise errors.not_disabled()
        distributions.delete(ctx, tx, old)
        for row in list(INVALIDATIONS.scan(tx, ctx.scope.account_wide(), old.id)):
            INVALIDATIONS.lock(tx, ctx.scope.account_wide(), row.distribution, row.id)
            INVALIDATIONS.delete(tx, ctx.scope.account_wide(), row)

    await ctx.transact(delete)
    ctx.live(Cache).purge(req["Id"], ["/*"])


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Distribution:
    """The distribution to be changed, if the request names its present version."""
    ctx.about(distributions.distribution_arn(ctx.scope.account, req["Id"]))
    old = DISTRIBUTIONS.open(tx, ctx.scope.account_wide(), req["Id"])
    if old is None:
        raise errors.no_such_distribution()
    check_etag(req.get("IfMatch"), old.etag)
    return old


@operation("ListDistributions")
def list_distributions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = DISTRIBUTIONS.scan(tx, ctx.scope.account_wide(), after=listing.marker(req))
    page = listing.render_page(req, rows, lambda row: distributions.render_summary(ctx, row), lambda row: row.id)
    return {"DistributionList": page}


def _ids_using(ctx: Context, tx: Transaction, req: dict[str, Any], used: str) -> dict[str, Any]:
    rows = USES.scan(tx, ctx.scope.account_wide(), used, after=listing.marker(req))
    page = listing.render_page(req, rows, lambda row: row.distribution, lambda row: row.distribution)
    return {"DistributionIdList": page}


@operation("ListDistributionsByCachePolicyId")
def list_distributions_by_cache_policy_id(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _ids_using(ctx, tx, req, req["CachePolicyId"])


@operation("ListDistributionsByOriginRequestPolicyId")
def list_distributions_by_origin_request_policy_id(
    ctx: Context, tx: Transaction, req: dict[str, Any]
) -> dict[str, Any]:
    return _ids_using(ctx, tx, req, req["OriginRequestPolicyId"])


@operation("ListDistributionsByResponseHeadersPolicyId")
def list_distributions_by_response_headers_policy_id(
    ctx: Context, tx: Transaction, req: dict[str, Any]
) -> dict[str, Any]:
    return _ids_using(ctx, tx, req, req["ResponseHeadersPolicyId"])


@operation("ListDistributionsByKeyGroup")
def list_distributions_by_key_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _ids_using(ctx, tx, req, req["KeyGroupId"])


# --- tags -------------------------------------------------------------------------------------------------------
