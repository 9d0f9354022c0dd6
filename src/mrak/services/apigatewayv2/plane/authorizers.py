"""Who may call a route: nobody asks (NONE), an AWS principal (AWS_IAM), a token (JWT), a function (CUSTOM).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth import tokens
from mrak.auth.evaluation import AuthorizationRequest, Named, PolicySet, evaluate
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.services.apigatewayv2.plane import events, mapping
from mrak.services.apigatewayv2.plane.call import Call
from mrak.services.apigatewayv2.plane.functions import FunctionFailed, invoke_function
from mrak.services.apigatewayv2.plane.principals import find_denial

_MOST_CACHED = 10_000
_AUTHORIZER_SECONDS = 10.0
_INVOKE = "execute-api:Invoke"


class Unauthorized(Exception):
    """401: who it is was not said, or does not hold."""


class Forbidden(Exception):
    """403: it is known who it is, and it may not."""


class AuthorizerFailed(Exception):
    """500: the authorizer itself did not answer properly."""


class Verdict(msgspec.Struct, frozen=True):
    """What a function decided: yes or no, or a policy that is evaluated for each route. `usage_key` is the API key that
    it found for the caller."""

    is_authorized: bool | None
    policy: str
    principal_id: str
    context: dict[str, Any]
    usage_key: str = ""


class Decisions:
    """Verdicts that may be used again, with a time to live; one for each environment."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], tuple[float, Verdict]] = {}

    def find(self, key: tuple[str, ...], now: float) -> Verdict | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept[0] <= now:
            del self._kept[key]
            return None
        return kept[1]

    def keep(self, key: tuple[str, ...], verdict: Verdict, until: float) -> None:
        if len(self._kept) >= _MOST_CACHED:
            self._kept.clear()
        self._kept[key] = (until, verdict)

    def forget(self, api_id: str, stage: str) -> None:
        self._kept = {key: kept for key, kept in self._kept.items() if key[:2] != (api_id, stage)}


async def authorize(call: Call, authorizers: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What requestContext.authorizer says of an allowed call; raises where it is not allowed."""
    kind = call.route.get("AuthorizationType", "NONE")
    if kind == "NONE":
        return None
    if kind == "AWS_IAM":
        return await _authorize_principal(call)
    authorizer = authorizers.get(call.route.get("AuthorizerId", ""))
    if authorizer is None:
        raise AuthorizerFailed("the route's authorizer is gone")
    if kind == "JWT":
        return await _authorize_token(call, authorizer)
    return await _ask_function(call, authorizer, call.route["AuthorizerId"])


async def _authorize_principal(call: Call) -> dict[str, Any]:
    principal = call.ctx.principal
    assert isinstance(principal, Principal)
    path = call.path.removeprefix(f"/{call.stage}")
    if principal.kind == "anonymous" or await find_denial(call.ctx, call.arn(path, call.request.method)):
        raise Forbidden
    return {
        "iam": {
            "accessKey": principal.access_key,
            "accountId": principal.account,
            "callerId": principal.user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": principal.arn,
            "userId": principal.user_id,
        }
    }


async def _authorize_token(call: Call, authorizer: dict[str, Any]) -> dict[str, Any]:
    given = mapping.resolve(authorizer["IdentitySource"][0], call)
    if not given:
        raise Unauthorized
    scheme, _, rest = given.partition(" ")
    configuration = authorizer["JwtConfiguration"]
    try:
        token = rest.strip() if scheme.lower() == "bearer" else given
        claims = await tokens.verify(call.ctx, token, configuration["Issuer"])
        tokens.check_audience(claims, configuration["Audience"])
    except tokens.InvalidToken as error:
        raise Unauthorized(f'Bearer scope="" error="invalid_token" error_description="{error}"') from None
    wanted = call.route.get("AuthorizationScopes") or []
    if wanted and not tokens.scopes_of(claims).intersection(wanted):
        raise Forbidden
    return {"jwt": {"claims": tokens.render_claims(claims), "scopes": wanted or None}}


async def _ask_function(call: Call, authorizer: dict[str, Any], authorizer_id: str) -> dict[str, Any]:
    identity = [mapping.resolve(source, call) for source in authorizer.get("IdentitySource", [])]
    if not all(identity):
        raise Unauthorized
    values = [value or "" for value in identity]
    ttl_seconds = authorizer.get("AuthorizerResultTtlInSeconds", 0) if values else 0
    key = (call.api_id, call.stage, authorizer_id, *values)
    decisions = call.ctx.live(Decisions)
    verdict = decisions.find(key, call.ctx.clock()) if ttl_seconds else None
    if verdict is None:
        verdict = await _ask(call, authorizer, authorizer_id, values)
        if ttl_seconds:
            decisions.keep(key, verdict, call.ctx.clock() + ttl_seconds)
    method, path = call.request.method, call.path.removeprefix(f"/{call.stage}")
    if not allows(call.ctx, verdict, call.arn(path, method)):
        raise Forbidden
    return {"lambda": verdict.context or None}


async def _ask(call: Call, authorizer: dict[str, Any], authorizer_id: str, identity: list[str]) -> Verdict:
    is_v2 = authorizer.get("AuthorizerPayloadFormatVersion") == "2.0"
    event = _render_v2(call, identity) if is_v2 else _render_v1(call, identity)
    uri = mapping.apply_stage_variables(authorizer["AuthorizerUri"], call.stage_variables)
    source_arn = call.arn("", "").rsplit("/", 3)[0] + f"/authorizers/{authorizer_id}"
    try:
        caller_arn = authorizer.get("AuthorizerCredentialsArn") or source_arn
        answer = await invoke_function(call.ctx, uri, event, caller_arn, _AUTHORIZER_SECONDS)
        return parse_verdict(msgspec.json.decode(answer), simple=bool(authorizer.get("EnableSimpleResponses")))
    except (FunctionFailed, msgspec.DecodeError) as error:
        if str(error) == "Unauthorized":
            raise Unauthorized from None
        raise AuthorizerFailed(str(error)) from None


def parse_verdict(answer: Any, *, simple: bool) -> Verdict:
    """A function's answer in either form."""
    if not isinstance(answer, dict):
        raise AuthorizerFailed("the authorizer's answer is no object")
    context = answer.get("context") or {}
    if not isinstance(context, dict):
        raise AuthorizerFailed("context is no object")
    if simple:
        if not isinstance(answer.get("isAuthorized"), bool):
            raise AuthorizerFailed("isAuthorized is no boolean")
        return Verdict(answer["isAuthorized"], "", "", context)
    document = answer.get("policyDocument")
    if not isinstance(document, dict) or not isinstance(answer.get("principalId"), str):
        raise AuthorizerFailed("there is no principalId or policyDocument")
    usage_key = str(answer.get("usageIdentifierKey") or "")
    return Verdict(None, msgspec.json.encode(document).decode(), answer["principalId"], context, usage_key)


def allows(ctx: Context, verdict: Verdict, resource: str) -> bool:
    """Whether a verdict lets this method be called."""
    if verdict.is_authorized is not None:
        return verdict.is_authorized
    try:
        policy = parse_policy(verdict.policy, "inline")
    except ApiError as error:
        raise AuthorizerFailed(error.message) from None
    caller = Principal("user", ctx.scope.account, verdict.principal_id, verdict.principal_id)
    request = AuthorizationRequest(caller, _INVOKE, resource, ctx.clock())
    return evaluate(request, PolicySet(identity=(Named("authorizer", policy),))).allowed


def _render_v2(call: Call, identity: list[str]) -> dict[str, Any]:
    event = events.render_v2(call)
    path = call.path.removeprefix(f"/{call.stage}")
    start = {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": call.arn(path, call.request.method),
        "identitySource": identity,
    }
    kept = (
        "routeKey", "rawPath", "rawQueryString", "cookies", "headers", "queryStringParameters", "requestContext",
        "pathParameters", "stageVariables",
    )  # fmt: skip
    return start | {name: event[name] for name in kept if name in event}


def _render_v1(call: Call, identity: list[str]) -> dict[str, Any]:
    event = events.render_v1(call)
    path = call.path.removeprefix(f"/{call.stage}")
    joined = ",".join(identity)
    start = {
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": call.arn(path, call.request.method),
        "identitySource": joined,
        "authorizationToken": joined,
    }
    kept = (
        "resource", "path", "httpMethod", "headers", "queryStringParameters", "pathParameters", "stageVariables",
        "requestContext",
    )  # fmt: skip
    return start | {name: event[name] for name in kept}
