"""CreateTable, DescribeTable, UpdateTable, DeleteTable, ListTables, and what is asked of the endpoint itself.

A table is ready when its creation commits; only the reply says CREATING, as AWS's does.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import (
    access,
    accounts,
    capacity,
    describe,
    encryption,
    errors,
    indexing,
    lifecycle,
    members,
    policies,
    replicas,
    rules,
    strong,
    vectors,
)
from mrak.services.dynamodb.tables import TABLES, TableRecord, resolve_name
from mrak.services.dynamodb.throughput import as_of, check_initial_warmth, check_new_limits

_MOST_LISTED = 100
# What is still told of a table that is being deleted.
_KEPT_WHEN_DELETED = (
    *("TableName", "TableStatus", "ProvisionedThroughput", "TableSizeBytes", "ItemCount", "TableArn", "TableId"),
    *("BillingModeSummary", "TableThroughputModeSummary", "TableClassSummary", "OnDemandThroughput"),
    *("StreamSpecification", "LatestStreamLabel", "LatestStreamArn"),
    *("DeletionProtectionEnabled", "Replicas", "SSEDescription"),
)


@operation("CreateTable")
def create_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("DYNAMODB-003")
    req = rules.with_billing_mode(req)
    scope, name = resolve_name(ctx, req["TableName"])
    rules.check_table_name(name)
    access.check(ctx, tx, scope, f"table/{name}", asked=req)
    if "GlobalTableSourceArn" in req:
        if TABLES.open(tx, scope, name) is not None:
            raise errors.table_exists(name)
        return {"TableDescription": describe.table(tx, scope, accounts.join(ctx, tx, scope, name, req), "CREATING")}
    rules.check_new_table(req)
    _check_limits(req)
    check_initial_warmth(req)
    if TABLES.open(tx, scope, name) is not None:
        raise errors.table_exists(name)
    record = new_record(ctx, tx, scope, {**req, "TableName": name}, ctx.draw.uuid())
    if req.get("StreamSpecification", {}).get("StreamEnabled"):
        record = lifecycle.set_stream(ctx, tx, scope, record, req["StreamSpecification"])
    capacity.check(tx, scope, None, record)
    TABLES.insert(tx, scope, record)
    return {"TableDescription": describe.table(tx, scope, record, "CREATING")}


def _check_limits(req: dict[str, Any]) -> None:
    billing = req.get("BillingMode", "PROVISIONED")
    check_new_limits(req.get("OnDemandThroughput", {}), billing)
    for index in req.get("GlobalSecondaryIndexes", []):
        check_new_limits(index.get("OnDemandThroughput", {}), billing, index["IndexName"])


def new_record(ctx: Context, tx: Transaction, scope: Scope, req: dict[str, Any], table_id: str) -> TableRecord:
    """The row of a table that is created."""
    billing = req.get("BillingMode", "PROVISIONED")
    throughput = req.get("ProvisionedThroughput", {})
    indexes = [indexing.new_index(ctx, index, is_global=False) for index in req.get("LocalSecondaryIndexes", [])]
    indexes += [indexing.new_index(ctx, index, is_global=True) for index in req.get("GlobalSecondaryIndexes", [])]
    return TableRecord(
        name=req["TableName"],
        number=ctx.draw.sequence(),
        id=table_id,
        created_at=ctx.now,
        attributes={it["AttributeName"]: it["AttributeType"] for it in req["AttributeDefinitions"]},
        keys=tuple((it["AttributeName"], it["KeyType"]) for it in req["KeySchema"]),
        billing=billing,
        read_units=throughput.get("ReadCapacityUnits", 0),
        write_units=throughput.get("WriteCapacityUnits", 0),
        pay_per_request_at=ctx.now if billing == "PAY_PER_REQUEST" else None,
        on_demand_switches=(ctx.now,) if billing == "PAY_PER_REQUEST" else (),
        indexes=tuple(indexes),
        tags={tag["Key"]: tag["Value"] for tag in req.get("Tags", [])},
        is_deletion_protected=req.get("DeletionProtectionEnabled", False),
        table_class=req.get("TableClass"),
        vectors=tuple(vectors.new_index(ctx, it) for it in req.get("VectorIndexes", [])),
        sse=encryption.new_encryption(ctx, tx, scope, req.get("SSESpecification")),
        on_demand=req.get("OnDemandThroughput") or None,
        warm=req.get("WarmThroughput"),
        policy=policies.normalise(req["ResourcePolicy"]) if "ResourcePolicy" in req else None,
        policy_revision=str(int(ctx.now * 1000)) if "ResourcePolicy" in req else None,
        settings_mode=rules.settings_mode(req.get("GlobalTableSettingsReplicationMode")),
        is_spread_as_aws=True,
        counts_collections=True,
    )


@operation("DescribeTable")
def describe_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = require_table(ctx, tx, req["TableName"])
    description = describe.table(tx, scope, as_of(record, ctx.now))
    accounts.mark_unauthorized(ctx, tx, scope, record, description)
    return {"Table": description}


def require_table(ctx: Context, tx: Transaction, name_or_arn: str, opens: bool = False) -> tuple[Scope, TableRecord]:
    """The table that a table operation names; `opens` it for writing."""
    scope, name = resolve_name(ctx, name_or_arn)
    rules.check_table_name(name)
    record = TABLES.open(tx, scope, name) if opens else TABLES.get(tx, scope, name)
    access.check_table(ctx, tx, scope, name, record)
    if record is None:
        raise errors.table_not_found(name)
    return scope, record


@operation("DeleteTable")
def delete_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    members.check_settled(record)
    if record.is_deletion_protected:
        raise (
            replicas.protected(record.name, scope.region) if record.replicas else errors.deletion_protected(record.name)
        )
    strong.check_deletable(record)
    replicas.check_no_source(ctx, scope, record)
    if any(vector.phase is not None for vector in record.vectors):
        raise errors.in_use("Cannot delete table while indexes are being created, updated, or deleted.")
    units_alone = structs.replace(record, decreases_today=0, increased_at=None, decreased_at=None)
    description = describe.table(tx, scope, units_alone, "DELETING")
    lifecycle.drop_table(ctx, tx, scope, record)
    members.leave(tx, scope, record)
    return {"TableDescription": {name: description[name] for name in _KEPT_WHEN_DELETED if name in description}}


@operation("ListTables")
def list_tables(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx)
    limit = req.get("Limit", _MOST_LISTED)
    names = [
        record.name for record in TABLES.scan(tx, ctx.scope, after=req.get("ExclusiveStartTableName"), limit=limit + 1)
    ]
    output: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        output["LastEvaluatedTableName"] = names[limit - 1]
    return output


@operation("DescribeLimits")
def describe_limits(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx)
    return {
        "AccountMaxReadCapacityUnits": capacity.ACCOUNT_UNITS,
        "AccountMaxWriteCapacityUnits": capacity.ACCOUNT_UNITS,
        "TableMaxReadCapacityUnits": capacity.TABLE_UNITS,
        "TableMaxWriteCapacityUnits": capacity.TABLE_UNITS,
    }


@operation("DescribeEndpoints")
def describe_endpoints(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx)
    address = ctx.endpoint.partition("://")[2]
    return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}
