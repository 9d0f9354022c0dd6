"""A table's capacity: provisioned units and their daily decreases, on-demand limits, warm throughput."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.tables import IndexRecord, TableRecord

_FREE_DECREASES = 4
_HOUR_SECONDS = 3600.0
_MOST_SWITCHES = 4
_DAY_SECONDS = 86_400.0
_INITIAL_THROUGHPUT = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"
    "#on-demand-capacity-mode-initial"
)
_ON_DEMAND_WARM = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000}


def warm_units(record: TableRecord, index: IndexRecord | None = None) -> dict[str, int]:
    """What the table or the index can take at once: never less than it ever could."""
    it: TableRecord | IndexRecord = record if index is None else index
    if record.is_provisioned:
        units = {"ReadUnitsPerSecond": it.read_units, "WriteUnitsPerSecond": it.write_units}
    else:
        units = _ON_DEMAND_WARM
    known = it.warm or {}
    return {name: max(count, known.get(name, 0)) for name, count in units.items()}


def change_billing(ctx: Context, record: TableRecord, req: Mapping[str, Any]) -> TableRecord:
    """The table with the billing mode and the provisioned units that UpdateTable asks for."""
    units = req.get("ProvisionedThroughput")
    if req.get("BillingMode", record.billing) == "PAY_PER_REQUEST":
        if units is not None:
            raise errors.invalid_parameter(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        return _to_on_demand(ctx, record) if record.is_provisioned else record
    if units is None:
        return record
    if record.is_provisioned:
        _check_index_units(ctx, record, req)
    else:
        _check_every_index(record, req)
    return _with_units(ctx, record, units)


def _to_on_demand(ctx: Context, record: TableRecord) -> TableRecord:
    recent = tuple(moment for moment in record.on_demand_switches if moment > ctx.now - _DAY_SECONDS)
    if len(recent) >= _MOST_SWITCHES:
        raise _too_many_switches(recent)
    indexes = tuple(
        _counted(ctx, structs.replace(index, read_units=0, write_units=0, warm=warm_units(record, index)), True)
        if index.is_global
        else index
        for index in record.indexes
    )
    return structs.replace(
        record,
        billing="PAY_PER_REQUEST",
        read_units=0,
        write_units=0,
        pay_per_request_at=ctx.now,
        on_demand_switches=(*recent, ctx.now),
        indexes=indexes,
        warm=warm_units(record),
    )


def _too_many_switches(recent: Sequence[float]) -> ApiError:
    """A table that was made on demand has been switched once."""
    last, next_one = (_dated(moment) for moment in (recent[-1], recent[0] + _DAY_SECONDS))
    return ApiError(
        "LimitExceededException",
        f"Subscriber limit exceeded: Update to PayPerRequest mode are limited to {_MOST_SWITCHES} in 1 day(s). "
        f"Last update at {last}. Next update can be made at {next_one}",
    )


def _dated(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%a %b %d %H:%M:%S UTC %Y}"


def _check_index_units(ctx: Context, record: TableRecord, req: Mapping[str, Any]) -> None:
    """Raises what there is against new units of indexes, which AWS weighs before those of their table."""
    indexes = {index.name: index for index in record.indexes if index.is_global}
    for update in req.get("GlobalSecondaryIndexUpdates", []):
        change = update.get("Update", {})
        index, units = indexes.get(change.get("IndexName")), change.get("ProvisionedThroughput")
        if index is not None and units is not None:
            change_index(ctx, record, index, units)


def _check_every_index(record: TableRecord, req: Mapping[str, Any]) -> None:
    """A table that becomes provisioned needs units for each of its global indexes."""
    given = {
        update["Update"]["IndexName"]
        for update in req.get("GlobalSecondaryIndexUpdates", [])
        if "ProvisionedThroughput" in update.get("Update", {})
    }
    for index in record.indexes:
        if index.is_global and index.name not in given:
            raise errors.invalid_parameter(f"ProvisionedThroughput must be specified for index: {index.name}")


def _with_units(ctx: Context, record: TableRecord, units: Mapping[str, int]) -> TableRecord:
    read_units, write_units = units["ReadCapacityUnits"], units["WriteCapacityUnits"]
    is_same = (read_units, write_units) == (record.read_units, record.write_units)
    if is_same and record.is_provisioned:
        raise unchanged("table", "the table", record.read_units, record.write_units)
    shrinks = record.is_provisioned and (read_units < record.read_units or write_units < record.write_units)
    if shrinks:
        check_decrease(record, ctx.now)
    # A switch of the billing mode is no increase.
    grows = record.is_provisioned and (read_units > record.read_units or write_units > record.write_units)
    indexes = record.indexes
    if not record.is_provisioned:
        indexes = tuple(
            structs.replace(index, on_demand=None, warm=warm_units(record, index)) if index.is_global else index
            for index in indexes
        )
    return structs.replace(
        record,
        billing="PROVISIONED",
        read_units=read_units,
        write_units=write_units,
        increased_at=ctx.now if grows else record.increased_at,
        decreased_at=ctx.now if shrinks else record.decreased_at,
        decreases_today=decreases_today(record, ctx.now) + shrinks,
        on_demand=None,
        warm=warm_units(record),
        indexes=indexes,
    )


def change_index(ctx: Context, record: TableRecord, index: IndexRecord, units: Mapping[str, int]) -> IndexRecord:
    """A global index of a provisioned table with other units; its decreases are counted by themselves."""
    read_units, write_units = units["ReadCapacityUnits"], units["WriteCapacityUnits"]
    if (read_units, write_units) == (index.read_units, index.write_units):
        raise unchanged(f"index {index.name}", f"index {index.name}", read_units, write_units)
    shrinks = read_units < index.read_units or write_units < index.write_units
    grows = read_units > index.read_units or write_units > index.write_units
    if shrinks:
        check_decrease(index, ctx.now)
    changed = structs.replace(
        index,
        read_units=read_units,
        write_units=write_units,
        increased_at=ctx.now if grows else index.increased_at,
        warm=warm_units(record, index),
    )
    return _counted(ctx, changed, shrinks)


def _counted(ctx: Context, index: IndexRecord, shrinks: bool) -> IndexRecord:
    if not shrinks:
        return index
    return structs.replace(index, decreased_at=ctx.now, decreases_today=decreases_today(index, ctx.now) + 1)


def as_of(record: TableRecord, now: float) -> TableRecord:
    """The table whose decreases are those of this day of UTC."""
    indexes = tuple(structs.replace(it, decreases_today=decreases_today(it, now)) for it in record.indexes)
    return structs.replace(record, decreases_today=decreases_today(record, now), indexes=indexes)


def decreases_today(it: TableRecord | IndexRecord, now: float) -> int:
    is_today = it.decreased_at is not None and it.decreased_at // 86_400 == now // 86_400
    return it.decreases_today if is_today else 0


def check_decrease(it: TableRecord | IndexRecord, now: float) -> None:
    last, decreases = it.decreased_at, decreases_today(it, now)
    if decreases < _FREE_DECREASES or last is None or now >= last + _HOUR_SECONDS:
        return
    midnight = (now // 86_400 + 1) * 86_400
    raise ApiError(
        "LimitExceededException",
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the "
        "first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 "
        f"seconds. Number of decreases today: {decreases}. Last decrease at {_spelled(last)}. "
        f"Next decrease can be made at {_spelled(min(last + _HOUR_SECONDS, midnight))}",
    )


def _spelled(moment: float) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    hour = at.hour % 12 or 12
    return f"{at:%A, %B} {at.day}, {at.year} at {hour}:{at:%M:%S} {at:%p} Coordinated Universal Time"


def unchanged(what: str, owner: str, read_units: int, write_units: int) -> Exception:
    return errors.invalid(
        f"The provisioned throughput for the {what} will not change. The requested value equals the current value. "
        f"Current ReadCapacityUnits provisioned for {owner}: {read_units}. "
        f"Requested ReadCapacityUnits: {read_units}. "
        f"Current WriteCapacityUnits provisioned for {owner}: {write_units}. "
        f"Requested WriteCapacityUnits: {write_units}. "
        "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    )


def check_new_limits(wanted: Mapping[str, int], billing: str, index: str | None = None) -> None:
    """OnDemandThroughput of a table or an index that is made: there is nothing yet for -1 to take away."""
    for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits"):
        if name in wanted and billing == "PROVISIONED":
            where = "" if index is None else f" for index: {index}"
            raise errors.invalid_parameter(
                f"{name} for OnDemandThroughput{where} cannot be specified when table BillingMode is PROVISIONED."
            )
        if wanted.get(name, 1) < 1:
            where = "table" if index is None else f"index : {index}"
            raise errors.invalid_parameter(
                f"Requested {name} for OnDemandThroughput for {where} is outside of valid range"
            )


def limits(
    wanted: Mapping[str, int], current: Mapping[str, int] | None, billing: str, index: str | None = None
) -> dict[str, int] | None:
    """OnDemandThroughput, merged into what there is: -1 takes a limit away, None is no limits."""
    where = "" if index is None else f"index : {index}"
    for name, count in wanted.items():
        if billing == "PROVISIONED":
            suffix = f" for {where}" if where else ""
            raise errors.invalid_parameter(
                f"{name} for OnDemandThroughput{suffix} cannot be specified when the table BillingMode is PROVISIONED"
            )
        if count == 0 or count < -1:
            raise errors.invalid_parameter(
                f"Requested {name} for OnDemandThroughput for {where or 'table'} is outside of valid range"
            )
    merged = {**(current or {}), **wanted}
    return {name: count for name, count in merged.items() if count != -1} or None


def check_initial_warmth(req: Mapping[str, Any]) -> None:
    """The WarmThroughput of a new table and of its indexes: not below what they start with anyway."""
    _check_warmth(req, req, "table")
    for index in req.get("GlobalSecondaryIndexes", []):
        _check_warmth(req, index, f"index {index['IndexName']}")


def _check_warmth(req: Mapping[str, Any], it: Mapping[str, Any], where: str) -> None:
    on_demand = req.get("BillingMode", "PROVISIONED") == "PAY_PER_REQUEST"
    for name, count in it.get("WarmThroughput", {}).items():
        if on_demand and count < _ON_DEMAND_WARM[name]:
            raise errors.invalid_parameter(
                f"Requested {name} for WarmThroughput for {where} is lower than initial throughput for OnDemand. "
                f"See: {_INITIAL_THROUGHPUT}"
            )
        units = name.replace("UnitsPerSecond", "CapacityUnits")
        if not on_demand and count < it["ProvisionedThroughput"][units]:
            raise errors.invalid_parameter(
                f"Requested {name} for WarmThroughput for {where} is lower than {units} of ProvisionedThroughput"
            )


def warmer(wanted: Mapping[str, int], current: Mapping[str, int], index: str | None = None) -> dict[str, int]:
    """WarmThroughput, which only ever grows."""
    where = "table" if index is None else f"index {index}"
    for name, count in wanted.items():
        if count < current[name]:
            raise errors.invalid_parameter(
                f"Requested {name} for WarmThroughput for {where} is lower than current WarmThroughput, "
                "decreasing WarmThroughput is not supported"
            )
    return {**current, **wanted}
