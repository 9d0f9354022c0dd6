"""API keys and rates: a method that requires a key is for keys in a usage plan of the stage, as often as the plan and
the stage allow.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.apigateway.plane.call import Call
from mrak.services.apigateway.plane.failures import GatewayFailure
from mrak.services.apigateway.quotas import spend
from mrak.services.apigateway.tables import KEYS_BY_VALUE, PLANS, PLANS_BY_KEY, Plan
from mrak.services.apigatewayv2.exports import Buckets


async def check_key(call: Call) -> None:
    """Sets the call's key; raises GatewayFailure where there is none that may."""
    if not call.method.get("apiKeyRequired"):
        return
    source = call.release.settings.get("apiKeySource", "HEADER")
    value = call.request.headers.get("x-api-key", "")
    if source == "AUTHORIZER":
        value = call.usage_key
    scope, api_id, stage = call.ctx.scope, call.api_id, call.stage
    found = await call.ctx.transact(lambda tx: _find(tx, scope, value, api_id, stage)) if value else None
    if found is None:
        raise GatewayFailure("INVALID_API_KEY", "Forbidden")
    key_id, plan = found
    call.api_key = (key_id, value)
    name = f"{call.resource['path']}/{call.method.get('httpMethod', '')}"
    of_method = _stage_of(plan, api_id, stage).get("throttle", {}).get(name)
    place, limits = ("", plan.settings.get("throttle", {})) if of_method is None else (f"{api_id}/{name}", of_method)
    if not _take(call, ("plan", plan.id, key_id, place), limits):
        raise too_many()
    now = call.ctx.clock()
    if "quota" in plan.settings and not await call.ctx.transact(lambda tx: spend(tx, scope, plan, key_id, now)):
        raise GatewayFailure("QUOTA_EXCEEDED", "Limit Exceeded")


def check_rate(call: Call) -> None:
    """Raises GatewayFailure where the stage's limits for the method, or for all methods, leave no room."""
    name = f"{call.resource['path'].lstrip('/')}/{call.method.get('httpMethod', '')}"
    for chosen in (name, "*/*"):
        settings = call.method_settings.get(chosen)
        if settings is None:
            continue
        limits = {"rateLimit": settings["throttlingRateLimit"], "burstLimit": settings["throttlingBurstLimit"]}
        if not _take(call, (call.api_id, call.stage, name), limits):
            raise too_many()
        return


def too_many() -> GatewayFailure:
    return GatewayFailure("THROTTLED", "Too Many Requests")


def _take(call: Call, key: tuple[str, ...], limits: dict[str, Any]) -> bool:
    if "rateLimit" not in limits and "burstLimit" not in limits:
        return True
    rate, burst = limits.get("rateLimit", 10_000.0), limits.get("burstLimit", 5_000)
    return call.ctx.live(Buckets).take(key, rate, burst, call.ctx.clock())


def _find(tx: Transaction, scope: Scope, value: str, api_id: str, stage: str) -> tuple[str, Plan] | None:
    key = next(KEYS_BY_VALUE.scan(tx, scope, value, limit=1), None)
    if key is None or not key.settings["enabled"]:
        return None
    for row in PLANS_BY_KEY.scan(tx, scope, key.id):
        plan = PLANS.get(tx, scope, row.plan)
        if plan is not None and _stage_of(plan, api_id, stage):
            return key.id, plan
    return None


def _stage_of(plan: Plan, api_id: str, stage: str) -> dict[str, Any]:
    stages: list[dict[str, Any]] = plan.settings["apiStages"]
    return next((one for one in stages if (one["apiId"], one["stage"]) == (api_id, stage)), {})
