"""Exports and imports as records: what a job is, what it may ask for, and how it is shown.

    dynamodb.exports   account region ID -> Transfer      dynamodb.imports   the same
    dynamodb.transfer-tokens   account region KIND TOKEN -> the id of the job that the token started
    dynamodb.export-rows       account region NUMBER place -> the item as it was, or the change of it

A job's rows are taken in the transaction that starts it, so that the export shows one moment, and dropped when it ends.
Records stay when their table goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors, rules
from mrak.services.dynamodb.spaces import RowSpace
from mrak.services.dynamodb.tables import TABLES, table_arn
from mrak.store.tables import Table

IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"
_PAGE_JOBS = 10
# What an export's description has only where the request had it, its type among them.
_ECHOED = (
    *("ClientToken", "ExportType", "S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseKmsKeyId"),
    "FilterSpecification",
)
# Tokens are 16 hexadecimal digits at a time, and at least this many.
_TOKEN_DIGITS = 112


class Transfer(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A job. `request` is what was asked for, in AWS's spelling; `outcome` what is known at its end."""

    id: str
    table: str
    table_id: str
    started_at: float
    request: dict[str, Any]
    status: str = IN_PROGRESS
    ended_at: float | None = None
    # Of exports: where their rows lie, and the moment that they show.
    number: int = 0
    moment: float = 0.0
    outcome: dict[str, Any] = {}


class Token(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    kind: str
    token: str
    id: str


class Change(msgspec.Struct, frozen=True, array_like=True):
    """What an incremental export says of one item: its rows before and after, and when it changed last."""

    before: bytes | None
    after: bytes | None
    time: float


EXPORTS = Table("dynamodb.exports", Transfer, key=("id",))
IMPORTS = Table("dynamodb.imports", Transfer, key=("id",))
TOKENS = Table("dynamodb.transfer-tokens", Token, key=("kind", "token"))
EXPORT_ROWS = RowSpace("dynamodb.export-rows")


def new_id(ctx: Context) -> str:
    return f"{int(ctx.now * 1000):014d}-{ctx.draw.hex(8)}"


def export_arn(scope: Scope, job: Transfer) -> str:
    return arn(scope, "dynamodb", f"table/{job.table}/export/{job.id}")


def import_arn(scope: Scope, job: Transfer) -> str:
    return arn(scope, "dynamodb", f"table/{job.table}/import/{job.id}")


def find_started(tx: Transaction, scope: Scope, jobs: Table[Transfer], kind: str, token: str) -> Transfer | None:
    """The job that a token started before."""
    known = TOKENS.open(tx, scope, kind, token)
    return None if known is None else jobs.get(tx, scope, known.id)


def start(tx: Transaction, scope: Scope, jobs: Table[Transfer], kind: str, job: Transfer) -> None:
    """A new job and its token. A token of a job that is over may start another."""
    jobs.lock(tx, scope, job.id)
    jobs.insert(tx, scope, job)
    token = Token(kind=kind, token=job.request["ClientToken"], id=job.id)
    known = TOKENS.open(tx, scope, kind, token.token)
    if known is None:
        TOKENS.insert(tx, scope, token)
    else:
        TOKENS.replace(tx, scope, known, token)


def end(
    tx: Transaction, scope: Scope, jobs: Table[Transfer], job_id: str, ended_at: float, outcome: Mapping[str, Any]
) -> None:
    """The end of a job, once. An outcome with a FailureCode is a failure."""
    job = jobs.open(tx, scope, job_id)
    if job is None or job.status != IN_PROGRESS:
        return
    status = FAILED if "FailureCode" in outcome else COMPLETED
    ended = msgspec.structs.replace(job, status=status, ended_at=ended_at, outcome={**job.outcome, **outcome})
    jobs.replace(tx, scope, job, ended)
    if job.number:
        EXPORT_ROWS.clear(tx, scope, job.number)


def render_failure(error: ApiError, request_id: str) -> dict[str, str]:
    """FailureCode and FailureMessage of an error of S3's."""
    code = error.code if error.code.startswith("KMS.") else f"S3{error.code}"
    if code.startswith("KMS."):
        code = "Kms" + code.removeprefix("KMS.").removesuffix("Exception") + "Exception"
    message = (
        f"{error.message} (Service: Amazon S3; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    return {"FailureCode": code, "FailureMessage": message}


def require(ctx: Context, tx: Transaction, jobs: Table[Transfer], text: str) -> Transfer:
    """The job that an ARN names."""
    kind = "export" if jobs is EXPORTS else "import"
    title = kind.title()
    parts = find_arn(text)
    if parts is not None and parts.account != ctx.scope.account:
        raise errors.access_denied()
    if parts is None or parts.service != "dynamodb" or not _is_job(parts.resource, kind):
        raise errors.invalid(f"Invalid {title} ARN")
    not_found = f"{title}NotFoundException"
    if parts.region != ctx.scope.region:
        raise ApiError(not_found, f"{title} not found: Invalid {kind} arn")
    table, _, job_id = parts.resource.removeprefix("table/").partition(f"/{kind}/")
    job = jobs.get(tx, ctx.scope, job_id)
    if job is None or job.table != table:
        raise ApiError(not_found, f"{title} not found: {title} not found: {text}")
    return job


def _is_job(resource: str, kind: str) -> bool:
    table, _, job_id = resource.removeprefix("table/").partition(f"/{kind}/")
    return bool(job_id) and rules.is_name(table)


def list_jobs(
    ctx: Context, tx: Transaction, jobs: Table[Transfer], req: Mapping[str, Any], size: int | None
) -> tuple[list[Transfer], str | None]:
    """A page of jobs, newest first; exports of a table only as long as it is the same table."""
    kind = "export" if jobs is EXPORTS else "import"
    last = find_position(kind, req["NextToken"]) if "NextToken" in req else None
    wanted = req.get("TableArn")
    size = size or _PAGE_JOBS
    page: list[Transfer] = []
    for job in jobs.scan(tx, ctx.scope, upto=last, reverse=True):
        if job.id == last:
            continue
        if wanted is not None and not _is_of(tx, ctx.scope, jobs, job, wanted):
            continue
        if len(page) == size:
            return page, render_token(kind, page[-1].id)
        page.append(job)
    return page, None


def _is_of(tx: Transaction, scope: Scope, jobs: Table[Transfer], job: Transfer, wanted: str) -> bool:
    if table_arn(scope, job.table) != wanted:
        return False
    if jobs is IMPORTS:
        return True
    table = TABLES.get(tx, scope, job.table)
    return table is not None and table.id == job.table_id


def render_token(kind: str, position: str) -> str:
    return f"{kind}:{position}".encode().hex().ljust(_TOKEN_DIGITS, "0")


def find_position(kind: str, token: str) -> str:
    try:
        named, _, position = bytes.fromhex(token).rstrip(b"\x00").decode("ascii").partition(":")
    except ValueError:
        named, position = "", ""
    if named != kind:
        raise errors.invalid(f"Invalid Request: Provided nextToken is invalid: {token}")
    return position


def render_export(scope: Scope, job: Transfer) -> dict[str, Any]:
    """ExportDescription."""
    shown: dict[str, Any] = {name: job.request[name] for name in _ECHOED if name in job.request}
    shown |= {
        "ExportArn": export_arn(scope, job),
        "ExportStatus": job.status,
        "StartTime": job.started_at,
        "TableArn": table_arn(scope, job.table),
        "TableId": job.table_id,
        "S3SseAlgorithm": job.request.get("S3SseAlgorithm", "AES256"),
        "ExportFormat": job.request.get("ExportFormat", "DYNAMODB_JSON"),
    }
    if "IncrementalExportSpecification" in job.request:
        shown["IncrementalExportSpecification"] = job.request["IncrementalExportSpecification"]
    else:
        shown["ExportTime"] = job.moment
    return _with_end(shown, job)


def render_import(scope: Scope, job: Transfer) -> dict[str, Any]:
    """ImportTableDescription."""
    shown: dict[str, Any] = {
        "ErrorCount": 0,
        "ProcessedItemCount": 0,
        "ImportedItemCount": 0,
        **job.request,
        "ImportArn": import_arn(scope, job),
        "ImportStatus": job.status,
        "TableArn": table_arn(scope, job.table),
        "TableId": job.table_id,
        "StartTime": job.started_at,
        "CloudWatchLogGroupArn": log_group_arn(scope),
    }
    return _with_end(shown, job)


def log_group_arn(scope: Scope) -> str:
    return f"arn:aws:logs:{scope.region}:{scope.account}:log-group:/aws-dynamodb/imports:*"


def _with_end(shown: dict[str, Any], job: Transfer) -> dict[str, Any]:
    shown |= job.outcome
    if job.ended_at is not None:
        shown["EndTime"] = job.ended_at
    return shown
