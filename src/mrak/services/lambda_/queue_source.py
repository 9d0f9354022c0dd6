"""Queues as event sources: take batches, invoke, delete what succeeded.

What failed is left alone: it becomes visible again after the queue's time-out and ends in the queue's dead-letter
queue. A FIFO queue gives no message of a group while another of it is in flight, so a group has one batch at a time,
and what failed holds up its group. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.lineage import FIELD, depth_of, find_lineage
from mrak.core.scope import Scope
from mrak.core.traces import common_trace
from mrak.services.lambda_.exports import is_debugged
from mrak.services.lambda_.filters import Criteria
from mrak.services.lambda_.mapping_metrics import EventCounts
from mrak.services.lambda_.references import function_arn
from mrak.services.lambda_.tables import Mapping
from mrak.services.sqs import exports as sqs

_POLL_SECONDS = 20
_BATCH_AT_ONCE = 10
_DEFAULT_CONCURRENCY = 10
_EVENT_BYTES = 6 * 1024 * 1024
_FINISH_SECONDS = 20.0
_LONGEST_VISIBILITY_SECONDS = 43_200
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0

log = logging.getLogger("mrak.services.lambda_")

Message = dict[str, Any]


class QueueSource:
    """One mapping's way from its queue to its function."""

    def __init__(self, ctx: Context, mapping: Mapping) -> None:
        parsed = find_arn(mapping.source_arn)
        assert parsed is not None
        self._ctx = ctx
        self._arn = mapping.source_arn
        self._scope: Scope = parsed.scope_in(ctx.scope.environment)
        self._url = sqs.queue_url(ctx, mapping.source_arn)
        self._function = function_arn(ctx.scope, mapping.function, mapping.qualifier)
        self._settings = mapping.settings
        self._criteria = Criteria(mapping.settings.get("FilterCriteria") or {}, "body")
        scaling = mapping.settings.get("ScalingConfig") or {}
        self._free = asyncio.Semaphore(scaling.get("MaximumConcurrency", _DEFAULT_CONCURRENCY))
        self._reports_failures = "ReportBatchItemFailures" in mapping.settings["FunctionResponseTypes"]
        self._counts = EventCounts(ctx, mapping)

    async def run(self) -> None:
        """Until it is cancelled: then it takes no more, and batches under way may finish, as AWS lets them."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                await self._free.acquire()
                batch = await self._collect()
                task = asyncio.create_task(self._process(batch))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                task.add_done_callback(_tell_failure)
        finally:
            if under_way:
                await asyncio.wait(under_way, timeout=_FINISH_SECONDS)
            for task in under_way:
                task.cancel()

    async def _collect(self) -> list[Message]:
        """A batch: as many messages as are there, or as come within the window, up to its size."""
        size = self._settings["BatchSize"]
        window = self._settings["MaximumBatchingWindowInSeconds"]
        batch: list[Message] = []
        until: float | None = None
        while True:
            wait = _POLL_SECONDS if until is None else until - self._ctx.clock()
            batch += await self._receive(min(size - len(batch), _BATCH_AT_ONCE), max(0, min(_POLL_SECONDS, int(wait))))
            now = self._ctx.clock()
            if batch and until is None:
                until = now + window
            if batch and (len(batch) >= size or until is None or now >= until):
                return batch
            if until is not None and until - now < 1:
                await self._ctx.sleep_until(until)

    async def _receive(self, most: int, wait_seconds: int) -> list[Message]:
        """Messages that pass the filters; the others are deleted, as AWS does."""
        params = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": most,
            "WaitTimeSeconds": wait_seconds,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        answer = await self._ctx.call("sqs", "ReceiveMessage", params, scope=self._scope)
        taken: list[Message] = []
        dropped: list[Message] = []
        for message in answer.get("Messages", []):
            (taken if self._criteria.passes(self._render(message)) else dropped).append(message)
        self._counts.add("PolledEventCount", len(taken) + len(dropped))
        self._counts.add("FilteredOutEventCount", len(dropped))
        await self._delete(self._ctx, dropped)
        return taken

    async def _process(self, batch: list[Message]) -> None:
        try:
            stopped: set[str] = set()
            for part in self._split(batch):
                to_do = [message for message in part if _group(message) not in stopped]
                ctx = self._ctx.in_trace(_trace_of(to_do))
                done = await self._invoke(ctx, to_do) if to_do else []
                await self._delete(ctx, done)
                self._counts.add("DeletedEventCount", len(done))
                self._counts.add("FailedInvokeEventCount", len(to_do) - len(done))
                if is_debugged(self._ctx, self._function):
                    await self._hold([message for message in to_do if message not in done], 0)
                stopped |= {_group(message) for message in to_do if message not in done} - {""}
            await self._counts.write()
        finally:
            self._free.release()

    def _split(self, batch: list[Message]) -> list[list[Message]]:
        """An event is at most 6 MB: a batch of large messages becomes several."""
        parts: list[list[Message]] = [[]]
        size = 0
        for message in batch:
            message_bytes = len(json.dumps(self._render(message)).encode())
            if parts[-1] and size + message_bytes > _EVENT_BYTES:
                parts.append([])
                size = 0
            parts[-1].append(message)
            size += message_bytes
        return parts

    async def _invoke(self, ctx: Context, batch: list[Message]) -> list[Message]:
        """The messages of the batch that are done."""
        payload = json.dumps({"Records": [self._render(message) for message in batch]}, ensure_ascii=False).encode()
        if is_debugged(self._ctx, self._function):
            await self._hold(batch, _LONGEST_VISIBILITY_SECONDS)
        asked = {"FunctionName": self._function, "Payload": payload}
        pause = _FIRST_PAUSE_SECONDS
        until = 0.0
        while True:
            try:
                answer = await ctx.call("lambda", "Invoke", asked)
                break
            except ApiError as error:
                if error.code == "RecursiveInvocationException":
                    return await self._drop_looping(batch)
                if error.code != "TooManyRequestsException":
                    await asyncio.sleep(pause)  # the function is gone or refuses: do not spin
                    return []
                # Throttled: the messages stay ours until their time-out, so that it counts as one receive; no longer,
                # since others may have them then.
                until = until or self._ctx.clock() + await self._visibility_seconds() / 2
                if self._ctx.clock() + pause > until:
                    return []
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        self._counts.add("InvokedEventCount", len(batch))
        if answer.get("FunctionError"):
            return []
        if not self._reports_failures:
            return batch
        return succeeded(batch, answer.get("Payload", b""))

    async def _drop_looping(self, batch: list[Message]) -> list[Message]:
        """Messages of a loop go to the queue's dead-letter queue, by being received too often, or are dropped."""
        wanted = {"QueueUrl": self._url, "AttributeNames": ["RedrivePolicy"]}
        answer = await self._ctx.call("sqs", "GetQueueAttributes", wanted, scope=self._scope)
        return [] if answer.get("Attributes", {}).get("RedrivePolicy") else batch

    async def _hold(self, batch: list[Message], seconds: int) -> None:
        """Keeps messages hidden while somebody looks at them in a debugger."""
        for at in range(0, len(batch), _BATCH_AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": seconds}
                for number, message in enumerate(batch[at : at + _BATCH_AT_ONCE])
            ]
            params = {"QueueUrl": self._url, "Entries": entries}
            await self._ctx.call("sqs", "ChangeMessageVisibilityBatch", params, scope=self._scope)

    async def _visibility_seconds(self) -> int:
        wanted = {"QueueUrl": self._url, "AttributeNames": ["VisibilityTimeout"]}
        answer = await self._ctx.call("sqs", "GetQueueAttributes", wanted, scope=self._scope)
        return int(answer["Attributes"]["VisibilityTimeout"])

    async def _delete(self, ctx: Context, messages: list[Message]) -> None:
        for at in range(0, len(messages), _BATCH_AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[at : at + _BATCH_AT_ONCE])
            ]
            params = {"QueueUrl": self._url, "Entries": entries}
            await ctx.call("sqs", "DeleteMessageBatch", params, scope=self._scope)

    def _render(self, message: Message) -> dict[str, Any]:
        """A record of the event. A mapping with a batching window names the digest of attributes where there are none
        (recorded: test_message_body_and_attributes_passed_correctly and test_sqs_event_source_mapping).
        """
        record = sqs.render_record(message, self._arn)
        if record["md5OfMessageAttributes"] is None and not self._settings["MaximumBatchingWindowInSeconds"]:
            del record["md5OfMessageAttributes"]
        return record


def _trace_of(batch: list[Message]) -> str:
    """The trace that a batch goes on with: its messages' common one, and the longest lineage, to see loops by."""
    headers = [_trace(message) for message in batch]
    trace = common_trace(headers).partition(f";{FIELD}=")[0]
    lineage = max((find_lineage(header) for header in headers), key=depth_of, default="")
    return f"{trace};{FIELD}={lineage}" if lineage else trace


def _group(message: Message) -> str:
    """The group of a FIFO queue's message; "" in a standard queue, where each message is on its own."""
    group: str = message.get("Attributes", {}).get("MessageGroupId", "")
    return group if "SequenceNumber" in message.get("Attributes", {}) else ""


def _trace(message: Message) -> str:
    header: str = message.get("Attributes", {}).get("AWSTraceHeader", "")
    return header


def succeeded(batch: list[Message], payload: bytes) -> list[Message]:
    """What a partial batch response leaves as done: everything but the named failures. A response that is malformed,
    or names what was not in the batch, fails the whole batch.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return []
    if answer in (None, "", {}):
        return batch
    if not isinstance(answer, dict):
        return []
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return batch
    if not isinstance(failures, list):
        return []
    failed = {failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures}
    known = {message["MessageId"] for message in batch}
    if not failed <= known:
        return []
    return [message for message in batch if message["MessageId"] not in failed]


def _tell_failure(task: asyncio.Task[None]) -> None:
    """A batch whose messages could not be deleted comes back by itself; the log says why."""
    if not task.cancelled() and task.exception() is not None:
        log.error("a batch of an event source mapping failed", exc_info=task.exception())


async def drain(ctx: Context, mapping: Mapping) -> None:
    """Runs until it is cancelled."""
    await QueueSource(ctx, mapping).run()
