"""The one record that every operation leaves; access log, trail, metrics, metering and traces are made of it."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.scope import Scope


class OperationRecord(msgspec.Struct):
    """What happened: who asked which service for what, when, how long, how it ended and what it used.

    Times are epoch seconds of the environment's clock; `duration_seconds` is measured on the machine's own clock.
    `usage` holds AWS's billing units ({"WriteRequestUnits": 1.0}). `resource` is the ARN or name acted on.
    """

    scope: Scope
    service: str
    operation: str
    request_id: str
    principal: str
    started_at: float
    duration_seconds: float
    status: int
    error_code: str | None
    error_message: str | None
    resource: str | None
    usage: dict[str, float] | None
    trace_id: str
    span_id: str
    parent_id: str | None
    request_bytes: int
    response_bytes: int
    annotations: dict[str, Any] | None = None
    traced: bool = True
    """Whether the trace has more than this operation: it came with a parent, or went on to something else."""
