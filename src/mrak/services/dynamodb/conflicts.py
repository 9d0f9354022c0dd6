"""Transactions under way, and what meets them.

From the moment when its conditions hold until its writes are on disk, a transaction has its items for itself: another
transaction that names one of them is cancelled, a single write is refused. One of a single action needs no such time:
those that name the same item take effect one after another, as writes by themselves do. Reads see what was committed
before, but a transaction of reads is cancelled too. Nothing of this is stored, since no transaction outlives its
process.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors

T = TypeVar("T")

deviation("DYNAMODB-012")

CODE = "TransactionConflictException"
REASON = {"Code": "TransactionConflict", "Message": errors.ONGOING}


class Ongoing:
    """The items (by their rows' keys) and tokens of an environment's transactions under way."""

    def __init__(self) -> None:
        self.rows: set[bytes] = set()
        self.tokens: set[tuple[Scope, str]] = set()


class Hold:
    """What one transaction has for itself."""

    def __init__(self, ongoing: Ongoing) -> None:
        self._ongoing = ongoing
        self._rows: set[bytes] = set()
        self._token: tuple[Scope, str] | None = None

    def check_token(self, scope: Scope, token: str) -> None:
        if (scope, token) in self._ongoing.tokens:
            raise errors.transaction_in_progress()

    def meets(self, row: bytes) -> bool:
        return row in self._ongoing.rows

    def take(self, rows: Sequence[bytes], scope: Scope, token: str | None) -> None:
        """A transaction of one action is done like that action by itself, and is in nobody's way."""
        if len(rows) > 1:
            self._rows = set(rows)
            self._ongoing.rows |= self._rows
        if token is not None:
            self._token = (scope, token)
            self._ongoing.tokens.add(self._token)

    def release(self) -> None:
        self._ongoing.rows -= self._rows
        self._rows = set()
        if self._token is not None:
            self._ongoing.tokens.discard(self._token)
            self._token = None


async def hold_while(ctx: Context, work: Callable[[Transaction, Hold], T]) -> T:
    """Runs a transaction; what it takes into its hold is free again when it is on disk, or has failed."""
    hold = Hold(ctx.live(Ongoing))

    def attempt(tx: Transaction) -> T:
        hold.release()
        return work(tx, hold)

    try:
        return await ctx.transact(attempt)
    finally:
        hold.release()


def check_write(ctx: Context, row: bytes) -> None:
    """A single write that meets a transaction is refused."""
    if row in ctx.live(Ongoing).rows:
        raise errors.transaction_conflict()


def check_reads(ctx: Context, rows: list[bytes]) -> None:
    """A transaction of reads that meets one of writes is cancelled."""
    ongoing = ctx.live(Ongoing).rows
    if not ongoing.isdisjoint(rows):
        reasons: list[dict[str, Any]] = [dict(REASON) if row in ongoing else {"Code": "None"} for row in rows]
        raise errors.transaction_cancelled(reasons)
