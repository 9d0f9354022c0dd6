"""What functions print, on its way to CloudWatch Logs: group and stream are made when they are missing, as Lambda does.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mrak.auth.principals import service_principal
from mrak.core.clock import RealClock
from mrak.core.errors import ApiError
from mrak.core.functions import FunctionSpec, LogEvent
from mrak.core.operation import find_operation
from mrak.engine.context import OperationContext

if TYPE_CHECKING:
    from mrak.engine.environments import Environments
    from mrak.engine.invoke import Engine

log = logging.getLogger("mrak.functions")

# PutLogEvents takes 1 MB in a batch, counting 26 bytes for each event.
_BATCH_BYTES = 1_000_000
_BATCH_EVENTS = 5_000
_EVENT_OVERHEAD_BYTES = 26


class FunctionLogs:
    """The sink of the supervisor of functions."""

    def __init__(self, engine: Engine, environments: Environments) -> None:
        self._engine = engine
        self._environments = environments

    async def __call__(self, spec: FunctionSpec, stream: str, events: list[LogEvent]) -> None:
        if spec.scope.environment not in self._environments.rows:
            return  # the environment was deleted meanwhile, and its logs with it
        if find_operation("logs", "PutLogEvents") is None:
            return
        environment = await self._environments.require(spec.scope.environment)
        principal = service_principal("lambda.amazonaws.com", spec.scope.account)
        ctx = self._engine.context(environment, spec.scope, principal)
        # Functions live in real time; an environment's clock may be elsewhere.
        offset_ms = round((environment.clock.now() - RealClock.now()) * 1000)
        group = spec.log_group or f"/aws/lambda/{spec.name}"
        for batch in _batches(events):
            shown = [{"timestamp": at + offset_ms, "message": message} for at, message in batch]
            try:
                await self._put(ctx, group, stream, shown)
            except ApiError as error:
                log.warning("log lines of %s are lost: %s", spec.name, error)

    async def _put(self, ctx: OperationContext, group: str, stream: str, events: list[dict[str, object]]) -> None:
        params = {"logGroupName": group, "logStreamName": stream, "logEvents": events}
        try:
            await ctx.call("logs", "PutLogEvents", params)
        except ApiError as error:
            if error.code != "ResourceNotFoundException":
                raise
            await self._create(ctx, "CreateLogGroup", {"logGroupName": group})
            await self._create(ctx, "CreateLogStream", {"logGroupName": group, "logStreamName": stream})
            await ctx.call("logs", "PutLogEvents", params)

    async def _create(self, ctx: OperationContext, operation: str, params: dict[str, str]) -> None:
        try:
            await ctx.call("logs", operation, dict(params))
        except ApiError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise


def _batches(events: list[LogEvent]) -> Iterator[list[LogEvent]]:
    batch: list[LogEvent] = []
    size = 0
    for event in events:
        event_bytes = len(event[1].encode()) + _EVENT_OVERHEAD_BYTES
        if batch and (size + event_bytes > _BATCH_BYTES or len(batch) == _BATCH_EVENTS):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event_bytes
    if batch:
        yield batch
