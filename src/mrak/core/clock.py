"""Time as a parameter. Nothing outside this module and the composition root reads the machine's clock.

Times are epoch seconds as float. An environment's clock is the base clock plus an offset, so that one sandbox can
be thirty days ahead (`mrak clock advance 30d`) while another keeps real time.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds."""
        ...


class RealClock:
    """The machine's clock."""

    now = staticmethod(time.time)


class ManualClock:
    """A clock that moves only when told to; for simulations and tests."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._now += seconds


class EnvironmentClock:
    """The base clock plus this environment's offset, which only grows."""

    def __init__(self, base: Clock, offset_seconds: float = 0.0) -> None:
        self._base = base
        self.offset_seconds = offset_seconds

    def now(self) -> float:
        return self._base.now() + self.offset_seconds

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self.offset_seconds += seconds
