"""Kinesis streaming destinations of tables. One whose stream is not there fails, as AWS's does: later.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_EnableKinesisStreamingDestination.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.table_operations import require_table
from mrak.services.dynamodb.tables import TABLES, TableRecord

_PRECISION = "ApproximateCreationDateTimePrecision"
_INVALID_STATE = "Table is not in a valid state to enable Kinesis Streaming Destination: "
_ELSEWHERE = "The kinesis Arn used to enable kinesis replication belongs to a stream which is not"


Destination = dict[str, Any]


def _invalid_state(why: str) -> ApiError:
    return errors.invalid(f"{_INVALID_STATE}{why}")


def _find(record: TableRecord, stream: str) -> Destination | None:
    return next((it for it in record.kinesis if it["StreamArn"] == stream), None)


def _set(tx: Transaction, scope: Scope, record: TableRecord, destination: Destination) -> None:
    others = tuple(it for it in record.kinesis if it["StreamArn"] != destination["StreamArn"])
    TABLES.replace(tx, scope, record, structs.replace(record, kinesis=(destination, *others)))


@operation("EnableKinesisStreamingDestination")
def enable_kinesis_streaming_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The answer is ENABLING; what is described from then on is how that ended. A table has one at a time."""
    deviation("DYNAMODB-007")
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    stream, configuration = req["StreamArn"], req.get("EnableKinesisStreamingConfiguration", {})
    if any(it["DestinationStatus"] == "ACTIVE" for it in record.kinesis):
        raise _invalid_state(
            "EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation."
        )
    _set(tx, scope, record, {"StreamArn": stream, **_outcome(ctx, tx, stream), **configuration})
    return {
        "TableName": record.name,
        "StreamArn": stream,
        "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": configuration,
    }


def _outcome(ctx: Context, tx: Transaction, stream: str) -> dict[str, str]:
    from mrak.services.kinesis import exports as kinesis  # only tables with a destination need Kinesis

    parts = find_arn(stream)
    is_here = parts is not None and (parts.account, parts.region) == (ctx.scope.account, ctx.scope.region)
    if is_here and kinesis.stream_exists(tx, ctx.scope.environment, stream):
        return {"DestinationStatus": "ACTIVE"}
    return {"DestinationStatus": "ENABLE_FAILED", "DestinationStatusDescription": _why_it_failed(ctx, stream)}


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
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    if "EnableKinesisStreamingConfiguration" in req:
        raise errors.invalid("Stream cannot be disabled using EnableKinesisStreamingConfiguration parameters")
    stream = req["StreamArn"]
    known = _find(record, stream)
    if known is None or known["DestinationStatus"] != "ACTIVE":
        raise _invalid_state("KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.")
    _set(tx, scope, record, {"StreamArn": stream, "DestinationStatus": "DISABLED"})
    return {"TableName": record.name, "StreamArn": stream, "DestinationStatus": "DISABLING"}


@operation("UpdateKinesisStreamingDestination")
def update_kinesis_streaming_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    wanted, stream = req.get("UpdateKinesisStreamingConfiguration"), req["StreamArn"]
    if not wanted:
        raise errors.invalid(
            "Streaming destination cannot be updated with given parameters: "
            "UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
        )
    known = _find(record, stream)
    if known is None:
        raise _invalid_state(
            f"No streaming destination with streamArn: {stream} found for table with tableName: {record.name}"
        )
    if known["DestinationStatus"] != "ACTIVE":
        raise _invalid_state(
            "Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. "
            f"TableName: {record.name}, kdsArn: {stream}"
        )
    if known.get(_PRECISION, "MILLISECOND") == wanted[_PRECISION]:
        raise errors.invalid(
            f"Invalid Request: Precision is already set to the desired value of {wanted[_PRECISION]} for tableId: "
            f"{record.id}, kdsArn: {stream}"
        )
    _set(tx, scope, record, {**known, **wanted})
    return {
        "TableName": record.name,
        "StreamArn": stream,
        "DestinationStatus": "UPDATING",
        "UpdateKinesisStreamingConfiguration": wanted,
    }


@operation("DescribeKinesisStreamingDestination")
def describe_kinesis_streaming_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, record = require_table(ctx, tx, req["TableName"])
    return {"TableName": record.name, "KinesisDataStreamDestinations": list(record.kinesis)}
