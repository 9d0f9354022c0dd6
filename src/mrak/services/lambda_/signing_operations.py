"""Operations on code signing configurations: kept, attached to functions and shown; packages are not checked
(LAMBDA-007). https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.configuration import render_modified
from mrak.services.lambda_.references import function_arn, parse_reference
from mrak.services.lambda_.tables import FUNCTIONS, SIGNING, Function, SigningConfig

_SETTING = "CodeSigning"
_MEMBERS = ("AllowedPublishers", "CodeSigningPolicies", "Description")
_PAGE = 50


@operation("CreateCodeSigningConfig")
def create_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("LAMBDA-007")
    settings = {"Description": "", "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}}
    settings |= {member: req[member] for member in _MEMBERS if member in req}
    tags = req.get("Tags", {})
    config = SigningConfig(config_id=f"csc-{ctx.draw.hex(17)}", modified_at=ctx.now, settings=settings, tags=tags)
    SIGNING.lock(tx, ctx.scope, config.config_id)
    SIGNING.insert(tx, ctx.scope, config)
    return {"CodeSigningConfig": _render(ctx.scope, config)}


@operation("GetCodeSigningConfig")
def get_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"CodeSigningConfig": _render(ctx.scope, _require(ctx, tx, req["CodeSigningConfigArn"]))}


@operation("UpdateCodeSigningConfig")
def update_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _require(ctx, tx, req["CodeSigningConfigArn"])
    settings = old.settings | {member: req[member] for member in _MEMBERS if member in req}
    new = msgspec.structs.replace(old, settings=settings, modified_at=ctx.now)
    SIGNING.replace(tx, ctx.scope, old, new)
    return {"CodeSigningConfig": _render(ctx.scope, new)}


@operation("DeleteCodeSigningConfig")
def delete_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    config = _require(ctx, tx, req["CodeSigningConfigArn"])
    if any(_attached(function) == req["CodeSigningConfigArn"] for function in FUNCTIONS.scan(tx, ctx.scope)):
        raise errors.conflict("Cannot delete the code signing configuration: functions use it.")
    SIGNING.delete(tx, ctx.scope, config)
    return {}


@operation("ListCodeSigningConfigs")
def list_code_signing_configs(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["Marker"]) if req.get("Marker") else None
    rows = SIGNING.scan(tx, ctx.scope, after=after)
    page, token = take_page(rows, min(req.get("MaxItems", _PAGE), _PAGE), lambda row: row.config_id)
    shown = [_render(ctx.scope, row) for row in page]
    return {"CodeSigningConfigs": shown} | ({"NextMarker": token} if token else {})


@operation("PutFunctionCodeSigningConfig")
def put_function_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    config_arn = req["CodeSigningConfigArn"]
    ref = parse_reference(ctx.scope, req["FunctionName"])
    check_signing_config(tx, ctx.scope, config_arn)
    attach(tx, ref.scope, functions.open_function(tx, ref), config_arn)
    return {"CodeSigningConfigArn": config_arn, "FunctionName": ref.name}


def check_signing_config(tx: Transaction, scope: Scope, config_arn: str) -> None:
    if SIGNING.get(tx, scope, config_arn.rpartition(":")[2]) is None:
        raise ApiError("CodeSigningConfigNotFoundException", _absent(config_arn), 404, {"Type": "User"})


def attach(tx: Transaction, scope: Scope, function: Function, config_arn: str) -> None:
    settings = function.settings | {_SETTING: config_arn}
    FUNCTIONS.replace(tx, scope, function, msgspec.structs.replace(function, settings=settings))


@operation("GetFunctionCodeSigningConfig")
def get_function_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    attached = _attached(functions.require(tx, ref))
    return {"CodeSigningConfigArn": attached, "FunctionName": ref.name} if attached else {}


@operation("DeleteFunctionCodeSigningConfig")
def delete_function_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    function = functions.open_function(tx, ref)
    settings = {name: value for name, value in function.settings.items() if name != _SETTING}
    FUNCTIONS.replace(tx, ref.scope, function, msgspec.structs.replace(function, settings=settings))


@operation("ListFunctionsByCodeSigningConfig")
def list_functions_by_code_signing_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    config_arn = req["CodeSigningConfigArn"]
    _require(ctx, tx, config_arn)
    after = find_position(req["Marker"]) if req.get("Marker") else None
    rows = (row for row in FUNCTIONS.scan(tx, ctx.scope, after=after) if _attached(row) == config_arn)
    page, token = take_page(rows, min(req.get("MaxItems", _PAGE), _PAGE), lambda row: row.name)
    shown = [function_arn(ctx.scope, row.name) for row in page]
    return {"FunctionArns": shown} | ({"NextMarker": token} if token else {})


def _attached(function: Function) -> str:
    return str(function.settings.get(_SETTING, ""))


def _absent(config_arn: str) -> str:
    return (
        "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
        f"{config_arn}."
    )


def _require(ctx: Context, tx: Transaction, config_arn: str) -> SigningConfig:
    config = SIGNING.open(tx, ctx.scope, config_arn.rpartition(":")[2])
    if config is None:
        raise errors.not_found(_absent(config_arn))
    return config


def _render(scope: Scope, config: SigningConfig) -> dict[str, Any]:
    return {
        "CodeSigningConfigId": config.config_id,
        "CodeSigningConfigArn": arn(scope, "lambda", f"code-signing-config:{config.config_id}"),
        "LastModified": render_modified(config.modified_at),
        **config.settings,
    }
