"""What the gateway says of an execution: TestInvokeMethod's log, and a stage's execution logs in CloudWatch Logs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

import hashlib

from mrak.core.context import Transaction
from mrak.core.http import Response
from mrak.services.apigateway.plane.call import Call, title
from mrak.services.apigateway.plane.failures import GatewayFailure
from mrak.services.logs.exports import append


async def write(call: Call, response: Response, failure: GatewayFailure | None) -> None:
    """Logs the execution where the stage's settings for the method want it: all of them, or those that failed."""
    name = f"{call.resource.get('path', '').lstrip('/')}/{call.method.get('httpMethod', '')}"
    settings = call.method_settings.get(name) or call.method_settings.get("*/*") or {}
    level = settings.get("loggingLevel", "OFF")
    if not call.method or level == "OFF" or (level == "ERROR" and failure is None):
        return
    told = _checked(call) + lines(call, response, failure, traced=settings.get("dataTraceEnabled", False))
    if level == "ERROR":
        told = [line for line in told if line.startswith(("Gateway response", "Method completed"))]
    at_ms, request_id = int(call.ctx.clock() * 1000), call.ctx.request_id
    group = f"API-Gateway-Execution-Logs_{call.api_id}/{call.stage}"
    stream = hashlib.md5(f"{call.api_id}/{call.stage}".encode(), usedforsecurity=False).hexdigest()
    events = [(at_ms, f"({request_id}) {line}") for line in told]

    def put(tx: Transaction) -> None:
        append(call.ctx, tx, call.ctx.scope, group, stream, events)

    await call.ctx.transact(put)


def _checked(call: Call) -> list[str]:
    """What was found about keys. The key itself is not shown."""
    stage, request_id = f"{call.api_id}/{call.stage}", call.ctx.request_id
    key = "" if call.api_key is None else f"{'*' * 6}{call.api_key[1][-6:]}"
    told = [
        f"Extended Request Id: {call.extended_id}",
        f"Verifying Usage Plan for request: {request_id}. API Key: {key} API Stage: {stage}",
    ]
    if not call.method.get("apiKeyRequired"):
        method = f"{call.method.get('httpMethod', '')} {call.resource['path']}"
        told.append(
            f"API Key  authorized because method '{method}' does not require API Key. "
            "Request will not contribute to throttle or quota limits"
        )
    return [*told, f"Usage Plan check succeeded for API Key {key} and API Stage {stage}"]


def lines(call: Call, response: Response, failure: GatewayFailure | None = None, *, traced: bool = True) -> list[str]:
    """As AWS words it; with `traced` what was asked and answered as well."""
    told = [
        f"Starting execution for request: {call.ctx.request_id}",
        f"HTTP Method: {call.request.method}, Resource Path: {call.path}",
    ]
    headers = _java({title(name): value for name, value in response.headers})
    body = response.body.decode("utf-8", "replace") if isinstance(response.body, bytes) else ""
    if traced:
        query = {name: values[-1] for name, values in call.query.items()}
        told += [
            f"Method request path: {_java(call.path_parameters)}",
            f"Method request query string: {_java(query)}",
            f"Method request headers: {_java(call.request.headers)}",
            f"Method request body before transformations: {(call.request.body or b'').decode('utf-8', 'replace')}",
        ]
    if failure is not None:
        told.append(f"Gateway response type: {failure.kind} with status code: {response.status}")
        told += [f"Gateway response body: {body}", f"Gateway response headers: {headers}"] if traced else []
        return told
    if traced:
        told += [f"Method response body after transformations: {body}", f"Method response headers: {headers}"]
    return [*told, "Successfully completed execution", f"Method completed with status: {response.status}"]


def _java(pairs: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in pairs.items()) + "}"
