"""Intrinsic functions and JSONPath in states: what AWS recorded, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.lang.asl.execution import run, single

from mrak.lang.asl.intrinsics import IntrinsicSyntaxError, parse, paths_in


def evaluate(call: str, given: Any) -> Any:
    """The value of a call in a Pass state's Parameters."""
    return run(single({"Type": "Pass", "Parameters": {"r.$": call}}), given).output["r"]


@pytest.mark.parametrize(
    ("call", "given", "value"),
    [
        ("States.Array()", {}, []),
        ("States.Array($.a, 'b', 1, true, null)", {"a": [1]}, [[1], "b", 1, True, None]),
        ("States.ArrayPartition($.a, 2)", {"a": [1, 2, 3]}, [[1, 2], [3]]),
        ("States.ArrayPartition($.a, 2)", {"a": []}, []),
        ("States.ArrayContains($.a, 1)", {"a": [True, 1.0]}, True),
        ("States.ArrayContains($.a, 1)", {"a": [True]}, False),
        ("States.ArrayRange(1, 9, 2)", {}, [1, 3, 5, 7, 9]),
        ("States.ArrayRange(5, 1, -2)", {}, [5, 3, 1]),
        ("States.ArrayGetItem($.a, 1)", {"a": [1, 2]}, 2),
        ("States.ArrayLength($.a)", {"a": [1, 2]}, 2),
        (
            "States.ArrayUnique($.a)",
            {"a": [1, 1, True, {"x": 1, "y": 2}, {"y": 2, "x": 1}]},
            [1, True, {"x": 1, "y": 2}],
        ),
        ("States.Base64Encode('Data to encode')", {}, "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", {}, "Data to encode"),
        ("States.Hash('input data', 'SHA-1')", {}, "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        (
            "States.JsonMerge($.a, $.b, false)",
            {"a": {"x": {"p": 1}, "y": 2}, "b": {"x": {"q": 2}}},
            {"x": {"q": 2}, "y": 2},
        ),
        ("States.MathAdd($.a, -1)", {"a": 111}, 110),
        ("States.StringSplit('a.b,,c', '.,')", {}, ["a", "b", "c"]),
        ("States.Format('Hi {}: {} \\'x\\' \\{\\}', $.n, $.v)", {"n": "Jo", "v": {"a": 1}}, "Hi Jo: {\"a\":1} 'x' {}"),
        ("States.Format('Formatting argument {}.', $)", None, "Formatting argument null."),
        ("States.StringToJson($.s)", {"s": '[1, 2, "x"]'}, [1, 2, "x"]),
        ("States.StringToJson($.s)", {"s": " "}, None),
        ("States.StringToJson($.s)", {"s": "-0"}, 0),
        ("States.JsonToString($.o)", {"o": {"a": [1, None]}}, '{"a":[1,null]}'),
        ("States.MathAdd(States.ArrayLength($.a), 1)", {"a": [0]}, 2),
        ("States.Array($['a b'], $.c[0])", {"a b": 1, "c": [2]}, [1, 2]),
    ],
)
def test_values(call: str, given: Any, value: Any) -> None:
    """AWS's documented and recorded results."""
    assert evaluate(call, "null" if given is None else given) == value


def test_chance_is_drawn_and_seeded() -> None:
    """MathRandom stays in its range, a seed gives the same again, UUIDs differ."""
    assert 1 <= evaluate("States.MathRandom(1, 9)", {}) < 9
    assert evaluate("States.MathRandom(1, 999, 7)", {}) == evaluate("States.MathRandom(1, 999, 7)", {})
    both = run(single({"Type": "Pass", "Parameters": {"a.$": "States.UUID()", "b.$": "States.UUID()"}})).output
    assert both["a"] != both["b"]


@pytest.mark.parametrize(
    "call",
    [
        "States.ArrayGetItem($.a, 5)",
        "States.ArrayLength('x')",
        "States.ArrayRange(0, 100000, 1)",
        "States.ArrayRange(0, 9, 0)",
        "States.Base64Decode('%%%')",
        "States.Format('{}', 1, 2)",
        "States.Hash('a', 'CRC')",
        "States.JsonMerge($, $, true)",
        "States.MathAdd(true, 1)",
        "States.StringToJson('{')",
        "States.ArrayLength($.none)",
    ],
)
def test_arguments_that_are_refused(call: str) -> None:
    """States.IntrinsicFailure, with the call in the cause; it can be told from other failures by its name."""
    done = run(single({"Type": "Pass", "Parameters": {"r.$": call}}), {"a": [1]})
    assert done.finish is not None and done.finish.error == "States.IntrinsicFailure"
    assert f"The function '{call}' had the following error: " in (done.finish.cause or "")


@pytest.mark.parametrize(
    "text",
    [
        "States.Nope()",
        "States.Array(",
        "States.Array('a)",
        "States.Array('\\x')",
        "States.Array(1 2)",
        "States.Array() x",
        "States.Array(" * 11 + ")" * 11,
    ],
)
def test_texts_that_are_no_calls(text: str) -> None:
    """Unknown functions, bad escapes, and more than ten calls inside each other."""
    with pytest.raises(IntrinsicSyntaxError):
        parse(text)


def test_paths_are_found_for_the_list_of_variables() -> None:
    """All paths of a call, of calls inside it too."""
    assert sorted(paths_in("States.MathAdd(States.ArrayLength($x.a), $y)")) == ["$x.a", "$y"]


@pytest.mark.parametrize("path", ["$.item.items[*]", "$.items[1:]", "$.items[:1].itemValue"])
def test_an_indefinite_path_over_nothing_is_empty(path: str) -> None:
    """Recorded: wildcards and slices of what is not there are [], not a failure."""
    assert run(single({"Type": "Pass", "Parameters": {"item.$": path}})).output == {"item": []}
