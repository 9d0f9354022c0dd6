"""States that need nobody else: Pass, Choice, Wait, Succeed, Fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from mrak.lang.asl import choices, failures, jsonata, references, templates
from mrak.lang.asl.dataflow import Leaving, arguments, effective_input, leave, leave_jsonata, output_path, texts_of
from mrak.lang.asl.definition import State
from mrak.lang.asl.failures import StateFailed, query, runtime
from mrak.lang.asl.frames import Frame
from mrak.lang.asl.references import PathMissing
from mrak.lang.asl.run import Run, check_size
from mrak.lang.asl.scope import Scope, read, render

_MOST_SECONDS = 99_999_999


class Waits(NamedTuple):
    """The state goes on at a time (epoch seconds)."""

    until: float


Outcome = Waits | tuple[Leaving, str | None]


def enter_pass(run: Run, frame: Frame, state: State) -> Outcome:
    if state.is_jsonata:
        return leave(run, frame, state), state.next
    result = arguments(run, frame, state)
    if "Result" in state.raw:
        result = state.raw["Result"]
    elif state.raw.keys().isdisjoint(("Parameters", "InputPath", "ResultPath", "OutputPath", "Assign")):
        return Leaving(frame.input, {}), state.next
    return leave(run, frame, state, result), state.next


def enter_succeed(run: Run, frame: Frame, state: State) -> Outcome:
    return leave(run, frame, state), None


def enter_choice(run: Run, frame: Frame, state: State) -> Outcome:
    if state.is_jsonata:
        return _choose_jsonata(run, frame, state)
    scope = run.scope(frame, read(frame.input))
    raw_input = scope.root
    scope = scope.at(effective_input(state, scope))
    chosen: dict[str, Any] = next(
        (rule for rule in state.raw["Choices"] if choices.holds(rule, scope)), _default_of(state)
    )
    assigned = templates.fill(chosen.get("Assign", {}), scope)
    output = output_path(state, scope)
    text = frame.input if output is raw_input else render(output)
    return Leaving(check_size(text, state.name), texts_of(assigned, state.name)), _require_next(chosen)


def _choose_jsonata(run: Run, frame: Frame, state: State) -> Outcome:
    bindings = run.bindings(frame)
    chosen = _default_of(state)
    for index, rule in enumerate(state.raw["Choices"]):
        field = f"Choices[{index}]/Condition"
        condition = templates.fill_jsonata(rule["Condition"], bindings, field)
        expression = jsonata.find_expression(rule["Condition"]) if isinstance(rule["Condition"], str) else None
        if jsonata.require_kind(condition, "boolean", expression or str(rule["Condition"]), field):
            chosen = rule
            break
    follower = _require_next(chosen)
    shown = bindings.states["input"]
    if "Output" not in chosen and "Output" in state.raw and chosen.get("is_default"):
        chosen = {**chosen, "Output": state.raw["Output"]}
    return leave_jsonata(chosen, bindings, shown, [(shown, frame.input)], state.name), follower


def _default_of(state: State) -> dict[str, Any]:
    """What holds when no rule does: the state's own Default, with its own Assign."""
    return {"Next": state.raw.get("Default"), "Assign": state.raw.get("Assign", {}), "is_default": True}


def _require_next(chosen: dict[str, Any]) -> str:
    follower: str | None = chosen["Next"]
    if follower is None:
        raise StateFailed(
            failures.NO_CHOICE,
            "Failed to transition out of the state. The state does not point to a next state.",
            is_located=True,
        )
    return follower


def enter_fail(run: Run, frame: Frame, state: State) -> Outcome:
    raise StateFailed(_failing(run, frame, state, "Error"), _failing(run, frame, state, "Cause"))


def _failing(run: Run, frame: Frame, state: State, name: str) -> str | None:
    """Error or Cause of a Fail state: given, or taken from its input."""
    if state.is_jsonata:
        if name not in state.raw:
            return None
        value = templates.fill_jsonata(state.raw[name], run.bindings(frame), name)
        return str(jsonata.require_kind(value, "string", str(state.raw[name]), name))
    path = state.raw.get(f"{name}Path")
    if path is None:
        return state.raw.get(name)
    value = templates.require(path, f"{name}Path", run.scope(frame, read(frame.input)))
    return value if isinstance(value, str) else render(value)


def enter_wait(run: Run, frame: Frame, state: State) -> Outcome:
    if state.is_jsonata:
        bindings = run.bindings(frame)
        if "Seconds" in state.raw:
            return Waits(run.now + _seconds_jsonata(state.raw["Seconds"], bindings))
        return Waits(_timestamp_jsonata(state.raw["Timestamp"], bindings))
    scope = run.scope(frame, read(frame.input))
    scope = scope.at(effective_input(state, scope))
    if "SecondsPath" in state.raw:
        return Waits(run.now + _seconds_at(state.raw["SecondsPath"], scope))
    if "TimestampPath" in state.raw:
        return Waits(_timestamp_at(state.raw["TimestampPath"], scope))
    if "Timestamp" in state.raw:
        moment = choices.find_timestamp(state.raw["Timestamp"])
        assert moment is not None, "validation lets no other timestamp pass"
        return Waits(moment.timestamp())
    return Waits(run.now + state.raw["Seconds"])


def _seconds_jsonata(template: Any, bindings: jsonata.Bindings) -> float:
    value = templates.fill_jsonata(template, bindings, "Seconds")
    expression = jsonata.find_expression(template) if isinstance(template, str) else str(template)
    jsonata.require_kind(value, "number", expression or "", "Seconds")
    if value < 0 or value > _MOST_SECONDS or value != int(value):
        raise query(
            f"The JSONata expression '{expression}' specified for the field 'Seconds' returned a value outside of the "
            f"acceptable range of 0 to {_MOST_SECONDS}.",
            "Seconds",
        )
    return float(value)


def _timestamp_jsonata(template: Any, bindings: jsonata.Bindings) -> float:
    value = templates.fill_jsonata(template, bindings, "Timestamp")
    moment = choices.find_timestamp(value)
    if moment is None:
        raise query(
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: "
            f"{value if isinstance(value, str) else render(value)}",
            "Timestamp",
        )
    return moment.timestamp()


def _seconds_at(path: str, scope: Scope) -> float:
    try:
        value = references.find(path, scope)
    except PathMissing:
        raise runtime(f"The SecondsPath parameter does not reference an input value: {path}") from None
    is_whole = (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value) is not None
    )
    if not is_whole:
        shown = value if isinstance(value, str) else render(value)
        raise runtime(f"The SecondsPath parameter cannot be parsed as a long value: {path} == {shown}")
    if not 0 <= int(value) <= _MOST_SECONDS:
        raise runtime(f"The SecondsPath parameter references a value that is out of range: {path} == {value}")
    return float(value)


def _timestamp_at(path: str, scope: Scope) -> float:
    try:
        value = references.find(path, scope)
    except PathMissing:
        raise runtime(f"The TimestampPath parameter does not reference an input value: {path}") from None
    moment = choices.find_timestamp(value)
    if moment is None:
        shown = value if isinstance(value, str) else render(value)
        raise runtime(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            f"{path} == {shown}"
        )
    return moment.timestamp()


ENTER_SIMPLE: dict[str, Callable[[Run, Frame, State], Outcome]] = {
    "Pass": enter_pass,
    "Succeed": enter_succeed,
    "Choice": enter_choice,
    "Fail": enter_fail,
    "Wait": enter_wait,
}
