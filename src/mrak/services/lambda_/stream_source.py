"""DynamoDB streams as event sources: batches in order, one at a time, from a checkpoint that is a row.

A failing batch holds up its shard until it succeeds, is bisected, or is given up (retries, age) and told to the
failure destination. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import datetime
import json
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.services.dynamodb import exports as dynamodb
from mrak.services.dynamodb.exports import Stream
from mrak.services.lambda_ import destinations
from mrak.services.lambda_.filters import Criteria
from mrak.services.lambda_.references import function_arn
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
    def __init__(self, ctx: Context, mapping: Mapping, stream: Stream, position: int | None) -> None:
        # LAMBDA-002: a stream has one shard here, read one batch at a time whatever ParallelizationFactor says.
        deviation("LAMBDA-002")
        self._ctx = ctx
        self._mapping = mapping
        self._stream = stream
        self._position = position
        self._settings = mapping.settings
        self._function = function_arn(ctx.scope, mapping.function, mapping.qualifier)
        self._criteria = Criteria(mapping.settings.get("FilterCriteria") or {}, "dynamodb")
        self._reports_failures = "ReportBatchItemFailures" in mapping.settings["FunctionResponseTypes"]

    async def run(self) -> None:
        with self._ctx.listen(dynamodb.topic_of(self._stream)) as arrivals:
            while True:
                records, reached = await self._read()
                window = self._settings["MaximumBatchingWindowInSeconds"]
                if not records:
                    await arrivals.wait(_IDLE_SECONDS)
                    continue
                if window and len(records) < self._settings["BatchSize"]:
                    await self._wait_for_more(arrivals, window)
                    records, reached = await self._read()
                await self._handle([record for record in records if self._criteria.passes(record)], 0)
                await self._reach(reached)

    async def _wait_for_more(self, arrivals: Any, window_seconds: float) -> None:
        until = self._ctx.clock() + window_seconds
        while (left := until - self._ctx.clock()) > 0 and await arrivals.wait(left):
            if len((await self._read())[0]) >= self._settings["BatchSize"]:
                return

    async def _read(self) -> tuple[list[Record], int | None]:
        def read(tx: Transaction) -> tuple[list[Record], int | None]:
            size = self._settings["BatchSize"]
            rows, reached = dynamodb.read_after(tx, self._stream, self._position, size, self._ctx.clock())
            return [self._render(row.body) for row in rows], reached

        return await self._ctx.transact(read)

    def _render(self, body: bytes) -> Record:
        record: Record = msgspec.json.decode(body)
        return {**record, "eventSourceARN": self._mapping.source_arn}

    async def _reach(self, position: int | None) -> None:
        """What was handled is never handled again."""
        self._position = position
        if position is None:
            return
        new = Checkpoint(self._mapping.uuid, position)

        def save(tx: Transaction) -> None:
            old = CHECKPOINTS.open(tx, self._ctx.scope, self._mapping.uuid)
            if old is None:
                CHECKPOINTS.insert(tx, self._ctx.scope, new)
            else:
                CHECKPOINTS.replace(tx, self._ctx.scope, old, new)

        await self._ctx.transact(save)

    # --- batches

    async def _handle(self, batch: list[Record], attempts: int) -> None:
        """Returns when the batch succeeded or was given up."""
        while batch:
            answer = await self._invoke(batch)
            if answer is not None and not answer.get("FunctionError"):
                batch = self._left_over(batch, answer.get("Payload", b""))
                if not batch:
                    return
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
            pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(attempts, 10), _LONGEST_PAUSE_SECONDS)
            await self._ctx.sleep_until(self._ctx.clock() + pause)

    async def _invoke(self, batch: list[Record]) -> dict[str, Any] | None:
        """The function's answer; None when it could not be called."""
        payload = json.dumps({"Records": batch}, ensure_ascii=False).encode()
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._ctx.call("lambda", "Invoke", {"FunctionName": self._function, "Payload": payload})
            except ApiError as error:
                if error.code != "TooManyRequestsException":
                    return None
            await self._ctx.sleep_until(self._ctx.clock() + pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _left_over(self, batch: list[Record], payload: bytes) -> list[Record]:
        """What a partial batch response leaves to be done: from its first failure on."""
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
            return
        ctx = self._ctx
        # LAMBDA-003: the request id is not that of the last attempt, which Invoke does not tell.
        deviation("LAMBDA-003")
        envelope = {
            "requestContext": {
                "requestId": ctx.draw.uuid(),
                "functionArn": self._function,
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": (answer or {}).get("ExecutedVersion", "$LATEST"),
                "functionError": (answer or {}).get("FunctionError"),
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
        if ":s3:" in target:
            envelope["payload"] = {"Records": batch}  # only a bucket takes the records themselves
        folder = f"aws/lambda/{self._mapping.uuid}/{dynamodb.shard_id(self._stream)}"
        await ctx.transact(
            lambda tx: destinations.send(ctx, tx, target, envelope, self._function, False, folder=folder)
        )


def _arrival(record: Record) -> str:
    at = datetime.datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], datetime.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


async def drain(ctx: Context, mapping: Mapping) -> None:
    """Runs until it is cancelled, or the stream is gone."""

    def look(tx: Transaction) -> tuple[Stream | None, int | None]:
        checkpoint = CHECKPOINTS.get(tx, ctx.scope, mapping.uuid)
        stream = dynamodb.find_stream(tx, mapping.source_arn, ctx.scope.environment)
        return stream, checkpoint.position if checkpoint else None

    stream, position = await ctx.transact(look)
    if stream is not None:
        await StreamSource(ctx, mapping, stream, position).run()
