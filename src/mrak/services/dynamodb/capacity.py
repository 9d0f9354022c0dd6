"""How much capacity an account may reserve in a region, until AWS allows it more; DescribeLimits tells of it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.dynamodb.tables import TABLES, IndexRecord, TableRecord

ACCOUNT_UNITS = 80_000
TABLE_UNITS = 40_000
_REFER = "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."


def check(tx: Transaction, scope: Scope, old: TableRecord | None, new: TableRecord) -> None:
    """What a new or changed table asks for; what it had already is not asked again."""
    for at, name in enumerate(("ReadCapacityUnits", "WriteCapacityUnits")):
        before = {} if old is None else {key: units[at] for key, units in _reserved(old)}
        after = {key: units[at] for key, units in _reserved(new)}
        _check_account(tx, scope, name, sum(after.values()) - sum(before.values()))
        for key, units in after.items():
            if units > TABLE_UNITS and units != before.get(key):
                of, what = ("", "table") if key is None else (f" for index {key}", "index")
                raise ApiError(
                    "LimitExceededException",
                    f"The requested {name}{of}, {units}, is above the per {what} maximum for the account in "
                    f"{scope.region}. Per table maximum: {TABLE_UNITS}. {_REFER}",
                )
    was = {} if old is None else dict(_parts(old))
    for key, part in _parts(new):
        on_demand, warm = (was[key].on_demand, was[key].warm) if key in was else (None, None)
        _check_wishes(scope, "OnDemandThroughput", part.on_demand, on_demand, f"index : {key}" if key else "table")
        _check_wishes(scope, "WarmThroughput", part.warm, warm, f"index {key}" if key else "table")


def _parts(record: TableRecord) -> Iterator[tuple[str | None, TableRecord | IndexRecord]]:
    """The table itself, and its global indexes by name."""
    yield None, record
    yield from ((index.name, index) for index in record.indexes if index.is_global)


def _reserved(record: TableRecord) -> Iterator[tuple[str | None, tuple[int, int]]]:
    return ((name, (part.read_units, part.write_units)) for name, part in _parts(record))


def _check_account(tx: Transaction, scope: Scope, name: str, wanted: int) -> None:
    if wanted <= 0:
        return
    at = 0 if name == "ReadCapacityUnits" else 1
    current = sum(units[at] for record in TABLES.scan(tx, scope) for _, units in _reserved(record))
    if current + wanted > ACCOUNT_UNITS:
        raise ApiError(
            "LimitExceededException",
            f"This request would have caused the {name} limit to be exceeded for the account in {scope.region}. "
            f"Current {name} reserved by the account: {current}. Limit: {ACCOUNT_UNITS}. Requested: {wanted}. {_REFER}",
        )


def _check_wishes(
    scope: Scope, kind: str, wanted: Mapping[str, int] | None, past: Mapping[str, int] | None, where: str
) -> None:
    for name, units in (wanted or {}).items():
        if units > TABLE_UNITS and units != (past or {}).get(name):
            limit = f"TableMax{'Read' if 'Read' in name else 'Write'}CapacityUnits"
            raise ApiError(
                "LimitExceededException",
                f"Subscriber limit exceeded: Requested {name} for {kind} for {where} exceeds {limit} of the "
                f"account in region {scope.region}",
            )
