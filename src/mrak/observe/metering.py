"""Usage in AWS's billing units: what each operation's record says, plus what is charged for the request itself.

Rules (AWS's pricing pages): SQS counts each API action in chunks of 64 KB; S3 has two tiers of requests; KMS and
Secrets Manager count requests. All else is metered by the handler (`ctx.meter`), which knows sizes and durations.

    USAGE   (day, service, operation, unit, resource, role) -> amount     what `mrak bill` adds up
    REGIONS (region)                                                      where the account used anything
    TRACES  (trace, service, operation, unit, resource, role) -> amount   so that one trace has a price; operations that
                                                                          are a trace of their own are in USAGE alone

`resource` and `role` are what was used and on whose behalf: `contexts.py` finds the stack that either belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from time import gmtime, strftime

import msgspec

from mrak.core.context import Transaction
from mrak.core.record import OperationRecord
from mrak.core.scope import Scope
from mrak.observe.contexts import resource_of, role_of
from mrak.store.tables import Table

_CHUNK_BYTES = 65_536
_DAY_SECONDS = 86_400
_S3_FREE = frozenset({"DeleteObject", "DeleteObjects", "DeleteBucket", "AbortMultipartUpload"})
_S3_TIER_ONE = ("Put", "Copy", "Post", "List", "Create", "Upload", "Complete")
_COUNTED = {"kms": "Requests", "secretsmanager": "Requests"}


class Usage(msgspec.Struct, frozen=True, array_like=True):
    day: str
    service: str
    operation: str
    unit: str
    amount: float
    resource: str = ""
    role: str = ""


class TraceUsage(msgspec.Struct, frozen=True, array_like=True):
    trace: str
    service: str
    operation: str
    unit: str
    amount: float
    at: float
    resource: str = ""
    role: str = ""


class Region(msgspec.Struct, frozen=True, array_like=True):
    region: str


_OF_WHAT = ("service", "operation", "unit", "resource", "role")
USAGE = Table("observe.usage", Usage, key=("day", *_OF_WHAT))
TRACES = Table("observe.trace_costs", TraceUsage, key=("trace", *_OF_WHAT))
REGIONS = Table("observe.region", Region, key=("region",))
BY_AGE = TRACES.index("at", ("at",))

Key = tuple[str, str, str, str, str, str]


def usage_of(record: OperationRecord) -> dict[str, float]:
    """What one operation used, in AWS's units. Requests that AWS refuses for their credentials cost nothing."""
    used = dict(record.usage) if record.usage else {}
    if record.status == 403 or record.status >= 500:
        return used
    service = record.service
    if service == "sqs":
        size = max(record.request_bytes, record.response_bytes)
        used["Requests"] = float(max(1, -(-size // _CHUNK_BYTES)))
    elif service == "s3" and record.operation not in _S3_FREE:
        tier = "Requests-Tier1" if record.operation.startswith(_S3_TIER_ONE) else "Requests-Tier2"
        used[tier] = 1.0
    elif service in _COUNTED:
        used[_COUNTED[service]] = 1.0
    return used


def add(tx: Transaction, records: Iterable[OperationRecord]) -> None:
    """Adds the usage of records to the day's and the traces' sums."""
    by_day: dict[tuple[Scope, Key], float] = {}
    by_trace: dict[tuple[Scope, Key], tuple[float, float]] = {}
    for record in records:
        day = _day(int(record.started_at // _DAY_SECONDS))
        used = usage_of(record)
        owner = (resource_of(record.service, record.resource or ""), role_of(record.principal)) if used else ("", "")
        for unit, amount in used.items():
            place = (record.scope, (day, record.service, record.operation, unit, *owner))
            by_day[place] = by_day.get(place, 0.0) + amount
            if record.traced:
                place = (record.scope, (record.trace_id, record.service, record.operation, unit, *owner))
                by_trace[place] = (by_trace.get(place, (0.0, 0.0))[0] + amount, record.started_at)
    for scope in {scope for scope, _ in by_day}:
        if REGIONS.open(tx, scope.account_wide(), scope.region) is None:
            REGIONS.insert(tx, scope.account_wide(), Region(scope.region))
    for (scope, key), amount in by_day.items():
        _add_to_day(tx, scope, key, amount)
    for (scope, key), (amount, at) in by_trace.items():
        _add_to_trace(tx, scope, key, amount, at)


def usage_between(tx: Transaction, scope: Scope, first_day: str, last_day: str) -> Iterator[Usage]:
    return USAGE.scan(tx, scope, since=first_day, upto=last_day)


def traces_between(tx: Transaction, scope: Scope, trace: str) -> Iterator[TraceUsage]:
    """The usage of one trace, or of all that are kept where none is named."""
    return TRACES.scan(tx, scope, trace) if trace else TRACES.scan(tx, scope)


def regions_used(tx: Transaction, scope: Scope) -> list[str]:
    """The regions in which the account used anything ("" for what is global)."""
    return [row.region for row in REGIONS.scan(tx, scope.account_wide())]


def forget_traces(tx: Transaction, scope: Scope, before: float, most: int) -> None:
    """Removes the usage of traces older than `before`, up to `most` rows."""
    for row in list(BY_AGE.scan(tx, scope, upto=before, limit=most)):
        TRACES.lock(tx, scope, row.trace, row.service, row.operation, row.unit, row.resource, row.role)
        TRACES.delete(tx, scope, row)


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return strftime("%Y-%m-%d", gmtime(number * _DAY_SECONDS))


def _add_to_day(tx: Transaction, scope: Scope, key: Key, amount: float) -> None:
    old = USAGE.open(tx, scope, *key)
    if old is None:
        USAGE.insert(tx, scope, Usage(*key[:4], amount, *key[4:]))
    else:
        USAGE.replace(tx, scope, old, Usage(*key[:4], old.amount + amount, *key[4:]))


def _add_to_trace(tx: Transaction, scope: Scope, key: Key, amount: float, at: float) -> None:
    old = TRACES.open(tx, scope, *key)
    if old is None:
        TRACES.insert(tx, scope, TraceUsage(*key[:4], amount, at, *key[4:]))
    else:
        TRACES.replace(tx, scope, old, TraceUsage(*key[:4], old.amount + amount, at, *key[4:]))
