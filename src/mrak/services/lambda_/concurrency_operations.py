"""Operations on concurrency: reserved, provisioned, and the account's own.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.configuration import render_modified
from mrak.services.lambda_.invocation import ACCOUNT_CONCURRENCY
from mrak.services.lambda_.references import LATEST, Reference, function_arn, parse_reference
from mrak.services.lambda_.tables import FUNCTIONS, PROVISIONED, VERSIONS, Provisioned

_MIN_UNRESERVED = 100
_PAGE = 50
_CODE_BYTES = 80_530_636_800


@operation("PutFunctionConcurrency")
def put_function_concurrency(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    function = functions.open_function(tx, ref)
    wanted = req["ReservedConcurrentExecutions"]
    provisioned = sum(row.executions for row in PROVISIONED.scan(tx, ref.scope, ref.name))
    if provisioned > wanted:
        raise ApiError(
            "InvalidParameterValueException",
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned "
            f"concurrency [{provisioned}].",
        )
    total = functions.reserve(tx, ref.scope, wanted - (function.reserved or 0))
    if ACCOUNT_CONCURRENCY - total < _MIN_UNRESERVED:
        raise errors.invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{_MIN_UNRESERVED}]."
        )
    FUNCTIONS.replace(tx, ref.scope, function, msgspec.structs.replace(function, reserved=wanted))
    return {"ReservedConcurrentExecutions": wanted}


@operation("GetFunctionConcurrency")
def get_function_concurrency(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    function = functions.require(tx, parse_reference(ctx.scope, req["FunctionName"]))
    return {} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved}


@operation("DeleteFunctionConcurrency")
def delete_function_concurrency(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    function = functions.open_function(tx, ref)
    if function.reserved is not None:
        functions.reserve(tx, ref.scope, -function.reserved)
        FUNCTIONS.replace(tx, ref.scope, function, msgspec.structs.replace(function, reserved=None))


@operation("GetAccountSettings")
def get_account_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    count = total = 0
    for function in FUNCTIONS.scan(tx, ctx.scope):
        count += 1
        total += sum(version.code_bytes for version in VERSIONS.scan(tx, ctx.scope, function.name))
    return {
        "AccountLimit": {
            "TotalCodeSize": _CODE_BYTES,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
            "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - functions.reserved_sum(tx, ctx.scope),
        },
        "AccountUsage": {"TotalCodeSize": total, "FunctionCount": count},
    }


# --- provisioned concurrency: kept and shown; instances start when they are called all the same (LAMBDA-004)


@operation("PutProvisionedConcurrencyConfig")
def put_provisioned_concurrency_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("LAMBDA-004")
    ref = parse_reference(ctx.scope, req["FunctionName"], req["Qualifier"])
    if ref.qualifier == LATEST:
        raise errors.invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    function = functions.open_function(tx, ref)
    functions.require_version(tx, ref)
    wanted = req["ProvisionedConcurrentExecutions"]
    others = sum(row.executions for row in PROVISIONED.scan(tx, ref.scope, ref.name) if row.qualifier != ref.qualifier)
    if function.reserved is not None and wanted + others > function.reserved:
        raise errors.invalid(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
        )
    if function.reserved is None:
        _check_unreserved(wanted, ACCOUNT_CONCURRENCY - functions.reserved_sum(tx, ref.scope))
    new = Provisioned(name=ref.name, qualifier=ref.qualifier, executions=wanted, modified_at=ctx.now)
    old = PROVISIONED.get(tx, ref.scope, ref.name, ref.qualifier)
    if old is None:
        PROVISIONED.insert(tx, ref.scope, new)
    else:
        PROVISIONED.replace(tx, ref.scope, old, new)
    return _render(new, "IN_PROGRESS")


def _check_unreserved(wanted: int, unreserved: int) -> None:
    if wanted > unreserved:
        raise ApiError(
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
            f"[{unreserved}].",
        )
    if unreserved - wanted < _MIN_UNRESERVED:
        raise ApiError(
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{_MIN_UNRESERVED}].",
        )


@operation("GetProvisionedConcurrencyConfig")
def get_provisioned_concurrency_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, parse_reference(ctx.scope, req["FunctionName"], req["Qualifier"])), "READY")


@operation("DeleteProvisionedConcurrencyConfig")
def delete_provisioned_concurrency_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = parse_reference(ctx.scope, req["FunctionName"], req["Qualifier"])
    functions.open_function(tx, ref)
    row = PROVISIONED.get(tx, ref.scope, ref.name, ref.qualifier)
    if row is not None:
        PROVISIONED.delete(tx, ref.scope, row)


@operation("ListProvisionedConcurrencyConfigs")
def list_provisioned_concurrency_configs(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    functions.require(tx, ref)
    after = find_position(req["Marker"]) if req.get("Marker") else None
    rows = PROVISIONED.scan(tx, ref.scope, ref.name, after=after)
    page, token = take_page(rows, min(req.get("MaxItems", _PAGE), _PAGE), lambda row: row.qualifier)
    shown = [_render(row, "READY") | {"FunctionArn": function_arn(ref.scope, ref.name, row.qualifier)} for row in page]
    return {"ProvisionedConcurrencyConfigs": shown} | ({"NextMarker": token} if token else {})


def _require(tx: Transaction, ref: Reference) -> Provisioned:
    functions.require(tx, ref)
    row = PROVISIONED.get(tx, ref.scope, ref.name, ref.qualifier)
    if row is None:
        raise ApiError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            404,
            {"Type": "User"},
        )
    return row


def _render(row: Provisioned, status: str) -> dict[str, Any]:
    ready = row.executions if status == "READY" else 0
    shown: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": row.executions,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "Status": status,
        "LastModified": render_modified(row.modified_at),
    }
    if status == "READY":
        shown["AvailableProvisionedConcurrentExecutions"] = ready
    return shown
