"""API keys: a method that requires one is for keys in a usage plan of the stage.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.apigateway.plane.call import Call
from mrak.services.apigateway.plane.failures import GatewayFailure
from mrak.services.apigateway.tables import KEYS_BY_VALUE, PLANS, PLANS_BY_KEY


async def check_key(call: Call) -> None:
    """Sets the call's key; raises GatewayFailure where there is none that may."""
    if not call.method.get("apiKeyRequired"):
        return
    source = call.release.settings.get("apiKeySource", "HEADER")
    value = call.request.headers.get("x-api-key", "")
    if source == "AUTHORIZER":
        value = str((call.authorizer or {}).get("usageIdentifierKey", ""))
    scope, api_id, stage = call.ctx.scope, call.api_id, call.stage
    key_id = await call.ctx.transact(lambda tx: _find(tx, scope, value, api_id, stage)) if value else None
    if key_id is None:
        raise GatewayFailure("INVALID_API_KEY", "Forbidden")
    call.api_key = (key_id, value)


def _find(tx: Transaction, scope: Scope, value: str, api_id: str, stage: str) -> str | None:
    key = next(KEYS_BY_VALUE.scan(tx, scope, value, limit=1), None)
    if key is None or not key.settings["enabled"]:
        return None
    for row in PLANS_BY_KEY.scan(tx, scope, key.id):
        plan = PLANS.get(tx, scope, row.plan)
        stages: list[dict[str, Any]] = [] if plan is None else plan.settings["apiStages"]
        if any((one["apiId"], one["stage"]) == (api_id, stage) for one in stages):
            return key.id
    return None
