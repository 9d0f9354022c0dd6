"""Time to live: each item with an expiry sets a timer, which deletes it with a stream record of the service's.

AWS deletes within days of the expiry; here it happens when the environment's clock reaches it. Only whole seconds
count, and an expiry more than five years ago is taken for a mistake and left alone.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
"""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Transaction
from mrak.lang.ddb import numbers
from mrak.lang.ddb.values import Item
from mrak.services.dynamodb.tables import Schema

_FIVE_YEARS_SECONDS = 5 * 365 * 86_400
_LATEST = 253_402_300_800


def expires_at(schema: Schema, item: Item | None) -> int | None:
    """When the item expires, in epoch seconds; None where it does not."""
    if item is None or schema.ttl_attribute is None:
        return None
    value = item.get(schema.ttl_attribute)
    if value is None or "N" not in value:
        return None
    moment = int(numbers.value(value["N"]))
    return moment if 0 < moment < _LATEST else None


def is_due(moment: int, now: float) -> bool:
    return moment <= now < moment + _FIVE_YEARS_SECONDS


def item_timer(schema: Schema, row_key: bytes, moment: int) -> Timer:
    return Timer(
        kind="dynamodb.expire",
        key=f"{schema.record.number}:{row_key.hex()}",
        due_at=float(moment),
        scope=schema.scope,
        payload=schema.record.name.encode() + b"\x00" + row_key,
    )


def reschedule(tx: Transaction, schema: Schema, row_key: bytes, old: Item | None, new: Item | None) -> None:
    before, after = expires_at(schema, old), expires_at(schema, new)
    if before == after:
        return
    if before is not None:
        tx.cancel(item_timer(schema, row_key, before))
    if after is not None:
        tx.at(item_timer(schema, row_key, after))
