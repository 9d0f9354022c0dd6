"""What a member of a global table knows of the others: a list in its record, in the order in which they came."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.tables import TABLES, TableRecord


def scope_of(scope: Scope, replica: dict[str, Any]) -> Scope:
    """Where another member is; its account is named where members are of several."""
    there = scope.in_region(replica["RegionName"])
    account: str | None = replica.get("account")
    return there if account is None else there.in_account(account)


def span_accounts(record: TableRecord) -> bool:
    return any("account" in replica for replica in record.replicas)


def relist(tx: Transaction, scope: Scope, name: str, region: str, entry: dict[str, Any] | None) -> None:
    """Tells one member about another: that it is there and how, or that it is gone."""
    record = TABLES.open(tx, scope, name)
    if record is None:
        return
    listed = [it for it in record.replicas if it["RegionName"] != region]
    if entry is not None:
        listed.append(entry)
    TABLES.replace(tx, scope, record, structs.replace(record, replicas=tuple(listed)))


def with_entry(record: TableRecord, region: str, changes: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The list with something changed about one region; None takes it away."""
    entries = [it | changes if it["RegionName"] == region else it for it in record.replicas]
    return tuple({name: value for name, value in it.items() if value is not None} for it in entries)


def leave(tx: Transaction, scope: Scope, record: TableRecord) -> None:
    """Takes a table that is deleted or stands alone again off the lists of the others."""
    for replica in record.replicas:
        relist(tx, scope_of(scope, replica), record.name, scope.region, None)


def status_of(record: TableRecord) -> str:
    """While one member is being created, the others are updated."""
    if record.transition is not None:
        return record.transition
    return "UPDATING" if any("status" in replica for replica in record.replicas) else "ACTIVE"


def check_settled(record: TableRecord) -> None:
    status = status_of(record)
    if status != "ACTIVE":
        raise errors.in_use(f"Table is being {'created' if status == 'CREATING' else 'updated'}: {record.name}")


def deletes_expired(scope: Scope, record: TableRecord) -> bool:
    """Whether time to live deletes here: one member does, and the others get its deletions as any other."""
    if record.transition == "CREATING":
        return False
    return all("status" in replica or scope.region < replica["RegionName"] for replica in record.replicas)
