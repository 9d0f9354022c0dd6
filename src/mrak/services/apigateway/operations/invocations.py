"""TestInvokeMethod and TestInvokeAuthorizer: a call without a deployment, with its log."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.http import Request, Response
from mrak.core.operation import operation
from mrak.services.apigateway import parts, snapshots
from mrak.services.apigateway.operations.methods import require_method
from mrak.services.apigateway.plane import authorizers, execution, failures
from mrak.services.apigateway.plane.call import Call, Release, title
from mrak.services.apigateway.plane.failures import GatewayFailure
from mrak.services.apigateway.plane.http import compile_snapshot, serve
from mrak.services.apigateway.tables import AUTHORIZERS, Part, Resource
from mrak.services.apigatewayv2.exports import new_extended_id

_STAGE = "test-invoke-stage"
_PEER = "test-invoke-source-ip"


@operation("TestInvokeMethod")
async def test_invoke_method(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    def look(tx: Transaction) -> tuple[Resource, dict[str, Any], Release]:
        resource = parts.require_resource(tx, ctx.scope, req["restApiId"], req["resourceId"])
        method = require_method(resource, req["httpMethod"])
        api = parts.require_api(tx, ctx.scope, req["restApiId"])
        return resource, method, compile_snapshot(snapshots.take_snapshot(tx, ctx.scope, api))

    resource, method, release = await ctx.transact(look)
    call = _call(ctx, req, release, (resource, method))
    started = perf_counter()
    # A test asks neither authorizer nor for an API key.
    call.method = method | {"authorizationType": "NONE", "apiKeyRequired": False}
    failed: GatewayFailure | None = None
    try:
        response = await serve(call)
    except GatewayFailure as failure:
        response, failed = failures.answer(call, failure), failure
    headers: dict[str, list[str]] = {}
    for name, value in response.headers:
        headers.setdefault(title(name), []).append(value)
    assert isinstance(response.body, bytes)
    return {
        "status": response.status,
        "body": response.body.decode("utf-8", "replace"),
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "log": _render_log(call, response, failed),
        "latency": int((perf_counter() - started) * 1000),
    }


@operation("TestInvokeAuthorizer")
async def test_invoke_authorizer(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    def look(tx: Transaction) -> tuple[Part, Release, str]:
        api = parts.require_api(tx, ctx.scope, req["restApiId"])
        row = parts.require_part(tx, ctx.scope, AUTHORIZERS, "Authorizer", api.id, req["authorizerId"])
        return row, compile_snapshot(snapshots.take_snapshot(tx, ctx.scope, api)), api.root

    row, release, root = await ctx.transact(look)
    resource = Resource(api=row.api, id=root, parent="", part="", path="/")
    kind = "COGNITO_USER_POOLS" if row.settings["type"] == "COGNITO_USER_POOLS" else "CUSTOM"
    method = {"authorizationType": kind, "authorizerId": row.id, "httpMethod": "GET", "apiKeyRequired": False}
    call = _call(ctx, {"httpMethod": "GET", **req}, release, (resource, method))
    started = perf_counter()
    status = 0
    try:
        await authorizers.authorize(call)
    except GatewayFailure as failure:
        status = failures.answer(call, failure).status
    found = call.authorizer or {}
    answer: dict[str, Any] = {"clientStatus": status, "latency": int((perf_counter() - started) * 1000), "log": ""}
    if "claims" in found:
        answer["claims"] = found["claims"]
    elif found:
        answer["principalId"] = found["principalId"]
        context = {name: [value] for name, value in found.items() if name not in ("principalId", "integrationLatency")}
        answer["authorization"] = context
    return answer


def _call(ctx: Context, req: dict[str, Any], release: Release, what: tuple[Resource, dict[str, Any]]) -> Call:
    resource, method = what
    given = req.get("pathWithQueryString") or ""
    path, _, query = (given or resource.path).partition("?")
    headers = {name.lower(): value for name, value in (req.get("headers") or {}).items()}
    for name, values in (req.get("multiValueHeaders") or {}).items():
        headers[name.lower()] = ", ".join(values)
    http_method = req["httpMethod"] if req["httpMethod"] != "ANY" else "GET"
    return Call(
        ctx=ctx,
        request=Request(http_method, path, query, headers, (req.get("body") or "").encode(), peer=_PEER),
        release=release,
        api_id=req["restApiId"],
        stage=_STAGE,
        deployment_id="",
        variables=req.get("stageVariables") or {},
        path=path,
        extended_id=new_extended_id(ctx),
        resource={"id": resource.id, "path": resource.path},
        method=method,
        path_parameters=_path_parameters(resource.path, path),
    )


def _path_parameters(template: str, path: str) -> dict[str, str]:
    """The variables of a resource's path in a path that fits it; none where it does not."""
    names, values = template.strip("/").split("/"), path.strip("/").split("/")
    found: dict[str, str] = {}
    for at, name in enumerate(names):
        if name.endswith("+}"):
            return found | {name[1:-2]: "/".join(values[at:])}
        if at >= len(values):
            return {}
        if name.startswith("{"):
            found[name[1:-1]] = values[at]
        elif name != values[at]:
            return {}
    return found if len(names) == len(values) else {}


def _render_log(call: Call, response: Response, failure: GatewayFailure | None) -> str:
    """As AWS words it, line by line."""
    request_id = call.ctx.request_id
    moment = datetime.fromtimestamp(call.ctx.now, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    told = execution.lines(call, response, failure)
    return f"Execution log for request {request_id}\n" + "".join(f"{moment} : {line}\n" for line in told)
