"""Exports to and imports from S3: how they are started, described and listed.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ImportTable.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, encryption, errors, exporting, importing, rules, transfers
from mrak.services.dynamodb.tables import TABLES, TableRecord
from mrak.services.dynamodb.transfers import EXPORTS, IMPORTS, Transfer

_DAY_SECONDS = 86_400.0
_SHORTEST_PERIOD_SECONDS = 900.0


@operation("ExportTableToPointInTime")
def export_table_to_point_in_time(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, name = _named_table(ctx, req["TableArn"])
    wanted = {**req, "ClientToken": req.get("ClientToken") or ctx.draw.uuid()}
    _check_export(req)
    known = transfers.find_started(tx, scope, EXPORTS, "export", wanted["ClientToken"])
    if known is not None:
        if _as_asked(known.request) != _as_asked(wanted):
            raise errors.transfer_conflict("Export")
        return {"ExportDescription": transfers.render_export(scope, known)}
    record = TABLES.get(tx, scope, name)
    access.check_table(ctx, tx, scope, name, record)
    if record is None or f":{scope.region}:" not in req["TableArn"]:
        raise errors.recovery_table_not_found(req["TableArn"])
    specification = req.get("IncrementalExportSpecification")
    if specification is not None:
        period = _period(ctx, record, specification)
        view = specification.get("ExportViewType", "NEW_AND_OLD_IMAGES")
        wanted["IncrementalExportSpecification"] = {**period, "ExportViewType": view}
        wanted["asked"] = specification
    if record.pitr_since is None:
        raise errors.recovery_unavailable(record.name)
    moment = req.get("ExportTime", ctx.now)
    if not max(record.pitr_since, ctx.now - record.pitr_days * _DAY_SECONDS) <= moment <= ctx.now:
        raise errors.invalid_export_time("Export Time is invalid")
    job = Transfer(
        id=transfers.new_id(ctx),
        table=record.name,
        table_id=record.id,
        started_at=ctx.now,
        request=wanted,
        number=ctx.draw.sequence(),
        moment=moment,
    )
    exporting.begin(ctx, tx, scope, record, job)
    return {"ExportDescription": transfers.render_export(scope, job)}


def _as_asked(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as its sender wrote it, without the defaults that were filled in."""
    asked = {name: value for name, value in request.items() if name != "asked"}
    if "asked" in request:
        asked["IncrementalExportSpecification"] = request["asked"]
    return asked


def _named_table(ctx: Context, text: str) -> tuple[Scope, str]:
    """The table of a TableArn; its region is looked at only when the table is looked up."""
    if not text:
        raise errors.invalid("Invalid TableArn: Invalid Table ARN")
    parts = find_arn(text)
    if parts is None:
        raise errors.invalid_parameter("tableArn is not a valid ARN")
    name = parts.resource.removeprefix("table/")
    if parts.service != "dynamodb" or name == parts.resource or "/" in name:
        raise errors.invalid("Invalid Request: Table ARN is invalid.")
    if parts.account != ctx.scope.account:
        raise errors.access_denied()
    return ctx.scope, name


def _check_export(req: Mapping[str, Any]) -> None:
    if req.get("S3Prefix") == "":
        raise errors.constraint("''", "s3Prefix", "Member must have length greater than or equal to 1")
    kind, specification = req.get("ExportType"), req.get("IncrementalExportSpecification")
    if specification is not None and kind is None:
        raise _refused(
            "Export Type expected to be Incremental Export when incremental export specification is provided"
        )
    if specification is not None and kind == "FULL_EXPORT":
        raise _refused("When Export Type is Full Export , Incremental Export Specification should not be provided")
    if specification is None and kind == "INCREMENTAL_EXPORT":
        raise _refused("Incremental Export Specification expected when export type is set as Incremental Export")
    if specification is not None and "ExportFromTime" not in specification:
        raise _refused("ExportFromTime must be provided in IncrementalExportSpecification")
    if "S3SseKmsKeyId" in req and req.get("S3SseAlgorithm") != "KMS":
        raise _refused("KMS Key Id is not supported for this encryption type")
    if "FilterSpecification" in req:
        exporting.bind_filter(req["FilterSpecification"])


def _refused(why: str) -> Exception:
    return errors.invalid(f"Invalid Request: {why}")


def _period(ctx: Context, record: TableRecord, specification: Mapping[str, Any]) -> dict[str, float]:
    """What an incremental export covers: a quarter of an hour to a day, within what can be recovered."""
    since, until = specification["ExportFromTime"], specification.get("ExportToTime", ctx.now)
    if since < (record.pitr_since if record.pitr_since is not None else ctx.now):
        raise errors.invalid_export_time(
            f"Incremental export period from time cannot be less than the table creation time : {errors.spelled(since)}"
        )
    if until > ctx.now:
        raise errors.invalid_export_time(
            f"Incremental export period to time cannot be greater than the current time : {errors.spelled(until)}"
        )
    difference = "Difference between export period from time and export period to time is"
    if until - since < _SHORTEST_PERIOD_SECONDS:
        raise errors.invalid_export_time(f"{difference} less than 15 minutes")
    if until - since > _DAY_SECONDS:
        raise errors.invalid_export_time(f"{difference} greater than 24 hours")
    return {"ExportFromTime": since, "ExportToTime": until}


@operation("DescribeExport")
def describe_export(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx, req["ExportArn"])
    job = transfers.require(ctx, tx, EXPORTS, req["ExportArn"])
    return {"ExportDescription": transfers.render_export(ctx.scope, job)}


@operation("ListExports")
def list_exports(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx)
    jobs, token = transfers.list_jobs(ctx, tx, EXPORTS, req, req.get("MaxResults"))
    summaries = [
        {
            "ExportArn": transfers.export_arn(ctx.scope, job),
            "ExportStatus": job.status,
            "ExportType": job.request.get("ExportType", "FULL_EXPORT"),
        }
        for job in jobs
    ]
    return {"ExportSummaries": summaries} | ({"NextToken": token} if token is not None else {})


@operation("ImportTable")
def import_table(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "ClientToken" not in req:
        # Required, whatever the model says: SDKs make one up.
        raise errors.constraint("null", "clientToken", "Member must not be null")
    parameters = req["TableCreationParameters"]
    name = parameters["TableName"]
    token = req["ClientToken"]
    access.check_table(ctx, tx, ctx.scope, name, None)
    _check_import(req)
    known = transfers.find_started(tx, ctx.scope, IMPORTS, "import", token)
    if (known is None or known.status != transfers.IN_PROGRESS) and TABLES.get(tx, ctx.scope, name) is not None:
        raise errors.table_exists(name)
    if known is not None:
        if known.table != name:
            raise errors.transfer_conflict("Import")
        return {"ImportTableDescription": transfers.render_import(ctx.scope, known)}
    encryption.new_encryption(ctx, tx, ctx.scope, parameters.get("SSESpecification"))
    source = {"S3BucketOwner": ctx.scope.account, **req["S3BucketSource"]}
    filled = {"ClientToken": token, "S3BucketSource": source, "InputCompressionType": "NONE"}
    job = Transfer(
        id=transfers.new_id(ctx),
        table=name,
        table_id=ctx.draw.uuid(),
        started_at=ctx.now,
        request={**req, **filled, "InputCompressionType": req.get("InputCompressionType", "NONE")},
    )
    importing.begin(ctx, tx, ctx.scope, job)
    return {"ImportTableDescription": transfers.render_import(ctx.scope, job)}


def _check_import(req: Mapping[str, Any]) -> None:
    parameters = req["TableCreationParameters"]
    billing = parameters.get("BillingMode", "PROVISIONED")
    rules.check_new_table(parameters)
    for limit in ("MaxWriteRequestUnits", "MaxReadRequestUnits"):
        if billing == "PROVISIONED" and limit in parameters.get("OnDemandThroughput", {}):
            raise errors.invalid_parameter(
                f"{limit} for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED."
            )
    if "InputFormatOptions" in req and req["InputFormat"] != "CSV":
        raise _refused(f"Unsupported InputFormatOptions for the given input format: {req['InputFormat']}.")


@operation("DescribeImport")
def describe_import(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx, req["ImportArn"])
    job = transfers.require(ctx, tx, IMPORTS, req["ImportArn"])
    return {"ImportTableDescription": transfers.render_import(ctx.scope, job)}


@operation("ListImports")
def list_imports(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    access.check_account(ctx, tx)
    jobs, token = transfers.list_jobs(ctx, tx, IMPORTS, req, req.get("PageSize"))
    shown = ("ImportArn", "ImportStatus", "TableArn", "S3BucketSource", "CloudWatchLogGroupArn", "InputFormat")
    summaries = []
    for job in jobs:
        whole = transfers.render_import(ctx.scope, job)
        summaries.append({name: whole[name] for name in (*shown, "StartTime", "EndTime") if name in whole})
    return {"ImportSummaryList": summaries} | ({"NextToken": token} if token is not None else {})
