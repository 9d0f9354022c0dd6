"""BatchGetItem and BatchWriteItem.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.lang.ddb import capacity
from mrak.lang.ddb.expressions import request
from mrak.lang.ddb.expressions.projection import ProjectionPlan
from mrak.lang.ddb.values import MANY_TYPES, Item, encode_item
from mrak.services.dynamodb import conflicts, consumption, errors, item_collections, items, throttling, writes
from mrak.services.dynamodb.access import require_schema
from mrak.services.dynamodb.item_operations import execute, projection_of
from mrak.services.dynamodb.items import Cost
from mrak.services.dynamodb.layers import OlderWords
from mrak.services.dynamodb.tables import Schema, row_json, row_size_bytes, unpack_row
from mrak.services.dynamodb.writes import Write

MOST_GETS = 100
MOST_WRITES = 25
RESPONSE_BYTES = 16 * 1024 * 1024

DUPLICATES = "Provided list of item keys contains duplicates"


@operation("BatchGetItem")
def batch_get_item(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = req["RequestItems"]
    _check_kinds(wanted)
    plans = {name: _parse_gets(table) for name, table in wanted.items()}
    if sum(len(table["Keys"]) for table in wanted.values()) > MOST_GETS:
        raise errors.invalid("Too many items requested for the BatchGetItem call")
    found: dict[str, list[Any]] = {}
    unprocessed: dict[str, Any] = {}
    consumed: list[dict[str, Any]] = []
    left = RESPONSE_BYTES
    some, refusal = False, None
    asked: list[tuple[str, dict[str, Any]]] = []
    for name, table in wanted.items():
        schema = require_schema(ctx, tx, name, asked=table)
        if (schema.record.id, table) in asked:
            continue  # by the table's other name, which is its ARN
        asked.append((schema.record.id, table))
        located = [items.require_key(schema, key).row for key in table["Keys"]]
        plan = plans[name]
        if plan is not None:
            items.check_nested_paths(schema, plan.nested_heads)
        rows = tx.get_many(located)
        taken, units, refusal = _take(ctx, schema, rows, left, table.get("ConsistentRead", False))
        left -= sum(row_size_bytes(row) for row in rows[:taken] if row is not None)
        found[name] = [_shown(row, plan) for row in rows[:taken] if row is not None]
        if taken < len(rows):
            unprocessed[name] = {**table, "Keys": table["Keys"][taken:]}
        some = some or taken > 0
        consumption.read(ctx, schema, units)
        rendered = capacity.render_consumed(req.get("ReturnConsumedCapacity"), name, units)
        if rendered is not None:
            consumed.append(rendered)
    if refusal is not None and not some:
        raise refusal
    output: dict[str, Any] = {"Responses": found, "UnprocessedKeys": unprocessed}
    if consumed:
        output["ConsumedCapacity"] = consumed
    return output


def _check_kinds(wanted: dict[str, Any]) -> None:
    """Projections of the tables are all expressions or none is."""
    if len(wanted) > 1:
        every = {name: value for table in wanted.values() for name, value in table.items()}
        if "ProjectionExpression" in every and "AttributesToGet" in every:
            request.check_usage(every, request.GET)


def _parse_gets(table: dict[str, Any]) -> ProjectionPlan | None:
    request.check_usage(table, request.GET)
    plan = projection_of(table)
    for key in table["Keys"]:
        items.check_key_values(key)
    check_distinct(encode_item(dict(sorted(key.items()))) for key in table["Keys"])
    return plan


def check_distinct(encoded: Iterable[bytes]) -> None:
    seen: set[bytes] = set()
    for key in encoded:
        if key in seen:
            raise errors.invalid(DUPLICATES)
        seen.add(key)


def _take(
    ctx: Context, schema: Schema, rows: list[bytes | None], left: int, consistent: bool
) -> tuple[int, float, ApiError | None]:
    """How many rows fit in what is left of the response, what reading them costs, and why it went no further."""
    units = 0.0
    for place, row in enumerate(rows):
        size_bytes = 0 if row is None else row_size_bytes(row)
        if size_bytes > left:
            return place, units, None
        cost = capacity.read_units(size_bytes, consistent)
        try:
            throttling.spend_read(ctx, schema, cost)
        except ApiError as error:
            return place, units, error
        left -= size_bytes
        units += cost
    return len(rows), units, None


def _shown(row: bytes, plan: ProjectionPlan | None) -> Any:
    return row_json(row) if plan is None else plan.apply(unpack_row(row))


@operation("BatchWriteItem")
def batch_write_item(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = req["RequestItems"]
    if sum(map(len, wanted.values())) > MOST_WRITES:
        raise errors.invalid("Too many items requested for the BatchWriteItem call")
    with OlderWords():
        parsed = {name: [_parse_write(entry) for entry in entries] for name, entries in wanted.items()}
    schemas = {name: require_schema(ctx, tx, name, asked={"Writes": entries}) for name, entries in wanted.items()}
    for name, batch in parsed.items():
        check_distinct(_locate(schemas[name], write) for write in batch)
    metrics: dict[str, list[Any]] = {}
    consumed: list[dict[str, Any]] = []
    unprocessed: dict[str, list[Any]] = {}
    refusal = None
    for name, batch in parsed.items():
        done, cost, refusal = _write_all(ctx, tx, schemas[name], batch)
        if len(done) < len(batch):
            unprocessed[name] = [entry for place, entry in enumerate(wanted[name]) if place not in done]
        rendered = cost.render(req.get("ReturnConsumedCapacity"), name)
        if rendered is not None:
            consumed.append(rendered)
        if req.get("ReturnItemCollectionMetrics") == "SIZE":
            found = collection_metrics(tx, schemas[name], [batch[place].target for place in sorted(done)])
            if found:
                metrics[name] = found
    if refusal is not None and unprocessed == wanted:
        raise refusal
    output: dict[str, Any] = {"UnprocessedItems": unprocessed}
    if metrics:
        output["ItemCollectionMetrics"] = metrics
    if consumed:
        output["ConsumedCapacity"] = consumed
    return output


def _write_all(
    ctx: Context, tx: Transaction, schema: Schema, batch: list[Write]
) -> tuple[set[int], Cost, ApiError | None]:
    """The places of the writes that were made, what they cost, and why throttling allows no more. One that meets a
    transaction is left out alone."""
    done: set[int] = set()
    cost = Cost()
    for place, write in enumerate(batch):
        try:
            cost.add(execute(ctx, tx, schema, write)[1])
        except ApiError as error:
            if error.code in throttling.CODES:
                return done, cost, error
            if error.code != conflicts.CODE:
                raise
            continue
        done.add(place)
    return done, cost, None


def _parse_write(entry: dict[str, Any]) -> Write:
    if len(entry) != 1:
        raise errors.invalid(MANY_TYPES)
    put = entry.get("PutRequest")
    return writes.parse_put(put) if put is not None else writes.parse_delete(entry["DeleteRequest"])


def _locate(schema: Schema, write: Write) -> bytes:
    """The write's key; in a batch, a put's missing key is told like a delete's."""
    if write.kind == "put":
        for place, key in enumerate(schema.keys):
            if key.kind not in write.target.get(key.name, {}):
                for earlier in schema.keys[:place]:
                    items.require_part(earlier, write.target[earlier.name])
                raise errors.schema_mismatch()
    return write.locate(schema).row


def collection_metrics(tx: Transaction, schema: Schema, targets: list[Item]) -> list[dict[str, Any]]:
    """ItemCollectionMetrics of the partitions that were written, each once."""
    partitions = {encode_item({"": target[schema.partition.name]}): target for target in targets}
    found = [item_collections.render_metrics(tx, schema, target) for target in partitions.values()]
    return [metrics for metrics in found if metrics is not None]
