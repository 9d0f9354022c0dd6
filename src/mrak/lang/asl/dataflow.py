"""From a state's input to its output, in both languages.

JSONPath: InputPath, Parameters, (the state's work), ResultSelector, ResultPath, OutputPath, and Assign beside them.
JSONata: Arguments, (work), Output and Assign, which both see the same variables.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
"""

from __future__ import annotations

from typing import Any

from mrak.lang.asl import failures, references, templates
from mrak.lang.asl.definition import State
from mrak.lang.asl.frames import Frame
from mrak.lang.asl.jsonata import Bindings
from mrak.lang.asl.run import Run, check_size
from mrak.lang.asl.scope import Scope, read, render

_ABSENT = object()


class Leaving:
    """What a state leaves with: its output as text, and what it assigned, as texts by name."""

    __slots__ = ("assigned", "output")

    def __init__(self, output: str, assigned: dict[str, str]) -> None:
        self.output = output
        self.assigned = assigned


def effective_input(state: State, scope: Scope) -> Any:
    """The input after InputPath."""
    path = state.raw.get("InputPath", "$")
    if path is None:
        return {}
    return scope.root if path == "$" else references.require_path(path, scope)


def arguments(run: Run, frame: Frame, state: State) -> Any:
    """What the state's work gets."""
    if state.is_jsonata:
        if "Arguments" not in state.raw:
            return read(frame.input)
        return templates.fill_jsonata(state.raw["Arguments"], run.bindings(frame), "Arguments")
    scope = run.scope(frame, read(frame.input))
    effective = effective_input(state, scope)
    if "Parameters" not in state.raw:
        return effective
    return templates.fill(state.raw["Parameters"], scope.at(effective))


def leave(run: Run, frame: Frame, state: State, result: Any = _ABSENT, result_text: str | None = None) -> Leaving:
    """The way out of a state, with its work's result or, where it does none, its input."""
    if state.is_jsonata:
        extra = {} if result is _ABSENT else {"result": result}
        bindings = run.bindings(frame, **extra)
        default = bindings.states["input"] if result is _ABSENT else result
        known = [(bindings.states["input"], frame.input), (result, result_text)]
        return leave_jsonata(state.raw, bindings, default, known, state.name)
    scope = run.scope(frame, read(frame.input))
    raw_input = scope.root
    if result is _ABSENT:
        result = effective_input(state, scope)
        selected = output = result
    else:
        selected = templates.fill(state.raw["ResultSelector"], scope.at(result)) if _selects(state) else result
        output = place(state.raw.get("ResultPath", "$"), raw_input, selected)
    assigned = templates.fill(state.raw.get("Assign", {}), scope.at(result))
    output = output_path(state, scope.at(output))
    known = [(raw_input, frame.input), (result, result_text)]
    return Leaving(check_size(_text_of(output, known), state.name), texts_of(assigned, state.name))


def _selects(state: State) -> bool:
    return state.raw.get("ResultSelector") is not None


def leave_jsonata(
    fields: dict[str, Any], bindings: Bindings, default: Any, known: list[tuple[Any, str | None]], name: str
) -> Leaving:
    """Output and Assign of a state, a catcher or a choice."""
    output = templates.fill_jsonata(fields["Output"], bindings, "Output") if "Output" in fields else default
    assigned = templates.fill_jsonata(fields.get("Assign", {}), bindings, "Assign")
    return Leaving(check_size(_text_of(output, known), name), texts_of(assigned, name))


def leave_caught(run: Run, frame: Frame, state: State, catcher: dict[str, Any], error: dict[str, Any]) -> Leaving:
    """The way out of a state whose failure a catcher takes."""
    if state.is_jsonata:
        bindings = run.bindings(frame, errorOutput=error)
        return leave_jsonata(catcher, bindings, error, [], state.name)
    scope = run.scope(frame, read(frame.input))
    output = place(catcher.get("ResultPath", "$"), scope.root, error)
    assigned = templates.fill(catcher.get("Assign", {}), scope.at(error))
    known: list[tuple[Any, str | None]] = [(scope.root, frame.input)]
    return Leaving(check_size(_text_of(output, known), state.name), texts_of(assigned, state.name))


def place(path: str | None, document: Any, value: Any) -> Any:
    """ResultPath: the value into the document; null keeps the document as it is."""
    if path is None:
        return document
    return value if path == "$" else references.put(path, document, value)


def output_path(state: State, scope: Scope) -> Any:
    path = state.raw.get("OutputPath", "$")
    if path is None:
        return {}
    return scope.root if path == "$" else references.require_path(path, scope)


def texts_of(assigned: dict[str, Any], state: str) -> dict[str, str]:
    """What a state assigns, as texts; raises where one of them is too large, or all are together."""
    texts: dict[str, str] = {}
    total = 0
    for name, value in assigned.items():
        texts[name] = render(value)
        size = len(texts[name].encode())
        total += size
        told = f"Variable '{name}' in state '{state}' was assigned {size} bytes"
        if size > failures.MOST_BYTES:
            raise failures.variable_limit(f"Variable size limit exceeded. {told}.")
        if total > failures.MOST_BYTES:
            raise failures.variable_limit(
                f"State total variable size limit exceeded. {told}, which caused the size of variables assigned in the "
                f"state to exceed its limit by {total - failures.MOST_BYTES} bytes."
            )
    return texts


def _text_of(value: Any, known: list[tuple[Any, str | None]]) -> str:
    """A value that a state only hands on keeps its text to the letter, as on AWS."""
    for candidate, text in known:
        if value is candidate and text is not None:
            return text
    return render(value)
