"""Bulk operations: puts of the items of a bucket's objects into a table that is there, each with a condition if it has
one; what could not be put is reported to a bucket.

    dynamodb.bulk           account region ID -> Bulk
    dynamodb.bulk-reports   account region NUMBER place -> a line of the report, behind a byte for its kind

A chunk's puts, the place that was reached, the counts and the lines of the report are one transaction, so a run that
breaks off goes on where it was.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/BulkPutItems.Format.html
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

import msgspec
from msgspec import structs

from mrak.core.arn import arn, find_arn
from mrak.core.background import Delivery, Retry, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.lang.ddb.values import item_size_bytes
from mrak.services.dynamodb import errors, transfer_formats, transfer_objects, transfers, writes
from mrak.services.dynamodb.item_operations import execute
from mrak.services.dynamodb.items import Change, Cost
from mrak.services.dynamodb.spaces import RowSpace
from mrak.services.dynamodb.tables import Schema, find_schema
from mrak.services.dynamodb.transfer_formats import Line, Unreadable
from mrak.store.keys import encode, prefix_end
from mrak.store.tables import Table

IN_PROGRESS, CANCELLING = "IN_PROGRESS", "CANCELLING"
RUN, RUN_FAILED = "dynamodb.bulk", "dynamodb.bulk-failed"
_CHUNK_ITEMS = 500
_CANCELLED = {"FailureCode": "Cancelled", "FailureMessage": "The bulk operation was cancelled."}
# Kinds of lines of a report: the byte before each, and the folder that they go to.
_KINDS = {"ERROR": (b"e", "errors"), "CONDITION_CHECK_FAILURE": (b"c", "condition-check-failures")}


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """Bytes that were put: to the table, and to each index."""

    table: int = 0
    local: dict[str, int] = {}
    global_: dict[str, int] = {}
    vectors: dict[str, int] = {}


class Bulk(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """An operation. `request` is what was asked for with its defaults; `key` and `lines` say how far it came."""

    id: str
    number: int
    table: str
    table_id: str
    started_at: float
    request: dict[str, Any]
    status: str = IN_PROGRESS
    ended_at: float | None = None
    key: str = ""
    lines: int = 0
    processed: int = 0
    failed: int = 0
    read_bytes: int = 0
    total_bytes: int | None = None
    reported: int = 0
    usage: Usage = Usage()
    failure: dict[str, str] = {}


BULKS = Table("dynamodb.bulk", Bulk, key=("id",))
REPORTS = RowSpace("dynamodb.bulk-reports")


def begin(ctx: Context, tx: Transaction, scope: Scope, job: Bulk) -> None:
    BULKS.lock(tx, scope, job.id)
    BULKS.insert(tx, scope, job)
    tx.enqueue(
        Delivery(
            kind=RUN,
            lane=f"{RUN}/{job.id}",
            scope=scope,
            payload=job.id.encode(),
            retry=Retry(attempts=5),
            dead=RUN_FAILED,
            trace=ctx.trace,
            enqueued_at=ctx.now,
        )
    )


def bulk_arn(scope: Scope, job: Bulk) -> str:
    return arn(scope, "dynamodb", f"bulk-operation/{job.id}")


def require(ctx: Context, tx: Transaction, text: str, opens: bool = False) -> Bulk:
    """The operation that an ARN names."""
    parts = find_arn(text)
    job_id = "" if parts is None else parts.resource.removeprefix("bulk-operation/")
    is_ours = parts is not None and (parts.account, parts.region) == (ctx.scope.account, ctx.scope.region)
    job = (BULKS.open if opens else BULKS.get)(tx, ctx.scope, job_id) if is_ours else None
    if job is None:
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: Bulk operation: {text} not found")
    return job


def cancel(tx: Transaction, scope: Scope, job: Bulk) -> Bulk:
    """The run notices after its chunk."""
    if job.status != IN_PROGRESS:
        return job
    cancelling = structs.replace(job, status=CANCELLING)
    BULKS.replace(tx, scope, job, cancelling)
    return cancelling


@delivery(RUN)
async def run(ctx: Context, made: Delivery) -> None:
    """All objects, from where an attempt before this came to."""
    scope, job_id = made.scope, made.payload.decode()
    job = await ctx.transact(lambda tx: BULKS.get(tx, scope, job_id))
    if job is None or job.ended_at is not None:
        return
    failure: Mapping[str, str] = {}
    try:
        await _Run(ctx, scope, job_id).fill(job)
    except ApiError as error:
        if not error.sender or error.retryable:
            raise
        failure = transfers.render_failure(error, ctx.request_id)
    now = ctx.clock()
    await ctx.transact(lambda tx: _end(tx, scope, job_id, now, failure))


@delivery(RUN_FAILED)
def fail(ctx: Context, tx: Transaction, made: Delivery) -> None:
    dead = parse_dead(made.payload)
    failure = {"FailureCode": "UNKNOWN", "FailureMessage": dead.failure}
    _end(tx, dead.scope, dead.payload.decode(), ctx.now, failure)


def _end(tx: Transaction, scope: Scope, job_id: str, now: float, failure: Mapping[str, str]) -> None:
    job = BULKS.open(tx, scope, job_id)
    if job is None or job.ended_at is not None:
        return
    if failure:
        status = "FAILED"
    elif job.status == CANCELLING:
        status, failure = "CANCELLED", _CANCELLED
    else:
        status = "COMPLETED_WITH_ERRORS" if job.failed else "COMPLETED"
    BULKS.replace(tx, scope, job, structs.replace(job, status=status, ended_at=now, failure=dict(failure)))
    REPORTS.clear(tx, scope, job.number)


class _Chunk(msgspec.Struct, frozen=True):
    """The next lines of an object, and why the rest of it cannot be read, if it cannot."""

    key: str
    lines: list[Line]
    fault: str | None

    @property
    def is_last(self) -> bool:
        return self.fault is not None or len(self.lines) < _CHUNK_ITEMS


class _Run:
    """One operation under way."""

    def __init__(self, ctx: Context, scope: Scope, job_id: str) -> None:
        self._ctx, self._scope, self._id = ctx, scope, job_id

    async def fill(self, job: Bulk) -> None:
        source = job.request["InputS3Configuration"]
        found = await transfer_objects.list_objects(self._ctx, source)
        total = sum(size for _, size in found)
        await self._change(lambda it: structs.replace(it, total_bytes=total))
        for key, _ in found:
            if key >= job.key and not await self._put_object(source, key, job.lines if key == job.key else 0):
                break
        await self._report(job)

    async def _change(self, change: Any) -> Bulk:
        def replace(tx: Transaction) -> Bulk:
            job = BULKS.open(tx, self._scope, self._id)
            assert job is not None, "an operation stays"
            changed: Bulk = change(job)
            BULKS.replace(tx, self._scope, job, changed)
            return changed

        return await self._ctx.transact(replace)

    async def _put_object(self, source: Mapping[str, Any], key: str, done: int) -> bool:
        """False where the operation was cancelled."""
        body = await transfer_objects.read_object(self._ctx, source, key)
        lines = _read(body, source)
        for _ in range(done):
            next(lines, None)
        while True:
            chunk = _take(key, lines)
            if not await self._ctx.transact(partial(self._put_chunk, chunk, len(body) if chunk.is_last else 0)):
                return False
            if chunk.is_last:
                return True

    def _put_chunk(self, chunk: _Chunk, read_bytes: int, tx: Transaction) -> bool:
        """Puts what can be put of some lines; False where the operation was cancelled in the meantime."""
        job = BULKS.open(tx, self._scope, self._id)
        assert job is not None, "an operation stays"
        if job.status != IN_PROGRESS:
            return False
        schema = find_schema(tx, self._scope, job.table)
        if schema is None or schema.record.id != job.table_id:
            raise errors.resource_not_found()
        # The work is AWS's own, at its own pace.
        unhurried = dataclasses.replace(schema, is_throttled=False)
        progress = _Progress(self._ctx, tx, self._scope, unhurried, job)
        progress.put_all(chunk)
        BULKS.replace(tx, self._scope, job, progress.ended(chunk, read_bytes))
        return True

    async def _report(self, job: Bulk) -> None:
        """A file for each kind of line that was asked for and is there, and a summary of them."""
        deviation("DYNAMODB-009")
        target = job.request["OutputS3Configuration"]
        if "S3Bucket" not in target:
            return
        folder = f"AWSDynamoDB/{job.id}"
        if target.get("S3KeyPrefix"):
            folder = f"{target['S3KeyPrefix'].rstrip('/')}/{folder}"
        files = []
        for kind in target["OutputType"]:
            mark, name = _KINDS[kind]
            lines = await self._ctx.transact(partial(_reported, self._scope, job.number, mark))
            if lines:
                files.append({"outputType": kind, "itemCount": len(lines), "dataFileS3Key": f"{folder}/{name}.json"})
                await transfer_objects.write_object(
                    self._ctx, target, f"{folder}/{name}.json", b"\n".join(lines) + b"\n"
                )
        now = await self._ctx.transact(lambda tx: BULKS.get(tx, self._scope, self._id))
        assert now is not None
        summary = {
            "bulkOperationArn": bulk_arn(self._scope, job),
            "tableId": job.table_id,
            "processedItemCount": now.processed,
            "failedItemCount": now.failed,
            "files": files,
        }
        body = msgspec.json.encode(summary)
        await transfer_objects.write_object(self._ctx, target, f"{folder}/manifest-summary.json", body)


def _read(body: bytes, source: Mapping[str, Any]) -> Iterator[Line]:
    content = transfer_formats.expand(body, source["InputCompressionType"])
    if source["InputFormat"] == "ION":
        yield from transfer_formats.read_ion(content)
    else:
        yield from transfer_formats.read_json(content)


def _take(key: str, lines: Iterator[Line]) -> _Chunk:
    taken: list[Line] = []
    fault = None
    try:
        taken.extend(islice(lines, _CHUNK_ITEMS))
    except Unreadable as error:
        fault = str(error)
    return _Chunk(key, taken, fault)


class _Progress:
    """What a chunk adds to an operation."""

    def __init__(self, ctx: Context, tx: Transaction, scope: Scope, schema: Schema, job: Bulk) -> None:
        self._ctx, self._tx, self._scope, self._schema, self._job = ctx, tx, scope, schema, job
        self._failed = 0
        self._reported = job.reported
        self._usage = structs.replace(
            job.usage, local=dict(job.usage.local), global_=dict(job.usage.global_), vectors=dict(job.usage.vectors)
        )

    def put_all(self, chunk: _Chunk) -> None:
        for line in chunk.lines:
            self._put(line)
        if chunk.fault is not None:
            self._report("ERROR", {"Error": chunk.fault, "S3Key": chunk.key})

    def _put(self, line: Line) -> None:
        try:
            write = writes.parse_put(line.request())
            write.locate(self._schema)
            change, cost = execute(self._ctx, self._tx, self._schema, write, shows_old=True)
        except ApiError as error:
            if error.code == "ConditionalCheckFailedException":
                shown = {"Item": line.item, "ExistingItem": (error.fields or {}).get("Item")}
                self._report("CONDITION_CHECK_FAILURE", {name: it for name, it in shown.items() if it is not None})
            else:
                self._report("ERROR", {"Error": error.message, "Item": line.item})
            return
        self._count(change, cost)

    def _report(self, kind: str, members: Mapping[str, Any]) -> None:
        self._failed += kind == "ERROR"
        if kind not in self._job.request["OutputS3Configuration"]["OutputType"]:
            return
        place = REPORTS.prefix(self._scope, self._job.number) + encode((self._reported,))
        self._tx.put(place, _KINDS[kind][0] + msgspec.json.encode(members))
        self._reported += 1

    def _count(self, change: Change, cost: Cost) -> None:
        item = change.new
        assert item is not None, "a put leaves an item"
        usage = self._usage
        for index in self._schema.indexes:
            if index.key_of(item, change.key.suffix) is not None:
                sizes = usage.global_ if index.record.is_global else usage.local
                sizes[index.record.name] = sizes.get(index.record.name, 0) + item_size_bytes(index.project(item))
        for name, size in cost.vectors.items():
            usage.vectors[name] = usage.vectors.get(name, 0) + int(size)
        self._usage = structs.replace(usage, table=usage.table + change.new_size_bytes)

    def ended(self, chunk: _Chunk, read_bytes: int) -> Bulk:
        job = self._job
        return structs.replace(
            job,
            key=chunk.key,
            lines=(job.lines if job.key == chunk.key else 0) + len(chunk.lines),
            processed=job.processed + len(chunk.lines) + (chunk.fault is not None),
            failed=job.failed + self._failed,
            read_bytes=job.read_bytes + read_bytes,
            reported=self._reported,
            usage=self._usage,
        )


def _reported(scope: Scope, number: int, mark: bytes, tx: Transaction) -> list[bytes]:
    prefix = REPORTS.prefix(scope, number)
    return [row[1:] for _, row in tx.scan(prefix, prefix_end(prefix)) if row[:1] == mark]


def describe(scope: Scope, job: Bulk) -> dict[str, Any]:
    """BulkOperationDescription."""
    usage = job.usage
    shown: dict[str, Any] = {
        **{name: value for name, value in job.request.items() if name != "TableName"},
        "BulkOperationArn": bulk_arn(scope, job),
        "BulkOperationStatus": job.status,
        "TableDetails": [{"TableName": job.table, "TableId": job.table_id}],
        "StartTime": job.started_at,
        "ProcessedItemCount": job.processed,
        "ProcessedInputBytes": job.read_bytes,
        "FailedItemCount": job.failed,
        "BulkOperationUsage": [
            {
                "TableName": job.table,
                "BulkPutBytes": usage.table + sum(usage.local.values()) + sum(usage.global_.values()),
                "Table": {"BulkPutBytes": usage.table},
                "LocalSecondaryIndexes": _bytes_by_name(usage.local, "BulkPutBytes"),
                "GlobalSecondaryIndexes": _bytes_by_name(usage.global_, "BulkPutBytes"),
                "VectorIndexes": _bytes_by_name(usage.vectors, "BulkPutVectorBytes"),
            }
        ],
        **job.failure,
    }
    if job.total_bytes is not None:
        shown["TotalInputBytes"] = job.total_bytes
    if job.ended_at is not None:
        shown["EndTime"] = job.ended_at
    return shown


def _bytes_by_name(sizes: Mapping[str, int], member: str) -> dict[str, Any]:
    return {name: {member: size} for name, size in sizes.items()}
