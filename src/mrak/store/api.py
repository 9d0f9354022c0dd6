"""What a store is. Errors as a tree:

StoreError                  the store as a whole has a problem; the message says what to do
├── NewerFormat             the file was written by a newer mrak; left untouched
├── Damaged                 the file can't be read; left untouched
└── Unavailable             this commit did not happen (disk full, I/O error); nothing of it is kept
Conflict                    two transactions met; the engine runs the function again
UnopenedWrite               a bug of ours: something was written that was not opened
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from mrak.core.background import Consumer, Delivery
from mrak.core.context import Transaction

T = TypeVar("T")


class StoreError(Exception):
    """The message says what is wrong and what to do."""


class NewerFormat(StoreError):
    pass


class Damaged(StoreError):
    pass


class Unavailable(StoreError):
    pass


class Conflict(Exception):
    """Run the function again."""


class UnopenedWrite(AssertionError):
    """A row was written whose entity the transaction had not opened."""


class Aftermath:
    """What is to happen once a transaction is durable: wake-ups, deliveries, timers, consumers.

    `at_once` are deliveries that the transaction itself is to make before it ends, `made` those that it has made."""

    __slots__ = ("at_once", "consumers", "deliveries", "made", "next_timer", "topics")

    def __init__(self) -> None:
        self.at_once: list[Delivery] = []
        self.made: list[Any] = []
        self.topics: list[str] = []
        self.deliveries: list[tuple[bytes, Delivery]] = []
        self.next_timer: float | None = None
        self.consumers: list[tuple[Consumer, bool]] = []

    def __bool__(self) -> bool:
        assert not self.at_once, "deliveries that nobody has made"
        return bool(self.topics or self.deliveries or self.consumers or self.next_timer is not None)

    def absorb(self, inner: Aftermath) -> None:
        """Takes over what a transaction inside this one leaves."""
        self.at_once += inner.at_once
        self.made += inner.made
        self.topics += inner.topics
        self.deliveries += inner.deliveries
        self.consumers += inner.consumers
        if inner.next_timer is not None:
            self.expect(inner.next_timer)

    def expect(self, due_at: float) -> None:
        self.next_timer = due_at if self.next_timer is None else min(self.next_timer, due_at)


OnDurable = Callable[[Aftermath], None]


class Store(Protocol):
    """One environment's rows."""

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        """Runs the function in one transaction; returns when all that it wrote *or saw* is durable, so that no reply
        tells of something that a crash could take back. An exception of the function undoes all and passes on.

        The aftermath goes to the store's `on_durable` even where the caller has gone away meanwhile.
        """
        ...

    async def close(self) -> None:
        """Returns when all that was committed is durable and the files are closed."""
        ...
