"""Amazon CloudWatch: metrics, alarms and dashboards.

metric_operations  metrics in and out      alarm_operations   alarms, their states and actions, dashboards
metrics            points and statistics   alarms             evaluation, and what a change of state causes
tables             rows and invariants     errors             the service's errors
exports            what other services and the observer may use
"""

from mrak.services.cloudwatch import alarm_operations, dashboard_operations, metric_operations, workers

__all__ = ["alarm_operations", "dashboard_operations", "metric_operations", "workers"]
