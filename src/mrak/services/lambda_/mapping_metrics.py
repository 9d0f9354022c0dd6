"""Metrics of event source mappings whose MetricsConfig asks for EventCount: what came of the events that were polled.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
"""

from __future__ import annotations

from mrak.core.context import Context
from mrak.services.lambda_.tables import Mapping


class EventCounts:
    """Counts of one mapping, written together when a batch has ended."""

    def __init__(self, ctx: Context, mapping: Mapping) -> None:
        self._ctx = ctx
        self._uuid = mapping.uuid
        self._wanted = "EventCount" in (mapping.settings.get("MetricsConfig") or {}).get("Metrics", ())
        self._counts: dict[str, float] = {}

    def add(self, metric: str, count: int) -> None:
        if self._wanted and count:
            self._counts[metric] = self._counts.get(metric, 0.0) + count

    async def write(self) -> None:
        if not self._counts:
            return
        from mrak.services.cloudwatch import exports as cloudwatch  # only mappings that ask for it need CloudWatch

        counts, self._counts = self._counts, {}
        dimensions = [("EventSourceMappingUUID", self._uuid)]
        at, scope = self._ctx.clock(), self._ctx.scope
        await self._ctx.transact(lambda tx: cloudwatch.record_counts(tx, scope, "AWS/Lambda", dimensions, at, counts))
