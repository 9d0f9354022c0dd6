"""Vector indexes: nearest neighbours by exact search over the index's rows.

    dynamodb.vector   account region TABLE INDEX [partition] pk sk -> the projected item's JSON, the vector as float32

The vector is kept as AWS keeps it, in single precision: what a search gives back of it may differ from the item's. An
item is in the index if it has the vector attribute and, where the index has one, the partition attribute.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SearchVectors.html
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nsmallest
from operator import itemgetter
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.ddb.keys import MAX_PARTITION_KEY_BYTES, sort_bytes
from mrak.lang.ddb.values import Item, Value, decode_item, encode_item, item_size_bytes, kind_of, value_size_bytes
from mrak.services.dynamodb import errors, vector_scores
from mrak.services.dynamodb.spaces import RowSpace
from mrak.store.keys import encode_part, prefix_end

MOST_RESULTS = 100
_LEAST_NORMAL = 2.0**-126
_PLAIN_EXPONENTS = range(-6, 13)
BYTES_PER_DIMENSION = 4
_LEAST_WRITTEN = 1024
INVALID = "One or more parameter values were invalid."
_FLOAT = "32-bit floating point number"

ROWS = RowSpace("dynamodb.vector")


class VectorRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A vector index. `search` are (attribute, HASH or INLINE_FILTER)."""

    name: str
    number: int
    attribute: str
    dimensions: int
    function: str
    projection: str
    included: tuple[str, ...] = ()
    search: tuple[tuple[str, str], ...] = ()
    # While an index that was added to a table is made: ALLOCATING, then BACKFILLING.
    phase: str | None = None

    @property
    def partition(self) -> str | None:
        return next((name for name, kind in self.search if kind == "HASH"), None)


class _Row(msgspec.Struct, frozen=True, array_like=True):
    item: bytes
    vector: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode


@dataclass(frozen=True, slots=True)
class VectorSchema:
    """A vector index, compiled. `attributes` are what its rows hold besides the vector; None for all. `kinds` are the
    types of what a search may ask for."""

    record: VectorRecord
    prefix: bytes
    attributes: tuple[str, ...] | None
    kinds: Mapping[str, str]

    def partition_prefix(self, value: Value | None) -> bytes:
        return self.prefix if value is None else self.prefix + encode_part(sort_bytes(value))

    def key_of(self, item: Item, suffix: bytes) -> bytes | None:
        """The key of the item's row; None where the item is not in the index. What may not be written any more can be
        older than the index, and is left out."""
        if find_vector(self.record, item) is None:
            return None
        if any(name in item and kind not in item[name] for name, kind in self.kinds.items()):
            return None
        partition = self.record.partition
        if partition is None:
            return self.prefix + suffix
        value = item.get(partition)
        return self.partition_prefix(value) + suffix if value is not None and _may_be_key(value) else None

    def project(self, item: Item) -> Item:
        names = item if self.attributes is None else self.attributes
        return {name: item[name] for name in names if name in item and name != self.record.attribute}

    def size_bytes(self, shown: Item) -> int:
        """What a row is billed as: the vector by its dimensions, under its name, and the rest as an item."""
        name = len(self.record.attribute.encode("utf-8", "surrogatepass"))
        return BYTES_PER_DIMENSION * self.record.dimensions + name + item_size_bytes(shown)


def new_index(ctx: Context, definition: Mapping[str, Any]) -> VectorRecord:
    projection = definition["Projection"]
    return VectorRecord(
        name=definition["IndexName"],
        number=ctx.draw.sequence(),
        attribute=definition["VectorAttribute"]["AttributeName"],
        dimensions=definition["Dimensions"],
        function=definition["DistanceFunction"],
        projection=projection["ProjectionType"],
        included=tuple(projection.get("NonKeyAttributes", ())),
        search=tuple((it["AttributeName"], it["SearchSchemaElementType"]) for it in definition.get("SearchSchema", ())),
    )


def _may_be_key(value: Value) -> bool:
    encoded = sort_bytes(value)
    return bool(encoded) and ("N" in value or len(encoded) <= MAX_PARTITION_KEY_BYTES)


def compile_index(
    scope: Scope, table_number: int, key_names: Sequence[str], kinds: Mapping[str, str], record: VectorRecord
) -> VectorSchema:
    attributes: tuple[str, ...] | None = None
    if record.projection != "ALL":
        attributes = tuple(dict.fromkeys([*key_names, *(name for name, _ in record.search), *record.included]))
    searched = {name: kinds[name] for name, _ in record.search}
    return VectorSchema(record, ROWS.prefix(scope, table_number, record.number), attributes, searched)


def find_vector(record: VectorRecord, item: Item) -> array[float] | None:
    """The item's vector, if it has one of the index's form."""
    members = item.get(record.attribute, {}).get("L")
    if members is None or len(members) != record.dimensions or any("N" not in member for member in members):
        return None
    floats = [float(member["N"]) for member in members]
    return array("f", floats) if all(abs(it) <= vector_scores.LARGEST_FLOAT for it in floats) else None


def check_item(indexes: Sequence[VectorSchema], item: Item) -> None:
    """An item that has the vector attribute must have a vector there."""
    for index in indexes:
        record = index.record
        if record.attribute in item and find_vector(record, item) is None:
            raise errors.invalid(f"{_fault(record, item[record.attribute])} IndexName: {record.name}")


def _fault(record: VectorRecord, value: Value) -> str:
    """What is wrong with a vector, in AWS's words and with its spaces."""
    name = record.attribute
    members = value.get("L")
    if members is None:
        return f"{INVALID} Invalid type for parameter {name}, Expected: {_FLOAT} list"
    if len(members) != record.dimensions:
        return f"{INVALID} Invalid size for parameter {name}, Expected: {record.dimensions}, Actual: {len(members)}"
    for place, member in enumerate(members):
        if "N" not in member:
            return (
                f"{INVALID} Invalid type for parameter {name}[{place}], Expected: {_FLOAT}, Actual: {kind_of(member)}."
            )
        if abs(float(member["N"])) > vector_scores.LARGEST_FLOAT:
            return (
                f"{INVALID} Invalid value for parameter {name}[{place}], Value: {Decimal(member['N']).normalize()} is "
                "outside valid range [-3.4028235E38, 3.4028235E38]."
            )
    raise AssertionError("a vector without a fault")


def change(tx: Transaction, index: VectorSchema, suffix: bytes, old: Item | None, new: Item | None) -> int:
    """Keeps the index's row; the bytes that this costs.

    They are those of the larger of the rows before and after; of both where the row moves to another partition.
    """
    before, after = _entry(index, suffix, old), _entry(index, suffix, new)
    if before == after:
        return 0
    has_left = before is not None and (after is None or after.key != before.key)
    if before is not None and has_left:
        tx.delete(before.key)
    if after is not None:
        tx.put(after.key, _encode(_Row(encode_item(after.item), after.vector.tobytes())))
    sizes = [max(_LEAST_WRITTEN, index.size_bytes(entry.item)) for entry in (before, after) if entry is not None]
    return sum(sizes) if has_left else max(sizes)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What an index holds of an item, and where."""

    key: bytes
    item: Item
    vector: array[float]


def _entry(index: VectorSchema, suffix: bytes, item: Item | None) -> _Entry | None:
    vector = None if item is None else find_vector(index.record, item)
    key = None if item is None else index.key_of(item, suffix)
    if item is None or vector is None or key is None:
        return None
    return _Entry(key, index.project(item), vector)


def billed_size_bytes(indexes: Sequence[VectorSchema], item: Item | None, size_bytes: int | None) -> int | None:
    """What a write of an item is billed for: a vector counts by its dimensions, whatever numbers it holds."""
    if item is None or size_bytes is None:
        return size_bytes
    for record in {index.record.attribute: index.record for index in indexes}.values():
        if find_vector(record, item) is not None:
            size_bytes += BYTES_PER_DIMENSION * record.dimensions - value_size_bytes(item[record.attribute])
    return size_bytes


@dataclass(frozen=True, slots=True)
class Match:
    score: float
    item: Item
    vector: array[float]


def search(
    tx: Transaction,
    index: VectorSchema,
    wanted: Sequence[float],
    most: int,
    partition: Value | None,
    passes: Callable[[Item], bool],
) -> list[Match]:
    """The nearest items, nearest first."""

    def candidates() -> Iterator[tuple[float, Item, array[float]]]:
        start = index.partition_prefix(partition)
        for _, raw in tx.scan(start, prefix_end(start)):
            row = _decode(raw)
            item = decode_item(row.item)
            if passes(item):
                vector = array("f")
                vector.frombytes(row.vector)
                yield distance(vector), item, vector

    function = index.record.function
    distance = vector_scores.ranking(function, wanted)
    nearest = nsmallest(most, candidates(), key=itemgetter(0))
    found = [Match(vector_scores.score(function, wanted, vector), item, vector) for _, item, vector in nearest]
    return sorted(found, key=lambda match: match.score, reverse=function == "DOT_PRODUCT")


def render_vector(vector: array[float]) -> Value:
    """The vector as an attribute value: the shortest digits that name each float, as measured."""
    return {"L": [{"N": _shortest(it)} for it in vector]}


def _shortest(value: float) -> str:
    """Whole numbers as 1.0, and an exponent where there would be many zeros."""
    if not value:
        return "0.0"
    tries = (format(value, f".{count}g") for count in range(6 if abs(value) >= _LEAST_NORMAL else 1, 10))
    number = Decimal(next(it for it in tries if vector_scores.single(float(it)) == value)).normalize()
    if number.adjusted() not in _PLAIN_EXPONENTS:
        return format(number, "e").replace("+", "")
    plain = format(number, "f")
    return plain if "." in plain else f"{plain}.0"
