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
    if not _take(call, ("plan", plan.id, key_id), plan.settings.get("throttle", {})):
        raise too_many()


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
        stages: list[dict[str, Any]] = [] if plan is None else plan.settings["apiStages"]
        if plan is not None and any((one["apiId"], one["stage"]) == (api_id, stage) for one in stages):
            return key.id, plan
    return None
