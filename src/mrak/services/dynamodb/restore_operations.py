"""Restoring backups, and tables with recovery as they were, into new tables; from other regions too.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import (
    access,
    capacity,
    describe,
    errors,
    history,
    indexing,
    item_collections,
    restore_rules,
    rules,
)
from mrak.services.dynamodb.backup_operations import (
    earliest_restorable,
    latest_restorable,
    parse_backup_arn,
    require_backup,
)
from mrak.services.dynamodb.backups import BACKUP_ROWS
from mrak.services.dynamodb.encryption import new_encryption
from mrak.services.dynamodb.tables import (
    ITEMS,
    TABLES,
    IndexRecord,
    TableRecord,
    compile_schema,
    table_arn,
    used_attributes,
)
from mrak.store.keys import prefix_end

# More than as many are an increase at the end of a restore, as measured.
_RESTORING_READS = 3


@operation("RestoreTableFromBackup")
def restore_table_from_backup(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx, req["BackupArn"])
    rules.check_name_length(req["TargetTableName"])
    rules.check_table_name(req["TargetTableName"], "targetTableName")
    origin = parse_backup_arn(ctx, req["BackupArn"]).scope_in(ctx.scope.environment)
    restore_rules.check_region(ctx, origin, req)
    backup = require_backup(ctx, tx, origin, req["BackupArn"])
    summary = {
        "SourceBackupArn": req["BackupArn"],
        "SourceTableArn": table_arn(origin, backup.table.name),
        "RestoreDateTime": backup.created_at,
        "RestoreInProgress": True,
    }
    target = _new_table(ctx, tx, backup.table, req, summary)
    rows = BACKUP_ROWS.prefix(origin, backup.number)
    for key, row in tx.scan(rows, prefix_end(rows)):
        tx.put(ITEMS.prefix(ctx.scope, target.number) + key[len(rows) :], row)
    return _finish(ctx, tx, target)


@operation("RestoreTableToPointInTime")
def restore_table_to_point_in_time(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("DYNAMODB-006")
    restore_rules.check_recovery(req)
    rules.check_name_length(req["TargetTableName"])
    rules.check_table_name(req["TargetTableName"], "targetTableName")
    origin, source = _require_source(ctx, tx, req)
    if source.pitr_since is None:
        raise errors.recovery_unavailable(source.name)
    moment = round(req["RestoreDateTime"] * 1000) / 1000 if "RestoreDateTime" in req else ctx.now
    if not earliest_restorable(ctx, source) <= moment <= ctx.now:
        raise ApiError(
            "InvalidRestoreTimeException",
            f"RestoreDateTime '{errors.spelled(moment)}' must be within EarliestRestorableDateTime "
            f"'{errors.spelled(earliest_restorable(ctx, source))}' and LatestRestorableDateTime "
            f"'{errors.spelled(latest_restorable(ctx, source))}' for table '{source.name}'",
        )
    summary = {
        "SourceTableArn": table_arn(origin, source.name),
        "RestoreDateTime": describe.in_milliseconds(moment),
        "RestoreInProgress": True,
    }
    target = _new_table(ctx, tx, source, req, summary)
    _copy_as_of(tx, origin, source, ctx.scope, target, moment)
    return _finish(ctx, tx, target)


def _require_source(ctx: Context, tx: Transaction, req: Mapping[str, Any]) -> tuple[Scope, TableRecord]:
    """The table that is restored, by its name in this region, or by its ARN in any."""
    origin, name = ctx.scope, req.get("SourceTableName", "")
    if "SourceTableArn" in req:
        parts = find_arn(req["SourceTableArn"])
        if parts is None or parts.service != "dynamodb" or not parts.resource.startswith("table/"):
            raise errors.invalid_parameter("sourceTableArn is not a valid ARN")
        if parts.account != ctx.scope.account:
            raise errors.not_the_owner()
        origin, name = parts.scope_in(ctx.scope.environment), parts.resource.removeprefix("table/")
        restore_rules.check_region(ctx, origin, req)
    source = TABLES.get(tx, origin, name)
    access.check_table(ctx, tx, origin, name, source)
    if source is None:
        raise errors.recovery_table_not_found(name)
    return origin, source


def _copy_as_of(
    tx: Transaction, origin: Scope, source: TableRecord, scope: Scope, target: TableRecord, moment: float
) -> None:
    """The source's rows, with every change after the moment undone."""
    rows, place = ITEMS.prefix(origin, source.number), ITEMS.prefix(scope, target.number)
    for key, row in tx.scan(rows, prefix_end(rows)):
        tx.put(place + key[len(rows) :], row)
    for entry in history.since(tx, origin, source, moment):
        if entry.before is None:
            tx.delete(place + entry.place)
        else:
            tx.put(place + entry.place, entry.before)


def _new_table(
    ctx: Context, tx: Transaction, source: TableRecord, req: Mapping[str, Any], summary: dict[str, Any]
) -> TableRecord:
    """The restored table: keys and indexes of its source, without stream, time to live, tags and policies."""
    scope, name = ctx.scope, req["TargetTableName"]
    if TABLES.open(tx, scope, name) is not None:
        raise ApiError("TableAlreadyExistsException", f"Table already exists: {name}")
    restore_rules.check_overrides(source, req)
    billing = req.get("BillingModeOverride", source.billing)
    throughput = req.get("ProvisionedThroughputOverride", {})
    is_provisioned = billing == "PROVISIONED"
    fresh: dict[str, Any] = {"status": "CREATING", "decreases_today": 0, "increased_at": None, "decreased_at": None}
    indexes = [structs.replace(index, number=ctx.draw.sequence(), **fresh) for index in source.indexes]
    for parameter, is_global in (("LocalSecondaryIndexOverride", False), ("GlobalSecondaryIndexOverride", True)):
        if parameter in req:
            indexes = [index for index in indexes if index.is_global != is_global]
            indexes += [indexing.new_index(ctx, it, is_global, "CREATING") for it in req[parameter]]
    idle = {"on_demand": None} if is_provisioned else {"read_units": 0, "write_units": 0}
    indexes = [structs.replace(index, **idle) for index in indexes]
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
        on_demand_switches=() if is_provisioned else (ctx.now,),
        indexes=tuple(indexes),
        sse=new_encryption(ctx, tx, scope, req["SSESpecificationOverride"])
        if "SSESpecificationOverride" in req
        else source.sse,
        on_demand=None if is_provisioned else req.get("OnDemandThroughputOverride", source.on_demand) or None,
        vectors=tuple(structs.replace(it, number=ctx.draw.sequence()) for it in source.vectors),
        # Rows are copied as they lie.
        is_spread_as_aws=source.is_spread_as_aws,
        counts_collections=True,
        restored=summary,
    )
    record = structs.replace(record, attributes=used_attributes(record))
    capacity.check(tx, scope, None, record)
    TABLES.insert(tx, scope, record)
    return record


def _finish(ctx: Context, tx: Transaction, record: TableRecord) -> dict[str, Any]:
    """Fills the indexes of a table whose items are there."""
    schema = compile_schema(ctx.scope, record)
    for index in record.indexes:
        filling, reached = index, indexing.fill_page(tx, schema, index)
        while reached is not None:
            filling = structs.replace(filling, backfilled_to=reached)
            reached = indexing.fill_page(tx, schema, filling)
    for vector in record.vectors:
        indexing.fill_vector(tx, schema, vector)
    if schema.local_indexes:
        item_collections.count_all(tx, schema)
    answer = describe.restoring(describe.table(tx, ctx.scope, record, "CREATING"), record)
    indexes = tuple(structs.replace(it, status="ACTIVE", **_settled(ctx, it)) for it in record.indexes)
    own = _settled(ctx, record) if record.is_provisioned else {}
    TABLES.replace(tx, ctx.scope, record, structs.replace(record, indexes=indexes, restored=None, **own))
    return {"TableDescription": answer}


def _settled(ctx: Context, it: TableRecord | IndexRecord) -> dict[str, Any]:
    """The traces that AWS's restoring leaves: it has more units than it is to have, or fewer reads, in the end."""
    if isinstance(it, IndexRecord) and not it.is_global:
        return {}
    grown = ctx.now if it.read_units > _RESTORING_READS else None
    return {"decreases_today": 1, "decreased_at": ctx.now, "increased_at": grown}
