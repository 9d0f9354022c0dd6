"""CloudWatch's rows.

    METRICS     (namespace, name, dimensions)      -> Metric      that it exists, and when it last got a point
    POINTS      (metric, at, unit)                 -> Point       what was measured in one step of time
    ALARMS      (name)                             -> Alarm
      WATCHING  (metric)                                          the alarms on a metric
    CHILDREN    (alarm, composite)                 -> Child       the composite alarms that an alarm may change
    DETECTORS   (name)                             -> Detector
    RULES       (name)                             -> Rule
    MUTE_RULES  (name)                             -> MuteRule
    MUTED       (alarm)                            -> Muted       an alarm whose actions wait for the end of a mute
    HISTORY     (alarm, sequence)                  -> Change      of a month; each change drops a few that are older
    DASHBOARDS  (name)                             -> Dashboard

`dimensions` and `metric` are text made of sorted names and values, so that the order in a request does not matter.
Invariant: a metric that has points has a row.
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
    rule: str = ""
    """Of a composite alarm, which has no metric."""
    moved_at: float = 0.0
    """When the state last changed."""


class Child(msgspec.Struct, frozen=True, array_like=True):
    """That a composite alarm's rule names an alarm."""

    alarm: str
    composite: str


class Detector(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` is PutAnomalyDetector's input."""

    name: str
    settings: dict[str, object]


class Change(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    alarm: str
    sequence: int
    at: float
    kind: str
    summary: str
    data: str
    alarm_type: str = "MetricAlarm"


class Dashboard(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    body: str
    changed_at: float
    tags: dict[str, str] = {}


class Rule(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A Contributor Insights rule. Lines older than `since` are not its."""

    name: str
    definition: str
    enabled: bool
    since: float
    transformed: bool = False


METRICS = Table("cloudwatch.metric", Metric, key=("namespace", "name", "dimensions"))
POINTS = Table("cloudwatch.points", Point, key=("metric", "at", "unit"))
ALARMS = Table("cloudwatch.alarm", Alarm, key=("name",))
WATCHING = ALARMS.index("metric", ("metric",))
CHILDREN = Table("cloudwatch.child", Child, key=("alarm", "composite"))
DETECTORS = Table("cloudwatch.detector", Detector, key=("name",))
RULES = Table("cloudwatch.rule", Rule, key=("name",))
HISTORY = Table("cloudwatch.history", Change, key=("alarm", "sequence"), append_only=True)
DASHBOARDS = Table("cloudwatch.dashboard", Dashboard, key=("name",))


class MuteRule(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` is PutAlarmMuteRule's input."""

    name: str
    settings: dict[str, object]
    updated_at: float
    tags: dict[str, str] = {}


class Muted(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`old` is the alarm before it went into the state whose actions were held back, at `moved_at`."""

    alarm: str
    old: Alarm
    moved_at: float


MUTE_RULES = Table("cloudwatch.mute-rule", MuteRule, key=("name",))
MUTED = Table("cloudwatch.muted", Muted, key=("alarm",))
