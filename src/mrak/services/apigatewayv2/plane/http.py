"""A request to an API: which one, which stage and route, whether it may, and what is behind it.

REST APIs share the host names; their requests go on to their own service by the data plane `rest-api`.
"""

from __future__ import annotations

from math import ceil
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import NotBuilt
from mrak.core.http import Request, Response
from mrak.core.operation import dataplane, require_work
from mrak.core.scope import Scope
from mrak.services.apigatewayv2 import domains, exports
from mrak.services.apigatewayv2.plane import access_logs, authorizers, cors, integrations, mapping
from mrak.services.apigatewayv2.plane.call import Call, message, new_extended_id
from mrak.services.apigatewayv2.plane.routing import Match, Routes
from mrak.services.apigatewayv2.plane.throttling import Buckets
from mrak.services.apigatewayv2.tables import APIS, DEPLOYMENTS, STAGES, Api, Part

_MOST_BODY_BYTES = 10 << 20
_METERED_BYTES = 512 << 10
_MOST_COMPILED = 256
_NOTHING: dict[str, Any] = {"routes": [], "integrations": {}, "authorizers": {}}


class Release(msgspec.Struct, frozen=True):
    """A deployment's snapshot, compiled."""

    routes: Routes
    integrations: dict[str, dict[str, Any]]
    authorizers: dict[str, dict[str, Any]]


class Releases:
    """Compiled snapshots by their digest, which tells all that is in them."""

    def __init__(self) -> None:
        self._compiled: dict[str, Release] = {}

    def find(self, digest: str) -> Release | None:
        return self._compiled.get(digest)

    def compile(self, digest: str, snapshot: dict[str, Any]) -> Release:
        if len(self._compiled) >= _MOST_COMPILED:
            self._compiled.clear()
        compiled = Release(Routes(snapshot["routes"]), snapshot["integrations"], snapshot["authorizers"])
        self._compiled[digest] = compiled
        return compiled


class Target(msgspec.Struct, frozen=True):
    """The API and stage that a request is for; `rest` is the path without the stage's name."""

    api: Api
    stage: Part
    path: str
    rest: str
    release: Release


@dataplane("execute-api")
async def execute_api(ctx: Context, request: Request, route: Any) -> Response:
    """Answers a request to `{api}.execute-api.localhost/...`."""
    route = await resolve(ctx, route)
    if not route.resource:
        return message(403, "Forbidden")
    found = await ctx.transact(lambda tx: exports.find_api_scope(tx, ctx.scope.environment, route.resource))
    if found is None:
        return message(404, "Not Found")
    ctx.scope, protocol = found
    if protocol == "REST":
        try:
            work = require_work("dataplane", "rest-api", "apigateway")
        except KeyError:
            raise NotBuilt("apigateway", "Invoke") from None
        answer: Response = await work.handler(ctx, request, route)
        return answer
    if protocol == "WEBSOCKET":
        return message(403, "Forbidden")
    extended_id = new_extended_id(ctx)
    response = await _serve(ctx, request, route, extended_id)
    response.headers.append(("apigw-requestid", extended_id))
    return response


async def resolve(ctx: Context, route: Any) -> Any:
    """The route to the API behind a custom domain name; any other as it is."""
    if "-" not in route.resource and "." not in route.resource:
        return route
    deviation("APIGW-003")
    mapped = await ctx.transact(lambda tx: domains.locate(tx, ctx.scope.environment, route.resource, route.path))
    return route if mapped is None else msgspec.structs.replace(route, resource=mapped.api, path=mapped.path)


async def _serve(ctx: Context, request: Request, route: Any, extended_id: str) -> Response:
    target = await ctx.transact(lambda tx: _locate(ctx, tx, ctx.scope, route.resource, route.path))
    if target is None:
        return message(404, "Not Found")
    ctx.about(f"arn:{ctx.scope.partition}:apigateway:{ctx.scope.region}::/apis/{target.api.id}")
    body = request.body or b""
    ctx.meter("ApiGatewayHttpRequests", max(1, ceil(len(body) / _METERED_BYTES)))
    rules = target.api.settings.get("CorsConfiguration")
    if rules and cors.is_preflight(request):
        return cors.answer_preflight(rules, request)
    if len(body) > _MOST_BODY_BYTES:
        response = message(413, "Request Entity Too Large")
    else:
        response = await _route(ctx, request, target, extended_id)
    return cors.apply(rules, request, response) if rules else response


async def _route(ctx: Context, request: Request, target: Target, extended_id: str) -> Response:
    segments = [unquote(part) for part in target.rest[1:].split("/")] if target.rest != "/" else []
    match = target.release.routes.find(request.method, segments)
    if match is None:
        return message(404, "Not Found")
    if not _may_pass(ctx, target, match.route["RouteKey"]):
        return message(429, "Too Many Requests")
    call = _call(ctx, request, target, match, extended_id)
    started = perf_counter()
    response = await _answer(call, target.release)
    log = target.stage.settings.get("AccessLogSettings", {})
    if log.get("DestinationArn") and log.get("Format"):
        latency_ms = int((perf_counter() - started) * 1000)
        values = mapping.render_log_context(call, response, latency_ms)
        await access_logs.write(ctx, log["DestinationArn"], log["Format"], values)
    return response


def _may_pass(ctx: Context, target: Target, route_key: str) -> bool:
    """Whether the stage's limits for the route leave room; a stage without any is not throttled."""
    settings = target.stage.settings
    chosen = {**settings.get("DefaultRouteSettings", {}), **settings.get("RouteSettings", {}).get(route_key, {})}
    if "ThrottlingRateLimit" not in chosen and "ThrottlingBurstLimit" not in chosen:
        return True
    rate, burst = chosen.get("ThrottlingRateLimit", 10_000.0), chosen.get("ThrottlingBurstLimit", 5_000)
    return ctx.live(Buckets).take((target.api.id, target.stage.id, route_key), rate, burst, ctx.clock())


async def _answer(call: Call, release: Release) -> Response:
    try:
        call.authorizer = await authorizers.authorize(call, release.authorizers)
    except authorizers.Unauthorized as error:
        challenge = [("www-authenticate", str(error) or "Bearer")] if call.route["AuthorizationType"] == "JWT" else None
        return message(401, "Unauthorized", challenge)
    except authorizers.Forbidden:
        return message(403, "Forbidden")
    except authorizers.AuthorizerFailed:
        return message(500, "Internal Server Error")
    integration = release.integrations.get(call.route.get("Target", "").removeprefix("integrations/"))
    if integration is None:
        return message(500, "Internal Server Error")
    return await integrations.run(call, integration)


def _call(ctx: Context, request: Request, target: Target, match: Match, extended_id: str) -> Call:
    return Call(
        ctx=ctx,
        request=request,
        api_id=target.api.id,
        stage=target.stage.id,
        stage_variables=target.stage.settings.get("StageVariables", {}),
        path=unquote(target.path),
        route=match.route,
        path_parameters=match.parameters,
        extended_id=extended_id,
    )


def _locate(ctx: Context, tx: Transaction, scope: Scope, api_id: str, path: str) -> Target | None:
    """A first path segment that is a stage's name chooses that stage; else it is $default."""
    api = APIS.get(tx, scope, api_id)
    if api is None or api.settings.get("DisableExecuteApiEndpoint"):
        return None
    first, _, rest = path[1:].partition("/")
    stage = STAGES.get(tx, scope, api_id, unquote(first)) if first else None
    if stage is not None:
        return Target(api, stage, path, f"/{rest}", _release(ctx, tx, scope, stage))
    stage = STAGES.get(tx, scope, api_id, "$default")
    path = path or "/"
    return None if stage is None else Target(api, stage, path, path, _release(ctx, tx, scope, stage))


def _release(ctx: Context, tx: Transaction, scope: Scope, stage: Part) -> Release:
    compiled = ctx.live(Releases)
    found = compiled.find(stage.release)
    if found is not None:
        return found
    deployment = DEPLOYMENTS.get(tx, scope, stage.api, stage.settings.get("DeploymentId", ""))
    snapshot = _NOTHING if deployment is None else msgspec.msgpack.decode(deployment.snapshot)
    return compiled.compile(stage.release, snapshot)
