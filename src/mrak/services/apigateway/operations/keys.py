"""API keys."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches, quotas
from mrak.services.apigateway.tables import KEYS, KEYS_BY_VALUE, PLAN_KEYS, PLANS, PLANS_BY_KEY, ApiKey, PlanKey

_FIELDS = {
    "/name": patches.TEXT,
    "/description": patches.TEXT,
    "/enabled": patches.BOOLEAN,
    "/customerId": patches.TEXT,
}
_LONGEST_NAME = 1024
_LONGEST_DESCRIPTION = 125_000


@operation("CreateApiKey")
def create_api_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    settings = {"enabled": req.get("enabled", False)} | parts.given(req, "name", "description", "customerId")
    return render(_make(ctx, tx, settings, req.get("value", ""), req.get("tags", {})), with_value=True)


def _make(ctx: Context, tx: Transaction, settings: dict[str, Any], value: str, tags: dict[str, str]) -> ApiKey:
    settings = {"stageKeys": [], **settings}
    if not settings.get("name"):
        settings.pop("name", None)
    _check(settings)
    value = value or ctx.draw.alphanumeric(40, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    if len(value) > 128:
        raise errors.bad_request("API Key value exceeds maximum size of 128 characters")
    if len(value) < 20:
        raise errors.bad_request("API Key value should be at least 20 characters")
    if next(KEYS_BY_VALUE.scan(tx, ctx.scope, value), None) is not None:
        raise errors.conflict("API Key already exists")
    key = ApiKey(
        id=ctx.draw.alphanumeric(10),
        value=value,
        settings=settings,
        created_at=ctx.now,
        updated_at=ctx.now,
        tags=tags,
    )
    KEYS.lock(tx, ctx.scope, key.id)
    KEYS.insert(tx, ctx.scope, key)
    return key


@operation("ImportApiKeys")
def import_api_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html"""
    if req["format"] != "csv":
        raise errors.bad_request(f"Invalid format specified {req['format']}, must be csv")
    lines = csv.DictReader(io.StringIO(req["body"].decode("utf-8-sig", "replace")))
    if not {"name", "key"} <= {(name or "").strip().lower() for name in lines.fieldnames or ()}:
        raise errors.bad_request("The file must have a header with the columns name and key")
    ids, warnings = [], []
    for line in lines:
        entry = {name.strip().lower(): value.strip() for name, value in line.items() if name and value}
        settings: dict[str, Any] = {"enabled": entry.get("enabled", "true").lower() == "true"}
        settings |= parts.given(entry, "name", "description")
        try:
            key = _make(ctx, tx, settings, entry.get("key", ""), {})
        except ApiError as error:
            warnings.append(f"{entry.get('name', '')}: {error.message}")
            continue
        ids.append(key.id)
        warnings += _join(ctx, tx, key, entry.get("usageplanids", ""))
    if warnings and req.get("failOnWarnings"):
        raise errors.bad_request("; ".join(warnings))
    return {"ids": ids, "warnings": warnings}


def _join(ctx: Context, tx: Transaction, key: ApiKey, plans: str) -> list[str]:
    """Puts the key into the usage plans that are there; warns of the others."""
    warnings = []
    for plan in filter(None, (name.strip() for name in plans.split(","))):
        if PLANS.get(tx, ctx.scope, plan) is None:
            warnings.append(f"{key.settings.get('name', '')}: Invalid Usage Plan ID specified {plan}")
        elif PLAN_KEYS.open(tx, ctx.scope, plan, key.id) is None:
            PLAN_KEYS.insert(tx, ctx.scope, PlanKey(plan, key.id))
    return warnings


@operation("GetApiKey")
def get_api_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return render(require_key(tx, ctx.scope, req["apiKey"]), with_value=req.get("includeValue", False))


@operation("GetApiKeys")
def get_api_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    start, customer = req.get("nameQuery", ""), req.get("customerId")
    rows = (
        row
        for row in KEYS.scan(tx, ctx.scope, after=parts.position(req))
        if row.settings.get("name", "").startswith(start) and customer in (None, row.settings.get("customerId"))
    )
    with_values = req.get("includeValues", False)
    return parts.render_page(rows, req, lambda row: render(row, with_value=with_values))


@operation("UpdateApiKey")
def update_api_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    KEYS.lock(tx, ctx.scope, req["apiKey"])
    old = require_key(tx, ctx.scope, req["apiKey"])
    settings = patches.apply(old.settings, req.get("patchOperations"), _FIELDS)
    _check(settings)
    new = msgspec.structs.replace(old, settings=settings, updated_at=ctx.now)
    KEYS.replace(tx, ctx.scope, old, new)
    return render(new, with_value=False)


@operation("DeleteApiKey")
def delete_api_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    KEYS.lock(tx, ctx.scope, req["apiKey"])
    key = require_key(tx, ctx.scope, req["apiKey"])
    for row in list(PLANS_BY_KEY.scan(tx, ctx.scope, key.id)):
        PLAN_KEYS.lock(tx, ctx.scope, row.plan, row.key)
        PLAN_KEYS.delete(tx, ctx.scope, row)
        quotas.forget(tx, ctx.scope, row.plan, row.key)
    KEYS.delete(tx, ctx.scope, key)


def require_key(tx: Transaction, scope: Scope, key_id: str) -> ApiKey:
    key = KEYS.get(tx, scope, key_id)
    if key is None:
        raise errors.invalid("API Key")
    return key


def render(key: ApiKey, *, with_value: bool) -> dict[str, Any]:
    shown = {"id": key.id, "createdDate": key.created_at, "lastUpdatedDate": key.updated_at, **key.settings}
    if with_value:
        shown["value"] = key.value
    return shown | {"tags": key.tags} if key.tags else shown


def _check(settings: dict[str, Any]) -> None:
    if len(settings.get("name", "")) > _LONGEST_NAME:
        raise errors.bad_request("Invalid API Key name, can be at most 1024 characters.")
    if len(settings.get("description", "")) > _LONGEST_DESCRIPTION:
        raise errors.bad_request("Invalid API Key description specified.")
