"""Durable executions run: begin, invoke the function again and again with what it has checkpointed, conclude.

Each invocation is a delivery, made at least once: after a crash the function is invoked again from the last checkpoint,
under a new token that makes the old one worthless. The shapes of an invocation's event and answer are those of AWS's
own SDKs for durable functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.background import Delivery, Timer
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.functions import Outcome
from mrak.core.operation import delivery, timer
from mrak.services.lambda_ import errors, invocation
from mrak.services.lambda_.durable_journal import (
    CHAIN,
    ENDED,
    EXECUTION_DUE,
    FORGET,
    RUN,
    STEP_DUE,
    Journal,
    forget,
    has_open_steps,
    open_journal,
    render_token,
    topic,
)
from mrak.services.lambda_.durable_rendering import execution_arn, render_error_payload, render_step
from mrak.services.lambda_.invocation import Target
from mrak.services.lambda_.references import Reference, parse_reference
from mrak.services.lambda_.tables import (
    EXECUTIONS,
    HISTORY,
    NAMES,
    STEPS,
    STEPS_BY_POSITION,
    Execution,
    ExecutionName,
    Step,
)

_SYNC_SECONDS = 900
_PAGE_BYTES = 5 << 20
_PAGE_STEPS = 1000
_MOST_FAILURES = 5
"""As many invocations in a row may fail before the execution does."""
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


def is_durable(target: Target) -> bool:
    return "DurableConfig" in target.version.config


# --- beginning


def begin(
    ctx: Context,
    tx: Transaction,
    target: Target,
    payload: bytes,
    name: str,
    parent: tuple[str, str] | None = None,
) -> Execution:
    """The execution of a name, begun now or before: a name with the same payload is the same execution."""
    ref = target.ref
    _check_qualified(target)
    known = NAMES.open(tx, ref.scope, ref.name, name)
    text = payload.decode()
    if known is not None:
        execution = EXECUTIONS.get(tx, ref.scope, known.execution)
        assert execution is not None, "a name outlived its execution"
        if execution.payload == text:
            return execution
        raise ApiError(
            "DurableExecutionAlreadyStartedException",
            f"A durable execution with the name {name} was started already, with another payload.",
            409,
            {"Type": "User"},
        )
    execution = _new(ctx, target, text, name, parent)
    NAMES.insert(tx, ref.scope, ExecutionName(ref.name, name, execution.execution))
    EXECUTIONS.lock(tx, ref.scope, execution.execution)
    HISTORY.lock(tx, ref.scope, execution.execution)
    EXECUTIONS.insert(tx, ref.scope, execution)
    journal = Journal(ctx, tx, ref.scope, execution)
    timeout = execution.config["ExecutionTimeout"]
    journal.tell(None, "ExecutionStarted", {"Input": {"Payload": text}, "ExecutionTimeout": timeout})
    tx.at(Timer(kind=EXECUTION_DUE, key=execution.execution, due_at=execution.deadline, scope=ref.scope))
    journal.wake()
    journal.save()
    return execution


def _new(ctx: Context, target: Target, payload: str, name: str, parent: tuple[str, str] | None) -> Execution:
    config = target.version.config["DurableConfig"]
    now = ctx.clock()
    return Execution(
        execution=ctx.draw.uuid(),
        name=name,
        function=target.ref.name,
        version=target.version.label,
        payload=payload,
        started_at=now,
        deadline=now + config["ExecutionTimeout"],
        config=config,
        trace=ctx.trace,
        parent=parent,
    )


def _check_qualified(target: Target) -> None:
    if not target.ref.qualifier:
        raise errors.invalid("You cannot invoke a durable function using an unqualified ARN.")


async def invoke(ctx: Context, target: Target, payload: bytes, name: str) -> dict[str, Any]:
    """Begins an execution and waits for its end, as a synchronous invocation does."""
    _check_qualified(target)
    if target.version.config["DurableConfig"]["ExecutionTimeout"] > _SYNC_SECONDS:
        raise errors.invalid(
            "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes."
        )
    scope = target.ref.scope
    execution = await ctx.transact(lambda tx: begin(ctx, tx, target, payload, name))
    with ctx.listen(topic(execution.execution)) as ended:
        while True:
            found = await ctx.transact(lambda tx: EXECUTIONS.get(tx, scope, execution.execution))
            if found is None or found.status in ENDED:
                break
            await ended.wait(_SYNC_SECONDS)
    answer = {
        "StatusCode": 200,
        "ExecutedVersion": execution.version,
        "DurableExecutionArn": execution_arn(scope, execution),
    }
    if found is not None and found.status == "SUCCEEDED":
        return answer | {"Payload": (found.result or "").encode()}
    error = render_error_payload(found.status if found else "STOPPED", found.error if found else None)
    return answer | {"FunctionError": "Unhandled", "Payload": error}


# --- invocations


@delivery(RUN)
async def run(ctx: Context, made: Delivery) -> None:
    scope, key = ctx.scope, made.payload.decode()

    def prepare(tx: Transaction) -> tuple[Target, bytes] | None:
        journal = open_journal(ctx, tx, scope, key)
        if journal is None or journal.now.status != "RUNNING" or journal.now.phase == "idle":
            return None
        ref = Reference(scope, journal.now.function, journal.now.version)
        try:
            target = invocation.resolve(ctx, tx, ref)
        except ApiError as error:
            journal.end("FAILED", error={"ErrorType": error.code, "ErrorMessage": error.message})
            journal.save()
            return None
        before = journal.now
        journal.set(phase="running", token=before.token + 1, seen=before.changes)
        journal.save()
        return target, _render_event(tx, journal, before.seen)

    ready = await ctx.transact(prepare)
    if ready is None:
        return
    request_id, started_at = ctx.draw.uuid(), ctx.clock()
    outcome = await invocation.run(ctx, ready[0], ready[1], request_id=request_id)

    def conclude(tx: Transaction) -> None:
        journal = open_journal(ctx, tx, scope, key)
        if journal is not None:
            _conclude(journal, outcome, request_id, started_at)
            journal.save()

    await ctx.transact(conclude)


def _render_event(tx: Transaction, journal: Journal, known: int) -> bytes:
    """What the function gets. `known` is what its last invocation has seen."""
    execution = journal.now
    steps, marker = page_of_steps(tx, journal, None, _PAGE_STEPS)
    updated = [step["Id"] for step in steps if step.pop("changed") > known] if execution.token > 1 else []
    for step in steps:
        step.pop("changed", None)
    first = {
        "Id": execution.execution,
        "Name": execution.name,
        "Type": "EXECUTION",
        "StartTimestamp": int(execution.started_at * 1000),
        "Status": "STARTED",
        "ExecutionDetails": {"InputPayload": execution.payload},
    }
    event = {
        "DurableExecutionArn": execution_arn(journal.scope, execution),
        "CheckpointToken": render_token(execution),
        "InitialExecutionState": {"Operations": [first, *steps], "NextMarker": marker},
        "UpdatedOperationIds": updated,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def page_of_steps(
    tx: Transaction, journal: Journal, after: int | None, most: int, *, milliseconds: bool = True
) -> tuple[list[dict[str, Any]], str]:
    """Steps in the order in which they were started, and where the next page goes on ("" at the end)."""
    shown: list[dict[str, Any]] = []
    size = 0
    last = 0
    for step in STEPS_BY_POSITION.scan(tx, journal.scope, journal.now.execution, after=after):
        size += len(step.result or "") + 512
        if shown and (len(shown) >= most or size > _PAGE_BYTES):
            return shown, str(last)
        rendered = render_step(step, milliseconds=milliseconds)
        if milliseconds:
            rendered["changed"] = step.changed
        shown.append(rendered)
        last = step.position
    return shown, ""


def _conclude(journal: Journal, outcome: Outcome, request_id: str, started_at: float) -> None:
    """What follows from an invocation's end."""
    journal.set(phase="idle")
    status = journal.now.status
    if outcome.throttled:
        journal.wake(journal.ctx.clock() + _pause(journal.now.failures))
        return
    failure = _decode_error(outcome.payload) if outcome.function_error else None
    details: dict[str, Any] = {
        "StartTimestamp": started_at,
        "EndTimestamp": journal.ctx.clock(),
        "RequestId": request_id,
    }
    if failure is not None:
        details["Error"] = {"Payload": failure}
    journal.tell(None, "InvocationCompleted", details)
    if status == "PAUSING":
        journal.set(status="PAUSED")
    elif status == "RUNNING" and failure is not None:
        _fail(journal, failure)
    elif status == "RUNNING":
        journal.set(failures=0)
        _take_answer(journal, outcome.payload)


def _fail(journal: Journal, failure: dict[str, Any]) -> None:
    """An invocation that crashed or timed out is repeated from the last checkpoint, a few times."""
    journal.set(failures=journal.now.failures + 1)
    if journal.now.failures >= _MOST_FAILURES:
        journal.end("FAILED", error=failure)
    else:
        journal.wake(journal.ctx.clock() + _pause(journal.now.failures))


def _pause(failures: int) -> float:
    return min(_FIRST_PAUSE_SECONDS * 2.0**failures, _LONGEST_PAUSE_SECONDS)


def _take_answer(journal: Journal, payload: bytes) -> None:
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        answer = None
    match answer.get("Status") if isinstance(answer, dict) else None:
        case "SUCCEEDED":
            journal.end("SUCCEEDED", answer.get("Result"))
        case "FAILED":
            journal.end("FAILED", error=answer.get("Error"))
        case "PENDING" if journal.now.external > journal.now.seen:
            journal.wake()
        case "PENDING":
            if not has_open_steps(journal.tx, journal.scope, journal.now.execution):
                journal.end("FAILED", error=_invalid("Cannot return PENDING status with no pending operations."))
        case _:
            journal.end("FAILED", error=_invalid("Invalid Status in invocation output."))


def _invalid(message: str) -> dict[str, Any]:
    return {"ErrorType": "InvalidParameterValueException", "ErrorMessage": message}


def _decode_error(payload: bytes) -> dict[str, Any]:
    """An error as functions post it, as durable executions show it."""
    try:
        posted = json.loads(payload or b"null")
    except ValueError:
        posted = None
    if not isinstance(posted, dict):
        return {"ErrorMessage": payload.decode("utf-8", "replace")}
    error = {"ErrorMessage": str(posted.get("errorMessage", "")), "ErrorType": str(posted.get("errorType", ""))}
    trace = posted.get("stackTrace")
    if isinstance(trace, list):
        error["StackTrace"] = [str(line) for line in trace]  # type: ignore[assignment]
    return error


# --- functions that a durable function invokes


@delivery(CHAIN)
async def invoke_chained(ctx: Context, made: Delivery) -> None:
    key, step_id, function, text = msgspec.msgpack.decode(made.payload)
    payload = text.encode()

    def admit(tx: Transaction) -> Target | None:
        step = STEPS.get(tx, ctx.scope, key, step_id)
        if step is None or step.status != "STARTED":
            return None
        target = invocation.admit(ctx, tx, parse_reference(ctx.scope, function))
        if is_durable(target):
            begin(ctx, tx, target, payload, step_id[:26] + "-" + key[:36], (key, step_id))
            return None
        return target

    try:
        target = await ctx.transact(admit)
    except ApiError as error:
        refused = {"Error": {"ErrorType": error.code, "ErrorMessage": error.message}}
        await ctx.transact(lambda tx: _end_chained(ctx, tx, key, step_id, "FAILED", refused))
        return
    if target is None:
        return
    outcome = await invocation.run(ctx, target, payload, request_id=ctx.draw.uuid())
    if outcome.throttled:
        raise invocation.throttled_error(outcome)  # the delivery is tried again
    if outcome.function_error:
        result, status = {"Error": _decode_error(outcome.payload)}, "FAILED"
    else:
        result, status = {"Payload": outcome.payload.decode("utf-8", "replace")}, "SUCCEEDED"  # type: ignore[dict-item]
    await ctx.transact(lambda tx: _end_chained(ctx, tx, key, step_id, status, result))


def _end_chained(ctx: Context, tx: Transaction, key: str, step_id: str, status: str, outcome: dict[str, Any]) -> None:
    for journal, step in _waiting(ctx, tx, key, step_id):
        journal.end_step(step, status, outcome, external=True)
        journal.wake()


def _waiting(ctx: Context, tx: Transaction, key: str, step_id: str) -> Iterator[tuple[Journal, Step]]:
    """The step that still waits, in its opened execution that is not over; saved afterwards."""
    journal = open_journal(ctx, tx, ctx.scope, key)
    if journal is None or journal.now.status in ENDED:
        return
    step = STEPS.get(tx, ctx.scope, key, step_id)
    if step is not None and step.status in ("STARTED", "PENDING"):
        yield journal, step
        journal.save()


# --- time


@timer(STEP_DUE)
def step_is_due(ctx: Context, tx: Transaction, due: Timer) -> None:
    key, _, step_id = due.key.partition(".")
    for journal, step in _waiting(ctx, tx, key, step_id):
        if step.due_at == due.due_at:
            journal.step_is_due(step)


@timer(EXECUTION_DUE)
def execution_is_due(ctx: Context, tx: Transaction, due: Timer) -> None:
    journal = open_journal(ctx, tx, ctx.scope, due.key)
    if journal is not None and journal.now.status not in ENDED and journal.now.deadline == due.due_at:
        journal.end("TIMED_OUT", error={"ErrorType": "Execution.Timeout", "ErrorMessage": "The execution timed out."})
        journal.save()


@timer(FORGET)
def forget_execution(ctx: Context, tx: Transaction, due: Timer) -> None:
    journal = open_journal(ctx, tx, ctx.scope, due.key)
    if journal is not None:
        forget(tx, ctx.scope, journal.now)
