"""JSONata in states: AWS's functions, nulls, messages, and that no expression runs away."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.lang.asl.execution import run, single

THREW = "threw an error during evaluation."
BOUND = "threw an error during evaluation:"


def evaluate(expression: str, given: Any = None) -> Any:
    return run(single({"Type": "Pass", "Output": f"{{% {expression} %}}"}, "JSONata"), given).output


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$states.input.a", [1, None, "x"]),
        ("$states.input.a[0]", 1),
        ("$states.input.n", None),
        ("$states.input.n = null", True),
        ("$sum([1..4])", 10),
        ("10 / 4", 2.5),
        ("$range(0, 10, 3)", [0, 3, 6, 9]),
        ("$range(1, 9, 9)", 1),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$random() < 1", True),
        ("$random(7) = $random(7)", True),
        ("$length($uuid())", 36),
        ("$now() = $fromMillis($millis())", True),
        ("$length($pad($pad('', 131072), 262145))", 262145),
        ("$contains('abracadabra', /a.*a/)", True),
        ("$replace('265USD', /([0-9]+)USD/, '$$$1')", "$265"),
        ("$merge([$states.input.o, {'c': 3}])", {"b": 2, "c": 3}),
        ("$map([1, 2], function($v) { $v * 2 })", [2, 4]),
        ("$states.context.Execution.Name", "run"),
    ],
)
def test_values(expression: str, value: Any) -> None:
    """What expressions yield, JSON's null among it."""
    assert evaluate(expression, {"a": [1, None, "x"], "n": None, "o": {"b": 2}}) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("$nope", "returned nothing (undefined)."),
        ("$fn := function($x){$x}", "returned an unsupported result type."),
        (
            "$randomSeeded($states.input.a)",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
        ("$eval('1')", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("$error('boo')", "threw an error during evaluation. D3137: boo"),
        (
            "($f := function() { $f() }; $f())",
            f"{BOUND} Expression evaluation timeout: Check",
        ),
        (
            "($f := function($x) { 1 + $f($x) }; $f(1))",
            f"{BOUND} Stack overflow error: Check",
        ),
        ("[1..1000000]", "returned an unsupported result type."),
        ("1 + 'a'", f'{THREW} T2002: The right side of the "+" operator must evaluate to a number'),
        ("$abs('x')", f'{THREW} T0410: Argument 1 of function "abs" does not match function signature'),
        ("$sum(['a'])", f'{THREW} T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("'a' < 1", f'{THREW} T2009: The values "a" and 1 either side of operator "<" must be of the same data type'),
        ("$number('x')", f'{THREW} D3030: Unable to cast value to a number: "x"'),
        (
            "$toMillis('x')",
            f'{THREW} D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given "x"',
        ),
        ("$pad('', -262145)", f"{BOUND} Expression evaluation memory limit exceeded: Check for excessive memory usage"),
        ("1/0", f"{THREW} D1001: Number out of range: null"),
    ],
)
def test_failures_are_said_as_on_aws(expression: str, said: str) -> None:
    """States.QueryEvaluationError; neither loops nor recursion nor ranges hold the process."""
    done = run(single({"Type": "Pass", "Output": f"{{% {expression} %}}"}, "JSONata"))
    assert done.finish is not None and done.finish.error == "States.QueryEvaluationError"
    start = (
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression "
        f"'{expression}' specified for the field 'Output' {said}"
    )
    assert (done.finish.cause or "").startswith(start)


def test_a_regular_expression_cannot_hold_the_process() -> None:
    """One that backtracks for ever is given up."""
    subject = "a" * 60 + "!"
    expression = f"$contains('{subject}', /^(a|a?)+$/)"
    done = run(single({"Type": "Pass", "Output": f"{{% {expression} %}}"}, "JSONata"))
    assert done.finish is not None and (done.finish.status == "FAILED" or done.finish.output == "false")


def test_only_whole_strings_are_expressions() -> None:
    """A string with more around `{% %}` is a string (recorded)."""
    template = {"a": " {% $states.input %} ", "b": "{% 1 %}", "c": ["{% 2 %}"], "d": "$states.input"}
    done = run(single({"Type": "Pass", "Output": template}, "JSONata"))
    assert done.output == {"a": " {% $states.input %} ", "b": 1, "c": [2], "d": "$states.input"}


def test_a_task_in_jsonata() -> None:
    """Arguments in, result and input out; the failure of a task under errorOutput."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "f", "Payload": "{% $states.input.v + 1 %}"},
        "TimeoutSeconds": "{% $states.input.t %}",
        "Assign": {"kept": "{% $states.result.Payload %}"},
        "Output": {"in": "{% $states.input.v %}", "out": "{% $states.result.Payload %}"},
    }
    done = run(single(state, "JSONata"), {"v": 1, "t": 30}, lambda resource, given: {"Payload": given["Payload"] * 2})
    assert done.output == {"in": 1, "out": 4}
    assert done.details(3)["timeoutInSeconds"] == 30
    assert done.details(6)["assignedVariables"] == {"kept": "4"}
