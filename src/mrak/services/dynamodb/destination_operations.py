"""Kinesis streaming destinations. There are no Kinesis streams here, so enabling one fails, as AWS's does: later.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_EnableKinesisStreamingDestination.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.table_operations import require_table
from mrak.services.dynamodb.tables import TABLES

_INVALID_STATE = "Table is not in a valid state to enable Kinesis Streaming Destination: "
_ELSEWHERE = "The kinesis Arn used to enable kinesis replication belongs to a stream which is not"


@operation("EnableKinesisStreamingDestination")
def enable_kinesis_streaming_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The answer is ENABLING; what is described from then on is the failure."""
    deviation("DYNAMODB-007")
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    stream = req["StreamArn"]
    failed = {
        "StreamArn": stream,
        "DestinationStatus": "ENABLE_FAILED",
        "DestinationStatusDescription": _why_it_failed(ctx, stream),
    }
    others = tuple(it for it in record.kinesis if it["StreamArn"] != stream)
    TABLES.replace(tx, scope, record, structs.replace(record, kinesis=(failed, *others)))
    return {
        "TableName": record.name,
        "StreamArn": stream,
        "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": req.get("EnableKinesisStreamingConfiguration", {}),
    }


def _why_it_failed(ctx: Context, stream: str) -> str:
    """What AWS finds out of an ARN that leads to no stream: seconds after the answer, or a minute."""
    parts = find_arn(stream)
    if parts is not None and parts.service == "kinesis" and parts.region != ctx.scope.region:
        return f"{_ELSEWHERE} in the current region"
    if parts is not None and (parts.account != ctx.scope.account or parts.service == "firehose"):
        return f"{_ELSEWHERE} in Active state"
    return "User does not have a permission to use kinesis stream"


@operation("DisableKinesisStreamingDestination")
def disable_kinesis_streaming_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    require_table(ctx, tx, req["TableName"])
    if "EnableKinesisStreamingConfiguration" in req:
        raise errors.invalid("Stream cannot be disabled using EnableKinesisStreamingConfiguration parameters")
    raise errors.invalid(f"{_INVALID_STATE}KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.")


@operation("UpdateKinesisStreamingDestination")
def update_kinesis_streaming_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if not req.get("UpdateKinesisStreamingConfiguration"):
        raise errors.invalid(
            "Streaming destination cannot be updated with given parameters: "
            "UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
        )
    _, record = require_table(ctx, tx, req["TableName"])
    stream = req["StreamArn"]
    if any(it["StreamArn"] == stream for it in record.kinesis):
        raise errors.invalid(
            f"{_INVALID_STATE}Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. "
            f"TableName: {record.name}, kdsArn: {stream}"
        )
    raise errors.invalid(
        f"{_INVALID_STATE}No streaming destination with streamArn: {stream} found for table with "
        f"tableName: {record.name}"
    )


@operation("DescribeKinesisStreamingDestination")
def describe_kinesis_streaming_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, record = require_table(ctx, tx, req["TableName"])
    return {"TableName": record.name, "KinesisDataStreamDestinations": list(record.kinesis)}
