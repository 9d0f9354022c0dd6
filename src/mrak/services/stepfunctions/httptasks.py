"""Tasks that send HTTP requests: `apigateway:invoke` and `http:invoke`.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html
https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
"""

from __future__ import annotations

import http
import re
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.http import OutgoingError, Reply
from mrak.core.scope import Scope
from mrak.core.urls import resource_url
from mrak.lang.asl import failures
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.scope import render
from mrak.services.apigateway import exports as apigateway
from mrak.services.events import exports as events

_TIMEOUT_SECONDS = 60.0
_API_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
# How users of LocalStack write where an API is.
_API_PATH = re.compile(r"[^/]+/restapis/([a-z0-9]+)")
_HEADERS = {"x-amzn-requestid": "x-amzn-RequestId", "x-amz-apigw-id": "x-amz-apigw-id"}


async def invoke_api(ctx: Context, params: Any, scope: Scope) -> dict[str, Any]:
    """Calls an API's stage; a status of 400 or more fails the task with ApiGateway.<status>."""
    if not isinstance(params, dict) or "ApiEndpoint" not in params or "Method" not in params:
        raise StateFailed(failures.RUNTIME, "The fields 'ApiEndpoint' and 'Method' are required")
    parts = [str(params[name]).strip("/") for name in ("Stage", "Path") if params.get(name)]
    api_id = _api_of(str(params["ApiEndpoint"]))
    url = f"{_base_url(ctx, str(params['ApiEndpoint']), api_id)}/{'/'.join(quote(part, safe='/%') for part in parts)}"
    pairs = [
        (name, str(value))
        for name, values in (params.get("QueryParameters") or {}).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    headers = [
        (name, str(value))
        for name, values in (params.get("Headers") or {}).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    body = b"" if params.get("RequestBody") is None else render(params["RequestBody"]).encode()
    if body:
        headers.append(("content-type", "application/json"))
    reply = await _send(ctx, str(params["Method"]), f"{url}?{urlencode(pairs)}" if pairs else url, headers, body)
    if reply.status >= 400:
        raise StateFailed(f"ApiGateway.{reply.status}", _text(reply))
    shown = _render_reply(reply)
    headers_shown = {_spell_header(name): values for name, values in shown["Headers"].items()}
    return shown | {"Headers": headers_shown | await _edge_headers(ctx, scope, api_id)}


async def _edge_headers(ctx: Context, scope: Scope, api_id: str) -> dict[str, list[str]]:
    """What an endpoint of AWS's adds to an API's answer; CloudFront more of it, where the API is edge-optimised."""
    if not api_id:
        return {}
    added = {"Connection": ["keep-alive"]}
    if await ctx.transact(lambda tx: apigateway.is_edge_optimised(tx, scope, api_id)):
        deviation("STATES-006")
        added["Via"] = [f"1.1 {ctx.draw.hex(32)}.cloudfront.net (CloudFront)"]
        added["X-Amz-Cf-Id"] = [f"{ctx.draw.alphanumeric(54)}=="]
        added["X-Amz-Cf-Pop"] = ["IAD89-P1"]
        added["X-Cache"] = ["Miss from cloudfront"]
    return added


def _spell_header(name: str) -> str:
    """A header's name as API Gateway's own endpoints write it: HTTP does not care, paths into an output do."""
    known = _HEADERS.get(name.lower())
    return known or "-".join(word.capitalize() for word in name.split("-"))


def _api_of(endpoint: str) -> str:
    """The id of an API that one of AWS's host names means; "" for another address."""
    place = (endpoint.partition("://")[2] or endpoint).rstrip("/")
    match = _API_HOST.fullmatch(place) or _API_PATH.fullmatch(place)
    return "" if match is None else match.group(1)


def _base_url(ctx: Context, endpoint: str, api_id: str) -> str:
    """Where an API answers: the one of that id here, or whatever the endpoint says."""
    if api_id:
        return resource_url(ctx.endpoint, "execute-api", api_id)
    return f"http://{(endpoint.partition('://')[2] or endpoint).rstrip('/')}"


async def invoke_http(ctx: Context, params: Any, scope: Scope) -> dict[str, Any]:
    """Calls an HTTPS endpoint with what its connection adds: credentials and fixed parameters."""
    if not isinstance(params, dict) or "ApiEndpoint" not in params or "Method" not in params:
        raise StateFailed(failures.RUNTIME, "The fields 'ApiEndpoint' and 'Method' are required")
    added = await _connection(ctx, params, scope)
    query = {name: str(value) for name, value in (params.get("QueryParameters") or {}).items()} | added.query
    headers = {name.lower(): str(value) for name, value in (params.get("Headers") or {}).items()}
    headers |= {name.lower(): value for name, value in added.headers.items()}
    given = params.get("RequestBody")
    if added.body and isinstance(given or {}, dict):
        given = (given or {}) | added.body
    body = b""
    if given is not None:
        body, content_type = _encode_body(given, params.get("Transform") or {}, headers)
        headers.setdefault("content-type", content_type)
    url = str(params["ApiEndpoint"])
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    reply = await _send(ctx, str(params["Method"]), url, list(headers.items()), body)
    if reply.status >= 400:
        raise StateFailed(f"States.Http.StatusCode.{reply.status}", _text(reply))
    return _render_reply(reply)


async def _connection(ctx: Context, params: dict[str, Any], scope: Scope) -> events.Added:
    wanted = params.get("Authentication")
    if not isinstance(wanted, dict) or not isinstance(wanted.get("ConnectionArn"), str):
        raise StateFailed(failures.RUNTIME, "The field 'Authentication.ConnectionArn' is required")
    arn = wanted["ConnectionArn"]
    try:
        added = await events.authorise(ctx, scope, arn)
    except events.EndpointFailed as failure:
        raise StateFailed("Events.ConnectionResource.InvalidConnectionState", str(failure)) from None
    if added is None:
        cause = f"The connection {arn} does not exist or is not authorized."
        raise StateFailed("Events.ConnectionResource.InvalidConnectionState", cause)
    return added


def _encode_body(body: Any, transform: dict[str, Any], headers: dict[str, str]) -> tuple[bytes, str]:
    encoded = transform.get("RequestBodyEncoding") == "URL_ENCODED" or "x-www-form-urlencoded" in headers.get(
        "content-type", ""
    )
    if encoded and isinstance(body, dict):
        return urlencode(body, doseq=True).encode(), "application/x-www-form-urlencoded"
    return render(body).encode(), "application/json"


async def _send(ctx: Context, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
    try:
        reply: Reply = await ctx.part("http").send(method, url, headers, body, _TIMEOUT_SECONDS)
    except OutgoingError as error:
        raise StateFailed("States.Http.Socket", str(error)) from None
    return reply


def _text(reply: Reply) -> str:
    return reply.body.decode(errors="replace")


def _render_reply(reply: Reply) -> dict[str, Any]:
    headers: dict[str, list[str]] = {}
    for name, value in reply.headers:
        headers.setdefault(name, []).append(value)
    try:
        shown: Any = msgspec.json.decode(reply.body) if reply.body else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        shown = _text(reply)
    phrase = http.HTTPStatus(reply.status).phrase if reply.status in http.HTTPStatus._value2member_map_ else ""
    return {"Headers": headers, "ResponseBody": shown, "StatusCode": reply.status, "StatusText": phrase}
