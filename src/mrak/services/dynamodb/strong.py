"""Global tables that are strongly consistent across regions.

Such a group has three members, or two and a witness, in regions that can have such. It is made at once, of an empty
table, and taken apart at once. A witness holds no table. A write is made in all members in one transaction; so no
request ever meets another region's in the middle of its work.
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
_REGIONS = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-2"),
        *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"),
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    }
)
_SET_TO_STRONG = "for global tables with MultiRegionConsistency set to STRONG"


def concerns(record: TableRecord, req: Mapping[str, Any]) -> bool:
    return record.is_strong or "MultiRegionConsistency" in req or "GlobalTableWitnessUpdates" in req


def update(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]) -> TableRecord:
    """UpdateTable's ReplicaUpdates and GlobalTableWitnessUpdates."""
    deviation("DYNAMODB-010")
    kind, actions = replicas.parse_actions(req["ReplicaUpdates"])
    witness_kind, witness = _parse_witness(req.get("GlobalTableWitnessUpdates", []))
    consistency = req.get("MultiRegionConsistency")
    if consistency is not None and kind != "Create":
        raise errors.invalid(
            "Only Replica Create actions are supported when MultiRegionConsistency parameter is provided."
        )
    if witness_kind == "Create" and consistency != "STRONG":
        raise errors.invalid(
            "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present."
        )
    if witness_kind is not None and witness_kind != kind:
        raise errors.invalid("A witness can only be created or deleted together with a replica of the global table.")
    if kind == "Create":
        return _create(ctx, tx, scope, record, req)
    if kind == "Update":
        for action in actions:
            settings = {name: value for name, value in action.items() if name != "RegionName"}
            record = replicas.override(ctx, tx, scope, record, action["RegionName"], settings)
        return record
    if kind == "Disassociate":
        raise errors.invalid("Replicas of a global table with MultiRegionConsistency STRONG cannot be disassociated.")
    for action in actions:
        replicas.check_remote(scope, action["RegionName"])
    return _dissolve(ctx, tx, scope, record, [it["RegionName"] for it in actions], witness)


def _parse_witness(updates: list[dict[str, Any]]) -> tuple[str | None, str | None]:
    """(kind, region) of the one witness that a request speaks of."""
    actions = [(kind, action["RegionName"]) for it in updates for kind, action in it.items()]
    if not updates:
        return None, None
    if len(actions) != 1:
        raise errors.invalid("GlobalTableWitnessUpdates must contain exactly one witness action.")
    return actions[0]


def _create(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    record: TableRecord,
    req: Mapping[str, Any],
) -> TableRecord:
    """A group of the table, in AWS's order of checks: the request by itself, then the table."""
    _, actions = replicas.parse_actions(req["ReplicaUpdates"])
    _, witness = _parse_witness(req.get("GlobalTableWitnessUpdates", []))
    regions = [it["RegionName"] for it in actions]
    is_strong = req.get("MultiRegionConsistency") == "STRONG"
    if is_strong:
        _check_shape(scope, regions, witness)
    if "MultiRegionConsistency" in req and (record.is_strong or (is_strong and record.replicas)):
        raise errors.invalid("MultiRegionConsistency parameter is unsupported on existing global table")
    if record.is_strong:
        raise errors.invalid("Cannot add replicas to a global table with strong MultiRegionConsistency")
    if not is_strong:
        return replicas.update(ctx, tx, scope, record, req)
    _check_table(tx, scope, record)
    for region in regions:
        replicas.check_addable(tx, scope, record, region)
    record = structs.replace(record, is_strong=True, witness=witness)
    for action in actions:
        settings = {name: value for name, value in action.items() if name != "RegionName"}
        record = replicas.add(ctx, tx, scope, record, action["RegionName"], settings)
    return record


def _check_shape(scope: Scope, regions: list[str], witness: str | None) -> None:
    for region in regions:
        replicas.check_remote(scope, region)
    if 1 + len(set(regions)) + (witness is not None) != _MEMBERS:
        raise errors.invalid(f"Unsupported replica count {_SET_TO_STRONG}.")
    everyone = dict.fromkeys([scope.region, *regions, *([witness] if witness is not None else [])])
    unsupported = [region for region in everyone if region not in _REGIONS]
    if unsupported:
        raise errors.invalid(f"Unsupported Region(s) specified {_SET_TO_STRONG}: [{', '.join(unsupported)}].")
    if witness in regions:
        raise errors.invalid("Cannot target multiple regions with the same action")
    if witness == scope.region:
        raise errors.invalid(
            "Cannot add a witness in the same region as an existing replica when creating a global table with "
            "MultiRegionConsistency set to STRONG."
        )


def _check_table(tx: Transaction, scope: Scope, record: TableRecord) -> None:
    """What a table has to be for a group to be made of it."""
    prefix = ITEMS.prefix(scope, record.number)
    if any(True for _ in tx.scan(prefix, prefix_end(prefix), 1)):
        raise errors.invalid("MultiRegionConsistency can only be set to STRONG for a table that is empty.")
    if any(not index.is_global for index in record.indexes):
        raise errors.invalid("Local secondary indexes are not supported with MultiRegionConsistency set to STRONG.")
    if record.ttl is not None and record.ttl.is_enabled:
        raise ttl_refused()


def _dissolve(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, regions: list[str], witness: str | None
) -> TableRecord:
    """The table is a table of one region again."""
    for region in regions:
        replicas.check_member(record, region)
    if witness is not None and witness != record.witness:
        raise errors.invalid(
            "Update global table operation failed because one or more witnesses were not part of the global table. "
            f"Please retry the request without these witnesses: [{witness}]."
        )
    if len(set(regions)) != len(record.replicas):
        raise _one_only()
    if witness != record.witness:
        raise errors.invalid("Update table delete operation does not include all witnesses.")
    for region in regions:
        record = replicas.remove(ctx, tx, scope, record, region)
    return structs.replace(record, is_strong=False, witness=None)


def _one_only() -> Exception:
    return errors.invalid(f"Deletion of only one table replica is not supported {_SET_TO_STRONG}.")


def check_transactions(record: TableRecord) -> None:
    if record.is_strong:
        raise errors.invalid(
            "Transactions are not supported for global tables with MultiRegionConsistency set to STRONG"
        )


def check_deletable(record: TableRecord) -> None:
    if record.is_strong:
        raise _one_only()


def ttl_refused() -> Exception:
    return errors.invalid("Time to live is not supported for global tables with MultiRegionConsistency set to STRONG")
