"""Metric math on small series; expected values are worked out from AWS's guide by hand."""

from __future__ import annotations

import pytest

from mrak.lang.metricmath import Frame, MathError, Series, evaluate, names, parse

M1 = Series("m1", 60.0, {0.0: 1.0, 60.0: 2.0, 120.0: 6.0})
M2 = Series("m2", 60.0, {0.0: 4.0, 120.0: 0.0})
METRICS = {"m1": M1, "m2": M2}
FRAME = Frame(METRICS, METRICS, 0.0, 180.0)

SERIES: list[tuple[str, dict[float, float]]] = [
    ("m1 + m2", {0.0: 5.0, 120.0: 6.0}),
    ("m1 / m2", {0.0: 0.25}),
    ("100 * (m1 - 1) ^ 2", {0.0: 0.0, 60.0: 100.0, 120.0: 2500.0}),
    ("-m1", {0.0: -1.0, 60.0: -2.0, 120.0: -6.0}),
    ("m1 > 1 AND m1 < 6", {0.0: 0.0, 60.0: 1.0, 120.0: 0.0}),
    ("IF(m1 >= 2, m1, 0)", {0.0: 0.0, 60.0: 2.0, 120.0: 6.0}),
    ("IF(m1 > 1, m1)", {60.0: 2.0, 120.0: 6.0}),
    ("FILL(m2, 7)", {0.0: 4.0, 60.0: 7.0, 120.0: 0.0}),
    ("FILL(m2, REPEAT)", {0.0: 4.0, 60.0: 4.0, 120.0: 0.0}),
    ("FILL(m2, LINEAR)", {0.0: 4.0, 60.0: 2.0, 120.0: 0.0}),
    ("SUM([m1, m2])", {0.0: 5.0, 60.0: 2.0, 120.0: 6.0}),
    ("MAX(METRICS())", {0.0: 4.0, 60.0: 2.0, 120.0: 6.0}),
    ("AVG(METRICS('m2'))", {0.0: 4.0, 120.0: 0.0}),
    ("RATE(m1) * PERIOD(m1)", {60.0: 1.0, 120.0: 4.0}),
    ("DIFF(m1)", {60.0: 1.0, 120.0: 4.0}),
    ("RUNNING_SUM(m1)", {0.0: 1.0, 60.0: 3.0, 120.0: 9.0}),
    ("m1 - AVG(m1)", {0.0: -2.0, 60.0: -1.0, 120.0: 3.0}),
    ("m1 * 0 + DATAPOINT_COUNT(m2)", {0.0: 2.0, 60.0: 2.0, 120.0: 2.0}),
    ("CEIL(m1 / 4)", {0.0: 1.0, 60.0: 1.0, 120.0: 2.0}),
    ("TIME_SERIES(3)", {0.0: 3.0, 60.0: 3.0, 120.0: 3.0}),
    ("MINUTE(m1)", {0.0: 0.0, 60.0: 1.0, 120.0: 2.0}),
    ("FIRST(SORT(METRICS(), SUM, DESC))", {0.0: 1.0, 60.0: 2.0, 120.0: 6.0}),
]


@pytest.mark.parametrize(("expression", "wanted"), SERIES)
def test_series(expression: str, wanted: dict[float, float]) -> None:
    """Each function and operator, point by point; a division by zero has no point."""
    result = evaluate(parse(expression), FRAME)
    assert isinstance(result, Series) and result.points == wanted


def test_arrays_keep_their_series() -> None:
    """What is done to an array is done to each series, under its label."""
    result = evaluate(parse("SLICE(METRICS() * 2, 0, 1)"), FRAME)
    assert isinstance(result, list)
    assert [(series.label, series.points[0.0]) for series in result] == [("m1", 2.0)]


def test_the_ids_of_an_expression() -> None:
    """What has to be evaluated before; names of functions and modes of FILL are none."""
    assert names(parse("IF(a > 1, SUM([b, c]), FILL(d, 0))")) == {"a", "b", "c", "d"}


REFUSED = ["m1 +", "(m1", "m1 m2", "nothing", "ABS(m1, m2)", "SEARCH('x')", "METRICS() + METRICS()", "1/0", "m1 $", ""]


@pytest.mark.parametrize("expression", [*REFUSED, "(" * 200 + "1" + ")" * 200])
def test_refusals(expression: str) -> None:
    """What is no expression, and what no data could make one; depth is bounded."""
    with pytest.raises(MathError):
        evaluate(parse(expression), FRAME)
