"""Tasks that invoke functions: by the function's ARN as resource, or by `lambda:invoke`.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.principals import Principal
from mrak.core.arn import find_arn
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.lang.asl import failures
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.scope import render
from mrak.services.stepfunctions import casing, services

_UNKNOWN = "Lambda.Unknown"
_UNKNOWN_CAUSE = (
    "The cause could not be determined because Lambda did not return an error type. Returned payload: {payload}"
)


async def invoke_by_arn(ctx: Context, function_arn: str, parameters: str, role: Principal) -> str:
    """The function's answer as it came: JSON."""
    found = find_arn(function_arn)
    assert found is not None
    try:
        output = await ctx.call(
            "lambda",
            "Invoke",
            {"FunctionName": function_arn, "Payload": parameters.encode()},
            scope=found.scope_in(ctx.scope.environment),
            principal=role,
        )
    except ApiError as error:
        raise StateFailed(*services.optimised_error("lambda", error, ctx.request_id)) from None
    payload = output.get("Payload", b"")
    if "FunctionError" in output:
        raise _function_failed(payload, compact=False)
    return payload.decode(errors="replace") or "null"


async def invoke(ctx: Context, params: Any, scope: Scope, role: Principal) -> tuple[dict[str, Any], int]:
    """Invoke's output with the payload as JSON, and how many bytes that payload was."""
    shape = casing.find_shape("lambda", "Invoke", "input")
    assert shape is not None
    if not isinstance(params, dict) or "FunctionName" not in params:
        raise StateFailed(failures.RUNTIME, "The field 'FunctionName' is required but was missing")
    payload = params.get("Payload")
    rest = casing.to_input(shape, {name: value for name, value in params.items() if name != "Payload"})
    try:
        output = await ctx.call("lambda", "Invoke", {**rest, "Payload": _encode(payload)}, scope=scope, principal=role)
    except ApiError as error:
        raise StateFailed(*services.optimised_error("lambda", error, ctx.request_id)) from None
    answer = output.get("Payload", b"")
    if "FunctionError" in output:
        raise _function_failed(answer, compact=True)
    made: dict[str, Any] = {}
    if "ExecutedVersion" in output:
        made["ExecutedVersion"] = output["ExecutedVersion"]
    made["Payload"] = _decode(answer) if answer else {}
    return made | {"StatusCode": output["StatusCode"]}, len(answer)


def _encode(payload: Any) -> bytes:
    """What a function gets: a text that is JSON goes as it is, and not as a JSON string; null is no payload."""
    if isinstance(payload, str):
        try:
            msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError):
            return render(payload).encode()
        return payload.encode()
    return render({} if payload is None else payload).encode()


def _decode(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload.decode(errors="replace")


def _function_failed(payload: bytes, compact: bool) -> StateFailed:
    """A function's own error: its type is the error, its answer the cause. AWS writes the cause anew for
    `lambda:invoke` and hands it on as it came for a function's ARN."""
    text = payload.decode(errors="replace")
    answer = _decode(payload)
    if not isinstance(answer, dict) or not answer.get("errorType"):
        return StateFailed(_UNKNOWN, _UNKNOWN_CAUSE.format(payload=text))
    return StateFailed(str(answer["errorType"]), render(answer) if compact else text)
