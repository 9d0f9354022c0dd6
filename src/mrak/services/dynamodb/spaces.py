"""Raw rows under (account, region, name, number): items, index rows, stream records, history."""

from __future__ import annotations

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.store.keys import encode, encode_part, prefix_end


class RowSpace:
    """A family of rows; a number in it (of a table, an index, a stream) is dropped as one range."""

    def __init__(self, name: str) -> None:
        self._name = encode_part(name)

    def prefix(self, scope: Scope, *numbers: int) -> bytes:
        return b"\x01" + encode((scope.account, scope.region)) + self._name + encode(numbers)

    def clear(self, tx: Transaction, scope: Scope, *numbers: int) -> None:
        start = self.prefix(scope, *numbers)
        tx.delete_range(start, prefix_end(start))
