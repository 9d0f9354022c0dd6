"""One batch's way through a pipe: transform, enrich, transform, hand to the target.

Functions and state machines get a batch as a JSON array; other targets get its records one by one. What fails is not
acknowledged: the source gives it again.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

from mrak.core.arn import Arn, find_arn
from mrak.core.background import Undeliverable
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.lang import inputtransform, jsonpath
from mrak.lang.inputtransform import InputTransformError
from mrak.services.events import exports as events
from mrak.services.pipes.tables import Pipe
from mrak.services.sqs import exports as sqs

_SYNCHRONOUS = "REQUEST_RESPONSE"

Record = dict[str, Any]


class FlowError(Exception):
    """Enrichment or target refused the batch."""


FAILURES = (ApiError, FlowError, Undeliverable, InputTransformError)
"""What `Flow.send` raises where a batch has to be tried again."""


class Flow:
    def __init__(self, ctx: Context, pipe: Pipe, pipe_arn: str) -> None:
        self._ctx = ctx
        self._pipe = pipe
        self._arn = pipe_arn
        target = find_arn(pipe.settings["Target"])
        assert target is not None, pipe.settings["Target"]
        self._target: Arn = target
        self._parameters: dict[str, Any] = pipe.settings.get("TargetParameters") or {}

    def in_trace(self, trace: str) -> Flow:
        """The same way for a batch that goes on with the trace of its cause."""
        return Flow(self._ctx.in_trace(trace), self._pipe, self._arn)

    async def send(self, records: list[Record]) -> list[str]:
        """Hands the batch on; the ids of those that the target reports as failed. Raises where all of it failed."""
        items: list[Any] = list(records)
        if self._pipe.settings.get("Enrichment"):
            items = await self._enrich(items)
        template, originals = self._parameters.get("InputTemplate"), items
        items = [self._transform(item, template) for item in items]
        if not items:
            return []
        if self._target.service in ("lambda", "states"):
            return await self._send_batch(items)
        for number, (item, original) in enumerate(zip(items, originals, strict=True)):
            await self._send_one(item, original, number)
        return []

    def _transform(self, item: Any, template: str | None) -> Any:
        if not template:
            return item
        settings = self._pipe.settings
        reserved = {
            "aws.pipes.pipe-arn": self._arn,
            "aws.pipes.pipe-name": self._pipe.name,
            "aws.pipes.source-arn": settings["Source"],
            "aws.pipes.enrichment-arn": settings.get("Enrichment", ""),
            "aws.pipes.target-arn": settings["Target"],
            "aws.pipes.event": item,
            "aws.pipes.event.json": item,
        }
        return _parse(inputtransform.transform_paths(_with_parsed_body(item), template, reserved))

    async def _enrich(self, items: list[Any]) -> list[Any]:
        """What the enrichment makes of the batch; nothing goes on where it answers with nothing."""
        template = (self._pipe.settings.get("EnrichmentParameters") or {}).get("InputTemplate")
        given = json.dumps([self._transform(item, template) for item in items])
        found = find_arn(self._pipe.settings["Enrichment"])
        assert found is not None
        answer = await self._invoke(found, given) if found.service == "lambda" else await self._execute(found, given)
        if answer in (None, "", {}):
            return []
        return answer if isinstance(answer, list) else [answer]

    async def _invoke(self, found: Arn, text: str) -> Any:
        scope = found.scope_in(self._ctx.scope.environment)
        params = {"FunctionName": str(found), "Payload": text.encode()}
        answer = await self._ctx.call("lambda", "Invoke", params, scope=scope)
        if answer.get("FunctionError"):
            raise FlowError(f"{found} failed: {answer['FunctionError']}")
        return _parse((answer.get("Payload") or b"null").decode())

    async def _execute(self, found: Arn, text: str) -> Any:
        scope = found.scope_in(self._ctx.scope.environment)
        params = {"stateMachineArn": str(found), "input": text}
        answer = await self._ctx.call("stepfunctions", "StartSyncExecution", params, scope=scope)
        if answer["status"] != "SUCCEEDED":
            raise FlowError(f"{found} ended with {answer['status']}")
        return _parse(answer.get("output") or "null")

    async def _send_batch(self, items: list[Any]) -> list[str]:
        text = json.dumps(items)
        kind = "LambdaFunctionParameters" if self._target.service == "lambda" else "StepFunctionStateMachineParameters"
        how = (self._parameters.get(kind) or {}).get("InvocationType")
        if self._target.service == "lambda" and how in (None, _SYNCHRONOUS):
            return _failed_ids(await self._invoke(self._target, text))
        if self._target.service == "states" and how == _SYNCHRONOUS:
            return _failed_ids(await self._execute(self._target, text))
        await events.call_target(self._ctx, str(self._target), text, self._ctx.draw.uuid())
        return []

    async def _send_one(self, item: Any, original: Any, number: int) -> None:
        text = item if isinstance(item, str) else inputtransform.compact(item)
        ctx, scope = self._ctx, self._target.scope_in(self._ctx.scope.environment)
        if self._target.service == "sqs":
            message = {"MessageBody": text, **(self._parameters.get("SqsQueueParameters") or {})}
            params = {"QueueUrl": sqs.queue_url(ctx, str(self._target)), **message}
            await ctx.call("sqs", "SendMessage", params, scope=scope)
        elif self._target.service == "sns":
            await ctx.call("sns", "Publish", {"TopicArn": str(self._target), "Message": text}, scope=scope)
        elif self._target.service == "events" and self._target.resource.startswith("event-bus/"):
            await self._put_event(text)
        else:
            key = (self._parameters.get("KinesisStreamParameters") or {}).get("PartitionKey", "")
            how = events.How(self._parameters.get("HttpParameters") or {}, _resolve(key, original))
            await events.call_target(ctx, str(self._target), text, f"{ctx.draw.uuid()}-{number}", how)

    async def _put_event(self, text: str) -> None:
        given = self._parameters.get("EventBridgeEventBusParameters") or {}
        source = find_arn(self._pipe.settings["Source"])
        assert source is not None
        entry = {
            "Source": given.get("Source", f"Pipe {self._pipe.name}"),
            "DetailType": given.get("DetailType", f"Event from aws:{source.service}"),
            "Detail": text,
            "Resources": given.get("Resources", []),
            "EventBusName": str(self._target),
        }
        answer = await self._ctx.call("events", "PutEvents", {"Entries": [entry]})
        if answer.get("FailedEntryCount"):
            raise FlowError(str(answer["Entries"][0].get("ErrorMessage")))


def _parse(text: str) -> Any:
    """JSON, or the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _with_parsed_body(item: Any) -> Any:
    """Pipes read a queue message's body, or a stream record's data, as JSON where a template looks into it."""
    if isinstance(item, dict) and isinstance(item.get("body"), str):
        return {**item, "body": _parse(item["body"])}
    if isinstance(item, dict) and "kinesisSchemaVersion" in item:
        return {**item, "data": _parse(base64.b64decode(item["data"]).decode(errors="replace"))}
    return item


def _resolve(parameter: str, item: Any) -> str:
    """A parameter's value: what a path leads to in the event, or the text itself."""
    if not parameter.startswith("$."):
        return parameter
    found = jsonpath.find_first(parameter, _with_parsed_body(item))
    return found if isinstance(found, str) else inputtransform.compact(found)


def _failed_ids(answer: Any) -> list[str]:
    """A partial batch response: the ids that the target could not handle."""
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    return [str(failure.get("itemIdentifier")) for failure in failures or [] if isinstance(failure, dict)]
