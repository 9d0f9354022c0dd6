"""Parameter mappings and templates: from the method's request to the integration's, and from its response back.

https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import msgspec

from mrak.core.http import Reply
from mrak.lang import vtl
from mrak.services.apigateway.plane.call import Call, template_context
from mrak.services.apigateway.plane.failures import internal_error
from mrak.services.apigatewayv2 import exports
from mrak.services.apigatewayv2.exports import body_value


def parameter_value(call: Call, source: str, reply: Reply | None = None) -> str | None:
    """The value of a mapping's source: 'a constant', method.request..., integration.response..., context..."""
    if source.startswith("'") and source.endswith("'") and len(source) > 1:
        return source[1:-1]
    start, _, name = source.partition(".")
    if start == "context":
        return body_value(msgspec.json.encode(template_context(call)), name)
    if start == "stageVariables":
        return call.variables.get(name)
    if source.startswith("method.request."):
        return _from_request(call, source.removeprefix("method.request."))
    if source.startswith("integration.response.") and reply is not None:
        return _from_response(reply, source.removeprefix("integration.response."))
    return None


def _from_request(call: Call, what: str) -> str | None:
    part, _, name = what.partition(".")
    headers = call.request.headers
    if part in ("header", "multivalueheader"):
        return headers.get(name.lower())
    if part in ("querystring", "multivaluequerystring"):
        values = call.query.get(name)
        return None if values is None else values[-1] if part == "querystring" else ",".join(values)
    if part == "path":
        return call.path_parameters.get(name)
    if part == "body":
        return body_value(call.request.body or b"", name)
    return None


def _from_response(reply: Reply, what: str) -> str | None:
    part, _, name = what.partition(".")
    if part in ("header", "multivalueheader"):
        values = [value for key, value in reply.headers if key == name.lower()]
        return ",".join(values) if values else None
    if part == "body":
        return body_value(reply.body, name)
    return None


def request_parameters(call: Call) -> dict[str, dict[str, str]]:
    """`integration.request.*` parameters by where they go: header, querystring, path."""
    mapped: dict[str, dict[str, str]] = {"header": {}, "querystring": {}, "path": {}}
    for target, source in call.integration.get("requestParameters", {}).items():
        where, _, name = target.removeprefix("integration.request.").partition(".")
        value = parameter_value(call, source)
        if where in mapped and value is not None:
            mapped[where][name] = value
    return mapped


def apply_overrides(call: Call, mapped: dict[str, dict[str, str]]) -> None:
    """What a request template set in $context.requestOverride."""
    for where, values in call.request_override.items():
        if where in mapped and isinstance(values, dict):
            mapped[where] |= {name: vtl.as_text(value) for name, value in values.items()}


def choose_template(templates: dict[str, str], content_type: str) -> str | None:
    return templates.get(content_type.partition(";")[0].strip().lower() or "application/json")


def render_template(call: Call, text: str, body: str) -> str:
    """A template's text; one that fails is the API's own fault."""
    parameters = {
        "path": call.path_parameters,
        "querystring": {name: values[-1] for name, values in call.query.items()},
        "header": call.request.headers,
    }
    try:
        return exports.render_template(text, body, parameters, template_context(call), call.variables)
    except exports.TemplateFailed:
        raise internal_error() from None
