"""Requests to function URLs: who may, what event the function gets, what response its answer becomes.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

from mrak.core.context import Context, Transaction
from mrak.core.functions import Outcome
from mrak.core.http import FileSlice, Request, Response
from mrak.core.operation import dataplane
from mrak.core.scope import Scope
from mrak.core.urls import resource_url
from mrak.services.lambda_ import invocation
from mrak.services.lambda_.invocation import Target
from mrak.services.lambda_.references import Reference
from mrak.services.lambda_.tables import POLICIES, URL_IDS, URLS, Url

PLANE = "lambda-url"
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_PACKAGE = re.compile(r"code([0-9a-f]{32})[a-z0-9]{3}")
_PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response"
_PRELUDE_END = bytes(8)
_PRELUDE_LIMIT_BYTES = 64 * 1024
_TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml", "application/x-www-form")
_HOP_HEADERS = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade"})


@dataplane(PLANE)
async def serve_url(ctx: Context, request: Request, route: Any) -> Response:
    package = _PACKAGE.fullmatch(route.resource)
    if package is not None:
        return _send_package(ctx, package[1])
    found = await ctx.transact(lambda tx: _look_up(ctx, tx, route.resource))
    if found is None:
        return _denied(None)
    url, target, is_open = found
    if url.cors is not None and request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        return Response(200, _cors_headers(url.cors, request, preflight=True))
    anonymous = ctx.principal.arn == "anonymous"
    if (url.auth_type == "NONE" and not is_open) or (url.auth_type == "AWS_IAM" and anonymous):
        return _denied(_FORBIDDEN)
    payload = json.dumps(_event(ctx, request, route, url), ensure_ascii=False).encode()
    if url.invoke_mode == "RESPONSE_STREAM":
        response = await _stream(ctx, target, payload)
    else:
        response = _respond(await invocation.run(ctx, target, payload))
    response.headers += [("x-amzn-RequestId", ctx.request_id), ("X-Amzn-Trace-Id", ctx.trace.partition(";")[0])]
    if url.cors is not None:
        response.headers += _cors_headers(url.cors, request, preflight=False)
    return response


def package_location(ctx: Context, code_id: str) -> dict[str, str]:
    """Where a package can be fetched: a URL that nobody can guess, as AWS's presigned ones. Hot reload has none."""
    if not code_id:
        return {}
    # The end of the name tells the environment, as that of every resource with a host of its own.
    environment_code = ctx.resource_id(3)
    return {"Location": resource_url(ctx.endpoint, PLANE, f"code{code_id}{environment_code}")}


def _send_package(ctx: Context, code_id: str) -> Response:
    path = ctx.blobs.path(code_id)
    if not os.path.exists(path):
        return _message(404, "Not Found")
    headers = [("Content-Type", "application/zip")]
    return Response(200, headers, FileSlice(path, 0, os.path.getsize(path)))


def _look_up(ctx: Context, tx: Transaction, url_id: str) -> tuple[Url, Target, bool] | None:
    row = URL_IDS.get(tx, ctx.scope.environment_wide(), url_id)
    if row is None:
        return None
    scope = Scope(ctx.scope.environment, row.account, row.region)
    url = URLS.get(tx, scope, row.name, row.qualifier)
    assert url is not None, "a URL's id without its URL"
    policy = POLICIES.get(tx, scope, row.name, row.qualifier)
    target = invocation.resolve(ctx, tx, Reference(scope, row.name, row.qualifier))
    return url, target, any(_opens(statement) for statement in (policy.statements if policy else ()))


def _opens(statement: dict[str, Any]) -> bool:
    """Whether a statement lets everybody call the URL."""
    auth_type = statement.get("Condition", {}).get("StringEquals", {}).get("lambda:FunctionUrlAuthType", "NONE")
    return (
        statement["Principal"] == "*"
        and statement["Action"] in ("lambda:InvokeFunctionUrl", "lambda:*", "*")
        and auth_type == "NONE"
    )


def _message(status: int, text: str | None) -> Response:
    return Response(status, [("Content-Type", "application/json")], _text({"Message": text}).encode())


def _denied(text: str | None) -> Response:
    """A URL that is closed, or that nobody has (LocalStack's test_lambda_url_non_existing_url, run against AWS)."""
    response = _message(403, text)
    response.headers.append(("x-amzn-ErrorType", "AccessDeniedException"))
    return response


# --- the event: payload format 2.0


def _event(ctx: Context, request: Request, route: Any, url: Url) -> dict[str, Any]:
    headers = {name: value for name, value in request.headers.items() if name not in ("cookie", "connection")}
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    headers |= {
        "x-amzn-trace-id": ctx.trace.partition(";")[0],
        "x-forwarded-for": request.peer,
        "x-forwarded-port": headers.get("host", "").rpartition(":")[2] or "443",
        "x-forwarded-proto": request.scheme,
    }
    if request.scheme == "https":
        headers |= {"x-amzn-tls-version": "TLSv1.3", "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256"}
    path = route.path or "/"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _request_context(ctx, request, url, host, path),
        "isBase64Encoded": False,
    }
    if request.query:
        event["queryStringParameters"] = _parse_query(request.query)
    if "cookie" in request.headers:
        event["cookies"] = [cookie.strip() for cookie in request.headers["cookie"].split(";")]
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, request.headers.get("content-type", ""))
    return event


def _request_context(ctx: Context, request: Request, url: Url, host: str, path: str) -> dict[str, Any]:
    now = datetime.fromtimestamp(ctx.now, UTC)
    anonymous = ctx.principal.arn == "anonymous"
    context: dict[str, Any] = {
        "accountId": "anonymous" if anonymous else ctx.principal.account,
        "apiId": url.url_id,
        "domainName": host,
        "domainPrefix": url.url_id,
        "http": {
            "method": request.method,
            "path": unquote(path),
            "protocol": "HTTP/1.1",
            "sourceIp": request.peer,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": ctx.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(ctx.now * 1000),
    }
    if not anonymous:
        context["authorizer"] = {
            "iam": {
                "accessKey": getattr(ctx.principal, "access_key", None),
                "accountId": ctx.principal.account,
                "callerId": ctx.principal.user_id,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": ctx.principal.arn,
                "userId": ctx.principal.user_id,
            }
        }
    return context


def _parse_query(query: str) -> dict[str, str]:
    """Repeated parameters are joined by commas."""
    parameters: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name:
            name, value = unquote_plus(name), unquote_plus(value)
            parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """Text as it is, all else as base64."""
    if content_type.startswith(_TEXT_TYPES):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            return base64.b64encode(body).decode(), True
    return base64.b64encode(body).decode(), True


# --- the response


def _respond_plainly(outcome: Outcome) -> Response:
    """RESPONSE_STREAM reads no status or headers from an answer that is not streamed."""
    if outcome.throttled or outcome.function_error:
        return _respond(outcome)
    return Response(200, [("Content-Type", "application/json")], outcome.payload)


def _respond(outcome: Outcome) -> Response:
    if outcome.throttled:
        return _message(429, "Too Many Requests")
    if outcome.function_error:
        return _failed()
    try:
        answer = json.loads(outcome.payload or b"null")
    except ValueError:
        return _failed()
    if isinstance(answer, dict) and "statusCode" in answer:
        return _render_response(answer)
    return Response(200, [("Content-Type", "application/json")], _text(answer).encode())


def _text(value: Any) -> str:
    """What is no string goes out as JSON without spaces (recorded: test_lambda_url_invocation[dict])."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _failed() -> Response:
    return Response(502, [("Content-Type", "application/json")], b"Internal Server Error")


def _render_response(answer: dict[str, Any]) -> Response:
    """An answer in the form {statusCode, headers, cookies, body, isBase64Encoded}."""
    status = answer["statusCode"]
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or not 100 <= status <= 599:
        return _failed()
    body = answer.get("body", "")
    text = _text(body)
    try:
        content = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()
    except ValueError:
        return _failed()
    return Response(status, _response_headers(answer), content)


def _response_headers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    headers = []
    for name, value in (answer.get("headers") or {}).items():
        text = value if isinstance(value, str) else json.dumps(value)
        if name.lower() not in _HOP_HEADERS and name.lower() != "content-length" and "\n" not in text + name:
            headers.append((name, text))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return headers + [("Set-Cookie", cookie) for cookie in answer.get("cookies") or [] if "\n" not in cookie]


async def _stream(ctx: Context, target: Target, payload: bytes) -> Response:
    """The response begins when the function begins it; its prelude gives status and headers."""
    stream, running = await invocation.begin_stream(ctx, target, payload)
    if not stream.has_content:
        return _respond_plainly(await running)  # not streamed, or failed before its first byte
    chunks = stream.__aiter__()
    if stream.content_type != _PRELUDE_TYPE:
        return Response(200, [("Content-Type", stream.content_type)], _pass_on(b"", chunks, running))
    held = b""
    async for chunk in chunks:
        held += chunk
        if _PRELUDE_END in held or len(held) > _PRELUDE_LIMIT_BYTES:
            break
    prelude, found, rest = held.partition(_PRELUDE_END)
    try:
        answer = json.loads(prelude) if found else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return _failed()
    response = _render_response({"statusCode": 200, **answer, "body": ""})
    response.body = _pass_on(rest, chunks, running)
    return response


async def _pass_on(
    first: bytes, chunks: AsyncIterator[bytes], running: asyncio.Future[Outcome]
) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in chunks:
        yield chunk
    await running


def _cors_headers(cors: dict[str, Any], request: Request, *, preflight: bool) -> list[tuple[str, str]]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html"""
    origin = request.headers.get("origin", "")
    allowed = cors.get("AllowOrigins", [])
    if not origin or not ("*" in allowed or origin in allowed):
        return []
    headers = [("Access-Control-Allow-Origin", origin if origin in allowed else "*"), ("Vary", "Origin")]
    if cors.get("AllowCredentials"):
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if cors.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ",".join(cors["ExposeHeaders"])))
    if preflight:
        for member, name in (("AllowMethods", "Methods"), ("AllowHeaders", "Headers")):
            if cors.get(member):
                headers.append((f"Access-Control-Allow-{name}", ",".join(cors[member])))
        if "MaxAge" in cors:
            headers.append(("Access-Control-Max-Age", str(cors["MaxAge"])))
    return headers
