"""Invoke and its kin. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.functions import Outcome, ResponseStream
from mrak.core.operation import operation
from mrak.services.lambda_ import durable_runs, errors, invocation
from mrak.services.lambda_.durable_rendering import execution_arn
from mrak.services.lambda_.exports import event_delivery
from mrak.services.lambda_.payloads import describe_bad_json
from mrak.services.lambda_.references import Reference, parse_reference

_SYNC_LIMIT_BYTES = 6 * 1024 * 1024
_EVENT_LIMIT_BYTES = 1024 * 1024


@operation("Invoke")
async def invoke(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    payload: bytes = req.get("Payload", b"")
    kind = req.get("InvocationType", "RequestResponse")
    name = req.get("DurableExecutionName", "")
    if kind == "Event":
        return await _invoke_later(ctx, ref, payload, req, name)
    target = await ctx.transact(lambda tx: invocation.admit(ctx, tx, ref))
    tenant = req.get("TenantId", "")
    invocation.check_tenant(target, tenant)
    check_payload(payload, _SYNC_LIMIT_BYTES)
    if kind == "DryRun":
        return {"StatusCode": 204}
    if durable_runs.is_durable(target):
        return await durable_runs.invoke(ctx, target, payload, name or ctx.request_id)
    context = _decode_context(req.get("ClientContext", ""))
    wants_log = req.get("LogType") == "Tail"
    outcome = await invocation.run(ctx, target, payload, client_context=context, log_tail=wants_log, tenant=tenant)
    if outcome.throttled:
        raise invocation.throttled_error(outcome)
    result = invocation.render_result(outcome)
    if wants_log:
        result["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    return result


def check_payload(payload: bytes, limit_bytes: int) -> None:
    """AWS parses the event itself, and refuses what is no JSON."""
    if len(payload) > limit_bytes:
        if limit_bytes == _EVENT_LIMIT_BYTES:
            raise errors.event_too_large(len(payload), limit_bytes)
        raise errors.request_too_large(limit_bytes, "InvokeFunction")
    if payload:
        try:
            msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            reason = f"Could not parse payload into json: {describe_bad_json(payload)}"
            raise errors.invalid_json(reason) from None


def _decode_context(text: str) -> str:
    """ClientContext travels as base64 of JSON; functions get the JSON."""
    if not text:
        return ""
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        raise errors.invalid_json("Client context must be a valid Base64-encoded JSON object.") from None


async def _invoke_later(
    ctx: Context, ref: Reference, payload: bytes, req: dict[str, Any], name: str = ""
) -> dict[str, Any]:
    """A client context is not looked at (recorded)."""
    tenant = req.get("TenantId", "")
    check_payload(payload, _EVENT_LIMIT_BYTES)

    def accept(tx: Transaction) -> dict[str, Any]:
        target = invocation.admit(ctx, tx, ref)
        invocation.check_tenant(target, tenant)
        if durable_runs.is_durable(target):
            execution = durable_runs.begin(ctx, tx, target, payload, name or ctx.request_id)
            return {"DurableExecutionArn": execution_arn(ref.scope, execution)}
        tx.enqueue(event_delivery(ctx, ref.arn, payload, request_id=ctx.request_id, tenant=tenant))
        return {}

    return {"StatusCode": 202, "Payload": b""} | await ctx.transact(accept)


@operation("InvokeAsync")
async def invoke_async(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    body = req.get("InvokeArgs", b"")
    payload = body if isinstance(body, bytes) else await body.read()
    await _invoke_later(ctx, ref, payload, {})
    return {"Status": 202}


@operation("InvokeWithResponseStream")
async def invoke_with_response_stream(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """The InvocationType is not looked at (recorded)."""
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    payload: bytes = req.get("Payload", b"")
    target = await ctx.transact(lambda tx: invocation.admit(ctx, tx, ref))
    if durable_runs.is_durable(target):
        raise errors.invalid("Durable functions do not stream their responses.")
    tenant = req.get("TenantId", "")
    invocation.check_tenant(target, tenant)
    check_payload(payload, _SYNC_LIMIT_BYTES)
    context = _decode_context(req.get("ClientContext", ""))
    wants_log = req.get("LogType") == "Tail"
    stream, running = await invocation.begin_stream(
        ctx, target, payload, client_context=context, log_tail=wants_log, tenant=tenant
    )
    if running.done() and running.result().throttled:
        raise invocation.throttled_error(running.result())
    return {
        "StatusCode": 200,
        "ExecutedVersion": target.version.label,
        "ResponseStreamContentType": "application/vnd.amazon.eventstream",
        "EventStream": _events(stream, running, wants_log),
    }


async def _events(
    stream: ResponseStream, running: asyncio.Future[Outcome], wants_log: bool
) -> AsyncIterator[dict[str, Any]]:
    """Chunks as they come; a function that does not stream makes one chunk, also of its error; then how it ended."""
    async for chunk in stream:
        yield {"PayloadChunk": {"Payload": chunk}}
    outcome = await running
    complete: dict[str, Any] = {}
    if outcome.function_error and not outcome.is_told:
        details = outcome.payload.decode("utf-8", "replace")
        complete = {"ErrorCode": outcome.function_error, "ErrorDetails": details}
    elif outcome.payload:
        yield {"PayloadChunk": {"Payload": outcome.payload}}
    if wants_log:
        complete["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    yield {"InvokeComplete": complete}
