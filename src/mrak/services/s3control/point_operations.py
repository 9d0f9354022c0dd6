"""Operations on access points and their policies.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateAccessPoint.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.services.s3 import exports as s3
from mrak.services.s3control.errors import check_account, invalid_request, malformed_xml, no_such_point

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]")
_ALIAS_DIGITS = 34
_MOST_LISTED = 1000


@operation("CreateAccessPoint")
def create_access_point(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    check_account(ctx, req)
    name = req["Name"]
    if not _NAME.fullmatch(name) or name.endswith("-s3alias"):
        raise ApiError("InvalidAccessPointName", "The specified accesspoint name is not valid", 400)
    if not req.get("Bucket"):
        raise malformed_xml()
    owner = s3.find_bucket_owner(tx, ctx.scope, req["Bucket"])
    if owner is None or owner[1] != ctx.scope.region:
        raise invalid_request("Amazon S3 Bucket does not exist.")
    if s3.find_point(tx, ctx.scope, name) is not None:
        message = "Your previous request to create the named accesspoint succeeded and you already own it."
        raise ApiError("AccessPointAlreadyOwnedByYou", message, 409)
    point = s3.AccessPoint(
        account=ctx.scope.account,
        region=ctx.scope.region,
        name=name,
        alias=f"{name[:20].rstrip('-')}-{ctx.draw.hex(_ALIAS_DIGITS)}-s3alias",
        bucket=req["Bucket"],
        bucket_account=owner[0],
        created_at=ctx.now,
        vpc=(req.get("VpcConfiguration") or {}).get("VpcId", ""),
        tags={tag["Key"]: tag["Value"] for tag in req.get("Tags", ())},
    )
    blocks = req.get("PublicAccessBlockConfiguration")
    if blocks is not None:
        point = msgspec.structs.replace(point, public_access=s3.parse_blocks(blocks))
    s3.add_point(tx, ctx.scope, point)
    return {"AccessPointArn": s3.point_arn(ctx.scope, name), "Alias": point.alias}


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> s3.AccessPoint:
    check_account(ctx, req)
    # Clients may name it by its ARN too.
    point = s3.find_point(tx, ctx.scope, req["Name"].rpartition("/")[2])
    if point is None:
        raise no_such_point(req["Name"])
    return point


def _describe(ctx: Context, point: s3.AccessPoint) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": point.name,
        "Bucket": point.bucket,
        "NetworkOrigin": "VPC" if point.vpc else "Internet",
        "Alias": point.alias,
        "AccessPointArn": s3.point_arn(ctx.scope, point.name),
        "BucketAccountId": point.bucket_account,
    }
    return shown | {"VpcConfiguration": {"VpcId": point.vpc}} if point.vpc else shown


@operation("GetAccessPoint")
def get_access_point(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    point = _require(ctx, tx, req)
    region = ctx.scope.region
    return _describe(ctx, point) | {
        "PublicAccessBlockConfiguration": s3.render_blocks(point.public_access),
        "CreationDate": point.created_at,
        "Endpoints": {
            "ipv4": f"s3-accesspoint.{region}.amazonaws.com",
            "dualstack": f"s3-accesspoint.dualstack.{region}.amazonaws.com",
            "fips": f"s3-accesspoint-fips.{region}.amazonaws.com",
            "fips_dualstack": f"s3-accesspoint-fips.dualstack.{region}.amazonaws.com",
        },
    }


@operation("ListAccessPoints")
def list_access_points(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    check_account(ctx, req)
    most = min(req.get("MaxResults", _MOST_LISTED), _MOST_LISTED)
    after = find_position(req["NextToken"]) if req.get("NextToken") else ""
    if after is None:
        raise invalid_request("The continuation token provided is incorrect")
    wanted = req.get("Bucket")
    page: list[s3.AccessPoint] = []
    for point in s3.list_points(tx, ctx.scope, after):
        if wanted is not None and point.bucket != wanted:
            continue
        if len(page) == most:
            return {"AccessPointList": _render(ctx, page), "NextToken": render_token(page[-1].name)}
        page.append(point)
    return {"AccessPointList": _render(ctx, page)}


def _render(ctx: Context, page: list[s3.AccessPoint]) -> list[dict[str, Any]]:
    return [_describe(ctx, point) for point in page]


@operation("DeleteAccessPoint")
def delete_access_point(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    s3.delete_point(tx, ctx.scope, _require(ctx, tx, req))


# --- policies -----------------------------------------------------------------------------------------------------


@operation("PutAccessPointPolicy")
def put_access_point_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    point = _require(ctx, tx, req)
    s3.check_point_policy(req.get("Policy", ""))
    s3.check_public_point_policy(tx, ctx.scope, point, req["Policy"])
    s3.change_point(tx, ctx.scope, point, policy=req["Policy"])


@operation("GetAccessPointPolicy")
def get_access_point_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Policy": _require_policy(_require(ctx, tx, req))}


@operation("DeleteAccessPointPolicy")
def delete_access_point_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    s3.change_point(tx, ctx.scope, _require(ctx, tx, req), policy="")


@operation("GetAccessPointPolicyStatus")
def get_access_point_policy_status(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    point = _require(ctx, tx, req)
    return {"PolicyStatus": {"IsPublic": s3.is_public(_require_policy(point))}}


def _require_policy(point: s3.AccessPoint) -> str:
    if not point.policy:
        raise ApiError("NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist", 404)
    return point.policy
