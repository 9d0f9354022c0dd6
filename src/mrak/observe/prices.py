"""What usage costs. Prices are dated data (prices.json, with their sources); a newer list can be given instead.

    {"dated": "2026-11-01", "regions": {"us-east-1": {"sqs": {"Requests": {"usd": 4e-07, "free": 1000000}}}}}

`usd` is the price of one unit, `free` the monthly free tier. A unit that the list does not have costs nothing and is
named, so that a missing price is never taken for a free service.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

_DATA = Path(__file__).with_name("prices.json")


class Price(msgspec.Struct, frozen=True):
    usd: float
    free: float = 0.0
    source: str = ""


class PriceList(msgspec.Struct, frozen=True):
    dated: str
    regions: dict[str, dict[str, dict[str, Price]]]

    def find(self, region: str, service: str, unit: str) -> Price | None:
        """The price in a region; regions that the list lacks have us-east-1's, as most of AWS's prices do."""
        prices = self.regions.get(region) or self.regions["us-east-1"]
        found = prices.get(service, {}).get(unit)
        return found or self.regions["us-east-1"].get(service, {}).get(unit)


class Line(msgspec.Struct):
    """A line of a bill."""

    name: str
    service: str
    unit: str
    amount: float
    usd: float


class Bill(msgspec.Struct):
    dated: str
    region: str
    lines: list[Line]
    total_usd: float
    unpriced: list[str]


@cache
def load_prices(path: Path = _DATA) -> PriceList:
    return msgspec.json.decode(path.read_bytes(), type=PriceList)


def make_bill(used: Iterable[tuple[str, str, str, float]], region: str, *, free_tier: bool, prices: PriceList) -> Bill:
    """A bill of (name of the line, service, unit, amount). The free tier is shared by all lines of a unit, in order."""
    sums: dict[tuple[str, str, str], float] = {}
    for name, service, unit, amount in used:
        sums[name, service, unit] = sums.get((name, service, unit), 0.0) + amount
    left: dict[tuple[str, str], float] = {}
    lines: list[Line] = []
    unpriced: set[str] = set()
    for (name, service, unit), amount in sorted(sums.items()):
        price = prices.find(region, service, unit)
        if price is None:
            unpriced.add(f"{service} {unit}")
            lines.append(Line(name, service, unit, amount, 0.0))
            continue
        free = left.setdefault((service, unit), price.free if free_tier else 0.0)
        charged = max(0.0, amount - free)
        left[service, unit] = max(0.0, free - amount)
        lines.append(Line(name, service, unit, amount, charged * price.usd))
    return Bill(prices.dated, region, lines, sum(line.usd for line in lines), sorted(unpriced))
