"""What a PartiQL select reads: its table or index, the ranges that WHERE leaves of it, page after page."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.page import find_position, render_token
from mrak.lang.ddb.expressions import keycondition
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.expressions.tree import CompareNode, Condition, LogicNode, NotNode, PathNode
from mrak.lang.ddb.partiql.tree import Select
from mrak.lang.ddb.values import Item, decode_item, encode_item
from mrak.services.dynamodb import errors, reading, statements
from mrak.services.dynamodb.read_operations import key_range
from mrak.services.dynamodb.reading import Page, Reading, Source
from mrak.services.dynamodb.statements import Prepared
from mrak.services.dynamodb.tables import IndexSchema
from mrak.store.keys import prefix_end

_MOST_PARTITIONS = 50


def select(ctx: Context, tx: Transaction, it: Prepared, req: dict[str, Any]) -> dict[str, Any]:
    statement = it.statement
    assert isinstance(statement, Select)
    source = _source(it, req)
    ranges = _ranges(it, source)
    reverse = _is_reversed(it, source)
    if reverse:
        ranges = ranges[::-1]
    start = _parse_token(req)
    page = Page()
    limit = req.get("Limit")
    for begin, end in ranges:
        if start is not None:
            position = reading.start_row_key(source, start)
            if not begin <= position < end:
                continue
            begin, end = (begin, position) if reverse else (position + b"\x00", end)
            start = None
        part = Reading(source, begin, end, reverse, None if limit is None else limit - page.scanned)
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
    source = Source(it.schema, index)
    if index is not None and index.attributes is not None:
        _check_projected(it, source, index, index.attributes)
    return source


def _check_projected(it: Prepared, source: Source, index: IndexSchema, attributes: tuple[str, ...]) -> None:
    """What an index does not hold cannot be selected from a global one, nor filter what a key condition chose."""
    statement = it.statement
    assert isinstance(statement, Select)
    if index.record.is_global and statement.paths is not None:
        wanted = dict.fromkeys(str(path[0]) for path in statement.paths)
        missing = [name for name in wanted if name not in attributes]
        if missing:
            raise errors.invalid_parameter(
                f"Global secondary index {index.record.name} does not project [{', '.join(missing)}]"
            )
    tests = statements.key_tests(it, source.keys)
    if it.where is None or _partition_choices(tests.get(source.keys[0].name, [])) is None:
        return
    reading.check_filtered(source, [name for name in statement.names.values() if name in it.where.heads])


def _fetches(source: Source, statement: Select) -> bool:
    """Whether a local index has to ask the table for what it does not hold."""
    index = source.index
    if index is None or index.attributes is None or index.record.is_global:
        return False
    return statement.paths is not None and any(path[0] not in index.attributes for path in statement.paths)


def _ranges(it: Prepared, source: Source) -> list[tuple[bytes, bytes]]:
    """The rows to read: partitions where WHERE names them, else everything."""
    branches = _branches(getattr(it.statement, "where", None))
    if len(branches) > 1:
        return _ranges_of_branches(it, source, branches)
    tests = statements.key_tests(it, source.keys)
    partition = source.keys[0]
    choices = _partition_choices(tests.get(partition.name, []))
    if choices is None:
        return [(source.prefix, prefix_end(source.prefix))]
    _check_count(choices)
    ranges = []
    for choice in choices:
        chosen = {partition.name: choice}
        for key in source.keys[1:]:
            usable = [test for test in tests.get(key.name, []) if test.operator != "IN"]
            if usable:
                chosen[key.name] = usable[0]
        ranges.append(key_range(source, chosen))
    return ranges


def _check_count(choices: list[KeyTest]) -> None:
    if len(choices) > _MOST_PARTITIONS:
        raise errors.invalid("Too many decomposed read operations for a given query.")


def _branches(where: Condition | None) -> tuple[Condition | None, ...]:
    return where.parts if isinstance(where, LogicNode) and where.operator == "OR" else (where,)


def _ranges_of_branches(
    it: Prepared, source: Source, branches: tuple[Condition | None, ...]
) -> list[tuple[bytes, bytes]]:
    """Alternatives: the partitions that they name, where all of them name some."""
    named: dict[bytes, KeyTest] = {}
    is_everything = False
    ranged: list[tuple[bytes, KeyTest | None]] = []
    for branch in branches:
        tests = statements.key_tests(it, source.keys, branch)
        choices = _partition_choices(tests.get(source.keys[0].name, []))
        if choices is None:
            is_everything = True
            continue
        partitions = {encode_item({"": choice.operands[0]}): choice for choice in choices}
        named |= partitions
        if len(source.keys) > 1 and not _excludes(it, branch, source.keys[1].name):
            sort = next(iter(tests.get(source.keys[1].name, [])), None)
            ranged += ((partition, sort) for partition in partitions)
    _check_overlaps(ranged)
    if is_everything:
        return [(source.prefix, prefix_end(source.prefix))]
    _check_count(list(named.values()))
    return [key_range(source, {source.keys[0].name: choice}) for choice in named.values()]


def _excludes(it: Prepared, branch: Condition | None, sort: str) -> bool:
    """Whether a branch tells what the sort key is not."""
    negated = (
        node
        for node in statements.conjuncts(branch)
        if isinstance(node, NotNode) or (isinstance(node, CompareNode) and node.operator == "<>")
    )
    return any(sort in _names_in(node, it) for node in negated)


def _names_in(node: Any, it: Prepared) -> Iterator[str]:
    """The attributes that a condition names, at any depth."""
    if isinstance(node, PathNode):
        yield it.statement.names[str(node.raw[0])]
    elif isinstance(node, tuple):
        for part in node:
            yield from _names_in(part, it)
    elif hasattr(node, "__dataclass_fields__"):
        for field in node.__dataclass_fields__:
            yield from _names_in(getattr(node, field), it)


def _check_overlaps(ranged: list[tuple[bytes, KeyTest | None]]) -> None:
    for place, (partition, test) in enumerate(ranged):
        for other, other_test in ranged[:place]:
            if partition == other and (test or other_test) and keycondition.overlap(test, other_test):
                raise errors.invalid("Overlapping conditions with range keys are not supported in where clause")


def _partition_choices(tests: list[KeyTest]) -> list[KeyTest] | None:
    for test in tests:
        if test.operator == "EQ":
            return [test]
    for test in tests:
        if test.operator == "IN":
            distinct = {encode_item({"": operand}): operand for operand in test.operands}
            return [KeyTest("EQ", (operand,)) for operand in distinct.values()]
    return None


def _is_reversed(it: Prepared, source: Source) -> bool:
    statement = it.statement
    assert isinstance(statement, Select)
    if statement.order is None:
        return False
    if statement.where is None:
        raise errors.invalid("Must have WHERE clause in the statement when using ORDER BY clause.")
    name, descends = statement.order
    if name not in [key.name for key in source.keys]:
        raise errors.invalid(f"Variable reference {name} in ORDER BY clause must be part of the primary key")
    tests = statements.key_tests(it, source.keys)
    if source.keys[0].name not in tests:
        raise errors.invalid(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
        )
    return descends


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
