"""Operations on configurations of which a bucket has many, each with an id: analytics, inventory, metrics, tiering.

S3-005: they are kept and given back; nothing is reported or moved by them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.services.s3 import buckets, errors

deviation("S3-005")
_PAGE = 100


def _put(ctx: Context, tx: Transaction, req: dict[str, Any], action: str, kind: str, member: str) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, action)
    identifier = buckets.require_parameter(req, "Id", "id")
    configuration = buckets.require_document(req, member)
    if configuration.get("Id") != identifier:
        if kind in ("analytics", "tiering"):
            raise errors.malformed_xml()
        raise errors.error("IdMismatch", "Document ID does not match the specified configuration ID.")
    if kind == "inventory":
        _check_destination(configuration)
    buckets.put_setting(ctx, tx, bucket, kind, configuration, identifier)


def _check_destination(configuration: dict[str, Any]) -> None:
    place = configuration.get("Destination", {}).get("S3BucketDestination", {}).get("Bucket", "")
    parsed = find_arn(place)
    if parsed is None or parsed.service != "s3":
        raise errors.error("InvalidS3DestinationBucket", "Invalid bucket ARN.")


def _get(ctx: Context, tx: Transaction, req: dict[str, Any], action: str, kind: str, member: str) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, action)
    configuration = buckets.find_setting(tx, ctx.scope, bucket, kind, buckets.require_parameter(req, "Id", "id"))
    if configuration is None:
        raise _missing()
    return {member: configuration}


def _delete(ctx: Context, tx: Transaction, req: dict[str, Any], action: str, kind: str) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, action)
    if not buckets.delete_setting(ctx, tx, bucket, kind, buckets.require_parameter(req, "Id", "id")):
        raise _missing()


def _list(ctx: Context, tx: Transaction, req: dict[str, Any], action: str, kind: str, member: str) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, action)
    token = req.get("ContinuationToken")
    after = find_position(token) if token else ""
    if after is None:
        raise errors.invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
    rows = buckets.list_settings(tx, ctx.scope, bucket, kind, after)
    page = rows[:_PAGE]
    answer: dict[str, Any] = {
        "IsTruncated": len(rows) > _PAGE,
        member: [msgspec.msgpack.decode(row.value) for row in page],
    }
    if token:
        answer["ContinuationToken"] = token
    if len(rows) > _PAGE:
        answer["NextContinuationToken"] = render_token(page[-1].id)
    return answer


def _missing() -> Exception:
    return errors.error("NoSuchConfiguration", "The specified configuration does not exist.")


@operation("PutBucketAnalyticsConfiguration", action="s3:PutAnalyticsConfiguration")
def put_bucket_analytics_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _put(ctx, tx, req, "s3:PutAnalyticsConfiguration", "analytics", "AnalyticsConfiguration")


@operation("GetBucketAnalyticsConfiguration", action="s3:GetAnalyticsConfiguration")
def get_bucket_analytics_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, tx, req, "s3:GetAnalyticsConfiguration", "analytics", "AnalyticsConfiguration")


@operation("DeleteBucketAnalyticsConfiguration", action="s3:PutAnalyticsConfiguration")
def delete_bucket_analytics_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, req, "s3:PutAnalyticsConfiguration", "analytics")


@operation("ListBucketAnalyticsConfigurations", action="s3:GetAnalyticsConfiguration")
def list_bucket_analytics_configurations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, tx, req, "s3:GetAnalyticsConfiguration", "analytics", "AnalyticsConfigurationList")


@operation("PutBucketInventoryConfiguration", action="s3:PutInventoryConfiguration")
def put_bucket_inventory_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _put(ctx, tx, req, "s3:PutInventoryConfiguration", "inventory", "InventoryConfiguration")


@operation("GetBucketInventoryConfiguration", action="s3:GetInventoryConfiguration")
def get_bucket_inventory_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, tx, req, "s3:GetInventoryConfiguration", "inventory", "InventoryConfiguration")


@operation("DeleteBucketInventoryConfiguration", action="s3:PutInventoryConfiguration")
def delete_bucket_inventory_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, req, "s3:PutInventoryConfiguration", "inventory")


@operation("ListBucketInventoryConfigurations", action="s3:GetInventoryConfiguration")
def list_bucket_inventory_configurations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, tx, req, "s3:GetInventoryConfiguration", "inventory", "InventoryConfigurationList")


@operation("PutBucketMetricsConfiguration", action="s3:PutMetricsConfiguration")
def put_bucket_metrics_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _put(ctx, tx, req, "s3:PutMetricsConfiguration", "metrics", "MetricsConfiguration")


@operation("GetBucketMetricsConfiguration", action="s3:GetMetricsConfiguration")
def get_bucket_metrics_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, tx, req, "s3:GetMetricsConfiguration", "metrics", "MetricsConfiguration")


@operation("DeleteBucketMetricsConfiguration", action="s3:PutMetricsConfiguration")
def delete_bucket_metrics_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, req, "s3:PutMetricsConfiguration", "metrics")


@operation("ListBucketMetricsConfigurations", action="s3:GetMetricsConfiguration")
def list_bucket_metrics_configurations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, tx, req, "s3:GetMetricsConfiguration", "metrics", "MetricsConfigurationList")


@operation("PutBucketIntelligentTieringConfiguration", action="s3:PutIntelligentTieringConfiguration")
def put_bucket_intelligent_tiering_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _put(ctx, tx, req, "s3:PutIntelligentTieringConfiguration", "tiering", "IntelligentTieringConfiguration")


@operation("GetBucketIntelligentTieringConfiguration", action="s3:GetIntelligentTieringConfiguration")
def get_bucket_intelligent_tiering_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, tx, req, "s3:GetIntelligentTieringConfiguration", "tiering", "IntelligentTieringConfiguration")


@operation("DeleteBucketIntelligentTieringConfiguration", action="s3:PutIntelligentTieringConfiguration")
def delete_bucket_intelligent_tiering_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, req, "s3:PutIntelligentTieringConfiguration", "tiering")


@operation("ListBucketIntelligentTieringConfigurations", action="s3:GetIntelligentTieringConfiguration")
def list_bucket_intelligent_tiering_configurations(
    ctx: Context, tx: Transaction, req: dict[str, Any]
) -> dict[str, Any]:
    return _list(
        ctx, tx, req, "s3:GetIntelligentTieringConfiguration", "tiering", "IntelligentTieringConfigurationList"
    )
