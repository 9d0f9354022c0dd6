"""Rows and keys of DynamoDB, and a table's schema compiled from its row.

    dynamodb.table   account region name             -> TableRecord
    dynamodb.item    account region TABLE HASH pk sk -> the item's wire JSON, then its size in 4 bytes
    dynamodb.index   account region TABLE INDEX HASH index-keys TIE pk sk -> the projected item, in the same form

TABLE and INDEX are numbers that no other table or index ever gets, so dropping one is one range. HASH is eight bytes of
the partition key's hash, which is AWS's: a scan returns items in its order, and a segment of a parallel scan is a range
of it. TIE, in global indexes only, is eight bytes of the same hash of the table's whole key: items that are alike in
such an index are in this order at AWS.

A schema is cached under the bytes of its row, so that it can never be stale.

Invariants: an item's row is written only after its key was opened; an index row is there if and only if the item has
all of the index's key attributes, and it is the item's projection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b, md5
from struct import Struct as Packing
from typing import Any

import msgspec

from mrak.core.arn import Arn, arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.lang.ddb.keys import MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, sort_bytes
from mrak.lang.ddb.numbers import stored_bytes
from mrak.lang.ddb.values import Item, Value, decode_item, encode_item
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.spaces import RowSpace
from mrak.services.dynamodb.vectors import VectorRecord, VectorSchema, compile_index
from mrak.store.keys import encode_part
from mrak.store.tables import Table


class IndexRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A secondary index. `keys` are (attribute, HASH or RANGE), all HASH first."""

    name: str
    number: int
    is_global: bool
    keys: tuple[tuple[str, str], ...]
    projection: str = "ALL"
    included: tuple[str, ...] = ()
    read_units: int = 0
    write_units: int = 0
    status: str = "ACTIVE"
    on_demand: dict[str, int] | None = None
    warm: dict[str, int] | None = None
    backfilled_to: bytes | None = None
    decreases_today: int = 0
    increased_at: float | None = None
    decreased_at: float | None = None


class StreamRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A table's latest stream; rows of earlier ones stay for 24 hours under their own numbers. `shards` are the numbers
    of those that are open, or were last: each has as large a part of the key space, in this order."""

    number: int
    view: str
    label: str
    created_at: float
    is_enabled: bool = True
    policy: str | None = None
    policy_revision: str | None = None
    shards: tuple[int, ...] = ()

    @property
    def open_shards(self) -> tuple[int, ...]:
        """Streams of earlier versions have one shard until it is closed, of their own number."""
        return self.shards or (self.number,)


class TimeToLive(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    attribute: str
    is_enabled: bool
    changed_at: float


class TableRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A table's description. Fields are only ever appended."""

    name: str
    number: int
    id: str
    created_at: float
    attributes: dict[str, str]
    keys: tuple[tuple[str, str], ...]
    billing: str = "PROVISIONED"
    read_units: int = 0
    write_units: int = 0
    decreases_today: int = 0
    increased_at: float | None = None
    decreased_at: float | None = None
    pay_per_request_at: float | None = None
    indexes: tuple[IndexRecord, ...] = ()
    stream: StreamRecord | None = None
    ttl: TimeToLive | None = None
    tags: dict[str, str] = {}
    is_deletion_protected: bool = False
    table_class: str | None = None
    table_class_at: float | None = None
    sse: dict[str, Any] | None = None
    on_demand: dict[str, int] | None = None
    warm: dict[str, int] | None = None
    policy: str | None = None
    policy_revision: str | None = None
    pitr_since: float | None = None
    pitr_days: int = 35
    kinesis: tuple[dict[str, Any], ...] = ()
    insights: dict[str, dict[str, Any]] = {}
    replicas: tuple[dict[str, Any], ...] = ()
    vectors: tuple[VectorRecord, ...] = ()
    restored: dict[str, Any] | None = None
    is_strong: bool = False
    witness: str | None = None
    is_disassociation_protected: bool = True
    # Tables of earlier versions are spread by another hash.
    is_spread_as_aws: bool = False
    # So are those whose item collections have no counters before they are written.
    counts_collections: bool = False
    settings_mode: str | None = None
    # "CREATING" while it gets the items of the global table that it joined, "UPDATING" while it leaves one.
    transition: str | None = None
    # When it became on demand of late, as which its creation counts.
    on_demand_switches: tuple[float, ...] = ()

    @property
    def is_provisioned(self) -> bool:
        return self.billing == "PROVISIONED"


TABLES = Table("dynamodb.table", TableRecord, key=("name",))


ITEMS = RowSpace("dynamodb.item")
INDEX_ROWS = RowSpace("dynamodb.index")
STREAM_ROWS = RowSpace("dynamodb.stream")
COLLECTIONS = RowSpace("dynamodb.collection")
UNDER_WAY = RowSpace("dynamodb.underway")

_size = Packing(">I")
HASH_BYTES = 8


def pack_row(item: Item, size_bytes: int) -> bytes:
    return encode_item(item) + _size.pack(size_bytes)


def row_size_bytes(row: bytes) -> int:
    """The size of the item in a row, as AWS counts it."""
    return _size.unpack_from(row, len(row) - 4)[0]  # type: ignore[no-any-return]


def row_json(row: bytes) -> msgspec.Raw:
    """The item as it goes over the wire, without taking it apart."""
    return msgspec.Raw(row[:-4])


def unpack_row(row: bytes) -> Item:
    return decode_item(row[:-4])


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    name: str
    kind: str
    is_partition: bool
    # Of a vector index. What that only filters by has a type, but may be empty and of any length.
    is_searched: bool = False
    is_filter: bool = False

    @property
    def most_bytes(self) -> int:
        return MAX_PARTITION_KEY_BYTES if self.is_partition else MAX_SORT_KEY_BYTES


# Where in a table's key space a partition lies, by the parts of its key.
Spread = Callable[[Sequence[bytes]], bytes]
_SALT = b"Outliers"


def _spreading(record: TableRecord, partition: Sequence[KeyAttribute]) -> Spread:
    if not record.is_spread_as_aws:
        return _spread_as_earlier
    if [key.kind for key in partition] == ["N"]:
        return _spread_number
    if any(key.kind == "N" for key in partition):
        return partial(_spread_numbers, tuple(key.kind == "N" for key in partition))
    return _spread


def _spread(parts: Sequence[bytes]) -> bytes:
    """AWS's hash: scans of its tables come in this order."""
    return md5(_SALT + b"".join(parts), usedforsecurity=False).digest()[:HASH_BYTES]


def _spread_number(parts: Sequence[bytes]) -> bytes:
    return md5(_SALT + stored_bytes(parts[0]), usedforsecurity=False).digest()[:HASH_BYTES]


def _spread_numbers(are_numbers: tuple[bool, ...], parts: Sequence[bytes]) -> bytes:
    pairs = zip(parts, are_numbers, strict=True)
    return _spread([stored_bytes(part) if is_number else part for part, is_number in pairs])


def _spread_as_earlier(parts: Sequence[bytes]) -> bytes:
    return blake2b(b"".join(map(encode_part, parts)), digest_size=HASH_BYTES).digest()


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """An index, compiled."""

    record: IndexRecord
    keys: tuple[KeyAttribute, ...]
    partition_count: int
    spread: Spread
    prefix: bytes
    # The attributes that an index row holds; None for all.
    attributes: tuple[str, ...] | None
    # The table's key attributes, whose hash is the order of items that are alike in the index.
    tie_names: tuple[str, ...]
    tie: Spread

    def key_of(self, item: Item, item_suffix: bytes) -> bytes | None:
        """The key of the item's row in this index; None where the item is not in it.

        Older items than the index may have what no write could give them since: another type, nothing, or too much.
        """
        parts: list[bytes] = []
        for key in self.keys:
            value = item.get(key.name)
            if value is None or key.kind not in value:
                return None
            part = sort_bytes(value)
            if not 0 < len(part) <= key.most_bytes:
                return None
            parts.append(part)
        place = self.spread(parts[: self.partition_count])
        if self.tie_names:
            item_suffix = self.tie([sort_bytes(item[name]) for name in self.tie_names]) + item_suffix
        return self.prefix + place + b"".join(map(encode_part, parts)) + item_suffix

    def project(self, item: Item) -> Item:
        if self.attributes is None:
            return item
        return {name: item[name] for name in self.attributes if name in item}


@dataclass(frozen=True, slots=True)
class Schema:
    """A table, compiled for the item operations."""

    record: TableRecord
    scope: Scope
    prefix: bytes
    spread: Spread
    partition: KeyAttribute
    sort: KeyAttribute | None
    keys: tuple[KeyAttribute, ...]
    key_names: tuple[str, ...]
    indexes: tuple[IndexSchema, ...]
    local_indexes: tuple[IndexSchema, ...]
    collections_prefix: bytes
    underway_prefix: bytes
    # Index keys in AWS's order of checks: global indexes from the last, then local ones.
    index_keys: tuple[tuple[KeyAttribute, str], ...]
    vectors: tuple[VectorSchema, ...]
    ttl_attribute: str | None
    # Of each open shard of its stream the prefix of its records, and the topic of those who wait for them.
    logs: tuple[tuple[bytes, str], ...]
    # Kinesis streams that changes go to.
    destinations: tuple[dict[str, Any], ...]
    # Whether a write has to know the item that was there before.
    needs_old: bool
    is_throttled: bool
    # In what its writes are billed.
    write_unit: str

    def suffix(self, partition: bytes, sort: bytes | None) -> bytes:
        head = encode_part(partition)
        return head if sort is None else head + encode_part(sort)

    def item_key(self, suffix: bytes, partition: bytes) -> bytes:
        return self.prefix + self.spread((partition,)) + suffix

    def find_index(self, name: str) -> IndexSchema | None:
        return next((index for index in self.indexes if index.record.name == name), None)

    @property
    def arn(self) -> str:
        return table_arn(self.scope, self.record.name)

    def key_of(self, item: Item) -> Item:
        return {name: item[name] for name in self.key_names}


REPLICATED_UNITS = "ReplicatedWriteRequestUnits"
# Tables with this tag are throttled; others take what comes.
THROTTLED_TAG = "mrak:throttled"
_schemas: dict[tuple[Scope, bytes], Schema] = {}
_MOST_SCHEMAS = 4096
_decode_table: Callable[[bytes], TableRecord] = msgspec.msgpack.Decoder(TableRecord).decode


def table_arn(scope: Scope, name: str) -> str:
    return arn(scope, "dynamodb", f"table/{name}")


def resolve_name(ctx: Context, name_or_arn: str, is_item: bool = False) -> tuple[Scope, str]:
    """The scope and name of a table that a request names by name or by ARN. What is asked of an item has words of its
    own for a wrong ARN."""
    if not name_or_arn.startswith("arn:"):
        return ctx.scope, name_or_arn
    parts = find_arn(name_or_arn)
    if parts is None or parts.service != "dynamodb" or not parts.resource.startswith("table/"):
        raise errors.invalid("Invalid table ARN")
    name, _, more = parts.resource.removeprefix("table/").partition("/")
    for wrong, what in (
        (parts.partition != ctx.scope.partition, "AWS partition"),
        (parts.region != ctx.scope.region, "AWS region"),
        (more, "resource type"),
    ):
        if wrong:
            said = f"Value '{name_or_arn}' at 'tableName' failed to satisfy constraint: Invalid {what}"
            if not is_item:
                said = f"Invalid {what} in '{name_or_arn}'"
            raise errors.invalid(f"1 validation error detected: {said}")
    return parts.scope_in(ctx.scope.environment), name


def find_table_arn(text: str) -> Arn:
    """The parts of an ARN of a table or a stream, as tags and policies take them."""
    if not text.startswith("arn:"):
        raise errors.invalid_parameter(f"ARNs must start with 'arn:': {text}")
    parts = find_arn(text)
    kinds = [] if parts is None else parts.resource.split("/")[2:3]
    if parts is None or parts.service != "dynamodb" or kinds not in ([], ["index"], ["stream"]):
        raise errors.invalid_parameter(f"Provided Arn is not a DynamoDB resource arn: {text}")
    if not parts.resource.startswith("table/") or kinds == ["index"]:
        raise errors.invalid_parameter(
            f"Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {text}"
        )
    return parts


def find_schema(tx: Transaction, scope: Scope, name: str) -> Schema | None:
    row = tx.get(TABLES.prefix(scope) + encode_part(name))
    if row is None:
        return None
    found = _schemas.get((scope, row))
    if found is None:
        if len(_schemas) >= _MOST_SCHEMAS:
            _schemas.clear()
        found = _schemas[scope, row] = compile_schema(scope, _decode_table(row))
    return found


def used_attributes(record: TableRecord) -> dict[str, str]:
    """The definitions of the attributes that are keys of something."""
    used = {name for name, _ in record.keys}
    used |= {name for vector in record.vectors for name, _ in vector.search}
    used |= {name for index in record.indexes for name, _ in index.keys}
    return {name: kind for name, kind in record.attributes.items() if name in used}


def compile_schema(scope: Scope, record: TableRecord) -> Schema:
    deviation("DYNAMODB-008")
    keys = _key_attributes(record, record.keys)
    indexes = tuple(_compile_index(scope, record, index) for index in record.indexes)
    ordered = sorted(indexes, key=lambda index: index.record.name)
    logs = _logs_of(scope, record.stream)
    destinations = tuple(it for it in record.kinesis if it["DestinationStatus"] == "ACTIVE")
    ttl = record.ttl.attribute if record.ttl is not None and record.ttl.is_enabled else None
    return Schema(
        record=record,
        scope=scope,
        prefix=ITEMS.prefix(scope, record.number),
        spread=_spreading(record, keys[:1]),
        partition=keys[0],
        sort=keys[1] if len(keys) > 1 else None,
        keys=keys,
        key_names=tuple(key.name for key in keys),
        indexes=indexes,
        local_indexes=tuple(index for index in indexes if not index.record.is_global),
        collections_prefix=COLLECTIONS.prefix(scope, record.number),
        underway_prefix=UNDER_WAY.prefix(scope, record.number),
        index_keys=_index_keys(record, ordered),
        vectors=tuple(
            compile_index(scope, record.number, [key.name for key in keys], record.attributes, it)
            for it in record.vectors
        ),
        ttl_attribute=ttl,
        logs=logs,
        destinations=destinations,
        needs_old=bool(indexes or record.vectors or destinations or logs) or ttl is not None,
        is_throttled=record.tags.get(THROTTLED_TAG) == "true",
        write_unit=REPLICATED_UNITS if record.replicas else "WriteRequestUnits",
    )


def _logs_of(scope: Scope, stream: StreamRecord | None) -> tuple[tuple[bytes, str], ...]:
    if stream is None or not stream.is_enabled:
        return ()
    return tuple((STREAM_ROWS.prefix(scope, number), shard_topic(scope, number)) for number in stream.open_shards)


def shard_topic(scope: Scope, number: int) -> str:
    """Notified when a shard has new records, and when it is closed."""
    return f"dynamodb.shard:{scope.account}:{scope.region}:{number}"


def _index_keys(record: TableRecord, indexes: list[IndexSchema]) -> tuple[tuple[KeyAttribute, str], ...]:
    """Attributes that must have the type of an index's key, with the name of the (first) index."""
    found = [
        (key, index.record.name)
        for index in indexes
        for key in index.keys
        if index.record.is_global or not key.is_partition
    ]
    for vector in record.vectors:
        for name, role in vector.search:
            is_partition = role == "HASH"
            searched = KeyAttribute(name, record.attributes[name], is_partition, True, not is_partition)
            found.append((searched, vector.name))
    return tuple(found)


def _key_attributes(record: TableRecord, keys: tuple[tuple[str, str], ...]) -> tuple[KeyAttribute, ...]:
    return tuple(KeyAttribute(name, record.attributes[name], role == "HASH") for name, role in keys)


def _compile_index(scope: Scope, record: TableRecord, index: IndexRecord) -> IndexSchema:
    keys = _key_attributes(record, index.keys)
    attributes: tuple[str, ...] | None = None
    if index.projection != "ALL":
        names = [name for name, _ in index.keys] + [name for name, _ in record.keys] + list(index.included)
        attributes = tuple(dict.fromkeys(names))
    partition = [key for key in keys if key.is_partition]
    has_ties = index.is_global and record.is_spread_as_aws
    return IndexSchema(
        record=index,
        keys=keys,
        partition_count=len(partition),
        spread=_spreading(record, partition),
        prefix=INDEX_ROWS.prefix(scope, record.number, index.number),
        attributes=attributes,
        tie_names=tuple(name for name, _ in record.keys) if has_ties else (),
        tie=_spreading(record, _key_attributes(record, record.keys)),
    )


def key_part(key: KeyAttribute, value: Value | None) -> bytes:
    """A key attribute's bytes; raises what AWS says of a Key that does not fit the schema."""
    if value is None or key.kind not in value:
        raise errors.schema_mismatch()
    return sort_bytes(value)
