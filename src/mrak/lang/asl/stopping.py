"""Ending what goes on: siblings of a branch that failed, and executions that are stopped or took too long."""

from __future__ import annotations

from mrak.lang.asl import failures, tasks
from mrak.lang.asl.frames import (
    FAILED,
    FORKED,
    READY,
    RETRYING,
    ROOT,
    SUBMITTED,
    TASK,
    WAITING,
    CancelTimer,
    Finish,
    Frame,
    Stop,
    StopTask,
    TimedOut,
)
from mrak.lang.asl.run import Run

_ABORTED_KINDS = ("Task", "Wait", "Map", "Parallel")
_RUNNING = (READY, WAITING, TASK, SUBMITTED, RETRYING, FORKED)


def stop(run: Run, event: Stop | TimedOut) -> None:
    """Ends the execution from outside."""
    root = run.frame(ROOT)
    release(run, root)
    if isinstance(event, TimedOut):
        kind, status, event = "ExecutionTimedOut", "TIMED_OUT", Stop(failures.TIMEOUT, None)
    else:
        kind, status = "ExecutionAborted", "ABORTED"
    details = {k: v for k, v in (("error", event.error), ("cause", event.cause)) if v is not None}
    run.record(kind, root.previous, details)
    run.finished = True
    run.command(Finish(status, None, event.error, event.cause))


def abort_children(run: Run, frame: Frame, previous: int) -> None:
    """Ends a fork whose child failed; what runs is reported as aborted. The children stay, since a redrive goes on
    from where they stood; a retry or a catcher clears them."""
    fork = run.state_of(frame)
    for child in _children(run, frame):
        if child.phase in _RUNNING:
            if fork.kind == "Map":
                run.record("MapIterationAborted", previous, {"name": fork.name, "index": child.index})
            _abort(run, child, previous)


def _children(run: Run, frame: Frame) -> list[Frame]:
    return [run.frame(child_id) for child_id in range(frame.first_child, frame.first_child + frame.children)]


def clear_children(run: Run, frame: Frame) -> None:
    """Forgets the children of a fork, and theirs."""
    for child in _children(run, frame):
        clear_children(run, child)
        run.remove(child.id)
    frame.children = 0


def _abort(run: Run, frame: Frame, previous: int) -> None:
    kind = run.state_of(frame).kind
    abort_children(run, frame, previous)
    if frame.phase != READY and kind in _ABORTED_KINDS:
        run.record(f"{kind}StateAborted", previous)
    release(run, frame)


def release(run: Run, frame: Frame) -> None:
    """Takes back timers, tokens and work of a frame and of all below it; reports nothing."""
    for child in _children(run, frame):
        if child.phase in _RUNNING:
            release(run, child)
    if frame.phase in (WAITING, RETRYING) and frame.wake_at:
        kind = "wait" if frame.phase == WAITING else "retry"
        run.command(CancelTimer(kind, frame.id, frame.attempt, frame.wake_at))
    elif frame.phase in (TASK, SUBMITTED):
        tasks.close(run, frame)
        run.command(StopTask(frame.id, frame.attempt))
    elif frame.phase == FORKED and frame.map_run:
        run.command(StopTask(frame.id, frame.attempt, frame.map_run))
    elif frame.phase == READY:
        frame.entered = 0
    frame.phase = FAILED
