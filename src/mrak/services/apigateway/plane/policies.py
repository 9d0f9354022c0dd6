"""Resource policies of REST APIs: who may invoke, from where.

Without IAM authorization the caller is nobody, and the policy has to allow it. With it, the caller's own policies or
the API's have to, and none may deny.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from mrak.auth.evaluation import AuthorizationRequest, Named, PolicySet, denial_message, evaluate
from mrak.auth.policy import Policy, parse_policy
from mrak.auth.principals import ANONYMOUS, Principal
from mrak.core.errors import ApiError
from mrak.services.apigateway.plane.call import Call
from mrak.services.apigateway.plane.failures import GatewayFailure
from mrak.services.iam import exports as iam

_INVOKE = "execute-api:Invoke"
_SHORT = "execute-api:/"


async def check(call: Call) -> None:
    """Raises GatewayFailure where the API's policy, with the caller's own, does not let the method be invoked."""
    text = call.release.settings.get("policy")
    is_iam = call.method["authorizationType"] == "AWS_IAM"
    if not text and not is_iam:
        return
    scope = call.ctx.scope
    policies, principal = PolicySet(), ANONYMOUS
    if is_iam:
        caller = call.ctx.principal
        assert isinstance(caller, Principal)
        policies = await call.ctx.transact(lambda tx: iam.policies_of(tx, scope.environment, caller))
        principal = caller
    if text:
        start = f"arn:{scope.partition}:execute-api:{scope.region}:{scope.account}:{call.api_id}/"
        named = Named("resource policy", _parse(text, start))
        policies = msgspec.structs.replace(policies, resource=named)
    request = AuthorizationRequest(
        principal,
        _INVOKE,
        call.arn(call.request.method, call.path),
        call.ctx.clock(),
        scope.account,
        {"aws:sourceip": call.request.peer, "aws:useragent": call.request.headers.get("user-agent", "")},
    )
    decision = evaluate(request, policies)
    if not decision.allowed:
        # AWS shows the last four digits of the account only.
        message = denial_message(decision, request).replace(scope.account, f"********{scope.account[-4:]}")
        raise GatewayFailure("ACCESS_DENIED", message)


@lru_cache(maxsize=256)
def _parse(text: str, start: str) -> Policy:
    """The policy with `execute-api:/stage/GET/path` written out."""
    try:
        return parse_policy(_expand(msgspec.json.decode(text), start), "resource")
    except (msgspec.DecodeError, ApiError):
        raise GatewayFailure("API_CONFIGURATION_ERROR", "Internal server error") from None


def _expand(value: Any, start: str) -> Any:
    if isinstance(value, str) and value.startswith(_SHORT):
        return start + value[len(_SHORT) :]
    if isinstance(value, list):
        return [_expand(item, start) for item in value]
    return {key: _expand(item, start) for key, item in value.items()} if isinstance(value, dict) else value
