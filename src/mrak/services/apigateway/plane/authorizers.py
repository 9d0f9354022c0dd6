"""Who may call a method: AWS principals, functions that see a token or the request, user pools.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.auth.principals import Principal
from mrak.auth.tokens import InvalidToken, render_claims, scopes_of, verify
from mrak.core.arn import find_arn
from mrak.services.apigateway.plane.call import Call, render_event
from mrak.services.apigateway.plane.failures import GatewayFailure, missing_token
from mrak.services.apigateway.plane.mapping import parameter_value
from mrak.services.apigatewayv2.exports import (
    AuthorizerFailed,
    Decisions,
    FunctionFailed,
    Verdict,
    allows,
    apply_stage_variables,
    as_text,
    invoke_function,
    parse_verdict,
)

_SECONDS = 10.0
_DEFAULT_TTL_SECONDS = 300
_DENIED = "User is not authorized to access this resource"


async def authorize(call: Call) -> None:
    """Sets the call's authorizer; raises GatewayFailure where it is not allowed."""
    kind = call.method["authorizationType"]
    if kind == "AWS_IAM":
        principal = call.ctx.principal
        assert isinstance(principal, Principal)
        if principal.kind == "anonymous":
            raise missing_token()
    elif kind in ("CUSTOM", "COGNITO_USER_POOLS"):
        authorizer = call.release.authorizers.get(call.method.get("authorizerId", ""))
        if authorizer is None:
            raise GatewayFailure("AUTHORIZER_CONFIGURATION_ERROR", None)
        if authorizer["type"] == "COGNITO_USER_POOLS":
            await _authorize_token(call, authorizer)
        else:
            await _ask_function(call, authorizer)


def unauthorized() -> GatewayFailure:
    return GatewayFailure("UNAUTHORIZED", "Unauthorized")


async def _authorize_token(call: Call, authorizer: dict[str, Any]) -> None:
    """A token of one of the pools: an ID token, or where the method wants scopes an access token with one of them."""
    source = authorizer.get("identitySource") or "method.request.header.Authorization"
    given = parameter_value(call, source)
    if not given:
        raise unauthorized()
    token = given[7:].strip() if given[:7].lower() == "bearer " else given
    claims = await _verify(call, token, authorizer.get("providerARNs", []))
    wanted = call.method.get("authorizationScopes") or []
    if wanted and not scopes_of(claims).intersection(wanted):
        raise unauthorized()
    if not wanted and claims.get("token_use") == "access":
        raise unauthorized()
    call.authorizer = {"claims": render_claims(claims)}


async def _verify(call: Call, token: str, pools: list[str]) -> dict[str, Any]:
    for pool in pools:
        parsed = find_arn(pool)
        if parsed is None:
            continue
        issuer = f"https://cognito-idp.{parsed.region}.amazonaws.com/{parsed.resource.partition('/')[2]}"
        try:
            return await verify(call.ctx, token, issuer)
        except InvalidToken as error:
            if "expired" in str(error):
                raise GatewayFailure("UNAUTHORIZED", "The incoming token has expired") from None
    raise unauthorized()


async def _ask_function(call: Call, authorizer: dict[str, Any]) -> None:
    sources = [part.strip() for part in authorizer.get("identitySource", "").split(",") if part.strip()]
    identity = [parameter_value(call, source) for source in sources]
    if not all(identity):
        raise unauthorized()
    values = [value or "" for value in identity]
    _check_expression(authorizer, values)
    ttl_seconds = authorizer.get("authorizerResultTtlInSeconds", _DEFAULT_TTL_SECONDS) if values else 0
    key = (call.api_id, call.stage, authorizer["id"], *values)
    decisions, now = call.ctx.live(Decisions), call.ctx.clock()
    verdict = decisions.find(key, now) if ttl_seconds else None
    if verdict is None:
        verdict = await ask(call, authorizer, values)
        if ttl_seconds:
            decisions.keep(key, verdict, now + ttl_seconds)
    try:
        is_allowed = allows(call.ctx, verdict, call.arn(call.request.method, call.path))
    except AuthorizerFailed:
        raise GatewayFailure("AUTHORIZER_CONFIGURATION_ERROR", None) from None
    if not is_allowed:
        raise GatewayFailure("ACCESS_DENIED", _DENIED)
    context = {name: as_text(value) for name, value in verdict.context.items()}
    call.usage_key = verdict.usage_key
    call.authorizer = {**context, "principalId": verdict.principal_id, "integrationLatency": 0}


def _check_expression(authorizer: dict[str, Any], values: list[str]) -> None:
    """A TOKEN authorizer's expression has to match the whole token, or the function is not asked."""
    pattern = authorizer.get("identityValidationExpression")
    if not pattern or authorizer["type"] != "TOKEN":
        return
    from mrak.lang.logregex import RegexError, compile_regex

    try:
        found = compile_regex(f"^(?:{pattern})$").search(values[0])
    except (RegexError, re.error):
        raise GatewayFailure("AUTHORIZER_CONFIGURATION_ERROR", None) from None
    if found is None:
        raise unauthorized()


async def ask(call: Call, authorizer: dict[str, Any], identity: list[str]) -> Verdict:
    """The function's verdict."""
    method_arn = call.arn(call.request.method, call.path)
    event: dict[str, Any]
    if authorizer["type"] == "TOKEN":
        event = {"type": "TOKEN", "methodArn": method_arn, "authorizationToken": identity[0]}
    else:
        event = {"type": "REQUEST", "methodArn": method_arn, **render_event(call)}
        for member in ("body", "isBase64Encoded"):
            event.pop(member)
        for member in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"):
            event[member] = event[member] or {}
    source_arn = f"{method_arn.split('/')[0]}/authorizers/{authorizer['id']}"
    uri = apply_stage_variables(authorizer["authorizerUri"], call.variables)
    try:
        caller_arn = authorizer.get("authorizerCredentials") or source_arn
        answer = await invoke_function(call.ctx, uri, event, caller_arn, _SECONDS)
        return parse_verdict(msgspec.json.decode(answer), simple=False)
    except FunctionFailed as error:
        if str(error) == "Unauthorized":
            raise unauthorized() from None
        raise GatewayFailure("AUTHORIZER_FAILURE", None) from None
    except (AuthorizerFailed, msgspec.DecodeError):
        raise GatewayFailure("AUTHORIZER_CONFIGURATION_ERROR", None) from None
