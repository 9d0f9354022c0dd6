"""One request to a REST API, and what templates and events know about it: $context."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from mrak.auth.principals import Principal
from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.http import Request, Response
from mrak.core.urls import resource_url
from mrak.services.apigatewayv2.exports import group, render_time

_NO_IDENTITY = (
    "accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
    "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId",
)  # fmt: skip


class Release(msgspec.Struct, frozen=True):
    """A snapshot, compiled."""

    settings: dict[str, Any]
    resources: Any
    authorizers: dict[str, dict[str, Any]]
    models: dict[str, str]
    validators: dict[str, dict[str, Any]]
    responses: dict[str, dict[str, Any]]


class Call(msgspec.Struct):
    """`path` is what follows the stage's name, as it came. `overrides` are what templates set in $context."""

    ctx: Context
    request: Request
    release: Release
    api_id: str
    stage: str
    deployment_id: str
    variables: dict[str, str]
    path: str
    extended_id: str
    resource: dict[str, Any]
    method: dict[str, Any]
    path_parameters: dict[str, str]
    authorizer: dict[str, Any] | None = None
    api_key: tuple[str, str] | None = None
    usage_key: str = ""
    is_canary: bool = False
    method_settings: dict[str, dict[str, Any]] = {}
    request_override: dict[str, dict[str, Any]] = msgspec.field(
        default_factory=lambda: {"header": {}, "querystring": {}, "path": {}}
    )
    response_override: dict[str, Any] = msgspec.field(default_factory=lambda: {"header": {}})
    error: dict[str, Any] = {}

    @property
    def host(self) -> str:
        name, colon, port = self.request.host.rpartition(":")
        host = name if colon and port.isdigit() else self.request.host
        if host.startswith(self.api_id):
            return host
        return resource_url("http://localhost", "execute-api", self.api_id).removeprefix("http://")

    @property
    def integration(self) -> dict[str, Any]:
        found: dict[str, Any] = self.method["methodIntegration"]
        return found

    @property
    def query(self) -> dict[str, list[str]]:
        return group(self.request.query_pairs)

    def arn(self, method: str, path: str) -> str:
        """The execute-api ARN of a method and path of this stage."""
        scope = self.ctx.scope
        start = f"arn:{scope.partition}:execute-api:{scope.region}:{scope.account}:{self.api_id}"
        return f"{start}/{self.stage}/{method}/{path.lstrip('/')}"


def is_binary(call: Call, content_type: str) -> bool:
    """Whether a media type is among the API's binary ones."""
    types = call.release.settings.get("binaryMediaTypes") or ()
    kind = content_type.partition(";")[0].strip().lower()
    return any(one in ("*/*", kind) or (one.endswith("/*") and kind.startswith(one[:-1])) for one in types)


def render_headers(call: Call) -> dict[str, str]:
    """The caller's headers and what the gateway adds. Names are in title case, since HTTP does not tell theirs."""
    deviation("APIGW-002")
    request = call.request
    headers = {title(name): value for name, value in request.headers.items()}
    given = request.headers.get("x-forwarded-for")
    headers["X-Forwarded-For"] = f"{given}, {request.peer}" if given else request.peer
    headers["X-Forwarded-Port"] = request.host.rpartition(":")[2] if ":" in request.host else "443"
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Amzn-Trace-Id"] = call.ctx.trace.partition(";Parent=")[0]
    return headers


def title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def render_identity(call: Call) -> dict[str, Any]:
    identity: dict[str, Any] = dict.fromkeys(_NO_IDENTITY)
    principal = call.ctx.principal
    assert isinstance(principal, Principal)
    user = arn = None
    if call.method.get("authorizationType") == "AWS_IAM":
        identity |= {"accessKey": principal.access_key, "accountId": principal.account, "caller": principal.user_id}
        user, arn = principal.user_id, principal.arn
    if call.api_key is not None:
        identity |= {"apiKey": call.api_key[1], "apiKeyId": call.api_key[0]}
    return identity | {
        "sourceIp": call.request.peer,
        "user": user,
        "userAgent": call.request.headers.get("user-agent"),
        "userArn": arn,
    }


def render_context(call: Call) -> dict[str, Any]:
    """requestContext of an event, without members that have no value for this call."""
    ctx = call.ctx
    context: dict[str, Any] = {
        "accountId": ctx.scope.account,
        "apiId": call.api_id,
        "deploymentId": call.deployment_id,
        "domainName": call.host,
        "domainPrefix": call.host.partition(".")[0],
        "extendedRequestId": call.extended_id,
        "httpMethod": call.request.method,
        "identity": render_identity(call),
        "path": f"/{call.stage}{call.path}",
        "protocol": "HTTP/1.1",
        "requestId": ctx.request_id,
        "requestTime": render_time(ctx.now),
        "requestTimeEpoch": int(ctx.now * 1000),
        "resourceId": call.resource.get("id"),
        "resourcePath": call.resource.get("path"),
        "stage": call.stage,
    }
    if call.authorizer is not None:
        context["authorizer"] = call.authorizer
    if call.is_canary:
        context["isCanaryRequest"] = True
    return context


def template_context(call: Call) -> dict[str, Any]:
    """$context of templates: what they set in requestOverride and responseOverride takes effect."""
    return render_context(call) | {
        "requestOverride": call.request_override,
        "responseOverride": call.response_override,
        "error": call.error,
        "isCanaryRequest": call.is_canary,
    }


def render_log_context(call: Call, response: Response, latency_ms: int) -> dict[str, Any]:
    """$context of access logs."""
    size = len(response.body) if isinstance(response.body, bytes) else 0
    known = {"status": response.status, "responseLength": size, "responseLatency": latency_ms}
    return template_context(call) | known


def render_event(call: Call) -> dict[str, Any]:
    """What a proxied function gets; members without a value are null.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    headers, query = render_headers(call), call.query
    for name in ("Connection", "Content-Length"):
        headers.pop(name, None)
    path = "/" + call.path.lstrip("/")
    body, in_base64 = _body(call)
    return {
        "resource": call.resource["path"],
        "path": path,
        "httpMethod": call.request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": call.path_parameters or None,
        "stageVariables": call.variables or None,
        "requestContext": render_context(call),
        "body": body,
        "isBase64Encoded": in_base64,
    }


def _body(call: Call) -> tuple[str | None, bool]:
    body = call.request.body
    if not body:
        return None, False
    if is_binary(call, call.request.headers.get("content-type", "")):
        return base64.b64encode(body).decode(), True
    return body.decode("utf-8", "replace"), False
