"""How a sandbox's clock is advanced: from one due time to the next, not in one leap.

What waits for fourteen days is due after fourteen days of the thirty, and what it does then may wait for seven more. So
the clock stops at each moment that something sleeps for, and goes on once what was due is done and nothing follows from
it. Time only ever moves forward, and in the end by what was asked for.

It is bounded: moments closer together than a hundredth of the way share a stop, and what has not come to rest after a
while (a function that runs for minutes) is not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrak.engine.environment import Environment

_MOST_STOPS = 100
_LOOK_SECONDS = 0.005
_QUIET_LOOKS = 4
_LONGEST_STOP_SECONDS = 2.0
_LONGEST_SECONDS = 15.0

Move = Callable[[float], Awaitable[None]]


class Passage:
    """One advance of an environment's clock. `move` moves it, durably; `runs` counts the functions that run."""

    def __init__(self, environment: Environment, move: Move, runs: Callable[[], int]) -> None:
        self._environment = environment
        self._move = move
        self._runs = runs
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + _LONGEST_SECONDS

    async def advance(self, seconds: float) -> None:
        shortest, left = seconds / _MOST_STOPS, seconds
        while left > 0 and self._loop.time() < self._ends_at:
            await self._come_to_rest()
            moment = self._environment.next_moment()
            if moment is None:
                break
            step = max(moment - self._environment.clock.now(), shortest)
            if step >= left:
                break
            await self._move(step)
            left -= step
        if left > 0:
            await self._move(left)

    async def _come_to_rest(self) -> None:
        """Until nothing runs, and nothing was committed for a few looks. At once where nothing could run by itself."""
        environment, quiet = self._environment, 0
        until = min(self._loop.time() + _LONGEST_STOP_SECONDS, self._ends_at)
        commits = environment.commits
        while environment.has_background() and quiet < _QUIET_LOOKS and self._loop.time() < until:
            await asyncio.sleep(_LOOK_SECONDS)
            still = not self._runs() and not environment.is_busy() and environment.commits == commits
            quiet = quiet + 1 if still else 0
            commits = environment.commits
