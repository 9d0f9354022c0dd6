"""AWS services as integrations of HTTP APIs (IntegrationSubtype), called with the role that the integration names.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from mrak.core.errors import ApiError
from mrak.core.http import Response
from mrak.services.apigatewayv2 import rules
from mrak.services.apigatewayv2.plane.call import Call, message
from mrak.services.apigatewayv2.plane.mapping import resolve
from mrak.services.apigatewayv2.plane.principals import role_session

_LOWER_FIRST = ("stepfunctions",)
# Parameters that are no text in the service's model.
_JSON = frozenset(
    {"MessageAttributes", "MessageSystemAttributes", "AttributeNames", "MessageAttributeNames", "Resources"}
)
_NUMBERS = frozenset({"DelaySeconds", "MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds"})


async def call_service(call: Call, integration: dict[str, Any]) -> Response:
    """The service's answer as JSON; its own status where it refuses."""
    service, operation = rules.SUBTYPES[integration["IntegrationSubtype"]]
    values = {name: resolve(value, call) for name, value in integration.get("RequestParameters", {}).items()}
    region = values.pop("Region", None) or call.ctx.scope.region
    try:
        params = _params(service, {name: value for name, value in values.items() if value is not None})
        async with asyncio.timeout(integration["TimeoutInMillis"] / 1000):
            answer = await call.ctx.call(
                service,
                operation,
                params,
                scope=call.ctx.scope.in_region(region),
                principal=await role_session(call.ctx, integration.get("CredentialsArn", "")),
            )
    except TimeoutError:
        return message(503, "Service Unavailable")
    except (msgspec.DecodeError, RecursionError):
        return message(400, "Bad Request")
    except ApiError as error:
        return message(error.status, error.message)
    return Response(200, [("content-type", "application/json")], render_answer(answer))


def render_answer(answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode(answer)


def _params(service: str, values: dict[str, str]) -> dict[str, Any]:
    if service == "events":
        return {"Entries": [{name: _typed(name, value) for name, value in values.items()}]}
    if service == "kinesis":
        return {name: value.encode() if name == "Data" else value for name, value in values.items()}
    if service in _LOWER_FIRST:
        return {name[:1].lower() + name[1:]: value for name, value in values.items()}
    return {name: _typed(name, value) for name, value in values.items()}


def _typed(name: str, value: str) -> Any:
    if name in _NUMBERS:
        return msgspec.json.decode(value, type=int)
    return msgspec.json.decode(value) if name in _JSON else value
