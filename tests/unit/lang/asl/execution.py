"""Runs a definition in memory on a clock that jumps to the next timer, with tasks that a table answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mrak.core.entropy import Draws, SeededEntropy
from mrak.lang.asl import frames
from mrak.lang.asl.definition import parse
from mrak.lang.asl.frames import (
    CancelTimer,
    Continue,
    Event,
    Facts,
    Finish,
    Frame,
    HistoryEvent,
    Resume,
    SetTimer,
    Start,
    StartTask,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    TimerFired,
)
from mrak.lang.asl.machine import step
from mrak.lang.asl.run import Run
from mrak.lang.asl.validation import check

Answer = Any
"""What a task answers: JSON, or a TaskError."""


@dataclass
class TaskError(Exception):
    error: str | None
    cause: str | None = None


@dataclass
class Execution:
    """One execution. `tasks` answers a task's parameters; None as answer leaves the task open."""

    definition: dict[str, Any]
    input: Any = field(default_factory=dict)
    tasks: Callable[[str, Any], Any] | None = None
    now: float = 1_700_000_000.0
    events: list[HistoryEvent] = field(default_factory=list)
    finish: Finish | None = None
    commands: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        text = json.dumps(self.definition)
        problems = check(text)
        assert not problems, problems
        self._definition = parse(text)
        self._frames: dict[int, Frame] = {}
        self._next = (1, 0)
        self._timers: list[SetTimer] = []
        self._draw = Draws(SeededEntropy(7))
        self._facts = Facts(
            arn="arn:aws:states:us-east-1:123456789012:execution:m:run",
            name="run",
            role_arn="arn:aws:iam::123456789012:role/r",
            machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:m",
            machine_name="m",
            region="us-east-1",
            input=self.input if isinstance(self.input, str) else json.dumps(self.input, separators=(",", ":")),
            started_at=self.now,
        )

    def has_activity(self, arn: str) -> bool:
        return True

    def load(self, frame_id: int) -> Frame:
        # A copy, as from the store: what a step does not report as changed must not matter.
        import msgspec

        return msgspec.msgpack.decode(msgspec.msgpack.encode(self._frames[frame_id]), type=Frame)

    def send(self, event: Event) -> None:
        """One step, and what it asks for."""
        run = Run(self._definition, self._facts, self, *self._next, self.now, self._draw)
        step(run, event)
        self._next = (run.next_event, run.next_frame)
        self.events += run.events
        for frame_id in run.removed:
            self._frames.pop(frame_id, None)
        self._frames |= run.changed
        self.commands += run.commands
        # Deliveries are made after the commit, so everything else comes first.
        for command in sorted(run.commands, key=lambda command: isinstance(command, StartTask | Resume)):
            self._obey(command)

    def _obey(self, command: frames.Command) -> None:
        if isinstance(command, Finish):
            self.finish = command
        elif isinstance(command, Resume):
            if command.frame in self._frames:
                self.send(Continue(command.frame))
        elif isinstance(command, SetTimer):
            self._timers.append(command)
        elif isinstance(command, CancelTimer):
            timer = SetTimer(command.kind, command.frame, command.attempt, command.due_at)
            assert timer in self._timers, "a timer is cancelled that was not set"
            self._timers.remove(timer)
        elif isinstance(command, StartTask) and self.tasks is not None:
            self._perform(command)

    def _perform(self, command: StartTask) -> None:
        frame = self._frames.get(command.frame)
        if frame is None or frame.attempt != command.attempt or frame.phase != frames.TASK:
            return  # As the deliveries do: nobody waits for it any more.
        task = frame.task
        assert task is not None and self.tasks is not None
        self.send(TaskStarted(command.frame, command.attempt))
        try:
            answer = self.tasks(task.resource, json.loads(task.parameters))
        except TaskError as error:
            self.send(TaskFailed(command.frame, command.attempt, error.error, error.cause))
            return
        if answer is not None:
            self.send(TaskSucceeded(command.frame, command.attempt, json.dumps(answer, separators=(",", ":"))))

    def run(self) -> Execution:
        """To its end, or until nothing is left that could go on by itself."""
        self.send(Start())
        return self.finish_timers()

    def finish_timers(self) -> Execution:
        """Lets time pass until the execution has ended or nothing waits for a time."""
        while self.finish is None and self._timers:
            self._timers.sort(key=lambda timer: timer.due_at)
            due = self._timers.pop(0)
            self.now = max(self.now, due.due_at)
            self.send(TimerFired(due.kind, due.frame, due.attempt))
        if self.finish is not None:
            assert not self._timers, "an ended execution leaves timers"
        return self

    @property
    def output(self) -> Any:
        assert self.finish is not None and self.finish.status == "SUCCEEDED", self.finish
        assert self.finish.output is not None
        return json.loads(self.finish.output)

    @property
    def history(self) -> list[tuple[int, int, str]]:
        return [(event.id, event.previous, event.type) for event in self.events]

    def details(self, event_id: int) -> dict[str, Any]:
        return dict(json.loads(self.events[event_id - 1].details))


def run(definition: dict[str, Any], input: Any = None, tasks: Any = None) -> Execution:
    return Execution(definition, {} if input is None else input, tasks).run()


def single(state: dict[str, Any], language: str | None = None) -> dict[str, Any]:
    """A machine of one state."""
    machine: dict[str, Any] = {"StartAt": "S", "States": {"S": state}}
    if state["Type"] in ("Task", "Wait", "Pass", "Parallel", "Map") and "Next" not in state:
        state["End"] = True
    if language:
        machine["QueryLanguage"] = language
    return machine
