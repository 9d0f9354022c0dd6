"""What is behind a method: nothing (MOCK), an HTTP endpoint, a function, an AWS service; proxied or mapped.

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-integration-settings.html
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from mrak.core.http import HttpSender, OutgoingError, Reply, Response
from mrak.services.apigateway.plane import mapping, replies
from mrak.services.apigateway.plane.call import Call, is_binary, render_event, render_headers
from mrak.services.apigateway.plane.failures import GatewayFailure, internal_error
from mrak.services.apigateway.plane.services import URI, call_service
from mrak.services.apigatewayv2.exports import (
    FunctionFailed,
    FunctionTimedOut,
    apply_stage_variables,
    invoke_function,
)

_STATUS = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})""")
_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)\+?\}")
_NOT_FORWARDED = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "expect", "te", "x-api-key"}
)


async def run(call: Call) -> Response:
    """The integration's answer as the caller gets it; raises GatewayFailure where there is none."""
    kind = call.integration["type"]
    if kind == "AWS_PROXY":
        return await _proxy_function(call)
    if kind == "HTTP_PROXY":
        reply = await _send_http(call, mapping.request_parameters(call), call.request.body or b"", proxied=True)
        return replies.pass_on(reply)
    body = _request_body(call)
    mapped = mapping.request_parameters(call)
    mapping.apply_overrides(call, mapped)
    if kind == "MOCK":
        found = _STATUS.search(body.decode("utf-8", "replace"))
        if found is None:
            raise internal_error()
        return replies.map_response(call, Reply(int(found[1]), [], b""), found[1])
    if kind == "HTTP":
        reply = await _send_http(call, mapped, body, proxied=False)
        return replies.map_response(call, reply, str(reply.status))
    return await _run_aws(call, mapped, body)


def _timeout_seconds(call: Call) -> float:
    milliseconds: int = call.integration["timeoutInMillis"]
    return milliseconds / 1000


def timed_out() -> GatewayFailure:
    return GatewayFailure("INTEGRATION_TIMEOUT", "Endpoint request timed out")


async def _proxy_function(call: Call) -> Response:
    if call.integration.get("httpMethod") != "POST":
        # Lambda is called with POST whatever the method is; AWS reports anything else as its own error.
        raise internal_error()
    # Mapped parameters don't reach it (recorded: test_lambda_aws_proxy_integration_request_data_mapping).
    event = render_event(call)
    uri = apply_stage_variables(call.integration["uri"], call.variables)
    try:
        payload = await invoke_function(call.ctx, uri, event, _caller_arn(call), _timeout_seconds(call))
    except FunctionTimedOut:
        raise timed_out() from None
    except FunctionFailed as error:
        raise internal_error(502 if error.payload is not None else 500) from None
    return replies.parse_proxied(call, payload)


def _caller_arn(call: Call) -> str:
    """What the function's policy must let in, or the role that the integration takes."""
    role_arn: str = call.integration.get("credentials") or ""
    return role_arn or call.arn(call.request.method, call.resource["path"])


async def _run_aws(call: Call, mapped: dict[str, dict[str, str]], body: bytes) -> Response:
    uri = _fill(apply_stage_variables(call.integration["uri"], call.variables), mapped["path"])
    found = URI.fullmatch(uri)
    if found is None:
        raise internal_error()
    if found[2] != "lambda":
        try:
            async with asyncio.timeout(_timeout_seconds(call)):
                reply = await call_service(call, uri, _integration_method(call), mapped, body)
        except TimeoutError:
            raise timed_out() from None
        response = replies.map_response(call, reply, str(reply.status))
    else:
        response = await _run_function(call, mapped, uri, body)
    response.headers.append(replies.trace_of(call))
    return response


def _integration_method(call: Call) -> str:
    """The method of the request behind; ANY is the caller's."""
    method: str = call.integration.get("httpMethod", "ANY")
    return call.request.method if method == "ANY" else method


async def _run_function(call: Call, mapped: dict[str, dict[str, str]], uri: str, body: bytes) -> Response:
    kind = mapped["header"].get("X-Amz-Invocation-Type", "RequestResponse")
    try:
        payload = await invoke_function(call.ctx, uri, body, _caller_arn(call), _timeout_seconds(call), kind)
        return replies.map_response(call, Reply(200, [("content-type", "application/json")], payload), "")
    except FunctionTimedOut:
        raise timed_out() from None
    except FunctionFailed as error:
        if error.payload is None:
            raise internal_error() from None
        return replies.map_response(call, Reply(200, [], error.payload), str(error))


def _request_body(call: Call) -> bytes:
    """The integration's body: the template of the content type, or the body itself where that may pass."""
    integration, content_type = call.integration, call.request.headers.get("content-type", "application/json")
    templates = integration.get("requestTemplates") or {}
    body = _convert(call, integration.get("contentHandling"), content_type)
    template = mapping.choose_template(templates, content_type)
    if template is not None:
        text = body.decode("utf-8", "replace")
        return mapping.render_template(call, template, text).encode()
    behavior = integration["passthroughBehavior"]
    if behavior == "NEVER" or (behavior == "WHEN_NO_TEMPLATES" and templates):
        raise GatewayFailure("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
    return body


def _convert(call: Call, handling: str | None, content_type: str) -> bytes:
    body = call.request.body or b""
    binary = is_binary(call, content_type)
    if binary and handling == "CONVERT_TO_TEXT":
        return base64.b64encode(body)
    if not binary and handling == "CONVERT_TO_BINARY":
        try:
            return base64.b64decode(body)
        except ValueError:
            raise internal_error() from None
    # A text is taken as UTF-8, whatever is in it.
    return body if binary else body.decode("utf-8", "replace").encode()


async def _send_http(call: Call, mapped: dict[str, dict[str, str]], body: bytes, *, proxied: bool) -> Reply:
    headers = {"content-type": call.request.headers.get("content-type", "application/json")} if not proxied else {}
    query: list[tuple[str, str]] = []
    if proxied:
        forwarded = {name.lower(): value for name, value in render_headers(call).items()}
        headers |= {name: value for name, value in forwarded.items() if name not in _NOT_FORWARDED}
        query = list(call.request.query_pairs)
    headers["x-amzn-apigateway-api-id"] = call.api_id
    headers.setdefault("user-agent", f"AmazonAPIGateway_{call.api_id}")
    headers |= {name.lower(): value for name, value in mapped["header"].items()}
    query += list(mapped["querystring"].items())
    uri = _fill(apply_stage_variables(call.integration["uri"], call.variables), mapped["path"])
    parts = urlsplit(uri)
    url = urlunsplit(parts._replace(query="&".join(text for text in (parts.query, urlencode(query)) if text)))
    sender: HttpSender = call.ctx.part("http")
    try:
        return await sender.send(_integration_method(call), url, list(headers.items()), body, _timeout_seconds(call))
    except OutgoingError as error:
        if str(error).startswith("no reply within"):
            raise timed_out() from None
        raise GatewayFailure("INTEGRATION_FAILURE", "Internal server error", 500) from None


def _fill(uri: str, values: dict[str, Any]) -> str:
    """The URI with `integration.request.path.*` filled in."""
    return _VARIABLE.sub(
        lambda found: quote(values[found[1]], safe="/:@!$&'()*+,;=-._~%") if found[1] in values else found[0], uri
    )
