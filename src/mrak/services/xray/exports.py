"""What the observer may use of X-Ray: the segments of operations that belong to a trace of more than themselves."""

from __future__ import annotations

from collections.abc import Iterable

from mrak.core.context import Transaction
from mrak.core.record import OperationRecord
from mrak.services.xray.documents import of_record
from mrak.services.xray.tables import BY_TIME, SEGMENTS

_KEPT_SECONDS = 30 * 86_400.0
_FORGOTTEN_AT_ONCE = 100


def record_operations(tx: Transaction, records: Iterable[OperationRecord]) -> None:
    """Keeps the segments, and forgets some of those that are older than thirty days."""
    latest = {}
    for record in records:
        if record.traced:
            # A span is written once, so nothing is there to be looked for.
            SEGMENTS.append(tx, record.scope, of_record(record))
            latest[record.scope] = record.started_at
    for scope, now in latest.items():
        for segment in list(BY_TIME.scan(tx, scope, upto=now - _KEPT_SECONDS, limit=_FORGOTTEN_AT_ONCE)):
            SEGMENTS.lock(tx, scope, segment.trace, segment.segment)
            SEGMENTS.delete(tx, scope, segment)
