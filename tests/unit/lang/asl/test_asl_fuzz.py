"""Whatever a definition is: it is valid or has problems, and a valid one runs or fails as a state machine does.

Valid definitions are mutated at a random place. `check` never raises, and what it lets through never makes the machine
raise: anything else would be a 500, or an execution that hangs.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from tests.unit.lang.asl.execution import Execution, TaskError

from mrak.lang.asl.validation import check

INVOKE = "arn:aws:states:::lambda:invoke"
SEEDS: list[dict[str, Any]] = [
    {
        "Comment": "JSONPath",
        "TimeoutSeconds": 1000,
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Pass",
                "Parameters": {"v.$": "States.Array($.a, 1)", "w": {"x.$": "$.a"}},
                "ResultPath": "$.p",
                "Assign": {"k.$": "$.v"},
                "Next": "C",
            },
            "C": {
                "Type": "Choice",
                "Choices": [
                    {"And": [{"Variable": "$.a", "NumericGreaterThan": 0}, {"Variable": "$.b", "IsPresent": True}]}
                    | {"Next": "W"},
                    {"Not": {"Variable": "$.a", "IsNull": True}, "Next": "M"},
                ],
                "Default": "F",
            },
            "W": {"Type": "Wait", "Seconds": 5, "Next": "M"},
            "M": {
                "Type": "Map",
                "ItemsPath": "$.p.v",
                "MaxConcurrency": 2,
                "ItemSelector": {"i.$": "$$.Map.Item.Value", "k.$": "$k"},
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    "StartAt": "T",
                    "States": {
                        "T": {
                            "Type": "Task",
                            "Resource": INVOKE,
                            "TimeoutSeconds": 60,
                            "HeartbeatSeconds": 20,
                            "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 2}],
                            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Z"}],
                            "ResultSelector": {"r.$": "$.ok"},
                            "ResultPath": "$.t",
                            "End": True,
                        },
                        "Z": {"Type": "Succeed"},
                    },
                },
                "Next": "P",
            },
            "P": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "X", "States": {"X": {"Type": "Pass", "Result": 1, "End": True}}},
                    {"StartAt": "Y", "States": {"Y": {"Type": "Fail", "ErrorPath": "$[0].i[0]", "Cause": "c"}}},
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S"}],
                "End": True,
            },
            "S": {"Type": "Succeed", "OutputPath": "$.Error"},
            "F": {"Type": "Fail", "Error": "E"},
        },
    },
    {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Pass",
                "Assign": {"k": "{% $states.input.a %}"},
                "Output": {"n": "{% $k + 1 %}"},
                "Next": "B",
            },
            "B": {
                "Type": "Task",
                "Resource": INVOKE,
                "Arguments": {"x": "{% $states.input %}"},
                "TimeoutSeconds": "{% 10 %}",
                "Output": "{% $states.result.ok %}",
                "Next": "M",
            },
            "M": {
                "Type": "Map",
                "Items": "{% [1..3] %}",
                "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"},
                "ItemProcessor": {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": "{% 1 %}", "End": True}}},
                "Next": "C",
            },
            "C": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $count($states.input) > 2 %}", "Output": 1, "Next": "E"}],
                "Default": "E",
            },
            "E": {"Type": "Fail", "Error": "{% 'x' %}", "Cause": "c"},
        },
    },
]
REPLACEMENTS: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, "", "x", "$", "$.a", "$$", "$k", "$[", "States.Array()", "States.UUID()"),
    *("{% 1 %}", "{% $nope %}", "{% ( %}", "{% null %}", [], {}, [[]], [{}], ["A"], {"a": 1}, "A", "States.ALL"),
    *("Task", "Map", "2020-01-01T00:00:00Z", 99_999_999),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, but the whole."""
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, item in inner for place in places(item, (*path, key))]


def mutate(definition: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One or two places replaced, removed or renamed."""
    mutated = copy.deepcopy(definition)
    for _ in range(chance.randint(1, 2)):
        *path, last = chance.choice(places(mutated))
        holder = mutated
        for key in path:
            holder = holder[key]
        kind = chance.random()
        if kind < 0.6:
            holder[last] = copy.deepcopy(chance.choice(REPLACEMENTS))
        elif kind < 0.8 or not isinstance(holder, dict):
            del holder[last]
        else:
            holder[chance.choice(["Next", "Type", "Catch", "Retry", "x", "End", "States", "Result"])] = holder.pop(last)
    return mutated


def answer(resource: str, parameters: Any) -> Any:
    if "1" in json.dumps(parameters):
        raise TaskError("E", "c")
    return {"ok": parameters}


def test_no_definition_breaks_the_machine() -> None:
    """See the module. The seed is printed, so that a failure can be replayed."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    valid = 0
    for _ in range(2500):
        definition = mutate(chance.choice(SEEDS), chance)
        if check(json.dumps(definition)):
            continue
        valid += 1
        execution = Execution(definition, chance.choice([{"a": 1, "b": 2}, {}, [], "1", {"a": [1, 2]}]), answer).run()
        assert execution.finish is not None, definition
    assert valid > 50, "the mutations leave nothing valid"


def test_the_seeds_themselves_run() -> None:
    """So that the mutations start from something that works."""
    for definition in SEEDS:
        assert Execution(definition, {"a": 1, "b": 2}, answer).run().finish is not None


def test_what_is_nested_too_deeply_is_a_problem() -> None:
    """Neither brackets nor states nor templates without end exhaust the stack."""
    deep: Any = 1
    states: dict[str, Any] = {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}
    for _ in range(700):
        deep = {"a": [deep]}
    for _ in range(100):
        states = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [states], "End": True}}}
    template = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": "DEEP", "End": True}}}
    assert check(json.dumps(template).replace('"DEEP"', _text(deep)))
    assert check(json.dumps(states))
    assert check("[" * 100_000)


def _text(value: Any) -> str:
    """JSON of a value that the json module finds too deep."""
    opening, closing = "", ""
    while isinstance(value, dict):
        opening, closing, value = opening + '{"a":[', "]}" + closing, value["a"][0]
    return opening + json.dumps(value) + closing
