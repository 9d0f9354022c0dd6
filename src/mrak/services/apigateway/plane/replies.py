"""What an integration's reply becomes for the caller: passed on, or mapped by an integration response."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec

from mrak.core.http import Reply, Response
from mrak.lang import vtl
from mrak.services.apigateway.plane import mapping
from mrak.services.apigateway.plane.call import Call, is_binary
from mrak.services.apigateway.plane.failures import internal_error
from mrak.services.apigatewayv2.exports import as_text

_MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_REMAPPED = frozenset(
    {
        "connection", "content-length", "date", "server", "www-authenticate", "x-amzn-requestid", "host", "user-agent",
        "authorization",
    }
)  # fmt: skip
_DROPPED = frozenset({"transfer-encoding", "keep-alive", "upgrade", "te", "trailer"})


def pass_on(reply: Reply) -> Response:
    """A proxied endpoint's reply. Headers that are the gateway's own come under another name, as on AWS."""
    headers = []
    for name, value in reply.headers:
        if name not in _DROPPED:
            headers.append((f"x-amzn-remapped-{name}" if name in _REMAPPED else name, value))
    return Response(reply.status, headers, reply.body)


def parse_proxied(call: Call, payload: bytes) -> Response:
    """A proxied function's answer; one that has no proper form is a 502."""
    try:
        answer = msgspec.json.decode(payload) if payload else None
    except (msgspec.DecodeError, RecursionError):
        raise internal_error(502) from None
    if not isinstance(answer, dict) or not answer or not set(answer) <= _MEMBERS:
        raise internal_error(502)
    single, several = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(several, dict):
        raise internal_error(502)
    headers: list[tuple[str, str]] = []
    for name, values in several.items():
        if not isinstance(values, list):
            raise internal_error(502)
        headers += [(name.lower(), as_text(value)) for value in values]
    headers += [(name.lower(), as_text(value)) for name, value in single.items() if value is not None]
    headers = [pair for pair in headers if pair[0] not in _DROPPED and pair[0] != "content-length"]
    headers = [(f"x-amzn-remapped-{n}" if n in _REMAPPED else n, value) for n, value in headers]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    headers.append(trace_of(call))
    return Response(_status(answer.get("statusCode", 200)), headers, _proxied_body(call, answer))


def trace_of(call: Call) -> tuple[str, str]:
    """The header that tells the caller of the trace of what is behind: the caller's own where that names a parent."""
    given = call.request.headers.get("x-amzn-trace-id", "")
    return "x-amzn-trace-id", given if "Root=" in given and "Parent=" in given else call.ctx.trace


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        raise internal_error(502) from None
    if not 200 <= status <= 599:
        raise internal_error(502)
    return status


def _proxied_body(call: Call, answer: dict[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise internal_error(502)
    accepted = call.request.headers.get("accept", "*/*").partition(",")[0]
    if answer.get("isBase64Encoded") is not True or not is_binary(call, accepted):
        return body.encode()
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        raise internal_error(502) from None


def map_response(call: Call, reply: Reply, outcome: str) -> Response:
    """The integration response whose pattern fits the outcome (a status, or a function's error), else the default."""
    chosen = _choose(call.integration.get("integrationResponses") or {}, outcome)
    if chosen is None:
        raise internal_error()
    headers = _mapped_headers(call, chosen, reply)
    body, kind = _mapped_body(call, chosen, reply)
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    override = call.response_override
    for name, value in override.get("header", {}).items():
        headers = [pair for pair in headers if pair[0] != name.lower()]
        headers.append((name.lower(), vtl.as_text(value)))
    status = override.get("status", chosen["statusCode"])
    return Response(_status(status), headers, body)


def _choose(responses: dict[str, dict[str, Any]], outcome: str) -> dict[str, Any] | None:
    from mrak.lang.logregex import RegexError, compile_regex

    default = None
    for response in responses.values():
        pattern = response.get("selectionPattern")
        if not pattern:
            default = response
            continue
        try:
            if outcome and compile_regex(f"^(?:{pattern})$").search(outcome.replace("\n", " ")) is not None:
                return response
        except (RegexError, re.error):
            raise internal_error() from None
    return default


def _mapped_headers(call: Call, chosen: dict[str, Any], reply: Reply) -> list[tuple[str, str]]:
    headers = []
    for target, source in (chosen.get("responseParameters") or {}).items():
        value = mapping.parameter_value(call, source, reply)
        if value is not None:
            headers.append((target.removeprefix("method.response.header.").lower(), value))
    return headers


def _mapped_body(call: Call, chosen: dict[str, Any], reply: Reply) -> tuple[bytes, str]:
    templates = chosen.get("responseTemplates") or {}
    kind = next((value for name, value in reply.headers if name == "content-type"), "application/json")
    body = _convert(chosen.get("contentHandling"), reply.body, is_binary(call, kind))
    if not templates:
        return body, "application/json"
    accepted = call.request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip()
    chosen_kind = next((one for one in (accepted, "application/json") if one in templates), next(iter(templates)))
    template = templates[chosen_kind]
    if not template:
        return body, chosen_kind
    return mapping.render_template(call, template, body.decode("utf-8", "replace")).encode(), chosen_kind


def _convert(handling: str | None, body: bytes, binary: bool) -> bytes:
    if handling == "CONVERT_TO_TEXT" and binary:
        return base64.b64encode(body)
    if handling == "CONVERT_TO_BINARY" and not binary:
        try:
            return base64.b64decode(body)
        except ValueError:
            raise internal_error() from None
    return body
