"""What is wrong with a definition, in AWS's words: a code, a message and a place (`/States/Wait/Seconds`).

Validation is the gate: what passes here, `definition` and `machine` take for granted. Fields that a state may have, and
those it must have, are data in `fields`.
https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from mrak.lang.asl import choices, fields, intrinsics, jsonata, references, resources, typechecks
from mrak.lang.asl.definition import JSONATA, JSONPATH
from mrak.lang.asl.intrinsics import IntrinsicSyntaxError
from mrak.lang.asl.problems import (
    INVALID_JSON,
    INVALID_JSONATA,
    MISSING_END,
    MISSING_TARGET,
    SCHEMA,
    UNSUPPORTED_JSONATA,
    Problem,
)
from mrak.lang.asl.resources import Resource
from mrak.lang.asl.typechecks import MOST_DEPTH

_UNREACHABLE = " is not reachable."
# What an integration says of the parameters that stand in a task.
ParameterCheck = Callable[[Resource, dict[str, Any]], Iterable[str]]


def check(text: str, is_express: bool = False, parameters: ParameterCheck | None = None) -> list[Problem]:
    """All problems of a definition; [] where it is valid."""
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return [Problem(INVALID_JSON, explain_json(text, str(error)), "")]
    if not isinstance(raw, dict):
        return [Problem(SCHEMA, "The state machine definition must be a JSON object", "/")]
    checker = _Checker(raw.get("QueryLanguage", JSONPATH), is_express, parameters)
    problems = _collect(checker.machine(raw))
    # A workflow that never ends is told of only where its states are right in themselves.
    if all(problem.code == MISSING_TARGET for problem in problems) and not _has_end(raw["States"]):
        told = [problem for problem in problems if not problem.message.endswith(_UNREACHABLE)]
        return [*told, Problem(MISSING_END, "Workflow has no terminal state", "")]
    # What is wrong with states in themselves is told first.
    return sorted(problems, key=lambda problem: problem.code == MISSING_TARGET)


def check_state(
    name: str, raw: Any, language: str = JSONPATH, parameters: ParameterCheck | None = None
) -> list[Problem]:
    """All problems of a state by itself; that its followers exist is not asked."""
    checker = _Checker(language, False, parameters)
    return _collect(checker.state(name, raw, f"/States/{name}", language, None))


def _collect(problems: Iterator[Problem]) -> list[Problem]:
    """All problems; a document that is nested too deeply to be looked through is one."""
    try:
        return list(problems)
    except RecursionError:
        return [Problem(SCHEMA, "The definition is nested too deeply", "/")]


def explain_json(text: str, error: str) -> str:
    """What Jackson says of a text that is no JSON, for the usual mistakes."""
    stripped = text.lstrip()
    if not stripped:
        return "No content to map due to end-of-input"
    first = stripped[0]
    if first == "{":
        rest = stripped[1:].lstrip()
        if rest[:1] and rest[0] not in '"}':
            found = f"Unexpected character ('{rest[0]}' (code {ord(rest[0])}))"
            return f"{found}: was expecting double-quote to start field name"
    if first.isalpha():
        token = "".join(_leading_word(stripped))
        wanted = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        return f"Unrecognized token '{token}': was expecting {wanted}"
    return error


def _leading_word(text: str) -> Iterator[str]:
    for character in text:
        if not (character.isalnum() or character in "_$"):
            return
        yield character


class _Checker:
    def __init__(self, language: str, is_express: bool, parameters: ParameterCheck | None) -> None:
        self._language = language
        self._is_express = is_express
        self._parameters = parameters

    def machine(self, raw: dict[str, Any]) -> Iterator[Problem]:
        missing = [name for name in ("StartAt", "States") if name not in raw]
        if missing:
            yield Problem(SCHEMA, f"These fields are required: [{', '.join(missing)}]", "/")
            return
        yield from _unsupported(raw, fields.MACHINE, "/")
        if not isinstance(raw["StartAt"], str):
            yield Problem(SCHEMA, "Expected value of type String", "/StartAt")
            return
        if raw.get("QueryLanguage", JSONPATH) not in (JSONPATH, JSONATA):
            yield Problem(SCHEMA, f"Value is not one of the allowed values: [{JSONPATH}, {JSONATA}]", "/QueryLanguage")
            return
        yield from _bounded(raw, "TimeoutSeconds", 1, fields.MOST_SECONDS, "/")
        yield from self.states(raw, "", self._language, 0)

    def states(self, raw: dict[str, Any], at: str, language: str, depth: int) -> Iterator[Problem]:
        """StartAt and States of a machine, branch or processor."""
        states = raw.get("States")
        if not isinstance(states, dict) or not states:
            text = "Value cannot be empty" if states == {} else "Expected value of type Object"
            yield Problem(SCHEMA, text, f"{at}/States")
            return
        if depth > MOST_DEPTH:
            yield Problem(SCHEMA, "The states are nested too deeply", f"{at}/States")
            return
        if raw["StartAt"] not in states:
            yield _missing_target(raw["StartAt"], f"{at}/StartAt")
        for name, state in states.items():
            place = f"{at}/States/{name}"
            if not 1 <= len(name) <= 80:
                yield Problem(SCHEMA, "State names must be between 1 and 80 characters long", place)
            yield from self.state(name, state, place, language, set(states), depth)
        yield from _unreachable(raw["StartAt"], states, at)

    def state(
        self, name: str, raw: Any, at: str, language: str, known: set[str] | None, depth: int = 0
    ) -> Iterator[Problem]:
        if not isinstance(raw, dict):
            yield Problem(SCHEMA, "Expected value of type Object", at)
            return
        kind = raw.get("Type")
        if kind is None:
            yield Problem(SCHEMA, "The field 'Type' is required but was missing", at)
            return
        if kind not in fields.KINDS:
            yield Problem(
                SCHEMA, f"The field 'Type' should have one of these values: [{', '.join(fields.KINDS)}]", f"{at}/Type"
            )
            return
        own = raw.get("QueryLanguage", language)
        if own not in (JSONPATH, JSONATA):
            yield Problem(
                SCHEMA, f"Value is not one of the allowed values: [{JSONPATH}, {JSONATA}]", f"{at}/QueryLanguage"
            )
            return
        if own == JSONPATH and language == JSONATA:
            text = f"'QueryLanguage' can not be '{JSONPATH}' if set to '{JSONATA}' for whole state machine"
            yield Problem(SCHEMA, text, at)
            return
        yield from _unsupported(raw, fields.of_state(kind, own == JSONATA), at, kind)
        yield from _missing(raw, fields.REQUIRED.get(kind, ()), at)
        wrong = list(typechecks.check_state(raw, at, own == JSONATA))
        if wrong:
            yield from wrong
            return
        yield from _transitions(kind, raw, at, known)
        yield from _KIND_CHECKS.get(kind, _nothing)(self, raw, at, own == JSONATA)
        yield from _handlers(raw, at)
        yield from _languages(raw, at, own == JSONATA)
        yield from self._inner(kind, raw, at, language, depth)

    def _inner(self, kind: str, raw: dict[str, Any], at: str, language: str, depth: int) -> Iterator[Problem]:
        if kind == "Parallel":
            branches = raw.get("Branches", [])
            if not branches:
                yield Problem(SCHEMA, "Value cannot be empty", f"{at}/Branches")
            for index, branch in enumerate(branches):
                yield from self._part(branch, f"{at}/Branches[{index}]", fields.BRANCH, language, depth)
        elif kind == "Map":
            name = "Iterator" if "Iterator" in raw else "ItemProcessor"
            if name in raw:
                yield from self._part(raw[name], f"{at}/{name}", fields.PROCESSOR, language, depth)
            else:
                yield Problem(SCHEMA, "The field 'ItemProcessor' is required but was missing", at)

    def _part(self, raw: Any, at: str, allowed: frozenset[str], language: str, depth: int) -> Iterator[Problem]:
        if not isinstance(raw, dict):
            yield Problem(SCHEMA, "Expected value of type Object", at)
            return
        missing = [name for name in ("StartAt", "States") if name not in raw]
        if missing:
            yield Problem(SCHEMA, f"These fields are required: [{', '.join(missing)}]", at)
            return
        yield from _unsupported(raw, allowed, at)
        if not isinstance(raw["StartAt"], str):
            yield Problem(SCHEMA, "Expected value of type String", f"{at}/StartAt")
            return
        yield from self.states(raw, at, language, depth + 1)

    def task(self, raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
        arn = raw.get("Resource")
        if arn is None:
            return
        resource = resources.find_resource(arn) if isinstance(arn, str) else None
        if resource is None or not fields.is_integration(resource):
            text = (
                f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the "
                "resource is not available in this region."
            )
            yield Problem(SCHEMA, text, f"{at}/Resource")
            return
        if self._is_express:
            yield from _express(resource, f"{at}/Resource")
        credentials = raw.get("Credentials")
        if isinstance(credentials, dict) and credentials.keys().isdisjoint(("RoleArn", "RoleArn.$")):
            yield Problem(SCHEMA, "The field 'RoleArn' is required but was missing", f"{at}/Credentials")
        for name in ("TimeoutSeconds", "HeartbeatSeconds"):
            yield from _bounded(raw, name, 1, fields.MOST_SECONDS, at)
        timeout, heartbeat = raw.get("TimeoutSeconds"), raw.get("HeartbeatSeconds")
        if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
            yield Problem(SCHEMA, "HeartbeatSeconds must be less than TimeoutSeconds", at)
        field = "Arguments" if is_jsonata else "Parameters"
        given = raw.get(field)
        if self._parameters is not None and isinstance(given, dict):
            yield from (Problem(SCHEMA, text, f"{at}/{field}") for text in self._parameters(resource, given))

    def wait(self, raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
        given = [name for name in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if name in raw]
        if len(given) != 1:
            names = "'Seconds', 'Timestamp'" if is_jsonata else "'Seconds', 'Timestamp', 'SecondsPath', 'TimestampPath'"
            yield Problem(SCHEMA, f"A Wait State must contain exactly one of [{names}]", at)
            return
        yield from _bounded(raw, "Seconds", 0, fields.MOST_SECONDS, at)
        timestamp = raw.get("Timestamp")
        if timestamp is None or (is_jsonata and jsonata.is_expression(timestamp)):
            return
        if choices.find_timestamp(timestamp) is None:
            yield Problem(SCHEMA, "String does not match RFC3339 timestamp", f"{at}/Timestamp")

    def choice(self, raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
        rules = raw.get("Choices")
        if not rules or not isinstance(rules, list):
            if rules is not None:
                yield Problem(SCHEMA, "Value cannot be empty", f"{at}/Choices")
            return
        for index, rule in enumerate(rules):
            place = f"{at}/Choices[{index}]"
            if not isinstance(rule, dict):
                yield Problem(SCHEMA, "Expected value of type Object", place)
                continue
            if not isinstance(rule.get("Next", ""), str) or not isinstance(rule.get("Assign", {}), dict):
                yield Problem(SCHEMA, "Expected value of type String", f"{place}/Next")
                continue
            yield from _missing(rule, ("Next",), place)
            if is_jsonata:
                yield from _missing(rule, ("Condition",), place)
            else:
                yield from typechecks.check_rule(rule, place)

    def fail(self, raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
        for name in ("Error", "Cause"):
            if name in raw and f"{name}Path" in raw:
                yield Problem(SCHEMA, f"Only one of these fields is allowed: [{name}, {name}Path]", at)

    def map(self, raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
        label = raw.get("Label")
        if label is not None:
            yield from _label(label, at)
        yield from _bounded(raw, "MaxConcurrency", 0, None, at)
        yield from _bounded(raw, "ToleratedFailureCount", 0, None, at)
        yield from _bounded(raw, "ToleratedFailurePercentage", 0, 100, at)
        for name in ("ItemProcessor", "Iterator"):
            config = raw.get(name, {}).get("ProcessorConfig", {})
            if config.get("Mode") == "DISTRIBUTED" and "ExecutionType" not in config:
                place = f"{at}/{name}/ProcessorConfig"
                yield Problem(SCHEMA, "These fields are required: [ExecutionType]", place)


def _nothing(checker: _Checker, raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
    return iter(())


_KIND_CHECKS = {
    "Task": _Checker.task,
    "Wait": _Checker.wait,
    "Choice": _Checker.choice,
    "Fail": _Checker.fail,
    "Map": _Checker.map,
}


def _unsupported(raw: dict[str, Any], allowed: frozenset[str], at: str, kind: str = "") -> Iterator[Problem]:
    """Of a state, the fields that the other language has are told apart (measured)."""
    for name in raw:
        if name in allowed:
            continue
        text = f"Field '{name}' is not supported"
        for language, other in ((JSONPATH, JSONATA), (JSONATA, JSONPATH)):
            if kind and name in fields.of_state(kind, other == JSONATA):
                text = f"The QueryLanguage is set to '{language}', but field '{name}' is only supported for the "
                text += f"'{other}' QueryLanguage"
        yield Problem(SCHEMA, text, at)


def _missing(raw: dict[str, Any], required: tuple[str, ...], at: str) -> Iterator[Problem]:
    for name in required:
        if name not in raw:
            yield Problem(SCHEMA, f"The field '{name}' is required but was missing", at)


def _bounded(raw: dict[str, Any], name: str, least: int, most: int | None, at: str) -> Iterator[Problem]:
    value = raw.get(name)
    place = f"{at.rstrip('/')}/{name}"
    if value is None and name not in raw:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        # What is no number here and passed the types is an expression.
        if not jsonata.is_expression(value):
            yield Problem(SCHEMA, "Expected value of type Integer", place)
    elif value < least:
        yield Problem(SCHEMA, f"Minimum value is {least}", place)
    elif most is not None and value > most:
        yield Problem(SCHEMA, f"Maximum value is {most}", place)


def _transitions(kind: str, raw: dict[str, Any], at: str, known: set[str] | None) -> Iterator[Problem]:
    if kind in fields.WITH_NEXT and known is not None:
        has_end = raw.get("End") is True
        if has_end == ("Next" in raw):
            least = "Only one of these fields is allowed" if has_end else "At least one of these fields is required"
            yield Problem(SCHEMA, f"{least}: [Next, End]", at)
    if known is None:
        return
    for name, place in _targets(raw, at):
        if name not in known:
            yield _missing_target(name, place)


def _missing_target(name: str, place: str) -> Problem:
    """AWS speaks of 'Next' wherever the target is named."""
    return Problem(MISSING_TARGET, f"Missing 'Next' target: {name}", place)


def _targets(raw: dict[str, Any], at: str) -> Iterator[tuple[str, str]]:
    """(state, place) of all that a state may go on with."""
    for field in ("Next", "Default"):
        if isinstance(raw.get(field), str):
            yield raw[field], f"{at}/{field}"
    for field in ("Choices", "Catch"):
        entries = raw.get(field)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict) and isinstance(entry.get("Next"), str):
                yield entry["Next"], f"{at}/{field}[{index}]/Next"


def _unreachable(start: str, states: dict[str, Any], at: str) -> Iterator[Problem]:
    reached, waiting = {start}, [start]
    while waiting:
        state = states.get(waiting.pop())
        for name, _ in _targets(state, "") if isinstance(state, dict) else ():
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    for name in states:
        if name not in reached:
            yield Problem(MISSING_TARGET, f'State "{name}"{_UNREACHABLE}', f"{at}/States/{name}")


def _has_end(states: dict[str, Any]) -> bool:
    """Whether any state ends, inner ones included."""
    for state in states.values():
        if state.get("End") or state["Type"] in ("Succeed", "Fail"):
            return True
        parts = [*state.get("Branches", ()), state.get("ItemProcessor") or state.get("Iterator")]
        if any(_has_end(part["States"]) for part in parts if part):
            return True
    return False


def _handlers(raw: dict[str, Any], at: str) -> Iterator[Problem]:
    for field, required in (("Retry", ("ErrorEquals",)), ("Catch", ("ErrorEquals", "Next"))):
        entries = raw.get(field, [])
        for index, entry in enumerate(entries):
            place = f"{at}/{field}[{index}]"
            yield from _missing(entry, required, place)
            yield from _error_names(entry.get("ErrorEquals", []), index == len(entries) - 1, place)
            yield from _bounded(entry, "IntervalSeconds", 1, fields.MOST_SECONDS, place)
            yield from _bounded(entry, "MaxAttempts", 0, fields.MOST_SECONDS, place)
            yield from _bounded(entry, "BackoffRate", 1, None, place)
            yield from _bounded(entry, "MaxDelaySeconds", 1, fields.MOST_DELAY_SECONDS - 1, place)
            if entry.get("JitterStrategy", "NONE") not in ("NONE", "FULL"):
                yield Problem(SCHEMA, "Value is not one of the allowed values: [NONE, FULL]", f"{place}/JitterStrategy")
            path = entry.get("ResultPath")
            if path is not None and not references.is_reference_path(path):
                yield Problem(SCHEMA, "Value is not a Reference Path", f"{place}/ResultPath")
            yield from _template(entry.get("Assign", {}), f"{place}/Assign")


def _error_names(names: list[str], is_last: bool, at: str) -> Iterator[Problem]:
    if not names:
        yield Problem(SCHEMA, "Value cannot be empty", f"{at}/ErrorEquals")
    elif "States.ALL" in names and (len(names) > 1 or not is_last):
        text = "States.ALL can only appear in the last element of the array, and must be the only name in it"
        yield Problem(SCHEMA, text, f"{at}/ErrorEquals")


def _languages(raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
    if is_jsonata:
        yield from _expressions({k: v for k, v in raw.items() if k not in fields.INNER}, at)
        return
    for name in fields.TEMPLATES:
        if name in raw:
            yield from _template(raw[name], f"{at}/{name}")
    for name in fields.PATHS:
        if isinstance(raw.get(name), str) and not _is_path_or_call(raw[name], name):
            yield Problem(SCHEMA, "Value is not a Reference Path", f"{at}/{name}")
    result_path = raw.get("ResultPath")
    if isinstance(result_path, str) and not references.is_reference_path(result_path):
        yield Problem(SCHEMA, "Value is not a Reference Path", f"{at}/ResultPath")


def _is_path_or_call(text: str, field: str) -> bool:
    if intrinsics.is_call(text):
        return field in ("ErrorPath", "CausePath") and _is_call(text)
    return references.is_path(text)


def _is_call(text: str) -> bool:
    try:
        intrinsics.parse(text)
    except IntrinsicSyntaxError:
        return False
    return True


def _template(value: Any, at: str) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _template(item, f"{at}[{index}]")
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if not name.endswith(".$"):
            yield from _template(item, f"{at}/{name}")
        elif not isinstance(item, str) or not (
            _is_call(item) if intrinsics.is_call(item) else references.is_path(item)
        ):
            text = f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call"
            yield Problem(SCHEMA, text, at)


def _expressions(value: Any, at: str) -> Iterator[Problem]:
    if isinstance(value, str):
        expression = jsonata.find_expression(value)
        if expression is None:
            return
        error = jsonata.find_syntax_error(expression)
        if error is not None:
            yield Problem(INVALID_JSONATA, error, at)
            return
        for name in jsonata.top_level_names(expression):
            yield Problem(UNSUPPORTED_JSONATA, f"Reference to '{name}' at the top level is not supported.", at)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _expressions(item, f"{at}/{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _expressions(item, f"{at}[{index}]")


def _label(label: Any, at: str) -> Iterator[Problem]:
    if not isinstance(label, str) or not label:
        yield Problem(SCHEMA, "Label cannot be empty", f"{at}/Label")
    elif len(label) > 40:
        yield Problem(SCHEMA, "Label cannot exceed 40 characters", f"{at}/Label")
    elif fields.LABEL_BANNED.search(label):
        yield Problem(SCHEMA, "Label contains invalid characters", f"{at}/Label")


def _express(resource: resources.Resource, at: str) -> Iterator[Problem]:
    if resource.sort == "activity":
        yield Problem(SCHEMA, "Express state machine does not support Activity ARN", at)
    elif resource.pattern == ".waitForTaskToken":
        # The space before the end is AWS's.
        yield Problem(SCHEMA, "Express state machine does not support '.waitForTaskToken' service integration ", at)
    elif resource.pattern:
        yield Problem(SCHEMA, f"Express state machine does not support '{resource.pattern}' service integration", at)
