"""Which route a message is for, and what is behind it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.http import HttpSender, OutgoingError
from mrak.services.apigatewayv2.plane.connections import Connection
from mrak.services.apigatewayv2.plane.functions import invoke_function
from mrak.services.apigatewayv2.plane.mapping import apply_stage_variables, body_value
from mrak.services.apigatewayv2.plane.replies import Malformed, as_text, parse_body, parse_status
from mrak.services.apigatewayv2.plane.templates import render_template

_EXPRESSION = re.compile(r"\$\{?request\.(body|header|querystring)\.?([A-Za-z0-9_.\[\]-]*)\}?")
_STATUS = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})""")
_FIRST_STATUS, _LAST_STATUS = 200, 299


class SocketRelease(msgspec.Struct, frozen=True):
    """A deployment's snapshot, by route key. `replying` are ids of routes that have a route response, `responses` the
    integration responses of an integration, by their key."""

    routes: dict[str, dict[str, Any]]
    integrations: dict[str, dict[str, Any]]
    authorizers: dict[str, dict[str, Any]]
    replying: frozenset[str]
    responses: dict[str, dict[str, dict[str, Any]]]


class Outcome(msgspec.Struct, frozen=True):
    """What an integration answered: a status, and a body that may go back to the client."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return _FIRST_STATUS <= self.status <= _LAST_STATUS


def compile_release(snapshot: dict[str, Any]) -> SocketRelease:
    responses: dict[str, dict[str, dict[str, Any]]] = {}
    for parent, settings in snapshot.get("integration_responses", ()):
        responses.setdefault(parent, {})[settings["IntegrationResponseKey"]] = settings
    return SocketRelease(
        {route["RouteKey"]: route for route in snapshot["routes"]},
        snapshot["integrations"],
        snapshot["authorizers"],
        frozenset(parent for parent, _ in snapshot.get("route_responses", ())),
        responses,
    )


def select_route(release: SocketRelease, expression: str, message: str | bytes) -> dict[str, Any] | None:
    """The route that the expression chooses for a message; $default where there is none of that name."""
    body = message if isinstance(message, bytes) else message.encode()

    def value(found: re.Match[str]) -> str:
        return (body_value(body, found[2]) or "") if found[1] == "body" else ""

    key = _EXPRESSION.sub(value, expression)
    route = None if key.startswith("$") else release.routes.get(key)
    return route or release.routes.get("$default")


async def run(
    ctx: Context,
    connection: Connection,
    what: tuple[dict[str, Any], dict[str, dict[str, Any]]],
    event: dict[str, Any],
    variables: dict[str, str],
) -> Outcome:
    """Calls what is behind a route: an integration and its responses. Raises FunctionFailed, OutgoingError, Malformed
    or TemplateFailed where it does not answer."""
    integration, responses = what
    kind = integration["IntegrationType"]
    timeout_seconds = integration["TimeoutInMillis"] / 1000
    if kind in ("MOCK", "AWS", "HTTP"):
        body = _request_body(integration, event, variables)
        reply = await _run_mapped(ctx, connection, integration, event, body)
        return _map_reply(responses, reply, event, variables)
    uri = apply_stage_variables(integration["IntegrationUri"], variables)
    if kind == "AWS_PROXY":
        payload = await invoke_function(
            ctx, uri, event, source_arn(ctx, connection, event["requestContext"]["routeKey"]), timeout_seconds
        )
        return parse_outcome(payload)
    if kind == "HTTP_PROXY":
        return await _send_http(ctx, uri, integration, event, str(event.get("body", "")).encode())
    raise OutgoingError(f"there are no integrations of type {kind}")


async def _run_mapped(
    ctx: Context, connection: Connection, integration: dict[str, Any], event: dict[str, Any], body: bytes
) -> Outcome:
    """What the integration itself answers to a mapped request."""
    kind = integration["IntegrationType"]
    if kind == "MOCK":
        found = _STATUS.search(body.decode("utf-8", "replace"))
        if found is None:
            raise Malformed("the request template gives no statusCode")
        return Outcome(int(found[1]), {}, b"")
    uri = apply_stage_variables(integration["IntegrationUri"], event.get("stageVariables", {}))
    if kind == "HTTP":
        return await _send_http(ctx, uri, integration, event, body)
    arn = source_arn(ctx, connection, event["requestContext"]["routeKey"])
    return Outcome(200, {}, await invoke_function(ctx, uri, body, arn, integration["TimeoutInMillis"] / 1000))


def _request_body(integration: dict[str, Any], event: dict[str, Any], variables: dict[str, str]) -> bytes:
    """The template that the selection expression chooses, or the message itself."""
    body = str(event.get("body", ""))
    templates = integration.get("RequestTemplates") or {}
    chosen = _choose(templates, integration.get("TemplateSelectionExpression", ""), body.encode())
    if chosen is None:
        return body.encode()
    return _render(chosen, body, event, variables).encode()


def _map_reply(
    responses: dict[str, dict[str, Any]],
    reply: Outcome,
    event: dict[str, Any],
    variables: dict[str, str],
) -> Outcome:
    """The integration response whose key (/a pattern of the status/) fits, else $default, makes the answer."""
    response = responses.get(f"/{reply.status}/") or next(
        (one for key, one in responses.items() if _fits(key, str(reply.status))), responses.get("$default")
    )
    if response is None:
        return reply
    templates = response.get("ResponseTemplates") or {}
    chosen = _choose(templates, response.get("TemplateSelectionExpression", ""), reply.body)
    if chosen is None:
        return reply
    return Outcome(
        reply.status, reply.headers, _render(chosen, reply.body.decode("utf-8", "replace"), event, variables).encode()
    )


def _choose(templates: dict[str, str], expression: str, body: bytes) -> str | None:
    found = _EXPRESSION.fullmatch(expression)
    key = body_value(body, found[2]) or "" if found is not None and found[1] == "body" else expression.strip("\\")
    return templates.get(key, templates.get("$default"))


def _fits(key: str, status: str) -> bool:
    from mrak.lang.logregex import RegexError, compile_regex

    if not (key.startswith("/") and key.endswith("/")):
        return False
    try:
        return compile_regex(f"^(?:{key[1:-1]})$").search(status) is not None
    except RegexError:
        return False


def _render(template: str, body: str, event: dict[str, Any], variables: dict[str, str]) -> str:
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    parameters = {"path": {}, "querystring": event.get("queryStringParameters", {}), "header": headers}
    return render_template(template, body, parameters, event["requestContext"], variables)


def parse_outcome(payload: bytes) -> Outcome:
    """A function's answer; one without `statusCode` is a success without a body for the client."""
    try:
        answer = msgspec.json.decode(payload) if payload else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if not isinstance(answer, dict):
        raise Malformed("the answer is no object")
    headers = answer.get("headers") or {}
    if not isinstance(headers, dict):
        raise Malformed("headers is not an object")
    status = parse_status(answer["statusCode"]) if "statusCode" in answer else 200
    return Outcome(status, {name.lower(): as_text(value) for name, value in headers.items()}, parse_body(answer))


def source_arn(ctx: Context, connection: Connection, route_key: str) -> str:
    scope = ctx.scope
    start = f"arn:{scope.partition}:execute-api:{scope.region}:{scope.account}:{connection.api_id}"
    return f"{start}/{connection.stage}/{route_key}"


async def _send_http(
    ctx: Context, uri: str, integration: dict[str, Any], event: dict[str, Any], body: bytes
) -> Outcome:
    """A request with the message, or what a template made of it, and the headers that parameters name."""
    headers = [("content-type", "application/json")]
    for target, source in integration.get("RequestParameters", {}).items():
        name = target.removeprefix("integration.request.header.")
        value = _parameter(source, event)
        if name != target and value is not None:
            headers.append((name, value))
    sender: HttpSender = ctx.part("http")
    timeout_seconds = integration["TimeoutInMillis"] / 1000
    reply = await sender.send(integration.get("IntegrationMethod", "POST"), uri, headers, body, timeout_seconds)
    return Outcome(reply.status, dict(reply.headers), reply.body)


def _parameter(source: str, event: dict[str, Any]) -> str | None:
    """`context.connectionId`, `route.request.body.x`, `stageVariables.x` or 'a constant'."""
    if source.startswith("'"):
        return source.strip("'")
    start, _, name = source.partition(".")
    if start == "context":
        return body_value(msgspec.json.encode(event["requestContext"]), name)
    if start == "stageVariables":
        found: str | None = event.get("stageVariables", {}).get(name)
        return found
    if source.startswith("route.request.body"):
        return body_value(str(event.get("body", "")).encode(), source.removeprefix("route.request.body").lstrip("."))
    return None
