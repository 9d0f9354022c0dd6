"""Anomaly detectors: their settings. No model is trained, so a detector stays PENDING_TRAINING (CLOUDWATCH-003).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutAnomalyDetector.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.cloudwatch import errors, metrics, queries
from mrak.services.cloudwatch.tables import DETECTORS, Detector

_SINGLE = ("Namespace", "MetricName", "Dimensions", "Stat")


@operation("PutAnomalyDetector")
def put_anomaly_detector(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    deviation("CLOUDWATCH-003")
    name = _name(req)
    old = DETECTORS.open(tx, ctx.scope, name)
    fresh = Detector(name=name, settings=req)
    if old is None:
        DETECTORS.insert(tx, ctx.scope, fresh)
    else:
        DETECTORS.replace(tx, ctx.scope, old, fresh)


def _name(req: dict[str, Any]) -> str:
    """What tells detectors apart: the metric with its statistic, or the expression."""
    if "MetricMathAnomalyDetector" in req:
        text = msgspec.json.encode(req["MetricMathAnomalyDetector"], order="sorted").decode()
        return f"math\x1f{text}"
    single = _single(req)
    for member in ("Namespace", "MetricName", "Stat"):
        if member not in single:
            raise errors.missing(member)
    key = metrics.metric_key(single["Namespace"], single["MetricName"], queries.pairs_of(single.get("Dimensions")))
    return f"{key}\x1f{single['Stat']}"


def _single(req: dict[str, Any]) -> dict[str, Any]:
    """Given in a structure of its own, or as AWS once took them."""
    return dict(req.get("SingleMetricAnomalyDetector") or {name: req[name] for name in _SINGLE if name in req})


@operation("DeleteAnomalyDetector")
def delete_anomaly_detector(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = DETECTORS.open(tx, ctx.scope, _name(req))
    if found is None:
        raise errors.detector_not_found()
    DETECTORS.delete(tx, ctx.scope, found)


@operation("DescribeAnomalyDetectors")
def describe_anomaly_detectors(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    kinds = req.get("AnomalyDetectorTypes") or ["SINGLE_METRIC"]
    rows = (row for row in DETECTORS.scan(tx, ctx.scope, after=after) if _is_wanted(row.settings, req, kinds))
    page, token = take_page(rows, req.get("MaxResults", 100), lambda row: row.name)
    shown = [_render(ctx.scope.account, row.settings) for row in page]
    return {"AnomalyDetectors": shown} | ({} if token is None else {"NextToken": token})


def _is_wanted(settings: dict[str, Any], req: dict[str, Any], kinds: list[str]) -> bool:
    is_math = "MetricMathAnomalyDetector" in settings
    if ("METRIC_MATH" if is_math else "SINGLE_METRIC") not in kinds:
        return False
    single = _single(settings)
    if any(req[name] != single.get(name) for name in ("Namespace", "MetricName") if name in req):
        return False
    have = queries.pairs_of(single.get("Dimensions"))
    return all(pair in have for pair in queries.pairs_of(req.get("Dimensions")))


def _render(account: str, settings: dict[str, Any]) -> dict[str, Any]:
    configuration = {"ExcludedTimeRanges": []} | settings.get("Configuration", {})
    shown: dict[str, Any] = {"Configuration": configuration, "StateValue": "PENDING_TRAINING"}
    if "MetricCharacteristics" in settings:
        shown["MetricCharacteristics"] = settings["MetricCharacteristics"]
    if "MetricMathAnomalyDetector" in settings:
        return shown | {"MetricMathAnomalyDetector": settings["MetricMathAnomalyDetector"]}
    single = {"Dimensions": []} | _single(settings)
    return shown | single | {"SingleMetricAnomalyDetector": {"AccountId": account} | single}
