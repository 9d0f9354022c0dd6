"""Operations on durable executions: checkpoints, looks, callbacks, stop, pause, delete.

https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_number, find_position, render_token, take_page
from mrak.core.scope import Scope
from mrak.services.lambda_ import durable_journal, errors, functions
from mrak.services.lambda_.durable_journal import ENDED, EXECUTION_DUE, Journal, open_journal
from mrak.services.lambda_.durable_rendering import execution_arn, parse_execution, render_step
from mrak.services.lambda_.durable_runs import page_of_steps
from mrak.services.lambda_.references import function_arn, parse_reference
from mrak.services.lambda_.tables import EXECUTIONS, EXECUTIONS_OF, HISTORY, STEPS, STEPS_BY_CHANGE, Execution, Step

_PAGE = 100
_MOST = 1000
_DATA = ("Input", "Result", "Error")


# --- for the function


@operation("CheckpointDurableExecution")
def checkpoint_durable_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    journal = _require_open(ctx, tx, req["DurableExecutionArn"])
    token, seen = _parse_token(req["CheckpointToken"], journal.now.execution)
    repeated = bool(req.get("ClientToken")) and req["ClientToken"] == journal.now.last_request[0]
    if repeated:
        seen = journal.now.last_request[1]
    elif token != journal.now.token or journal.now.phase != "running":
        raise errors.invalid("Invalid checkpoint token")
    else:
        for update in req.get("Updates", []):
            if journal.now.status in ENDED:
                raise errors.invalid("The durable execution has ended.")
            journal.apply(update)
        journal.set(last_request=(req.get("ClientToken", ""), seen))
    changed = [render_step(step) for step in STEPS_BY_CHANGE.scan(tx, journal.scope, journal.now.execution, after=seen)]
    answer: dict[str, Any] = {"NewExecutionState": {"Operations": changed}}
    if journal.now.status == "RUNNING":
        # Without a token the invocation ends: the execution is over, or somebody has paused it.
        journal.set(token=journal.now.token + (0 if repeated else 1), seen=journal.now.changes)
        answer["CheckpointToken"] = durable_journal.render_token(journal.now)
    journal.save()
    return answer


@operation("GetDurableExecutionState")
def get_durable_execution_state(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    journal = _require_open(ctx, tx, req["DurableExecutionArn"])
    token, _ = _parse_token(req["CheckpointToken"], journal.now.execution)
    if token != journal.now.token:
        raise errors.invalid("Invalid checkpoint token")
    marker = req.get("Marker") or "0"
    if not marker.isdigit():
        raise errors.invalid("Invalid Marker.")
    most = req.get("MaxItems") or _MOST
    steps, following = page_of_steps(tx, journal, int(marker), most, milliseconds=False)
    return {"Operations": steps} | ({"NextMarker": following} if following else {})


def _parse_token(text: str, execution: str) -> tuple[int, int]:
    try:
        owner, token, seen = base64.b64decode(text, validate=True).decode().split(".")
        numbers = int(token), int(seen)
    except (ValueError, binascii.Error):
        raise errors.invalid("Invalid checkpoint token") from None
    if owner != execution:
        raise errors.invalid("Invalid checkpoint token")
    return numbers


# --- for everybody


@operation("GetDurableExecution")
def get_durable_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    execution = _require(ctx, tx, req["DurableExecutionArn"])
    shown = _render(ctx.scope, execution) | {"Version": execution.version, "DurableConfig": execution.config}
    if execution.trace:
        shown["TraceHeader"] = {"XAmznTraceId": execution.trace}
    if execution.status not in ENDED and execution.deadline != float("inf"):
        shown["ExpectedExecutionTimeoutTimestamp"] = execution.deadline
    if execution.pause is not None and execution.status in ("PAUSING", "PAUSED"):
        paused = {name: value for name, value in execution.pause.items() if name != "Left"}
        shown["PauseDetails"] = paused
    with_data = req.get("IncludeExecutionData", True)
    shown["ExecutionDataIncluded"] = with_data
    if with_data:
        shown["InputPayload"] = execution.payload
        outcome = {"Result": execution.result, "Error": execution.error}
        shown |= {member: value for member, value in outcome.items() if value is not None}
    return shown


def _render(scope: Scope, execution: Execution) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "DurableExecutionArn": execution_arn(scope, execution),
        "DurableExecutionName": execution.name,
        "FunctionArn": function_arn(scope, execution.function, execution.version),
        "StartTimestamp": execution.started_at,
        "Status": execution.status,
    }
    if execution.ended_at is not None:
        shown["EndTimestamp"] = execution.ended_at
    return shown


@operation("GetDurableExecutionHistory")
def get_durable_execution_history(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    execution = _require(ctx, tx, req["DurableExecutionArn"])
    most = min(req.get("MaxItems") or _PAGE, _MOST)
    reverse = req.get("ReverseOrder", False)
    bounds: dict[str, int] = {}
    if req.get("Marker"):
        position = find_number(req["Marker"])
        if position is None:
            raise errors.invalid("Invalid pagination token.")
        bounds = {"upto": position - 1} if reverse else {"after": position}
    rows = list(HISTORY.scan(tx, ctx.scope, execution.execution, limit=most + 1, reverse=reverse, **bounds))
    with_data = req.get("IncludeExecutionData", True)
    answer: dict[str, Any] = {"Events": [row.body if with_data else _without_data(row.body) for row in rows[:most]]}
    if len(rows) > most:
        answer["NextMarker"] = render_token(str(rows[most - 1].number))
    return answer


def _without_data(body: dict[str, Any]) -> dict[str, Any]:
    """An event that says what happened and hides what was said."""
    kind = f"{body['EventType']}Details"
    details = {
        name: {"Truncated": True} if name in _DATA and "Payload" in value else value
        for name, value in body[kind].items()
    }
    return body | {kind: details}


@operation("ListDurableExecutionsByFunction")
def list_durable_executions_by_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    functions.require(tx, ref)
    reverse = req.get("ReverseOrder", False)
    rows: Iterable[Execution] = EXECUTIONS_OF.scan(tx, ref.scope, ref.name, reverse=reverse)
    if req.get("Marker"):
        rows = _after(rows, find_position(req["Marker"]))
    rows = (row for row in rows if _is_wanted(row, ref.qualifier, req))
    page, token = take_page(rows, min(req.get("MaxItems") or _PAGE, _MOST), lambda row: row.execution)
    return {"DurableExecutions": [_render(ref.scope, row) for row in page]} | ({"NextMarker": token} if token else {})


def _after(rows: Iterable[Execution], last: str | None) -> Iterable[Execution]:
    """What follows the row that ended the page before."""
    iterator = iter(rows)
    for row in iterator:
        if row.execution == last:
            return iterator
    return ()


def _is_wanted(row: Execution, qualifier: str, req: dict[str, Any]) -> bool:
    return (
        (not qualifier or row.version == qualifier)
        and req.get("DurableExecutionName") in (None, row.name)
        and (not req.get("Statuses") or row.status in req["Statuses"])
        and row.started_at >= req.get("StartedAfter", 0)
        and row.started_at <= req.get("StartedBefore", float("inf"))
    )


@operation("StopDurableExecution")
def stop_durable_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    journal = _require_open(ctx, tx, req["DurableExecutionArn"])
    if journal.now.status not in ENDED:
        journal.end("STOPPED", error=req.get("Error") or {"ErrorMessage": "The execution was stopped."})
        journal.save()
    return {"StopTimestamp": journal.now.ended_at}


@operation("DeleteDurableExecution")
def delete_durable_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    journal = _require_open(ctx, tx, req["DurableExecutionArn"])
    if journal.now.status not in ENDED:
        raise errors.conflict("The durable execution is still running. Stop it before deleting it.")
    durable_journal.forget(tx, ctx.scope, journal.now)
    return {"DeletionRequestTimestamp": ctx.now}


@operation("PauseDurableExecution")
def pause_durable_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """What is under way ends; nothing new begins until the execution is resumed."""
    journal = _require_open(ctx, tx, req["DurableExecutionArn"])
    if journal.now.status != "RUNNING":
        raise errors.conflict(f"A durable execution that is {journal.now.status} cannot be paused.")
    at = ctx.clock()
    stops_time = req.get("ExecutionTimeoutPaused", False)
    pause = {"PauseRequestTimestamp": at, "ExecutionTimeoutPaused": stops_time}
    reason = {"Reason": req["Reason"]} if "Reason" in req else {}
    changes: dict[str, Any] = {"pause": pause | reason | {"Left": journal.now.deadline - at}}
    if stops_time:
        changes["deadline"] = float("inf")
    running = journal.now.phase == "running"
    journal.set(status="PAUSING" if running else "PAUSED", phase=journal.now.phase if running else "idle", **changes)
    journal.tell(None, "ExecutionPaused", pause | ({"Reason": {"Payload": req["Reason"]}} if reason else {}))
    journal.save()


@operation("ResumeDurableExecution")
def resume_durable_execution(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    journal = _require_open(ctx, tx, req["DurableExecutionArn"])
    if journal.now.status not in ("PAUSING", "PAUSED"):
        raise errors.conflict(f"A durable execution that is {journal.now.status} cannot be resumed.")
    assert journal.now.pause is not None
    at = ctx.clock()
    if journal.now.pause["ExecutionTimeoutPaused"]:
        deadline = at + journal.now.pause["Left"]
        journal.set(deadline=deadline)
        tx.at(Timer(kind=EXECUTION_DUE, key=journal.now.execution, due_at=deadline, scope=ctx.scope))
    journal.set(status="RUNNING", pause=None)
    details: dict[str, Any] = {"ResumeRequestTimestamp": at}
    if "Reason" in req:
        details["Reason"] = {"Payload": req["Reason"]}
    journal.tell(None, "ExecutionResumed", details)
    journal.wake()
    journal.save()


# --- callbacks


@operation("SendDurableExecutionCallbackSuccess")
def send_durable_execution_callback_success(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    result: bytes = req.get("Result", b"")
    try:
        text = result.decode()
    except UnicodeDecodeError:
        raise errors.invalid("The result of a callback must be text.") from None
    return _end_callback(ctx, tx, req["CallbackId"], "SUCCEEDED", {"Payload": text})


@operation("SendDurableExecutionCallbackFailure")
def send_durable_execution_callback_failure(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _end_callback(ctx, tx, req["CallbackId"], "FAILED", {"Error": req.get("Error") or {}})


@operation("SendDurableExecutionCallbackHeartbeat")
def send_durable_execution_callback_heartbeat(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    journal, step = _require_callback(ctx, tx, req["CallbackId"])
    journal.beat(step)
    return {}


def _end_callback(ctx: Context, tx: Transaction, text: str, status: str, outcome: dict[str, Any]) -> dict[str, Any]:
    journal, step = _require_callback(ctx, tx, text)
    journal.end_step(step, status, outcome, external=True)
    journal.wake()
    journal.save()
    return {}


def _require_callback(ctx: Context, tx: Transaction, text: str) -> tuple[Journal, Step]:
    try:
        execution, _, step_id = base64.b64decode(text, validate=True).decode().partition(".")
    except (ValueError, binascii.Error):
        raise errors.invalid("Invalid callback ID.") from None
    journal = open_journal(ctx, tx, ctx.scope, execution)
    step = STEPS.get(tx, ctx.scope, execution, step_id)
    if journal is None or step is None or step.type != "CALLBACK":
        raise errors.not_found(f"Callback not found: {text}")
    if step.status == "TIMED_OUT" or journal.now.status == "TIMED_OUT":
        raise ApiError("CallbackTimeoutException", f"The callback {text} has timed out.", 400, {"Type": "User"})
    if step.status != "STARTED" or journal.now.status in ENDED:
        raise errors.not_found(f"Callback not found: {text}")
    return journal, step


# --- finding


def _require(ctx: Context, tx: Transaction, arn: str) -> Execution:
    execution = EXECUTIONS.get(tx, ctx.scope, parse_execution(arn))
    if execution is None:
        raise errors.not_found(f"Durable execution not found: {arn}")
    return execution


def _require_open(ctx: Context, tx: Transaction, arn: str) -> Journal:
    journal = open_journal(ctx, tx, ctx.scope, parse_execution(arn))
    if journal is None:
        raise errors.not_found(f"Durable execution not found: {arn}")
    return journal
