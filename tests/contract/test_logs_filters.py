"""Metric and subscription filters of CloudWatch Logs: what AWS takes and refuses, and what becomes of the lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract.test_logs import group, logs, put, stream, unique

__all__ = ["group", "logs", "stream"]

METRIC: dict[str, Any] = {"metricNamespace": "App", "metricName": "m", "metricValue": "1"}
BY_PATH = {"dimensions": {"d": "$.d"}}
INVALID = "Invalid metric transformation: "
SYSTEM_FIELDS = (
    "The provided system fields are invalid. The supported system fields are - [@aws.region, @aws.account, @source.log]"
)
TOO_MANY = "Number of dimensions exceeds the maximum number of dimensions supported per metric filter"


@pytest.fixture
def put_filter(logs: Any, group: str) -> Callable[..., Any]:
    def make(name: str = "f", pattern: str = "{ $.d = * }", **more: Any) -> Any:
        made = {"metricTransformations": [METRIC]} | more
        return logs.put_metric_filter(logGroupName=group, filterName=name, filterPattern=pattern, **made)

    return make


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ({"metricValue": "many"}, {}, f"{INVALID}metric value many must be a valid number"),
        ({"metricValue": "$.a[*].v"}, {}, f"{INVALID}metric value $.a[*].v must be a valid number"),
        (
            BY_PATH | {"defaultValue": 0},
            {},
            f"{INVALID}dimensions and default value are mutually exclusive properties",
        ),
        ({"dimensions": {"d": "text"}}, {}, f"{INVALID}dimension value must be valid selector"),
        ({"dimensions": {"d": "$.a[*].d"}}, {}, f"{INVALID}dimension value must be valid selector"),
        ({"dimensions": dict.fromkeys("abcd", "$.d")}, {}, TOO_MANY),
        ({"dimensions": dict.fromkeys("abc", "$.d")}, {"emitSystemFieldDimensions": ["@aws.region"]}, TOO_MANY),
        ({}, {"emitSystemFieldDimensions": ["@aws.other"]}, SYSTEM_FIELDS),
        ({}, {"fieldSelectionCriteria": "@aws.other = 'x'"}, "The provided field selection criteria is invalid"),
        ({}, {"fieldSelectionCriteria": '@aws.region IN ["x"]'}, "The provided field selection criteria is invalid"),
    ],
)
def test_refused_transformations(
    logs: Any, group: str, put_filter: Any, change: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    """In AWS's words; a refused filter is not kept."""
    refused = error_of(put_filter, metricTransformations=[METRIC | change], **more)
    assert refused[:2] == ("InvalidParameterException", message)
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"] == []


def test_filters_are_shown_as_they_were_made(logs: Any, group: str, put_filter: Any) -> None:
    """What AWS shows only where it was asked for (LOGS-005); a token that never was one; what goes not together."""
    put_filter(
        applyOnTransformedLogs=True,
        emitSystemFieldDimensions=["@aws.region", "@aws.region"],
        fieldSelectionCriteria="@aws.region = 'us-east-1' OR @aws.account = 'x'",
    )
    (shown,) = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert shown["applyOnTransformedLogs"] is True
    assert shown["emitSystemFieldDimensions"] == ["@aws.region"]
    assert shown["fieldSelectionCriteria"] == "@aws.region = 'us-east-1' OR @aws.account = 'x'"
    asked: dict[str, Any] = {"metricName": "m", "metricNamespace": "App"}
    assert error_of(logs.describe_metric_filters, logGroupName=group, **asked)[1] == (
        "Describe Metric Filters request must contain either logGroupName or metricName and metricNamespace"
    )
    for listing in (logs.describe_metric_filters, logs.describe_subscription_filters):
        assert error_of(listing, logGroupName=group, nextToken="not one")[1] == (
            "Pagination token in request is invalid. Only token from previous list call or null is valid."
        )


def test_five_filters_of_a_group_have_regular_expressions(put_filter: Any) -> None:
    """AWS counts the filters, not the expressions in them; one may be changed, and others are not counted."""
    put_filter("two", "{ $.a = %x% && $.b = %y% }")
    for number in range(1, 5):
        put_filter(f"r{number}", f"%x{number}%")
    assert error_of(put_filter, name="r5", pattern="%x5%")[0] == "LimitExceededException"
    put_filter("r4", "%other%")
    put_filter("plain", '"100%"')


def test_a_default_stands_for_each_line_that_does_not_match(
    logs: Any, sandbox: Any, group: str, stream: str, put_filter: Any
) -> None:
    """As recorded: a default for every other line, none for one that matches without a number; system fields are
    dimensions, and a filter for other regions sees nothing."""
    name = unique("m")
    made = {"metricNamespace": "App", "metricName": name, "metricValue": "$value", "defaultValue": 3.0, "unit": "Count"}
    put_filter(
        "values", "[kind = VALUE, value]", metricTransformations=[made], emitSystemFieldDimensions=["@aws.region"]
    )
    other = made | {"metricName": f"{name}-other"}
    put_filter(
        "others", "[kind, value]", metricTransformations=[other], fieldSelectionCriteria="@aws.region != 'us-east-1'"
    )
    put(logs, group, stream, "VALUE 7", "VALUE none", "one", "two words here")
    cloudwatch = sandbox.client("cloudwatch")
    asked = {
        "Namespace": "App",
        "StartTime": time.time() - 600,
        "EndTime": time.time() + 600,
        "Period": 1200,
        "Statistics": ["Sum", "SampleCount"],
    }
    dimensions = [{"Name": "@aws.region", "Value": "us-east-1"}]

    def points() -> Any:
        return cloudwatch.get_metric_statistics(**asked, MetricName=name, Dimensions=dimensions)["Datapoints"]

    found = until(points)
    assert sum(point["Sum"] for point in found) == 7 + 2 * 3
    assert sum(point["SampleCount"] for point in found) == 3
    assert cloudwatch.get_metric_statistics(**asked, MetricName=other["metricName"])["Datapoints"] == []
