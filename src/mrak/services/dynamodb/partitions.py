"""The physical partitions of a table or an index, which AWS lets show in what scans cost, in where pages end, and in
the shards of streams.

Each has an equal share of the hashes, in their order. Recordings of AWS show four of a new on-demand table.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

from __future__ import annotations

from mrak.services.dynamodb.tables import HASH_BYTES, IndexRecord, TableRecord
from mrak.services.dynamodb.throughput import warm_units
from mrak.store.keys import prefix_end

_READ_UNITS = 3000
_WRITE_UNITS = 1000
_HASHES = 1 << (8 * HASH_BYTES)


def count(record: TableRecord, index: IndexRecord | None = None) -> int:
    """As many as can take what the table, or the global index, can take at once."""
    units = warm_units(record, index if index is not None and index.is_global else None)
    return max(1, -(-units["ReadUnitsPerSecond"] // _READ_UNITS), -(-units["WriteUnitsPerSecond"] // _WRITE_UNITS))


def find(prefix: bytes, row_key: bytes, total: int) -> int:
    """Which of them a row lies in; `prefix` is what all rows begin with."""
    return int.from_bytes(row_key[len(prefix) : len(prefix) + HASH_BYTES]) * total // _HASHES


def find_last(prefix: bytes, end: bytes, total: int) -> int:
    """Which of them the rows before `end` end in, where that is a share of the hashes or all of them."""
    if not end.startswith(prefix):
        return total - 1
    return (int.from_bytes(end[len(prefix) :]) - 1) * total // _HASHES


def bounds(prefix: bytes, number: int, total: int) -> tuple[bytes, bytes]:
    """The rows of one of them."""
    first, last = -(-_HASHES * number // total), -(-_HASHES * (number + 1) // total)
    end = prefix_end(prefix) if number + 1 == total else prefix + last.to_bytes(HASH_BYTES)
    return prefix + first.to_bytes(HASH_BYTES), end
