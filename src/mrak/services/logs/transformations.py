"""What a metric filter makes of a line: its checks, and the data that go to CloudWatch.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html
"""

from __future__ import annotations

import math
import re
from typing import Any

from mrak.lang.logfilter import LogFilter
from mrak.services.logs import errors
from mrak.services.logs.tables import Event, MetricFilter

_MOST_DIMENSIONS = 3
_SELECTOR = re.compile(r"\$[^\s*]+").fullmatch


def check(made: dict[str, Any], system_fields: list[str]) -> None:
    dimensions, value = made.get("dimensions") or {}, str(made["metricValue"])
    if not _SELECTOR(value) and _number(value) is None:
        raise errors.invalid_transformation(f"metric value {value} must be a valid number")
    if dimensions and "defaultValue" in made:
        raise errors.invalid_transformation("dimensions and default value are mutually exclusive properties")
    if not all(_SELECTOR(selector) for selector in dimensions.values()):
        raise errors.invalid_transformation("dimension value must be valid selector")
    if len(dimensions) + len(set(system_fields)) > _MOST_DIMENSIONS:
        raise errors.invalid_parameter(
            "Number of dimensions exceeds the maximum number of dimensions supported per metric filter"
        )


def make_data(
    row: MetricFilter, pattern: LogFilter, added: list[Event], system: dict[str, str]
) -> list[tuple[str, dict[str, Any]]]:
    """(namespace, datum) of each value that a metric filter takes out of events. A default stands for each event that
    does not match, not for one whose value is no number."""
    emitted = {name: system[name] for name in row.system_fields}
    data: list[tuple[str, dict[str, Any]]] = []
    for event in added:
        matches = pattern.matches(event.message)
        for transformation in row.transformations:
            value = transformation.get("defaultValue")
            if matches:
                value = _value(pattern, event.message, str(transformation["metricValue"]))
            if value is not None:
                datum = _datum(transformation, pattern, event, value, emitted)
                data.append((str(transformation["metricNamespace"]), datum))
    return data


def _datum(
    transformation: dict[str, Any], pattern: LogFilter, event: Event, value: Any, emitted: dict[str, str]
) -> dict[str, Any]:
    found = {
        name: pattern.find_value(event.message, selector)
        for name, selector in (transformation.get("dimensions") or {}).items()
    }
    dimensions = [{"Name": name, "Value": text} for name, text in (found | emitted).items() if text]
    datum: dict[str, Any] = {
        "MetricName": transformation["metricName"],
        "Timestamp": event.timestamp_ms / 1000,
        "Value": value,
    }
    if dimensions:
        datum["Dimensions"] = dimensions
    return datum | ({"Unit": transformation["unit"]} if transformation.get("unit") else {})


def _value(pattern: LogFilter, message: str, wanted: str) -> float | None:
    """A constant, or what the message has at a selector; nothing where that is no number."""
    text = pattern.find_value(message, wanted) if wanted.startswith("$") else wanted
    return None if text is None else _number(text)


def _number(text: str) -> float | None:
    """None also of what no metric can be: CloudWatch would refuse it with all the data beside it."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
