"""DynamoDB streams as event sources: batches in order, one at a time, from a checkpoint that is a row.

A failing batch holds up its shard until it succeeds, is bisected, or is given up (retries, age) and told to the
failure destination. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import asyncio
import datetime
import json
import zlib
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.traces import common_trace
from mrak.services.dynamodb import exports as dynamodb
from mrak.services.dynamodb.exports import Stream
from mrak.services.lambda_ import destinations
from mrak.services.lambda_.filters import Criteria
from mrak.services.lambda_.mapping_metrics import EventCounts
from mrak.services.lambda_.references import function_arn
from mrak.services.lambda_.stream_window import Window
from mrak.services.lambda_.tables import CHECKPOINTS, Checkpoint, Mapping

_RETENTION_SECONDS = 86_400.0
_IDLE_SECONDS = 3600.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 60.0

Record = dict[str, Any]


def begin(ctx: Context, tx: Transaction, mapping: Mapping) -> None:
    """Fixes where a new mapping starts, so that nothing written from now on is missed."""
    stream = dynamodb.find_stream(tx, mapping.source_arn, ctx.scope.environment)
    if stream is None or mapping.settings.get("StartingPosition") != "LATEST":
        return
    CHECKPOINTS.lock(tx, ctx.scope, mapping.uuid)
    CHECKPOINTS.insert(tx, ctx.scope, Checkpoint(mapping.uuid, dynamodb.latest(tx, stream)))


class StreamSource:
    def __init__(self, ctx: Context, mapping: Mapping, stream: Stream, begun: Checkpoint | None) -> None:
        # LAMBDA-002: what is read for parallel batches is handled as a whole before more is read.
        deviation("LAMBDA-002")
        self._ctx = ctx
        self._mapping = mapping
        self._stream = stream
        self._position = begun.position if begun else None
        self._traces: dict[str, str] = {}
        """What was read last: sequence number -> the trace that the change was made in."""
        self._settings = mapping.settings
        self._window = _window_of(mapping, begun)
        self._function = function_arn(ctx.scope, mapping.function, mapping.qualifier)
        self._criteria = Criteria(mapping.settings.get("FilterCriteria") or {}, "dynamodb")
        self._reports_failures = "ReportBatchItemFailures" in mapping.settings["FunctionResponseTypes"]
        self._lanes = 1 if self._window is not None else mapping.settings["ParallelizationFactor"]
        self._counts = EventCounts(ctx, mapping)

    async def run(self) -> None:
        with self._ctx.listen(dynamodb.topic_of(self._stream)) as arrivals:
            while True:
                found, reached = await self._read()
                if self._window is not None and self._window.is_over(self._ctx.clock()) and not self._fits(found):
                    await self._end_window()
                    continue
                if not found:
                    await self._wait_for_any(arrivals)
                    continue
                window = self._settings["MaximumBatchingWindowInSeconds"]
                if window and len(found) < self._settings["BatchSize"]:
                    await self._wait_for_more(arrivals, window)
                    found, reached = await self._read()
                if self._window is not None:
                    found = [each for each in found if self._window.holds(each[1])]
                    if not found:
                        await self._end_window()
                        continue
                    reached = found[-1][0]
                passed = [record for _, record in found if self._criteria.passes(record)]
                self._counts.add("PolledEventCount", len(found))
                self._counts.add("FilteredOutEventCount", len(found) - len(passed))
                await self._handle_all(passed)
                await self._reach(reached)
                await self._counts.write()
                if self._window is not None and self._window.is_full:
                    await self._end_window()

    def _fits(self, found: list[tuple[int, Record]]) -> bool:
        """Whether the next record still belongs to the open window."""
        return bool(found) and self._window is not None and self._window.holds(found[0][1])

    async def _wait_for_any(self, arrivals: Any) -> None:
        """Until a record comes, or the open window ends."""
        end = None if self._window is None else self._window.end
        if end is None:
            await arrivals.wait(_IDLE_SECONDS)
            return
        waits = [asyncio.ensure_future(arrivals.wait(_IDLE_SECONDS)), asyncio.ensure_future(self._ctx.sleep_until(end))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _end_window(self) -> None:
        """Hands the window's state over a last time, as often as the mapping retries."""
        assert self._window is not None
        most, attempts = self._settings["MaximumRetryAttempts"], 0
        while True:
            answer = await self._invoke([], is_final=True)
            attempts += 1
            if (answer is not None and not answer.get("FunctionError")) or 0 <= most < attempts:
                break
            await self._pause(attempts)
        if self._window.is_full:
            self._window.empty()
        else:
            self._window.close()
        await self._reach(self._position)

    async def _wait_for_more(self, arrivals: Any, window_seconds: float) -> None:
        until = self._ctx.clock() + window_seconds
        while (left := until - self._ctx.clock()) > 0 and await arrivals.wait(left):
            if len((await self._read())[0]) >= self._settings["BatchSize"]:
                return

    async def _read(self) -> tuple[list[tuple[int, Record]], int | None]:
        """The next records with their positions, and the position after them."""

        def read(tx: Transaction) -> tuple[list[tuple[int, Record]], int | None]:
            size = self._settings["BatchSize"] * self._lanes
            rows, reached = dynamodb.read_after(tx, self._stream, self._position, size, self._ctx.clock())
            self._traces = {dynamodb.render_sequence(row.sequence): row.trace for row in rows}
            return [(row.sequence, self._render(row.body)) for row in rows], reached

        return await self._ctx.transact(read)

    def _render(self, body: bytes) -> Record:
        record: Record = msgspec.json.decode(body)
        record["dynamodb"]["ApproximateCreationDateTime"] = float(record["dynamodb"]["ApproximateCreationDateTime"])
        return {**record, "eventSourceARN": self._mapping.source_arn}

    async def _reach(self, position: int | None) -> None:
        """What was handled is never handled again."""
        self._position = position
        if position is None:
            return
        new = Checkpoint(self._mapping.uuid, position)
        if self._window is not None:
            new = Checkpoint(self._mapping.uuid, position, self._window.start, self._window.state)

        def save(tx: Transaction) -> None:
            old = CHECKPOINTS.open(tx, self._ctx.scope, self._mapping.uuid)
            if old is None:
                CHECKPOINTS.insert(tx, self._ctx.scope, new)
            else:
                CHECKPOINTS.replace(tx, self._ctx.scope, old, new)

        await self._ctx.transact(save)

    # --- batches

    async def _handle_all(self, records: list[Record]) -> None:
        """In one lane, or in as many as ParallelizationFactor says: an item's records stay in order in theirs."""
        if self._lanes == 1:
            await self._handle_lane(records)
            return
        lanes: dict[int, list[Record]] = {}
        for record in records:
            keys = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
            lanes.setdefault(zlib.crc32(keys.encode()) % self._lanes, []).append(record)
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(self._handle_lane(lane))

    async def _handle_lane(self, records: list[Record]) -> None:
        size = self._settings["BatchSize"]
        for at in range(0, len(records), size):
            await self._handle(await self._without_expired(records[at : at + size]), 0)

    async def _without_expired(self, batch: list[Record]) -> list[Record]:
        """Records that are too old already are given up unseen (recorded: expire-before-ingestion)."""
        most = self._settings["MaximumRecordAgeInSeconds"]
        if most < 0:
            return batch
        horizon = self._ctx.clock() - most
        expired = [each for each in batch if each["dynamodb"]["ApproximateCreationDateTime"] < horizon]
        if expired:
            await self._give_up(expired, "RecordAgeExceeded", 1, None)
        return batch[len(expired) :]

    async def _handle(self, batch: list[Record], attempts: int) -> None:
        """Returns when the batch succeeded or was given up."""
        while batch:
            answer = await self._invoke(batch)
            self._counts.add("InvokedEventCount", len(batch))
            if answer is not None and not answer.get("FunctionError"):
                batch = self._left_over(batch, answer.get("Payload", b""))
                if not batch:
                    return
            self._counts.add("FailedInvokeEventCount", len(batch))
            attempts += 1
            condition = self._find_end(batch, attempts)
            if condition:
                await self._give_up(batch, condition, attempts, answer)
                return
            if self._settings["BisectBatchOnFunctionError"] and len(batch) > 1:
                half = len(batch) // 2
                await self._handle(batch[:half], attempts)
                await self._handle(batch[half:], attempts)
                return
            await self._pause(attempts)

    async def _pause(self, attempts: int) -> None:
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(attempts, 10), _LONGEST_PAUSE_SECONDS)
        await self._ctx.sleep_until(self._ctx.clock() + pause)

    async def _invoke(self, batch: list[Record], is_final: bool = False) -> dict[str, Any] | None:
        """The function's answer; None when it could not be called."""
        event: dict[str, Any] = {"Records": batch}
        if self._window is not None:
            event |= self._window.render(dynamodb.shard_id(self._stream), self._mapping.source_arn, is_final)
        payload = json.dumps(event, ensure_ascii=False).encode()
        asked = {"FunctionName": self._function, "Payload": payload}
        deviation("XRAY-002")
        causes = [self._traces.get(record["dynamodb"]["SequenceNumber"], "") for record in batch]
        ctx = self._ctx.in_trace(common_trace(causes))
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await ctx.call("lambda", "Invoke", asked)
            except ApiError as error:
                if error.code != "TooManyRequestsException":
                    return None
            await self._ctx.sleep_until(self._ctx.clock() + pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _left_over(self, batch: list[Record], payload: bytes) -> list[Record]:
        """What a partial batch response leaves to be done: from its first failure on."""
        if self._window is not None and not self._window.take_state(payload):
            return batch
        if not self._reports_failures:
            return []
        try:
            answer = json.loads(payload or b"null")
        except ValueError:
            return batch
        failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
        if not failures:
            return []
        failed = {failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures}
        sequences = [record["dynamodb"]["SequenceNumber"] for record in batch]
        if not failed <= set(sequences):
            return batch
        return batch[min(sequences.index(sequence) for sequence in failed) :]

    def _find_end(self, batch: list[Record], attempts: int) -> str:
        """Why a failed batch is given up; "" while it is not."""
        most = self._settings["MaximumRetryAttempts"]
        if 0 <= most < attempts:
            return "RetryAttemptsExhausted"
        age = self._settings["MaximumRecordAgeInSeconds"]
        oldest = self._ctx.clock() - batch[0]["dynamodb"]["ApproximateCreationDateTime"]
        if oldest > (age if age >= 0 else _RETENTION_SECONDS):
            return "RecordAgeExceeded"
        return ""

    async def _give_up(self, batch: list[Record], condition: str, attempts: int, answer: dict[str, Any] | None) -> None:
        target = (self._settings.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
        if not target:
            self._counts.add("DroppedEventCount", len(batch))
            return
        self._counts.add("OnFailureDestinationDeliveredEventCount", len(batch))
        ctx = self._ctx
        # LAMBDA-003: the request id is not that of the last attempt, which Invoke does not tell.
        deviation("LAMBDA-003")
        envelope: dict[str, Any] = {
            "requestContext": {
                "requestId": ctx.draw.uuid(),
                "functionArn": self._function,
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "version": "1.0",
            "timestamp": destinations.render_time(ctx.clock()),
            "DDBStreamBatchInfo": {
                "shardId": dynamodb.shard_id(self._stream),
                "startSequenceNumber": batch[0]["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": batch[-1]["dynamodb"]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _arrival(batch[0]),
                "approximateArrivalOfLastRecord": _arrival(batch[-1]),
                "batchSize": len(batch),
                "streamArn": self._mapping.source_arn,
            },
        }
        if answer is not None:
            envelope["responseContext"] = {
                "statusCode": 200,
                "executedVersion": answer.get("ExecutedVersion", "$LATEST"),
                "functionError": answer.get("FunctionError"),
            }
        if ":s3:" in target:
            envelope["payload"] = {"Records": batch}  # only a bucket takes the records themselves
        folder = f"aws/lambda/{self._mapping.uuid}/{dynamodb.shard_id(self._stream)}"
        await ctx.transact(
            lambda tx: destinations.send(ctx, tx, target, envelope, self._function, False, folder=folder)
        )


def _window_of(mapping: Mapping, begun: Checkpoint | None) -> Window | None:
    length = mapping.settings.get("TumblingWindowInSeconds")
    if not length:
        return None
    return Window(length, begun.window_start, begun.window_state) if begun else Window(length, None, b"{}")


def _arrival(record: Record) -> str:
    at = datetime.datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], datetime.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


async def drain(ctx: Context, mapping: Mapping) -> None:
    """Runs until it is cancelled, or the stream is gone."""

    def look(tx: Transaction) -> tuple[Stream | None, Checkpoint | None]:
        checkpoint = CHECKPOINTS.get(tx, ctx.scope, mapping.uuid)
        return dynamodb.find_stream(tx, mapping.source_arn, ctx.scope.environment), checkpoint

    stream, begun = await ctx.transact(look)
    if stream is not None:
        await StreamSource(ctx, mapping, stream, begun).run()
