"""Consumed capacity: what a read or a write of so many bytes costs.

A write unit is 1 KB, a read unit 4 KB, each rounded up; eventual reads cost half, transactions twice.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from typing import Any

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096


def write_units(old_bytes: int | None, new_bytes: int | None, transactional: bool = False) -> float:
    """The larger of the item before and after; writing nothing over nothing still costs one."""
    size = max(old_bytes or 0, new_bytes or 0)
    units = float(max(1, -(-size // WRITE_UNIT_BYTES)))
    return units * 2 if transactional else units


def index_write_units(old_bytes: int | None, new_bytes: int | None, same_key: bool) -> float:
    """An index entry that moves to another key costs a deletion and an insertion; one that stays, one write."""
    if old_bytes is None and new_bytes is None:
        return 0.0
    if same_key or old_bytes is None or new_bytes is None:
        return write_units(old_bytes, new_bytes)
    return write_units(old_bytes, None) + write_units(None, new_bytes)


def read_units(size_bytes: int, consistent: bool = False, transactional: bool = False) -> float:
    """Reading something that is not there costs as much as the smallest item."""
    units = float(max(1, -(-size_bytes // READ_UNIT_BYTES)))
    if transactional:
        return units * 2
    return units if consistent else units / 2


def page_read_units(size_bytes: int, consistent: bool) -> float:
    """Query and Scan: the sizes of all items that were read are summed, then rounded. An empty page costs half a unit
    (one when consistent)."""
    return read_units(size_bytes, consistent)


def render_consumed(
    mode: str | None,
    table: str,
    table_units: float,
    local: dict[str, float] | None = None,
    global_: dict[str, float] | None = None,
    transactional: str | None = None,
) -> dict[str, Any] | None:
    """A ConsumedCapacity for ReturnConsumedCapacity TOTAL or INDEXES; None for NONE.

    `transactional` is "ReadCapacityUnits" or "WriteCapacityUnits", which only transactions name.
    """
    if mode is None or mode == "NONE":
        return None
    total = table_units + sum((local or {}).values()) + sum((global_ or {}).values())
    consumed: dict[str, Any] = {"TableName": table, **_units(total, transactional)}
    if mode == "INDEXES":
        consumed["Table"] = _units(table_units, transactional)
        if local:
            consumed["LocalSecondaryIndexes"] = {name: _units(units, transactional) for name, units in local.items()}
        if global_:
            consumed["GlobalSecondaryIndexes"] = {name: _units(units, transactional) for name, units in global_.items()}
    return consumed


def _units(units: float, transactional: str | None) -> dict[str, float]:
    return {"CapacityUnits": units, transactional: units} if transactional else {"CapacityUnits": units}
