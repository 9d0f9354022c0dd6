"""Operations on user import jobs.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserImportJob.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.services.cognito_idp import errors, imports, parts, pools
from mrak.services.cognito_idp.tables import IMPORTS, Import


@operation("GetCSVHeader")
def get_csv_header(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    return {"UserPoolId": pool.id, "CSVHeader": imports.header_of(pool)}


@operation("CreateUserImportJob")
def create_user_import_job(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    if not pool.settings.get("AutoVerifiedAttributes"):
        raise errors.precondition("The user pool must have at least one auto-verified attribute.")
    if "PasswordHashingAlgorithm" in req:
        # Passwords are kept as SRP verifiers, which no other hash can be turned into.
        deviation("COGNITO-008")
        raise errors.invalid("Importing password hashes is not supported.")
    job = Import(
        pool=pool.id,
        id=f"import-{ctx.draw.alphanumeric(10)}",
        name=req["JobName"],
        role_arn=req["CloudWatchLogsRoleArn"],
        key=ctx.draw.hex(48),
        created_at=ctx.now,
    )
    IMPORTS.lock(tx, ctx.scope, pool.id, job.id)
    IMPORTS.insert(tx, ctx.scope, job)
    return {"UserImportJob": _render(ctx, job)}


def _render(ctx: Context, job: Import) -> dict[str, Any]:
    status = imports.status_of(ctx, job)
    shown: dict[str, Any] = {
        "JobName": job.name,
        "JobId": job.id,
        "UserPoolId": job.pool,
        "PreSignedUrl": f"{ctx.part('endpoint')}/_aws/cognito-idp/{job.pool}/import/{job.id}?key={job.key}",
        "CreationDate": job.created_at,
        "Status": status,
        "CloudWatchLogsRoleArn": job.role_arn,
        "ImportedUsers": job.imported,
        "SkippedUsers": job.skipped,
        "FailedUsers": job.failed,
    }
    if job.started_at:
        shown["StartDate"] = job.started_at
    if job.ended_at:
        shown["CompletionDate"] = job.ended_at
    return shown | ({"CompletionMessage": job.message} if job.message else {})


@operation("DescribeUserImportJob")
def describe_user_import_job(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    return {"UserImportJob": _render(ctx, imports.require(tx, ctx.scope, pool.id, req["JobId"]))}


@operation("ListUserImportJobs")
def list_user_import_jobs(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    rows = IMPORTS.scan(tx, ctx.scope, pool.id, after=parts.position(req.get("PaginationToken")))
    page, token = take_page(rows, req["MaxResults"], lambda row: row.id)
    shown = {"UserImportJobs": [_render(ctx, job) for job in page]}
    return shown | ({"PaginationToken": token} if token else {})


@operation("StartUserImportJob")
def start_user_import_job(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    job = imports.require(tx, ctx.scope, pool.id, req["JobId"])
    return {"UserImportJob": _render(ctx, imports.start(ctx, tx, ctx.scope, job))}


@operation("StopUserImportJob")
def stop_user_import_job(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """What was imported before stays."""
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    job = imports.require(tx, ctx.scope, pool.id, req["JobId"])
    if job.status not in (imports.PENDING, imports.RUNNING):
        raise errors.precondition(f"The job is {imports.status_of(ctx, job)} and cannot be stopped.")
    stopped = msgspec.structs.replace(job, status=imports.STOPPED, ended_at=ctx.now, file=b"")
    IMPORTS.replace(tx, ctx.scope, job, stopped)
    return {"UserImportJob": _render(ctx, stopped)}
