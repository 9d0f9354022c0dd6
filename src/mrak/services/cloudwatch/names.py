"""Names of alarms, and what their settings come to."""

from __future__ import annotations

from typing import Any

from mrak.core.arn import arn
from mrak.core.scope import Scope


def alarm_arn(scope: Scope, name: str) -> str:
    return arn(scope, "cloudwatch", f"alarm:{name}")


def queries_of(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm on metrics asks for, as metric data queries: one of them returns data."""
    if "Metrics" in settings:
        return list(settings["Metrics"])
    metric = {"Namespace": settings["Namespace"], "MetricName": settings["MetricName"]}
    metric["Dimensions"] = settings.get("Dimensions", [])
    stat = {"Metric": metric, "Period": settings["Period"]}
    stat["Stat"] = settings.get("Statistic") or settings.get("ExtendedStatistic")
    return [{"Id": "m1", "MetricStat": stat | ({"Unit": settings["Unit"]} if "Unit" in settings else {})}]


def period_of(settings: dict[str, Any]) -> int:
    """The seconds of one evaluation period: of an expression, the shortest of its metrics'."""
    if "Metrics" not in settings:
        return int(settings["Period"])
    periods = [query["Period"] for query in settings["Metrics"] if "Period" in query]
    periods += [query["MetricStat"]["Period"] for query in settings["Metrics"] if "MetricStat" in query]
    return int(min(periods, default=60))
