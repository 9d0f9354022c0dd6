"""What is behind a route of an HTTP API: a function, an HTTP endpoint, an AWS service."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from mrak.core.http import HttpSender, OutgoingError, Reply, Response
from mrak.services.apigatewayv2.plane import events, replies
from mrak.services.apigatewayv2.plane.call import Call, forwarded_headers, message
from mrak.services.apigatewayv2.plane.functions import FunctionFailed, FunctionTimedOut, invoke_function
from mrak.services.apigatewayv2.plane.mapping import Changes, apply_stage_variables

_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)\+?\}")
# What belongs to the caller's connection and not to ours.
_NOT_FORWARDED = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "expect", "te"}
)
_NOT_RETURNED = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "upgrade"})


async def run(call: Call, integration: dict[str, Any]) -> Response:
    """The integration's answer, or the gateway's own where it has none."""
    if "IntegrationSubtype" in integration:
        from mrak.services.apigatewayv2.plane.aws import call_service

        return await call_service(call, integration)
    if integration["IntegrationType"] == "AWS_PROXY":
        return _change_response(call, integration, await _run_function(call, integration))
    return await _run_http(call, integration)


async def _run_function(call: Call, integration: dict[str, Any]) -> Response:
    is_v2 = integration["PayloadFormatVersion"] == "2.0"
    event = events.render_v2(call) if is_v2 else events.render_v1(call)
    uri = apply_stage_variables(integration["IntegrationUri"], call.stage_variables)
    path = call.route["RouteKey"].partition(" ")[2]
    source_arn = call.arn(path, call.request.method) if path else call.arn("", "$default").rstrip("/")
    try:
        caller_arn = integration.get("CredentialsArn") or source_arn
        payload = await invoke_function(call.ctx, uri, event, caller_arn, integration["TimeoutInMillis"] / 1000)
        return replies.parse_v2(payload) if is_v2 else replies.parse_v1(payload)
    except FunctionTimedOut:
        return message(503, "Service Unavailable")
    except (FunctionFailed, replies.Malformed):
        return message(500, "Internal Server Error")


async def _run_http(call: Call, integration: dict[str, Any]) -> Response:
    request = call.request
    changes = Changes(integration.get("RequestParameters", {}), call)
    headers = [pair for pair in forwarded_headers(call).items() if pair[0] not in _NOT_FORWARDED]
    headers = changes.headers(headers)
    method = integration.get("IntegrationMethod", "ANY")
    sender: HttpSender = call.ctx.part("http")
    try:
        reply = await sender.send(
            request.method if method == "ANY" else method,
            _url(call, integration, changes),
            headers,
            request.body or b"",
            integration["TimeoutInMillis"] / 1000,
        )
    except OutgoingError as error:
        timed_out = str(error).startswith("no reply within")
        return message(504, "Gateway Timeout") if timed_out else message(503, "Service Unavailable")
    kept = [pair for pair in reply.headers if pair[0] not in _NOT_RETURNED]
    return _change_response(call, integration, Response(reply.status, kept, reply.body))


def _url(call: Call, integration: dict[str, Any], changes: Changes) -> str:
    """The endpoint with the path's variables filled in, and the caller's query after its own."""

    def fill(found: re.Match[str]) -> str:
        return quote(call.path_parameters.get(found[1], ""), safe="/:@!$&'()*+,;=-._~")

    template = apply_stage_variables(integration["IntegrationUri"], call.stage_variables)
    parts = urlsplit(_VARIABLE.sub(fill, template))
    path = changes.single("path")
    if path is not None:
        parts = parts._replace(path=quote(path, safe="/:@!$&'()*+,;=-._~%"))
    pairs = changes.query(call.request.query_pairs)
    query = call.request.query if pairs == call.request.query_pairs else urlencode(pairs)
    return urlunsplit(parts._replace(query="&".join(text for text in (parts.query, query) if text)))


def _change_response(call: Call, integration: dict[str, Any], response: Response) -> Response:
    """`ResponseParameters` by status code."""
    mappings = integration.get("ResponseParameters", {}).get(str(response.status))
    if not mappings:
        return response
    assert isinstance(response.body, bytes)
    changes = Changes(mappings, call, Reply(response.status, response.headers, response.body))
    status = changes.single("statuscode")
    if status is not None and status.isdigit():
        response.status = int(status)
    response.headers = changes.headers(response.headers)
    return response
