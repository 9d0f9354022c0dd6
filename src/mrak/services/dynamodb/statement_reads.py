"""What a PartiQL select reads: its table or index, the ranges that WHERE leaves of it, page after page."""

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
from mrak.services.dynamodb import errors, reading, statement_keys, statements
from mrak.services.dynamodb.read_operations import key_range
from mrak.services.dynamodb.reading import Page, Reading, Source
from mrak.services.dynamodb.statement_keys import Read
from mrak.services.dynamodb.statements import Prepared
from mrak.store.keys import prefix_end


def select(ctx: Context, tx: Transaction, it: Prepared, req: dict[str, Any]) -> dict[str, Any]:
    statement = it.statement
    assert isinstance(statement, Select)
    source = _source(it, req)
    reads = statement_keys.find_reads(it, source.keys)
    _check_projected(it, source, reads)
    order = _order(it, source, reads)
    start = _parse_token(req)
    page = Page()
    limit = req.get("Limit")
    for begin, end in _ranges(source, reads, order):
        if start is not None:
            position = reading.start_row_key(source, start)
            if not begin <= position < end:
                continue
            begin, end = (begin, position) if order.reverses else (position + b"\x00", end)
            start = None
        part = Reading(source, begin, end, order.reverses, None if limit is None else limit - page.scanned)
        part.most_bytes -= page.read_bytes
        part.filter, part.values = it.where, it.values
        part.shows = lambda item: statements.project(item, statement.paths)
        part.fetches = _fetches(source, statement)
        part.consistent = bool(req.get("ConsistentRead"))
        _join(page, part.run(tx))
        if page.last is not None:
            break
    return _render_select(ctx, source, page, req)


def _join(page: Page, part: Page) -> None:
    page.rows += part.rows
    page.count += part.count
    page.scanned += part.scanned
    page.read_bytes += part.read_bytes
    page.fetched_units += part.fetched_units
    page.last = part.last


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
        names = statement_keys.java_order(statement_keys.names_in(read.branch, it))
        if all(name in index.attributes for name in names):
            return
        filters.setdefault(str(next(iter(read.partition.values()))), names)
    if filters:
        reading.check_filtered(source, filters[statement_keys.java_order(filters)[0]])


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


def _ranges(source: Source, reads: list[Read] | None, order: _Order) -> list[tuple[bytes, bytes]]:
    """The rows to read: partitions where WHERE names them, else everything."""
    if reads is None:
        return [(source.prefix, prefix_end(source.prefix))]
    by_partition: dict[bytes, list[Read]] = {}
    for read in reads:
        by_partition.setdefault(read.partition_id, []).append(read)
    groups = list(by_partition.values())
    if order.partitions_descend is not None:
        groups.sort(key=lambda group: keys.sort_bytes(group[0].partition), reverse=order.partitions_descend)
    return [found for group in groups for found in sorted(_group_ranges(source, group), reverse=order.reverses)]


def _group_ranges(source: Source, group: list[Read]) -> list[tuple[bytes, bytes]]:
    """Of one partition: all of it where one of its reads asks for that, so that no row comes twice."""
    partition = {source.keys[0].name: KeyTest("EQ", (group[0].partition,))}
    if len(group) > 1 and any(read.is_open for read in group):
        return [key_range(source, partition)]
    ranges = []
    for read in group:
        sort = {} if read.sort is None else {source.keys[1].name: read.sort}
        ranges.append(key_range(source, partition | sort))
    return ranges


def _digest(req: dict[str, Any]) -> str:
    return sha256(msgspec.json.encode([req["Statement"], req.get("Parameters", ())])).hexdigest()[:16]


def _parse_token(req: dict[str, Any]) -> Item | None:
    token = req.get("NextToken")
    if token is None:
        return None
    decoded = find_position(token)
    digest, separator, key = (decoded or "").partition("|")
    if not separator:
        raise errors.invalid("Invalid NextToken")
    if digest != _digest(req):
        raise errors.invalid("NextToken does not match request")
    try:
        return decode_item(key.encode())
    except msgspec.MsgspecError:
        raise errors.invalid("Invalid NextToken") from None


def _render_select(ctx: Context, source: Source, page: Page, req: dict[str, Any]) -> dict[str, Any]:
    output: dict[str, Any] = {"Items": page.rows}
    if page.last is not None:
        output["LastEvaluatedKey"] = page.last
        output["NextToken"] = render_token(f"{_digest(req)}|{encode_item(page.last).decode()}")
    shown = reading.render_capacity(ctx, source, page, req)
    if shown is not None:
        output["ConsumedCapacity"] = shown
    return output
