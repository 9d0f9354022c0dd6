"""Global tables that are strongly consistent across regions.

Such a group has three members, or two and a witness, in regions of one set. It is made at once, of an empty table, and
taken apart at once. A witness holds no table. Members write in one transaction, as all groups do here; so no request
ever meets another region's in the middle of its work.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors, replicas
from mrak.services.dynamodb.tables import ITEMS, TableRecord
from mrak.store.keys import prefix_end

_MEMBERS = 3
_REGION_SETS = (
    frozenset({"us-east-1", "us-east-2", "us-west-2"}),
    frozenset({"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"}),
    frozenset({"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"}),
)


def concerns(record: TableRecord, req: Mapping[str, Any]) -> bool:
    return record.is_strong or req.get("MultiRegionConsistency") == "STRONG" or "GlobalTableWitnessUpdates" in req


def update(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]) -> TableRecord:
    """UpdateTable's ReplicaUpdates and GlobalTableWitnessUpdates."""
    deviation("DYNAMODB-010")
    kind, actions = replicas.parse_actions(req["ReplicaUpdates"])
    witness_kind, witness = _parse_witness(req.get("GlobalTableWitnessUpdates", []))
    if witness_kind is not None and witness_kind != kind:
        raise errors.invalid("A witness can only be created or deleted together with a replica of the global table.")
    if kind == "Update":
        for action in actions:
            settings = {name: value for name, value in action.items() if name != "RegionName"}
            record = replicas.override(tx, scope, record, action["RegionName"], settings)
        return record
    if kind == "Disassociate":
        raise errors.invalid("Replicas of a global table with MultiRegionConsistency STRONG cannot be disassociated.")
    for action in actions:
        replicas.check_remote(scope, action["RegionName"])
    if kind == "Delete":
        return _dissolve(ctx, tx, scope, record, [it["RegionName"] for it in actions], witness)
    _check_new(tx, scope, record, req)
    return _form(ctx, tx, scope, record, actions, witness)


def _parse_witness(updates: list[dict[str, Any]]) -> tuple[str | None, str | None]:
    """(kind, region) of the one witness that a request speaks of."""
    actions = [(kind, action["RegionName"]) for it in updates for kind, action in it.items()]
    if not updates:
        return None, None
    if len(actions) != 1:
        raise errors.invalid("GlobalTableWitnessUpdates must contain exactly one witness action.")
    return actions[0]


def _check_new(tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]) -> None:
    """What a table has to be for a group to be made of it."""
    if record.replicas:
        raise errors.invalid(
            "Replicas and witnesses cannot be added to an existing global table "
            "and its MultiRegionConsistency cannot be changed."
        )
    if req.get("MultiRegionConsistency") != "STRONG":
        raise errors.invalid("A witness requires a global table with MultiRegionConsistency set to STRONG.")
    prefix = ITEMS.prefix(scope, record.number)
    if any(True for _ in tx.scan(prefix, prefix_end(prefix), 1)):
        raise errors.invalid("MultiRegionConsistency can only be set to STRONG for a table that is empty.")
    if any(not index.is_global for index in record.indexes):
        raise errors.invalid("Local secondary indexes are not supported with MultiRegionConsistency set to STRONG.")
    if record.ttl is not None and record.ttl.is_enabled:
        raise ttl_refused()


def _form(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, actions: list[dict[str, Any]], witness: str | None
) -> TableRecord:
    regions = [it["RegionName"] for it in actions]
    everyone = {scope.region, *regions} | ({witness} if witness is not None else set())
    if len(everyone) != _MEMBERS or 1 + len(actions) + (witness is not None) != _MEMBERS:
        raise errors.invalid(
            "Unsupported table replica count for global tables with MultiRegionConsistency set to STRONG"
        )
    for region in regions:
        replicas.check_addable(tx, scope, record, region)
    if not any(everyone <= known for known in _REGION_SETS):
        raise errors.invalid(
            "Replicas and witness of a global table with MultiRegionConsistency set to STRONG must be within one "
            "Region set."
        )
    record = structs.replace(record, is_strong=True, witness=witness)
    for action in actions:
        settings = {name: value for name, value in action.items() if name != "RegionName"}
        record = replicas.add(ctx, tx, scope, record, action["RegionName"], settings)
    return record


def _dissolve(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, regions: list[str], witness: str | None
) -> TableRecord:
    """The table is a table of one region again."""
    for region in regions:
        replicas.check_member(record, region)
    if len(set(regions)) != len(record.replicas) or witness != record.witness:
        raise errors.invalid(
            "All other replicas, and the witness, of a global table with MultiRegionConsistency set to STRONG must be "
            "deleted in one request."
        )
    for region in regions:
        record = replicas.remove(ctx, tx, scope, record, region)
    return structs.replace(record, is_strong=False, witness=None)


def check_transactions(record: TableRecord) -> None:
    if record.is_strong:
        raise errors.invalid(
            "Transactions are not supported for global tables with MultiRegionConsistency set to STRONG"
        )


def check_deletable(record: TableRecord) -> None:
    if record.is_strong:
        raise errors.invalid(
            "A replica of a global table with MultiRegionConsistency set to STRONG cannot be deleted by itself. "
            "Delete the other replicas, and the witness, first."
        )


def ttl_refused() -> Exception:
    return errors.invalid("Time to live is not supported for global tables with MultiRegionConsistency set to STRONG")
