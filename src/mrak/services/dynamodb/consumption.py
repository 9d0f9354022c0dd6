"""What operations consume, by table and global index: on the bill, and in the metrics that are made of their records.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
"""

from __future__ import annotations

from collections.abc import Mapping

from mrak.core.context import Context
from mrak.services.dynamodb.tables import Schema

_NONE: Mapping[str, float] = {}


def read(ctx: Context, schema: Schema, units: float, by_index: Mapping[str, float] = _NONE) -> None:
    """`units` are the table's and its local indexes'."""
    _take(ctx, schema.record.name, "Read", "ReadRequestUnits", units, by_index)


def write(ctx: Context, schema: Schema, units: float, by_index: Mapping[str, float] = _NONE, unit: str = "") -> None:
    _take(ctx, schema.record.name, "Write", unit or schema.write_unit, units, by_index)


def _take(ctx: Context, table: str, kind: str, unit: str, units: float, by_index: Mapping[str, float]) -> None:
    ctx.meter(unit, units + sum(by_index.values()) if by_index else units)
    if units:
        ctx.tally("consumed", f"{kind}/{table}/", units)
    for index, index_units in by_index.items():
        ctx.tally("consumed", f"{kind}/{table}/{index}", index_units)
