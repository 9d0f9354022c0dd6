"""Executions as rows: finding, starting, rendering."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.asl.definition import parse
from mrak.lang.asl.frames import Start
from mrak.services.stepfunctions import arns, errors, statusevents, transitions
from mrak.services.stepfunctions.tables import EXECUTIONS, PAYLOADS, PROGRESS, Execution, Payload, Progress, Revision


def require(tx: Transaction, scope: Scope, execution_arn: str) -> tuple[Scope, Execution]:
    """The execution that an ARN names; raises ExecutionDoesNotExist."""
    place = arns.find_execution(scope, execution_arn)
    found = None if place is None else EXECUTIONS.get(tx, place[0], place[1], place[2])
    if place is None or found is None:
        raise errors.execution_does_not_exist(execution_arn)
    return place[0], found


def text_of(tx: Transaction, scope: Scope, execution: Execution, kind: str) -> str | None:
    found = PAYLOADS.get(tx, scope, execution.machine, execution.name, kind)
    return None if found is None else found.text


def arn_of(scope: Scope, execution: Execution) -> str:
    return arns.execution_arn(scope, execution.machine, execution.name)


def begin(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, revision: Revision, texts: dict[str, str]
) -> None:
    """Writes a new execution and takes its first step."""
    timeout = None if execution.processor else parse(revision.definition).timeout_seconds
    if timeout is not None:
        execution = msgspec.structs.replace(execution, expires_at=execution.started_at + timeout)
        tx.at(expiry(scope, execution))
    transitions.lock(tx, scope, execution.machine, execution.name)
    EXECUTIONS.insert(tx, scope, execution)
    for kind, text in texts.items():
        PAYLOADS.insert(tx, scope, Payload(execution.machine, execution.name, kind, text))
    PROGRESS.insert(tx, scope, Progress(execution.machine, execution.name, 1, 0))
    statusevents.announce(ctx, tx, scope, execution, texts["input"], None)
    transitions.apply(ctx, tx, scope, (execution.machine, execution.name), Start(), execution.started_at)


def expiry(scope: Scope, execution: Execution) -> Timer:
    """The timer of the machine's TimeoutSeconds."""
    return Timer(
        kind="stepfunctions.expiry",
        key=arn_of(scope, execution),
        due_at=execution.expires_at,
        scope=scope,
        payload=msgspec.msgpack.encode([execution.machine, execution.name]),
    )


def render(tx: Transaction, scope: Scope, execution: Execution, now: float) -> dict[str, Any]:
    """DescribeExecution's output."""
    shown = render_item(scope, execution)
    shown.pop("itemCount", None)
    shown["input"] = text_of(tx, scope, execution, "input")
    shown["inputDetails"] = {"included": True}
    output = text_of(tx, scope, execution, "output")
    if output is not None:
        shown |= {"output": output, "outputDetails": {"included": True}}
    shown |= _optional(error=execution.error, cause=execution.cause, traceHeader=execution.trace or None)
    status, reason = statusevents.redrive_status(execution, now)
    shown["redriveStatus"] = status
    if reason:
        shown["redriveStatusReason"] = reason
    return shown


def render_item(scope: Scope, execution: Execution) -> dict[str, Any]:
    """An entry of ListExecutions."""
    machine = arns.machine_arn(scope, execution.machine)
    shown: dict[str, Any] = {
        "executionArn": arn_of(scope, execution),
        "stateMachineArn": machine,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started_at,
        "redriveCount": execution.redrive_count,
    }
    if execution.stopped_at:
        shown["stopDate"] = execution.stopped_at
    if execution.redriven_at:
        shown["redriveDate"] = execution.redriven_at
    if execution.version:
        shown["stateMachineVersionArn"] = f"{machine}:{execution.version}"
    if execution.alias:
        shown["stateMachineAliasArn"] = f"{machine}:{execution.alias}"
    if execution.map_run:
        shown |= {"mapRunArn": execution.map_run, "itemCount": execution.item_count}
    return shown


def _optional(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
