"""Exports, imports and bulk operations. None can be started here yet, so there is none to list or to describe.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.dynamodb import errors


def _require_arn(text: str, part: str, what: str) -> None:
    parts = find_arn(text)
    if parts is None or parts.service != "dynamodb" or f"/{part}/" not in parts.resource:
        raise errors.invalid(f"Invalid {what} ARN")


@operation("ListExports")
def list_exports(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"ExportSummaries": []}


@operation("DescribeExport")
def describe_export(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _require_arn(req["ExportArn"], "export", "Export")
    raise ApiError("ExportNotFoundException", f"Export not found: {req['ExportArn']}")


@operation("ListImports")
def list_imports(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"ImportSummaryList": []}


@operation("DescribeImport")
def describe_import(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _require_arn(req["ImportArn"], "import", "Import")
    raise ApiError("ImportNotFoundException", f"Import not found: {req['ImportArn']}")
