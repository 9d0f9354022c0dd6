"""Amazon CloudWatch: metrics, alarms and dashboards.

publishing            metrics in                     metrics      points as they are kept
metric_operations     metrics out                    statistics   what points come to
queries               metric data queries
alarm_operations      alarms and their states        alarms       evaluation, and what a change of state causes
composite_operations  alarms on alarms               actions      topics, functions and events that alarms tell
dashboard_operations  dashboards                     names        ARNs, and what alarms ask for
detector_operations   anomaly detectors              insight_operations   Contributor Insights: rules, reports
contributors          what rules make of log lines   mutes        when mute rules hold actions back
mute_operations       alarm mute rules
history_operations    what happened to alarms        alarmchanges what new settings of alarms leave behind
putting               what all alarms are asked for
tables                rows and invariants            errors       the service's errors
exports               what other services and the observer may use
"""

from mrak.services.cloudwatch import (
    alarm_operations,
    composite_operations,
    dashboard_operations,
    detector_operations,
    history_operations,
    insight_operations,
    metric_operations,
    mute_operations,
    publishing,
    workers,
)

__all__ = [
    "alarm_operations",
    "composite_operations",
    "dashboard_operations",
    "detector_operations",
    "history_operations",
    "insight_operations",
    "metric_operations",
    "mute_operations",
    "publishing",
    "workers",
]
