"""How full queues are. AWS measures every queue each minute; here a queue is measured when it is made, in the minutes
in which it is used, and at the end of each period of an alarm that watches it: so that the alarm on a dead-letter
queue, into which messages come without any request for it, goes off, and nothing is measured that nobody asks for.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.cloudwatch import metrics, names
from mrak.services.cloudwatch.metrics import Measure
from mrak.services.cloudwatch.tables import METRICS

_QUEUES = "AWS/SQS"
# Metric -> the queue's attribute.
_COUNTS = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}
_ANY = next(iter(_COUNTS))


def measure_watched(tx: Transaction, scope: Scope, settings: dict[str, Any], now: float, end: float) -> None:
    """Measures what an alarm watches, for the period that ends at `end`."""
    for query in names.queries_of(settings):
        metric = query.get("MetricStat", {}).get("Metric", {})
        if metric.get("Namespace") != _QUEUES or metric.get("MetricName") not in _COUNTS:
            continue
        for dimension in metric.get("Dimensions", []):
            if dimension["Name"] == "QueueName":
                _measure(tx, scope, dimension["Value"], now, end - 1)


def measure_used(tx: Transaction, scope: Scope, queue: str, now: float) -> None:
    """Measures a queue that was used, once a minute."""
    known = METRICS.get(tx, scope, _QUEUES, _ANY, metrics.dimensions_key([("QueueName", queue)]))
    if known is None or now - known.last_at >= metrics.STANDARD_SECONDS:
        _measure(tx, scope, queue, now, now)


def _measure(tx: Transaction, scope: Scope, queue: str, now: float, at: float) -> None:
    from mrak.services.sqs import exports as sqs

    deviation("CLOUDWATCH-005")
    counts = sqs.count_messages(tx, scope, queue, now)
    if counts is None:
        return
    pairs = [("QueueName", queue)]
    measures = [Measure(_QUEUES, name, pairs, at, [(float(counts[of]), 1.0)], "Count") for name, of in _COUNTS.items()]
    metrics.record(tx, scope, measures)
