"""Models: JSON schemas of bodies."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.tables import APIS, MODELS, RESOURCES, Part

_FIELDS = {"/description": patches.TEXT, "/schema": patches.TEXT}
_NO_SCHEMA = "Model schema must have at least 1 property or array items defined"


@operation("CreateModel")
def create_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["restApiId"])
    return add_model(ctx, tx, api.id, parts.given(req, "name", "description", "schema", "contentType")).settings


def add_model(ctx: Context, tx: Transaction, api_id: str, given: dict[str, Any]) -> Part:
    """A new model; the API is open."""
    if not given["name"]:
        raise errors.bad_request("Model name must be non-empty")
    if MODELS.get(tx, ctx.scope, api_id, given["name"]) is not None:
        raise errors.conflict("Model name already exists for this REST API")
    _check_schema(given.get("schema"))
    settings = {"id": ctx.draw.alphanumeric(6)} | {name: value for name, value in given.items() if value != ""}
    made = Part(api=api_id, id=given["name"], settings=settings)
    parts.insert(tx, ctx.scope, MODELS, made)
    return made


@operation("GetModel")
def get_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _require(tx, ctx.scope, req).settings


@operation("GetModels")
def get_models(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["restApiId"])
    rows = MODELS.scan(tx, ctx.scope, api.id, after=parts.position(req))
    return parts.render_page(rows, req, lambda row: row.settings)


@operation("UpdateModel")
def update_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.open_api(tx, ctx.scope, req["restApiId"])
    old = _require(tx, ctx.scope, req)
    settings = patches.apply(old.settings, req.get("patchOperations"), _FIELDS)
    if settings.get("description") == "":
        del settings["description"]
    _check_schema(settings.get("schema"))
    MODELS.lock(tx, ctx.scope, old.api)
    MODELS.replace(tx, ctx.scope, old, msgspec.structs.replace(old, settings=settings))
    return settings


@operation("DeleteModel")
def delete_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    APIS.lock(tx, ctx.scope, req["restApiId"])
    model = _require(tx, ctx.scope, req)  # which API is not looked at before
    for resource in sorted(RESOURCES.scan(tx, ctx.scope, model.api), key=lambda row: row.path, reverse=True):
        for name, method in resource.methods.items():
            if model.id in method.get("requestModels", {}).values():
                where = f"method request: {resource.path}/{name}"
                raise errors.conflict(f"Cannot delete model '{model.id}', is referenced in {where}")
            for response in method.get("methodResponses", {}).values():
                if model.id in response.get("responseModels", {}).values():
                    where = f"method response: {resource.path}/{name}"
                    raise errors.conflict(f"Cannot delete model '{model.id}', is referenced in {where}")
    MODELS.lock(tx, ctx.scope, model.api)
    MODELS.delete(tx, ctx.scope, model)


@operation("GetModelTemplate")
def get_model_template(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    model = _require(tx, ctx.scope, req)
    properties = msgspec.json.decode(model.settings["schema"]).get("properties", {})
    lines = [f'  "{name}" : $inputRoot.{name}' for name in properties]
    return {"value": "#set($inputRoot = $input.path('$'))\n{\n" + ",\n".join(lines) + "\n}"}


def _require(tx: Transaction, scope: Scope, req: dict[str, Any]) -> Part:
    model = MODELS.get(tx, scope, req["restApiId"], req["modelName"])
    if model is None:
        raise errors.unknown_model(req["modelName"])
    return model


def _check_schema(text: str | None) -> None:
    if not text:
        raise errors.bad_request(_NO_SCHEMA)
    try:
        schema = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise errors.bad_request("Invalid model specified: the schema is not valid JSON") from None
    if not isinstance(schema, dict) or not schema:
        raise errors.bad_request(_NO_SCHEMA)
