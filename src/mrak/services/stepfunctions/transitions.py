"""One transition of a standard execution: read where it stands, take a step, write what became of it.

All in one transaction: frames, history, timers, tokens, and the deliveries that do the step's work. So a crash at any
moment leaves the execution before or after a step. What a transition costs does not depend on how long the history is:
it reads the execution, the frames that it touches, and appends.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry, Timer
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.asl import definition, frames
from mrak.lang.asl.frames import Facts, Frame, HistoryEvent
from mrak.lang.asl.machine import step
from mrak.lang.asl.run import Run
from mrak.services.stepfunctions import arns, executionlogs, mapruns, statusevents
from mrak.services.stepfunctions.tables import (
    ACTIVITIES,
    EVENTS,
    EXECUTIONS,
    FRAMES,
    PAYLOADS,
    PROGRESS,
    REVISIONS,
    SCHEDULED,
    TOKENS,
    WATCHERS,
    EventRow,
    Execution,
    FrameRow,
    Payload,
    Progress,
    Revision,
    Scheduled,
    Token,
)

Key = tuple[str, str]
"""(machine, name) of an execution."""

TASK = "stepfunctions.task"
TASK_LOST = "stepfunctions.task_lost"
RESUME = "stepfunctions.resume"
TIMER = "stepfunctions.timer"
ENDED = "stepfunctions.ended"
ABANDON = "stepfunctions.abandon"
RETENTION = "stepfunctions.retention"
KEPT_SECONDS = 90 * 86_400.0


def topic(scope: Scope, key: Key) -> str:
    """What is notified when an execution has ended."""
    return f"stepfunctions.execution/{scope.account}/{scope.region}/{key[0]}/{key[1]}"


def activity_topic(scope: Scope, activity: str) -> str:
    """What is notified when an activity has a task."""
    return f"stepfunctions.activity/{scope.account}/{scope.region}/{activity}"


def lock(tx: Transaction, scope: Scope, machine: str, name: str) -> None:
    """Opens all rows of an execution: they are one entity."""
    for table in (EXECUTIONS, PAYLOADS, PROGRESS, FRAMES, WATCHERS):
        table.lock(tx, scope, machine, name)


class _Frames:
    """Frames of one execution, read in a transaction."""

    def __init__(self, tx: Transaction, scope: Scope, key: Key) -> None:
        self._tx = tx
        self._scope = scope
        self._key = key

    def load(self, frame_id: int) -> Frame:
        row = FRAMES.get(self._tx, self._scope, *self._key, frame_id)
        assert row is not None, f"{self._key} has no frame {frame_id}"
        return row.frame

    def has_activity(self, arn: str) -> bool:
        at, activity = arns.parse_activity(self._scope, arn)
        return ACTIVITIES.get(self._tx, at, activity) is not None


def find_running(tx: Transaction, scope: Scope, key: Key) -> Execution | None:
    """The execution, opened, where it still runs."""
    lock(tx, scope, *key)
    found = EXECUTIONS.get(tx, scope, *key)
    return found if found is not None and found.status == "RUNNING" else None


def find_frame(tx: Transaction, scope: Scope, key: Key, frame_id: int) -> Frame | None:
    row = FRAMES.get(tx, scope, *key, frame_id)
    return None if row is None else row.frame


def apply(ctx: Context, tx: Transaction, scope: Scope, key: Key, event: frames.Event, now: float) -> bool:
    """Takes an execution one step further. False where it has ended, or the event's frame has."""
    execution = find_running(tx, scope, key)
    if execution is None:
        return False
    frame_id = getattr(event, "frame", None)
    if frame_id is not None and find_frame(tx, scope, key, frame_id) is None:
        return False
    revision = revision_of(tx, scope, execution)
    progress = PROGRESS.get(tx, scope, *key)
    assert progress is not None, f"{key} runs and has no progress"
    run = _run_of(ctx, tx, scope, (execution, revision, progress), now)
    step(run, event)
    _write(ctx, tx, scope, execution, run, progress)
    about = (execution.name, run.facts.arn, execution.redrive_count)
    executionlogs.write(ctx, tx, scope, revision, about, run.events)
    for command in run.commands:
        _COMMANDS[type(command)](ctx, tx, scope, execution, command, now)
    return True


def _run_of(
    ctx: Context, tx: Transaction, scope: Scope, found: tuple[Execution, Revision, Progress], now: float
) -> Run:
    execution, revision, progress = found
    return Run(
        definition_of(execution, revision),
        facts_of(tx, scope, execution, revision),
        _Frames(tx, scope, (execution.machine, execution.name)),
        progress.next_event,
        progress.next_frame,
        now,
        ctx.draw,
    )


def view(ctx: Context, tx: Transaction, scope: Scope, key: Key) -> Run:
    """An execution to be looked at: what its states' fields refer to."""
    execution, progress = EXECUTIONS.get(tx, scope, *key), PROGRESS.get(tx, scope, *key)
    assert execution is not None and progress is not None
    return _run_of(ctx, tx, scope, (execution, revision_of(tx, scope, execution), progress), ctx.now)


def revision_of(tx: Transaction, scope: Scope, execution: Execution) -> Revision:
    """The revision that an execution runs."""
    machine = execution.machine.partition("/")[0]
    found = REVISIONS.get(tx, scope, machine, execution.revision)
    assert found is not None, f"{execution.machine} has no revision {execution.revision!r}"
    return found


def definition_of(execution: Execution, revision: Revision) -> definition.Definition:
    """What an execution runs: its machine's definition, or, as a Map's child, that Map's processor."""
    whole = definition.parse(revision.definition)
    return definition.narrowed(whole, execution.processor) if execution.processor else whole


def facts_of(tx: Transaction, scope: Scope, execution: Execution, revision: Revision) -> Facts:
    def text(kind: str) -> str:
        found = PAYLOADS.get(tx, scope, execution.machine, execution.name, kind)
        return "" if found is None else found.text

    machine = execution.machine
    return Facts(
        arn=arns.execution_arn(scope, machine, execution.name),
        name=execution.name,
        role_arn=revision.role_arn,
        machine_arn=arns.machine_arn(scope, machine),
        machine_name=machine,
        region=scope.region,
        input=text("input"),
        started_at=execution.started_at,
        redrive_count=execution.redrive_count,
        redriven_at=execution.redriven_at,
        variables=text("variables") if execution.map_run else "",
        item=text("item") if execution.map_run else "",
    )


def _write(ctx: Context, tx: Transaction, scope: Scope, execution: Execution, run: Run, progress: Progress) -> None:
    machine, name = execution.machine, execution.name
    for event in run.events:
        EVENTS.append(tx, scope, EventRow(machine, name, event.id, event.previous, event.type, event.at, event.details))
    for frame_id in run.removed:
        row = FRAMES.get(tx, scope, machine, name, frame_id)
        if row is not None:
            FRAMES.delete(tx, scope, row)
    for frame in run.changed.values():
        FRAMES.insert(tx, scope, FrameRow(machine, name, frame.id, frame))
    PROGRESS.replace(tx, scope, progress, Progress(machine, name, run.next_event, run.next_frame))
    entered = sum(event.type.endswith("StateEntered") for event in run.events)
    if entered:
        ctx.meter("StateTransitions", entered)
        ctx.about(arns.execution_arn(scope, machine, name))


def _delivery(ctx: Context, scope: Scope, kind: str, lane: str, payload: list[Any], now: float) -> Delivery:
    return Delivery(
        kind=kind,
        lane=lane,
        scope=scope,
        payload=msgspec.msgpack.encode(payload),
        retry=Retry(attempts=5),
        dead=TASK_LOST if kind == TASK else "",
        trace=ctx.trace,
        enqueued_at=now,
    )


def _lane(scope: Scope, execution: Execution, frame: int) -> str:
    """A lane for each branch, so that parallel branches do not wait for each other."""
    return f"states/{scope.account}/{scope.region}/{execution.machine}/{execution.name}/{frame}"


def _start_task(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.StartTask, now: float
) -> None:
    payload = [execution.machine, execution.name, command.frame, command.attempt]
    tx.enqueue(_delivery(ctx, scope, TASK, _lane(scope, execution, command.frame), payload, now))


def _resume(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.Resume, now: float
) -> None:
    payload = [execution.machine, execution.name, command.frame]
    tx.enqueue(_delivery(ctx, scope, RESUME, _lane(scope, execution, command.frame), payload, now))


def _stop_task(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.StopTask, now: float
) -> None:
    payload = [execution.machine, execution.name, command.frame, command.attempt, command.map_run]
    lane = f"{_lane(scope, execution, command.frame)}/abandon"
    tx.enqueue(_delivery(ctx, scope, ABANDON, lane, payload, now))


def _timer(scope: Scope, execution: Execution, command: frames.SetTimer | frames.CancelTimer, trace: str = "") -> Timer:
    return Timer(
        kind=TIMER,
        key=f"{execution.machine}:{execution.name}:{command.kind}:{command.frame}:{command.attempt}",
        due_at=command.due_at,
        scope=scope,
        payload=msgspec.msgpack.encode(
            [execution.machine, execution.name, command.kind, command.frame, command.attempt]
        ),
        trace=trace,
    )


def _set_timer(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.SetTimer, now: float
) -> None:
    tx.at(_timer(scope, execution, command, ctx.trace))


def _cancel_timer(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.CancelTimer, now: float
) -> None:
    tx.cancel(_timer(scope, execution, command))


def _open_token(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.OpenToken, now: float
) -> None:
    TOKENS.lock(tx, scope, command.token)
    TOKENS.insert(tx, scope, Token(command.token, execution.machine, execution.name, command.frame, command.attempt))


def _close_token(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.CloseToken, now: float
) -> None:
    found = TOKENS.open(tx, scope, command.token)
    if found is not None:
        TOKENS.delete(tx, scope, found)


def _schedule_activity(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.ScheduleActivity, now: float
) -> None:
    at, activity = arns.parse_activity(scope, command.activity_arn)
    sequence = ctx.draw.sequence()
    SCHEDULED.lock(tx, at, activity, sequence)
    SCHEDULED.insert(tx, at, Scheduled(activity, sequence, command.token, command.input))
    tx.notify(activity_topic(at, activity))


def _start_map_run(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.StartMapRun, now: float
) -> None:
    frame = find_frame(tx, scope, (execution.machine, execution.name), command.frame)
    assert frame is not None
    mapruns.begin(mapruns.At(ctx, tx, scope, now), execution, frame, command)


def _finish(
    ctx: Context, tx: Transaction, scope: Scope, execution: Execution, command: frames.Finish, now: float
) -> None:
    key = (execution.machine, execution.name)
    ended = msgspec.structs.replace(
        execution, status=command.status, stopped_at=now, error=command.error, cause=command.cause
    )
    EXECUTIONS.replace(tx, scope, execution, ended)
    if command.output is not None:
        PAYLOADS.insert(tx, scope, Payload(*key, "output", command.output))
    if command.status == "SUCCEEDED":
        FRAMES.delete_all(tx, scope, *key)
    if execution.expires_at:
        from mrak.services.stepfunctions import executions

        tx.cancel(executions.expiry(scope, execution))
    tx.at(retention(scope, ended))
    tx.notify(topic(scope, key))
    for watcher in list(WATCHERS.scan(tx, scope, *key)):
        WATCHERS.delete(tx, scope, watcher)
        payload = [*key, *watcher.by.split("\n"), watcher.frame, watcher.attempt, watcher.shape]
        tx.enqueue(_delivery(ctx, scope, ENDED, f"states/ended/{watcher.by}", payload, now))
    text = PAYLOADS.get(tx, scope, *key, "input")
    statusevents.announce(ctx, tx, scope, ended, "" if text is None else text.text, command.output)
    if execution.map_run:
        payload = [*key]
        tx.enqueue(_delivery(ctx, scope, mapruns.CHILD_ENDED, f"states/map/{execution.map_run}", payload, now))


def retention(scope: Scope, ended: Execution) -> Timer:
    """The timer that removes an ended execution: AWS keeps histories for ninety days."""
    return Timer(
        kind=RETENTION,
        key=f"{ended.machine}:{ended.name}",
        due_at=ended.stopped_at + KEPT_SECONDS,
        scope=scope,
        payload=msgspec.msgpack.encode([ended.machine, ended.name]),
    )


_COMMANDS: dict[type, Any] = {
    frames.StartTask: _start_task,
    frames.Resume: _resume,
    frames.StopTask: _stop_task,
    frames.SetTimer: _set_timer,
    frames.CancelTimer: _cancel_timer,
    frames.OpenToken: _open_token,
    frames.CloseToken: _close_token,
    frames.ScheduleActivity: _schedule_activity,
    frames.StartMapRun: _start_map_run,
    frames.Finish: _finish,
}


def history_of(row: EventRow) -> HistoryEvent:
    return HistoryEvent(row.id, row.previous, row.type, row.at, row.details)
