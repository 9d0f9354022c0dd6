"""Typed rows and their indexes over the ordered store.

    MESSAGES = Table("sqs.message", Message, key=("queue", "sequence"), entity=1)
    BY_DUE = MESSAGES.index("due", ("queue", "visible_at"))

    message = MESSAGES.open(tx, scope, queue, sequence)      locks the entity (here: the queue), then reads
    MESSAGES.insert(tx, scope, message)                      row and index rows
    MESSAGES.replace(tx, scope, old, new)                    the caller has read `old`: keeping indexes hides no read
    MESSAGES.delete(tx, scope, old)
    BY_DUE.scan(tx, scope, queue, upto=now)                  rows in the index's order

A record is a frozen msgspec Struct with `array_like=True`: fields are only ever appended, with defaults, so that rows
written by an older version read well. `key` names its key fields; `entity` says how many of them make the entity that
is opened (default: all). Rows live under account, region and the table's name; the environment has a store of its own.

Invariant: an index row is there if and only if its row is, and all the index's fields are not None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.store.keys import KeyPart, encode, encode_part, prefix_end

R = TypeVar("R", bound=msgspec.Struct)

_names: set[str] = set()
_encode_record = msgspec.msgpack.Encoder().encode


def _span(prefix: bytes, since: KeyPart | None, after: KeyPart | None, upto: KeyPart | None) -> tuple[bytes, bytes]:
    """The range that a scan wants. Bounds are on the part that follows the prefix."""
    if after is not None:
        start = prefix_end(prefix + encode_part(after))
    else:
        start = prefix if since is None else prefix + encode_part(since)
    end = prefix_end(prefix) if upto is None else prefix_end(prefix + encode_part(upto))
    return start, end


class _Keyspace:
    """Keys under (account, region, name)."""

    def __init__(self, name: str) -> None:
        assert name not in _names, f"two tables are named {name}"
        _names.add(name)
        self.name = name
        self._name_part = encode_part(name)
        self._prefixes: dict[Scope, bytes] = {}

    def prefix(self, scope: Scope) -> bytes:
        found = self._prefixes.get(scope)
        if found is None:
            if len(self._prefixes) > 4096:
                self._prefixes.clear()
            found = b"\x01" + encode((scope.account, scope.region)) + self._name_part
            self._prefixes[scope] = found
        return found


def _getter(fields: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(fields) == 1:
        single = attrgetter(fields[0])
        return lambda record: (single(record),)
    return attrgetter(*fields)


class Table(_Keyspace, Generic[R]):
    def __init__(
        self,
        name: str,
        record: type[R],
        key: tuple[str, ...],
        *,
        entity: int | None = None,
        append_only: bool = False,
    ) -> None:
        super().__init__(name)
        self.key_fields = key
        self._entity_parts = len(key) if entity is None else entity
        self._row_is_entity = self._entity_parts == len(key)
        self._append_only = append_only
        self._indexes: list[Index[R]] = []
        self._key_of = _getter(key)
        self._decode = msgspec.msgpack.Decoder(record).decode

    def index(self, name: str, fields: tuple[str, ...]) -> Index[R]:
        """An index on `fields`; rows in which one of them is None are not in it."""
        index = Index(self, name, fields)
        self._indexes.append(index)
        return index

    def key(self, scope: Scope, *parts: KeyPart) -> bytes:
        return self.prefix(scope) + encode(parts)

    def lock(self, tx: Transaction, scope: Scope, *entity: KeyPart) -> None:
        """Opens an entity without reading: its key parts, as many as the table's `entity` says."""
        assert len(entity) == self._entity_parts, f"{self.name}: an entity has {self._entity_parts} key parts"
        tx.lock(self.prefix(scope) + encode(entity))

    def open(self, tx: Transaction, scope: Scope, *key: KeyPart) -> R | None:
        """Opens the row's entity and reads the row, for writing."""
        full = self.prefix(scope) + encode(key)
        tx.lock(full if self._row_is_entity else self.prefix(scope) + encode(key[: self._entity_parts]))
        raw = tx.get(full)
        return None if raw is None else self._decode(raw)

    def get(self, tx: Transaction, scope: Scope, *key: KeyPart) -> R | None:
        raw = tx.get(self.prefix(scope) + encode(key))
        return None if raw is None else self._decode(raw)

    def get_many(self, tx: Transaction, scope: Scope, keys: list[tuple[KeyPart, ...]]) -> list[R | None]:
        prefix = self.prefix(scope)
        found = tx.get_many([prefix + encode(key) for key in keys])
        return [None if raw is None else self._decode(raw) for raw in found]

    def insert(self, tx: Transaction, scope: Scope, record: R) -> None:
        """Writes a row that is not there yet; its entity has been opened, so nobody else writes it meanwhile."""
        key = self._key_of(record)
        encoded = encode(key)
        self._check_open(tx, scope, key, encoded)
        self._put(tx, scope, record, encoded)

    def append(self, tx: Transaction, scope: Scope, record: R) -> None:
        """Writes a row whose key nobody else can have, since a fresh id or sequence is in it: opening is not needed."""
        self._put(tx, scope, record, encode(self._key_of(record)))

    def replace(self, tx: Transaction, scope: Scope, old: R, new: R) -> None:
        """Writes `new` over `old`, which the caller has read. Their keys may differ: then the row moves."""
        old_key, new_key = self._key_of(old), self._key_of(new)
        if old_key != new_key:
            self.delete(tx, scope, old)
            self.insert(tx, scope, new)
            return
        encoded = encode(new_key)
        self._check_open(tx, scope, new_key, encoded)
        tx.put(self.prefix(scope) + encoded, _encode_record(new))
        for index in self._indexes:
            before, after = index.key_of(scope, old, encoded), index.key_of(scope, new, encoded)
            if before == after:
                continue
            if before is not None:
                tx.delete(before)
            if after is not None:
                tx.put(after, encoded)

    def delete(self, tx: Transaction, scope: Scope, old: R) -> None:
        key = self._key_of(old)
        encoded = encode(key)
        self._check_open(tx, scope, key, encoded)
        tx.delete(self.prefix(scope) + encoded)
        for index in self._indexes:
            index_key = index.key_of(scope, old, encoded)
            if index_key is not None:
                tx.delete(index_key)

    def delete_all(self, tx: Transaction, scope: Scope, *prefix: KeyPart) -> None:
        """Deletes every row under a key prefix, which must name a whole entity, at the price of one range for the
        table and one for each index (whose fields must begin with the same key fields)."""
        assert self._append_only or len(prefix) <= self._entity_parts
        fields = self.key_fields[: len(prefix)]
        assert all(index.fields[: len(prefix)] == fields for index in self._indexes)
        encoded = encode(prefix)
        for space in (self, *self._indexes):
            start = space.prefix(scope) + encoded
            tx.delete_range(start, prefix_end(start))

    def scan(
        self,
        tx: Transaction,
        scope: Scope,
        *prefix: KeyPart,
        since: KeyPart | None = None,
        after: KeyPart | None = None,
        upto: KeyPart | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[R]:
        """Rows under a key prefix, in key order; `since` and `upto` are inclusive, `after` is not."""
        start, end = _span(self.prefix(scope) + encode(prefix), since, after, upto)
        decode = self._decode
        for _, raw in tx.scan(start, end, limit, reverse):
            yield decode(raw)

    def scan_between(self, tx: Transaction, start: bytes, end: bytes, limit: int | None = None) -> Iterator[R]:
        """Rows between two raw keys made by `key`, for bounds inside a part (names that begin with a text)."""
        decode = self._decode
        for _, raw in tx.scan(start, end, limit):
            yield decode(raw)

    def count(
        self,
        tx: Transaction,
        scope: Scope,
        *prefix: KeyPart,
        after: KeyPart | None = None,
        upto: KeyPart | None = None,
    ) -> int:
        return tx.count(*_span(self.prefix(scope) + encode(prefix), None, after, upto))

    def require_indexed(self, tx: Transaction, scope: Scope, encoded_key: bytes) -> R:
        """The row that an index row points to."""
        raw = tx.get(self.prefix(scope) + encoded_key)
        assert raw is not None, f"{self.name}: an index row without its row: {encoded_key!r}"
        return self._decode(raw)

    def _put(self, tx: Transaction, scope: Scope, record: R, encoded_key: bytes) -> None:
        tx.put(self.prefix(scope) + encoded_key, _encode_record(record))
        for index in self._indexes:
            index_key = index.key_of(scope, record, encoded_key)
            if index_key is not None:
                tx.put(index_key, encoded_key)

    def _check_open(self, tx: Transaction, scope: Scope, key: tuple[KeyPart, ...], encoded_key: bytes) -> None:
        if self._append_only:
            return
        entity = encoded_key if self._row_is_entity else encode(key[: self._entity_parts])
        tx.check_open(self.prefix(scope) + entity)


class Index(_Keyspace, Generic[R]):
    """Rows of a table in another order: (fields, key) -> key."""

    def __init__(self, table: Table[R], name: str, fields: tuple[str, ...]) -> None:
        super().__init__(f"{table.name}/{name}")
        self.fields = fields
        self._table = table
        self._fields_of = _getter(fields)

    def key_of(self, scope: Scope, record: R, encoded_key: bytes) -> bytes | None:
        values = self._fields_of(record)
        if None in values:
            return None
        return self.prefix(scope) + encode(values) + encoded_key

    def scan(
        self,
        tx: Transaction,
        scope: Scope,
        *prefix: KeyPart,
        since: KeyPart | None = None,
        after: KeyPart | None = None,
        upto: KeyPart | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[R]:
        """Rows whose leading index fields are `prefix`, in the index's order."""
        start, end = _span(self.prefix(scope) + encode(prefix), since, after, upto)
        for _, encoded_key in tx.scan(start, end, limit, reverse):
            yield self._table.require_indexed(tx, scope, encoded_key)

    def count(
        self,
        tx: Transaction,
        scope: Scope,
        *prefix: KeyPart,
        after: KeyPart | None = None,
        upto: KeyPart | None = None,
    ) -> int:
        start, end = _span(self.prefix(scope) + encode(prefix), None, after, upto)
        return tx.count(start, end)
