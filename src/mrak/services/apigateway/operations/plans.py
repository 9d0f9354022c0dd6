"""Usage plans and the keys that are in them."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches, quotas
from mrak.services.apigateway.operations.keys import require_key
from mrak.services.apigateway.tables import APIS, KEYS, PLAN_KEYS, PLANS, PLANS_BY_KEY, STAGES, ApiKey, Plan, PlanKey

_FIELDS = {
    "/name": patches.TEXT,
    "/description": patches.TEXT,
    "/productCode": patches.ANY_TEXT,
    "/throttle/rateLimit": patches.ANY_DECIMAL,
    "/throttle/burstLimit": patches.ANY_INTEGER,
    "/quota/limit": patches.ANY_INTEGER,
    "/quota/offset": patches.ANY_INTEGER,
    "/quota/period": patches.ANY_TEXT,
    "/throttle": patches.ANY_TEXT,
    "/quota": patches.ANY_TEXT,
}

_LONGEST_REPORT = 90


@operation("CreateUsagePlan")
def create_usage_plan(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    settings = {"apiStages": []} | parts.given(req, "name", "description", "apiStages", "throttle", "quota")
    for stage in settings["apiStages"]:
        _check_stage(tx, ctx.scope, stage["apiId"], stage["stage"])
    plan = Plan(id=ctx.draw.alphanumeric(6), settings=settings, tags=req.get("tags", {}))
    PLANS.lock(tx, ctx.scope, plan.id)
    PLANS.insert(tx, ctx.scope, plan)
    return _render(plan)


@operation("GetUsagePlan")
def get_usage_plan(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, ctx.scope, req["usagePlanId"]))


@operation("GetUsagePlans")
def get_usage_plans(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = parts.position(req)
    if "keyId" not in req:
        return parts.render_page(PLANS.scan(tx, ctx.scope, after=after), req, _render)
    found = [PLANS.get(tx, ctx.scope, row.plan) for row in PLANS_BY_KEY.scan(tx, ctx.scope, req["keyId"])]
    rows = (plan for plan in found if plan is not None and (after is None or plan.id > after))
    return parts.render_page(rows, req, _render)


@operation("UpdateUsagePlan")
def update_usage_plan(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    PLANS.lock(tx, ctx.scope, req["usagePlanId"])
    old = _require(tx, ctx.scope, req["usagePlanId"])
    settings: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(old.settings))
    for patch in req.get("patchOperations", []):
        if (patch.get("path") or "").startswith("/apiStages"):
            _patch_stage(tx, ctx.scope, settings, patch)
        else:
            settings = patches.apply(settings, [patch], _FIELDS)
    new = msgspec.structs.replace(old, settings=settings)
    PLANS.replace(tx, ctx.scope, old, new)
    return _render(new)


@operation("DeleteUsagePlan")
def delete_usage_plan(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    PLANS.lock(tx, ctx.scope, req["usagePlanId"])
    plan = _require(tx, ctx.scope, req["usagePlanId"])
    if plan.settings["apiStages"]:
        raise errors.bad_request(
            f"Cannot delete Usage Plan {plan.id}. Usage Plan should not be associated with any api stages."
        )
    for row in list(PLAN_KEYS.scan(tx, ctx.scope, plan.id)):
        PLAN_KEYS.lock(tx, ctx.scope, row.plan, row.key)
        PLAN_KEYS.delete(tx, ctx.scope, row)
        quotas.forget(tx, ctx.scope, row.plan, row.key)
    PLANS.delete(tx, ctx.scope, plan)


@operation("CreateUsagePlanKey")
def create_usage_plan_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if req["keyType"] != "API_KEY":
        raise errors.bad_request(f"Usage Plan Key Type {req['keyType']} is not supported. Must be API_KEY")
    plan = _require(tx, ctx.scope, req["usagePlanId"])
    key = require_key(tx, ctx.scope, req["keyId"])
    if PLAN_KEYS.open(tx, ctx.scope, plan.id, key.id) is not None:
        raise errors.conflict("Usage plan key already exists")
    PLAN_KEYS.insert(tx, ctx.scope, PlanKey(plan.id, key.id))
    return _render_key(key)


@operation("GetUsagePlanKey")
def get_usage_plan_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render_key(require_key(tx, ctx.scope, _require_plan_key(tx, ctx.scope, req).key))


@operation("GetUsagePlanKeys")
def get_usage_plan_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    plan = _require(tx, ctx.scope, req["usagePlanId"])
    rows = PLAN_KEYS.scan(tx, ctx.scope, plan.id, after=parts.position(req))
    found = (KEYS.get(tx, ctx.scope, row.key) for row in rows)
    named = (key for key in found if key and key.settings.get("name", "").startswith(req.get("nameQuery", "")))
    return parts.render_page(named, req, _render_key)


@operation("DeleteUsagePlanKey")
def delete_usage_plan_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    PLAN_KEYS.lock(tx, ctx.scope, req["usagePlanId"], req["keyId"])
    PLAN_KEYS.delete(tx, ctx.scope, _require_plan_key(tx, ctx.scope, req))
    quotas.forget(tx, ctx.scope, req["usagePlanId"], req["keyId"])


@operation("GetUsage")
def get_usage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    plan = _require(tx, ctx.scope, req["usagePlanId"])
    first, last = _date(req, "startDate"), _date(req, "endDate")
    if last < first or (last - first).days > _LONGEST_REPORT:
        raise errors.bad_request("Invalid date range specified")
    if "keyId" in req:
        keys = [_require_plan_key(tx, ctx.scope, req).key]
    else:
        keys = [row.key for row in PLAN_KEYS.scan(tx, ctx.scope, plan.id, after=parts.position(req))]
    page = parts.render_page(keys, req, lambda key: {"key": key}, str)
    items = {row["key"]: quotas.report(tx, ctx.scope, plan, row["key"], first, last) for row in page.pop("items")}
    return {**page, "usagePlanId": plan.id, "startDate": req["startDate"], "endDate": req["endDate"], "items": items}


@operation("UpdateUsage")
def update_usage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    key = _require_plan_key(tx, ctx.scope, req).key
    plan = _require(tx, ctx.scope, req["usagePlanId"])
    if "limit" not in plan.settings.get("quota", {}):
        raise errors.bad_request(f"Usage plan {plan.id} has no quota")
    settings = patches.apply({}, req.get("patchOperations"), {"/remaining": patches.ANY_INTEGER})
    if "remaining" in settings:
        quotas.grant(tx, ctx.scope, plan, key, settings["remaining"], ctx.now)
    day = quotas.today(ctx.now)
    items = {key: quotas.report(tx, ctx.scope, plan, key, day, day)}
    return {"usagePlanId": plan.id, "startDate": day.isoformat(), "endDate": day.isoformat(), "items": items}


def _date(req: dict[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(req[name])
    except ValueError:
        raise errors.bad_request(f"Invalid {name} specified, must be of the form yyyy-MM-dd") from None


def _require(tx: Transaction, scope: Scope, plan_id: str) -> Plan:
    plan = PLANS.get(tx, scope, plan_id)
    if plan is None:
        raise errors.not_found("Invalid Usage Plan ID specified")
    return plan


def _require_plan_key(tx: Transaction, scope: Scope, req: dict[str, Any]) -> PlanKey:
    _require(tx, scope, req["usagePlanId"])
    found = PLAN_KEYS.get(tx, scope, req["usagePlanId"], req["keyId"])
    if found is None:
        raise errors.not_found("Invalid API Key identifier specified")
    return found


def _patch_stage(tx: Transaction, scope: Scope, settings: dict[str, Any], patch: dict[str, Any]) -> None:
    """`/apiStages` with the value API:STAGE is added or removed; /apiStages/API:STAGE/throttle... changes one."""
    path, op = patch["path"], patch.get("op")
    value = patch.get("value") or ""
    stages: list[dict[str, Any]] = settings["apiStages"]
    if path == "/apiStages":
        api_id, _, name = value.partition(":")
        if op == "add":
            _check_stage(tx, scope, api_id, name)
            stages.append({"apiId": api_id, "stage": name})
        elif op == "remove":
            settings["apiStages"] = [row for row in stages if (row["apiId"], row["stage"]) != (api_id, name)]
        else:
            raise errors.unsupported_operation(path, str(op))
        return
    api_id, _, name = path.split("/")[2].partition(":")
    for row in stages:
        if (row["apiId"], row["stage"]) == (api_id, name):
            _patch_throttle(row, path.split("/")[3:], str(op), value)
            return
    raise errors.not_found(f"Usage plan {path} not found")


def _patch_throttle(stage: dict[str, Any], where: list[str], op: str, value: str) -> None:
    if where[:1] != ["throttle"]:
        raise errors.bad_request(f"Invalid patch path /{'/'.join(where)}")
    key = "/".join(patches.unescape(part) for part in where[1:3])
    throttles = stage.setdefault("throttle", {})
    if op == "remove":
        throttles.pop(key, None)
    elif where[3:] and where[3] in ("rateLimit", "burstLimit"):
        number: float = float(value) if where[3] == "rateLimit" else int(value)
        throttles.setdefault(key, {})[where[3]] = number


def _check_stage(tx: Transaction, scope: Scope, api_id: str, name: str) -> None:
    if APIS.get(tx, scope, api_id) is None or STAGES.get(tx, scope, api_id, name) is None:
        raise errors.not_found("API Stage not found: " + f"{api_id}:{name}")


def _render(plan: Plan) -> dict[str, Any]:
    shown = {"id": plan.id, **plan.settings}
    return shown | {"tags": plan.tags} if plan.tags else shown


def _render_key(key: ApiKey) -> dict[str, Any]:
    shown = {"id": key.id, "type": "API_KEY", "value": key.value}
    return shown | parts.given(key.settings, "name")
