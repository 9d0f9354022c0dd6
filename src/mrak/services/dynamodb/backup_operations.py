"""Backups on demand, point-in-time recovery, and restoring either into a new table.

A backup is a copy of the table's rows, taken in the transaction that makes it.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Backup-and-Restore.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import backups, describe, errors, history, indexing, item_collections, restore_rules, rules
from mrak.services.dynamodb.backups import BACKUP_ROWS, BACKUPS, BackupRecord
from mrak.services.dynamodb.table_operations import new_encryption
from mrak.services.dynamodb.tables import (
    ITEMS,
    TABLES,
    TableRecord,
    compile_schema,
    resolve_name,
    table_arn,
)
from mrak.store.keys import prefix_end

_MOST_LISTED = 100
_DAY_SECONDS = 86_400.0
# AWS restores to within the last five minutes.
_LATEST_SECONDS = 300.0


def _table_not_found(name: str) -> ApiError:
    return ApiError("TableNotFoundException", f"Table not found: {name}")


def _require_table(ctx: Context, tx: Transaction, name_or_arn: str, opens: bool = False) -> tuple[Scope, TableRecord]:
    scope, name = resolve_name(ctx, name_or_arn)
    record = TABLES.open(tx, scope, name) if opens else TABLES.get(tx, scope, name)
    if record is None:
        raise _table_not_found(name)
    return scope, record


def _backup_arn(scope: Scope, backup: BackupRecord) -> str:
    return arn(scope, "dynamodb", f"table/{backup.table.name}/backup/{backup.id}")


def _require_backup(ctx: Context, tx: Transaction, text: str) -> tuple[Scope, BackupRecord]:
    parts = find_arn(text)
    if parts is None or "/backup/" not in parts.resource:
        raise errors.invalid("Invalid Backup ARN")
    scope = parts.scope_in(ctx.scope.environment)
    backup = BACKUPS.open(tx, scope, parts.resource.rpartition("/")[2])
    if backup is None:
        raise ApiError("BackupNotFoundException", f"Backup not found: {text}")
    return scope, backup


@operation("CreateBackup")
def create_backup(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = _require_table(ctx, tx, req["TableName"])
    backup = backups.take(ctx, tx, scope, record, req["BackupName"])
    return {"BackupDetails": _details(scope, backup, "CREATING")}


def _details(scope: Scope, backup: BackupRecord, status: str = "AVAILABLE") -> dict[str, Any]:
    out: dict[str, Any] = {
        "BackupArn": _backup_arn(scope, backup),
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size_bytes,
        "BackupStatus": status,
        "BackupType": "USER" if backup.expires_at is None else "SYSTEM",
        "BackupCreationDateTime": backup.created_at,
    }
    if backup.expires_at is not None:
        out["BackupExpiryDateTime"] = backup.expires_at
    return out


def _description(scope: Scope, backup: BackupRecord, status: str = "AVAILABLE") -> dict[str, Any]:
    table = backup.table
    source: dict[str, Any] = {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": table_arn(scope, table.name),
        "TableSizeBytes": backup.size_bytes,
        "KeySchema": describe.key_schema(table.keys),
        "TableCreationDateTime": table.created_at,
        "ProvisionedThroughput": {"ReadCapacityUnits": table.read_units, "WriteCapacityUnits": table.write_units},
        "ItemCount": backup.item_count,
        "BillingMode": table.billing,
    }
    return {
        "BackupDetails": _details(scope, backup, status),
        "SourceTableDetails": source,
        "SourceTableFeatureDetails": _features(table) if backup.expires_at is None else {},
    }


def _features(table: TableRecord) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        found = []
        for index in table.indexes:
            if index.is_global != is_global:
                continue
            shown: dict[str, Any] = {
                "IndexName": index.name,
                "KeySchema": describe.key_schema(index.keys),
                "Projection": describe.projection(index),
            }
            if is_global:
                shown["ProvisionedThroughput"] = {
                    "ReadCapacityUnits": index.read_units,
                    "WriteCapacityUnits": index.write_units,
                }
            found.append(shown)
        if found:
            out[name] = found
    if table.stream is not None and table.stream.is_enabled:
        out["StreamDescription"] = {"StreamEnabled": True, "StreamViewType": table.stream.view}
    if table.ttl is not None and table.ttl.is_enabled:
        out["TimeToLiveDescription"] = {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl.attribute}
    if table.sse is not None:
        out["SSEDescription"] = table.sse
    return out


@operation("DescribeBackup")
def describe_backup(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"BackupDescription": _description(*_require_backup(ctx, tx, req["BackupArn"]))}


@operation("DeleteBackup")
def delete_backup(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, backup = _require_backup(ctx, tx, req["BackupArn"])
    if backup.expires_at is not None:
        moment = datetime.fromtimestamp(backup.expires_at, UTC)
        raise errors.invalid(
            f"Invalid Request: User is not allowed to delete the system backup with arn {_backup_arn(scope, backup)}. "
            f"It will automatically expire on {moment:%Y-%m-%dT%H:%M:%SZ}"
        )
    backups.drop(tx, scope, backup)
    return {"BackupDescription": _description(scope, backup, "DELETED")}


@operation("ListBackups")
def list_backups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    limit = req.get("Limit", _MOST_LISTED)
    if req.get("TimeRangeLowerBound", 0.0) > req.get("TimeRangeUpperBound", math.inf):
        raise errors.invalid_parameter("Time range lower bound must be less than or equal to upper bound")
    table = resolve_name(ctx, req["TableName"])[1] if "TableName" in req else None
    after = req.get("ExclusiveStartBackupArn", "").rpartition("/")[2] or None
    lower, upper = req.get("TimeRangeLowerBound"), req.get("TimeRangeUpperBound")
    found: list[dict[str, Any]] = []
    output: dict[str, Any] = {"BackupSummaries": found}
    kind = req.get("BackupType", "USER")
    for backup in BACKUPS.scan(tx, ctx.scope, after=after):
        if (table is not None and backup.table.name != table) or (kind == "AWS_BACKUP"):
            continue
        if kind != "ALL" and (kind == "SYSTEM") != (backup.expires_at is not None):
            continue
        if (lower is not None and backup.created_at < lower) or (upper is not None and backup.created_at >= upper):
            continue
        if len(found) == limit:
            output["LastEvaluatedBackupArn"] = found[-1]["BackupArn"]
            break
        found.append(_summary(ctx.scope, backup))
    return output


def _summary(scope: Scope, backup: BackupRecord) -> dict[str, Any]:
    source = {
        "TableName": backup.table.name,
        "TableId": backup.table.id,
        "TableArn": table_arn(scope, backup.table.name),
    }
    return source | _details(scope, backup)


@operation("DescribeContinuousBackups")
def describe_continuous_backups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, record = _require_table(ctx, tx, req["TableName"])
    return {"ContinuousBackupsDescription": _continuous(ctx, record)}


def _continuous(ctx: Context, record: TableRecord) -> dict[str, Any]:
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if record.pitr_since is not None:
        recovery = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": record.pitr_days,
            "EarliestRestorableDateTime": _earliest(ctx, record),
            "LatestRestorableDateTime": max(record.pitr_since, ctx.now - _LATEST_SECONDS),
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}


def _earliest(ctx: Context, record: TableRecord) -> float:
    assert record.pitr_since is not None
    return max(record.pitr_since, ctx.now - record.pitr_days * _DAY_SECONDS)


@operation("UpdateContinuousBackups")
def update_continuous_backups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = _require_table(ctx, tx, req["TableName"], opens=True)
    specification = req["PointInTimeRecoverySpecification"]
    enabled = specification["PointInTimeRecoveryEnabled"]
    if not enabled and "RecoveryPeriodInDays" in specification:
        raise errors.invalid(
            "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery."
        )
    since = (record.pitr_since or ctx.now) if enabled else None
    days = specification.get("RecoveryPeriodInDays", record.pitr_days if enabled else 35)
    changed = structs.replace(record, pitr_since=since, pitr_days=days)
    TABLES.replace(tx, scope, record, changed)
    if enabled != (record.pitr_since is not None):
        # The timer prunes day by day while recovery is on, and clears everything once it is off.
        tx.at(history.prune_timer(ctx, scope, changed, ctx.now + (_DAY_SECONDS if enabled else 0.0)))
    return {"ContinuousBackupsDescription": _continuous(ctx, changed)}


@operation("RestoreTableFromBackup")
def restore_table_from_backup(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rules.check_name_length(req["TargetTableName"])
    rules.check_table_name(req["TargetTableName"], "targetTableName")
    scope, backup = _require_backup(ctx, tx, req["BackupArn"])
    summary = {
        "SourceBackupArn": req["BackupArn"],
        "SourceTableArn": table_arn(scope, backup.table.name),
        "RestoreDateTime": backup.created_at,
        "RestoreInProgress": False,
    }
    target = _new_table(ctx, tx, scope, backup.table, req, summary)
    rows = BACKUP_ROWS.prefix(scope, backup.number)
    for key, row in tx.scan(rows, prefix_end(rows)):
        tx.put(ITEMS.prefix(scope, target.number) + key[len(rows) :], row)
    return _finish(tx, scope, target)


@operation("RestoreTableToPointInTime")
def restore_table_to_point_in_time(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("DYNAMODB-006")
    named = req.get("SourceTableArn") or req.get("SourceTableName")
    if named is None or ("SourceTableArn" in req and "SourceTableName" in req):
        raise errors.invalid("Invalid Request: Must provide exactly one of: sourceTableArn, sourceTableName")
    if bool(req.get("UseLatestRestorableTime")) == ("RestoreDateTime" in req):
        raise errors.invalid(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both"
        )
    rules.check_name_length(req["TargetTableName"])
    rules.check_table_name(req["TargetTableName"], "targetTableName")
    scope, source = _require_table(ctx, tx, named)
    if source.pitr_since is None:
        raise ApiError(
            "PointInTimeRecoveryUnavailableException",
            f"Point in time recovery is not enabled for table '{source.name}'",
        )
    moment = req.get("RestoreDateTime", ctx.now)
    if not _earliest(ctx, source) <= moment <= ctx.now:
        raise ApiError(
            "InvalidRestoreTimeException",
            "RestoreDateTime must be between EarliestRestorableDateTime and LatestRestorableDateTime",
        )
    summary = {
        "SourceTableArn": table_arn(scope, source.name),
        "RestoreDateTime": moment,
        "RestoreInProgress": False,
    }
    target = _new_table(ctx, tx, scope, source, req, summary)
    _copy_as_of(tx, scope, source, target, moment)
    return _finish(tx, scope, target)


def _copy_as_of(tx: Transaction, scope: Scope, source: TableRecord, target: TableRecord, moment: float) -> None:
    """The source's rows, with every change after the moment undone."""
    rows, place = ITEMS.prefix(scope, source.number), ITEMS.prefix(scope, target.number)
    for key, row in tx.scan(rows, prefix_end(rows)):
        tx.put(place + key[len(rows) :], row)
    for entry in history.since(tx, scope, source, moment):
        if entry.before is None:
            tx.delete(place + entry.place)
        else:
            tx.put(place + entry.place, entry.before)


def _new_table(
    ctx: Context, tx: Transaction, scope: Scope, source: TableRecord, req: Mapping[str, Any], summary: dict[str, Any]
) -> TableRecord:
    """The restored table: keys and indexes of its source, without stream, time to live, tags and policies."""
    name = req["TargetTableName"]
    if TABLES.open(tx, scope, name) is not None:
        raise ApiError("TableAlreadyExistsException", f"Table already exists: {name}")
    restore_rules.check_overrides(source, req)
    billing = req.get("BillingModeOverride", source.billing)
    throughput = req.get("ProvisionedThroughputOverride", {})
    is_provisioned = billing == "PROVISIONED"
    indexes = [structs.replace(index, number=ctx.draw.sequence(), status="CREATING") for index in source.indexes]
    for parameter, is_global in (("LocalSecondaryIndexOverride", False), ("GlobalSecondaryIndexOverride", True)):
        if parameter in req:
            indexes = [index for index in indexes if index.is_global != is_global]
            indexes += [indexing.new_index(ctx, it, is_global, "CREATING") for it in req[parameter]]
    if not is_provisioned:
        indexes = [structs.replace(index, read_units=0, write_units=0) for index in indexes]
    record = TableRecord(
        name=name,
        number=ctx.draw.sequence(),
        id=ctx.draw.uuid(),
        created_at=ctx.now,
        attributes=source.attributes,
        keys=source.keys,
        billing=billing,
        read_units=throughput.get("ReadCapacityUnits", source.read_units) if is_provisioned else 0,
        write_units=throughput.get("WriteCapacityUnits", source.write_units) if is_provisioned else 0,
        pay_per_request_at=None if is_provisioned else ctx.now,
        indexes=tuple(indexes),
        sse=new_encryption(ctx, tx, scope, req["SSESpecificationOverride"])
        if "SSESpecificationOverride" in req
        else source.sse,
        on_demand=req.get("OnDemandThroughputOverride", source.on_demand),
        vectors=tuple(structs.replace(it, number=ctx.draw.sequence()) for it in source.vectors),
        # Rows are copied as they lie.
        is_spread_as_aws=source.is_spread_as_aws,
        counts_collections=True,
        restored=summary,
    )
    TABLES.insert(tx, scope, record)
    return record


def _finish(tx: Transaction, scope: Scope, record: TableRecord) -> dict[str, Any]:
    """Fills the indexes of a table whose items are there."""
    schema = compile_schema(scope, record)
    for index in record.indexes:
        filling, reached = index, indexing.fill_page(tx, schema, index)
        while reached is not None:
            filling = structs.replace(filling, backfilled_to=reached)
            reached = indexing.fill_page(tx, schema, filling)
    for vector in record.vectors:
        indexing.fill_vector(tx, schema, vector)
    if schema.local_indexes:
        item_collections.count_all(tx, schema)
    active = tuple(structs.replace(index, status="ACTIVE") for index in record.indexes)
    filled = structs.replace(record, indexes=active, restored=None)
    TABLES.replace(tx, scope, record, filled)
    shown = structs.replace(filled, restored={**(record.restored or {}), "RestoreInProgress": True})
    return {"TableDescription": describe.table(tx, scope, shown, "CREATING")}
