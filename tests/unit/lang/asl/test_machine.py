"""The state machine against what AWS recorded: order of events, their `previous`, details, causes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.lang.asl.execution import Execution, TaskError, run, single

from mrak.lang.asl.frames import Redrive, Stop, TimedOut
from mrak.lang.asl.machine import MOST_EVENTS

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:f"
INVOKE = "arn:aws:states:::lambda:invoke"


def failing(*names: str | None) -> Any:
    """Tasks that fail with these errors one after the other, then succeed."""
    left = list(names)

    def answer(resource: str, parameters: Any) -> Any:
        if left:
            raise TaskError(left.pop(0), "why")
        return {"ok": True}

    return answer


def test_a_pass_state_leaves_four_events() -> None:
    """The simplest history, as AWS has it: the first state has no event before it."""
    done = run(single({"Type": "Pass", "Result": {"Arg1": "argument1"}}))
    assert done.history == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "ExecutionSucceeded"),
    ]
    assert done.output == {"Arg1": "argument1"}


def test_an_input_that_is_handed_on_keeps_its_text() -> None:
    """AWS does not write JSON anew that a state did not touch."""
    done = run(single({"Type": "Succeed"}), '[ "Hello",  "World" ]')
    assert done.finish is not None and done.finish.output == '[ "Hello",  "World" ]'


def test_a_map_with_one_iteration_at_a_time() -> None:
    """Recorded: an iteration follows the last event of the one before, and the join the last iteration."""
    body = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    done = run(single({"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": body}), [1, 2])
    assert done.history[1:] == [
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "PassStateExited"),
        (7, 6, "MapIterationSucceeded"),
        (8, 6, "MapIterationStarted"),
        (9, 8, "PassStateEntered"),
        (10, 9, "PassStateExited"),
        (11, 10, "MapIterationSucceeded"),
        (12, 11, "MapStateSucceeded"),
        (13, 11, "MapStateExited"),
        (14, 13, "ExecutionSucceeded"),
    ]
    assert done.output == [1, 2]


def test_a_map_over_nothing_succeeds_at_once() -> None:
    """Recorded: started, succeeded and exited follow each other; nothing waits for an iteration that never comes."""
    body = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    done = run(single({"Type": "Map", "ItemProcessor": body}), [])
    assert done.history[2:5] == [(3, 2, "MapStateStarted"), (4, 3, "MapStateSucceeded"), (5, 3, "MapStateExited")]


def test_a_map_that_times_out_aborts_its_other_iterations() -> None:
    """Recorded from AWS: which events follow the first time-out of four tasks, and what they follow."""
    task = {"Type": "Task", "Resource": INVOKE, "TimeoutSeconds": 5, "End": True}
    body = {"StartAt": "T", "States": {"T": task}}
    done = run(single({"Type": "Map", "ItemProcessor": body}), [1, 2], lambda resource, parameters: None)
    late = next(event.id for event in done.events if event.type == "TaskTimedOut")
    assert [(event.previous, event.type) for event in done.events[late:]] == [
        (late, "MapIterationFailed"),
        (late, "TaskStateAborted"),
        (late, "MapIterationAborted"),
        (late, "TaskStateAborted"),
        (late, "MapStateFailed"),
        (late + 5, "ExecutionFailed"),
    ]
    assert done.finish is not None and done.finish.error == "States.Timeout"


def test_branches_join_in_their_order() -> None:
    """The result of a Parallel is in the order of its branches, whichever ends first."""
    slow = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "Next": "A"}, "A": _pass("a")}}
    done = run(single({"Type": "Parallel", "Branches": [slow, _branch("B", "b")]}))
    assert done.output == ["a", "b"]
    assert [kind for _, _, kind in done.history][-3:] == [
        "ParallelStateSucceeded",
        "ParallelStateExited",
        "ExecutionSucceeded",
    ]


def _pass(result: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Result": result, "End": True}


def _branch(name: str, result: Any) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: _pass(result)}}


def test_a_failed_parallel_is_tried_again_as_a_whole() -> None:
    """Recorded: ParallelStateStarted follows the failed branch, without another ParallelStateEntered."""
    branch = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}}
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2, "IntervalSeconds": 1}]
    done = run(single({"Type": "Parallel", "Branches": [branch], "Retry": retry}))
    assert done.history[1:] == [
        (2, 0, "ParallelStateEntered"),
        (3, 2, "ParallelStateStarted"),
        (4, 3, "FailStateEntered"),
        (5, 4, "ParallelStateStarted"),
        (6, 5, "FailStateEntered"),
        (7, 6, "ParallelStateStarted"),
        (8, 7, "FailStateEntered"),
        (9, 8, "ParallelStateFailed"),
        (10, 9, "ExecutionFailed"),
    ]


def test_a_task_of_a_function_is_retried_then_caught() -> None:
    """Recorded: retries schedule again without entering again; the exit follows the last failure."""
    state = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Retry": [{"ErrorEquals": ["Exception"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "H"}],
        "End": True,
    }
    machine = {"StartAt": "S", "States": {"S": state, "H": {"Type": "Pass", "End": True}}}
    done = run(machine, {"a": 1}, failing("Exception", "Exception"))
    assert [kind for _, _, kind in done.history] == [
        "ExecutionStarted",
        "TaskStateEntered",
        *("LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed") * 2,
        "TaskStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert done.output == {"Error": "Exception", "Cause": "why"}


def test_retries_back_off_and_are_capped() -> None:
    """Delays double from IntervalSeconds up to MaxDelaySeconds."""
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 2, "MaxAttempts": 4, "BackoffRate": 3, "MaxDelaySeconds": 10}]
    execution = Execution(single({"Type": "Task", "Resource": LAMBDA, "Retry": retry}), {}, failing(*["E"] * 4))
    start = execution.now
    execution.run()
    assert execution.now - start == 2 + 6 + 10 + 10
    assert execution.output == {"ok": True}


def test_full_jitter_draws_from_the_whole_delay() -> None:
    """JitterStrategy FULL waits somewhere between nothing and the delay."""
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 100, "MaxAttempts": 3, "JitterStrategy": "FULL"}]
    execution = Execution(single({"Type": "Task", "Resource": LAMBDA, "Retry": retry}), {}, failing("E", "E"))
    start = execution.now
    execution.run()
    assert 0 < execution.now - start < 300


@pytest.mark.parametrize(
    ("names", "error", "caught"),
    [
        (["States.ALL"], "Whatever", True),
        (["States.ALL"], None, True),
        (["States.TaskFailed"], "Whatever", True),
        (["Whatever"], "Other", False),
        (["States.ALL"], "States.DataLimitExceeded", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", True),
    ],
)
def test_which_catcher_takes_an_error(names: list[str], error: str | None, caught: bool) -> None:
    """States.ALL takes all but runtime errors; a task that fails without a name is taken too (recorded)."""
    state = {"Type": "Task", "Resource": LAMBDA, "Catch": [{"ErrorEquals": names, "Next": "C"}], "End": True}
    done = run({"StartAt": "S", "States": {"S": state, "C": {"Type": "Succeed"}}}, {}, failing(error))
    assert done.finish is not None and done.finish.status == ("SUCCEEDED" if caught else "FAILED")


@pytest.mark.parametrize("names", [["States.HeartbeatTimeout"], ["States.Timeout"]])
def test_a_heartbeat_that_stays_away(names: list[str]) -> None:
    """It is reported as a time-out (recorded), and catchers may name it as either."""
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    state = {"Type": "Task", "Resource": resource, "HeartbeatSeconds": 5, "Parameters": {"t.$": "$$.Task.Token"}}
    machine = single({**state, "Catch": [{"ErrorEquals": names, "Next": "C"}]})
    machine["States"]["C"] = {"Type": "Succeed"}
    done = run(machine, {}, lambda resource, parameters: None)
    assert done.output == {"Error": "States.Timeout", "Cause": None}
    assert done.details(3)["heartbeatInSeconds"] == 5


@pytest.mark.parametrize(
    ("state", "given", "cause"),
    [
        (
            {"Type": "Wait", "SecondsPath": "$.input.waitSeconds"},
            {"input": {"waitSeconds": -1.5}},
            "The SecondsPath parameter cannot be parsed as a long value: $.input.waitSeconds == -1.5",
        ),
        (
            {"Type": "Wait", "SecondsPath": "$.no"},
            {},
            "The SecondsPath parameter does not reference an input value: $.no",
        ),
        (
            {"Type": "Wait", "TimestampPath": "$.t"},
            {"t": "2016-12-05T21:29:29"},
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            "$.t == 2016-12-05T21:29:29",
        ),
        ({"Type": "Pass", "OutputPath": "$.No"}, {}, "Invalid path '$.No' : No results for path: $['No']"),
        (
            {"Type": "Fail", "CausePath": "$.No"},
            {"a": 1},
            "The JSONPath '$.No' specified for the field 'CausePath' could not be found in the input '{\"a\":1}'",
        ),
        (
            {"Type": "Pass", "Parameters": {"b": {"c.$": "$.x.y"}}},
            {"a": 1},
            "The JSONPath '$.x.y' specified for the field 'c.$' could not be found in the input '{\"a\":1}'",
        ),
        (
            {"Type": "Map", "MaxConcurrencyPath": "$.n", "ItemsPath": "$.v", "ItemProcessor": _branch("P", 1)},
            {"n": "NoNumber", "v": []},
            'The MaxConcurrencyPath field refers to value "NoNumber" which is not a valid integer: $.n',
        ),
        # STATES-007: on AWS this one hangs.
        (
            {"Type": "Map", "MaxConcurrencyPath": "$.n", "ItemsPath": "$.v", "ItemProcessor": _branch("P", 1)},
            {"n": -1, "v": []},
            "MaxConcurrency must be non-negative. Received: -1.",
        ),
    ],
)
def test_what_cannot_be_worked_out_fails_the_execution(state: dict[str, Any], given: Any, cause: str) -> None:
    """States.Runtime with AWS's cause, right after the state was entered; nothing retries or catches it."""
    done = run(single(state), given)
    assert done.finish is not None and done.finish.error == "States.Runtime"
    assert done.finish.cause == f"An error occurred while executing the state 'S' (entered at the event id #2). {cause}"
    assert done.history[2:] == [(3, 2, "ExecutionFailed")]


def test_a_choice_without_a_match_fails() -> None:
    """Without Default there is nowhere to go."""
    rule = {"Variable": "$.n", "NumericEquals": 1, "Next": "T"}
    machine = {"StartAt": "S", "States": {"S": {"Type": "Choice", "Choices": [rule]}, "T": {"Type": "Succeed"}}}
    done = run(machine, {"n": 2})
    assert done.finish is not None and done.finish.error == "States.NoChoiceMatched"


def test_an_expression_that_yields_nothing() -> None:
    """Recorded: EvaluationFailed follows what came before the state, and names the field."""
    done = run(single({"Type": "Pass", "Output": {"result": "{% $doesNotExist %}"}}, "JSONata"))
    cause = (
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression "
        "'$doesNotExist' specified for the field 'Output/result' returned nothing (undefined)."
    )
    assert done.history[2:] == [(3, 0, "EvaluationFailed"), (4, 3, "ExecutionFailed")]
    assert done.details(3) == {
        "state": "S",
        "error": "States.QueryEvaluationError",
        "cause": cause,
        "location": "Output/result",
    }


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("{% null %}", "Expected 'array', but was 'null' for value: null"),
        ("{% true %}", "Expected 'array', but was 'boolean' for value: true"),
        ("{% $states.input %}", "Expected 'array', but was 'object' for value: {\"foo\":\"bar\"}"),
    ],
)
def test_a_map_over_no_array(items: str, said: str) -> None:
    """Recorded: the evaluation fails, then the Map state."""
    state = {"Type": "Map", "Items": items, "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}}
    done = run(single(state, "JSONata"), {"foo": "bar"})
    assert done.history[2:] == [(3, 0, "EvaluationFailed"), (4, 3, "MapStateFailed"), (5, 4, "ExecutionFailed")]
    assert done.finish is not None and (done.finish.cause or "").endswith(said)


def test_variables_are_seen_by_inner_states_and_assigned_together() -> None:
    """Assign sees the values of before; branches see outer variables and keep their own to themselves."""
    inner = {"Type": "Pass", "Assign": {"x": 9}, "Output": "{% $x %}", "End": True}
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "B"},
            "B": {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"}, "Next": "P"},
            "P": {"Type": "Parallel", "Branches": [{"StartAt": "I", "States": {"I": inner}}], "Next": "Z"},
            "Z": {"Type": "Pass", "Output": "{% [$x, $y, $states.input[0]] %}", "End": True},
        },
    }
    done = run(machine)
    assert done.output == [2, 1, 2]
    assert done.details(3)["assignedVariables"] == {"x": "1", "y": "2"}


def test_the_context_object() -> None:
    """What `$$` holds, and that an iteration knows its item."""
    body = {
        "StartAt": "P",
        "States": {
            "P": {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index", "s.$": "$$.State.Name"}, "End": True}
        },
    }
    selector = {"v.$": "$$.Map.Item.Value", "id.$": "$$.Execution.Id"}
    done = run(single({"Type": "Map", "ItemSelector": selector, "ItemProcessor": body}), ["a"])
    assert json.loads(done.details(5)["input"]) == {
        "v": "a",
        "id": "arn:aws:states:us-east-1:123456789012:execution:m:run",
    }
    assert done.output == [{"i": 0, "s": "P"}]


def test_results_that_are_too_large() -> None:
    """Recorded: a task fails with DataLimitExceeded, naming its resource."""
    done = run(single({"Type": "Task", "Resource": LAMBDA}), {}, lambda resource, parameters: "ä" * 140_000)
    assert done.finish is not None and done.finish.error == "States.DataLimitExceeded"
    assert f"The state/task '{LAMBDA}' returned a result" in (done.finish.cause or "")


def test_variables_that_are_too_large() -> None:
    """Recorded: one variable, those of a state together, and those of an execution together have limits."""
    half = "{% $pad('', 131071, 'x') %}"
    for assign, cause in (
        (
            {"x": "{% $pad('', 262143, 'x') %}"},
            "Variable size limit exceeded. Variable 'x' in state 'S' was assigned 262145 bytes.",
        ),
        (
            {"x": half, "y": half},
            "State total variable size limit exceeded. Variable 'y' in state 'S' was assigned 131073 bytes, which "
            "caused the size of variables assigned in the state to exceed its limit by 2 bytes.",
        ),
    ):
        done = run(single({"Type": "Pass", "QueryLanguage": "JSONata", "Assign": assign}))
        assert done.finish is not None
        assert (done.finish.error, done.finish.cause) == ("States.DataLimitExceeded", cause)
    states: dict[str, Any] = {
        f"A{at}": {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Assign": {f"v{at}": "{% $pad('', 262142, 'x') %}"},
            "Next": f"A{at + 1}",
        }
        for at in range(41)
    }
    states["A41"] = {"Type": "Succeed"}
    done = run({"StartAt": "A0", "States": states})
    entered = next(at for at, _, kind in reversed(done.history) if kind == "PassStateEntered")
    assert done.history[-2:] == [
        (entered + 1, entered, "EvaluationFailed"),
        (entered + 2, entered + 1, "ExecutionFailed"),
    ]
    assert done.details(entered + 1) == {
        "state": "A40",
        "error": "States.DataLimitExceeded",
        "location": "Assign",
        "cause": "Execution total variable size limit exceeded. State 'A40' assigned variables that exceed the total "
        "execution limit by 262144 bytes.",
    }


def test_a_loop_ends_with_the_limit_of_the_history() -> None:
    """AWS fails an execution at 25,000 events; a step never runs for ever."""
    again = {"Type": "Choice", "Choices": [{"Variable": "$.done", "IsPresent": True, "Next": "C"}], "Default": "A"}
    states = {"A": {"Type": "Pass", "Next": "B"}, "B": again, "C": {"Type": "Succeed"}}
    done = run({"StartAt": "A", "States": states}, {})
    assert done.finish is not None and done.finish.status == "FAILED"
    assert MOST_EVENTS - 5 <= len(done.events) <= MOST_EVENTS


def test_stopping_takes_everything_back() -> None:
    """Stop leaves no timer behind, however deep the execution was."""
    branch = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 50, "End": True}}}
    nested = {"StartAt": "N", "States": {"N": {"Type": "Parallel", "Branches": [branch, branch], "End": True}}}
    execution = Execution(single({"Type": "Parallel", "Branches": [nested, branch]}))
    from mrak.lang.asl.frames import Start

    execution.send(Start())
    execution.send(Stop("E", "c"))
    assert execution.finish is not None and execution.finish.status == "ABORTED"
    assert execution._timers == []
    assert execution.details(len(execution.events)) == {"error": "E", "cause": "c"}


def test_an_execution_that_takes_too_long() -> None:
    """The machine's own time-out."""
    execution = Execution(single({"Type": "Wait", "Seconds": 50}))
    from mrak.lang.asl.frames import Start

    execution.send(Start())
    execution.send(TimedOut())
    assert execution.finish is not None and execution.finish.status == "TIMED_OUT"
    assert execution.events[-1].type == "ExecutionTimedOut"


def test_a_redrive_goes_on_with_the_branches_that_failed() -> None:
    """What was done in other branches is not done again; one that was under way begins its state anew."""
    calls: list[str] = []

    def answer(resource: str, parameters: Any) -> Any:
        calls.append(parameters["n"])
        if parameters["n"] == "bad" and calls.count("bad") == 1:
            raise TaskError("E", "c")
        return parameters["n"]

    def branch(name: str, wait: int) -> dict[str, Any]:
        task = {"Type": "Task", "Resource": INVOKE, "Parameters": {"n": name}, "Next": f"{name} waits"}
        return {
            "StartAt": name,
            "States": {name: task, f"{name} waits": {"Type": "Wait", "Seconds": wait, "End": True}},
        }

    fork = {"Type": "Parallel", "Branches": [branch("good", 0), branch("slow", 90), branch("bad", 1)]}
    late = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "P"}, "P": {**fork, "End": True}}}
    execution = Execution(single({"Type": "Parallel", "Branches": [late, _branch("B", "b")]}), {}, answer).run()
    assert execution.finish is not None and execution.finish.status == "FAILED"
    execution.finish = None
    execution.send(Redrive())
    execution.finish_timers()
    assert execution.output == [["good", "slow", "bad"], "b"]
    assert sorted(calls) == ["bad", "bad", "good", "slow"]
    kinds = [kind for _, _, kind in execution.history]
    assert kinds.count("ExecutionRedriven") == 1 and kinds.count("ParallelStateEntered") == 2
