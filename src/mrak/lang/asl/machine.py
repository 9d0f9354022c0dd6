"""The state machine: `step(run, event)` takes an execution one step further.

A step handles what came back, then goes on with every frame that is ready, up to a number of states; it records events,
changes frames and gives commands, and does nothing else. The order of events and their `previous` are AWS's.
"""

from __future__ import annotations

from typing import Any

from mrak.lang.asl import failures, forks, retries, stopping, tasks
from mrak.lang.asl.dataflow import Leaving, leave, leave_caught
from mrak.lang.asl.definition import State
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.frames import (
    FAILED,
    FORKED,
    NO_PARENT,
    READY,
    RETRYING,
    ROOT,
    WAITING,
    Continue,
    Event,
    Finish,
    Frame,
    MapRunEnded,
    Redrive,
    Resume,
    SetTimer,
    Start,
    Stop,
    TaskBeat,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimedOut,
    TimerFired,
)
from mrak.lang.asl.run import Run, check_size
from mrak.lang.asl.scope import read, render
from mrak.lang.asl.simplestates import ENTER_SIMPLE, Waits

MOST_STATES = 100
"""States that one step enters; what is ready beyond goes on in another step, so a loop cannot hold a transaction."""
MOST_EVENTS = 25_000
TOO_LONG = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
_EVENTS_OF_A_STATE = 3
"""What entering a state may record at least: there is room for the end of the execution."""
_CHILD = "\0child"
"""Marks a failure that a child has reported already."""


def step(run: Run, event: Event) -> None:
    """Applies an event, then goes on with what is ready."""
    if isinstance(event, Start):
        _start(run)
    elif isinstance(event, Stop | TimedOut):
        stopping.stop(run, event)
    elif isinstance(event, Redrive):
        _redrive(run)
    elif isinstance(event, Continue):
        _continue(run, event)
    elif isinstance(event, TimerFired):
        _timer(run, event)
    elif isinstance(event, MapRunEnded):
        _map_run_ended(run, event)
    else:
        _task(run, event)
    _advance(run)


def _start(run: Run) -> None:
    facts = run.facts
    run.record(
        "ExecutionStarted",
        0,
        {"input": facts.input, "inputDetails": {"truncated": False}, "roleArn": facts.role_arn},
    )
    run.add(Frame(id=ROOT, state=run.definition.root.start_at, input=facts.input))
    run.next_frame = max(run.next_frame, ROOT + 1)
    run.ready.append(ROOT)


def _redrive(run: Run) -> None:
    """Tries again the states in which the execution ended. Retriers begin anew."""
    root = run.frame(ROOT)
    root.previous = run.record("ExecutionRedriven", root.previous, {"redriveCount": run.facts.redrive_count})
    _go_on(run, root)


def _go_on(run: Run, frame: Frame) -> None:
    """A fork's children go on where they stood, but those that are done or have not begun."""
    state = run.state_of(frame)
    frame.retries = [0] * len(state.raw.get("Retry", ()))
    children = range(frame.first_child, frame.first_child + frame.children)
    unfinished = [child for child in children if run.look(child).phase == FAILED]
    if unfinished:
        frame.phase, frame.running = FORKED, len(unfinished)
        for child in unfinished:
            _go_on(run, run.frame(child))
    elif state.kind == "Fail" or frame.entered == 0:
        frame.phase = READY
        run.ready.append(frame.id)
    else:
        _attempt(run, frame, state)


def _continue(run: Run, event: Continue) -> None:
    if run.look(event.frame).phase == READY:
        run.ready.append(event.frame)


def _advance(run: Run) -> None:
    entered = 0
    while run.ready and not run.finished:
        frame_id = run.ready.popleft()
        if not run.exists(frame_id):
            continue
        if run.next_event > MOST_EVENTS - _EVENTS_OF_A_STATE:
            _too_long(run, run.frame(frame_id))
            return
        if entered == MOST_STATES:
            run.command(Resume(frame_id))
            continue
        entered += 1
        _enter(run, run.frame(frame_id))


def _too_long(run: Run, frame: Frame) -> None:
    run.record("ExecutionFailed", frame.previous, {"error": failures.RUNTIME, "cause": TOO_LONG})
    stopping.release(run, run.frame(ROOT))
    _finish(run, Finish("FAILED", None, failures.RUNTIME, TOO_LONG))


def _enter(run: Run, frame: Frame) -> None:
    state = run.state_of(frame)
    frame.entered_previous = frame.previous
    frame.entered = frame.previous = run.record(
        f"{state.kind}StateEntered",
        frame.previous,
        {"name": state.name, "input": frame.input, "inputDetails": {"truncated": False}},
    )
    frame.entered_at = run.now
    frame.retries = [0] * len(state.raw.get("Retry", ()))
    _attempt(run, frame, state)


def _attempt(run: Run, frame: Frame, state: State) -> None:
    """Does the state's work, for the first time or again."""
    frame.attempt += 1
    stopping.clear_children(run, frame)
    try:
        if state.kind == "Task":
            tasks.schedule(run, frame, state)
        elif state.kind in ("Parallel", "Map"):
            forks.fork(run, frame, state)
            if frame.phase == FORKED and forks.is_complete(frame):
                _join(run, frame, state, frame.previous)
        else:
            _work_simply(run, frame, state)
    except StateFailed as failure:
        fail_state(run, frame, state, failure)


def _work_simply(run: Run, frame: Frame, state: State) -> None:
    outcome = ENTER_SIMPLE[state.kind](run, frame, state)
    if isinstance(outcome, Waits):
        frame.phase, frame.wake_at = WAITING, outcome.until
        run.command(SetTimer("wait", frame.id, frame.attempt, outcome.until))
        return
    leaving, follower = outcome
    exit_state(run, frame, state, leaving, follower)


def exit_state(
    run: Run, frame: Frame, state: State, leaving: Leaving, follower: str | None, previous: int | None = None
) -> None:
    """Records the exit, assigns, and goes on with the follower or ends the frame."""
    failure = _assign(frame, state, leaving.assigned)
    if failure is not None:
        _record_evaluation(run, frame, state, failure)
        _fail_frame(run, frame, state, failure)
        return
    details: dict[str, Any] = {
        "name": state.name,
        "output": leaving.output,
        "outputDetails": {"truncated": False},
    }
    if leaving.assigned:
        details["assignedVariables"] = leaving.assigned
        details["assignedVariablesDetails"] = {"truncated": False}
    before = frame.previous if previous is None else previous
    frame.previous = run.record(f"{state.kind}StateExited", before, details)
    frame.task, frame.token, frame.map_run = None, "", ""
    if follower is not None:
        frame.state, frame.input, frame.phase = follower, leaving.output, READY
        run.ready.append(frame.id)
        return
    _end_frame(run, frame, leaving.output)


def _assign(frame: Frame, state: State, assigned: dict[str, str]) -> StateFailed | None:
    """Assigns, or tells why the variables would be too large for an execution."""
    if not assigned:
        return None
    own = read(frame.variables) if frame.variables else {}
    variables = own | {name: read(text) for name, text in assigned.items()}
    text = render(variables)
    if len(text) * 4 > failures.MOST_VARIABLE_BYTES:
        excess = sum(len(render(value).encode()) for value in variables.values()) - failures.MOST_VARIABLE_BYTES
        if excess > 0:
            return failures.variable_limit(
                f"Execution total variable size limit exceeded. State '{state.name}' assigned variables that exceed "
                f"the total execution limit by {excess} bytes."
            )
    frame.variables = text
    return None


def _end_frame(run: Run, frame: Frame, output: str) -> None:
    if frame.parent == NO_PARENT:
        run.record("ExecutionSucceeded", frame.previous, {"output": output, "outputDetails": {"truncated": False}})
        _finish(run, Finish("SUCCEEDED", output))
        return
    parent = run.frame(frame.parent)
    state = run.state_of(parent)
    try:
        before = forks.child_succeeded(run, parent, state, frame, output)
    except StateFailed as failure:
        # The next iteration's input cannot be made.
        stopping.abort_children(run, parent, frame.previous)
        parent.previous = frame.previous
        fail_state(run, parent, state, failure)
        return
    if before is not None:
        _join(run, parent, state, before)


def _join(run: Run, frame: Frame, state: State, before: int) -> None:
    """All children are done: their outputs are the state's result."""
    text = forks.collect(run, frame)
    run.record(f"{state.kind}StateSucceeded", before)
    frame.previous = before
    try:
        check_size(text, state.name)
        leaving = leave(run, frame, state, read(text), text)
    except StateFailed as failure:
        fail_state(run, frame, state, failure)
        return
    exit_state(run, frame, state, leaving, state.next)


def fail_state(run: Run, frame: Frame, state: State, failure: StateFailed) -> None:
    """A state failed: it is tried again, its failure is caught, or its frame fails."""
    is_own = failure.is_located and failure.error == failures.RUNTIME
    failure = failures.at_state(failure, state.name, frame.entered)
    if failure.is_evaluation and failure.field != _CHILD:
        _record_evaluation(run, frame, state, failure)
    is_task = state.kind == "Task"
    if _retry(run, frame, state, failure, is_task):
        return
    if state.kind in ("Parallel", "Map") and not is_own:
        frame.previous = run.record(f"{state.kind}StateFailed", frame.previous)
    catchers = state.raw.get("Catch", [])
    caught = retries.find_catcher(catchers, failure.matched, is_task)
    if caught is None:
        _fail_frame(run, frame, state, failure)
        return
    error = {"Error": failure.error, "Cause": failure.cause}
    try:
        leaving = leave_caught(run, frame, state, catchers[caught], error)
    except StateFailed as second:
        second = failures.at_state(second, state.name, frame.entered)
        if second.is_evaluation:
            _record_evaluation(run, frame, state, second)
        _fail_frame(run, frame, state, second)
        return
    stopping.clear_children(run, frame)
    exit_state(run, frame, state, leaving, catchers[caught]["Next"])


def _record_evaluation(run: Run, frame: Frame, state: State, failure: StateFailed) -> None:
    details = {"state": state.name, "error": failure.error, "cause": failure.cause}
    if failure.field is not None:
        details["location"] = failure.field
    # AWS has it follow what came before the state, but in a Wait state, and where variables are too large.
    before = frame.entered if state.kind == "Wait" or failure.is_too_large else frame.entered_previous
    frame.previous = run.record("EvaluationFailed", before, details)


def _retry(run: Run, frame: Frame, state: State, failure: StateFailed, is_task: bool) -> bool:
    retriers = state.raw.get("Retry", [])
    chosen = retries.find_retrier(retriers, failure.matched, is_task)
    if chosen is None or retries.is_exhausted(retriers[chosen], frame.retries[chosen]):
        return False
    delay = retries.delay_seconds(retriers[chosen], frame.retries[chosen], run.draw)
    frame.retries = [made + (at == chosen) for at, made in enumerate(frame.retries)]
    stopping.clear_children(run, frame)
    frame.phase, frame.wake_at = RETRYING, run.now + delay
    run.command(SetTimer("retry", frame.id, frame.attempt, frame.wake_at))
    return True


def _fail_frame(run: Run, frame: Frame, state: State, failure: StateFailed) -> None:
    if frame.parent == NO_PARENT:
        details = {"error": failure.error, "cause": failure.cause}
        run.record("ExecutionFailed", frame.previous, {k: v for k, v in details.items() if v is not None})
        frame.phase = FAILED
        _finish(run, Finish("FAILED", None, failure.error, failure.cause))
        return
    parent = run.frame(frame.parent)
    fork = run.state_of(parent)
    failed_at = frame.previous
    if fork.kind == "Map":
        run.record("MapIterationFailed", failed_at, {"name": fork.name, "index": frame.index})
    if state.kind == "Task":
        run.record("TaskStateAborted", failed_at)
    frame.phase = FAILED
    stopping.abort_children(run, parent, failed_at)
    parent.previous = failed_at
    fail_state(run, parent, fork, StateFailed(failure.error, failure.cause, field=_CHILD))


def _finish(run: Run, finish: Finish) -> None:
    run.finished = True
    run.command(finish)


def _timer(run: Run, event: TimerFired) -> None:
    frame = run.frame(event.frame)
    if frame.attempt != event.attempt:
        return
    state = run.state_of(frame)
    if event.kind == "wait" and frame.phase == WAITING:
        frame.wake_at = 0.0
        try:
            leaving = leave(run, frame, state)
        except StateFailed as failure:
            fail_state(run, frame, state, failure)
            return
        exit_state(run, frame, state, leaving, state.next)
    elif event.kind == "retry" and frame.phase == RETRYING:
        frame.wake_at = 0.0
        if run.next_event > MOST_EVENTS - _EVENTS_OF_A_STATE:
            _too_long(run, frame)
            return
        _attempt(run, frame, state)
    elif event.kind in ("timeout", "heartbeat"):
        _task_late(run, frame, state, event.kind)


def _task_late(run: Run, frame: Frame, state: State, kind: str) -> None:
    if frame.phase == FORKED and state.kind == "Map":
        return
    failure = tasks.late(run, frame, kind)
    if failure is not None:
        fail_state(run, frame, state, failure)


def _task(run: Run, event: TaskStarted | TaskSubmitted | TaskSucceeded | TaskFailed | TaskBeat) -> None:
    frame = run.frame(event.frame)
    if not tasks.is_current(frame, event.attempt):
        return
    state = run.state_of(frame)
    if isinstance(event, TaskStarted):
        tasks.started(run, frame, event.worker)
        return
    if isinstance(event, TaskSubmitted):
        tasks.submitted(run, frame, event.output)
        return
    if isinstance(event, TaskBeat):
        tasks.beat(run, frame)
        return
    try:
        if isinstance(event, TaskFailed):
            raise tasks.failed(run, frame, event)
        text = tasks.succeeded(run, frame, state, event.output)
        leaving = leave(run, frame, state, read(text), text)
    except StateFailed as failure:
        fail_state(run, frame, state, failure)
        return
    exit_state(run, frame, state, leaving, state.next)


def _map_run_ended(run: Run, event: MapRunEnded) -> None:
    frame = run.frame(event.frame)
    if frame.attempt != event.attempt or frame.phase != FORKED:
        return
    state = run.state_of(frame)
    if event.output is None:
        details = {k: v for k, v in (("error", event.error), ("cause", event.cause)) if v is not None}
        frame.previous = run.record("MapRunFailed", frame.previous, details)
        fail_state(run, frame, state, StateFailed(event.error, event.cause, field=_CHILD))
        return
    # The exit follows the run's start (recorded since November 2024), not its end.
    run.record("MapStateSucceeded", run.record("MapRunSucceeded", frame.previous))
    try:
        check_size(event.output, state.name)
        leaving = leave(run, frame, state, read(event.output), event.output)
    except StateFailed as failure:
        fail_state(run, frame, state, failure)
        return
    exit_state(run, frame, state, leaving, state.next)
