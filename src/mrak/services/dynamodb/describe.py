"""A table's description, rendered from its record."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.dynamodb import members, streams, vectors
from mrak.services.dynamodb.tables import (
    INDEX_ROWS,
    ITEMS,
    TABLES,
    IndexRecord,
    TableRecord,
    row_size_bytes,
    table_arn,
)
from mrak.services.dynamodb.throughput import warm_units
from mrak.services.dynamodb.vectors import VectorRecord
from mrak.store.keys import prefix_end

# AWS refreshes sizes every six hours; here the count is exact and the size is measured on the first rows.
_MEASURED_ROWS = 1000
_READS = "MaxReadRequestUnits"


def table(tx: Transaction, scope: Scope, record: TableRecord, status: str = "ACTIVE") -> dict[str, Any]:
    """TableDescription."""
    count, size_bytes = measure(tx, ITEMS.prefix(scope, record.number))
    out: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in sorted(record.attributes.items())
        ],
        "TableName": record.name,
        "KeySchema": key_schema(record.keys),
        "TableStatus": _status(record) if status == "ACTIVE" else status,
        "CreationDateTime": in_milliseconds(record.created_at),
        "ProvisionedThroughput": _throughput(record),
        "TableSizeBytes": size_bytes,
        "ItemCount": count,
        "TableArn": table_arn(scope, record.name),
        "TableId": record.id,
        "DeletionProtectionEnabled": record.is_deletion_protected,
    }
    out.update(_billing(record, status))
    _add_indexes(tx, scope, record, out, status)
    if record.vectors:
        out["VectorIndexes"] = [vector_of(tx, scope, record, vector, status) for vector in record.vectors]
    _add_stream(scope, record, out)
    for name, value in (
        ("SSEDescription", record.sse),
        ("OnDemandThroughput", record.on_demand),
        ("RestoreSummary", record.restored),
    ):
        if value is not None:
            out[name] = value
    if record.settings_mode is not None:
        out["GlobalTableSettingsReplicationMode"] = record.settings_mode
    if record.replicas:
        out["DisassociationProtectionEnabled"] = record.is_disassociation_protected
        out.update(group(tx, scope, record))
        if record.witness is not None:
            out["GlobalTableWitnesses"] = [{"RegionName": record.witness, "WitnessStatus": "ACTIVE"}]
    if record.table_class is not None:
        out["TableClassSummary"] = _table_class(record)
    if status not in ("CREATING", "DELETING") or record.warm is not None:
        out["WarmThroughput"] = _warm(record, None, status)
    return out


def in_milliseconds(moment: float) -> float:
    """AWS tells no times of tables more exactly."""
    return round(moment * 1_000_000) // 1000 / 1000


def restoring(description: dict[str, Any], record: TableRecord) -> dict[str, Any]:
    """TableDescription as AWS tells it while a table is being restored, which says less than CreateTable's."""
    hidden = ("DeletionProtectionEnabled", "TableThroughputModeSummary")
    out = {name: value for name, value in description.items() if name not in hidden}
    out.update(BillingModeSummary={"BillingMode": record.billing}, ItemCount=0, TableSizeBytes=0)
    indexes = [*out.get("LocalSecondaryIndexes", []), *out.get("GlobalSecondaryIndexes", [])]
    for index in indexes:
        index.update(ItemCount=0, IndexSizeBytes=0)
        index.pop("IndexStatus", None)
    for part in (out, *indexes):
        if not record.is_provisioned and "ProvisionedThroughput" in part:
            del part["ProvisionedThroughput"]["NumberOfDecreasesToday"]
    return out


def group(tx: Transaction, scope: Scope, record: TableRecord) -> dict[str, Any]:
    """What is said of a global table from the moment on at which its first replica is asked for."""
    out: dict[str, Any] = {
        "GlobalTableSettingsReplicationMode": _mode_of_group(record),
        "GlobalTableVersion": "2019.11.21",
    }
    if record.replicas:
        out["Replicas"] = [_replica_of(tx, scope, record, it) for it in record.replicas]
    return {**out, "MultiRegionConsistency": "STRONG"} if record.is_strong else out


def _status(record: TableRecord) -> str:
    return "UPDATING" if is_allocating(record) else members.status_of(record)


def _mode_of_group(record: TableRecord) -> str:
    return "ENABLED" if members.span_accounts(record) else "ENABLED_WITH_OVERRIDES"


def is_allocating(record: TableRecord) -> bool:
    return any(vector.phase == "ALLOCATING" for vector in record.vectors)


def measure(tx: Transaction, prefix: bytes) -> tuple[int, int]:
    """(rows, bytes) under a prefix."""
    end = prefix_end(prefix)
    count = tx.count(prefix, end)
    sizes = [row_size_bytes(row) for _, row in tx.scan(prefix, end, _MEASURED_ROWS)]
    total = sum(sizes)
    return count, total if count <= len(sizes) else total * count // len(sizes)


def key_schema(keys: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": role} for name, role in keys]


def projection(index: IndexRecord) -> dict[str, Any]:
    out: dict[str, Any] = {"ProjectionType": index.projection}
    if index.included:
        out["NonKeyAttributes"] = sorted(index.included)
    return out


def _throughput(it: TableRecord | IndexRecord) -> dict[str, Any]:
    out: dict[str, Any] = {
        "NumberOfDecreasesToday": it.decreases_today,
        "ReadCapacityUnits": it.read_units,
        "WriteCapacityUnits": it.write_units,
    }
    if it.increased_at is not None:
        out["LastIncreaseDateTime"] = in_milliseconds(it.increased_at)
    if it.decreased_at is not None:
        out["LastDecreaseDateTime"] = in_milliseconds(it.decreased_at)
    return out


def _billing(record: TableRecord, status: str) -> dict[str, Any]:
    """Tables that were never on demand have no summary; those that are about to be have no time in it.

    Since the summer of 2026 AWS tells it under a second name as well.
    """
    if record.pay_per_request_at is None and record.is_provisioned:
        return {}
    summary: dict[str, Any] = {"BillingMode": record.billing}
    if status != "CREATING" and record.pay_per_request_at is not None:
        summary["LastUpdateToPayPerRequestDateTime"] = in_milliseconds(record.pay_per_request_at)
    newer = {"TableThroughputMode" if name == "BillingMode" else name: value for name, value in summary.items()}
    return {"BillingModeSummary": summary, "TableThroughputModeSummary": newer}


def _warm(record: TableRecord, index: IndexRecord | None, status: str) -> dict[str, Any]:
    return {**warm_units(record, index), "Status": "ACTIVE" if status == "ACTIVE" else "UPDATING"}


def _replica_of(tx: Transaction, scope: Scope, record: TableRecord, replica: dict[str, Any]) -> dict[str, Any]:
    """ReplicaDescription: what differs there, and how its capacity is, once it is there."""
    if "status" in replica:
        return {"RegionName": replica["RegionName"], "ReplicaStatus": replica["status"]}
    there = members.scope_of(scope, replica)
    member = TABLES.get(tx, there, record.name)
    out: dict[str, Any] = {
        "RegionName": replica["RegionName"],
        "ReplicaStatus": "ACTIVE",
        "WarmThroughput": _warm(record, None, "ACTIVE"),
        "GlobalTableSettingsReplicationMode": _mode_of_group(record),
    }
    if "account" in replica:
        out["ReplicaArn"] = table_arn(there, record.name)
    if "KMSMasterKeyId" in replica:
        out["KMSMasterKeyId"] = replica["KMSMasterKeyId"]
    if member is not None:
        out.update(_reads_apart(record, member))
        if member.table_class is not None:
            out["ReplicaTableClassSummary"] = _table_class(member)
    theirs = {index.name: index for index in (member or record).indexes}
    indexes = [
        {
            "IndexName": index.name,
            **_reads_apart(index, theirs.get(index.name, index)),
            "WarmThroughput": _warm(record, index, "ACTIVE"),
        }
        for index in record.indexes
        if index.is_global
    ]
    if indexes:
        out["GlobalSecondaryIndexes"] = indexes
    return out


def _reads_apart(own: TableRecord | IndexRecord, theirs: TableRecord | IndexRecord) -> dict[str, Any]:
    """The units or the limit of another member's reads, if it is not one's own."""
    if theirs.read_units != own.read_units:
        return {"ProvisionedThroughputOverride": {"ReadCapacityUnits": theirs.read_units}}
    limit = (theirs.on_demand or {}).get(_READS)
    if limit is None or limit == (own.on_demand or {}).get(_READS):
        return {}
    return {"OnDemandThroughputOverride": {_READS: limit}}


def _table_class(record: TableRecord) -> dict[str, Any]:
    out: dict[str, Any] = {"TableClass": record.table_class}
    if record.table_class_at is not None:
        out["LastUpdateDateTime"] = in_milliseconds(record.table_class_at)
    return out


def _add_indexes(tx: Transaction, scope: Scope, record: TableRecord, out: dict[str, Any], status: str) -> None:
    for name, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        found = [index_of(tx, scope, record, index, status) for index in record.indexes if index.is_global == is_global]
        if found:
            out[name] = found


def index_of(
    tx: Transaction, scope: Scope, record: TableRecord, index: IndexRecord, status: str = "ACTIVE"
) -> dict[str, Any]:
    count, size_bytes = measure(tx, INDEX_ROWS.prefix(scope, record.number, index.number))
    out: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": key_schema(index.keys),
        "Projection": projection(index),
        "IndexSizeBytes": size_bytes,
        "ItemCount": count,
        "IndexArn": f"{table_arn(scope, record.name)}/index/{index.name}",
    }
    if not index.is_global:
        return out
    out["IndexStatus"] = status if status in ("CREATING", "DELETING") else index.status
    if index.status == "CREATING" and status != "CREATING":
        out["Backfilling"] = True
    out["ProvisionedThroughput"] = _throughput(index)
    if index.on_demand is not None:
        out["OnDemandThroughput"] = index.on_demand
    if status != "CREATING":
        out["WarmThroughput"] = _warm(record, index, status)
    return out


def vector_of(
    tx: Transaction, scope: Scope, record: TableRecord, vector: VectorRecord, status: str = "ACTIVE"
) -> dict[str, Any]:
    prefix = vectors.ROWS.prefix(scope, record.number, vector.number)
    count = tx.count(prefix, prefix_end(prefix))
    size_bytes = sum(len(row) for _, row in tx.scan(prefix, prefix_end(prefix), _MEASURED_ROWS))
    if count > _MEASURED_ROWS:
        size_bytes = size_bytes * count // _MEASURED_ROWS
    shown: dict[str, Any] = {"ProjectionType": vector.projection}
    if vector.included:
        shown["NonKeyAttributes"] = list(vector.included)
    out: dict[str, Any] = {
        "IndexName": vector.name,
        "VectorAttribute": {"AttributeName": vector.attribute},
        "Dimensions": vector.dimensions,
        "DistanceFunction": vector.function,
        "Projection": shown,
        "IndexStatus": status if status in ("CREATING", "DELETING") else "CREATING" if vector.phase else "ACTIVE",
        "IndexSizeBytes": size_bytes,
        "ItemCount": count,
        "IndexArn": f"{table_arn(scope, record.name)}/index/{vector.name}",
    }
    if vector.phase is not None:
        out["Backfilling"] = vector.phase == "BACKFILLING"
    if vector.search:
        out["SearchSchema"] = [{"AttributeName": name, "SearchSchemaElementType": kind} for name, kind in vector.search]
    return out


def _add_stream(scope: Scope, record: TableRecord, out: dict[str, Any]) -> None:
    stream = record.stream
    if stream is None:
        return
    if stream.is_enabled:
        out["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream.view}
    out["LatestStreamLabel"] = stream.label
    out["LatestStreamArn"] = streams.stream_arn(scope, record.name, stream.label)
