"""What a PartiQL select reads: its table or index, the ranges that WHERE leaves of it, page after page.

A page may end within a read, or between two of them: then there is no key to go on from, only a token. AWS tells that a
range is read to its end where the row after the page's last one, in the same partition, is not of the range any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.page import find_position, render_token
from mrak.lang.ddb import keys
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.partiql.tree import Select
from mrak.lang.ddb.values import Item, decode_item, encode_item
from mrak.lang.hashorder import in_hash_order
from mrak.services.dynamodb import errors, partitions, reading, statement_keys, statements
from mrak.services.dynamodb.read_operations import key_range
from mrak.services.dynamodb.reading import Page, Reading, Source
from mrak.services.dynamodb.statement_keys import Read
from mrak.services.dynamodb.statements import Prepared
from mrak.store.keys import prefix_end

# A statement comes apart into far fewer reads than that.
_MOST_PLACE_DIGITS = 9


@dataclass(frozen=True, slots=True)
class _Step:
    """One of the reads that a statement comes apart into: a range of rows, or the item that a whole key names."""

    begin: bytes
    end: bytes
    key: Item | None = None
    is_filtered: bool = False
    is_scan: bool = False


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a page begins: with which step, and after which row of it."""

    place: int
    after: Item | None = None


def select(ctx: Context, tx: Transaction, it: Prepared, req: dict[str, Any]) -> dict[str, Any]:
    source = _source(it, req)
    reads = statement_keys.find_reads(it, source.keys)
    _check_projected(it, source, reads)
    order = _order(it, source, reads)
    steps = _steps(source, reads, order)
    page = Page()
    position = _parse_token(req, len(steps))
    while position.place < len(steps) and not page.last_row:
        step = steps[position.place]
        part = _reading(it, source, step, order, req)
        _continue(part, page, position.after)
        found = part.run(tx)
        position = _next(tx, part, step, position.place, found)
        _join(page, found)
    return _render_select(ctx, source, page, position if position.place < len(steps) else None, req)


def _reading(it: Prepared, source: Source, step: _Step, order: _Order, req: dict[str, Any]) -> Reading:
    statement = it.statement
    assert isinstance(statement, Select)
    part = Reading(source, step.begin, step.end, order.reverses, req.get("Limit"))
    part.filter, part.values = it.where, it.values
    part.shows = lambda item: statements.project(item, statement.paths)
    part.fetches = _fetches(source, statement)
    part.consistent = bool(req.get("ConsistentRead"))
    if step.is_scan:
        part.partitions = source.physical_partitions
    return part


def _continue(part: Reading, page: Page, after: Item | None) -> None:
    """Leaves of a reading what is left of its range and of its page."""
    if part.limit is not None:
        part.limit -= page.scanned
    part.most_bytes -= page.read_bytes
    if after is None:
        return
    row = reading.start_row_key(part.source, after)
    if not part.start <= row < part.end:
        raise errors.invalid("Invalid NextToken")
    part.start, part.end = (part.start, row) if part.reverse else (row + b"\x00", part.end)


def _next(tx: Transaction, part: Reading, step: _Step, place: int, found: Page) -> _Position:
    """Where it goes on; `found.last` becomes the key that the answer tells."""
    if found.last is None:
        return _Position(place + 1)
    if found.scanned != part.limit or step.is_scan:
        return _Position(place, found.last)
    if step.key is not None:
        found.last = None if step.is_filtered else step.key
        return _Position(place + 1)
    if _is_exhausted(tx, part, step, found.last_row):
        found.last = None
        return _Position(place + 1)
    return _Position(place, found.last)


def _is_exhausted(tx: Transaction, part: Reading, step: _Step, last_row: bytes) -> bool:
    source = part.source
    total = source.physical_partitions
    begin, end = partitions.bounds(source.prefix, partitions.find(source.prefix, last_row, total), total)
    begin, end = (begin, last_row) if part.reverse else (last_row + b"\x00", end)
    return any(not step.begin <= key < step.end for key, _ in tx.scan(begin, end, 1, part.reverse))


def _join(page: Page, part: Page) -> None:
    page.rows += part.rows
    page.count += part.count
    page.scanned += part.scanned
    page.read_bytes += part.read_bytes
    page.units += part.units
    page.fetched_units += part.fetched_units
    page.last, page.last_row = part.last, part.last_row


def _source(it: Prepared, req: dict[str, Any]) -> Source:
    statement = it.statement
    assert isinstance(statement, Select)
    statements.check_paths(it)
    index = None if statement.index is None else statements.require_index(it.schema, statement.index)
    if index is not None:
        if index.record.is_global and req.get("ConsistentRead"):
            raise errors.invalid("Strongly consistent read is not supported on Global Secondary Indexes")
        if index.record.status == "CREATING":
            raise errors.invalid(f"Cannot read from backfilling global secondary index: {index.record.name}")
    if statement.refused is not None:
        raise errors.invalid(statement.refused)
    return Source(it.schema, index)


def _check_projected(it: Prepared, source: Source, reads: list[Read] | None) -> None:
    """What an index does not hold cannot be selected from a global one, nor filter what is read by key: that is
    refused where each of the reads has such a filter."""
    statement, index = it.statement, source.index
    assert isinstance(statement, Select)
    if index is None or index.attributes is None:
        return
    if index.record.is_global and statement.paths is not None:
        wanted = dict.fromkeys(str(path[0]) for path in statement.paths)
        missing = [name for name in wanted if name not in index.attributes]
        if missing:
            raise errors.invalid_parameter(
                f"Global secondary index {index.record.name} does not project [{', '.join(missing)}]"
            )
    filters: dict[str, list[str]] = {}
    for read in reads or ():
        names = in_hash_order(dict.fromkeys(statement_keys.names_in(read.branch, it)))
        if all(name in index.attributes for name in names):
            return
        filters.setdefault(str(next(iter(read.partition.values()))), names)
    if filters:
        reading.check_filtered(source, filters[in_hash_order(filters)[0]])


def _fetches(source: Source, statement: Select) -> bool:
    """Whether a local index has to ask the table for what it does not hold."""
    index = source.index
    if index is None or index.attributes is None or index.record.is_global:
        return False
    return statement.paths is not None and any(path[0] not in index.attributes for path in statement.paths)


@dataclass(frozen=True, slots=True)
class _Order:
    """Whether partitions descend, or ascend, or come as they are named; and whether what is in them is reversed."""

    partitions_descend: bool | None = None
    reverses: bool = False


def _order(it: Prepared, source: Source, reads: list[Read] | None) -> _Order:
    """What ORDER BY asks for. Without a term of its own the sort key descends."""
    statement = it.statement
    assert isinstance(statement, Select)
    if not statement.order:
        return _Order()
    if statement.where is None:
        raise errors.invalid("Must have WHERE clause in the statement when using ORDER BY clause.")
    terms = dict(statement.order)
    names = [key.name for key in source.keys]
    for name in terms:
        if name not in names:
            raise errors.invalid(f"Attribute {name} in ORDER BY clause must be part of the primary key")
    if reads is None:
        raise errors.invalid(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
        )
    if names[0] not in terms and len({read.partition_id for read in reads}) > 1:
        raise errors.invalid(
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause."
        )
    return _Order(terms.get(names[0]), terms.get(names[1], True) if len(names) > 1 else False)


def _steps(source: Source, reads: list[Read] | None, order: _Order) -> list[_Step]:
    """In the order in which they are made: partitions where WHERE names them, else everything."""
    if reads is None:
        return [_Step(source.prefix, prefix_end(source.prefix), is_scan=True)]
    by_partition: dict[bytes, list[Read]] = {}
    for read in reads:
        by_partition.setdefault(read.partition_id, []).append(read)
    groups = list(by_partition.values())
    if order.partitions_descend is not None:
        groups.sort(key=lambda group: keys.sort_bytes(group[0].partition), reverse=order.partitions_descend)
    steps: list[_Step] = []
    for group in groups:
        found = [_step(source, read) for read in group]
        steps += sorted(found, key=lambda step: step.begin, reverse=order.reverses)
    return steps


def _step(source: Source, read: Read) -> _Step:
    tests = {source.keys[0].name: KeyTest("EQ", (read.partition,))}
    if read.sort is not None:
        tests[source.keys[1].name] = read.sort
    names_item = source.index is None and [test.operator for test in tests.values()] == ["EQ"] * len(source.keys)
    key = {name: test.operands[0] for name, test in tests.items()} if names_item else None
    return _Step(*key_range(source, tests), key, read.is_filtered)


def _digest(req: dict[str, Any]) -> str:
    return sha256(msgspec.json.encode([req["Statement"], req.get("Parameters", ())])).hexdigest()[:16]


def _parse_token(req: dict[str, Any], steps: int) -> _Position:
    token = req.get("NextToken")
    if token is None:
        return _Position(0)
    digest, _, rest = (find_position(token) or "").partition("|")
    place, _, key = rest.partition("|")
    if not place.isascii() or not place.isdigit() or len(place) > _MOST_PLACE_DIGITS:
        raise errors.invalid("Invalid NextToken")
    if digest != _digest(req):
        raise errors.invalid("NextToken does not match request")
    if int(place) >= steps:
        raise errors.invalid("Invalid NextToken")
    try:
        return _Position(int(place), decode_item(key.encode()) if key else None)
    except msgspec.MsgspecError:
        raise errors.invalid("Invalid NextToken") from None


def _render_token(req: dict[str, Any], position: _Position) -> str:
    key = "" if position.after is None else encode_item(position.after).decode()
    return render_token(f"{_digest(req)}|{position.place}|{key}")


def _render_select(
    ctx: Context, source: Source, page: Page, position: _Position | None, req: dict[str, Any]
) -> dict[str, Any]:
    output: dict[str, Any] = {"Items": page.rows}
    if page.last is not None:
        output["LastEvaluatedKey"] = page.last
    if position is not None:
        output["NextToken"] = _render_token(req, position)
    shown = reading.render_capacity(ctx, source, page, req)
    if shown is not None:
        output["ConsumedCapacity"] = shown
    return output
