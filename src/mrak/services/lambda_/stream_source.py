"""Streams as event sources: a shard's batches in order, one at a time, from a checkpoint that is a row.

A failing batch holds up its shard until it succeeds, is bisected, or is given up (retries, age) and told to the
failure destination. https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.traces import common_trace
from mrak.services.lambda_ import destinations
from mrak.services.lambda_.feeds import Entry, Feed, Portion
from mrak.services.lambda_.filters import Criteria
from mrak.services.lambda_.mapping_metrics import EventCounts
from mrak.services.lambda_.references import function_arn
from mrak.services.lambda_.stream_window import Window
from mrak.services.lambda_.tables import CHECKPOINTS, MAPPINGS, Checkpoint, Mapping

_IDLE_SECONDS = 3600.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 60.0
_GOOD, _BAD = "OK", "PROBLEM: Function call failed"


class StreamSource:
    def __init__(self, ctx: Context, mapping: Mapping, feed: Feed, begun: Checkpoint | None) -> None:
        # LAMBDA-002: what is read for parallel batches is handled as a whole before more is read.
        deviation("LAMBDA-002")
        self._ctx = ctx
        self._mapping = mapping
        self._feed = feed
        self._position = begun.position if begun else None
        self._settings = mapping.settings
        self._window = _window_of(mapping, begun)
        self._function = function_arn(ctx.scope, mapping.function, mapping.qualifier)
        self._criteria = Criteria(mapping.settings.get("FilterCriteria") or {}, feed.data_member)
        self._reports_failures = "ReportBatchItemFailures" in mapping.settings["FunctionResponseTypes"]
        self._lanes = 1 if self._window is not None else mapping.settings["ParallelizationFactor"]
        self._counts = EventCounts(ctx, mapping)
        self._result = ""

    @classmethod
    async def resume(cls, ctx: Context, mapping: Mapping, feed: Feed) -> StreamSource:
        """A source that goes on from its checkpoint."""
        begun = await ctx.transact(lambda tx: CHECKPOINTS.get(tx, ctx.scope, feed.checkpoint))
        return cls(ctx, mapping, feed, begun)

    async def run(self) -> None:
        """Runs until it is cancelled, or the shard is at its end."""
        with self._ctx.listen(self._feed.topic) as arrivals:
            while True:
                portion = await self._read()
                found = portion.entries
                if self._window is not None and self._window.is_over(self._ctx.clock()) and not self._fits(found):
                    await self._end_window()
                    continue
                if not found:
                    if portion.at_end:
                        await self._finish(portion)
                        return
                    await self._wait_for_any(arrivals)
                    continue
                window = self._settings["MaximumBatchingWindowInSeconds"]
                if window and len(found) < self._settings["BatchSize"]:
                    await self._wait_for_more(arrivals, window)
                    portion = await self._read()
                await self._handle_portion(portion)

    async def _finish(self, portion: Portion) -> None:
        """At the end of a closed shard: an open window has nothing more to come."""
        if self._window is not None and self._window.end is not None:
            await self._end_window()
        await self._reach(portion.position)

    async def _handle_portion(self, portion: Portion) -> None:
        found, reached = portion.entries, portion.position
        if self._window is not None:
            found = [each for each in found if self._window.holds(each.arrived_at)]
            if not found:
                await self._end_window()
                return
            reached = found[-1].after
        passed = [entry for entry in found if self._criteria.passes(self._feed.to_filter(entry.record))]
        self._counts.add("PolledEventCount", len(found))
        self._counts.add("FilteredOutEventCount", len(found) - len(passed))
        await self._handle_all(passed)
        await self._reach(reached)
        await self._counts.write()
        if self._window is not None and self._window.is_full:
            await self._end_window()

    def _fits(self, found: list[Entry]) -> bool:
        """Whether the next record still belongs to the open window."""
        return bool(found) and self._window is not None and self._window.holds(found[0].arrived_at)

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
            portion = await self._read()
            if portion.at_end or len(portion.entries) >= self._settings["BatchSize"]:
                return

    async def _read(self) -> Portion:
        """The next records, and the position behind them."""
        size = self._settings["BatchSize"] * self._lanes
        return await self._ctx.transact(lambda tx: self._feed.read(self._ctx, tx, self._position, size))

    async def _reach(self, position: int | None) -> None:
        """What was handled is never handled again."""
        self._position = position
        if position is None:
            return
        key = self._feed.checkpoint
        new = Checkpoint(key, position)
        if self._window is not None:
            new = Checkpoint(key, position, self._window.start, self._window.state)

        def save(tx: Transaction) -> None:
            old = CHECKPOINTS.open(tx, self._ctx.scope, key)
            if old is None:
                CHECKPOINTS.insert(tx, self._ctx.scope, new)
            else:
                CHECKPOINTS.replace(tx, self._ctx.scope, old, new)

        await self._ctx.transact(save)

    async def _note(self, result: str) -> None:
        """What GetEventSourceMapping tells of the last batch; written where it has changed."""
        if result == self._result:
            return
        self._result = result
        scope, uuid = self._ctx.scope, self._mapping.uuid

        def save(tx: Transaction) -> None:
            mapping = MAPPINGS.open(tx, scope, uuid)
            if mapping is not None and mapping.last_result != result:
                MAPPINGS.replace(tx, scope, mapping, structs.replace(mapping, last_result=result))

        await self._ctx.transact(save)

    # --- batches

    async def _handle_all(self, entries: list[Entry]) -> None:
        """In one lane, or in as many as ParallelizationFactor says: an item's records stay in order in theirs."""
        if self._lanes == 1:
            await self._handle_lane(entries)
            return
        lanes: dict[int, list[Entry]] = {}
        for entry in entries:
            lanes.setdefault(zlib.crc32(entry.lane.encode()) % self._lanes, []).append(entry)
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(self._handle_lane(lane))

    async def _handle_lane(self, entries: list[Entry]) -> None:
        size = self._settings["BatchSize"]
        for at in range(0, len(entries), size):
            await self._handle(await self._without_expired(entries[at : at + size]), 0)

    async def _without_expired(self, batch: list[Entry]) -> list[Entry]:
        """Records that are too old already are given up unseen (recorded: expire-before-ingestion)."""
        most = self._settings["MaximumRecordAgeInSeconds"]
        if most < 0:
            return batch
        horizon = self._ctx.clock() - most
        expired = [each for each in batch if each.arrived_at < horizon]
        if expired:
            await self._give_up(expired, "RecordAgeExceeded", 1, None)
        return batch[len(expired) :]

    async def _handle(self, batch: list[Entry], attempts: int) -> None:
        """Returns when the batch succeeded or was given up."""
        while batch:
            answer = await self._invoke(batch)
            self._counts.add("InvokedEventCount", len(batch))
            if answer is not None and not answer.get("FunctionError"):
                batch = self._left_over(batch, answer.get("Payload", b""))
                if not batch:
                    await self._note(_GOOD)
                    return
            await self._note(_BAD)
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

    async def _invoke(self, batch: list[Entry], is_final: bool = False) -> dict[str, Any] | None:
        """The function's answer; None when it could not be called."""
        event: dict[str, Any] = {"Records": [entry.record for entry in batch]}
        if self._window is not None:
            event |= self._window.render(self._feed.shard_id, self._mapping.source_arn, is_final)
        payload = json.dumps(event, ensure_ascii=False).encode()
        asked = {"FunctionName": self._function, "Payload": payload}
        deviation("XRAY-002")
        ctx = self._ctx.in_trace(common_trace(entry.trace for entry in batch))
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await ctx.call("lambda", "Invoke", asked)
            except ApiError as error:
                if error.code != "TooManyRequestsException":
                    return None
            await self._ctx.sleep_until(self._ctx.clock() + pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _left_over(self, batch: list[Entry], payload: bytes) -> list[Entry]:
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
        sequences: list[Any] = [entry.sequence for entry in batch]
        if not failed <= set(sequences):
            return batch
        return batch[min(sequences.index(sequence) for sequence in failed) :]

    def _find_end(self, batch: list[Entry], attempts: int) -> str:
        """Why a failed batch is given up; "" while it is not."""
        most = self._settings["MaximumRetryAttempts"]
        if 0 <= most < attempts:
            return "RetryAttemptsExhausted"
        age = self._settings["MaximumRecordAgeInSeconds"]
        oldest = self._ctx.clock() - batch[0].arrived_at
        if oldest > (age if age >= 0 else self._feed.retention_seconds):
            return "RecordAgeExceeded"
        return ""

    async def _give_up(self, batch: list[Entry], condition: str, attempts: int, answer: dict[str, Any] | None) -> None:
        target = (self._settings.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
        if not target:
            self._counts.add("DroppedEventCount", len(batch))
            return
        self._counts.add("OnFailureDestinationDeliveredEventCount", len(batch))
        ctx, feed = self._ctx, self._feed
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
            feed.batch_info: {
                "shardId": feed.shard_id,
                "startSequenceNumber": batch[0].sequence,
                "endSequenceNumber": batch[-1].sequence,
                "approximateArrivalOfFirstRecord": feed.render_time(batch[0].arrived_at),
                "approximateArrivalOfLastRecord": feed.render_time(batch[-1].arrived_at),
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
            envelope["payload"] = {
                "Records": [entry.record for entry in batch]
            }  # only a bucket takes the records themselves
        folder = f"aws/lambda/{self._mapping.uuid}/{feed.shard_id}"
        await ctx.transact(
            lambda tx: destinations.send(ctx, tx, target, envelope, self._function, False, folder=folder)
        )


def _window_of(mapping: Mapping, begun: Checkpoint | None) -> Window | None:
    length = mapping.settings.get("TumblingWindowInSeconds")
    if not length:
        return None
    return Window(length, begun.window_start, begun.window_state) if begun else Window(length, None, b"{}")
