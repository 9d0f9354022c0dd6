"""Item collections: the items of a partition in a table with local indexes, with their rows in these.

    dynamodb.collection   account region TABLE HASH pk -> the collection's size in 8 bytes

AWS keeps a collection from growing beyond 10 GB. Its size is counted in the transaction of each write.

Invariant: a counter is the sum of the sizes of its collection's rows, and none is zero. The collections of a table that
an earlier version made have no counter before they are first written; then their rows are measured.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html#LSI.ItemCollections
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from struct import Struct as Packing
from typing import Any

from mrak.core.context import Transaction
from mrak.lang.ddb.keys import sort_bytes
from mrak.lang.ddb.values import Value
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.tables import HASH_BYTES, Schema, row_size_bytes
from mrak.store.keys import encode_part, first_text, prefix_end

MOST_BYTES = 10 << 30
_GIGABYTE = 1 << 30
_counter = Packing(">Q")


def count(tx: Transaction, schema: Schema, place: bytes, growth_bytes: int) -> None:
    """Counts a write before its rows are written; raises where it would make its collection too large. `place` is what
    follows the prefix in the key of one of the collection's rows."""
    if not growth_bytes:
        return
    place = _collection_of(place)
    size_bytes = _size_bytes(tx, schema, place) + growth_bytes
    if growth_bytes > 0 and size_bytes > MOST_BYTES:
        raise errors.collection_too_large()
    _keep(tx, schema, place, size_bytes)


def count_all(tx: Transaction, schema: Schema) -> None:
    """Counts the rows of a table that were not written one by one."""
    for prefix in _prefixes(schema):
        rows = tx.scan(prefix, prefix_end(prefix))
        places = ((_collection_of(key[len(prefix) :]), row) for key, row in rows)
        for place, group in groupby(places, itemgetter(0)):
            growth_bytes = sum(row_size_bytes(row) for _, row in group)
            _keep(tx, schema, place, _size_bytes(tx, schema, place) + growth_bytes)


def render_metrics(tx: Transaction, schema: Schema, item: Mapping[str, Value]) -> dict[str, Any] | None:
    """ItemCollectionMetrics of an item's collection, where its table has any."""
    if not schema.local_indexes:
        return None
    name = schema.partition.name
    partition = sort_bytes(item[name])
    gigabytes = _size_bytes(tx, schema, schema.spread((partition,)) + encode_part(partition)) // _GIGABYTE
    return {
        "ItemCollectionKey": {name: item[name]},
        "SizeEstimateRangeGB": [float(gigabytes), float(gigabytes + 1)],
    }


def _collection_of(place: bytes) -> bytes:
    """The hash and the partition key, with which the places of all rows of a collection begin."""
    return place[:HASH_BYTES] + first_text(place[HASH_BYTES:])


def _prefixes(schema: Schema) -> list[bytes]:
    return [schema.prefix, *(index.prefix for index in schema.local_indexes)]


def _size_bytes(tx: Transaction, schema: Schema, place: bytes) -> int:
    raw = tx.get(schema.collections_prefix + place)
    if raw is not None:
        return int(_counter.unpack(raw)[0])
    return 0 if schema.record.counts_collections else _measure(tx, schema, place)


def _keep(tx: Transaction, schema: Schema, place: bytes, size_bytes: int) -> None:
    counter = schema.collections_prefix + place
    tx.lock(counter)
    if size_bytes:
        tx.put(counter, _counter.pack(size_bytes))
    else:
        tx.delete(counter)


def _measure(tx: Transaction, schema: Schema, place: bytes) -> int:
    starts = [prefix + place for prefix in _prefixes(schema)]
    return sum(row_size_bytes(row) for start in starts for _, row in tx.scan(start, prefix_end(start)))
