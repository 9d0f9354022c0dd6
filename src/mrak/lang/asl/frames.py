"""Where an execution stands, and what happens to it.

A frame is one line of control: the execution's own, a Parallel's branch, a Map's iteration. Its state's input, its
attempt and what it waits for are all in it, so an execution is its frames and its history; nothing else has to survive.

Invariants: a frame with children waits for them (FORKED) and they are the ids from `first_child` on; `attempt` grows
whenever a state is tried (again), so that an answer or a timer of an earlier attempt is known as such.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

ROOT = 0
NO_PARENT = -1

READY = "ready"
"""About to enter its state."""
QUEUED = "queued"
"""An iteration that waits for its turn."""
WAITING = "waiting"
"""In a Wait state."""
TASK = "task"
"""Its task was handed out."""
SUBMITTED = "submitted"
"""Its task was accepted and reports back later."""
RETRYING = "retrying"
"""Waits before it tries its state again."""
FORKED = "forked"
"""Waits for its children, or for its Map run."""
DONE = "done"
"""A child that has its output; its parent takes it when all have."""
FAILED = "failed"
"""Where its execution ended with it: redriving goes on from here."""


class Task(msgspec.Struct, array_like=True, kw_only=True):
    """What a Task state asks for. `resource` is as in the definition; `parameters` is JSON."""

    resource: str
    parameters: str
    role_arn: str = ""


class Frame(msgspec.Struct, array_like=True, kw_only=True):
    id: int
    parent: int = NO_PARENT
    index: int = 0
    path: tuple[str, ...] = ()
    state: str = ""
    phase: str = READY
    input: str = "{}"
    previous: int = 0
    """The event that came last in this line."""
    entered: int = 0
    entered_previous: int = 0
    entered_at: float = 0.0
    attempt: int = 0
    retries: list[int] = []
    """Retries made, for each retrier of the state."""
    variables: str = ""
    item: str = ""
    """A Map's iteration: `{"Index": 0, "Value": ...}`."""
    token: str = ""
    task: Task | None = None
    is_task_started: bool = False
    wake_at: float = 0.0
    timeout_at: float = 0.0
    heartbeat_at: float = 0.0
    heartbeat_seconds: int = 0
    first_child: int = 0
    children: int = 0
    started: int = 0
    running: int = 0
    concurrency: int = 0
    output: str = ""
    map_run: str = ""


class HistoryEvent(msgspec.Struct, frozen=True, array_like=True):
    """`details` is the JSON of the event's details member, whose name follows from the type; "" for none."""

    id: int
    previous: int
    type: str
    at: float
    details: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change while an execution runs."""

    arn: str
    name: str
    role_arn: str
    machine_arn: str
    machine_name: str
    region: str
    input: str
    started_at: float
    is_express: bool = False
    redrive_count: int = 0
    redriven_at: float = 0.0
    variables: str = ""
    """What a child execution of a distributed Map sees of the variables around it."""
    item: str = ""
    context: dict[str, Any] | None = None
    """A context object of one's own (TestState)."""


class FrameStore(Protocol):
    """Where frames are kept. A machine reads each at most once in a step."""

    def load(self, frame_id: int) -> Frame: ...

    def has_activity(self, arn: str) -> bool: ...


# What comes back to an execution.


class TaskStarted(msgspec.Struct, frozen=True):
    frame: int
    attempt: int
    worker: str | None = None


class TaskSubmitted(msgspec.Struct, frozen=True):
    frame: int
    attempt: int
    output: str


class TaskSucceeded(msgspec.Struct, frozen=True):
    frame: int
    attempt: int
    output: str


class TaskFailed(msgspec.Struct, frozen=True):
    frame: int
    attempt: int
    error: str | None
    cause: str | None


class MapRunEnded(msgspec.Struct, frozen=True):
    """A distributed Map is over: its results, or why it failed."""

    frame: int
    attempt: int
    output: str | None
    error: str | None = None
    cause: str | None = None


class TaskBeat(msgspec.Struct, frozen=True):
    """A heartbeat."""

    frame: int
    attempt: int


class TimerFired(msgspec.Struct, frozen=True):
    kind: str
    frame: int
    attempt: int


class Continue(msgspec.Struct, frozen=True):
    """Goes on with a frame that was left ready."""

    frame: int


class Start(msgspec.Struct, frozen=True):
    pass


class Stop(msgspec.Struct, frozen=True):
    error: str | None
    cause: str | None


class TimedOut(msgspec.Struct, frozen=True):
    """The machine's own TimeoutSeconds are over."""


class Redrive(msgspec.Struct, frozen=True):
    """Goes on from what failed."""


Event = (
    Start
    | Continue
    | TaskStarted
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | TaskBeat
    | MapRunEnded
    | TimerFired
    | Stop
    | TimedOut
    | Redrive
)

# What a step asks for.


class StartTask(msgspec.Struct, frozen=True):
    frame: int
    attempt: int


class StartMapRun(msgspec.Struct, frozen=True):
    """Runs a distributed Map's items as executions of their own. `plan` is JSON (see maprun), and so is `items`, but ""
    where a reader gives them."""

    frame: int
    attempt: int
    plan: str
    items: str


class StopTask(msgspec.Struct, frozen=True):
    """The frame no longer waits for its task: an execution started with .sync, a Map run."""

    frame: int
    attempt: int
    map_run: str = ""


class SetTimer(msgspec.Struct, frozen=True):
    kind: str
    frame: int
    attempt: int
    due_at: float


class CancelTimer(msgspec.Struct, frozen=True):
    kind: str
    frame: int
    attempt: int
    due_at: float


class OpenToken(msgspec.Struct, frozen=True):
    token: str
    frame: int
    attempt: int


class CloseToken(msgspec.Struct, frozen=True):
    token: str


class ScheduleActivity(msgspec.Struct, frozen=True):
    activity_arn: str
    token: str
    input: str
    frame: int
    attempt: int


class Resume(msgspec.Struct, frozen=True):
    """This step has done enough: a frame goes on in another."""

    frame: int


class Finish(msgspec.Struct, frozen=True):
    status: str
    output: str | None = None
    error: str | None = None
    cause: str | None = None


Command = (
    StartTask
    | StartMapRun
    | StopTask
    | SetTimer
    | CancelTimer
    | OpenToken
    | CloseToken
    | ScheduleActivity
    | Resume
    | Finish
)
