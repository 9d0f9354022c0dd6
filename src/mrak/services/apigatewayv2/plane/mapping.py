"""Parameter mapping of HTTP APIs: values out of a request or response, and what to do with them.

    {"append:header.x-user": "$context.authorizer.claims.sub", "overwrite:path": "/v1$request.path"}

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.http import Reply, Response
from mrak.services.apigatewayv2.plane import events
from mrak.services.apigatewayv2.plane.call import Call

_EXPRESSION = re.compile(r"\$\{([^{}]+)\}|\$((?:request|response|context|stageVariables)(?:\.[A-Za-z0-9_.\[\]-]+)?)")
_STAGE_VARIABLE = re.compile(r"\$\{?stageVariables\.([A-Za-z0-9_]+)\}?")


def apply_stage_variables(text: str, variables: dict[str, str]) -> str:
    """`${stageVariables.name}` in an integration's URI; an unknown one is empty."""
    if "stageVariables" not in text:
        return text
    return _STAGE_VARIABLE.sub(lambda found: variables.get(found[1], ""), text)


def resolve(template: str, call: Call, reply: Reply | None = None) -> str | None:
    """The value of a mapping; None where it is one expression that has no value."""
    whole = _EXPRESSION.fullmatch(template)
    if whole is not None:
        return _value(whole[1] or whole[2], call, reply)
    return _EXPRESSION.sub(lambda found: _value(found[1] or found[2], call, reply) or "", template)


def _value(expression: str, call: Call, reply: Reply | None) -> str | None:
    source, _, rest = expression.partition(".")
    if source == "request":
        return _from_request(rest, call)
    if source == "response" and reply is not None:
        return _from_response(rest, reply)
    if source == "stageVariables":
        return call.stage_variables.get(rest)
    if source == "context":
        return context_value(rest, call)
    return None


def _from_request(what: str, call: Call) -> str | None:
    request = call.request
    part, _, name = what.partition(".")
    if part == "header":
        return request.headers.get(name.lower())
    if part == "querystring":
        values = events.group(request.query_pairs).get(name)
        return None if values is None else ",".join(values)
    if part == "path":
        return call.path_parameters.get(name) if name else call.path
    if part == "method":
        return request.method
    if part == "body":
        return body_value(request.body or b"", name)
    return None


def _from_response(what: str, reply: Reply) -> str | None:
    part, _, name = what.partition(".")
    if part == "header":
        values = [value for key, value in reply.headers if key == name.lower()]
        return ",".join(values) if values else None
    if part == "statuscode":
        return str(reply.status)
    if part == "body":
        return body_value(reply.body, name)
    return None


def context_value(name: str, call: Call) -> str | None:
    """A $context variable, by a dotted path into payload 2.0's requestContext; the short forms that logs use too."""
    return _as_text(_dig(render_log_context(call), name.split(".")))


def render_log_context(call: Call, response: Response | None = None, latency_ms: int = 0) -> dict[str, Any]:
    """$context with the short forms of mappings and access logs; with a response, also what is known of that."""
    context = events.render_context_v2(call)
    http = context["http"]
    found = _authorizer_shorthand(context) | {
        "httpMethod": http["method"],
        "path": http["path"],
        "protocol": http["protocol"],
        "identity": {"sourceIp": http["sourceIp"], "userAgent": http["userAgent"]},
        "requestTime": context["time"],
        "requestTimeEpoch": context["timeEpoch"],
        "extendedRequestId": call.extended_id,
    }
    if response is None:
        return found
    size = len(response.body) if isinstance(response.body, bytes) else 0
    return found | {"status": response.status, "responseLength": size, "responseLatency": latency_ms}


def _authorizer_shorthand(context: dict[str, Any]) -> dict[str, Any]:
    """$context.authorizer.claims.sub, $context.authorizer.property of a Lambda authorizer's context."""
    authorizer = context.get("authorizer", {})
    return context | {"authorizer": authorizer | authorizer.get("jwt", {}) | (authorizer.get("lambda") or {})}


def body_value(body: bytes, path: str) -> str | None:
    """A value of a JSON body by a dotted path with [indexes]; the whole body where there is no path."""
    if not path:
        return body.decode("utf-8", "replace")
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    steps = re.findall(r"[^.\[\]]+", path)
    return _as_text(_dig(decoded, steps))


def _dig(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


class Changes:
    """What mappings do to a request or response: to headers, the query, the path or the status."""

    def __init__(self, mappings: dict[str, str], call: Call, reply: Reply | None = None) -> None:
        self._steps = [(*key.partition(":")[::2], resolve(value, call, reply)) for key, value in mappings.items()]

    def headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return self._pairs("header.", headers, lower=True)

    def query(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return self._pairs("querystring.", pairs, lower=False)

    def single(self, target: str) -> str | None:
        """The value that overwrites `path` or `statuscode`; None where nothing does."""
        return next((value for action, what, value in self._steps if action == "overwrite" and what == target), None)

    def _pairs(self, start: str, pairs: list[tuple[str, str]], lower: bool) -> list[tuple[str, str]]:
        for action, what, value in self._steps:
            if not what.startswith(start):
                continue
            name = what[len(start) :].lower() if lower else what[len(start) :]
            if action in ("overwrite", "remove"):
                pairs = [pair for pair in pairs if pair[0] != name]
            if action in ("overwrite", "append") and value is not None:
                pairs = [*pairs, (name, value)]
        return pairs
