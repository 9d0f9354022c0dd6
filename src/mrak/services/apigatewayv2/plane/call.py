"""One request to an API, as events, mappings and authorizers see it."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.http import Request, Response
from mrak.core.urls import resource_url

_TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
_TEXT_SUFFIXES = ("+json", "+xml")


class Call(msgspec.Struct):
    """`path` is decoded and has the stage's name in front, unless that is $default. `authorizer` is what the
    authorizer found out, in the shape of requestContext.authorizer of payload 2.0."""

    ctx: Context
    request: Request
    api_id: str
    stage: str
    stage_variables: dict[str, str]
    path: str
    route: dict[str, Any]
    path_parameters: dict[str, str]
    extended_id: str
    authorizer: dict[str, Any] | None = None

    @property
    def host(self) -> str:
        """The host name without a port: requestContext.domainName."""
        host = self.request.host
        name, colon, port = host.rpartition(":")
        host = name if colon and port.isdigit() else host
        if host.startswith(self.api_id):
            return host
        return resource_url("http://localhost", "execute-api", self.api_id).removeprefix("http://")

    @property
    def domain_prefix(self) -> str:
        return self.host.partition(".")[0]

    @property
    def account(self) -> str:
        return self.ctx.scope.account

    @property
    def user_agent(self) -> str:
        return self.request.headers.get("user-agent", "")

    def arn(self, path: str, method: str) -> str:
        """The execute-api ARN of a method and path of this stage; both may be patterns."""
        scope = self.ctx.scope
        start = f"arn:{scope.partition}:execute-api:{scope.region}:{scope.account}:{self.api_id}"
        return f"{start}/{self.stage}/{method}/{path.lstrip('/')}"


def new_extended_id(ctx: Context) -> str:
    return base64.b64encode(ctx.draw.bytes(11)).decode()


def forwarded_headers(call: Call) -> dict[str, str]:
    """The request's headers (lower case) as an integration gets them: with what the gateway adds."""
    request = call.request
    headers = dict(request.headers)
    given = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{given}, {request.peer}" if given else request.peer
    headers["x-forwarded-port"] = request.host.rpartition(":")[2] if ":" in request.host else "443"
    headers["x-forwarded-proto"] = request.scheme
    headers["x-amzn-trace-id"] = call.ctx.trace.partition(";Parent=")[0]
    return headers


def is_text(content_type: str) -> bool:
    """Whether a body of this type goes into an event as it is, rather than in base64."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith(_TEXT_TYPES) or kind.endswith(_TEXT_SUFFIXES)


def render_body(request: Request) -> tuple[str | None, bool]:
    """(body, isBase64Encoded) of an event."""
    body = request.body
    if not body:
        return None, False
    content_type = request.headers.get("content-type", "")
    if is_text(content_type) and "content-encoding" not in request.headers:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def message(status: int, text: str, headers: list[tuple[str, str]] | None = None) -> Response:
    """The gateway's own answer: {"message": ...}."""
    shown = [("content-type", "application/json"), *(headers or [])]
    return Response(status, shown, msgspec.json.encode({"message": text}))
