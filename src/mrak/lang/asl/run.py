"""One step's working copy of an execution: frames read so far, events recorded, commands given.

It knows how to read and record, and what the fields of a state may refer to; what states do is in `machine`.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec

from mrak.core.entropy import Draws
from mrak.lang.asl import failures
from mrak.lang.asl.definition import Definition, State
from mrak.lang.asl.frames import NO_PARENT, Command, Facts, Frame, FrameStore, HistoryEvent
from mrak.lang.asl.jsonata import Bindings
from mrak.lang.asl.scope import Scope, read

_WITH_RETRY_COUNT = ("Task", "Parallel", "Map")


class Run:
    """`ready` are frames that go on within this step; `finished` is set when the execution has ended."""

    def __init__(
        self,
        definition: Definition,
        facts: Facts,
        frames: FrameStore,
        next_event: int,
        next_frame: int,
        now: float,
        draw: Draws,
    ) -> None:
        self.definition = definition
        self.facts = facts
        self.next_event = next_event
        self.next_frame = next_frame
        self.now = now
        self.draw = draw
        self.events: list[HistoryEvent] = []
        self.commands: list[Command] = []
        self.ready: deque[int] = deque()
        self.changed: dict[int, Frame] = {}
        self.removed: set[int] = set()
        self.finished = False
        self._store = frames
        self._loaded: dict[int, Frame] = {}

    def frame(self, frame_id: int) -> Frame:
        """A frame to be changed."""
        found = self._loaded.get(frame_id)
        if found is None:
            found = self._loaded[frame_id] = self._store.load(frame_id)
        self.changed[frame_id] = found
        return found

    def has_activity(self, arn: str) -> bool:
        return self._store.has_activity(arn)

    def look(self, frame_id: int) -> Frame:
        """A frame to be read."""
        found = self._loaded.get(frame_id)
        if found is None:
            found = self._loaded[frame_id] = self._store.load(frame_id)
        return found

    def add(self, frame: Frame) -> Frame:
        self._loaded[frame.id] = self.changed[frame.id] = frame
        return frame

    def remove(self, frame_id: int) -> None:
        self._loaded.pop(frame_id, None)
        self.changed.pop(frame_id, None)
        self.removed.add(frame_id)

    def exists(self, frame_id: int) -> bool:
        return frame_id not in self.removed

    def record(self, kind: str, previous: int, details: dict[str, Any] | None = None) -> int:
        """Appends an event to the history; its id."""
        event_id = self.next_event
        self.next_event += 1
        text = "" if details is None else msgspec.json.encode(details).decode()
        self.events.append(HistoryEvent(event_id, previous, kind, self.now, text))
        return event_id

    def command(self, command: Command) -> None:
        self.commands.append(command)

    def state_of(self, frame: Frame) -> State:
        return self.definition.find(frame.path).states[frame.state]

    def variables(self, frame: Frame) -> dict[str, Any]:
        """What is assigned, inner scopes over outer ones."""
        chain: list[str] = []
        current: Frame | None = frame
        while current is not None:
            chain.append(current.variables)
            current = None if current.parent == NO_PARENT else self.look(current.parent)
        chain.append(self.facts.variables)
        found: dict[str, Any] = {}
        for text in reversed(chain):
            if text:
                found |= read(text)
        return found

    def context(self, frame: Frame) -> dict[str, Any]:
        """The context object. https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html"""
        facts = self.facts
        item = self._item(frame)
        at_item = {"Map": {"Item": read(item)}} if item else {}
        if facts.context is not None:
            return facts.context | at_item
        execution: dict[str, Any] = {
            "Id": facts.arn,
            "Input": read(facts.input),
            "StartTime": show_time(facts.started_at),
            "Name": facts.name,
            "RoleArn": facts.role_arn,
            "RedriveCount": facts.redrive_count,
        }
        if facts.redriven_at:
            execution["RedriveTime"] = show_time(facts.redriven_at)
        state: dict[str, Any] = {"Name": frame.state, "EnteredTime": show_time(frame.entered_at)}
        if self.state_of(frame).kind in _WITH_RETRY_COUNT:
            state["RetryCount"] = sum(frame.retries)
        made: dict[str, Any] = {
            "Execution": execution,
            "StateMachine": {"Id": facts.machine_arn, "Name": facts.machine_name},
            "State": state,
        }
        made |= at_item
        if frame.token:
            made["Task"] = {"Token": frame.token}
        return made

    def scope(self, frame: Frame, root: Any) -> Scope:
        """What the fields of a JSONPath state may refer to."""
        return Scope(root, lambda: self.context(frame), self.variables(frame), self.draw, frame.input)

    def bindings(self, frame: Frame, **states: Any) -> Bindings:
        """What the expressions of a JSONata state see: `$states` with its input, and its result or error."""
        shown = {"input": read(frame.input), **states, "context": self.context(frame)}
        return Bindings(shown, self.variables(frame), self.draw, self.now)

    def _item(self, frame: Frame) -> str:
        current = frame
        while not current.item and current.parent != NO_PARENT:
            current = self.look(current.parent)
        return current.item or self.facts.item


def show_time(moment: float) -> str:
    """A time as the context object writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(moment * 1000) % 1000:03d}Z"


def check_size(text: str, what: str) -> str:
    """The text where it is within AWS's limit for what states hand on; raises StateFailed."""
    if len(text) * 4 > failures.MOST_BYTES and len(text.encode()) > failures.MOST_BYTES:
        raise failures.data_limit(what)
    return text
