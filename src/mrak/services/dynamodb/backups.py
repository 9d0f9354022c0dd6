"""Backups: copies of a table's rows, taken in the transaction that makes them.

    dynamodb.backup   account region BACKUP place -> the row as it was

Deleting a table with point-in-time recovery leaves a system backup, which nobody can delete; a timer does, after as
many days as the table could be restored for.
"""

from __future__ import annotations

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.services.dynamodb.spaces import RowSpace
from mrak.services.dynamodb.tables import ITEMS, TableRecord, row_size_bytes
from mrak.store.keys import prefix_end
from mrak.store.tables import Table

_DAY_SECONDS = 86_400.0

BACKUP_ROWS = RowSpace("dynamodb.backup")


class BackupRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A backup: the table as it was described, and the number under which its rows lie."""

    id: str
    number: int
    name: str
    table: TableRecord
    created_at: float
    size_bytes: int
    item_count: int
    # Of system backups only.
    expires_at: float | None = None


BACKUPS = Table("dynamodb.backups", BackupRecord, key=("id",))


def take(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, name: str, is_system: bool = False
) -> BackupRecord:
    number = ctx.draw.sequence()
    # The time is in the number, in milliseconds.
    now = int(ctx.now * 1000) / 1000
    source, target = ITEMS.prefix(scope, record.number), BACKUP_ROWS.prefix(scope, number)
    size_bytes = count = 0
    for key, row in tx.scan(source, prefix_end(source)):
        tx.put(target + key[len(source) :], row)
        size_bytes += row_size_bytes(row)
        count += 1
    backup = BackupRecord(
        id=f"{round(now * 1000):014d}-{'00000000' if is_system else ctx.draw.hex(8)}",
        number=number,
        name=name,
        table=record,
        created_at=now,
        size_bytes=size_bytes,
        item_count=count,
        expires_at=now + record.pitr_days * _DAY_SECONDS if is_system else None,
    )
    BACKUPS.lock(tx, scope, backup.id)
    BACKUPS.insert(tx, scope, backup)
    return backup


def take_last(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> None:
    """The system backup of a table that is about to be deleted."""
    backup = take(ctx, tx, scope, record, f"{record.name}$DeletedTableBackup", is_system=True)
    assert backup.expires_at is not None
    tx.at(
        Timer(
            kind="dynamodb.backup",
            key=f"{backup.number}",
            due_at=backup.expires_at,
            scope=scope,
            payload=backup.id.encode(),
        )
    )


def drop(tx: Transaction, scope: Scope, backup: BackupRecord) -> None:
    BACKUPS.delete(tx, scope, backup)
    BACKUP_ROWS.clear(tx, scope, backup.number)


@timer("dynamodb.backup")
def expire(ctx: Context, tx: Transaction, timer: Timer) -> None:
    """The end of a system backup."""
    backup = BACKUPS.open(tx, timer.scope, timer.payload.decode())
    if backup is not None:
        drop(tx, timer.scope, backup)
