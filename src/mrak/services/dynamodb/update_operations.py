"""UpdateTable: throughput and billing, indexes, the stream, and what else of a table can change.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import (
    accounts,
    capacity,
    describe,
    errors,
    indexing,
    lifecycle,
    members,
    replicas,
    rules,
    scaling,
    shards,
    strong,
    throughput,
    vectors,
)
from mrak.services.dynamodb.encryption import new_encryption
from mrak.services.dynamodb.table_operations import require_table
from mrak.services.dynamodb.tables import INDEX_ROWS, TABLES, IndexRecord, TableRecord, compile_schema, used_attributes
from mrak.services.dynamodb.update_rules import check_update, effective, one_online_index

# What is changed at once; everything else leaves the table UPDATING for a while.
_IMMEDIATE = (
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
    "SSESpecification",
    "GlobalTableSettingsReplicationMode",
)

# The reply to a change says no more of the other members.
_TOLD_OF_REPLICAS = {"RegionName", "ReplicaArn", "ReplicaStatus", "GlobalTableSettingsReplicationMode"}


@operation("UpdateTable")
def update_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    req = effective(rules.with_billing_mode(req))
    check_update(req)
    scope, old = require_table(ctx, tx, req["TableName"], opens=True)
    members.check_settled(old)
    if old.replicas and "GlobalTableSettingsReplicationMode" in req:
        raise errors.invalid("GlobalTableSettingsReplicationMode can only be changed for a Regional Table.")
    if "ReplicaUpdates" in req:
        replicas.check_permitted(ctx, tx, scope, old.name, req["ReplicaUpdates"])
        change = strong.update if strong.concerns(old, req) else replicas.update
        changed = change(ctx, tx, scope, old, req)
        TABLES.replace(tx, scope, old, changed)
        shown = structs.replace(changed, replicas=old.replicas, witness=old.witness) if _adds_replicas(req) else old
    else:
        shown = _update_member(ctx, tx, scope, old, req)
        _update_others(ctx, tx, scope, old, req)
        if old.replicas and req.get("BillingMode") == "PROVISIONED" and not old.is_provisioned:
            for there in (scope, *(members.scope_of(scope, it) for it in old.replicas)):
                scaling.begin(ctx, tx, there, old.name)
    if old.replicas:
        # A group takes its time with everything.
        shown = structs.replace(shown, on_demand=old.on_demand, is_deletion_protected=old.is_deletion_protected)
    description = describe.table(tx, scope, throughput.as_of(shown, ctx.now))
    if shown.billing != old.billing:
        description["WarmThroughput"].update(throughput.warm_units(old))
    _mark_transition(description, req, bool(old.replicas))
    if _adds_replicas(req):
        description.update(describe.group(tx, scope, shown))
    for replica in description.get("Replicas", []):
        for name in replica.keys() - _TOLD_OF_REPLICAS:
            del replica[name]
    return {"TableDescription": description}


def _mark_transition(description: dict[str, Any], req: Mapping[str, Any], is_group: bool) -> None:
    """What the reply says of changes that take AWS a while: old values, and that they are being updated."""
    if is_group or not _is_immediate(req):
        description["TableStatus"] = "UPDATING"
    if "WarmThroughput" in req:
        description["WarmThroughput"]["Status"] = "UPDATING"
    if "OnDemandThroughput" in req and not is_group:
        known = description.get("OnDemandThroughput", {})
        cleared = {name: -1 for name, units in req["OnDemandThroughput"].items() if units == -1}
        description["OnDemandThroughput"] = {**known, **cleared}
    indexes = {it["IndexName"]: it for it in description.get("GlobalSecondaryIndexes", [])}
    for update in req.get("GlobalSecondaryIndexUpdates", []):
        for kind, change in update.items():
            if kind == "Create":
                indexes[change["IndexName"]].update(Backfilling=False, IndexSizeBytes=0, ItemCount=0)
            if kind == "Update" and "WarmThroughput" in change:
                indexes[change["IndexName"]]["WarmThroughput"]["Status"] = "UPDATING"


def _adds_replicas(req: Mapping[str, Any]) -> bool:
    return any("Create" in update for update in req.get("ReplicaUpdates", []))


def _is_immediate(req: Mapping[str, Any]) -> bool:
    if any(name in req for name in _IMMEDIATE):
        return True
    changes_capacity = "ProvisionedThroughput" in req or "BillingMode" in req
    updates = req.get("GlobalSecondaryIndexUpdates")
    return updates is not None and not changes_capacity and all("Update" in update for update in updates)


def _update_others(ctx: Context, tx: Transaction, scope: Scope, old: TableRecord, req: Mapping[str, Any]) -> None:
    """Changes the other members of a global table in the same way, where the change is the group's."""
    group_wide = accounts.GROUP_WIDE if members.span_accounts(old) else replicas.GROUP_WIDE
    shared = {name: value for name, value in req.items() if name in group_wide}
    if not shared:
        return
    for replica in old.replicas:
        there = members.scope_of(scope, replica)
        member = TABLES.open(tx, there, old.name)
        if member is not None:
            _update_member(ctx, tx, there, member, _without_known_units(member, shared))


def _without_known_units(record: TableRecord, req: Mapping[str, Any]) -> dict[str, Any]:
    """A member with reads of its own may have had already what the others get now."""

    def is_known(units: Mapping[str, int] | None, it: TableRecord | IndexRecord | None) -> bool:
        known = None if it is None else {"ReadCapacityUnits": it.read_units, "WriteCapacityUnits": it.write_units}
        return units is not None and units == known

    out = dict(req)
    if record.is_provisioned and is_known(req.get("ProvisionedThroughput"), record):
        del out["ProvisionedThroughput"]
    indexes = {index.name: index for index in record.indexes}
    changes = [it.get("Update", {}) for it in req.get("GlobalSecondaryIndexUpdates", [])]
    known = [it for it in changes if is_known(it.get("ProvisionedThroughput"), indexes.get(it.get("IndexName", "")))]
    if record.is_provisioned and known:
        updates = req["GlobalSecondaryIndexUpdates"]
        out["GlobalSecondaryIndexUpdates"] = [it for it in updates if it.get("Update") not in known]
    return out


def _update_member(
    ctx: Context, tx: Transaction, scope: Scope, old: TableRecord, req: Mapping[str, Any]
) -> TableRecord:
    """Changes one table; the table as the reply shows it, with old capacity and indexes in transition."""
    if (old.is_strong or members.span_accounts(old)) and req.get("BillingMode") == "PROVISIONED":
        raise scaling.not_scaled()
    if old.vectors and req.get("BillingMode") == "PROVISIONED":
        if req.get("VectorIndexUpdates"):
            raise errors.invalid_parameter("Tables with vector indexes must be in PAY_PER_REQUEST mode")
        rules.check_vector_billing("PROVISIONED")
    record = throughput.change_billing(ctx, old, req)
    record = lifecycle.set_stream(ctx, tx, scope, record, req.get("StreamSpecification"))
    record = _change_settings(ctx, tx, scope, record, req)
    record, shown = _change_indexes(ctx, tx, scope, record, req)
    if "VectorIndexUpdates" in req:
        record = shown = _change_vectors(ctx, tx, scope, record, req)
    capacity.check(tx, scope, old, record)
    TABLES.replace(tx, scope, old, shards.split(ctx, tx, scope, record))
    if record.billing == old.billing:
        shown = structs.replace(shown, read_units=old.read_units, write_units=old.write_units)
    elif record.is_provisioned:
        shown = structs.replace(shown, increased_at=ctx.now)
    else:
        shown = structs.replace(shown, decreased_at=ctx.now)
    return structs.replace(
        shown,
        decreases_today=old.decreases_today,
        pay_per_request_at=old.pay_per_request_at,
        table_class=old.table_class,
        warm=old.warm,
        table_class_at=old.table_class_at,
        # The key is still the old one, if there was any.
        sse={**(old.sse or {}), "Status": "UPDATING"} if "SSESpecification" in req else old.sse,
    )


def _change_settings(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]
) -> TableRecord:
    changes: dict[str, Any] = {}
    if "DeletionProtectionEnabled" in req:
        changes["is_deletion_protected"] = req["DeletionProtectionEnabled"]
    if "DisassociationProtectionEnabled" in req:
        if not record.replicas or record.is_strong:
            raise errors.invalid("Disassociation protection is a setting of replicas of eventually consistent tables.")
        changes["is_disassociation_protected"] = req["DisassociationProtectionEnabled"]
    if "GlobalTableSettingsReplicationMode" in req:
        changes["settings_mode"] = rules.settings_mode(req["GlobalTableSettingsReplicationMode"])
    if "TableClass" in req and req["TableClass"] != (record.table_class or "STANDARD"):
        changes["table_class"] = req["TableClass"]
        changes["table_class_at"] = ctx.now
    if "SSESpecification" in req:
        changes["sse"] = _change_encryption(ctx, tx, scope, record, req["SSESpecification"])
    for name in ("OnDemandThroughput", "WarmThroughput"):
        if req.get(name) == {}:
            raise ApiError("InternalFailure", "", 500)
    if "OnDemandThroughput" in req:
        changes["on_demand"] = throughput.limits(req["OnDemandThroughput"], record.on_demand, record.billing)
    if "WarmThroughput" in req:
        changes["warm"] = throughput.warmer(req["WarmThroughput"], throughput.warm_units(record))
    return structs.replace(record, **changes) if changes else record


def _change_encryption(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, wanted: Mapping[str, Any]
) -> dict[str, Any] | None:
    encryption = new_encryption(ctx, tx, scope, dict(wanted))
    if encryption is None and record.sse is None:
        raise errors.invalid_parameter("Table is already encrypted by default")
    if record.sse is not None and wanted.get("KMSMasterKeyId") == record.sse["KMSMasterKeyArn"]:
        raise errors.invalid_parameter(
            "Table is already encrypted with given KMSMasterKeyId. "
            "Use KMSMasterKeyId parameter if you want to change Master Key"
        )
    return encryption


def _change_indexes(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]
) -> tuple[TableRecord, TableRecord]:
    """The table with its indexes changed, and as the reply shows it: with each of those in transition."""
    given = _given_definitions(req)
    shown: TableRecord = record
    for update in req.get("GlobalSecondaryIndexUpdates", []):
        if "Update" not in update and any(vector.phase is not None for vector in record.vectors):
            raise one_online_index()
        if "Create" in update:
            if "AttributeDefinitions" not in req:
                name = update["Create"]["IndexName"]
                raise errors.invalid_parameter(f"AttributeDefinitions is not specified for index: {name}")
            record, index = _create(ctx, tx, scope, record, update["Create"], given)
            shown = structs.replace(shown, indexes=(*shown.indexes, index), attributes=record.attributes)
        elif "Update" in update:
            record = _update(ctx, record, update["Update"])
            source = record if req.get("BillingMode") == "PROVISIONED" else shown
            shown = _with_index(shown, _updating(source, update["Update"]))
        else:
            record, index = _delete(tx, scope, record, update["Delete"]["IndexName"])
            shown = _with_index(shown, index)
    return record, shown


def _given_definitions(req: Mapping[str, Any]) -> dict[str, str]:
    return {it["AttributeName"]: it["AttributeType"] for it in req.get("AttributeDefinitions", [])}


def _create(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    record: TableRecord,
    definition: Mapping[str, Any],
    given: Mapping[str, str],
) -> tuple[TableRecord, IndexRecord]:
    """Adds an index, which is returned as it is being created. The request has to define its key attributes, the
    table's own too."""
    name = definition["IndexName"]
    if name in _index_names(record):
        raise errors.invalid("Attempting to create an index which already exists")
    has_units = "ProvisionedThroughput" in definition
    if record.is_provisioned and not has_units:
        raise errors.invalid_parameter(
            f"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}"
        )
    if has_units and not record.is_provisioned:
        raise errors.invalid_parameter(
            f"Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when BillingMode is "
            "PAY_PER_REQUEST"
        )
    rules.check_global_index(definition, list(given), record.billing)
    throughput.check_new_limits(definition.get("OnDemandThroughput", {}), record.billing, name)
    _check_known_keys(record, definition, given)
    record = structs.replace(record, attributes={**given, **record.attributes})
    if sum(index.is_global for index in record.indexes) >= rules.MOST_GLOBAL_INDEXES:
        raise ApiError(
            "LimitExceededException",
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of "
            f"{rules.MOST_GLOBAL_INDEXES}",
        )
    index = indexing.new_index(ctx, dict(definition), is_global=True, status="CREATING")
    added = structs.replace(record, indexes=(*record.indexes, index))
    added = structs.replace(added, attributes=used_attributes(added))
    schema = compile_schema(scope, added)
    reached = indexing.fill_page(tx, schema, index)
    if reached is None:
        filled = structs.replace(index, status="ACTIVE")
    else:
        filled = structs.replace(index, backfilled_to=reached)
        tx.at(indexing.fill_timer(ctx, schema, filled))
    return _with_index(added, filled), index


def _change_vectors(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]
) -> TableRecord:
    given = _given_definitions(req)
    defined = list(given)
    for update in req["VectorIndexUpdates"]:
        if len(update) > 1:
            raise errors.invalid_parameter("Only one vector index action is allowed per VectorIndexUpdate object")
        if "Create" in update:
            if any(vector.phase is not None for vector in record.vectors) or _is_filling(record):
                raise one_online_index()
            widened = structs.replace(record, attributes={**given, **record.attributes})
            record = _create_vector(ctx, tx, scope, widened, update["Create"], defined)
        elif "Delete" in update:
            name = update["Delete"]["IndexName"]
            index = next((it for it in record.vectors if it.name == name), None)
            if index is None:
                raise errors.no_index(name, record.name)
            if index.phase == "ALLOCATING":
                raise errors.in_use(
                    "Index creation is in resource allocation phase. Retry deletion during backfilling phase or when "
                    f"the index is active. Table: {record.name} Index: {name}"
                )
            vectors.ROWS.clear(tx, scope, record.number, index.number)
            without = structs.replace(record, vectors=tuple(it for it in record.vectors if it is not index))
            record = structs.replace(without, attributes=used_attributes(without))
        else:
            raise errors.invalid_parameter("One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must not be null")
    return record


def _is_filling(record: TableRecord) -> bool:
    return any(index.status != "ACTIVE" for index in record.indexes)


def _index_names(record: TableRecord) -> set[str]:
    return {index.name for index in record.indexes} | {vector.name for vector in record.vectors}


def _check_known_keys(record: TableRecord, definition: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """What is a key of the table or of another index has its type, and what is a vector is no key."""
    new = [(element["AttributeName"], element["KeyType"]) for element in definition["KeySchema"]]
    changed = {name for name, _ in new if record.attributes.get(name, given[name]) != given[name]}
    lengths = {vector.attribute: vector.dimensions for vector in record.vectors}
    existing = next((_vector_schema(name, lengths[name]) for name, _ in new if name in lengths), None)
    existing = existing or _keyed_schema(record, changed)
    if existing is not None:
        raise _redefined(existing, f"Schema:[{_elements(new, given)}]")


def _check_known_attribute(record: TableRecord, definition: Mapping[str, Any]) -> None:
    """An attribute that is a key of something has its type, and one that has a vector index its length."""
    name, dimensions = definition["VectorAttribute"]["AttributeName"], definition["Dimensions"]
    known = next((it.dimensions for it in record.vectors if it.attribute == name), dimensions)
    existing = _keyed_schema(record, {name})
    if existing is None and known != dimensions:
        existing = _vector_schema(name, known)
    if existing is not None:
        raise _redefined(existing, _vector_schema(name, dimensions))


def _keyed_schema(record: TableRecord, names: set[str]) -> str | None:
    """The first key schema with one of these attributes."""
    schemas = (record.keys, *(index.keys for index in record.indexes))
    found = next((keys for keys in schemas if any(name in names for name, _ in keys)), None)
    return None if found is None else f"Schema:[{_elements(found, record.attributes)}]"


def _elements(keys: Sequence[tuple[str, str]], types: Mapping[str, str]) -> str:
    return ", ".join(f"SchemaElement: key{{{name}:{types[name]}:{role}}}" for name, role in keys)


def _vector_schema(name: str, dimensions: int) -> str:
    return f"VectorIndexSchema:[VectorAttribute: key{{{name}:L:{dimensions}}}]"


def _redefined(existing: str, new: str) -> Exception:
    return errors.invalid_parameter(
        "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. "
        f"Existing schema: {existing} New schema: {new}"
    )


def _create_vector(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    record: TableRecord,
    definition: Mapping[str, Any],
    defined: list[str],
) -> TableRecord:
    if definition["IndexName"] in _index_names(record):
        raise errors.invalid("Attempting to create an index which already exists")
    rules.check_vector_billing(record.billing)
    rules.check_vector_index(definition, defined)
    rules.check_vector_attribute(definition, defined)
    _check_known_attribute(record, definition)
    if len(record.vectors) >= rules.MOST_VECTOR_INDEXES:
        raise ApiError(
            "LimitExceededException",
            "Subscriber limit exceeded: Number of vector secondary indexes exceeds per-table limit of "
            f"{rules.MOST_VECTOR_INDEXES}",
        )
    index = structs.replace(vectors.new_index(ctx, definition), phase="ALLOCATING")
    added = structs.replace(record, vectors=(*record.vectors, index))
    added = structs.replace(added, attributes=used_attributes(added))
    indexing.fill_vector(tx, compile_schema(scope, added), index)
    tx.at(indexing.phase_timer(ctx.now, scope, added, index))
    return added


def _with_index(record: TableRecord, index: IndexRecord) -> TableRecord:
    """The table with this index instead of the one of its name."""
    return structs.replace(record, indexes=tuple(index if it.name == index.name else it for it in record.indexes))


def _updating(record: TableRecord, change: Mapping[str, Any]) -> IndexRecord:
    index = next(it for it in record.indexes if it.name == change["IndexName"])
    takes_time = change.keys() & {"ProvisionedThroughput", "OnDemandThroughput"}
    return structs.replace(index, status="UPDATING") if takes_time else index


def _require_index(record: TableRecord, name: str, verb: str) -> IndexRecord:
    index = next((it for it in record.indexes if it.name == name), None)
    if index is None:
        raise errors.no_index(name, record.name)
    if not index.is_global:
        raise errors.invalid(f"Cannot {verb} an index that is not a GlobalSecondaryIndex: {name}")
    return index


def _update(ctx: Context, record: TableRecord, change: Mapping[str, Any]) -> TableRecord:
    name = change["IndexName"]
    if "WarmThroughput" in change and all(it.name != name for it in record.indexes):
        raise ApiError("InternalFailure", "", 500)
    index = _require_index(record, name, "update")
    units = change.get("ProvisionedThroughput")
    is_empty = not any(value for name, value in change.items() if name != "IndexName")
    if not record.is_provisioned and (is_empty or units is not None):
        raise errors.invalid_parameter(
            f"The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to "
            "OnDemandThroughput, WarmThroughput"
        )
    changed = index
    if units is not None:
        rules.check_units(units, name)
        changed = throughput.change_index(ctx, record, index, units)
    if "OnDemandThroughput" in change:
        limits = throughput.limits(change["OnDemandThroughput"], index.on_demand, record.billing, name)
        changed = structs.replace(changed, on_demand=limits)
    if "WarmThroughput" in change:
        warm = throughput.warmer(change["WarmThroughput"], throughput.warm_units(record, index), name)
        changed = structs.replace(changed, warm=warm)
    return _with_index(record, changed)


def _delete(tx: Transaction, scope: Scope, record: TableRecord, name: str) -> tuple[TableRecord, IndexRecord]:
    """Removes an index, which is returned as it is being deleted."""
    index = _require_index(record, name, "delete")
    INDEX_ROWS.clear(tx, scope, record.number, index.number)
    without = structs.replace(record, indexes=tuple(it for it in record.indexes if it is not index))
    return structs.replace(without, attributes=used_attributes(without)), structs.replace(index, status="DELETING")
