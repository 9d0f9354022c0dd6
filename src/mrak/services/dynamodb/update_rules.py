"""What one UpdateTable may ask for, without looking at the table: almost always one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mrak.core.errors import ApiError
from mrak.services.dynamodb import errors, rules

_SETTINGS = (
    ("ProvisionedThroughput", "ProvisionedThroughput"),
    ("BillingMode", "BillingMode"),
    ("StreamSpecification", "UpdateStreamEnabled"),
    ("GlobalSecondaryIndexUpdates", "GlobalSecondaryIndexUpdates"),
    ("SSESpecification", "SSESpecification"),
    ("ReplicaUpdates", "ReplicaUpdates"),
    ("", "MultiAccountReplicaReady"),
    ("", "ReplicaTransitRoleArn"),
    ("MultiRegionConsistency", "MultiRegionConsistency"),
    ("DeletionProtectionEnabled", "DeletionProtectionEnabled"),
    ("OnDemandThroughput", "OnDemandThroughput"),
    ("WarmThroughput", "WarmThroughput"),
    ("TableClass", "TableClass"),
)
# Given alone these change nothing, so they do not count.
_NO_CHANGES = frozenset({"TableName", "AttributeDefinitions", "MultiRegionConsistency", "GlobalTableWitnessUpdates"})
# An empty list of these does not count either.
_INDEX_UPDATES = ("GlobalSecondaryIndexUpdates", "VectorIndexUpdates")
_LONERS = (
    ("ReplicaUpdates", "Replica modification must be the only operation in the request"),
    ("SSESpecification", "Server-Side Encryption modification must be the only operation in the request"),
    ("TableClass", "TableClass modification must be the only operation in the request"),
    ("DeletionProtectionEnabled", "DeletionProtection modification must be the only operation in the request"),
    (
        "DisassociationProtectionEnabled",
        "DisassociationProtection modification must be the only operation in the request",
    ),
    ("WarmThroughput", "WarmThroughput must be the only operation in the request"),
)


def effective(req: Mapping[str, Any]) -> dict[str, Any]:
    """The request without empty limits and empty warm throughput, if it asks for something else too."""
    given = req.keys() - _NO_CHANGES
    hollow = {name for name in ("OnDemandThroughput", "WarmThroughput") if req.get(name) == {}}
    return {name: value for name, value in req.items() if name not in hollow or given == hollow}


def check_update(req: Mapping[str, Any]) -> None:
    """UpdateTable's parameters, in AWS's order."""
    has_no_updates = req.get("GlobalSecondaryIndexUpdates") == []
    req = {name: value for name, value in req.items() if value != [] or name not in _INDEX_UPDATES}
    if not req.keys() - _NO_CHANGES:
        raise _nothing_to_do(req)
    if has_no_updates:
        raise errors.invalid_parameter("List of GlobalSecondaryIndexUpdates is empty")
    rules.check_table_class(req.get("TableClass"))
    _check_warm_indexes(req.get("GlobalSecondaryIndexUpdates", []))
    _check_combination(req)
    check_index_updates(req.get("GlobalSecondaryIndexUpdates", ()))
    online = [update for name in _INDEX_UPDATES for update in req.get(name, ())]
    if sum("Create" in update or "Delete" in update for update in online) > 1:
        raise one_online_index()
    check_new_stream(req.get("StreamSpecification"))
    _check_billing(req)


def _nothing_to_do(req: Mapping[str, Any]) -> Exception:
    names = [shown for parameter, shown in _SETTINGS if parameter not in req]
    return errors.invalid(f"At least one of {', '.join(names[:-1])} or {names[-1]} is required")


def _check_combination(req: Mapping[str, Any]) -> None:
    changed = req.keys() - _NO_CHANGES
    if "ReplicaUpdates" in changed and len(changed) > 1 and not req.keys().isdisjoint(_NO_CHANGES - {"TableName"}):
        raise errors.invalid_parameter("Requests that modify replicas or witnesses must not also modify other fields")
    for parameter, message in _LONERS:
        if parameter in changed and len(changed) > 1:
            if parameter == "WarmThroughput" and _adds_or_drops(req, "Create"):
                message = "Create global secondary index cannot be specified when updating WarmThroughput"
            raise errors.invalid_parameter(message)
    if "OnDemandThroughput" in changed and changed - {"OnDemandThroughput", "BillingMode"}:
        raise errors.invalid_parameter(
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request"
        )
    is_capacity = "ProvisionedThroughput" in changed or req.get("BillingMode") == "PROVISIONED"
    is_index = _adds_or_drops(req, "Create", "Delete")
    if "StreamSpecification" in changed and is_capacity:
        raise errors.invalid_parameter("You cannot modify stream status while updating table IOPS")
    if is_index and is_capacity:
        raise errors.invalid_parameter("You cannot create or delete index while updating table IOPS")
    if is_index and "StreamSpecification" in changed:
        raise errors.invalid_parameter("You cannot create or delete index while changing stream status")


def _check_warm_indexes(updates: Sequence[Mapping[str, Any]]) -> None:
    for update in updates:
        for change in update.values():
            if change.get("WarmThroughput") == {}:
                raise errors.invalid_parameter(
                    "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for "
                    f"index: {change['IndexName']}"
                )


def _adds_or_drops(req: Mapping[str, Any], *actions: str) -> bool:
    return any(action in update for update in req.get("GlobalSecondaryIndexUpdates", []) for action in actions)


def check_index_updates(updates: Sequence[Mapping[str, Any]]) -> None:
    seen: set[str] = set()
    for update in updates:
        actions = [update[kind] for kind in ("Create", "Update", "Delete") if kind in update]
        if not actions:
            raise errors.invalid_parameter(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        if len(actions) > 1:
            raise errors.invalid_parameter(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"
            )
        name = actions[0]["IndexName"]
        if name in seen:
            raise errors.invalid_parameter(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )
        seen.add(name)


def one_online_index() -> ApiError:
    return ApiError(
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
    )


def check_new_stream(specification: Mapping[str, Any] | None) -> None:
    if specification is None:
        return
    if specification["StreamEnabled"] and "StreamViewType" not in specification:
        raise errors.invalid_parameter("If stream is being enabled then UpdateViewType is required")
    if not specification["StreamEnabled"] and "StreamViewType" in specification:
        raise errors.invalid_parameter("If stream is being disabled, then UpdateViewType must not be specified")


def _check_billing(req: Mapping[str, Any]) -> None:
    billing, has_units = req.get("BillingMode"), "ProvisionedThroughput" in req
    if billing == "PAY_PER_REQUEST" and has_units:
        raise errors.invalid_parameter("ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST")
    if billing == "PROVISIONED" and not has_units:
        raise errors.invalid_parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
    if has_units:
        rules.check_units(req["ProvisionedThroughput"])
