"""What PutMetricData takes and refuses, and what of it is read back, with the words recorded at AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import error_of

COMBINATION, VALUE = "InvalidParameterCombination", "InvalidParameterValue"
DATUM = "MetricData.member.1"


def _sums(count: float, least: float, most: float) -> dict[str, Any]:
    return {"StatisticValues": {"SampleCount": count, "Sum": 3.0, "Minimum": least, "Maximum": most}}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, COMBINATION, "At least one of the parameters must be specified."),
    ({"Values": []}, COMBINATION, "At least one of the parameters must be specified."),
    ({"Counts": [1.0]}, COMBINATION, "The parameter values must appears when the counts parameter is specified."),
    (
        {"Values": [1.0], "Counts": [-1.0]},
        VALUE,
        f"The parameter {DATUM}.Counts must contain only values greater than 0.",
    ),
    (_sums(0, 1, 1), VALUE, f"The parameter {DATUM}.StatisticValues.SampleCount must be greater than 0."),
    (
        _sums(2, 2, 1),
        VALUE,
        f"The parameter {DATUM}.StatisticValues.Maximum must be greater than {DATUM}.StatisticValues.Minimum.",
    ),
    (
        {"Value": 1.0, "StorageResolution": 2},
        VALUE,
        f"The parameter {DATUM}.StorageResolution must be a value in the set [ 1, 60 ].",
    ),
    (
        {"Value": 4.6970851655476665e108},
        VALUE,
        f"The value 4.6970851655476665E108 for parameter {DATUM}.Value is invalid.",
    ),
    (
        {"Value": 1.0, "Dimensions": [{"Name": "A", "Value": "1"}, {"Name": "A", "Value": "2"}]},
        VALUE,
        "No metric may specify the same dimension name twice.",
    ),
    (
        {"Value": 1.0, "Timestamp": timedelta(days=-15)},
        VALUE,
        f"The parameter {DATUM}.Timestamp must specify a time within the past two weeks.",
    ),
    (
        {"Value": 1.0, "Timestamp": timedelta(hours=3)},
        VALUE,
        f"The parameter {DATUM}.Timestamp must specify a time no more than two hours in the future.",
    ),
]


@pytest.mark.parametrize(("datum", "code", "message"), REFUSED)
def test_refused_measures(sandbox: Any, datum: dict[str, Any], code: str, message: str) -> None:
    """One wrong measure refuses the request, and the one before it is not kept either."""
    cloudwatch = sandbox.client("cloudwatch")
    wrong: dict[str, Any] = {"MetricName": "m"} | datum
    if isinstance(wrong.get("Timestamp"), timedelta):
        wrong["Timestamp"] += datetime.now(UTC)
    good = {"MetricName": "good", "Value": 1.0}
    assert error_of(cloudwatch.put_metric_data, Namespace="refused", MetricData=[wrong, good]) == (code, message, 400)
    assert cloudwatch.list_metrics(Namespace="refused")["Metrics"] == []


def test_requests_without_measures_or_in_a_foreign_namespace(sandbox: Any) -> None:
    """Both would be acknowledged for nothing: there is nothing to keep, and what AWS measures is not a client's."""
    cloudwatch = sandbox.client("cloudwatch")
    nothing = ("MissingParameter", "At least one MetricDatum object must be present in the request.", 400)
    assert error_of(cloudwatch.put_metric_data, Namespace="n") == nothing
    assert error_of(cloudwatch.put_metric_data, Namespace="n", MetricData=[]) == nothing
    measure = [{"MetricName": "m", "Value": 1.0}]
    reserved = error_of(cloudwatch.put_metric_data, Namespace="AWS/Mine", MetricData=measure)
    assert reserved == (VALUE, "The value AWS/ for parameter Namespace is invalid.", 400)


def test_measures_of_entities_are_measures(sandbox: Any) -> None:
    """CLOUDWATCH-006: they are kept like others; whether the entity makes sense is asked only of who wants to know."""
    cloudwatch = sandbox.client("cloudwatch")
    measure: dict[str, Any] = {"MetricName": "m", "Value": 1.0}
    entity = {"Entity": {"KeyAttributes": {"Type": "Unheard", "Name": "x"}}, "MetricData": [measure]}
    put = {"Namespace": "entities", "EntityMetricData": [entity]}
    assert error_of(cloudwatch.put_metric_data, **put) == (
        COMBINATION,
        "Field StrictEntityValidation is required when setting EntityMetricData",
        400,
    )
    strict = error_of(cloudwatch.put_metric_data, **put, StrictEntityValidation=True)
    assert strict == (VALUE, "InvalidTypeValue: Unknown entity type", 400)
    cloudwatch.put_metric_data(**put, StrictEntityValidation=False)
    assert [row["MetricName"] for row in cloudwatch.list_metrics(Namespace="entities")["Metrics"]] == ["m"]
    measure["Values"] = [2.0]
    place = "EntityMetricData.member.1.MetricData.member.1"
    assert error_of(cloudwatch.put_metric_data, **put, StrictEntityValidation=False)[1] == (
        f"The parameters {place}.Value and {place}.Values are mutually exclusive and you have specified both."
    )


def test_a_minute_that_goes_on_is_not_shown(sandbox: Any) -> None:
    """Statistics are read up to a whole minute; a second after it does not bring the next one in."""
    cloudwatch = sandbox.client("cloudwatch")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    measures = [{"MetricName": "m", "Timestamp": start + timedelta(minutes=at), "Value": 1.0} for at in (0, 1)]
    cloudwatch.put_metric_data(Namespace="whole", MetricData=measures)
    asked = {"Namespace": "whole", "MetricName": "m", "StartTime": start, "Statistics": ["Sum"]}

    def shown(period: int, end: timedelta) -> list[datetime]:
        found = cloudwatch.get_metric_statistics(**asked, Period=period, EndTime=start + end)["Datapoints"]
        return [point["Timestamp"] for point in found]

    assert shown(60, timedelta(seconds=61)) == [start]
    assert shown(60, timedelta(seconds=120)) == [start, start + timedelta(minutes=1)]
    refused = error_of(cloudwatch.get_metric_statistics, **asked, Period=7, EndTime=start + timedelta(minutes=2))
    assert refused == (VALUE, "The parameter Period must be a value in the set [1, 5, 10, 20, 30].", 400)
