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
from mrak.services.lambda_.references import LATEST, Reference, function_arn, is_version, parse_reference
from mrak.services.lambda_.tables import (
    ALIASES,
    FUNCTIONS,
    HAS_PROVISIONED,
    LAYERS,
    PROVISIONED,
    VERSIONS,
    Function,
    Provisioned,
)

_MIN_UNRESERVED = 100
_PAGE = 50
_CODE_BYTES = 80_530_636_800
_WITHOUT_TYPE = {"Type": None}
"""Some errors of concurrency come without this member (recorded)."""


@operation("PutFunctionConcurrency")
def put_function_concurrency(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    if ref.qualifier:
        raise errors.invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
    function = functions.open_function(tx, ref)
    wanted = req["ReservedConcurrentExecutions"]
    provisioned = sum(row.executions for row in PROVISIONED.scan(tx, ref.scope, ref.name))
    if provisioned > wanted:
        raise ApiError(
            "InvalidParameterValueException",
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned "
            f"concurrency [{provisioned}].",
            fields=_WITHOUT_TYPE,
        )
    total = functions.reserve(tx, ref.scope, wanted - (function.reserved or 0))
    if ACCOUNT_CONCURRENCY - total < _MIN_UNRESERVED:
        raise errors.invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{_MIN_UNRESERVED}]."
        )
    _set_reserved(ctx, tx, ref, function, wanted)
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
        _set_reserved(ctx, tx, ref, function, None)


def _set_reserved(ctx: Context, tx: Transaction, ref: Reference, function: Function, wanted: int | None) -> None:
    """A change of it is a revision of the function's, but no modification (recorded)."""
    if function.reserved != wanted:
        FUNCTIONS.replace(tx, ref.scope, function, msgspec.structs.replace(function, reserved=wanted))
        functions.revise(ctx, tx, ref)


@operation("GetAccountSettings")
def get_account_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    count = total = 0
    for function in FUNCTIONS.scan(tx, ctx.scope):
        count += 1
        total += sum(version.code_bytes for version in VERSIONS.scan(tx, ctx.scope, function.name))
    total += sum(layer.code_bytes for layer in LAYERS.scan(tx, ctx.scope) if not layer.deleted)
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
    _check_free(tx, ref)
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
    if HAS_PROVISIONED not in function.settings:
        settings = function.settings | {HAS_PROVISIONED: True}
        FUNCTIONS.replace(tx, ref.scope, function, msgspec.structs.replace(function, settings=settings))
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
            fields=_WITHOUT_TYPE,
        )
    if unreserved - wanted < _MIN_UNRESERVED:
        raise ApiError(
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{_MIN_UNRESERVED}].",
            fields=_WITHOUT_TYPE,
        )


@operation("GetProvisionedConcurrencyConfig")
def get_provisioned_concurrency_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, parse_reference(ctx.scope, req["FunctionName"], req["Qualifier"])), "READY")


@operation("DeleteProvisionedConcurrencyConfig")
def delete_provisioned_concurrency_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = parse_reference(ctx.scope, req["FunctionName"], req["Qualifier"])
    _check_published(tx, ref)
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


def _check_published(tx: Transaction, ref: Reference) -> None:
    """Provisioned concurrency is of aliases and published versions."""
    if ref.qualifier == LATEST:
        raise errors.invalid("The function resource provided must be an alias or a published version.")
    _check_there(tx, ref)


def _check_there(tx: Transaction, ref: Reference) -> None:
    functions.require(tx, ref)
    if is_version(ref.qualifier):
        functions.require_version(tx, ref)
    elif functions.find_alias(tx, ref) is None:
        raise errors.not_found(f"Cannot find alias arn: {ref.arn}")


def _check_free(tx: Transaction, ref: Reference) -> None:
    """A version has provisioned concurrency by itself or by one alias."""
    _check_there(tx, ref)
    version = functions.require_version(tx, ref).label
    for row in PROVISIONED.scan(tx, ref.scope, ref.name):
        if row.qualifier == ref.qualifier:
            continue
        if row.qualifier == version:
            raise errors.conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            )
        alias = ALIASES.get(tx, ref.scope, ref.name, row.qualifier)
        if alias is not None and version in (alias.version, *alias.weights):
            raise errors.conflict("Version is pointed by a Provisioned Concurrency alias")


def _require(tx: Transaction, ref: Reference) -> Provisioned:
    _check_published(tx, ref)
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
    return {
        "RequestedProvisionedConcurrentExecutions": row.executions,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "AvailableProvisionedConcurrentExecutions": ready,
        "Status": status,
        "LastModified": render_modified(row.modified_at),
    }
