"""The gateway's own answers: each kind has a status and message, which gateway responses can change.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import msgspec

from mrak.core.http import Response
from mrak.services.apigateway.operations.responses import render
from mrak.services.apigateway.plane.call import Call

_TYPES = {
    "ACCESS_DENIED": "AccessDeniedException",
    "API_CONFIGURATION_ERROR": "InternalServerErrorException",
    "AUTHORIZER_CONFIGURATION_ERROR": "AuthorizerConfigurationException",
    "AUTHORIZER_FAILURE": "AuthorizerConfigurationException",
    "BAD_REQUEST_BODY": "BadRequestException",
    "BAD_REQUEST_PARAMETERS": "BadRequestException",
    "INTEGRATION_FAILURE": "InternalServerErrorException",
    "INTEGRATION_TIMEOUT": "InternalServerErrorException",
    "INVALID_API_KEY": "ForbiddenException",
    "MISSING_AUTHENTICATION_TOKEN": "MissingAuthenticationTokenException",
    "QUOTA_EXCEEDED": "LimitExceededException",
    "REQUEST_TOO_LARGE": "RequestTooLargeException",
    "THROTTLED": "TooManyRequestsException",
    "UNAUTHORIZED": "UnauthorizedException",
    "UNSUPPORTED_MEDIA_TYPE": "UnsupportedMediaTypeException",
}


class GatewayFailure(Exception):
    """A request ends with the gateway's own answer. `status` is the kind's unless the failure has one of its own."""

    def __init__(self, kind: str, message: str | None, status: int | None = None) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.status = status


def missing_token() -> GatewayFailure:
    return GatewayFailure("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")


def internal_error(status: int | None = None) -> GatewayFailure:
    """What is wrong with the API's own definition or its integration's answer is not for the caller."""
    return GatewayFailure("API_CONFIGURATION_ERROR", "Internal server error", status)


def answer(call: Call, failure: GatewayFailure) -> Response:
    """The answer to the caller, as the API's gateway responses have it."""
    from mrak.services.apigateway.plane.mapping import parameter_value, render_template

    shown = render(failure.kind, call.release.responses)
    text = msgspec.json.encode(failure.message).decode()
    call.error = {
        "message": failure.message or "",
        "messageString": text,
        "responseType": failure.kind,
        "validationErrorString": failure.message or "",
    }
    is_set = not shown["defaultResponse"] or "statusCode" in call.release.responses.get("DEFAULT_5XX", {})
    status = failure.status if failure.status is not None and not is_set else int(shown.get("statusCode", "500"))
    headers = [("content-type", "application/json"), ("x-amzn-errortype", _TYPES.get(failure.kind, failure.kind))]
    kind, template = _template(call, shown["responseTemplates"])
    body = render_template(call, template, "").encode()
    headers[0] = ("content-type", kind)
    for target, source in shown["responseParameters"].items():
        value = parameter_value(call, source)
        if value is not None:
            headers.append((target.removeprefix("gatewayresponse.header.").lower(), value))
    return Response(status, headers, body)


def _template(call: Call, templates: dict[str, str]) -> tuple[str, str]:
    accepted = call.request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip()
    kind = accepted if accepted in templates else "application/json"
    if kind not in templates:
        kind = next(iter(templates))
    return kind, templates[kind]


def plain(status: int, text: str, kind: str) -> Response:
    """An answer before it is known which API it is for."""
    headers = [("content-type", "application/json"), ("x-amzn-errortype", kind)]
    return Response(status, headers, msgspec.json.encode({"message": text}))
