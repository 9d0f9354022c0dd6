"""What AWS says of a dashboard's body: mistakes that refuse it, and what it keeps but warns of.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

Remark = tuple[str, str]
"""(where, what)"""

_MOST_WIDGETS = 500
_ROOT = frozenset(("widgets", "variables", "start", "end", "periodOverride"))
_WIDGET = frozenset(("type", "properties", "x", "y", "width", "height"))
_TEXT = frozenset(("markdown", "background"))
_TYPES = (
    "chart", "custom", "metric", "service", "text", "log", "alarm", "explorer", "timeline", "serviceMap",
    "serviceTable", "trace",
)  # fmt: skip
_BOUNDS: dict[str, tuple[int, int | None]] = {"height": (1, 1000), "width": (1, 24), "x": (0, 23), "y": (0, None)}
_SHORT_PERIODS = (1, 5, 10, 20, 30)
_SHARE = r"((100(.0{0,10})?|\d{1,2})(\.\d{0,10})?%)"
_NUMBER = r"((\d+(\.\d{0,10})?)|(\d+(\.\d{0,10})?[Ee][+-]?\d+))"
_STAT = (
    r"^((SampleCount|Average|Sum|Minimum|Maximum|IQM)|(p|tc|tm|ts|wm)(100(.0{0,10})?|\d{1,2})(\.\d{0,10})?"
    r"|[ou](\d+(\.\d{0,10})?)(_E|_L|_H)?"
    rf"|((TM|TC|TS|WM)\({_SHARE}:{_SHARE}?\)|(TM|TC|TS|WM)\({_SHARE}?:{_SHARE}\))"
    rf"|(((TM|TC|TS|WM)|(PR))\({_NUMBER}:{_NUMBER}?\))|(((TM|TC|TS|WM)|(PR))\({_NUMBER}?:{_NUMBER}\)))$"
)
_OVERRIDE = "^(inherit|auto)$"


def find_mistakes(body: dict[str, Any]) -> list[Remark]:
    """Why a body is refused."""
    return list(_mistakes(body))


def find_warnings(body: dict[str, Any]) -> list[Remark]:
    """Of a body without mistakes: what is kept for nothing."""
    return list(_warnings(body))


def _mistakes(body: dict[str, Any]) -> Iterator[Remark]:
    if "widgets" not in body:
        yield "", _required("widgets")
    for name in ("widgets", "variables"):
        if not isinstance(body.get(name, []), list):
            yield f"/{name}", "Should be array"
            return
    widgets = body.get("widgets", [])
    if len(widgets) > _MOST_WIDGETS:
        yield "/widgets", f"Should NOT have more than {_MOST_WIDGETS} items"
        return
    for number, widget in enumerate(widgets):
        place = f"/widgets/{number}"
        if isinstance(widget, dict):
            yield from _mistakes_of_widget(place, widget)
        else:
            yield place, "Should be object"


def _mistakes_of_widget(place: str, widget: dict[str, Any]) -> Iterator[Remark]:
    yield from ((place, _required(name)) for name in ("type", "properties") if name not in widget)
    for one, other in (("x", "y"), ("y", "x")):
        if one in widget and other not in widget:
            yield place, f"Should have property {other} when property {one} is present"
    for name, bounds in _BOUNDS.items():
        if name in widget:
            yield from _mistakes_of_number(f"{place}/{name}", widget[name], bounds)
    properties = widget.get("properties", {})
    if not isinstance(properties, dict):
        yield f"{place}/properties", "Should be object"
    elif "properties" in widget and isinstance(widget.get("type"), str):
        check = _OF_PROPERTIES.get(widget["type"])
        if check is not None:
            yield from check(f"{place}/properties", properties)


def _mistakes_of_number(place: str, value: object, bounds: tuple[int, int | None]) -> Iterator[Remark]:
    least, most = bounds
    if not _is_integer(value):
        yield place, "Should be integer"
    elif value < least:
        yield place, f"Should be >= {least}"
    elif most is not None and value > most:
        yield place, f"Should be <= {most}"


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


def _mistakes_of_text(place: str, properties: dict[str, Any]) -> Iterator[Remark]:
    if "markdown" not in properties:
        yield place, _required("markdown")
    elif not isinstance(properties["markdown"], str):
        yield f"{place}/markdown", "Should be string"


def _mistakes_of_alarm(place: str, properties: dict[str, Any]) -> Iterator[Remark]:
    if "alarms" not in properties:
        yield place, _required("alarms")


def _mistakes_of_metric(place: str, properties: dict[str, Any]) -> Iterator[Remark]:
    has_data = "metrics" in properties or "insightRule" in properties
    if "annotations" not in properties and not (has_data and "region" in properties):
        yield place, _required("region" if has_data else "metrics")
        yield place, "The metric widget should have specified a region and a data source or an alarm annotation"
        yield place, _required("annotations")
    yield from _mistakes_of_period(f"{place}/period", properties.get("period", 60))
    stat = properties.get("stat", "Sum")
    if isinstance(stat, str) and not re.search(_STAT, stat, re.ASCII):
        yield f"{place}/stat", f'Should match pattern "{_STAT}"'


def _mistakes_of_period(place: str, period: object) -> Iterator[Remark]:
    if not _is_integer(period) or period in _SHORT_PERIODS or (period >= 60 and period % 60 == 0):
        return
    if period < 60:
        yield place, "Should be >= 60"
    if period % 60:
        yield place, "Should be multiple of 60"
    yield place, "Should match exactly one schema in oneOf"


_OF_PROPERTIES = {"text": _mistakes_of_text, "alarm": _mistakes_of_alarm, "metric": _mistakes_of_metric}


def _warnings(body: dict[str, Any]) -> Iterator[Remark]:
    for name in (name for name in body if name not in _ROOT):
        yield "", f'The "{name}" property is not expected, will be ignored'
    override = body.get("periodOverride", "auto")
    if isinstance(override, str) and not re.search(_OVERRIDE, override):
        yield "/periodOverride", f'Should match pattern "{_OVERRIDE}"'
    for number, widget in enumerate(body["widgets"]):
        place, kind = f"/widgets/{number}", widget["type"]
        yield from _unexpected(place, widget, _WIDGET)
        if kind == "text":
            yield from _unexpected(f"{place}/properties", widget["properties"], _TEXT)
        elif kind not in _TYPES:
            allowed = ",".join(_TYPES)
            yield f"{place}/type", f"The specified widget type is unknown. Use one of the allowed values: {allowed}"


def _unexpected(place: str, given: dict[str, Any], expected: frozenset[str]) -> Iterator[Remark]:
    for name in given:
        if name not in expected:
            yield place, f'The "{name}" property is not expected to be part of a widget definition, will be ignored'


def _required(name: str) -> str:
    return f"Should have required property '{name}'"
