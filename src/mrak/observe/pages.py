"""/_mrak/bill and /_mrak/recent: what was used, what it would cost on AWS, and what just happened.

GET /_mrak/bill?environment=NAME&by=service|context|operation|trace&region=eu-central-1&free_tier=1
               &trace=1-...&month=2026-11
GET /_mrak/recent?environment=NAME&trace=1-...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import gmtime, strftime
from typing import Any

import msgspec

from mrak.core.context import Transaction
from mrak.core.http import Request
from mrak.core.scope import DEFAULT_ENVIRONMENT, Scope
from mrak.engine.environments import Environments
from mrak.gateway.admin import Admin, Refused
from mrak.observe import metering
from mrak.observe.contexts import Contexts
from mrak.observe.prices import load_prices, make_bill
from mrak.observe.pump import Pump

Used = tuple[str, str, str, float]
_BY = ("service", "context", "operation", "trace")
_Row = metering.Usage | metering.TraceUsage


class ObservePages:
    def __init__(self, pump: Pump, environments: Environments) -> None:
        self._pump = pump
        self._environments = environments

    def add_to(self, admin: Admin) -> None:
        admin.page("GET", "/_mrak/bill", self._bill)
        admin.page("GET", "/_mrak/recent", self._recent)

    async def _recent(self, request: Request) -> dict[str, Any]:
        asked = dict(request.query_pairs)
        environment = asked.get("environment", DEFAULT_ENVIRONMENT)
        return {"operations": self._pump.recent.render(environment, asked.get("trace", ""))}

    async def _bill(self, request: Request) -> Any:
        asked = dict(request.query_pairs)
        name = asked.get("environment", DEFAULT_ENVIRONMENT)
        by = asked.get("by", "service")
        if name not in self._environments.rows:
            raise Refused(404, f"There is no environment {name}.")
        if by not in _BY:
            raise Refused(400, f"A bill is by {', '.join(_BY)}.")
        environment = await self._environments.require(name)
        await self._pump.flush(name)
        month = asked.get("month") or strftime("%Y-%m", gmtime(environment.clock.now()))
        regions = [asked["region"]] if "region" in asked else []
        used = await environment.transact(partial(_used, Scope(name, environment.account, ""), month, by, asked))
        region = regions[0] if regions else "us-east-1"
        bill = make_bill(used, region, free_tier=asked.get("free_tier") == "1", prices=load_prices())
        return msgspec.to_builtins(bill)


def _used(scope: Scope, month: str, by: str, asked: dict[str, str], tx: Transaction) -> list[Used]:
    """What the account used, in all of the regions where it used anything."""
    used: list[Used] = []
    regions = metering.regions_used(tx, scope)
    name_of = _namer(tx, scope, regions, by)
    for region in regions:
        place = scope.in_region(region)
        rows: Iterator[_Row]
        if by == "trace" or "trace" in asked:
            rows = metering.traces_between(tx, place, asked.get("trace", ""))
        else:
            rows = metering.usage_between(tx, place, f"{month}-01", f"{month}-31")
        used += [(name_of(row), row.service, row.unit, row.amount) for row in rows]
    return used


def _namer(tx: Transaction, scope: Scope, regions: list[str], by: str) -> Callable[[_Row], str]:
    """What a row is called in a bill by that."""
    if by == "context":
        contexts = Contexts(tx, [scope.in_region(region) for region in regions])
        return lambda row: contexts.find(row.service, row.resource, row.role)
    if by == "operation":
        return lambda row: f"{row.service}:{row.operation}"
    if by == "trace":
        return lambda row: row.trace if isinstance(row, metering.TraceUsage) else ""
    return lambda row: row.service
