"""Request validators: whether bodies and parameters are checked."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import APIS, RESOURCES, VALIDATORS, Part

_FIELDS = {
    "/name": patches.TEXT,
    "/validateRequestParameters": patches.BOOLEAN,
    "/validateRequestBody": patches.BOOLEAN,
}
_WHAT = "Request Validator"


@operation("CreateRequestValidator")
def create_request_validator(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    APIS.lock(tx, ctx.scope, req["restApiId"])
    if APIS.get(tx, ctx.scope, req["restApiId"]) is None:
        raise errors.bad_request("Invalid REST API identifier specified")
    return add_validator(ctx, tx, req["restApiId"], req).settings


def add_validator(ctx: Context, tx: Transaction, api_id: str, given: dict[str, Any]) -> Part:
    """A new validator; the API is open."""
    settings = {
        "id": ctx.draw.alphanumeric(6),
        "validateRequestBody": given.get("validateRequestBody", False),
        "validateRequestParameters": given.get("validateRequestParameters", False),
    } | parts.given(given, "name")
    made = Part(api=api_id, id=settings["id"], settings=settings)
    parts.insert(tx, ctx.scope, VALIDATORS, made)
    return made


@operation("GetRequestValidator")
def get_request_validator(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.require_part(tx, ctx.scope, VALIDATORS, _WHAT, req["restApiId"], req["requestValidatorId"]).settings


@operation("GetRequestValidators")
def get_request_validators(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if APIS.get(tx, ctx.scope, req["restApiId"]) is None:
        raise errors.invalid(_WHAT)
    rows = VALIDATORS.scan(tx, ctx.scope, req["restApiId"], after=parts.position(req))
    return parts.render_page(rows, req, lambda row: row.settings)


@operation("UpdateRequestValidator")
def update_request_validator(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = parts.open_part(tx, ctx.scope, VALIDATORS, _WHAT, req["restApiId"], req["requestValidatorId"])
    settings = patches.apply(old.settings, req.get("patchOperations"), _FIELDS)
    if not settings.get("name", "x"):
        raise errors.bad_request("Request Validator name cannot be blank")
    VALIDATORS.replace(tx, ctx.scope, old, msgspec.structs.replace(old, settings=settings))
    return settings


@operation("DeleteRequestValidator")
def delete_request_validator(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    old = parts.open_part(tx, ctx.scope, VALIDATORS, _WHAT, req["restApiId"], req["requestValidatorId"])
    for resource in RESOURCES.scan(tx, ctx.scope, old.api):
        for name, method in resource.methods.items():
            if method.get("requestValidatorId") == old.id:
                raise errors.conflict(
                    f"Cannot delete validator '{old.settings.get('name')}', is referenced in method request: "
                    f"{resource.path}/{name}"
                )
    VALIDATORS.delete(tx, ctx.scope, old)
