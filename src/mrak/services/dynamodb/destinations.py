"""Changes of items on their way to Kinesis: records of AWS's shape, put into the stream in the transaction that made
the change, so that none is lost and an item's changes keep their order.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.lang.ddb.values import Item, Value, item_size_bytes
from mrak.services.dynamodb.streams import event_name
from mrak.services.dynamodb.tables import Schema

_TTL_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_UNIT_BYTES = 1024
_UNITS = {"MILLISECOND": 1_000, "MICROSECOND": 1_000_000}

_encode = msgspec.json.Encoder().encode


def append(
    ctx: Context, tx: Transaction, schema: Schema, old: Item | None, new: Item | None, by_service: bool = False
) -> None:
    """Sends a change to the table's destinations. Records of one item share a partition key."""
    from mrak.services.kinesis import exports as kinesis  # only tables with a destination need Kinesis

    present = new if new is not None else old
    assert present is not None
    keys = schema.key_of(present)
    partition = md5(_encode(keys), usedforsecurity=False).hexdigest().upper()
    event_id = ctx.draw.uuid()
    size_bytes = max(item_size_bytes(image) for image in (old, new) if image is not None)
    ctx.meter("ChangeDataCaptureUnits", float(max(1, -(-size_bytes // _UNIT_BYTES)) * len(schema.destinations)))
    for destination in schema.destinations:
        record = _render(ctx, schema, destination, event_id, old, new)
        if by_service:
            record["userIdentity"] = _TTL_IDENTITY
        tx.enqueue(kinesis.delivery(ctx, destination["StreamArn"], [(_encode(record), partition)], at_once=True))


def _render(
    ctx: Context, schema: Schema, destination: dict[str, Any], event_id: str, old: Item | None, new: Item | None
) -> dict[str, Any]:
    present = new if new is not None else old
    assert present is not None
    keys = schema.key_of(present)
    precision = destination.get("ApproximateCreationDateTimePrecision", "MILLISECOND")
    change: dict[str, Any] = {"ApproximateCreationDateTime": int(ctx.now * _UNITS[precision]), "Keys": _image(keys)}
    size_bytes = item_size_bytes(keys)
    for name, image in (("NewImage", new), ("OldImage", old)):
        if image is not None:
            change[name] = _image(image)
            size_bytes += item_size_bytes(image)
    change["SizeBytes"] = size_bytes
    if precision == "MICROSECOND":
        change["ApproximateCreationDateTimePrecision"] = precision
    return {
        "awsRegion": schema.scope.region,
        "eventID": event_id,
        "eventName": event_name(old, new),
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": schema.record.name,
        "dynamodb": change,
        "eventSource": "aws:dynamodb",
    }


def _image(item: Item) -> dict[str, Any]:
    return {name: _value(value) for name, value in item.items()}


def _value(value: Value) -> dict[str, Any]:
    """AWS encodes binary values twice: once as is done for JSON, and once here."""
    ((kind, content),) = value.items()
    if kind == "B":
        return {kind: b64encode(content)}
    if kind == "BS":
        return {kind: [b64encode(one) for one in content]}
    if kind == "M":
        return {kind: _image(content)}
    if kind == "L":
        return {kind: [_value(one) for one in content]}
    return value
