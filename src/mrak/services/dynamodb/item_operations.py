"""PutItem, GetItem, UpdateItem, DeleteItem.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.lang.ddb import capacity
from mrak.lang.ddb.expressions import projection, request
from mrak.lang.ddb.values import Item
from mrak.services.dynamodb import conflicts, consumption, errors, item_collections, items, throttling, writes
from mrak.services.dynamodb.access import require_schema
from mrak.services.dynamodb.items import Change, Cost
from mrak.services.dynamodb.layers import Enveloped
from mrak.services.dynamodb.tables import Schema, row_json, row_size_bytes, unpack_row
from mrak.services.dynamodb.writes import Write

_PROJECTING = frozenset({"ProjectionExpression", "AttributesToGet", request.NAMES})


@operation("GetItem")
def get_item(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    projects = not _PROJECTING.isdisjoint(req)
    if projects:
        request.check_usage(req, request.GET)
    items.check_key_values(req["Key"])
    plan = projection_of(req) if projects else None
    schema = require_schema(ctx, tx, req["TableName"], asked=req)
    key = items.require_key(schema, req["Key"])
    if plan is not None:
        items.check_nested_paths(schema, plan.nested_heads)
    row = tx.get(key.row)
    output: dict[str, Any] = {}
    if row is not None:
        output["Item"] = row_json(row) if plan is None else plan.apply(unpack_row(row))
    units = capacity.read_units(0 if row is None else row_size_bytes(row), req.get("ConsistentRead", False))
    consumption.read(ctx, schema, units)
    throttling.spend_read(ctx, schema, units)
    consumed = capacity.render_consumed(req.get("ReturnConsumedCapacity"), req["TableName"], units)
    if consumed is not None:
        output["ConsumedCapacity"] = consumed
    return output


def projection_of(req: dict[str, Any]) -> projection.ProjectionPlan | None:
    """The plan of a read's projection, from an expression or from AttributesToGet."""
    names = req.get("AttributesToGet")
    if names is not None:
        return projection.attributes_plan(names)
    return request.bind(req).projection


@operation("PutItem")
def put_item(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    with Enveloped(req):
        write = writes.parse_put(req)
    return _write(ctx, tx, req, write)


@operation("DeleteItem")
def delete_item(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    with Enveloped(req):
        write = writes.parse_delete(req)
    return _write(ctx, tx, req, write)


@operation("UpdateItem")
def update_item(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    with Enveloped(req):
        write = writes.parse_update(req)
    return _write(ctx, tx, req, write)


def _write(ctx: Context, tx: Transaction, req: dict[str, Any], write: Write) -> dict[str, Any]:
    schema = require_schema(ctx, tx, req["TableName"], asked=req)
    it, cost = execute(ctx, tx, schema, write, req.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")
    output: dict[str, Any] = {}
    attributes = _returned(req.get("ReturnValues", "NONE"), write, it)
    if attributes:
        output["Attributes"] = attributes
    consumed = cost.render(req.get("ReturnConsumedCapacity"), req["TableName"])
    if consumed is not None:
        output["ConsumedCapacity"] = consumed
    if req.get("ReturnItemCollectionMetrics") == "SIZE":
        metrics = item_collections.render_metrics(tx, schema, write.target)
        if metrics is not None:
            output["ItemCollectionMetrics"] = metrics
    return output


def execute(
    ctx: Context, tx: Transaction, schema: Schema, write: Write, shows_old: bool = False
) -> tuple[Change, Cost]:
    """One write outside a transaction of the caller's: locate, read, check, apply."""
    key = write.locate(schema)
    conflicts.check_write(ctx, key.row)
    throttling.admit_write(ctx, schema)
    row = items.open_row(tx, key)
    old: Item | None = None
    if row is not None and (write.needs_old or schema.needs_old):
        old = unpack_row(row)
    if not write.passes(old):
        items.pay_for_refusal(ctx, schema, row)
        raise errors.condition_failed(old if shows_old else None)
    new, size_bytes = write.apply(schema, old)
    it = Change(schema, key, row, old, new, size_bytes)
    return it, items.change(ctx, tx, it)


def _returned(wanted: str, write: Write, it: Change) -> Item | msgspec.Raw | None:
    if wanted == "NONE":
        return None
    if wanted == "ALL_OLD":
        return None if it.old_row is None else row_json(it.old_row)
    if wanted == "ALL_NEW":
        return it.new
    return writes.updated_attributes(write, it.old if wanted == "UPDATED_OLD" else it.new)
