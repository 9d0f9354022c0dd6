"""PutMetricData: what is measured, of metrics alone or of entities that have them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

import math
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.cloudwatch import errors, metrics
from mrak.services.cloudwatch.metrics import Measure
from mrak.services.cloudwatch.queries import pairs_of

_OLDEST_SECONDS = 14 * 86_400.0
_NEWEST_SECONDS = 2 * 3600.0
_RESERVED = "AWS/"
_ENTITY_TYPES = ("Service", "RemoteService", "Resource", "AWS::Service", "AWS::Resource")


@operation("PutMetricData")
def put_metric_data(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if req["Namespace"].startswith(_RESERVED):
        raise errors.invalid_value(f"The value {_RESERVED} for parameter Namespace is invalid.")
    _check_entities(req)
    placed = _placed(req)
    if not placed:
        raise errors.no_data()
    for place, datum in placed:
        _check_datum(place, datum, ctx.now)
    metrics.record(tx, ctx.scope, [_measure(ctx, req["Namespace"], datum) for _, datum in placed])


def _check_entities(req: dict[str, Any]) -> None:
    """That a metric belongs to something is checked as the request says, and not kept."""
    if not req.get("EntityMetricData"):
        return
    deviation("CLOUDWATCH-006")
    if "StrictEntityValidation" not in req:
        raise errors.invalid_combination("Field StrictEntityValidation is required when setting EntityMetricData")
    for entity in req["EntityMetricData"] if req["StrictEntityValidation"] else ():
        if entity.get("Entity", {}).get("KeyAttributes", {}).get("Type") not in _ENTITY_TYPES:
            raise errors.invalid_value("InvalidTypeValue: Unknown entity type")


def _placed(req: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each datum with its place in the request."""
    plain = [(f"MetricData.member.{at}", datum) for at, datum in enumerate(req.get("MetricData", []), 1)]
    return plain + [
        (f"EntityMetricData.member.{number}.MetricData.member.{at}", datum)
        for number, entity in enumerate(req.get("EntityMetricData", []), 1)
        for at, datum in enumerate(entity.get("MetricData", []), 1)
    ]


def _check_datum(place: str, datum: dict[str, Any], now: float) -> None:
    for first, second in (("Value", "Values"), ("Value", "StatisticValues")):
        if datum.get(first) is not None and datum.get(second) is not None:
            raise errors.both_given(place, first, second)
    _check_counts(place, datum)
    if datum.get("Value") is None and datum.get("StatisticValues") is None and not datum.get("Values"):
        raise errors.invalid_combination("At least one of the parameters must be specified.")
    _check_numbers(place, datum)
    _check_statistics(place, datum.get("StatisticValues"))
    if datum.get("StorageResolution", 60) not in (1, 60):
        raise errors.invalid_value(f"The parameter {place}.StorageResolution must be a value in the set [ 1, 60 ].")
    names = [pair["Name"] for pair in datum.get("Dimensions", [])]
    if len(set(names)) < len(names):
        raise errors.invalid_value("No metric may specify the same dimension name twice.")
    _check_time(place, datum.get("Timestamp", now), now)


def _check_counts(place: str, datum: dict[str, Any]) -> None:
    values, counts = datum.get("Values"), datum.get("Counts")
    if counts is None:
        return
    if values is None:
        raise errors.invalid_combination("The parameter values must appears when the counts parameter is specified.")
    if len(values) != len(counts):
        raise errors.invalid_value(f"The parameters {place}.Values and {place}.Counts must be of the same size.")
    for number, count in enumerate(counts, 1):
        _check_number(f"{place}.Counts.member.{number}", count)
    if any(count < 0 for count in counts):
        raise errors.invalid_value(f"The parameter {place}.Counts must contain only values greater than 0.")


def _check_statistics(place: str, given: dict[str, Any] | None) -> None:
    if given is None:
        return
    place += ".StatisticValues"
    if given["SampleCount"] <= 0:
        raise errors.invalid_value(f"The parameter {place}.SampleCount must be greater than 0.")
    if given["Minimum"] > given["Maximum"]:
        raise errors.invalid_value(f"The parameter {place}.Maximum must be greater than {place}.Minimum.")


def _check_time(place: str, at: float, now: float) -> None:
    if at < now - _OLDEST_SECONDS:
        raise errors.invalid_value(f"The parameter {place}.Timestamp must specify a time within the past two weeks.")
    if at > now + _NEWEST_SECONDS:
        raise errors.invalid_value(
            f"The parameter {place}.Timestamp must specify a time no more than two hours in the future."
        )


def _check_numbers(place: str, datum: dict[str, Any]) -> None:
    if datum.get("Value") is not None:
        _check_number(f"{place}.Value", datum["Value"])
    for number, value in enumerate(datum.get("Values") or [], 1):
        _check_number(f"{place}.Values.member.{number}", value)
    for name, value in (datum.get("StatisticValues") or {}).items():
        _check_number(f"{place}.StatisticValues.{name}", value)


def _check_number(place: str, value: float) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html: -2^360 to 2^360."""
    if not -(2.0**360) <= value <= 2.0**360:
        raise errors.invalid_value(f"The value {_render_large(float(value))} for parameter {place} is invalid.")


def _render_large(value: float) -> str:
    """As Java writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}Infinity"
    digits, _, exponent = repr(value).partition("e+")
    return f"{digits}{'' if '.' in digits else '.0'}E{exponent}"


def _measure(ctx: Context, namespace: str, datum: dict[str, Any]) -> Measure:
    given = datum.get("StatisticValues")
    values: list[tuple[float, float]] = []
    if datum.get("Value") is not None:
        values = [(float(datum["Value"]), 1.0)]
    elif datum.get("Values"):
        counts = datum.get("Counts") or [1.0] * len(datum["Values"])
        values = [(float(value), float(count)) for value, count in zip(datum["Values"], counts, strict=True)]
    sums = None
    if given is not None:
        sums = (given["Sum"], given["SampleCount"], given["Minimum"], given["Maximum"])
    return Measure(
        namespace,
        datum["MetricName"],
        pairs_of(datum.get("Dimensions")),
        datum.get("Timestamp", ctx.now),
        values,
        datum.get("Unit", "None"),
        float(datum.get("StorageResolution", metrics.STANDARD_SECONDS)),
        sums,
    )
