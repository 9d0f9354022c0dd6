"""Operations on settings of functions: recursion, which invocations ask (`invocation`), and runtime management."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.references import LATEST, function_arn, parse_reference
from mrak.services.lambda_.tables import FUNCTIONS


@operation("PutFunctionRecursionConfig")
def put_function_recursion_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _set(ctx, tx, req["FunctionName"], "RecursiveLoop", req["RecursiveLoop"])
    return {"RecursiveLoop": req["RecursiveLoop"]}


@operation("GetFunctionRecursionConfig")
def get_function_recursion_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    function = functions.require(tx, parse_reference(ctx.scope, req["FunctionName"]))
    return {"RecursiveLoop": function.settings.get("RecursiveLoop", "Terminate")}


@operation("PutRuntimeManagementConfig")
def put_runtime_management_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    mode = req["UpdateRuntimeOn"]
    if (mode == "Manual") != ("RuntimeVersionArn" in req):
        raise errors.invalid("RuntimeVersionArn is required for the Manual update mode, and for no other.")
    kept = {member: req[member] for member in ("UpdateRuntimeOn", "RuntimeVersionArn") if member in req}
    qualifier = req.get("Qualifier", LATEST)
    _set(ctx, tx, req["FunctionName"], f"Runtime:{qualifier}", kept)
    return kept | {
        "FunctionArn": function_arn(ctx.scope, parse_reference(ctx.scope, req["FunctionName"]).name, qualifier)
    }


@operation("GetRuntimeManagementConfig")
def get_runtime_management_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    qualifier = req.get("Qualifier", LATEST)
    function = functions.require(tx, ref)
    kept: dict[str, Any] = function.settings.get(f"Runtime:{qualifier}", {"UpdateRuntimeOn": "Auto"})
    return kept | {"FunctionArn": function_arn(ref.scope, ref.name, qualifier)}


def _set(ctx: Context, tx: Transaction, name: str, setting: str, value: Any) -> None:
    ref = parse_reference(ctx.scope, name)
    function = functions.open_function(tx, ref)
    changed = msgspec.structs.replace(function, settings=function.settings | {setting: value})
    FUNCTIONS.replace(tx, ref.scope, function, changed)
