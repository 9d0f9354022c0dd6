"""Operations on the configurations of S3 Metadata, in both versions of their API.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketMetadataConfiguration.html

S3-009: they are kept and given back; no tables are made.
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.s3 import buckets, errors
from mrak.services.s3.tables import Bucket

deviation("S3-009")
_KIND = "metadata"
_ACTION = "s3:{}BucketMetadataTableConfiguration"
_FIRST, _SECOND = "MetadataTableConfiguration", "MetadataConfiguration"
_JOURNAL, _INVENTORY, _ANNOTATION = (f"{name}TableConfiguration" for name in ("Journal", "Inventory", "Annotation"))
_ACTIVE = "ACTIVE"


def _missing(bucket: Bucket) -> ApiError:
    message = "The metadata configuration does not exist."
    return errors.missing_setting("MetadataConfigurationNotFound", message, bucket.name)


def _create(ctx: Context, tx: Transaction, req: dict[str, Any], member: str) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, _ACTION.format("Create"))
    configuration = buckets.require_document(req, member)
    if not configuration:
        raise errors.malformed_xml()
    if buckets.find_setting(tx, ctx.scope, bucket, _KIND) is not None:
        message = "The bucket has a metadata configuration already. Delete it before you create another one."
        raise errors.error("InvalidBucketState", message)
    for table in (_JOURNAL, _INVENTORY, _ANNOTATION):
        if table in configuration:
            configuration[table] = _with_id(ctx, configuration[table])
    if member == _FIRST:
        configuration = _with_id(ctx, configuration)
    buckets.put_setting(ctx, tx, bucket, _KIND, {member: configuration})


def _with_id(ctx: Context, configuration: dict[str, Any]) -> dict[str, Any]:
    return configuration | {"id": ctx.draw.uuid()}


def _require(ctx: Context, tx: Transaction, req: dict[str, Any], action: str) -> tuple[Bucket, dict[str, Any]]:
    bucket = buckets.require_allowed(ctx, tx, req, action)
    kept = buckets.find_setting(tx, ctx.scope, bucket, _KIND)
    if kept is None:
        raise _missing(bucket)
    return bucket, kept


def _delete(ctx: Context, tx: Transaction, req: dict[str, Any], member: str) -> None:
    bucket, kept = _require(ctx, tx, req, _ACTION.format("Delete"))
    if member == _FIRST and _FIRST not in kept:
        raise errors.method_not_allowed("DELETE", "METADATATABLE")
    buckets.delete_setting(ctx, tx, bucket, _KIND)


# --- the first version --------------------------------------------------------------------------------------------


@operation("CreateBucketMetadataTableConfiguration")
def create_bucket_metadata_table_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _create(ctx, tx, req, _FIRST)


@operation("GetBucketMetadataTableConfiguration")
def get_bucket_metadata_table_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, kept = _require(ctx, tx, req, _ACTION.format("Get"))
    if _FIRST not in kept:
        raise errors.method_not_allowed("GET", "METADATATABLE")
    destination = _first_destination(kept[_FIRST])
    result = {_FIRST + "Result": {"S3TablesDestinationResult": destination}, "Status": _ACTIVE}
    return {"GetBucketMetadataTableConfigurationResult": result}


def _first_destination(configuration: dict[str, Any]) -> dict[str, Any]:
    destination = configuration["S3TablesDestination"]
    arn = destination["TableBucketArn"]
    return {
        "TableBucketArn": arn,
        "TableName": destination["TableName"],
        "TableArn": f"{arn}/table/{configuration['id']}",
        "TableNamespace": "aws_s3_metadata",
    }


@operation("DeleteBucketMetadataTableConfiguration")
def delete_bucket_metadata_table_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, req, _FIRST)


# --- the second ---------------------------------------------------------------------------------------------------


@operation("CreateBucketMetadataConfiguration", action=_ACTION.format("Create"))
def create_bucket_metadata_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _create(ctx, tx, req, _SECOND)


@operation("GetBucketMetadataConfiguration", action=_ACTION.format("Get"))
def get_bucket_metadata_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """One of the first version is shown with what both have: where the table is."""
    bucket, kept = _require(ctx, tx, req, _ACTION.format("Get"))
    if _FIRST in kept:
        first = _first_destination(kept[_FIRST])
        destination = {name: first[name] for name in ("TableBucketArn", "TableNamespace")}
        result: dict[str, Any] = {"DestinationResult": {"TableBucketType": "customer"} | destination}
    else:
        arn = f"arn:{ctx.scope.partition}:s3tables:{bucket.region}:{bucket.account}:bucket/aws-s3"
        named = {"TableBucketType": "aws", "TableBucketArn": arn, "TableNamespace": f"b_{bucket.name}"}
        result = {"DestinationResult": named} | _tables(kept[_SECOND], arn)
    return {"GetBucketMetadataConfigurationResult": {_SECOND + "Result": result}}


def _tables(configuration: dict[str, Any], arn: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for member, name in ((_JOURNAL, "journal"), (_INVENTORY, "inventory"), (_ANNOTATION, "annotation")):
        table = configuration.get(member)
        if table is None:
            continue
        shown[member + "Result"] = {
            kept: table[kept] for kept in ("ConfigurationState", "RecordExpiration") if kept in table
        }
        if table.get("ConfigurationState") != "DISABLED":
            shown[member + "Result"] |= {
                "TableStatus": _ACTIVE,
                "TableName": name,
                "TableArn": f"{arn}/table/{table['id']}",
            }
    return shown


@operation("DeleteBucketMetadataConfiguration", action=_ACTION.format("Delete"))
def delete_bucket_metadata_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, req, _SECOND)


def _update(ctx: Context, tx: Transaction, req: dict[str, Any], member: str) -> None:
    bucket, kept = _require(ctx, tx, req, f"s3:UpdateBucketMetadata{member}")
    if _SECOND not in kept:
        raise errors.method_not_allowed("PUT", f"METADATA{member.removesuffix('Configuration').upper()}")
    configuration = buckets.require_document(req, member)
    if not configuration:
        raise errors.malformed_xml()
    before = kept[_SECOND].get(member) or _with_id(ctx, {})
    changed = kept[_SECOND] | {member: before | configuration}
    buckets.put_setting(ctx, tx, bucket, _KIND, {_SECOND: changed})


@operation("UpdateBucketMetadataInventoryTableConfiguration")
def update_bucket_metadata_inventory_table_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _update(ctx, tx, req, _INVENTORY)


@operation("UpdateBucketMetadataJournalTableConfiguration")
def update_bucket_metadata_journal_table_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _update(ctx, tx, req, _JOURNAL)


@operation("UpdateBucketMetadataAnnotationTableConfiguration")
def update_bucket_metadata_annotation_table_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _update(ctx, tx, req, _ANNOTATION)
