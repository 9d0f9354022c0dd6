"""CloudWatch's rows.

    METRICS     (namespace, name, dimensions)      -> Metric      that it exists, and when it last got a point
    POINTS      (metric, at)                       -> Point       what was measured in one step of time
    ALARMS      (name)                             -> Alarm
      WATCHING  (metric)                                          the alarms on a metric
    HISTORY     (alarm, sequence)                  -> Change
    DASHBOARDS  (name)                             -> Dashboard

`dimensions` and `metric` are text made of sorted names and values, so that the order in a request does not matter.
Invariant: a metric has a row as long as it has points; points older than a fortnight are swept.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Metric(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    namespace: str
    name: str
    dimensions: str
    pairs: list[tuple[str, str]]
    last_at: float


class Point(msgspec.Struct, frozen=True, array_like=True):
    """`values` are (value, count) pairs, for percentiles; beyond a hundred different ones only the sums go on."""

    metric: str
    at: float
    total: float
    count: float
    least: float
    most: float
    unit: str = "None"
    values: list[tuple[float, float]] = []


class Alarm(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` is PutMetricAlarm's input; `state` what came of it."""

    name: str
    metric: str
    settings: dict[str, object]
    configured_at: float
    state: str = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = ""
    state_at: float = 0.0
    tags: dict[str, str] = {}
    actions_enabled: bool = True
    next_check_at: float = 0.0


class Change(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    alarm: str
    sequence: int
    at: float
    kind: str
    summary: str
    data: str


class Dashboard(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    body: str
    changed_at: float


METRICS = Table("cloudwatch.metric", Metric, key=("namespace", "name", "dimensions"))
POINTS = Table("cloudwatch.point", Point, key=("metric", "at"))
ALARMS = Table("cloudwatch.alarm", Alarm, key=("name",))
WATCHING = ALARMS.index("metric", ("metric",))
HISTORY = Table("cloudwatch.history", Change, key=("alarm", "sequence"), append_only=True)
DASHBOARDS = Table("cloudwatch.dashboard", Dashboard, key=("name",))
