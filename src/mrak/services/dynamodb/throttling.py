"""Throttling, for tables that ask for it by the tag mrak:throttled: what is over their units is refused as AWS does.

A table, and each global index, has a bucket of read and one of write units. It gains what is provisioned, or an
on-demand table's limit, each second of the environment's clock, up to what five minutes bring; a new one has one
second's. A request is let in while there is what the least costs, and then takes what it costs, also what is not there.
Buckets are kept in memory: a restart makes new ones.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.services.dynamodb.tables import IndexSchema, Schema

PROVISIONED, ON_DEMAND = "ProvisionedThroughputExceededException", "ThrottlingException"
CODES = frozenset({PROVISIONED, ON_DEMAND})
_TABLE_EXCEEDED = (
    "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API."
)
_INDEX_EXCEEDED = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the table was "
    "exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the "
    "UpdateTable API"
)
_BURST_SECONDS = 300.0
# The least that a request costs.
_LEAST = {"Read": 0.5, "Write": 1.0}
_LIMITS = {"Read": "MaxReadRequestUnits", "Write": "MaxWriteRequestUnits"}


class Buckets:
    """By table, index (0 for none) and kind: (units left, the time of that)."""

    def __init__(self) -> None:
        self._left: dict[tuple[int, int, str], tuple[float, float]] = {}

    def left(self, bucket: tuple[int, int, str], rate: float, now: float) -> float:
        units, at = self._left.get(bucket, (rate, now))
        return min(units + (now - at) * rate, rate * _BURST_SECONDS)

    def take(self, bucket: tuple[int, int, str], rate: float, now: float, units: float) -> None:
        self._left[bucket] = (self.left(bucket, rate, now) - units, now)


def admit_write(ctx: Context, schema: Schema) -> None:
    """Raises where the table, or an index of it, has no units left: then the table takes no writes either."""
    if schema.is_throttled:
        _admit(ctx, schema, "Write", None)
        for index in schema.indexes:
            if index.record.is_global:
                _admit(ctx, schema, "Write", index)


def spend_read(ctx: Context, schema: Schema, units: float, index: IndexSchema | None = None) -> None:
    """Takes what was read, or raises where there is nothing left; local indexes share the table's units."""
    if schema.is_throttled:
        source = index if index is not None and index.record.is_global else None
        _admit(ctx, schema, "Read", source)
        _take(ctx, schema, "Read", source, units)


def take_write(ctx: Context, schema: Schema, units: float, global_: dict[str, float] | None = None) -> None:
    """`units` are the table's and its local indexes'."""
    if schema.is_throttled:
        _take(ctx, schema, "Write", None, units)
        for name, index_units in (global_ or {}).items():
            _take(ctx, schema, "Write", schema.find_index(name), index_units)


def _rate(schema: Schema, kind: str, index: IndexSchema | None) -> float | None:
    """Units a second; None where there is no limit."""
    it: Any = schema.record if index is None else index.record
    if schema.record.is_provisioned:
        return float(it.read_units if kind == "Read" else it.write_units)
    limit = (it.on_demand or {}).get(_LIMITS[kind], -1)
    return float(limit) if limit > 0 else None


def _admit(ctx: Context, schema: Schema, kind: str, index: IndexSchema | None) -> None:
    rate = _rate(schema, kind, index)
    if rate is not None and ctx.live(Buckets).left(_bucket(schema, kind, index), rate, ctx.now) < _LEAST[kind]:
        ctx.tally("throttled", f"{kind}/{schema.record.name}/{'' if index is None else index.record.name}", 1.0)
        raise _exceeded(schema, kind, index)


def _take(ctx: Context, schema: Schema, kind: str, index: IndexSchema | None, units: float) -> None:
    rate = _rate(schema, kind, index)
    if rate is not None:
        ctx.live(Buckets).take(_bucket(schema, kind, index), rate, ctx.now, units)


def _bucket(schema: Schema, kind: str, index: IndexSchema | None) -> tuple[int, int, str]:
    return schema.record.number, 0 if index is None else index.record.number, kind


def _exceeded(schema: Schema, kind: str, index: IndexSchema | None) -> ApiError:
    what = "Table" if index is None else "Index"
    resource = schema.arn if index is None else f"{schema.arn}/index/{index.record.name}"
    if not schema.record.is_provisioned:
        reason = {"reason": f"{what}{kind}MaxOnDemandThroughputExceeded", "resource": resource}
        message = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
        return ApiError(ON_DEMAND, message, fields={"throttlingReasons": [reason]})
    reason = {"reason": f"{what}{kind}ProvisionedThroughputExceeded", "resource": resource}
    message = _TABLE_EXCEEDED if index is None else _INDEX_EXCEEDED
    return ApiError(PROVISIONED, message, fields={"ThrottlingReasons": [reason]})


def reason_of(error: ApiError) -> dict[str, Any]:
    """Why a throttled action cancels its transaction."""
    code = "ProvisionedThroughputExceeded" if error.code == PROVISIONED else "ThrottlingError"
    return {"Code": code, "Message": error.message}
