"""Models: JSON schemas that WebSocket routes name."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigatewayv2 import errors, parts, releases, rules
from mrak.services.apigatewayv2.tables import MODELS

MODEL = parts.Kind(
    name="Model",
    table=MODELS,
    id_member="ModelId",
    members=frozenset({"ContentType", "Description", "Name", "Schema"}),
    check=rules.check_model,
)


@operation("CreateModel")
def create_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    made = parts.create(ctx, tx, MODEL, api, req)
    releases.changed(ctx, tx, api)
    return parts.render(MODEL, made)


@operation("GetModel")
def get_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    return parts.render(MODEL, parts.require(tx, ctx.scope, MODEL, req["ApiId"], req["ModelId"]))


@operation("GetModels")
def get_models(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.require_api(tx, ctx.scope, req["ApiId"])
    rows = MODELS.scan(tx, ctx.scope, api.id, after=parts.position(req))
    return parts.render_list(rows, req, lambda row: parts.render(MODEL, row))


@operation("UpdateModel")
def update_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    old = parts.require(tx, ctx.scope, MODEL, api.id, req["ModelId"])
    new = parts.update(ctx, tx, MODEL, api, old, req)
    releases.changed(ctx, tx, api)
    return parts.render(MODEL, new)


@operation("DeleteModel")
def delete_model(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    api = parts.open_api(tx, ctx.scope, req["ApiId"])
    parts.delete(tx, ctx.scope, MODEL, parts.require(tx, ctx.scope, MODEL, api.id, req["ModelId"]))
    releases.changed(ctx, tx, api)


@operation("GetModelTemplate")
def get_model_template(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts.require_api(tx, ctx.scope, req["ApiId"])
    model = parts.require(tx, ctx.scope, MODEL, req["ApiId"], req["ModelId"])
    try:
        schema = msgspec.json.decode(model.settings["Schema"])
    except (msgspec.DecodeError, RecursionError):
        raise errors.bad_request("The model's schema is not valid JSON") from None
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    lines = ",\n".join(f'  "{name}" : $inputRoot.{name}' for name in properties)
    return {"Value": "#set($inputRoot = $input.path('$'))\n{\n" + lines + "\n}"}
