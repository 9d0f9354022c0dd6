"""What AWS refuses of a change to the auto scaling of replicas.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTableReplicaAutoScaling.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mrak.core.errors import ApiError
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.tables import TableRecord

# In the order in which AWS tells them.
_SETTINGS = ("MaximumUnits", "ScalingPolicyUpdate", "MinimumUnits")


def check_scaling(name: str, req: Mapping[str, Any]) -> None:
    """The request by itself: settings are whole, or switch off."""
    failed = f"Failed to update settings for global table with name: ‘{name}’ because"
    if not req.keys() - {"TableName"}:
        raise errors.invalid(f"{failed} at least one update parameter must be specified.")
    _check_settings(name, req.get("ProvisionedWriteCapacityAutoScalingUpdate"))
    _check_indexes(name, req.get("GlobalSecondaryIndexUpdates", []), "ProvisionedWriteCapacityAutoScalingUpdate")
    updates = req.get("ReplicaUpdates", [])
    regions = [update["RegionName"] for update in updates]
    doubled = [region for region in dict.fromkeys(regions) if regions.count(region) > 1]
    if doubled:
        raise errors.invalid(f"{failed} the regions: ‘[{', '.join(doubled)}]’ were specified more than once.")
    for update in updates:
        if not update.keys() - {"RegionName"}:
            raise errors.invalid(
                f"{failed} at least one update parameter must be specified for region: ‘{update['RegionName']}’."
            )
        _check_settings(name, update.get("ReplicaProvisionedReadCapacityAutoScalingUpdate"))
        indexes = update.get("ReplicaGlobalSecondaryIndexUpdates", [])
        _check_indexes(name, indexes, "ProvisionedReadCapacityAutoScalingUpdate")


def _check_indexes(name: str, updates: Sequence[Mapping[str, Any]], member: str) -> None:
    """An index without a name breaks AWS's own handler."""
    for update in updates:
        if "IndexName" not in update:
            raise ApiError("InternalServerError", "Internal server error", 500)
        if member not in update:
            raise errors.invalid(
                f"Failed to update settings for global table with name: ‘{name}’ because at least one update parameter "
                f"must be specified for global secondary index with name: ‘{update['IndexName']}’."
            )
        _check_settings(name, update[member])


def _check_settings(name: str, settings: Mapping[str, Any] | None) -> None:
    if settings is None:
        return
    failed = "Failed to update settings for global table with name"
    given = [f"'{it}'" for it in _SETTINGS if it in settings]
    if settings.get("AutoScalingDisabled"):
        if given:
            raise errors.invalid(
                f"{failed} ‘{name}’: Parameters {', '.join(given)} must be left blank when disabling auto scaling."
            )
        return
    missing = [f"'{it}'" for it in _SETTINGS if it not in settings]
    if missing:
        raise errors.invalid(
            f"{failed}: ‘{name}’: Parameters {', '.join(missing)} are required unless auto scaling is being disabled."
        )


def check_scaled(record: TableRecord, members: Sequence[str], req: Mapping[str, Any]) -> None:
    """That the regions and indexes are there."""
    indexes = [index.name for index in record.indexes if index.is_global]
    unknown = [it["IndexName"] for it in req.get("GlobalSecondaryIndexUpdates", []) if it["IndexName"] not in indexes]
    if unknown:
        raise _missing(record, f"the global secondary indexes with names: ‘[{', '.join(unknown)}]’ do not exist.")
    updates = req.get("ReplicaUpdates", [])
    strangers = [update["RegionName"] for update in updates if update["RegionName"] not in members]
    if strangers:
        raise _missing(record, f"a replica does not exist in regions: ‘[{', '.join(strangers)}]’.")
    for update in updates:
        for index in update.get("ReplicaGlobalSecondaryIndexUpdates", []):
            if index["IndexName"] not in indexes:
                raise _missing(
                    record,
                    f"a global secondary index with name: ‘{index['IndexName']}’ does not exist in region: "
                    f"‘{update['RegionName']}’.",
                )


def _missing(record: TableRecord, why: str) -> ApiError:
    failed = f"Failed to update settings for global table with name: ‘{record.name}’ because"
    return ApiError("ResourceNotFoundException", f"{failed} {why}")
