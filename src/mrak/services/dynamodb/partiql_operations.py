"""ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.lang.ddb import capacity
from mrak.lang.ddb.partiql.parser import parse
from mrak.lang.ddb.partiql.tree import AnyStatement, Delete, Insert, Select
from mrak.lang.ddb.values import Item
from mrak.services.dynamodb import (
    conflicts,
    errors,
    items,
    statement_access,
    statement_keys,
    statement_reads,
    statements,
    strong,
    throttling,
    transaction_operations,
    writes,
)
from mrak.services.dynamodb.conflicts import Hold
from mrak.services.dynamodb.item_operations import execute
from mrak.services.dynamodb.items import Change, Cost
from mrak.services.dynamodb.statements import Prepared
from mrak.services.dynamodb.tables import Schema, row_size_bytes, unpack_row
from mrak.services.dynamodb.writes import Write

# What a statement fails with after it has looked at its item.
_REFUSED = frozenset({"ConditionalCheckFailedException", "DuplicateItemException"})
_RAN = _REFUSED | {"ValidationException"}
_DENIED = "AccessDeniedException"
_BATCH_CODES = {
    _DENIED: "AccessDenied",
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ResourceNotFoundException": "ResourceNotFound",
    "ValidationException": "ValidationError",
    throttling.PROVISIONED: "ProvisionedThroughputExceeded",
    throttling.ON_DEMAND: "ThrottlingError",
    "ItemCollectionSizeLimitExceededException": "ItemCollectionSizeLimitExceeded",
    "TransactionConflictException": "TransactionConflict",
}


@operation("ExecuteStatement")
def execute_statement(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    it = statement_access.prepare(ctx, tx, req["Statement"], req.get("Parameters", ()))
    if isinstance(it.statement, Select):
        if it.statement.is_exists:
            raise errors.invalid("EXISTS can only be used in ExecuteTransaction write requests.")
        return statement_reads.select(ctx, tx, it, req)
    found, cost = _write(ctx, tx, it, _shows_old(req))
    output: dict[str, Any] = {"Items": found}
    consumed = cost.render(req.get("ReturnConsumedCapacity"), it.schema.record.name)
    if consumed is not None:
        output["ConsumedCapacity"] = consumed
    return output


def _shows_old(asked: dict[str, Any]) -> bool:
    return asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _write(ctx: Context, tx: Transaction, it: Prepared, shows_old: bool) -> tuple[list[Item], Cost]:
    """One write, and what its RETURNING clause shows."""
    write = statements.make_write(it)
    statements.check_paths(it)
    statement = it.statement
    if isinstance(statement, Delete):
        key = write.locate(it.schema)
        if items.open_row(tx, key) is None:
            return [], Cost(1.0)
    write.locate(it.schema)
    it.has_run = True
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


@operation("BatchExecuteStatement")
def batch_execute_statement(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    entries = req["Statements"]
    _check_kinds(entries)
    members = [_prepared(ctx, tx, entry) for entry in entries]
    targets = [row for it in members if isinstance(it, Prepared) and (row := _target(it)) is not None]
    if len(set(targets)) < len(targets):
        raise errors.invalid("Provided list of item keys contains duplicates")
    bill = _Bill()
    responses = [_batched(ctx, tx, it, entry, bill) for it, entry in zip(members, entries, strict=True)]
    output: dict[str, Any] = {"Responses": responses}
    consumed = bill.render(req.get("ReturnConsumedCapacity"))
    if any(consumed):
        output["ConsumedCapacity"] = consumed
    return output


def _check_kinds(entries: list[dict[str, Any]]) -> None:
    """A batch reads or writes, as far as its statements can be parsed."""
    kinds = set()
    for entry in entries:
        with suppress(ApiError):
            statement = parse(entry["Statement"])
            if not isinstance(statement, Select) or not statement.is_exists:
                kinds.add(isinstance(statement, Select))
    if len(kinds) > 1:
        raise errors.invalid("Read and write requests together in the same batch is not supported.")


def _prepared(ctx: Context, tx: Transaction, entry: dict[str, Any]) -> Prepared | ApiError:
    try:
        return statement_access.prepare(ctx, tx, entry["Statement"], entry.get("Parameters", ()))
    except ApiError as error:
        return error


def _target(it: Prepared) -> bytes | None:
    """The row of the item that a statement is about, if it is about one."""
    try:
        if not isinstance(it.statement, Select):
            return statements.make_write(it).locate(it.schema).row
        reads_one = it.statement.index is None and not it.statement.is_exists
        key = statements.find_only_key(it) if reads_one else None
        return None if key is None else _row_of(it, key)
    except ApiError:
        return None


class _Bill:
    """What the statements of a batch cost, by table."""

    def __init__(self) -> None:
        self._costs: dict[str, Cost] = {}
        self._refused: dict[str, float] = {}

    def add(self, it: Prepared, cost: Cost) -> None:
        self._costs.setdefault(it.schema.record.name, Cost()).add(cost)

    def refuse(self, tx: Transaction, it: Prepared) -> None:
        """A write that its item refused costs as much as if it had been made, yet neither table nor index shows it."""
        write = statements.make_write(it)
        row = tx.get(write.locate(it.schema).row)
        units = capacity.write_units(None if row is None else row_size_bytes(row), write.size_bytes)
        name = it.schema.record.name
        self._refused[name] = self._refused.get(name, 0.0) + units

    def render(self, mode: str | None) -> list[dict[str, Any] | None]:
        """Of the tables with a statement that succeeded."""
        shown = [cost.render(mode, name) for name, cost in self._costs.items()]
        for consumed in shown:
            if consumed is not None:
                consumed["CapacityUnits"] += self._refused.get(consumed["TableName"], 0.0)
        return shown


def _batched(
    ctx: Context, tx: Transaction, it: Prepared | ApiError, entry: dict[str, Any], bill: _Bill
) -> dict[str, Any]:
    """One statement's answer. A write fails before it writes anything, so the others stand."""
    if isinstance(it, ApiError):
        named = {"TableName": parse(entry["Statement"]).table.rpartition("/")[2]} if it.code == _DENIED else {}
        return {**_failed(it), **named}
    try:
        if isinstance(it.statement, Select):
            return _batched_read(ctx, tx, it, entry, bill)
        found, cost = _write(ctx, tx, it, _shows_old(entry))
    except ApiError as error:
        # Only what came as far as the item tells its table, or as far as what is over its units.
        if error.code not in throttling.CODES and not (it.has_run and error.code in _RAN):
            return _failed(error)
        if error.code in _REFUSED:
            bill.refuse(tx, it)
        return {**_failed(error), "TableName": it.schema.record.name}
    bill.add(it, cost)
    return {"TableName": it.schema.record.name, **({"Item": found[0]} if found else {})}


def _failed(error: ApiError) -> dict[str, Any]:
    told = {"Code": _BATCH_CODES.get(error.code, error.code), "Message": error.message}
    if error.fields and "Item" in error.fields:
        told["Item"] = error.fields["Item"]
    return {"Error": told}


def _batched_read(ctx: Context, tx: Transaction, it: Prepared, entry: dict[str, Any], bill: _Bill) -> dict[str, Any]:
    assert isinstance(it.statement, Select)
    if it.statement.is_exists:
        raise errors.invalid("EXISTS can only be used in ExecuteTransaction write requests.")
    if it.statement.index is not None:
        statements.require_index(it.schema, it.statement.index)
    item, size_bytes = _read_one(tx, it, _row_of(it, _only_key(it, "BatchExecuteStatement")))
    units = capacity.read_units(size_bytes, entry.get("ConsistentRead", False))
    throttling.spend_read(ctx, it.schema, units)
    bill.add(it, Cost(units))
    return {"TableName": it.schema.record.name, **({} if item is None else {"Item": item})}


def _only_key(it: Prepared, place: str) -> Item:
    """The key of the single item that a select asks for."""
    assert isinstance(it.statement, Select)
    key: Item | None = None
    if it.statement.index is None:
        # In a transaction, a value of another type than the key's cancels when the key is located.
        statement_keys.find_reads(it, it.schema.keys, checks_kinds=place == "BatchExecuteStatement")
        key = statements.find_only_key(it)
    if key is None:
        raise errors.invalid(f"Select statements within {place} must specify the primary key in the where clause.")
    if it.statement.refused is not None:
        raise errors.invalid(it.statement.refused)
    return key


def _row_of(it: Prepared, key: Item | None) -> bytes:
    assert key is not None
    return items.require_key(it.schema, key).row


def _read_one(tx: Transaction, it: Prepared, place: bytes) -> tuple[Item | None, int]:
    statement = it.statement
    assert isinstance(statement, Select)
    row = tx.get(place)
    if row is None:
        return None, 0
    return statements.project(unpack_row(row), statement.paths), row_size_bytes(row)


@dataclass(slots=True)
class _Member:
    """A statement of a transaction: a read with its key, or a write."""

    it: Prepared
    key: Item | None = None
    write: Write | None = None


@operation("ExecuteTransaction")
async def execute_transaction(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await transaction_operations.run_once(ctx, req, lambda tx, hold: _execute_members(ctx, tx, req, hold))


def _execute_members(ctx: Context, tx: Transaction, req: dict[str, Any], hold: Hold) -> dict[str, Any]:
    entries = req["TransactStatements"]
    for entry in entries:
        statements.check_parameters(entry.get("Parameters", ()))
    members = _members(ctx, tx, entries)
    for member in members:
        strong.check_transactions(member.it.schema.record)
    reads = [member.key is not None for member in members]
    if all(reads):
        return _transact_reads(ctx, tx, members, req)
    if any(reads):
        raise errors.invalid(
            "ExecuteTransaction API does not support both read and write operations in the same request."
        )
    return _transact_writes(ctx, tx, members, req, hold)


def _members(ctx: Context, tx: Transaction, entries: list[dict[str, Any]]) -> list[_Member]:
    """All statements, prepared. That tables are missing or may not be used cancels, after what is wrong with statements
    on others."""
    members: list[_Member] = []
    reasons: list[dict[str, Any]] = []
    for place, entry in enumerate(entries):
        try:
            members.append(_member(ctx, tx, entry))
            reasons.append(transaction_operations.NONE)
        except ApiError as error:
            if error.code in ("ResourceNotFoundException", _DENIED):
                reasons.append({"Code": _BATCH_CODES[error.code], "Message": error.message})
            elif error.code == "ValidationException":
                raise errors.invalid(f"Validation failed in TransactStatements[{place}]: {error.message}") from None
            else:
                raise
    if len(members) < len(entries):
        raise errors.transaction_cancelled(reasons)
    return members


def _member(ctx: Context, tx: Transaction, entry: dict[str, Any]) -> _Member:
    it = statement_access.prepare(ctx, tx, entry["Statement"], entry.get("Parameters", ()))
    if getattr(it.statement, "returning", None) is not None:
        raise errors.invalid("RETURNING clause is not supported in ExecuteTransaction.")
    statements.check_paths(it)
    if not isinstance(it.statement, Select) or it.statement.is_exists:
        return _Member(it, write=statements.make_write(it, in_transaction=True))
    if it.statement.index is not None:
        raise errors.invalid("Reads on indices are not supported within transactions.")
    return _Member(it, key=_only_key(it, "ExecuteTransaction"))


def _transact_reads(ctx: Context, tx: Transaction, members: list[_Member], req: dict[str, Any]) -> dict[str, Any]:
    rows = _located(members)
    transaction_operations.check_distinct(rows)
    conflicts.check_reads(ctx, rows)
    responses: list[dict[str, Any]] = []
    costs: list[tuple[Schema, float]] = []
    for member, row in zip(members, rows, strict=True):
        item, size_bytes = _read_one(tx, member.it, row)
        responses.append({"Item": item} if item else {})
        costs.append((member.it.schema, capacity.read_units(size_bytes, transactional=True)))
    return {"Responses": responses, **transaction_operations.render_read(ctx, req, costs)}


def _located(members: list[_Member]) -> list[bytes]:
    rows: list[bytes] = []
    reasons: list[dict[str, Any]] = []
    for member in members:
        try:
            rows.append(_row_of(member.it, member.key))
            reasons.append(transaction_operations.NONE)
        except ApiError as error:
            reasons.append(transaction_operations.schema_reason(error, is_told=True))
    if len(rows) < len(members):
        raise errors.transaction_cancelled(reasons)
    return rows


def _transact_writes(
    ctx: Context, tx: Transaction, members: list[_Member], req: dict[str, Any], hold: Hold
) -> dict[str, Any]:
    entries = req["TransactStatements"]
    token = req.get("ClientRequestToken")
    digest = transaction_operations.digest_of(req) if token is not None else b""
    if token is not None:
        hold.check_token(ctx.scope, token)
        repeated = transaction_operations.find_completed(ctx, tx, token, digest)
        if repeated is not None:
            return {"Responses": [], **transaction_operations.render_repeated(req, repeated)}
    wanted: list[tuple[str, dict[str, Any], Write, Schema]] = []
    for member, entry in zip(members, entries, strict=True):
        assert member.write is not None
        wanted.append((member.write.kind, entry, member.write, member.it.schema))
    steps = transaction_operations.locate_steps(wanted, tells_all=True)
    try:
        transaction_operations.run_steps(ctx, tx, steps, hold)
    except ApiError as error:
        _tell_duplicates(error, members)
        raise
    costs = transaction_operations.commit_steps(ctx, tx, steps)
    if token is not None:
        transaction_operations.remember(ctx, tx, token, digest, steps)
    hold.take([step.key.row for step in steps], ctx.scope, token)
    return {"Responses": [], **transaction_operations.render_written(tx, req, steps, costs)}


def _tell_duplicates(error: ApiError, members: list[_Member]) -> None:
    """An insert that finds its key taken is told as such."""
    reasons = (error.fields or {}).get("CancellationReasons")
    if reasons is None:
        return
    for member, reason in zip(members, reasons, strict=True):
        if isinstance(member.it.statement, Insert) and reason["Code"] == "ConditionalCheckFailed":
            reason.update(Code="DuplicateItem", Message="Duplicate primary key exists in table")
    error.message = errors.transaction_cancelled(reasons).message
