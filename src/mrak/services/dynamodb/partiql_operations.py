"""ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.lang.ddb import capacity
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.partiql.tree import AnyStatement, Delete, Insert, Select
from mrak.lang.ddb.values import Item, decode_item, encode_item
from mrak.services.dynamodb import errors, items, reading, statements, transaction_operations, writes
from mrak.services.dynamodb.item_operations import execute
from mrak.services.dynamodb.items import Change, Cost
from mrak.services.dynamodb.read_operations import key_range
from mrak.services.dynamodb.reading import Page, Reading, Source
from mrak.services.dynamodb.statements import Prepared
from mrak.services.dynamodb.tables import Schema, row_size_bytes, unpack_row
from mrak.services.dynamodb.writes import Write
from mrak.store.keys import prefix_end

_MOST_PARTITIONS = 50
_BATCH_CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ResourceNotFoundException": "ResourceNotFound",
    "ValidationException": "ValidationError",
    "ItemCollectionSizeLimitExceededException": "ItemCollectionSizeLimitExceeded",
}


@operation("ExecuteStatement")
def execute_statement(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    it = statements.prepare(ctx, tx, req["Statement"], req.get("Parameters", ()))
    if isinstance(it.statement, Select):
        if it.statement.is_exists:
            raise errors.invalid("EXISTS can only be used in ExecuteTransaction write requests.")
        return _select(ctx, tx, it, req)
    shows_old = req.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    found, cost = _write(ctx, tx, it, shows_old)
    output: dict[str, Any] = {"Items": found}
    consumed = cost.render(req.get("ReturnConsumedCapacity"), it.schema.record.name)
    if consumed is not None:
        output["ConsumedCapacity"] = consumed
    return output


def _write(ctx: Context, tx: Transaction, it: Prepared, shows_old: bool) -> tuple[list[Item], Cost]:
    """One write, and what its RETURNING clause shows."""
    write = statements.make_write(it)
    statements.check_paths(it)
    statement = it.statement
    if isinstance(statement, Delete):
        key = write.locate(it.schema)
        if items.open_row(tx, key) is None:
            return [], Cost(1.0)
    try:
        change, cost = execute(ctx, tx, it.schema, write, shows_old)
    except ApiError as error:
        if isinstance(statement, Insert) and error.code == "ConditionalCheckFailedException":
            if statement.ignores_duplicate:
                return [], Cost(1.0)
            raise statements.duplicate_item() from None
        raise
    shown = _returned(statement, write, change)
    return ([shown] if shown else []), cost


def _returned(statement: AnyStatement, write: writes.Write, change: Change) -> Item | None:
    returning = getattr(statement, "returning", None)
    if returning is None:
        return None
    what, _, when = returning.partition(" ")
    if when == "OLD" and change.old is None and change.old_row is not None:
        change.old = unpack_row(change.old_row)
    item = change.old if when == "OLD" else change.new
    return item if what == "ALL" else writes.updated_attributes(write, item)


def _select(ctx: Context, tx: Transaction, it: Prepared, req: dict[str, Any]) -> dict[str, Any]:
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
        part.filter, part.values = it.where, it.values
        part.shows = lambda item: statements.project(item, statement.paths)
        part.fetches = _fetches(source, statement)
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
    consistent = req.get("ConsistentRead", False)
    index = None if statement.index is None else it.schema.find_index(statement.index)
    if statement.index is not None and index is None:
        raise errors.invalid(f"The table does not have the specified index: {statement.index}")
    if index is not None and index.record.is_global and consistent:
        raise errors.invalid("Consistent reads are not supported on global secondary indexes")
    return Source(it.schema, index)


def _fetches(source: Source, statement: Select) -> bool:
    """Whether a local index has to ask the table for what it does not hold."""
    index = source.index
    if index is None or index.attributes is None or index.record.is_global:
        return False
    return statement.paths is not None and any(path[0] not in index.attributes for path in statement.paths)


def _ranges(it: Prepared, source: Source) -> list[tuple[bytes, bytes]]:
    """The rows to read: partitions where WHERE names them, else everything."""
    tests = statements.key_tests(it, source.keys)
    partition = source.keys[: source.partition_count]
    if len(partition) == 1:
        choices = _partition_choices(tests.get(partition[0].name, []))
    else:
        pinned = [_partition_choices(tests.get(key.name, [])) for key in partition]
        choices = pinned[0] if all(len(found or []) == 1 for found in pinned) else None
    if choices is None:
        return [(source.prefix, prefix_end(source.prefix))]
    if len(choices) > _MOST_PARTITIONS:
        raise errors.invalid("Too many decomposed read operations for a given query.")
    ranges = []
    for choice in choices:
        chosen = {partition[0].name: choice}
        for key in partition[1:]:
            chosen[key.name] = next(test for test in tests[key.name] if test.operator == "EQ")
        for key in source.keys[source.partition_count :]:
            usable = [test for test in tests.get(key.name, []) if test.operator != "IN"]
            if not usable:
                break
            chosen[key.name] = usable[0]
            if usable[0].operator != "EQ":
                break
        ranges.append(key_range(source, chosen))
    return ranges


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


@operation("BatchExecuteStatement")
def batch_execute_statement(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    responses: list[dict[str, Any]] = []
    costs: dict[str, float] = {}
    for entry in req["Statements"]:
        responses.append(_batched(ctx, tx, entry, costs))
    output: dict[str, Any] = {"Responses": responses}
    mode = req.get("ReturnConsumedCapacity")
    consumed = [capacity.render_consumed(mode, name, units) for name, units in costs.items()]
    if any(consumed):
        output["ConsumedCapacity"] = consumed
    return output


def _batched(ctx: Context, tx: Transaction, entry: dict[str, Any], costs: dict[str, float]) -> dict[str, Any]:
    """One statement's answer. A write fails before it writes anything, so the others stand."""
    try:
        it = statements.prepare(ctx, tx, entry["Statement"], entry.get("Parameters", ()))
        name = it.schema.record.name
        if isinstance(it.statement, Select):
            return _batched_read(tx, it, entry, costs)
        shows_old = entry.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        found, cost = _write(ctx, tx, it, shows_old)
        costs[name] = costs.get(name, 0.0) + cost.total
        return {"TableName": name, **({"Item": found[0]} if found else {})}
    except ApiError as error:
        told: dict[str, Any] = {"Code": _BATCH_CODES.get(error.code, error.code), "Message": error.message}
        if error.fields and "Item" in error.fields:
            told["Item"] = error.fields["Item"]
        return {"Error": told}


def _batched_read(tx: Transaction, it: Prepared, entry: dict[str, Any], costs: dict[str, float]) -> dict[str, Any]:
    assert isinstance(it.statement, Select)
    if it.statement.is_exists:
        raise errors.invalid("EXISTS can only be used in ExecuteTransaction write requests.")
    item, size_bytes = _read_one(tx, it, "BatchExecuteStatement")
    name = it.schema.record.name
    units = capacity.read_units(size_bytes, entry.get("ConsistentRead", False))
    costs[name] = costs.get(name, 0.0) + units
    return {"TableName": name, **({} if item is None else {"Item": item})}


def _read_one(tx: Transaction, it: Prepared, place: str) -> tuple[Item | None, int]:
    """A select of a single item, by its whole key."""
    statement = it.statement
    assert isinstance(statement, Select)
    key = None if statement.index is not None else statements.find_key(it)
    if key is None:
        raise errors.invalid(f"Select statements within {place} must specify the primary key in the where clause.")
    statements.check_paths(it)
    row = tx.get(items.require_key(it.schema, key).row)
    if row is None:
        return None, 0
    item = unpack_row(row)
    passes = it.where is None or it.where.test(item, it.values)
    return (statements.project(item, statement.paths) if passes else None), row_size_bytes(row)


@operation("ExecuteTransaction")
def execute_transaction(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    entries = req["TransactStatements"]
    prepared = []
    for place, entry in enumerate(entries):
        try:
            prepared.append(statements.prepare(ctx, tx, entry["Statement"], entry.get("Parameters", ())))
        except ApiError as error:
            if error.code != "ValidationException":
                raise
            raise errors.invalid(f"Validation failed in statements[{place}]: {error.message}") from None
    reads = [isinstance(it.statement, Select) and not it.statement.is_exists for it in prepared]
    if all(reads):
        return _transact_reads(ctx, tx, prepared, req)
    if any(reads):
        raise errors.invalid(
            "ExecuteTransaction API does not support both read and write operations in the same request"
        )
    return _transact_writes(ctx, tx, prepared, entries, req)


def _transact_reads(ctx: Context, tx: Transaction, prepared: list[Prepared], req: dict[str, Any]) -> dict[str, Any]:
    responses: list[dict[str, Any]] = []
    units: dict[str, float] = {}
    for it in prepared:
        item, size_bytes = _read_one(tx, it, "ExecuteTransaction")
        responses.append({} if item is None else {"Item": item})
        name = it.schema.record.name
        units[name] = units.get(name, 0.0) + capacity.read_units(size_bytes, transactional=True)
    ctx.meter("ReadRequestUnits", sum(units.values()))
    output: dict[str, Any] = {"Responses": responses}
    return transaction_operations.add_consumed(output, req, units)


def _transact_writes(
    ctx: Context, tx: Transaction, prepared: list[Prepared], entries: list[dict[str, Any]], req: dict[str, Any]
) -> dict[str, Any]:
    token = req.get("ClientRequestToken")
    digest = sha256(msgspec.json.encode(entries, order="sorted")).digest()
    if token is not None:
        repeated = transaction_operations.find_completed(ctx, tx, token, digest)
        if repeated is not None:
            return {"Responses": [], **transaction_operations.render_repeated(req, repeated)}
    wanted: list[tuple[str, dict[str, Any], Write, Schema]] = []
    for it, entry in zip(prepared, entries, strict=True):
        statements.check_paths(it)
        write = statements.make_write(it)
        wanted.append((write.kind, entry, write, it.schema))
    steps = transaction_operations.locate_steps(wanted)
    try:
        transaction_operations.run_steps(tx, steps)
    except ApiError as error:
        _tell_duplicates(error, prepared)
        raise
    costs = transaction_operations.commit_steps(ctx, tx, steps)
    if token is not None:
        transaction_operations.remember(ctx, tx, token, digest, steps)
    return {"Responses": [], **transaction_operations.render_written(tx, req, steps, costs)}


def _tell_duplicates(error: ApiError, prepared: list[Prepared]) -> None:
    """An insert that finds its key taken is told as such."""
    for it, reason in zip(prepared, (error.fields or {}).get("CancellationReasons", []), strict=False):
        if isinstance(it.statement, Insert) and reason["Code"] == "ConditionalCheckFailed":
            reason.update(Code="DuplicateItem", Message="Duplicate primary key exists in table")
    reasons = (error.fields or {}).get("CancellationReasons")
    if reasons is not None:
        error.message = errors.transaction_cancelled(reasons).message
