"""Lambda functions, called as API Gateway: the function's own policy decides whether it may."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.arn import find_arn
from mrak.core.context import Context
from mrak.core.errors import ApiError, NotBuilt
from mrak.services.apigatewayv2 import rules
from mrak.services.apigatewayv2.plane.principals import role_session
from mrak.services.lambda_ import exports as functions


class FunctionFailed(Exception):
    """It was not found, may not be called, or failed; the message is the function's own where it has one, and
    `payload` what it returned."""

    def __init__(self, message: str, payload: bytes | None = None) -> None:
        super().__init__(message)
        self.payload = payload


class FunctionTimedOut(FunctionFailed):
    """It did not answer in the integration's time."""


async def invoke_function(
    ctx: Context,
    uri: str,
    event: dict[str, Any] | bytes,
    caller_arn: str,
    timeout_seconds: float,
    kind: str = "RequestResponse",
) -> bytes:
    """The function's answer to an event; nothing where `kind` is Event. `caller_arn` is the part of the API that calls,
    which the function's policy must let in, or the role that the API takes for it."""
    function_arn = rules.find_function_arn(uri)
    parsed = None if function_arn is None else find_arn(function_arn)
    if parsed is None:
        raise FunctionFailed(f"{uri} names no function")
    principal = service_principal("apigateway.amazonaws.com", ctx.scope.account, caller_arn)
    if caller_arn.split(":")[2] == "iam":
        principal = await role_session(ctx, caller_arn)
    limit = None if functions.is_debugged(ctx, str(parsed)) else timeout_seconds
    payload = event if isinstance(event, bytes) else msgspec.json.encode(event)
    try:
        async with asyncio.timeout(limit):
            answer = await ctx.call(
                "lambda",
                "Invoke",
                {"FunctionName": function_arn, "Payload": payload, "InvocationType": kind},
                scope=parsed.scope_in(ctx.scope.environment),
                principal=principal,
            )
    except TimeoutError:
        raise FunctionTimedOut(f"{function_arn} did not answer in {timeout_seconds:g} seconds") from None
    except NotBuilt:
        raise
    except ApiError as error:
        raise FunctionFailed(str(error)) from None
    returned: bytes = answer.get("Payload", b"")
    if answer.get("FunctionError"):
        raise FunctionFailed(_error_message(returned), returned)
    return returned


def _error_message(payload: bytes) -> str:
    try:
        decoded = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return ""
    return str(decoded.get("errorMessage", "")) if isinstance(decoded, dict) else ""
