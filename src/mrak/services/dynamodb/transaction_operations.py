"""TransactGetItems and TransactWriteItems.

All writes are checked against the items as they are, then all take effect, in the one transaction of the store. What
fails is told item by item. A token makes the same request within ten minutes a success without effect.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation, timer
from mrak.lang.ddb import capacity
from mrak.lang.ddb.expressions import request
from mrak.lang.ddb.expressions.projection import ProjectionPlan
from mrak.lang.ddb.keys import EMPTY_KEY
from mrak.lang.ddb.values import Item
from mrak.services.dynamodb import conflicts, consumption, errors, items, strong, throttling, writes
from mrak.services.dynamodb.access import require_schema
from mrak.services.dynamodb.batch_operations import collection_metrics
from mrak.services.dynamodb.conflicts import Hold
from mrak.services.dynamodb.item_operations import projection_of
from mrak.services.dynamodb.items import Change, Cost, ItemKey
from mrak.services.dynamodb.layers import OlderWords
from mrak.services.dynamodb.tables import Schema, row_json, row_size_bytes, unpack_row
from mrak.services.dynamodb.writes import Write
from mrak.store.tables import Table

TOKEN_SECONDS = 600
MOST_BYTES = 4 * 1024 * 1024

NONE = {"Code": "None"}
_SECTIONS = ("ConditionCheck", "Put", "Delete", "Update")
_RETURN_ON_FAILURE = "ReturnValuesOnConditionCheckFailure"


class TokenRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A transaction by its client token: the request's digest, and what to report as read if it comes again. One that
    was cancelled may be tried again, but only as it was."""

    token: str
    digest: bytes
    completed_at: float
    read_units: dict[str, float]
    is_cancelled: bool = False


TOKENS = Table("dynamodb.token", TokenRecord, key=("token",))


@dataclass(slots=True)
class Step:
    """One action of the transaction on its way."""

    section: str
    params: dict[str, Any]
    write: Write
    schema: Schema
    key: ItemKey
    row: bytes | None = None
    old: Item | None = None
    new: Item | None = None
    size_bytes: int = 0

    @property
    def is_insert(self) -> bool:
        """PartiQL's, whose condition nobody wrote."""
        return self.write.kind == "put" and "Statement" in self.params

    @property
    def is_idle(self) -> bool:
        """A deletion of PartiQL's that finds nothing, whatever else it asks for."""
        return self.write.kind == "delete" and self.row is None and "Statement" in self.params


@operation("TransactWriteItems")
async def transact_write_items(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return await run_once(ctx, req, lambda tx, hold: _write_items(ctx, tx, req, hold))


async def run_once(
    ctx: Context, req: dict[str, Any], work: Callable[[Transaction, Hold], dict[str, Any]]
) -> dict[str, Any]:
    """Runs a transaction. If it is cancelled its token is remembered none the less."""
    try:
        return await conflicts.hold_while(ctx, work)
    except ApiError as error:
        token = req.get("ClientRequestToken")
        if token is not None and error.code == errors.CANCELLED:
            record = TokenRecord(
                token=token, digest=digest_of(req), completed_at=ctx.now, read_units={}, is_cancelled=True
            )
            await ctx.transact(lambda tx: _keep_cancelled(ctx, tx, record))
        raise


def _write_items(ctx: Context, tx: Transaction, req: dict[str, Any], hold: Hold) -> dict[str, Any]:
    with OlderWords():
        parsed = [_parse(entry) for entry in req["TransactItems"]]
    token = req.get("ClientRequestToken")
    digest = digest_of(req) if token is not None else b""
    if token is not None:
        hold.check_token(ctx.scope, token)
        repeated = find_completed(ctx, tx, token, digest)
        if repeated is not None:
            return render_repeated(req, repeated)
    schemas = [_require_schema(ctx, tx, params, f"{section}Item") for section, params, _ in parsed]
    steps = locate_steps([(*it, schema) for it, schema in zip(parsed, schemas, strict=True)])
    run_steps(ctx, tx, steps, hold)
    costs = commit_steps(ctx, tx, steps)
    if token is not None:
        remember(ctx, tx, token, digest, steps)
    hold.take([step.key.row for step in steps], ctx.scope, token)
    return render_written(tx, req, steps, costs)


def _require_schema(ctx: Context, tx: Transaction, params: dict[str, Any], action: str) -> Schema:
    """A transaction needs the permission of each of its parts."""
    schema = require_schema(ctx, tx, params["TableName"], action, asked=params)
    strong.check_transactions(schema.record)
    return schema


def _parse(entry: dict[str, Any]) -> tuple[str, dict[str, Any], Write]:
    sections = [name for name in _SECTIONS if name in entry]
    if not sections:
        raise errors.invalid("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
    if len(sections) > 1:
        raise errors.invalid("TransactItems can only contain one of Check, Put, Update or Delete")
    section = sections[0]
    params = entry[section]
    return section, params, parse_step(section, params)


def parse_step(section: str, params: dict[str, Any]) -> Write:
    if section == "Put":
        return writes.parse_put(params, request.TRANSACT_WRITE)
    if section == "Delete":
        return writes.parse_delete(params, request.TRANSACT_WRITE)
    if section == "Update":
        return writes.parse_update(params, request.TRANSACT_UPDATE)
    return writes.parse_check(params)


def locate_steps(wanted: list[tuple[str, dict[str, Any], Write, Schema]], *, tells_all: bool = False) -> list[Step]:
    """The actions with their items' keys. What a schema has against one cancels the transaction before any condition
    is looked at; only statements tell it of each."""
    steps: list[Step] = []
    reasons: list[dict[str, Any]] = []
    for section, params, write, schema in wanted:
        try:
            steps.append(Step(section, params, write, schema, write.locate(schema)))
            reasons.append(NONE)
        except ApiError as error:
            reasons.append(schema_reason(error, is_told=tells_all or len(reasons) == len(steps)))
    if len(steps) < len(wanted):
        raise errors.transaction_cancelled(reasons)
    return steps


def check_distinct(rows: list[bytes]) -> None:
    if len(set(rows)) != len(rows):
        raise errors.invalid("Transaction request cannot include multiple operations on one item")


def run_steps(ctx: Context, tx: Transaction, steps: list[Step], hold: Hold) -> None:
    """Reads all items and works out all changes; raises the cancellation when any fails."""
    check_distinct([step.key.row for step in steps])
    if sum(step.write.size_bytes for step in steps) > MOST_BYTES:
        raise errors.invalid("Transaction payload size cannot exceed 4 MB")
    for step in sorted(steps, key=lambda step: step.key.row):
        tx.lock(step.key.row)
    rows = tx.get_many([step.key.row for step in steps])
    reasons = []
    for step, row in zip(steps, rows, strict=True):
        step.row = row
        if hold.meets(step.key.row):
            reasons.append(dict(conflicts.REASON))
        else:
            reasons.append(_throttled(ctx, step, alone=len(steps) == 1) or _attempt(step))
    if any(reason is not NONE for reason in reasons):
        for step, reason in zip(steps, reasons, strict=True):
            if reason["Code"] == "ConditionalCheckFailed" and not step.is_insert:
                ctx.tally("refused", step.schema.record.name, 1.0)
            items.pay_for_refusal(ctx, step.schema, step.row, times=2)
        raise errors.transaction_cancelled(reasons)


def schema_reason(error: ApiError, is_told: bool) -> dict[str, Any]:
    """Why a key that does not fit its schema cancels. That one is empty is found before the transaction begins."""
    if EMPTY_KEY in error.message:
        raise error
    return {"Code": "ValidationError", "Message": error.message} if is_told else NONE


def _throttled(ctx: Context, step: Step, alone: bool) -> dict[str, Any] | None:
    """Why there are no units for an action; one that is all of its transaction fails like a write of its own."""
    try:
        throttling.admit_write(ctx, step.schema)
    except ApiError as error:
        if alone:
            raise
        return throttling.reason_of(error)
    return None


def _attempt(step: Step) -> dict[str, Any]:
    """Works out one change; the reason why the transaction is cancelled, if it is because of this."""
    if step.row is not None and (step.write.needs_old or step.schema.needs_old):
        step.old = unpack_row(step.row)
    if not step.is_idle and not step.write.passes(step.old):
        reason: dict[str, Any] = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
        if step.old is not None and step.params.get(_RETURN_ON_FAILURE) == "ALL_OLD":
            reason["Item"] = step.old
        return reason
    if step.write.kind == "check":
        return NONE
    try:
        step.new, step.size_bytes = step.write.apply(step.schema, step.old)
    except ApiError as error:
        return {"Code": "ValidationError", "Message": error.message}
    return NONE


def commit_steps(ctx: Context, tx: Transaction, steps: list[Step]) -> list[Cost]:
    costs = []
    reasons = []
    for step in steps:
        try:
            costs.append(_commit(ctx, tx, step))
            reasons.append(NONE)
        except ApiError as error:
            if error.code != "ItemCollectionSizeLimitExceededException":
                raise
            reasons.append({"Code": "ItemCollectionSizeLimitExceeded", "Message": error.message})
    if len(costs) < len(steps):
        raise errors.transaction_cancelled(reasons)
    for step, cost in zip(steps, costs, strict=True):
        consumption.write(ctx, step.schema, cost.table)
        throttling.take_write(ctx, step.schema, cost.table)
        # A transaction prepares, then commits: twice the units of the table, while its indexes are written once.
        cost.table *= 2
    return costs


def _commit(ctx: Context, tx: Transaction, step: Step) -> Cost:
    if step.write.kind == "check":
        size_bytes = 0 if step.row is None else row_size_bytes(step.row)
        cost = Cost(capacity.write_units(size_bytes, None))
        consumption.write(ctx, step.schema, cost.table)
        throttling.take_write(ctx, step.schema, cost.table)
        return cost
    return items.change(ctx, tx, Change(step.schema, step.key, step.row, step.old, step.new, step.size_bytes))


def render_written(tx: Transaction, req: dict[str, Any], steps: list[Step], costs: list[Cost]) -> dict[str, Any]:
    output: dict[str, Any] = {}
    by_table: dict[str, Cost] = {}
    for step, cost in zip(steps, costs, strict=True):
        by_table.setdefault(step.schema.record.name, Cost()).add(cost)
    mode = req.get("ReturnConsumedCapacity")
    consumed = [cost.render(mode, name, "WriteCapacityUnits") for name, cost in by_table.items()]
    if any(consumed):
        output["ConsumedCapacity"] = consumed
    if req.get("ReturnItemCollectionMetrics") == "SIZE":
        metrics: dict[str, list[Any]] = {}
        for step in steps:
            if step.write.kind != "check":
                found = collection_metrics(tx, step.schema, [step.write.target])
                if found:
                    metrics.setdefault(step.schema.record.name, []).extend(found)
        output["ItemCollectionMetrics"] = metrics
    return output


def digest_of(req: dict[str, Any]) -> bytes:
    """Of what has to be the same when a token comes again; numbers and sets are in their canonical form by then."""
    modes = [req[name] for name in ("ReturnConsumedCapacity", "ReturnItemCollectionMetrics") if name in req]
    actions = [_told(action) for entry in req.get("TransactItems", ()) for action in entry.items()]
    statements = [_told(("", entry)) for entry in req.get("TransactStatements", ())]
    told = [[mode for mode in modes if mode != "NONE"], actions, statements]
    return sha256(msgspec.json.encode(told, order="sorted")).digest()


def _told(action: tuple[str, dict[str, Any]]) -> list[Any]:
    """An action without what says nothing."""
    section, params = action
    kept = {name: value for name, value in params.items() if (name, value) != (_RETURN_ON_FAILURE, "NONE")}
    if "Statement" in kept:
        kept["Statement"] = kept["Statement"].strip()
    return [section, kept]


def find_completed(ctx: Context, tx: Transaction, token: str, digest: bytes) -> TokenRecord | None:
    """The transaction that this token completed within the last ten minutes."""
    record = TOKENS.open(tx, ctx.scope, token)
    if record is None or ctx.now - record.completed_at >= TOKEN_SECONDS:
        return None
    if record.digest != digest:
        raise errors.token_reused()
    return None if record.is_cancelled else record


def remember(ctx: Context, tx: Transaction, token: str, digest: bytes, steps: list[Step]) -> None:
    """The token's row, and the timer that forgets it. A repetition reads the larger of each item before and after."""
    units: dict[str, float] = {}
    for step in steps:
        size_bytes = max(step.size_bytes, 0 if step.row is None else row_size_bytes(step.row))
        name = step.schema.record.name
        units[name] = units.get(name, 0.0) + capacity.read_units(size_bytes, transactional=True)
    _keep(ctx, tx, TokenRecord(token=token, digest=digest, completed_at=ctx.now, read_units=units))


def _keep_cancelled(ctx: Context, tx: Transaction, record: TokenRecord) -> None:
    """Meanwhile the same token may have come again, and what it completed then stays so."""
    old = TOKENS.open(tx, ctx.scope, record.token)
    if old is None or old.is_cancelled or ctx.now - old.completed_at >= TOKEN_SECONDS:
        _keep(ctx, tx, record)


def _keep(ctx: Context, tx: Transaction, record: TokenRecord) -> None:
    old = TOKENS.open(tx, ctx.scope, record.token)
    if old is not None:
        TOKENS.delete(tx, ctx.scope, old)
    TOKENS.insert(tx, ctx.scope, record)
    tx.at(Timer(kind="dynamodb.forget", key=record.token, due_at=ctx.now + TOKEN_SECONDS, scope=ctx.scope))


@timer("dynamodb.forget")
def forget(ctx: Context, tx: Transaction, timer: Timer) -> None:
    record = TOKENS.open(tx, timer.scope, timer.key)
    if record is not None and ctx.now - record.completed_at >= TOKEN_SECONDS:
        TOKENS.delete(tx, timer.scope, record)


def render_repeated(req: dict[str, Any], record: TokenRecord) -> dict[str, Any]:
    """A repeated request writes nothing; AWS charges it as a read of the items."""
    mode = req.get("ReturnConsumedCapacity")
    consumed = [
        capacity.render_consumed(mode, name, units, transactional="ReadCapacityUnits")
        for name, units in record.read_units.items()
    ]
    return {"ConsumedCapacity": consumed} if any(consumed) else {}


@operation("TransactGetItems")
def transact_get_items(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    gets = [entry["Get"] for entry in req["TransactItems"]]
    plans: list[ProjectionPlan | None] = []
    with OlderWords():
        for get in gets:
            request.check_usage(get, request.TRANSACT_GET)
            plans.append(projection_of(get))
            items.check_key_values(get["Key"])
    schemas = [_require_schema(ctx, tx, get, "GetItem") for get in gets]
    located = _locate_gets(gets, schemas, plans)
    if len(set(located)) != len(located):
        raise errors.invalid("Transaction request cannot include multiple operations on one item")
    conflicts.check_reads(ctx, located)
    rows = tx.get_many(located)
    responses: list[dict[str, Any]] = []
    costs: list[tuple[Schema, float]] = []
    for schema, plan, row in zip(schemas, plans, rows, strict=True):
        item: Item | msgspec.Raw | None = None
        if row is not None:
            item = row_json(row) if plan is None else plan.apply(unpack_row(row))
        responses.append({"Item": item} if item else {})
        size_bytes = 0 if row is None else row_size_bytes(row)
        costs.append((schema, capacity.read_units(size_bytes, transactional=True)))
    return {"Responses": responses, **render_read(ctx, req, costs)}


def _locate_gets(gets: list[dict[str, Any]], schemas: list[Schema], plans: list[ProjectionPlan | None]) -> list[bytes]:
    located: list[bytes] = []
    reasons: list[dict[str, Any]] = []
    for schema, get, plan in zip(schemas, gets, plans, strict=True):
        try:
            row = items.require_key(schema, get["Key"]).row
            if plan is not None:
                items.check_nested_paths(schema, plan.nested_heads)
            located.append(row)
            reasons.append(NONE)
        except ApiError as error:
            reasons.append(schema_reason(error, is_told=len(reasons) == len(located)))
    if len(located) < len(gets):
        raise errors.transaction_cancelled(reasons)
    return located


def render_read(ctx: Context, req: dict[str, Any], costs: list[tuple[Schema, float]]) -> dict[str, Any]:
    """Takes what a transaction read, or cancels it; ConsumedCapacity by table, where it was asked for."""
    reasons = []
    units: dict[str, float] = {}
    for schema, cost in costs:
        units[schema.record.name] = units.get(schema.record.name, 0.0) + cost
        try:
            throttling.spend_read(ctx, schema, cost)
            reasons.append(NONE)
        except ApiError as error:
            if len(costs) == 1:
                raise
            reasons.append(throttling.reason_of(error))
    if any(reason is not NONE for reason in reasons):
        raise errors.transaction_cancelled(reasons)
    for schema, cost in costs:
        consumption.read(ctx, schema, cost)
    mode = req.get("ReturnConsumedCapacity")
    consumed = [
        capacity.render_consumed(mode, name, total, transactional="ReadCapacityUnits") for name, total in units.items()
    ]
    return {"ConsumedCapacity": consumed} if any(consumed) else {}
