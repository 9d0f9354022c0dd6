"""Backups on demand, and the settings of point-in-time recovery.

A backup is a copy of the table's rows, taken in the transaction that makes it.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Backup-and-Restore.html
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import structs

from mrak.core.arn import Arn, arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, backups, describe, errors, history, replicas
from mrak.services.dynamodb.backups import BACKUPS, BackupRecord
from mrak.services.dynamodb.tables import TABLES, TableRecord, resolve_name, table_arn

_MOST_LISTED = 100
_DAY_SECONDS = 86_400.0
# AWS restores to within the last five minutes.
_LATEST_SECONDS = 300.0
_is_backup = re.compile(r"table/[a-zA-Z0-9_.-]{3,255}/backup/[^/]*").fullmatch
_is_number = re.compile(r"\d{14}-[0-9a-fA-F]{8}", re.ASCII).fullmatch


def _require_table(ctx: Context, tx: Transaction, name_or_arn: str, opens: bool = False) -> tuple[Scope, TableRecord]:
    scope, name = resolve_name(ctx, name_or_arn)
    record = TABLES.open(tx, scope, name) if opens else TABLES.get(tx, scope, name)
    access.check_table(ctx, tx, scope, name, record)
    if record is None:
        raise errors.recovery_table_not_found(name)
    return scope, record


def _backup_arn(scope: Scope, backup: BackupRecord) -> str:
    return arn(scope, "dynamodb", f"table/{backup.table.name}/backup/{backup.id}")


def parse_backup_arn(ctx: Context, text: str) -> Arn:
    """The parts of a backup's ARN. AWS looks at the region only to see that there is one of this name, and before
    anything else at whose it is."""
    parts = find_arn(text)
    if parts is None:
        raise errors.invalid("Invalid Backup ARN")
    if parts.account != ctx.scope.account or not parts.region:
        raise errors.access_denied()
    if not _is_backup(parts.resource):
        raise errors.invalid("Invalid Backup ARN")
    is_region = parts.region.lower() in (ctx.scope.region, *replicas.REGIONS)
    is_well_formed = is_region and _is_number(parts.resource.rpartition("/")[2])
    if (parts.partition, parts.service) != (ctx.scope.partition, "dynamodb") or not is_well_formed:
        raise errors.invalid("Invalid Request: BackupArn is not valid")
    return parts


def require_backup(ctx: Context, tx: Transaction, scope: Scope, text: str) -> BackupRecord:
    """The backup of this number, in this region, whatever region the ARN says."""
    backup = BACKUPS.open(tx, scope, parse_backup_arn(ctx, text).resource.rpartition("/")[2])
    if backup is None:
        raise ApiError("BackupNotFoundException", f"Backup not found: {text}")
    return backup


@operation("CreateBackup")
def create_backup(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = _require_table(ctx, tx, req["TableName"])
    backup = backups.take(ctx, tx, scope, record, req["BackupName"])
    return {"BackupDetails": _details(_backup_arn(scope, backup), backup, "CREATING")}


def _details(shown_arn: str, backup: BackupRecord, status: str = "AVAILABLE") -> dict[str, Any]:
    out: dict[str, Any] = {
        "BackupArn": shown_arn,
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size_bytes,
        "BackupStatus": status,
        "BackupType": "USER" if backup.expires_at is None else "SYSTEM",
        "BackupCreationDateTime": backup.created_at,
    }
    if backup.expires_at is not None:
        out["BackupExpiryDateTime"] = backup.expires_at
    return out


def _description(scope: Scope, shown_arn: str, backup: BackupRecord, status: str = "AVAILABLE") -> dict[str, Any]:
    """With the ARN as the request wrote it."""
    table = backup.table
    source: dict[str, Any] = {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": table_arn(scope, table.name),
        "TableSizeBytes": backup.size_bytes,
        "KeySchema": describe.key_schema(table.keys),
        "TableCreationDateTime": describe.in_milliseconds(table.created_at),
        "ProvisionedThroughput": {"ReadCapacityUnits": table.read_units, "WriteCapacityUnits": table.write_units},
        "ItemCount": backup.item_count,
        "BillingMode": table.billing,
    }
    if table.on_demand:
        source["OnDemandThroughput"] = table.on_demand
    return {
        "BackupDetails": _details(shown_arn, backup, status),
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
                if index.on_demand:
                    shown["OnDemandThroughput"] = index.on_demand
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
    access.check_account(ctx, tx, req["BackupArn"])
    backup = require_backup(ctx, tx, ctx.scope, req["BackupArn"])
    return {"BackupDescription": _description(ctx.scope, req["BackupArn"], backup)}


@operation("DeleteBackup")
def delete_backup(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx, req["BackupArn"])
    text = req["BackupArn"]
    backup = require_backup(ctx, tx, ctx.scope, text)
    if backup.expires_at is not None:
        raise errors.invalid(
            f"Invalid Request: User is not allowed to delete the system backup with arn {text}. "
            f"It will automatically expire on {errors.spelled(backup.expires_at)}"
        )
    backups.drop(tx, ctx.scope, backup)
    return {"BackupDescription": _description(ctx.scope, text, backup, "DELETED")}


@operation("ListBackups")
def list_backups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx)
    limit = req.get("Limit", _MOST_LISTED)
    lower, upper = (_milliseconds(req.get(f"TimeRange{bound}Bound")) for bound in ("Lower", "Upper"))
    if lower is not None and upper is not None and lower > upper:
        raise errors.invalid_parameter("Time range lower bound must be less than or equal to upper bound")
    table = resolve_name(ctx, req["TableName"])[1] if "TableName" in req else None
    after = _start(ctx, req["ExclusiveStartBackupArn"]) if "ExclusiveStartBackupArn" in req else None
    found: list[dict[str, Any]] = []
    output: dict[str, Any] = {"BackupSummaries": found}
    kind = req.get("BackupType", "USER")
    for backup in BACKUPS.scan(tx, ctx.scope, after=after):
        if (table is not None and backup.table.name != table) or (kind == "AWS_BACKUP"):
            continue
        if kind != "ALL" and (kind == "SYSTEM") != (backup.expires_at is not None):
            continue
        made = round(backup.created_at * 1000)
        if (lower is not None and made < lower) or (upper is not None and made > upper):
            continue
        if len(found) == limit:
            output["LastEvaluatedBackupArn"] = found[-1]["BackupArn"]
            break
        found.append(_summary(ctx.scope, backup))
    return output


def _milliseconds(moment: float | None) -> int | None:
    """Bounds are as exact as the times that backups have, and both of them belong to what they bound, though AWS's
    documentation says otherwise of the upper one."""
    return None if moment is None else round(moment * 1000)


def _start(ctx: Context, text: str) -> str:
    """After which backup a list goes on; whether there is one of this number does not matter."""
    parts = parse_backup_arn(ctx, text)
    if parts.region != ctx.scope.region:
        raise errors.invalid("Invalid Request: The supplied ExclusiveStartBackupArn does not match the region")
    return parts.resource.rpartition("/")[2]


def _summary(scope: Scope, backup: BackupRecord) -> dict[str, Any]:
    source = {
        "TableName": backup.table.name,
        "TableId": backup.table.id,
        "TableArn": table_arn(scope, backup.table.name),
    }
    return source | _details(_backup_arn(scope, backup), backup)


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
            "EarliestRestorableDateTime": earliest_restorable(ctx, record),
            "LatestRestorableDateTime": latest_restorable(ctx, record),
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}


def earliest_restorable(ctx: Context, record: TableRecord) -> float:
    """A whole second, which may have begun before recovery was switched on."""
    assert record.pitr_since is not None
    return float(int(max(record.pitr_since, ctx.now - record.pitr_days * _DAY_SECONDS)))


def latest_restorable(ctx: Context, record: TableRecord) -> float:
    return max(earliest_restorable(ctx, record), int((ctx.now - _LATEST_SECONDS) * 1000) / 1000)


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
