"""What TestState shows of a state's way from input to output, beyond its result.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_InspectionData.html
"""

from __future__ import annotations

from typing import Any

from mrak.lang.asl import templates
from mrak.lang.asl.dataflow import Leaving, effective_input, place
from mrak.lang.asl.definition import State
from mrak.lang.asl.frames import Frame
from mrak.lang.asl.run import Run
from mrak.lang.asl.scope import read, render


def _listed(texts: list[str]) -> str:
    """JSON texts as Java shows a list of them."""
    return f"[{', '.join(texts)}]"


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
            self.shown["afterItemsPath"] = _listed([render(item) for item in items])

    def read_items(self, items: list[Any], config: dict[str, Any]) -> None:
        if not self._state.is_jsonata and "ItemsPointer" in config:
            self.shown["afterItemsPointer"] = render(items)

    def selected(self, values: list[Any]) -> None:
        """What ItemSelector made of the items."""
        if not self._state.is_jsonata:
            self.shown["afterItemSelector"] = _listed([render(value) for value in values])

    def batched(self, batches: list[dict[str, Any]]) -> None:
        """AWS shows the items of a batch as texts."""
        if not self._state.is_jsonata:
            texts = [{**batch, "Items": [render(item) for item in batch["Items"]]} for batch in batches]
            self.shown["afterItemBatcher"] = _listed([render(text) for text in texts])

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
        shown = text or render(result)
        if self._state.kind != "Map":
            self.shown["result"] = shown
        self._after_result(result, shown)

    def caught(self, output: str) -> None:
        """What a catcher made of the error."""
        if not self._state.is_jsonata:
            self.shown["afterResultPath"] = output

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
