"""Any store, with faults: for tests and the simulator.

conflict        the function runs, its work is thrown away, and it has to run again
unavailable     the commit did not happen; the caller gets an error
unknown         the commit happened, and the caller gets an error all the same
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Literal, TypeVar

from mrak.core.context import Transaction
from mrak.store.api import Conflict, Store, Unavailable

T = TypeVar("T")

Fault = Literal["conflict", "unavailable", "unknown"]


class _Discarded(Exception):
    """Thrown through the inner store so that it undoes what the function did."""


class FaultyStore:
    """Asks `next_fault` before each transaction what shall befall it (None: nothing)."""

    def __init__(self, inner: Store, next_fault: Callable[[], Fault | None]) -> None:
        self._inner = inner
        self._next_fault = next_fault

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        fault = self._next_fault()
        if fault is None:
            return await self._inner.transact(function)
        if fault == "unknown":
            await self._inner.transact(function)
            raise Unavailable("injected: it is not known whether this was committed")
        with contextlib.suppress(_Discarded):
            await self._inner.transact(_undone(function))
        if fault == "conflict":
            raise Conflict("injected")
        raise Unavailable("injected: this was not committed")

    async def close(self) -> None:
        await self._inner.close()


def _undone(function: Callable[[Transaction], object]) -> Callable[[Transaction], None]:
    def run(tx: Transaction) -> None:
        function(tx)
        raise _Discarded

    return run
