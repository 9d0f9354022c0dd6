"""What a template's AWS::DynamoDB::GlobalTable says of capacity, as the operations take it.

Writes are said once for all regions, reads with each replica, and the same of each index.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Properties = Mapping[str, Any]
_READS, _WRITES = ("Read", "ReadProvisionedThroughputSettings"), ("Write", "WriteProvisionedThroughputSettings")


def capacity(owner: Properties, replica: Properties) -> dict[str, Any]:
    """ProvisionedThroughput or OnDemandThroughput, from what is said of a table or an index and of its replica."""
    out: dict[str, Any] = {}
    units = {
        f"{kind}CapacityUnits": count
        for (kind, name), said in ((_READS, replica), (_WRITES, owner))
        if (count := _units(kind, said.get(name, {}))) is not None
    }
    if units:
        out["ProvisionedThroughput"] = units
    limits = {**replica.get("ReadOnDemandThroughputSettings", {}), **owner.get("WriteOnDemandThroughputSettings", {})}
    if limits:
        out["OnDemandThroughput"] = limits
    return out


def _units(kind: str, settings: Properties) -> Any:
    scaling = settings.get(f"{kind}CapacityAutoScalingSettings", {})
    return settings.get(f"{kind}CapacityUnits", scaling.get("SeedCapacity", scaling.get("MinCapacity")))


def index_replica(replica: Properties, name: str) -> Properties:
    found: Properties = next((it for it in replica.get("GlobalSecondaryIndexes", []) if it["IndexName"] == name), {})
    return found


def creation(replica: Properties) -> dict[str, Any]:
    """The settings of a further region's replica, as its creation takes them."""
    action = {"RegionName": replica["Region"], **_overrides(replica)}
    if "TableClass" in replica:
        action["TableClassOverride"] = replica["TableClass"]
    key = replica.get("SSESpecification", {}).get("KMSMasterKeyId")
    if key is not None:
        action["KMSMasterKeyId"] = key
    indexes = [
        {"IndexName": it["IndexName"], **overrides}
        for it in replica.get("GlobalSecondaryIndexes", [])
        if (overrides := _overrides(it))
    ]
    return {**action, "GlobalSecondaryIndexes": indexes} if indexes else action


def _overrides(replica: Properties) -> dict[str, Any]:
    out: dict[str, Any] = {}
    reads = replica.get("ReadProvisionedThroughputSettings", {})
    if "ReadCapacityUnits" in reads:
        out["ProvisionedThroughputOverride"] = reads
    if "ReadOnDemandThroughputSettings" in replica:
        out["OnDemandThroughputOverride"] = replica["ReadOnDemandThroughputSettings"]
    return out


def scaled(table: Properties, replica: Properties) -> Iterator[tuple[str | None, str, dict[str, Any]]]:
    """(index, reads or writes, settings) of what scales in one region."""
    parts: list[tuple[str | None, Properties, Properties]] = [(None, table, replica)]
    for index in table.get("GlobalSecondaryIndexes", []):
        parts.append((index["IndexName"], index, index_replica(replica, index["IndexName"])))
    for name, owner, own in parts:
        for (kind, member), said in ((_READS, own), (_WRITES, owner)):
            settings = said.get(member, {}).get(f"{kind}CapacityAutoScalingSettings")
            if settings is not None:
                yield name, kind, settings


def target(name: str, index: str | None, kind: str) -> dict[str, str]:
    """How Application Auto Scaling names it."""
    return {
        "ServiceNamespace": "dynamodb",
        "ResourceId": f"table/{name}" if index is None else f"table/{name}/index/{index}",
        "ScalableDimension": f"dynamodb:{'table' if index is None else 'index'}:{kind}CapacityUnits",
    }


def scaling_of_reads(table: Properties, replica: Properties) -> dict[str, Any] | None:
    """A replica's part of UpdateTableReplicaAutoScaling."""
    out: dict[str, Any] = {}
    indexes = []
    for index, kind, settings in scaled(table, replica):
        if kind == "Read" and index is None:
            out["ReplicaProvisionedReadCapacityAutoScalingUpdate"] = settings_update(settings)
        elif kind == "Read":
            update = {"ProvisionedReadCapacityAutoScalingUpdate": settings_update(settings)}
            indexes.append({"IndexName": index, **update})
    if indexes:
        out["ReplicaGlobalSecondaryIndexUpdates"] = indexes
    return {"RegionName": replica["Region"], **out} if out else None


def changed_scaling(old: Properties, new: Properties) -> dict[str, Any]:
    """UpdateTableReplicaAutoScaling's changes of writes, and of the reads of replicas that stay."""
    out: dict[str, Any] = {}
    before, after = ({index: it for index, kind, it in scaled(said, {}) if kind == "Write"} for said in (old, new))
    changed = {index: settings_update(it) for index, it in after.items() if it != before.get(index)}
    if None in changed:
        out["ProvisionedWriteCapacityAutoScalingUpdate"] = changed.pop(None)
    if changed:
        out["GlobalSecondaryIndexUpdates"] = [
            {"IndexName": index, "ProvisionedWriteCapacityAutoScalingUpdate": it} for index, it in changed.items()
        ]
    known = {it["Region"]: scaling_of_reads(old, it) for it in old.get("Replicas", [])}
    reads = [(it["Region"], scaling_of_reads(new, it)) for it in new.get("Replicas", [])]
    updates = [it for region, it in reads if it is not None and region in known and it != known[region]]
    return {**out, "ReplicaUpdates": updates} if updates else out


def settings_update(settings: Properties) -> dict[str, Any]:
    """AutoScalingSettingsUpdate."""
    tracking = {"TargetTrackingScalingPolicyConfiguration": settings["TargetTrackingScalingPolicyConfiguration"]}
    bounds = {"MinimumUnits": settings["MinCapacity"], "MaximumUnits": settings["MaxCapacity"]}
    return {**bounds, "ScalingPolicyUpdate": tracking}
