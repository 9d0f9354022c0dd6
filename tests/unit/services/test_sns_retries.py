"""When a failed HTTP delivery is tried again: the phases of SNS's delivery policies."""

from __future__ import annotations

from typing import Any

import pytest

from mrak.services.sns.http import find_delay


def delays(**policy: Any) -> list[float]:
    """All delays of a policy, in order."""
    whole = {"minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, **policy}
    found = []
    attempt = 1
    while (delay := find_delay(whole, attempt)) is not None:
        found.append(delay)
        attempt += 1
    return found


def test_aws_default() -> None:
    """Three times, twenty seconds apart."""
    assert delays() == [20.0, 20.0, 20.0]


def test_phases() -> None:
    """At once, at the shortest delay, backing off, at the longest."""
    policy = {"numRetries": 8, "numNoDelayRetries": 1, "numMinDelayRetries": 2, "numMaxDelayRetries": 2}
    assert delays(minDelayTarget=10, maxDelayTarget=30, **policy) == [0, 10, 10, 10, 20, 30, 30, 30]


@pytest.mark.parametrize("function", ["linear", "arithmetic", "geometric", "exponential"])
def test_back_off_grows_within_its_bounds(function: str) -> None:
    """Whatever the curve, it goes from the shortest delay to the longest."""
    found = delays(minDelayTarget=1, maxDelayTarget=100, numRetries=10, backoffFunction=function)
    assert (found[0], found[-1]) == (1, pytest.approx(100))
    assert found == sorted(found)
