"""StartBulkPutItems, DescribeBulkOperation, ListBulkOperations, CancelBulkOperation.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_StartBulkPutItems.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.dynamodb import access, bulk, errors, transfers
from mrak.services.dynamodb.access import require_schema
from mrak.services.dynamodb.bulk import BULKS, Bulk

_TOKEN_SECONDS = 8 * 3600.0
_LISTED_SECONDS = 90 * 86_400.0
_PAGE_JOBS = 10


@operation("StartBulkPutItems")
def start_bulk_put_items(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _check_output(req["OutputS3Configuration"])
    schema = require_schema(ctx, tx, req["TableName"], asked=req)
    wanted = _with_defaults(ctx, req)
    token = wanted["ClientToken"]
    known = transfers.TOKENS.open(tx, ctx.scope, "bulk", token)
    started = None if known is None else BULKS.get(tx, ctx.scope, known.id)
    if started is not None and ctx.now - started.started_at < _TOKEN_SECONDS:
        if started.request != wanted:
            raise ApiError(
                "IdempotentParameterMismatchException",
                "Request with the same idempotency token has already been started with different parameters",
            )
        return {"BulkOperationDescription": bulk.describe(ctx.scope, started)}
    job = Bulk(
        id=transfers.new_id(ctx),
        number=ctx.draw.sequence(),
        table=schema.record.name,
        table_id=schema.record.id,
        started_at=ctx.now,
        request=wanted,
    )
    bulk.begin(ctx, tx, ctx.scope, job)
    mark = transfers.Token(kind="bulk", token=token, id=job.id)
    if known is None:
        transfers.TOKENS.insert(tx, ctx.scope, mark)
    else:
        transfers.TOKENS.replace(tx, ctx.scope, known, mark)
    return {"BulkOperationDescription": bulk.describe(ctx.scope, job)}


def _check_output(output: Mapping[str, Any]) -> None:
    if not output["OutputType"]:
        raise errors.invalid("Invalid Request: OutputType must contain at least one value")
    if "S3SseKmsKeyId" in output and output.get("S3SseAlgorithm") != "KMS":
        raise errors.invalid("Invalid Request: KMS Key Id is not supported for this encryption type")


def _with_defaults(ctx: Context, req: Mapping[str, Any]) -> dict[str, Any]:
    owner = {"S3BucketOwner": ctx.scope.account}
    return {
        **req,
        "ClientToken": req.get("ClientToken") or ctx.draw.uuid(),
        "InputS3Configuration": {**owner, "InputCompressionType": "NONE", **req["InputS3Configuration"]},
        "OutputS3Configuration": {**owner, **req["OutputS3Configuration"]},
        "PerformanceTier": req.get("PerformanceTier", "STANDARD"),
    }


@operation("DescribeBulkOperation")
def describe_bulk_operation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx, req["BulkOperationArn"])
    job = bulk.require(ctx, tx, req["BulkOperationArn"])
    return {"BulkOperationDescription": bulk.describe(ctx.scope, job)}


@operation("CancelBulkOperation")
def cancel_bulk_operation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx, req["BulkOperationArn"])
    job = bulk.cancel(tx, ctx.scope, bulk.require(ctx, tx, req["BulkOperationArn"], opens=True))
    return {"BulkOperationArn": bulk.bulk_arn(ctx.scope, job), "BulkOperationStatus": job.status}


@operation("ListBulkOperations")
def list_bulk_operations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx)
    last = transfers.find_position("bulk", req["NextToken"]) if "NextToken" in req else None
    size = req.get("MaxResults", _PAGE_JOBS)
    page: list[Bulk] = []
    token: str | None = None
    for job in BULKS.scan(tx, ctx.scope, upto=last, reverse=True):
        if job.id == last:
            continue
        if ctx.now - job.started_at > _LISTED_SECONDS:
            break
        if len(page) == size:
            token = transfers.render_token("bulk", page[-1].id)
            break
        page.append(job)
    summaries = [_summary(ctx, job) for job in page]
    return {"BulkOperationsSummaryList": summaries} | ({"NextToken": token} if token is not None else {})


def _summary(ctx: Context, job: Bulk) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "BulkOperationArn": bulk.bulk_arn(ctx.scope, job),
        "BulkOperationStatus": job.status,
        "StartTime": job.started_at,
    }
    return shown if job.ended_at is None else shown | {"EndTime": job.ended_at}
