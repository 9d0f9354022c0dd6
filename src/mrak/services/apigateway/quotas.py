"""Quotas of usage plans: how often each key was used on each day, and how much is left of its day, week or month.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-create-usage-plans.html
Days, weeks (from Monday) and months are those of UTC. Only plans with a quota are counted.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.apigateway.tables import USAGES, Plan, Usage


def today(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def spend(tx: Transaction, scope: Scope, plan: Plan, key: str, now: float) -> bool:
    """Counts a request of the key; False where its quota is used up."""
    if "limit" not in plan.settings.get("quota", {}):
        return True
    USAGES.lock(tx, scope, plan.id, key)
    day = today(now)
    if remaining(tx, scope, plan, key, day) <= 0:
        return False
    old = usage_of(tx, scope, plan, key, day)
    _put(tx, scope, replace(old, used=old.used + 1))
    return True


def grant(tx: Transaction, scope: Scope, plan: Plan, key: str, left: int, now: float) -> None:
    """Leaves the key that many requests until the end of its period."""
    USAGES.lock(tx, scope, plan.id, key)
    day = today(now)
    old = usage_of(tx, scope, plan, key, day)
    _put(tx, scope, replace(old, granted=old.granted + left - remaining(tx, scope, plan, key, day)))


def remaining(tx: Transaction, scope: Scope, plan: Plan, key: str, day: date) -> int:
    """How much of the quota is left at the end of the day."""
    quota: dict[str, Any] = plan.settings.get("quota", {})
    start = _start(day, quota.get("period", "DAY"))
    left: int = quota.get("limit", 0)
    is_first = True
    for row in USAGES.scan(tx, scope, plan.id, key):
        if row.day < start.isoformat():
            is_first = False
        elif row.day <= day.isoformat():
            left += row.granted - row.used
    return left - (quota.get("offset", 0) if is_first else 0)


def report(tx: Transaction, scope: Scope, plan: Plan, key: str, first: date, last: date) -> list[list[int]]:
    """For each day: how often the key was used, and what was left of its quota."""
    days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
    return [[usage_of(tx, scope, plan, key, day).used, max(0, remaining(tx, scope, plan, key, day))] for day in days]


def usage_of(tx: Transaction, scope: Scope, plan: Plan, key: str, day: date) -> Usage:
    found = USAGES.get(tx, scope, plan.id, key, day.isoformat())
    return Usage(plan.id, key, day.isoformat()) if found is None else found


def forget(tx: Transaction, scope: Scope, plan: str, key: str) -> None:
    USAGES.lock(tx, scope, plan, key)
    USAGES.delete_all(tx, scope, plan, key)


def _put(tx: Transaction, scope: Scope, row: Usage) -> None:
    old = USAGES.get(tx, scope, row.plan, row.key, row.day)
    if old is None:
        USAGES.insert(tx, scope, row)
    else:
        USAGES.replace(tx, scope, old, row)


def _start(day: date, period: str) -> date:
    if period == "MONTH":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period == "WEEK" else day
