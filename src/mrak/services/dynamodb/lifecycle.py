"""What begins and ends with a table: its streams, and all of its rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.dynamodb import backups, errors, history, shards, vectors
from mrak.services.dynamodb.streams import STREAMS, StreamIndex
from mrak.services.dynamodb.tables import COLLECTIONS, INDEX_ROWS, ITEMS, TABLES, UNDER_WAY, StreamRecord, TableRecord
from mrak.services.dynamodb.trimming import first_timer


def set_stream(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, specification: dict[str, Any] | None
) -> TableRecord:
    """Starts a new stream, or ends the one there is."""
    if specification is None:
        return record
    current = record.stream
    if not specification["StreamEnabled"]:
        if current is None or not current.is_enabled:
            raise errors.invalid(f"Table has no stream to disable: TableName: {record.name}")
        if record.replicas and not record.is_strong:
            raise errors.invalid_parameter("Disabling Stream is not allowed for a Global Table replica.")
        end_stream(ctx, tx, scope, record)
        return structs.replace(record, stream=structs.replace(current, is_enabled=False))
    if current is not None and current.is_enabled:
        raise errors.invalid(f"Table already has an enabled stream: TableName: {record.name}")
    moment = datetime.fromtimestamp(ctx.now, UTC)
    label = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}"
    stream = StreamRecord(
        number=ctx.draw.sequence(), view=specification["StreamViewType"], label=label, created_at=ctx.now
    )
    STREAMS.lock(tx, scope, record.name, label)
    entry = StreamIndex(
        table=record.name,
        label=label,
        number=stream.number,
        view=stream.view,
        created_at=ctx.now,
        keys=record.keys,
        has_shards=True,
    )
    STREAMS.insert(tx, scope, entry)
    tx.at(first_timer(scope, entry))
    return structs.replace(record, stream=shards.open_first(ctx, tx, scope, record, stream))


def end_stream(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> None:
    """The stream's shards are closed; what they hold stays readable for a day."""
    if record.stream is None or not record.stream.is_enabled:
        return
    shards.close(ctx, tx, scope, record)
    entry = STREAMS.open(tx, scope, record.name, record.stream.label)
    assert entry is not None, "a table's stream has its row"
    STREAMS.replace(tx, scope, entry, structs.replace(entry, ended_at=ctx.now))


def drop_table(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> None:
    """The table and its rows are gone; its stream stays readable for a day."""
    end_stream(ctx, tx, scope, record)
    if record.pitr_since is not None:
        backups.take_last(ctx, tx, scope, record)
    TABLES.delete(tx, scope, record)
    ITEMS.clear(tx, scope, record.number)
    INDEX_ROWS.clear(tx, scope, record.number)
    history.HISTORY.clear(tx, scope, record.number)
    vectors.ROWS.clear(tx, scope, record.number)
    COLLECTIONS.clear(tx, scope, record.number)
    UNDER_WAY.clear(tx, scope, record.number)
