"""A request to a REST API: which stage and method, whether it may and is well formed, and what is behind it.

In AWS's order: authorizer, resource policy, API key and rate, validation, integration.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any
from urllib.parse import unquote

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.http import Request, Response
from mrak.core.operation import dataplane
from mrak.services.apigateway.plane import access, authorizers, execution, failures, integrations, policies, validation
from mrak.services.apigateway.plane.call import Call, Release, render_log_context
from mrak.services.apigateway.plane.failures import GatewayFailure
from mrak.services.apigateway.plane.routing import Match, Resources
from mrak.services.apigateway.tables import APIS, DEPLOYMENTS, STAGES
from mrak.services.apigatewayv2.exports import is_header, new_extended_id, write_access_log

_MOST_BODY_BYTES = 10 << 20
_MOST_COMPILED = 256


class Releases:
    """Compiled snapshots by their digest, which tells all that is in them."""

    def __init__(self) -> None:
        self._compiled: dict[str, Release] = {}

    def find(self, digest: str) -> Release | None:
        return self._compiled.get(digest)

    def compile(self, digest: str, snapshot: bytes) -> Release:
        if len(self._compiled) >= _MOST_COMPILED:
            self._compiled.clear()
        compiled = self._compiled[digest] = compile_snapshot(snapshot)
        return compiled


class Target(msgspec.Struct, frozen=True):
    """The stage that a request is for, and the deployment that it serves to this request."""

    release: Release
    stage: str
    deployment_id: str
    variables: dict[str, str]
    is_canary: bool
    settings: dict[str, Any]


def compile_snapshot(snapshot: bytes) -> Release:
    raw = msgspec.msgpack.decode(snapshot)
    return Release(
        raw["settings"],
        Resources(raw["resources"]),
        raw["authorizers"],
        raw["models"],
        raw["validators"],
        raw["responses"],
    )


@dataplane("rest-api")
async def execute(ctx: Context, request: Request, route: Any) -> Response:
    """Answers a request to a REST API; `route.path` begins with the stage's name."""
    name, _, rest = route.path.lstrip("/").partition("/")
    # A draw before the transaction is one for all attempts.
    draw = int.from_bytes(ctx.draw.bytes(2), "big") / 655.36
    extended_id = new_extended_id(ctx)
    target = await ctx.transact(lambda tx: _locate(ctx, tx, route.resource, unquote(name), draw))
    if target is None:
        return failures.plain(403, "Forbidden", "ForbiddenException")
    ctx.about(f"arn:{ctx.scope.partition}:apigateway:{ctx.scope.region}::/restapis/{route.resource}")
    ctx.meter("ApiGatewayRequests", 1)
    path = "/" + rest.lstrip("/")
    match = target.release.resources.find(request.method, path)
    call = _call(ctx, request, target, match, (route.resource, path, extended_id))
    started = perf_counter()
    failed: GatewayFailure | None = None
    try:
        if match is None:
            raise failures.missing_token()
        response = await serve(call)
        if not all(is_header(name, value) for name, value in response.headers):
            raise failures.internal_error(502)
    except GatewayFailure as failure:
        response, failed = failures.answer(call, failure), failure
        response.headers = [pair for pair in response.headers if is_header(*pair)]
    await execution.write(call, response, failed)
    log = target.settings.get("accessLogSettings", {})
    if log.get("destinationArn") and log.get("format"):
        latency_ms = int((perf_counter() - started) * 1000)
        values = render_log_context(call, response, latency_ms)
        await write_access_log(ctx, log["destinationArn"], log["format"], values)
    response.headers += [("x-amzn-requestid", ctx.request_id), ("x-amz-apigw-id", extended_id)]
    return response


async def serve(call: Call) -> Response:
    """Everything after the method is found; raises GatewayFailure."""
    if len(call.request.body or b"") > _MOST_BODY_BYTES:
        raise GatewayFailure("REQUEST_TOO_LARGE", f"HTTP content length exceeded {_MOST_BODY_BYTES} bytes.")
    await authorizers.authorize(call)
    await policies.check(call)
    await access.check_key(call)
    access.check_rate(call)
    validation.check(call)
    if "methodIntegration" not in call.method:
        raise failures.internal_error()
    return await integrations.run(call)


def _call(ctx: Context, request: Request, target: Target, match: Match | None, where: tuple[str, str, str]) -> Call:
    api_id, path, extended_id = where
    return Call(
        ctx=ctx,
        request=request,
        release=target.release,
        api_id=api_id,
        stage=target.stage,
        deployment_id=target.deployment_id,
        variables=target.variables,
        path=path,
        extended_id=extended_id,
        resource={} if match is None else match.resource,
        method={} if match is None else match.method,
        path_parameters={} if match is None else match.parameters,
        is_canary=target.is_canary,
        method_settings=target.settings["methodSettings"],
    )


def _locate(ctx: Context, tx: Transaction, api_id: str, name: str, draw: float) -> Target | None:
    api = APIS.get(tx, ctx.scope, api_id)
    stage = STAGES.get(tx, ctx.scope, api_id, name) if name else None
    if api is None or stage is None or api.settings["disableExecuteApiEndpoint"]:
        return None
    settings = stage.settings
    variables, deployment_id, digest = settings.get("variables", {}), settings["deploymentId"], stage.release
    canary = settings.get("canarySettings")
    is_canary = canary is not None and draw < canary["percentTraffic"]
    if canary is not None and is_canary:
        variables = variables | canary.get("stageVariableOverrides", {})
        deployment_id, digest = canary["deploymentId"], ""
    compiled = ctx.live(Releases)
    release = compiled.find(digest) if digest else None
    if release is None:
        deployment = DEPLOYMENTS.get(tx, ctx.scope, api_id, deployment_id)
        if deployment is None:
            return None
        release = compiled.find(deployment.digest) or compiled.compile(deployment.digest, deployment.snapshot)
    return Target(release, name, deployment_id, variables, is_canary, settings)
