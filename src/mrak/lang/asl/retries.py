"""Retriers and catchers: which one takes an error, and how long a retry waits.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.entropy import Draws
from mrak.lang.asl import failures

ALL = "States.ALL"
MOST_ATTEMPTS = 3
# Failures of the definition itself: nothing but their own name takes them.
_NEVER_ALL = (failures.RUNTIME,)


def matches(names: list[str], error: str | None, is_task: bool = True) -> bool:
    """Whether an ErrorEquals takes an error. A heartbeat that stays away is a time-out of its own name."""
    if error in names or (error == failures.HEARTBEAT and failures.TIMEOUT in names):
        return True
    if error == failures.TIMEOUT and failures.HEARTBEAT in names:
        return False
    if error in _NEVER_ALL:
        return False
    if ALL in names:
        return True
    return failures.TASK_FAILED in names and is_task and error not in (failures.TIMEOUT, failures.HEARTBEAT)


def find_retrier(retriers: list[dict[str, Any]], error: str | None, is_task: bool = True) -> int | None:
    """The index of the first retrier that takes an error."""
    return next((at for at, one in enumerate(retriers) if matches(one["ErrorEquals"], error, is_task)), None)


def find_catcher(catchers: list[dict[str, Any]], error: str | None, is_task: bool = True) -> int | None:
    """The index of the first catcher that takes an error."""
    return find_retrier(catchers, error, is_task)


def delay_seconds(retrier: dict[str, Any], retries_made: int, draw: Draws) -> float:
    """How long to wait before the next attempt, where `retries_made` retries of this retrier came before it."""
    delay = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** min(retries_made, 200)
    delay = min(delay, float(retrier.get("MaxDelaySeconds", 31_622_400)))
    if retrier.get("JitterStrategy") == "FULL":
        delay *= int.from_bytes(draw.bytes(4), "big") / 2**32
    return delay


def is_exhausted(retrier: dict[str, Any], retries_made: int) -> bool:
    return retries_made >= int(retrier.get("MaxAttempts", MOST_ATTEMPTS))
