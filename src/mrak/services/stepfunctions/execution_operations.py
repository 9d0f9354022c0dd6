"""Executions: stop, describe, list, redrive, history.

https://docs.aws.amazon.com/step-functions/latest/apireference/
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import render_token
from mrak.core.scope import Scope
from mrak.lang.asl.frames import Redrive, Stop
from mrak.services.stepfunctions import arns, errors, executions, history, machines, mapruns, statusevents, transitions
from mrak.services.stepfunctions.machine_operations import (
    find_after,
    find_number_after,
    page_size,
    with_token,
)
from mrak.services.stepfunctions.tables import (
    BY_STATUS,
    EVENTS,
    EXECUTIONS,
    MACHINES,
    PROGRESS,
    STARTED,
    Execution,
)

_MOST_HISTORY = 1000
_MOST_REDRIVABLE_EVENTS = 24_999


@operation("StopExecution")
def stop_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Stopping what has ended is answered with when it ended."""
    scope, execution = executions.require(tx, ctx.scope, req["executionArn"])
    key = (execution.machine, execution.name)
    if transitions.apply(ctx, tx, scope, key, Stop(req.get("error"), req.get("cause")), ctx.now):
        return {"stopDate": ctx.now}
    return {"stopDate": execution.stopped_at}


@operation("DescribeExecution")
def describe_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, execution = executions.require(tx, ctx.scope, req["executionArn"])
    shown = executions.render(tx, scope, execution, ctx.now)
    if req.get("includedData") == "METADATA_ONLY":
        shown.pop("input")
        shown["inputDetails"] = {"included": False}
        if shown.pop("output", None) is not None:
            shown["outputDetails"] = {"included": False}
    return shown


@operation("DescribeStateMachineForExecution")
def describe_state_machine_for_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, execution = executions.require(tx, ctx.scope, req["executionArn"])
    revision = transitions.revision_of(tx, scope, execution)
    shown = machines.render_settings(revision)
    shown |= {
        "stateMachineArn": arns.machine_arn(scope, revision.machine),
        "updateDate": revision.updated_at,
    }
    if execution.map_run:
        shown |= {"mapRunArn": execution.map_run, "label": execution.machine.partition("/")[2]}
    return shown


@operation("ListExecutions")
def list_executions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The latest first. https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html"""
    if ("stateMachineArn" in req) == ("mapRunArn" in req):
        raise errors.validation("Either the state machine ARN or the Map Run ARN must be specified, but not both.")
    scope, machine, keep = _source_of(ctx, tx, req)
    status, after = req.get("statusFilter"), find_after(req)
    position = _parse_position(after)
    if status is None:
        rows = STARTED.scan(tx, scope, machine, upto=position[0], reverse=True)
    else:
        rows = BY_STATUS.scan(tx, scope, machine, status, upto=position[0], reverse=True)
    size = page_size(req)
    page: list[Execution] = []
    for row in rows:
        # Rows with the position's own time are in the range; those that were shown already are passed over.
        if row.started_at == position[0] and position[1] and row.name >= position[1]:
            continue
        if not keep(row) or not _is_wanted(row, req):
            continue
        if len(page) == size:
            last = page[-1]
            return _render_page(scope, page, render_token(f"{last.started_at!r} {last.name}"))
        page.append(row)
    return _render_page(scope, page, None)


def _render_page(scope: Scope, page: list[Execution], token: str | None) -> dict[str, Any]:
    return with_token({"executions": [executions.render_item(scope, row) for row in page]}, token)


def _source_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Scope, str, Any]:
    """(scope, machine, which rows count) of what is to be listed."""
    if "mapRunArn" in req:
        scope, machine, label, _ = arns.parse_map_run(ctx.scope, req["mapRunArn"])
        mapruns.require(tx, ctx.scope, req["mapRunArn"])
        return scope, f"{machine}/{label}", lambda row: row.map_run == req["mapRunArn"]
    ref = arns.parse_machine(ctx.scope, req["stateMachineArn"])
    machine_row = MACHINES.get(tx, ref.scope, ref.name)
    if machine_row is None:
        raise errors.machine_does_not_exist(req["stateMachineArn"])
    if machine_row.kind == "EXPRESS":
        raise errors.type_not_supported("This operation is not supported by this type of state machine")
    if not ref.qualifier:
        return ref.scope, ref.name, lambda row: True
    if ref.qualifier.isdigit():
        return ref.scope, ref.name, lambda row: row.version == int(ref.qualifier)
    return ref.scope, ref.name, lambda row: row.alias == ref.qualifier


def _is_wanted(row: Execution, req: dict[str, Any]) -> bool:
    redriven = req.get("redriveFilter")
    return redriven is None or (redriven == "REDRIVEN") == (row.redrive_count > 0)


def _parse_position(after: str | None) -> tuple[float | None, str]:
    if after is None:
        return None, ""
    moment, _, name = after.partition(" ")
    try:
        return float(moment), name
    except ValueError:
        raise errors.invalid_token() from None


@operation("GetExecutionHistory")
def get_execution_history(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, execution = executions.require(tx, ctx.scope, req["executionArn"])
    size = min(page_size(req), _MOST_HISTORY)
    reverse = bool(req.get("reverseOrder"))
    after = find_number_after(req)
    bound = {} if after is None else ({"upto": after - 1} if reverse else {"after": after})
    rows = list(EVENTS.scan(tx, scope, execution.machine, execution.name, limit=size + 1, reverse=reverse, **bound))
    token = render_token(str(rows[size - 1].id)) if len(rows) > size else None
    with_data = req.get("includeExecutionData", True)
    shown = [history.render(transitions.history_of(row), with_data) for row in rows[:size]]
    return with_token({"events": shown}, token)


@operation("RedriveExecution")
def redrive_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Goes on from the state in which the execution ended.

    https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    """
    scope, execution = executions.require(tx, ctx.scope, req["executionArn"])
    key = (execution.machine, execution.name)
    transitions.lock(tx, scope, *key)
    status, reason = statusevents.redrive_status(execution, ctx.now)
    if status != "REDRIVABLE":
        raise errors.not_redrivable(reason or "Execution is redrivable by its Map Run only")
    progress = PROGRESS.get(tx, scope, *key)
    if progress is None or progress.next_event > _MOST_REDRIVABLE_EVENTS:
        raise errors.not_redrivable("Execution history event count exceeds the limit and cannot be redriven")
    running = msgspec.structs.replace(
        execution,
        status="RUNNING",
        stopped_at=0.0,
        error=None,
        cause=None,
        redrive_count=execution.redrive_count + 1,
        redriven_at=ctx.now,
    )
    deviation("STATES-003")
    tx.cancel(transitions.retention(scope, execution))
    EXECUTIONS.replace(tx, scope, execution, running)
    transitions.apply(ctx, tx, scope, key, Redrive(), ctx.now)
    return {"redriveDate": ctx.now}
