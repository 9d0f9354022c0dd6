"""The global tables of 2017, which AWS makes no more, and the auto scaling of replicas.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTableReplicaAutoScaling.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, errors, members, replicas, rules, scaling
from mrak.services.dynamodb.scaling_rules import check_scaled, check_scaling
from mrak.services.dynamodb.tables import TABLES, TableRecord, resolve_name

# As AWS lists them where a region is none of them.
_KNOWN_REGIONS = (
    *("ap-east-2", "sa-east-1", "us-gov-west-1", "ca-west-1", "us-west-1", "us-isob-east-1", "us-west-2"),
    *("me-central-1", "cn-north-1", "ap-northeast-1", "ap-northeast-2", "af-south-1", "ca-central-1"),
    *("ap-northeast-3", "us-iso-west-1", "eu-north-1", "il-central-1", "us-gov-east-1", "ap-southeast-1"),
    *("us-east-1", "eu-west-1", "ap-southeast-2", "eu-west-2", "us-east-2", "ap-southeast-3", "eu-west-3"),
    *("ap-southeast-4", "ap-south-1", "eu-south-1", "ap-southeast-5", "ap-south-2", "us-isob-west-1"),
    *("us-isof-south-1", "eu-south-2", "ap-southeast-6", "cn-northwest-1", "ap-southeast-7", "mx-central-1"),
    *("us-northeast-1", "us-iso-east-1", "eu-central-1", "me-south-1", "eu-central-2", "us-isof-east-1", "ap-east-1"),
)
# Of other partitions.
_OTHER_REGIONS = ("cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1")
_LEGACY = (
    "DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables version "
    "2019.11.21, instead of version 2017.11.29 (Legacy)."
)


def _missing(name: str) -> ApiError:
    return _missing_settings(name, "Global table not found: ")


def _missing_settings(name: str, prefix: str = "") -> ApiError:
    return ApiError("GlobalTableNotFoundException", f"{prefix}Global table with name: '{name}' does not exist.")


def _check_regions(member: str, regions: Iterable[str | None]) -> None:
    """In the words of a layer behind, which has a name of its own for where they stand."""
    complaints = []
    for place, region in enumerate(regions, 1):
        if region in _KNOWN_REGIONS:
            continue
        shown = "null" if region is None else f"'{region}'"
        wanted = "not be null" if region is None else f"satisfy enum value set: [{', '.join(_KNOWN_REGIONS)}]"
        path = f"{member}.{place}.member.regionName"
        complaints.append(f"Value {shown} at '{path}' failed to satisfy constraint: Member must {wanted}")
    if complaints:
        count = "1 validation error" if len(complaints) == 1 else f"{len(complaints)} validation errors"
        raise errors.invalid_parameter(f"{count} detected: {'; '.join(complaints)}")


@operation("CreateGlobalTable")
def create_global_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if "GlobalTableName" not in req or "ReplicationGroup" not in req:
        raise errors.invalid("One or more parameter values were invalid")
    rules.check_name_length(req["GlobalTableName"])
    if not req["ReplicationGroup"]:
        raise errors.invalid_parameter("Global table must have atleast one replica")
    _check_regions("replicationGroup", (it.get("RegionName") for it in req["ReplicationGroup"]))
    raise errors.invalid_parameter(_LEGACY)


@operation("UpdateGlobalTable")
def update_global_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    updates = req["ReplicaUpdates"]
    if not updates or any(not update for update in updates):
        raise errors.invalid("One or more parameter values were invalid")
    if any(len(update) > 1 for update in updates):
        raise errors.invalid_parameter(
            "A ReplicaUpdate structure cannot contain both a create replica action and a delete replica action"
        )
    added = [update["Create"]["RegionName"] for update in updates if "Create" in update]
    _check_regions("replicasToAdd", added)
    if added:
        raise errors.invalid_parameter(_LEGACY)
    raise _missing(req["GlobalTableName"])


@operation("DescribeGlobalTable")
def describe_global_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    rules.check_name_length(req["GlobalTableName"])
    raise _missing(req["GlobalTableName"])


@operation("DescribeGlobalTableSettings")
def describe_global_table_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    rules.check_name_length(req["GlobalTableName"])
    raise _missing_settings(req["GlobalTableName"])


@operation("UpdateGlobalTableSettings")
def update_global_table_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    raise _missing_settings(req["GlobalTableName"])


@operation("ListGlobalTables")
def list_global_tables(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """None; a region that is none breaks AWS's own handler."""
    access.check_account(ctx, tx)
    if req.get("RegionName", ctx.scope.region) not in (ctx.scope.region, *replicas.REGIONS, *_OTHER_REGIONS):
        raise ApiError("InternalServerError", "Internal server error", 500)
    return {"GlobalTables": []}


def _require_global(ctx: Context, tx: Transaction, name_or_arn: str) -> tuple[Scope, TableRecord]:
    scope, name = resolve_name(ctx, name_or_arn)
    record = TABLES.get(tx, scope, name)
    access.check_table(ctx, tx, scope, name, record)
    if record is None or not record.replicas:
        raise ApiError("ResourceNotFoundException", f"Global table with name: '{name}' does not exist.")
    return scope, record


def _members(tx: Transaction, scope: Scope, record: TableRecord) -> dict[str, tuple[Scope, TableRecord]]:
    """Everyone by their regions, in the order of the alphabet, the asked one too."""
    found = {scope.region: (scope, record)}
    for replica in record.replicas:
        there = members.scope_of(scope, replica)
        found[there.region] = (there, TABLES.get(tx, there, record.name) or record)
    return dict(sorted(found.items()))


def _scaling(tx: Transaction, scope: Scope, record: TableRecord) -> dict[str, Any]:
    shown = [_scaling_of(tx, there, member) for there, member in _members(tx, scope, record).values()]
    return {"TableAutoScalingDescription": {"TableName": record.name, "TableStatus": "ACTIVE", "Replicas": shown}}


def _scaling_of(tx: Transaction, scope: Scope, record: TableRecord) -> dict[str, Any]:
    kinds = (scaling.READ, scaling.WRITE)
    indexes = [
        {
            "IndexName": index.name,
            "IndexStatus": "ACTIVE",
            **{
                f"Provisioned{kind}CapacityAutoScalingSettings": scaling.settings_of(
                    tx, scope, record, index.name, kind
                )
                for kind in kinds
            },
        }
        for index in record.indexes
        if index.is_global and index.status == "ACTIVE"
    ]
    return {
        "RegionName": scope.region,
        "GlobalSecondaryIndexes": indexes,
        **{
            f"ReplicaProvisioned{kind}CapacityAutoScalingSettings": scaling.settings_of(tx, scope, record, None, kind)
            for kind in kinds
        },
        "ReplicaStatus": "ACTIVE",
    }


@operation("DescribeTableReplicaAutoScaling")
def describe_table_replica_auto_scaling(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _scaling(tx, *_require_global(ctx, tx, req["TableName"]))


@operation("UpdateTableReplicaAutoScaling")
def update_table_replica_auto_scaling(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Writes scale alike everywhere, reads as each region wants. What the request lacks by itself is told before the
    table is looked for; the answer is what there was."""
    check_scaling(resolve_name(ctx, req["TableName"])[1], req)
    scope, record = _require_global(ctx, tx, req["TableName"])
    group = _members(tx, scope, record)
    check_scaled(record, list(group), req)
    changes = list(_changes(group, req))
    if not record.is_provisioned:
        _check_switched_off(record, list(group), req)
    answer = _scaling(tx, scope, record)
    for region, index, kind, settings in changes:
        scaling.change(ctx, tx, group[region][0], scaling.Dimension(record.name, index, kind), settings)
    return answer


def _changes(
    regions: Iterable[str], req: Mapping[str, Any]
) -> Iterator[tuple[str, str | None, str, Mapping[str, Any]]]:
    """(region, index, reads or writes, settings)"""
    for region in regions:
        if "ProvisionedWriteCapacityAutoScalingUpdate" in req:
            yield region, None, scaling.WRITE, req["ProvisionedWriteCapacityAutoScalingUpdate"]
        for update in req.get("GlobalSecondaryIndexUpdates", []):
            yield region, update["IndexName"], scaling.WRITE, update["ProvisionedWriteCapacityAutoScalingUpdate"]
    for update in req.get("ReplicaUpdates", []):
        region = update["RegionName"]
        if "ReplicaProvisionedReadCapacityAutoScalingUpdate" in update:
            yield region, None, scaling.READ, update["ReplicaProvisionedReadCapacityAutoScalingUpdate"]
        for index in update.get("ReplicaGlobalSecondaryIndexUpdates", []):
            yield region, index["IndexName"], scaling.READ, index["ProvisionedReadCapacityAutoScalingUpdate"]


def _check_switched_off(record: TableRecord, regions: Sequence[str], req: Mapping[str, Any]) -> None:
    """What is on demand does not scale; only switching it off passes."""
    wanted = [(index, kind) for _, index, kind, it in _changes(regions, req) if not it.get("AutoScalingDisabled")]
    if not wanted:
        return
    index, kind = wanted[0]
    parameter = "ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate"
    if kind == scaling.WRITE:
        parameter = "GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate"
        if index is not None:
            parameter = "GlobalTableGlobalSecondaryIndexSettingsUpdate"
    shown = ", ".join(f"'{region.upper()}'" for region in regions)
    raise errors.invalid(
        f"Failed to update global table with name ‘{record.name}‘. Replicas {shown} BillingMode is PayPerRequest. "
        f"You must convert table's BillingMode to PROVISIONED to set parameters: '{parameter}'."
    )
