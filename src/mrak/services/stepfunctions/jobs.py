"""Executions that other executions wait for (`states:startExecution.sync`).

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.asl import failures
from mrak.lang.asl.frames import Stop, TaskFailed, TaskSubmitted, TaskSucceeded
from mrak.lang.asl.scope import read, render
from mrak.services.stepfunctions import arns, executions, statusevents, transitions
from mrak.services.stepfunctions.tables import EXECUTIONS, WATCHED, WATCHERS, Watcher


def waiting(scope: Scope, key: transitions.Key) -> str:
    """Who waits, as a watcher names it: an execution, perhaps of another account."""
    return "\n".join((scope.account, scope.region, *key))


def watch(
    ctx: Context, tx: Transaction, scope: Scope, key: transitions.Key, event: TaskSubmitted, pattern: str
) -> None:
    """Lets a frame wait for the execution that its task has started; at once where that has ended."""
    place = arns.find_execution(scope, read(event.output)["ExecutionArn"])
    if place is None:
        return
    child_scope, machine, name = place
    transitions.lock(tx, child_scope, machine, name)
    child = EXECUTIONS.get(tx, child_scope, machine, name)
    if child is None:
        return
    if child.status != "RUNNING":
        ended = outcome(tx, child_scope, (machine, name), event.frame, event.attempt, pattern)
        transitions.apply(ctx, tx, scope, key, ended, ctx.clock())
        return
    watcher = Watcher(machine, name, waiting(scope, key), event.frame, event.attempt, pattern)
    WATCHERS.insert(tx, child_scope, watcher)


def outcome(
    tx: Transaction, scope: Scope, key: transitions.Key, frame: int, attempt: int, pattern: str
) -> TaskSucceeded | TaskFailed:
    """How an ended execution ends the task that waited for it."""
    child = EXECUTIONS.get(tx, scope, *key)
    if child is None:
        return TaskFailed(frame, attempt, failures.TASK_FAILED, "The execution does not exist any more.")
    text = executions.text_of(tx, scope, child, "input") or "{}"
    output = executions.text_of(tx, scope, child, "output")
    as_json = pattern == ".sync:2"
    shown: dict[str, Any] = {
        "ExecutionArn": executions.arn_of(scope, child),
        "Input": read(text) if as_json else text,
        "InputDetails": {"Included": True},
        "Name": child.name,
        "StartDate": int(child.started_at * 1000),
        "StateMachineArn": arns.machine_arn(scope, child.machine),
        "Status": child.status,
        "StopDate": int(child.stopped_at * 1000),
        "RedriveCount": child.redrive_count,
    }
    status, reason = statusevents.redrive_status(child, child.stopped_at)
    shown |= {"RedriveStatus": status} | ({"RedriveStatusReason": reason} if reason else {})
    if child.status == "SUCCEEDED" and output is not None:
        shown |= {"Output": read(output) if as_json else output, "OutputDetails": {"Included": True}}
        return TaskSucceeded(frame, attempt, render(dict(sorted(shown.items()))))
    shown |= {name: value for name, value in (("Error", child.error), ("Cause", child.cause)) if value is not None}
    return TaskFailed(frame, attempt, failures.TASK_FAILED, render(dict(sorted(shown.items()))))


def stop_watched(ctx: Context, tx: Transaction, scope: Scope, by: str, frame: int, attempt: int) -> None:
    """Stops the executions that only this frame's attempt waited for."""
    for watcher in list(WATCHED.scan(tx, scope, by, frame, attempt)):
        transitions.lock(tx, scope, watcher.machine, watcher.name)
        WATCHERS.delete(tx, scope, watcher)
        event = Stop(None, "The execution that waited for this one no longer does.")
        transitions.apply(ctx, tx, scope, (watcher.machine, watcher.name), event, ctx.now)
