"""UpdateTable: throughput and billing, indexes, the stream, and what else of a table can change.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import describe, errors, indexing, rules, vectors
from mrak.services.dynamodb.table_operations import new_encryption, require_table, set_stream
from mrak.services.dynamodb.tables import INDEX_ROWS, TABLES, IndexRecord, TableRecord, compile_schema

_CHANGING = frozenset(
    {
        "ProvisionedThroughput",
        "BillingMode",
        "GlobalSecondaryIndexUpdates",
        "StreamSpecification",
        "SSESpecification",
        "ReplicaUpdates",
        "TableClass",
        "DeletionProtectionEnabled",
        "OnDemandThroughput",
        "WarmThroughput",
        "VectorIndexUpdates",
        "MultiRegionConsistency",
        "GlobalTableWitnessUpdates",
        "GlobalTableSettingsReplicationMode",
        "DisassociationProtectionEnabled",
    }
)


@operation("UpdateTable")
def update_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if _CHANGING.isdisjoint(req):
        raise errors.invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
            "SSESpecification or ReplicaUpdates is required"
        )
    updates = req.get("GlobalSecondaryIndexUpdates", [])
    _check_updates(updates)
    rules.check_stream(req.get("StreamSpecification"))
    scope, old = require_table(ctx, tx, req["TableName"], opens=True)
    record = _change_capacity(ctx, old, req)
    record = set_stream(ctx, tx, scope, record, req.get("StreamSpecification"))
    record = _change_settings(ctx, scope, record, req)
    record, shown = _change_indexes(ctx, tx, scope, record, req)
    if "VectorIndexUpdates" in req:
        record = shown = _change_vectors(ctx, tx, scope, record, req)
    TABLES.replace(tx, scope, old, record)
    description = describe.table(tx, scope, shown)
    description["TableStatus"] = "UPDATING"
    return {"TableDescription": description}


def _check_updates(updates: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for update in updates:
        actions = [update[kind] for kind in ("Create", "Update", "Delete") if kind in update]
        if not actions:
            raise errors.invalid_parameter(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        name = actions[0]["IndexName"]
        if name in seen:
            raise errors.invalid_parameter(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )
        seen.add(name)
    if sum("Create" in update or "Delete" in update for update in updates) > 1:
        raise ApiError(
            "LimitExceededException",
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
        )


def _change_capacity(ctx: Context, record: TableRecord, req: Mapping[str, Any]) -> TableRecord:
    billing = req.get("BillingMode", record.billing)
    throughput = req.get("ProvisionedThroughput")
    if billing == "PAY_PER_REQUEST":
        if throughput is not None:
            raise errors.invalid_parameter(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        if not record.is_provisioned:
            return record
        indexes = tuple(structs.replace(index, read_units=0, write_units=0) for index in record.indexes)
        return structs.replace(
            record, billing=billing, read_units=0, write_units=0, pay_per_request_at=ctx.now, indexes=indexes
        )
    if throughput is None:
        if not record.is_provisioned:
            raise errors.invalid_parameter(
                "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
            )
        return record
    rules.check_units(throughput)
    read_units, write_units = throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]
    is_same = (read_units, write_units) == (record.read_units, record.write_units)
    if is_same and record.is_provisioned and "GlobalSecondaryIndexUpdates" not in req:
        raise _unchanged("table", record.name, record.read_units, record.write_units)
    grows = read_units > record.read_units or write_units > record.write_units
    shrinks = record.is_provisioned and (read_units < record.read_units or write_units < record.write_units)
    return structs.replace(
        record,
        billing="PROVISIONED",
        read_units=read_units,
        write_units=write_units,
        increased_at=ctx.now if grows else record.increased_at,
        decreased_at=ctx.now if shrinks else record.decreased_at,
        decreases_today=record.decreases_today + shrinks,
    )


def _unchanged(what: str, name: str, read_units: int, write_units: int) -> Exception:
    return errors.invalid(
        f"The provisioned throughput for the {what} {name} will not change. The requested value equals the current "
        f"value. Current ReadCapacityUnits provisioned for the {what}: {read_units}. "
        f"Requested ReadCapacityUnits: {read_units}. "
        f"Current WriteCapacityUnits provisioned for the {what}: {write_units}. "
        f"Requested WriteCapacityUnits: {write_units}. "
        "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    )


def _change_settings(ctx: Context, scope: Scope, record: TableRecord, req: Mapping[str, Any]) -> TableRecord:
    changes: dict[str, Any] = {}
    if "DeletionProtectionEnabled" in req:
        changes["is_deletion_protected"] = req["DeletionProtectionEnabled"]
    if "TableClass" in req:
        changes["table_class"] = req["TableClass"]
        changes["table_class_at"] = ctx.now
    if "SSESpecification" in req:
        changes["sse"] = new_encryption(scope, req["SSESpecification"], ctx)
    if "OnDemandThroughput" in req:
        changes["on_demand"] = req["OnDemandThroughput"]
    if "WarmThroughput" in req:
        changes["warm"] = {**(record.warm or {}), **req["WarmThroughput"]}
    return structs.replace(record, **changes) if changes else record


def _change_indexes(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]
) -> tuple[TableRecord, TableRecord]:
    """The table with its indexes changed, and as the reply shows it: with those in transition."""
    attributes = dict(record.attributes)
    for definition in req.get("AttributeDefinitions", []):
        attributes[definition["AttributeName"]] = definition["AttributeType"]
    shown: TableRecord = record
    for update in req.get("GlobalSecondaryIndexUpdates", []):
        if "Create" in update:
            record, shown = _create(ctx, tx, scope, structs.replace(record, attributes=attributes), update["Create"])
        elif "Update" in update:
            record = shown = _update(record, update["Update"])
        else:
            record, shown = _delete(tx, scope, record, update["Delete"]["IndexName"])
    return record, shown


def _create(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, definition: Mapping[str, Any]
) -> tuple[TableRecord, TableRecord]:
    name = definition["IndexName"]
    if name in _index_names(record):
        raise errors.invalid_parameter(f"Index {name} already exists")
    taken = {vector.attribute for vector in record.vectors}
    for element in definition["KeySchema"]:
        if element["AttributeName"] in taken:
            raise errors.invalid_parameter(
                f"Key attribute {element['AttributeName']} of index {name} is the vector attribute of a vector index"
            )
    rules.check_global_index(definition, list(record.attributes), record.billing)
    if sum(index.is_global for index in record.indexes) >= rules.MOST_GLOBAL_INDEXES:
        raise ApiError(
            "LimitExceededException",
            "One or more parameter values were invalid: GlobalSecondaryIndex count exceeds the per-table limit of 20",
        )
    index = indexing.new_index(ctx, dict(definition), is_global=True, status="CREATING")
    shown = structs.replace(record, indexes=(*record.indexes, index), attributes=_used(record, (index,)))
    schema = compile_schema(scope, shown)
    reached = indexing.fill_page(tx, schema, index)
    if reached is None:
        filled = structs.replace(index, status="ACTIVE")
    else:
        filled = structs.replace(index, backfilled_to=reached)
        tx.at(indexing.fill_timer(ctx, schema, filled))
    return structs.replace(shown, indexes=(*record.indexes, filled)), shown


def _change_vectors(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]
) -> TableRecord:
    attributes = record.attributes | {
        it["AttributeName"]: it["AttributeType"] for it in req.get("AttributeDefinitions", [])
    }
    for update in req["VectorIndexUpdates"]:
        if "Create" in update:
            record = _create_vector(ctx, tx, scope, structs.replace(record, attributes=attributes), update["Create"])
        elif "Delete" in update:
            name = update["Delete"]["IndexName"]
            index = next((it for it in record.vectors if it.name == name), None)
            if index is None:
                raise _index_not_found(record, name)
            vectors.ROWS.clear(tx, scope, record.number, index.number)
            without = structs.replace(record, vectors=tuple(it for it in record.vectors if it is not index))
            record = structs.replace(without, attributes=_used(without))
        else:
            raise errors.invalid_parameter("One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must not be null")
    return record


def _index_names(record: TableRecord) -> set[str]:
    return {index.name for index in record.indexes} | {vector.name for vector in record.vectors}


def _create_vector(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, definition: Mapping[str, Any]
) -> TableRecord:
    name = definition["IndexName"]
    if name in _index_names(record):
        raise errors.invalid_parameter(f"Index {name} already exists")
    keyed = {key for key, _ in record.keys} | {key for index in record.indexes for key, _ in index.keys}
    rules.check_vector_index(definition, list(record.attributes), keyed)
    index = vectors.new_index(ctx, definition)
    rules.check_same_dimensions([(it.attribute, it.dimensions) for it in (*record.vectors, index)])
    added = structs.replace(record, vectors=(*record.vectors, index))
    added = structs.replace(added, attributes=_used(added))
    indexing.fill_vector(tx, compile_schema(scope, added), index)
    return added


def _used(record: TableRecord, added: tuple[IndexRecord, ...] = ()) -> dict[str, str]:
    """The definitions of the attributes that are keys of something."""
    used = {name for name, _ in record.keys}
    used |= {name for vector in record.vectors for name, _ in vector.search}
    used |= {name for index in (*record.indexes, *added) for name, _ in index.keys}
    return {name: kind for name, kind in record.attributes.items() if name in used}


def _update(record: TableRecord, change: Mapping[str, Any]) -> TableRecord:
    name = change["IndexName"]
    index = next((it for it in record.indexes if it.name == name and it.is_global), None)
    if index is None:
        raise _index_not_found(record, name)
    changes: dict[str, Any] = {}
    throughput = change.get("ProvisionedThroughput")
    if throughput is not None:
        rules.check_units(throughput, name)
        read_units, write_units = throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]
        if (read_units, write_units) == (index.read_units, index.write_units):
            raise _unchanged("index", name, read_units, write_units)
        changes.update(read_units=read_units, write_units=write_units)
    if "OnDemandThroughput" in change:
        changes["on_demand"] = change["OnDemandThroughput"]
    if "WarmThroughput" in change:
        changes["warm"] = {**(index.warm or {}), **change["WarmThroughput"]}
    changed = structs.replace(index, **changes)
    return structs.replace(record, indexes=tuple(changed if it is index else it for it in record.indexes))


def _delete(tx: Transaction, scope: Scope, record: TableRecord, name: str) -> tuple[TableRecord, TableRecord]:
    index = next((it for it in record.indexes if it.name == name and it.is_global), None)
    if index is None:
        raise _index_not_found(record, name)
    INDEX_ROWS.clear(tx, scope, record.number, index.number)
    deleting = structs.replace(index, status="DELETING")
    shown = structs.replace(record, indexes=tuple(deleting if it is index else it for it in record.indexes))
    without = structs.replace(record, indexes=tuple(it for it in record.indexes if it is not index))
    return structs.replace(without, attributes=_used(without)), shown


def _index_not_found(record: TableRecord, name: str) -> Exception:
    return ApiError(
        "ResourceNotFoundException",
        f"Requested resource not found: Index: {name} not found in table: {record.name}",
    )
