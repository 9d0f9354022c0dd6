"""A viewer's request: which distribution and behaviour, what is kept of it, what the origin says, what the viewer gets.

lookup -> protocol and method -> signature -> viewer-request function -> cache or origin -> error pages
       -> response headers policy -> viewer-response function -> conditions, compression, ranges
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.http import FileSlice, Request, Response
from mrak.core.operation import dataplane, sessions
from mrak.core.scope import Scope
from mrak.core.websocket import WebSocketSession
from mrak.services.cloudfront.distributions import distribution_arn, find_by_name
from mrak.services.cloudfront.plane import (
    behaviors,
    delivery,
    functions,
    logs,
    pages,
    policies,
    records,
    selection,
    signed,
)
from mrak.services.cloudfront.plane.behaviors import Behavior
from mrak.services.cloudfront.plane.fetching import Answer, answer
from mrak.services.cloudfront.plane.javascript import FunctionError
from mrak.services.cloudfront.plane.origins import new_request_id
from mrak.services.cloudfront.plane.selection import Viewed
from mrak.services.cloudfront.tables import Distribution

POP = "IAD12-P1"


class Found(msgspec.Struct, frozen=True):
    account: str
    distribution: Distribution
    behavior: Behavior
    logged: tuple[logs.Place, ...]


@dataplane("cloudfront")
async def cloudfront(ctx: Context, request: Request, route: Any) -> Response:
    """Answers a request to `{id or domain or alias}.cloudfront.localhost/...`."""
    viewed = Viewed(
        method=request.method,
        path=route.path or "/",
        query=request.query,
        headers=dict(request.headers),
        body=request.body or b"",
        peer=request.peer,
        scheme=request.scheme,
    )
    found = await ctx.transact(lambda tx: _find(ctx, tx, route.resource, viewed.path))
    if found is None or not found.distribution.config["Enabled"]:
        response = pages.error_page(403, pages.BAD_REQUEST, ctx.request_id)
        _sign(ctx, response, "Error from cloudfront")
        return response
    ctx.scope = Scope(ctx.scope.environment, found.account, "us-east-1")
    ctx.about(distribution_arn(found.account, found.distribution.id))
    ctx.meter("Requests-HTTP", 1)
    started = perf_counter()
    response = await _serve(ctx, found, viewed)
    if request.method == "HEAD" and isinstance(response.body, bytes) and response.body:
        delivery.set_header(response.headers, "Content-Length", str(len(response.body)))
        response.body = b""
    ctx.meter("DataTransfer-Out-GB", _size_bytes(response) / 2**30)
    if found.logged:
        await _log(ctx, found, viewed, response, perf_counter() - started)
    return response


async def _log(ctx: Context, found: Found, viewed: Viewed, response: Response, seconds: float) -> None:
    told = records.describe(viewed, response, size_bytes=_size_bytes(response), seconds=seconds, now=ctx.now)
    domain = f"{found.distribution.label}.cloudfront.net"
    told |= dict.fromkeys(("cs-host", "cs(Host)", "primary-distribution-dns-name"), domain)
    told |= dict.fromkeys(("DistributionId", "distributionid", "primary-distribution-id"), found.distribution.id)
    told["cache-behavior-path-pattern"] = found.behavior.settings.get("PathPattern", "*")

    def write(tx: Transaction) -> None:
        for place in found.logged:
            logs.write(ctx, tx, found.distribution, place, told)

    await ctx.transact(write)


@sessions("cloudfront")
async def refuse_session(ctx: Context, session: WebSocketSession, route: Any) -> None:
    """WebSockets through a distribution are not built, and say so."""
    await session.refuse(pages.error_page(501, "WebSocket connections are not available here.", ctx.request_id))


def _size_bytes(response: Response) -> int:
    body = response.body
    if isinstance(body, bytes):
        return len(body)
    if isinstance(body, FileSlice):
        return body.length
    return int(next((value for name, value in response.headers if name.lower() == "content-length"), "0"))


def _find(ctx: Context, tx: Transaction, name: str, path: str) -> Found | None:
    found = find_by_name(tx, ctx.scope.environment, name)
    if found is None:
        return None
    account, distribution = found
    scope = Scope(ctx.scope.environment, account, "")
    behavior = behaviors.load(tx, scope, distribution, path)
    return Found(account, distribution, behavior, logs.places(tx, scope, distribution, behavior.settings))


async def _serve(ctx: Context, found: Found, viewed: Viewed) -> Response:
    refused = _refuse(ctx, found, viewed)
    if refused is not None:
        return refused
    if found.behavior.keys is not None:
        try:
            viewed = signed.check(viewed, found.behavior.keys, ctx.now)
        except signed.Denied as error:
            denied = pages.denied(error.code, str(error))
            _sign(ctx, denied, "Error from cloudfront")
            return denied
    changed = await _viewer_request(ctx, found, viewed)
    if isinstance(changed, Response):
        return changed
    got = await answer(ctx, found.distribution, found.behavior, changed)
    response = Response(got.status, list(got.headers), got.body)
    if found.behavior.respond is not None:
        policies.apply(found.behavior.respond, changed, response)
    function = found.behavior.functions.get(functions.RESPONSE)
    if function is not None and got.status < 400:
        try:
            response = await functions.run_response(ctx, function, found.distribution, changed, response)
        except FunctionError as error:
            return _function_failed(ctx, error)
    _deliver(found, changed, got, response)
    if got.age_seconds is not None:
        delivery.set_header(response.headers, "Age", str(got.age_seconds))
    _sign(ctx, response, got.cache_status)
    if found.behavior.respond is not None:
        _time(ctx, found.behavior.respond, got, response)
    return response


def _time(ctx: Context, policy: dict[str, Any], got: Answer, response: Response) -> None:
    """Server-Timing, for the share of responses that the policy wants it in.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
    """
    told = policy.get("ServerTimingHeadersConfig", {})
    if not told.get("Enabled") or ctx.draw.bytes(2) >= _share(told.get("SamplingRate", 0.0)):
        return
    cached = got.age_seconds is not None
    layer = ',cdn-hit-layer;desc="EDGE"' if cached else ""
    found = "cdn-cache-hit" if cached else "cdn-cache-miss"
    own = f'{found},cdn-pop;desc="{POP}",cdn-rid;desc="{ctx.request_id}"{layer}'
    earlier = next((value for name, value in response.headers if name.lower() == "server-timing"), "")
    delivery.set_header(response.headers, "Server-Timing", f"{earlier},{own}" if earlier else own)


def _share(percent: float) -> bytes:
    """The end of the share of all two-byte draws that lie before it; three bytes long where that is all of them."""
    end = int(percent / 100 * 65_536)
    return b"\xff\xff\xff" if end > 65_535 else end.to_bytes(2)


async def _viewer_request(ctx: Context, found: Found, viewed: Viewed) -> Viewed | Response:
    """The request that goes on, or the viewer-request function's own response."""
    function = found.behavior.functions.get(functions.REQUEST)
    if function is None:
        return viewed
    try:
        changed = await functions.run_request(ctx, function, found.distribution, viewed)
    except FunctionError as error:
        return _function_failed(ctx, error)
    if isinstance(changed, Response):
        _sign(ctx, changed, functions.GENERATED)
    return changed


def _function_failed(ctx: Context, error: FunctionError) -> Response:
    response = pages.error_page(503, pages.FUNCTION_FAILED, ctx.request_id)
    _sign(ctx, response, functions.INVALID if isinstance(error, functions.InvalidAnswer) else functions.FAILED)
    return response


def _refuse(ctx: Context, found: Found, viewed: Viewed) -> Response | None:
    """What is answered before any function or cache is asked."""
    policy = found.behavior.settings["ViewerProtocolPolicy"]
    # CLOUDFRONT-002: we speak HTTP only. Requests count as HTTPS unless a proxy in front says that they were not.
    deviation("CLOUDFRONT-002")
    if policy != "allow-all" and viewed.headers.get("x-forwarded-proto") == "http":
        if policy == "redirect-to-https" and viewed.method in ("GET", "HEAD", "OPTIONS"):
            return _redirect(ctx, viewed)
        response = pages.error_page(403, pages.BAD_REQUEST, ctx.request_id)
        _sign(ctx, response, "Error from cloudfront")
        return response
    if viewed.method in found.behavior.methods:
        return None
    response = pages.error_page(403, pages.METHOD_NOT_ALLOWED, ctx.request_id)
    _sign(ctx, response, "Error from cloudfront")
    return response


def _redirect(ctx: Context, viewed: Viewed) -> Response:
    query = f"?{viewed.query}" if viewed.query else ""
    location = f"https://{viewed.headers.get('host', '')}{viewed.path}{query}"
    body = (
        b"<html>\r\n<head><title>301 Moved Permanently</title></head>\r\n<body>\r\n"
        b"<center><h1>301 Moved Permanently</h1></center>\r\n<hr><center>CloudFront</center>\r\n</body>\r\n</html>\r\n"
    )
    headers = [("Server", "CloudFront"), ("Content-Type", "text/html"), ("Location", location)]
    response = Response(301, headers, body)
    _sign(ctx, response, "Redirect from cloudfront")
    return response


def _deliver(found: Found, viewed: Viewed, got: Answer, response: Response) -> None:
    if viewed.method not in ("GET", "HEAD"):
        return
    if response.status == 200 and delivery.is_not_modified(viewed.headers, response.headers):
        response.status, response.body = 304, b""
        response.headers = [pair for pair in response.headers if pair[0].lower() not in ("content-type",)]
        return
    behavior = found.behavior
    if (
        behavior.settings["Compress"]
        and "gzip" in selection.accepted_encodings(behavior, viewed)
        and "range" not in viewed.headers
        and isinstance(response.body, bytes)
        and delivery.is_compressible(response.status, response.headers, len(response.body))
    ):
        delivery.compress(response, got.entry)
    elif response.status == 200 and "range" in viewed.headers and viewed.method == "GET":
        condition = viewed.headers.get("if-range")
        if condition is None or delivery.is_not_modified({"if-none-match": condition}, response.headers):
            delivery.cut(response, viewed.headers["range"])


def _sign(ctx: Context, response: Response, cache_status: str) -> None:
    """The headers by which CloudFront shows itself."""
    own = f"1.1 {ctx.request_id.replace('-', '')}.cloudfront.net (CloudFront)"
    earlier = next((value for name, value in response.headers if name.lower() == "via"), "")
    delivery.set_header(response.headers, "X-Cache", cache_status)
    delivery.set_header(response.headers, "Via", f"{earlier}, {own}" if earlier else own)
    delivery.set_header(response.headers, "X-Amz-Cf-Pop", POP)
    delivery.set_header(response.headers, "X-Amz-Cf-Id", new_request_id(ctx))
