"""What a restore may change of the table that it restores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrak.core.context import Context
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.tables import IndexRecord, TableRecord

_MUST_OVERRIDE = "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED"


def check_recovery(req: Mapping[str, Any]) -> None:
    """That one table and one moment are named."""
    if "SourceTableArn" in req and "SourceTableName" in req:
        raise _refused("Must provide exactly one of: sourceTableArn, sourceTableName")
    if "SourceTableArn" not in req and "SourceTableName" not in req:
        raise errors.invalid("The parameter 'TableName' is required but was not present in the request")
    if req.get("UseLatestRestorableTime") and "RestoreDateTime" in req:
        raise _refused(
            "Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time restore request. "
            "Please specify either RestoreDateTime time or UseLatestRestorableTime"
        )
    if not req.get("UseLatestRestorableTime") and "RestoreDateTime" not in req:
        raise _refused("Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both")


def check_region(ctx: Context, origin: Scope, req: Mapping[str, Any]) -> None:
    """What comes from another region says with which key it is encrypted in this one."""
    if origin.region != ctx.scope.region and "SSESpecificationOverride" not in req:
        raise _refused("sseSpecificationOverride must be provided for cross-region restores")


def check_overrides(source: TableRecord, req: Mapping[str, Any]) -> None:
    billing = req.get("BillingModeOverride")
    has_units = "ProvisionedThroughputOverride" in req
    if billing == "PAY_PER_REQUEST" and has_units:
        raise _refused("Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST")
    if billing == "PROVISIONED" and not has_units and not source.is_provisioned:
        raise _refused(_MUST_OVERRIDE)
    if billing is None and has_units and not source.is_provisioned:
        raise _refused("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED")
    is_on_demand = (billing or source.billing) == "PAY_PER_REQUEST"
    for name, count in req.get("OnDemandThroughputOverride", {}).items():
        if count == 0 or count < -1:
            raise _refused(f"Requested {name} for OnDemandThroughput is outside of valid range")
        if not is_on_demand:
            raise _refused(
                f"Cannot override {name} for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST"
            )
    for parameter, is_global in (("LocalSecondaryIndexOverride", False), ("GlobalSecondaryIndexOverride", True)):
        for index in req.get(parameter, []):
            if not any(_is_same(it, index) for it in source.indexes if it.is_global == is_global):
                raise _refused(
                    f"Index {index['IndexName']} does not match a secondary index that existed in the source table "
                    "and cannot be created during the restore operation"
                )
    _check_index_units(source, req)


def _check_index_units(source: TableRecord, req: Mapping[str, Any]) -> None:
    """A global index has units of its own if, and only if, the restored table is provisioned."""
    billing = req.get("BillingModeOverride")
    is_provisioned = (billing or source.billing) == "PROVISIONED"
    if "GlobalSecondaryIndexOverride" not in req:
        kept = next((index.name for index in source.indexes if index.is_global), None)
        if kept is not None and is_provisioned and not source.is_provisioned:
            raise _refused(f"{_MUST_OVERRIDE} for index {kept}")
        return
    for index in req["GlobalSecondaryIndexOverride"]:
        name, has_units = index["IndexName"], "ProvisionedThroughput" in index
        if is_provisioned and not has_units:
            raise _refused(f"Must specify provisioned throughput for index {name}")
        if has_units and not is_provisioned:
            why = "if BillingMode is overridden to PAY_PER_REQUEST" if billing else "unless BillingMode is PROVISIONED"
            raise _refused(f"Cannot override ProvisionedThroughput {why} for index {name}")


def _is_same(known: IndexRecord, wanted: Mapping[str, Any]) -> bool:
    """By keys and projection: a restored index may have another name."""
    keys = tuple((it["AttributeName"], it["KeyType"]) for it in wanted["KeySchema"])
    projection = wanted["Projection"]
    included = sorted(projection.get("NonKeyAttributes", ()))
    kind = projection.get("ProjectionType")
    return (keys, kind, included) == (known.keys, known.projection, sorted(known.included))


def _refused(why: str) -> Exception:
    return errors.invalid(f"Invalid Request: {why}")
