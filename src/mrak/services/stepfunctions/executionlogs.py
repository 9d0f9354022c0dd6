"""What a machine logs of its executions to CloudWatch Logs, by its logging configuration.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.asl.frames import HistoryEvent
from mrak.services.logs import exports as logs
from mrak.services.stepfunctions import errors, history
from mrak.services.stepfunctions.tables import Revision

_FATAL = frozenset(("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"))
_ERRORS = ("Failed", "Aborted", "TimedOut")
# Members of details that hold the execution's data, left out unless includeExecutionData.
_DATA = ("input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables")

_TRIAL_STREAM = "log_stream_created_by_aws_to_validate_log_delivery_subscriptions"
_TRIAL_LINE = (
    "Permissions are set correctly to allow AWS CloudWatch Logs to write into your logs while creating a subscription."
)


def write(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    revision: Revision,
    execution: tuple[str, str, int],
    events: list[HistoryEvent],
) -> None:
    """Appends the events that the level lets through, in the transaction that records them. `execution` is (name, ARN,
    redrive count)."""
    group = find_group(revision.logging)
    if group is None:
        return
    level = revision.logging.get("level", "OFF")
    lines = [
        (int(event.at * 1000), _line(event, execution, bool(revision.logging.get("includeExecutionData"))))
        for event in events
        if _passes(event.type, level)
    ]
    if lines:
        stream = time.strftime("states/%Y-%m-%d-%H-%M", time.gmtime(ctx.now))
        logs.append(ctx, tx, scope, group, f"{stream.replace('states/', f'states/{revision.machine}/')}/0000", lines)


def check_destination(ctx: Context, tx: Transaction, scope: Scope, logging: dict[str, Any]) -> None:
    """The log group must be there. Step Functions tries it out with a stream of its own, which stays (recorded)."""
    group = find_group(logging)
    if group is None:
        return
    if not logs.group_exists(tx, scope, group):
        raise errors.invalid_logging("Log Destination not found.")
    logs.append(ctx, tx, scope, group, _TRIAL_STREAM, [(int(ctx.now * 1000), _TRIAL_LINE)])


def find_group(logging: dict[str, Any]) -> str | None:
    """The log group of a configuration; None where nothing is logged."""
    destinations = logging.get("destinations")
    if not destinations or logging.get("level", "OFF") == "OFF":
        return None
    arn: str = destinations[0].get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
    return arn.partition(":log-group:")[2].removesuffix(":*") or None


def _passes(kind: str, level: str) -> bool:
    if level == "ALL":
        return True
    return kind in _FATAL or (level == "ERROR" and (kind.endswith(_ERRORS) or kind == "FailStateEntered"))


def _line(event: HistoryEvent, execution: tuple[str, str, int], with_data: bool) -> str:
    _, arn, redrives = execution
    details = history.details_of(event)
    if not with_data:
        details = {name: value for name, value in details.items() if name not in _DATA}
    shown = {
        "id": str(event.id),
        "type": event.type,
        "details": details,
        "redrive_count": str(redrives),
        "previous_event_id": str(event.previous),
        "event_timestamp": str(int(event.at * 1000)),
        "execution_arn": arn,
    }
    return msgspec.json.encode(shown).decode()
