"""Which JSON each field of a state may hold. What passes here can be read without looking at its type again.

Where an expression may stand in a JSONata state, any string `{% %}` passes: what it yields is checked when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mrak.lang.asl import choices, jsonata, references
from mrak.lang.asl.problems import SCHEMA, Problem

MOST_DEPTH = 60


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_TESTS: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Nullable": lambda value: value is None or isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
    "Object": lambda value: isinstance(value, dict),
    "Array": lambda value: isinstance(value, list),
    "Integer": _is_integer,
    "Number": _is_number,
    "Strings": _is_texts,
    "Items": lambda value: isinstance(value, list | dict),
}
_SHOWN = {"Nullable": "String", "Strings": "Array", "Items": "Array"}
# Kinds in whose place a JSONata state may have an expression.
_EXPRESSIBLE = ("Integer", "Number", "Items")

STATE = {
    **dict.fromkeys(("Type", "Comment", "QueryLanguage", "Next", "Default", "Resource", "Label"), "String"),
    **dict.fromkeys(("Error", "Cause", "Timestamp", "ItemsPath", "SecondsPath", "TimestampPath"), "String"),
    **dict.fromkeys(("TimeoutSecondsPath", "HeartbeatSecondsPath", "MaxConcurrencyPath"), "String"),
    **dict.fromkeys(("ToleratedFailureCountPath", "ToleratedFailurePercentagePath"), "String"),
    **dict.fromkeys(("ErrorPath", "CausePath"), "String"),
    **dict.fromkeys(("InputPath", "OutputPath", "ResultPath"), "Nullable"),
    **dict.fromkeys(("Branches", "Choices", "Retry", "Catch"), "Array"),
    **dict.fromkeys(("ItemProcessor", "Iterator", "ItemReader", "ItemBatcher", "ResultWriter"), "Object"),
    **dict.fromkeys(("Credentials", "Assign", "ResultSelector"), "Object"),
    **dict.fromkeys(("TimeoutSeconds", "HeartbeatSeconds", "Seconds", "MaxConcurrency"), "Integer"),
    "ToleratedFailureCount": "Integer",
    "ToleratedFailurePercentage": "Number",
    "Items": "Items",
    "End": "Boolean",
}
_RETRIER = {
    **dict.fromkeys(("IntervalSeconds", "MaxAttempts", "MaxDelaySeconds"), "Integer"),
    "ErrorEquals": "Strings",
    "BackoffRate": "Number",
    "JitterStrategy": "String",
    "Comment": "String",
}
_CATCHER = {
    "ErrorEquals": "Strings",
    "Next": "String",
    "ResultPath": "Nullable",
    "Assign": "Object",
    "Comment": "String",
    "Output": "",
}
_READER = {"Resource": "String", "ReaderConfig": "Object", "WriterConfig": "Object", "Parameters": "", "Arguments": ""}
_READER_CONFIG = {
    **dict.fromkeys(("InputType", "CSVHeaderLocation", "CSVDelimiter", "ManifestType", "ItemsPointer"), "String"),
    **dict.fromkeys(("MaxItemsPath", "Transformation", "OutputType"), "String"),
    "CSVHeaders": "Strings",
    "MaxItems": "Integer",
}
_BATCHER = {
    **dict.fromkeys(("MaxItemsPerBatch", "MaxInputBytesPerBatch"), "Integer"),
    **dict.fromkeys(("MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath"), "String"),
    "BatchInput": "",
}
_PROCESSOR_CONFIG = {"Mode": "String", "ExecutionType": "String"}


def check_state(raw: dict[str, Any], at: str, is_jsonata: bool) -> Iterator[Problem]:
    """Wrong types of a state's fields, and of what is in them but inner states and templates."""
    wrong = list(_members(raw, STATE, at, is_jsonata))
    if wrong:
        yield from wrong
        return
    for field, kinds in (("Retry", _RETRIER), ("Catch", _CATCHER)):
        for index, entry in enumerate(raw.get(field, ())):
            yield from _entry(entry, kinds, f"{at}/{field}[{index}]", is_jsonata)
    for field, kinds in (("ItemReader", _READER), ("ResultWriter", _READER), ("ItemBatcher", _BATCHER)):
        if field in raw:
            yield from _entry(raw[field], kinds, f"{at}/{field}", is_jsonata)
            for config in ("ReaderConfig", "WriterConfig"):
                if isinstance(raw[field], dict) and isinstance(raw[field].get(config), dict):
                    place = f"{at}/{field}/{config}"
                    yield from _entry(raw[field][config], _READER_CONFIG, place, is_jsonata)
    for field in ("ItemProcessor", "Iterator"):
        processor = raw.get(field, {})
        if "ProcessorConfig" in processor:
            yield from _entry(
                processor["ProcessorConfig"], _PROCESSOR_CONFIG, f"{at}/{field}/ProcessorConfig", is_jsonata
            )


def _entry(entry: Any, kinds: dict[str, str], at: str, is_jsonata: bool) -> Iterator[Problem]:
    if not isinstance(entry, dict):
        yield Problem(SCHEMA, "Expected value of type Object", at)
        return
    for name in entry:
        if name not in kinds:
            yield Problem(SCHEMA, f"Field '{name}' is not supported", at)
    yield from _members(entry, kinds, at, is_jsonata)
    for name, value in entry.items():
        if name.endswith("Path") and name != "ResultPath" and isinstance(value, str) and not references.is_path(value):
            yield Problem(SCHEMA, "Value is not a Reference Path", f"{at}/{name}")


def _members(raw: dict[str, Any], kinds: dict[str, str], at: str, is_jsonata: bool) -> Iterator[Problem]:
    for name, value in raw.items():
        kind = kinds.get(name, "")
        if not kind or _TESTS[kind](value):
            continue
        if is_jsonata and kind in _EXPRESSIBLE and jsonata.is_expression(value):
            continue
        yield Problem(SCHEMA, f"Expected value of type {_SHOWN.get(kind, kind)}", f"{at}/{name}")


def check_rule(rule: Any, at: str, depth: int = 0) -> Iterator[Problem]:
    """A JSONPath choice rule, and the rules in it."""
    if not isinstance(rule, dict):
        yield Problem(SCHEMA, "Expected value of type Object", at)
        return
    combination = next((name for name in choices.COMBINATIONS if name in rule), None)
    if combination is not None:
        yield from _combined(rule[combination], combination, at, depth)
        return
    variable = rule.get("Variable")
    if variable is None:
        yield Problem(SCHEMA, "The field 'Variable' is required but was missing", at)
        return
    if not isinstance(variable, str) or not references.is_path(variable):
        yield Problem(SCHEMA, "Value is not a Reference Path", f"{at}/Variable")
    operators = [name for name in rule if name in choices.COMPARISON_OPERATORS]
    if len(operators) != 1:
        yield Problem(SCHEMA, "A choice rule must have exactly one comparison operator", at)
        return
    problem = _operand_problem(operators[0], rule[operators[0]])
    if problem:
        yield Problem(SCHEMA, problem, f"{at}/{operators[0]}")


def _combined(inner: Any, combination: str, at: str, depth: int) -> Iterator[Problem]:
    if depth > MOST_DEPTH:
        yield Problem(SCHEMA, "The rules are nested too deeply", at)
    elif combination == "Not":
        yield from check_rule(inner, f"{at}/Not", depth + 1)
    elif not isinstance(inner, list) or not inner:
        yield Problem(SCHEMA, "Value cannot be empty", f"{at}/{combination}")
    else:
        for index, one in enumerate(inner):
            yield from check_rule(one, f"{at}/{combination}[{index}]", depth + 1)


def _operand_problem(operator: str, value: Any) -> str | None:
    if operator.endswith("Path"):
        is_right = isinstance(value, str) and references.is_path(value)
        return None if is_right else "Value is not a Reference Path"
    if operator.startswith("Timestamp"):
        return None if choices.find_timestamp(value) is not None else "String does not match RFC3339 timestamp"
    kind = "Number" if operator.startswith("Numeric") else "String" if operator.startswith("String") else "Boolean"
    return None if _TESTS[kind](value) else f"Expected value of type {kind}"
