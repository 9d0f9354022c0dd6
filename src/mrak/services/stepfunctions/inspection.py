"""What TestState shows of a state's way from input to output, beyond its result.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_InspectionData.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.lang.asl import templates
from mrak.lang.asl.dataflow import Leaving, effective_input, place
from mrak.lang.asl.definition import State
from mrak.lang.asl.frames import Frame
from mrak.lang.asl.run import Run
from mrak.lang.asl.scope import read, render

_PLAIN_PATH = re.compile(r"\$(\.[A-Za-z_]\w*)*")


def _slice(text: str, path: str) -> str | None:
    """The part of the input that a plain path finds, to the letter; None where the path is of another kind."""
    if not _PLAIN_PATH.fullmatch(path):
        return None
    found = msgspec.Raw(text.encode())
    for name in path.split(".")[1:]:
        found = msgspec.json.decode(found, type=dict[str, msgspec.Raw])[name]
    return bytes(found).decode()


class Inspection:
    """Collects `shown`, InspectionData's members, in the state's own order."""

    def __init__(self, run: Run, frame: Frame, state: State) -> None:
        self._run = run
        self._frame = frame
        self._state = state
        self.shown: dict[str, Any] = {"input": frame.input}

    def before(self) -> None:
        """Of a state without a task: what it makes of its input."""
        state = self._state
        if state.is_jsonata or state.kind == "Fail":
            return
        scope = self._run.scope(self._frame, read(self._frame.input))
        if state.kind == "Pass" and "Result" in state.raw:
            self.result(state.raw["Result"], None)
            return
        effective = effective_input(state, scope)
        self.shown["afterInputPath"] = self._text(effective, scope.root)
        if state.kind != "Pass":
            return
        filled = effective
        if "Parameters" in state.raw:
            filled = templates.fill(state.raw["Parameters"], scope.at(effective))
        self.shown["afterParameters"] = self._text(filled, scope.root)
        self._after_result(filled, self._text(filled, scope.root))

    def arguments(self, parameters: Any) -> None:
        """Of a state with a task: what the task gets."""
        if self._state.is_jsonata:
            if "Arguments" in self._state.raw:
                self.shown["afterArguments"] = render(parameters)
            return
        scope = self._run.scope(self._frame, read(self._frame.input))
        self.shown["afterInputPath"] = self._text(effective_input(self._state, scope), scope.root)
        self.shown["afterParameters"] = render(parameters)

    def items(self, items: list[Any]) -> None:
        if not self._state.is_jsonata:
            raw = _slice(self._frame.input, self._state.raw.get("ItemsPath", "$"))
            self.shown["afterItemsPath"] = render(items) if raw is None else raw

    def bounds(self, plan: dict[str, Any]) -> None:
        self.shown["maxConcurrency"] = plan["max_concurrency"]
        if plan["tolerated_count"] is not None:
            self.shown["toleratedFailureCount"] = plan["tolerated_count"]
        if plan["tolerated_percentage"] is not None:
            self.shown["toleratedFailurePercentage"] = plan["tolerated_percentage"]

    def result(self, result: Any, text: str | None) -> None:
        if self._state.is_jsonata:
            if self._state.kind == "Task":
                self.shown["result"] = text or render(result)
            return
        self.shown["result"] = text or render(result)
        self._after_result(result, self.shown["result"])

    def assigned(self, leaving: Leaving) -> None:
        if leaving.assigned:
            self.shown["variables"] = render({name: read(text) for name, text in leaving.assigned.items()})

    def error(self, **details: int) -> None:
        self.shown["errorDetails"] = details

    def _after_result(self, result: Any, text: str) -> None:
        raw = self._state.raw
        scope = self._run.scope(self._frame, read(self._frame.input))
        selected = result
        if raw.get("ResultSelector") is not None:
            selected = templates.fill(raw["ResultSelector"], scope.at(result))
        self.shown["afterResultSelector"] = text if selected is result else render(selected)
        placed = place(raw.get("ResultPath", "$"), scope.root, selected)
        self.shown["afterResultPath"] = text if placed is result else render(placed)

    def _text(self, value: Any, whole: Any) -> str:
        return self._frame.input if value is whole else render(value)
